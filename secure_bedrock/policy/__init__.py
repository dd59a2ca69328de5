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
    from secure_bedrock.policy.difference import Access, Difference, diff
    from secure_bedrock.policy.document import Condition, Policy, Statement
    from secure_bedrock.policy.environment import Environment
    from secure_bedrock.policy.estate import Account, Endpoint, Estate, Layer
    from secure_bedrock.policy.evaluation import evaluate
    from secure_bedrock.policy.explanation import Explanation, explain
    from secure_bedrock.policy.invariants import ANYBODY, Invariant, Never, Scope, Works, requests
    from secure_bedrock.policy.models import Model
    from secure_bedrock.policy.proving import prove, prove_all
    from secure_bedrock.policy.relations import Relation, all_relations
    from secure_bedrock.policy.request import Principal, Request
    from secure_bedrock.policy.verdicts import Proved, Refuted, Unknown, Witness

__all__ = [
    "ANYBODY",
    "Access",
    "Account",
    "Authorisation",
    "Call",
    "Condition",
    "Decision",
    "Difference",
    "Endpoint",
    "Environment",
    "Estate",
    "Explanation",
    "Invariant",
    "Layer",
    "Model",
    "ModelKind",
    "Never",
    "Policy",
    "Principal",
    "Proved",
    "Refuted",
    "Relation",
    "Request",
    "Scope",
    "Statement",
    "Unknown",
    "Witness",
    "Works",
    "all_relations",
    "diff",
    "evaluate",
    "explain",
    "prove",
    "prove_all",
    "requests",
]

_HOMES = {
    "ANYBODY": "invariants",
    "Access": "difference",
    "Account": "estate",
    "Authorisation": "authorisation",
    "Call": "calls",
    "Condition": "document",
    "Decision": "decision",
    "Difference": "difference",
    "Endpoint": "estate",
    "Environment": "environment",
    "Estate": "estate",
    "Explanation": "explanation",
    "Invariant": "invariants",
    "Layer": "estate",
    "Model": "models",
    "ModelKind": "authorisation",
    "Never": "invariants",
    "Policy": "document",
    "Principal": "request",
    "Proved": "verdicts",
    "Refuted": "verdicts",
    "Relation": "relations",
    "Request": "request",
    "Scope": "invariants",
    "Statement": "document",
    "Unknown": "verdicts",
    "Witness": "verdicts",
    "Works": "invariants",
    "all_relations": "relations",
    "diff": "difference",
    "evaluate": "evaluation",
    "explain": "explanation",
    "prove": "proving",
    "prove_all": "proving",
    "requests": "invariants",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
