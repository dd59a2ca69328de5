"""From the SCP's properties to what the organisation declares."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from constructs import IConstruct

from secure_bedrock.constructs._declaration import GUARDRAIL_ARNS
from secure_bedrock.constructs._edge import arn_of, models_of, warn
from secure_bedrock.constructs._network_ids import endpoint_id, is_private_endpoint, vpc_id
from secure_bedrock.constructs._tokens import known
from secure_bedrock.errors import InvalidInput, invalid, nearest
from secure_bedrock.policy.access import unique
from secure_bedrock.policy.authorisation import ModelKind
from secure_bedrock.policy.catalogue import guardrail_exempt_patterns
from secure_bedrock.policy.environment import Arn, Environment, known_regions, partition_of
from secure_bedrock.policy.features import BedrockFeature
from secure_bedrock.policy.guardrails import require_guardrail_arn
from secure_bedrock.policy.lists import items_of
from secure_bedrock.policy.models import Model
from secure_bedrock.policy.network import require_ids
from secure_bedrock.policy.organization import AllowedModels, Organization
from secure_bedrock.policy.protection import Protection
from secure_bedrock.policy.reserved import RESERVED_PATH

_TARGET = re.compile(r"r-[a-z0-9]{4,32}|ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}|\d{12}")
_ROLE_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_FAMILY = re.compile(r"[a-z0-9][a-z0-9-]*\.[A-Za-z0-9][A-Za-z0-9._:-]*\*")


def targets_of(values: Iterable[object] | None, *, attach: bool) -> list[str]:
    """Return the ids to attach to; none only where nothing is attached."""
    if values is None:
        if attach:
            raise InvalidInput(
                "targets: got nothing; allowed is the root, organisational units or accounts to attach to, "
                "or attach=False for the documents alone"
            )
        return []
    return [_target(item) for item in unique(items_of("targets", values))]


def declared_organization(
    construct: IConstruct,
    *,
    allowed_regions: Iterable[str],
    allowed_models: Iterable[object] | None,
    required_guardrail: object | Mapping[str, object] | None,
    guardrail_exempt_models: Iterable[object] | None,
    required_endpoints: Iterable[object] | None,
    required_vpcs: Iterable[object] | None,
    deny_api_keys: bool,
    deny_marketplace: bool,
    deny_global_profiles: bool,
    allowed_features: BedrockFeature | None,
    exempt_principals: Iterable[object] | None,
    service_roles: Mapping[BedrockFeature, Iterable[object]] | None,
) -> Organization:
    """Check the properties and return them as one value."""
    regions, partition = _regions(allowed_regions)
    for name, value in {
        "deny_api_keys": deny_api_keys,
        "deny_marketplace": deny_marketplace,
        "deny_global_profiles": deny_global_profiles,
    }.items():
        if not isinstance(value, bool):
            raise invalid(name, value, allowed="True or False")
    if allowed_features is not None and not isinstance(allowed_features, BedrockFeature):
        raise invalid("allowed_features", allowed_features, allowed="BedrockFeature, combined with |")
    models = _allowed_models(allowed_models)
    guardrails = _guardrails(construct, required_guardrail, regions)
    return Organization(
        partition=partition,
        regions=regions,
        global_profiles=not deny_global_profiles,
        models=models,
        guardrails=tuple(value for arn in guardrails for value in _identifiers(arn)),
        guardrail_arns=unique(_without_version(arn) for arn in guardrails),
        guardrail_exempt=_exempt_models(guardrail_exempt_models, models) if guardrails else (),
        endpoints=_endpoints(required_endpoints),
        vpcs=require_ids(
            "required_vpcs", [vpc_id("required_vpcs", v) for v in items_of("required_vpcs", required_vpcs)]
        )
        if required_vpcs is not None
        else (),
        features=allowed_features,
        deny_api_keys=deny_api_keys,
        deny_marketplace=deny_marketplace,
        exempt=_roles("exempt_principals", exempt_principals, partition, names=True),
        service_roles=_service_roles(service_roles, allowed_features, partition),
    )


def declared_protection(
    organization: Organization, *, protect_audit: bool, role_administrators: Iterable[object] | None
) -> Protection:
    """Return what the policies keep out of reach."""
    if not isinstance(protect_audit, bool):
        raise invalid("protect_audit", protect_audit, allowed="True or False")
    administrators = None
    if role_administrators is not None:
        administrators = _roles("role_administrators", role_administrators, organization.partition, names=False)
    return Protection(
        partition=organization.partition,
        audit=protect_audit,
        exempt=organization.exempt,
        service_roles=organization.service_roles,
        administrators=administrators,
    )


def _regions(values: Iterable[str]) -> tuple[tuple[str, ...], str]:
    regions: tuple[str, ...] = unique(items_of("allowed_regions", values))
    if not regions:
        raise InvalidInput("allowed_regions: got nothing; allowed is at least one Region")
    for region in regions:
        if not isinstance(region, str) or known(region) is None:
            raise invalid("allowed_regions", region, allowed="a literal Region: the documents are written at synth")
        if region not in known_regions():
            close = nearest(region, known_regions())
            raise invalid("allowed_regions", region, allowed="an AWS Region", nearest=close)
    partitions: list[str] = list(dict.fromkeys(partition_of(region) for region in regions))
    if len(partitions) > 1:
        raise invalid("allowed_regions", list(regions), allowed="Regions of one partition")
    return regions, partitions[0]


def _target(item: object) -> str:
    found = item if isinstance(item, str) else arn_of(item, "attr_id", "attr_account_id", "attr_root_id")
    if found is None or (known(found) is not None and not _TARGET.fullmatch(found)):
        raise invalid("targets", item, allowed="r-..., ou-...-..., a 12-digit account, or a construct of one")
    return found


def _allowed_models(values: Iterable[object] | None) -> AllowedModels | None:
    if values is None:
        return None
    items = items_of("allowed_models", values)
    families = tuple(item for item in items if isinstance(item, str) and "*" in item)
    for family in families:
        if not _FAMILY.fullmatch(family):
            raise invalid("allowed_models", family, allowed="a family as PROVIDER.MODEL*, its only wildcard at the end")
    exact = [item for item in items if item not in families]
    models = models_of("allowed_models", exact) if exact else ()
    inner = tuple(served for model in models for served in (model.serves or (model,)))
    standard = {ModelKind.FOUNDATION_MODEL, ModelKind.INFERENCE_PROFILE}
    return AllowedModels(
        foundation_models=unique((*(m.model_id for m in inner if m.kind in standard), *families)),
        own_models=unique(_own_arn(m) for m in inner if m.kind not in standard and not m.is_on_mantle),
        mantle_models=unique(m.id for m in inner if m.is_on_mantle),
    )


def _own_arn(model: Model) -> str:
    if model.arn is None:
        raise invalid("allowed_models", model.id, allowed="the whole ARN of a model of your own")
    if model.kind is not ModelKind.MARKETPLACE_ENDPOINT:
        return model.arn
    arn = Arn.parse(model.arn)
    (authorisation,) = model.authorisations(
        Environment(partition=arn.partition, region=arn.region, account=arn.account)
    )
    return authorisation.resource


def _guardrails(
    construct: IConstruct, value: object | Mapping[str, object] | None, regions: tuple[str, ...]
) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, Mapping):
        if len(regions) > 1:
            text = (
                f"required_guardrail: one guardrail serves its own Region only; calls from the others of {regions} fail"
            )
            warn(construct, "guardrail-one-region", text)
        return (_guardrail_arn(value),)
    missing = [region for region in regions if region not in value]
    if missing or not value:
        raise invalid("required_guardrail", sorted(value), allowed=f"a guardrail for each Region, also {missing}")
    arns = {region: _guardrail_arn(item) for region, item in value.items()}
    for region, arn in arns.items():
        if region not in regions:
            raise invalid("required_guardrail", region, allowed=f"Regions of allowed_regions: {', '.join(regions)}")
        if known(arn) and Arn.parse(arn).region != region:
            raise invalid("required_guardrail", arn, allowed=f"a guardrail of {region}")
    return unique(arns.values())


def _guardrail_arn(item: object) -> str:
    arn = item if isinstance(item, str) else arn_of(item, *GUARDRAIL_ARNS)
    if arn is None:
        raise invalid(
            "required_guardrail", item, allowed="an ARN, a guardrail construct, or a mapping from Region to it"
        )
    require_guardrail_arn("required_guardrail", _without_version(arn), types=("guardrail",))
    return arn


def _without_version(arn: str) -> str:
    head, colon, version = arn.rpartition(":")
    return head if colon and version.isdigit() and head.count(":") == 5 else arn  # noqa: PLR2004 - fields of an ARN


def _identifiers(arn: str) -> tuple[str, ...]:
    """The values of bedrock:GuardrailIdentifier: exactly a version, or any, the working draft included."""
    return (arn,) if _without_version(arn) != arn else (arn, f"{arn}:*")


def _exempt_models(values: Iterable[object] | None, models: AllowedModels | None) -> tuple[str, ...]:
    if values is not None:
        items = tuple(values)
        return tuple(model.model_id for model in models_of("guardrail_exempt_models", items)) if items else ()
    if models is None:
        return guardrail_exempt_patterns()
    exact = (model_id for model_id in models.foundation_models if "*" not in model_id)
    return tuple(model_id for model_id in exact if not Model.parse(model_id, accept_unknown=True).takes_guardrail)


def _endpoints(values: Iterable[object] | None) -> tuple[str, ...]:
    if values is None:
        return ()
    ids: list[str] = []
    for item in items_of("required_endpoints", values):
        ids += item.endpoint_ids if is_private_endpoint(item) else [endpoint_id("required_endpoints", item)]
    return require_ids("required_endpoints", ids)


def _roles(name: str, values: Iterable[object] | None, partition: str, *, names: bool) -> tuple[str, ...]:
    return unique(_role(name, item, partition, names=names) for item in items_of(name, values))


def _role(name: str, item: object, partition: str, *, names: bool) -> str:
    """An exact role ARN, or the pattern of a name under the reserved path in any account."""
    text = item if isinstance(item, str) else arn_of(item, "role_arn")
    allowed = f"an exact role ARN{f', or the name of a role under {RESERVED_PATH}' if names else ''}"
    if not text:
        raise invalid(name, item, allowed=allowed)
    if names and _ROLE_NAME.fullmatch(text):
        return f"arn:{partition}:iam::*:role{RESERVED_PATH}{text}"
    if text.startswith("arn:"):
        parsed = Arn.parse(text)
        exact = "*" not in text and "?" not in text and parsed.resource_id
        if parsed.service == "iam" and parsed.resource_type == "role" and exact:
            if known(parsed.partition) not in {None, partition}:
                raise invalid(name, text, allowed=f"a role of the partition {partition}")
            return text
    elif known(text) is None:
        return text
    raise invalid(name, text, allowed=allowed, remedy="a wildcard, a user or a whole account cannot be exempt")


def _service_roles(
    values: Mapping[BedrockFeature, Iterable[object]] | None, features: BedrockFeature | None, partition: str
) -> tuple[str, ...]:
    if values is None:
        return ()
    roles: list[str] = []
    for feature, items in values.items():
        if not isinstance(feature, BedrockFeature) or not feature:
            raise invalid("service_roles", feature, allowed="a mapping from BedrockFeature to role ARNs")
        if features is not None and feature & features != feature:
            raise invalid("service_roles", feature, allowed="features that allowed_features names")
        roles += _roles("service_roles", items, partition, names=False)
    return unique(roles)
