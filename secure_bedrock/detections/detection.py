"""A detection: what to look for in CloudTrail's records, how often is too often, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, Flag, auto

from secure_bedrock.errors import invalid, nearest


class Severity(Enum):
    """How soon somebody must look."""

    MEDIUM = "medium"
    """Within the working day."""
    HIGH = "high"
    """Within the hour."""
    CRITICAL = "critical"
    """Now."""


class Records(Flag):
    """What a trail may record."""

    MANAGEMENT = auto()
    """Management events, reads among them: inference is one."""
    DATA = auto()
    """Data events of the Bedrock types: inference on bedrock-mantle, agents, streams in both directions."""
    NETWORK_ACTIVITY = auto()
    """What interface endpoints deny."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Normal:
    """What the audit takes for normal. What is None is not known, and detections that need it are left out.

    Attributes:
        regions: where Bedrock may be called.
        endpoints: endpoints that inference should come through.
    """

    regions: tuple[str, ...] | None = None
    endpoints: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """Something to look for.

    Attributes:
        id: stable, such as `D01`.
        name: what happened, in a few words.
        severity: how soon somebody must look.
        why: what it may mean.
        response: what to do first.
        find: from what is normal to the filter pattern's condition; None where it needs what is not known.
        threshold: how many events within the period raise the alarm. Default: one.
        period: seconds. Default: five minutes.
        needs: what must be known, for the warning when it is not.
        records: what the trail must record. Default: management events.
    """

    id: str
    name: str
    severity: Severity
    why: str
    response: str
    find: Callable[[Normal], str | None]
    threshold: int = 1
    period: int = 300
    needs: str | None = None
    records: Records = Records.MANAGEMENT

    @classmethod
    def all(cls) -> tuple[Detection, ...]:
        """Return every detection, in the order of their ids."""
        from secure_bedrock.detections.catalogue import CATALOGUE  # noqa: PLC0415 - the catalogue is made of detections

        return CATALOGUE

    @classmethod
    def named(cls, *ids: str) -> tuple[Detection, ...]:
        """Return detections by their ids.

        Raises:
            InvalidInput: for an id that does not exist, with the nearest.
        """
        known = {detection.id: detection for detection in cls.all()}
        for name in ids:
            if name not in known:
                raise invalid("detections", name, allowed=", ".join(known), nearest=nearest(name, known))
        return tuple(known[name] for name in dict.fromkeys(ids))
