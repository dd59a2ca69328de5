"""What a user gave as a list: the one reading of it, and the one wording of its errors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from secure_bedrock.errors import InvalidInput, invalid


def items_of(name: str, values: Iterable[object] | None) -> tuple[Any, ...]:
    """Return a list property's values; None gives none.

    Raises:
        InvalidInput: for a text, for what is no collection, and for an empty one, the property's name first.
    """
    if values is None:
        return ()
    if isinstance(values, str):
        raise invalid(name, values, allowed="a list", remedy=f"write [{values!r}]")
    if not isinstance(values, Iterable):
        raise invalid(name, values, allowed="a list")
    items = tuple(values)
    if not items:
        raise InvalidInput(f"{name}: got an empty list; allowed is at least one value")
    return items
