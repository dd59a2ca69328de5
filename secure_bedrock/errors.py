"""The library's error type and the one builder of its messages."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

#: How much of a rejected value is shown.
_SHOWN = 120


class InvalidInput(ValueError):  # noqa: N818 - a public name that stays
    """A property was given a value it cannot take.

    The message starts with the property's name and says what was given, what is allowed and what to change.
    """


def invalid(
    name: str, value: object, *, allowed: str, nearest: str | None = None, remedy: str | None = None
) -> InvalidInput:
    """Build the error for a property.

    Args:
        name: the property as the caller wrote it.
        value: what was given.
        allowed: what is allowed, as a noun phrase.
        nearest: the nearest valid value, where one is known.
        remedy: what to change, as an imperative, where `allowed` does not say it.
    """
    shown = value if isinstance(value, str) else repr(value)
    shown = shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "..."
    parts = [f"{name}: got {shown!r}" if isinstance(value, str) else f"{name}: got {shown}", f"allowed is {allowed}"]
    if nearest:
        parts.append(f"did you mean {nearest!r}?")
    if remedy:
        parts.append(remedy)
    return InvalidInput("; ".join(parts))


def nearest(value: str, known: Iterable[str]) -> str | None:
    """Return the known value most like `value`, or None when none is close."""
    close = get_close_matches(value, list(known), n=1, cutoff=0.6)
    return close[0] if close else None
