"""What a proof ends in: it holds, a request breaks it, or why neither could be shown."""

from __future__ import annotations

from dataclasses import dataclass, field

from secure_bedrock.policy.calls import Call
from secure_bedrock.policy.decision import Decision
from secure_bedrock.policy.estate import Estate
from secure_bedrock.policy.request import Request


@dataclass(frozen=True, kw_only=True, eq=False)
class Witness:
    """One request that shows it, decided by `evaluate`.

    Attributes:
        request: the request, or for a call that should work and does not, the call.
        decision: what `evaluate` says to it, with its trace.
        estate: what it was asked of: the estate, with the principal that nobody had named where one is meant.
        is_named: whether the estate shows the principal.
        session_tags: the tags that whoever started the session chose.
    """

    request: Request | Call
    decision: Decision = field(repr=False)
    estate: Estate = field(repr=False)
    is_named: bool = True
    session_tags: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return " ".join(self._words())

    def _words(self) -> list[str]:
        request = self.request
        principal = self.estate.principals.get(request.principal)
        words = [principal.arn if principal else request.principal]
        if isinstance(request, Call):
            model = request.model
            target = model if isinstance(model, str) else model and (model.arn or model.id)
            words += [request.operation, target or request.resource or "", f"from {request.region}"]
        else:
            words += [request.action, request.resource]
        if request.endpoint:
            words.append(f"through {request.endpoint}")
        if request.session_policies:
            words.append(
                "with the session policy " + ", ".join(each.name or "given" for each in request.session_policies)
            )
        if self.session_tags:
            words.append("tagged " + ", ".join(f"{name}={value}" for name, value in self.session_tags))
        if request.context:
            words.append("with " + ", ".join(f"{name}={_shown(value)}" for name, value in request.context.items()))
        return words


def _shown(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else f"[{', '.join(value)}]"


@dataclass(frozen=True, kw_only=True, eq=False)
class Verdict:
    """The answer to an invariant.

    Attributes:
        name: of the invariant.
        holds_for_named: whether it holds for every principal that the estate shows; None: that could not be shown.
        assumptions: what it rests on, numbered in reports from 1.
    """

    name: str
    holds_for_named: bool | None
    assumptions: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Proved(Verdict):
    """No request breaks it.

    Attributes:
        vacuous: why that says little, such as that no principal may use these actions at all; empty where it does not.
        examples: for calls that work, a decision that shows each.
    """

    vacuous: str = ""
    examples: tuple[Decision, ...] = ()

    def __str__(self) -> str:
        return f"proved: {self.name}{f' ({self.vacuous})' if self.vacuous else ''}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Refuted(Verdict):
    """A request breaks it.

    Attributes:
        witness: the request.
    """

    witness: Witness

    def __str__(self) -> str:
        return f"refuted: {self.name}: {self.witness}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Unknown(Verdict):
    """Neither could be shown.

    Attributes:
        reason: what stands in the way: behaviour that AWS does not document, a policy variable, the budget.
        witness: a request that would break it, were that read the other way; None where there is none to show.
    """

    reason: str
    witness: Witness | None = None

    def __str__(self) -> str:
        return f"unknown: {self.name}: {self.reason}"
