"""UsageWatch: alarms on tokens, by band and by role, and the account's budget."""

from __future__ import annotations

import json

import pytest
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Annotations, Match

from secure_bedrock import (
    BedrockAuditTrail,
    InvalidInput,
    InvocationLogging,
    Network,
    ScopedInvokeRole,
    TrailSource,
    UsageWatch,
)
from tests.constructs.conftest import of_type
from tests.detections.filter_patterns import matches

PREFIX = "secure-bedrock-audit-"
ROLES = ["secure-bedrock-App", "other"]
TOLD = {"notify": ["ops@example.com", "money@example.com"]}


def audit(place, **changed):
    given = {"invocation_logging": InvocationLogging(), "watched_roles": ROLES, **changed}
    return BedrockAuditTrail(place.stack("Audit"), "Audit", **given)


def made(place, kind):
    return of_type(place.synth()["Audit"], kind)


def alarms(place):
    return {p["AlarmName"].removeprefix(PREFIX): p for p in made(place, "AWS::CloudWatch::Alarm")}


def test_more_tokens_than_usual_are_told_in_each_direction(place):
    audit(place)
    found = alarms(place)
    for name, metric in (("unusual-input-tokens", "InputTokenCount"), ("unusual-output-tokens", "OutputTokenCount")):
        alarm = found[name]
        measured, band = alarm["Metrics"]
        assert measured["MetricStat"]["Metric"] == {"MetricName": metric, "Namespace": "AWS/Bedrock"}
        assert measured["MetricStat"]["Stat"] == "Sum"
        assert band["Expression"] == f"ANOMALY_DETECTION_BAND({measured['Id']}, 3)"
        assert alarm["ThresholdMetricId"] == band["Id"]
        assert alarm["ComparisonOperator"] == "GreaterThanUpperThreshold"
        together = [each for each in made(place, "AWS::CloudWatch::CompositeAlarm") if each.get("AlarmActions")]
        named = f'"{PREFIX}{name}"'
        assert alarm.get("AlarmActions") or any(
            named in json.dumps(each["AlarmRule"]).replace("\\", "") for each in together
        )
        assert "secure-bedrock-audit/tokens-by-principal" in alarm["AlarmDescription"]


def test_tokens_can_be_left_unwatched(place):
    audit(place, usage=UsageWatch(unusual_tokens=False))
    assert not [name for name in alarms(place) if "tokens" in name]


def test_each_watched_role_has_an_alarm_on_what_goes_in_and_out(place):
    watched = audit(place, usage=UsageWatch(tokens_by_role=50_000))
    found, filters = alarms(place), {p["FilterName"]: p for p in made(place, "AWS::Logs::MetricFilter")}
    for role in ROLES:
        alarm = found[f"tokens-{role}"]
        assert (alarm["Threshold"], alarm["Period"], alarm["Statistic"]) == (50_001, 300, "Sum")
        for way in ("input", "output"):
            row = filters[f"{PREFIX}Tokens-{role}-{way}"]
            (metric,) = row["MetricTransformations"]
            assert metric["MetricName"] == alarm["MetricName"] == f"Tokens-{role}"
            assert metric["MetricValue"] == f"$.{way}.{way}TokenCount"
            assert "Dimensions" not in metric  # a session's name would be a metric each
            assert "InvocationLogging" in json.dumps(row["LogGroupName"])
    assert len(watched.alarms) == len(found)


def test_the_filter_counts_every_session_of_the_role_and_of_no_other(place):
    audit(place, usage=UsageWatch(tokens_by_role=1))
    (pattern,) = {
        p["FilterPattern"] for p in made(place, "AWS::Logs::MetricFilter") if "Tokens-other" in p["FilterName"]
    }
    for name, expected in (
        ("other/x", True),
        ("other/y.z@example.com", True),
        ("another/x", False),
        ("other2/x", False),
    ):
        record = {"identity": {"arn": f"arn:aws-us-gov:sts::111122223333:assumed-role/{name}"}}
        assert matches(pattern, record) is expected


def test_the_roles_of_the_app_are_watched_where_none_is_named(place):
    stack = place.stack("Audit")
    role = ScopedInvokeRole(
        stack, "App", assumed_by=iam.AccountRootPrincipal(), models=["amazon.nova-lite-v1:0"], network=Network.ANYWHERE
    )
    BedrockAuditTrail(
        stack, "Audit", invocation_logging=InvocationLogging(), usage=UsageWatch(tokens_by_role=1)
    )  # fmt: skip
    assert f"tokens-{role.role_name}" in alarms(place)


def test_without_a_role_it_says_so(make_place):
    place = make_place()
    stack = place.stack("Audit")
    BedrockAuditTrail(stack, "Audit", invocation_logging=InvocationLogging(), usage=UsageWatch(tokens_by_role=1))
    place.synth()
    Annotations.from_stack(stack).has_warning("*", Match.string_like_regexp("tokens_by_role: no role is watched"))


def test_a_budget_tells_people_of_what_bedrock_costs(place):
    watched = audit(place, usage=UsageWatch(monthly_budget=500, billed_as=("Amazon Bedrock", "Some Model")), **TOLD)
    (budget,) = made(place, "AWS::Budgets::Budget")
    assert watched.budget is not None
    assert budget["Budget"]["BudgetName"] == f"{PREFIX}bedrock"
    assert budget["Budget"]["BudgetLimit"] == {"Amount": 500, "Unit": "USD"}
    assert budget["Budget"]["CostFilters"] == {"Service": ["Amazon Bedrock", "Some Model"]}
    told = [(row["Notification"]["NotificationType"], row["Notification"]["Threshold"], [
        (each["SubscriptionType"], each["Address"]) for each in row["Subscribers"]
    ]) for row in budget["NotificationsWithSubscribers"]]  # fmt: skip
    people = [("EMAIL", "ops@example.com"), ("EMAIL", "money@example.com")]
    assert told == [("ACTUAL", 80, people), ("ACTUAL", 100, people), ("FORECASTED", 100, people)]


def test_a_budget_that_may_miss_models_says_so(place):
    stack = place.stack("Audit")
    BedrockAuditTrail(stack, "Audit", usage=UsageWatch(monthly_budget=500), **TOLD)
    place.synth()
    Annotations.from_stack(stack).has_warning("*", Match.string_like_regexp("name them all in billed_as"))


@pytest.mark.parametrize(
    ("usage", "changed", "message"),
    [
        ("all", {}, "usage: got 'all'; allowed is UsageWatch"),
        (
            UsageWatch(monthly_budget=5),
            {},
            "usage.monthly_budget: got 5; allowed is 1 to 10 e-mail addresses in notify",
        ),
        (UsageWatch(monthly_budget=0), TOLD, "usage.monthly_budget: got 0; allowed is US dollars"),
        (
            UsageWatch(tokens_by_role=5),
            {"invocation_logging": None},
            "usage.tokens_by_role: got 5; .*invocation_logging",
        ),
    ],
)
def test_what_cannot_be_watched_is_refused(place, usage, changed, message):
    with pytest.raises(InvalidInput, match=message):
        audit(place, usage=usage, **changed)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"unusual_tokens": 1}, "usage.unusual_tokens: got 1"),
        ({"tokens_by_role": 0}, "usage.tokens_by_role: got 0"),
        ({"tokens_by_role": True}, "usage.tokens_by_role: got True"),
        ({"billed_as": ()}, "usage.billed_as: got an empty"),
        ({"billed_as": (" ",), "monthly_budget": 1}, "usage.billed_as: got ' '"),
        ({"billed_as": ("x",)}, "usage.billed_as: got .*beside monthly_budget"),
    ],
)
def test_a_wrong_entry_is_refused(given, message):
    with pytest.raises(InvalidInput, match=message):
        UsageWatch(**given)


def test_more_roles_than_filters_fit_are_refused(place):
    audit(place, usage=UsageWatch(tokens_by_role=1), watched_roles=[f"secure-bedrock-{n}" for n in range(41)])
    with pytest.raises(Exception, match=r"usage.tokens_by_role: got 1; allowed is at most 40 watched roles: got 41"):
        place.synth()


def test_a_budget_outside_the_commercial_partition_is_refused(make_place):
    place = make_place(region="us-gov-west-1")
    with pytest.raises(InvalidInput, match=r"usage.monthly_budget: got 5; allowed is None in aws-us-gov"):
        audit(place, usage=UsageWatch(monthly_budget=5), **TOLD)


def test_without_records_tokens_are_watched_all_the_same(place):
    audit(place, trail=TrailSource.none(), invocation_logging=None)
    assert {"unusual-input-tokens", "unusual-output-tokens"} <= set(alarms(place))
