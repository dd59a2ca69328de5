"""Model invocation logging: prompts and answers on record, in the audit's bucket and log group."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct, IConstruct, IDependable

from secure_bedrock.constructs._audit_storage import (
    INVOCATIONS,
    KEPT,
    Place,
    audit_log_group,
    audit_role_name,
    log_group_key,
)
from secure_bedrock.constructs._edge import warn
from secure_bedrock.constructs._tokens import known
from secure_bedrock.constructs.acknowledgements import OWN_POLICY_IS_INLINE, acknowledge, acknowledge_wildcards
from secure_bedrock.errors import InvalidInput, invalid
from secure_bedrock.policy.reserved import AUDIT_PREFIX, LOGGING_ROLE, RESERVED_PATH

_FUNCTION = f"{AUDIT_PREFIX}logging"
_STREAM = "aws/bedrock/modelinvocations"
_PROTECTED = (
    logs.DataIdentifier.EMAILADDRESS,
    logs.DataIdentifier.CREDITCARDNUMBER,
    logs.DataIdentifier.AWSSECRETKEY,
    logs.DataIdentifier.OPENSSHPRIVATEKEY,
    logs.DataIdentifier.IPADDRESS,
)


@dataclass(frozen=True, kw_only=True)
class InvocationLogging:
    """What of each call is put on record. The records hold what people wrote: read docs/explanation/personal-data.md.

    Attributes:
        text: prompts and answers. Default: True.
        images: images in and out. Default: False.
        embeddings: embedding vectors. Default: False.
        video: video in and out. Default: False.
        audio: audio in and out. Default: False.
        retention: of the log group. Default: a month.
        data_protection: mask e-mail addresses, card numbers and keys in the log group. Default: True.
        replace_existing: replace a configuration that somebody else made. Default: False, the deployment fails.
        role: the role of the custom resource, where the audit of another Region of this account has made it.
            Default: a new one, whose fixed name the organisation's SCP knows.
    """

    text: bool = True
    images: bool = False
    embeddings: bool = False
    video: bool = False
    audio: bool = False
    retention: logs.RetentionDays = logs.RetentionDays.ONE_MONTH
    data_protection: bool = True
    replace_existing: bool = False
    role: iam.IRole | None = None

    def __post_init__(self) -> None:
        switches = ("text", "images", "embeddings", "video", "audio", "data_protection", "replace_existing")
        for name in switches:
            if not isinstance(getattr(self, name), bool):
                raise invalid(f"invocation_logging.{name}", getattr(self, name), allowed="True or False")
        if self.role is not None and not hasattr(self.role, "role_arn"):
            raise invalid("invocation_logging.role", self.role, allowed="an iam.IRole")
        if not any((self.text, self.images, self.embeddings, self.video, self.audio)):
            raise InvalidInput(
                "invocation_logging: got nothing to log; allowed is text, images, embeddings, video, audio"
            )

    def configuration(self, *, log_group: str, role: str, bucket: str) -> dict[str, object]:
        """Return the API's loggingConfig."""
        large = {"bucketName": bucket, "keyPrefix": INVOCATIONS}
        return {
            "cloudWatchConfig": {"logGroupName": log_group, "roleArn": role, "largeDataDeliveryS3Config": large},
            "s3Config": large,
            "textDataDeliveryEnabled": self.text,
            "imageDataDeliveryEnabled": self.images,
            "embeddingDataDeliveryEnabled": self.embeddings,
            "videoDataDeliveryEnabled": self.video,
            "audioDataDeliveryEnabled": self.audio,
        }


class InvocationLoggingSetting(Construct):
    """The account's setting in one Region, by a custom resource; only one of these may be in an account and Region."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own word
        *,
        place: Place,
        logging: InvocationLogging,
        bucket: s3.IBucket,
    ) -> None:
        super().__init__(scope, id)
        self.key = log_group_key(self, place, INVOCATIONS)
        protection = logs.DataProtectionPolicy(identifiers=list(_PROTECTED)) if logging.data_protection else None
        self.log_group = audit_log_group(
            self, "LogGroup", INVOCATIONS, self.key, logging.retention, data_protection=protection
        )
        acknowledge(
            self.log_group,
            {"CloudWatchLogGroupRetainedOneYear": "prompts are personal data: `retention` says how long they stay"},
        )
        delivery = self._delivery_role(place)
        self.makes_role = logging.role is None
        role = logging.role or self._role()
        configuration = logging.configuration(
            log_group=self.log_group.log_group_name, role=delivery.role_arn, bucket=bucket.bucket_name
        )
        function = self._function(role)
        setting = cdk.CustomResource(
            self,
            "Setting",
            service_token=function.function_arn,
            resource_type="Custom::BedrockInvocationLogging",
            # The function ends in five minutes, whatever happens; CloudFormation would wait an hour for its answer.
            service_timeout=cdk.Duration.minutes(7),
            properties={
                "Configuration": cdk.Stack.of(self).to_json_string(configuration),
                "ReplaceExisting": json.dumps(logging.replace_existing),
            },
        )
        setting.node.add_dependency(delivery, *self._let_set(role, place))
        if isinstance(bucket, s3.Bucket) and bucket.policy is not None:
            setting.node.add_dependency(bucket.policy)

    def _delivery_role(self, place: Place) -> iam.Role:
        source = {
            "StringEquals": {"aws:SourceAccount": place.environment.account},
            "ArnLike": {"aws:SourceArn": place.bedrock},
        }
        writes = iam.PolicyStatement(
            actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[place.streams(INVOCATIONS, _STREAM)]
        )
        role = iam.Role(
            self,
            "DeliveryRole",
            **audit_role_name(place, INVOCATIONS),
            assumed_by=iam.PrincipalWithConditions(iam.ServicePrincipal("bedrock.amazonaws.com"), source),
            description="Bedrock's delivery of invocation logs",
            # Inside the role, so that both are kept: the setting outlives the stack, and delivers by this role.
            inline_policies={"Delivery": iam.PolicyDocument(statements=[writes])},
        )
        role.apply_removal_policy(KEPT)
        acknowledge(role, OWN_POLICY_IS_INLINE)
        return role

    def _role(self) -> iam.Role:
        return iam.Role(
            self,
            "Role",
            role_name=LOGGING_ROLE,
            path=RESERVED_PATH,
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description="Sets model invocation logging; the organisation's SCP knows it by this name",
        )

    def _let_set(self, role: iam.IRole, place: Place) -> list[IDependable]:
        """Let the function's role set this Region's setting; return what must be there before it does."""
        arn, stack = place.environment.arn, cdk.Stack.of(self)
        delivery_role = arn(
            f"role{RESERVED_PATH}{audit_role_name(place, INVOCATIONS)['role_name']}", service="iam", region=""
        )
        own_log = arn(f"log-group:/aws/lambda/{_FUNCTION}:log-stream:*", service="logs")
        own_stack = arn(f"stack/{stack.stack_name}/*", service="cloudformation")
        settings = [f"bedrock:{verb}ModelInvocationLoggingConfiguration" for verb in ("Get", "Put")]
        to_bedrock = {"StringEquals": {"iam:PassedToService": "bedrock.amazonaws.com"}}
        statements = [
            iam.PolicyStatement(actions=settings, resources=["*"]),
            iam.PolicyStatement(actions=["iam:PassRole"], resources=[delivery_role], conditions=to_bedrock),
            iam.PolicyStatement(actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[own_log]),
            iam.PolicyStatement(actions=["cloudformation:DescribeStacks"], resources=[own_stack]),
        ]
        if not isinstance(role, iam.Role):
            return self._attach(role, statements, place, wildcards=[own_log, own_stack])
        _acknowledge_setting(role, [own_log, own_stack])
        granted = [role.add_to_principal_policy(statement) for statement in statements]
        return [each.policy_dependable for each in granted if each.policy_dependable is not None]

    def _attach(
        self, role: iam.IRole, statements: list[iam.PolicyStatement], place: Place, *, wildcards: list[str]
    ) -> list[IDependable]:
        """Attach statements to an imported role; where CDK does not, although it says so, print them for its owner.

        In a policy named by the Region: CDK's default name for an imported role is the same in every stack.
        """
        name = f"{LOGGING_ROLE}-{place.environment.region}"
        policy = iam.Policy(self, "RolePolicy", policy_name=name, statements=statements)
        _acknowledge_setting(policy, wildcards)
        role.attach_inline_policy(policy)
        resource, stack = policy.node.default_child, cdk.Stack.of(self)
        if isinstance(resource, iam.CfnPolicy) and stack.resolve(resource.roles):
            return [policy]
        printed = json.dumps(stack.resolve([statement.to_statement_json() for statement in statements]))
        text = f"invocation_logging.role: the owner of {role.role_name} must attach these statements: {printed}"
        warn(self, "foreign-logging-role", text)
        return []

    def _function(self, role: iam.IRole) -> lambda_.Function:
        # Literal, as the function's name is: the role may be of another Region's stack.
        log_group = logs.LogGroup(
            self,
            "FunctionLog",
            log_group_name=f"/aws/lambda/{_FUNCTION}",
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        acknowledge(
            log_group,
            {
                "CloudWatchLogGroupEncrypted": "it holds settings, never a prompt; CloudWatch's own key encrypts it",
                "CloudWatchLogGroupRetainedOneYear": "what was done stays on record in the trail",
            },
        )
        function = lambda_.Function(
            self,
            "Function",
            function_name=_FUNCTION,
            runtime=lambda_.Runtime.PYTHON_3_14,
            code=lambda_.Code.from_inline(_handler()),
            handler="index.handler",
            role=role,
            log_group=log_group,
            timeout=cdk.Duration.minutes(5),
            memory_size=256,
            description="Sets model invocation logging",
        )
        acknowledge(
            function,
            {
                "LambdaConcurrency": "CloudFormation calls it once a deployment; a reserve would be taken from others",
                "LambdaDLQ": "CloudFormation waits for its answer and shows a failure as the resource's own",
                "LambdaInsideVPC": "it calls one public API of AWS, and must work where no VPC has a way to it",
                "LambdaTracing": "one call a deployment, whose outcome CloudFormation shows",
            },
        )
        return function


def _acknowledge_setting(holder: IConstruct, wildcards: list[str]) -> None:
    acknowledge(holder, OWN_POLICY_IS_INLINE)
    acknowledge_wildcards(holder, ["*"], "the two actions on the account's logging setting have no resource")
    acknowledge_wildcards(holder, wildcards, "AWS makes the ids of streams and stacks; names are exact")


def other_settings(setting: InvocationLoggingSetting) -> list[str]:
    """Return the paths of further settings of the same account and Region.

    Where these are not known, only those of the same stage count: two stages are likely to go to two places.
    """
    stack = cdk.Stack.of(setting)
    is_known = known(stack.account) is not None and known(stack.region) is not None
    around: IConstruct | None = setting.node.root if is_known else cdk.Stage.of(setting)
    everything: list[IConstruct] = around.node.find_all() if around is not None else []
    return [
        each.node.path
        for each in everything
        if isinstance(each, InvocationLoggingSetting)
        and each.node.addr != setting.node.addr
        and cdk.Stack.of(each).environment == stack.environment
    ]


@cache
def _handler() -> str:
    return (Path(__file__).parent.parent / "handlers" / "invocation_logging.py").read_text(encoding="utf-8")
