"""The audit's own trail: what it records, and its delivery to the log group."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudtrail as cloudtrail
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from secure_bedrock.constructs._audit_storage import TRAIL_LOG_GROUP, TRAIL_NAME, Place, audit_role_name
from secure_bedrock.constructs.acknowledgements import OWN_POLICY_IS_INLINE, acknowledge, acknowledge_wildcards
from secure_bedrock.data import table

_Selector = cloudtrail.CfnTrail.AdvancedEventSelectorProperty
_Field = cloudtrail.CfnTrail.AdvancedFieldSelectorProperty


def audit_trail(
    scope: Construct,
    place: Place,
    *,
    bucket: s3.IBucket,
    key: kms.IKey,
    log_group: logs.LogGroup,
    network_activity_events: bool,
) -> cloudtrail.CfnTrail:
    """Return a multi-Region trail with file validation over management, data and network activity events.

    The L1: CDK's own Trail names no source in the policies it writes.
    """
    role = _delivery_role(scope, place)
    trail = cloudtrail.CfnTrail(
        scope,
        "Trail",
        trail_name=TRAIL_NAME,
        is_logging=True,
        is_multi_region_trail=True,
        include_global_service_events=True,
        enable_log_file_validation=True,
        s3_bucket_name=bucket.bucket_name,
        kms_key_id=key.key_arn,
        cloud_watch_logs_log_group_arn=log_group.log_group_arn,
        cloud_watch_logs_role_arn=role.role_arn,
        advanced_event_selectors=_selectors(network_activity_events=network_activity_events),
        # Call rates are counted over writes only, and inference is a read: only the error rate sees it.
        insight_selectors=[cloudtrail.CfnTrail.InsightSelectorProperty(insight_type="ApiErrorRateInsight")],
    )
    # CloudTrail checks the bucket's policy when the trail is made.
    policy = bucket.policy
    if policy is not None:  # another account's bucket has none here
        trail.node.add_dependency(policy)
    trail.node.add_dependency(role)
    trail.apply_removal_policy(cdk.RemovalPolicy.DESTROY)
    return trail


def _selectors(*, network_activity_events: bool) -> list[_Selector]:
    management = _Selector(name="Management", field_selectors=[_field("eventCategory", "Management")])
    data = [
        _Selector(
            name=row["type"].replace("::", " "),
            field_selectors=[_field("eventCategory", "Data"), _field("resources.type", row["type"])],
        )
        for row in table("data_events")["resource_types"]
    ]
    denied = _Selector(
        name="Denied by an endpoint",
        field_selectors=[
            _field("eventCategory", "NetworkActivity"),
            _field("eventSource", "bedrock.amazonaws.com"),
            _field("errorCode", "VpceAccessDenied"),
        ],
    )
    return [management, *data, *([denied] if network_activity_events else [])]


def _field(name: str, value: str) -> _Field:
    return _Field(field=name, equal_to=[value])


def _delivery_role(scope: Construct, place: Place) -> iam.Role:
    source = {"StringEquals": {"aws:SourceArn": place.trail}}
    role = iam.Role(
        scope,
        "DeliveryRole",
        **audit_role_name(place, TRAIL_LOG_GROUP),
        assumed_by=iam.PrincipalWithConditions(iam.ServicePrincipal("cloudtrail.amazonaws.com"), source),
        description="CloudTrail's delivery to the audit's log group",
    )
    streams = place.streams(TRAIL_LOG_GROUP, f"{place.environment.account}_CloudTrail_*")
    role.add_to_policy(iam.PolicyStatement(actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[streams]))
    acknowledge(role, OWN_POLICY_IS_INLINE)
    acknowledge_wildcards(
        role, [streams], "CloudTrail chooses the names of its streams; account and log group are exact"
    )
    return role
