"""One incident is one page; an audit that goes silent says so; detections as a deployment wants them."""

from __future__ import annotations

import json
import re

import aws_cdk as cdk
import pytest
from aws_cdk import aws_logs as logs

from secure_bedrock import BedrockAuditTrail, Detection, InvalidInput, InvocationLogging, TrailSource
from secure_bedrock.constructs import _audit_pages
from secure_bedrock.constructs._audit_alarms import describe
from secure_bedrock.detections import Normal, Route, Severity, filter_patterns
from tests.constructs.conftest import of_type
from tests.detections.filter_patterns import matches
from tests.detections.test_catalogue import NORMAL, RECORDS, ROLE

PREFIX = "secure-bedrock-audit-"


def audit(place, **changed) -> dict:
    BedrockAuditTrail(place.stack("Audit"), "Audit", **changed)
    return place.synth()["Audit"]


def by_name(template: dict, kind: str) -> dict[str, dict]:
    return {each["AlarmName"].removeprefix(PREFIX): each for each in of_type(template, kind)}


def members(page: dict) -> list[str]:
    return re.findall(rf'ALARM\("{PREFIX}([^"]+)"\)', page["AlarmRule"])


def test_every_alarm_belongs_to_one_page_and_tells_nobody_by_itself(place):
    template = audit(place, invocation_logging=InvocationLogging())
    pages, alarms = by_name(template, "AWS::CloudWatch::CompositeAlarm"), by_name(template, "AWS::CloudWatch::Alarm")
    assert set(pages) == {"page-critical", "page-high", "page-medium", "page-low"}
    assert sorted(name for page in pages.values() for name in members(page)) == sorted(alarms)
    assert not any("AlarmActions" in alarm for alarm in alarms.values())
    assert all(page["AlarmActions"] for page in pages.values())
    for detection in Detection.all():
        if detection.id in alarms:
            assert detection.id in members(pages[f"page-{detection.severity.value}"])
    assert "silence" in members(pages["page-critical"])


def test_a_rule_is_written_as_cloudwatch_reads_it(place):
    for page in by_name(audit(place), "AWS::CloudWatch::CompositeAlarm").values():
        assert page["AlarmRule"] == " OR ".join(f'ALARM("{PREFIX}{name}")' for name in members(page))
        assert len(page["AlarmRule"]) <= 10_240


def test_the_less_urgent_page_waits_for_the_more_urgent_one(place):
    pages = by_name(audit(place, invocation_logging=InvocationLogging()), "AWS::CloudWatch::CompositeAlarm")
    held = {name: page.get("ActionsSuppressor") for name, page in pages.items()}
    assert held == {
        "page-critical": None,
        "page-high": f"{PREFIX}page-critical",
        "page-medium": f"{PREFIX}page-high",
        "page-low": f"{PREFIX}page-medium",
    }
    assert pages["page-high"]["ActionsSuppressorWaitPeriod"] == 120
    assert pages["page-high"]["ActionsSuppressorExtensionPeriod"] == 300


def test_a_page_is_made_after_its_members_and_the_page_above(place):
    template = audit(place)
    resources = template["Resources"]
    names = {
        resource["Properties"]["AlarmName"]: logical_id
        for logical_id, resource in resources.items()
        if resource["Type"] in {"AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"}
    }
    for resource in resources.values():
        if resource["Type"] == "AWS::CloudWatch::CompositeAlarm":
            needed = {names[PREFIX + name] for name in members(resource["Properties"])}
            above = resource["Properties"].get("ActionsSuppressor")
            assert set(resource["DependsOn"]) == needed | ({names[above]} if above else set())


def test_a_page_says_what_may_have_happened_and_where_to_read_on(place):
    for name, page in by_name(audit(place), "AWS::CloudWatch::CompositeAlarm").items():
        text = page["AlarmDescription"]
        assert len(text) <= 1024
        assert "TriggeringChildren" in text
        assert name.removeprefix("page-") in text
        shown = [member for member in members(page) if f" {member} " in text]
        assert len(shown) == len(members(page)) or text.endswith(f"and {len(members(page)) - len(shown)} more")


def test_a_rule_that_is_too_long_is_refused(place, monkeypatch):
    monkeypatch.setattr(_audit_pages, "limit", lambda _: 100)
    with pytest.raises(Exception, match=r"detections: the rule of their page has \d+ characters, 100 are allowed"):
        audit(place)


def test_no_records_for_half_an_hour_is_an_alarm(place):
    template = audit(place)
    silence = by_name(template, "AWS::CloudWatch::Alarm")["silence"]
    assert (silence["Namespace"], silence["MetricName"]) == ("AWS/Logs", "IncomingLogEvents")
    assert (silence["Period"], silence["Threshold"]) == (1800, 1)
    assert silence["ComparisonOperator"] == "LessThanThreshold"
    assert silence["TreatMissingData"] == "breaching"
    (dimension,) = silence["Dimensions"]
    assert dimension["Name"] == "LogGroupName"
    assert "LogGroup" in json.dumps(dimension["Value"])


def test_an_existing_log_group_is_watched_too_and_no_log_group_is_not(make_place):
    place = make_place()
    stack = place.stack("Audit")
    group = logs.LogGroup.from_log_group_name(stack, "Group", "central")
    BedrockAuditTrail(stack, "Audit", trail=TrailSource.existing(log_group=group), silence_after=cdk.Duration.hours(2))
    found = by_name(place.synth()["Audit"], "AWS::CloudWatch::Alarm")
    assert found["silence"]["Period"] == 7200
    assert found["silence"]["Dimensions"] == [{"Name": "LogGroupName", "Value": "central"}]
    assert "trail-denied" not in found
    assert "silence" not in by_name(audit(make_place(), trail=TrailSource.none()), "AWS::CloudWatch::Alarm")


@pytest.mark.parametrize("after", [cdk.Duration.seconds(90), cdk.Duration.days(2), 30])
def test_a_wrong_silence_is_refused(place, after):
    with pytest.raises(InvalidInput, match=r"^silence_after: got .*allowed is a cdk.Duration of whole minutes"):
        audit(place, silence_after=after)


def test_a_trail_whose_delivery_is_denied_is_told(place):
    filters = {f["FilterName"]: f["FilterPattern"] for f in of_type(audit(place), "AWS::Logs::MetricFilter")}
    pattern = filters[f"{PREFIX}TrailDenied"]
    denied = {"userIdentity": {"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"},
              "eventSource": "kms.amazonaws.com", "errorCode": "AccessDenied"}  # fmt: skip
    assert matches(pattern, denied)
    assert not matches(pattern, {**denied, "errorCode": "Throttling"})
    assert not matches(pattern, {**denied, "userIdentity": {"invokedBy": "s3.amazonaws.com"}})


def test_invocation_logs_that_cannot_be_delivered_are_told(place):
    alarm = by_name(audit(place, invocation_logging=InvocationLogging()), "AWS::CloudWatch::Alarm")
    names = {
        m["MetricStat"]["Metric"]["MetricName"]
        for m in alarm["invocation-log-failures"]["Metrics"]
        if "MetricStat" in m
    }
    assert names == {
        "ModelInvocationLogsCloudWatchDeliveryFailure",
        "ModelInvocationLogsS3DeliveryFailure",
        "ModelInvocationLargeDataS3DeliveryFailure",
    }


def named(name: str) -> Detection:
    return Detection.named(name)[0]


def test_a_detection_is_tuned_and_the_audit_does_as_it_says(place):
    tuned = named("D02").tuned(threshold=50, period=900, severity=Severity.HIGH)
    template = audit(place, detections=Detection.all(but=["D07"], tuned=[tuned]))
    alarm = by_name(template, "AWS::CloudWatch::Alarm")
    assert (alarm["D02"]["Threshold"], alarm["D02"]["Period"]) == (50, 900)
    assert "(high)" in alarm["D02"]["AlarmDescription"]
    assert "D07" not in alarm
    assert "D02" in members(by_name(template, "AWS::CloudWatch::CompositeAlarm")["page-high"])


def test_more_than_one_event_has_no_rule_and_a_rule_can_be_left_out_or_asked_for(place):
    template = audit(
        place,
        detections=[
            named("D10").tuned(threshold=3),
            named("D19").tuned(routes=Route.FILTER),
            named("D12").tuned(routes=Route.FILTER | Route.EVENT),
            named("D28").tuned(routes=Route.EVENT),
        ],
    )
    rules = {rule["Name"].removeprefix(PREFIX) for rule in of_type(template, "AWS::Events::Rule")}
    assert rules == {"D12", "D28"}
    assert {"D10", "D19", "D12"} <= set(by_name(template, "AWS::CloudWatch::Alarm"))
    assert "D28" not in by_name(template, "AWS::CloudWatch::Alarm")


@pytest.mark.parametrize(
    ("detection", "sample"),
    [("D12", "con_iam_user_invoke.json"), ("D10", "con_guardrail_updated_by_pipeline.json")],
)
def test_a_role_that_is_spared_is_no_finding_and_another_is(detection, sample):
    record = json.loads(json.dumps(RECORDS[sample]))
    record["userIdentity"]["sessionContext"] = {"sessionIssuer": {"arn": ROLE + "ci"}}
    spared = named(detection).tuned(spared=[ROLE + "ci"])
    nobody = Normal()

    def fires(which: Detection, event: dict) -> bool:
        return any(matches(pattern, event) for pattern in filter_patterns("x", which.find(nobody)))

    assert fires(named(detection), record)
    assert not fires(spared, record)
    record["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] = ROLE + "other"
    assert fires(spared, record)
    assert spared.find(NORMAL) is not None


@pytest.mark.parametrize(
    ("name", "changed", "message"),
    [
        ("D02", {"threshold": 0}, "D02.threshold: got 0; allowed is a positive whole number"),
        ("D02", {"threshold": True}, "D02.threshold: got True"),
        ("D02", {"period": 90}, "D02.period: got 90; allowed is whole minutes up to a day"),
        ("D02", {"period": 90_000}, "D02.period: got 90000"),
        ("D02", {"severity": "high"}, "D02.severity: got 'high'; allowed is a Severity"),
        ("D02", {"routes": Route.EVENT}, "D02.routes: got .*allowed is Route.FILTER"),
        ("D04", {"routes": Route.EVENT}, "D04.routes: got .*allowed is Route.FILTER"),
        ("D32", {"routes": Route.FILTER}, "D32.routes: got .*allowed is none"),
        ("D40", {"routes": Route.EVENT}, "D40.routes: got .*allowed is Route.FILTER"),
        ("D10", {"routes": Route(0)}, "D10.routes: got"),
        ("D10", {"spared": []}, "spared: got an empty list"),
        ("D10", {"spared": ["role"]}, "D10.spared: got 'role'; allowed is exact ARNs of roles"),
        ("D10", {"spared": [ROLE + "*"]}, "D10.spared: got"),
        ("D19", {"spared": [ROLE + "ci"]}, "D19.spared: got .*allowed is nobody: it looks at what blinds the audit"),
        ("D34", {"spared": [ROLE + "ci"]}, "D34.spared: got"),
        ("D25", {"spared": [ROLE + "ci"]}, "D25.spared: got .*its records name no role"),
    ],
)
def test_a_wrong_tuning_is_refused(name, changed, message):
    with pytest.raises(InvalidInput, match=f"^{message}"):
        named(name).tuned(**changed)


def test_ids_that_do_not_exist_and_a_detection_twice_are_refused(place):
    with pytest.raises(InvalidInput, match="detections: got 'D99'"):
        Detection.all(but=["D99"])
    with pytest.raises(InvalidInput, match="detections: got 'D02'; allowed is each once"):
        audit(place, detections=[*Detection.all(), named("D02").tuned(threshold=50)])


@pytest.mark.parametrize("known", [f"arn:aws:iam::{'1' * 12}:role/{'r' * 64}", "${Token[TOKEN.1]}", "short"])
def test_a_description_holds_what_cloudwatch_takes_and_as_much_of_what_is_known_as_fits(known):
    values = tuple(f"{known}{index}" for index in range(20))
    normal = Normal(
        account="1", region="x", regions=values, endpoints=values, accounts=values, models=values, mantle_models=values,
        roles=values, mfa_roles=values, security_groups=values, principals=values, log_group=known, key=known,
    )  # fmt: skip
    for detection in Detection.all():
        text = describe(detection, normal)
        assert len(text.replace("${Token[TOKEN.1]}", "0" * 160)) <= 1024
        assert detection.runbook[-1] in text
        if known == "short" and {"roles", "principals"} & set(detection.uses):
            assert "short3 and 16 more." in text
