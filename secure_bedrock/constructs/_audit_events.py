"""The audit's fast path: EventBridge rules that tell of an event at once, and what becomes of a message that fails."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from secure_bedrock.constructs._audit_storage import EVENTS_ROLE, KEPT, Place, audit_role_name
from secure_bedrock.constructs.acknowledgements import OWN_POLICY_IS_INLINE, acknowledge
from secure_bedrock.detections import EVENT_FIELDS, Detection, Normal, event_message, event_patterns, remedy
from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy.limits import RULES_PER_BUS, limit
from secure_bedrock.policy.reserved import AUDIT_PREFIX

#: A page that is an hour late is none.
_AGE_IN_SECONDS = 3600
ALL_EVENTS = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"


class EventRules:
    """Writes rules on the default event bus into a scope, and remembers their names.

    Attributes:
        queue: where messages go that could not be delivered.
        made: names of the rules.
    """

    def __init__(self, scope: Construct, place: Place, topic: sns.Topic, key: kms.IKey) -> None:
        self._scope = scope
        self._topic = topic.topic_arn
        self.queue = undelivered_queue(scope, place)
        self._queue_arn = self.queue.queue_arn
        # A role of this account, since a topic's policy cannot tell whose rule EventBridge speaks for: EventBridge
        # User Guide, "Using resource-based policies", and SNS Developer Guide, "Key management".
        role = _role(scope, place, EVENTS_ROLE, "EventBridge's messages to the audit's topic")
        role.add_to_policy(iam.PolicyStatement(actions=["sns:Publish"], resources=[self._topic]))
        role.add_to_policy(iam.PolicyStatement(actions=["kms:GenerateDataKey", "kms:Decrypt"], resources=[key.key_arn]))
        self._role_arn = role.role_arn
        self.made: list[str] = []

    def tell(self, detection: Detection, normal: Normal) -> bool:
        """Add a detection; False where it needs what is not known."""
        found = rule_patterns(detection, normal)
        for index, pattern in enumerate(found, start=1):
            self._rule(detection, pattern, suffix="" if index == 1 else f"-{index}")
        return bool(found)

    def _rule(self, detection: Detection, pattern: dict[str, object], *, suffix: str) -> None:
        name = f"{AUDIT_PREFIX}{detection.id}{suffix}"
        if len(self.made) >= limit(RULES_PER_BUS):
            raise InvalidInput(
                f"detections: {detection.id} needs a rule more than the {limit(RULES_PER_BUS)} a bus has in every "
                "Region; name fewer"
            )
        events.CfnRule(
            self._scope,
            f"{detection.id}Rule{suffix.removeprefix('-')}",
            name=name,
            description=f"{detection.id} {detection.name}",
            event_pattern=pattern,
            state=ALL_EVENTS if detection.reads else "ENABLED",
            targets=[
                target_with_queue(
                    "Findings",
                    self._topic,
                    role_arn=self._role_arn,
                    queue_arn=self._queue_arn,
                    message=events.CfnRule.InputTransformerProperty(
                        input_paths_map=EVENT_FIELDS, input_template=event_message(detection)
                    ),
                )
            ],
        )
        self.made.append(name)


def rule_patterns(detection: Detection, normal: Normal) -> tuple[dict[str, object], ...]:
    """Return a detection's event patterns; none where it needs what is not known."""
    expression = detection.find(normal)
    if expression is None:
        return ()
    return event_patterns(detection.id, expression, detail_type=detection.detail_type, remedy=remedy(detection, normal))


def target_with_queue(
    name: str,
    arn: str,
    *,
    role_arn: str,
    queue_arn: str,
    message: events.CfnRule.InputTransformerProperty | None = None,
) -> events.CfnRule.TargetProperty:
    """Return a target that is tried again for an hour, and whose messages are kept after that."""
    return events.CfnRule.TargetProperty(
        id=name,
        arn=arn,
        role_arn=role_arn,
        input_transformer=message,
        dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=queue_arn),
        retry_policy=events.CfnRule.RetryPolicyProperty(maximum_event_age_in_seconds=_AGE_IN_SECONDS),
    )


def undelivered_queue(scope: Construct, place: Place, name: str = "undelivered") -> sqs.Queue:
    """Return an encrypted queue, over TLS only, that the audit's rules may send to and nobody else, kept on removal."""
    queue = sqs.Queue(
        scope,
        "Undelivered",
        queue_name=f"{AUDIT_PREFIX}{name}",
        # SQS's own key: EventBridge could use one of ours only for every rule of every account.
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=cdk.Duration.days(14),
        removal_policy=KEPT,
    )
    queue.add_to_resource_policy(
        iam.PolicyStatement(
            sid="OwnRules",
            principals=[iam.ServicePrincipal("events.amazonaws.com")],
            actions=["sqs:SendMessage"],
            resources=[queue.queue_arn],
            conditions={"ArnLike": {"aws:SourceArn": place.rules}},
        )
    )
    reason = "it is the queue for what could not be delivered"
    acknowledge(queue, {"SQSQueueDLQ": reason, "SQSRedrivePolicy": reason})
    return queue


def forwarding_role(scope: Construct, place: Place, bus_arn: str) -> iam.Role:
    """Return a role with which EventBridge may put events on one bus, and do nothing else."""
    role = _role(scope, place, "forwarding", "EventBridge's events to the audit's home bus")
    role.add_to_policy(iam.PolicyStatement(actions=["events:PutEvents"], resources=[bus_arn]))
    return role


def _role(scope: Construct, place: Place, purpose: str, description: str) -> iam.Role:
    """Return a role for the audit's own rules: EventBridge speaks for everybody's.

    AWS: EventBridge User Guide, "Cross-service confused deputy prevention": of a target, `aws:SourceArn` is the rule.
    """
    ours = {
        "StringEquals": {"aws:SourceAccount": place.environment.account},
        "ArnLike": {"aws:SourceArn": place.rules},
    }
    role = iam.Role(
        scope,
        "EventsRole",
        **audit_role_name(place, purpose),
        assumed_by=iam.PrincipalWithConditions(iam.ServicePrincipal("events.amazonaws.com"), ours),
        description=description,
    )
    acknowledge(role, OWN_POLICY_IS_INLINE)
    return role
