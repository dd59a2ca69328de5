"""What the drill deploys: the reference app as it is, and callers that the drill can assume."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from drill.environment import ACCOUNT, REGION
from reference.application import Deployment, build
from reference.configuration import AuditConfiguration, Configuration, OrganizationConfiguration
from reference.organization import OrganizationStack
from reference.sections.access_audit import AccessAuditConfiguration
from reference.sections.project import ProjectConfiguration
from secure_bedrock import ScopedInvokeRole

if TYPE_CHECKING:
    from constructs import Construct

T = TypeVar("T")

CALLERS = "drill-callers"
CONFIGURATION = Configuration(
    account=ACCOUNT,
    region=REGION,
    audit=AuditConfiguration(notify=("ops@example.com",), global_events=False),  # one Region is bootstrapped
    access_audit=AccessAuditConfiguration(),
    team_project=ProjectConfiguration(cost_center="4711", monthly_budget=250, notify=("team@example.com",)),
)


class Callers(cdk.Stack):
    """Roles beside the function's own, whose sessions the drill can have.

    Outputs hold what the demo calls with: the ARNs of the roles, and the ids of endpoint, guardrail and function.
    """

    def __init__(self, scope: Construct, deployment: Deployment) -> None:
        """Declare the callers of a deployment."""
        super().__init__(scope, CALLERS, env=cdk.Environment(account=ACCOUNT, region=REGION))
        account = iam.AccountPrincipal(ACCOUNT)
        access, network = deployment.access, deployment.network
        scoped = {
            "models": Configuration().models,
            "endpoints": [network.endpoint],
            "guardrail": access.guardrail,
            "guardrail_version": access.guardrail_version.attr_version,
        }
        friend = ScopedInvokeRole(self, "Friend", assumed_by=account, **scoped)
        widened = ScopedInvokeRole(self, "Widened", assumed_by=account, **scoped)
        everything = iam.PolicyStatement(actions=["bedrock:*"], resources=["*"])
        widened.role.add_to_principal_policy(everything)
        suspended = ScopedInvokeRole(self, "Suspended", assumed_by=account, suspended=True, **scoped)
        leaver = ScopedInvokeRole(
            self,
            "Leaver",
            assumed_by=account,
            revoke_sessions_before=self.node.try_get_context("revoke"),
            **scoped,
        )
        stranger = iam.Role(self, "Stranger", assumed_by=account)
        administrator = iam.Role(self, "Administrator", assumed_by=account)
        administrator.add_to_policy(everything)
        outputs = {
            "Friend": friend.role.role_arn,
            "Widened": widened.role.role_arn,
            "Suspended": suspended.role.role_arn,
            "Leaver": leaver.role.role_arn,
            "Stranger": stranger.role_arn,
            "Administrator": administrator.role_arn,
            "Vpc": network.vpc.vpc_id,
            "Endpoint": network.endpoint.endpoint_ids[0],
            "GuardrailId": access.guardrail.attr_guardrail_id,
            "GuardrailVersion": access.guardrail_version.attr_version,
            "Function": access.function.function_name,
        }
        for name, value in outputs.items():
            cdk.CfnOutput(self, f"{name}Output", value=value).override_logical_id(name)


def main() -> None:
    """Synthesize it, as context names it: `team`, `calls`, `revoke`, and the `root` of the organisation."""
    app = cdk.App()
    audit = replace(CONFIGURATION.audit or AuditConfiguration(), calls_threshold=int(_given(app, "calls", 1000)))
    configuration = replace(CONFIGURATION, team=_given(app, "team", CONFIGURATION.team), audit=audit)
    Callers(app, build(app, configuration))
    rails = OrganizationConfiguration(
        account=ACCOUNT,  # the emulator has one account, and takes it for a member of its root
        targets=(app.node.get_context("root"),),
        allowed_regions=(REGION,),
        allowed_models=("amazon.nova-*",),
    )
    env = cdk.Environment(account=ACCOUNT, region=REGION)
    OrganizationStack(app, "secure-bedrock-organization", configuration=rails, env=env)
    app.synth()


def _given(app: cdk.App, name: str, default: T) -> T:
    """What context says, or else the default."""
    found = app.node.try_get_context(name)
    return default if found is None else found


if __name__ == "__main__":
    main()
