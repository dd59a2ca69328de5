"""A role's tags, as IAM takes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from secure_bedrock.constructs._tokens import known
from secure_bedrock.errors import InvalidInput, invalid, nearest
from secure_bedrock.policy.lists import items_of
from secure_bedrock.policy.reserved import TAG_PREFIX

_LONGEST_KEY, _LONGEST_VALUE = 128, 256


def checked_tags(*, project: str | None, team: str | None, tags: Mapping[str, str] | None) -> dict[str, str]:
    """Return every tag by its key.

    Raises:
        InvalidInput: for no mapping, an empty one, a key or value IAM does not take, or a key that is given twice.
    """
    if tags is not None and not isinstance(tags, Mapping):
        raise invalid("tags", tags, allowed="a mapping from key to value")
    if tags is not None and not tags:
        raise InvalidInput("tags: got an empty mapping; allowed is at least one tag, or None")
    named = {key: value for key, value in {"project": project, "team": team}.items() if value is not None}
    for key, value in named.items():
        _require_value(key, value)
    for key, value in (tags or {}).items():
        _require_key(key)
        if key.lower() in named:  # IAM takes keys that differ in case for one
            raise invalid("tags", key, allowed=f"tags beside {key.lower()}, which is given as a property of its own")
        _require_value(f"tags[{key!r}]", value)
    _require_different(tags or {})
    return {**named, **(tags or {})}


def checked_matching_tags(keys: Iterable[str] | None, tags: Mapping[str, str]) -> tuple[str, ...]:
    """Return the keys in which profiles must equal the role: out of its own tags, exactly as they are written there.

    Raises:
        InvalidInput: for an empty list, or a key the role does not have.
    """
    wanted = tuple(dict.fromkeys(items_of("matching_tags", keys)))
    for key in wanted:
        if key not in tags:
            close = nearest(key, tags) if isinstance(key, str) else None
            raise invalid("matching_tags", key, allowed="keys of the role's own tags", nearest=close)
    return wanted


def _require_different(tags: Mapping[str, str]) -> None:
    seen: set[str] = set()
    for key in tags:
        if key.lower() in seen:
            raise invalid("tags", key, allowed="keys that differ in more than their case")
        seen.add(key.lower())


def _require_key(key: object) -> None:
    allowed = f"a literal key of 1 to {_LONGEST_KEY} characters that does not start with aws:"
    if not isinstance(key, str) or known(key) is None or not 1 <= len(key) <= _LONGEST_KEY:
        raise invalid("tags", key, allowed=allowed)
    if key.lower().startswith("aws:"):
        raise invalid("tags", key, allowed=allowed)
    if key.lower().startswith(TAG_PREFIX):
        raise invalid("tags", key, allowed=f"a key that does not start with {TAG_PREFIX}, which this library keeps")


def _require_value(name: str, value: object) -> None:
    if not isinstance(value, str) or not value:
        raise invalid(name, value, allowed="a text that is not empty")
    if known(value) is not None and len(value) > _LONGEST_VALUE:
        raise invalid(name, value, allowed=f"a text of at most {_LONGEST_VALUE} characters")
