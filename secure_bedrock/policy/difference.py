"""What one estate allows that another does not: each as a few descriptions, as wide as they can be, with a request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy._budget import Budget, ExhaustedError
from secure_bedrock.policy._descriptions import describe
from secure_bedrock.policy._formulas import FALSE, Box, Formula, Literal, all_of, find, negation
from secure_bedrock.policy._proving import Inquiry, Prover, subjects_of
from secure_bedrock.policy._space import Attribute, Space
from secure_bedrock.policy._subjects import Subject
from secure_bedrock.policy._witnesses import candidate, shortest
from secure_bedrock.policy.document import Policy, Statement
from secure_bedrock.policy.estate import Estate
from secure_bedrock.policy.evaluation import evaluate
from secure_bedrock.policy.invariants import ANYBODY, Scope, requests
from secure_bedrock.policy.matching import CompiledStatement, compile_policy
from secure_bedrock.policy.proving import BUDGET
from secure_bedrock.policy.verdicts import Witness

#: How many descriptions are given for one principal, before "and more".
MOST = 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Access:
    """A set of requests of one principal.

    Attributes:
        principal: its ARN, or what it is called.
        description: what the requests have in common, in words; each of the others of this kind is one too.
        witness: one of them, confirmed by `evaluate` on both sides; None where that could not be done.
    """

    principal: str
    description: str
    witness: Witness | None

    def __str__(self) -> str:
        return f"{self.principal}: {self.description}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Difference:
    """What changed.

    Attributes:
        gained: what is allowed after and was not before.
        lost: the opposite.
        unsettled: why something may have been gained or lost besides; empty: what is listed is all there is.
        is_cut: whether there is more than is listed.
    """

    gained: tuple[Access, ...]
    lost: tuple[Access, ...]
    unsettled: tuple[str, ...] = ()
    is_cut: bool = False

    @property
    def nothing_new(self) -> bool:
        """Whether it is proved that nothing new is allowed."""
        return not self.gained and not self.unsettled


def diff(
    before: Estate,
    after: Estate,
    *,
    actions: Sequence[str] = ("bedrock:*", "bedrock-mantle:*", "bedrock-websearch:*", "bedrock-agentcore:*"),
    scope: Scope = ANYBODY,
    budget: int = BUDGET,
) -> Difference:
    """Compare what two estates allow.

    Args:
        before: the one.
        after: the other.
        actions: patterns of the actions that are compared. Default: Bedrock's.
        scope: whose access is compared; principals are the same where their ARNs are.
        budget: how many steps it may take.

    Raises:
        InvalidInput: for a policy that IAM would refuse.
    """
    asked = requests(actions=tuple(actions))
    (statement,) = compile_policy(Policy(statements=(asked,), name="actions"), principals=False)
    try:
        sides = _Sides(before, after, asked, scope, Budget(budget))
        gained, cut_gained, open_gained = sides.only(sides.after, sides.before, statement)
        lost, cut_lost, open_lost = sides.only(sides.before, sides.after, statement)
    except ExhaustedError as error:
        return Difference(gained=(), lost=(), unsettled=(str(error),))
    unsettled = tuple(dict.fromkeys((*open_gained, *open_lost)))
    return Difference(gained=gained, lost=lost, unsettled=unsettled, is_cut=cut_gained or cut_lost)


class _Sides:
    """Two estates in one space."""

    def __init__(self, before: Estate, after: Estate, asked: Statement, scope: Scope, budget: Budget) -> None:
        self.budget = budget
        prover = Prover(before, [asked], [scope], budget, others=(after,), more=tuple(subjects_of(after, scope)))
        self.space: Space = prover.space
        self.before = {_identity(each): prover.about(each) for each in prover.subjects(scope)}
        self.after = {_identity(each): prover.about(each) for each in prover.more}

    def only(
        self, here: dict[str, Inquiry], there: dict[str, Inquiry], statement: CompiledStatement
    ) -> tuple[tuple[Access, ...], bool, list[str]]:
        """Return what is allowed here and not there."""
        found: list[Access] = []
        unsettled: list[str] = []
        is_cut = False
        for identity, inquiry in here.items():
            other = there.get(identity)
            region = inquiry.covered(statement, maybe=True)
            surely = all_of([region, inquiry.allowed(closed=True)[0]])
            maybe = all_of([region, inquiry.allowed(closed=False)[0]])
            denied = _denied(other, closed=False)
            for box in self._boxes(surely, denied, other):
                if len(found) >= MOST:
                    is_cut = True
                    break
                found.append(self._access(inquiry, other, surely, denied, box))
            rest = all_of([maybe, _denied(other, closed=True), negation(all_of([surely, denied]))])
            if rest is not FALSE and find(rest, self.budget) is not None:
                reasons = [*inquiry.allowed(closed=False)[2], *(other.allowed(closed=False)[2] if other else ())]
                unsettled.append(f"{_shown(inquiry.subject)}: {'; '.join(dict.fromkeys(reasons)) or 'not settled'}")
        return tuple(found), is_cut, unsettled

    def _boxes(self, allowed: Formula, denied: Formula, other: Inquiry | None) -> Iterator[Box]:
        """Yield boxes that cover what is allowed here and denied there, each grown as far as that stays so."""
        left = all_of([allowed, denied])
        allowed_there = negation(denied)
        while left is not FALSE:
            box = find(left, self.budget)
            if box is None:
                return
            grown = self._grown(box, allowed, allowed_there if other else FALSE)
            yield grown
            left = all_of([left, negation(all_of(self._literals(grown)))])

    def _grown(self, box: Box, allowed: Formula, allowed_there: Formula) -> Box:
        """Drop each restriction that is not needed to stay clear of what is allowed there; conditions go first."""
        kept = dict(box)
        for number in sorted(box.keys() - {self.space.action.number}, key=self._rank):
            shorter = {each: cells for each, cells in kept.items() if each != number}
            clash = all_of([*self._literals(shorter), allowed, allowed_there])
            if clash is FALSE or find(clash, self.budget) is None:
                kept = shorter
        return self._all_actions(kept, allowed, allowed_there)

    def _all_actions(self, box: Box, allowed: Formula, allowed_there: Formula) -> Box:
        """Name every action that is new with the rest of the box."""
        action = self.space.action
        rest = {number: cells for number, cells in box.items() if number != action.number}
        new = 0
        for index in range(len(action.values)):
            here = all_of([*self._literals({**rest, action.number: 1 << index}), allowed])
            if here is FALSE or find(here, self.budget) is None:
                continue
            both = all_of([here, allowed_there])
            if both is FALSE or find(both, self.budget) is None:
                new |= 1 << index
        return {action.number: new | box.get(action.number, 0), **rest}

    def _rank(self, number: int) -> int:
        """Keys are dropped before the resource, the action last."""
        names = [self.space.action.number, *(field.number for field in self.space.fields)]
        return -names.index(number) if number in names else -len(names) - 1 - number

    def _literals(self, box: Box) -> list[Literal]:
        every = {e.number: e.every if isinstance(e, Attribute) else 3 for e in self.space.attributes}
        return [Literal(number, cells, every[number]) for number, cells in box.items()]

    def _access(self, inquiry: Inquiry, other: Inquiry | None, allowed: Formula, denied: Formula, box: Box) -> Access:
        inside = all_of([*self._literals(box), allowed, denied])
        exact = find(inside, self.budget)
        witness = None
        if exact is not None:
            exact = shortest(inside, exact, self.space, self.budget, inquiry.subject.own_tags)
            witness = _witness(inquiry, other, exact)
        return Access(principal=_shown(inquiry.subject), description=describe(self.space, box), witness=witness)


def _denied(other: Inquiry | None, *, closed: bool) -> Formula:
    return negation(other.allowed(closed=closed)[0] if other else FALSE)


def _witness(inquiry: Inquiry, other: Inquiry | None, box: Box) -> Witness | None:
    """The request, where the evaluator allows it here and denies it there."""
    try:
        found = candidate(inquiry.space, inquiry.subject, inquiry.encoding.keys, box, {})
        here = found.decision()
        if not here.allowed:
            return None
        if other is not None:
            there = candidate(inquiry.space, other.subject, other.encoding.keys, box, {})
            if evaluate(there.estate, there.request).allowed:
                return None
    except InvalidInput:
        return None
    return found.witness(here)


def _identity(subject: Subject) -> str:
    return f"any {subject.stem}" if subject.stem else subject.caller.session or subject.caller.arn


def _shown(subject: Subject) -> str:
    return f"{subject.stem}*, not in the estate" if subject.stem else subject.caller.session or subject.caller.arn
