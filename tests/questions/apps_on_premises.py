"""Apps reached from beyond the VPC: a data centre's networks, and a hub whose endpoint many accounts share."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam

from secure_bedrock import OnPremisesAccess, PrivateBedrockEndpoint, ScopedInvokeRole
from tests.questions.apps import ACCOUNT, EU_LITE, LITE, REGION, Fixture

HUB_ACCOUNT = "999988887777"
CENTRE, OFFICE = "10.20.0.0/16", "192.168.7.0/24"
SPOKE_A, SPOKE_B = "10.31.0.0/16", "10.32.0.0/16"


def _here() -> iam.AccountPrincipal:
    return iam.AccountPrincipal(ACCOUNT)


def _vpc(stack: cdk.Stack) -> ec2.IVpc:
    return ec2.Vpc.from_vpc_attributes(
        stack, "Vpc", vpc_id="vpc-0123456789abcdef0", vpc_cidr_block="10.0.0.0/16",
        availability_zones=[f"{REGION}a", f"{REGION}b"],
        private_subnet_ids=["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"],
    )  # fmt: skip


def on_premises(app: cdk.App, env: cdk.Environment) -> None:
    """A data centre: roles for its callers, for those in the VPC, and for whoever has a public address too."""
    net, acc = cdk.Stack(app, "Net", env=env), cdk.Stack(app, "Acc", env=env)
    vpc = _vpc(net)
    endpoint = PrivateBedrockEndpoint(net, "Bedrock", vpc=vpc, models=[LITE])
    access = OnPremisesAccess(net, "Centre", endpoint=endpoint, cidrs=[CENTRE, OFFICE], vpc=vpc)
    both = {"assumed_by": _here(), "endpoints": [endpoint]}
    ScopedInvokeRole(acc, "Centre", models=[LITE], vpc_source_ips=access.vpc_source_ips, **both)
    ScopedInvokeRole(acc, "Profile", models=[EU_LITE], vpc_source_ips=access.vpc_source_ips, **both)
    ScopedInvokeRole(acc, "Inside", models=[LITE], **both)
    ScopedInvokeRole(
        acc, "Either", models=[LITE], vpc_source_ips=access.vpc_source_ips, source_ips=["203.0.113.0/24"], **both
    )
    for name in ("Plain", "Stranger"):
        role = iam.Role(acc, name, assumed_by=_here())
        role.add_to_policy(iam.PolicyStatement(actions=["bedrock:*"], resources=["*"]))
        if name == "Plain":
            endpoint.admit(role)


def hub(app: cdk.App, env: cdk.Environment) -> None:
    """A network account's endpoint, and a spoke whose role names it by its literal id."""
    network = cdk.Stack(app, "Hub", env=cdk.Environment(account=HUB_ACCOUNT, region=env.region))
    spoke = cdk.Stack(app, "Spoke", env=env)
    vpc = _vpc(network)
    endpoint = PrivateBedrockEndpoint(network, "Bedrock", vpc=vpc, models=[LITE])
    OnPremisesAccess(network, "Spokes", endpoint=endpoint, cidrs=[CENTRE, SPOKE_A, SPOKE_B], vpc=vpc)
    role = ScopedInvokeRole(
        spoke, "App", assumed_by=_here(), models=[LITE], endpoints=["vpce-0123456789abcdef0"],
        vpc_source_ips=[SPOKE_A],
    )  # fmt: skip
    endpoint.admit(role.role_arn)
    endpoint.admit(f"arn:aws:iam::{ACCOUNT}:role/batch")


APPS = {"on-premises": Fixture(on_premises), "hub": Fixture(hub)}
