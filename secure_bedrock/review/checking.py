"""What a rule works with: the facts of one reading, and questions to the prover that are answered together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from secure_bedrock.policy.document import Condition, Policy, Statement
from secure_bedrock.policy.estate import Account, Estate
from secure_bedrock.policy.invariants import Never
from secure_bedrock.policy.proving import prove_all
from secure_bedrock.policy.request import Principal
from secure_bedrock.policy.verdicts import Proved, Refuted, Unknown, Witness
from secure_bedrock.review.loading import Reading
from secure_bedrock.review.report import Access, Finding, Rule, Undecided
from secure_bedrock.review.template import Source

#: Roles that declare who may become them, and what they may do at most.
SCOPED = ":role/secure-bedrock/"


@dataclass(frozen=True, kw_only=True, eq=False)
class Question:
    """A claim that must hold, and what to say where it does not.

    Attributes:
        rule: which rule asks.
        claim: the claim.
        finding: makes the finding of a request that breaks the claim; None: that request is no finding after all.
        message: what was asked, for a report that cannot decide it.
        source: where that stands.
        estate: what it is asked of. Default: the estate of the reading.
    """

    rule: Rule
    claim: Never
    finding: Callable[[Witness], Finding | None]
    message: str
    source: Source | None = None
    estate: Estate | None = None


#: What a rule yields.
Result = Finding | Undecided | Question


@dataclass(frozen=True, kw_only=True, eq=False)
class Resource:
    """A resource of a template that is deployed.

    Attributes:
        stack: the name of its template.
        logical_id: as the template has it.
        kind: its type.
        properties: filled in.
        source: where it stands.
        ids: what references to it give.
    """

    stack: str
    logical_id: str
    kind: str
    properties: Mapping[str, Any]
    source: Source
    ids: frozenset[str]

    @property
    def name(self) -> str:
        """What people know it by."""
        return name_of(self.source, self.logical_id)


@dataclass(frozen=True, kw_only=True, eq=False)
class Facts:
    """One reading of an input, ready for the rules.

    Attributes:
        reading: the reading.
        access: its rows of the access matrix.
    """

    reading: Reading
    access: tuple[Access, ...]
    _kinds: dict[str, tuple[Resource, ...]] = field(default_factory=dict)

    @property
    def estate(self) -> Estate:
        """The estate."""
        return self.reading.estate

    @cached_property
    def invokers(self) -> Mapping[str, tuple[Access, ...]]:
        """The rows of each principal that can use a model, by its name."""
        found: dict[str, list[Access]] = {}
        for row in self.access:
            found.setdefault(row.principal, []).append(row)
        return {name: tuple(rows) for name, rows in found.items()}

    @cached_property
    def scoped(self) -> Mapping[str, Principal]:
        """The roles under the reserved path, by name."""
        return {name: each for name, each in self.estate.principals.items() if SCOPED in each.arn}

    @cached_property
    def guarded(self) -> Mapping[str, Principal]:
        """The roles that can use a model, and those under the reserved path."""
        return {
            name: each for name, each in self.estate.principals.items()
            if ":role/" in each.arn and (name in self.invokers or name in self.scoped)
        }  # fmt: skip

    @cached_property
    def uses_guardrails(self) -> bool:
        """Whether there is a guardrail, or a policy that asks for one."""
        conditions = (
            each.key.lower() for principal in self.estate.principals.values() for policy in principal.identity
            for statement in policy.statements for each in statement.conditions
        )  # fmt: skip
        return bool(self.resources("AWS::Bedrock::Guardrail")) or "bedrock:guardrailidentifier" in conditions

    def source_of(self, principal: str) -> Source | None:
        """Return where a principal of the estate stands."""
        holder = self.reading.parts.holders.get(self.estate.principals[principal].arn)
        return holder.source if holder else None

    def place(self, policy: Policy | None) -> Source | None:
        """Return where a policy stands."""
        return self.reading.source(policy.source) if policy else None

    def resources(self, kind: str) -> tuple[Resource, ...]:
        """Return the deployed resources of a type."""
        if kind not in self._kinds:
            self._kinds[kind] = tuple(self._of(kind))
        return self._kinds[kind]

    def _of(self, kind: str) -> Iterator[Resource]:
        resolver = self.reading.resolver
        for stack, template in resolver.templates.items():
            for logical_id, resource in template.of_type(kind):
                if resolver.is_present(stack, resource):
                    yield Resource(
                        stack=stack, logical_id=logical_id, kind=kind, source=template.source(logical_id),
                        properties=resolver.properties(stack, logical_id), ids=frozenset(self._ids(stack, logical_id)),
                    )  # fmt: skip

    def _ids(self, stack: str, logical_id: str) -> Iterator[str]:
        resolver = self.reading.resolver
        yield str(resolver.physical_id(stack, logical_id))
        for attribute in ("Arn", "GroupId", "PrefixListId"):
            yield str(resolver.attribute(stack, [logical_id, attribute]))

    def alone(self, *, principals: Mapping[str, Principal] | None = None, more_accounts: Iterable[str] = ()) -> Estate:
        """Return the estate without its organisation's policies, to ask what one policy says by itself.

        Args:
            principals: instead of all. Default: none.
            more_accounts: accounts that count as the estate's own.
        """
        accounts = dict.fromkeys((*self.estate.own_accounts, *more_accounts), Account())
        return Estate(
            principals=principals or {}, accounts=accounts, endpoints=self.estate.endpoints,
            resource_policies=self.estate.resource_policies, organization_id=self.estate.organization_id,
        )  # fmt: skip

    def only(self, name: str, **changes: Any) -> Estate:  # noqa: ANN401 - fields of a Principal
        """Return the estate with one principal alone, changed: all that its own requests depend on."""
        return replace(self.estate, principals={name: replace(self.estate.principals[name], **changes)})


def covered(statement: Statement, actions: Sequence[str]) -> tuple[str, ...]:
    """Return those of some actions, without wildcards, that a statement is about."""

    def among(action: str, patterns: Sequence[str]) -> bool:
        return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)

    if statement.not_actions:
        return tuple(action for action in actions if not among(action, statement.not_actions))
    return tuple(action for action in actions if among(action, statement.actions))


def may(principal: Principal, *actions: str) -> bool:
    """Whether a principal has an Allow for one of some actions: without one there is no access."""
    return any(
        statement.effect == "Allow" and covered(statement, actions)
        for policy in principal.identity
        for statement in policy.statements
    )


def only_allowing(policies: Iterable[Policy], statement: Statement) -> tuple[Policy, ...]:
    """Return policies with every Deny of theirs, and one Allow of all of them."""
    found: list[Policy] = []
    for policy in policies:
        kept = tuple(each for each in policy.statements if each.effect == "Deny" or each == statement)
        if kept:
            found.append(replace(policy, statements=kept))
    return tuple(found)


def answered(facts: Facts, results: Iterable[Result]) -> Iterator[Finding | Undecided]:
    """Yield findings as they are, and those that questions lead to; questions about one estate are asked together."""
    together: dict[tuple[int, frozenset[str]], list[Question]] = {}
    for result in results:
        if isinstance(result, Question):
            services = frozenset(_services(result.claim.statements))
            together.setdefault((id(result.estate or facts.estate), services), []).append(result)
        else:
            yield result
    for questions in together.values():
        estate = questions[0].estate or facts.estate
        verdicts = prove_all(estate, [question.claim for question in questions])
        for question, verdict in zip(questions, verdicts, strict=True):
            yield from _said(question, verdict)


def _said(question: Question, verdict: Proved | Refuted | Unknown) -> Iterator[Finding | Undecided]:
    if isinstance(verdict, Refuted):
        finding = question.finding(verdict.witness)
        if finding is not None:
            yield finding
    elif isinstance(verdict, Unknown):
        yield Undecided(rule=question.rule, message=question.message, reason=verdict.reason, source=question.source)


def _services(statements: Sequence[Statement]) -> Iterator[str]:
    for statement in statements:
        yield from (action.partition(":")[0].lower() for action in statement.actions or ("*",))


def name_of(source: Source | None, otherwise: str) -> str:
    """Return what people know a resource by."""
    return (source and (source.construct_path or source.logical_id)) or otherwise


def condition(operator: str, key: str, *values: str) -> Condition:
    """Return a condition of an operator as policies write it, `IfExists` included."""
    plain = operator.removesuffix("IfExists")
    return Condition(operator=plain, key=key, values=values, if_exists=plain != operator)


def named(statement: Statement) -> str:
    """Return what people know a statement by."""
    return f"{statement.effect} {statement.sid or '(no Sid)'}"
