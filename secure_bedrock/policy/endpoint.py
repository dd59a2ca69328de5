"""The policy of a VPC endpoint, written from who was admitted to it.

An endpoint without a policy lets everything through, so there always is one; it grants nothing by itself
(AWS PrivateLink Guide, "Control access to VPC endpoints using endpoint policies").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy.access import Access, unique
from secure_bedrock.policy.actions import (
    APPLY_GUARDRAIL,
    BEARER_TOKEN,
    CREATE_INFERENCE,
    InvokeActions,
    Scope,
    invoke_actions,
)
from secure_bedrock.policy.allow import invoke_statements, mantle_models
from secure_bedrock.policy.authorisation import PROFILE_KEY, Authorisation
from secure_bedrock.policy.document import ANYBODY, Condition, Policy, Statement
from secure_bedrock.policy.environment import Environment
from secure_bedrock.policy.guardrails import RequiredGuardrail
from secure_bedrock.policy.models import Model
from secure_bedrock.policy.services import BedrockService
from secure_bedrock.policy.sizes import size_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """Whom an admission is for: a principal by ARN, an account or an organisation. At least one is set.

    Attributes:
        principal_arn: a role's or user's ARN with its path, as `aws:PrincipalArn` carries it.
        account: the account id, as `aws:PrincipalAccount` carries it.
        organization_id: the organisation, as `aws:PrincipalOrgID` carries it.
    """

    principal_arn: str | None = None
    account: str | None = None
    organization_id: str | None = None

    def __post_init__(self) -> None:
        if not (self.principal_arn or self.account or self.organization_id):
            raise InvalidInput("an admission needs a principal, an account or an organisation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Actions on resources that an endpoint lets somebody through for."""

    service: BedrockService
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Somebody, and what an endpoint lets them through for; no grants for who is suspended."""

    admitted: Admitted
    grants: tuple[Grant, ...]


def grants_of(access: Access) -> tuple[Grant, ...]:
    """Return what a role's declaration needs of endpoints: the other half of its Allow statements."""
    if access.suspended:
        return ()
    grants = [
        Grant(service=rule.service, actions=rule.actions, resources=access.resources_of(rule.scope))
        for rule in access.rules
        if rule.scope is not Scope.MANTLE_PROJECTS
    ]
    grants += [_mantle_grant(project, ids) for project, ids in access.mantle_models.items()]
    if access.allow_api_keys:
        grants.append(Grant(service=BedrockService.RUNTIME, actions=(BEARER_TOKEN,), resources=("*",)))
    return tuple(grants)


def _mantle_grant(project: str, ids: tuple[str, ...]) -> Grant:
    return Grant(
        service=BedrockService.MANTLE,
        actions=(CREATE_INFERENCE,),
        resources=(project,),
        conditions=(mantle_models("StringEquals", ids),),
    )


def plain_grants(
    environment: Environment, models: tuple[Model, ...], guardrail: RequiredGuardrail | None
) -> tuple[Grant, ...]:
    """Return what a principal that declares nothing itself is let through for: inference on the endpoint's models.

    Its own policies are not ours, so what they would hold stands here: models only through their profile,
    and the guardrail
    on models that take one.
    """
    actions = invoke_actions(InvokeActions.INFERENCE)
    runtime = [model for model in models if not model.is_on_mantle]
    on_mantle = [model for model in models if model.is_on_mantle]
    grants = [
        Grant(
            service=BedrockService.RUNTIME,
            actions=actions,
            resources=statement.resources,
            conditions=(*statement.conditions, *named),
        )
        for authorisations, named in _by_guardrail(environment, runtime, guardrail)
        for statement in invoke_statements(authorisations, actions)
    ]
    for model in on_mantle:
        (authorisation,) = model.authorisations(environment)
        grants.append(_mantle_grant(authorisation.resource, (model.id,)))
    if guardrail:
        grants.append(Grant(service=BedrockService.RUNTIME, actions=(APPLY_GUARDRAIL,), resources=(guardrail.arn,)))
    return tuple(grants)


def owner_statements(grants: Iterable[Grant], endpoint_ids: Mapping[BedrockService, str]) -> tuple[Statement, ...]:
    """Return what the owner of an admitted principal attaches to it: the same grants, through the endpoints only.

    The network stands where its key is known to be: on inference that is not itself reached through a profile.
    """
    return tuple(
        Statement(
            effect="Allow",
            sid=f"Bedrock{index}",
            actions=grant.actions,
            resources=grant.resources,
            conditions=(*grant.conditions, *_through(grant, endpoint_ids)),
        )
        for index, grant in enumerate(grants, start=1)
    )


def _through(grant: Grant, endpoint_ids: Mapping[BedrockService, str]) -> tuple[Condition, ...]:
    bound = any(condition.key == PROFILE_KEY for condition in grant.conditions)
    if bound or grant.actions == (APPLY_GUARDRAIL,) or grant.service not in endpoint_ids:
        return ()
    return (Condition(operator="StringEquals", key="aws:SourceVpce", values=(endpoint_ids[grant.service],)),)


def _by_guardrail(
    environment: Environment, models: Iterable[Model], guardrail: RequiredGuardrail | None
) -> tuple[tuple[list[Authorisation], tuple[Condition, ...]], ...]:
    """The models' authorisations in two heaps: those that must name the guardrail, and the others."""
    guarded: list[Authorisation] = []
    others: list[Authorisation] = []
    for model in models:
        for authorisation in model.authorisations(environment):
            asked = guardrail is not None and model.takes_guardrail and authorisation.carries_guardrail
            (guarded if asked else others).append(authorisation)
    return (others, ()), (guarded, (guardrail.named(),) if guardrail else ())


def endpoint_policy(
    service: BedrockService, admissions: Iterable[Admission], *, organization_id: str | None = None, limit: int
) -> Policy:
    """Write the policy of one service's endpoint.

    Admissions with equal actions and resources share a statement.
    Where the document would be too long, the resources of one account's principals are put together:
    what each of them may
    call is still held by its own policies.

    Args:
        service: the endpoint's service; a FIPS variant is written as its plain one.
        admissions: who is let through for what.
        organization_id: narrows every statement to principals of this organisation.
        limit: the characters AWS takes.

    Raises:
        InvalidInput: where even the shortened document is too long.
    """
    rows = [
        (admission.admitted, grant)
        for admission in admissions
        for grant in admission.grants
        if grant.service is service.plain
    ]
    if not rows:
        return Policy(statements=(_NOBODY,))
    exact = _policy(rows, organization_id)
    if size_of(exact) <= limit:
        return exact
    shared = _policy(_shared_resources(rows), organization_id)
    if size_of(shared) > limit:
        raise InvalidInput(
            f"endpoint: the policy for {len({row[0] for row in rows})} principals has {size_of(shared)} characters, "
            f"{limit} are allowed; admit fewer principals, or divide them over several endpoints"
        )
    return shared


_NOBODY = Statement(effect="Deny", sid="NobodyAdmitted", principals=ANYBODY, actions=("*",), resources=("*",))

_Row = tuple[Admitted, Grant]


@dataclass(frozen=True, slots=True)
class _Group:
    """Admissions that share a statement: equal grant, equal account and organisation, all by ARN or none."""

    grant: Grant
    account: str | None
    organization_id: str | None
    by_arn: bool


def _policy(rows: Iterable[_Row], organization_id: str | None) -> Policy:
    groups: dict[_Group, list[str]] = {}
    for admitted, grant in rows:
        group = _Group(grant, admitted.account, admitted.organization_id, admitted.principal_arn is not None)
        groups.setdefault(group, []).append(admitted.principal_arn or "")
    return Policy(
        statements=tuple(
            Statement(
                effect="Allow",
                sid=f"Admit{index}",
                principals=ANYBODY,
                actions=group.grant.actions,
                resources=group.grant.resources,
                conditions=(*group.grant.conditions, *_conditions(group, unique(arns), organization_id)),
            )
            for index, (group, arns) in enumerate(groups.items(), start=1)
        )
    )


def _conditions(group: _Group, arns: tuple[str, ...], organization_id: str | None) -> tuple[Condition, ...]:
    organizations = unique(value for value in (group.organization_id, organization_id) if value)
    if len(organizations) > 1:
        raise InvalidInput(
            f"organization_id: got {organizations[1]!r}, which {organizations[0]!r} admitted here can never match"
        )
    blocks = (
        ("ArnEquals", "aws:PrincipalArn", arns if group.by_arn else ()),
        ("StringEquals", "aws:PrincipalAccount", (group.account,) if group.account else ()),
        ("StringEquals", "aws:PrincipalOrgID", organizations),
    )
    return tuple(Condition(operator=o, key=k, values=values) for o, k, values in blocks if values)


def _shared_resources(rows: list[_Row]) -> list[_Row]:
    """The rows with the resources of equal actions put together, account by account."""
    pools: dict[tuple[object, ...], list[str]] = {}
    for admitted, grant in rows:
        pools.setdefault(_pool(admitted, grant), []).extend(grant.resources)
    return [(admitted, replace(grant, resources=unique(pools[_pool(admitted, grant)]))) for admitted, grant in rows]


def _pool(admitted: Admitted, grant: Grant) -> tuple[object, ...]:
    return admitted.account, admitted.organization_id, grant.actions, grant.conditions
