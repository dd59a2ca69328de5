"""Apps of people who never saw this library: where their stacks stand, and what they bring along.

Each builds an endpoint, a role `App` that it admits, a role `Stranger` with every right of Bedrock, and where it can
the organisation's policies, the audit and a data centre.
"""

from __future__ import annotations

from collections.abc import Callable

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import pipelines
from constructs import Construct

from secure_bedrock import (
    BedrockAuditTrail,
    BedrockOrgGuardrailSCP,
    InvocationLogging,
    OnPremisesAccess,
    PrivateBedrockEndpoint,
    ScopedInvokeRole,
)

ACCOUNT, REGION = "111122223333", "eu-west-1"
ENV = cdk.Environment(account=ACCOUNT, region=REGION)
MODEL = "eu.amazon.nova-lite-v1:0"
ROOT = iam.AccountRootPrincipal()


def vpc(scope: Construct) -> ec2.IVpc:
    return ec2.Vpc(
        scope, "Vpc", availability_zones=[f"{REGION}a", f"{REGION}b"], nat_gateways=0,
        restrict_default_security_group=False,
    )  # fmt: skip


def endpoint(scope: Construct, network: ec2.IVpc | None = None) -> PrivateBedrockEndpoint:
    return PrivateBedrockEndpoint(
        scope, "Bedrock", vpc=network or vpc(scope), client_cidrs=["172.16.1.0/24"], models=[MODEL]
    )


def roles(scope: Construct, created: PrivateBedrockEndpoint) -> ScopedInvokeRole:
    stranger = iam.Role(scope, "Stranger", assumed_by=ROOT)
    stranger.add_to_policy(iam.PolicyStatement(actions=["bedrock:*"], resources=["*"]))
    return ScopedInvokeRole(scope, "App", assumed_by=ROOT, models=[MODEL], endpoints=[created])


def others(scope: Construct, created: PrivateBedrockEndpoint) -> None:
    OnPremisesAccess(scope, "DataCentre", endpoint=created, cidrs=["192.168.0.0/24"])
    BedrockOrgGuardrailSCP(
        scope, "Rails", targets=["ou-ab12-12345678"], allowed_regions=[REGION], allowed_models=[MODEL],
        required_endpoints=[created],
    )  # fmt: skip


def everything(scope: Construct) -> ScopedInvokeRole:
    created = endpoint(scope)
    others(scope, created)
    BedrockAuditTrail(scope, "Audit", invocation_logging=InvocationLogging())
    return roles(scope, created)


def one_stack(app: cdk.App) -> None:
    """All five constructs, with a function that runs as the scoped role and a role of its own that may not."""
    stack = cdk.Stack(app, "All", env=ENV)
    role = everything(stack)
    lambda_.Function(
        stack, "Function", runtime=lambda_.Runtime.PYTHON_3_14, handler="index.handler", role=role.role,
        code=lambda_.Code.from_inline("def handler(event, context): return event"),
    )  # fmt: skip


def network_first(app: cdk.App) -> None:
    """The endpoint's stack first, and declared so."""
    net, acc, rest = (cdk.Stack(app, name, env=ENV) for name in ("Net", "Acc", "Rest"))
    acc.add_dependency(net)
    created = endpoint(net)
    roles(acc, created)
    others(rest, created)


def roles_first(app: cdk.App) -> None:
    """The roles' stack first: the endpoint's depends on it, for reasons of the app's own."""
    acc, net = (cdk.Stack(app, name, env=ENV) for name in ("Acc", "Net"))
    net.add_dependency(acc)
    key = kms.Key(acc, "Key")
    created = endpoint(net)
    s3.Bucket(net, "Bucket", encryption_key=key)
    roles(acc, created)
    others(net, created)


def audit_first(app: cdk.App) -> None:
    """The audit before what it looks at."""
    audit = cdk.Stack(app, "Audit", env=ENV)
    BedrockAuditTrail(audit, "Audit")
    network_first(app)


def nested(app: cdk.App) -> None:
    """Each part in a nested stack of one parent."""
    parent = cdk.Stack(app, "Parent", env=ENV)
    net, acc, org, audit, edge = (cdk.NestedStack(parent, name) for name in ("Net", "Acc", "Org", "Audit", "Edge"))
    created = endpoint(net)
    roles(acc, created)
    OnPremisesAccess(edge, "DataCentre", endpoint=created, cidrs=["192.168.0.0/24"])
    BedrockOrgGuardrailSCP(
        org, "Rails", targets=["ou-ab12-12345678"], allowed_regions=[REGION], required_endpoints=[created]
    )
    BedrockAuditTrail(audit, "Audit")


def nested_twice(app: cdk.App) -> None:
    """The endpoint at the parent, the roles two levels below."""
    parent = cdk.Stack(app, "Parent", env=ENV)
    created = endpoint(parent)
    below = cdk.NestedStack(cdk.NestedStack(parent, "Middle"), "Below")
    roles(below, created)


def imported_vpc(app: cdk.App) -> None:
    """A VPC by its attributes, as another team's stack exports them."""
    stack = cdk.Stack(app, "All", env=ENV)
    network = ec2.Vpc.from_vpc_attributes(
        stack, "Vpc", vpc_id="vpc-0123456789abcdef0", availability_zones=[f"{REGION}a", f"{REGION}b"],
        isolated_subnet_ids=["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
    )  # fmt: skip
    created = endpoint(stack, network)
    roles(stack, created)
    others(stack, created)


class Product(cdk.Stage):
    """Two stacks of a stage."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, env=ENV)
        net, acc = cdk.Stack(self, "Net"), cdk.Stack(self, "Acc")
        created = endpoint(net)
        roles(acc, created)
        others(net, created)


def stages(app: cdk.App) -> None:
    """The same stage twice in one account."""
    Product(app, "Test")
    Product(app, "Live")


def pipeline(app: cdk.App) -> None:
    """CDK Pipelines, which synthesizes a stage at the moment it is added."""
    stack = cdk.Stack(app, "Pipeline", env=ENV)
    bucket = s3.Bucket.from_bucket_name(stack, "Source", "source")
    source = pipelines.CodePipelineSource.s3(bucket, "source.zip")
    created = pipelines.CodePipeline(
        stack, "Pipeline", synth=pipelines.ShellStep("Synth", input=source, commands=["npx cdk synth"])
    )
    created.add_stage(Product(app, "Live"))


def changed_by_aspects(app: cdk.App) -> None:
    """Tags and a permissions boundary for everything."""
    network_first(app)
    cdk.Tags.of(app).add("cost-centre", "1")
    boundary = iam.ManagedPolicy.from_managed_policy_arn(app.node.find_child("Net"), "B", "arn:aws:iam::aws:policy/B")
    iam.PermissionsBoundary.of(app).apply(boundary)


def two_copies(app: cdk.App) -> None:
    """The same construct twice, in stacks of other names."""
    for name in ("Blue", "Green"):
        stack = cdk.Stack(app, name, env=ENV)
        created = endpoint(stack)
        roles(stack, created)
        OnPremisesAccess(stack, "DataCentre", endpoint=created, cidrs=["192.168.0.0/24"])
        BedrockOrgGuardrailSCP(stack, "Rails", targets=["ou-ab12-12345678"], allowed_regions=[REGION])


APPS: dict[str, Callable[[cdk.App], None]] = {
    build.__name__: build
    for build in (
        one_stack, network_first, roles_first, audit_first, nested, nested_twice, imported_vpc, stages, pipeline,
        changed_by_aspects, two_copies,
    )
}  # fmt: skip
