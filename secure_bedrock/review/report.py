"""What a review says: who can call what, what is wrong with it, and what the input leaves open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from secure_bedrock.policy.decision import Decision
from secure_bedrock.policy.estate import LayerKind
from secure_bedrock.policy.verdicts import Witness
from secure_bedrock.review.template import Source


class Severity(Enum):
    """How much a finding matters. A note changes no exit code."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """The most severe is 0."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A document that a rule comes from.

    Attributes:
        title: as its publisher calls it.
        url: where it is; empty where the title is enough.
    """

    title: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is looked for; the one source of its page, of `secure-bedrock rules ID` and of SARIF.

    Attributes:
        id: in kebab case.
        title: what is wrong, in one line.
        severity: of its findings.
        what: what it looks at, and how it decides.
        why: what goes wrong otherwise.
        example: what it finds: JSON or YAML of a template.
        instead: what to write.
        references: where that is said.
    """

    id: str
    title: str
    severity: Severity
    what: str
    why: str
    example: str
    instead: str
    references: tuple[Reference, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Finding:
    """Something that is wrong.

    Attributes:
        rule: which rule found it.
        message: one line that says it of this resource.
        resource: what a person knows the resource by, such as its construct path.
        source: where it stands: file, line, logical id, construct path; None where only its name is known.
        fix: which resource to change, and to what.
        witness: for what is about access, one request that shows it; its `decision` holds the trace.
        about_outsiders: whether it is about principals that the input does not show.
        when: the outcome of the templates' conditions it is true in; empty: in every one.
        graded: how much it matters, where that differs from the rule.
    """

    rule: Rule
    message: str
    resource: str
    source: Source | None
    fix: str
    witness: Witness | None = None
    about_outsiders: bool = False
    when: str = ""
    graded: Severity | None = None

    @property
    def severity(self) -> Severity:
        """How much it matters."""
        return self.graded or self.rule.severity

    @property
    def decision(self) -> Decision | None:
        """What `evaluate` says to the witness, with the trace."""
        return self.witness.decision if self.witness else None


@dataclass(frozen=True, kw_only=True, eq=False)
class Undecided:
    """Something that could be neither shown nor excluded.

    Attributes:
        rule: which rule asked; None for the access matrix.
        message: what was asked, in one line.
        reason: what stands in the way.
        source: where it stands; None where it is about no single place.
        when: as of a finding.
    """

    rule: Rule | None
    message: str
    reason: str
    source: Source | None = None
    when: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A statement that lets a request through.

    Attributes:
        layer: the kind of policy it stands in.
        statement: its Sid, or its place in the policy such as `Statement[2]`.
        policy: what the policy is called.
        source: where the policy stands; None where it is not in the input, as AWS's own.
    """

    layer: LayerKind
    statement: str
    policy: str
    source: Source | None = None

    def __str__(self) -> str:
        """Return the statement with where to find it."""
        return f"{self.statement} of {self.source or self.policy}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Access:
    """One row of the access matrix: what one principal can invoke, from where, and under which conditions.

    Attributes:
        principal: its name in the estate: the construct path, or its ARN.
        arn: its ARN; for those nobody has named, a pattern.
        is_named: whether the input shows it; else it stands for everybody whom nobody has named.
        principal_source: where it stands; None where the input only names it.
        actions: the IAM actions.
        models: models and profiles as policies write them, without the ARN's first fields.
        regions: the Regions of these resources; `*` for any, `global` for the Region-less models of global profiles.
        accounts: the accounts of these resources; empty for foundation models, which are nobody's.
        network: from where, in words.
        endpoints: the ids of the VPC endpoints it comes through; empty where any network will do.
        guardrail: with which guardrail, in words; empty where the resource carries none.
        conditions: what else a request must hold, one line a key.
        statements: the statements that let the witness through, one a layer.
        assumed_by: who can become the principal: ARNs, services and providers, in words.
        witness: a request of this row, confirmed by `evaluate`; None where the row is undecided.
        undecided: why the row may be empty; empty where the witness shows that it is not.
        when: the outcome of the templates' conditions it is true in; empty: in every one.
    """

    principal: str
    arn: str
    is_named: bool = True
    principal_source: Source | None = None
    actions: tuple[str, ...]
    models: tuple[str, ...]
    regions: tuple[str, ...]
    accounts: tuple[str, ...] = ()
    network: str
    endpoints: tuple[str, ...] = ()
    guardrail: str = ""
    conditions: tuple[str, ...] = ()
    statements: tuple[Grant, ...] = ()
    assumed_by: tuple[str, ...] = ()
    witness: Witness | None = None
    undecided: str = ""
    when: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindSpot:
    """What no policy can close, or no log shows.

    Attributes:
        says: the gap, and what to do about it.
        source: the document that says so.
    """

    says: str
    source: str

    def __str__(self) -> str:
        """Return it with its source."""
        return f"{self.says} ({self.source})"


@dataclass(frozen=True, kw_only=True, eq=False)
class Report:
    """What a review found.

    Attributes:
        path: what was reviewed, as it was given.
        access: the access matrix.
        findings: the most severe first.
        undecided: what could not be decided.
        assumptions: what it all rests on; reports number them from 1.
        blind_spots: what no policy can close.
        made_up: values that stand for what a deployment fills in, each with a name for it.
        left_out: what was not reviewed; None where everything was.
        principals: how many principals the input shows.
        rules: the rules that were applied.
    """

    path: str
    access: tuple[Access, ...]
    findings: tuple[Finding, ...]
    undecided: tuple[Undecided, ...]
    assumptions: tuple[str, ...]
    blind_spots: tuple[BlindSpot, ...]
    made_up: Mapping[str, str] = field(default_factory=dict)
    left_out: str | None = None
    principals: int = 0
    rules: tuple[Rule, ...] = ()

    def counts(self, *, strict: bool = False) -> tuple[Finding, ...]:
        """Return the findings that change the exit code.

        Args:
            strict: whether claims about principals outside the input count too.
        """
        return tuple(
            finding for finding in self.findings
            if finding.severity is not Severity.NOTE and (strict or not finding.about_outsiders)
        )  # fmt: skip
