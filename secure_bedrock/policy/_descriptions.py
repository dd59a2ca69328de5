"""Boxes of cells in words: which actions, on what, under which conditions."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from secure_bedrock.policy._formulas import Box
from secure_bedrock.policy._globs import has_variables, matcher
from secure_bedrock.policy._linking import known_case
from secure_bedrock.policy._space import NO_RESOURCE, Attribute, Hit, Space, fields_of_pattern
from secure_bedrock.policy.matching import CompiledStatement

#: How many values are written out.
_SHOWN = 4
#: What no action is called.
_NO_ACTION = "no-such-action"
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
        self._forms = tuple(_forms(space))

    def of(self, box: Box) -> str:
        """Return what the requests in a box have in common."""
        action = box.get(self._space.action.number, self._space.action.every)
        parts = [self._actions(action), *self._resource(box)]
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

    def _resource(self, box: Box) -> Iterator[str]:
        head, service, region, account, rest = self._space.fields
        if box.get(head.number, head.every) == 1 and head.values[0] == NO_RESOURCE:
            yield "without a resource"
            return
        for attribute, inside, outside in (
            (head, "of partition", "of any partition but"), (rest, "on", "on any but"), (region, "in", "outside"),
            (service, "of service", "of any service but"), (account, "of account", "of any account but"),
        ):  # fmt: skip
            if attribute.number in box:
                is_in, values = self._shorter(attribute, box[attribute.number])
                yield f"{inside if is_in else outside} {_some(values)}"

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
                yield f"{spelling(each.name)} is {self._key(each, box[each.number])}"

    def _key(self, attribute: Attribute, cells: int) -> str:
        if cells == attribute.absent_cells:
            return "absent"
        if cells == attribute.every ^ attribute.absent_cells:
            return "there"
        others = attribute.every ^ cells
        is_in = self._is_told(attribute, cells) and (
            cells.bit_count() <= others.bit_count() or not self._is_told(attribute, others)
        )
        values = self._named(attribute, _bits(cells if is_in else others))
        return _some(values) if is_in else f"not {_some(values)}"

    def _is_told(self, attribute: Attribute, cells: int) -> bool:
        """Whether each of the cells is one value that a policy names, or absence."""
        asked = self._space.vocabulary.asked.get(attribute.name, ())
        named = {value for each in asked for value in each.condition.values} | {
            *self._space.vocabulary.extra.get(attribute.name, ())
        }
        return all(attribute.values[cell] in {None, "true", "false", *named} for cell in _bits(cells))

    # ----- values

    def _shorter(self, attribute: Attribute, cells: int) -> tuple[bool, list[str]]:
        """Return whether its values are listed, rather than the others, and those."""
        inside = self._named(attribute, _bits(cells))
        outside = self._named(attribute, _bits(attribute.every ^ cells))
        is_short = len(inside) <= max(len(outside), _FEW)
        return (True, inside) if is_short else (False, outside)

    def _named(self, attribute: Attribute, cells: list[int]) -> list[str]:
        return list(dict.fromkeys(self._value(attribute, attribute.values[cell]) for cell in cells))

    def _value(self, attribute: Attribute, value: str | None) -> str:
        if value is None:
            return "absent"
        if value == NO_RESOURCE and attribute is self._space.fields[0]:
            return "none"
        if attribute is self._space.fields[4]:
            return next((text for text, test in self._forms if test(value)), "anything else")
        return value or "none"


def _forms(space: Space) -> Iterator[tuple[str, Callable[[str], bool]]]:
    """Yield the patterns of the last field, the narrowest first."""
    found: dict[str, tuple[int, Callable[[str], bool]]] = {}
    for text, variables in space.vocabulary.resources:
        parts = fields_of_pattern(text, variables=variables)[5]
        if not has_variables(parts) and text.count(":") >= 5:  # noqa: PLR2004 - colons before the field
            literal = sum(len(part) for part in parts if isinstance(part, str))
            is_whole = all(isinstance(part, str) for part in parts)
            found[text.split(":", 5)[5]] = (-literal - is_whole, matcher(parts))
    for text, (_, test) in sorted(found.items(), key=lambda row: (row[1][0], row[0])):
        yield text, test


def _some(values: list[str]) -> str:
    shown = ", ".join(values[:_SHOWN])
    return shown if len(values) <= _SHOWN else f"{shown} and {len(values) - _SHOWN} more"


def _bits(cells: int) -> list[int]:
    return [i for i in range(cells.bit_length()) if cells >> i & 1]
