"""Alarms on anomaly bands, for which the L2 has none: CloudWatch learns what is usual at each hour of the week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct, IConstruct

#: Standard deviations above what is usual.
_WIDTH = 3


def band_alarm(
    scope: Construct | IConstruct,
    id: str,  # noqa: A002 - CDK's own word
    *,
    name: str,
    description: str,
    metric: cloudwatch.CfnAlarm.MetricProperty,
    measured: str,
    period: int,
    datapoints: int,
    topics: Sequence[str],
) -> cloudwatch.CfnAlarm:
    """Return an alarm on a sum that is above its band.

    Args:
        scope: the parent construct.
        id: the alarm's.
        name: the alarm's physical name.
        description: what it says.
        metric: what is added up.
        measured: a word for it, which CloudWatch takes as its id.
        period: seconds over which it is added up.
        datapoints: how many of three periods must be above.
        topics: ARNs of the topics that are told.
    """
    return cloudwatch.CfnAlarm(
        scope,  # pyright: ignore[reportArgumentType] # an IConstruct is a Construct, to jsii
        id,
        alarm_name=name,
        alarm_description=description,
        comparison_operator="GreaterThanUpperThreshold",
        evaluation_periods=3,
        datapoints_to_alarm=datapoints,
        threshold_metric_id="band",
        treat_missing_data="notBreaching",
        alarm_actions=list(topics) or None,
        metrics=[
            cloudwatch.CfnAlarm.MetricDataQueryProperty(
                id=measured,
                return_data=True,
                metric_stat=cloudwatch.CfnAlarm.MetricStatProperty(metric=metric, period=period, stat="Sum"),
            ),
            cloudwatch.CfnAlarm.MetricDataQueryProperty(
                id="band", return_data=True, expression=f"ANOMALY_DETECTION_BAND({measured}, {_WIDTH})"
            ),
        ],
    )


def bedrock_metric(name: str, dimensions: Mapping[str, str] | None = None) -> cloudwatch.CfnAlarm.MetricProperty:
    """Return a metric that Bedrock counts itself, by default over all models of the Region.

    Amazon Bedrock User Guide, "Monitor bedrock-runtime inference using CloudWatch metrics".
    """
    return cloudwatch.CfnAlarm.MetricProperty(
        namespace="AWS/Bedrock",
        metric_name=name,
        dimensions=[
            cloudwatch.CfnAlarm.DimensionProperty(name=key, value=value) for key, value in (dimensions or {}).items()
        ]
        or None,
    )
