"""A box of cells turned into a request: complete, as short as it can be, and decided by the evaluator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from secure_bedrock.policy._arns import fields_of
from secure_bedrock.policy._budget import Budget, ExhaustedError
from secure_bedrock.policy._callers import Kind
from secure_bedrock.policy._encoding import FREE, Keys
from secure_bedrock.policy._formulas import Box, Formula, Literal, all_of, find
from secure_bedrock.policy._linking import known_case
from secure_bedrock.policy._space import NO_RESOURCE, Attribute, Hit, Space
from secure_bedrock.policy._subjects import Subject
from secure_bedrock.policy.decision import Decision
from secure_bedrock.policy.estate import Estate
from secure_bedrock.policy.evaluation import evaluate
from secure_bedrock.policy.matching import CompiledStatement, View
from secure_bedrock.policy.request import Principal, Request, Value
from secure_bedrock.policy.verdicts import Witness

_TAG = "aws:principaltag/"
#: The most that leaving keys out of a request may cost, in steps.
_SHORTENING = 500_000
_NONE: Mapping[str, str] = MappingProxyType({})
#: What whoever makes a federated user's session may pass; without a session policy it may nothing of its own.
_EVERYTHING = Principal.administrator("everything").identity
#: What a request has unless it says otherwise.
_ORDINARY = {"aws:securetransport": "true", "aws:viaawsservice": "false"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A request read off a box, before anything has confirmed it.

    Attributes:
        subject: who makes it.
        estate: the estate with the principal.
        request: the request.
        tags: those of the session, or of a principal nobody has named.
    """

    subject: Subject
    estate: Estate
    request: Request
    tags: dict[str, str]

    def decision(self) -> Decision:
        """Return what the evaluator says. Raises InvalidInput for a request that contradicts itself."""
        return evaluate(self.estate, self.request)

    def covered_by(self, statement: CompiledStatement, decision: Decision) -> bool:
        """Whether the request is one of those a statement covers, for certain."""
        caller = self.estate.caller(self.request.principal)
        action = self.request.action.lower()
        view = View(caller, action, self.request.resource, fields_of(self.request.resource), decision.context)
        return statement.covers(action) and statement.ask(view).answer is True

    def witness(self, decision: Decision) -> Witness:
        """Return it with what the evaluator said."""
        own = self.subject.own_tags
        brought = [(name, value) for name, value in self.tags.items() if own.get(f"{_TAG}{name}") != value]
        chosen = tuple(brought) if not self.subject.stem and self.subject.has_any_tags else ()
        return Witness(
            request=self.request, decision=decision, estate=self.estate, is_named=self.subject.is_named,
            session_tags=chosen,
        )  # fmt: skip


def candidate(space: Space, subject: Subject, keys: Keys, box: Box, assumed: dict[str, str | None]) -> Candidate:
    """Return a request in a box: of each attribute its first cell, which for keys is their absence."""
    chosen = {each.number: _first(box, each) for each in space.attributes if isinstance(each, Attribute)}
    context: dict[str, Value] = {}
    for each in space.attributes:
        if isinstance(each, Hit):
            if keys.value(each.key) is FREE and box.get(each.number, 3) == 2:  # noqa: PLR2004 - the cell of a hit
                context[each.key] = (*context.get(each.key, ()), each.value)
        elif ":" in each.name and each.number in box and keys.are_read_from(each):
            value = chosen[each.number]
            if value is not None:
                context[each.name] = value
    context |= {key: value for key, value in assumed.items() if value is not None}
    arn = context.pop("aws:principalarn", None) if subject.stem else None
    has_holder = subject.caller.holder is not None
    tags = {key: str(context.pop(key)) for key in list(context) if key.startswith(_TAG) and has_holder}
    tags = {key.removeprefix(_TAG): value for key, value in tags.items()}
    endpoint = context.pop("aws:sourcevpce", None)
    estate, name = subject.standing_for(arn if isinstance(arn, str) else None, tags)
    shown = {space.vocabulary.spelling(key): value for key, value in context.items() if _ORDINARY.get(key) != value}
    request = Request(
        principal=name,
        action=_spelt(space, str(chosen[space.action.number])),
        resource=_resource([str(chosen[field.number]) for field in space.fields]),
        context=shown,
        endpoint=endpoint if isinstance(endpoint, str) else None,
        session_policies=_EVERYTHING if subject.caller.kind is Kind.FEDERATED_USER else (),
    )
    return Candidate(subject, estate, request, tags)


def shortest(formula: Formula, box: Box, space: Space, budget: Budget, usual: Mapping[str, str] = _NONE) -> Box:
    """Return a box of one cell each, with as few keys as the formula lets a request have.

    Args:
        formula: what the request must satisfy.
        box: requests that do.
        space: their attributes.
        budget: what it may cost.
        usual: values of keys to have where they do as well as others, by key.
    """
    own = budget.part(_SHORTENING)
    every = {each.number: each.every for each in space.attributes}
    plain = {each.number: _plain(each, usual) for each in space.attributes}
    chosen = {number: cells & -cells for number, cells in box.items()}
    for number in [each.number for each in space.attributes if each.number in box]:
        if not plain[number] or chosen[number] == plain[number]:
            continue
        shorter = {**chosen, number: plain[number]}
        pinned = [Literal(each, cells, every[each]) for each, cells in shorter.items()]
        try:
            own.spend(len(shorter), "a short request")
            found = find(all_of([formula, *pinned]), own)
        except ExhaustedError:
            break
        more = {
            each: cells & plain[each] or cells & -cells for each, cells in (found or {}).items() if each not in shorter
        }
        # another key in the place of this one is no shorter
        if found is not None and all(cells == plain[each] or not plain[each] for each, cells in more.items()):
            chosen = {**shorter, **more}
    budget.spend(own.spent, "a short request")
    return chosen


def _plain(each: Attribute | Hit, usual: Mapping[str, str]) -> int:
    """The cell of the usual value of a key, or of its absence; 0: it has neither."""
    if isinstance(each, Hit):
        return 1
    if each.name in usual and usual[each.name] in each.values:
        return 1 << each.values.index(usual[each.name])
    return each.absent_cells


def _spelt(space: Space, action: str) -> str:
    known = known_case(action)
    return space.vocabulary.spelt.get(action, known) if known == action else known


def _first(box: Box, attribute: Attribute) -> str | None:
    cells = box.get(attribute.number, attribute.every)
    return attribute.values[(cells & -cells).bit_length() - 1]


def _resource(fields: list[str]) -> str:
    return NO_RESOURCE if fields[0] == NO_RESOURCE else ":".join(("arn", *fields))
