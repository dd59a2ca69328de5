"""`python -m tests.standards.apps FOLDER`: synthesizes what the standards are held against, and what was acknowledged.

    FOLDER/plain         nothing acknowledged: every finding of every pack
    FOLDER/acknowledged  as users have it
    FOLDER/broken        a property that no resource type has
    FOLDER/acknowledgements.json   [{"path", "rule", "reason"}, ...] of `plain`
    FOLDER/constructs.json         {"reference": [...], "unusual": [...]}: the public constructs that each of them has

A process of its own: the CDK does not fail `app.synth()` for findings there, and writes a report for each app.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import cdk_nag
from aws_cdk import aws_s3 as s3
from cdklabs.cdk_validator_cfnguard import CfnGuardValidator
from constructs import Construct

import secure_bedrock
from reference.application import build
from reference.configuration import AuditConfiguration, Configuration, OrganizationConfiguration
from reference.sections.access_audit import AccessAuditConfiguration
from reference.sections.external import CertificateConfiguration, ExternalConfiguration, GithubConfiguration
from reference.sections.gateway import GatewayCallerConfiguration, GatewayConfiguration
from reference.sections.on_premises import OnPremisesConfiguration
from reference.sections.project import ProjectConfiguration
from tests.standards.unusual import ACCOUNT, REGION, unusual

ROOT = Path(__file__).parents[2]
PACKS = (
    cdk_nag.AwsSolutionsChecks,
    cdk_nag.NIST80053R4Checks,
    cdk_nag.NIST80053R5Checks,
    cdk_nag.PCIDSS321Checks,
    cdk_nag.HIPAASecurityChecks,
    cdk_nag.ServerlessChecks,
)


class Recorder:
    """Stands for `cdk.Validations`: writes acknowledgements down, and acknowledges nothing."""

    def __init__(self, scope: Any, into: list[dict[str, str]]) -> None:
        self._scope, self._into = scope, into

    def acknowledge(self, *rules: cdk.Acknowledgment) -> None:
        path = self._scope.node.path
        self._into += [{"path": path, "rule": rule.id, "reason": rule.reason} for rule in rules]


def everything_configured() -> Configuration:
    """All that the reference app can be configured to have."""
    return Configuration(
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
    )


def reference(app: cdk.App) -> None:
    """The reference app with all of it."""
    build(app, everything_configured())


def broken(app: cdk.App) -> None:
    """What CDK's own validation must see."""
    bucket = s3.CfnBucket(cdk.Stack(app, "Broken"), "Bucket")
    bucket.add_property_override("BucketNmae", "typo")


def public_constructs() -> dict[str, type[Construct]]:
    """The library's public constructs by their names."""
    everything = {name: getattr(secure_bedrock, name) for name in secure_bedrock.__all__}
    return {name: each for name, each in everything.items() if isinstance(each, type) and issubclass(each, Construct)}


def synthesize(folder: Path, *declared: Callable[[cdk.App], None]) -> dict[str, list[str]]:
    """Synthesize an app into a folder, and return which public constructs each function declared."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(context=context, outdir=str(folder))
    plugins = cdk.Validations.of(app)
    for pack in PACKS:
        plugins.add_plugins(pack(app))
    plugins.add_plugins(CfnGuardValidator())
    made = {}
    for declare in declared:
        before = {child.node.id for child in app.node.children}
        declare(app)
        stacks = [child for child in app.node.children if child.node.id not in before]
        found = [each for stack in stacks for each in stack.node.find_all()]
        made[declare.__name__] = [
            name for name, kind in public_constructs().items() if any(isinstance(each, kind) for each in found)
        ]
    try:
        app.synth()
    except RuntimeError as error:
        if "ValidationFailed" not in str(error):
            raise
    return made


def main(folder: Path) -> None:
    everything = (reference, unusual)
    had = synthesize(folder / "acknowledged", *everything)
    (folder / "constructs.json").write_text(json.dumps(had))
    synthesize(folder / "broken", broken)
    made: list[dict[str, str]] = []
    acting = cdk.Validations.of
    plain = cdk.App  # the app's own plugins are registered by the real one
    cdk.Validations.of = lambda scope: acting(scope) if isinstance(scope, plain) else Recorder(scope, made)
    synthesize(folder / "plain", *everything)
    (folder / "acknowledgements.json").write_text(json.dumps(made, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
