"""What every test runs under."""

from __future__ import annotations

import os

# CDK's own validation costs two seconds a synth; `make synth` and the drill run with it.
os.environ.setdefault("CDK_VALIDATION", "false")
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")
