"""A gateway: who may call it, and what its function may do."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_bedrock as bedrock
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam

from secure_bedrock import BedrockGateway, GatewayCaller, Network, PrivateBedrockEndpoint, ScopedInvokeRole
from tests.questions.apps import ACCOUNT, EU_LITE, OTHER_ACCOUNT, PRO, REGION, Fixture

PARTNER = f"arn:aws:iam::{OTHER_ACCOUNT}:role/partners/partner"


def _here() -> iam.AccountPrincipal:
    return iam.AccountPrincipal(ACCOUNT)


def _build(app: cdk.App, env: cdk.Environment, **given: object) -> None:
    stack, callers = cdk.Stack(app, "Gw", env=env), cdk.Stack(app, "Callers", env=env)
    vpc = ec2.Vpc.from_vpc_attributes(
        stack, "Vpc", vpc_id="vpc-0123456789abcdef0", availability_zones=[f"{REGION}a"],
        private_subnet_ids=["subnet-0123456789abcdef0"], vpc_cidr_block="10.0.0.0/16",
    )  # fmt: skip
    endpoint = PrivateBedrockEndpoint(stack, "Bedrock", vpc=vpc)
    guardrail = bedrock.CfnGuardrail(
        stack, "Guardrail", name="guardrail", blocked_input_messaging="no", blocked_outputs_messaging="no"
    )
    team = iam.Role(callers, "Team", assumed_by=_here(), path="/teams/search/", role_name="team")
    scoped = ScopedInvokeRole(callers, "Scoped", assumed_by=_here(), models=[PRO], network=Network.ANYWHERE)
    stranger = iam.Role(callers, "Stranger", assumed_by=_here(), role_name="stranger")
    stranger.add_to_policy(iam.PolicyStatement(actions=["*"], resources=["*"]))
    BedrockGateway(
        stack, "Gateway", endpoint=endpoint, vpc=vpc, guardrail=guardrail, guardrail_version=1,
        callers=[
            GatewayCaller(role=team, models=[EU_LITE], requests_per_minute=60),
            GatewayCaller(role=scoped, models=[EU_LITE, PRO]),
            GatewayCaller(role=PARTNER, models=[PRO]),
        ],
        **given,
    )  # fmt: skip


def gateway(app: cdk.App, env: cdk.Environment) -> None:
    """Callers of this account, with a path, scoped, and of another account; a stranger who may do everything."""
    _build(app, env)


def narrow(app: cdk.App, env: cdk.Environment) -> None:
    """The same from known addresses only."""
    _build(app, env, source_ips=["203.0.113.0/24", "2001:db8:1::/48"])


def suspended(app: cdk.App, env: cdk.Environment) -> None:
    """The same, closed."""
    _build(app, env, suspended=True)


APPS = {"gateway": Fixture(gateway), "gateway-narrow": Fixture(narrow), "gateway-suspended": Fixture(suspended)}
