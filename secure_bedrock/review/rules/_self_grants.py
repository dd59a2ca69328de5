"""Principals that cannot use every model yet, and can give themselves the policy that lets them."""

from __future__ import annotations

from collections.abc import Iterator

from secure_bedrock.policy.bedrock_invariants import INFERENCE
from secure_bedrock.policy.document import Policy, Statement
from secure_bedrock.policy.invariants import Never, Scope, requests
from secure_bedrock.policy.request import Principal
from secure_bedrock.policy.verdicts import Witness
from secure_bedrock.review.checking import Facts, Question, condition, covered, may
from secure_bedrock.review.report import Finding, Rule

_VERSIONS = ("iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion")
_EVERY_MODEL = {"*", "foundation-model/*"}


def self_grants(facts: Facts, rule: Rule) -> Iterator[Question]:
    """Yield whether principals can write, attach or rewrite a policy of their own; scoped roles have their own rule."""
    for name, principal in facts.estate.principals.items():
        has_all = any(set(row.models) & _EVERY_MODEL for row in facts.invokers.get(name, ()))
        if name in facts.scoped or has_all or _ends_at(principal.boundary):
            continue
        claims = tuple(claim for claim in _claims(facts, principal) if may(principal, *claim.actions))
        if claims:
            yield _ask(facts, rule, name, claims)


def _ends_at(boundary: Policy | None) -> bool:
    """Whether a boundary allows no inference: then no policy of its own does."""
    statements = boundary.statements if boundary else ()
    return boundary is not None and not any(each.effect == "Allow" and covered(each, INFERENCE) for each in statements)


def _claims(facts: Facts, principal: Principal) -> Iterator[Statement]:
    kind = "User" if ":user/" in principal.arn else "Role"
    bare = () if principal.boundary else (condition("Null", "iam:PermissionsBoundary", "true"),)
    widest = f"arn:{principal.arn.split(':')[1]}:iam::aws:policy/AdministratorAccess"
    yield requests(actions=(f"iam:Put{kind}Policy",), resources=(principal.arn,), conditions=bare)
    attached = condition("ArnEquals", "iam:PolicyARN", widest)
    yield requests(actions=(f"iam:Attach{kind}Policy",), resources=(principal.arn,), conditions=(*bare, attached))
    parts = facts.reading.parts
    managed = tuple(arn for arn in parts.holders[principal.arn].managed if arn in parts.policies)
    if managed:
        yield requests(actions=_VERSIONS, resources=managed)


def _ask(facts: Facts, rule: Rule, name: str, claims: tuple[Statement, ...]) -> Question:
    source = facts.source_of(name)

    def finding(witness: Witness) -> Finding:
        action = witness.decision.request.action
        return Finding(
            rule=rule, message=f"{name} can give itself every model by {action}", resource=name, source=source,
            fix=f"take {action} on itself from {name}, or give it a boundary without Bedrock", witness=witness,
        )  # fmt: skip

    return Question(
        rule=rule, finding=finding, message=f"whether {name} can give itself models", source=source,
        claim=Never(name=f"{rule.id} {name}", statements=claims, scope=Scope(principals=(name,))),
    )  # fmt: skip
