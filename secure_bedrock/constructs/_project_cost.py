"""What watches a project's use: budget and anomaly monitor on its tag, alarms on each profile's calls and tokens."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_ce as ce
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct, IConstruct

from secure_bedrock.constructs._bands import band_alarm, bedrock_metric
from secure_bedrock.constructs._budgets import monthly_budget

_QUARTER_OF_AN_HOUR = 900
#: What is watched of a profile: the alarm's id, the end of its name, Bedrock's metric, and a word for it.
_WATCHED = (
    ("UnusualCalls", "", "Invocations", "calls"),
    ("UnusualInput", "-input", "InputTokenCount", "tokens"),
    ("UnusualOutput", "-output", "OutputTokenCount", "tokens"),
)


def project_budget(
    scope: Construct, name: str, *, project: str, dollars: float, topic_arn: str, tags: Mapping[str, str]
) -> budgets.CfnBudget:
    """Return a budget on what bears the project's tag."""
    return monthly_budget(
        scope,
        name,
        dollars=dollars,
        filters={"TagKeyValue": [f"user:project${project}"]},
        subscribers={topic_arn: "SNS"},
        tags=tags,
    )


def cost_anomalies(
    scope: Construct, name: str, *, project: str, dollars: float, topic_arn: str
) -> tuple[ce.CfnAnomalyMonitor, ce.CfnAnomalySubscription]:
    """Return a monitor on the project's tag, and the subscription that tells of what costs more than is usual."""
    monitor = ce.CfnAnomalyMonitor(
        scope,
        "CostMonitor",
        monitor_name=name,
        monitor_type="CUSTOM",
        monitor_specification=json.dumps({"Tags": {"Key": "project", "Values": [project], "MatchOptions": ["EQUALS"]}}),
    )
    impact = {
        "Dimensions": {
            "Key": "ANOMALY_TOTAL_IMPACT_ABSOLUTE",
            "MatchOptions": ["GREATER_THAN_OR_EQUAL"],
            "Values": [f"{dollars:g}"],
        }
    }
    subscription = ce.CfnAnomalySubscription(
        scope,
        "CostSubscription",
        subscription_name=name,
        frequency="IMMEDIATE",
        monitor_arn_list=[monitor.attr_monitor_arn],
        subscribers=[ce.CfnAnomalySubscription.SubscriberProperty(address=topic_arn, type="SNS")],
        threshold_expression=json.dumps(impact),
    )
    return monitor, subscription


def unusual_use(scope: IConstruct, *, name: str, profile_id: str, topic_arn: str) -> Iterator[cloudwatch.CfnAlarm]:
    """Yield alarms on more calls through a profile, and on more tokens in and out, than is usual at that hour.

    Bedrock counts by the id that the caller named (Amazon Bedrock User Guide, "Monitoring with CloudWatch").
    """
    for construct_id, end, metric, what in _WATCHED:
        yield band_alarm(
            scope,
            construct_id,
            name=f"{name}{end}",
            description=f"More {what}{' in' * (end == '-input')}{' out' * (end == '-output')} through this application "
            "inference profile than is usual at this hour. Look at the callers of its ARN in CloudTrail; "
            "docs/how-to/incident.md stops them.",
            metric=bedrock_metric(metric, {"ModelId": profile_id}),
            measured=what,
            period=_QUARTER_OF_AN_HOUR,
            datapoints=2,
            topics=[topic_arn],
        )
