"""The readers of the two languages read them as AWS documents them, and refuse what AWS would."""

from __future__ import annotations

import pytest

from tests.detections.event_patterns import EventPatternError, matches_event
from tests.detections.filter_patterns import PatternError, matches


@pytest.mark.parametrize(
    ("written", "event", "expected"),
    [
        ('{ $.a = "x" }', {"a": "x"}, True),
        ('{ $.a != "x" }', {}, False),
        ('{ $.a != "x" }', {"a": "y"}, True),
        ('{ $.a != "x*" }', {"a": "xy"}, False),
        ("{ $.a NOT EXISTS }", {}, True),
        ("{ $.a NOT EXISTS }", {"a": None}, False),
        ("{ $.a.b IS TRUE }", {"a": {"b": True}}, True),
        ("{ $.a.b IS TRUE }", {"a": {"b": "true"}}, False),
        ('{ $.a = "true" }', {"a": True}, False),
        ('{ $.a = "b*" }', {"a": "bc"}, True),
        ('{ $.a = "b*d" }', {"a": "bcd"}, False),
        ('{ $.a = "*c*" }', {"a": "bcd"}, True),
        ('{ $.a[*] = "c" }', {"a": ["b", "c"]}, True),
        ('{ $.a[*] = "c" }', {"a": "c"}, False),
        ('{ $.a[*].b = "c" }', {"a": [{"b": "x"}, {"b": "c"}]}, True),
        ('{ $.a = "c" }', {"a": ["b", "c"]}, False),
        ('{ $.a-b = "c" }', {"a-b": "c"}, True),
        ('{ ($.a = "x") || (($.b = "y") && ($.c = "z")) }', {"b": "y", "c": "z"}, True),
        ("%A[KS]IA[0-9]{2}%", {"a": ["text ASIA42"]}, True),
        ("%A[KS]IA[0-9]{2}%", {"a": "ASIA"}, False),
    ],
)
def test_filter_patterns_are_read(written, event, expected):
    assert matches(written, event) is expected


@pytest.mark.parametrize(
    "written",
    [
        '$.a = "x"', "{ $.a EXISTS }", '{ ($.a = "x" }', "{ $.a = x }", "{ }", "%(group)%", "%[[:alpha:]]%",
        "{ " + " && ".join(f'($.a{index}[*] = "x")' for index in range(4)) + " }",
    ],
)  # fmt: skip
def test_what_is_no_filter_pattern_is_refused(written):
    with pytest.raises(PatternError):
        matches(written, {})


@pytest.mark.parametrize(
    ("written", "event", "expected"),
    [
        ({"a": ["x"]}, {"a": "x"}, True),
        ({"a": ["x"]}, {"a": ["y", "x"]}, True),
        ({"a": ["x"]}, {}, False),
        ({"a": [True]}, {"a": True}, True),
        ({"a": [True]}, {"a": "true"}, False),
        ({"a": {"b": ["x"]}}, {"a": {"b": "x"}}, True),
        ({"a": {"b": ["x"]}}, {"a": None}, False),
        ({"a": {"b": ["x"]}}, {"a": [{"b": "y"}, {"b": "x"}]}, True),
        ({"a": [{"anything-but": ["x", "y"]}]}, {"a": "z"}, True),
        ({"a": [{"anything-but": ["x", "y"]}]}, {"a": "y"}, False),
        ({"a": [{"anything-but": ["x"]}]}, {}, False),
        ({"a": [{"anything-but": {"wildcard": ["x*", "y"]}}]}, {"a": "xz"}, False),
        ({"a": [{"exists": False}]}, {}, True),
        ({"a": [{"exists": False}]}, {"a": "x"}, False),
        ({"a": {"b": [{"exists": False}]}}, {}, True),
        ({"a": {"b": [{"exists": False}]}}, {"a": {"c": 1}}, True),
        ({"a": [{"exists": False}, {"anything-but": ["x"]}]}, {"a": "x"}, False),
        ({"a": [{"prefix": "b"}]}, {"a": "bc"}, True),
        ({"a": [{"suffix": "c"}]}, {"a": "bc"}, True),
        ({"a": [{"wildcard": "*b*"}]}, {"a": "abc"}, True),
        ({"$or": [{"a": ["x"]}, {"b": ["y"]}]}, {"b": "y"}, True),
        ({"c": ["z"], "$or": [{"a": ["x"]}, {"b": ["y"]}]}, {"b": "y"}, False),
    ],
)
def test_event_patterns_are_read(written, event, expected):
    assert matches_event(written, event) is expected


@pytest.mark.parametrize(
    "written",
    [{}, {"a": "x"}, {"a": []}, {"$or": [{"a": ["x"]}]}, {"a": [{"like": "x"}]}, {"a": [{"wildcard": "**"}]},
     {"a": [{"prefix": "x", "suffix": "y"}]}],
)  # fmt: skip
def test_what_is_no_event_pattern_is_refused(written):
    with pytest.raises(EventPatternError):
        matches_event(written, {"a": "x"})
