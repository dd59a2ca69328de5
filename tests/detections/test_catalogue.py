"""Every detection over constructed records: what should fire fires, by both routes, and nothing benign does."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from secure_bedrock.detections import (
    CATALOGUE,
    INFERENCE,
    Bus,
    Detection,
    Normal,
    Records,
    Route,
    Severity,
    event_patterns,
    filter_patterns,
)
from secure_bedrock.detections.expressions import all_of, any_of, equals, none_of
from secure_bedrock.errors import InvalidInput
from tests.detections.event_patterns import matches_event
from tests.detections.filter_patterns import matches

SAMPLES = Path(__file__).parent / "samples"
INDEX = json.loads((SAMPLES / "INDEX.json").read_text("utf-8"))
CONSTANTS = dict(INDEX["constants"])
RECORDS = {name: json.loads((SAMPLES / name).read_text("utf-8")) for name in INDEX["samples"]}
ACCOUNT = CONSTANTS["account"]
ROLE = f"arn:aws:iam::{ACCOUNT}:role/"
NORMAL = Normal(
    account=ACCOUNT,
    regions=(CONSTANTS["region"],),
    endpoints=(CONSTANTS["endpoint"],),
    accounts=(ACCOUNT,),
    models=(CONSTANTS["model"],),
    roles=(CONSTANTS["invoke_role"], CONSTANTS["cross_account_role"]),
    mfa_roles=(ROLE + CONSTANTS["cross_account_role"],),
    security_groups=(CONSTANTS["endpoint_security_group"],),
    principals=(ROLE + CONSTANTS["deploy_role"],),
    key=CONSTANTS["audit_key"],
)
IDS = [detection.id for detection in CATALOGUE]
#: No single record tells; a query or a metric does.
NOT_BY_A_RECORD = {"D32", "D36"}


def fires(detection: Detection, name: str) -> bool:
    """Whether a record meets a detection's metric filter."""
    in_invocations = INDEX["samples"][name]["log"] == "invocation"
    if in_invocations != (Records.INVOCATIONS in detection.records):
        return False
    if detection.text:
        return matches(detection.text, RECORDS[name])
    expression = detection.find(NORMAL)
    if expression is None:
        return False
    return any(matches(pattern, RECORDS[name]) for pattern in filter_patterns(detection.id, expression))


def event_of(name: str) -> dict[str, object]:
    """A record as EventBridge delivers it."""
    record = RECORDS[name]
    sign_in = record.get("eventName") == "ConsoleLogin"
    return {
        "id": record.get("eventID", "0"),
        "source": f"aws.{str(record['eventSource']).partition('.')[0]}",
        "detail-type": "AWS Console Sign In via CloudTrail" if sign_in else "AWS API Call via CloudTrail",
        "account": ACCOUNT,
        "region": record["awsRegion"],
        "detail": record,
    }


def reaches(detection: Detection, name: str) -> bool:
    """Whether the record, as an event on the bus, meets a detection's rule."""
    expression = detection.find(NORMAL)
    assert expression is not None
    rules = event_patterns(detection.id, expression, detail_type=detection.detail_type)
    return any(matches_event(rule, event_of(name)) for rule in rules)


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_fires_exactly_what_the_index_says(name):
    row = INDEX["samples"][name]
    found = [detection.id for detection in CATALOGUE if fires(detection, name)]
    assert found == row["fires"], row["why"]
    assert set(row["should_fire"]) - NOT_BY_A_RECORD <= set(found)
    assert not set(row["must_not_fire"]) & set(found)


@pytest.mark.parametrize("name", [name for name, row in INDEX["samples"].items() if row["kind"] == "benign"])
def test_no_benign_record_raises_an_alarm_by_itself(name):
    assert [d.id for d in CATALOGUE if fires(d, name) and d.threshold == 1] == []


ON_THE_BUS = [d for d in CATALOGUE if d.find(NORMAL) is not None and Records.MANAGEMENT in d.records]


@pytest.mark.parametrize("detection", ON_THE_BUS, ids=lambda d: d.id)
def test_a_rule_on_the_bus_finds_what_the_metric_filter_finds(detection):
    on_the_bus = [name for name, row in INDEX["samples"].items() if row["log"] == "cloudtrail"]
    different = [name for name in on_the_bus if fires(detection, name) != reaches(detection, name)]
    assert different == []


@pytest.mark.parametrize("detection", [d for d in CATALOGUE if Route.EVENT in d.routes], ids=lambda d: d.id)
def test_a_rule_asks_for_the_events_that_only_read_where_it_needs_them(detection):
    found = [name for name in RECORDS if fires(detection, name)]
    assert any(RECORDS[name].get("readOnly") for name in found) <= detection.reads
    assert detection.threshold == 1, "a rule tells of each event"


@pytest.mark.parametrize("detection", [d for d in CATALOGUE if Route.EVENT in d.routes], ids=lambda d: d.id)
def test_what_only_global_services_report_is_looked_for_where_they_do(detection):
    sources = {RECORDS[name]["eventSource"] for name in RECORDS if fires(detection, name)}
    elsewhere = {"iam.amazonaws.com", "organizations.amazonaws.com", "sts.amazonaws.com", "signin.amazonaws.com"}
    assert bool(sources & elsewhere) <= (Bus.GLOBAL in detection.bus)


@pytest.mark.parametrize("detection", [d for d in CATALOGUE if d.id not in NOT_BY_A_RECORD], ids=lambda d: d.id)
def test_every_detection_has_a_record_that_fires_and_one_that_nearly_does(detection):
    rows = INDEX["samples"].values()
    assert any(detection.id in row["should_fire"] for row in rows)
    assert any(detection.id in row["must_not_fire"] for row in rows)


def test_every_record_says_where_it_comes_from():
    assert set(RECORDS) == {path.name for path in SAMPLES.glob("*.json")} - {"INDEX.json"}
    for name, row in INDEX["samples"].items():
        assert row["provenance"] == "constructed", name
        assert row["shape_source"], name
        assert row["why"], name


def test_every_form_of_inference_is_counted():
    (count,) = filter_patterns("calls", INFERENCE)
    for name in ("InvokeModel", "InvokeModelWithResponseStream", "Converse", "ConverseStream", "StartAsyncInvoke"):
        assert matches(count, {"eventSource": "bedrock.amazonaws.com", "eventName": name})
    assert matches(count, {"eventSource": "bedrock-mantle.amazonaws.com", "eventName": "CreateInference"})
    assert not matches(count, {"eventSource": "bedrock.amazonaws.com", "eventName": "ListFoundationModels"})
    assert not matches(count, {"eventSource": "s3.amazonaws.com", "eventName": "InvokeModel"})


def test_the_whole_list_is_there_and_everything_is_said():
    assert [f"D{number:02}" for number in range(1, 41)] == IDS
    for detection in CATALOGUE:
        assert re.fullmatch(r"T\d{4}(\.\d{3})?|AML\.T\d{4}", detection.technique)
        assert isinstance(detection.severity, Severity)
        assert len(detection.runbook) >= 2
        assert all(part.endswith(".") for part in (*detection.runbook, detection.why, detection.blind))
        assert detection.routes
        assert detection.period % 60 == 0
        can_be_found = detection.text is not None or detection.find(NORMAL) is not None
        assert can_be_found == bool(detection.routes & (Route.FILTER | Route.EVENT))


@pytest.mark.parametrize("detection", [d for d in CATALOGUE if d.needs], ids=lambda d: d.id)
def test_what_needs_the_unknown_is_left_out(detection):
    assert detection.find(Normal()) is None


def test_what_is_expected_is_no_finding_but_never_of_what_blinds():
    exempting = {d.id for d in CATALOGUE if "principals" in d.uses}
    assert exempting == {"D08", "D10", "D16", "D20", "D21", "D22", "D27", "D28", "D30", "D35", "D37"}
    assert not exempting & {d.id for d in CATALOGUE if d.severity is Severity.CRITICAL}


def test_a_role_of_the_same_name_elsewhere_is_not_the_expected_one():
    (detection,) = Detection.named("D10")
    record = json.loads(json.dumps(RECORDS["con_guardrail_updated_by_pipeline.json"]))
    issuer = record["userIdentity"]["sessionContext"]["sessionIssuer"]
    issuer["arn"] = issuer["arn"].replace(ACCOUNT, CONSTANTS["outside_account"])
    (pattern,) = filter_patterns("D10", detection.find(NORMAL))
    assert matches(pattern, record)


def test_declared_models_on_bedrock_mantle_are_no_finding():
    (detection,) = Detection.named("D15")
    record = RECORDS["con_mantle_inference_sigv4.json"]
    declared = replace(NORMAL, mantle_models=(record["requestParameters"]["model"],))
    assert matches(*filter_patterns("D15", detection.find(NORMAL)), record)
    assert not matches(*filter_patterns("D15", detection.find(declared)), record)


def test_endpoints_of_one_region_say_nothing_of_another():
    (detection,) = Detection.named("D01")
    (pattern,) = filter_patterns("D01", detection.find(replace(NORMAL, region="us-east-1")))
    record = RECORDS["con_invoke_not_via_endpoint.json"]
    assert matches(pattern, record)
    assert not matches(pattern, record | {"awsRegion": "eu-west-1"})


def test_an_unknown_id_gets_the_nearest():
    with pytest.raises(InvalidInput, match=r"detections: got 'D041'.*did you mean 'D0?4"):
        Detection.named("D041")


def test_a_pattern_that_is_too_long_is_refused_by_both_routes():
    many = replace(NORMAL, endpoints=tuple(f"vpce-{index:017x}" for index in range(200)))
    (detection,) = Detection.named("D01")
    expression = detection.find(many)
    with pytest.raises(InvalidInput, match=r"D01: the filter pattern has \d+ characters, 1024 are allowed"):
        filter_patterns("D01", expression)
    with pytest.raises(InvalidInput, match=r"D01: the event pattern has \d+ characters, 2048 are allowed"):
        event_patterns("D01", expression, detail_type="x")


def test_fifteen_endpoints_fit():
    many = replace(NORMAL, endpoints=tuple(f"vpce-{index:017x}" for index in range(15)))
    (detection,) = Detection.named("D01")
    assert filter_patterns("D01", detection.find(many))


def test_alternatives_that_do_not_fit_into_one_pattern_are_divided_and_lose_nothing():
    parts = [equals("a.b", f"{index:050}") for index in range(40)]
    divided = filter_patterns("D00", any_of(*parts))
    assert len(divided) > 1
    assert all(any(matches(one, {"a": {"b": f"{index:050}"}}) for one in divided) for index in range(40))
    assert not any(matches(one, {"a": {"b": "x"}}) for one in divided)
    with pytest.raises(InvalidInput, match="D00: the filter pattern has"):
        filter_patterns("D00", all_of(*(none_of("a.b", (f"{index:050}",)) for index in range(40))))


@pytest.mark.parametrize("value", ['a"b', "a\\b", "a*b", ""])
def test_a_text_that_would_end_early_or_mean_nothing_is_refused(value):
    with pytest.raises(InvalidInput, match=r"^a: got"):
        equals("a", value)


@pytest.mark.parametrize("region", ["eu-west-1", "ap-southeast-1"])
def test_a_pattern_fits_when_its_tokens_are_filled_in(region):
    token, arn = "${Token[TOKEN.7]}", f"arn:aws:kms:{region}:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000"
    (detection,) = Detection.named("D34")
    written = filter_patterns("D34", detection.find(replace(NORMAL, key=token, log_group="l" * 200)))
    assert all(len(pattern.replace(token, arn)) <= 1024 for pattern in written)
    assert sum(token in pattern for pattern in written) == 1
    endpoints = tuple(f"${{Token[TOKEN.{index}]}}" for index in range(15))
    (inference,) = Detection.named("D01")
    assert filter_patterns("D01", inference.find(replace(NORMAL, endpoints=endpoints)))
