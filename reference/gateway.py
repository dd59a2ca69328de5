"""The gateway stack: a signed way to Bedrock for roles that cannot reach the private endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk

from secure_bedrock import BedrockGateway, GatewayCaller

if TYPE_CHECKING:
    from constructs import Construct

    from reference.access import AccessStack
    from reference.audit import AuditStack
    from reference.configuration import Configuration
    from reference.network import NetworkStack
    from reference.sections.gateway import GatewayConfiguration


class GatewayStack(cdk.Stack):
    """The gateway, behind the application's guardrail and the network's endpoint; its alarms go to the audit's topic.

    Attributes:
        gateway: API, web ACL, function and its role.
    """

    def __init__(  # noqa: PLR0913 - one argument a property
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own word
        *,
        configuration: Configuration,
        declared: GatewayConfiguration,
        network: NetworkStack,
        access: AccessStack,
        audit: AuditStack | None,
        env: cdk.Environment,
    ) -> None:
        """Declare the gateway."""
        super().__init__(scope, id, env=env, description="Secure Bedrock: gateway for callers beyond the network")
        self.gateway = BedrockGateway(
            self,
            "Gateway",
            callers=[
                GatewayCaller(
                    role=caller.role,
                    models=configuration.models if caller.models is None else caller.models,
                    requests_per_minute=caller.requests_per_minute,
                    tokens_per_day=caller.tokens_per_day,
                )
                for caller in declared.callers
            ],
            endpoint=network.endpoint,
            vpc=network.vpc,
            guardrail=access.guardrail,
            guardrail_version=access.guardrail_version.attr_version,
            source_ips=declared.source_ips,
            requests_per_ip=declared.requests_per_ip,
            requests_per_session=declared.requests_per_session,
            max_body_bytes=declared.max_body_bytes,
            block_bodies=declared.block_bodies,
            notify=[audit.audit.topic] if audit is not None else None,
            project=configuration.project,
            team=configuration.team,
            suspended=declared.suspended,
        )
        cdk.CfnOutput(self, "Url", value=self.gateway.url, description="Where clients send their calls")
        cdk.CfnOutput(self, "InvokeArn", value=self.gateway.invoke_arn, description="What callers' policies must allow")
