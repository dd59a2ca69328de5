"""Access wider than anybody declared: by wildcard, by NotAction, by keys, from anywhere, without a guardrail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from secure_bedrock.policy.bedrock_invariants import (
    INFERENCE,
    audit_stays_on,
    guardrails_stay,
    nobody_changes,
    nobody_creates_api_keys,
    nobody_keeps_data,
)
from secure_bedrock.policy.catalogue import exempt_from_guardrails
from secure_bedrock.policy.document import Policy, Statement
from secure_bedrock.policy.invariants import Never, Scope, requests
from secure_bedrock.policy.request import Principal
from secure_bedrock.policy.verdicts import Witness
from secure_bedrock.review.checking import Facts, Question, Result, may, named, only_allowing
from secure_bedrock.review.report import Access, Finding, Rule, Severity
from secure_bedrock.review.rules.pages import page
from secure_bedrock.review.template import Source

ANY_MODEL = page("wildcard-model")
NOT_ACTION = page("inference-by-not-action")
USER = page("user-with-keys")
API_KEYS = page("api-keys-allowed")
ANYWHERE = page("inference-from-anywhere")
NO_GUARDRAIL = page("inference-without-guardrail")
OTHERS = page("unnamed-principals")
RULES = (ANY_MODEL, NOT_ACTION, USER, API_KEYS, ANYWHERE, NO_GUARDRAIL, OTHERS)

#: Resource types that are models, or lead to some.
_MODELS = (
    "foundation-model", "inference-profile", "application-inference-profile", "imported-model", "provisioned-model",
    "custom-model-deployment", "custom-model", "prompt-router", "default-prompt-router", "marketplace",
    "project",
)  # fmt: skip
_BEARER = ("bedrock:CallWithBearerToken", "bedrock-mantle:CallWithBearerToken")
_OPEN = ("any network", "without an endpoint, any network")
_SHOWN = 3


def check(facts: Facts) -> Iterator[Result]:
    """Yield what each principal of the input may do that nobody can have meant."""
    for name, rows in facts.invokers.items():
        if name not in facts.estate.principals:
            continue
        yield from _wildcards(facts, name, rows)
        yield from _not_actions(facts, name, facts.estate.principals[name])
        inference = [row for row in rows if set(row.actions) & set(INFERENCE)]
        yield from _user(facts, name, inference)
        yield from _anywhere(facts, name, rows)
        yield from _guardrail(facts, name, inference, uses_guardrails=facts.uses_guardrails)
    yield from _api_keys(facts)
    yield from _others(facts)


def _finding(  # noqa: PLR0913 - what a finding says
    facts: Facts, rule: Rule, row: Access, *, said: str, fix: str, graded: Severity | None = None
) -> Finding:
    name = row.principal
    return Finding(
        rule=rule, message=f"{name} {said}", resource=name, source=_granting(row) or facts.source_of(name), fix=fix,
        witness=row.witness, graded=graded,
    )  # fmt: skip


def _granting(row: Access) -> Source | None:
    return next((grant.source for grant in row.statements if grant.layer == "identity" and grant.source), None)


def _wildcards(facts: Facts, name: str, rows: Iterable[Access]) -> Iterator[Result]:
    wild: dict[str, Access] = {}
    for row in rows:
        if any(_tells_models(text) for text in row.conditions):
            continue
        for model in row.models:
            pattern = model.partition(" except ")[0]
            if set(pattern) & {"*", "?"} and (pattern == "*" or pattern.partition("/")[0] in _MODELS):
                wild.setdefault(pattern, row)
    if not wild:
        return
    wild = dict(sorted(wild.items(), key=lambda item: _rank(item[0])))
    row = next(iter(wild.values()))
    shown = ", ".join(list(wild)[:_SHOWN]) + (f" and {len(wild) - _SHOWN} more" if len(wild) > _SHOWN else "")
    actions = tuple(dict.fromkeys(action for each in wild.values() for action in each.actions))
    is_any = any(pattern in {"*", "foundation-model/*", "inference-profile/*"} for pattern in wild)
    source = _granting(row) or facts.source_of(name)
    fix = f"name the models and profiles in the Resource of {_statements(row)}"

    def finding(witness: Witness) -> Finding:
        return Finding(
            rule=ANY_MODEL, message=f"{name} may use whatever matches {shown}", resource=name, source=source, fix=fix,
            witness=witness, graded=None if is_any else Severity.MEDIUM,
        )  # fmt: skip

    resources = tuple("*" if pattern == "*" else f"arn:*:*:*:*:{pattern}" for pattern in wild)
    claim = Never(
        name=f"models of {name}",
        statements=(requests(actions=actions, resources=resources),),
        scope=Scope(principals=(name,)),
    )
    yield Question(
        rule=ANY_MODEL, claim=claim, finding=finding, source=source, message=f"whether {name} may use any model"
    )  # fmt: skip


def _tells_models(text: str) -> bool:
    """Whether a condition stands in for the name of a model: the tag of a profile, the model of a project."""
    key, is_said, value = text.partition(" is ")
    told = key.startswith("aws:ResourceTag/") or key == "bedrock-mantle:Model"
    return bool(is_said) and told and not value.startswith(("absent", "not ", "present")) and "*" not in value


def _rank(pattern: str) -> tuple[int, str]:
    kind = pattern.partition("/")[0]
    return (_MODELS.index(kind) if kind in _MODELS else -1, pattern)


def _statements(row: Access) -> str:
    found = [str(grant) for grant in row.statements if grant.layer in {"identity", "resource"}]
    return " and ".join(found) or row.principal


def _not_actions(facts: Facts, name: str, principal: Principal) -> Iterator[Result]:
    for policy in principal.identity:
        for statement in policy.statements:
            if statement.effect == "Allow" and statement.not_actions:
                yield _by(facts, name, principal, policy, statement)


def _by(facts: Facts, name: str, principal: Principal, policy: Policy, statement: Statement) -> Question:
    source = facts.place(policy)

    def finding(witness: Witness) -> Finding:
        return Finding(
            rule=NOT_ACTION, message=f"{name} may invoke by {named(statement)}, which lists what it leaves out",
            resource=name, source=source, witness=witness,
            fix=f"list the actions in {named(statement)} of {policy.name}, or add Bedrock's to its NotAction",
        )  # fmt: skip

    return Question(
        rule=NOT_ACTION, finding=finding, source=source, message=f"whether {name} may invoke by {named(statement)}",
        claim=Never(
            name=f"NotAction of {name}", statements=(requests(actions=INFERENCE),), scope=Scope(principals=(name,))
        ),
        estate=facts.only(name, identity=only_allowing(principal.identity, statement)),
    )  # fmt: skip


def _user(facts: Facts, name: str, rows: Sequence[Access]) -> Iterator[Finding]:
    if not rows or ":user/" not in rows[0].arn:
        return
    holder = facts.reading.parts.holders.get(rows[0].arn)
    if holder is not None and holder.has_keys:
        fix = f"delete the keys of {name}; let the person or workload assume a role, and give that role the models"
        yield _finding(facts, USER, rows[0], said="is a user with keys that do not end, and may invoke", fix=fix)
    else:
        fix = f"give the models to a role, and let {name} assume it"
        said = "is a user, who may be given keys that do not end, and may invoke"
        yield _finding(facts, USER, rows[0], said=said, fix=fix, graded=Severity.LOW)


def _anywhere(facts: Facts, name: str, rows: Iterable[Access]) -> Iterator[Finding]:
    row = next((row for row in rows if row.network in _OPEN), None)
    if row is not None:
        fix = (
            f"deny what does not come through the endpoint (aws:SourceVpce) or from your addresses (aws:SourceIp) "
            f"in a policy of {name}"
        )
        yield _finding(
            facts, ANYWHERE, row, said="may invoke from any network, the public internet among them", fix=fix
        )


def _guardrail(facts: Facts, name: str, rows: Iterable[Access], *, uses_guardrails: bool) -> Iterator[Finding]:
    for row in rows:
        takes_one = any(
            not exempt_from_guardrails(model.partition("/")[2]) for model in row.models
            if model.startswith(("foundation-model/", "*"))
        )  # fmt: skip
        if row.guardrail == "none required" and takes_one:
            fix = (
                f"deny the inference actions in a policy of {name} unless bedrock:GuardrailIdentifier is your guardrail"
            )
            grade = None if uses_guardrails else Severity.NOTE
            said = f"may use {row.models[0]} without a guardrail"
            yield _finding(facts, NO_GUARDRAIL, row, said=said, fix=fix, graded=grade)
            return


def _api_keys(facts: Facts) -> Iterator[Result]:
    fix = "deny bedrock:CallWithBearerToken and bedrock-mantle:CallWithBearerToken in a policy of {name}, or for the "
    making = "deny iam:CreateServiceSpecificCredential in a policy of {name}, or for the "
    using = (requests(actions=_BEARER),)
    for name, principal in facts.estate.principals.items():
        if may(principal, *_BEARER):
            yield _api_key(facts, name, using, "may call Bedrock with an API key", fix)
        if may(principal, "iam:CreateServiceSpecificCredential"):
            yield _api_key(facts, name, nobody_creates_api_keys().statements, "may make API keys of Bedrock", making)


def _api_key(facts: Facts, name: str, statements: tuple[Statement, ...], said: str, fix: str) -> Question:
    source = facts.source_of(name)

    def finding(witness: Witness) -> Finding:
        return Finding(
            rule=API_KEYS, message=f"{name} {said}", resource=name, source=source, witness=witness,
            fix=f"{fix.format(name=name)}whole organisation",
        )  # fmt: skip

    claim = Never(name=f"API keys: {name} {said}", statements=statements, scope=Scope(principals=(name,)))
    return Question(rule=API_KEYS, claim=claim, finding=finding, message=f"whether {name} {said}", source=source)


def _others(facts: Facts) -> Iterator[Question]:
    """Whoever the input does not show, at their widest: administrators of its accounts."""
    scope = Scope(principals=(), unnamed=True)
    roles = tuple(role.arn for role in facts.scoped.values())
    changes = ((nobody_changes(*roles).statements, "change the roles under /secure-bedrock/"),) if roles else ()
    claims = (
        ((requests(actions=INFERENCE),), "invoke"),
        ((requests(actions=_BEARER),), "use API keys"),
        (nobody_creates_api_keys().statements, "make API keys"),
        (nobody_keeps_data().statements, "change how long Bedrock keeps data"),
        (audit_stays_on().statements, "switch the records off"),
        (guardrails_stay().statements, "change guardrails"),
        *changes,
    )
    for statements, what in claims:
        yield _other(statements, what, scope)


def _other(statements: tuple[Statement, ...], what: str, scope: Scope) -> Question:
    said = f"whoever the input does not show may {what}, if policies of their own allow it"

    def finding(witness: Witness) -> Finding:
        return Finding(
            rule=OTHERS, message=said, resource=witness.decision.request.principal, source=None, witness=witness,
            about_outsiders=True,
            fix="attach a service control policy that denies it to all but the declared roles, or review the "
                "account's own export",
        )  # fmt: skip

    claim = Never(name=f"others {what}", statements=statements, scope=scope)
    return Question(rule=OTHERS, claim=claim, finding=finding, message=f"whether others may {what}")
