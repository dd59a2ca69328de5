"""The Allow statements of a role: its declared actions on its declared resources, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from secure_bedrock.policy.access import Access, unique
from secure_bedrock.policy.actions import BEARER_TOKEN, CREATE_INFERENCE, ENDPOINT_ACTIONS, InvokeActions, Scope
from secure_bedrock.policy.authorisation import Authorisation
from secure_bedrock.policy.document import Condition, Policy, Statement
from secure_bedrock.policy.splitting import pack

#: Written by themselves, because they carry conditions.
_ON_MODELS = {Scope.MODELS, Scope.MODELS_AND_ASYNC_JOBS, Scope.MANTLE_PROJECTS}


def allow_policies(access: Access, *, limit: int) -> tuple[Policy, ...]:
    """Return the Allow statements in as few documents of at most `limit` characters as they fill in order."""
    return pack(allow_statements(access), limit=limit, name="models")


def allow_statements(access: Access) -> tuple[Statement, ...]:
    """Return the least-privilege statements of a role."""
    statements = list(invoke_statements(access.authorisations, access.invoke_actions)) if access.invoke_actions else []
    statements += [
        Statement(
            effect="Allow", sid=_sid(rule.actions[0]), actions=rule.actions, resources=access.resources_of(rule.scope)
        )
        for rule in access.rules
        if rule.scope not in _ON_MODELS
    ]
    statements += [
        Statement(
            effect="Allow",
            sid=f"Mantle{index}",
            actions=(CREATE_INFERENCE,),
            resources=(project,),
            conditions=(mantle_models("StringEquals", ids),),
        )
        for index, (project, ids) in enumerate(access.mantle_models.items(), start=1)
    ]
    if access.sagemaker_endpoints and access.invoke_actions:
        statements.append(_marketplace(access))
    if access.actions & InvokeActions.ASYNC:
        jobs = access.resources_of(Scope.ASYNC_JOBS)
        statements.append(
            Statement(effect="Allow", sid="AllowAsyncInvoke", actions=("bedrock:InvokeModel",), resources=jobs)
        )
    if access.actions & InvokeActions.BATCH:
        statements.append(_pass_role(access))
    if access.allow_api_keys:
        statements.append(Statement(effect="Allow", sid="AllowApiKeys", actions=(BEARER_TOKEN,), resources=("*",)))
    return tuple(statements)


def invoke_statements(
    authorisations: Iterable[Authorisation], actions: tuple[str, ...], *, prefix: str = "Invoke"
) -> tuple[Statement, ...]:
    """Return the statements that allow inference on authorisations: one a condition they share.

    What is called directly comes first; what is only reached through a profile carries `bedrock:InferenceProfileArn`.
    """
    groups: dict[tuple[str, tuple[str, ...], str | None], list[str]] = {}
    for authorisation in authorisations:
        key = (authorisation.through_key, authorisation.only_through, authorisation.requested_region)
        groups.setdefault(key, []).append(authorisation.resource)
    return tuple(
        Statement(
            effect="Allow",
            sid=f"{prefix}{index}",
            actions=actions,
            resources=unique(resources),
            conditions=_conditions(*key),
        )
        for index, (key, resources) in enumerate(groups.items(), start=1)
    )


def _conditions(key: str, only_through: tuple[str, ...], requested_region: str | None) -> tuple[Condition, ...]:
    through = (Condition(operator="ArnEquals", key=key, values=only_through),) if only_through else ()
    if requested_region is None:
        return through
    return (*through, Condition(operator="StringEquals", key="aws:RequestedRegion", values=(requested_region,)))


def mantle_models(operator: str, ids: tuple[str, ...]) -> Condition:
    """Return the condition that tells models on bedrock-mantle, where the resource is only the project."""
    return Condition(operator=operator, key="bedrock-mantle:Model", values=ids)


def _marketplace(access: Access) -> Statement:
    """Bedrock calls the endpoint on the caller's behalf; nobody else may (AWS's AmazonBedrockMarketplaceAccess)."""
    return Statement(
        effect="Allow",
        sid="AllowMarketplaceEndpoints",
        actions=ENDPOINT_ACTIONS,
        resources=access.sagemaker_endpoints,
        conditions=(Condition(operator="StringEquals", key="aws:CalledViaLast", values=("bedrock.amazonaws.com",)),),
    )


def _pass_role(access: Access) -> Statement:
    to_bedrock = Condition(operator="StringEquals", key="iam:PassedToService", values=("bedrock.amazonaws.com",))
    return Statement(
        effect="Allow",
        sid="AllowPassRole",
        actions=("iam:PassRole",),
        resources=access.may_use_roles,
        conditions=(to_bedrock,),
    )


def _sid(action: str) -> str:
    return f"Allow{action.partition(':')[2]}"
