"""A reader of the Logs Insights query language, for what is written here of it.

CloudWatch Logs User Guide, "Logs Insights language query syntax" and its pages on `fields`, `filter`, `parse`, `stats`,
`sort` and `limit`. What AWS does not say is refused and not guessed: a negated comparison with a field that is not
there, `and` beside `or` without brackets, a field's name with other signs than letters, digits, points and `@` outside
backticks. Its limits: numbers and texts are compared as they are written, and regular expressions are Python's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

Row = dict[str, Any]

_TOKEN = re.compile(
    r"\s*(?:(?P<regex>/(?:\\.|[^/\\])+/)|\"(?P<text>[^\"\\]*)\"|`(?P<quoted>[^`]+)`"
    r"|(?P<number>\d+[mh]?(?![\w.]))|(?P<word>!=|<=|>=|[=<>(),\[\]*+|]|[@A-Za-z][\w.@]*))"
)
_NAME = re.compile(r"[@A-Za-z][A-Za-z0-9.@]*")
_COMMANDS = {"fields", "filter", "parse", "stats", "sort", "limit"}
_KEYWORDS = {"and", "or", "not", "like", "in", "as", "by", "asc", "desc"}
#: The most fields that AWS discovers in one event of JSON, and the longest query that it saves.
_MOST_FIELDS, _LONGEST = 200, 10_000


class QueryError(ValueError):
    """A query that Logs Insights would refuse, or that this reader does not know."""


@dataclass
class Answer:
    """What a query returned.

    Attributes:
        rows: in order.
        kept: the numbers of the events that its filters let through.
        fields: every field of an event that it names.
    """

    rows: list[Row]
    kept: list[int]
    fields: set[str] = field(default_factory=set)


def run(query: str, events: list[dict[str, Any]]) -> Answer:
    """Return what a query answers over events."""
    if len(query) > _LONGEST:
        raise QueryError(f"{len(query)} characters")
    rows = [dict(_flat(event)) | {"@message": json.dumps(event), "#": n} for n, event in enumerate(events)]
    if any(len(row) > _MOST_FIELDS for row in rows):
        raise QueryError("an event with more fields than are discovered")
    named: set[str] = set()
    kept = [row["#"] for row in rows]
    aggregated = False
    for command in _commands(list(_tokens(query))):
        reader = _Reader(command, named)
        rows = reader.applied(rows)
        aggregated = aggregated or reader.verb == "stats"
        if not aggregated:
            kept = [row["#"] for row in rows]
    return Answer(rows, kept, named)


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in pairs:
            yield from _flat(inner, f"{path}.{key}" if path else str(key))
    elif value is not None:
        yield path, value
        if path in ("eventTime", "timestamp"):
            yield "@timestamp", value


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    position = 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if not match:
            raise QueryError(f"cannot be read: {text[position : position + 40]!r}")
        position = match.end()
        yield match.lastgroup or "", match[match.lastgroup or 0]


def _commands(tokens: list[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    ends = [-1, *(n for n, token in enumerate(tokens) if token == ("word", "|")), len(tokens)]
    for start, end in pairwise(ends):
        yield tokens[start + 1 : end]


Value = Callable[[Row], Any]


class _Reader:
    """Reads one command."""

    def __init__(self, tokens: list[tuple[str, str]], named: set[str]) -> None:
        self.tokens, self.position, self.named = tokens, 0, named
        self.verb = self._word()
        if self.verb not in _COMMANDS:
            raise QueryError(f"no command: {self.verb!r}")

    def applied(self, rows: list[Row]) -> list[Row]:
        rows = getattr(self, f"_{self.verb}")(rows)
        if self.position != len(self.tokens):
            raise QueryError(f"left over: {self.tokens[self.position :]}")
        return rows

    def _fields(self, rows: list[Row]) -> list[Row]:
        for name, value in self._columns():
            rows = [row | {name: found} if (found := value(row)) is not None else row for row in rows]
        return rows

    def _filter(self, rows: list[Row]) -> list[Row]:
        holds = self._condition()
        return [row for row in rows if holds(row)]

    def _parse(self, rows: list[Row]) -> list[Row]:
        value = self._field()
        pattern = self._regex()
        found = [pattern.search(str(value(row))) if value(row) is not None else None for row in rows]
        return [row | (match.groupdict() if match else {}) for row, match in zip(rows, found, strict=True)]

    def _stats(self, rows: list[Row]) -> list[Row]:
        columns = [self._aggregate()]
        while self._takes(","):
            columns.append(self._aggregate())
        keys = self._columns() if self._takes("by") else []
        groups: dict[tuple[Any, ...], list[Row]] = {}
        for row in rows:
            groups.setdefault(tuple(value(row) for _, value in keys), []).append(row)
        names = [name for name, _ in keys]
        return [
            dict(zip(names, key, strict=True)) | {name: value(members) for name, value in columns}
            for key, members in groups.items()
        ]

    def _sort(self, rows: list[Row]) -> list[Row]:
        value = self._field()
        down = self._takes("desc") or (self._takes("asc") and False)
        there = [row for row in rows if value(row) is not None]
        return sorted(there, key=value, reverse=down) + [row for row in rows if value(row) is None]

    def _limit(self, rows: list[Row]) -> list[Row]:
        return rows[: int(self._next("number"))]

    def _columns(self) -> list[tuple[str, Value]]:
        columns = [self._column()]
        while self._takes(","):
            columns.append(self._column())
        return columns

    def _column(self) -> tuple[str, Value]:
        start = self.position
        value = self._value()
        written = (
            self.tokens[start][1]
            if self.position == start + 1
            else "".join(t for _, t in self.tokens[start : self.position])
        )
        return (self._word() if self._takes("as") else written), value

    def _aggregate(self) -> tuple[str, Callable[[list[Row]], Any]]:
        function = self._word()
        self._expect("(")
        value = (lambda row: row) if self._takes("*") else self._field()
        self._expect(")")
        known: dict[str, Callable[[list[Row]], Any]] = {
            "count": lambda rows: sum(value(row) is not None for row in rows),
            "sum": lambda rows: sum(value(row) or 0 for row in rows),
            "earliest": lambda rows: value(min(rows, key=lambda row: row["@timestamp"])),
            "latest": lambda rows: value(max(rows, key=lambda row: row["@timestamp"])),
        }
        if function not in known:
            raise QueryError(f"no aggregate: {function}")
        self._expect("as")
        return self._word(), known[function]

    def _condition(self) -> Callable[[Row], bool]:
        parts, word = [self._one()], None
        while (found := self._peek()) in ("and", "or"):
            if word not in (None, found):
                raise QueryError("`and` beside `or` without brackets")
            word = self._word()
            parts.append(self._one())
        combined = any if word == "or" else all
        return lambda row: combined([part(row) for part in parts])

    def _one(self) -> Callable[[Row], bool]:
        if self._takes("not"):
            inner = self._one()
            return lambda row: not inner(row)
        if self._takes("("):
            inner = self._condition()
            self._expect(")")
            return inner
        if self._peek() == "ispresent":
            return self._value()
        return self._comparison(self._field())

    def _comparison(self, value: Value) -> Callable[[Row], bool]:
        word = self._word()
        if word == "=":
            wanted = self._next("text")
            return lambda row: value(row) == wanted
        if word == "like" and self.tokens[self.position][0] == "text":
            part = self._next("text")
            return lambda row: value(row) is not None and part in str(value(row))
        if word == "like":
            pattern = self._regex()
            return lambda row: value(row) is not None and pattern.search(str(value(row))) is not None
        if word == "in":
            self._expect("[")
            texts = [self._next("text")]
            while self._takes(","):
                texts.append(self._next("text"))
            self._expect("]")
            return lambda row: value(row) in texts
        raise QueryError(f"a comparison that this reader does not answer: {word}")

    def _value(self) -> Value:
        if self._takes("coalesce"):
            self._expect("(")
            values = [self._field()]
            while self._takes(","):
                values.append(self._field())
            self._expect(")")
            return lambda row: next((found for value in values if (found := value(row)) is not None), None)
        if self._takes("ispresent"):
            self._expect("(")
            value = self._field()
            self._expect(")")
            return lambda row: value(row) is not None
        if self._takes("bin"):
            self._expect("(")
            if self._next("number") != "1h":
                raise QueryError("this reader knows hours only")
            self._expect(")")
            return lambda row: row["@timestamp"][:13]
        return self._field()

    def _field(self) -> Value:
        kind, name = self.tokens[self.position] if self.position < len(self.tokens) else ("", "")
        if kind not in ("word", "quoted") or (kind == "word" and (name in _KEYWORDS or not _NAME.fullmatch(name))):
            raise QueryError(f"expected a field, found {name!r}")
        self.position += 1
        self.named.add(name)
        return lambda row: row.get(name)

    def _regex(self) -> re.Pattern[str]:
        return re.compile(self._next("regex")[1:-1].replace("(?<", "(?P<").replace("(?P<!", "(?<!").replace(r"\/", "/"))

    def _peek(self) -> str | None:
        kind, text = self.tokens[self.position] if self.position < len(self.tokens) else ("", "")
        return text if kind == "word" else None

    def _takes(self, word: str) -> bool:
        if self._peek() == word:
            self.position += 1
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._takes(word):
            raise QueryError(f"expected {word!r} at {self.tokens[self.position :]}")

    def _word(self) -> str:
        return self._next("word")

    def _next(self, kind: str) -> str:
        if self.position >= len(self.tokens) or self.tokens[self.position][0] != kind:
            raise QueryError(f"expected a {kind} at {self.tokens[self.position :]}")
        self.position += 1
        return self.tokens[self.position - 1][1]
