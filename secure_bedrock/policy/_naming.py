"""Sets of cells in the words of the policies that made them: the patterns that cover them, and what those leave out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from secure_bedrock.policy._cells import Asked, family
from secure_bedrock.policy._globs import Matcher, Parts, Variable, Wild, has_variables, matcher
from secure_bedrock.policy._space import FIELD_NAMES, Attribute, Space, Vocabulary, fields_of_pattern
from secure_bedrock.policy.conditions import compile_condition
from secure_bedrock.policy.document import Condition

#: What stands for every value that no policy speaks of.
ANY = "*"
_WORDS = {
    "IpAddress": "in", "NumericLessThan": "<", "NumericLessThanEquals": "<=", "NumericGreaterThan": ">",
    "NumericGreaterThanEquals": ">=", "NumericEquals": "=", "DateLessThan": "before", "DateLessThanEquals": "until",
    "DateGreaterThan": "after", "DateGreaterThanEquals": "from", "DateEquals": "at", "BinaryEquals": "=",
}  # fmt: skip
_OPPOSITES = {
    "NotIpAddress": "IpAddress", "NumericLessThan": "NumericGreaterThanEquals", "DateNotEquals": "DateEquals",
    "NumericLessThanEquals": "NumericGreaterThan", "NumericGreaterThan": "NumericLessThanEquals",
    "NumericGreaterThanEquals": "NumericLessThan", "NumericNotEquals": "NumericEquals",
    "DateLessThan": "DateGreaterThanEquals", "DateLessThanEquals": "DateGreaterThan",
    "DateGreaterThan": "DateLessThanEquals", "DateGreaterThanEquals": "DateLessThan",
}  # fmt: skip


class Names:
    """Patterns, the most specific first, as names of the values they cover."""

    def __init__(self, patterns: Iterable[Parts]) -> None:
        plain = [parts for parts in dict.fromkeys(patterns) if not has_variables(parts) and not _is_any(parts)]
        plain.sort(key=lambda parts: (_is_wild(parts), -_weight(parts), len(parts)))
        self._patterns: list[tuple[str, bool, Matcher]] = [
            (_text(parts), _is_wild(parts), matcher(parts)) for parts in plain
        ]
        self._known: dict[str, str] = {}

    def of(self, value: str) -> str:
        """Return the name of a value; `*` where nothing narrower covers it."""
        found = self._known.get(value)
        if found is None:
            found = next((text for text, _, matches in self._patterns if matches(value)), ANY)
            self._known[value] = found
        return found

    def listed(self, inside: Iterable[str], outside: Iterable[str]) -> tuple[str, ...]:
        """Return the names of some values, each with what it covers that is not among them and has another name."""
        outer = list(outside)
        names = {self.of(value): value for value in inside}
        shown = {name: self._but(name, outer) for name in names}
        whole = [name for name, but in shown.items() if not but]
        kept = [name for name in shown if not self._is_covered(name, names[name], whole)]
        return tuple(_except(name, shown[name]) for name in kept)

    def _but(self, name: str, outside: list[str]) -> tuple[str, ...]:
        covers = self._matcher(name)
        return tuple(dict.fromkeys(but for value in outside if covers(value) and (but := self.of(value)) != name))

    def _is_covered(self, name: str, value: str, whole: list[str]) -> bool:
        return any(other != name and self._matcher(other)(value) for other in whole)

    def _matcher(self, name: str) -> Matcher:
        if name == ANY:
            return lambda _: True
        return next(matches for text, _, matches in self._patterns if text == name)


def names_of_field(vocabulary: Vocabulary, name: str) -> Names:
    """Return the names of the values of one field of resources."""
    index = FIELD_NAMES.index(name) + 1
    patterns = [fields_of_pattern(text, variables=variables)[index] for text, variables in vocabulary.resources]
    if name == "region":
        patterns += [parts for asked in vocabulary.asked.get("aws:requestedregion", ()) for parts in asked.parsed()]
    patterns += [(text,) if text else () for text in ("", *vocabulary.extra.get(name, ()))]
    return Names(patterns)


def describe_key(space: Space, attribute: Attribute, inside: int, possible: int) -> str:
    """Return in words what a key holds: the shorter of what it is and what it is not.

    Args:
        space: the space of the attribute.
        attribute: the key's.
        inside: its cells.
        possible: the cells that a request can have at all.
    """
    vocabulary, values = space.vocabulary, attribute.values
    key = vocabulary.spelling(attribute.name)
    may_lack = bool(inside & attribute.absent_cells)
    present = [v for i, v in enumerate(values) if v is not None and inside >> i & 1]
    others = [v for i, v in enumerate(values) if v is not None and possible >> i & 1 and not inside >> i & 1]
    absent = " or absent" if may_lack else ""
    if not present:
        return f"{key} is absent"
    if not others:
        return f"{key} is present"
    lack = "" if may_lack or not possible & attribute.absent_cells else " and not absent"
    if attribute.kind != "text":
        comparisons = list(_comparisons(vocabulary.asked.get(attribute.name, ())))
        here, there = _narrowest(comparisons, present, others), _narrowest(comparisons, others, present)
        if there and (not here or there < here):
            return f"{key} is not {there.text}{lack}"
        return f"{key} {here.text if here else f'is such as {present[0]}'}{absent}"
    asked = vocabulary.asked.get(attribute.name, ())
    names = Names([
        *(parts for each in asked if family(each.condition.operator) == "text" for parts in each.parsed()),
        *((text,) for text in vocabulary.extra.get(attribute.name, ())),
    ])  # fmt: skip
    allowed, denied = names.listed(present, others), names.listed(others, present)
    is_open, is_shut = (any(names.of(value) == ANY for value in each) for each in (present, others))
    if is_open or (not is_shut and len(denied) < len(allowed)):
        return f"{key} is not {', '.join(denied)}{lack}"
    return f"{key} is {', '.join(allowed)}{absent}"


@dataclass(frozen=True, order=True)
class _Comparison:
    """How many values it holds on besides those it is to hold on, and what it says."""

    more: int
    text: str = field(compare=False)


def _narrowest(comparisons: Iterable[Condition], inside: list[str], outside: list[str]) -> _Comparison | None:
    """Return the first of the narrowest comparisons that hold on all of some values; None where none does."""
    found: list[_Comparison] = []
    for condition in comparisons:
        key, holds = condition.key.lower(), compile_condition(condition, variables=False).holds
        if all(holds({key: value}) for value in inside):
            more = sum(holds({key: value}) is not False for value in outside)
            found.append(_Comparison(more, f"{_WORDS[condition.operator]} {', '.join(condition.values)}"))
    return min(found, default=None)


def _comparisons(asked: Iterable[Asked]) -> Iterator[Condition]:
    for each in asked:
        condition = replace(each.condition, quantifier=None, if_exists=False)
        for operator in (condition.operator, _OPPOSITES.get(condition.operator, "")):
            if operator in _WORDS:
                yield replace(condition, operator=operator)


def _except(name: str, but: tuple[str, ...]) -> str:
    return f"{name} except {', '.join(but)}" if but else name


def _is_wild(parts: Parts) -> bool:
    return any(not isinstance(part, str) for part in parts)


def _is_any(parts: Parts) -> bool:
    return bool(parts) and not any(isinstance(part, str) for part in parts)


def _weight(parts: Parts) -> int:
    return sum(len(part) for part in parts if isinstance(part, str))


def _text(parts: Parts) -> str:
    return "".join(
        part if isinstance(part, str) else part.value if isinstance(part, Wild) else f"${{{part.key}}}"
        for part in parts
        if isinstance(part, str | Wild | Variable)
    )
