"""The apps that the questions are about, by name.

Each function builds stacks on an app and returns what the questions may name in braces.
Principals are named by the path of their construct, so the role `Acc/App` is the principal `Acc/App`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_bedrock as bedrock
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam

from secure_bedrock import (
    BedrockFeature,
    BedrockOrgGuardrailSCP,
    BedrockService,
    GuardrailVersion,
    InvokeActions,
    MfaAccountPrincipal,
    Model,
    Network,
    PrivateBedrockEndpoint,
    ScopedInvokeRole,
)

ACCOUNT, OTHER_ACCOUNT, REGION = "111122223333", "222233334444", "eu-west-1"
LITE, PRO, EU_LITE = "amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0", "eu.amazon.nova-lite-v1:0"
EMBED = "amazon.titan-embed-text-v2:0"
GLOBAL = "global.amazon.nova-2-lite-v1:0"
PROFILE_ARN = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:application-inference-profile/abcdefghijkl"


@dataclass(frozen=True)
class Fixture:
    """An app: where it is deployed, and how it is built."""

    build: Callable[[cdk.App, cdk.Environment], None]
    region: str = REGION
    partition: str = "aws"


def _here() -> iam.AccountPrincipal:
    return iam.AccountPrincipal(ACCOUNT)


def _vpc(stack: cdk.Stack) -> ec2.IVpc:
    return ec2.Vpc(
        stack, "Vpc", availability_zones=["eu-west-1a"], nat_gateways=0, restrict_default_security_group=False
    )


def _guardrail(stack: cdk.Stack) -> bedrock.CfnGuardrail:
    return bedrock.CfnGuardrail(
        stack, "Guardrail", name="guardrail", blocked_input_messaging="no", blocked_outputs_messaging="no"
    )


def private(app: cdk.App, env: cdk.Environment) -> None:
    """An endpoint in one stack, roles that may use it in another."""
    net, acc = cdk.Stack(app, "Net", env=env), cdk.Stack(app, "Acc", env=env)
    endpoint = PrivateBedrockEndpoint(
        net, "Bedrock", vpc=_vpc(net), client_cidrs=["10.1.0.0/16"], models=[LITE], services=(BedrockService.RUNTIME,)
    )
    guardrail = _guardrail(acc)
    both = {"guardrail": guardrail, "guardrail_version": 1, "endpoints": [endpoint], "models": [EU_LITE]}
    ScopedInvokeRole(acc, "App", assumed_by=_here(), **both)
    ScopedInvokeRole(
        acc, "Narrow", assumed_by=_here(), vpc_source_ips=["10.1.2.0/24"], **{**both, "models": [EU_LITE, PRO]}
    )
    ScopedInvokeRole(acc, "Suspended", assumed_by=_here(), suspended=True, **both)
    ScopedInvokeRole(acc, "Bare", assumed_by=_here(), models=[PRO], endpoints=[endpoint])
    plain = iam.Role(acc, "Plain", assumed_by=_here())
    plain.add_to_policy(iam.PolicyStatement(actions=["bedrock:*"], resources=["*"]))
    endpoint.admit(plain)
    stranger = iam.Role(acc, "Stranger", assumed_by=_here())
    stranger.add_to_policy(iam.PolicyStatement(actions=["bedrock:*"], resources=["*"]))
    iam.Role(acc, "Powerless", assumed_by=_here())


def anywhere(app: cdk.App, env: cdk.Environment) -> None:
    """Roles without a network: nothing but the ceiling holds them."""
    acc = cdk.Stack(app, "Acc", env=env)
    free = {"assumed_by": _here(), "network": Network.ANYWHERE}
    guardrail = _guardrail(acc)
    ScopedInvokeRole(acc, "Bare", models=[LITE], **free)
    ScopedInvokeRole(acc, "Geo", models=[EU_LITE], **free)
    ScopedInvokeRole(acc, "Both", models=[EU_LITE, LITE], **free)
    ScopedInvokeRole(acc, "Global", models=[GLOBAL], **free)
    ScopedInvokeRole(acc, "Copied", models=[Model.application_profile(PROFILE_ARN, serves=[EU_LITE])], **free)
    ScopedInvokeRole(acc, "Guarded", models=[LITE], guardrail=guardrail, guardrail_version=1, **free)
    ScopedInvokeRole(
        acc, "Published", models=[EU_LITE], guardrail=guardrail,
        guardrail_version=GuardrailVersion.ANY_NUMBERED, **free,
    )  # fmt: skip
    ScopedInvokeRole(acc, "Draft", models=[LITE], guardrail=guardrail, guardrail_version=GuardrailVersion.DRAFT, **free)
    ScopedInvokeRole(
        acc,
        "Embedding",
        models=[LITE, EMBED],
        guardrail=guardrail,
        guardrail_version=1,
        **free,
    )
    ScopedInvokeRole(acc, "Keys", models=[LITE], allow_api_keys=True, **free)
    ScopedInvokeRole(
        acc, "Counter", models=[LITE], actions=InvokeActions.INFERENCE_NO_STREAM | InvokeActions.COUNT_TOKENS, **free
    )
    ScopedInvokeRole(acc, "Chained", models=[LITE], may_use_roles=[f"arn:aws:iam::{ACCOUNT}:role/batch"], **free)
    ScopedInvokeRole(acc, "Mantle", models=[Model.mantle("openai.gpt-oss-120b")], **free)
    ScopedInvokeRole(acc, "Revoked", models=[LITE], revoke_sessions_before="2026-01-01T00:00:00Z", **free)


def public(app: cdk.App, env: cdk.Environment) -> None:
    """Roles for callers with known addresses, with and without an endpoint beside."""
    acc = cdk.Stack(app, "Acc", env=env)
    addresses = ["203.0.113.0/24", "2001:db8:1::/48"]
    ScopedInvokeRole(acc, "Office", assumed_by=_here(), models=[LITE], source_ips=addresses)
    ScopedInvokeRole(acc, "Geo", assumed_by=_here(), models=[EU_LITE], source_ips=addresses)
    ScopedInvokeRole(
        acc, "Either", assumed_by=_here(), models=[LITE], source_ips=addresses,
        endpoints=["vpce-0123456789abcdef0"], vpc_source_ips=["10.1.0.0/16"],
    )  # fmt: skip
    ScopedInvokeRole(acc, "Vpc", assumed_by=_here(), models=[LITE], vpcs=["vpc-0123456789abcdef0"])


def trust(app: cdk.App, env: cdk.Environment) -> None:
    """Who may assume what."""
    acc = cdk.Stack(app, "Acc", env=env)
    free = {"models": [LITE], "network": Network.ANYWHERE}
    ScopedInvokeRole(acc, "Mfa", assumed_by=MfaAccountPrincipal(OTHER_ACCOUNT), **free)
    ScopedInvokeRole(
        acc, "Partner",
        assumed_by=iam.AccountPrincipal(OTHER_ACCOUNT).with_conditions({"StringEquals": {"sts:ExternalId": "secret"}}),
        **free,
    )  # fmt: skip
    ScopedInvokeRole(acc, "Task", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"), **free)
    ScopedInvokeRole(acc, "Function", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"), **free)


def government(app: cdk.App, env: cdk.Environment) -> None:
    """Another partition."""
    acc = cdk.Stack(app, "Acc", env=env)
    ScopedInvokeRole(acc, "App", assumed_by=_here(), models=[LITE], network=Network.ANYWHERE)


GUARDRAIL = "arn:aws:bedrock:eu-west-1:999988887777:guardrail/abcdefghijkl"


def organization(app: cdk.App, env: cdk.Environment) -> None:
    """An organisation with every guard rail, and principals of a member account."""
    org = cdk.Stack(app, "Org", env=env)
    BedrockOrgGuardrailSCP(
        org, "Rails", targets=["ou-ab12-12345678"], allowed_regions=["eu-west-1", "eu-central-1"],
        allowed_models=[EU_LITE, PRO, "anthropic.claude-*", EMBED, Model.mantle("openai.gpt-oss-120b")],
        required_guardrail={"eu-west-1": GUARDRAIL, "eu-central-1": GUARDRAIL.replace("eu-west-1", "eu-central-1")},
        required_endpoints=["vpce-0123456789abcdef0"],
        allowed_features=BedrockFeature.KNOWLEDGE_BASES | BedrockFeature.MANTLE,
        deny_marketplace=True,
        exempt_principals=["break-glass"],
        service_roles={BedrockFeature.KNOWLEDGE_BASES: [f"arn:aws:iam::{ACCOUNT}:role/knowledge"]},
        role_administrators=[f"arn:aws:iam::{ACCOUNT}:role/platform"],
        max_document_size=10240,
    )  # fmt: skip
    _members(org)


def open_organization(app: cdk.App, env: cdk.Environment) -> None:
    """An organisation with any model, global profiles and agents allowed, and nobody who administers roles."""
    org = cdk.Stack(app, "Org", env=env)
    BedrockOrgGuardrailSCP(
        org, "Rails", targets=["r-ab12"], allowed_regions=["eu-west-1"], deny_global_profiles=False,
        deny_api_keys=False, allowed_features=BedrockFeature.AGENTS,
    )  # fmt: skip
    _members(org)


def all_features(app: cdk.App, env: cdk.Environment) -> None:
    """An organisation with every feature named, and a service role."""
    org = cdk.Stack(app, "Org", env=env)
    everything = BedrockFeature(sum(feature.value for feature in BedrockFeature))
    BedrockOrgGuardrailSCP(
        org, "Rails", targets=["r-ab12"], allowed_regions=["eu-west-1"], allowed_features=everything,
        service_roles={BedrockFeature.AGENTS: [f"arn:aws:iam::{ACCOUNT}:role/agent"]},
    )  # fmt: skip
    _members(org)


def no_features(app: cdk.App, env: cdk.Environment) -> None:
    """An organisation with no feature but inference."""
    org = cdk.Stack(app, "Org", env=env)
    BedrockOrgGuardrailSCP(
        org, "Rails", targets=["r-ab12"], allowed_regions=["eu-west-1"], allowed_features=BedrockFeature.NONE
    )
    _members(org)


def _members(stack: cdk.Stack) -> None:
    everything = iam.PolicyStatement(actions=["*"], resources=["*"])
    for name, path in {
        "administrator": "/", "break-glass": "/secure-bedrock/", "knowledge": "/", "agent": "/", "platform": "/",
        "secure-bedrock-audit-logging": "/secure-bedrock/", "application": "/secure-bedrock/",
    }.items():  # fmt: skip
        role = iam.Role(stack, name, role_name=name, path=path, assumed_by=_here())
        role.add_to_policy(everything)


#: Apps of the other constructs stand in modules beside this one, `apps_*.py`, each with an `APPS` of its own.
APPS = {
    "private": Fixture(private),
    "anywhere": Fixture(anywhere),
    "public": Fixture(public),
    "trust": Fixture(trust),
    "government": Fixture(government, region="us-gov-west-1", partition="aws-us-gov"),
    "organization": Fixture(organization),
    "open-organization": Fixture(open_organization),
    "all-features": Fixture(all_features),
    "no-features": Fixture(no_features),
}
