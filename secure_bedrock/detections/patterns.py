"""CloudWatch Logs filter patterns for JSON events, written from small pieces.

The language: CloudWatch Logs User Guide, "Filter pattern syntax". A comparison with a field that is not there does not
match, `!=` included; a star matches only at the beginning or the end of a text.
"""

from __future__ import annotations

import re

from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy.limits import FILTER_PATTERN, limit

_UNRESOLVED = re.compile(r"\$\{[^}]*\}")


def equals(field: str, value: str) -> str:
    """The field has this text; a star at its beginning or end stands for anything."""
    return f'($.{field} = "{value}")'


def one_of(field: str, values: tuple[str, ...]) -> str:
    """The field has one of these texts."""
    return any_of(*(equals(field, value) for value in values))


def none_of(field: str, values: tuple[str, ...]) -> str:
    """The field is there and has none of these texts."""
    return all_of(*(f'($.{field} != "{value}")' for value in values))


def absent(field: str) -> str:
    """The field is not there."""
    return f"($.{field} NOT EXISTS)"


def is_true(field: str) -> str:
    """The field is the boolean true."""
    return f"($.{field} IS TRUE)"


def any_of(*parts: str) -> str:
    """At least one part holds."""
    return parts[0] if len(parts) == 1 else f"({' || '.join(parts)})"


def all_of(*parts: str) -> str:
    """Every part holds."""
    return parts[0] if len(parts) == 1 else f"({' && '.join(parts)})"


def pattern(name: str, expression: str) -> str:
    """Return the whole pattern; what is filled in at deploy time counts as long as an endpoint's id.

    Raises:
        InvalidInput: where it is longer than CloudWatch Logs takes.
    """
    whole = f"{{ {expression} }}"
    size = len(_UNRESOLVED.sub("vpce-0123456789abcdef0", whole))
    if size > limit(FILTER_PATTERN):
        raise InvalidInput(
            f"{name}: the filter pattern has {size} characters, {limit(FILTER_PATTERN)} are allowed; "
            "approve fewer values"
        )
    return whole
