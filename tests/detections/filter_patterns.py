"""An exact reader of CloudWatch Logs filter patterns for JSON events, for what is written here of the language.

CloudWatch Logs User Guide, "Filter pattern syntax": a comparison with a field that is not there does not match; a star
stands for anything at the beginning and the end of a text, and for itself in the middle.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(
    r"\s*(?:(?P<word>&&|\|\||!=|=|\(|\)|IS TRUE|IS FALSE|NOT EXISTS|IS NULL)"
    r'|(?P<field>\$\.[\w.]+)|"(?P<text>[^"]*)")\s*'
)


class PatternError(ValueError):
    """A pattern that CloudWatch Logs would refuse, or that this reader does not know."""


def matches(pattern: str, event: dict[str, Any]) -> bool:
    """Return whether an event matches."""
    inner = pattern.strip()
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
        return self._compare(_value(self.event, field.removeprefix("$.")))

    def _compare(self, value: Any) -> bool:
        _, word = self._next()
        if word == "NOT EXISTS":
            return value is _ABSENT
        if word in ("IS TRUE", "IS FALSE"):
            return value is (word == "IS TRUE")
        if word == "IS NULL":
            return value is None
        kind, text = self._next()
        if kind != "text" or word not in ("=", "!="):
            raise PatternError(f"expected a comparison, found {word!r} {text!r}")
        if value is _ABSENT or value is None or isinstance(value, dict | list):
            return False
        return _is_like(text, value) == (word == "=")

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


_ABSENT = object()


def _value(event: Any, path: str) -> Any:
    for name in path.split("."):
        if not isinstance(event, dict) or name not in event:
            return _ABSENT
        event = event[name]
    return event


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
