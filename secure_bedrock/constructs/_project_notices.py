"""Where a project's notices go: a topic under a key that AWS's budget, cost and alarm services may use."""

from __future__ import annotations

from collections.abc import Iterable

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from secure_bedrock.constructs._audit_storage import service_key
from secure_bedrock.constructs._edge import warn
from secure_bedrock.constructs._tokens import known
from secure_bedrock.constructs.acknowledgements import acknowledge
from secure_bedrock.errors import invalid
from secure_bedrock.policy.lists import items_of

#: AWS: "Creating an Amazon SNS topic for budget notifications", "Receiving anomaly alerts in Amazon SNS".
_SENDERS = {
    "Alarms": "cloudwatch.amazonaws.com",
    "Budgets": "budgets.amazonaws.com",
    "Costs": "costalerts.amazonaws.com",
}


def notice_topic(scope: Construct, name: str, *, notify: Iterable[str] | None, key: kms.IKey | None) -> sns.Topic:
    """Return the topic, with the e-mail addresses subscribed.

    Raises:
        InvalidInput: for what is no list of e-mail addresses.
    """
    account = cdk.Stack.of(scope).account
    own = {"StringEquals": {"aws:SourceAccount": account}}
    made = service_key(scope, "Bedrock project: notices of budget and alarms", _uses(own)) if key is None else key
    topic = sns.Topic(scope, "Topic", topic_name=name, master_key=made, enforce_ssl=True)
    acknowledge(topic, {"SNSRedrivePolicy": "what an e-mail did not bring stands in budget and alarm all the same"})
    for sid, service in _SENDERS.items():
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid=sid,
                principals=[iam.ServicePrincipal(service)],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions=own,
            )
        )
    for address in items_of("notify", notify):
        if not isinstance(address, str) or ("@" not in address and known(address) is not None):
            raise invalid("notify", address, allowed="e-mail addresses; others subscribe to the topic of the construct")
        topic.add_subscription(subscriptions.EmailSubscription(address))
    if notify is not None:
        text = "notify: an e-mail subscription delivers nothing until somebody confirms it by the link in the e-mail"
        warn(scope, "confirm-subscription", text)
    else:
        warn(scope, "nobody-is-told", "notify: nobody is told of budget and alarms; name e-mail addresses")
    return topic


def _uses(own: dict[str, object]) -> Iterable[iam.PolicyStatement]:
    for sid, service in _SENDERS.items():
        yield iam.PolicyStatement(
            sid=sid,
            principals=[iam.ServicePrincipal(service)],
            actions=["kms:Decrypt", "kms:GenerateDataKey*"],
            resources=["*"],
            conditions=own,
        )
