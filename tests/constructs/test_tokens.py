"""Values that CloudFormation fills in: taken where they may come, never compared, never cached."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam

from secure_bedrock import (
    BedrockService,
    GuardrailVersion,
    InvokeActions,
    Model,
    Network,
    PrivateBedrockEndpoint,
    ScopedInvokeRole,
)
from tests.constructs.conftest import ACCOUNT, of_type
from tests.reference.conftest import CDK_JSON

LITE, EU_LITE = "amazon.nova-lite-v1:0", "eu.amazon.nova-lite-v1:0"
GUARDRAIL = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:guardrail/abcdefghijkl"
ROOT = iam.AccountRootPrincipal()
#: What a test replaces by a CloudFormation parameter of its stack.
FILLED_IN = object()


def role(stack, **changed):
    given = {"assumed_by": ROOT, "models": [LITE], "network": Network.ANYWHERE, **changed}
    return ScopedInvokeRole(stack, "App", **given)


def policies(template):
    kinds = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
    return [s for kind in kinds for p in of_type(template, kind) for s in p["PolicyDocument"]["Statement"]]


def sid(statements, name):
    (statement,) = [s for s in statements if s["Sid"] == name]
    return statement


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"endpoints": [FILLED_IN], "network": None}, "OffNetwork"),
        ({"vpcs": [FILLED_IN], "network": None}, "OffNetwork"),
        ({"source_ips": [FILLED_IN], "network": None}, "OffNetwork"),
        ({"endpoints": ["vpce-0123456789abcdef0"], "vpc_source_ips": [FILLED_IN], "network": None}, None),
        ({"guardrail": FILLED_IN, "guardrail_version": 1}, "WithoutGuardrail"),
        ({"guardrail": GUARDRAIL, "guardrail_version": FILLED_IN}, "WithoutGuardrail"),
        ({"enforced_guardrails": [FILLED_IN]}, None),
        ({"may_use_roles": [FILLED_IN]}, "OtherRoles"),
        ({"actions": InvokeActions.INFERENCE | InvokeActions.RETRIEVE, "resources": [FILLED_IN]}, None),
        ({"models": [(FILLED_IN, LITE)]}, None),
    ],
    ids=lambda value: ", ".join(value) if isinstance(value, dict) else value,
)  # fmt: skip
def test_a_property_may_be_filled_in_at_deployment(place, given, where):
    stack = place.stack()
    filled_in = cdk.CfnParameter(stack, "FilledIn").value_as_string

    def fill(value):
        if isinstance(value, tuple):
            return Model.application_profile(filled_in, serves=[value[1]])
        if isinstance(value, list):
            return [fill(item) for item in value]
        return filled_in if value is FILLED_IN else value

    role(stack, **{name: fill(value) for name, value in given.items()})
    statements = policies(place.synth()[stack.stack_name])
    written = json.dumps(statements if where is None else sid(statements, where))
    assert '{"Ref": "FilledIn"}' in written
    assert "Token[" not in written


@pytest.mark.parametrize("name", ["project", "team"])
def test_a_tag_may_be_filled_in_at_deployment(place, name):
    stack = place.stack()
    role(stack, **{name: cdk.CfnParameter(stack, "FilledIn").value_as_string})
    (properties,) = of_type(place.synth()[stack.stack_name], "AWS::IAM::Role")
    assert properties["Tags"] == [{"Key": name, "Value": {"Ref": "FilledIn"}}]


def test_a_version_filled_in_at_deployment_is_one_exact_version(place):
    stack = place.stack()
    version = cdk.CfnParameter(stack, "FilledIn").value_as_string
    role(stack, guardrail=GUARDRAIL, guardrail_version=version)
    condition = sid(policies(place.synth()[stack.stack_name]), "WithoutGuardrail")["Condition"]
    assert condition == {
        "StringNotEquals": {"bedrock:GuardrailIdentifier": {"Fn::Join": ["", [f"{GUARDRAIL}:", {"Ref": "FilledIn"}]]}}
    }


@pytest.mark.parametrize(
    ("version", "condition"),
    [
        (3, {"StringNotEquals": {"bedrock:GuardrailIdentifier": f"{GUARDRAIL}:3"}}),
        ("3", {"StringNotEquals": {"bedrock:GuardrailIdentifier": f"{GUARDRAIL}:3"}}),
        (GuardrailVersion.DRAFT, {"StringNotEquals": {"bedrock:GuardrailIdentifier": GUARDRAIL}}),
        (GuardrailVersion.ANY_NUMBERED, {"StringNotLike": {"bedrock:GuardrailIdentifier": f"{GUARDRAIL}:*"}}),
    ],
)
def test_what_each_version_asks_for(place, version, condition):
    stack = place.stack()
    role(stack, guardrail=GUARDRAIL, guardrail_version=version)
    assert sid(policies(place.synth()[stack.stack_name]), "WithoutGuardrail")["Condition"] == condition


@pytest.mark.parametrize(
    "moment",
    ["2026-01-31T12:00:00Z", "2026-01-31T13:00:00+01:00", datetime(2026, 1, 31, 12, tzinfo=UTC),
     datetime(2026, 1, 31, 7, tzinfo=timezone(timedelta(hours=-5)))],
)  # fmt: skip
def test_the_time_of_revocation_is_written_in_utc(place, moment):
    stack = place.stack()
    role(stack, revoke_sessions_before=moment)
    (statement,) = [s for s in policies(place.synth()[stack.stack_name]) if "TokenIssueTime" in json.dumps(s)]
    assert statement["Condition"] == {"DateLessThanIfExists": {"aws:TokenIssueTime": "2026-01-31T12:00:00Z"}}
    assert (statement["Effect"], statement["Action"], statement["Resource"]) == ("Deny", "*", "*")


@pytest.mark.parametrize("looked_at", ["document", "resource"])
def test_a_path_added_after_somebody_looked_is_in_the_ceiling(place, looked_at):
    stack = place.stack()
    made = role(stack, network=None, source_ips=["203.0.113.0/24"])
    created = PrivateBedrockEndpoint(stack, "Bedrock", vpc=place.vpc(stack), client_cidrs=["10.0.1.0/24"])
    look(stack, looked_at, made.ceiling_document, made.node.find_child("Ceiling").policy_document)
    created.admit(made)
    statement = sid(policies(place.synth()[stack.stack_name]), "OffNetwork")
    assert set(statement["Condition"]) == {"StringNotEquals", "NotIpAddress"}


@pytest.mark.parametrize("looked_at", ["document", "resource"])
def test_an_admission_after_somebody_looked_is_in_the_endpoints_policy(place, looked_at):
    stack = place.stack()
    created = PrivateBedrockEndpoint(
        stack, "Bedrock", vpc=place.vpc(stack), client_cidrs=["10.0.1.0/24"], models=[LITE]
    )
    created.admit("arn:aws:iam::222233334444:role/early")
    resource = created.endpoints[BedrockService.RUNTIME].node.default_child.policy_document
    look(stack, looked_at, lambda: created.policy_document(BedrockService.RUNTIME), resource)
    created.admit("arn:aws:iam::222233334444:role/late")
    (properties,) = of_type(place.synth()[stack.stack_name], "AWS::EC2::VPCEndpoint")
    assert "role/early" in json.dumps(properties["PolicyDocument"])
    assert "role/late" in json.dumps(properties["PolicyDocument"])


def look(stack, how, document, token):
    """Look at a document as a user or as an Aspect would."""
    assert document() if how == "document" else stack.resolve(token)


def test_a_stage_is_synthesized_twice_with_the_later_admission(place):
    stage = cdk.Stage(place.app, "Stage", env=place.env)
    stack = cdk.Stack(stage, "Net")
    created = PrivateBedrockEndpoint(
        stack, "Bedrock", vpc=place.vpc(stack), client_cidrs=["10.0.1.0/24"], models=[LITE]
    )
    created.admit("arn:aws:iam::222233334444:role/early")
    stage.synth()
    created.admit("arn:aws:iam::222233334444:role/late")
    (made,) = stage.synth(force=True).stacks
    assert "role/late" in json.dumps(made.template)


def test_the_partition_is_literal_where_the_region_is(make_place):
    for region, partition in {"eu-west-1": "aws", "us-gov-west-1": "aws-us-gov", "eusc-de-east-1": "aws-eusc"}.items():
        place = make_place(region=region)
        stack = place.stack()
        role(stack, source_ips=["203.0.113.0/24"], network=None)
        written = json.dumps(policies(place.synth()[stack.stack_name]))
        assert f"arn:{partition}:bedrock" in written
        assert "AWS::Partition" not in written


def test_without_an_environment_nothing_literal_is_guessed(make_place):
    place = make_place(account=None, region=None)
    stack = place.stack()
    created = PrivateBedrockEndpoint(stack, "Bedrock", vpc=place.vpc(stack), client_cidrs=["10.0.1.0/24"])
    made = role(stack, network=None, models=[EU_LITE], endpoints=[created])
    template = place.synth()[stack.stack_name]
    written = json.dumps([*policies(template), *of_type(template, "AWS::EC2::VPCEndpoint")])
    assert "arn:aws:" not in written
    assert "eu-west-1" not in written
    assert "None" not in written
    assert cdk.Token.is_unresolved(made.role_arn)
    assert not cdk.Token.is_unresolved(made.role_name)


def test_the_flags_of_somebody_s_app_change_no_policy(make_place):
    def written(**context):
        place = make_place(**context)
        stack = place.stack("Net")
        created = PrivateBedrockEndpoint(stack, "Bedrock", vpc=place.vpc(stack), client_cidrs=["10.0.1.0/24"])
        role(stack, network=None, models=[EU_LITE], endpoints=[created], guardrail=GUARDRAIL, guardrail_version=1)
        template = place.synth()["Net"]
        return policies(template), [p["PolicyDocument"] for p in of_type(template, "AWS::EC2::VPCEndpoint")]

    flags = {key: value for key, value in CDK_JSON["context"].items() if key.startswith("@aws-cdk")}
    assert flags["@aws-cdk/core:enablePartitionLiterals"] is True
    assert flags["@aws-cdk/aws-iam:minimizePolicies"] is True
    assert written() == written(**flags)
