"""What a proof rests on, in words."""

from __future__ import annotations

from collections.abc import Iterator

from secure_bedrock.data import table
from secure_bedrock.policy._linking import relevant
from secure_bedrock.policy._proving import Prover
from secure_bedrock.policy.invariants import Scope


def assumptions_of(prover: Prover, scope: Scope) -> tuple[str, ...]:
    """Return what an answer about some principals takes for granted, in a stable order."""
    return tuple(dict.fromkeys((*_estate(prover, scope), *_guarantees(prover))))


def _estate(prover: Prover, scope: Scope) -> Iterator[str]:
    estate = prover.estate
    yield "the estate holds every policy of its principals, and the control policies above its accounts"
    if scope.unnamed:
        yield "whoever the estate does not show has policies of their own that allow everything"
        if estate.management_account and estate.management_account not in estate.own_accounts:
            yield f"nobody is asked about in the management account {estate.management_account}, which no SCP reaches"
    elif not scope.outside:
        yield "only the principals of the estate are asked about"
    if "aws:sourcevpce" in prover.used:
        yield "a VPC endpoint that the estate does not hold has no policy, so full access"
    if not estate.organization_id and prover.vocabulary.uses("aws:principalorgid"):
        yield "the estate does not say in which organisation its accounts are; they may be in any"
    yield "session policies only narrow what a session may do, so none is asked about"
    yield "sessions of GetFederationToken are not asked about"


def _guarantees(prover: Prover) -> Iterator[str]:
    for relation in relevant(prover.used):
        yield f"{relation.says} ({relation.source})"
    as_of = table("authorisations")["as_of"]
    yield f"actions stand on the resource types they had on {as_of} (Service Authorization Reference)"
