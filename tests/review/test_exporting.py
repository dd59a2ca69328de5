"""`secure-bedrock export`: what others deploy, read back by this package, by cfn-lint, and by its own grammar."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import aws_cdk as cdk
import pytest

from reference.application import build
from reference.configuration import Configuration, OrganizationConfiguration
from secure_bedrock.policy import Request, evaluate
from secure_bedrock.review import load
from secure_bedrock.review.exporting import as_cloudformation, as_json, as_scp, as_terraform, exported

ROOT = Path(__file__).parents[2]
CONTEXT = json.loads((ROOT / "cdk.json").read_text())["context"]
ROLE = "secure-bedrock-access/Application/Role"


@pytest.fixture(scope="module")
def assembly(tmp_path_factory):
    folder = tmp_path_factory.mktemp("out")
    app = cdk.App(context={**CONTEXT, "aws:cdk:enable-path-metadata": True}, outdir=str(folder))
    rails = OrganizationConfiguration(
        account="999988887777", targets=("r-ab12",), allowed_regions=("eu-west-1",), allowed_models=("amazon.nova-*",)
    )
    build(app, Configuration(account="111122223333", organization=rails))
    app.synth()
    return folder


@pytest.fixture(scope="module")
def reading(assembly):
    return load(assembly).readings[0]


@pytest.fixture(scope="module")
def found(reading):
    return exported(reading)


def test_json_holds_each_policy_as_aws_writes_it(found, reading):
    written = as_json(found)
    assert list(written["roles"]) == [ROLE]
    sids = [s.get("Sid") for policy in written["roles"][ROLE]["policies"] for s in policy["Statement"]]
    assert {"OtherModels", "OffNetwork", "Invoke1"} <= set(sids)
    assert written["roles"][ROLE]["trust"]["Statement"]
    assert list(written["endpoints"]) == list(reading.estate.endpoints)
    assert written["organization"]
    assert all(row["targets"] == ["r-ab12"] for row in written["organization"])


def test_scp_documents_are_texts_organizations_takes(found):
    texts = as_scp(found).values()
    assert texts
    assert all(len(text) <= 5120 and json.loads(text)["Statement"] for text in texts)


def test_the_cloudformation_template_stands_alone_and_decides_the_same(found, reading, tmp_path):
    template = as_cloudformation(found)
    path = tmp_path / "exported.json"
    path.write_text(json.dumps(template, indent=1))
    lint = subprocess.run([Path(sys.executable).parent / "cfn-lint", path], capture_output=True, text=True, check=False)
    assert lint.stdout + lint.stderr == ""
    (endpoint_id,) = reading.estate.endpoints
    parameters = {name: value for value, name in reading.made_up.items() if name in template["Parameters"]}
    again = load(path, account="111122223333", region="eu-west-1", parameters=parameters).readings[0]
    assert again.problems == ()
    (copy,) = [key for key, each in again.estate.principals.items() if each.arn == reading.estate.principals[ROLE].arn]
    for resource in (
        "arn:aws:bedrock:eu-west-1:111122223333:inference-profile/eu.amazon.nova-lite-v1:0",
        "arn:aws:bedrock:eu-west-1:111122223333:inference-profile/eu.amazon.nova-pro-v1:0",
    ):
        for endpoint in (endpoint_id, None):
            asked = {"action": "bedrock:InvokeModel", "resource": resource}
            before = evaluate(reading.estate, Request(principal=ROLE, endpoint=endpoint, **asked)).allowed
            after = evaluate(again.estate, Request(principal=copy, endpoint=endpoint, **asked)).allowed
            assert before == after, (resource, endpoint)


def test_terraform_keeps_policy_variables_literal_and_declares_what_it_uses(found):
    text = json.dumps(as_terraform(found))
    used = set(re.findall(r"(?<!\$)\$\{var\.([a-z0-9_]+)\}", text))
    assert used == set(as_terraform(found)["variable"])
    kinds = set(as_terraform(found)["resource"])
    assert kinds == {
        "aws_iam_role", "aws_iam_role_policy", "aws_vpc_endpoint_policy", "aws_organizations_policy",
        "aws_organizations_policy_attachment",
    }  # fmt: skip
    for policy in as_terraform(found)["resource"]["aws_iam_role_policy"].values():
        assert json.loads(policy["policy"])["Statement"]


def test_policy_variables_are_no_templates(tmp_path):
    document = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}},
    }]}  # fmt: skip
    trust = {
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}]
    }
    role = {"Policies": [{"PolicyName": "p", "PolicyDocument": document}], "AssumeRolePolicyDocument": trust}
    path = tmp_path / "t.json"
    path.write_text(json.dumps({"Resources": {"App": {"Type": "AWS::IAM::Role", "Properties": role}}}))
    found = exported(load(path).readings[0])
    assert "$${aws:PrincipalTag/team}" in json.dumps(as_terraform(found))
    (policy,) = [r for r in as_cloudformation(found)["Resources"].values() if r["Type"] == "AWS::IAM::RolePolicy"]
    assert "${aws:PrincipalTag/team}" in json.dumps(policy)


def test_the_command_prints_each_format(assembly):
    for form in ("json", "cfn", "scp", "terraform"):
        done = subprocess.run(
            [sys.executable, "-m", "secure_bedrock", "export", str(assembly), "--format", form],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)
