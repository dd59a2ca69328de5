"""What watches a project's use: a budget and an anomaly monitor on its tag, an alarm on each profile's calls."""

from __future__ import annotations

import json
from collections.abc import Mapping

from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_ce as ce
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct, IConstruct

#: Percent of the budget: spent, and expected by the month's end.
_SPENT, _EXPECTED = (80, 100), (100,)
_BAND = 3
_QUARTER_OF_AN_HOUR = 900


def monthly_budget(
    scope: Construct, name: str, *, project: str, dollars: float, topic_arn: str, tags: Mapping[str, str]
) -> budgets.CfnBudget:
    """Return a budget on what bears the project's tag; it tells, it stops nothing. Older CDKs tag no budgets."""
    thresholds = [("ACTUAL", percent) for percent in _SPENT] + [("FORECASTED", percent) for percent in _EXPECTED]
    return budgets.CfnBudget(
        scope,
        "Budget",
        budget=budgets.CfnBudget.BudgetDataProperty(
            budget_name=name,
            budget_type="COST",
            time_unit="MONTHLY",
            budget_limit=budgets.CfnBudget.SpendProperty(amount=dollars, unit="USD"),
            cost_filters={"TagKeyValue": [f"user:project${project}"]},
        ),
        notifications_with_subscribers=[
            budgets.CfnBudget.NotificationWithSubscribersProperty(
                notification=budgets.CfnBudget.NotificationProperty(
                    comparison_operator="GREATER_THAN",
                    notification_type=kind,
                    threshold=percent,
                    threshold_type="PERCENTAGE",
                ),
                subscribers=[budgets.CfnBudget.SubscriberProperty(address=topic_arn, subscription_type="SNS")],
            )
            for kind, percent in thresholds
        ],
        resource_tags=[budgets.CfnBudget.ResourceTagProperty(key=key, value=tags[key]) for key in sorted(tags)],
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


def unusual_calls(scope: IConstruct, *, name: str, profile_id: str, topic_arn: str) -> cloudwatch.CfnAlarm:
    """Return an alarm on more calls through a profile than is usual at that hour; the L2 has no alarm on a band.

    Bedrock counts calls by the id that the caller named (Amazon Bedrock User Guide, "Monitoring with CloudWatch").
    """
    return cloudwatch.CfnAlarm(
        scope,
        "UnusualCalls",
        alarm_name=name,
        alarm_description="More calls through this application inference profile than is usual at this hour. "
        "Look at the callers of its ARN in CloudTrail; docs/how-to/revoke.md stops them.",
        comparison_operator="GreaterThanUpperThreshold",
        evaluation_periods=3,
        datapoints_to_alarm=2,
        threshold_metric_id="band",
        treat_missing_data="notBreaching",
        alarm_actions=[topic_arn],
        metrics=[
            cloudwatch.CfnAlarm.MetricDataQueryProperty(
                id="calls",
                return_data=True,
                metric_stat=cloudwatch.CfnAlarm.MetricStatProperty(
                    metric=cloudwatch.CfnAlarm.MetricProperty(
                        namespace="AWS/Bedrock",
                        metric_name="Invocations",
                        dimensions=[cloudwatch.CfnAlarm.DimensionProperty(name="ModelId", value=profile_id)],
                    ),
                    period=_QUARTER_OF_AN_HOUR,
                    stat="Sum",
                ),
            ),
            cloudwatch.CfnAlarm.MetricDataQueryProperty(
                id="band", return_data=True, expression=f"ANOMALY_DETECTION_BAND(calls, {_BAND})"
            ),
        ],
    )
