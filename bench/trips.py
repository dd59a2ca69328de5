"""Counts what Python says to Node: each message is a round trip through jsii."""

from __future__ import annotations

from functools import wraps
from typing import Any

from jsii._kernel.providers import process

_count = 0


def count_from_now() -> None:
    """Begin counting."""
    send = process._NodeProcess.send  # noqa: SLF001 - jsii tells its messages nowhere else

    @wraps(send)
    def counted(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever jsii passes
        global _count  # noqa: PLW0603 - one process, one count
        _count += 1
        return send(*given, **named)

    process._NodeProcess.send = counted  # noqa: SLF001 # pyright: ignore[reportAttributeAccessIssue]


def counted() -> int:
    """Return how many there were."""
    return _count
