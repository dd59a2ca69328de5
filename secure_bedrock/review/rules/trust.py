"""Trust: who may become a role that can use models, from outside the input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from secure_bedrock.policy.document import Policy, Statement
from secure_bedrock.policy.estate import Account, Estate
from secure_bedrock.policy.invariants import Never, Scope, requests
from secure_bedrock.policy.request import Principal
from secure_bedrock.policy.trust import (
    ROLES_ANYWHERE,
    asks_for_saml_audience,
    federation_problem,
    is_sign_in,
    roles_anywhere_problem,
)
from secure_bedrock.policy.verdicts import Witness
from secure_bedrock.review.assumers import ASSUME
from secure_bedrock.review.checking import Facts, Question, Result, condition, named
from secure_bedrock.review.report import Finding, Rule, Severity
from secure_bedrock.review.rules.pages import page
from secure_bedrock.review.template import Source

PUBLIC = page("public-trust")
FOREIGN = page("foreign-trust-unconditioned")
FEDERATED = page("federated-trust-too-wide")
RESOURCE = page("resource-policy-open")
RULES = (PUBLIC, FOREIGN, FEDERATED, RESOURCE)
_OUTSIDE = Scope(principals=(), outside=True)


def check(facts: Facts) -> Iterator[Result]:
    """Yield what is wrong with the trust policies of roles that can use models."""
    for name, role in facts.guarded.items():
        if role.trust is None:
            continue
        yield from _outside(facts, name, role, role.trust)
        for statement in role.trust.statements:
            yield from _federated(facts, name, role, statement)
    yield from _resources(facts)


def _outside(facts: Facts, name: str, role: Principal, trust: Policy) -> Iterator[Result]:
    source, foreign = facts.source_of(name), foreign_accounts(facts.estate, trust)
    organisations = tuple(sorted(_organisations(trust)))
    in_none = (condition("StringNotEquals", "aws:PrincipalOrgID", *organisations),) if organisations else ()
    known = dict.fromkeys((*facts.estate.own_accounts, *foreign), Account())
    everybody = Estate(principals={name: role}, accounts=known, organization_id=facts.estate.organization_id)
    fix = f"name the accounts or roles in the AssumeRolePolicyDocument of {name}"
    said = "can be assumed by anybody of any account"
    yield _ask(
        PUBLIC, name, source, said, fix, requests(actions=ASSUME, resources=(role.arn,), conditions=in_none), everybody
    )
    if not foreign:
        return
    bare = (
        condition("StringEquals", "aws:PrincipalAccount", *foreign),
        condition("Null", "sts:ExternalId", "true"),
        condition("BoolIfExists", "aws:MultiFactorAuthPresent", "false"),
        condition("Null", "aws:PrincipalOrgID", "true"),
    )
    said = f"can be assumed from account {', '.join(foreign)} without external id, MFA or organisation"
    fix = f"add sts:ExternalId, aws:MultiFactorAuthPresent or aws:PrincipalOrgID to the trust of {name}"
    claim = requests(actions=("sts:AssumeRole",), resources=(role.arn,), conditions=bare)
    yield _ask(FOREIGN, name, source, said, fix, claim, facts.estate)


def foreign_accounts(estate: Estate, trust: Policy) -> tuple[str, ...]:
    """Return the accounts that a trust policy names and the estate does not hold."""
    values = {value for statement in trust.statements for kind, value in statement.principals if kind == "AWS"}
    accounts = {value.split(":")[4] if value.startswith("arn:") else value for value in values}
    return tuple(sorted(a for a in accounts if a.isdigit() and a not in estate.own_accounts))


def _organisations(trust: Policy) -> set[str]:
    return {
        value for statement in trust.statements for each in statement.conditions
        if each.key.lower() == "aws:principalorgid" and "Not" not in each.operator for value in each.values
    }  # fmt: skip


def _ask(  # noqa: PLR0913, PLR0917 - what a finding says, and what is asked
    rule: Rule, name: str, source: Source | None, said: str, fix: str, claim: Statement, estate: Estate,
    scope: Scope = _OUTSIDE, graded: Severity | None = None,
) -> Question:  # fmt: skip
    def finding(witness: Witness) -> Finding:
        return Finding(
            rule=rule, message=f"{name} {said}", resource=name, source=source, fix=fix, witness=witness, graded=graded
        )

    return Question(
        rule=rule, claim=Never(name=f"{rule.id} {name}", statements=(claim,), scope=scope), finding=finding,
        message=f"whether {name} {said}", source=source, estate=estate,
    )  # fmt: skip


def _federated(facts: Facts, name: str, role: Principal, statement: Statement) -> Iterator[Result]:
    """A statement for identities from outside AWS that does not tie them to one workload, if it lets anybody in."""
    kinds = {kind for kind, _ in statement.principals}
    is_anywhere = any(value.startswith(ROLES_ANYWHERE) for kind, value in statement.principals if kind == "Service")
    if statement.effect != "Allow" or not is_sign_in(statement) or not (is_anywhere or "Federated" in kinds):
        return
    account = role.arn.split(":")[4]
    problem = roles_anywhere_problem(statement, account) if is_anywhere else federation_problem(statement)
    if problem is None or role.trust is None:
        return
    kept = tuple(each for each in role.trust.statements if each.effect == "Deny" or each == statement)
    estate = facts.only(name, trust=replace(role.trust, statements=kept))
    said = f"trusts more identities than one workload by {named(statement)}"
    fix = f"in the trust of {name} ask for {problem}"
    claim = requests(actions=ASSUME, resources=(role.arn,))
    graded = Severity.LOW if asks_for_saml_audience(statement) else None
    scope = Scope(principals=(), services=True)
    yield _ask(FEDERATED, name, facts.source_of(name), said, fix, claim, estate, scope, graded)


def _resources(facts: Facts) -> Iterator[Result]:
    for arn, policy in facts.estate.resource_policies.items():
        source = facts.place(policy)
        orgs = tuple(sorted(_organisations(policy)))
        in_none = (condition("StringNotEquals", "aws:PrincipalOrgID", *orgs),) if orgs else ()
        accounts = dict.fromkeys((*facts.estate.own_accounts, *foreign_accounts(facts.estate, policy)), Account())
        estate = Estate(resource_policies={arn: policy}, accounts=accounts)
        said = "is open to anybody of any account"
        fix = f"name the accounts in the resource policy of {arn}"
        claim = requests(actions=("bedrock:*",), resources=(arn,), conditions=in_none)
        yield _ask(RESOURCE, arn, source, said, fix, claim, estate)
