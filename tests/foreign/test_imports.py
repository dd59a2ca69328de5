"""VPCs, roles, keys and buckets that were made elsewhere."""

from __future__ import annotations

import json

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from secure_bedrock import (
    BedrockAuditTrail,
    Detection,
    InvalidInput,
    InvocationLogging,
    OnPremisesAccess,
    PrivateBedrockEndpoint,
    ScopedInvokeRole,
)
from tests.constructs.conftest import ACCOUNT, REGION, of_type

LITE, EU_LITE = "amazon.nova-lite-v1:0", "eu.amazon.nova-lite-v1:0"
OTHER_ACCOUNT = "222233334444"
ROOT = iam.AccountRootPrincipal()
VPC_ID, ZONES = "vpc-0123456789abcdef0", ["eu-west-1a", "eu-west-1b"]
SUBNETS = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
OWN_KEY_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}
    ],
}
LOGGING_ROLE = f"arn:aws:iam::{ACCOUNT}:role/secure-bedrock/secure-bedrock-audit-logging"


def by_attributes(stack, **given):
    return ec2.Vpc.from_vpc_attributes(stack, "Vpc", vpc_id=VPC_ID, availability_zones=ZONES, **given)


def endpoint(stack, vpc, **changed):
    given = {"client_cidrs": ["10.0.1.0/24"], "models": [EU_LITE], **changed}
    return PrivateBedrockEndpoint(stack, "Bedrock", vpc=vpc, **given)


@pytest.mark.parametrize(
    "make",
    [
        lambda stack: by_attributes(stack, private_subnet_ids=SUBNETS, vpc_cidr_block="10.0.0.0/16"),
        lambda stack: by_attributes(stack, isolated_subnet_ids=SUBNETS),
        lambda stack: by_attributes(stack, public_subnet_ids=SUBNETS),
        lambda stack: ec2.Vpc.from_vpc_attributes(
            stack, "Vpc", vpc_id=cdk.Fn.import_value("vpc"), availability_zones=ZONES,
            private_subnet_ids=[cdk.Fn.import_value("one"), cdk.Fn.import_value("two")],
            vpc_cidr_block=cdk.Fn.import_value("range"),
        ),
        # Not looked up yet: CDK puts a VPC with the range 1.2.3.4/5 in its place.
        lambda stack: ec2.Vpc.from_lookup(stack, "Vpc", vpc_id=VPC_ID),
    ],
    ids=["private", "isolated", "public", "exports of another team", "looked up"],
)  # fmt: skip
def test_an_imported_vpc_takes_an_endpoint_a_role_and_a_data_centre(place, make):
    stack = place.stack("App")
    created = endpoint(stack, make(stack))
    access = OnPremisesAccess(stack, "DataCentre", endpoint=created, cidrs=["192.168.0.0/24"], resolver=False)
    ScopedInvokeRole(
        stack, "Role", assumed_by=ROOT, models=[EU_LITE], endpoints=[created], vpc_source_ips=access.vpc_source_ips
    )
    template = place.synth()["App"]
    (made,) = of_type(template, "AWS::EC2::VPCEndpoint")
    assert made["PolicyDocument"]["Statement"][0]["Condition"]["ArnEquals"]
    assert len(made["SubnetIds"]) == 2
    assert len(of_type(template, "AWS::EC2::SecurityGroupIngress")) == 1


def test_an_imported_vpc_without_subnets_is_named(place):
    stack = place.stack()
    with pytest.raises(InvalidInput, match=r"^subnets: got None; allowed is subnets that the VPC is known to have"):
        endpoint(stack, by_attributes(stack))


def test_a_range_as_wide_as_an_imported_vpc_is_refused_where_its_range_is_known(place):
    stack = place.stack()
    vpc = by_attributes(stack, private_subnet_ids=SUBNETS, vpc_cidr_block="10.0.0.0/16")
    with pytest.raises(InvalidInput, match=r"^client_cidrs: .*10.0.0.0/16"):
        endpoint(stack, vpc, client_cidrs=["10.0.0.0/15"])


def imported(how):
    def make(stack):
        return {
            "same account": lambda: iam.Role.from_role_arn(stack, "R", f"arn:aws:iam::{ACCOUNT}:role/a/b"),
            "immutable": lambda: iam.Role.from_role_arn(stack, "R", f"arn:aws:iam::{ACCOUNT}:role/a/b", mutable=False),
            "another account": lambda: iam.Role.from_role_arn(stack, "R", f"arn:aws:iam::{OTHER_ACCOUNT}:role/a/b"),
            "by name": lambda: iam.Role.from_role_name(stack, "R", "b"),
            "ARN": lambda: f"arn:aws:iam::{OTHER_ACCOUNT}:role/a/b",
            "ArnPrincipal": lambda: iam.ArnPrincipal(f"arn:aws:iam::{OTHER_ACCOUNT}:role/a/b"),
            "parameter": lambda: cdk.CfnParameter(stack, "R").value_as_string,
            "managed elsewhere": lambda: iam.Role(stack, "R", assumed_by=ROOT).without_policy_updates(),
        }[how]()

    return make


OF_OTHERS = [
    "same account", "immutable", "another account", "by name", "ARN", "ArnPrincipal", "parameter", "managed elsewhere",
]  # fmt: skip


def asked_of_owner(place, rule):
    (text,) = [message for message in place.messages() if f"[ack: secure-bedrock:{rule}]" in message]
    return json.loads(text.partition("these statements: ")[2].partition(" [ack")[0])


@pytest.mark.parametrize("how", OF_OTHERS)
def test_an_admitted_role_that_is_not_made_here_is_never_a_success_but_a_statement_for_its_owner(place, how):
    stack = place.stack("App")
    vpc = by_attributes(stack, private_subnet_ids=SUBNETS)
    created = endpoint(stack, vpc)
    grantee = imported(how)(stack)
    created.admit(grantee)
    created.admit(grantee)
    template = place.synth()["App"]
    assert of_type(template, "AWS::IAM::Policy") == []  # nothing was granted
    (endpoint_policy,) = [row["PolicyDocument"] for row in of_type(template, "AWS::EC2::VPCEndpoint")]
    arn, statements = asked_of_owner(place, "foreign-role")
    admitted = endpoint_policy["Statement"][0]["Condition"]["ArnEquals"]["aws:PrincipalArn"]
    assert arn == admitted
    assert [s["Effect"] for s in statements] == ["Allow"] * len(statements)
    # The same actions on the same resources as the endpoint lets through.
    let_through = {(str(s["Action"]), str(s["Resource"])) for s in endpoint_policy["Statement"]}
    assert {(str(s["Action"]), str(s["Resource"])) for s in statements} == let_through


def test_the_owner_s_statements_hold_the_role_to_the_endpoint_and_models_to_their_profile(place):
    stack = place.stack("App")
    created = endpoint(
        stack, by_attributes(stack, private_subnet_ids=SUBNETS), models=[EU_LITE, LITE],
        guardrail=f"arn:aws:bedrock:{REGION}:{ACCOUNT}:guardrail/abcdefghijkl", guardrail_version=1,
    )  # fmt: skip
    created.admit(imported("another account")(stack))
    _, statements = asked_of_owner(place, "foreign-role")
    conditions = [s.get("Condition", {}) for s in statements]
    through = "the id of App/Bedrock/bedrock-runtime"
    for statement, condition in zip(statements, conditions, strict=True):
        if statement["Action"] == "bedrock:ApplyGuardrail":
            continue
        tied = condition.get("StringEquals", {}).get("aws:SourceVpce") == through
        assert tied != ("bedrock:InferenceProfileArn" in json.dumps(condition))
    assert any("bedrock:GuardrailIdentifier" in json.dumps(condition) for condition in conditions)


@pytest.mark.parametrize(
    "make",
    [
        lambda stack: iam.Role(stack, "R", assumed_by=ROOT),
        lambda stack: iam.LazyRole(stack, "R", assumed_by=ROOT),
        lambda stack: iam.Role(stack, "R", assumed_by=ROOT).role_arn,
        lambda stack: iam.ArnPrincipal(iam.Role(stack, "R", assumed_by=ROOT).role_arn),
        lambda _: iam.AccountPrincipal(OTHER_ACCOUNT),
    ],
    ids=["role", "lazy role", "its ARN", "its principal", "account"],
)
def test_of_a_role_made_here_its_owner_is_asked_nothing(place, make):
    stack = place.stack("App")
    endpoint(stack, by_attributes(stack, private_subnet_ids=SUBNETS)).admit(make(stack))
    assert not any("foreign-role" in message for message in place.messages())


def test_a_scoped_role_may_use_an_imported_one(place):
    stack = place.stack("App")
    role = iam.Role.from_role_arn(stack, "R", f"arn:aws:iam::{OTHER_ACCOUNT}:role/a/b", mutable=False)
    scoped = ScopedInvokeRole(
        stack, "App", assumed_by=ROOT, models=[LITE], endpoints=["vpce-0123456789abcdef0"], may_use_roles=[role]
    )
    assert f"arn:aws:iam::{OTHER_ACCOUNT}:role/a/b" in json.dumps(scoped.ceiling_document())


def test_a_role_may_trust_an_imported_role(place):
    stack = place.stack("App")
    role = iam.Role.from_role_arn(stack, "R", f"arn:aws:iam::{ACCOUNT}:role/a/b")
    ScopedInvokeRole(stack, "App", assumed_by=role, models=[LITE], endpoints=["vpce-0123456789abcdef0"])
    (made,) = of_type(place.synth()["App"], "AWS::IAM::Role")
    (trusted,) = made["AssumeRolePolicyDocument"]["Statement"]
    assert trusted["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:role/a/b"}


ASKED = {"Trail", "LogGroups", "Alarms", "Events", "InvocationLogs"}


def quiet_audit(stack, **given):
    return BedrockAuditTrail(stack, "Audit", detections=Detection.named("D09"), **given)


@pytest.mark.parametrize(
    "make",
    [
        lambda stack: kms.Key.from_key_arn(stack, "K", f"arn:aws:kms:{REGION}:{OTHER_ACCOUNT}:key/{'0' * 8}"),
        lambda stack: kms.Key.from_key_arn(stack, "K", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{'0' * 8}"),
        lambda stack: kms.Key.from_lookup(stack, "K", alias_name="alias/audit"),
        lambda stack: kms.Key.from_cfn_key(
            kms.CfnKey(stack, "K", key_policy=OWN_KEY_POLICY)
        ),
    ],
    ids=["another account", "same account", "looked up", "made as an L1"],
)  # fmt: skip
def test_an_imported_key_s_owner_is_asked_for_its_policy(place, make):
    stack = place.stack("App")
    key = make(stack)
    quiet_audit(stack, encryption_key=key)
    template = place.synth()["App"]
    written = [s.get("Sid") for p in of_type(template, "AWS::KMS::Key") for s in p["KeyPolicy"].get("Statement", [])]
    if written:  # CDK could write the policy
        assert set(written) >= ASKED
    else:
        statements = asked_of_owner(place, "foreign-key")
        assert {statement["Sid"] for statement in statements} == ASKED


@pytest.mark.parametrize(
    "make",
    [
        lambda stack: kms.Alias.from_alias_name(stack, "A", "alias/audit"),
        lambda stack: kms.Alias(stack, "A", alias_name="alias/audit", target_key=kms.Key(stack, "K")),
    ],
    ids=["imported", "made here"],
)
def test_an_alias_is_no_key_for_log_groups(place, make):
    stack = place.stack("App")
    with pytest.raises(InvalidInput, match=r"^encryption_key: got .*; allowed is a kms.IKey that is no alias"):
        quiet_audit(stack, encryption_key=make(stack))


def policies(template):
    return [
        statement
        for policy in of_type(template, "AWS::IAM::Policy")
        if "secure-bedrock-audit-logging" in json.dumps(policy["Roles"])
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def test_an_imported_role_of_the_logging_setting_is_lent_what_this_region_needs(place):
    stack = place.stack("App")
    role = iam.Role.from_role_arn(stack, "R", LOGGING_ROLE)
    quiet_audit(stack, invocation_logging=InvocationLogging(role=role))
    template = place.synth()["App"]
    actions = [
        action
        for s in policies(template)
        for action in ([s["Action"]] if isinstance(s["Action"], str) else s["Action"])
    ]
    assert {"iam:PassRole", "bedrock:PutModelInvocationLoggingConfiguration", "logs:PutLogEvents"} <= set(actions)
    (name,) = {
        p["PolicyName"] for p in of_type(template, "AWS::IAM::Policy") if p["Roles"] == ["secure-bedrock-audit-logging"]
    }
    assert name == f"secure-bedrock-audit-logging-{REGION}"  # another Region's policy is another policy
    assert not any("foreign-logging-role" in message for message in place.messages())


def test_of_a_logging_role_that_cannot_be_granted_its_owner_is_asked(place):
    stack = place.stack("App")
    role = iam.Role.from_role_arn(stack, "R", LOGGING_ROLE, mutable=False)
    quiet_audit(stack, invocation_logging=InvocationLogging(role=role))
    assert policies(place.synth()["App"]) == []
    (passed,) = [s for s in asked_of_owner(place, "foreign-logging-role") if s["Action"] == "iam:PassRole"]
    assert passed["Condition"] == {"StringEquals": {"iam:PassedToService": "bedrock.amazonaws.com"}}


def test_what_is_no_role_is_refused_for_the_logging_setting():
    with pytest.raises(InvalidInput, match=r"^invocation_logging.role: got 'role'; allowed is an iam.IRole"):
        InvocationLogging(role="role")
