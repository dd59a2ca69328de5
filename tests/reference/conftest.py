"""The reference deployment, synthesized as cdk.json says and as a test changes it."""

from __future__ import annotations

import json
from pathlib import Path

import aws_cdk as cdk
import pytest

from reference.application import Deployment, build
from reference.configuration import Configuration

CDK_JSON = json.loads((Path(__file__).parents[2] / "cdk.json").read_text())


class Synthesized:
    """A deployment and its templates."""

    def __init__(self, configuration: Configuration) -> None:
        app = cdk.App(context={**CDK_JSON["context"], "aws:cdk:enable-path-metadata": True})
        self.deployment: Deployment = build(app, configuration)
        self.assembly = app.synth()
        self.templates = {stack.stack_name: stack.template for stack in self.assembly.stacks}

    def of_type(self, stack: str, kind: str) -> list[dict]:
        return [r["Properties"] for r in self.templates[stack]["Resources"].values() if r["Type"] == kind]


@pytest.fixture(scope="session")
def default() -> Synthesized:
    return Synthesized(Configuration())


@pytest.fixture(scope="session")
def synthesized():
    return Synthesized
