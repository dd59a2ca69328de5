"""Calls of the past asked of the templates, and what came of it, by principal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy import Call, Decision, Estate, evaluate
from secure_bedrock.policy.calls import GUARDRAIL_KEY
from secure_bedrock.policy.conditions import CompiledCondition
from secure_bedrock.policy.decision import LayerResult
from secure_bedrock.policy.document import Statement
from secure_bedrock.policy.explanation import NAMES
from secure_bedrock.policy.matching import Finding
from secure_bedrock.replay.calls import SHOWN, Names, past_of
from secure_bedrock.review.text import visible

#: Times differ from call to call; where no policy asks for them, calls that differ in nothing else are one question.
_TIMES = {"aws:currenttime", "aws:tokenissuetime"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the templates say of a call.

    Attributes:
        said: `allowed`, `denied` or `undecided`.
        why: the layer and statement that deny; or what the record does not show; empty where it is allowed.
    """

    said: str
    why: str = ""


@dataclass(kw_only=True)
class Account:
    """What came of one caller's calls.

    Attributes:
        said: how many, by outcome.
        why: how many were denied or not decided, by operation, model and reason.
        example: for each of those, the id of one record.
    """

    said: Counter[str] = field(default_factory=Counter)
    why: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    example: dict[tuple[str, str, str], str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Replay:
    """What came of all calls.

    Attributes:
        accounts: by caller.
        left_out: records that were not asked, by caller and reason.
        assumptions: what was taken to hold.
    """

    accounts: dict[str, Account] = field(default_factory=dict)
    left_out: Counter[tuple[str, str]] = field(default_factory=Counter)
    assumptions: tuple[str, ...] = ()

    def count(self, said: str) -> int:
        """Return how many calls had an outcome."""
        return sum(account.said[said] for account in self.accounts.values())

    @property
    def unknown(self) -> int:
        """How many calls of Bedrock that were answered could not be asked."""
        return sum(number for (_, reason), number in self.left_out.items() if reason.endswith(_UNKNOWN))

    def lines(self) -> Iterator[str]:
        """Yield the report as text."""
        asked = ", ".join(f"{self.count(said):,} {said}" for said in ("denied", "undecided", "allowed"))
        yield f"of the calls that were answered: {asked}, {self.unknown:,} unknown to the templates"
        for who, account in sorted(self.accounts.items(), key=lambda item: (-item[1].said["denied"], item[0])):
            counted = ", ".join(f"{number:,} {said}" for said, number in sorted(account.said.items()))
            yield visible(f"{who}: {counted}")
            for key, number in account.why.most_common():
                operation, model, why = key
                yield visible(f"  {number:,} {operation} of {model}: {why} (record {account.example[key]})")
        if self.left_out:
            yield "not asked:"
        for (who, reason), number in sorted(self.left_out.items(), key=lambda item: (-item[1], item[0])):
            yield visible(f"  {number:,} {reason}" + (f": {who}" if who else ""))
        yield from (f"assumed: {visible(text)}" for text in self.assumptions)

    def to_plain(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return {
            "denied": self.count("denied"),
            "undecided": self.count("undecided"),
            "allowed": self.count("allowed"),
            "unknown": self.unknown,
            "principals": {
                who: {
                    **{said: account.said[said] for said in ("denied", "undecided", "allowed")},
                    "reasons": [
                        {
                            "operation": key[0], "model": key[1], "why": key[2], "calls": number,
                            "event": account.example[key],
                        }
                        for key, number in account.why.most_common()
                    ],
                }
                for who, account in sorted(self.accounts.items())
            },
            "left_out": [
                {"caller": who, "reason": reason, "records": number}
                for (who, reason), number in sorted(self.left_out.items())
            ],
            "assumptions": list(self.assumptions),
        }  # fmt: skip


_UNKNOWN = "not in the templates"
_TAGS = "a session bears the tags of its role, and no others"


def replay(records: Iterable[Mapping[str, Any]], estate: Estate, names: Names, assumptions: Iterable[str]) -> Replay:
    """Ask every call of the past that can be asked.

    Args:
        records: CloudTrail's.
        estate: of the templates.
        names: what the templates call callers and endpoints.
        assumptions: of the templates.
    """
    named = (f"every call named the guardrail {names.guardrail}",) if names.guardrail else ()
    found = Replay(assumptions=(*dict.fromkeys(assumptions), _TAGS, *named))
    asked = _asked_for(estate)
    known: dict[Any, Outcome] = {}
    for record in records:
        past = past_of(record, estate, names)
        if past.call is None:
            told = past.who if past.left_out.endswith(_UNKNOWN) else ""
            found.left_out[told, past.left_out] += 1
            continue
        context = {key: value for key, value in past.call.context.items() if key.lower() in asked}
        call = replace(past.call, context=context)
        key = (call, tuple(sorted(context.items())))
        if key not in known:
            known[key] = _outcome(estate, call)
        outcome = known[key]
        account = found.accounts.setdefault(past.who, Account())
        account.said[outcome.said] += 1
        if outcome.why:
            reason = (call.operation, str(call.model), outcome.why)
            account.why[reason] += 1
            account.example.setdefault(reason, past.event_id)
    return found


def _asked_for(estate: Estate) -> set[str]:
    """Every condition key that a policy of the estate asks for, or puts into a text."""
    statements = tuple(_statements(estate))
    keys = {condition.key.lower() for statement in statements for condition in statement.conditions}
    text = "".join(str(statement) for statement in statements).lower()
    return keys | {key for key in _TIMES | {"aws:sourceip", "aws:vpcsourceip"} if f"${{{key}}}" in text}


def _statements(estate: Estate) -> Iterator[Statement]:
    for holder in estate.principals.values():
        for policy in (*holder.identity, holder.boundary, holder.trust):
            yield from policy.statements if policy is not None else ()
    levels = [*estate.scps, *estate.rcps]
    for account in estate.accounts.values():
        levels += [*(account.scps or ()), *(account.rcps or ())]
    policies = [policy for level in levels for policy in level]
    policies += [endpoint.policy for endpoint in estate.endpoints.values() if endpoint.policy is not None]
    for policy in (*policies, *estate.resource_policies.values()):
        yield from policy.statements


def _outcome(estate: Estate, call: Call) -> Outcome:
    try:
        decision = evaluate(estate, call)
    except InvalidInput as error:
        return Outcome("undecided", str(error))
    steps = decision.steps or (decision,)
    shown = frozenset({GUARDRAIL_KEY.lower()}) if call.guardrail else frozenset()
    for step in steps:
        for result in step.results:
            reason = _surely_denied(result, shown)
            if reason and not step.disputed:
                return Outcome("denied", reason)
    hidden = sorted({key for step in steps for result in step.results for key in _hidden(result, shown)})
    if hidden:
        return Outcome("undecided", f"the record does not show {', '.join(hidden)}")
    if decision.allowed:
        return Outcome("allowed")
    if decision.disputed:
        return Outcome("undecided", f"AWS does not settle {'; '.join(dict.fromkeys(decision.disputed))}")
    return Outcome("denied", _said(decision))


def _surely_denied(result: LayerResult, shown: frozenset[str]) -> str:
    """What a layer denies by, whatever the record does not show; empty where it does not."""
    name = NAMES[result.layer.kind]
    for finding in result.findings:
        if finding.statement.denies and finding.answer and not _keys(finding, shown):
            return f"{finding.statement.source.sid or 'a Deny'} of the {name}"
    if not result.is_needed:
        return ""
    allows = [finding for finding in result.findings if not finding.statement.denies]
    if any(finding.answer is not False or _may_change(finding, shown) for finding in allows):
        return ""
    return f"no {name} allows it"


def _hidden(result: LayerResult, shown: frozenset[str]) -> Iterator[str]:
    """Yield the keys that the record does not show and the layer's answer hangs on."""
    allows = [finding for finding in result.findings if not finding.statement.denies]
    is_allowed = any(finding.answer and not _keys(finding, shown) for finding in allows)
    for finding in result.findings:
        counts = finding.statement.denies or (result.is_needed and not is_allowed)
        if counts and (finding.answer or _may_change(finding, shown)):
            yield from _keys(finding, shown)


def _may_change(finding: Finding, shown: frozenset[str]) -> bool:
    """Whether what the record does not show may be what keeps a statement from applying."""
    cause = finding.cause
    return (
        finding.answer is False and isinstance(cause, CompiledCondition) and not _is_shown(cause.condition.key, shown)
    )


def _keys(finding: Finding, shown: frozenset[str]) -> tuple[str, ...]:
    return tuple(each.key for each in finding.statement.source.conditions if not _is_shown(each.key, shown))


def _is_shown(key: str, shown: frozenset[str]) -> bool:
    return key.lower() in shown or SHOWN.fullmatch(key.lower()) is not None


def _said(decision: Decision) -> str:
    layer = NAMES[decision.layer] if decision.layer else "policy"
    named = decision.statement.sid if decision.statement else None
    return f"{named} of the {layer}" if named else f"no {layer} allows it"
