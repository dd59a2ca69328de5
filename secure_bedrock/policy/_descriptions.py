"""Boxes of cells in words: which actions, on what, under which conditions."""

from __future__ import annotations

from collections.abc import Iterator

from secure_bedrock.policy._formulas import Box
from secure_bedrock.policy._linking import known_case
from secure_bedrock.policy._naming import ANY, describe_key, names_of_field
from secure_bedrock.policy._space import NO_RESOURCE, Attribute, Hit, Space
from secure_bedrock.policy.matching import CompiledStatement

#: How many values are written out.
_SHOWN = 4
#: What no action is called.
_NO_ACTION = "no-such-action"
#: What a field may hold that is no text to show.
_SHORT = {"": "none", ANY: "anything else"}
#: So few values are listed, however few the others are.
_FEW = 2


class Words:
    """What boxes of a space are called.

    Args:
        space: the space.
        asked: the requests that are spoken of.
    """

    def __init__(self, space: Space, asked: CompiledStatement) -> None:
        self._space = space
        action = space.action
        self._asked = {str(name): i for i, name in enumerate(action.values) if asked.covers(str(name))}
        services = {name.partition(":")[0] for name in self._asked}
        #: Services of which every action is spoken of, named by a policy or not.
        self._whole = {service for service in services if asked.covers(f"{service}:{_NO_ACTION}")}
        self._names = {field.name: names_of_field(space.vocabulary, field.name) for field in space.fields}

    def of(self, box: Box, used: Box) -> str:
        """Return what the requests in a box have in common.

        Args:
            box: the box.
            used: the same without the values of fields that no request in it has.
        """
        action = box.get(self._space.action.number, self._space.action.every)
        parts = [self._actions(action), *self._resource(box, used)]
        conditions = "; ".join(self._conditions(box))
        return " ".join(parts) + (f", where {conditions}" if conditions else "")

    # ----- actions

    def _actions(self, cells: int) -> str:
        by_service: dict[str, list[str]] = {}
        for name in self._asked:
            by_service.setdefault(name.partition(":")[0], []).append(name)
        found = [part for service, names in by_service.items() for part in self._of_service(service, names, cells)]
        wide = [part for part in found if " but " in part]
        return "; ".join([*wide, *filter(None, [_some([part for part in found if part not in wide])])])

    def _of_service(self, service: str, names: list[str], cells: int) -> list[str]:
        inside = [name for name in names if cells >> self._asked[name] & 1]
        outside = [self._action(name) for name in names if name not in inside]
        is_most = service in self._whole and 2 * len(outside) < len(inside)
        if not is_most:
            return [self._action(name) for name in inside]
        return [f"{service}:* but {_some(outside)}" if outside else f"{service}:*"]

    def _action(self, name: str) -> str:
        """An action by its name; what stands for all that no policy names is called so."""
        spelt = self._space.vocabulary.spelt.get(name, known_case(name))
        return spelt if spelt != name else f"{name.partition(':')[0]}'s other actions"

    # ----- resource

    def _resource(self, box: Box, used: Box) -> Iterator[str]:
        head, service, region, account, rest = self._space.fields
        if used.get(head.number, head.every) == 1 and head.values[0] == NO_RESOURCE:
            yield "without a resource"
            return
        for attribute, inside, outside in (
            (head, "of partition", "of any partition but"), (rest, "on", "on any but"), (region, "in", "outside"),
            (service, "of service", "of any service but"), (account, "of account", "of any account but"),
        ):  # fmt: skip
            if attribute.number in box:
                is_in, values = self._shorter(
                    attribute, used[attribute.number], attribute.every ^ box[attribute.number]
                )
                yield f"{inside if is_in else outside} {_some(values)}"

    def _shorter(self, field: Attribute, cells: int, others: int) -> tuple[bool, list[str]]:
        """Return whether the values of a field are listed, rather than the others, and those.

        What no policy speaks of is told by what it is not.
        """
        names = self._names[field.name]
        inside, outside = _values(field, cells), _values(field, others)
        is_open, is_shut = (any(names.of(value) == ANY for value in each) for each in (inside, outside))
        if is_open and is_shut:
            return True, list(dict.fromkeys(_SHORT.get(name, name) for name in map(names.of, inside)))
        listed, left = names.listed(inside, outside), names.listed(outside, inside)
        is_in = is_shut or (not is_open and len(listed) <= max(len(left), _FEW))
        return is_in, [_SHORT.get(name, name) for name in (listed if is_in else left)]

    # ----- conditions

    def _conditions(self, box: Box) -> Iterator[str]:
        spelling = self._space.vocabulary.spelling
        for each in self._space.attributes:
            if each.number not in box:
                continue
            if isinstance(each, Hit):
                is_hit = box[each.number] == 2  # noqa: PLR2004 - the cell of a hit
                yield f"{spelling(each.key)} {'holds' if is_hit else 'does not hold'} {each.value!r}"
            elif ":" in each.name:
                yield describe_key(self._space, each, box[each.number], each.every)


def _values(field: Attribute, cells: int) -> list[str]:
    return [str(value) for i, value in enumerate(field.values) if cells >> i & 1]


def _some(values: list[str]) -> str:
    shown = ", ".join(values[:_SHOWN])
    return shown if len(values) <= _SHOWN else f"{shown} and {len(values) - _SHOWN} more"
