"""Everything the library can make, read by other people's rules: CDK's own, cdk-nag, Control Tower's and cfn-lint."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from secure_bedrock.data import table
from tests.standards import acknowledgements, apps

NAG = {"AwsSolutions", "NIST.800.53.R4", "NIST.800.53.R5", "PCI.DSS.321", "HIPAA.Security", "Serverless"}
GUARD, CDK, ANNOTATIONS = "cdk-validator-cfnguard", "CloudFormation Validate", "Construct Annotations"
#: What the library says to whoever deploys: only they can answer it, so it is not acknowledged on their behalf.
ADDRESSED_TO_YOU = {
    "api-keys",
    "confirm-subscription",
    "cost-allocation-tag",
    "detection-d01",
    "detection-d15",
    "detection-d20",
    "detection-d21",
    "detection-d24",
    "detection-d25",
    "detection-d39",
    "detection-d40",
    "endpoint-region",
    "endpoint-unused",
    "existing-trail",
    "external-names",
    "foreign-bucket",
    "foreign-key",
    "guardrail-one-region",
    "model-region",
    "network-anywhere",
    "no-budget",
    "no-records",
    "nobody-is-told",
    "profile-destinations-unknown",
    "report-bucket",
    "second-trail",
    "unused-access-price",
}


@pytest.fixture(scope="module")
def assembly(tmp_path_factory):
    folder = tmp_path_factory.mktemp("standards")
    acknowledgements.synthesize(folder)
    return folder


@pytest.fixture(scope="module")
def acknowledged(assembly):
    return json.loads((assembly / "acknowledgements.json").read_text())


def reports(assembly, app):
    found = json.loads((assembly / app / "validation-report.json").read_text())["pluginReports"]
    assert [each["metadata"] for each in found if "error" in (each.get("metadata") or {})] == [], "a plugin gave up"
    return {each["pluginName"]: each["violations"] for each in found}


def findings(assembly, app):
    """Rules, as acknowledgements name them, and the constructs they find fault with."""
    return {
        (rule_of(plugin, violation), place["constructPath"])
        for plugin, violations in reports(assembly, app).items()
        for violation in violations
        for place in violation["violatingConstructs"]
    }


def rule_of(plugin, violation):
    return violation["ruleName"] if plugin in NAG | {ANNOTATIONS} else f"{plugin}::{violation['ruleName']}"


def test_every_public_construct_is_read_twice(assembly):
    """As the reference app has it, and as it does not."""
    had = json.loads((assembly / "constructs.json").read_text())
    assert set(had["reference"]) == set(had["unusual"]) == set(apps.public_constructs())


def test_the_reference_app_has_every_section():
    configured = apps.everything_configured()
    sections = [field.name for field in fields(configured) if "Configuration" in field.type]
    assert len(sections) > 5
    assert [name for name in sections if getattr(configured, name) is None] == []


def test_nothing_is_left_but_what_the_deployer_must_know(assembly):
    left = {re.sub("(endpoint-unused).*", r"\1", rule) for rule, _ in findings(assembly, "acknowledged")}
    assert left == {f"Annotation::secure-bedrock:{name}" for name in ADDRESSED_TO_YOU}


def test_every_pack_ran_and_finds_what_is_wrong(assembly):
    """On a bare bucket with a misspelt property."""
    found = reports(assembly, "broken")
    assert NAG - {"Serverless"} | {GUARD, CDK} <= set(found), "a rule of each"
    assert {v["ruleName"] for v in found[CDK]} == {"F3002"}
    assert any(rule.startswith("Serverless-") for rule, _ in findings(assembly, "plain"))


def test_every_acknowledgement_has_its_finding(assembly, acknowledged):
    """A reason that answers no finding anywhere, or names a rule nobody has, is noise.

    Not in each place: subnets that are literals, and a topic without subscribers, leave a rule nothing to find.
    """
    found = findings(assembly, "plain")
    answered = {
        (entry["rule"], entry["reason"])
        for entry in acknowledged
        if any(rule == entry["rule"] and f"{path}/".startswith(f"{entry['path']}/") for rule, path in found)
    }
    needless = [entry for entry in acknowledged if (entry["rule"], entry["reason"]) not in answered]
    assert needless == [], json.dumps(needless, indent=0)


def test_every_reason_is_a_sentence_of_its_own(acknowledged):
    assert len(acknowledged) > 50
    assert [entry for entry in acknowledged if len(entry["reason"].split()) < 6] == []


def test_the_page_lists_them(acknowledged):
    assert acknowledgements.PAGE.read_text("utf-8") == acknowledgements.page(acknowledged), "run `make snapshots`"


def test_the_table_of_demands_names_every_rule_once():
    rules = [rule for each in table("standards")["rules"].values() for rule in each]
    assert len(rules) == len(set(rules)) > 400


def cfn_lint(*templates: Path) -> str:
    # W3005: CDK writes dependencies that a reference implies already.
    finished = subprocess.run(
        [str(Path(sys.executable).parent / "cfn-lint"), "--ignore-checks", "W3005", "--", *map(str, templates)],
        capture_output=True,
        text=True,
        check=False,
    )
    return finished.stdout + finished.stderr


def test_cfn_lint_finds_nothing(assembly):
    templates = sorted((assembly / "acknowledged").glob("*.template.json"))
    assert len(templates) == 22
    assert cfn_lint(*templates) == ""


def test_cfn_lint_would_find_something(assembly):
    (template,) = (assembly / "broken").glob("*.template.json")
    assert "BucketNmae" in cfn_lint(template)
