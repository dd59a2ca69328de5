"""What a proof rests on, in words."""

from __future__ import annotations

from collections.abc import Iterator

from secure_bedrock.data import table
from secure_bedrock.policy._inquiry import is_about_trust
from secure_bedrock.policy._linking import relevant
from secure_bedrock.policy._proving import Prover
from secure_bedrock.policy.invariants import Never, Scope
from secure_bedrock.policy.relations import OWN_TAGS, all_relations

_COMPLETE = "the estate holds every policy of its principals, and the control policies above its accounts"
#: What every answer about calls that work takes for granted.
ABOUT_CALLS = (
    _COMPLETE,
    "what a call does not state, such as its network and how its principal signed in, may be anything",
    "session policies are those that the call states",
    "whoever may change policies does not",
)


def assumptions_of(prover: Prover, invariant: Never) -> tuple[str, ...]:
    """Return what an answer takes for granted, in a stable order."""
    return tuple(dict.fromkeys((*_estate(prover, invariant.scope), *_trust(invariant), *guarantees(prover))))


def _trust(invariant: Never) -> Iterator[str]:
    if not any(is_about_trust(statement) for statement in invariant.statements):
        return
    scope = invariant.scope
    if scope.principals is None or scope.principals:
        yield "no role that the estate does not show trusts a principal of the estate by its name"
    if scope.unnamed or scope.outside or scope.services:
        yield "a role that neither the estate shows nor the question names trusts nobody whom the estate does not show"


def _estate(prover: Prover, scope: Scope) -> Iterator[str]:
    estate = prover.estate
    yield _COMPLETE
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
    yield "a resource whose policy the estate does not hold has none"
    yield "session policies only narrow what a session may do, so none is asked about"
    yield "sessions of GetFederationToken that no policy names are not asked about"


def guarantees(prover: Prover) -> Iterator[str]:
    """Yield what AWS guarantees about the keys that matter."""
    has_tags = any(key.startswith("aws:principaltag/") for key in prover.used)
    tags = [each for each in all_relations() if each.name == OWN_TAGS and has_tags]
    for relation in (*relevant(prover.used), *tags):
        yield f"{relation.says} ({relation.source})"
    as_of = table("authorisations")["as_of"]
    yield f"actions stand on the resource types they had on {as_of} (Service Authorization Reference)"
