"""The types that conditions compare: numbers, moments, addresses, bytes; None for text that is no such thing."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as BinasciiError
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fractions import Fraction

#: First and last address as integers, with the version.
Range = tuple[int, int, int]

_NUMBER = re.compile(r"[+-]?(\d{1,64}(\.\d{0,64})?|\.\d{1,64})([eE][+-]?\d{1,3})?")
#: The forms of the W3C's profile of ISO 8601, which AWS names ("IAM JSON policy elements: Condition operators").
_MOMENT = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:?\d\d)?)?)?)?"
)
_EPOCH = re.compile(r"(\d{5,15})(?:\.(\d{1,9}))?")
_SECOND = 1_000_000_000


@lru_cache(maxsize=4096)
def number(text: str) -> int | Fraction | None:
    """Read a number, exactly."""
    if not _NUMBER.fullmatch(text):
        return None
    if text.lstrip("+-").isdigit():
        return int(text)
    from fractions import Fraction  # noqa: PLC0415 - slow to import, and seldom needed

    return Fraction(text)


@lru_cache(maxsize=4096)
def moment(text: str) -> int | None:
    """Read a date, a date with time, or seconds since 1970, as nanoseconds since then; without a zone it is UTC."""
    epoch = _EPOCH.fullmatch(text)
    if epoch:
        return int(epoch[1]) * _SECOND + _nanoseconds(epoch[2])
    found = _MOMENT.fullmatch(text)
    if not found:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        whole = datetime(
            int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0),
            tzinfo=_zone(zone),
        )  # fmt: skip
    except ValueError:
        return None
    since = whole - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86400 + since.seconds) * _SECOND + _nanoseconds(fraction)


def _nanoseconds(fraction: str | None) -> int:
    return int((fraction or "").ljust(9, "0"))


def _zone(text: str | None) -> timezone:
    if text is None or text == "Z":
        return UTC
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[-2:])))


@lru_cache(maxsize=4096)
def address_range(text: str) -> Range | None:
    """Read an address or a range; bits beyond the prefix are dropped for IPv4 and are an error for IPv6."""
    from ipaddress import ip_network  # noqa: PLC0415 - slow to import, and seldom needed

    try:
        found = ip_network(text, strict=":" in text)
    except ValueError:
        return None
    return found.version, int(found.network_address), int(found.broadcast_address)


@lru_cache(maxsize=4096)
def address(text: str) -> tuple[int, int] | None:
    """Read one address as version and number."""
    from ipaddress import ip_address  # noqa: PLC0415 - slow to import, and seldom needed

    try:
        found = ip_address(text)
    except ValueError:
        return None
    return found.version, int(found)


def binary(text: str) -> bytes | None:
    """Read bytes in base 64."""
    try:
        return b64decode(text, validate=True)
    except (BinasciiError, ValueError):
        return None
