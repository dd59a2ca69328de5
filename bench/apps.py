"""The apps that are compared, by name. Each takes how many roles, and in how many stacks.

`ours`, `l2` and `l1` make the same resources: what `ours` synthesizes is kept once, and written again with CDK's own
constructs, one statement object a statement, and with one generic resource each. `checked` is `l2` with what the
constructs do beside resources: rules acknowledged, properties checked, nobody's later change overlooked.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import jsii
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import IValidation

CACHE = Path(__file__).parents[1] / ".cache" / "bench"
ENV = cdk.Environment(account="111122223333", region="eu-west-1")
MODEL = "eu.amazon.nova-lite-v1:0"
CLIENTS = "10.0.1.0/24"
PATH = "/secure-bedrock/"
GROUP = "Bedrock endpoints: HTTPS from the named clients only"
#: The rules that ask for no inline policy, by the packs that have one.
INLINE = tuple(
    f"{pack}-IAMNoInlinePolicy" for pack in ("NIST.800.53.R4", "NIST.800.53.R5", "PCI.DSS.321", "HIPAA.Security")
)


#: The feature flags of this repository, for every app alike; what validation finds is written down, and fails nothing.
#: 200 roles in one stack are 600 resources, more than CloudFormation takes: CDK is told not to count them.
CONTEXT = {
    **json.loads((Path(__file__).parents[1] / "cdk.json").read_text("utf-8"))["context"],
    "@aws-cdk/core:validateAgainstDefaultRules": False,
    "@aws-cdk/core:stackResourceLimit": 0,
}


def _vpc(stack: cdk.Stack) -> ec2.Vpc:
    return ec2.Vpc(stack, "Vpc", availability_zones=["eu-west-1a"], nat_gateways=0)


def _spread(count: int, stacks: list[cdk.Stack]) -> list[tuple[int, cdk.Stack]]:
    return [(index, stacks[index % len(stacks)]) for index in range(count)]


def _name(index: int) -> str:
    return f"secure-bedrock-{index}"


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
    endpoint = PrivateBedrockEndpoint(made[0], "Bedrock", vpc=_vpc(made[0]), client_cidrs=[CLIENTS])
    for index, stack in _spread(roles, made):
        ScopedInvokeRole(
            stack,
            f"Role{index}",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            models=[MODEL],
            endpoints=[endpoint],
        )


@dataclass(frozen=True)
class _Plain:
    """What an app of CDK's own constructs made."""

    vpc: ec2.Vpc
    endpoint: ec2.InterfaceVpcEndpoint
    roles: list[tuple[iam.Role, iam.Policy]]


def l2(app: cdk.App, roles: int, stacks: int) -> _Plain:
    """The same with CDK's own constructs."""
    made = _stacks(app, stacks)
    vpc = _vpc(made[0])
    group = ec2.SecurityGroup(made[0], "Group", vpc=vpc, allow_all_outbound=False, description=GROUP)
    group.add_ingress_rule(ec2.Peer.ipv4(CLIENTS), ec2.Port.tcp(443), f"HTTPS from {CLIENTS}")
    endpoint = ec2.InterfaceVpcEndpoint(
        made[0],
        "Endpoint",
        vpc=vpc,
        service=ec2.InterfaceVpcEndpointAwsService("bedrock-runtime"),
        security_groups=[group],
        open=False,
    )
    written = _written(endpoint.vpc_endpoint_id)
    for statement in _statements(_admitting(written["admits"], roles)):
        endpoint.add_to_policy(statement)
    return _Plain(vpc, endpoint, [_plain_role(stack, index, written) for index, stack in _spread(roles, made)])


def _plain_role(stack: cdk.Stack, index: int, written: dict[str, Any]) -> tuple[iam.Role, iam.Policy]:
    role = iam.Role(
        stack,
        f"Role{index}",
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        role_name=_name(index),
        path=PATH,
    )
    ceiling = iam.Policy(
        stack,
        f"Ceiling{index}",
        policy_name="secure-bedrock-ceiling",
        statements=_statements(written["ceiling"]),
        roles=[role],
    )
    allow = iam.ManagedPolicy(stack, f"Allow{index}", statements=_statements(written["allow"]), roles=[role], path=PATH)
    allow.node.add_dependency(ceiling)
    return role, ceiling


def _statements(rows: list[dict[str, Any]]) -> list[iam.PolicyStatement]:
    return [iam.PolicyStatement.from_json(row) for row in rows]


def _admitting(rows: list[dict[str, Any]], roles: int) -> list[dict[str, Any]]:
    """The statements of the endpoint's policy, with every role in each, as the construct writes them."""
    arns = [f"arn:aws:iam::{ENV.account}:role{PATH}{_name(index)}" for index in range(roles)]
    named = {"ArnEquals": {"aws:PrincipalArn": arns}}
    return [{**row, "Condition": {**row["Condition"], **named}} for row in rows]


def checked(app: cdk.App, roles: int, stacks: int) -> None:
    """The same with CDK's own constructs, and what ours do beside: deviations acknowledged, later changes noticed."""
    made = l2(app, roles, stacks)
    network, endpoint = made.vpc.node.default_child, made.endpoint.node.default_child
    if not isinstance(network, ec2.CfnVPC) or not isinstance(endpoint, ec2.CfnVPCEndpoint):
        raise TypeError("CDK's own primary children")
    if network.cidr_block == CLIENTS or not (made.vpc.dns_support_enabled and made.vpc.dns_hostnames_enabled):
        raise ValueError("the clients are the whole VPC, or private DNS does not work in it")
    for _, ceiling in made.roles:
        rules = (cdk.Acknowledgment(id=rule, reason="the ceiling goes with its role") for rule in INLINE)
        cdk.Validations.of(ceiling).acknowledge(*rules)
    app.node.add_validation(_Unchanged(endpoint, made.roles))


@jsii.implements(IValidation)
class _Unchanged:
    """Nobody replaced the endpoint's policy or renamed a role."""

    def __init__(self, endpoint: ec2.CfnVPCEndpoint, roles: list[tuple[iam.Role, iam.Policy]]) -> None:
        self._endpoint = endpoint
        self._policy = cdk.Token.as_string(endpoint.policy_document)
        self._roles = roles

    def validate(self) -> list[str]:
        problems = []
        if cdk.Token.as_string(self._endpoint.policy_document) != self._policy:
            problems.append("the endpoint's policy was replaced")
        for index, (role, _) in enumerate(self._roles):
            resource = role.node.default_child
            if not isinstance(resource, iam.CfnRole) or (resource.role_name, resource.path) != (_name(index), PATH):
                problems.append(f"role {index} was renamed")
        return problems


def l1(app: cdk.App, roles: int, stacks: int) -> None:
    """The same as one generic resource each, written as they come out."""
    made = _stacks(app, stacks)
    network = json.loads((CACHE / "written.json").read_text("utf-8"))
    policy = network["network"][network["endpoint"]]["Properties"]["PolicyDocument"]
    policy["Statement"] = _admitting(policy["Statement"], roles)
    resources = {name: _raw(made[0], name, resource) for name, resource in network["network"].items()}
    written = _written(resources[network["endpoint"]].ref)["role"]
    for index, stack in _spread(roles, made):
        numbered = _numbered(written, index)
        for name, resource in numbered.items():
            _raw(stack, name, resource)


def _raw(stack: cdk.Stack, name: str, resource: dict[str, Any]) -> cdk.CfnResource:
    made = cdk.CfnResource(stack, name, type=resource["Type"], properties=resource.get("Properties", {}))
    for attribute in resource.keys() - {"Type", "Properties"}:
        made.add_override(attribute, resource[attribute])
    return made


def _numbered(written: dict[str, Any], index: int) -> dict[str, Any]:
    """Resources under names of their own, and what refers to them."""
    text = json.dumps(written)
    for name in written:
        text = text.replace(f'"{name}"', f'"{name}{index}"')
    numbered = json.loads(text)
    for resource in numbered.values():
        if "RoleName" in resource["Properties"]:
            resource["Properties"]["RoleName"] = _name(index)
    return numbered


def _written(endpoint_id: str) -> dict[str, Any]:
    """What was written down, with the id of the app's own endpoint."""
    text = (CACHE / "written.json").read_text("utf-8")
    return json.loads(text.replace(json.dumps({"Ref": json.loads(text)["endpoint"]}), json.dumps(endpoint_id)))


APPS: dict[str, Callable[[cdk.App, int, int], object]] = {
    app.__name__: app for app in (empty, reference, ours, l2, checked, l1)
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
        "admits": document("AWS::EC2::VPCEndpoint"),
        "endpoint": next(n for n, r in resources.items() if r["Type"] == "AWS::EC2::VPCEndpoint"),
    }
    (CACHE / "written.json").write_text(json.dumps(parts), encoding="utf-8")
