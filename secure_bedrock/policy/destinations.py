"""Which Regions a cross-Region inference profile reaches, from the dated table.

AWS: "a geographic profile never changes its destinations"; the set depends on the source Region and on the model
(Amazon Bedrock User Guide, "Supported Regions and models for inference profiles").
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from secure_bedrock.data import table
from secure_bedrock.errors import invalid, nearest
from secure_bedrock.policy.environment import Environment

GLOBAL = "global"


@dataclass(frozen=True, slots=True)
class Note:
    """Something a policy had to assume: a stable id and a sentence for the reader."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Destinations:
    """The Regions of a profile; None means any Region, tied to the profile by its condition key."""

    regions: tuple[str, ...] | None
    note: Note | None = None


def geographies() -> tuple[str, ...]:
    """Return the prefixes that make a profile id of a model id, such as `us`, `eu` and `global`."""
    return tuple(_prefixes())


def geographies_of(region: str) -> tuple[str, ...]:
    """Return the geographies whose profiles can be called from, or routed to, a Region; `global` is not among them."""
    return tuple(name for name in _prefixes() if region in reach_of(name))


def reach_of(geography: str) -> tuple[str, ...]:
    """Return every Region that a geography's profiles are documented to reach; nothing where AWS lists none."""
    union = _prefixes()[geography]["documented_union"]
    return tuple(union) if isinstance(union, list) else ()


def split_profile_id(text: str) -> tuple[str, str] | None:
    """Split `eu.anthropic.x` into geography and model id; None for a bare model id."""
    geography, _, model_id = text.partition(".")
    return (geography, model_id) if geography in _prefixes() and "." in model_id else None


def destinations_of(profile_id: str, environment: Environment) -> Destinations:
    """Return the Regions a geographic profile reaches when called from an environment.

    Raises:
        InvalidInput: where the table knows the profile and not that source, the geography does not hold the source
            Region, or only an unconfirmed price list knows the profile.
    """
    geography, _ = split_profile_id(profile_id) or ("", "")
    if not environment.region_is_known:
        return _any_region(f"the Region of {profile_id} is not known at synth")
    source = environment.region
    _require_geography(profile_id, geography, source)
    row = _profiles().get(profile_id)
    if row is None:
        _require_confirmed(profile_id)
        return _any_region(f"{profile_id} is not in the table of {table('inference_profiles')['as_of']}")
    if row["granularity"] == "per-source":
        return _per_source(profile_id, source, row["destinations"])
    observed = (row.get("observed") or {}).get(source)
    if observed:
        return Destinations(tuple(observed))
    if source in row.get("sources", ()):
        return Destinations(tuple(row["destination_union"]), _union_note(profile_id))
    return _any_region(f"the destinations of {profile_id} from {source} are not published")


def _per_source(profile_id: str, source: str, destinations: dict[str, list[str]]) -> Destinations:
    if source not in destinations:
        raise invalid(
            "models",
            f"{profile_id} from {source}",
            allowed=f"a source Region of that profile: {', '.join(sorted(destinations))}",
            remedy="if AWS has added this one, say so with Model.parse(..., destinations=[...])",
        )
    return Destinations(tuple(destinations[source]))


def _require_geography(profile_id: str, geography: str, source: str) -> None:
    regions = _prefixes()[geography]["documented_union"]
    if regions is not None and source not in regions:
        raise invalid(
            "models",
            f"{profile_id} from {source}",
            allowed=f"a source Region of the geography {geography!r}: {', '.join(sorted(regions))}",
            remedy="use the profile of this Region's geography, or Model.parse(..., destinations=[...])",
        )


def _require_confirmed(profile_id: str) -> None:
    if profile_id in _unconfirmed():
        raise invalid(
            "models",
            profile_id,
            allowed="a profile that AWS documents; this id is in a price list only",
            nearest=nearest(profile_id, _profiles()),
            remedy="if GetInferenceProfile returns it, say so with Model.parse(..., destinations=[...])",
        )


def _any_region(reason: str) -> Destinations:
    text = f"{reason}: its models are allowed in any Region, but only through that profile"
    return Destinations(None, Note("profile-destinations-unknown", text))


def _union_note(profile_id: str) -> Note:
    text = f"for {profile_id} only the union of the destinations over all source Regions is known; all of it is allowed"
    return Note("profile-destinations-union", text)


@cache
def _prefixes() -> dict[str, dict[str, Any]]:
    return {row["geo"]: row for row in table("inference_profiles")["prefixes"]}


@cache
def _profiles() -> dict[str, dict[str, Any]]:
    return {row["profile"]: row for row in table("inference_profiles")["profiles"]}


@cache
def _unconfirmed() -> frozenset[str]:
    return frozenset(row["profile"] for row in table("inference_profiles")["unconfirmed_ids"])
