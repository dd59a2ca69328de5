"""Which events of global services are sent on to the audit's own Region, where its rules judge them.

What is normal is known there only: here a role counts as guarded whatever its name, and nobody's changes are expected.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from secure_bedrock.detections.detection import Bus, Detection, Normal, Route
from secure_bedrock.detections.events import event_patterns
from secure_bedrock.detections.expressions import any_of

_ANY = ("*",)


def forwarding_patterns(detections: Iterable[Detection], account: str) -> tuple[dict[str, Any], ...]:
    """Return the patterns of the rules that find what any of the detections could find in the global Region.

    An event that two of the patterns find is sent on twice.

    Args:
        detections: those that see nothing there are left out.
        account: the audit's own.
    """
    normal = Normal(account=account, roles=_ANY, mfa_roles=_ANY)
    looked_for: dict[str, list[Any]] = {}
    for detection in detections:
        expression = detection.find(normal) if Route.EVENT in detection.routes and Bus.GLOBAL in detection.bus else None
        if expression is not None:
            looked_for.setdefault(detection.detail_type, []).append(expression)
    return tuple(
        pattern
        for detail_type, expressions in sorted(looked_for.items())
        for pattern in event_patterns("forwarding", any_of(*expressions), detail_type=detail_type)
    )
