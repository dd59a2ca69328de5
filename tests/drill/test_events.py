"""On the emulator: an event that a service puts on the bus reaches the subscriber, and what was made reads back.

Not tested here: EventBridge's use of the role and of the topic's key, the dead-letter queue, retries, another
Region's bus, what holds a page back, and e-mail, none of which the emulator does. That the state of a rule decides
what it sees is the drill's own repair.
"""

from __future__ import annotations

import json

import aws_cdk as cdk
import pytest

from drill.cloud import emulated
from drill.environment import ACCOUNT, REGION
from secure_bedrock import BedrockAuditTrail, TrailSource
from tests.detections.test_catalogue import INDEX, RECORDS

STACK = "secure-bedrock-audit"
PREFIX = "secure-bedrock-audit-"


def template() -> str:
    app = cdk.App(context={"@aws-cdk/core:newStyleStackSynthesis": False})
    stack = cdk.Stack(
        app,
        STACK,
        env=cdk.Environment(account=ACCOUNT, region=REGION),
        synthesizer=cdk.LegacyStackSynthesizer(),
        analytics_reporting=False,
    )
    BedrockAuditTrail(stack, "Audit", trail=TrailSource.none())
    return json.dumps(app.synth().get_stack_by_name(STACK).template)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with emulated(tmp_path_factory.mktemp("events") / "log", endpoints=0) as running:
        s3, stacks = running.client("s3"), running.client("cloudformation")
        s3.create_bucket(Bucket="templates", CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket="templates", Key="audit.json", Body=template().encode())
        url = f"https://s3.{REGION}.amazonaws.com/templates/audit.json"
        stacks.create_stack(StackName=STACK, Capabilities=["CAPABILITY_NAMED_IAM"], TemplateURL=url)
        waiting = {"Delay": 1, "MaxAttempts": 60}
        stacks.get_waiter("stack_create_complete").wait(StackName=STACK, WaiterConfig=waiting)
        yield running


@pytest.fixture(scope="module")
def subscriber(cloud):
    """A queue that the topic tells, as text and nothing around it."""
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:{PREFIX}findings"
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:subscriber"
    topic_only = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage",
               "Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": topic}}}  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [topic_only]})
    queue = cloud.client("sqs").create_queue(QueueName="subscriber", Attributes={"Policy": policy})["QueueUrl"]
    cloud.client("sns").subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=arn,
        Attributes={"RawMessageDelivery": "true"},
    )
    return queue


def told(cloud, queue) -> list[dict]:
    messages = []
    while found := cloud.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        messages += [json.loads(each["Body"]) for each in found]
        for each in found:
            cloud.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=each["ReceiptHandle"])
    return messages


@pytest.mark.parametrize(
    ("name", "detection"),
    [("con_delete_invocation_logging.json", "D09"), ("con_stop_logging.json", "D19"),
     ("con_get_logging_configuration.json", "D08")],
)  # fmt: skip
def test_an_event_on_the_bus_reaches_the_subscriber(cloud, subscriber, name, detection):
    cloud.report(RECORDS[name])
    (message,) = told(cloud, subscriber)
    said = message["metadata"]["additionalContext"]
    assert message["content"]["title"].startswith(f"{detection} ")
    assert said["principal"] == RECORDS[name]["userIdentity"]["arn"]
    assert said["account"] == ACCOUNT
    assert said["operation"] == RECORDS[name]["eventName"]


def test_nobody_else_can_put_a_finding_on_the_bus(cloud, subscriber):
    record = RECORDS["con_delete_invocation_logging.json"]
    entry = {"DetailType": "AWS API Call via CloudTrail", "Detail": json.dumps(record)}
    answer = cloud.client("events").put_events(
        Entries=[{**entry, "Source": "aws.bedrock"}, {**entry, "Source": "com.example"}]
    )
    assert [e.get("ErrorCode") for e in answer["Entries"]] == ["NotAuthorizedForSourceException", None]
    assert told(cloud, subscriber) == []


def test_what_is_benign_tells_nobody(cloud, subscriber):
    for name, row in INDEX["samples"].items():
        if row["log"] == "cloudtrail" and row["kind"] == "benign" and not set(row["fires"]):
            cloud.report(RECORDS[name])
    # This audit expects nobody's changes and knows no roles: what it tells is of those that are expected elsewhere.
    expected_elsewhere = {"D08", "D10", "D16", "D22", "D27", "D28", "D30", "D35", "D37"}
    assert {message["metadata"]["eventType"] for message in told(cloud, subscriber)} <= expected_elsewhere


def test_what_was_made_reads_back(cloud):
    events, sqs = cloud.client("events"), cloud.client("sqs")
    rules = {rule["Name"].removeprefix(PREFIX): rule for rule in events.list_rules(NamePrefix=PREFIX)["Rules"]}
    assert {"D08", "D09", "D13", "D19", "D34"} <= set(rules)
    assert rules["D08"]["State"] == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
    assert rules["D09"]["State"] == "ENABLED"
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{PREFIX}undelivered"
    for name in rules:
        (target,) = events.list_targets_by_rule(Rule=PREFIX + name)["Targets"]
        assert target["DeadLetterConfig"]["Arn"] == queue
        assert target["RoleArn"].endswith(f"role/secure-bedrock/{PREFIX}events-{REGION}")
        assert target["InputTransformer"]["InputPathsMap"]["principal"] == "$.detail.userIdentity.arn"
    url = sqs.get_queue_url(QueueName=f"{PREFIX}undelivered")["QueueUrl"]
    kept = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert kept["MessageRetentionPeriod"] == str(14 * 24 * 3600)
    assert kept["SqsManagedSseEnabled"] == "true"
    told = cloud.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix=PREFIX)
    assert f"{PREFIX}undelivered" in {alarm["AlarmName"] for page in told for alarm in page["MetricAlarms"]}
    alarms = cloud.client("cloudwatch").describe_alarms(AlarmNamePrefix=PREFIX, AlarmTypes=["CompositeAlarm"])
    pages = {page["AlarmName"].removeprefix(PREFIX): page for page in alarms["CompositeAlarms"]}
    assert {"page-high", "page-medium"} <= set(pages)
    assert f'ALARM("{PREFIX}undelivered")' in pages["page-high"]["AlarmRule"]
