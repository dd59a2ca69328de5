"""From a role's properties to its declared access, and what the reader is warned of."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from constructs import IConstruct

from secure_bedrock.constructs._edge import arn_of, arns_of, models_of, warn
from secure_bedrock.constructs._revocation import revocation_time
from secure_bedrock.constructs._tokens import known
from secure_bedrock.errors import InvalidInput, invalid
from secure_bedrock.policy.access import Access
from secure_bedrock.policy.actions import InvokeActions
from secure_bedrock.policy.environment import Arn, Environment
from secure_bedrock.policy.guardrails import GuardrailVersion, RequiredGuardrail, require_guardrail_arn

GUARDRAIL_ARNS = ("guardrail_arn", "attr_guardrail_arn")


def declared_access(
    environment: Environment,
    *,
    models: Iterable[object],
    guardrail: object | None,
    guardrail_version: str | int | GuardrailVersion | None,
    guardrail_exempt_models: Iterable[object] | None,
    enforced_guardrails: Iterable[object] | None,
    actions: InvokeActions,
    allow_api_keys: bool,
    resources: Iterable[object] | None,
    may_use_roles: Iterable[object] | None,
    suspended: bool,
    revoke_sessions_before: datetime | str | None,
) -> Access:
    """Check a role's properties and return them as one value, without its network."""
    if not isinstance(actions, InvokeActions) or not actions:
        raise invalid("actions", actions, allowed="InvokeActions, combined with |")
    _require_bool("allow_api_keys", allow_api_keys)
    _require_bool("suspended", suspended)
    required = required_guardrail(guardrail, guardrail_version)
    knowledge_bases, agent_aliases = _resources(actions, resources)
    access = Access(
        environment=environment,
        models=models_of("models", models),
        actions=actions,
        guardrail=required,
        enforced_guardrails=_enforced(enforced_guardrails),
        exempt_models=_exempt(guardrail_exempt_models, required),
        allow_api_keys=allow_api_keys,
        knowledge_bases=knowledge_bases,
        agent_aliases=agent_aliases,
        may_use_roles=_usable_roles(may_use_roles),
        suspended=suspended,
        revoke_sessions_before=revocation_time(revoke_sessions_before),
    )
    if required and not any(access.needs_guardrail(model) for model in access.models):
        ids = ", ".join(model.id for model in access.models)
        raise invalid("guardrail", required.arn, allowed=f"a guardrail with a model that takes one; none of {ids} does")
    return access


def required_guardrail(
    guardrail: object | None, version: str | int | GuardrailVersion | None
) -> RequiredGuardrail | None:
    """Read a guardrail and its version; None where neither is given.

    Raises:
        InvalidInput: for one without the other, or what is no guardrail.
    """
    if guardrail is None:
        if version is not None:
            raise invalid("guardrail_version", version, allowed="a version together with its guardrail")
        return None
    arn = guardrail if isinstance(guardrail, str) else arn_of(guardrail, *GUARDRAIL_ARNS)
    if arn is None:
        raise invalid("guardrail", guardrail, allowed="the ARN of a guardrail, a CfnGuardrail or a guardrail construct")
    return RequiredGuardrail.of(arn, version)


def warn_of(construct: IConstruct, access: Access, *, anywhere: bool) -> None:
    """Attach a warning for everything the declaration leaves open."""
    for model in access.models:
        for note in model.notes(access.environment):
            warn(construct, note.id, note.text)
    if anywhere:
        warn(construct, "network-anywhere", "network=Network.ANYWHERE: this role may be used from any network")
    if access.allow_api_keys:
        warn(
            construct, "api-keys", "allow_api_keys: whoever holds a key made from a session of this role can call as it"
        )
    if access.guardrail:
        _warn_of_guardrail(construct, access)


def _warn_of_guardrail(construct: IConstruct, access: Access) -> None:
    if access.guardrail and access.guardrail.version is GuardrailVersion.DRAFT:
        warn(construct, "guardrail-draft", "guardrail_version: DRAFT changes with every UpdateGuardrail; name a number")
    exempt = [model.id for model in access.models if not access.needs_guardrail(model)]
    if exempt:
        warn(construct, "guardrail-exempt", f"no guardrail is asked of {', '.join(exempt)}")
    beyond = access.actions & (InvokeActions.BATCH | InvokeActions.AGENT | InvokeActions.COUNT_TOKENS)
    if beyond:
        warn(construct, "guardrail-blind", f"AWS does not apply the guardrail to {beyond!r}")


def _exempt(values: Iterable[object] | None, guardrail: RequiredGuardrail | None) -> tuple[str, ...] | None:
    if values is None:
        return None
    if guardrail is None:
        raise invalid("guardrail_exempt_models", values, allowed="exemptions together with a guardrail")
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise invalid("guardrail_exempt_models", values, allowed="a list of models, () for none")
    items = tuple(values)
    return tuple(model.model_id for model in models_of("guardrail_exempt_models", items)) if items else ()


def _enforced(values: Iterable[object] | None) -> tuple[str, ...]:
    arns = arns_of("enforced_guardrails", values, *GUARDRAIL_ARNS)
    for arn in arns:
        require_guardrail_arn("enforced_guardrails", arn)
    return arns


def _usable_roles(values: Iterable[object] | None) -> tuple[str, ...]:
    arns = arns_of("may_use_roles", values, "role_arn")
    for arn in arns:
        if known(arn) is None:
            continue
        parsed = Arn.parse(arn) if arn.count(":") >= 5 else None  # noqa: PLR2004 - an ARN has six fields
        if parsed is None or parsed.service != "iam" or parsed.resource_type != "role" or not parsed.resource_id:
            raise invalid("may_use_roles", arn, allowed="ARNs of roles")
    return arns


def _resources(actions: InvokeActions, values: Iterable[object] | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Sort the resources into knowledge bases and agent aliases, each asked for by an action."""
    arns = arns_of(
        "resources", values, "knowledge_base_arn", "attr_knowledge_base_arn", "alias_arn", "attr_agent_alias_arn"
    )
    wanted = {"knowledge-base": InvokeActions.RETRIEVE, "agent-alias": InvokeActions.AGENT}
    sorted_arns: dict[str, list[str]] = {kind: [] for kind in wanted}
    for arn in arns:
        kind = _resource_kind(arn, actions)
        if kind not in wanted:
            raise invalid("resources", arn, allowed="ARNs of knowledge bases and agent aliases")
        if not actions & wanted[kind]:
            raise invalid("resources", arn, allowed=f"a {kind} together with {wanted[kind]!r} in actions")
        sorted_arns[kind].append(arn)
    return tuple(sorted_arns["knowledge-base"]), tuple(sorted_arns["agent-alias"])


def _resource_kind(arn: str, actions: InvokeActions) -> str:
    """The kind an ARN names; one that is wholly unresolved is of the only kind the actions ask for."""
    if arn.startswith("arn:"):
        parsed = Arn.parse(arn)
        return parsed.resource_type if parsed.service == "bedrock" else ""
    if known(arn) is not None:
        return ""
    both = InvokeActions.RETRIEVE | InvokeActions.AGENT
    if actions & both == both:
        raise InvalidInput(
            "resources: an unresolved ARN does not tell a knowledge base from an agent alias; use two roles"
        )
    return "knowledge-base" if actions & InvokeActions.RETRIEVE else "agent-alias"


def _require_bool(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise invalid(name, value, allowed="True or False")
