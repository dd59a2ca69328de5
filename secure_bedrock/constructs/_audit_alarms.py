"""The audit's alarms: a metric filter and an alarm for each detection, and two on the number of calls."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from constructs import Construct

from secure_bedrock.detections import INFERENCE, Detection, Normal, pattern
from secure_bedrock.policy.reserved import AUDIT_PREFIX

NAMESPACE = "SecureBedrock"
_ANOMALY_WIDTH = 3


class Alarms:
    """Writes metric filters and alarms into a scope, and remembers the alarms."""

    def __init__(self, scope: Construct, topics: list[sns.ITopic]) -> None:
        self._scope = scope
        self._topics = topics
        self._actions = [actions.SnsAction(topic) for topic in topics]
        self.made: list[cloudwatch.Alarm | cloudwatch.CfnAlarm] = []

    def watch(self, detection: Detection, log_group: logs.ILogGroup, normal: Normal) -> bool:
        """Add a detection; False where it needs what is not known."""
        expression = detection.find(normal)
        if expression is None:
            return False
        metric = self._count(detection.id, log_group, pattern(detection.id, expression), detection.period)
        alarm = metric.create_alarm(
            self._scope,
            f"{detection.id}Alarm",
            alarm_name=f"{AUDIT_PREFIX}{detection.id}",
            alarm_description=(
                f"{detection.id} {detection.name} ({detection.severity.value}). {detection.why} {detection.response}"
            ),
            threshold=detection.threshold,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            # No event, no data point: that is the usual state and no reason to worry.
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(*self._actions)
        self.made.append(alarm)
        return True

    def watch_calls(self, calls: cloudwatch.Metric, *, threshold: int) -> None:
        """Add an alarm on more calls in five minutes than a number, and one on more than is usual at that hour."""
        too_many = calls.create_alarm(
            self._scope,
            "CallsAlarm",
            alarm_name=f"{AUDIT_PREFIX}calls",
            alarm_description=f"More than {threshold} calls of Bedrock in five minutes. Group the records by identity.",
            threshold=threshold,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        too_many.add_alarm_action(*self._actions)
        self.made += [too_many, self._unusual(calls)]

    def count_calls(self, log_group: logs.ILogGroup) -> cloudwatch.Metric:
        """Return the metric of inference in all its forms, from the records."""
        return self._count("Calls", log_group, pattern("calls", INFERENCE), 300)

    def _count(self, name: str, log_group: logs.ILogGroup, found: str, period: int) -> cloudwatch.Metric:
        logs.CfnMetricFilter(
            self._scope,
            f"{name}Filter",
            log_group_name=log_group.log_group_name,
            filter_name=f"{AUDIT_PREFIX}{name}",
            filter_pattern=found,
            metric_transformations=[
                logs.CfnMetricFilter.MetricTransformationProperty(
                    metric_namespace=NAMESPACE, metric_name=name, metric_value="1", unit="Count"
                )
            ],
        )
        return cloudwatch.Metric(
            namespace=NAMESPACE, metric_name=name, statistic="Sum", period=cdk.Duration.seconds(period)
        )

    def _unusual(self, calls: cloudwatch.Metric) -> cloudwatch.CfnAlarm:
        """The L1: the L2 has no alarm on an anomaly band."""
        return cloudwatch.CfnAlarm(
            self._scope,
            "UnusualCallsAlarm",
            alarm_name=f"{AUDIT_PREFIX}unusual-calls",
            alarm_description="More calls of Bedrock than is usual at this hour. Group the records by identity.",
            comparison_operator="GreaterThanUpperThreshold",
            evaluation_periods=3,
            datapoints_to_alarm=3,
            threshold_metric_id="band",
            treat_missing_data="notBreaching",
            alarm_actions=[topic.topic_arn for topic in self._topics],
            metrics=[
                cloudwatch.CfnAlarm.MetricDataQueryProperty(
                    id="calls",
                    return_data=True,
                    metric_stat=cloudwatch.CfnAlarm.MetricStatProperty(
                        metric=cloudwatch.CfnAlarm.MetricProperty(
                            namespace=calls.namespace, metric_name=calls.metric_name
                        ),
                        period=300,
                        stat="Sum",
                    ),
                ),
                cloudwatch.CfnAlarm.MetricDataQueryProperty(
                    id="band", return_data=True, expression=f"ANOMALY_DETECTION_BAND(calls, {_ANOMALY_WIDTH})"
                ),
            ],
        )
