"""An exact reader of CloudWatch Logs filter patterns for JSON events, for what is written here of the language.

CloudWatch Logs User Guide, "Filter pattern syntax": a comparison with a field that is not there does not match; a star
stands for anything at the beginning and the end of a text, and for itself in the middle; `[*]` behind a field means any
member of its list; a pattern between percent signs is a regular expression over the text of the event.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(
    r"\s*(?:(?P<word>&&|\|\||!=|=|\(|\)|IS TRUE|IS FALSE|NOT EXISTS|IS NULL)"
    r'|(?P<field>\$\.[\w.-]+(?:\[\*\][\w.-]*)?)|"(?P<text>[^"]*)")\s*'
)


class PatternError(ValueError):
    """A pattern that CloudWatch Logs would refuse, or that this reader does not know."""


def matches(pattern: str, event: dict[str, Any]) -> bool:
    """Return whether an event matches."""
    inner = pattern.strip()
    if inner.startswith("%") and inner.endswith("%"):
        return _expression(inner[1:-1]).search(json.dumps(event, ensure_ascii=False)) is not None
    if pattern.count("[*]") > 3:
        raise PatternError("more than three wildcard selectors")
    if not (inner.startswith("{") and inner.endswith("}")) or len(pattern) > 1024:
        raise PatternError(pattern[:80])
    reader = _Reader(list(_tokens(inner[1:-1])), event)
    answer = reader.either()
    if reader.position != len(reader.tokens):
        raise PatternError(f"left over: {reader.tokens[reader.position :]}")
    return answer


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if not match or match.end() == position:
            raise PatternError(text[position : position + 40])
        position = match.end()
        kind = match.lastgroup or ""
        yield kind, match[kind]


@dataclass
class _Reader:
    tokens: list[tuple[str, str]]
    event: dict[str, Any]
    position: int = 0

    def either(self) -> bool:
        answer = self.both()
        while self._takes("||"):
            answer = self.both() or answer
        return answer

    def both(self) -> bool:
        answer = self.one()
        while self._takes("&&"):
            answer = self.one() and answer
        return answer

    def one(self) -> bool:
        if self._takes("("):
            answer = self.either()
            if not self._takes(")"):
                raise PatternError("a bracket is not closed")
            return answer
        kind, field = self._next()
        if kind != "field":
            raise PatternError(f"expected a field, found {field!r}")
        return self._compare(list(_values(self.event, field.removeprefix("$."))))

    def _compare(self, values: list[Any]) -> bool:
        _, word = self._next()
        if word == "NOT EXISTS":
            return not values
        if word in ("IS TRUE", "IS FALSE"):
            return any(value is (word == "IS TRUE") for value in values)
        if word == "IS NULL":
            return any(value is None for value in values)
        kind, text = self._next()
        if kind != "text" or word not in ("=", "!="):
            raise PatternError(f"expected a comparison, found {word!r} {text!r}")
        plain = [value for value in values if value is not None and not isinstance(value, dict | list)]
        return any(_is_like(text, value) == (word == "=") for value in plain)

    def _takes(self, word: str) -> bool:
        if self.position < len(self.tokens) and self.tokens[self.position] == ("word", word):
            self.position += 1
            return True
        return False

    def _next(self) -> tuple[str, str]:
        if self.position >= len(self.tokens):
            raise PatternError("the pattern ends too early")
        self.position += 1
        return self.tokens[self.position - 1]


def _values(event: Any, path: str) -> Iterator[Any]:
    """Yield what stands at a path; nothing where it is not there."""
    name, _, rest = path.partition(".")
    any_member = name.endswith("[*]")
    name = name.removesuffix("[*]")
    if not isinstance(event, dict) or name not in event:
        return
    found = event[name]
    if any_member:
        found = found if isinstance(found, list) else []
    for inner in found if any_member else [found]:
        if rest:
            yield from _values(inner, rest)
        else:
            yield inner


#: What filters know of regular expressions: no groups, no classes by name.
_SIGNS = re.compile(r"(?:[\w :=#@/;,.-]|\[[\w-]+\]|\{\d+(?:,\d*)?\}|[|^$?+*]|\\[dDsSwW])+")


def _expression(text: str) -> re.Pattern[str]:
    if not _SIGNS.fullmatch(text):
        raise PatternError(f"not a regular expression that filters know: {text}")
    return re.compile(text)


def _is_like(text: str, value: Any) -> bool:
    if isinstance(value, bool):
        return False  # booleans are compared by IS TRUE and IS FALSE
    begins, ends = text.endswith("*"), text.startswith("*")
    middle = text.removeprefix("*") if ends else text
    middle = middle.removesuffix("*") if begins else middle
    written = str(value)
    if begins and ends:
        return middle in written
    if begins:
        return written.startswith(middle)
    return written.endswith(middle) if ends else written == middle
