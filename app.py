"""The reference deployment: `cdk deploy --all` it as it is, or read it as the worked example."""

import aws_cdk as cdk

from reference.application import build
from reference.configuration import Configuration

app = cdk.App()
build(app, Configuration.from_context(app.node))
app.synth()
