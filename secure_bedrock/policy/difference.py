"""What one estate allows that another does not: each as a few descriptions, as wide as they can be, with a request.

A description is about the principal's requests that are allowed on the one side: it says what those have in common that
the other side lacks, and leaves out what both require.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy._budget import Budget, ExhaustedError
from secure_bedrock.policy._descriptions import Words
from secure_bedrock.policy._formulas import FALSE, Box, Formula, all_of, find, negation
from secure_bedrock.policy._growing import Growing
from secure_bedrock.policy._inquiry import Inquiry
from secure_bedrock.policy._proving import Prover, subjects_of
from secure_bedrock.policy._space import Space
from secure_bedrock.policy._subjects import Subject
from secure_bedrock.policy._witnesses import candidate, shortest
from secure_bedrock.policy.document import Policy, Statement
from secure_bedrock.policy.estate import Estate
from secure_bedrock.policy.evaluation import evaluate
from secure_bedrock.policy.invariants import ANYBODY, Scope, requests
from secure_bedrock.policy.matching import compile_policy
from secure_bedrock.policy.proving import BUDGET
from secure_bedrock.policy.verdicts import Witness

#: How many descriptions are given for one principal, before "and more".
MOST = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Access:
    """A set of requests of a principal.

    Attributes:
        principal: its ARN, or what it is called; several where the same is so of each.
        description: what the requests have in common, in words.
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
    budget: int = 3 * BUDGET,
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
    try:
        sides = _Sides(before, after, requests(actions=tuple(actions)), scope, Budget(budget // 2))
        gained, cut_gained, open_gained = sides.only(sides.after, sides.before)
        sides.budget.left = budget // 2
        lost, cut_lost, open_lost = sides.only(sides.before, sides.after)
    except ExhaustedError as error:
        return Difference(gained=(), lost=(), unsettled=(str(error),))
    unsettled = tuple(dict.fromkeys((*open_gained, *open_lost)))
    return Difference(gained=gained, lost=lost, unsettled=unsettled, is_cut=cut_gained or cut_lost)


def is_same(
    before: Estate, after: Estate, *, actions: Sequence[str], scope: Scope, budget: int = BUDGET
) -> bool | None:
    """Whether two estates allow the same; None: that could not be shown. The arguments are those of `diff`."""
    try:
        sides = _Sides(before, after, requests(actions=tuple(actions)), scope, Budget(budget))
        return sides.are_same()
    except ExhaustedError:
        return None


class _Sides:
    """Two estates in one space."""

    def __init__(self, before: Estate, after: Estate, asked: Statement, scope: Scope, budget: Budget) -> None:
        self.budget = budget
        (self.statement,) = compile_policy(Policy(statements=(asked,), name="actions"), principals=False)
        names = {principal.arn for estate in (before, after) for principal in estate.principals.values()}
        # Whom one side names is not somebody whom nobody has named on the other.
        more = tuple(each.without(names) for each in subjects_of(after, scope))
        prover = Prover(before, [asked], [scope], budget, others=(after,), more=more)
        self.space: Space = prover.space
        mine = (each.without(names) for each in prover.subjects(scope))
        self.before = {_identity(each): prover.about(each) for each in mine}
        self.after = {_identity(each): prover.about(each) for each in prover.more}

    def are_same(self) -> bool | None:
        """Whether nobody is allowed more on either side; None where that hangs on what is not settled."""
        is_settled = True
        for here, there in ((self.before, self.after), (self.after, self.before)):
            for name, inquiry in here.items():
                other = there.get(name)
                if not _differs(inquiry, other):
                    continue
                asked = self._asked(inquiry)
                more = all_of([asked, inquiry.allowed(closed=True)[0], _denied(other, closed=False)])
                if find(more, self.budget) is not None:
                    return False
                is_settled = is_settled and not self._unsettled(inquiry, other)
        return True if is_settled else None

    def only(self, here: dict[str, Inquiry], there: dict[str, Inquiry]) -> tuple[tuple[Access, ...], bool, list[str]]:
        """Return what is allowed here and not there, whether there is more, and what may be besides."""
        words = Words(self.space, self.statement)
        found: dict[str, list[Access]] = {}
        unsettled: list[str] = []
        is_cut = False
        changed = [(each, there.get(name)) for name, each in here.items() if _differs(each, there.get(name))]
        share = self.budget.left // (len(changed) or 1)
        for inquiry, other in changed:
            self.budget.left = share
            try:
                is_cut |= self._of_one(inquiry, other, words, found)
                unsettled += self._unsettled(inquiry, other)
            except ExhaustedError as error:
                unsettled.append(f"{_shown(inquiry.subject)}: {error}")
        return tuple(_together(rows) for rows in found.values()), is_cut, unsettled

    def _of_one(
        self, inquiry: Inquiry, other: Inquiry | None, words: Words, found: dict[str, list[Access]]
    ) -> bool:  # fmt: skip
        """Add what is allowed to one principal here and not there. Returns whether there is more."""
        surely = all_of([self._asked(inquiry), inquiry.allowed(closed=True)[0]])
        growing = Growing(self.space, surely, other.allowed(closed=False)[0] if other else FALSE, self.budget)
        every, is_whole = self._grown(growing, surely, other)
        rows = _without_smaller(every)
        for row in rows[:MOST]:
            said = words.of(row.wide, growing.trimmed(row.wide))
            inside = all_of([*growing.literals(row.wide), surely, _denied(other, closed=False)])
            exact = shortest(inside, row.exact, self.space, self.budget, inquiry.subject.own_tags)
            witness = _witness(inquiry, other, exact)
            access = Access(principal=_shown(inquiry.subject), description=said, witness=witness)
            found.setdefault(said, []).append(access)
        return not is_whole or len(rows) > MOST

    def _asked(self, inquiry: Inquiry) -> Formula:
        return inquiry.covered(self.statement, maybe=True)

    def _unsettled(self, inquiry: Inquiry, other: Inquiry | None) -> list[str]:
        """Why something may be allowed besides."""
        if not any(_is_open(each) for each in (inquiry, other) if each):
            return []
        asked = self._asked(inquiry)
        maybe = all_of([asked, inquiry.allowed(closed=False)[0]])
        settled = all_of([asked, inquiry.allowed(closed=True)[0], _denied(other, closed=False)])
        rest = all_of([maybe, _denied(other, closed=True), negation(settled)])
        if find(rest, self.budget) is None:
            return []
        both = [each for each in (inquiry, other) if each]
        reasons = [reason for each in both for closed in (False, True) for reason in each.allowed(closed=closed)[1]]
        return [f"{_shown(inquiry.subject)}: {'; '.join(dict.fromkeys(reasons))}"]

    def _grown(self, growing: Growing, allowed: Formula, other: Inquiry | None) -> tuple[list[_Grown], bool]:
        """Return boxes that cover what is allowed here and denied there, and whether that is all of it."""
        left = all_of([allowed, _denied(other, closed=False)])
        found: list[_Grown] = []
        kept = self.budget.left // 3  # for the requests that show them
        self.budget.left -= kept
        try:
            while (box := find(left, self.budget)) is not None:
                if len(found) == 2 * MOST:
                    return found, False
                found.append(_Grown(growing.grown(box), box))
                left = all_of([left, negation(all_of(growing.literals(found[-1].wide)))])
        except ExhaustedError:
            if not found:
                raise
            return found, False
        finally:
            self.budget.left = max(self.budget.left, 0) + kept
        return found, True


class _Grown(NamedTuple):
    """A box as wide as it can be, and the one it was grown from, all of whose requests are allowed here alone."""

    wide: Box
    exact: Box


def _is_open(inquiry: Inquiry) -> bool:
    return inquiry.allowed(closed=False)[0] != inquiry.allowed(closed=True)[0]


def _differs(inquiry: Inquiry, other: Inquiry | None) -> bool:
    """Whether two principals may be allowed different requests: not where their formulas are the same."""
    return other is None or any(inquiry.allowed(closed=c)[0] != other.allowed(closed=c)[0] for c in (True, False))


def _without_smaller(rows: list[_Grown]) -> list[_Grown]:
    """Leave out boxes that lie in others."""
    others = [(*rows[:i], *rows[i + 1 :]) for i in range(len(rows))]
    return [row for row, rest in zip(rows, others, strict=True) if not any(_is_within(row.wide, o.wide) for o in rest)]


def _is_within(box: Box, other: Box) -> bool:
    return all(number in box and not box[number] & ~cells for number, cells in other.items())


def _together(rows: list[Access]) -> Access:
    """One access of several principals, by the witness of the first that has one."""
    witness = next((row.witness for row in rows if row.witness), None)
    return Access(principal=", ".join(row.principal for row in rows), description=rows[0].description, witness=witness)


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
    name = f"any {subject.stem}" if subject.stem else subject.caller.session or subject.caller.arn
    return f"{name} {'in' if subject.estate.is_member(subject.caller.account) else 'out'}"


def _shown(subject: Subject) -> str:
    return f"{subject.stem}* (not in the estate)" if subject.stem else subject.caller.session or subject.caller.arn
