"""The audit's life on the emulator: a conflict rolled back, a replacement, an update, a removal that keeps the data."""

from __future__ import annotations

import json

import aws_cdk as cdk
import pytest

from drill.cloud import emulated
from drill.environment import ACCOUNT, REGION
from secure_bedrock import BedrockAuditTrail, InvocationLogging

STACK = "secure-bedrock-audit"
TEMPLATES = "templates"
BUCKET = f"secure-bedrock-audit-{ACCOUNT}-{REGION}"
THEIRS = {"s3Config": {"bucketName": "theirs", "keyPrefix": ""}, "textDataDeliveryEnabled": True}


def template(**logging) -> str:
    app = cdk.App(context={"@aws-cdk/core:newStyleStackSynthesis": False})
    stack = cdk.Stack(
        app,
        STACK,
        env=cdk.Environment(account=ACCOUNT, region=REGION),
        synthesizer=cdk.LegacyStackSynthesizer(),
        analytics_reporting=False,
    )
    BedrockAuditTrail(stack, "Audit", invocation_logging=InvocationLogging(**logging))
    return json.dumps(app.synth().get_stack_by_name(STACK).template)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with emulated(tmp_path_factory.mktemp("audit") / "log", endpoints=0) as running:
        yield running


def setting(cloud):
    return cloud.client("bedrock").get_model_invocation_logging_configuration().get("loggingConfig")


def status(cloud):
    stacks = cloud.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    return stacks[0]["StackStatus"]


def settled(cloud, ending):
    waiter = {"create": "stack_create_complete", "update": "stack_update_complete", "delete": "stack_delete_complete"}
    name = cloud.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]["StackId"]
    config = {"Delay": 1, "MaxAttempts": 60}
    cloud.client("cloudformation").get_waiter(waiter[ending]).wait(StackName=name, WaiterConfig=config)


def test_the_audits_life(cloud):
    stacks, bedrock = cloud.client("cloudformation"), cloud.client("bedrock")
    cloud.client("s3").create_bucket(Bucket=TEMPLATES, CreateBucketConfiguration={"LocationConstraint": REGION})

    def written(**logging) -> dict[str, str]:
        """Put a template where the CDK CLI would: it is too long to be sent along."""
        cloud.client("s3").put_object(Bucket=TEMPLATES, Key="audit.json", Body=template(**logging).encode())
        return {"TemplateURL": f"https://s3.{REGION}.amazonaws.com/{TEMPLATES}/audit.json"}

    given = {"StackName": STACK, "Capabilities": ["CAPABILITY_NAMED_IAM"]}

    # Somebody else's setting stays, and nothing of the stack is left half-built.
    bedrock.put_model_invocation_logging_configuration(loggingConfig=THEIRS)
    before = setting(cloud)
    stacks.create_stack(**given, **written())
    with pytest.raises(Exception, match=r"ROLLBACK|failed"):
        settled(cloud, "create")
    assert setting(cloud) == before
    assert status(cloud) == "ROLLBACK_COMPLETE"
    assert cloud.client("cloudtrail").describe_trails()["trailList"] == []
    pages = stacks.get_paginator("describe_stack_events").paginate(StackName=STACK)
    reasons = [event.get("ResourceStatusReason", "") for page in pages for event in page["StackEvents"]]
    assert any("configured already in this account and Region" in reason for reason in reasons)
    stacks.delete_stack(StackName=STACK)
    assert leftovers(cloud) == set()

    # Told to replace it, it does, and remembers.
    stacks.create_stack(**given, **written(replace_existing=True))
    settled(cloud, "create")
    assert setting(cloud)["s3Config"]["bucketName"] == BUCKET
    stacks.update_stack(**given, **written(replace_existing=True, images=True))
    settled(cloud, "update")
    assert setting(cloud)["imageDataDeliveryEnabled"] is True

    # Somebody changes the setting: the next update fails, leaves theirs alone, and the stack is not stuck.
    ours = setting(cloud)
    bedrock.put_model_invocation_logging_configuration(loggingConfig=THEIRS)
    stacks.update_stack(**given, **written(audio=True))
    with pytest.raises(Exception, match=r"ROLLBACK|failed"):
        settled(cloud, "update")
    assert status(cloud) == "UPDATE_ROLLBACK_COMPLETE"
    assert setting(cloud) == before
    bedrock.put_model_invocation_logging_configuration(loggingConfig=ours)

    # Removed, it restores what it replaced, and what was stored stays.
    cloud.client("s3").put_object(Bucket=BUCKET, Key="AWSLogs/record", Body=b"{}")
    name = stacks.describe_stacks(StackName=STACK)["Stacks"][0]["StackId"]
    stacks.delete_stack(StackName=STACK)
    stacks.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    assert setting(cloud) == before
    assert cloud.client("cloudtrail").describe_trails()["trailList"] == []
    assert cloud.client("s3").get_object(Bucket=BUCKET, Key="AWSLogs/record")["Body"].read() == b"{}"
    groups = cloud.client("logs").describe_log_groups(logGroupNamePrefix="/secure-bedrock/audit/")["logGroups"]
    assert {group["logGroupName"] for group in groups} == {
        "/secure-bedrock/audit/trail",
        "/secure-bedrock/audit/invocations",
    }
    assert leftovers(cloud) >= {BUCKET, "/secure-bedrock/audit/trail", f"secure-bedrock-audit-invocations-{REGION}"}
    policy = json.loads(cloud.client("s3").get_bucket_policy(Bucket=BUCKET)["Policy"])
    assert "InvocationLogs" in {statement.get("Sid") for statement in policy["Statement"]}


def leftovers(cloud):
    """Return what bears the audit's names, whether a stack holds it or not."""
    groups = cloud.client("logs").describe_log_groups(logGroupNamePrefix="/secure-bedrock/audit/")["logGroups"]
    roles = cloud.client("iam").list_roles(PathPrefix="/secure-bedrock/")["Roles"]
    buckets = cloud.client("s3").list_buckets()["Buckets"]
    return (
        {each["logGroupName"] for each in groups}
        | {each["RoleName"] for each in roles}
        | {each["Name"] for each in buckets if each["Name"] == BUCKET}
    )
