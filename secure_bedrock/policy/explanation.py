"""Why a decision is as it is, in words: the findings it was made of, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from secure_bedrock.policy.calls import Call
from secure_bedrock.policy.decision import Decision, LayerResult
from secure_bedrock.policy.estate import Estate, LayerKind
from secure_bedrock.policy.evaluation import evaluate
from secure_bedrock.policy.matching import Finding
from secure_bedrock.policy.request import Request

NAMES: dict[LayerKind, str] = {
    "scp": "service control policy",
    "rcp": "resource control policy",
    "endpoint": "VPC endpoint policy",
    "resource": "resource-based policy",
    "identity": "identity-based policy",
    "boundary": "permissions boundary",
    "session": "session policy",
    "trust": "trust policy",
}
#: How many values of a condition are written out.
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision with the lines that explain it; its text is those lines.

    Attributes:
        decision: what was decided.
        lines: the outcome first, then each layer with the statements that are about the action.
    """

    decision: Decision
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(self.lines)


def explain(estate: Estate, question: Request | Call) -> Explanation:
    """Decide a request or a call, and say why.

    Raises:
        InvalidInput: as `evaluate` does.
    """
    decision = evaluate(estate, question)
    return Explanation(decision, tuple(lines_of(decision)))


def lines_of(decision: Decision) -> Iterator[str]:
    """Yield the lines that explain a decision that was made."""
    if len(decision.steps) > 1:
        yield f"{_outcome(decision)}: {len(decision.steps)} authorisations"
        for step in decision.steps:
            yield from (f"  {line}" for line in lines_of(step))
        return
    request = decision.request
    yield f"{_outcome(decision)}: {request.principal} {request.action} {request.resource}"
    for result in decision.results:
        yield from (f"  {line}" for line in _layer(result, decision))
    present = {result.layer.kind for result in decision.results}
    if decision.layer and decision.layer not in present:
        yield f"  {NAMES[decision.layer]}: there is none, and the request needs one that allows it"
    yield from (f"  not settled by AWS: {note}" for note in decision.disputed)
    yield from (f"  assumed: {note}" for note in decision.assumptions)


def _outcome(decision: Decision) -> str:
    if decision.allowed:
        return "allowed"
    if decision.layer is None:
        return "denied"
    how = "by an explicit deny in" if decision.is_explicit else "for want of an allow in"
    statement = decision.statement
    named = f" ({statement.sid})" if statement and statement.sid else ""
    return f"denied {how} the {NAMES[decision.layer]}{named}"


def _layer(result: LayerResult, decision: Decision) -> Iterator[str]:
    layer = result.layer
    name = f"{NAMES[layer.kind]} {layer.name}".rstrip()
    if result.denial(closed=True):
        said = "denies"
    elif result.grant(closed=True):
        said = "allows"
    else:
        said = "says nothing" if not result.is_needed else "does not allow"
    yield f"{name}: {said}"
    for finding in result.findings:
        yield f"  {_finding(finding, decision)}"
    if not result.findings and said == "does not allow":
        yield f"  no statement is about {decision.request.action}"


def _finding(finding: Finding, decision: Decision) -> str:
    source = finding.statement.source
    label = f"{source.effect} {source.sid or '(no Sid)'}"
    if source.source:
        label = f"{label} [{source.source}]"
    if finding.answer:
        return f"{label} applies"
    applies = "does not apply" if finding.answer is False else "may apply, AWS does not settle it"
    return f"{label} {applies}: {_cause(finding, decision)}"


def _cause(finding: Finding, decision: Decision) -> str:
    source, cause = finding.statement.source, finding.cause
    if cause == "resource":
        if source.not_resources:
            return f"the resource is one that NotResource leaves out: {_some(source.not_resources)}"
        return f"the resource is none of {_some(source.resources)}"
    if cause == "principal":
        names = tuple(f"{kind}: {name}" for kind, name in source.principals or source.not_principals)
        return f"the caller is {'none' if source.principals else 'one'} of {_some(names)}"
    if cause is None or isinstance(cause, str):
        return "not known"
    condition = cause.condition
    value = decision.context.get(cause.key)
    given = "is absent" if value is None else f"is {value if isinstance(value, str) else list(value)!r}"
    return f"{condition.name} {condition.key} {_some(condition.values)}: the key {given}"


def _some(values: tuple[str, ...]) -> str:
    shown = ", ".join(values[:_SHOWN])
    return shown if len(values) <= _SHOWN else f"{shown} and {len(values) - _SHOWN} more"
