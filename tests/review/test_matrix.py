"""The access matrix: of the reference deployment, and of templates that nobody here wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import product

import pytest
from click.testing import CliRunner

from secure_bedrock.cli import main
from secure_bedrock.policy import Request, evaluate
from secure_bedrock.review import load, review_estate

ROLE = "secure-bedrock-access/Application/Role"
PROFILE = "inference-profile/eu.amazon.nova-lite-v1:0"
MODEL = "foundation-model/amazon.nova-lite-v1:0"
LAMBDA = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def template_of(*statements, trust=LAMBDA, **resources):
    role = {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": "app",
            "AssumeRolePolicyDocument": trust,
            "Policies": [
                {"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": list(statements)}}
            ],
        },
    }
    return {"Resources": {"App": role, **resources}}


@pytest.fixture
def reviewed(tmp_path):
    def review(template, **place):
        path = tmp_path / "template.json"
        path.write_text(json.dumps(template))
        return review_estate(load(path, account="111122223333", region="eu-west-1", **place))

    return review


@pytest.fixture(scope="session")
def report(audited):
    return review_estate(load(audited))


def test_the_reference_deployment_has_one_role_that_invokes_by_one_profile(report):
    by_model, by_profile = report.access
    assert {by_model.principal, by_profile.principal} == {ROLE}
    assert by_profile.models == (PROFILE,)
    assert by_profile.regions == ("eu-west-1",)
    (endpoint,) = by_profile.endpoints
    assert by_profile.network == f"through {endpoint} (secure-bedrock-network/Bedrock/Runtime)"
    assert by_model.models == (MODEL,)
    assert set(by_model.regions) == {"eu-west-1", "eu-west-3", "eu-north-1", "eu-central-1"}
    assert ":guardrail/" in by_model.guardrail
    assert any("InferenceProfileArn" in each and PROFILE in each for each in by_model.conditions)
    assert "lambda.amazonaws.com" in by_profile.assumed_by
    assert report.undecided == ()


def test_a_row_says_which_statement_of_which_construct_lets_it_through(report):
    (_, row) = report.access
    layers = {grant.layer: grant for grant in row.statements}
    assert layers["identity"].statement == "Invoke1"
    assert layers["identity"].source.construct_path == "secure-bedrock-access/Application/Allow1"
    assert layers["endpoint"].source.construct_path == "secure-bedrock-network/Bedrock/Runtime"
    assert layers["endpoint"].source.line > 1
    assert row.principal_source.construct_path == ROLE
    assert row.witness.decision.allowed


def test_the_matrix_lists_all_that_the_evaluator_allows_and_nothing_else(report, audited):
    (reading,) = load(audited).readings
    (endpoint,) = reading.estate.endpoints
    regions = ("eu-west-1", "eu-central-1", "us-east-1")
    resources = [
        *(f"arn:aws:bedrock:{region}::foundation-model/{name}" for region in regions
          for name in ("amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0")),
        *(f"arn:aws:bedrock:{region}:111122223333:inference-profile/{name}" for region in regions
          for name in ("eu.amazon.nova-lite-v1:0", "us.amazon.nova-lite-v1:0")),
    ]  # fmt: skip
    profile = f"arn:aws:bedrock:eu-west-1:111122223333:{PROFILE}"
    guardrail = report.access[0].guardrail.removeprefix("is ")
    contexts = [{}, {"bedrock:InferenceProfileArn": profile}, {"bedrock:GuardrailIdentifier": guardrail}]
    contexts.append(contexts[1] | contexts[2])
    allowed = set()
    for resource, context, through in product(resources, contexts, (endpoint, "vpce-0fedcba9876543210", None)):
        if "foundation-model" not in resource and "bedrock:InferenceProfileArn" in context:
            continue
        request = Request(
            principal=ROLE, action="bedrock:InvokeModel", resource=resource, context=context, endpoint=through
        )
        if evaluate(reading.estate, request).allowed:
            allowed.add((resource.split(":", 5)[5], resource.split(":")[3]))
            assert "foundation-model" in resource or through == endpoint
    listed = {(model, region) for row in report.access for model in row.models for region in row.regions}
    assert allowed == {(model, region) for model, region in listed if region in regions}


ANTHROPIC = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.*"
OPUS = "arn:aws:bedrock:*::foundation-model/anthropic.claude-3-opus*"


def test_what_a_deny_takes_out_of_a_pattern_is_said(reviewed):
    (row,) = reviewed(template_of(
        {"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": ANTHROPIC},
        {"Effect": "Deny", "Action": "bedrock:*", "Resource": OPUS},
    )).access  # fmt: skip
    assert row.models == ("foundation-model/anthropic.* except foundation-model/anthropic.claude-3-opus*",)
    assert (row.regions, row.network, row.guardrail) == (("us-east-1",), "any network", "none required")


def test_an_address_range_is_said_where_there_is_no_endpoint(reviewed):
    office = {"NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24"]}}
    rows = reviewed(template_of(
        {"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": ANTHROPIC},
        {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": office},
    )).access  # fmt: skip
    assert [row.network for row in rows] == ["without an endpoint, aws:SourceIp in 203.0.113.0/24"]


def test_what_the_policies_contradict_is_in_no_row(reviewed):
    found = reviewed(template_of(
        {"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": ANTHROPIC},
        {"Effect": "Deny", "NotAction": "bedrock:InvokeModel", "Resource": "*"},
        {"Effect": "Deny", "Action": "bedrock:Invoke*", "NotResource": "arn:aws:bedrock:eu-*::foundation-model/*"},
    ))  # fmt: skip
    assert found.access == ()


def test_what_aws_does_not_settle_is_undecided(reviewed):
    unsettled = {"ForAnyValue:StringEqualsIfExists": {"aws:TagKeys": ["team"]}}
    allow = {"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": ANTHROPIC, "Condition": unsettled}
    without_tags = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Null": {"aws:TagKeys": "false"}}}
    found = reviewed(template_of(allow, without_tags))
    (row,) = found.access
    assert row.undecided
    assert row.undecided in [each.reason for each in found.undecided]


def test_who_can_become_the_role_is_said(reviewed):
    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::444455556666:root"}, "Action": "sts:AssumeRole"},
        {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ]}  # fmt: skip
    allow = {"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": ANTHROPIC}
    (row,) = reviewed(template_of(allow, trust=trust)).access
    assert row.assumed_by == ("account 444455556666, which is not in the input", "ecs-tasks.amazonaws.com")


def test_each_outcome_of_a_condition_has_its_rows(reviewed):
    template = template_of({"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": {
        "Fn::If": ["Wide", "arn:aws:bedrock:*::foundation-model/*", ANTHROPIC]}})  # fmt: skip
    template["Parameters"] = {"Stage": {"Type": "String", "AllowedValues": ["prod", "dev"]}}
    template["Conditions"] = {"Wide": {"Fn::Equals": [{"Ref": "Stage"}, "dev"]}}
    rows = reviewed(template).access
    assert {row.models: row.when for row in rows} == {
        ("foundation-model/anthropic.*",): "Stage of template is 'prod'",
        ("foundation-model/*",): "Stage of template is 'dev'",
    }


def test_the_command_prints_the_matrix_and_holds(audited):
    result = CliRunner().invoke(main, ["review", str(audited)], standalone_mode=False, env={"COLUMNS": "300"})
    assert result.exception is None
    assert result.return_value == 0
    for text in (ROLE[:20], "amazon.nova-lite", "Assumptions", "What no policy can close"):
        assert text in result.output
    assert "\x1b" not in result.output


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "secure_bedrock", "review", *arguments],
        capture_output=True, text=True, check=False, env={**os.environ, **environment},
    )  # fmt: skip


def test_a_pipe_gets_no_progress_no_colour_and_no_terminal_escapes(tmp_path):
    template = template_of({"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": ANTHROPIC})
    template["Resources"]["App"]["Metadata"] = {"aws:cdk:path": "stack/\x1b[31m[red]evil/Resource"}
    (tmp_path / "t.json").write_text(json.dumps(template))
    done = run(str(tmp_path / "t.json"), COLUMNS="200")
    assert done.stderr == ""
    assert "\\x1b[31m[red]evil" in done.stdout
    assert "\x1b" not in done.stdout


def test_what_cannot_be_read_is_a_usage_error(tmp_path):
    done = run(str(tmp_path / "nothing"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "no such file or directory" in done.stderr
