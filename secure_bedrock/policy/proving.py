"""Whether an invariant holds for all requests there can be, through all layers of policies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from secure_bedrock.policy._assumptions import ABOUT_CALLS, assumptions_of
from secure_bedrock.policy._budget import Budget, ExhaustedError
from secure_bedrock.policy._inquiry import Answer
from secure_bedrock.policy._proving import Prover
from secure_bedrock.policy._searching import search
from secure_bedrock.policy._working import circumstances
from secure_bedrock.policy.decision import Decision
from secure_bedrock.policy.document import Policy
from secure_bedrock.policy.estate import Estate
from secure_bedrock.policy.evaluation import evaluate
from secure_bedrock.policy.invariants import Invariant, Never, Works
from secure_bedrock.policy.matching import CompiledStatement, compile_policy
from secure_bedrock.policy.verdicts import Proved, Refuted, Unknown, Witness

#: Steps for all invariants asked together; seconds, in the worst case.
BUDGET = 10_000_000


def prove(estate: Estate, invariant: Invariant, *, budget: int = BUDGET) -> Proved | Refuted | Unknown:
    """Show that an invariant holds for every request, or one request that breaks it.

    Args:
        estate: the principals and the policies around them.
        invariant: what is to hold.
        budget: how many steps it may take; more end in `Unknown`.

    Raises:
        InvalidInput: for a policy or an invariant that IAM would refuse.
    """
    return prove_all(estate, (invariant,), budget=budget)[0]


def prove_all(
    estate: Estate, invariants: Sequence[Invariant], *, budget: int = BUDGET
) -> tuple[Proved | Refuted | Unknown, ...]:
    """Answer several invariants, which costs little more than one of them. Each has the whole budget."""
    asked = [each for each in invariants if isinstance(each, Never)]
    try:
        prover = Prover(
            estate,
            [statement for each in asked for statement in each.statements],
            [each.scope for each in asked],
            Budget(budget),
        )
    except ExhaustedError as error:
        return tuple(Unknown(name=each.name, holds_for_named=None, reason=str(error)) for each in invariants)
    return tuple(
        _never(prover, each, budget) if isinstance(each, Never) else _works(estate, each, budget) for each in invariants
    )


def _works(estate: Estate, invariant: Works, budget: int) -> Proved | Refuted | Unknown:
    examples: list[Decision] = []
    assumptions = dict.fromkeys(ABOUT_CALLS)
    for call in invariant.calls:
        found = circumstances(estate, call, Budget(budget))
        assumptions |= dict.fromkeys(found.assumptions)
        if found.decision is not None:
            examples.append(found.decision)
            continue
        witness = Witness(request=call, decision=evaluate(estate, call), estate=estate)
        rest = tuple(assumptions)
        if found.reason:
            return Unknown(
                name=invariant.name, holds_for_named=None, reason=found.reason, witness=witness, assumptions=rest
            )  # fmt: skip
        return Refuted(name=invariant.name, holds_for_named=False, witness=witness, assumptions=rest)
    return Proved(
        name=invariant.name, holds_for_named=True, examples=tuple(examples),
        vacuous="" if examples else "no calls are declared", assumptions=tuple(assumptions),
    )  # fmt: skip


def _never(prover: Prover, invariant: Never, budget: int) -> Proved | Refuted | Unknown:
    prover.budget.left = budget
    statements = compile_policy(Policy(statements=invariant.statements, name=invariant.name), principals=False)
    try:
        found = _answer(prover, invariant, statements)
        return replace(found, assumptions=assumptions_of(prover, invariant))
    except ExhaustedError as error:
        return Unknown(name=invariant.name, holds_for_named=None, reason=str(error))


def _answer(prover: Prover, invariant: Never, statements: tuple[CompiledStatement, ...]) -> Proved | Refuted | Unknown:
    unsettled: Answer | None = None
    is_named_settled: bool = True
    is_used = False
    for subject in prover.subjects(invariant.scope):
        inquiry = prover.about(subject)
        for statement in statements:
            can_use = is_used or inquiry.can_use(statement)
            answer = search(prover, subject, statement) if can_use else Answer()
            if answer.witness is None and not answer.reason:
                answer = inquiry.trusted(statement)
            is_used = can_use or bool(answer.reason)
            if answer.witness is not None:
                holds = False if subject.is_named else (True if is_named_settled else None)
                return Refuted(name=invariant.name, holds_for_named=holds, witness=answer.witness)
            if answer.reason:
                unsettled = unsettled or answer
                is_named_settled = is_named_settled and not subject.is_named
    if unsettled is not None:
        holds = True if is_named_settled else None
        return Unknown(
            name=invariant.name, holds_for_named=holds, reason=unsettled.reason, witness=unsettled.possible
        )  # fmt: skip
    return Proved(name=invariant.name, holds_for_named=True, vacuous=_vacuous(prover, invariant, statements, is_used))


def _vacuous(prover: Prover, invariant: Never, statements: tuple[CompiledStatement, ...], is_used: bool) -> str:  # noqa: FBT001
    """Why a proof says little."""
    inquiries = [prover.about(subject) for subject in prover.subjects(invariant.scope)]
    if not any(inquiry.is_possible(statement) for inquiry in inquiries for statement in statements):
        return "no such request can be made"
    return "" if is_used else "nobody asked about may use these actions at all"
