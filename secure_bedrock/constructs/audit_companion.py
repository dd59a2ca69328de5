"""What global services report in a Region of their own, sent on to the audit's."""

from __future__ import annotations

from collections.abc import Iterable

import aws_cdk as cdk
from aws_cdk import aws_events as events
from constructs import Construct

from secure_bedrock.constructs._audit_alarms import Alarms
from secure_bedrock.constructs._audit_events import ALL_EVENTS, forwarding_role, target_with_queue, undelivered_queue
from secure_bedrock.constructs._audit_storage import place_of, topic_key
from secure_bedrock.constructs._audit_topic import audit_topic, tell
from secure_bedrock.constructs._tokens import known
from secure_bedrock.detections import Detection, forwarding_patterns
from secure_bedrock.errors import invalid
from secure_bedrock.policy.environment import global_region, known_regions, partition_of
from secure_bedrock.policy.lists import items_of
from secure_bedrock.policy.reserved import AUDIT_PREFIX

_NAME = "companion"


class BedrockAuditCompanion(Construct):
    """Sends what IAM, Organizations, STS's global endpoint, sign-in and AWS Marketplace report to the audit's Region.

    EventBridge sees their events in one Region of each partition only, in most us-east-1; there, in a stack of the
    audit's account, this construct stands. The audit's own rules judge them. The audit's metric filters see the same
    records without it, minutes later. Organizations reports in the account that manages the organisation only.
    What could not be sent on within an hour waits two weeks in a queue that stays when the construct is removed.

    Attributes:
        queue: where that waits.
        topic: where alarms on it go.
        alarms: those.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own word
        *,
        home_region: str,
        detections: Iterable[Detection] | None = None,
        notify: Iterable[object] | None = None,
    ) -> None:
        """Declare the companion.

        Args:
            scope: the parent construct, in a stack of the Region that global services report to.
            id: the construct's id.
            home_region: where the BedrockAuditTrail stands, in the same account.
            detections: the audit's. Default: all.
            notify: who is told when events could not be sent on, as in BedrockAuditTrail: alarms reach topics of their
                own Region only. Default: nobody, and a warning.

        Raises:
            InvalidInput: for a wrong, empty or contradictory property, its name first.
        """
        super().__init__(scope, id)
        place = place_of(self)
        region, account = place.environment.region, place.environment.account
        _require(home_region, known(region))
        chosen = Detection.all() if detections is None else items_of("detections", detections)
        patterns = forwarding_patterns(chosen, account)
        if not patterns:
            allowed = "a detection that looks at events of global services, such as D22"
            raise invalid("detections", ", ".join(each.id for each in chosen), allowed=allowed)
        bus = place.environment.arn("event-bus/default", service="events", region=home_region)
        self.queue = undelivered_queue(self, place, f"{_NAME}-undelivered")
        self.topic = audit_topic(self, topic_key(self, place), _NAME)
        role = forwarding_role(self, place, bus)
        names = [f"{AUDIT_PREFIX}{_NAME}-{number}" for number, _ in enumerate(patterns, start=1)]
        for name, pattern in zip(names, patterns, strict=True):
            events.CfnRule(
                self,
                f"Rule{name.rpartition('-')[2]}",
                name=name,
                description="What global services report, to the audit of Bedrock",
                event_pattern=pattern,
                state=ALL_EVENTS,
                targets=[
                    target_with_queue("Home", bus, role_arn=role.role_arn, queue_arn=self.queue.queue_arn),
                ],
            )
        self._alarms = Alarms(self, tell(self, self.topic, notify))
        self._alarms.watch_delivery(self.queue, self.topic, names, prefix=f"{_NAME}-")

    @property
    def alarms(self) -> list[object]:
        """The alarms on what could not be sent on."""
        return [alarm for _, alarm in sorted(self._alarms.made.items())]

    @staticmethod
    def is_needed(home_region: str) -> bool:
        """Whether an audit in a Region needs a companion in another.

        Raises:
            InvalidInput: for what is no Region of a partition Bedrock is in.
        """
        return home_region != global_region(partition_of(home_region))

    @staticmethod
    def environment(account: str | None, home_region: str) -> cdk.Environment:
        """Return where the companion of an audit in a Region belongs."""
        return cdk.Environment(account=account, region=global_region(partition_of(home_region)))


def _require(home_region: str, region: str | None) -> None:
    if home_region not in known_regions():
        raise invalid("home_region", home_region, allowed="the Region of the audit, literally")
    here = global_region(partition_of(home_region))
    if home_region == here:
        raise invalid(
            "home_region", home_region, allowed="another Region: there global services report to the audit itself"
        )
    if region is not None and region != here:
        raise invalid("scope", region, allowed=f"a stack in {here}, where global services of {home_region} report")
