"""The function that reports who holds Bedrock permissions, its role, its schedule, and what tells of its failures."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from secure_bedrock.constructs._access_analyzers import may_publish
from secure_bedrock.constructs._audit_storage import Place, audit_role_name
from secure_bedrock.constructs.acknowledgements import OWN_POLICY_IS_INLINE, acknowledge, acknowledge_wildcards
from secure_bedrock.policy.reserved import AUDIT_PREFIX

#: Where in the bucket reports go.
REPORTS = "access"
NAME = f"{AUDIT_PREFIX}access-report"
_CODE = Path(__file__).parents[1] / "handlers" / "access_report"
#: Of the whole account: IAM has no resource to scope them to.
_OF_THE_ACCOUNT = (
    "iam:GetAccessKeyLastUsed",  # it names the key and no user
    "iam:GetAccountAuthorizationDetails",
    "iam:GetServiceLastAccessedDetails",
)


class AccessReport(Construct):
    """The function and all that belongs to it.

    Attributes:
        function: it runs by the schedule, or whenever it is invoked.
        role: what it runs as.
        queue: what it could not do, for two weeks.
        alarms: on a failed run, and on what stands in the queue.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own word
        *,
        place: Place,
        bucket: s3.IBucket,
        bucket_key: kms.IKey | None,
        topic: sns.ITopic,
        topic_key: kms.IKey | None,
        schedule: events.Schedule,
        unused_days: int,
    ) -> None:
        super().__init__(scope, id)
        self.queue = sqs.Queue(
            self,
            "Failed",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
        )
        acknowledge(
            self.queue,
            {
                "SQSRedrivePolicy": "it is where failed runs go itself, and an alarm stands on what is in it",
                "SQSQueueDLQ": "it is where failed runs go itself, and an alarm stands on what is in it",
            },
        )
        name = audit_role_name(place, "access")
        #: In text, so that another stack can name it without depending on this one.
        self.role_arn = place.environment.arn(f"role{name['path']}{name['role_name']}", service="iam", region="")
        self.role = self._role(place, bucket, bucket_key, topic, topic_key)
        self.function = self._function(bucket, topic, unused_days)
        lambda_.CfnEventInvokeConfig(
            self,
            "Retries",
            function_name=self.function.function_name,
            qualifier="$LATEST",
            maximum_retry_attempts=1,
            maximum_event_age_in_seconds=21600,
            destination_config=lambda_.CfnEventInvokeConfig.DestinationConfigProperty(
                on_failure=lambda_.CfnEventInvokeConfig.OnFailureProperty(destination=self.queue.queue_arn)
            ),
        )
        self.rule = self._schedule(place, schedule)
        self.alarms = self._alarms(topic)

    def _role(
        self,
        place: Place,
        bucket: s3.IBucket,
        bucket_key: kms.IKey | None,
        topic: sns.ITopic,
        topic_key: kms.IKey | None,
    ) -> iam.Role:
        role = iam.Role(
            self,
            "Role",
            **audit_role_name(place, "access"),
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description="Reads who holds Bedrock permissions, and writes the report",
        )
        acknowledge(role, OWN_POLICY_IS_INLINE)
        for statement in (
            *_reads(place),
            iam.PolicyStatement(actions=["s3:PutObject"], resources=[_reports_in(bucket, place)]),
            *_uses_key(bucket_key),
            *may_publish(topic, topic_key),
            iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[self.queue.queue_arn]),
        ):
            role.add_to_policy(statement)
        environment = place.environment
        users, roles = _everybody(place)
        policies = [_policies(place), environment.arn("policy/*", service="iam", region="", account="aws")]
        reason = "the report is of every principal and policy of the account, and reads only"
        acknowledge_wildcards(role, ["*", users, roles, *policies], reason)
        acknowledge_wildcards(role, [_reports_in(bucket, place)], "each report has a name of its own")
        return role

    def _function(self, bucket: s3.IBucket, topic: sns.ITopic, unused_days: int) -> lambda_.Function:
        log_group = logs.LogGroup(
            self,
            "FunctionLog",
            log_group_name=f"/aws/lambda/{NAME}",
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        log_group.grant_write(self.role)
        acknowledge(
            log_group,
            {
                "CloudWatchLogGroupEncrypted": "it holds how runs went, and no principal; CloudWatch's key encrypts it",
                "CloudWatchLogGroupRetainedOneYear": "the reports themselves are kept in the bucket",
            },
        )
        function = lambda_.Function(
            self,
            "Function",
            function_name=NAME,
            description="Reports who holds Bedrock permissions, and when each last used them",
            runtime=lambda_.Runtime.PYTHON_3_14,
            code=lambda_.Code.from_asset(str(_CODE), exclude=["__pycache__", "*.pyc"]),
            handler="index.handler",
            role=self.role,
            log_group=log_group,
            timeout=cdk.Duration.minutes(15),
            memory_size=512,
            environment={
                "BUCKET": bucket.bucket_name,
                "PREFIX": REPORTS,
                "TOPIC": topic.topic_arn,
                "UNUSED_DAYS": str(unused_days),
            },
        )
        acknowledge(
            function,
            {
                "LambdaConcurrency": "one run a week; a reserve would be taken from others",
                "LambdaDLQ": "a failed run goes to a queue by its destination, with the reason",
                "LambdaInsideVPC": "it calls public APIs of AWS, and must work where no VPC has a way to them",
                "LambdaTracing": "one run a week, whose outcome an alarm and the report itself show",
            },
        )
        return function

    def _schedule(self, place: Place, schedule: events.Schedule) -> events.CfnRule:
        rule = events.CfnRule(
            self,
            "Schedule",
            name=NAME,
            description="Runs the report on Bedrock permissions",
            schedule_expression=schedule.expression_string,
            targets=[
                events.CfnRule.TargetProperty(
                    id="Report",
                    arn=self.function.function_arn,
                    retry_policy=events.CfnRule.RetryPolicyProperty(
                        maximum_event_age_in_seconds=21600, maximum_retry_attempts=8
                    ),
                    dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=self.queue.queue_arn),
                )
            ],
        )
        source = place.environment.arn(f"rule/{NAME}", service="events")
        lambda_.CfnPermission(
            self,
            "MayRun",
            action="lambda:InvokeFunction",
            function_name=self.function.function_name,
            principal="events.amazonaws.com",
            source_arn=source,
        )
        self.queue.add_to_resource_policy(
            iam.PolicyStatement(
                sid="Undelivered",
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[self.queue.queue_arn],
                conditions={"ArnEquals": {"aws:SourceArn": source}},
            )
        )
        return rule

    def _alarms(self, topic: sns.ITopic) -> tuple[cloudwatch.CfnAlarm, ...]:
        failed = self._alarm(
            "RunFailed",
            f"{NAME}-failed",
            "The report on Bedrock permissions was not written. Its log group says why.",
            namespace="AWS/Lambda",
            metric="Errors",
            dimension=("FunctionName", NAME),
            topic=topic,
        )
        left = self._alarm(
            "RunLeft",
            f"{NAME}-undone",
            "A run of the report on Bedrock permissions was given up. It stands in the queue, with the reason.",
            namespace="AWS/SQS",
            metric="ApproximateNumberOfMessagesVisible",
            dimension=("QueueName", self.queue.queue_name),
            topic=topic,
        )
        return failed, left

    def _alarm(
        self,
        construct_id: str,
        name: str,
        description: str,
        *,
        namespace: str,
        metric: str,
        dimension: tuple[str, str],
        topic: sns.ITopic,
    ) -> cloudwatch.CfnAlarm:
        return cloudwatch.CfnAlarm(
            self,
            construct_id,
            alarm_name=name,
            alarm_description=description,
            namespace=namespace,
            metric_name=metric,
            dimensions=[cloudwatch.CfnAlarm.DimensionProperty(name=dimension[0], value=dimension[1])],
            statistic="Maximum" if namespace == "AWS/SQS" else "Sum",
            period=300,
            evaluation_periods=1,
            threshold=1,
            comparison_operator="GreaterThanOrEqualToThreshold",
            treat_missing_data="notBreaching",
            alarm_actions=[topic.topic_arn],
        )


def _reads(place: Place) -> list[iam.PolicyStatement]:
    users, roles = _everybody(place)
    environment = place.environment
    awss = environment.arn("policy/*", service="iam", region="", account="aws")
    of_user = ["iam:ListAccessKeys", "iam:ListServiceSpecificCredentials"]
    return [
        iam.PolicyStatement(actions=list(_OF_THE_ACCOUNT), resources=["*"]),
        iam.PolicyStatement(actions=["iam:GenerateServiceLastAccessedDetails"], resources=[users, roles]),
        iam.PolicyStatement(actions=["iam:GetPolicy", "iam:GetPolicyVersion"], resources=[awss, _policies(place)]),
        iam.PolicyStatement(actions=of_user, resources=[users]),
    ]


def _everybody(place: Place) -> tuple[str, str]:
    environment = place.environment
    return environment.arn("user/*", service="iam", region=""), environment.arn("role/*", service="iam", region="")


def _policies(place: Place) -> str:
    return place.environment.arn("policy/*", service="iam", region="")


def _reports_in(bucket: s3.IBucket, place: Place) -> str:
    """The ARN of the reports; by the bucket's literal name where it has one, as the audit's has."""
    resource = bucket.node.default_child
    name = resource.bucket_name if isinstance(resource, s3.CfnBucket) else None
    if name is None:
        return bucket.arn_for_objects(f"{REPORTS}/*")
    return place.environment.arn(f"{name}/{REPORTS}/*", service="s3", region="", account="")


def _uses_key(key: kms.IKey | None) -> list[iam.PolicyStatement]:
    if key is None:
        return []
    via = {"StringEquals": {"kms:ViaService": f"s3.{cdk.Stack.of(key).region}.{cdk.Aws.URL_SUFFIX}"}}
    return [
        iam.PolicyStatement(actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[key.key_arn], conditions=via)
    ]
