"""The function behind a gateway: in isolated subnets, with a scoped role, and what it counts in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from secure_bedrock.constructs._edge import check_at_synth
from secure_bedrock.constructs._gateway_api import HOLDS_NO_PROMPT
from secure_bedrock.constructs.acknowledgements import OWN_POLICY_IS_INLINE, acknowledge, acknowledge_wildcards
from secure_bedrock.constructs.endpoint import PrivateBedrockEndpoint
from secure_bedrock.constructs.role import ScopedInvokeRole
from secure_bedrock.policy.document import Plain
from secure_bedrock.policy.limits import FUNCTION_ENVIRONMENT, limit

_CODE = Path(__file__).parents[1] / "handlers" / "gateway"
#: What a function in a VPC needs of EC2 (AWS Lambda developer guide, "Giving Lambda functions access to a VPC").
_INTERFACES = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)
_HTTPS = 443
#: Left of the function's time when the gateway gives Bedrock up and says so.
_SPARE_SECONDS = 2


def gateway_function(
    scope: Construct,
    *,
    vpc: ec2.IVpc,
    subnets: ec2.SubnetSelection,
    endpoint: PrivateBedrockEndpoint,
    role: ScopedInvokeRole,
    settings: Plain,
    timeout: cdk.Duration,
    retention: logs.RetentionDays,
) -> lambda_.Function:
    """Return the function; `settings` becomes its one environment variable and may hold tokens."""
    log_group = logs.LogGroup(scope, "HandlerLog", retention=retention, removal_policy=cdk.RemovalPolicy.RETAIN)
    acknowledge(log_group, {"CloudWatchLogGroupEncrypted": HOLDS_NO_PROMPT})
    log_group.grant_write(role)
    acknowledge(role.role, OWN_POLICY_IS_INLINE)
    of_counting = "counting tokens asks no model, and answers with a number"
    acknowledge(role, {"Annotation::secure-bedrock:guardrail-blind": of_counting})
    seconds = int(timeout.to_seconds())
    function = lambda_.Function(
        scope,
        "Handler",
        description="Bedrock gateway: forwards what approved callers signed",
        runtime=lambda_.Runtime.PYTHON_3_14,
        code=lambda_.Code.from_asset(str(_CODE), exclude=["__pycache__", "*.pyc"]),
        handler="index.handler",
        role=role.role,
        log_group=log_group,
        timeout=timeout,
        memory_size=512,
        vpc=vpc,
        vpc_subnets=subnets,
        allow_all_outbound=False,
        environment={"SETTINGS": cdk.Stack.of(scope).to_json_string({**settings, "timeout": seconds - _SPARE_SECONDS})},
    )
    function.connections.allow_to(endpoint, ec2.Port.tcp(_HTTPS), "HTTPS to Bedrock")
    function.node.add_dependency(_interfaces(scope, role))
    acknowledge(
        function,
        {
            "LambdaConcurrency": "the stage's rate limit holds it; a reserve would be taken from other functions",
            "LambdaDLQ": "it is called and waited for; nothing is lost when it fails",
            "LambdaTracing": "each call is on record in its log, the access log and Bedrock's invocation log",
            "cdk-validator-cfnguard::lambda_inside_vpc_check": "it is: by subnets that the rule cannot read",
        },
    )
    check_at_synth(function, _settings_fit(cdk.Stack.of(scope), settings))
    return function


def _interfaces(scope: Construct, role: ScopedInvokeRole) -> iam.CfnPolicy:
    """Let the service make network interfaces with the role, and keep the function's own code from it.

    Lambda's own calls carry no lambda:SourceFunctionArn; the code's do.
    """
    statements = [
        {"Sid": "Interfaces", "Effect": "Allow", "Action": list(_INTERFACES), "Resource": "*"},
        {
            "Sid": "InterfacesByCode",
            "Effect": "Deny",
            "Action": list(_INTERFACES),
            "Resource": "*",
            "Condition": {"Null": {"lambda:SourceFunctionArn": "false"}},
        },
    ]
    policy = iam.CfnPolicy(
        scope,
        "NetworkInterfaces",
        policy_name="network-interfaces",
        policy_document={"Version": "2012-10-17", "Statement": statements},
        roles=[role.role.role_name],
    )
    acknowledge(policy, OWN_POLICY_IS_INLINE)
    acknowledge_wildcards(policy, ["*"], "AWS Lambda makes the interfaces, and the function's own code is denied it")
    return policy


def _settings_fit(stack: cdk.Stack, settings: Plain) -> Callable[[], list[str]]:
    def check() -> list[str]:
        size, most = len(str(stack.resolve(stack.to_json_string(settings)))), limit(FUNCTION_ENVIRONMENT)
        if size <= most:
            return []
        return [f"callers: they fill {size} of {most} characters of the function's settings; make a second gateway"]

    return check


def quota_table(
    scope: Construct, *, vpc: ec2.IVpc, subnets: ec2.SubnetSelection, role: ScopedInvokeRole
) -> tuple[dynamodb.Table, ec2.InterfaceVpcEndpoint]:
    """Return a table of counters that forget themselves, and the endpoint by which the function reaches it."""
    table = dynamodb.Table(
        scope,
        "Counters",
        partition_key=dynamodb.Attribute(name="window", type=dynamodb.AttributeType.STRING),
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        encryption=dynamodb.TableEncryption.AWS_MANAGED,
        time_to_live_attribute="expires",
        # Counters of the running minute and day: nothing that anybody would want back.
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
    acknowledge(
        table,
        {
            "DynamoDBInBackupPlan": "it holds counters of the running minute and day, which nobody would restore",
            "DynamoDBPITREnabled": "it holds counters of the running minute and day, which nobody would restore",
            "cdk-validator-cfnguard::dynamodb_table_pitr_enabled_check": "it holds nothing that anybody would restore",
        },
    )
    may_count = {"actions": ["dynamodb:UpdateItem"], "resources": [table.table_arn]}
    iam.Grant.add_to_principal(grantee=role.role, actions=may_count["actions"], resource_arns=may_count["resources"])
    endpoint = ec2.InterfaceVpcEndpoint(
        scope,
        "CountersEndpoint",
        vpc=vpc,
        service=ec2.InterfaceVpcEndpointAwsService.DYNAMODB,
        subnets=subnets,
        open=False,
        # The function names the endpoint itself: private DNS would change where the whole VPC finds DynamoDB.
        private_dns_enabled=False,
    )
    # A condition, as in every endpoint policy here: a principal would be the role or its sessions, as AWS reads it.
    only_it = {"ArnEquals": {"aws:PrincipalArn": role.role_arn}}
    endpoint.add_to_policy(iam.PolicyStatement(principals=[iam.StarPrincipal()], conditions=only_it, **may_count))
    return table, endpoint


def counters_url(endpoint: ec2.InterfaceVpcEndpoint) -> str:
    """Return the endpoint's own address; its entries are `hosted zone:name`, the first for all zones."""
    entry = cdk.Fn.select(0, endpoint.vpc_endpoint_dns_entries)
    return f"https://{cdk.Fn.select(1, cdk.Fn.split(':', entry))}"


def connect_counters(function: lambda_.Function, endpoint: ec2.InterfaceVpcEndpoint) -> None:
    """Open the way from the function to its counters."""
    function.connections.allow_to(endpoint, ec2.Port.tcp(_HTTPS), "HTTPS to the counters")
    function.add_environment("AWS_ENDPOINT_URL_DYNAMODB", counters_url(endpoint))


def isolated_subnets(vpc: ec2.IVpc) -> ec2.SubnetSelection:
    """Return the VPC's isolated subnets, or its private ones where there are none."""
    if vpc.isolated_subnets:
        return ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
    return ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS)
