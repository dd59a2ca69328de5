"""What is allowed to one principal, as a formula, and the searches in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy._encoding import FREE, Encoding
from secure_bedrock.policy._formulas import FALSE, Box, Formula, all_of, find, narrowed, projection
from secure_bedrock.policy._globs import matcher, parse
from secure_bedrock.policy._linking import Linking
from secure_bedrock.policy._model import Grants, Model
from secure_bedrock.policy._space import Space
from secure_bedrock.policy._subjects import Subject
from secure_bedrock.policy._witnesses import Candidate, candidate, shortest
from secure_bedrock.policy.document import Statement
from secure_bedrock.policy.matching import CompiledStatement
from secure_bedrock.policy.verdicts import Witness

if TYPE_CHECKING:
    from secure_bedrock.policy._proving import Prover

_TRUST = ("sts:assumerole", "sts:assumerolewithwebidentity", "sts:assumerolewithsaml", "sts:tagsession")


@dataclass(frozen=True, slots=True)
class Answer:
    """What one search ended in: a witness, or why there may be one, or neither.

    Attributes:
        witness: the request.
        reason: why there may be one.
        possible: one that there may be.
    """

    witness: Witness | None = None
    reason: str = ""
    possible: Witness | None = None


class Inquiry:
    """What is allowed to one principal."""

    def __init__(self, prover: Prover, subject: Subject, space: Space, assumed: dict[str, str | None]) -> None:
        self.prover, self.subject, self.space, self.assumed = prover, subject, space, assumed
        self._allowed: dict[bool, tuple[Formula, tuple[str, ...]]] = {}
        self._models: dict[bool, Model] = {}

    @cached_property
    def encoding(self) -> Encoding:
        """The statements as formulas, for this principal."""
        keys = self.subject.keys(self.space, self.prover.used).assuming(self.assumed)
        return Encoding(self.space, keys, self.prover.is_about)

    @cached_property
    def linking(self) -> Linking:
        """What AWS guarantees of its requests."""
        return Linking(self.encoding, self.subject.estate, self.subject.caller, self.prover.used)

    @cached_property
    def _possible(self) -> Formula:
        """That a request can be made."""
        forms = self.subject.forms(self.encoding.keys, self.space, self.prover.used)
        return self.space.conjunction([self.linking.formula(self.subject.partition), *forms])

    def allowed(self, *, closed: bool) -> tuple[Formula, tuple[str, ...]]:
        """Return what is allowed, and what that hangs on that is not settled."""
        if closed not in self._allowed:
            self.encoding.reasons = {}
            model = self._models[closed] = Model(self.subject.estate, self.encoding, self.subject.caller, closed)
            formula = model.allowed()
            if formula is not FALSE:
                formula = narrowed(all_of([formula, self._possible]), self.prover.budget, self._every)
            self._allowed[closed] = (formula, tuple(self.encoding.reasons))
        return self._allowed[closed]

    def _every(self, number: int) -> int:
        return self.space.attributes[number].every

    def _may_use(self, cells: int) -> bool:
        """Whether any of some actions may be allowed in some request: quickly, and never too narrow."""
        return self._grants.may_give(cells) and bool(cells & self._usable)

    @cached_property
    def _grants(self) -> Grants:
        return Grants(self.subject.estate, self.space, self.subject.caller)

    @cached_property
    def _usable(self) -> int:
        """The cells of the actions that may be allowed in some request, and perhaps more."""
        action = self.space.action
        return projection(self.allowed(closed=False)[0], action.number, action.every)

    def permitted(self, *, closed: bool) -> Formula:
        """Return what the policies allow, whether or not such a request can be made."""
        self.allowed(closed=closed)  # which notes what is not settled, where it is first met
        return self._models[closed].allowed()

    def covered(self, statement: CompiledStatement, *, maybe: bool) -> Formula:
        """Return the requests a statement covers that can be made at all."""
        self.encoding.reasons = {}
        region = self.encoding.applies(statement, maybe=maybe)
        if region is FALSE:
            return FALSE
        return self.space.conjunction([region, self.linking.resource_types(self.space.covered(statement))])

    def reachable(self, statement: CompiledStatement) -> Answer:
        """Return a request that a statement covers and that is allowed, or why there may be one."""
        budget = self.prover.budget
        cells = self.space.covered(statement)
        is_granted = self._grants.may_give(cells) and self.is_possible(statement) and self._is_granted(statement)
        if not (is_granted and self._may_use(cells)):
            return Answer()
        wide = self.covered(statement, maybe=True)
        reasons = tuple(self.encoding.reasons)
        allowed, more = self.allowed(closed=False)
        upper = all_of([wide, allowed])
        if find(upper, budget) is None:
            return Answer()
        lower = all_of([self.covered(statement, maybe=False), self.allowed(closed=True)[0]])
        box = find(lower, budget)
        if box is not None:
            return self._confirmed(shortest(lower, box, self.space, budget, self.subject.own_tags), statement)
        denied = self.allowed(closed=True)[1]  # what a Deny hangs on that may never apply
        return Answer(reason="; ".join(dict.fromkeys((*reasons, *more, *denied))) or "what AWS does not settle")

    def _is_granted(self, statement: CompiledStatement) -> bool:
        """Whether anything grants what a statement covers: never too narrow, and before denies and limits are read."""
        formula = all_of([self.covered(statement, maybe=True), self._roughly])
        return find(formula, self.prover.budget) is not None

    @cached_property
    def _roughly(self) -> Formula:
        """What anything grants; by a model of its own, since what `allowed` hangs on is noted where it is first met."""
        return Model(self.subject.estate, self.encoding, self.subject.caller, closed=False).granted_roughly()

    def _confirmed(self, box: dict[int, int], statement: CompiledStatement) -> Answer:
        found: Candidate | None = None
        try:
            found = candidate(self.space, self.subject, self.encoding.keys, box, self.assumed)
            decision = found.decision()
        except InvalidInput as error:
            return Answer(reason=f"the prover's request cannot be made: {error}")
        if decision.allowed and found.covered_by(statement, decision):
            return Answer(witness=found.witness(decision))
        return Answer(reason=f"prover and evaluator disagree about {found.witness(decision)}")

    def trusted(self, statement: CompiledStatement) -> Answer:
        """Return why a role that the estate does not show may be assumed, as a statement covers it.

        For whoever the estate does not show either, that is asked of roles that the statement names alone.
        """
        if not (self.subject.is_named or _names_roles(statement.source)) or not is_about_trust(statement.source):
            return Answer()
        if not self._grants.may_give(self.space.covered(statement)):
            return Answer()
        region = self.covered(statement, maybe=True)
        if region is FALSE:
            return Answer()
        self.allowed(closed=False)
        formula = all_of([region, self._models[False].trusted(), self._possible])
        box = find(formula, self.prover.budget)
        if box is None:
            return Answer()
        box = shortest(formula, box, self.space, self.prover.budget, self.subject.own_tags)
        try:
            found = candidate(self.space, self.subject, self.encoding.keys, box, self.assumed)
            witness = found.witness(found.decision())
        except InvalidInput as error:
            return Answer(reason=f"the prover's request cannot be made: {error}")
        return Answer(reason=f"the trust policy of {found.request.resource} is not in the estate", possible=witness)

    def example(self, formula: Formula) -> Box | None:
        """Return a box of a formula: of requests that somebody makes directly, where there are such."""
        via = "aws:viaawsservice"
        if via in self.prover.used and self.encoding.keys.value(via) is FREE:
            directly = self.space.key(via).among([None, "false"])
            box = find(all_of([formula, directly]), self.prover.budget)
            if box is not None:
                return box
        return find(formula, self.prover.budget)

    def can_use(self, statement: CompiledStatement) -> bool:
        """Whether the principal may use the actions of a statement on anything, in any circumstances."""
        cells = self.space.covered(statement)
        if not self._may_use(cells):
            return False
        actions = all_of([self.space.action.where(cells), self.linking.resource_types(cells)])
        formula = all_of([actions, self.allowed(closed=False)[0]])
        return find(formula, self.prover.budget) is not None

    def possible(self, statement: CompiledStatement) -> Formula:
        """Return the requests a statement covers that can be made at all, allowed or not."""
        return self.space.conjunction([self.covered(statement, maybe=True), self._possible])

    def is_possible(self, statement: CompiledStatement) -> bool:
        """Whether a request that a statement covers can be made at all, allowed or not."""
        return self.space.is_satisfiable(self.possible(statement))


@cache
def is_about_trust(statement: Statement) -> bool:
    """Whether a statement may be about actions that a role's trust policy decides."""
    patterns = statement.actions or statement.not_actions
    tests = [matcher(parse(each.lower(), variables=False)) for each in patterns]
    return any(any(test(action) for test in tests) is bool(statement.actions) for action in _TRUST)


def _names_roles(statement: Statement) -> bool:
    return any(each.count(":") > 4 and each.split(":", 5)[5].startswith("role/") for each in statement.resources)  # noqa: PLR2004 - fields before the name
