"""Conditions that look as if they held and do not: MFA, guardrail, Region, API keys, tags of the caller's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from secure_bedrock.policy._subjects import may_tag_sessions
from secure_bedrock.policy.bedrock_invariants import INFERENCE
from secure_bedrock.policy.document import Condition, Policy, Statement
from secure_bedrock.policy.estate import Estate
from secure_bedrock.policy.invariants import Never, Scope, requests
from secure_bedrock.policy.verdicts import Witness
from secure_bedrock.review.assumers import ASSUME
from secure_bedrock.review.checking import Facts, Question, Result, condition, covered, name_of, named, only_allowing
from secure_bedrock.review.report import Access, Finding, Rule
from secure_bedrock.review.rules._own_tags import own_tags
from secure_bedrock.review.rules.endpoints import is_bedrock
from secure_bedrock.review.rules.pages import page
from secure_bedrock.review.template import Source

MFA = page("mfa-ineffective")
GUARDRAIL = page("guardrail-ineffective")
REGION = page("region-ineffective")
MANTLE = page("api-key-deny-incomplete")
ABSENT = page("deny-misses-absent-key")
TAG = page("tag-of-the-caller")
RULES = (MFA, GUARDRAIL, REGION, MANTLE, ABSENT, TAG)

_MFA_KEYS = {"aws:multifactorauthpresent", "aws:multifactorauthage"}
_REGION, _GUARDRAIL, _PROFILE = "aws:requestedregion", "bedrock:guardrailidentifier", "bedrock:inferenceprofilearn"
_WITHOUT_MFA = condition("BoolIfExists", "aws:MultiFactorAuthPresent", "false")
#: A profile that no policy names, because it does not exist.
_UNKNOWN_PROFILE = "arn:*:bedrock:*:*:inference-profile/unreleased.*"
_BEARER = ("bedrock:CallWithBearerToken", "bedrock-mantle:CallWithBearerToken")


@dataclass(frozen=True, kw_only=True, eq=False)
class _Place:
    """A statement, where it stands, and whom it binds.

    Attributes:
        policy: its policy.
        statement: the statement.
        scope: whom it binds.
        estate: where it is asked: the whole estate, or the one where it is the only Allow.
        source: where it stands.
    """

    policy: Policy
    statement: Statement
    scope: Scope
    estate: Estate
    source: Source | None

    @property
    def name(self) -> str:
        return f"{named(self.statement)} of {self.policy.name or name_of(self.source, 'a policy')}"


def check(facts: Facts) -> Iterator[Result]:
    """Yield the statements whose conditions do not do what they are there for."""
    for place in statements_of(facts):
        yield from _asked_of_callers(place)
        if place.statement.effect == "Deny":
            yield from _region(place)
            yield from _bearer(place)
            yield from _age(place)
    for place in _of_endpoints(facts):
        yield from _asked_of_callers(place)
    for name, role in facts.guarded.items():
        for statement in role.trust.statements if role.trust else ():
            yield from _mfa_of_trust(facts, name, statement)
    yield from _tags(facts)
    yield from own_tags(facts, TAG)


def _asked_of_callers(place: _Place) -> Iterator[Question]:
    """What a statement asks whoever calls for: MFA, a guardrail."""
    keys = {each.key.lower() for each in place.statement.conditions}
    if keys & _MFA_KEYS:
        yield from _mfa(place)
    if _GUARDRAIL in keys:
        yield from _guardrail(place)


def statements_of(facts: Facts) -> Iterator[_Place]:
    """Yield every statement of control and identity policies that can have a say about Bedrock."""
    estate = facts.estate
    for control in facts.reading.parts.controls:
        if control.kind == "scp" and control.targets:
            for statement in control.policy.statements:
                yield _Place(
                    policy=control.policy, statement=statement, scope=Scope(unnamed=True), estate=estate,
                    source=control.source,
                )  # fmt: skip
    for name in {*facts.invokers, *facts.scoped} & set(estate.principals):
        principal = estate.principals[name]
        for policy in principal.identity:
            for statement in policy.statements:
                where = estate
                keys = {each.key.lower() for each in statement.conditions}
                if statement.effect == "Allow" and keys & {*_MFA_KEYS, _GUARDRAIL}:
                    where = facts.only(name, identity=only_allowing(principal.identity, statement))
                source = facts.place(policy) or facts.source_of(name)
                yield _Place(
                    policy=policy, statement=statement, scope=Scope(principals=(name,)), estate=where, source=source
                )  # fmt: skip


def _of_endpoints(facts: Facts) -> Iterator[_Place]:
    """Yield the statements of endpoint policies, each about what comes through its endpoint, asked of it alone."""
    alone = facts.alone()
    for endpoint_id, endpoint in alone.endpoints.items():
        through = condition("StringEquals", "aws:SourceVpce", endpoint_id)
        for statement in endpoint.policy.statements if endpoint.policy and is_bedrock(endpoint) else ():
            is_allow = statement.effect == "Allow"
            (policy,) = only_allowing((endpoint.policy,), statement) if is_allow else (endpoint.policy,)
            yield _Place(
                policy=endpoint.policy,
                statement=replace(statement, conditions=(*statement.conditions, through)),
                scope=Scope(principals=(), unnamed=True, outside=True),
                estate=replace(alone, endpoints={endpoint_id: replace(endpoint, policy=policy)}),
                source=facts.reading.parts.endpoint_sources.get(endpoint_id),
            )


def _ask(rule: Rule, place: _Place, statement: Statement, said: str, fix: str) -> Question:
    name = name_of(place.source, place.policy.name or "policy")

    def finding(witness: Witness) -> Finding:
        return Finding(
            rule=rule, message=f"{place.name} {said}", resource=name, source=place.source,
            fix=f"in {place.name}: {fix}", witness=witness,
        )  # fmt: skip

    return Question(
        rule=rule, finding=finding, message=f"whether {place.name} {said}", source=place.source, estate=place.estate,
        claim=Never(name=f"{rule.id} {place.name}", statements=(statement,), scope=place.scope),
    )  # fmt: skip


def _without(statement: Statement, *keys: str) -> tuple[Condition, ...]:
    return tuple(each for each in statement.conditions if each.key.lower() not in keys)


def _like(statement: Statement, actions: Sequence[str], *conditions: Condition) -> Statement | None:
    """Return the requests of a statement, of those actions alone, under other conditions."""
    about = covered(statement, actions)
    if not about:
        return None
    return requests(
        actions=about, resources=statement.resources, not_resources=statement.not_resources, conditions=conditions
    )


# ----- MFA


def _mfa(place: _Place) -> Iterator[Question]:
    others = _without(place.statement, *_MFA_KEYS)
    claim = _like(place.statement, (*INFERENCE, "sts:AssumeRole"), *others, _WITHOUT_MFA)
    if claim is not None:
        said = "asks for MFA, and a request without MFA passes"
        yield _ask(MFA, place, claim, said, _mfa_fix(place.statement))


def _mfa_fix(statement: Statement) -> str:
    if statement.effect == "Allow":
        return 'write Bool {"aws:MultiFactorAuthPresent": "true"}, which is false where the key is absent'
    return 'write BoolIfExists {"aws:MultiFactorAuthPresent": "false"}, which is true where the key is absent'


def _mfa_of_trust(facts: Facts, name: str, statement: Statement) -> Iterator[Question]:
    role = facts.estate.principals[name]
    if statement.effect != "Allow" or not any(each.key.lower() in _MFA_KEYS for each in statement.conditions):
        return
    if role.trust is None:
        return
    kept = tuple(each for each in role.trust.statements if each.effect == "Deny" or each == statement)
    estate = facts.only(name, trust=replace(role.trust, statements=kept))
    place = _Place(
        policy=role.trust, statement=statement, scope=Scope(unnamed=True, outside=True), estate=estate,
        source=facts.source_of(name),
    )  # fmt: skip
    claim = requests(actions=ASSUME, resources=(role.arn,), conditions=(_WITHOUT_MFA,))
    yield _ask(MFA, place, claim, "asks for MFA, and a session without MFA passes", _mfa_fix(statement))


# ----- guardrail


def _guardrail(place: _Place) -> Iterator[Question]:
    statement = place.statement
    about = [each for each in statement.conditions if each.key.lower() == _GUARDRAIL and each.operator != "Null"]
    negated = ["Not" in each.operator for each in about]
    if not about or any(flag != (statement.effect == "Deny") for flag in negated):
        return
    values = tuple(dict.fromkeys(value for each in about for value in _meant(each)))
    is_any = "*" in values
    unnamed = condition("ArnNotLike", "bedrock:GuardrailIdentifier", *values)
    other = condition("Null", "bedrock:GuardrailIdentifier", "false") if is_any else unnamed
    claim = _like(statement, INFERENCE, *_without(statement, _GUARDRAIL), other)
    if claim is None:
        return
    if statement.effect == "Allow":
        claim = replace(claim, resources=("arn:*:bedrock:*:*:foundation-model/*",), not_resources=())
    said = "names a guardrail, and a request with another, or with none, passes"
    named_one = "the guardrail's own ARN" if is_any else " and ".join(values)
    fix = f"compare bedrock:GuardrailIdentifier with {named_one}, without IfExists"
    yield _ask(GUARDRAIL, place, claim, said, fix)


def _meant(each: Condition) -> Iterator[str]:
    """Yield the guardrails a condition means: a star that begins within the id means one guardrail, any version."""
    has_wildcards = "Like" in each.operator or each.operator.startswith("Arn")
    for value in each.values:
        at = next((i for i, c in enumerate(value) if c in "*?" and i > value.find(":guardrail/") >= 0), -1)
        if has_wildcards and at > 0 and value[at - 1] not in ":/":
            yield from (value[:at], f"{value[:at]}:*")
        else:
            yield value


# ----- Region


def _region(place: _Place) -> Iterator[Question]:
    """A Deny outside some Regions must hold for calls to Bedrock, directly, on a profile, through one nobody named."""
    statement = place.statement
    about = [each for each in statement.conditions if each.key.lower() == _REGION]
    if len(about) != 1 or "Not" not in about[0].operator:
        return
    elsewhere = condition("StringNotLike", "aws:RequestedRegion", *about[0].values)
    exempt = tuple(each for each in statement.conditions if each.key.lower().startswith("aws:principal"))
    models = ("arn:*:bedrock:*:*:foundation-model/*", "arn:*:bedrock:*:*:inference-profile/*")
    fix = "leave Bedrock's inference out of what is exempt, or name its Regions in a Deny of its own"
    direct = requests(
        actions=INFERENCE, resources=models,
        conditions=(elsewhere, *exempt, condition("Null", "bedrock:InferenceProfileArn", "true")),
    )  # fmt: skip
    yield _ask(REGION, place, direct, "names Regions, and inference in another one passes", fix)
    if any(each.key.lower() == _PROFILE for each in statement.conditions):
        through = condition("ArnLike", "bedrock:InferenceProfileArn", _UNKNOWN_PROFILE)
        behind = requests(actions=INFERENCE, resources=models[:1], conditions=(elsewhere, *exempt, through))
        said = "names Regions, and a model in another one passes behind a profile that no policy names"
        fix = "name the geographies whose profiles are exempt, such as inference-profile/eu.*"
        yield _ask(REGION, place, behind, said, fix)


# ----- API keys


def _bearer(place: _Place) -> Iterator[Question]:
    """A Deny of API keys on one of the two endpoints leaves the other."""
    statement = place.statement
    about = covered(statement, _BEARER)
    listed = any("callwithbearertoken" in action.lower() for action in statement.actions)
    if len(about) != 1 or not listed:
        return
    (left,) = set(_BEARER) - set(about)
    said = f"denies API keys by {about[0]}, and {left} passes"
    yield _ask(MANTLE, place, requests(actions=(left,), conditions=statement.conditions), said, f"deny {left} too")


def _age(place: _Place) -> Iterator[Question]:
    """A Deny of keys older than some days is false for keys that never end, which have no such key."""
    key = "iam:servicespecificcredentialagedays"
    about = [each for each in place.statement.conditions if each.key.lower() == key and not each.if_exists]
    action = ("iam:CreateServiceSpecificCredential",)
    if not about or any(each.operator == "Null" for each in about) or not covered(place.statement, action):
        return
    never = condition("Null", "iam:ServiceSpecificCredentialAgeDays", "true")
    claim = requests(actions=action, conditions=(*_without(place.statement, key), never))
    said = "limits how long an API key lives, and one that never ends passes"
    fix = "write NumericGreaterThanIfExists, which is true where the key is absent"
    yield _ask(ABSENT, place, claim, said, fix)


# ----- tags


def _tags(facts: Facts) -> Iterator[Finding]:
    for name, rows in facts.invokers.items():
        role = facts.estate.principals.get(name)
        if role is None:
            continue
        for row in rows:
            tags = _chosen(row)
            if tags and may_tag_sessions(role) and not _asked_for(role.trust, tags):
                yield Finding(
                    rule=TAG, message=f"{name} reaches {row.models[0] if row.models else 'a model'} by the tag "
                    f"{', '.join(tags)}, which whoever assumes it chooses",
                    resource=name, source=facts.source_of(name), witness=row.witness,
                    fix=f"take sts:TagSession out of the trust of {name}, or ask there for aws:RequestTag/{tags[0]}",
                )  # fmt: skip
                break


def _chosen(row: Access) -> tuple[str, ...]:
    return tuple(name for name, _ in row.witness.session_tags) if row.witness else ()


def _asked_for(trust: Policy | None, tags: Sequence[str]) -> bool:
    """Whether each statement that lets somebody tag a session says which value these tags have."""
    statements = trust.statements if trust else ()
    tagging = [each for each in statements if each.effect == "Allow" and covered(each, ("sts:TagSession",))]
    return all(_says(each, tag) for each in tagging for tag in tags)


def _says(statement: Statement, tag: str) -> bool:
    return any(
        each.key.lower() == f"aws:requesttag/{tag.lower()}" and each.operator != "Null" and not each.if_exists
        for each in statement.conditions
    )
