"""A detection: what to look for, how often is too often, what it cannot see, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from enum import Enum, Flag, auto

from secure_bedrock.detections.expressions import Expression
from secure_bedrock.errors import invalid, nearest
from secure_bedrock.policy.lists import items_of


class Severity(Enum):
    """How soon somebody must look."""

    LOW = "low"
    """When there is time."""
    MEDIUM = "medium"
    """Within the working day."""
    HIGH = "high"
    """Within the hour."""
    CRITICAL = "critical"
    """Now."""


class Records(Flag):
    """What a detection reads."""

    MANAGEMENT = auto()
    """Management events, reads among them: inference is one."""
    DATA = auto()
    """Data events of the Bedrock types: inference on bedrock-mantle, agents, streams in both directions."""
    NETWORK_ACTIVITY = auto()
    """What interface endpoints deny."""
    INVOCATIONS = auto()
    """Bedrock's own log of each call with its content."""


class Route(Flag):
    """How a detection reaches somebody."""

    FILTER = auto()
    """A metric filter on a log group, and an alarm: every Region the trail covers, within minutes."""
    EVENT = auto()
    """An EventBridge rule that tells of each event at once, where a `Bus` carries it."""
    METRIC = auto()
    """The alarms on the number of calls and tokens (`calls`, `unusual-...`): no alarm bears the detection's id."""
    QUERY = auto()
    """A saved query that a person runs: it needs several events, or a judgement. See `query_for`."""


class Bus(Flag):
    """On which default event bus EventBridge sees a detection's events."""

    HOME = auto()
    """That of the Region they happen in: the audit's own."""
    GLOBAL = auto()
    """That of the Region global services report to, us-east-1 in most partitions; see `BedrockAuditCompanion`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Normal:
    """What the audit takes for normal, and what it guards. Detections that need what is None are left out.

    Attributes:
        account: the audit's own.
        region: the one that `endpoints` speaks for; None: every Region.
        regions: where Bedrock may be called.
        endpoints: endpoints that inference should come through.
        accounts: whose principals may call.
        models: ids that may be invoked on bedrock-runtime, or the ends of their ARNs.
        mantle_models: ids that may be invoked on bedrock-mantle; None: none.
        roles: names of the roles that are guarded.
        mfa_roles: ARNs of the roles that another account may assume with MFA only.
        security_groups: those of the endpoints.
        principals: ARNs of the roles whose changes are expected.
        log_group: the trail's.
        key: the ARN of the audit's key.
    """

    account: str | None = None
    region: str | None = None
    regions: tuple[str, ...] | None = None
    endpoints: tuple[str, ...] | None = None
    accounts: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None
    mantle_models: tuple[str, ...] | None = None
    roles: tuple[str, ...] | None = None
    mfa_roles: tuple[str, ...] | None = None
    security_groups: tuple[str, ...] | None = None
    principals: tuple[str, ...] | None = None
    log_group: str | None = None
    key: str | None = None


#: The property of the audit that each member comes from, where it comes from one.
_PROPERTIES = {
    "regions": "approved_regions",
    "endpoints": "approved_endpoints",
    "accounts": "approved_accounts",
    "models": "approved_models",
    "mantle_models": "approved_models",
    "roles": "watched_roles",
    "mfa_roles": "watched_roles",
    "security_groups": "watched_security_groups",
    "principals": "expected_principals",
}
_EVERYTHING = Normal(
    account="?",
    region="?",
    regions=("?",),
    endpoints=("?",),
    accounts=("?",),
    models=("?",),
    mantle_models=("?",),
    roles=("?",),
    mfa_roles=("?",),
    security_groups=("?",),
    principals=("?",),
    log_group="?",
    key="?",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """Something to look for.

    Attributes:
        id: stable, such as `D01`.
        name: what happened, in a few words.
        severity: how soon somebody must look.
        technique: what attackers call it: a MITRE ATT&CK or ATLAS id.
        why: what it may mean.
        runbook: what to do, in order; the first step is the alarm's.
        blind: what it cannot see, beside what its log does not record.
        find: from what is normal to the condition; None where it needs what is not known, or where no single
            record tells.
        text: a filter pattern over the text of a log event, where its fields do not tell.
        routes: how it reaches somebody.
        bus: where EventBridge sees its events. Default: in the Region they happen in.
        reads: whether read-only management events are among them, which EventBridge passes to rules that ask for them.
        detail_type: of its events on EventBridge.
        threshold: how many events within the period raise the alarm. Default: one.
        period: seconds. Default: five minutes.
        needs: what must be known, for the warning when it is not.
        records: what must be recorded. Default: management events.
        blinds: whether it looks at what blinds the audit, from which nobody is spared.
    """

    id: str
    name: str
    severity: Severity
    technique: str
    why: str
    runbook: tuple[str, ...]
    blind: str
    find: Callable[[Normal], Expression | None]
    text: str | None = None
    routes: Route = Route.FILTER | Route.EVENT
    bus: Bus = Bus.HOME
    reads: bool = False
    detail_type: str = "AWS API Call via CloudTrail"
    threshold: int = 1
    period: int = 300
    needs: str | None = None
    records: Records = Records.MANAGEMENT
    blinds: bool = False

    def tuned(
        self,
        *,
        threshold: int | None = None,
        period: int | None = None,
        severity: Severity | None = None,
        routes: Route | None = None,
        spared: Iterable[str] | None = None,
    ) -> Detection:
        """Return the same detection as a deployment wants it; what is not named stays.

        Args:
            threshold: how many events within the period raise the alarm. More than one leaves the rule on EventBridge
                out, which tells of each.
            period: seconds, whole minutes up to a day.
            severity: how soon somebody must look, and so which page it belongs to.
            routes: how it reaches somebody: `Route.FILTER`, `Route.EVENT` or both.
            spared: ARNs of roles that do it by right: sessions of theirs are no finding.

        Raises:
            InvalidInput: for what is out of range, and for a route or an exception the detection cannot have.
        """
        from secure_bedrock.detections.tuning import tuned  # noqa: PLC0415 - it is made of detections

        return tuned(self, threshold=threshold, period=period, severity=severity, routes=routes, spared=spared)

    @property
    def uses(self) -> tuple[str, ...]:
        """Which members of what is normal its condition depends on."""
        whole = self.find(_EVERYTHING)
        return tuple(
            field.name for field in fields(Normal) if self.find(replace(_EVERYTHING, **{field.name: None})) != whole
        )

    @classmethod
    def all(cls, *, but: Iterable[str] = (), tuned: Iterable[Detection] = ()) -> tuple[Detection, ...]:
        """Return every detection, in the order of their ids.

        Args:
            but: ids of those to leave out.
            tuned: detections, by `Detection.tuned`, in place of those with the same ids.

        Raises:
            InvalidInput: for an id that does not exist, with the nearest.
        """
        from secure_bedrock.detections.catalogue import CATALOGUE  # noqa: PLC0415 - the catalogue is made of detections

        left_out = {detection.id for detection in cls.named(*items_of("but", but or None))}
        instead = {detection.id: detection for detection in tuned}
        cls.named(*instead)
        return tuple(instead.get(each.id, each) for each in CATALOGUE if each.id not in left_out)

    @classmethod
    def named(cls, *ids: str) -> tuple[Detection, ...]:
        """Return detections by their ids.

        Raises:
            InvalidInput: for an id that does not exist, with the nearest.
        """
        from secure_bedrock.detections.catalogue import CATALOGUE  # noqa: PLC0415 - the catalogue is made of detections

        known = {detection.id: detection for detection in CATALOGUE}
        for name in ids:
            if name not in known:
                raise invalid("detections", name, allowed=", ".join(known), nearest=nearest(name, known))
        return tuple(known[name] for name in dict.fromkeys(ids))


def remedy(detection: Detection, normal: Normal) -> str:
    """Return what to do where a detection's pattern is too long: which property holds most of it."""
    sizes = {
        _PROPERTIES[name]: sum(map(len, getattr(normal, name) or ())) for name in detection.uses if name in _PROPERTIES
    }
    longest = max(sizes, key=lambda name: sizes[name], default=None)
    return f"give fewer values in {longest}" if longest and sizes[longest] else "it is the library's fault: report it"
