"""Expressions as EventBridge event patterns over CloudTrail's records.

The language: EventBridge User Guide, "Creating event patterns" and "Comparison operators". The members of a field's
list are alternatives, fields beside each other all count, `$or` holds alternatives over several fields.
"""

from __future__ import annotations

import json
import re
from itertools import product
from typing import Any

from secure_bedrock.detections.expressions import Absent, Either, Every, Expression, Is, IsNot, IsTrue
from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy.limits import EVENT_PATTERN, limit

#: A field's alternatives.
Rules = tuple[Any, ...]
_UNRESOLVED = re.compile(r"\$\{[^}]*\}")
#: As long as the ARN of a key.
_AN_ARN = "0" * 78


def event_patterns(
    name: str, expression: Expression, *, detail_type: str, remedy: str = "approve fewer values"
) -> tuple[dict[str, Any], ...]:
    """Return the patterns of the rules that together find what the expression finds.

    Several only where alternatives do not fit into one; an event that meets alternatives of two is then told twice.
    What is filled in at deploy time counts as long as an ARN.

    Raises:
        InvalidInput: for an alternative that is longer than EventBridge takes.
    """
    packed: list[list[dict[str, Any]]] = []
    for branch in map(_nested, _branches(expression)):
        if packed and _size(_whole(detail_type, [*packed[-1], branch])) <= limit(EVENT_PATTERN):
            packed[-1].append(branch)
        else:
            packed.append([branch])
    patterns = tuple(_whole(detail_type, branches) for branches in packed)
    size = max(map(_size, patterns))
    if size > limit(EVENT_PATTERN):
        raise InvalidInput(
            f"{name}: the event pattern has {size} characters, {limit(EVENT_PATTERN)} are allowed; {remedy}"
        )
    return patterns


def _whole(detail_type: str, branches: list[dict[str, Any]]) -> dict[str, Any]:
    detail = branches[0] if len(branches) == 1 else {"$or": branches}
    # Nobody but AWS's services can send events whose source begins so: a finding cannot be made up.
    return {"source": [{"prefix": "aws."}], "detail-type": [detail_type], "detail": detail}


def _size(pattern: dict[str, Any]) -> int:
    return len(_UNRESOLVED.sub(_AN_ARN, json.dumps(pattern, separators=(",", ":"))))


def _branches(expression: Expression) -> list[dict[str, Rules]]:
    """Return alternatives, each a mapping from fields to what they may hold."""
    match expression:
        case Is(field, values):
            return [{_path(field): tuple(_rule(value) for value in values)}]
        case IsNot(field, values):
            return [{_path(field): (_none_of(values),)}]
        case Absent(field):
            return [{_path(field): ({"exists": False},)}]
        case IsTrue(field):
            return [{_path(field): (True,)}]
        case Either(parts):
            return _united([branch for part in parts for branch in _branches(part)])
        case Every(parts):
            return [_merged(combination) for combination in product(*map(_branches, parts))]


def _united(branches: list[dict[str, Rules]]) -> list[dict[str, Rules]]:
    """Alternatives about one and the same field are one list."""
    fields = {tuple(branch) for branch in branches}
    if len(fields) == 1 and len(next(iter(fields))) == 1:
        ((field,),) = fields
        return [{field: tuple(rule for branch in branches for rule in branch[field])}]
    return branches


def _merged(branches: tuple[dict[str, Rules], ...]) -> dict[str, Rules]:
    whole: dict[str, Rules] = {}
    for branch in branches:
        for field, rules in branch.items():
            if field in whole and whole[field] != rules:
                raise InvalidInput(f"{field}: an event pattern takes one condition a field")
            whole[field] = rules
    return whole


def _nested(branch: dict[str, Rules]) -> dict[str, Any]:
    whole: dict[str, Any] = {}
    for field, rules in branch.items():
        *above, last = field.split(".")
        inner = whole
        for name in above:
            inner = inner.setdefault(name, {})
        inner[last] = list(rules)
    return whole


def _path(field: str) -> str:
    return field.replace("[*]", "")  # a list's members are alternatives anyway


def _rule(value: str) -> Any:  # noqa: ANN401 - JSON
    begins, ends = value.endswith("*"), value.startswith("*")
    if begins and ends:
        return {"wildcard": value}
    if begins:
        return {"prefix": value.removesuffix("*")}
    return {"suffix": value.removeprefix("*")} if ends else value


def _none_of(values: tuple[str, ...]) -> Any:  # noqa: ANN401 - JSON
    if any("*" in value for value in values):
        return {"anything-but": {"wildcard": list(values)}}
    return {"anything-but": list(values)}
