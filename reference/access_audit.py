"""The access audit stack: who could reach in, what nobody uses, and who holds Bedrock permissions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk

from secure_bedrock import AccessAudit

if TYPE_CHECKING:
    from constructs import Construct

    from reference.audit import AuditStack
    from reference.sections.access_audit import AccessAuditConfiguration


class AccessAuditStack(cdk.Stack):
    """The audit of access of one account.

    Attributes:
        access: analyzers, report, and the way of their findings to the audit's topic.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own word
        *,
        configuration: AccessAuditConfiguration,
        audit: AuditStack,
        env: cdk.Environment,
    ) -> None:
        """Declare the audit of access."""
        super().__init__(scope, id, env=env, description="Secure Bedrock: audit of access")
        self.access = AccessAudit(
            self,
            "Access",
            audit=audit.audit,
            external_access=configuration.external_access,
            unused_access=configuration.unused_access,
            unused_access_age=configuration.unused_access_age,
            organization=configuration.organization,
        )
