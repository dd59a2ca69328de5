"""The reference app's templates, read by other people's rules: CDK's own, cdk-nag and cfn-lint."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: Every finding that stays, with its reason. One that is not here fails, and so does a reason without its finding.
EXPLAINED = {
    ("AwsSolutions-IAM4", "secure-bedrock-access/Application/Role/Resource"): (
        "AWS keeps the list of network actions that a function in a VPC needs; it names no data"
    ),
    ("AwsSolutions-IAM5", "secure-bedrock-audit/Audit/DeliveryRole/DefaultPolicy/Resource"): (
        "CloudTrail chooses the names of its streams; account and log group are exact"
    ),
    ("AwsSolutions-IAM5", "secure-bedrock-audit/Audit/InvocationLogging/Role/DefaultPolicy/Resource"): (
        "the two actions on the account's logging setting have no resource to be scoped to"
    ),
    ("AwsSolutions-S1", "secure-bedrock-audit/Audit/Bucket/Resource"): (
        "the bucket is the log; reads of it are data events of whoever wants them"
    ),
    ("Annotation", "secure-bedrock-organization/GuardRails"): "no role administrators are named in this configuration",
    ("Annotation", "secure-bedrock-audit/Audit"): "the price of a second trail, and the confirmation of the e-mail",
}
APP = """
import json, sys
import aws_cdk as cdk, cdk_nag
from reference.application import build
from reference.configuration import AuditConfiguration, Configuration, OrganizationConfiguration
app = cdk.App(context=json.load(open("cdk.json"))["context"], outdir=sys.argv[1])
cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(app))
organization = OrganizationConfiguration(
    account="999988887777", targets=("ou-ab12-12345678",), allowed_regions=("eu-west-1",),
    allowed_models=("amazon.nova-*",),
)
audit = AuditConfiguration(notify=("security@example.com",))
build(app, Configuration(account="111122223333", audit=audit, organization=organization))
try:
    app.synth()
except RuntimeError as error:
    assert "ValidationFailed" in str(error), error
"""


@pytest.fixture(scope="module")
def assembly(tmp_path_factory):
    folder = tmp_path_factory.mktemp("assembly")
    finished = subprocess.run(
        [sys.executable, "-c", APP, str(folder)],
        cwd=ROOT,
        env={**os.environ, "CDK_VALIDATION": "true"},
        capture_output=True,
        check=False,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    return folder


def test_cdk_nag_and_cdk_s_own_validation_find_nothing_unexplained(assembly):
    report = json.loads((assembly / "validation-report.json").read_text())
    found = {
        (violation["ruleName"].partition("[")[0].partition("::")[0], place["constructPath"])
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
        for place in violation["violatingConstructs"]
    }
    assert {"AwsSolutions-IAM4", "Annotation"} <= {rule for rule, _ in found}, "the rules ran"
    assert found == set(EXPLAINED)


def test_cfn_lint_finds_nothing(assembly):
    templates = sorted(str(path) for path in assembly.glob("*.template.json"))
    assert len(templates) == 4
    # W3005: CDK writes dependencies that a reference implies already.
    finished = subprocess.run(
        [str(Path(sys.executable).parent / "cfn-lint"), "--ignore-checks", "W3005", "--", *templates],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.stdout + finished.stderr == ""


def test_cfn_lint_would_find_something(assembly, tmp_path):
    template = json.loads((assembly / "secure-bedrock-network.template.json").read_text())
    endpoint = next(r for r in template["Resources"].values() if r["Type"] == "AWS::EC2::VPCEndpoint")
    endpoint["Properties"]["PrivateDnsEnabeld"] = True
    (tmp_path / "broken.json").write_text(json.dumps(template))
    finished = subprocess.run(
        [str(Path(sys.executable).parent / "cfn-lint"), str(tmp_path / "broken.json")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "PrivateDnsEnabeld" in finished.stdout
