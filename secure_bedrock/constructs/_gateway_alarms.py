"""A gateway's alarms: what the web ACL blocked, what was refused, and what failed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from constructs import Construct

_NAMESPACE = "SecureBedrock/Gateway"
_PERIOD = cdk.Duration.minutes(5)


@dataclass(frozen=True)
class _Watched:
    """A metric, how much of it in five minutes is too much, and what to do then."""

    id: str
    metric: cloudwatch.IMetric
    threshold: int
    text: str


def gateway_alarms(
    scope: Construct,
    *,
    function: lambda_.Function,
    access_log: logs.LogGroup,
    firewall: str,
    topics: list[sns.ITopic],
) -> list[cloudwatch.Alarm]:
    """Return the alarms; `firewall` is the web ACL's name."""
    notify = [actions.SnsAction(topic) for topic in topics]
    return [
        _alarm(scope, each, notify)
        for each in _watched(scope, function=function, access_log=access_log, firewall=firewall)
    ]


def _watched(
    scope: Construct,
    *,
    function: lambda_.Function,
    access_log: logs.LogGroup,
    firewall: str,
) -> Iterable[_Watched]:
    blocked = _metric("AWS/WAFV2", "BlockedRequests", WebACL=firewall, Region=cdk.Stack.of(scope).region, Rule="ALL")
    refused = _count(scope, "Refused", access_log, '{ $.status = "403" }')
    throttled = _count(scope, "Throttled", access_log, '{ $.status = "429" }')
    failed = _count(scope, "Failed", access_log, '{ $.status = "5*" || $.status = "408" || $.status = "424" }')
    errors = function.metric_errors(period=_PERIOD, statistic="Sum")
    yield _Watched("Blocked", blocked, 100, "The web ACL blocked requests. Its log names the rule and the address.")
    yield _Watched("Refused", refused, 10, "Requests were refused. The access log names the callers.")
    yield _Watched("Throttled", throttled, 100, "Callers hit their quotas. The access log names them.")
    yield _Watched("Failed", failed, 5, "The gateway failed. The function's log has the request ids and error types.")
    yield _Watched("HandlerErrors", errors, 1, "The function itself failed. Its log says how.")


def _count(scope: Construct, name: str, log_group: logs.LogGroup, pattern: str) -> cloudwatch.Metric:
    # The dimension is the gateway's: two in one account are told apart by their names.
    metric = f"{name}-{cdk.Names.unique_resource_name(scope, max_length=64)}"
    logs.CfnMetricFilter(
        scope,
        f"{name}Filter",
        log_group_name=log_group.log_group_name,
        filter_pattern=pattern,
        metric_transformations=[
            logs.CfnMetricFilter.MetricTransformationProperty(
                metric_namespace=_NAMESPACE, metric_name=metric, metric_value="1", unit="Count"
            )
        ],
    )
    return _metric(_NAMESPACE, metric)


def _metric(namespace: str, name: str, **dimensions: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        statistic="Sum",
        period=_PERIOD,
        dimensions_map=dimensions or None,
    )


def _alarm(scope: Construct, watched: _Watched, notify: list[actions.SnsAction]) -> cloudwatch.Alarm:
    alarm = cloudwatch.Alarm(
        scope,
        f"{watched.id}Alarm",
        metric=watched.metric,
        threshold=watched.threshold,
        evaluation_periods=1,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        # Nothing counted is the usual state.
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        alarm_description=f"Bedrock gateway: {watched.text}",
    )
    if notify:
        alarm.add_alarm_action(*notify)
    return alarm
