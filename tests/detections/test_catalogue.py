"""Every detection over constructed records: what should fire fires, and nothing benign does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from secure_bedrock.detections import CATALOGUE, INFERENCE, Detection, Normal, Severity, pattern
from secure_bedrock.errors import InvalidInput
from tests.detections.filter_patterns import PatternError, matches

SAMPLES = Path(__file__).parent / "samples"
INDEX = json.loads((SAMPLES / "INDEX.json").read_text("utf-8"))
CONSTANTS = dict(INDEX["constants"])
RECORDS = {name: json.loads((SAMPLES / name).read_text("utf-8")) for name, row in INDEX["samples"].items()}
NORMAL = Normal(regions=("us-east-1",), endpoints=("vpce-0123456789abcdef0",))
IDS = [detection.id for detection in CATALOGUE]


def fires(detection: Detection, record: dict) -> bool:
    expression = detection.find(NORMAL)
    assert expression is not None
    return matches(pattern(detection.id, expression), record)


def cases(wanted):
    for name, row in INDEX["samples"].items():
        if row["log"] in ("cloudtrail", "network_activity"):
            yield from ((name, found) for found in wanted(row) if found in IDS)


@pytest.mark.parametrize(("name", "found"), list(cases(lambda row: row["should_fire"])))
def test_what_should_fire_fires(name, found):
    (detection,) = Detection.named(found)
    assert fires(detection, RECORDS[name]), INDEX["samples"][name]["why"]


@pytest.mark.parametrize(("name", "found"), list(cases(lambda row: row["must_not_fire"])))
def test_what_must_not_fire_does_not(name, found):
    (detection,) = Detection.named(found)
    assert not fires(detection, RECORDS[name]), INDEX["samples"][name]["why"]


@pytest.mark.parametrize("name", [name for name, row in INDEX["samples"].items() if row["kind"] == "benign"])
def test_nothing_benign_fires(name):
    assert [detection.id for detection in CATALOGUE if fires(detection, RECORDS[name])] == []


def test_every_detection_fires_on_some_record():
    silent = [d.id for d in CATALOGUE if not any(fires(d, record) for record in RECORDS.values())]
    assert silent == []


def test_every_form_of_inference_is_counted():
    count = pattern("calls", INFERENCE)
    for name in ("InvokeModel", "InvokeModelWithResponseStream", "Converse", "ConverseStream", "StartAsyncInvoke"):
        assert matches(count, {"eventSource": "bedrock.amazonaws.com", "eventName": name})
    assert matches(count, {"eventSource": "bedrock-mantle.amazonaws.com", "eventName": "CreateInference"})
    assert not matches(count, {"eventSource": "bedrock.amazonaws.com", "eventName": "ListFoundationModels"})
    assert not matches(count, {"eventSource": "s3.amazonaws.com", "eventName": "InvokeModel"})


def test_ids_are_unique_and_everything_is_said():
    assert len(set(IDS)) == len(IDS) == 13
    for detection in CATALOGUE:
        assert detection.why
        assert detection.response
        assert isinstance(detection.severity, Severity)
        assert detection.period % 60 == 0


@pytest.mark.parametrize("detection", [d for d in CATALOGUE if d.needs], ids=lambda d: d.id)
def test_what_needs_the_unknown_is_left_out(detection):
    assert detection.find(Normal()) is None


def test_an_unknown_id_gets_the_nearest():
    with pytest.raises(InvalidInput, match=r"detections: got 'D1'.*did you mean 'D1"):
        Detection.named("D1")


def test_a_pattern_that_is_too_long_is_refused():
    many = Normal(endpoints=tuple(f"vpce-{index:017x}" for index in range(40)))
    (detection,) = Detection.named("D01")
    with pytest.raises(InvalidInput, match=r"D01: the filter pattern has \d+ characters, 1024 are allowed"):
        pattern("D01", detection.find(many) or "")


def test_fifteen_endpoints_fit():
    many = Normal(endpoints=tuple(f"vpce-{index:017x}" for index in range(15)))
    (detection,) = Detection.named("D01")
    assert pattern("D01", detection.find(many) or "")


@pytest.mark.parametrize(
    ("written", "event", "expected"),
    [
        ('{ $.a = "x" }', {"a": "x"}, True),
        ('{ $.a != "x" }', {}, False),
        ('{ $.a != "x" }', {"a": "y"}, True),
        ("{ $.a NOT EXISTS }", {}, True),
        ("{ $.a.b IS TRUE }", {"a": {"b": True}}, True),
        ("{ $.a.b IS TRUE }", {"a": {"b": "true"}}, False),
        ('{ $.a = "true" }', {"a": True}, False),
        ('{ $.a = "b*" }', {"a": "bc"}, True),
        ('{ $.a = "b*d" }', {"a": "bcd"}, False),
        ('{ $.a = "*c*" }', {"a": "bcd"}, True),
        ('{ ($.a = "x") || (($.b = "y") && ($.c = "z")) }', {"b": "y", "c": "z"}, True),
    ],
)
def test_the_reader_reads_the_language(written, event, expected):
    assert matches(written, event) is expected


@pytest.mark.parametrize("written", ['$.a = "x"', "{ $.a EXISTS }", '{ ($.a = "x" }', "{ $.a = x }", "{ }"])
def test_the_reader_refuses_what_is_no_pattern(written):
    with pytest.raises(PatternError):
        matches(written, {})
