"""The templates that are priced: the reference app with everything switched on, and the audit in its variants."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_logs as logs

from reference.application import build
from reference.configuration import AuditConfiguration, Configuration, OrganizationConfiguration
from reference.sections.access_audit import AccessAuditConfiguration
from reference.sections.external import ExternalConfiguration, GithubConfiguration
from reference.sections.gateway import GatewayCallerConfiguration, GatewayConfiguration
from reference.sections.on_premises import OnPremisesConfiguration
from reference.sections.project import ProjectConfiguration
from secure_bedrock import BedrockAuditTrail, Detection, InvocationLogging, TrailSource, UsageWatch

#: The prices are this Region's.
_REGION, _ACCOUNT = "us-east-1", "111122223333"
_PARTNER = "arn:aws:iam::222233334444:role/partner"
_TOLD = ("security@example.com",)
EVERYTHING = Configuration(
    account=_ACCOUNT,
    region=_REGION,
    models=("us.amazon.nova-lite-v1:0",),
    organization=OrganizationConfiguration(
        account="999988887777", targets=("r-ab12",), allowed_regions=(_REGION,), allowed_models=("amazon.nova-*",)
    ),
    audit=AuditConfiguration(notify=_TOLD, monthly_budget=1000),
    access_audit=AccessAuditConfiguration(),
    team_project=ProjectConfiguration(cost_center="4711", monthly_budget=250, notify=_TOLD),
    gateway=GatewayConfiguration(callers=(GatewayCallerConfiguration(role=_PARTNER),)),
    on_premises=OnPremisesConfiguration(cidrs=("10.20.0.0/16",)),
    external=ExternalConfiguration(
        github=GithubConfiguration(
            repository="acme/app", environment="prod", owner_id="1", repository_id="2", anywhere=True
        )
    ),
)
#: What is normal, said, so that every variant has the same detections.
_NORMAL: dict[str, Any] = {
    "approved_regions": [_REGION],
    "approved_endpoints": ["vpce-0123456789abcdef0"],
    "approved_models": ["us.amazon.nova-lite-v1:0"],
    "watched_security_groups": ["sg-0123456789abcdef0"],
    "watched_roles": ["secure-bedrock-App"],
    "notify": list(_TOLD),
}


def reference() -> dict[str, dict[str, Any]]:
    """Return the reference app's templates by stack, its feature flags those of cdk.json."""
    context = json.loads((Path(__file__).parents[2] / "cdk.json").read_text("utf-8"))["context"]
    app = cdk.App(context=context)
    build(app, EVERYTHING)
    return {stack.stack_name.removeprefix("secure-bedrock-"): stack.template for stack in app.synth().stacks}


def audits() -> dict[str, dict[str, Any]]:
    """Return the audit's templates, by how it is declared; each in an account of its own, as their names are one."""
    app, names = cdk.App(), {}
    for number, (said, options) in enumerate(_variants().items()):
        env = cdk.Environment(account=f"{number:012}", region=_REGION)
        stack = cdk.Stack(app, f"audit-{number}", env=env)
        given = {**_NORMAL, "invocation_logging": InvocationLogging(), **options}
        if said.startswith("trail="):
            group = logs.LogGroup.from_log_group_name(stack, "Existing", "trail")
            source = TrailSource.existing(log_group=group, network_activity_events=True, data_events=True)
            given |= {"trail": source, "approved_accounts": [_ACCOUNT]}
        BedrockAuditTrail(stack, "Audit", **given)
        names[stack.stack_name] = said
    return {names[stack.stack_name]: stack.template for stack in app.synth().stacks}


def _variants() -> dict[str, dict[str, Any]]:
    return {
        "BedrockAuditTrail(invocation_logging=InvocationLogging(), ...)": {},
        "trail=TrailSource.existing(...)": {},
        "invocation_logging=None": {"invocation_logging": None},
        "network_activity_events=False": {"network_activity_events": False},
        "retention=RetentionDays.THREE_MONTHS": {"retention": logs.RetentionDays.THREE_MONTHS},
        "dashboard=False": {"dashboard": False},
        "usage=UsageWatch(unusual_tokens=False)": {"usage": UsageWatch(unusual_tokens=False)},
        "usage=UsageWatch(tokens_by_role=...), for each role": {"usage": UsageWatch(tokens_by_role=1000)},
        'detections=Detection.named("D01", "D09", "D19", "D34")': {
            "detections": Detection.named("D01", "D09", "D19", "D34")
        },
    }
