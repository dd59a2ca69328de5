"""The audit stack: every call on record, alarms, and prompts and answers in a log of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk

from secure_bedrock import BedrockAuditCompanion, BedrockAuditTrail, InvocationLogging, TrailSource, UsageWatch

if TYPE_CHECKING:
    from constructs import Construct

    from reference.configuration import AuditConfiguration


class AuditStack(cdk.Stack):
    """The audit of one account, over all its Regions.

    Attributes:
        audit: trail, stores, alarms, topic.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own word
        *,
        configuration: AuditConfiguration,
        env: cdk.Environment,
    ) -> None:
        """Declare the audit."""
        super().__init__(scope, id, env=env, description="Secure Bedrock: audit")
        self.audit = BedrockAuditTrail(
            self,
            "Audit",
            trail=TrailSource.new(object_lock_days=configuration.object_lock_days),
            notify=configuration.notify,
            calls_threshold=configuration.calls_threshold,
            usage=UsageWatch(tokens_by_role=configuration.tokens_by_role, monthly_budget=configuration.monthly_budget),
            expected_principals=configuration.expected_principals,
            invocation_logging=InvocationLogging() if configuration.invocation_logging else None,
        )


class AuditCompanionStack(cdk.Stack):
    """What global services report in their Region, sent on to the audit."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own word
        *,
        configuration: AuditConfiguration,
        home_region: str,
        env: cdk.Environment,
    ) -> None:
        """Declare the companion of the audit in another Region."""
        super().__init__(scope, id, env=env, description="Secure Bedrock: audit, events of global services")
        self.companion = BedrockAuditCompanion(self, "Companion", home_region=home_region, notify=configuration.notify)
