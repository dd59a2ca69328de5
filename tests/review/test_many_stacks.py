"""Several accounts and Regions, stages, nested stacks, parameters, a live account: what a review says of each."""

from __future__ import annotations

import json
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from click.testing import CliRunner

from secure_bedrock.cli import main
from secure_bedrock.review import load, review_estate
from tests.review.rules import ACCOUNT, INVOKE, MODEL, SERVICE, endpoint, ids, one, policy, review, role, scp, trusts
from tests.review.test_account import DETAILS, ENDPOINTS

HOME, AWAY = ("111122223333", "eu-west-1"), ("444455556666", "us-east-1")
FROM_OFFICE = {"Effect": "Deny", "Action": "bedrock:*", "Resource": "*",
               "Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}  # fmt: skip


class Application(cdk.NestedStack):
    """A role in a nested stack that is told which model it may use."""

    def __init__(self, scope, construct_id, *, model, account):
        super().__init__(scope, construct_id)
        made = iam.Role(self, "Role", assumed_by=iam.AccountPrincipal(account))
        made.add_to_policy(iam.PolicyStatement(actions=["bedrock:InvokeModel"], resources=[model]))


class Team(cdk.Stage):
    """One stack with its model as a parameter of the nested one, and trust in another account."""

    def __init__(self, scope, construct_id, place, *, model, trusted):
        super().__init__(scope, construct_id, env=cdk.Environment(account=place[0], region=place[1]))
        stack = cdk.Stack(self, "Stack")
        name = cdk.CfnParameter(stack, "Model", default=model).value_as_string
        arn = cdk.Fn.sub("arn:aws:bedrock:${AWS::Region}::foundation-model/${Name}", {"Name": name})
        Application(stack, "Application", model=arn, account=trusted)


@pytest.fixture(scope="module")
def stages():
    app = cdk.App(context={"aws:cdk:enable-path-metadata": True})
    Team(app, "Home", HOME, model="amazon.nova-lite-v1:0", trusted=AWAY[0])
    Team(app, "Away", AWAY, model="anthropic.*", trusted="777788889999")
    return review_estate(load(app.synth().directory))


def test_stages_of_two_accounts_have_a_row_each_of_their_own_region(stages):
    found = {row.principal: (row.models, row.regions) for row in stages.access}
    assert found == {
        "Home/Stack/Application/Role": (("foundation-model/amazon.nova-lite-v1:0",), ("eu-west-1",)),
        "Away/Stack/Application/Role": (("foundation-model/anthropic.*",), ("us-east-1",)),
    }


def test_an_account_of_the_input_is_not_foreign_and_another_one_is(stages):
    finding = one(stages, "foreign-trust-unconditioned")
    assert finding.resource == "Away/Stack/Application/Role"
    assert "777788889999" in str(finding.witness)
    (home,) = [row for row in stages.access if row.principal.startswith("Home")]
    assert "account 444455556666" in home.assumed_by


def test_a_finding_in_a_nested_stack_says_its_construct_file_and_line(stages):
    finding = one(stages, "wildcard-model")
    assert finding.source.construct_path == "Away/Stack/Application/Role/DefaultPolicy"
    assert ".nested.template.json" in finding.source.file
    lines = Path(finding.source.file).read_text().splitlines()
    assert finding.source.logical_id in lines[finding.source.line - 1]


def written(folder, **stacks):
    """A cloud assembly of templates, each with its account and Region."""
    artifacts = {}
    for name, ((account, region), resources) in stacks.items():
        (folder / f"{name}.json").write_text(json.dumps({"Resources": resources}, indent=1))
        artifacts[name] = {
            "type": "aws:cloudformation:stack", "environment": f"aws://{account}/{region}",
            "properties": {"templateFile": f"{name}.json"},
        }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps({"version": "1", "artifacts": artifacts}))
    return review_estate(load(folder))


def test_rules_of_the_organisation_bind_the_other_stacks_account(tmp_path):
    rails = {"Rails": scp({"Effect": "Deny", "Action": "bedrock:*", "NotResource": MODEL})}
    wide = {"App": role({**INVOKE, "Resource": "*"}, FROM_OFFICE)}
    report = written(tmp_path, rules=(("999988887777", "us-east-1"), rails), app=(HOME, wide))
    assert [row.models for row in report.access] == [("foundation-model/amazon.nova-lite-v1:0",)]
    assert "wildcard-model" not in ids(report)


def test_an_endpoint_of_one_stack_and_a_role_of_another_are_seen_together(tmp_path):
    through = {"Effect": "Deny", "Action": "bedrock:*", "Resource": "*",
               "Condition": {"StringNotEquals": {"aws:SourceVpce": {"Fn::ImportValue": "endpoint"}}}}  # fmt: skip
    admits = policy({**INVOKE, "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/app"}})
    (tmp_path / "network.json").write_text(json.dumps({
        "Resources": {"Runtime": endpoint(admits)},
        "Outputs": {"Id": {"Value": {"Ref": "Runtime"}, "Export": {"Name": "endpoint"}}},
    }))  # fmt: skip
    (tmp_path / "app.json").write_text(json.dumps({"Resources": {"App": role(INVOKE, through)}}))
    report = review_estate(load(tmp_path, account=ACCOUNT, region="eu-west-1"))
    (row,) = report.access
    assert row.network.startswith("through vpce-")
    assert row.network.endswith("(Runtime)")
    assert ids(report, "inference-without-guardrail") == []


PARAMETERS = {
    "Parameters": {"Open": {"Type": "String", "AllowedValues": ["no", "yes"], "Default": "no"}},
    "Conditions": {"IsOpen": {"Fn::Equals": [{"Ref": "Open"}, "yes"]}},
}
VARIED = {**PARAMETERS, "Resources": {"App": role(
    {**INVOKE, "Resource": {"Fn::If": ["IsOpen", "*", MODEL]}}, FROM_OFFICE)}}  # fmt: skip


def varied(folder, **given):
    path = folder / "template.json"
    path.write_text(json.dumps(VARIED))
    return review_estate(load(path, account=ACCOUNT, region="eu-west-1", **given))


def test_a_finding_of_one_outcome_says_which(tmp_path):
    finding = one(varied(tmp_path), "wildcard-model")
    assert finding.when == "Open of template is 'yes'"


def test_a_finding_of_every_outcome_says_none(tmp_path):
    found = [each for each in varied(tmp_path).findings if each.rule.id == "unnamed-principals"]
    assert found
    assert {each.when for each in found} == {""}


@pytest.mark.parametrize(("value", "expected"), [("no", 0), ("yes", 1)])
def test_a_parameter_that_is_given_decides(tmp_path, value, expected):
    path = tmp_path / "template.json"
    path.write_text(json.dumps(VARIED))
    place = ["--account", ACCOUNT, "--region", "eu-west-1", "--parameter", f"Open={value}"]
    assert CliRunner().invoke(main, ["review", str(path), *place], standalone_mode=False).return_value == expected


def test_yaml_has_lines_too(tmp_path):
    path = tmp_path / "template.yaml"
    path.write_text("""Resources:
  # a comment
  App:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - {Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}
      Policies:
        - PolicyName: p
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - {Effect: Allow, Action: bedrock:InvokeModel, Resource: !Sub "arn:${AWS::Partition}:bedrock:*::*"}
""")
    finding = one(review_estate(load(path, account=ACCOUNT)), "wildcard-model")
    assert (finding.source.file, finding.source.line, finding.source.logical_id) == (str(path), 3, "App")


def test_a_live_account_is_reviewed_offline(tmp_path):
    (tmp_path / "details.json").write_text(json.dumps(DETAILS))
    (tmp_path / "endpoints.json").write_text(json.dumps(ENDPOINTS))
    report = review_estate(load(tmp_path))
    assert {row.principal for row in report.access} == {"user ann", "role app"}
    assert {"wildcard-model", "user-with-keys", "endpoint-any-model"} <= set(ids(report))
    finding = one(report, "user-with-keys")
    assert "user/ann" in str(finding.witness)
    assert finding.source.file.endswith("details.json")


def test_a_live_account_s_trust_is_asked_too(tmp_path):
    open_role = {**DETAILS["RoleDetailList"][0], "AssumeRolePolicyDocument": trusts({"AWS": "*"})}
    (tmp_path / "details.json").write_text(json.dumps({**DETAILS, "RoleDetailList": [open_role]}))
    assert "public-trust" in ids(review_estate(load(tmp_path)))
    (tmp_path / "details.json").write_text(json.dumps(DETAILS | {"RoleDetailList": [
        {**open_role, "AssumeRolePolicyDocument": SERVICE}]}))  # fmt: skip
    assert "public-trust" not in ids(review_estate(load(tmp_path)))


def test_a_nested_stack_whose_template_is_not_there_is_an_assumption(tmp_path):
    nested = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "https://example.com/other.json"}}
    report = review(tmp_path, Other=nested)
    assert "the template of template/Other is not in the input: it is taken to hold nothing" in report.assumptions
