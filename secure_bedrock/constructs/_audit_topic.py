"""Who is told of the audit's alarms: a topic of its own, and topics, chat channels and e-mail addresses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from secure_bedrock.constructs._edge import warn
from secure_bedrock.constructs._tokens import environment_of, known
from secure_bedrock.constructs.acknowledgements import acknowledge
from secure_bedrock.errors import invalid
from secure_bedrock.policy.lists import items_of
from secure_bedrock.policy.reserved import AUDIT_PREFIX

_ALLOWED = "e-mail addresses, topics and chat channels"


def audit_topic(scope: Construct, key: kms.IKey, name: str = "findings") -> sns.Topic:
    """Return a topic under the audit's key, for its own alarms only, over TLS only."""
    environment = environment_of(scope)
    topic = sns.Topic(scope, "Topic", topic_name=f"{AUDIT_PREFIX}{name}", master_key=key, enforce_ssl=True)
    own = environment.arn(f"alarm:{AUDIT_PREFIX}*", service="cloudwatch")
    topic.add_to_resource_policy(
        iam.PolicyStatement(
            sid="Alarms",
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            actions=["sns:Publish"],
            resources=[topic.topic_arn],
            conditions={"StringEquals": {"aws:SourceAccount": environment.account}, "ArnLike": {"aws:SourceArn": own}},
        )
    )
    reason = "what an e-mail did not bring stands as the alarm's state all the same"
    acknowledge(topic, {"SNSRedrivePolicy": reason})
    return topic


def tell(scope: Construct, topic: sns.Topic, notify: Iterable[object] | None) -> list[sns.ITopic]:
    """Subscribe e-mail addresses and chat channels to the topic; return it and the topics that were given beside it.

    Raises:
        InvalidInput: for anything else, and for a topic of another Region, which an alarm cannot reach.
    """
    others: list[sns.ITopic] = []
    addresses = 0
    for item in items_of("notify", notify):
        if isinstance(item, str):
            if "@" not in item and known(item) is not None:
                raise invalid("notify", item, allowed=_ALLOWED)
            topic.add_subscription(subscriptions.EmailSubscription(item))
            addresses += 1
        elif hasattr(item, "add_notification_topic"):
            item.add_notification_topic(topic)
        else:
            others.append(_topic_here(scope, item))
    if notify is None:
        warn(
            scope, "nobody-is-told", "notify: nobody is told of alarms; name e-mail addresses, topics or chat channels"
        )
    if addresses:
        text = "notify: an e-mail subscription delivers nothing until somebody confirms it by the link in the e-mail"
        warn(scope, "confirm-subscription", text)
    return [topic, *others]  # pyright: ignore[reportReturnType] # a Topic is an ITopic, to jsii


def _topic_here(scope: Construct, item: Any) -> sns.ITopic:  # noqa: ANN401 - whatever the user gave
    if not hasattr(item, "topic_arn"):
        raise invalid("notify", item, allowed=_ALLOWED)
    region, here = known(item.env.region), known(cdk.Stack.of(scope).region)
    if region and here and region != here:
        raise invalid(
            "notify", item.topic_arn, allowed=f"topics of {here}: an alarm reaches topics of its own Region only"
        )
    return item
