"""Where the audit's records are kept: a key, a bucket, a log group, and who may write to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from secure_bedrock.constructs._tokens import environment_of
from secure_bedrock.constructs.acknowledgements import acknowledge
from secure_bedrock.policy.environment import Environment
from secure_bedrock.policy.reserved import AUDIT_KEY_TAG, AUDIT_LOG_GROUPS, AUDIT_PREFIX, RESERVED_PATH

#: Where in the bucket invocation logs go.
INVOCATIONS = "invocations"
TRAIL_LOG_GROUP = "trail"
TRAIL_NAME = f"{AUDIT_PREFIX}trail"
#: What the role is for that sends messages of EventBridge's rules; see `audit_role_name`.
EVENTS_ROLE = "events"
_WRITERS = ("cloudtrail.amazonaws.com", "bedrock.amazonaws.com")
#: Kept on removal and replacement; gone with a first deployment that fails, or the second would find its names taken.
KEPT = cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE


@dataclass(frozen=True)
class Place:
    """The audit's own ARNs, in text: policies name them before the resources exist."""

    environment: Environment

    @property
    def trail(self) -> str:
        """The trail."""
        return self.environment.arn(f"trail/{TRAIL_NAME}", service="cloudtrail")

    @property
    def rules(self) -> str:
        """The audit's rules on the default event bus."""
        return self.environment.arn(f"rule/{AUDIT_PREFIX}*", service="events")

    def log_group(self, name: str) -> str:
        """One of the audit's log groups, without the `:*` of the L2's ARN."""
        return self.environment.arn(f"log-group:{AUDIT_LOG_GROUPS}{name}", service="logs")

    def streams(self, log_group: str, stream: str) -> str:
        """Streams of one of the audit's log groups; the L2's own ARN ends in `:*` and cannot be continued."""
        return self.environment.arn(f"log-group:{AUDIT_LOG_GROUPS}{log_group}:log-stream:{stream}", service="logs")

    @property
    def bedrock(self) -> str:
        """Bedrock in this Region and account, as it names itself when it writes logs."""
        return self.environment.arn("*")


def place_of(construct: Construct) -> Place:
    """Return the place of a construct's stack."""
    return Place(environment_of(construct))


def audit_role_name(place: Place, purpose: str) -> dict[str, str]:
    """Return name and path of a role that delivers records: the organisation's SCP protects them by these."""
    return {"role_name": f"{AUDIT_PREFIX}{purpose}-{place.environment.region}", "path": RESERVED_PATH}


def audit_key(scope: Construct, place: Place) -> kms.Key:
    """Return a key that CloudTrail, the log groups, the topic and Bedrock may use for this audit, and nobody else."""
    return service_key(scope, "Bedrock audit: trail, its log group, topic, bucket", key_statements(place))


def topic_key(scope: Construct, place: Place) -> kms.Key:
    """Return a key for a topic that alarms publish to, and for nothing else."""
    return service_key(scope, "Bedrock audit: topic", [_alarms_may_use(place)])


def log_group_key(scope: Construct, place: Place, log_group: str) -> kms.Key:
    """Return a key for one log group of the audit and for nothing else, so that readers can be told apart."""
    return service_key(
        scope, f"Bedrock audit: log group {log_group}", [_logs_may_use(place, place.log_group(log_group))]
    )


def service_key(scope: Construct, description: str, statements: Iterable[iam.PolicyStatement]) -> kms.Key:
    """Return a key that is kept, and that the organisation's policies protect, for the services of the statements."""
    key = kms.Key(
        scope,
        "Key",
        description=description,
        enable_key_rotation=True,
        removal_policy=KEPT,
    )
    cdk.Tags.of(key).add(*AUDIT_KEY_TAG)
    for statement in (*statements, _grants_for_services_only()):
        key.add_to_resource_policy(statement)
    return key


def _grants_for_services_only() -> iam.PolicyStatement:
    """Nobody passes the key on by a grant, which no policy shows; services on somebody's behalf still may."""
    return iam.PolicyStatement(
        sid="GrantsForServicesOnly",
        effect=iam.Effect.DENY,
        principals=[iam.AnyPrincipal()],
        actions=["kms:CreateGrant"],
        resources=["*"],
        conditions={"BoolIfExists": {"kms:GrantIsForAWSResource": "false", "aws:PrincipalIsAWSService": "false"}},
    )


def _logs_may_use(place: Place, log_group_arn: str) -> iam.PolicyStatement:
    return _service(
        "LogGroups",
        f"logs.{place.environment.region}.amazonaws.com",
        ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
        {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": log_group_arn}},
    )


def key_statements(place: Place) -> Iterable[iam.PolicyStatement]:
    """Yield what the audit's key must let its services do."""
    account = place.environment.account
    yield _service(
        "Trail",
        "cloudtrail.amazonaws.com",
        # Decrypt, because the bucket uses a bucket key.
        ["kms:GenerateDataKey*", "kms:Decrypt", "kms:DescribeKey"],
        {"StringEquals": {"aws:SourceArn": place.trail}},
    )
    yield _logs_may_use(place, place.log_group(TRAIL_LOG_GROUP))
    yield _alarms_may_use(place)
    yield _messages_may_use(place)
    yield _service(
        "InvocationLogs",
        "bedrock.amazonaws.com",
        ["kms:GenerateDataKey"],
        {"StringEquals": {"aws:SourceAccount": account}, "ArnLike": {"aws:SourceArn": place.bedrock}},
    )


def _service(sid: str, service: str, actions: list[str], conditions: dict[str, object]) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid=sid, principals=[iam.ServicePrincipal(service)], actions=actions, resources=["*"], conditions=conditions
    )


def _alarms_may_use(place: Place) -> iam.PolicyStatement:
    return _service(
        "Alarms",
        "cloudwatch.amazonaws.com",
        ["kms:Decrypt", "kms:GenerateDataKey*"],
        {"StringEquals": {"aws:SourceAccount": place.environment.account}},
    )


def _messages_may_use(place: Place) -> iam.PolicyStatement:
    """The role's own policy says it too, which counts only where the key is of the role's account."""
    name = audit_role_name(place, EVENTS_ROLE)
    role = place.environment.arn(f"role{name['path']}{name['role_name']}", service="iam", region="")
    return iam.PolicyStatement(
        sid="Events",
        # The account with a condition: a policy that names a role needs the role to be there before.
        principals=[iam.AccountPrincipal(place.environment.account)],
        actions=["kms:Decrypt", "kms:GenerateDataKey"],
        resources=["*"],
        conditions={"ArnEquals": {"aws:PrincipalArn": role}},
    )


def audit_bucket(scope: Construct, place: Place, key: kms.IKey, *, object_lock_days: int | None) -> s3.Bucket:
    """Return a bucket that CloudTrail and Bedrock may put into, and nobody else, over TLS and under the key only."""
    account = place.environment.account
    bucket = s3.Bucket(
        scope,
        "Bucket",
        # Literal, because the organisation's SCP protects it by its name.
        bucket_name=f"{AUDIT_PREFIX}{account}-{place.environment.region}",
        encryption=s3.BucketEncryption.KMS,
        encryption_key=key,
        bucket_key_enabled=True,
        versioned=True,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        # On from the start: turned on later it would replace the bucket. Without a rule it holds nothing.
        object_lock_enabled=True,
        object_lock_default_retention=(
            s3.ObjectLockRetention.governance(cdk.Duration.days(object_lock_days)) if object_lock_days else None
        ),
        lifecycle_rules=[
            s3.LifecycleRule(
                transitions=[
                    s3.Transition(
                        storage_class=s3.StorageClass.INTELLIGENT_TIERING, transition_after=cdk.Duration.days(30)
                    )
                ],
                noncurrent_version_expiration=cdk.Duration.days(90),
                abort_incomplete_multipart_upload_after=cdk.Duration.days(7),
            )
        ],
        removal_policy=KEPT,
    )
    for statement in (*bucket_statements(bucket, place), *_guards(bucket, key)):
        bucket.add_to_resource_policy(statement)
    # Without its policy a bucket that is kept would refuse the invocation logs that go on.
    assert bucket.policy is not None  # noqa: S101 - it was written just now
    bucket.policy.apply_removal_policy(KEPT)
    acknowledge(
        bucket,
        {
            "S3BucketLoggingEnabled": "the bucket is the log; reads of it are data events of whoever wants them",
            "S3BucketReplicationEnabled": "versions and Object Lock hold the records; a copy is your choice of place",
            "S3EventNotificationsEnabled": "the same records reach the log group at once, and the alarms with them",
        },
    )
    if object_lock_days is None:
        reason = "nobody can delete locked records, not even for a person they are about: `object_lock_days`"
        acknowledge(bucket, {"S3BucketDefaultLockEnabled": reason})
    return bucket


def attach(resource: s3.IBucket | kms.IKey, statements: Iterable[iam.PolicyStatement]) -> list[object]:
    """Add statements to the policy of something that was made elsewhere; return those its owner must attach."""
    left = [statement for statement in statements if not resource.add_to_resource_policy(statement).statement_added]
    return [statement.to_statement_json() for statement in left]


def bucket_statements(bucket: s3.IBucket, place: Place) -> Iterable[iam.PolicyStatement]:
    """Yield what a bucket must let CloudTrail and Bedrock do."""
    account = place.environment.account
    from_trail = {"StringEquals": {"aws:SourceArn": place.trail}}
    from_bedrock = {"StringEquals": {"aws:SourceAccount": account}, "ArnLike": {"aws:SourceArn": place.bedrock}}
    records = bucket.arn_for_objects(f"AWSLogs/{account}/*")
    logs_of_invocations = bucket.arn_for_objects(f"{INVOCATIONS}/AWSLogs/{account}/BedrockModelInvocationLogs/*")
    yield _bucket_service("TrailChecks", _WRITERS[0], "s3:GetBucketAcl", bucket.bucket_arn, from_trail)
    yield _bucket_service("TrailWrites", _WRITERS[0], "s3:PutObject", records, from_trail)
    yield _bucket_service("InvocationLogs", _WRITERS[1], "s3:PutObject", logs_of_invocations, from_bedrock)


def _guards(bucket: s3.IBucket, key: kms.IKey) -> Iterable[iam.PolicyStatement]:
    """Yield what nobody may do with a bucket that holds nothing but the audit: a shared one has other writers."""
    kind, header = "s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-aws-kms-key-id"
    own = "s3:x-amz-server-side-encryption-customer-algorithm"
    # Without any header the bucket's own key is used. A kind without a key means AWS's own key for S3: refused too,
    # as a negated operator is true on an absent header.
    yield _nobody("OnlyTheKey", bucket, {"StringNotEquals": {header: key.key_arn}, "Null": {kind: "false"}})
    yield _nobody("NoOtherKey", bucket, {"StringNotEquals": {header: key.key_arn}, "Null": {header: "false"}})
    yield _nobody("OnlyKms", bucket, {"StringNotEquals": {kind: "aws:kms"}, "Null": {kind: "false"}})
    yield _nobody("NoCallersKey", bucket, {"Null": {own: "false"}})


def only_services_put(bucket: s3.IBucket) -> iam.PolicyStatement:
    """Return the denial of everybody else's objects; who adds a condition to it spares somebody."""
    return _nobody("OnlyServicesPut", bucket, {"StringNotEquals": {"aws:PrincipalServiceName": list(_WRITERS)}})


def _bucket_service(
    sid: str, service: str, action: str, resource: str, conditions: dict[str, object]
) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid=sid,
        principals=[iam.ServicePrincipal(service)],
        actions=[action],
        resources=[resource],
        conditions=conditions,
    )


def _nobody(sid: str, bucket: s3.IBucket, conditions: dict[str, object]) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid=sid,
        effect=iam.Effect.DENY,
        principals=[iam.AnyPrincipal()],
        # A replication writes by an action of its own.
        actions=["s3:PutObject", "s3:ReplicateObject"],
        resources=[bucket.arn_for_objects("*")],
        conditions=conditions,
    )


def audit_log_group(
    scope: Construct,
    construct_id: str,
    name: str,
    key: kms.IKey,
    retention: logs.RetentionDays,
    *,
    data_protection: logs.DataProtectionPolicy | None = None,
) -> logs.LogGroup:
    """Return a log group under the audit's prefix, kept on removal."""
    return logs.LogGroup(
        scope,
        construct_id,
        log_group_name=f"{AUDIT_LOG_GROUPS}{name}",
        encryption_key=key,
        retention=retention,
        data_protection_policy=data_protection,
        removal_policy=KEPT,
    )
