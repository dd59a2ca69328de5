"""The cost page is what the tool writes, and the bill counts what a template holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.cost.__main__ import document
from tools.cost.application import EVERYTHING
from tools.cost.bill import FREE, PRICED, UNPRICED, Use, bill, prices, total

PAGE = Path(__file__).parents[2] / "docs" / "cost.md"


def template(*resources):
    return {"Resources": {f"R{n}": {"Type": kind, "Properties": said} for n, (kind, said) in enumerate(resources)}}


def lines(*resources, **use):
    return {line.item: line for line in bill({"s": template(*resources)}, Use(**use))}


def alarm(*expressions, metrics=0):
    queries = [{"MetricStat": {}}] * metrics + [{"Expression": each} for each in expressions]
    return "AWS::CloudWatch::Alarm", {"Metrics": queries} if queries else {"MetricName": "m"}


def counted(name):
    return "AWS::Logs::MetricFilter", {"MetricTransformations": [{"MetricNamespace": "n", "MetricName": name}]}


def test_the_page_is_what_the_tool_writes():
    """Every kind of resource of the whole app is known, or this fails."""
    assert PAGE.read_text("utf-8") == document()


def test_everything_is_switched_on():
    switches = {"organization", "audit", "on_premises", "external", "team_project", "access_audit", "gateway"}
    assert all(getattr(EVERYTHING, name) is not None for name in switches)


def test_an_endpoint_is_billed_by_zone_and_gigabyte():
    inside = {"VpcEndpointType": "Interface", "SubnetIds": ["a", "b", "c"], "ServiceName": "com.amazonaws.x.bedrock"}
    found = lines(("AWS::EC2::VPCEndpoint", inside), gigabytes=100)
    assert total(found.values()) == pytest.approx(3 * 730 * 0.01 + 100 * 0.01)
    assert not lines(("AWS::EC2::VPCEndpoint", {"VpcEndpointType": "Gateway", "ServiceName": "s"}))


def test_alarms_are_billed_by_metric_and_bands_as_three():
    found = lines(alarm(), alarm("SUM(METRICS())", metrics=4), alarm("ANOMALY_DETECTION_BAND(m, 3)", metrics=1))
    assert found["alarms"].quantity == 5
    assert found["alarms on bands"].dollars == pytest.approx(0.3)


def test_a_metric_of_two_filters_is_one_metric():
    assert lines(counted("a"), counted("a"), counted("b"))["metrics"].quantity == 2


def test_a_trail_is_billed_for_what_it_selects():
    def selector(kind):
        return {"FieldSelectors": [{"Field": "eventCategory", "Equals": [kind]}]}

    trail = {"AdvancedEventSelectors": [selector("Management"), selector("NetworkActivity")]}
    use = {"calls": 300_000, "other_events": 100_000, "denied": 100_000}
    assert total(lines(("AWS::CloudTrail::Trail", trail), **use).values()) == pytest.approx(4 * 2 + 0.1)
    trail["InsightSelectors"] = [{"InsightType": "ApiErrorRateInsight"}]
    assert total(lines(("AWS::CloudTrail::Trail", trail), **use).values()) == pytest.approx(4 * 2 + 0.1 + 4 * 0.35)


def test_logs_are_billed_by_their_size_and_days():
    group = {"LogGroupName": "/secure-bedrock/audit/invocations", "RetentionInDays": 60}
    found = lines(("AWS::Logs::LogGroup", group), calls=1_000_000, content_bytes=1_000)
    assert total(found.values()) == pytest.approx(0.5 + 2 * 0.03)


def test_a_firewall_is_billed_by_rule_and_request():
    found = lines(("AWS::WAFv2::WebACL", {"Rules": [{}, {}]}), gateway_calls=1_000_000)
    assert total(found.values()) == pytest.approx(5 + 2 + 0.6)


def test_nothing_is_left_out_in_silence():
    with pytest.raises(KeyError, match="AWS::EC2::NatGateway"):
        lines(("AWS::EC2::NatGateway", {}))
    assert not set(PRICED) & (FREE | set(UNPRICED))


def test_every_price_says_when_and_where_it_was_found():
    assert all(row["source"] and row["source_date"] for row in prices().values())
