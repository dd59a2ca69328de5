"""The project stack: a team's profiles, budget and alarms, and a role that calls through them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from secure_bedrock import BedrockProject

if TYPE_CHECKING:
    from constructs import Construct

    from reference.access import AccessStack
    from reference.configuration import Configuration
    from reference.network import NetworkStack
    from reference.sections.project import ProjectConfiguration


class ProjectStack(cdk.Stack):
    """A team's use of Bedrock, paid for and stopped as one.

    Attributes:
        project: profiles, budget, alarms, topic.
        role: may call through the profiles, from the endpoint, with the guardrail.
    """

    def __init__(  # noqa: PLR0913 - the stacks it stands on
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own word
        *,
        configuration: Configuration,
        declared: ProjectConfiguration,
        network: NetworkStack,
        access: AccessStack,
        env: cdk.Environment,
    ) -> None:
        """Declare the project."""
        super().__init__(scope, id, env=env, description="Secure Bedrock: a team's project")
        self.project = BedrockProject(
            self,
            "Project",
            project=configuration.project,
            team=configuration.team,
            cost_center=declared.cost_center,
            models=configuration.models,
            monthly_budget=declared.monthly_budget,
            cost_anomaly=declared.cost_anomaly,
            notify=declared.notify,
            suspended=declared.suspended,
            revoke_sessions_before=declared.revoke_sessions_before,
        )
        self.role = self.project.add_role(
            "Application",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            endpoints=[network.endpoint],
            guardrail=access.guardrail,
            guardrail_version=access.guardrail_version.attr_version,
        )
