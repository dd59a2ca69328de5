"""Which detections an audit can watch, by which route, and when it knows enough to do so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import aws_cdk as cdk
import jsii
from aws_cdk import aws_logs as logs
from constructs import Construct, IConstruct

from secure_bedrock.constructs._audit_alarms import Alarms, patterns_of
from secure_bedrock.constructs._audit_events import EventRules, rule_patterns
from secure_bedrock.constructs._audit_normal import Stated
from secure_bedrock.constructs._edge import warn
from secure_bedrock.constructs.trail_source import TrailSource
from secure_bedrock.detections import Detection, Normal, Records, Route

_RECORDS = {
    Records.MANAGEMENT: "management events",
    Records.DATA: "data events",
    Records.NETWORK_ACTIVITY: "network activity events",
    Records.INVOCATIONS: "invocation logs",
}


class Watch:
    """Makes alarms and rules of detections: what is the same in any app at once, the rest when the app is whole."""

    def __init__(
        self,
        audit: Construct,
        *,
        source: TrailSource,
        recorded: Records,
        groups: Mapping[Records, logs.ILogGroup],
        alarms: Alarms,
        rules: EventRules | None,
    ) -> None:
        self._audit = audit
        self._source = source
        self._recorded = recorded
        self._groups = groups
        self._alarms = alarms
        self._rules = rules

    def start(
        self,
        chosen: Iterable[Detection],
        stated: Stated,
        normal: Callable[[], Normal],
        finish: Callable[[], None],
    ) -> None:
        """Watch what is the same in any app, and the rest at synth.

        Args:
            chosen: the detections.
            stated: what the user said is normal: what does not fit is refused at once.
            normal: asked at synth.
            finish: called after that.
        """
        routes = {detection: self._routes(detection) for detection in chosen}
        if self._source.is_existing:
            read = [each.id for each, by in routes.items() if Route.FILTER in by and each.records == Records.MANAGEMENT]
            text = (
                f"trail: the existing trail must record management events of every Region, reads among them, for "
                f"{', '.join(read)}; without data events none of them sees bedrock-mantle"
            )
            warn(self._audit, "existing-trail", text)
        later = {detection: by for detection, by in routes.items() if by and detection.uses}
        for detection, by in routes.items():
            if detection not in later:
                self._watch(detection, by, Normal())
        said = stated.normal()
        for detection, by in later.items():
            _require_fit(detection, by, said)

        def at_synth() -> None:
            known = normal()
            for detection, by in later.items():
                if not self._watch(detection, by, known):
                    self._leave_out(detection, f"{detection.needs} is not known")
            finish()

        cdk.Aspects.of(self._audit).add(_AtSynth(self._audit, at_synth))

    def _routes(self, detection: Detection) -> Route:
        """By which of its routes a detection can be watched here; a warning where its filter has nothing to read."""
        routes = detection.routes & (Route.FILTER | Route.EVENT)
        if Route.FILTER in routes and not self._is_recorded(detection):
            routes &= ~Route.FILTER
        return routes

    def _is_recorded(self, detection: Detection) -> bool:
        missing = detection.records & ~self._recorded
        if missing and self._source.has_records:
            kinds = " and ".join(_RECORDS[kind] for kind in missing)
            self._leave_out(detection, f"there are no {kinds}")
        return not missing

    def _leave_out(self, detection: Detection, reason: str) -> None:
        text = f"{detection.id} ({detection.name}) is left out: {reason}"
        warn(self._audit, f"detection-{detection.id.lower()}", text)

    def _watch(self, detection: Detection, routes: Route, normal: Normal) -> bool:
        """Watch a detection by routes; False where it needs what is not known."""
        seen = True
        if Route.FILTER in routes:
            group = next(group for kind, group in self._groups.items() if kind in detection.records)
            seen = self._alarms.watch(detection, group, normal)
        if Route.EVENT in routes and self._rules is not None:
            seen = self._rules.tell(detection, normal)
        return seen


def _require_fit(detection: Detection, routes: Route, normal: Normal) -> None:
    if Route.FILTER in routes:
        patterns_of(detection, normal)
    if Route.EVENT in routes:
        rule_patterns(detection, normal)


@jsii.implements(cdk.IAspect)
class _AtSynth:
    """Lets the audit look at the whole app, once, before templates are written."""

    def __init__(self, audit: Construct, act: Callable[[], None]) -> None:
        self._audit = audit
        self._act: Callable[[], None] | None = act

    def visit(self, node: IConstruct) -> None:
        if node is self._audit and self._act is not None:
            act, self._act = self._act, None
            act()
