"""Numbers, dates, addresses and bytes sorted into cells: at, between and beyond the values that policies name."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

from secure_bedrock.policy import _values

#: A value that is no number, no date and no address.
_NONE_OF_THEM = "other"
_SECOND = 1_000_000_000
#: As far as dates are written; beyond, seconds since 1970 are.
_LAST_YEAR = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp()) * _SECOND
_FIRST_YEAR = -62135596800 * _SECOND
_MOST_SECONDS = 999_999_999_999_999
_FEWEST_SECONDS = 10_000
#: How many digits a number is written with before it is written with a power of ten.
_DIGITS = 60


def witnesses(kind: str, texts: Iterable[str], *, typed: bool) -> list[str]:
    """Return a value of each cell.

    Args:
        kind: `number`, `date`, `address` or `bytes`.
        texts: what policies compare with; what cannot be read is refused elsewhere.
        typed: whether the key never holds anything of another type.
    """
    found = {"number": _numbers, "date": _dates, "address": _addresses, "bytes": _bytes}[kind](list(texts))
    return found if typed else [*found, _NONE_OF_THEM]


def _around(points: Sequence[Fraction], between: Callable[[Fraction | None, Fraction | None], Iterator[Fraction]]):  # noqa: ANN202
    """Yield each point, and what lies between, before and after them."""
    edges: list[Fraction | None] = [None, *points, None]
    for low, high in pairwise(edges):
        yield from between(low, high)
        if high is not None:
            yield high


def _numbers(texts: list[str]) -> list[str]:
    points = sorted({Fraction(value) for value in map(_values.number, texts) if value is not None})
    found = [_written(value) for value in _around(points, _between_numbers)]
    return [text for text in found if _values.number(text) is not None]


def _between_numbers(low: Fraction | None, high: Fraction | None) -> Iterator[Fraction]:
    """The shortest decimal between two numbers."""
    if low is None or high is None:
        yield Fraction(0) if low is high else (high - 1 if low is None else low + 1)  # type: ignore[operator]
        return
    scale = 1
    while True:
        candidate = Fraction(low * scale // 1 + 1, scale)
        if candidate < high:
            yield candidate
            return
        scale *= 10


def _written(value: Fraction) -> str:
    """A decimal as digits, or as digits times a power of ten where it would be long."""
    if value.denominator == 1 and abs(value) < 10**_DIGITS:
        return str(value.numerator)
    power = 0
    while (value * 10**power).denominator != 1:
        power += 1
    whole = str(abs(int(value * 10**power)))
    sign = "-" if value < 0 else ""
    if power and len(whole) <= _DIGITS and power <= _DIGITS:
        digits = whole.rjust(power + 1, "0")
        return f"{sign}{digits[:-power]}.{digits[-power:]}"
    kept = whole.rstrip("0")
    return f"{sign}{kept}e{len(whole) - len(kept) - power}"


def _dates(texts: list[str]) -> list[str]:
    points = sorted({Fraction(value) for value in map(_values.moment, texts) if value is not None})
    return [text for value in _around(points, _between_dates) if (text := _moment_written(int(value))) is not None]


def _between_dates(low: Fraction | None, high: Fraction | None) -> Iterator[Fraction]:
    """A whole second between two moments, else any nanosecond; nothing where they are next to each other."""
    if low is None and high is None:
        yield Fraction(1_767_225_600 * _SECOND)
        return
    if low is None:
        candidates = [high - 86400 * _SECOND, high - _SECOND, high - 1, Fraction(_FIRST_YEAR)]  # type: ignore[operator]
    elif high is None:
        candidates = [low + 86400 * _SECOND, low + _SECOND, low + 1]
    else:
        candidates = [Fraction((low // _SECOND + 1) * _SECOND), low + 1]
    for value in candidates:
        if (low is None or value > low) and (high is None or value < high) and _moment_written(int(value)):
            yield value
            return


def _moment_written(value: int) -> str | None:
    seconds, rest = divmod(value, _SECOND)
    if _FIRST_YEAR <= value < _LAST_YEAR:
        text = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).strftime("%m-%dT%H:%M:%S")
        year = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).year
        return f"{year:04}-{text}{f'.{rest:09}' if rest else ''}Z"
    if _FEWEST_SECONDS <= seconds <= _MOST_SECONDS:
        return f"{seconds}.{rest:09}" if rest else str(seconds)
    return None


def _addresses(texts: list[str]) -> list[str]:
    """The first address of each stretch that the ranges cut the two address spaces into."""
    from ipaddress import IPv4Address, IPv6Address  # noqa: PLC0415 - slow to import, and seldom needed

    ranges = [each for each in map(_values.address_range, texts) if each is not None]
    found: list[str] = []
    for version, kind, last in ((4, IPv4Address, 2**32 - 1), (6, IPv6Address, 2**128 - 1)):
        mine = [(low, high) for which, low, high in ranges if which == version]
        cuts = {0} | {low for low, _ in mine} | {high + 1 for _, high in mine if high < last}
        found += [str(kind(cut)) for cut in sorted(cuts)]
    return found


def _bytes(texts: list[str]) -> list[str]:
    """Each of the values, and bytes that are none of them."""
    values = sorted({value for value in map(_values.binary, texts) if value is not None})
    other = b"x" * (max(map(len, values), default=0) + 1)
    return [b64encode(value).decode() for value in (*values, other)]
