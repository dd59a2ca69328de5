"""Every condition asked of every value: whether a request with it is allowed, the prover says as the evaluator does."""

from __future__ import annotations

from itertools import product

import pytest

from secure_bedrock.policy import Estate, Principal, Request, evaluate, prove
from secure_bedrock.policy.verdicts import Proved, Refuted, Unknown
from tests.policy.test_fine_points import BUCKET, ROLE, document, never, where

ACTION, OBJECT = "s3:PutObject", f"{BUCKET}/a/x"
OTHERS = ["s3:GetObject", "s3:PutObjectAcl", "sqs:SendMessage", "bedrock:InvokeModel"]
#: By kind: a key, the operator that pins one value, texts that policies ask for, and values that requests hold.
KINDS = {
    "text": (
        "s3:text", "StringEquals", ["a", "A", "a*", "?", "*", "", "${aws:PrincipalTag/none, 'a'}", "ab"],
        [None, "", "a", "A", "b", "ab", "*"],
    ),
    "arn": (
        "aws:SourceArn", "ArnEquals", ["arn:aws:s3:::a", "arn:aws:s3:::*", "arn:*:s3:::?", "arn:aws:*:*:*:a:b"],
        [None, "arn:aws:s3:::a", "arn:aws:s3:::ab", "arn:aws:s3:::a:b", "arn:aws:sns:eu-west-1:1:a:b"],
    ),
    "number": ("s3:number", "NumericEquals", ["5", "5.0", "-1", "7"], [None, "4", "5", "6.5", "-1", "8"]),
    "date": (
        "aws:CurrentTime", "DateEquals", ["2026-05-01T00:00:00Z", "2026-05-02", "1777593600"],
        ["2026-04-30T23:59:59Z", "2026-05-01T00:00:00Z", "2026-05-01T12:00:00Z", "2026-06-01T00:00:00Z"],
    ),
    "address": (
        "s3:address", "IpAddress", ["203.0.113.0/24", "203.0.113.7", "2001:db8::/32", "::/0"],
        [None, "203.0.113.7", "203.0.113.8", "198.51.100.1", "2001:db8::1", "2001:db9::1"],
    ),
    "flag": ("aws:MultiFactorAuthPresent", "Bool", ["true", "FALSE"], [None, "true", "false"]),
    "bytes": ("s3:bytes", "BinaryEquals", ["QQ==", "Qg=="], [None, "QQ==", "Qw=="]),
}  # fmt: skip
OPERATORS = {
    "text": ["StringEquals", "StringEqualsIgnoreCase", "StringLike"],
    "arn": ["ArnEquals", "ArnLike", "StringLike", "StringEquals"],
    "number": ["NumericEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan"],
    "date": ["DateEquals", "DateLessThan", "DateGreaterThanEquals"],
    "address": ["IpAddress"],
    "flag": ["Bool"],
    "bytes": ["BinaryEquals"],
}
NEGATED = {
    "StringEquals": "StringNotEquals", "StringEqualsIgnoreCase": "StringNotEqualsIgnoreCase",
    "StringLike": "StringNotLike", "ArnEquals": "ArnNotEquals", "ArnLike": "ArnNotLike",
    "NumericEquals": "NumericNotEquals", "DateEquals": "DateNotEquals", "IpAddress": "NotIpAddress",
}  # fmt: skip


def conditions(kind):
    """Each operator with each text and with two, negated, with IfExists; and the question for absence."""
    key, _, texts, _ = KINDS[kind]
    written = [*([text] for text in texts), texts[:2]]
    names = [*OPERATORS[kind], *(NEGATED[each] for each in OPERATORS[kind] if each in NEGATED)]
    for name, values in product(names, written):
        yield {name: {key: values}}
        yield {f"{name}IfExists": {key: values}}
    yield from ({"Null": {key: text}} for text in ("true", "false"))


def is_answered(estate: Estate, asked: Request, pins) -> None:
    decision = evaluate(estate, asked)
    verdict = prove(estate, never(*pins, action=asked.action, resources=(asked.resource,)))
    expected = Refuted if decision.allowed else Unknown if decision.disputed else Proved
    assert isinstance(verdict, expected), f"{decision.allowed} {decision.disputed}: {verdict}"


def role(*statements):
    return Estate(principals={"app": Principal(arn=ROLE, identity=(document(*statements),))})


ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_condition_on_a_key(kind):
    key, pin, _, values = KINDS[kind]
    for condition, value in product(conditions(kind), values):
        pins = [where("Null", key, "true")] if value is None else [where(pin, key, value)]
        if kind == "text" and value and set("*?") & set(value):
            continue  # nobody pins such a text with Like; Equals reads it as it is
        context = {} if value is None else {key: value}
        asked = Request(principal="app", action=ACTION, resource=OBJECT, context=context)
        for statements in ([{**ALL, "Condition": condition}], [ALL, {**ALL, "Effect": "Deny", "Condition": condition}]):
            is_answered(role(*statements), asked, pins)


def sets(values):
    return [each for size in range(3) for each in product(values, repeat=size) if list(each) == sorted(set(each))]


@pytest.mark.parametrize("operator", ["StringEquals", "StringNotEquals", "StringLike", "StringEqualsIgnoreCase"])
@pytest.mark.parametrize("quantifier", ["ForAllValues:", "ForAnyValue:", ""])
def test_a_condition_on_a_key_with_many_values(quantifier, operator):
    key = "aws:TagKeys"
    for texts, ending, held in product((["a"], ["a", "b"], ["a*"]), ("", "IfExists"), sets(["a", "ab", "b"])):
        pins = [where("StringEquals", key, each, quantifier="ForAnyValue") for each in held]
        pins.append(
            where("StringEquals", key, *held, quantifier="ForAllValues") if held else where("Null", key, "true")
        )
        asked = Request(principal="app", action=ACTION, resource=OBJECT, context={key: held} if held else {})
        condition = {f"{quantifier}{operator}{ending}": {key: texts}}
        is_answered(role({**ALL, "Condition": condition}), asked, pins)
        is_answered(role(ALL, {**ALL, "Effect": "Deny", "Condition": condition}), asked, pins)


#: Keys of one type, and a value that is written as a text.
TYPED = {
    "aws:MultiFactorAuthAge": "60",
    "aws:CurrentTime": "2026-05-01T00:00:00Z",
    "aws:SourceIp": "203.0.113.7",
    "aws:TokenIssueTime": "2026-05-01T00:00:00Z",
}


@pytest.mark.parametrize("key", TYPED)
@pytest.mark.parametrize("operator", ["StringEquals", "StringLike", "StringEqualsIgnoreCase"])
def test_a_key_of_one_type_may_be_compared_as_a_text(operator, key):
    """A date may be written in many ways: what a policy says of its text is not settled, and never proved away."""
    context = {key: TYPED[key], "aws:MultiFactorAuthPresent": "true"}
    world = role({**ALL, "Condition": {operator: {key: TYPED[key]}}})
    assert evaluate(world, Request(principal="app", action=ACTION, resource=OBJECT, context=context)).allowed
    assert not isinstance(prove(world, never(action=ACTION)), Proved)


@pytest.mark.parametrize(
    "condition",
    [
        {"ForAnyValue:NumericEquals": {"s3:list": "5"}},
        {"ForAnyValue:NumericLessThan": {"s3:list": "5"}, "ForAnyValue:NumericGreaterThan": {"s3:list": "7"}},
        {"ForAnyValue:IpAddress": {"s3:list": "203.0.113.0/24"}},
        {"ForAnyValue:StringEquals": {"s3:list": "a"}, "ForAnyValue:StringLike": {"s3:list": "b*"}},
        {"ForAnyValue:ArnLike": {"s3:list": "arn:aws:s3:::a*"}},
        {"ForAllValues:Bool": {"s3:list": "true"}, "Null": {"s3:list": "false"}},
    ],
    ids=", ".join,
)
def test_a_list_of_another_service_may_hold_any_values(condition):
    """Of such a key the set operators tell that it is a list; each of these is allowed to somebody."""
    assert not isinstance(prove(role({**ALL, "Condition": condition}), never(action=ACTION)), Proved)


RESOURCES = [
    "*", OBJECT, f"{BUCKET}/*", f"{BUCKET}/?/x", "arn:aws:s3:::*", "arn:*:s3:*:*:records/a/x", "arn:aws:s3",
    "arn:aws:sqs:*", "arn:aws:s3:::records/${aws:PrincipalTag/none, 'a'}/x",
    "arn:aws:s3:::records/${aws:PrincipalTag/none}/x",
]  # fmt: skip


@pytest.mark.parametrize("pattern", RESOURCES)
@pytest.mark.parametrize("element", ["Resource", "NotResource"])
def test_a_pattern_of_resources(element, pattern):
    statement = {"Action": "*", element: pattern}
    for resource in (OBJECT, f"{BUCKET}/a/y", "arn:aws:s3:::other"):
        asked = Request(principal="app", action=ACTION, resource=resource)
        is_answered(role({"Effect": "Allow", **statement}), asked, [])
        is_answered(role(ALL, {"Effect": "Deny", **statement}), asked, [])


@pytest.mark.parametrize("pattern", ["*", "s3:*", "s3:PutObject", "S3:putobject", "s3:Put*", "s3:???Object", "sqs:*"])
@pytest.mark.parametrize("element", ["Action", "NotAction"])
def test_a_pattern_of_actions(element, pattern):
    statement = {element: pattern, "Resource": "*"}
    for action in (ACTION, *OTHERS):
        asked = Request(principal="app", action=action, resource=OBJECT if action.startswith("s3:") else "*")
        verdict_of = role({"Effect": "Allow", **statement})
        if action.startswith("s3:"):
            is_answered(verdict_of, asked, [])
            is_answered(role(ALL, {"Effect": "Deny", **statement}), asked, [])
        else:
            allowed = evaluate(verdict_of, asked).allowed
            verdict = prove(verdict_of, never(action=action))
            assert isinstance(verdict, Refuted if allowed else Proved)
