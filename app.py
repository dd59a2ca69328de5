"""The reference deployment: `cdk deploy --all` it as it is, or read it as the worked example."""

import aws_cdk as cdk

from reference.application import build
from reference.configuration import Configuration
from secure_bedrock import SecureBedrockValidation

app = cdk.App()
cdk.Validations.of(app).add_plugins(SecureBedrockValidation())
build(app, Configuration.from_context(app.node))
app.synth()
