"""The comparisons of IAM's operators: whether one value of a request is among a policy's values.

AWS: "IAM JSON policy elements: Condition operators". None is a case AWS does not document; the docstrings say which.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TypeVar

from secure_bedrock.errors import invalid
from secure_bedrock.policy import _values
from secure_bedrock.policy._arns import ArnPattern, fields_of
from secure_bedrock.policy._globs import Context, Parts, fill, has_variables, matcher, parse
from secure_bedrock.policy.document import Condition

Answer = bool | None
#: Whether one value of the request is among the policy's values, before any negation.
Among = Callable[[str, Context], Answer]
Typed = TypeVar("Typed")


def _string_equals(condition: Condition, *, variables: bool, negated: bool) -> Among:
    """Exactly; `*` and `?` are themselves."""
    _ = negated
    return _texts(condition, variables=variables, wildcards=False)


def _string_like(condition: Condition, *, variables: bool, negated: bool) -> Among:
    """With wildcards, which cross colons and slashes."""
    _ = negated
    return _texts(condition, variables=variables, wildcards=True)


def _texts(condition: Condition, *, variables: bool, wildcards: bool) -> Among:
    parsed = [parse(value, variables=variables, wildcards=wildcards) for value in condition.values]
    exact = frozenset("".join(map(str, parts)) for parts in parsed if _is_literal(parts))
    tests = [matcher(parts) for parts in parsed if not _is_literal(parts) and not has_variables(parts)]
    dynamic = [parts for parts in parsed if has_variables(parts)]
    if not tests and not dynamic:
        return lambda value, _: value in exact

    def among(value: str, context: Context) -> Answer:
        if value in exact or any(test(value) for test in tests):
            return True
        filled = (fill(parts, context) for parts in dynamic)
        return any(parts is not None and matcher(parts)(value) for parts in filled)

    return among


def _is_literal(parts: Parts) -> bool:
    return all(isinstance(part, str) for part in parts)


def _string_equals_ignore_case(condition: Condition, *, variables: bool, negated: bool) -> Among:
    _ = negated
    parsed = [parse(value, variables=variables, wildcards=False) for value in condition.values]

    def among(value: str, context: Context) -> Answer:
        filled = (fill(parts, context) for parts in parsed)
        return any(parts is not None and "".join(map(str, parts)).lower() == value.lower() for parts in filled)

    return among


def _arn(condition: Condition, *, variables: bool, negated: bool) -> Among:
    """Field by field.

    None where a negated operator meets a value that is no ARN, and where the policy's own value has fewer than six
    fields: for neither does AWS say what follows.
    """
    patterns = [ArnPattern(parse(value, variables=variables)) for value in condition.values]
    whole = [pattern for pattern in patterns if not pattern.malformed]
    otherwise = None if len(whole) < len(patterns) else False

    def among(value: str, context: Context) -> Answer:
        fields = fields_of(value)
        if fields is None:
            return None if negated or otherwise is None else False
        return any(pattern.matches(fields, context) for pattern in whole) or otherwise

    return among


def _compared(read: Callable[[str], Typed | None], compare: Callable[[Typed, Typed], bool], what: str):  # noqa: ANN202
    """Numbers and dates; a value of the request that is none is unequal to all and in no order with any."""

    def build(condition: Condition, *, variables: bool, negated: bool) -> Among:
        _ = variables, negated
        wanted = [_read(condition, value, read, what) for value in condition.values]

        def among(value: str, _: Context) -> Answer:
            given = read(value)
            return given is not None and any(compare(given, each) for each in wanted)

        return among

    return build


def _boolean_equals(condition: Condition, *, variables: bool, negated: bool) -> Among:
    """True or false in any case; of the operators beside text and ARN the only one that takes variables."""
    _ = negated
    parsed = [parse(value, variables=variables, wildcards=False) for value in condition.values]
    for parts, value in zip(parsed, condition.values, strict=True):
        if not has_variables(parts):
            boolean(condition, value)

    def among(value: str, context: Context) -> Answer:
        filled = (fill(parts, context) for parts in parsed)
        return any(parts is not None and "".join(map(str, parts)).lower() == value.lower() for parts in filled)

    return among


def boolean(condition: Condition, value: str) -> bool:
    if value.lower() not in {"true", "false"}:
        raise invalid(f"condition {condition.name} on {condition.key}", value, allowed="true or false")
    return value.lower() == "true"


def _binary(condition: Condition, *, variables: bool, negated: bool) -> Among:
    _ = variables, negated
    wanted = {_read(condition, value, _values.binary, "bytes in base 64") for value in condition.values}
    return lambda value, _: _values.binary(value) in wanted


def _in_range(condition: Condition, *, variables: bool, negated: bool) -> Among:
    """Within a range of its own version; None where a negated operator meets a value that is no address."""
    _ = variables
    ranges = [
        _read(condition, value, _values.address_range, "an IP address or a CIDR range") for value in condition.values
    ]

    def among(value: str, _: Context) -> Answer:
        given = _values.address(value)
        if given is None:
            return None if negated else False
        version, place = given
        return any(version == kind and first <= place <= last for kind, first, last in ranges)

    return among


def _read(condition: Condition, value: str, read: Callable[[str], Typed | None], what: str) -> Typed:
    found = read(value)
    if found is None:
        raise invalid(f"condition {condition.name} on {condition.key}", value, allowed=what)
    return found


def _ordered(prefix: str, read: Callable[[str], Typed | None], what: str):  # noqa: ANN202 - rows of the table below
    rows = {
        "Equals": operator.eq, "LessThan": operator.lt, "LessThanEquals": operator.le,
        "GreaterThan": operator.gt, "GreaterThanEquals": operator.ge,
    }  # fmt: skip
    table = {f"{prefix}{name}": (_compared(read, compare, what), False) for name, compare in rows.items()}
    return table | {f"{prefix}NotEquals": (_compared(read, operator.eq, what), True)}


#: Every operator but Null: how it is built, and whether it is negated.
OPERATORS = {
    "StringEquals": (_string_equals, False),
    "StringNotEquals": (_string_equals, True),
    "StringEqualsIgnoreCase": (_string_equals_ignore_case, False),
    "StringNotEqualsIgnoreCase": (_string_equals_ignore_case, True),
    "StringLike": (_string_like, False),
    "StringNotLike": (_string_like, True),
    "ArnEquals": (_arn, False),
    "ArnLike": (_arn, False),
    "ArnNotEquals": (_arn, True),
    "ArnNotLike": (_arn, True),
    "Bool": (_boolean_equals, False),
    "BinaryEquals": (_binary, False),
    "IpAddress": (_in_range, False),
    "NotIpAddress": (_in_range, True),
    **_ordered("Numeric", _values.number, "a number"),
    **_ordered("Date", _values.moment, "a date of ISO 8601 or seconds since 1970"),
}
