"""What `Ref` and `Fn::GetAtt` give before anything is deployed: ids that are made up, but always the same.

Two resources never share one, and none is like a literal that somebody would write, so that policies which refer to a
resource match that resource and no other.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from secure_bedrock.data import table


def digest(seed: str, length: int) -> str:
    """Return hexadecimal text that follows from a seed."""
    return hashlib.sha256(seed.encode()).hexdigest()[:length]


def account_id(seed: str) -> str:
    """Return an account id that follows from a seed."""
    return f"{int(digest(seed, 15), 16) % 10**12:012d}"


#: Parameters by what their name or type says they hold, in this order.
_SHAPES: tuple[tuple[re.Pattern[str], Callable[[str], str]], ...] = (
    (re.compile(r"vpc-?end-?point|vpce", re.IGNORECASE), lambda seed: f"vpce-{digest(seed, 17)}"),
    (re.compile(r"account", re.IGNORECASE), account_id),
    (re.compile(r"org(ani[sz]ation)?-?id", re.IGNORECASE), lambda seed: f"o-{digest(seed, 10)}"),
    (re.compile(r"subnet", re.IGNORECASE), lambda seed: f"subnet-{digest(seed, 17)}"),
    (re.compile(r"security-?group", re.IGNORECASE), lambda seed: f"sg-{digest(seed, 17)}"),
    (re.compile(r"vpc", re.IGNORECASE), lambda seed: f"vpc-{digest(seed, 17)}"),
    (re.compile(r"cidr|iprange", re.IGNORECASE), lambda seed: f"198.51.100.{int(digest(seed, 2), 16)}/32"),
)


def unknown_value(seed: str, hint: str) -> str:
    """Return a value for what nobody knows, in the shape that its name and type suggest."""
    for pattern, make in _SHAPES:
        if pattern.search(hint):
            return make(seed)
    return f"unknown-{digest(seed, 10)}"


@cache
def _types() -> Mapping[str, Mapping[str, Any]]:
    return {row["type"]: row for row in table("resource_identifiers")["types"]}


def name_property(kind: str) -> str | None:
    """Return the property that names a resource of a type, None where its name is not known to matter."""
    return _types().get(kind, {}).get("name")


def path_property(kind: str) -> str | None:
    """Return the property that holds the path of a resource of a type."""
    return _types().get(kind, {}).get("path")


def pattern_of(kind: str, attribute: str | None) -> str | None:
    """Return the pattern of what Ref (without an attribute) or Fn::GetAtt gives, None where it is not known."""
    row = _types().get(kind)
    if row is None:
        return None
    return row["ref"] if attribute is None else row["attributes"].get(attribute)


def filled(pattern: str, seed: str, known: Mapping[str, str]) -> str:
    """Return a pattern with its braces filled in from what is known, the rest made up from the seed."""

    def value(match: re.Match[str]) -> str:
        name, _, length = match[1].partition(":")
        if name in known:
            return known[name]
        if name == "account_id":
            return account_id(seed)
        if name == "uuid":
            text = digest(seed, 32)
            return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
        made = digest(seed, int(length or 12))
        return made.upper() if pattern.startswith("AROA") else made

    return re.sub(r"\{([a-z_]+(?::\d+)?)\}", value, pattern)
