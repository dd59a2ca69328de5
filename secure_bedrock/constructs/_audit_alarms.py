"""The audit's alarms: metric filters and an alarm for each detection, and two on the number of calls."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from secure_bedrock.constructs._audit_pages import Alarm
from secure_bedrock.constructs._bands import band_alarm
from secure_bedrock.constructs.acknowledgements import acknowledge
from secure_bedrock.detections import INFERENCE, Detection, Normal, Severity, filter_patterns, query_for, remedy
from secure_bedrock.detections.expressions import all_of, equals
from secure_bedrock.detections.vocabulary import DENIED
from secure_bedrock.policy.limits import ALARM_DESCRIPTION, limit
from secure_bedrock.policy.reserved import AUDIT_PREFIX

NAMESPACE = "SecureBedrock"
#: Of invocation logs: Amazon Bedrock User Guide, "Monitoring Amazon Bedrock", metrics of log delivery.
_LOG_FAILURES = (
    "ModelInvocationLogsCloudWatchDeliveryFailure",
    "ModelInvocationLogsS3DeliveryFailure",
    "ModelInvocationLargeDataS3DeliveryFailure",
)
_ANOMALY_WIDTH = 3
#: CloudWatch adds up no more metrics in one alarm.
_METRICS_PER_ALARM = 10
_UNRESOLVED = re.compile(r"\$\{[^}]*\}")
#: How many values of a list an alarm's description shows.
_SHOWN = 4


def name_of(detection_id: str) -> str:
    """Return the name of a detection's alarm."""
    return f"{AUDIT_PREFIX}{detection_id}"


class Alarms:
    """Writes metric filters and alarms into a scope, and remembers the alarms."""

    def __init__(self, scope: Construct, topics: Iterable[sns.ITopic] = ()) -> None:
        """Begin.

        Args:
            scope: where the alarms are made.
            topics: whom each of them tells. Default: nobody, as a page tells for many.
        """
        self._scope = scope
        self._actions = [actions.SnsAction(topic) for topic in topics]
        self.made: dict[str, Alarm] = {}
        self._meanings: dict[str, tuple[Severity, str]] = {}
        if not self._actions:
            reason = "a composite alarm tells for it, so that one incident is one page"
            acknowledge(scope, {"CloudWatchAlarmAction": reason})

    def by_severity(self) -> dict[Severity, dict[str, tuple[Alarm, str]]]:
        """Return the alarms by how soon somebody must look, with what each means."""
        found: dict[Severity, dict[str, tuple[Alarm, str]]] = {}
        for name, alarm in self.made.items():
            severity, meaning = self._meanings.get(name, (Severity.MEDIUM, "more use than usual"))
            found.setdefault(severity, {})[name] = (alarm, meaning)
        return found

    def watch(self, detection: Detection, log_group: logs.ILogGroup, normal: Normal) -> bool:
        """Add a detection; False where it needs what is not known."""
        found = patterns_of(detection, normal)
        for index, pattern in enumerate(found, start=1):
            self._filter(detection.id, log_group, pattern, suffix="" if index == 1 else f"-{index}")
        if not found:
            return False
        self._alarm(
            detection.id,
            _count(detection.id, detection.period),
            describe(detection, normal),
            threshold=detection.threshold,
        )
        self._meanings[detection.id] = (detection.severity, detection.name)
        return True

    def watch_calls(self, calls: cloudwatch.Metric, *, threshold: int) -> None:
        """Add an alarm on more calls in five minutes than a number, and one on more than is usual at that hour."""
        too_many = calls.create_alarm(
            self._scope,
            "CallsAlarm",
            alarm_name=name_of("calls"),
            alarm_description=f"More than {threshold} calls of Bedrock in five minutes. Group the records by identity.",
            threshold=threshold,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        self.made["calls"] = too_many
        metric = cloudwatch.CfnAlarm.MetricProperty(namespace=calls.namespace, metric_name=calls.metric_name)
        text = "More calls of Bedrock than is usual at this hour. Group the records by identity."
        self.unusual("unusual-calls", metric, text, measured="calls")

    def count_calls(self, log_group: logs.ILogGroup) -> cloudwatch.Metric:
        """Return the metric of inference in all its forms, from the records."""
        (pattern,) = filter_patterns("calls", INFERENCE)
        # A zero where there are records and no call: the anomaly band learns quiet hours too.
        self._filter("Calls", log_group, pattern, default=0)
        return _count("Calls", 300)

    def watch_delivery(self, queue: sqs.IQueue, topic: sns.ITopic, rules: Sequence[str], *, prefix: str = "") -> None:
        """Add alarms on messages that reached nobody: of the rules, and of the topic."""
        kept = queue.metric_approximate_number_of_messages_visible(statistic="Maximum", period=cdk.Duration.minutes(5))
        self._fault(
            f"{prefix}undelivered", kept, "Messages of EventBridge's rules reached nobody; they wait in the queue."
        )
        failed = topic.metric_number_of_notifications_failed(statistic="Sum", period=cdk.Duration.minutes(5))
        self._fault(f"{prefix}topic-failures", failed, "A subscriber of the audit's topic could not be reached.")
        for number, part in enumerate(_parts(rules, _METRICS_PER_ALARM), start=1):
            metrics = {f"m{index}": _failed_invocations(rule) for index, rule in enumerate(part)}
            total = cloudwatch.MathExpression(
                expression="SUM(METRICS())", using_metrics=metrics, period=cdk.Duration.minutes(5)
            )
            name = "event-failures" if number == 1 else f"event-failures-{number}"
            self._fault(
                f"{prefix}{name}", total, f"EventBridge could not send what these rules found: {', '.join(part)}."
            )

    def watch_silence(self, log_group: logs.ILogGroup, after: cdk.Duration, *, denied: bool) -> None:
        """Add an alarm on a log group that gets no records, and one on a trail whose delivery is denied.

        Args:
            log_group: the trail's.
            after: how long no record is too long.
            denied: whether to look for denials too.
        """
        records = cloudwatch.Metric(
            namespace="AWS/Logs",
            metric_name="IncomingLogEvents",
            dimensions_map={"LogGroupName": log_group.log_group_name},
            statistic="Sum",
            period=after,
        )
        self._alarm(
            "silence",
            records,
            f"No record has come for {after.to_minutes():g} minutes: the audit is blind. Look at the trail's status, "
            "its bucket, key and role, and at what D19 and D34 said last.",
            threshold=1,
            operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            missing=cloudwatch.TreatMissingData.BREACHING,
        )
        self._meanings["silence"] = (Severity.CRITICAL, "no records come")
        if denied:
            refused = all_of(equals("userIdentity.invokedBy", "cloudtrail.amazonaws.com"), DENIED)
            (pattern,) = filter_patterns("trail-denied", refused)
            self._filter("TrailDenied", log_group, pattern)
            text = "CloudTrail was denied what it needs to deliver records: look at the key's and the bucket's policy."
            self._fault("trail-denied", _count("TrailDenied", 300), text)

    def watch_invocation_logs(self) -> None:
        """Add an alarm on invocation logs of this Region that Bedrock could not deliver."""
        failures = {
            f"m{index}": cloudwatch.Metric(
                namespace="AWS/Bedrock", metric_name=name, statistic="Sum", period=cdk.Duration.minutes(5)
            )
            for index, name in enumerate(_LOG_FAILURES)
        }
        total = cloudwatch.MathExpression(
            expression="SUM(METRICS())", using_metrics=failures, period=cdk.Duration.minutes(5)
        )
        text = "Bedrock could not deliver invocation logs: look at the key's, the bucket's and the role's policy."
        self._fault("invocation-log-failures", total, text)

    def _fault(self, name: str, metric: cloudwatch.IMetric, happened: str) -> None:
        """Add an alarm on a fault of the audit's own."""
        self._alarm(name, metric, f"{happened} Until it is mended, look at the alarms' states.", threshold=1)
        self._meanings[name] = (Severity.HIGH, "a fault of the audit's own")

    def _alarm(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        description: str,
        *,
        threshold: int,
        operator: cloudwatch.ComparisonOperator = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        # No event, no data point: that is the usual state and no reason to worry.
        missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
    ) -> None:
        alarm = cloudwatch.Alarm(
            self._scope,
            f"{''.join(word.capitalize() for word in name.split('-'))}Alarm",
            metric=metric,
            alarm_name=name_of(name),
            alarm_description=description,
            threshold=threshold,
            evaluation_periods=1,
            comparison_operator=operator,
            treat_missing_data=missing,
        )
        if self._actions:
            alarm.add_alarm_action(*self._actions)
        self.made[name] = alarm

    def _filter(
        self,
        name: str,
        log_group: logs.ILogGroup,
        pattern: str,
        *,
        suffix: str = "",
        value: str = "1",
        default: int | None = None,
    ) -> None:
        logs.CfnMetricFilter(
            self._scope,
            f"{name}Filter{suffix.removeprefix('-')}",
            log_group_name=log_group.log_group_name,
            filter_name=f"{AUDIT_PREFIX}{name}{suffix}",
            filter_pattern=pattern,
            metric_transformations=[
                logs.CfnMetricFilter.MetricTransformationProperty(
                    metric_namespace=NAMESPACE,
                    metric_name=name,
                    metric_value=value,
                    unit="Count",
                    default_value=default,
                )
            ],
        )

    def unusual(
        self, name: str, metric: cloudwatch.CfnAlarm.MetricProperty, description: str, *, measured: str
    ) -> None:
        """Add an alarm on more than is usual at that hour, for a quarter of an hour."""
        self.made[name] = band_alarm(
            self._scope,
            f"{''.join(word.capitalize() for word in name.split('-'))}Alarm",
            name=name_of(name),
            description=description,
            metric=metric,
            measured=measured,
            period=300,
            datapoints=3,
            topics=[],
        )

    def watch_tokens(self, role: str, log_group: logs.ILogGroup, *, threshold: int) -> None:
        """Add an alarm on more tokens of one role in five minutes than a number, in and out added up."""
        name = f"Tokens-{role}"
        pattern = f'{{ $.identity.arn = "*:assumed-role/{role}/*" }}'
        for way in ("input", "output"):
            self._filter(name, log_group, pattern, suffix=f"-{way}", value=f"$.{way}.{way}TokenCount")
        text = f"More than {threshold} tokens in five minutes by the role {role}. Compare with what it did before."
        self._alarm(f"tokens-{role}", _count(name, 300), text, threshold=threshold + 1)


def patterns_of(detection: Detection, normal: Normal) -> tuple[str, ...]:
    """Return a detection's filter patterns; none where it needs what is not known, or no filter can tell."""
    if detection.text is not None:
        return (detection.text,)
    expression = detection.find(normal)
    if expression is None:
        return ()
    return filter_patterns(detection.id, expression, remedy=remedy(detection, normal))


def describe(detection: Detection, normal: Normal) -> str:
    """Return an alarm's description: what happened, what it may mean, what to do, and what it took for normal."""
    told = (
        f"{detection.id} {detection.name} ({detection.severity.value}). {detection.why} "
        f"Run the saved query {query_for(detection.id).name}. {' '.join(detection.runbook)}"
    )
    for name in detection.uses:
        values = getattr(normal, name)
        if isinstance(values, tuple):
            told += next(filter(lambda part: _fits(told + part), _known(name, values)), "")
    return told


def _known(name: str, values: tuple[str, ...]) -> Iterator[str]:
    """Yield what is known of a name, each time in fewer words."""
    for shown in range(min(_SHOWN, len(values)), 0, -1):
        more = f" and {len(values) - shown} more" if len(values) > shown else ""
        yield f" Known {name.replace('_', ' ')}: {', '.join(values[:shown])}{more}."


def _fits(description: str) -> bool:
    """Whether CloudWatch takes it, with what CloudFormation fills in taken to be as long as a long ARN."""
    return len(_UNRESOLVED.sub("0" * 160, description)) <= limit(ALARM_DESCRIPTION)


def _parts(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), size):
        yield names[start : start + size]


def _failed_invocations(rule: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace="AWS/Events",
        metric_name="FailedInvocations",
        dimensions_map={"RuleName": rule},
        statistic="Sum",
        period=cdk.Duration.minutes(5),
    )


def _count(name: str, period: int) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=NAMESPACE, metric_name=name, statistic="Sum", period=cdk.Duration.seconds(period)
    )
