"""AWS CDK constructs for one job: only authorised applications and people can call Amazon Bedrock."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from secure_bedrock.constructs._access_analyzers import ArchiveRule
    from secure_bedrock.constructs.access_audit import AccessAudit
    from secure_bedrock.constructs.audit import BedrockAuditTrail
    from secure_bedrock.constructs.audit_companion import BedrockAuditCompanion
    from secure_bedrock.constructs.endpoint import PrivateBedrockEndpoint
    from secure_bedrock.constructs.external import ExternalWorkload, ExternalWorkloadAccess
    from secure_bedrock.constructs.gateway import BedrockGateway
    from secure_bedrock.constructs.gateway_caller import GatewayCaller
    from secure_bedrock.constructs.invocation_logging import InvocationLogging
    from secure_bedrock.constructs.on_premises import OnPremisesAccess
    from secure_bedrock.constructs.organization import BedrockOrgGuardrailSCP
    from secure_bedrock.constructs.principals import MfaAccountPrincipal, RolesAnywherePrincipal
    from secure_bedrock.constructs.project import BedrockProject
    from secure_bedrock.constructs.role import ScopedInvokeRole
    from secure_bedrock.constructs.trail_source import TrailSource
    from secure_bedrock.constructs.usage_watch import UsageWatch
    from secure_bedrock.constructs.validation import SecureBedrockValidation
    from secure_bedrock.detections.detection import Detection
    from secure_bedrock.errors import InvalidInput
    from secure_bedrock.policy.actions import InvokeActions
    from secure_bedrock.policy.features import BedrockFeature
    from secure_bedrock.policy.guardrails import GuardrailVersion
    from secure_bedrock.policy.models import Model
    from secure_bedrock.policy.network import Network
    from secure_bedrock.policy.services import BedrockService

__all__ = [
    "AccessAudit",
    "ArchiveRule",
    "BedrockAuditCompanion",
    "BedrockAuditTrail",
    "BedrockFeature",
    "BedrockGateway",
    "BedrockOrgGuardrailSCP",
    "BedrockProject",
    "BedrockService",
    "Detection",
    "ExternalWorkload",
    "ExternalWorkloadAccess",
    "GatewayCaller",
    "GuardrailVersion",
    "InvalidInput",
    "InvocationLogging",
    "InvokeActions",
    "MfaAccountPrincipal",
    "Model",
    "Network",
    "OnPremisesAccess",
    "PrivateBedrockEndpoint",
    "RolesAnywherePrincipal",
    "ScopedInvokeRole",
    "SecureBedrockValidation",
    "TrailSource",
    "UsageWatch",
]

#: Where each public name lives; it is imported on first use, so that a part never pays for the rest.
_HOMES = {
    "AccessAudit": "constructs.access_audit",
    "ArchiveRule": "constructs._access_analyzers",
    "BedrockAuditCompanion": "constructs.audit_companion",
    "BedrockAuditTrail": "constructs.audit",
    "BedrockFeature": "policy.features",
    "BedrockGateway": "constructs.gateway",
    "BedrockOrgGuardrailSCP": "constructs.organization",
    "BedrockProject": "constructs.project",
    "BedrockService": "policy.services",
    "Detection": "detections.detection",
    "ExternalWorkload": "constructs.external",
    "ExternalWorkloadAccess": "constructs.external",
    "GatewayCaller": "constructs.gateway_caller",
    "GuardrailVersion": "policy.guardrails",
    "InvalidInput": "errors",
    "InvocationLogging": "constructs.invocation_logging",
    "InvokeActions": "policy.actions",
    "MfaAccountPrincipal": "constructs.principals",
    "Model": "policy.models",
    "Network": "policy.network",
    "OnPremisesAccess": "constructs.on_premises",
    "PrivateBedrockEndpoint": "constructs.endpoint",
    "RolesAnywherePrincipal": "constructs.principals",
    "ScopedInvokeRole": "constructs.role",
    "SecureBedrockValidation": "constructs.validation",
    "TrailSource": "constructs.trail_source",
    "UsageWatch": "constructs.usage_watch",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
