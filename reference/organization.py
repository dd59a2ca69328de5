"""The organisation stack: service control policies, deployed by the organisation's own deployment account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk

from secure_bedrock import BedrockOrgGuardrailSCP

if TYPE_CHECKING:
    from constructs import Construct

    from reference.configuration import OrganizationConfiguration


class OrganizationStack(cdk.Stack):
    """The guard rails of the organisation.

    It belongs into the management account, or the account that Organizations has delegated policies to:
    never into an account that runs applications.

    Attributes:
        rails: the policies.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own word
        *,
        configuration: OrganizationConfiguration,
        env: cdk.Environment,
    ) -> None:
        """Declare the guard rails."""
        super().__init__(scope, id, env=env, description="Secure Bedrock: guard rails of the organisation")
        self.rails = BedrockOrgGuardrailSCP(
            self,
            "GuardRails",
            targets=configuration.targets,
            allowed_regions=configuration.allowed_regions,
            allowed_models=configuration.allowed_models,
            deny_marketplace=configuration.deny_marketplace,
            exempt_principals=configuration.exempt_principals,
            role_administrators=configuration.role_administrators,
            max_document_size=configuration.max_document_size,
            max_policies=configuration.max_policies,
        )
