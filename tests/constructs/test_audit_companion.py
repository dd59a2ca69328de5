"""BedrockAuditCompanion: what it sends on, whereto, as whom, and what it refuses."""

from __future__ import annotations

import json
from functools import cache

import aws_cdk as cdk
import pytest
from ministack.services import eventbridge

from secure_bedrock import BedrockAuditCompanion, Detection, InvalidInput
from secure_bedrock.detections import Bus, Route
from secure_bedrock.policy.environment import PARTITIONS, global_region, known_regions, partition_of
from tests.constructs.conftest import ACCOUNT, Place, of_type
from tests.constructs.test_audit_events import found_in, view_of
from tests.detections.event_patterns import matches_event
from tests.detections.test_catalogue import INDEX, RECORDS, event_of

GLOBAL = {each.id for each in Detection.all() if Route.EVENT in each.routes and Bus.GLOBAL in each.bus}
REPORTED_THERE = {
    f"{service}.amazonaws.com" for service in ("iam", "organizations", "sts", "signin", "agreement-marketplace")
}


def companion(place: Place, **changed) -> BedrockAuditCompanion:
    given = {"home_region": "eu-west-1", "notify": ["ops@example.com"], **changed}
    env = cdk.Environment(account=ACCOUNT, region="us-east-1")
    return BedrockAuditCompanion(place.stack("Global", env=env), "Companion", **given)


@cache
def template() -> dict:
    place = Place()
    companion(place)
    return place.synth()["Global"]


def is_sent_on(name: str) -> bool:
    """Whether a rule finds a record, by two evaluators that know nothing of each other."""
    patterns = [rule["EventPattern"] for rule in of_type(template(), "AWS::Events::Rule")]
    ours = [matches_event(pattern, event_of(name)) for pattern in patterns]
    theirs = [eventbridge._matches_pattern_view(json.dumps(pattern), view_of(name)) for pattern in patterns]
    assert ours == theirs
    assert sum(ours) <= 1, "it would be told twice"
    return any(ours)


ELSEWHERE = [
    name for name, row in INDEX["samples"].items()
    if row["log"] == "cloudtrail" and set(row["fires"]) & GLOBAL
]  # fmt: skip


@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_the_audit_looks_for_is_sent_on_and_found_at_home(name):
    assert is_sent_on(name)
    assert found_in(name) & GLOBAL


def test_every_detection_of_global_services_is_covered():
    assert {"D13", "D16", "D22", "D23", "D24", "D29", "D33"} == GLOBAL
    assert {found for name in ELSEWHERE for found in INDEX["samples"][name]["fires"]} >= GLOBAL


def test_most_of_what_is_benign_stays_where_it_is():
    benign = [n for n, row in INDEX["samples"].items() if row["log"] == "cloudtrail" and row["kind"] == "benign"]
    sent = [name for name in benign if is_sent_on(name)]
    # Whose changes are expected is known at home only.
    assert all(RECORDS[name]["eventSource"] in REPORTED_THERE for name in sent)
    assert len(sent) < len(benign) / 5


def test_it_goes_to_the_default_bus_of_the_audit_s_region_as_a_role_that_may_do_nothing_else():
    rules = of_type(template(), "AWS::Events::Rule")
    bus = f"arn:aws:events:eu-west-1:{ACCOUNT}:event-bus/default"
    assert {target["Arn"] for rule in rules for target in rule["Targets"]} == {bus}
    assert {rule["State"] for rule in rules} == {"ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"}
    (policy,) = of_type(template(), "AWS::IAM::Policy")
    assert policy["PolicyDocument"]["Statement"] == [{"Action": "events:PutEvents", "Effect": "Allow", "Resource": bus}]
    (role,) = of_type(template(), "AWS::IAM::Role")
    assert role["RoleName"] == "secure-bedrock-audit-forwarding-us-east-1"
    assert role["Path"] == "/secure-bedrock/"
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}
    assert trust["Condition"]["ArnLike"] == {
        "aws:SourceArn": f"arn:aws:events:us-east-1:{ACCOUNT}:rule/secure-bedrock-audit-*"
    }
    assert all(rule["Name"].startswith("secure-bedrock-audit-") for rule in rules)


def test_what_cannot_be_sent_on_waits_and_somebody_is_told():
    (queue,) = of_type(template(), "AWS::SQS::Queue")
    assert queue["QueueName"] == "secure-bedrock-audit-companion-undelivered"
    for rule in of_type(template(), "AWS::Events::Rule"):
        assert "Undelivered" in json.dumps(rule["Targets"][0]["DeadLetterConfig"])
    alarms = {
        alarm["AlarmName"].removeprefix("secure-bedrock-audit-")
        for alarm in of_type(template(), "AWS::CloudWatch::Alarm")
    }
    assert alarms == {"companion-undelivered", "companion-topic-failures", "companion-event-failures"}
    (subscription,) = of_type(template(), "AWS::SNS::Subscription")
    assert subscription["Endpoint"] == "ops@example.com"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"home_region": "us-east-1"}, "home_region: got 'us-east-1'; allowed is another Region"),
        ({"home_region": "nowhere"}, "home_region: got 'nowhere'; allowed is the Region of the audit"),
        ({"home_region": "us-gov-east-1"}, "scope: got 'us-east-1'; allowed is a stack in us-gov-west-1"),
        ({"detections": Detection.named("D02")}, "detections: got 'D02'; allowed is a detection that looks at"),
        ({"notify": ["nobody"]}, "notify: got 'nobody'"),
    ],
)
def test_a_wrong_property_is_named(place, changed, message):
    with pytest.raises(InvalidInput, match=f"^{message}"):
        companion(place, **changed)


def test_every_partition_has_a_region_for_global_services():
    for region in known_regions():
        if region.startswith(("cn-", "eu-isoe-")):
            continue
        partition = partition_of(region)
        assert partition in PARTITIONS
        assert partition_of(global_region(partition)) == partition
        where = BedrockAuditCompanion.environment(ACCOUNT, region).region
        assert BedrockAuditCompanion.is_needed(region) is (where != region)
    assert BedrockAuditCompanion.environment(None, "us-gov-east-1").region == "us-gov-west-1"
    assert not BedrockAuditCompanion.is_needed("eusc-de-east-1")
