"""Whether calls work: one set of circumstances under which every authorisation of a call is allowed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy._assumptions import guarantees
from secure_bedrock.policy._budget import Budget, ExhaustedError
from secure_bedrock.policy._formulas import FALSE, TRUE, All, AnyOf, Formula, Literal, all_of, any_of, find
from secure_bedrock.policy._inquiry import Inquiry
from secure_bedrock.policy._proving import Prover
from secure_bedrock.policy._space import Attribute
from secure_bedrock.policy._subjects import Subject
from secure_bedrock.policy._witnesses import shortest
from secure_bedrock.policy.calls import Call, Step, steps_of
from secure_bedrock.policy.decision import Decision
from secure_bedrock.policy.document import Condition, Statement
from secure_bedrock.policy.estate import Estate
from secure_bedrock.policy.evaluation import evaluate
from secure_bedrock.policy.invariants import Scope, requests
from secure_bedrock.policy.request import Request

#: Keys that say how a request comes, the same in every authorisation of a call.
_OF_SIGN_IN = ("aws:multifactorauth", "sts:", "aws:sourceidentity", "aws:tokenissuetime")
_NETWORK = ("aws:sourceip", "aws:vpcsourceip", "aws:sourcevpc", "aws:sourcevpce")


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
    questions = [_statement(reading) for step in steps for reading in step.readings]
    names = tuple(dict.fromkeys(reading.principal for step in steps for reading in step.readings))
    prover = Prover(estate, questions, [Scope(principals=names)], budget)
    subjects = {each.name: each for each in prover.subjects(Scope(principals=names))}
    rests_on = (*evaluate(estate, call).assumptions, *guarantees(prover))
    for closed in (False, True):
        formula = all_of(_step(prover, subjects, step, call, closed=closed) for step in steps)
        box = find(formula, budget)
        if box is None:
            return Circumstances(reason="" if not closed else "what AWS does not settle", assumptions=rests_on)
    found = _with_context(call, prover, shortest(formula, box, prover.space, budget))
    try:
        decision = evaluate(estate, found)
    except InvalidInput as error:
        return Circumstances(reason=f"the prover's call cannot be made: {error}", assumptions=rests_on)
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
    return requests(actions=(request.action,), resources=(request.resource,), conditions=conditions)


def _step(prover: Prover, subjects: dict[str, Subject], step: Step, call: Call, *, closed: bool) -> Formula:
    """That every reading of an authorisation is allowed, as a formula over what the whole call shares."""
    if not step.is_certain and not closed:
        return TRUE
    bare = len(step.readings) // 2 if "carry the network" in step.note else len(step.readings)
    readings = [
        _reading(
            prover.about(subjects[each.principal]),
            each,
            is_first=each.principal == call.principal,
            closed=closed,
            has_network=index < bare,
        )
        for index, each in enumerate(step.readings)
    ]
    return all_of(readings) if closed else any_of(readings)


def _reading(inquiry: Inquiry, request: Request, *, is_first: bool, has_network: bool, closed: bool) -> Formula:
    """That one request is allowed: what it states is settled, what it lacks for certain is absent."""
    is_whole = is_first and has_network
    allowed = inquiry.allowed(closed=closed)[0] if is_whole else inquiry.permitted(closed=closed)
    stated = {name.lower(): value for name, value in request.context.items()}
    if request.endpoint:
        stated["aws:sourcevpce"] = request.endpoint
    values: dict[int, int] = {}
    space = inquiry.space
    parts = request.resource.split(":", 5)[1:] if request.resource != "*" else ["*"]
    for attribute, value in ((space.action, request.action.lower()), *zip(space.fields, parts, strict=False)):
        values[attribute.number] = _cell(attribute, value)
    follows = {
        "aws:requestedregion": None if parts == ["*"] else parts[2] or "unspecified",
        "aws:viaawsservice": "false",
        "aws:securetransport": "true",
    }
    for attribute in space.attributes:
        if not isinstance(attribute, Attribute) or not inquiry.encoding.keys.are_read_from(attribute):
            continue
        name = attribute.name
        if value := stated.get(name) or follows.get(name):
            values[attribute.number] = _cell(attribute, str(value))
        elif _lacks(name, is_first=is_first, has_network=has_network):
            values[attribute.number] = attribute.absent_cells
    if not all(values.values()):
        return FALSE
    return pinned(allowed, values)


def _lacks(key: str, *, is_first: bool, has_network: bool) -> bool:
    """Whether an authorisation that does not state a key has none."""
    if key == "aws:sourcevpce" or key.startswith("bedrock"):
        return True
    return (not has_network and key in _NETWORK) or (not is_first and key.startswith(_OF_SIGN_IN))


def _cell(attribute: Attribute, value: str) -> int:
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
