"""What the gateway's drill deploys: the reference app with its gateway, and roles that call it, or try to."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from drill.environment import ACCOUNT, REGION
from reference.application import build
from reference.configuration import Configuration
from reference.sections.gateway import GatewayCallerConfiguration, GatewayConfiguration

STACK, CALLERS = "secure-bedrock-gateway", "drill-gateway-callers"
TEAM_MODEL, OTHER_MODEL = Configuration().models[0], "amazon.nova-pro-v1:0"
#: Roles by the names of their sessions: with a path, without, held by a quota, and one that nobody declared.
PATHS = {"team": "/drill/teams/", "other": "/drill/", "counted": "/drill/", "stranger": "/drill/"}
REQUESTS_PER_MINUTE = 3
MAX_BODY_BYTES = 20_000


def role_arn(name: str) -> str:
    """Return the ARN of one of the roles."""
    return f"arn:aws:iam::{ACCOUNT}:role{PATHS[name]}drill-{name}"


def configuration() -> Configuration:
    """Return the reference app's configuration."""
    callers = (
        GatewayCallerConfiguration(role=role_arn("team"), requests_per_minute=None),
        GatewayCallerConfiguration(role=role_arn("other"), models=(OTHER_MODEL,), requests_per_minute=None),
        GatewayCallerConfiguration(role=role_arn("counted"), requests_per_minute=REQUESTS_PER_MINUTE),
    )
    declared = GatewayConfiguration(callers=callers, max_body_bytes=MAX_BODY_BYTES)
    return Configuration(account=ACCOUNT, region=REGION, gateway=declared)


def main() -> None:
    """Synthesize it."""
    app = cdk.App()
    deployment = build(app, configuration())
    stack = cdk.Stack(app, CALLERS, env=cdk.Environment(account=ACCOUNT, region=REGION))
    for name, path in PATHS.items():
        role = iam.Role(stack, name, role_name=f"drill-{name}", path=path, assumed_by=iam.AccountPrincipal(ACCOUNT))
        # Everything but Bedrock: in one account the gateway's own policy must refuse, for theirs allow.
        role.add_to_policy(iam.PolicyStatement(actions=["execute-api:Invoke", "lambda:ListFunctions"], resources=["*"]))
    gateway = deployment.gateway
    assert gateway is not None  # noqa: S101 - the configuration has one
    outputs = {
        "Api": gateway.gateway.api.rest_api_id,
        "Function": gateway.gateway.function.function_name,
        "Endpoint": deployment.network.endpoint.endpoint_ids[0],
    }
    for name, value in outputs.items():
        cdk.CfnOutput(gateway, f"{name}Output", value=value).override_logical_id(f"Drill{name}")
    app.synth()


if __name__ == "__main__":
    main()
