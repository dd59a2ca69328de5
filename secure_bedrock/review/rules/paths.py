"""Ways to a scoped role other than the declared one, and ways past what a policy says: a ceiling, one's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from secure_bedrock.policy.bedrock_invariants import INFERENCE
from secure_bedrock.policy.difference import diff
from secure_bedrock.policy.document import Policy, Statement
from secure_bedrock.policy.estate import Estate
from secure_bedrock.policy.invariants import Never, Scope, requests
from secure_bedrock.policy.request import Principal
from secure_bedrock.policy.verdicts import Witness
from secure_bedrock.review.assumers import ASSUME
from secure_bedrock.review.checking import Facts, Question, Result, condition, may
from secure_bedrock.review.report import Finding, Rule, Undecided
from secure_bedrock.review.rules._self_grants import self_grants
from secure_bedrock.review.rules.pages import page
from secure_bedrock.review.template import Source

CHAIN = page("role-chain")
PASSED = page("role-can-be-passed")
EDITED = page("role-can-be-edited")
ONWARD = page("scoped-role-leads-on")
CEILING = page("ceiling-incomplete")
REVOCATION = page("revocation-ineffective")
SELF = page("models-by-own-policy")
RULES = (CHAIN, PASSED, EDITED, ONWARD, CEILING, REVOCATION, SELF)

_CHANGES = (
    "iam:AttachRolePolicy", "iam:DetachRolePolicy", "iam:PutRolePolicy", "iam:DeleteRolePolicy",
    "iam:UpdateAssumeRolePolicy", "iam:PutRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary", "iam:TagRole",
    "iam:UntagRole",
)  # fmt: skip
_VERSIONS = ("iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion")
#: What a ceiling limits: everything of Bedrock, and what leads to another role or another tag.
_UNDER_A_CEILING = (
    "bedrock:*", "bedrock-mantle:*", "bedrock-websearch:*", "bedrock-agentcore:*", "sts:AssumeRole", "sts:AssumeRoot",
    "iam:PassRole", "iam:TagRole", "iam:UntagRole", "sts:TagSession",
)  # fmt: skip
#: What says through which profile or router a model is called.
_THROUGH = {"bedrock:inferenceprofilearn", "bedrock:promptrouterarn"}
_REVOKED = "secure-bedrock:revoked"
_ATTACHED = Policy(
    statements=(Statement(effect="Allow", sid="AttachedLater", actions=("*",), resources=("*",)),),
    name="a policy that somebody attaches later",
)


def check(facts: Facts) -> Iterator[Result]:
    """Yield the ways to and past each role under the reserved path."""
    revoked = _all_revoked(facts)
    whole: set[object] = set()
    for name, role in facts.scoped.items():
        yield from _ways_to(facts, name, role)
        if name in facts.invokers:
            if may(role, "sts:AssumeRole", "iam:PassRole"):
                yield _onward(facts, name, role)
            key = _content(role)
            if key not in whole:
                results = list(_ceiling(facts, name, role))
                whole |= set() if results else {key}
                yield from results
            yield from _revocation(facts, name, revoked)
    yield from self_grants(facts, SELF)


def _all_revoked(facts: Facts) -> Estate:
    """The estate once every role under the reserved path bears the tag that revokes."""
    tagged = {name: replace(each, tags=(*each.tags, (_REVOKED, "true"))) for name, each in facts.scoped.items()}
    return replace(facts.estate, principals={**facts.estate.principals, **tagged})


def _content(role: Principal) -> object:
    """What a ceiling depends on: roles that are alike in it are asked about once."""
    policies = (*role.identity, *([role.boundary] if role.boundary else []))
    says = tuple(replace(each, source=None) for policy in policies for each in policy.statements)
    return (role.arn.split(":")[1], role.arn.split(":")[4], role.tags, says)


def _ways_to(facts: Facts, name: str, role: Principal) -> Iterator[Question]:
    """Ask of those who have an Allow for it at all; whoever has none has no way."""
    others = {other: each for other, each in facts.estate.principals.items() if other != name}
    without_mfa = condition("BoolIfExists", "aws:MultiFactorAuthPresent", "false")
    becoming = requests(actions=ASSUME, resources=(role.arn,), conditions=(without_mfa,))
    strangers = [other for other, each in others.items() if _is_let_in(role, each)]
    fix = f"name who may assume it in the trust of {name}, or ask for MFA there"
    if strangers:
        yield _by(facts, CHAIN, name, strangers, "assume", becoming, fix)
    lenders = [o for o, each in others.items() if may(each, "iam:PassRole") and not _lends(each, role.arn)]
    fix = "leave the reserved path out of iam:PassRole in the policies of {by}"
    if lenders:
        passing = requests(actions=("iam:PassRole",), resources=(role.arn,))
        yield _by(facts, PASSED, name, lenders, "pass", passing, fix)
    parts = facts.reading.parts
    managed = tuple(arn for arn in parts.holders[role.arn].managed if arn in parts.policies)
    everybody = {**others, name: role}
    admins = (
        _administrators(facts.estate) if any(may(each, *_CHANGES, *_VERSIONS) for each in everybody.values()) else ()
    )
    fix = "deny these IAM actions on the reserved path in the policies of {by}, or for the whole organisation"
    for actions, resources in ((_CHANGES, (role.arn,)), (_VERSIONS, managed)):
        editors = [o for o, each in everybody.items() if may(each, *actions) and each.arn not in admins]
        if editors and resources:
            yield _by(facts, EDITED, name, editors, "change", requests(actions=actions, resources=resources), fix)


def _is_let_in(role: Principal, other: Principal) -> bool:
    """Whether a trust policy may let a principal in whom it does not name: by `*`, or by its account."""
    statements = [each for each in role.trust.statements if each.effect == "Allow"] if role.trust else []
    values = {value for each in statements for kind, value in each.principals if kind in {"AWS", "*"}}
    if other.arn in values:
        return False
    if "*" in values or any(each.not_principals for each in statements):
        return True
    accounts = {value.split(":")[4] if value.endswith(":root") else value for value in values}
    return other.arn.split(":")[4] in accounts and may(other, *ASSUME)


def _lends(principal: Principal, arn: str) -> bool:
    """Whether a policy of a principal names a role, and no pattern, to be passed on: that is declared."""
    return any(
        arn in statement.resources and any(action.lower() == "iam:passrole" for action in statement.actions)
        for policy in principal.identity for statement in policy.statements if statement.effect == "Allow"
    )  # fmt: skip


def _administrators(estate: Estate) -> set[str]:
    """The roles that a control policy exempts by their exact ARN."""
    levels = [*estate.scps, *(level for account in estate.accounts.values() for level in account.scps or ())]
    return {
        value for level in levels for policy in level for statement in policy.statements if statement.effect == "Deny"
        for each in statement.conditions if each.key.lower() == "aws:principalarn" for value in each.values
    }  # fmt: skip


def _by(  # noqa: PLR0913, PLR0917 - what a finding says, and what is asked
    facts: Facts, rule: Rule, name: str, principals: list[str], verb: str, statement: Statement, fix: str
) -> Question:
    def finding(witness: Witness) -> Finding:
        by = witness.request.principal
        return Finding(
            rule=rule, message=f"{by} can {verb} {name}, which does not declare that", resource=name,
            source=facts.source_of(by) if by in facts.estate.principals else facts.source_of(name),
            fix=fix.replace("{by}", by), witness=witness,
        )  # fmt: skip

    return Question(
        rule=rule, finding=finding, message=f"who can {verb} {name}", source=facts.source_of(name),
        claim=Never(name=f"{rule.id} {name}", statements=(statement,), scope=Scope(principals=tuple(principals))),
    )  # fmt: skip


def _onward(facts: Facts, name: str, role: Principal) -> Question:
    """What a role may become or pass on, but for roles that its own policies name."""
    declared = tuple(dict.fromkeys(
        arn for policy in role.identity for statement in policy.statements if statement.effect == "Allow"
        for arn in statement.resources if ":role/" in arn and not set(arn) & {"*", "?"}
    ))  # fmt: skip
    beyond = {"not_resources": declared} if declared else {}

    def finding(witness: Witness) -> Finding:
        said = (
            f"can {'become' if 'Assume' in witness.decision.request.action else 'pass on'} roles that nobody declared"
        )
        return Finding(
            rule=ONWARD, message=f"{name} {said}", resource=name, source=facts.source_of(name), witness=witness,
            fix=f"deny sts:AssumeRole and iam:PassRole in the ceiling of {name}",
        )  # fmt: skip

    claim = requests(actions=("sts:AssumeRole", "iam:PassRole"), **beyond)
    return Question(
        rule=ONWARD, finding=finding, message=f"whether {name} leads to other roles", source=facts.source_of(name),
        estate=_beside_another(facts, name, role.identity),
        claim=Never(name=f"roles beyond {name}", statements=(claim,), scope=Scope(principals=(name,))),
    )  # fmt: skip


def _ceiling(facts: Facts, name: str, role: Principal) -> Iterator[Result]:
    """Attach a policy that allows everything: what Bedrock lets through must stay what it was."""
    settled = (*role.identity, *_wherever_profiles_lead(role))
    found = diff(
        _beside_another(facts, name, settled),
        _beside_another(facts, name, (*settled, _ATTACHED)),
        actions=_UNDER_A_CEILING,
        scope=Scope(principals=(name,)),
    )
    source = _place(facts, role) or facts.source_of(name)
    for gained in found.gained:
        if gained.witness is None:
            continue
        action = gained.witness.decision.request.action
        yield Finding(
            rule=CEILING, message=f"the ceiling of {name} lets a policy that is attached later allow {action}",
            resource=name, source=source, witness=gained.witness,
            fix=f"deny it in the ceiling of {name}: {gained.description}",
        )  # fmt: skip
        return
    if found.unsettled:
        message = f"whether the ceiling of {name} is whole"
        yield Undecided(rule=CEILING, message=message, reason="; ".join(found.unsettled), source=source)


def _wherever_profiles_lead(role: Principal) -> Iterator[Policy]:
    """The Allow statements on models behind a profile, in any Region: which one it is, the profile decides."""
    for policy in role.identity:
        behind = tuple(
            replace(
                statement, sid=None, resources=tuple(each for arn in statement.resources for each in _anywhere(arn))
            )
            for statement in policy.statements
            if statement.effect == "Allow" and any(each.key.lower() in _THROUGH for each in statement.conditions)
        )
        if behind:
            yield Policy(statements=behind, name=f"{policy.name}, in any Region")


def _anywhere(arn: str) -> tuple[str, ...]:
    fields = arn.split(":")
    if len(fields) < 6 or not fields[5].startswith("foundation-model/"):  # noqa: PLR2004 - an ARN
        return (arn,)
    return tuple(":".join((*fields[:3], region, *fields[4:])) for region in ("*", ""))


def _beside_another(facts: Facts, name: str, identity: tuple[Policy, ...]) -> Estate:
    """The role with these policies and no others around it, and another role of its account for it to become."""
    role = replace(facts.estate.principals[name], identity=identity)
    return Estate(principals={name: role, "another role": _other(role)})


def _other(role: Principal) -> Principal:
    """A role of the same account that trusts the whole account, as many do."""
    partition, account = role.arn.split(":")[1], role.arn.split(":")[4]
    root = f"arn:{partition}:iam::{account}:root"
    trust = Statement(effect="Allow", actions=("sts:AssumeRole", "sts:TagSession"), principals=(("AWS", root),))
    return Principal(
        arn=f"arn:{partition}:iam::{account}:role/another", trust=Policy(statements=(trust,), name="trust")
    )


def _place(facts: Facts, role: Principal) -> Source | None:
    """Where the Deny statements stand."""
    denying = [policy for policy in role.identity if any(each.effect == "Deny" for each in policy.statements)]
    return facts.place(denying[0]) if denying else None


def _revocation(facts: Facts, name: str, revoked: Estate) -> Iterator[Question]:
    """The tag that revokes a role, or a profile, must stop it."""
    here = condition("Null", f"aws:PrincipalTag/{_REVOKED}", "false")
    there = condition("Null", f"aws:ResourceTag/{_REVOKED}", "false")
    resources = tuple(
        arn for row in facts.invokers[name] if row.witness for arn in (row.witness.decision.request.resource,)
    )
    for estate, mark, what in ((revoked, here, "its role"), (facts.estate, there, "what it calls")):
        said = f"goes on invoking where the tag {_REVOKED} is on {what}"

        def finding(witness: Witness, said: str = said) -> Finding:
            return Finding(
                rule=REVOCATION, message=f"{name} {said}", resource=name, source=facts.source_of(name), witness=witness,
                fix=f"deny bedrock:* and its like in a policy of {name} while the tag is there (Null: false)",
            )  # fmt: skip

        claim = requests(actions=INFERENCE, resources=resources, conditions=(mark,))
        yield Question(
            rule=REVOCATION, finding=finding, message=f"whether {name} {said}", source=facts.source_of(name),
            estate=estate,
            claim=Never(name=f"{said} {name}", statements=(claim,), scope=Scope(principals=(name,))),
        )  # fmt: skip
