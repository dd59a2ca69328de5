"""The answer to a question, with what each layer said."""

from __future__ import annotations

from dataclasses import dataclass, field

from secure_bedrock.policy._globs import Context
from secure_bedrock.policy.document import Statement
from secure_bedrock.policy.estate import Layer, LayerKind
from secure_bedrock.policy.matching import Finding
from secure_bedrock.policy.request import Request


@dataclass(frozen=True, slots=True)
class LayerResult:
    """What one layer says.

    Attributes:
        layer: the layer.
        findings: each of its statements that is about the action, with whether it applies and what kept it from that.
        is_needed: whether the request is lost without an allow here.
    """

    layer: Layer
    findings: tuple[Finding, ...]
    is_needed: bool = True

    def denial(self, *, closed: bool) -> Finding | None:
        """Return the first statement that denies; with `closed` an unsettled one counts."""
        for finding in self.findings:
            if finding.statement.denies and (finding.answer or (closed and finding.answer is None)):
                return finding
        return None

    def grant(self, *, closed: bool) -> Finding | None:
        """Return the statement that allows and names the caller most directly; with `closed` only a settled one."""
        best: Finding | None = None
        for finding in self.findings:
            if finding.statement.denies or not (finding.answer or (not closed and finding.answer is None)):
                continue
            if best is None or finding.grant > best.grant:
                best = finding
        return best


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer to a request, and how it came about.

    Attributes:
        allowed: whether the request is allowed. What AWS does not settle is read against it.
        layer: for a denial the kind of the layer that decides, in the order scp, rcp, endpoint, resource, identity,
            boundary, session, trust; None where it is allowed.
        is_explicit: whether a Deny decided, rather than the lack of an Allow.
        finding: the statement that decided: the Deny, or the Allow that let it through; None for the lack of one.
        request: what was asked.
        results: what each layer says.
        context: every condition key of the request, with what followed from the rest of it.
        disputed: what AWS does not settle and this answer hangs on; empty where the answer is certain.
        assumptions: what was taken to hold because the estate does not say.
        steps: for a call, the decision on each of its authorisations.
    """

    allowed: bool
    request: Request
    layer: LayerKind | None = None
    is_explicit: bool = False
    finding: Finding | None = None
    results: tuple[LayerResult, ...] = ()
    context: Context = field(default_factory=dict, repr=False)
    disputed: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    steps: tuple[Decision, ...] = ()

    @property
    def statement(self) -> Statement | None:
        """The statement that decided, as it was written."""
        return self.finding.statement.source if self.finding else None
