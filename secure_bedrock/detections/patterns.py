"""Expressions as CloudWatch Logs filter patterns for JSON events.

The language: CloudWatch Logs User Guide, "Filter pattern syntax". A comparison with a field that is not there does not
match, `!=` included; a star matches only at the beginning or the end of a text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from secure_bedrock.detections.expressions import Absent, Either, Every, Expression, Is, IsNot, IsTrue, any_of
from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy.limits import FILTER_PATTERN, FILTER_WILDCARDS, limit

_UNRESOLVED = re.compile(r"\$\{[^}]*\}")
_COMPARED = re.compile(r'(\$\.\S+) (!?=) "([^"]*)"')
#: Characters of what stands in a field, by how the field's name ends; of anything else, an ARN; and of a part of one.
_LENGTHS = {"EndpointId": 22, "EndpointId.content": 22, "roupId": 20, "accountId": 12, "Region": 14}
_ARN, _PART = 100, 14


def filter_patterns(name: str, expression: Expression, *, remedy: str = "approve fewer values") -> tuple[str, ...]:
    """Return the patterns that together find what the expression finds.

    Several only where alternatives do not fit into one; an event that meets alternatives of two is then counted twice.
    What is filled in at deploy time counts as long as what such a field can hold.

    Raises:
        InvalidInput: for a part that is longer than CloudWatch Logs takes.
    """
    if _fits(expression) or not isinstance(expression, Either):
        return (_pattern(name, expression, remedy),)
    packed: list[tuple[Expression, ...]] = []
    for part in expression.parts:
        last = packed[-1] if packed else ()
        if last and _fits(Either((*last, part))):
            packed[-1] = (*last, part)
        else:
            packed.append((part,))
    return tuple(_pattern(name, any_of(*parts), remedy) for parts in packed)


def _pattern(name: str, expression: Expression, remedy: str) -> str:
    whole, size = _whole(expression), _size(expression)
    if size > limit(FILTER_PATTERN):
        raise InvalidInput(
            f"{name}: the filter pattern has {size} characters, {limit(FILTER_PATTERN)} are allowed; {remedy}"
        )
    if whole.count("[*]") > limit(FILTER_WILDCARDS):
        raise InvalidInput(f"{name}: the filter pattern has more than {limit(FILTER_WILDCARDS)} wildcard selectors")
    return whole


def _fits(expression: Expression) -> bool:
    return _size(expression) <= limit(FILTER_PATTERN) and _whole(expression).count("[*]") <= limit(FILTER_WILDCARDS)


def _size(expression: Expression) -> int:
    return len(_COMPARED.sub(_filled, _whole(expression)))


def _filled(compared: re.Match[str]) -> str:
    """What CloudFormation fills in, as long as it can be: a part of an ARN is a partition, Region or account."""
    field, sign, value = compared.groups()
    whole = _UNRESOLVED.fullmatch(value.strip("*")) is not None
    length = next((size for end, size in _LENGTHS.items() if field.endswith(end)), _ARN) if whole else _PART
    return f'{field} {sign} "{_UNRESOLVED.sub("0" * length, value)}"'


def _whole(expression: Expression) -> str:
    return f"{{ {_text(expression)} }}"


def _text(expression: Expression) -> str:
    match expression:
        case Is(field, values):
            return _joined("||", (f'($.{field} = "{value}")' for value in values))
        case IsNot(field, values):
            return _joined("&&", (f'($.{field} != "{value}")' for value in values))
        case Absent(field):
            return f"($.{field} NOT EXISTS)"
        case IsTrue(field):
            return f"($.{field} IS TRUE)"
        case Every(parts):
            return _joined("&&", map(_text, parts))
        case Either(parts):
            return _joined("||", map(_text, parts))


def _joined(word: str, texts: Iterable[str]) -> str:
    parts = tuple(texts)
    return parts[0] if len(parts) == 1 else f"({f' {word} '.join(parts)})"
