"""Detections over whatever blinds or silences the audit, and takes the organisation's ceiling away.

Nobody is expected here: a deployment that changes the audit itself says so once.
"""

from __future__ import annotations

from secure_bedrock.detections.detection import Bus, Detection, Normal, Severity
from secure_bedrock.detections.expressions import Expression, all_of, any_of, equals, one_of
from secure_bedrock.detections.vocabulary import always, operation
from secure_bedrock.policy.reserved import AUDIT_LOG_GROUPS, AUDIT_PREFIX

_OURS = f"{AUDIT_PREFIX}*"
_OUR_ARNS = f"*:{AUDIT_PREFIX}*"


def _of(service: str, names: tuple[str, ...], field: str, values: tuple[str, ...]) -> Expression:
    return all_of(operation(*names, source=equals("eventSource", f"{service}.amazonaws.com")), one_of(field, values))


def _silenced(normal: Normal) -> Expression:
    groups = (f"{AUDIT_LOG_GROUPS}*", "/aws/bedrock*", *((normal.log_group,) if normal.log_group else ()))
    alarms = ("DeleteAlarms", "DisableAlarmActions")
    keys = ("ScheduleKeyDeletion", "DisableKey", "PutKeyPolicy")
    buckets = ("DeleteBucket", "DeleteBucketPolicy", "PutBucketPolicy", "PutBucketLifecycle", "PutBucketVersioning")
    parts = [
        _of(
            "logs",
            ("DeleteLogGroup", "DeleteLogStream", "DeleteMetricFilter", "PutRetentionPolicy", "DisassociateKmsKey"),
            "requestParameters.logGroupName",
            groups,
        ),
        _of("monitoring", alarms, "requestParameters.alarmNames[*]", (_OURS,)),
        _of("monitoring", ("SetAlarmState",), "requestParameters.alarmName", (_OURS,)),
        _of("events", ("DeleteRule", "DisableRule"), "requestParameters.name", (_OURS,)),
        _of("events", ("RemoveTargets",), "requestParameters.rule", (_OURS,)),
        _of("sns", ("DeleteTopic", "SetTopicAttributes"), "requestParameters.topicArn", (_OUR_ARNS,)),
        _of("sns", ("Unsubscribe",), "requestParameters.subscriptionArn", (f"*:{AUDIT_PREFIX}findings:*",)),
        _of("sqs", ("DeleteQueue", "SetQueueAttributes", "PurgeQueue"), "requestParameters.queueUrl", (f"*/{_OURS}",)),
        _of("s3", buckets, "requestParameters.bucketName", (_OURS,)),
    ]
    if normal.key:
        parts.append(_of("kms", keys, "resources[*].ARN", (normal.key,)))
    return any_of(*parts)


BLINDING = (
    Detection(
        id="D09",
        name="Invocation logging changed",
        severity=Severity.CRITICAL,
        technique="T1562.008",
        why="Prompts and answers disappear from the record.",
        runbook=(
            "Set the configuration again: deploy the audit.",
            "Revoke the sessions of whoever changed it. A deployment of the audit says this too.",
        ),
        blind="A bucket, key or role of the logs that was changed instead (D22, D34); logs that could not be "
        "delivered, of which the alarm `invocation-log-failures` tells.",
        blinds=True,
        find=always(operation("PutModelInvocationLoggingConfiguration", "DeleteModelInvocationLoggingConfiguration")),
    ),
    Detection(
        id="D19",
        name="The audit trail is tampered with",
        severity=Severity.CRITICAL,
        technique="T1562.008",
        why="Blindness comes before the theft.",
        runbook=("Start logging again.", "Revoke the sessions of whoever stopped it."),
        blind="What happens after it succeeded: this is the last event you see.",
        blinds=True,
        find=always(
            operation(
                "StopLogging",
                "DeleteTrail",
                "UpdateTrail",
                "PutEventSelectors",
                "PutInsightSelectors",
                source=equals("eventSource", "cloudtrail.amazonaws.com"),
            )
        ),
    ),
    Detection(
        id="D33",
        name="A policy of the organisation is removed",
        severity=Severity.CRITICAL,
        technique="T1562.001",
        why="The ceiling over every account is gone.",
        runbook=("Attach it again: deploy the organisation's stack.", "Revoke the sessions of whoever removed it."),
        blind="Everything, outside the management account and an organisation's trail.",
        blinds=True,
        find=always(
            operation(
                "DetachPolicy",
                "DeletePolicy",
                "UpdatePolicy",
                "DisablePolicyType",
                source=equals("eventSource", "organizations.amazonaws.com"),
            )
        ),
        bus=Bus.GLOBAL,
    ),
    Detection(
        id="D34",
        name="The audit is silenced",
        severity=Severity.CRITICAL,
        technique="T1562.008",
        why="A log group, filter, alarm, rule, topic, queue, bucket or key of the audit was deleted or changed.",
        runbook=("Deploy the audit again.", "Revoke the sessions of whoever did it."),
        blind="Itself, where its own filter and rule, alarm or topic was deleted first; an alarm, filter or rule that "
        "was overwritten, which the organisation's policies deny; a bucket of another name that was given.",
        blinds=True,
        find=_silenced,
    ),
)
