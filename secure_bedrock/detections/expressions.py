"""What a record must hold, as values: written once, and rendered as a metric filter and as an EventBridge pattern.

A star stands for anything, at the beginning and the end of a text only. A comparison with a field that is not there is
false, a negated one too. `[*]` behind a field stands for any member of a list.
"""

from __future__ import annotations

from dataclasses import dataclass

from secure_bedrock.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Is:
    """The field has one of these texts."""

    field: str
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        _require_plain(self.field, self.values)


@dataclass(frozen=True, slots=True)
class IsNot:
    """The field is there and has none of these texts."""

    field: str
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        _require_plain(self.field, self.values)


@dataclass(frozen=True, slots=True)
class Absent:
    """The field is not there."""

    field: str


@dataclass(frozen=True, slots=True)
class IsTrue:
    """The field is the boolean true."""

    field: str


@dataclass(frozen=True, slots=True)
class Every:
    """Every part holds."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """At least one part holds."""

    parts: tuple[Expression, ...]


Expression = Is | IsNot | Absent | IsTrue | Every | Either


def equals(field: str, value: str) -> Expression:
    """The field has this text."""
    return Is(field, (value,))


def one_of(field: str, values: tuple[str, ...]) -> Expression:
    """The field has one of these texts."""
    return Is(field, values)


def none_of(field: str, values: tuple[str, ...]) -> Expression:
    """The field is there and has none of these texts."""
    return IsNot(field, values)


def absent(field: str) -> Expression:
    """The field is not there."""
    return Absent(field)


def is_true(field: str) -> Expression:
    """The field is the boolean true."""
    return IsTrue(field)


def any_of(*parts: Expression) -> Expression:
    """At least one part holds."""
    return parts[0] if len(parts) == 1 else Either(parts)


def all_of(*parts: Expression) -> Expression:
    """Every part holds."""
    return parts[0] if len(parts) == 1 else Every(parts)


def _require_plain(field: str, values: tuple[str, ...]) -> None:
    """Refuse what would end a text early, or a star where neither language gives it a meaning."""
    for value in values:
        if not value or '"' in value or "\\" in value or "*" in value[1:-1]:
            raise InvalidInput(f"{field}: got {value!r}; allowed is text without quotes, stars at its ends only")
