"""`SecureBedrockValidation`: an app with a weakness does not synthesize, one that says why does, a sound one does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam

from reference.application import build
from reference.configuration import Configuration
from secure_bedrock import PrivateBedrockEndpoint, ScopedInvokeRole, SecureBedrockValidation
from tests.reference.conftest import CDK_JSON

ENV = cdk.Environment(account="111122223333", region="eu-west-1")
RULE = "endpoint-without-policy"
REFERENCE = CDK_JSON["context"]


class Checked:
    """An app with the plugin, and what its synthesis reported."""

    def __init__(self, folder, *, strict=False, context=None):
        self.folder = folder
        context = {"aws:cdk:enable-path-metadata": True, **(context or {})}
        self.app = cdk.App(outdir=str(folder), analytics_reporting=False, context=context)
        cdk.Validations.of(self.app).add_plugins(SecureBedrockValidation(strict=strict))

    def violations(self):
        """Return what the plugin said; what the CDK makes of it, an error or the CLI's exit code, hangs on flags."""
        try:
            self.app.synth()
        except RuntimeError as error:
            if "validation" not in str(error).lower():
                raise
        report = self.folder / "validation-report.json"
        if not report.exists():
            return []
        plugins = json.loads(report.read_text("utf-8"))["pluginReports"]
        ours = [plugin for plugin in plugins if plugin["pluginName"] == "secure-bedrock"]
        assert all((plugin["conclusion"] == "failure") == bool(plugin["violations"]) for plugin in ours)
        return [violation for plugin in ours for violation in plugin["violations"]]


@pytest.fixture
def checked(tmp_path):
    return Checked(tmp_path / "out")


def open_endpoint(scope):
    stack = cdk.Stack(scope, "Chat", env=ENV)
    vpc = ec2.Vpc(stack, "Vpc", nat_gateways=0)
    service = ec2.InterfaceVpcEndpointAwsService.BEDROCK_RUNTIME
    return ec2.InterfaceVpcEndpoint(stack, "Open", vpc=vpc, service=service, open=False)


def test_a_weakness_fails_the_synthesis_with_construct_witness_and_fix(checked):
    open_endpoint(checked.app)
    (found,) = checked.violations()
    assert found["ruleName"] == RULE
    assert found["customSeverity"] == "high"
    assert "for one: arn:aws:iam::" in found["description"]
    assert "PolicyDocument" in found["suggestedFix"]
    (place,) = found["violatingConstructs"]
    assert place["constructPath"] == "Chat/Open/Resource"


def test_it_is_acknowledged_where_it_stands_with_a_reason(checked):
    endpoint = open_endpoint(checked.app)
    reason = cdk.Acknowledgment(id=f"secure-bedrock::{RULE}", reason="a sandbox without data")
    cdk.Validations.of(endpoint).acknowledge(reason)
    assert checked.violations() == []


def test_an_acknowledgement_elsewhere_or_of_another_rule_changes_nothing(checked):
    endpoint = open_endpoint(checked.app)
    other = cdk.Stack(checked.app, "Other", env=ENV)
    cdk.Validations.of(other).acknowledge(cdk.Acknowledgment(id=f"secure-bedrock::{RULE}", reason="elsewhere"))
    another = cdk.Acknowledgment(id="secure-bedrock::inference-by-wildcard", reason="another rule")
    cdk.Validations.of(endpoint).acknowledge(another)
    assert [each["ruleName"] for each in checked.violations()] == [RULE]


def test_stages_are_reviewed_with_the_app(checked):
    open_endpoint(cdk.Stage(checked.app, "Prod", env=ENV))
    assert [each["ruleName"] for each in checked.violations()] == [RULE]


def test_a_sound_app_passes(checked):
    stack = cdk.Stack(checked.app, "Chat", env=ENV)
    vpc = ec2.Vpc(stack, "Vpc", nat_gateways=0)
    endpoint = PrivateBedrockEndpoint(stack, "Bedrock", vpc=vpc, client_cidrs=["10.0.128.0/18"])
    app = iam.ServicePrincipal("lambda.amazonaws.com")
    ScopedInvokeRole(stack, "App", assumed_by=app, models=["eu.amazon.nova-lite-v1:0"], endpoints=[endpoint])
    assert checked.violations() == []


def test_strict_counts_whom_the_app_does_not_show(tmp_path):
    checked = Checked(tmp_path / "out", strict=True, context=REFERENCE)
    build(checked.app, Configuration())
    assert "unnamed-principals" in {each["ruleName"] for each in checked.violations()}


def test_the_reference_app_uses_it_and_passes(tmp_path):
    checked = Checked(tmp_path / "out", context=REFERENCE)
    build(checked.app, Configuration())
    assert checked.violations() == []
    assert "SecureBedrockValidation()" in (Path(__file__).parents[2] / "app.py").read_text("utf-8")


def test_the_constructs_do_not_load_the_review():
    code = (
        "import sys; from secure_bedrock import ScopedInvokeRole; print('secure_bedrock.review.loading' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
