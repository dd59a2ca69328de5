"""The ceiling: the Deny statements that hold a role to its declaration, whatever is attached to it later.

Every condition stands on the authorisation that is known to carry its key.
For a profile the network condition stands on the profile's own authorisation, which always happens,
and its models are tied to
the profile; the guardrail condition stands on the foundation model.
What AWS does not document about a key's presence changes no answer.
"""

from __future__ import annotations

from collections.abc import Iterator

from secure_bedrock.policy.access import Access, unique
from secure_bedrock.policy.actions import CREATE_INFERENCE, ENDPOINT_ACTIONS, ActionRule, Scope
from secure_bedrock.policy.allow import mantle_models
from secure_bedrock.policy.authorisation import PROFILE_KEY, Authorisation
from secure_bedrock.policy.document import Condition, Policy, Statement
from secure_bedrock.policy.environment import Arn
from secure_bedrock.policy.services import EVERY_ACTION, every_resource
from secure_bedrock.policy.tagging import other_tags, revoked_by_tag, tag_changes

#: The ways to a model: condition keys, each with the ARNs it may name.
_Ways = tuple[tuple[str, tuple[str, ...]], ...]
_ROLE_ACTIONS = ("sts:AssumeRole", "sts:AssumeRoot", "iam:PassRole")


def ceiling_of(access: Access) -> Policy:
    """Return the role's ceiling. It grants nothing, and it must never be divided."""
    return Policy(
        statements=(
            *_suspension(access),
            *revoked_by_tag(),
            *_other_actions(access),
            *_other_resources(access),
            *_other_mantle_models(access),
            *_other_marketplace_endpoints(access),
            *_only_through_profiles(access),
            *off_network(access),
            *_without_guardrail(access),
            *other_tags(access),
            _other_roles(access),
            tag_changes(),
        )
    )


def _suspension(access: Access) -> Iterator[Statement]:
    if access.suspended:
        yield Statement(effect="Deny", sid="Suspended", actions=EVERY_ACTION, resources=("*",))
    if access.revoke_sessions_before is not None:
        # IfExists: a credential without an issue time is not younger than the revocation.
        issued = Condition(
            operator="DateLessThan",
            key="aws:TokenIssueTime",
            values=(access.revoke_sessions_before,),
            if_exists=True,
        )
        yield Statement(effect="Deny", sid="RevokedSessions", actions=("*",), resources=("*",), conditions=(issued,))


def _other_actions(access: Access) -> Iterator[Statement]:
    """Deny what was not declared: actions on Bedrock ARNs, and every action that has no Bedrock ARN.

    "Every Bedrock action but these" cannot be written in one statement: NotAction would mean every service.
    """
    bedrock = every_resource(access.environment.partition)
    own = unique(action for rule in access.rules for action in rule.actions)
    yield Statement(effect="Deny", sid="OtherActions", not_actions=own, resources=bedrock)
    # CallWithBearerToken has no resource; its own key tells it from the others, and mantle's key has another name.
    keys = (
        (Condition(operator="Null", key="bedrock:BearerTokenType", values=("true",)),) if access.allow_api_keys else ()
    )
    yield Statement(effect="Deny", sid="NoResource", actions=EVERY_ACTION, not_resources=bedrock, conditions=keys)


def _other_resources(access: Access) -> Iterator[Statement]:
    """Deny each declared action on every other resource."""
    for rule in access.rules:
        yield Statement(
            effect="Deny",
            sid=_sid_of(rule),
            actions=rule.actions,
            not_resources=_shortened(access, rule),
        )


def _other_mantle_models(access: Access) -> Iterator[Statement]:
    for index, (project, ids) in enumerate(access.mantle_models.items(), start=1):
        yield Statement(
            effect="Deny",
            sid=f"OtherMantleModels{index}",
            actions=(CREATE_INFERENCE,),
            resources=(project,),
            conditions=(mantle_models("StringNotEquals", ids),),
        )


def _other_marketplace_endpoints(access: Access) -> Iterator[Statement]:
    """Bedrock's resource is the same for all of them; what it calls on the caller's behalf tells them apart."""
    if access.sagemaker_endpoints and access.invoke_actions:
        via_bedrock = Condition(operator="StringEquals", key="aws:CalledViaLast", values=("bedrock.amazonaws.com",))
        yield Statement(
            effect="Deny",
            sid="OtherMarketplaceEndpoints",
            actions=ENDPOINT_ACTIONS,
            not_resources=access.sagemaker_endpoints,
            conditions=(via_bedrock,),
        )


def _shortened(access: Access, rule: ActionRule) -> tuple[str, ...]:
    """The rule's resources, models that are bound to a profile in any Region: the profile's key pins their Regions."""
    if rule.scope not in {Scope.MODELS, Scope.MODELS_AND_ASYNC_JOBS}:
        return access.resources_of(rule.scope)
    models = unique(_bound_resource(a) for a in access.authorisations)
    return (
        unique((*models, *access.resources_of(Scope.ASYNC_JOBS)))
        if rule.scope is Scope.MODELS_AND_ASYNC_JOBS
        else models
    )


def _bound_resource(authorisation: Authorisation) -> str:
    """The resource in any Region where a profile pins it; the Region-less model stays,
    `*` need not match an empty field.
    """
    pinned = authorisation.only_through and _is_foundation_model(authorisation.resource)
    return authorisation.in_any_region if pinned and not authorisation.requested_region else authorisation.resource


def _only_through_profiles(access: Access) -> Iterator[Statement]:
    """Deny a profile's models other than through that profile; an absent key is denied."""
    if not access.invoke_actions:
        return
    through: dict[str, _Ways] = {}
    for authorisation in access.authorisations:
        if authorisation.only_through:
            resource = _bound_resource(authorisation)
            through[resource] = _with(through.get(resource, ()), authorisation)
    direct = [a.resource for a in access.authorisations if not a.only_through]
    groups: dict[tuple[_Ways, tuple[str, ...]], list[str]] = {}
    for resource, ways in through.items():
        if resource in direct:  # a system profile that is also declared by itself
            continue
        groups.setdefault((ways, _regions_called_directly(resource, direct)), []).append(resource)
    for index, ((ways, regions), resources) in enumerate(groups.items(), start=1):
        # Denied where none of the ways was taken: conditions of one statement are joined by "and".
        conditions = [Condition(operator="ArnNotEquals", key=key, values=arns) for key, arns in ways]
        if regions:
            conditions.append(Condition(operator="StringNotEquals", key="aws:RequestedRegion", values=regions))
        yield Statement(
            effect="Deny",
            sid=f"OnlyThroughProfile{index}",
            actions=access.invoke_actions,
            resources=tuple(resources),
            conditions=tuple(conditions),
        )


def _with(ways: _Ways, authorisation: Authorisation) -> _Ways:
    """The ways to a resource, by key, with those of one more authorisation."""
    known = dict(ways)
    known[authorisation.through_key] = unique((*known.get(authorisation.through_key, ()), *authorisation.only_through))
    return tuple(known.items())


def _regions_called_directly(resource: str, direct: list[str]) -> tuple[str, ...]:
    """The Regions in which a model that is bound to a profile is declared by itself too."""
    bound = Arn.parse(resource)
    same = (Arn.parse(arn) for arn in direct if _is_foundation_model(arn))
    return unique(
        arn.region for arn in same if arn.resource == bound.resource and bound.resource_type == "foundation-model"
    )


def off_network(access: Access) -> Iterator[Statement]:
    """Yield the part of the ceiling that denies everything off the declared network paths."""
    if not access.network.is_named or access.network.anywhere:
        return
    yield from _off_path(access, "OffNetwork", access.network.off_every_path())
    if access.network.vpc_source_ips:
        yield from _off_path(access, "OffPrivateNetwork", access.network.off_private_addresses())


def _off_path(access: Access, sid: str, conditions: tuple[Condition, ...]) -> Iterator[Statement]:
    """Deny every action off a path.

    Whether the authorisation of a profile's model carries the network keys is not documented,
    so models reached through a
    profile are left to the profile's own authorisation; without a profile they are called directly and judged here.
    """
    bound = [a.resource for a in access.authorisations if a.only_through]
    if not bound:
        yield Statement(effect="Deny", sid=sid, actions=EVERY_ACTION, resources=("*",), conditions=conditions)
        return
    models = access.environment.foundation_model("*", region="*")
    regionless = access.environment.foundation_model("*", region="")
    behind = unique((models, regionless, *(arn for arn in bound if not _is_foundation_model(arn))))
    keys = unique((PROFILE_KEY, *(a.through_key for a in access.authorisations if a.only_through)))
    directly = tuple(Condition(operator="Null", key=key, values=("true",)) for key in keys)
    yield Statement(effect="Deny", sid=sid, actions=EVERY_ACTION, not_resources=behind, conditions=conditions)
    yield Statement(
        effect="Deny", sid=f"{sid}Direct", actions=EVERY_ACTION, resources=behind, conditions=(*conditions, *directly)
    )


def _without_guardrail(access: Access) -> Iterator[Statement]:
    if access.guardrail is None or not access.invoke_actions:
        return
    resources = _guarded_resources(access)
    if resources:
        yield Statement(
            effect="Deny",
            sid="WithoutGuardrail",
            actions=access.invoke_actions,
            resources=resources,
            conditions=(access.guardrail.missing(),),
        )


def _guarded_resources(access: Access) -> tuple[str, ...]:
    """What is known to carry the guardrail key: foundation models, and the kinds that are authorised by themselves."""
    invoked = tuple(inner for model in access.runtime_models for inner in (model.serves or (model,)))
    guarded = tuple(model for model in invoked if access.needs_guardrail(model))
    carrying = unique(a for m in guarded for a in m.authorisations(access.environment) if a.carries_guardrail)
    alone = (a.resource for a in carrying if not _is_foundation_model(a.resource))
    models = unique(_bound_resource(a) for a in carrying if _is_foundation_model(a.resource))
    if models and guarded == invoked:
        models = (access.environment.foundation_model("*", region="*"),)
    return (*models, *unique(alone))


def _is_foundation_model(arn: str) -> bool:
    return ":foundation-model/" in arn


def _other_roles(access: Access) -> Statement:
    """Deny becoming another role: after a role change that role's policies count, not these."""
    if access.may_use_roles:
        return Statement(effect="Deny", sid="OtherRoles", actions=_ROLE_ACTIONS, not_resources=access.may_use_roles)
    return Statement(effect="Deny", sid="OtherRoles", actions=_ROLE_ACTIONS, resources=("*",))


def _sid_of(rule: ActionRule) -> str:
    if rule.scope in {Scope.MODELS, Scope.MODELS_AND_ASYNC_JOBS}:
        return "OtherModels"
    return f"OtherResourcesOf{rule.actions[0].partition(':')[2]}"
