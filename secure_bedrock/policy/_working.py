"""Whether calls work: one set of circumstances under which every authorisation of a call is allowed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy import _context
from secure_bedrock.policy._arns import fields_of
from secure_bedrock.policy._assumptions import guarantees
from secure_bedrock.policy._budget import Budget, ExhaustedError
from secure_bedrock.policy._encoding import FREE
from secure_bedrock.policy._formulas import FALSE, TRUE, All, AnyOf, Box, Formula, Literal, all_of, any_of, find
from secure_bedrock.policy._globs import Context
from secure_bedrock.policy._inquiry import Inquiry
from secure_bedrock.policy._operations import carries
from secure_bedrock.policy._proving import Prover
from secure_bedrock.policy._space import Attribute, Hit
from secure_bedrock.policy._subjects import Subject
from secure_bedrock.policy._witnesses import shortest
from secure_bedrock.policy.calls import Call, Step, steps_of
from secure_bedrock.policy.decision import Decision
from secure_bedrock.policy.document import Condition, Statement
from secure_bedrock.policy.estate import Estate
from secure_bedrock.policy.evaluation import evaluate
from secure_bedrock.policy.invariants import Scope, requests
from secure_bedrock.policy.request import Request, Value

#: Keys that a session keeps to itself: after a role change they are gone.
_OF_SIGN_IN = ("aws:multifactorauth", "sts:", "aws:sourceidentity", "aws:tokenissuetime")
#: Keys that AWS settles, and nobody who calls: where the call or its resource does not say, there is none.
_SETTLED = ("bedrock", "aws:calledvia", "aws:resourceaccount", "aws:resourceorg")


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Whether a call works, and under which circumstances.

    Attributes:
        decision: one that allows the call, perhaps with more of its context stated; None: there is none.
        reason: why there may be one; empty where there is one, or surely none.
        assumptions: what that rests on.
    """

    decision: Decision | None = None
    reason: str = ""
    assumptions: tuple[str, ...] = ()


def circumstances(estate: Estate, call: Call, budget: Budget) -> Circumstances:
    """Return circumstances under which a call is allowed."""
    decision = evaluate(estate, call)
    if decision.allowed:
        return Circumstances(decision, assumptions=decision.assumptions)
    try:
        return _sought(estate, call, budget)
    except ExhaustedError as error:
        return Circumstances(reason=str(error), assumptions=decision.assumptions)


def _sought(estate: Estate, call: Call, budget: Budget) -> Circumstances:
    steps = steps_of(estate, call)
    questions = [_statement(reading) for step in steps for reading in step.every]
    names = tuple(dict.fromkeys(reading.principal for step in steps for reading in step.every))
    prover = Prover(estate, questions, [Scope(principals=names)], budget)
    subjects = {each.name: each for each in prover.subjects(Scope(principals=names))}
    rests_on = (*evaluate(estate, call).assumptions, *guarantees(prover))
    boxes: list[Box | None] = []
    for closed in (True, False):
        formula = all_of(_step(prover, subjects, step, call, closed=closed) for step in steps)
        box = find(formula, budget)
        boxes.append(None if box is None else shortest(formula, box, prover.space, budget))
    settled, perhaps = boxes
    if perhaps is None:
        return Circumstances(assumptions=rests_on)
    found = _with_context(call, prover, perhaps if settled is None else settled)
    try:
        decision = evaluate(estate, found)
    except InvalidInput as error:
        return Circumstances(reason=f"the prover's call cannot be made: {error}", assumptions=rests_on)
    if settled is None:
        return Circumstances(reason="; ".join(decision.disputed) or "what AWS does not settle", assumptions=rests_on)
    if decision.allowed:
        return Circumstances(decision, assumptions=(*decision.assumptions, *guarantees(prover)))
    return Circumstances(reason=f"prover and evaluator disagree about {found.context}", assumptions=rests_on)


def _statement(request: Request) -> Statement:
    """The one request, as a statement: its values get cells of their own."""
    stated = {**request.context, **({"aws:SourceVpce": request.endpoint} if request.endpoint else {})}
    conditions = tuple(
        Condition(operator="StringEquals", key=key, values=(value,))
        for key, value in stated.items()
        if isinstance(value, str)
    )
    many = tuple(
        Condition(operator="StringEquals", quantifier="ForAnyValue", key=key, values=value)
        for key, value in stated.items()
        if isinstance(value, tuple) and value
    )
    return requests(actions=(request.action,), resources=(request.resource,), conditions=(*conditions, *many))


def _step(prover: Prover, subjects: dict[str, Subject], step: Step, call: Call, *, closed: bool) -> Formula:
    """That every reading of an authorisation is allowed, as a formula over what the whole call shares."""
    if not step.is_certain and not closed:
        return TRUE
    readings = [
        _reading(
            prover.about(subjects[each.principal]),
            each,
            is_first=each.principal == call.principal,
            closed=closed,
            has_network=has_network,
        )
        for among, has_network in ((step.readings, True), (step.bare, False))
        for each in among
    ]
    return all_of(readings) if closed else any_of(readings)


def _reading(inquiry: Inquiry, request: Request, *, is_first: bool, has_network: bool, closed: bool) -> Formula:
    """That one request is allowed: what it states is settled, what it lacks for certain is absent."""
    is_whole = is_first and has_network and all(carries(request.action, key) for key in request.context)
    # else the guarantees would say that nobody makes such a request
    allowed = inquiry.allowed(closed=closed)[0] if is_whole else inquiry.permitted(closed=closed)
    space, keys = inquiry.space, inquiry.encoding.keys
    parts = request.resource.split(":", 5)[1:] if request.resource != "*" else ["*"]
    texts = ((space.action, request.action.lower()), *zip(space.fields, parts, strict=False))
    values = {attribute.number: _cell(attribute, text) for attribute, text in texts}
    stated = _stated(inquiry.subject, request)
    for attribute in space.attributes:
        name = attribute.key if isinstance(attribute, Hit) else attribute.name
        is_free = keys.value(name) is FREE if isinstance(attribute, Hit) else keys.are_read_from(attribute)
        if name in stated and is_free:
            values[attribute.number] = _cell(attribute, stated[name])
        elif is_free and _lacks(name, request, is_first=is_first, has_network=has_network):
            values[attribute.number] = 1 if isinstance(attribute, Hit) else attribute.absent_cells
    if not all(values.values()):
        return FALSE
    return pinned(allowed, values)


def _stated(subject: Subject, request: Request) -> Context:
    """What a request states, and what follows; but for what its principal is, which others settle."""
    named = {name.lower() for name in request.context}
    context = _context.complete(subject.estate, request, subject.caller, fields_of(request.resource))
    return {key: value for key, value in context.items() if key in named or not key.startswith("aws:principal")}


def _lacks(key: str, request: Request, *, is_first: bool, has_network: bool) -> bool:
    """Whether an authorisation that does not state a key has none."""
    if key.startswith(_SETTLED):
        return True
    if key in _context.THROUGH_ENDPOINT:
        return request.endpoint is None
    if key == "aws:sourceip":
        return request.endpoint is not None or not has_network
    return not is_first and key.startswith(_OF_SIGN_IN)


def _cell(attribute: Attribute | Hit, value: Value) -> int:
    if isinstance(attribute, Hit):
        return 2 if attribute.value in value else 1
    return sum(1 << i for i, each in enumerate(attribute.values) if each == value)


def pinned(formula: Formula, values: dict[int, int]) -> Formula:
    """Return a formula with some attributes in one cell each."""
    if isinstance(formula, Literal):
        cells = values.get(formula.attribute)
        return formula if cells is None else TRUE if cells & formula.cells else FALSE
    if isinstance(formula, AnyOf):
        return any_of(pinned(each, values) for each in formula.options)
    assert isinstance(formula, All)  # noqa: S101 - for the type checker
    return all_of([*(pinned(each, values) for each in formula.literals), *(pinned(e, values) for e in formula.clauses)])


def _with_context(call: Call, prover: Prover, box: dict[int, int]) -> Call:
    context = dict(call.context)
    stated = {name.lower() for name in context}
    for attribute in prover.space.attributes:
        if isinstance(attribute, Attribute) and ":" in attribute.name and attribute.number in box:
            value = attribute.values[(box[attribute.number] & -box[attribute.number]).bit_length() - 1]
            if value is not None and attribute.name not in {*stated, "aws:requestedregion", "aws:sourcevpce"}:
                context[prover.vocabulary.spelling(attribute.name)] = value
    return replace(call, context=context)
