"""Invariants asked of everything that was read: what holds, or the request that breaks it and what to change."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from secure_bedrock.policy.decision import Decision
from secure_bedrock.policy.document import Condition, Policy, Statement
from secure_bedrock.policy.estate import Estate
from secure_bedrock.policy.explanation import NAMES
from secure_bedrock.policy.invariants import Invariant, Never
from secure_bedrock.policy.matching import CompiledStatement, compile_policy
from secure_bedrock.policy.proving import prove_all
from secure_bedrock.policy.verdicts import Proved, Refuted, Unknown, Witness
from secure_bedrock.review.denials import remedies
from secure_bedrock.review.loading import Loaded
from secure_bedrock.review.naming import Names

#: Policies that name who may come; one of these lets nobody in by accident.
_OPEN_TO_OTHERS = {"endpoint", "resource", "trust"}
_WORDS = {Proved: "proved", Refuted: "refuted", Unknown: "unknown"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Proof:
    """The answer to one invariant, for one outcome of the input's conditions.

    Attributes:
        invariant: what was asked, about the estate's own parts.
        verdict: the answer.
        estate: what it was asked of.
        when: the outcome, in words; empty where there is but one.
        made_up: what the values of the answer stand for that only a deployment fills in.
    """

    invariant: Invariant
    verdict: Proved | Refuted | Unknown
    estate: Estate
    when: str = ""
    made_up: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_about_outsiders(self) -> bool:
        """Whether only somebody breaks it whom the input does not show, and by no policy of the input that names them.

        A policy of their own that nobody has seen may allow anything; what the input holds is not wrong for that.
        """
        witness = self.verdict.witness if isinstance(self.verdict, Refuted) else None
        if witness is None or witness.is_named or not self.verdict.holds_for_named:
            return False
        return not any(
            result.layer.kind in _OPEN_TO_OTHERS and result.grant(closed=True) for result in witness.decision.results
        )

    def lines(self) -> Iterator[str]:
        """Yield the answer in words: who and what, which statements let it through, what to change."""
        verdict = self.verdict
        note = f" ({verdict.vacuous})" if isinstance(verdict, Proved) and verdict.vacuous else ""
        if self.is_about_outsiders:
            note = " for every principal of the input; somebody it does not show can break it"
        yield f"{'holds' if self.is_about_outsiders else _WORDS[type(verdict)]}: {verdict.name}{note}"
        if self.when:
            yield f"  when {self.when}"
        if isinstance(verdict, Unknown):
            yield f"  not decided: {verdict.reason}"
        if not isinstance(verdict, Proved) and verdict.witness is not None:
            yield from (f"  {line}" for line in self._shown(verdict.witness))

    def _shown(self, witness: Witness) -> Iterator[str]:
        yield str(witness)
        text = [str(witness)]
        if isinstance(self.invariant, Never):
            let = list(_passed(witness.decision))
            text += [*let, *(f"to change: {each}" for each in self._changes(witness))]
        else:
            text += list(_stopped(witness.decision))
        yield from (f"  {line}" for line in text[1:])
        yield from (f"  here {value} stands for {name}" for value, name in self._stand_ins("\n".join(text)))

    def _stand_ins(self, text: str) -> Iterator[tuple[str, str]]:
        for value, name in self.made_up.items():
            if len(value) > 4 and value in text:  # noqa: PLR2004 - a short one, such as a version, is found everywhere
                yield value, name

    def _changes(self, witness: Witness) -> Iterator[str]:
        """Yield the statement to narrow, or else the Deny that would hold it whatever else is allowed."""
        order = ("trust", "resource", "identity", "endpoint") if witness.is_named else ("trust", "resource", "endpoint")
        granting = {result.layer.kind: result.grant(closed=True) for result in witness.decision.results}
        found = next((granting[kind] for kind in order if granting.get(kind)), None)
        if found is not None:
            yield f"narrow {_label(found.statement)}, so that it does not cover this request"
        deny = self._deny(witness)
        if deny is not None:
            where = "the principal" if witness.is_named else "the account, by a service control policy"
            yield f"{'or ' if found else ''}deny it to {where}: {json.dumps(deny.to_plain())}"

    def _deny(self, witness: Witness) -> Statement | None:
        """Return the invariant's own statement that the request is one of, as a Deny for all but those it spares."""
        if not isinstance(self.invariant, Never) or not self._can_be_denied(witness):
            return None
        action = witness.decision.request.action.lower()
        compiled = compile_policy(Policy(statements=self.invariant.statements), principals=False)
        found = next((each.source for each in compiled if each.covers(action)), None)
        spared = tuple(sorted(self._spared()))
        if found is None or witness.is_named or not spared:
            return found
        beside = Condition(operator="ArnNotEquals", key="aws:PrincipalArn", values=spared)
        return replace(found, conditions=(*found.conditions, beside))

    def _can_be_denied(self, witness: Witness) -> bool:
        """Whether a policy of the accounts binds the caller: none of theirs binds a service or another account."""
        name = witness.request.principal
        return witness.is_named or (name.startswith("arn:") and name.split(":")[4] in self.estate.own_accounts)

    def _spared(self) -> Iterator[str]:
        scope = self.invariant.scope if isinstance(self.invariant, Never) else None
        for name in scope.but if scope else ():
            principal = self.estate.principals.get(name)
            if principal is not None or name.startswith("arn:"):
                yield principal.arn if principal else name

    def to_plain(self) -> dict[str, Any]:
        """Return the answer as JSON-ready values."""
        verdict = self.verdict
        witness = None if isinstance(verdict, Proved) else verdict.witness
        return {
            "invariant": verdict.name,
            "verdict": _WORDS[type(verdict)],
            "holds_for_named": verdict.holds_for_named,
            "about_outsiders": self.is_about_outsiders,
            "when": self.when,
            "reason": verdict.reason if isinstance(verdict, Unknown) else "",
            "vacuous": verdict.vacuous if isinstance(verdict, Proved) else "",
            "witness": None if witness is None else {
                "request": str(witness), "is_named": witness.is_named, "lines": list(self._shown(witness))[1:],
            },
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Proofs:
    """Every answer, with what they rest on.

    Attributes:
        answers: each invariant's, for each outcome of the input's conditions.
        assumptions: what they take for granted, each once.
        unread: what of the input could not be read, or was left out.
    """

    answers: tuple[Proof, ...]
    assumptions: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    def broken(self, *, strict: bool = False) -> tuple[Proof, ...]:
        """Return those with a request that breaks them; with `strict`, by somebody the input does not show too."""
        refuted = (each for each in self.answers if isinstance(each.verdict, Refuted))
        return tuple(each for each in refuted if strict or not each.is_about_outsiders)

    @property
    def undecided(self) -> tuple[Proof, ...]:
        """Those that were not settled either way."""
        return tuple(each for each in self.answers if isinstance(each.verdict, Unknown))

    def lines(self, *, of: Sequence[Proof] | None = None) -> Iterator[str]:
        """Yield the answers in words, what could not be read, and the assumptions, numbered."""
        for answer in self.answers if of is None else of:
            yield from answer.lines()
        yield from (f"not read: {text}" for text in self.unread)
        if self.assumptions:
            yield "assumed:"
            yield from (f"  {number}. {text}" for number, text in enumerate(self.assumptions, 1))

    def to_plain(self) -> dict[str, Any]:
        """Return the answers as JSON-ready values."""
        return {
            "proofs": [answer.to_plain() for answer in self.answers],
            "assumptions": list(self.assumptions),
            "not_read": list(self.unread),
        }


def proofs_of(loaded: Loaded, invariants: Iterable[Invariant]) -> Proofs:
    """Prove invariants of every outcome of an input.

    Args:
        loaded: the input.
        invariants: what is to hold. Principals, endpoints, guardrails, roles and models may be named as `Names` reads
            them.

    Raises:
        InvalidInput: for a name that the input does not hold.
    """
    asked = tuple(invariants)
    answers = [
        answer
        for reading in loaded.readings
        for answer in _answers(Names.of(reading), asked, when=reading.when, made_up=reading.made_up)
    ]
    problems = [f"{each.message} ({each.source})" for reading in loaded.readings for each in reading.problems]
    return Proofs(
        answers=tuple(answers),
        assumptions=tuple(dict.fromkeys((*loaded.assumptions, *_taken(answers)))),
        unread=tuple(dict.fromkeys((*problems, *((loaded.left_out,) if loaded.left_out else ())))),
    )


def proofs_of_estate(estate: Estate, invariants: Iterable[Invariant]) -> Proofs:
    """Prove invariants of an estate that was put together by hand."""
    answers = _answers(Names(estate=estate), tuple(invariants), when="", made_up={})
    return Proofs(answers=tuple(answers), assumptions=tuple(dict.fromkeys(_taken(answers))))


def _answers(names: Names, asked: Sequence[Invariant], *, when: str, made_up: Mapping[str, str]) -> list[Proof]:
    settled = [names.settled(each) for each in asked]
    verdicts = prove_all(names.estate, settled)
    told = {**made_up, **{value: source.construct_path or value for value, source in names.endpoints.items()}}
    return [
        Proof(invariant=invariant, verdict=verdict, estate=names.estate, when=when, made_up=told)
        for invariant, verdict in zip(settled, verdicts, strict=True)
    ]


def _taken(answers: Iterable[Proof]) -> Iterator[str]:
    for answer in answers:
        yield from answer.verdict.assumptions


def _passed(decision: Decision) -> Iterator[str]:
    """Yield, layer by layer, the statement that let a request through."""
    for result in decision.results:
        found = result.grant(closed=True)
        if found is not None:
            yield f"{NAMES[result.layer.kind]}: {_label(found.statement)}"
        elif not result.is_needed:
            yield f"{NAMES[result.layer.kind]}: says nothing, and need not"


def _stopped(decision: Decision) -> Iterator[str]:
    """Yield what denies the authorisations of a call that should work, and what would allow it."""
    found: dict[str, list[str]] = {}
    for step in decision.steps or (decision,):
        if not step.allowed and step.layer is not None:
            name = NAMES[step.layer]
            cause = f"{name}: {_label(step.finding.statement)}" if step.finding else f"no {name} allows it"
            found.setdefault(cause, []).append(f"{step.request.action} {step.request.resource}")
    for cause, requests in found.items():
        more = f" and {len(requests) - 1} more" if len(requests) > 1 else ""
        yield f"denied: {requests[0]}{more}"
        yield f"  {cause}"
    yield from (f"to be allowed: {text}" for text in dict.fromkeys(remedies(decision)))


def _label(statement: CompiledStatement) -> str:
    source = statement.source
    where = source.source or statement.policy.name
    return f"{source.effect} {source.sid or '(no Sid)'}" + (f" in {where}" if where else "")
