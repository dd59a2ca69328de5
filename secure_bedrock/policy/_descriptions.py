"""Boxes of cells in words: the shorter of what an attribute is and what it is not."""

from __future__ import annotations

from collections.abc import Iterator

from secure_bedrock.policy._formulas import Box
from secure_bedrock.policy._linking import known_case
from secure_bedrock.policy._space import NO_RESOURCE, Attribute, Hit, Space

#: How many values are written out.
_SHOWN = 4


def describe(space: Space, box: Box) -> str:
    """Return what the requests in a box have in common."""
    return "; ".join(_parts(space, box)) or "every request"


def _parts(space: Space, box: Box) -> Iterator[str]:
    action = box.get(space.action.number)
    if action is not None:
        yield _restriction("action", space.action, action)
    for field in space.fields:
        if field.number in box:
            yield _restriction(
                f"{field.name} of the resource" if field.name != "rest" else "resource", field, box[field.number]
            )
    for each in space.attributes:
        if each.number not in box:
            continue
        if isinstance(each, Hit):
            is_hit = box[each.number] == 2  # noqa: PLR2004 - the cell of a hit
            yield f"{space.vocabulary.spelling(each.key)} {'has' if is_hit else 'has not'} {each.value!r}"
        elif ":" in each.name:
            yield _restriction(space.vocabulary.spelling(each.name), each, box[each.number])


def _restriction(name: str, attribute: Attribute, cells: int) -> str:
    inside = [_value(attribute, value) for i, value in enumerate(attribute.values) if cells >> i & 1]
    outside = [_value(attribute, value) for i, value in enumerate(attribute.values) if not cells >> i & 1]
    if len(inside) <= len(outside):
        return f"{name} {_some(inside)}"
    return f"{name} not {_some(outside)}"


def _value(attribute: Attribute, value: str | None) -> str:
    if value is None:
        return "absent"
    if value == NO_RESOURCE and attribute.name == "partition":
        return "none"
    if not value:
        return "empty"
    return known_case(value) if attribute.name == "action" else value


def _some(values: list[str]) -> str:
    shown = ", ".join(values[:_SHOWN])
    return shown if len(values) <= _SHOWN else f"{shown} and {len(values) - _SHOWN} more"
