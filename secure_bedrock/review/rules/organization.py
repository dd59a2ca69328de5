"""Control policies: attached, binding somebody, and not in the way of what they are to allow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy._budget import Budget, ExhaustedError
from secure_bedrock.policy._formulas import FALSE, all_of, find
from secure_bedrock.policy._proving import Prover
from secure_bedrock.policy._subjects import Subject
from secure_bedrock.policy.bedrock_invariants import calls_work
from secure_bedrock.policy.calls import Call
from secure_bedrock.policy.document import Condition, Policy, Statement
from secure_bedrock.policy.explanation import NAMES
from secure_bedrock.policy.invariants import Never, Scope
from secure_bedrock.policy.matching import CompiledStatement, compile_policy
from secure_bedrock.policy.proving import BUDGET, prove
from secure_bedrock.policy.verdicts import Refuted, Witness
from secure_bedrock.review.building import Control
from secure_bedrock.review.checking import Facts, Question, Result, named
from secure_bedrock.review.report import Finding, Undecided
from secure_bedrock.review.rules.pages import page

DETACHED = page("control-policy-not-attached")
NOBODY = page("control-policy-exempts-everybody")
PATTERN = page("control-policy-exempts-by-pattern")
BROKEN = page("granted-but-denied")
RULES = (DETACHED, NOBODY, PATTERN, BROKEN)

_ARN = "aws:principalarn"
#: Names under these paths are given by AWS alone.
_RESERVED = (":role/aws-reserved/", ":role/aws-service-role/")


def check(facts: Facts) -> Iterator[Result]:
    """Yield what is wrong with control policies, and what they break."""
    for control in facts.reading.parts.controls:
        if not control.targets:
            name = control.policy.name or "the policy"
            yield Finding(
                rule=DETACHED, message=f"{name} is attached to nothing", resource=name, source=control.source,
                fix=f"name the roots, units or accounts of {name} in TargetIds",
            )  # fmt: skip
        elif control.kind == "scp":
            for statement in control.policy.statements:
                yield from _exemptions(facts, control, statement)
    yield from _broken(facts)


def _exemptions(facts: Facts, control: Control, statement: Statement) -> Iterator[Result]:
    about = [each for each in statement.conditions if each.key.lower() == _ARN and "Not" in each.operator]
    if statement.effect != "Deny" or not about or not _is_about_bedrock(statement):
        return
    name = f"{named(statement)} of {control.policy.name}"
    if _binds_nobody(facts, statement):
        yield Finding(
            rule=NOBODY, message=f"{name} exempts everybody whom it could bind", resource=control.policy.name or name,
            source=control.source, fix=f"name exact roles in the exemption of {name}",
        )  # fmt: skip
        return
    exact = tuple(value for each in about for value in each.values if _is_exact(value))
    if len(exact) == sum(len(each.values) for each in about):
        return
    kept = tuple(each for each in statement.conditions if each not in about)
    others = (Condition(operator="ArnNotLike", key="aws:PrincipalArn", values=exact),) if exact else ()

    def finding(witness: Witness) -> Finding:
        return Finding(
            rule=PATTERN, message=f"{name} exempts whoever has a name of some pattern",
            resource=control.policy.name or name, source=control.source, witness=witness,
            fix=f"name exact roles in the exemption of {name}, and deny making roles of these names to others",
        )  # fmt: skip

    yield Question(
        rule=PATTERN, finding=finding, message=f"whether {name} exempts by a pattern", source=control.source,
        claim=Never(
            name=f"exempt from {name}", statements=(replace(statement, conditions=(*kept, *others)),),
            scope=Scope(principals=(), unnamed=True),
        ),
    )  # fmt: skip


def _is_about_bedrock(statement: Statement) -> bool:
    return bool(statement.not_actions) or any(
        action == "*" or action.lower().startswith("bedrock") for action in statement.actions
    )


def _is_exact(value: str) -> bool:
    """Whether a pattern of ARNs leaves no choice of name; the account may be any."""
    return any(path in value for path in _RESERVED) or not set(value.split(":", 5)[-1]) & {"*", "?"}


def _binds_nobody(facts: Facts, statement: Statement) -> bool:
    """Whether no role or user of the accounts, named or not, can make a request that a Deny surely covers."""
    scope = Scope(unnamed=True)
    try:
        prover = Prover(facts.estate, [statement], [scope], Budget(BUDGET))
        (compiled,) = compile_policy(Policy(statements=(statement,), name="exempt"), principals=False)
        subjects = [each for each in prover.subjects(scope) if ":root" not in each.name]
        return not any(_binds(prover, each, compiled) for each in subjects)
    except ExhaustedError:
        return False


def _binds(prover: Prover, subject: Subject, statement: CompiledStatement) -> bool:
    """Whether a statement surely covers some request that a principal can make."""
    inquiry = prover.about(subject)
    formula = all_of([inquiry.covered(statement, maybe=False), inquiry.possible(statement)])
    return formula is not FALSE and find(formula, prover.budget) is not None


def _broken(facts: Facts) -> Iterator[Finding | Undecided]:
    """What an identity policy grants by name and a control policy always denies."""
    if not any(control.kind == "scp" and control.targets for control in facts.reading.parts.controls):
        return
    for name, principal in facts.estate.principals.items():
        for policy in principal.identity:
            for profile in _profiles(policy):
                finding = _of_profile(facts, name, policy, profile)
                if finding is not None:
                    yield finding


def _profiles(policy: Policy) -> Iterator[str]:
    found = (
        arn for statement in policy.statements if statement.effect == "Allow"
        and any(action.lower().startswith("bedrock:invokemodel") for action in statement.actions)
        for arn in statement.resources if ":inference-profile/" in arn and not set(arn) & {"*", "?", "$"}
    )  # fmt: skip
    yield from dict.fromkeys(found)


def _of_profile(facts: Facts, name: str, policy: Policy, profile: str) -> Finding | None:
    rows = facts.invokers.get(name, ())
    endpoints = dict.fromkeys((*(each for row in rows for each in row.endpoints), None))
    named_ones = (row.guardrail.removeprefix("is ") for row in rows if ":guardrail/" in row.guardrail)
    guardrails = dict.fromkeys((*(each for each in named_ones if not set(each) & {",", "*"}), None))
    estate = facts.only(name)
    broken: Witness | None = None
    for endpoint, guardrail in product(endpoints, guardrails):
        call = Call(
            principal=name, operation="Converse", model=profile, region=profile.split(":")[3], endpoint=endpoint,
            guardrail=guardrail,
        )  # fmt: skip
        try:
            verdict = prove(estate, calls_work(call))
        except InvalidInput:  # such as a profile of another account
            return None
        if not isinstance(verdict, Refuted):
            return None
        if verdict.witness.decision.layer in {"scp", "rcp"}:
            broken = broken or verdict.witness
    return broken and _broken_by(facts, name, policy, profile, broken)


def _broken_by(facts: Facts, name: str, policy: Policy, profile: str, witness: Witness) -> Finding:
    step = next(each for each in witness.decision.steps or (witness.decision,) if not each.allowed)
    layer = NAMES[step.layer] if step.layer else "control policy"
    by = named(step.statement) if step.statement else "the control policy"
    return Finding(
        rule=BROKEN, resource=name, source=facts.place(policy) or facts.source_of(name), witness=witness,
        message=f"{name} is granted {profile}, and a {layer} denies {step.request.resource}",
        fix=f"let {by} pass the profile's Regions, or take the profile from {name}",
    )  # fmt: skip
