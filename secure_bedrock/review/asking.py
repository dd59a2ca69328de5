"""One question put to everything that was read: why a call is allowed or denied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy.calls import Call
from secure_bedrock.policy.decision import Decision
from secure_bedrock.policy.evaluation import evaluate
from secure_bedrock.policy.explanation import NAMES, lines_of
from secure_bedrock.policy.request import Request
from secure_bedrock.review.denials import Denial, read_denial, remedies
from secure_bedrock.review.loading import Loaded, Reading, load
from secure_bedrock.review.naming import Names
from secure_bedrock.review.text import visible


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked.

    Attributes:
        principal: a name of the estate, an ARN, or a role's session.
        request: the rest of a request; None for a call.
        call: the rest of a call; None for a request.
        denial: the refusal it was read from.
    """

    principal: str
    request: Mapping[str, Any] | None = None
    call: Mapping[str, Any] | None = None
    denial: Denial | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A decision under one choice of the input's parameters."""

    decision: Decision | None
    denial: Denial | None
    when: str
    assumptions: tuple[str, ...]

    @property
    def allowed(self) -> bool:
        """Whether the call is allowed."""
        return self.decision is not None and self.decision.allowed

    def lines(self, *, verbose: bool = False) -> Iterator[str]:
        """Yield the answer in words; with `verbose` each statement of each layer."""
        if self.when:
            yield f"when {visible(self.when)}:"
        for text in self.denial.lines() if self.denial else ():
            yield visible(text)
        if self.decision is not None:
            yield from map(visible, lines_of(self.decision) if verbose else _summary(self.decision))
            yield from (f"  to be allowed: {visible(text)}" for text in dict.fromkeys(remedies(self.decision)))
        yield from (f"  assumed: {visible(text)}" for text in dict.fromkeys(self.assumptions))

    def to_plain(self) -> dict[str, Any]:
        """Return the answer as JSON-ready values."""
        decision = self.decision
        return {
            "allowed": self.allowed,
            "layer": decision.layer if decision else None,
            "statement": decision.statement.to_plain() if decision and decision.statement else None,
            "source": decision.statement.source if decision and decision.statement else None,
            "when": self.when,
            "denial": list(self.denial.lines()) if self.denial else [],
            "explanation": list(lines_of(decision)) if decision else [],
            "remedies": list(dict.fromkeys(remedies(decision))) if decision else [],
            "assumptions": list(self.assumptions),
        }


def _summary(decision: Decision) -> Iterator[str]:
    """Yield the outcome, and what decided each authorisation; equal ones together."""
    steps = decision.steps or (decision,)
    who = decision.request.principal
    denied = sum(not step.allowed for step in steps)
    count = f"{len(steps)} authorisations, {denied} denied" if len(steps) > 1 else decision.request.action
    yield f"{'allowed' if decision.allowed else 'denied'}: {who} ({count})"
    decided: dict[tuple[str, ...], list[str]] = {}
    for step in steps:
        decided.setdefault(tuple(_deciding(step)), []).append(f"{step.request.action} {step.request.resource}")
    for lines, requests in decided.items():
        yield from (f"  {request}" for request in requests)
        yield from (f"    {line}" for line in lines)
    yield from (f"  not settled by AWS: {note}" for note in decision.disputed)


def _deciding(step: Decision) -> Iterator[str]:
    statement = step.statement
    if step.allowed:
        named = f"{statement.effect} {statement.sid or '(no Sid)'}" if statement else "nothing denies it"
        yield f"allowed: {named}"
    elif step.layer and statement:
        yield f"denied: {statement.effect} {statement.sid or '(no Sid)'} of the {NAMES[step.layer]}"
    elif step.layer:
        yield f"denied: no {NAMES[step.layer]} allows it"
    if statement and statement.source:
        yield f"in {statement.source}"


def question_of(given: Mapping[str, Any], *, event: Mapping[str, Any] | None = None) -> Asked:
    """Return what the options of a command ask.

    Raises:
        InvalidInput: for options that ask nothing, or two things.
    """
    if given.get("message") or event is not None:
        return _of_denial(read_denial(event if event is not None else given["message"]), given)
    if not given.get("principal"):
        raise InvalidInput("--principal: got nothing; allowed is a name that `review` prints, or an ARN")
    if bool(given.get("action")) == bool(given.get("operation")):
        raise InvalidInput("--action, --operation: exactly one of them must be given, or --message or --event")
    if given.get("operation"):
        fields = {name: given[name] for name in ("operation", "model", "guardrail", "endpoint", "context", "region")}
        if not fields["region"]:
            raise InvalidInput("--region: got nothing; a call is sent to one")
        resource = None if given["resource"] == "*" else given["resource"]
        return Asked(principal=given["principal"], call={**fields, "resource": resource})
    fields = {name: given[name] for name in ("action", "resource", "endpoint", "context")}
    return Asked(principal=given["principal"], request=fields)


def _of_denial(denial: Denial, given: Mapping[str, Any]) -> Asked:
    principal = given.get("principal") or denial.principal or ""
    if denial.action is None:
        return Asked(principal=principal, denial=denial)
    request = {
        "action": denial.action,
        "resource": denial.resource,
        "endpoint": given.get("endpoint") or denial.endpoint,
        "context": {**denial.context, **given.get("context", {})},
    }
    return Asked(principal=principal, request=request, denial=denial)


def answers(path: str, asked: Asked, **place: Any) -> list[Answer]:  # noqa: ANN401 - what `load` takes
    """Ask every reading of an input; without an input, say what the refusal says.

    Raises:
        InvalidInput: for an unreadable input, or a principal it does not hold.
    """
    if asked.request is None and asked.call is None:
        return [Answer(decision=None, denial=asked.denial, when="", assumptions=())]
    loaded = load(path, **place)
    return [_answer(reading, asked, loaded) for reading in loaded.readings]


def _answer(reading: Reading, asked: Asked, loaded: Loaded) -> Answer:
    principal = Names.of(reading).principal(asked.principal, where="--principal")
    question = (
        Request(principal=principal, **asked.request)
        if asked.request is not None
        else Call(principal=principal, **(asked.call or {}))
    )
    decision = evaluate(reading.estate, question)
    return Answer(
        decision=decision,
        denial=asked.denial,
        when=reading.when,
        assumptions=(*loaded.assumptions, *decision.assumptions),
    )
