"""The audit's rules on EventBridge, as they are synthesized: what they find, what they say, and who may speak."""

from __future__ import annotations

import json
from functools import cache

import aws_cdk as cdk
import pytest
from ministack.services import eventbridge

from secure_bedrock import BedrockAuditTrail, Detection, InvalidInput, TrailSource
from secure_bedrock.constructs import _audit_events
from secure_bedrock.constructs._audit_events import EventRules
from secure_bedrock.constructs._audit_storage import place_of
from secure_bedrock.detections import Normal, Route, query_for
from tests.constructs.conftest import ACCOUNT, Place, of_type
from tests.detections.event_patterns import matches_event
from tests.detections.test_catalogue import CONSTANTS, INDEX, RECORDS, ROLE, event_of
from tests.estates.intrinsics import Deployment
from tests.oracle.simulator import ask, reason_to_leave_out

WITH_RULE = [detection.id for detection in Detection.all() if Route.EVENT in detection.routes]
ON_THE_BUS = [name for name, row in INDEX["samples"].items() if row["log"] == "cloudtrail"]


def place_of_the_samples() -> Place:
    """An audit in the account and Region of the samples, which knows what is normal in them."""
    place = Place(account=CONSTANTS["account"], region=CONSTANTS["region"])
    BedrockAuditTrail(
        place.stack("Audit"),
        "Audit",
        approved_regions=[CONSTANTS["region"]],
        approved_endpoints=[CONSTANTS["endpoint"]],
        approved_models=[CONSTANTS["model"]],
        watched_roles=[CONSTANTS["invoke_role"], ROLE + CONSTANTS["cross_account_role"]],
        watched_security_groups=[CONSTANTS["endpoint_security_group"]],
        expected_principals=[ROLE + CONSTANTS["deploy_role"]],
    )
    return place


@cache
def rules() -> dict[str, dict]:
    """The rules as a deployment fills them in, by detection."""
    templates = place_of_the_samples().synth()
    deployment = Deployment(templates)
    made = {}
    for rule in of_type(templates["Audit"], "AWS::Events::Rule"):
        (target,) = rule["Targets"]
        pattern = json.loads(json.dumps(rule["EventPattern"]), object_hook=lambda value: filled(deployment, value))
        transformer = target["InputTransformer"]
        made[rule["Name"].removeprefix("secure-bedrock-audit-")] = rule | {
            "EventPattern": pattern, "InputTransformer": transformer,
        }  # fmt: skip
    return made


def filled(deployment: Deployment, value: dict) -> object:
    is_intrinsic = len(value) == 1 and next(iter(value)).startswith(("Fn::", "Ref"))
    return deployment.resolve("Audit", value) if is_intrinsic else value


def view_of(name: str) -> object:
    event = event_of(name)
    given = {"EventId": event["id"], "Source": event["source"], "DetailType": event["detail-type"],
             "Account": event["account"], "Region": event["region"], "Time": 0,
             "Detail": json.dumps(event["detail"])}  # fmt: skip
    return eventbridge._pattern_event_view(given)


def found_in(name: str) -> set[str]:
    """The detections whose synthesized rule a record meets, by two evaluators that know nothing of each other."""
    ours = {rule for rule, made in rules().items() if matches_event(made["EventPattern"], event_of(name))}
    view = view_of(name)
    theirs = {
        rule
        for rule, made in rules().items()
        if eventbridge._matches_pattern_view(json.dumps(made["EventPattern"]), view)
    }
    assert ours == theirs
    return ours


def test_every_detection_of_single_events_has_a_rule():
    assert sorted(rules()) == sorted(WITH_RULE)
    assert len(WITH_RULE) == 21


def test_an_emulator_takes_every_pattern():
    for name, made in rules().items():
        _, reason = eventbridge._parse_pattern_text(json.dumps(made["EventPattern"]))
        assert reason is None, name


@pytest.mark.parametrize("name", ON_THE_BUS)
def test_a_record_meets_the_rules_of_what_it_fires(name):
    row = INDEX["samples"][name]
    # The audit's key is not that of the samples.
    expected = set(row["fires"]) & set(WITH_RULE)
    if CONSTANTS["audit_key"] in json.dumps(RECORDS[name]):
        expected -= {"D34"}
    assert found_in(name) == expected, row["why"]
    assert not found_in(name) & set(row["must_not_fire"])
    assert row["kind"] == "misuse" or not found_in(name)


@pytest.mark.parametrize("detection", WITH_RULE)
def test_every_rule_is_met_by_a_record(detection):
    assert any(detection in found_in(name) for name in ON_THE_BUS)


@pytest.mark.parametrize("name", [name for name in ON_THE_BUS if INDEX["samples"][name]["kind"] == "misuse"])
def test_a_message_says_who_did_what_where_and_when_and_what_to_do(name):
    for rule in found_in(name):
        text = eventbridge._apply_input_transformer(rules()[rule]["InputTransformer"], None, view_of(name))
        message = json.loads(text)
        (detection,) = Detection.named(rule)
        record = RECORDS[name]
        assert detection.name in message["content"]["title"]
        assert detection.severity.value in message["content"]["title"]
        assert message["content"]["nextSteps"][1:] == list(detection.runbook)
        assert query_for(rule).name in message["content"]["nextSteps"][0]
        said = message["metadata"]["additionalContext"]
        assert said["principal"] == record["userIdentity"].get("arn", "")
        assert (said["operation"], said["service"]) == (record["eventName"], record["eventSource"])
        assert (said["region"], said["time"]) == (record["awsRegion"], record["eventTime"])
        assert said["account"] == CONSTANTS["account"]
        assert said["error"] == record.get("errorCode", "")
        for part in (said["principal"], said["operation"], said["region"], said["time"]):
            assert part in message["content"]["description"]
        assert "<" not in text


def test_a_rule_asks_for_events_that_only_read_where_it_needs_them_and_never_else():
    asking = {name for name, made in rules().items() if made["State"] != "ENABLED"}
    assert asking == {"D08", "D11", "D24", "D29"}
    assert {rules()[name]["State"] for name in asking} == {"ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"}


def test_a_rule_is_not_met_by_what_somebody_puts_on_the_bus():
    event = event_of("con_delete_invocation_logging.json") | {"source": "com.example"}
    assert "D09" in found_in("con_delete_invocation_logging.json")
    assert not any(matches_event(made["EventPattern"], event) for made in rules().values())


def test_what_cannot_be_delivered_waits_for_an_hour_and_then_in_an_encrypted_queue_that_is_kept(place):
    BedrockAuditTrail(place.stack("Audit"), "Audit")
    template = place.synth()["Audit"]
    (queue,) = [r for r in template["Resources"].values() if r["Type"] == "AWS::SQS::Queue"]
    assert queue["Properties"]["QueueName"] == "secure-bedrock-audit-undelivered"
    assert queue["Properties"]["SqsManagedSseEnabled"] is True
    assert queue["Properties"]["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert (queue["DeletionPolicy"], queue["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    for rule in of_type(template, "AWS::Events::Rule"):
        (target,) = rule["Targets"]
        assert "Undelivered" in json.dumps(target["DeadLetterConfig"])
        assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 3600}


def test_an_audit_without_such_detections_has_no_queue(place):
    BedrockAuditTrail(place.stack("Audit"), "Audit", detections=Detection.named("D02"))
    template = place.synth()["Audit"]
    assert of_type(template, "AWS::SQS::Queue") == of_type(template, "AWS::Events::Rule") == []


def test_every_rule_s_failures_are_watched(place):
    BedrockAuditTrail(place.stack("Audit"), "Audit")
    template = place.synth()["Audit"]
    watched = {
        each["MetricStat"]["Metric"]["Dimensions"][0]["Value"]
        for alarm in of_type(template, "AWS::CloudWatch::Alarm")
        if "event-failures" in alarm["AlarmName"]
        for each in alarm["Metrics"]
        if "MetricStat" in each
    }
    assert watched == {rule["Name"] for rule in of_type(template, "AWS::Events::Rule")}


def test_without_a_trail_of_its_own_an_audit_still_tells_of_single_events(place):
    BedrockAuditTrail(place.stack("Audit"), "Audit", trail=TrailSource.none())
    made = {rule["Name"] for rule in of_type(place.synth()["Audit"], "AWS::Events::Rule")}
    assert "secure-bedrock-audit-D19" in made


RULE = f"arn:aws:events:eu-west-1:{ACCOUNT}:rule/secure-bedrock-audit-D09"
WHO = [
    ("the role, to the topic", f"arn:aws:sts::{ACCOUNT}:assumed-role/secure-bedrock-audit-events-eu-west-1/s",
     "sns:Publish", {}, True),
    ("the role, without TLS", f"arn:aws:sts::{ACCOUNT}:assumed-role/secure-bedrock-audit-events-eu-west-1/s",
     "sns:Publish", {"aws:SecureTransport": "false"}, False),
    ("EventBridge, for whatever rule", "events.amazonaws.com", "sns:Publish", {"aws:SourceArn": RULE}, False),
    ("EventBridge, for a rule of another account", "events.amazonaws.com", "sns:Publish",
     {"aws:SourceArn": RULE.replace(ACCOUNT, "222233334444")}, False),
    ("EventBridge, for our rule, into the queue", "events.amazonaws.com", "sqs:SendMessage",
     {"aws:SourceArn": RULE}, True),
    ("EventBridge, for another rule of ours, into the queue", "events.amazonaws.com", "sqs:SendMessage",
     {"aws:SourceArn": RULE.replace("secure-bedrock-audit-D09", "other")}, False),
    ("EventBridge, for another account's rule, into the queue", "events.amazonaws.com", "sqs:SendMessage",
     {"aws:SourceArn": RULE.replace(ACCOUNT, "222233334444")}, False),
    ("EventBridge, for our rule, into the queue without TLS", "events.amazonaws.com", "sqs:SendMessage",
     {"aws:SourceArn": RULE, "aws:SecureTransport": "false"}, False),
]  # fmt: skip


@pytest.mark.skipif(reason_to_leave_out() is not None, reason=str(reason_to_leave_out()))
def test_who_may_speak_by_the_simulator(place):
    BedrockAuditTrail(place.stack("Audit"), "Audit")
    templates = place.synth()
    deployment = Deployment(templates)

    def written(kind: str) -> list[dict]:
        return [deployment.resolve("Audit", p["PolicyDocument"]) for p in of_type(templates["Audit"], kind)]

    (of_topic,), (of_queue,) = written("AWS::SNS::TopicPolicy"), written("AWS::SQS::QueuePolicy")
    (of_role,) = [p for p in written("AWS::IAM::Policy") if "sns:Publish" in json.dumps(p)]
    (topic,) = {str(s["Resource"]) for s in of_topic["Statement"]}
    (queue,) = {str(s["Resource"]) for s in of_queue["Statement"]}
    simulations = [
        {
            "request": {
                "principal": who, "action": action,
                "resource": {"resource": topic if action.startswith("sns") else queue, "accountId": ACCOUNT},
                "contextVariables": {"aws:SecureTransport": "true", **context},
            },
            "identityPolicies": [] if who.endswith("amazonaws.com") else [{"name": "own", "policy": of_role}],
            "serviceControlPolicies": [], "resourceControlPolicies": [],
            "resourcePolicy": of_topic if action.startswith("sns") else of_queue,
        }
        for _, who, action, context, _ in WHO
    ]  # fmt: skip
    answers = ask(simulations)
    assert [answer.problem for answer in answers] == [None] * len(answers)
    wrong = [row[0] for row, answer in zip(WHO, answers, strict=True) if (answer.result == "Allowed") != row[4]]
    assert wrong == []


STRANGER = "222233334444"
#: Whose rule EventBridge comes for: the account, the rule, and whether it may have the role.
FOR_WHOM = [
    (ACCOUNT, RULE, True),
    (ACCOUNT, RULE.replace("secure-bedrock-audit-D09", "other"), False),
    (STRANGER, RULE.replace(ACCOUNT, STRANGER), False),
    (STRANGER, RULE, False),
    (ACCOUNT, RULE.replace(ACCOUNT, STRANGER), False),
]


@pytest.mark.skipif(reason_to_leave_out() is not None, reason=str(reason_to_leave_out()))
def test_whose_rules_may_have_the_role_by_the_simulator(place):
    """EventBridge speaks for the rules of every account: AWS, IAM User Guide, "The confused deputy problem"."""
    BedrockAuditTrail(place.stack("Audit"), "Audit")
    templates = place.synth()
    (role,) = [
        r for r in of_type(templates["Audit"], "AWS::IAM::Role")
        if r.get("RoleName") == "secure-bedrock-audit-events-eu-west-1"
    ]  # fmt: skip
    trust = Deployment(templates).resolve("Audit", role["AssumeRolePolicyDocument"])
    arn = f"arn:aws:iam::{ACCOUNT}:role/secure-bedrock/{role['RoleName']}"
    simulations = [
        {
            "request": {
                "principal": "events.amazonaws.com", "action": "sts:AssumeRole",
                "resource": {"resource": arn, "accountId": ACCOUNT},
                "contextVariables": {"aws:SourceAccount": account, "aws:SourceArn": rule},
            },
            "identityPolicies": [], "serviceControlPolicies": [], "resourceControlPolicies": [],
            "resourcePolicy": trust,
        }
        for account, rule, _ in FOR_WHOM
    ]  # fmt: skip
    answers = ask(simulations)
    assert [answer.problem for answer in answers] == [None] * len(answers)
    assert [answer.result == "Allowed" for answer in answers] == [allowed for *_, allowed in FOR_WHOM]


def test_a_pattern_that_is_too_long_names_the_detection_and_the_property(place):
    groups = [f"sg-{index:017x}" for index in range(60)]
    with pytest.raises(InvalidInput, match=r"^D21: the .* pattern has .* give fewer values in watched_security_groups"):
        BedrockAuditTrail(place.stack(), "Audit", watched_security_groups=groups)


def test_more_rules_than_a_bus_takes_are_refused(place, monkeypatch):
    monkeypatch.setattr(_audit_events, "limit", lambda _: 2)
    with pytest.raises(InvalidInput, match=r"^detections: D13 needs a rule more than the 2 a bus has"):
        BedrockAuditTrail(place.stack(), "Audit", trail=TrailSource.none())


def test_alternatives_that_do_not_fit_into_one_rule_are_divided_and_lose_nothing(place):
    audit = BedrockAuditTrail(place.stack("Audit"), "Audit", detections=Detection.named("D02"))
    made = EventRules(cdk.Stack(place.app, "More", env=place.env), place_of(audit), audit.topic, audit.key)
    (detection,) = Detection.named("D22")
    roles = tuple(f"application-role-number-{index}" for index in range(40))
    assert made.tell(detection, Normal(roles=roles))
    assert made.made == ["secure-bedrock-audit-D22", "secure-bedrock-audit-D22-2"]


def test_what_a_detection_may_not_know_has_no_rule_either(place):
    BedrockAuditTrail(place.stack("Audit"), "Audit")
    names = {rule["Name"] for rule in of_type(place.synth()["Audit"], "AWS::Events::Rule")}
    assert set(WITH_RULE) - {name.removeprefix("secure-bedrock-audit-") for name in names} == {"D20", "D21", "D24"}
