"""The IAM language as values, what this library writes in it, and how AWS decides by it.

Pure Python: imports neither aws_cdk nor jsii. Each name is imported on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from secure_bedrock.policy.authorisation import Authorisation, ModelKind
    from secure_bedrock.policy.calls import Call
    from secure_bedrock.policy.decision import Decision
    from secure_bedrock.policy.document import Condition, Policy, Statement
    from secure_bedrock.policy.environment import Environment
    from secure_bedrock.policy.estate import Account, Endpoint, Estate, Layer
    from secure_bedrock.policy.evaluation import evaluate
    from secure_bedrock.policy.explanation import Explanation, explain
    from secure_bedrock.policy.models import Model
    from secure_bedrock.policy.request import Principal, Request

__all__ = [
    "Account",
    "Authorisation",
    "Call",
    "Condition",
    "Decision",
    "Endpoint",
    "Environment",
    "Estate",
    "Explanation",
    "Layer",
    "Model",
    "ModelKind",
    "Policy",
    "Principal",
    "Request",
    "Statement",
    "evaluate",
    "explain",
]

_HOMES = {
    "Account": "estate",
    "Authorisation": "authorisation",
    "Call": "calls",
    "Condition": "document",
    "Decision": "decision",
    "Endpoint": "estate",
    "Environment": "environment",
    "Estate": "estate",
    "Explanation": "explanation",
    "Layer": "estate",
    "Model": "models",
    "ModelKind": "authorisation",
    "Policy": "document",
    "Principal": "request",
    "Request": "request",
    "Statement": "document",
    "evaluate": "evaluation",
    "explain": "explanation",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
