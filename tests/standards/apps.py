"""`python -m tests.standards.apps FOLDER`: synthesizes what the standards are held against, and what was acknowledged.

    FOLDER/plain         nothing acknowledged: every finding of every pack
    FOLDER/acknowledged  as users have it
    FOLDER/broken        a property that no resource type has
    FOLDER/acknowledgements.json   [{"path", "rule", "reason"}, ...] of `plain`

A process of its own: the CDK does not fail `app.synth()` for findings there, and writes a report for each app.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import cdk_nag
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from cdklabs.cdk_validator_cfnguard import CfnGuardValidator

from reference.application import build
from reference.configuration import AuditConfiguration, Configuration, OrganizationConfiguration
from reference.sections.access_audit import AccessAuditConfiguration
from reference.sections.external import CertificateConfiguration, ExternalConfiguration, GithubConfiguration
from reference.sections.gateway import GatewayCallerConfiguration, GatewayConfiguration
from reference.sections.on_premises import OnPremisesConfiguration
from reference.sections.project import ProjectConfiguration
from secure_bedrock import (
    BedrockAuditTrail,
    BedrockService,
    InvokeActions,
    Network,
    PrivateBedrockEndpoint,
    ScopedInvokeRole,
)

ROOT = Path(__file__).parents[2]
PACKS = (
    cdk_nag.AwsSolutionsChecks,
    cdk_nag.NIST80053R4Checks,
    cdk_nag.NIST80053R5Checks,
    cdk_nag.PCIDSS321Checks,
    cdk_nag.HIPAASecurityChecks,
    cdk_nag.ServerlessChecks,
)
ACCOUNT, REGION = "111122223333", "eu-west-1"


class Recorder:
    """Stands for `cdk.Validations`: writes acknowledgements down, and acknowledges nothing."""

    def __init__(self, scope: Any, into: list[dict[str, str]]) -> None:
        self._scope, self._into = scope, into

    def acknowledge(self, *rules: cdk.Acknowledgment) -> None:
        path = self._scope.node.path
        self._into += [{"path": path, "rule": rule.id, "reason": rule.reason} for rule in rules]


def reference(app: cdk.App) -> None:
    """The reference app with everything that it can be configured to have."""
    build(
        app,
        Configuration(
            account=ACCOUNT,
            audit=AuditConfiguration(notify=("security@example.com",)),
            on_premises=OnPremisesConfiguration(cidrs=("10.20.0.0/16",)),
            external=ExternalConfiguration(
                certificate=CertificateConfiguration(
                    common_name="app",
                    trust_anchor=f"arn:aws:rolesanywhere:{REGION}:{ACCOUNT}:trust-anchor/"
                    "12345678-1234-1234-1234-123456789012",
                    former_users=("before",),
                ),
                github=GithubConfiguration(
                    repository="acme/app", environment="prod", owner_id="1", repository_id="2", anywhere=True
                ),
            ),
            access_audit=AccessAuditConfiguration(),
            gateway=GatewayConfiguration(
                callers=(GatewayCallerConfiguration(role="arn:aws:iam::222233334444:role/partner"),)
            ),
            team_project=ProjectConfiguration(
                cost_center="4711", monthly_budget=250, cost_anomaly=50, notify=("team@example.com",)
            ),
            organization=OrganizationConfiguration(
                account="999988887777",
                targets=("ou-ab12-12345678",),
                allowed_regions=(REGION,),
                allowed_models=("amazon.nova-*",),
                role_administrators=("arn:aws:iam::999988887777:role/deployment",),
            ),
        ),
    )


def unusual(app: cdk.App) -> None:
    """The constructs as the reference app does not have them: account and Region unknown, every action, other order."""
    stack = cdk.Stack(app, "Unusual")
    service = iam.ServicePrincipal("lambda.amazonaws.com")
    everything = InvokeActions.INFERENCE | InvokeActions.ASYNC | InvokeActions.COUNT_TOKENS | InvokeActions.BATCH
    ScopedInvokeRole(
        stack,
        "Everything",
        assumed_by=service,
        models=["eu.amazon.nova-lite-v1:0"],
        actions=everything,
        allow_api_keys=True,
        may_use_roles=["arn:aws:iam::111122223333:role/batch"],
        network=Network.ANYWHERE,
    )
    BedrockAuditTrail(stack, "Audit", notify=["security@example.com"])
    first, second = (cdk.Stack(app, name, env=cdk.Environment(account=ACCOUNT, region=REGION)) for name in "AB")
    role = ScopedInvokeRole(first, "Early", assumed_by=service, models=["amazon.nova-lite-v1:0"])
    second.add_dependency(first)
    vpc = ec2.Vpc.from_vpc_attributes(
        second,
        "Vpc",
        vpc_id="vpc-0123456789abcdef0",
        availability_zones=["eu-west-1a"],
        private_subnet_ids=["subnet-0123456789abcdef0"],
        private_subnet_route_table_ids=["rtb-0123456789abcdef0"],
    )
    services = [BedrockService.RUNTIME, BedrockService.CONTROL]
    PrivateBedrockEndpoint(second, "Late", vpc=vpc, services=services, client_cidrs=["10.0.0.0/16"]).admit(role)


def broken(app: cdk.App) -> None:
    """What CDK's own validation must see."""
    bucket = s3.CfnBucket(cdk.Stack(app, "Broken"), "Bucket")
    bucket.add_property_override("BucketNmae", "typo")


def synthesize(folder: Path, *declared: Any) -> None:
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(context=context, outdir=str(folder))
    plugins = cdk.Validations.of(app)
    for pack in PACKS:
        plugins.add_plugins(pack(app))
    plugins.add_plugins(CfnGuardValidator())
    for declare in declared:
        declare(app)
    try:
        app.synth()
    except RuntimeError as error:
        if "ValidationFailed" not in str(error):
            raise


def main(folder: Path) -> None:
    everything = (reference, unusual)
    synthesize(folder / "acknowledged", *everything)
    synthesize(folder / "broken", broken)
    made: list[dict[str, str]] = []
    acting = cdk.Validations.of
    plain = cdk.App  # the app's own plugins are registered by the real one
    cdk.Validations.of = lambda scope: acting(scope) if isinstance(scope, plain) else Recorder(scope, made)
    synthesize(folder / "plain", *everything)
    (folder / "acknowledgements.json").write_text(json.dumps(made, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
