"""How acknowledgements are written; tests/standards holds that they are needed and enough."""

from __future__ import annotations

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from secure_bedrock.constructs.acknowledgements import acknowledge, acknowledge_wildcards, wildcards_of
from secure_bedrock.policy.document import Policy, Statement


@pytest.fixture
def stack():
    return cdk.Stack(cdk.App(), "S")


def written(construct):
    entries = [entry for entry in construct.node.metadata if entry.type == "aws:cdk:acknowledged-rules"]
    return {rule.removeprefix("Annotation::"): reason for entry in entries for rule, reason in entry.data.items()}


def test_a_demand_is_acknowledged_in_every_pack_that_makes_it(stack):
    bucket = s3.Bucket(stack, "Bucket")
    acknowledge(bucket, {"S3BucketLoggingEnabled": "it is the log"})
    assert {"AwsSolutions-S1", "HIPAA.Security-S3BucketLoggingEnabled"} < set(written(bucket))
    assert set(written(bucket).values()) == {"it is the log"}


def test_a_single_rule_is_acknowledged_by_its_id(stack):
    bucket = s3.Bucket(stack, "Bucket")
    acknowledge(bucket, {"AwsSolutions-S1": "a", "cdk-validator-cfnguard::s3_lifecycle_policy_check": "b"})
    assert written(bucket) == {"AwsSolutions-S1": "a", "cdk-validator-cfnguard::s3_lifecycle_policy_check": "b"}


def test_a_demand_that_nobody_makes_is_an_error(stack):
    with pytest.raises(KeyError):
        acknowledge(stack, {"S3BucketLogging": "misspelt"})


def test_wildcards_are_named_as_cdk_nag_names_them(stack):
    role = iam.Role(stack, "Role", assumed_by=iam.AccountRootPrincipal())
    bucket = s3.Bucket(stack, "Bucket")
    acknowledge_wildcards(role, ["*", f"arn:{stack.partition}:s3:::x/*", bucket.arn_for_objects("*")], "why")
    logical_id = stack.get_logical_id(bucket.node.default_child)
    assert set(written(role)) == {
        "AwsSolutions-IAM5[Resource::*]",
        "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:s3:::x/*]",
        f"AwsSolutions-IAM5[Resource::<{logical_id}.Arn>/*]",
    }


def test_no_wildcard_is_no_acknowledgement(stack):
    acknowledge_wildcards(stack, [], "why")
    assert written(stack) == {}


def test_only_what_is_allowed_has_wildcards_to_explain():
    policy = Policy(
        statements=(
            Statement(effect="Allow", actions=("bedrock:InvokeModel",), resources=("arn:aws:bedrock:*::x", "arn:y")),
            Statement(effect="Deny", actions=("bedrock:InvokeModel",), resources=("*",)),
        )
    )
    assert wildcards_of(policy) == ("arn:aws:bedrock:*::x",)
