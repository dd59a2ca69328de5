"""Text with wildcards and policy variables, as policies hold it, and whether a value is of that form.

AWS: "IAM policy elements: Variables and tags" and "IAM JSON policy elements: Resource".
Matching walks a value once a chunk, so that no pattern, however many stars it has, makes it slow.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import groupby

#: A request's context: keys in lower case; a tuple is a key with many values.
Context = Mapping[str, "str | tuple[str, ...]"]
Matcher = Callable[[str], bool]


class Wild(Enum):
    """The two wildcards."""

    MANY = "*"
    ONE = "?"


@dataclass(frozen=True, slots=True)
class Variable:
    """`${key}` or `${key, 'default'}`; the key in lower case."""

    key: str
    default: str | None = None

    def value(self, context: Context) -> str | None:
        """Return what stands for it, None where nothing does: a key with many values has no one value."""
        found = context.get(self.key, self.default)
        return found if isinstance(found, str) else None


Part = str | Wild | Variable
Parts = tuple[Part, ...]

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_WILD = re.compile(r"([*?])")
#: `${*}` and its like are the characters themselves.
_CHARACTERS = {"*", "?", "$"}


@lru_cache(maxsize=8192)
def parse(text: str, *, variables: bool, wildcards: bool = True) -> Parts:
    """Split a text of a policy into literals, wildcards and variables; neighbours of one kind are joined."""
    parts: list[Part] = []
    at = 0
    for found in _VARIABLE.finditer(text) if variables else ():
        parts += _pieces(text[at : found.start()], wildcards=wildcards)
        parts.append(found[1] if found[1] in _CHARACTERS else _variable(found[1]))
        at = found.end()
    return _joined([*parts, *_pieces(text[at:], wildcards=wildcards)])


def _variable(name: str) -> Variable:
    key, _, default = name.partition(", '")
    if default.endswith("'"):
        return Variable(key.lower(), default[:-1])
    return Variable(name.lower())


def _pieces(text: str, *, wildcards: bool) -> list[Part]:
    if not wildcards:
        return [text] if text else []
    return [Wild(piece) if piece in {"*", "?"} else piece for piece in _WILD.split(text) if piece]


def _joined(parts: list[Part]) -> Parts:
    """Join neighbouring literals, and neighbouring stars to one."""
    joined: list[Part] = []
    for is_text, group in groupby(parts, key=lambda part: isinstance(part, str)):
        if is_text:
            joined.append("".join(map(str, group)))
            continue
        for part in group:
            if not (part is Wild.MANY and joined and joined[-1] is Wild.MANY):
                joined.append(part)
    return tuple(joined)


def has_variables(parts: Parts) -> bool:
    """Whether a pattern depends on the request's context."""
    return any(isinstance(part, Variable) for part in parts)


def fill(parts: Parts, context: Context) -> Parts | None:
    """Put the context's values in, as literal text; None where a variable has no value."""
    filled: list[Part] = []
    for part in parts:
        value = part.value(context) if isinstance(part, Variable) else part
        if value is None:
            return None
        if value != "":
            filled.append(value)
    return _joined(filled)


@lru_cache(maxsize=8192)
def matcher(parts: Parts) -> Matcher:
    """Return the function that says whether a value has the form; the pattern holds no variable."""
    if not parts:
        return "".__eq__
    if len(parts) == 1 and isinstance(parts[0], str):
        return parts[0].__eq__
    if parts == (Wild.MANY,):
        return lambda _: True
    if len(parts) == 2 and isinstance(parts[0], str) and parts[1] is Wild.MANY:  # noqa: PLR2004 - text and star
        prefix = parts[0]
        return lambda value: value.startswith(prefix)
    return _Chunks(parts).matches


class _Chunks:
    """The pieces between the stars: the first at the start, the last at the end, the others one after the other."""

    __slots__ = ("anchored_end", "anchored_start", "chunks", "shortest")

    def __init__(self, parts: Parts) -> None:
        self.anchored_start = parts[0] is not Wild.MANY
        self.anchored_end = parts[-1] is not Wild.MANY
        self.chunks: list[tuple[str | re.Pattern[str], int]] = []
        chunk: list[Part] = []
        for part in (*parts, Wild.MANY):
            if part is not Wild.MANY:
                chunk.append(part)
            elif chunk:
                self.chunks.append(_chunk(chunk))
                chunk = []
        self.shortest = sum(length for _, length in self.chunks)

    def matches(self, value: str) -> bool:
        """Whether the value has the form."""
        if len(value) < self.shortest:
            return False
        chunks, at = self.chunks, 0
        first, last = 0, len(chunks)
        if self.anchored_start:
            piece, at = chunks[0]
            if not _is_at(piece, value, 0):
                return False
            first = 1
            if last == 1 and self.anchored_end:
                return at == len(value)
        if self.anchored_end:
            last -= 1
        for piece, length in chunks[first:last]:
            found = _place(piece, value, at)
            if found < 0:
                return False
            at = found + length
        return not self.anchored_end or self._ends(value, at)

    def _ends(self, value: str, at: int) -> bool:
        piece, length = self.chunks[-1]
        return len(value) - length >= at and _is_at(piece, value, len(value) - length)


def _is_at(piece: str | re.Pattern[str], value: str, at: int) -> bool:
    return value.startswith(piece, at) if isinstance(piece, str) else piece.match(value, at) is not None


def _place(piece: str | re.Pattern[str], value: str, start: int) -> int:
    """Return where a piece is first found; negative: nowhere."""
    if isinstance(piece, str):
        return value.find(piece, start)
    found = piece.search(value, start)
    return found.start() if found else -1


def _chunk(parts: list[Part]) -> tuple[str | re.Pattern[str], int]:
    if len(parts) == 1 and isinstance(parts[0], str):
        return parts[0], len(parts[0])
    source = "".join(re.escape(part) if isinstance(part, str) else "." for part in parts)
    return re.compile(source, re.DOTALL), sum(len(part) if isinstance(part, str) else 1 for part in parts)
