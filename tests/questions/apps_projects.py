"""Two teams' projects over the same models, side by side in one account."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from secure_bedrock import BedrockOrgGuardrailSCP, BedrockProject, Network, ScopedInvokeRole
from tests.questions.apps import ACCOUNT, EU_LITE, LITE, PRO, Fixture


def _here() -> iam.PrincipalBase:
    return iam.AccountPrincipal(ACCOUNT)


def _project(stack: cdk.Stack, id: str, **given: object) -> BedrockProject:  # noqa: A002 - CDK's own word
    named = {"project": id.lower(), "team": "search", "cost_center": "4711", "models": [EU_LITE, PRO]}
    return BedrockProject(stack, id, **{**named, **given})


def projects(app: cdk.App, env: cdk.Environment) -> None:
    """Chat and Search with roles from anywhere: nothing but the ceiling holds them; a suspended and a revoked one."""
    acc = cdk.Stack(app, "Acc", env=env)
    free = {"assumed_by": _here(), "network": Network.ANYWHERE}
    chat, search = _project(acc, "Chat"), _project(acc, "Search")
    chat.add_role("App", **free)
    chat.add_role("Tagged", **{**free, "assumed_by": _here().with_session_tags()})
    chat.add_role("Chained", **free, may_use_roles=[f"arn:aws:iam::{ACCOUNT}:role/batch"])
    search.add_role("App", **free)
    _project(acc, "Stopped", suspended=True).add_role("App", **free)
    _project(acc, "Cut", revoke_sessions_before="2026-01-01T00:00:00Z").add_role("App", **free)
    ScopedInvokeRole(acc, "Plain", models=[LITE], **free)


def protected(app: cdk.App, env: cdk.Environment) -> None:
    """The same with an organisation that names who administers roles, and principals who may do everything."""
    acc = cdk.Stack(app, "Acc", env=env)
    BedrockOrgGuardrailSCP(
        acc, "Rails", targets=["r-ab12"], allowed_regions=["eu-west-1", "eu-central-1"],
        role_administrators=[f"arn:aws:iam::{ACCOUNT}:role/platform"],
    )  # fmt: skip
    _project(acc, "Chat").add_role("App", assumed_by=_here(), network=Network.ANYWHERE)
    for name in ("administrator", "platform"):
        role = iam.Role(acc, name, role_name=name, assumed_by=_here())
        role.add_to_policy(iam.PolicyStatement(actions=["*"], resources=["*"]))


APPS = {"projects": Fixture(projects), "protected-projects": Fixture(protected)}
