"""The access stack: the guardrail, the application's role, and the application, a function without a way out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_bedrock as bedrock
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from secure_bedrock import ScopedInvokeRole
from secure_bedrock.constructs.acknowledgements import OWN_POLICY_IS_INLINE, acknowledge, acknowledge_aws_policy

if TYPE_CHECKING:
    from constructs import Construct

    from reference.configuration import Configuration
    from reference.network import NetworkStack

_HANDLER = Path(__file__).parent / "handlers" / "ask.py"


class AccessStack(cdk.Stack):
    """Who may call Bedrock, and with what.

    Attributes:
        guardrail: the guardrail every call must name.
        guardrail_version: its numbered version.
        role: the role that may invoke.
        function: the application that does.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own word
        *,
        configuration: Configuration,
        network: NetworkStack,
        env: cdk.Environment,
    ) -> None:
        """Declare the access."""
        super().__init__(scope, id, env=env, description="Secure Bedrock: who may call")
        self.guardrail = self._guardrail()
        guardrail_id = self.guardrail.attr_guardrail_id
        self.guardrail_version = bedrock.CfnGuardrailVersion(
            self, "GuardrailVersion", guardrail_identifier=guardrail_id
        )
        version = self.guardrail_version.attr_version
        self.role = ScopedInvokeRole(
            self,
            "Application",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            models=configuration.models,
            endpoints=[network.endpoint],
            guardrail=self.guardrail,
            guardrail_version=version,
            project=configuration.project,
            team=configuration.team,
            suspended=configuration.suspended,
            revoke_sessions_before=configuration.revoke_sessions_before,
        )
        environment = {
            "MODEL_ID": configuration.models[0],
            "GUARDRAIL_ID": guardrail_id,
            "GUARDRAIL_VERSION": version,
        }
        self.function = self._function(environment, network)
        self.function.connections.allow_to_default_port(network.endpoint.connections, "HTTPS to Bedrock")

    def _guardrail(self) -> bedrock.CfnGuardrail:
        filters = [
            bedrock.CfnGuardrail.ContentFilterConfigProperty(
                type=kind, input_strength="HIGH", output_strength="NONE" if kind == "PROMPT_ATTACK" else "HIGH"
            )
            for kind in ("HATE", "INSULTS", "MISCONDUCT", "PROMPT_ATTACK", "SEXUAL", "VIOLENCE")
        ]
        return bedrock.CfnGuardrail(
            self,
            "Guardrail",
            name=f"{self.stack_name}-guardrail",
            blocked_input_messaging="This request is not allowed.",
            blocked_outputs_messaging="The answer was withheld.",
            content_policy_config=bedrock.CfnGuardrail.ContentPolicyConfigProperty(filters_config=filters),
        )

    def _function(self, environment: dict[str, str], network: NetworkStack) -> lambda_.Function:
        log_group = logs.LogGroup(self, "FunctionLog", retention=logs.RetentionDays.THREE_MONTHS)
        acknowledge(
            log_group,
            {
                "CloudWatchLogGroupEncrypted": "it holds errors, never a prompt; CloudWatch's own key encrypts it",
                "CloudWatchLogGroupRetainedOneYear": "errors older than three months help nobody",
            },
        )
        log_group.grant_write(self.role)
        acknowledge(self.role.role, OWN_POLICY_IS_INLINE)
        self.role.role.add_managed_policy(
            iam.ManagedPolicy.from_aws_managed_policy_name("service-role/AWSLambdaENIManagementAccess")
        )
        acknowledge_aws_policy(
            self.role.role,
            "service-role/AWSLambdaENIManagementAccess",
            "AWS keeps the list of network actions that a function in a VPC needs; it names no data",
        )
        function = lambda_.Function(
            self,
            "Function",
            runtime=lambda_.Runtime.PYTHON_3_14,
            code=lambda_.Code.from_inline(_HANDLER.read_text(encoding="utf-8")),
            handler="index.handler",
            role=self.role.role,
            log_group=log_group,
            timeout=cdk.Duration.minutes(1),
            memory_size=256,
            vpc=network.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            allow_all_outbound=False,
            environment=environment,
        )
        acknowledge(
            function,
            {
                "LambdaConcurrency": "a worked example: the account's quota is the limit",
                "LambdaDLQ": "it is called and waited for; nothing is lost when it fails",
                "LambdaTracing": "each call is on record in the trail and the invocation log",
                "cdk-validator-cfnguard::lambda_inside_vpc_check": "it is: by subnets of another stack",
            },
        )
        return function
