"""The drawing in the documents is what is synthesized."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk

from reference.application import build
from reference.configuration import Configuration
from tests.reference.conftest import CDK_JSON
from tools.architecture import diagram

DOCUMENT = Path(__file__).parents[2] / "docs" / "explanation" / "architecture.md"


def synthesized():
    app = cdk.App(context={**CDK_JSON["context"], "aws:cdk:enable-path-metadata": True})
    build(app, Configuration())
    return {stack.stack_name: stack.template for stack in app.synth().stacks}


def test_the_drawing_is_of_what_is_synthesized():
    assert diagram(synthesized()) in DOCUMENT.read_text("utf-8")


def test_the_drawing_shows_what_holds_the_application():
    drawn = diagram(synthesized())
    for label in ("Bedrock endpoint", "ceiling", "role", "function", "guardrail version"):
        assert f'["{label}"]' in drawn
    assert drawn.count("-->") > 8
