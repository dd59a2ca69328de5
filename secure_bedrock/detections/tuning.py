"""Detections as a deployment wants them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from secure_bedrock.detections.detection import Detection, Normal, Records, Route, Severity
from secure_bedrock.detections.expressions import Expression, absent, all_of, any_of, none_of
from secure_bedrock.detections.vocabulary import CALLER
from secure_bedrock.errors import invalid
from secure_bedrock.policy.lists import items_of

_LONGEST = 86_400
_BY_RULE = Route.EVENT
_MADE = Route.FILTER | Route.EVENT


def tuned(  # noqa: PLR0913 - what can be tuned
    detection: Detection,
    *,
    threshold: int | None,
    period: int | None,
    severity: Severity | None,
    routes: Route | None,
    spared: Iterable[str] | None,
) -> Detection:
    """Return a detection with other values; see `Detection.tuned`."""
    changed: dict[str, Any] = {}
    if threshold is not None:
        changed["threshold"] = _threshold(detection, threshold)
    if period is not None:
        changed["period"] = _period(detection, period)
    if severity is not None:
        if not isinstance(severity, Severity):
            raise invalid(f"{detection.id}.severity", severity, allowed="a Severity")
        changed["severity"] = severity
    if routes is not None:
        changed["routes"] = _routes(detection, routes, changed.get("threshold", detection.threshold))
    elif changed.get("threshold", detection.threshold) > 1:
        changed["routes"] = detection.routes & ~_BY_RULE
    roles = tuple(items_of("spared", spared))
    if roles:
        changed["find"] = _sparing(detection, roles)
    return replace(detection, **changed)


def _threshold(detection: Detection, threshold: int) -> int:
    if type(threshold) is not int or threshold < 1:
        raise invalid(f"{detection.id}.threshold", threshold, allowed="a positive whole number")
    return threshold


def _period(detection: Detection, period: int) -> int:
    if type(period) is not int or period % 60 or not 60 <= period <= _LONGEST:  # noqa: PLR2004 - a minute
        raise invalid(f"{detection.id}.period", period, allowed="whole minutes up to a day, in seconds")
    return period


def _routes(detection: Detection, routes: Route, threshold: int) -> Route:
    possible = detection.routes & _MADE
    if detection.text is None and detection.records == Records.MANAGEMENT and possible and threshold == 1:
        possible |= _BY_RULE
    if not isinstance(routes, Route) or not routes or routes & ~possible:
        names = " and ".join(f"Route.{route.name}" for route in possible) or "none: it is a question to ask"
        raise invalid(f"{detection.id}.routes", routes, allowed=names)
    return routes | (detection.routes & ~_MADE)


def _sparing(detection: Detection, roles: tuple[str, ...]) -> Callable[[Normal], Expression | None]:
    for role in roles:
        if not isinstance(role, str) or ":role/" not in role or "*" in role:
            raise invalid(f"{detection.id}.spared", role, allowed="exact ARNs of roles")
    if detection.blinds:
        raise invalid(f"{detection.id}.spared", roles, allowed="nobody: it looks at what blinds the audit")
    if detection.records & ~(Records.MANAGEMENT | Records.DATA):
        raise invalid(f"{detection.id}.spared", roles, allowed="nobody: its records name no role in a way to compare")

    def find(normal: Normal) -> Expression | None:
        found = detection.find(replace(normal, principals=(*(normal.principals or ()), *roles)))
        if found is None or found != detection.find(replace(normal, principals=None)):
            return found  # it knows of expected principals by itself
        return all_of(found, any_of(absent(CALLER), none_of(CALLER, roles)))

    return find
