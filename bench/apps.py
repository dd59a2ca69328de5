"""The apps that are compared, by name. Each takes how many roles, and in how many stacks.

`ours`, `l2` and `l1` make the same resources: what `ours` synthesizes is kept once, and written again with CDK's own
constructs, one statement object a statement, and with one generic resource each.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam

CACHE = Path(__file__).parents[1] / ".cache" / "bench"
ENV = cdk.Environment(account="111122223333", region="eu-west-1")
MODEL = "eu.amazon.nova-lite-v1:0"


#: The feature flags of this repository, for every app alike; what validation finds is written down, and fails nothing.
CONTEXT = {
    **json.loads((Path(__file__).parents[1] / "cdk.json").read_text("utf-8"))["context"],
    "@aws-cdk/core:validateAgainstDefaultRules": False,
}


def _vpc(stack: cdk.Stack) -> ec2.Vpc:
    return ec2.Vpc(stack, "Vpc", availability_zones=["eu-west-1a"], nat_gateways=0)


def _spread(count: int, stacks: list[cdk.Stack]) -> list[tuple[int, cdk.Stack]]:
    return [(index, stacks[index % len(stacks)]) for index in range(count)]


def _stacks(app: cdk.App, count: int) -> list[cdk.Stack]:
    return [cdk.Stack(app, f"Stack{index}", env=ENV) for index in range(count)]


def empty(app: cdk.App, roles: int, stacks: int) -> None:  # noqa: ARG001 - one signature for all
    """Stacks and nothing else."""
    _stacks(app, stacks)


def reference(app: cdk.App, roles: int, stacks: int) -> None:  # noqa: ARG001 - one signature for all
    """The reference app as it comes."""
    from reference.application import build  # noqa: PLC0415 - only this app pays for it
    from reference.configuration import Configuration  # noqa: PLC0415

    build(app, Configuration())


def ours(app: cdk.App, roles: int, stacks: int) -> None:
    """One endpoint, and roles that may use it."""
    from secure_bedrock import PrivateBedrockEndpoint, ScopedInvokeRole  # noqa: PLC0415 - only this app pays for it

    made = _stacks(app, stacks)
    endpoint = PrivateBedrockEndpoint(made[0], "Bedrock", vpc=_vpc(made[0]), client_cidrs=["10.0.1.0/24"])
    for index, stack in _spread(roles, made):
        ScopedInvokeRole(
            stack,
            f"Role{index}",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            models=[MODEL],
            endpoints=[endpoint],
        )


def l2(app: cdk.App, roles: int, stacks: int) -> None:
    """The same with CDK's own constructs."""
    written = json.loads((CACHE / "written.json").read_text("utf-8"))
    made = _stacks(app, stacks)
    vpc = _vpc(made[0])
    group = ec2.SecurityGroup(made[0], "Group", vpc=vpc, allow_all_outbound=False)
    group.add_ingress_rule(ec2.Peer.ipv4("10.0.1.0/24"), ec2.Port.tcp(443))
    endpoint = ec2.InterfaceVpcEndpoint(
        made[0],
        "Endpoint",
        vpc=vpc,
        service=ec2.InterfaceVpcEndpointAwsService("bedrock-runtime"),
        security_groups=[group],
        open=False,
    )
    for index, stack in _spread(roles, made):
        role = iam.Role(
            stack,
            f"Role{index}",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            role_name=f"secure-bedrock-{index}",
            path="/secure-bedrock/",
        )
        ceiling = iam.Policy(stack, f"Ceiling{index}", statements=_statements(written["ceiling"]), roles=[role])
        allow = iam.ManagedPolicy(stack, f"Allow{index}", statements=_statements(written["allow"]), roles=[role])
        allow.node.add_dependency(ceiling)
        for row in written["endpoint"]:
            named = {"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::111122223333:role/secure-bedrock/r{index}"}}
            endpoint.add_to_policy(iam.PolicyStatement.from_json({**row, "Condition": named}))


def _statements(rows: list[dict[str, Any]]) -> list[iam.PolicyStatement]:
    return [iam.PolicyStatement.from_json(row) for row in rows]


def l1(app: cdk.App, roles: int, stacks: int) -> None:
    """The same as one generic resource each, written as they come out."""
    written = json.loads((CACHE / "written.json").read_text("utf-8"))
    made = _stacks(app, stacks)
    for name, resource in written["network"].items():
        cdk.CfnResource(made[0], name, type=resource["Type"], properties=resource.get("Properties", {}))
    for index, stack in _spread(roles, made):
        for name, resource in written["role"].items():
            properties = resource.get("Properties", {})
            cdk.CfnResource(stack, f"{name}{index}", type=resource["Type"], properties=properties)


APPS: dict[str, Callable[[cdk.App, int, int], None]] = {
    app.__name__: app for app in (empty, reference, ours, l2, l1)
}  # fmt: skip


def write_down() -> None:
    """Keep what one role of `ours` and its endpoint are made of, for `l2`, `l1` and the JavaScript app."""
    app = cdk.App(context=CONTEXT)
    ours(app, 1, 1)
    resources = app.synth().stacks[0].template["Resources"]
    of = {name: {n: r for n, r in resources.items() if ("Role0" in n) is name} for name in (True, False)}

    def document(kind: str) -> list[dict[str, Any]]:
        return next(r["Properties"]["PolicyDocument"]["Statement"] for r in resources.values() if r["Type"] == kind)

    CACHE.mkdir(parents=True, exist_ok=True)
    parts = {
        "role": of[True],
        "network": of[False],
        "ceiling": document("AWS::IAM::Policy"),
        "allow": document("AWS::IAM::ManagedPolicy"),
        "endpoint": document("AWS::EC2::VPCEndpoint"),
    }
    (CACHE / "written.json").write_text(json.dumps(parts), encoding="utf-8")
