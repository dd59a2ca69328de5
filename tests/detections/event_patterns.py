"""An exact reader of EventBridge event patterns, for what is written here of the language.

EventBridge User Guide, "Creating event patterns", "Comparison operators for use in event patterns": every field of the
pattern must be in the event and hold one of its alternatives; a list in the event matches by any of its members;
`exists` looks at leaves only; `anything-but` is false where the field is not there; `$or` holds whole patterns.
"""

from __future__ import annotations

import re
from typing import Any


class EventPatternError(ValueError):
    """A pattern that EventBridge would refuse, or that this reader does not know."""


def matches_event(pattern: dict[str, Any], event: Any) -> bool:
    """Return whether an event matches."""
    if not pattern:
        raise EventPatternError("an empty pattern")
    return all(
        _either(wanted, event) if name == "$or" else _field(wanted, event, name) for name, wanted in pattern.items()
    )


def _either(patterns: Any, event: Any) -> bool:
    if not isinstance(patterns, list) or len(patterns) < 2:
        raise EventPatternError("$or takes two patterns at least")
    answers = [matches_event(each, event) for each in patterns]  # all are read, so that all are checked
    return any(answers)


def _field(wanted: Any, event: Any, name: str) -> bool:
    inside = _members(event, name)
    if isinstance(wanted, dict):
        answers = [matches_event(wanted, inner) for inner in inside if isinstance(inner, dict)]
        # Below a field that is not there only `exists: false` holds.
        return any(answers) if answers else matches_event(wanted, {})
    if not isinstance(wanted, list) or not wanted:
        raise EventPatternError(f"{name}: a list of alternatives, not {wanted!r}")
    leaves = [inner for inner in inside if not isinstance(inner, dict)]
    answers = [_rule(rule, leaves) for rule in wanted]
    return any(answers)


def _members(event: Any, name: str) -> list[Any]:
    if not isinstance(event, dict) or name not in event:
        return []
    value = event[name]
    return value if isinstance(value, list) else [value]


def _rule(rule: Any, leaves: list[Any]) -> bool:
    if not isinstance(rule, dict):
        return any(type(leaf) is type(rule) and leaf == rule for leaf in leaves)
    if len(rule) != 1:
        raise EventPatternError(f"one operator a rule: {rule}")
    ((operator, value),) = rule.items()
    if operator == "exists":
        return bool(leaves) is value
    if operator == "anything-but":
        return any(not _is_one_of(value, leaf) for leaf in leaves)
    return any(_is_like(operator, value, leaf) for leaf in leaves)


def _is_one_of(value: Any, leaf: Any) -> bool:
    if isinstance(value, dict):
        ((operator, inner),) = value.items()
        return any(_is_like(operator, each, leaf) for each in (inner if isinstance(inner, list) else [inner]))
    return leaf in (value if isinstance(value, list) else [value])


def _is_like(operator: str, value: Any, leaf: Any) -> bool:
    if not isinstance(value, str) or not value:
        raise EventPatternError(f"{operator} takes text, not {value!r}")
    if not isinstance(leaf, str):
        return False
    if operator == "prefix":
        return leaf.startswith(value)
    if operator == "suffix":
        return leaf.endswith(value)
    if operator == "wildcard":
        if "**" in value:
            raise EventPatternError(f"two stars in a row: {value}")
        return re.fullmatch(".*".join(map(re.escape, value.split("*"))), leaf, re.DOTALL) is not None
    raise EventPatternError(f"no operator of EventBridge that is used here: {operator}")
