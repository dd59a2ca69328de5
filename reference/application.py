"""The reference deployment as one function of a configuration.

A section's stack is imported where the section is given: its constructs, and the modules of the CDK they load, cost
those who leave it out a third of a second a synth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import aws_cdk as cdk

from reference.access import AccessStack
from reference.configuration import (
    AuditConfiguration,
    Configuration,
    OrganizationConfiguration,
    named_by_context_key,
)
from reference.network import NetworkStack
from reference.sections.access_audit import AccessAuditConfiguration
from reference.sections.external import ExternalConfiguration
from reference.sections.gateway import GatewayConfiguration
from reference.sections.on_premises import OnPremisesConfiguration
from reference.sections.project import ProjectConfiguration

if TYPE_CHECKING:
    from constructs import Construct

    from reference.access_audit import AccessAuditStack
    from reference.audit import AuditCompanionStack, AuditStack
    from reference.external import ExternalStack
    from reference.gateway import GatewayStack
    from reference.on_premises import OnPremisesStack
    from reference.organization import OrganizationStack
    from reference.project import ProjectStack


@dataclass(frozen=True)
class Deployment:
    """The stacks of a deployment."""

    network: NetworkStack
    access: AccessStack
    organization: OrganizationStack | None = None
    audit: AuditStack | None = None
    audit_companion: AuditCompanionStack | None = None
    on_premises: OnPremisesStack | None = None
    external: ExternalStack | None = None
    project: ProjectStack | None = None
    access_audit: AccessAuditStack | None = None
    gateway: GatewayStack | None = None


def build(scope: Construct, configuration: Configuration) -> Deployment:
    """Declare the reference deployment's stacks in an app or a stage.

    Raises:
        InvalidInput: for a value the constructs refuse, the context key first.
    """
    env = cdk.Environment(account=configuration.account, region=configuration.region)
    network = NetworkStack(scope, "secure-bedrock-network", configuration=configuration, env=env)
    with named_by_context_key(Configuration):
        access = AccessStack(scope, "secure-bedrock-access", configuration=configuration, network=network, env=env)
    audit = _audit(scope, configuration, env)
    on_premises = _on_premises(scope, configuration, network, env)
    return Deployment(
        network=network,
        access=access,
        organization=_organization(scope, configuration),
        audit=audit,
        audit_companion=_audit_companion(scope, configuration),
        on_premises=on_premises,
        external=_external(scope, configuration, network=network, access=access, on_premises=on_premises),
        project=_project(scope, configuration, network, access),
        access_audit=_access_audit(scope, configuration, audit, env),
        gateway=_gateway(scope, configuration, network=network, access=access, audit=audit),
    )


def _organization(scope: Construct, configuration: Configuration) -> OrganizationStack | None:
    declared = configuration.organization
    if declared is None:
        return None
    from reference.organization import OrganizationStack  # noqa: PLC0415 - only who has the section pays for it

    env = cdk.Environment(account=declared.account, region=declared.region)
    with named_by_context_key(OrganizationConfiguration, under="organization."):
        return OrganizationStack(scope, "secure-bedrock-organization", configuration=declared, env=env)


def _audit(scope: Construct, configuration: Configuration, env: cdk.Environment) -> AuditStack | None:
    if configuration.audit is None:
        return None
    from reference.audit import AuditStack  # noqa: PLC0415 - only who has the section pays for it

    with named_by_context_key(AuditConfiguration, under="audit."):
        return AuditStack(scope, "secure-bedrock-audit", configuration=configuration.audit, env=env)


def _audit_companion(scope: Construct, configuration: Configuration) -> AuditCompanionStack | None:
    audit, region = configuration.audit, configuration.region
    if audit is None or not audit.global_events or region is None:
        return None
    from reference.audit import AuditCompanionStack  # noqa: PLC0415 - only who has the section pays for it
    from secure_bedrock import BedrockAuditCompanion  # noqa: PLC0415 - only who has the section pays for it

    if not BedrockAuditCompanion.is_needed(region):
        return None
    env = BedrockAuditCompanion.environment(configuration.account, region)
    return AuditCompanionStack(
        scope, "secure-bedrock-audit-companion", configuration=audit, home_region=region, env=env
    )


def _on_premises(
    scope: Construct, configuration: Configuration, network: NetworkStack, env: cdk.Environment
) -> OnPremisesStack | None:
    declared = configuration.on_premises
    if declared is None:
        return None
    from reference.on_premises import OnPremisesStack  # noqa: PLC0415 - only who has the section pays for it

    with named_by_context_key(OnPremisesConfiguration, under="on_premises."):
        return OnPremisesStack(scope, "secure-bedrock-on-premises", configuration=declared, network=network, env=env)


def _external(
    scope: Construct,
    configuration: Configuration,
    *,
    network: NetworkStack,
    access: AccessStack,
    on_premises: OnPremisesStack | None,
) -> ExternalStack | None:
    declared = configuration.external
    if declared is None:
        return None
    from reference.external import ExternalStack  # noqa: PLC0415 - only who has the section pays for it

    with named_by_context_key(ExternalConfiguration, under="external."):
        return ExternalStack(
            scope,
            "secure-bedrock-external",
            configuration=configuration,
            declared=declared,
            network=network,
            access=access,
            on_premises=on_premises,
            env=cdk.Environment(account=configuration.account, region=configuration.region),
        )


def _project(
    scope: Construct, configuration: Configuration, network: NetworkStack, access: AccessStack
) -> ProjectStack | None:
    declared = configuration.team_project
    if declared is None:
        return None
    from reference.project import ProjectStack  # noqa: PLC0415 - only who has the section pays for it

    env = cdk.Environment(account=configuration.account, region=configuration.region)
    with named_by_context_key(Configuration), named_by_context_key(ProjectConfiguration, under="team_project."):
        return ProjectStack(
            scope,
            "secure-bedrock-project",
            configuration=configuration,
            declared=declared,
            network=network,
            access=access,
            env=env,
        )


def _gateway(
    scope: Construct,
    configuration: Configuration,
    *,
    network: NetworkStack,
    access: AccessStack,
    audit: AuditStack | None,
) -> GatewayStack | None:
    declared = configuration.gateway
    if declared is None:
        return None
    from reference.gateway import GatewayStack  # noqa: PLC0415 - only who has the section pays for it

    with named_by_context_key(GatewayConfiguration, under="gateway."):
        return GatewayStack(
            scope,
            "secure-bedrock-gateway",
            configuration=configuration,
            declared=declared,
            network=network,
            access=access,
            audit=audit,
            env=cdk.Environment(account=configuration.account, region=configuration.region),
        )


def _access_audit(
    scope: Construct, configuration: Configuration, audit: AuditStack | None, env: cdk.Environment
) -> AccessAuditStack | None:
    declared = configuration.access_audit
    if declared is None or audit is None:
        return None
    from reference.access_audit import AccessAuditStack  # noqa: PLC0415 - only who has the section pays for it

    with named_by_context_key(AccessAuditConfiguration, under="access_audit."):
        return AccessAuditStack(scope, "secure-bedrock-access-audit", configuration=declared, audit=audit, env=env)
