"""What an organisation lets its member accounts do with Bedrock, as one value, and the SCP statements that hold it.

An SCP binds the principals of member accounts, their root users included.
It does not bind the management account, service-linked roles, or services that act as themselves
(AWS Organizations User Guide, "Service control policies").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from secure_bedrock.data import table
from secure_bedrock.policy.access import unique
from secure_bedrock.policy.authorisation import PROFILE_KEY
from secure_bedrock.policy.destinations import GLOBAL, geographies_of, reach_of
from secure_bedrock.policy.document import Condition, Statement
from secure_bedrock.policy.environment import Environment
from secure_bedrock.policy.features import BedrockFeature, actions_of, invoked_resources_of
from secure_bedrock.policy.guardrails import GUARDRAIL_KEY
from secure_bedrock.policy.services import EVERY_ACTION

_INFERENCE = ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")
_BEARER_TOKENS = ("bedrock:CallWithBearerToken", "bedrock-mantle:CallWithBearerToken")
#: What inference is called on without being the model itself: the model's own authorisation follows.
_ROUTES = (
    "inference-profile/*",
    "application-inference-profile/*",
    "prompt-router/*",
    "default-prompt-router/*",
    "async-invoke/*",
)
_PRINCIPAL = "aws:PrincipalArn"


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedModels:
    """An allow-list: ids of foundation models (`*` at the end for a family), ARNs of own models, ids on mantle."""

    foundation_models: tuple[str, ...] = ()
    own_models: tuple[str, ...] = ()
    mantle_models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """What an organisation declares.

    Attributes:
        partition: the partition of its Regions.
        regions: where Bedrock may be called from.
        global_profiles: whether profiles that route to every commercial Region may be used.
        models: the allow-list; None: any model.
        guardrails: values of `bedrock:GuardrailIdentifier` of which a call must carry one (`*` for any version);
            empty: none is required.
        guardrail_arns: the guardrails themselves, which nobody may change; without version.
        guardrail_exempt: ids, or patterns of ids, of models that no guardrail is asked of.
        endpoints: VPC endpoints that calls must come through; with `vpcs` either is enough.
        vpcs: VPCs that calls must come from.
        features: what may be used besides inference; None: everything.
        deny_api_keys: whether Bedrock API keys are denied, in use and in creation; else only never-expiring ones are.
        deny_marketplace: whether agreeing to a third party's terms and deploying its models is denied.
        exempt: patterns of role ARNs exempt from everything but the statements on API keys.
        service_roles: ARNs of roles that Bedrock assumes for allowed features; their calls carry neither network
            nor guardrail, and those two are all they are exempt from.
    """

    partition: str
    regions: tuple[str, ...]
    global_profiles: bool = False
    models: AllowedModels | None = None
    guardrails: tuple[str, ...] = ()
    guardrail_arns: tuple[str, ...] = ()
    guardrail_exempt: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    vpcs: tuple[str, ...] = ()
    features: BedrockFeature | None = None
    deny_api_keys: bool = True
    deny_marketplace: bool = False
    exempt: tuple[str, ...] = ()
    service_roles: tuple[str, ...] = ()

    @property
    def anywhere(self) -> Environment:
        """Any Region and account of the partition."""
        return Environment(partition=self.partition, region="*", account="*")


def call_statements(organization: Organization) -> tuple[Statement, ...]:
    """Return the statements on calling Bedrock, in a stable order."""
    return (
        *_regions(organization),
        *_global_profiles(organization),
        *_models(organization),
        *_guardrail(organization),
        *_network(organization),
        *_api_keys(organization),
        *_features(organization),
        *_settings(organization),
    )


def _regions(organization: Organization) -> Iterator[Statement]:
    """Deny Bedrock elsewhere: calls from other Regions, and routing beyond what the allowed Regions' profiles reach.

    The authorisation of a profile itself carries the Region of the call and no `bedrock:InferenceProfileArn`,
    so exempting the destinations of a profile exempts no call from another Region.
    The first statement must exempt every application profile, whatever it was copied from; the second one catches those
    that route elsewhere.
    """
    place = organization.anywhere
    allowed = unique(geography for region in organization.regions for geography in geographies_of(region))
    reached = unique((*organization.regions, *(region for geography in allowed for region in reach_of(geography))))
    geographies = (*allowed, *((GLOBAL,) if organization.global_profiles else ()))
    profiles = tuple(place.arn(f"inference-profile/{geography}.*") for geography in geographies)
    through = (*profiles, place.arn("application-inference-profile/*"))
    yield _deny(
        organization,
        "Regions",
        EVERY_ACTION,
        (
            Condition(operator="StringNotEquals", key="aws:RequestedRegion", values=organization.regions),
            Condition(operator="ArnNotLike", key=PROFILE_KEY, values=through),
        ),
        # Authorised in each destination Region of a guardrail with a cross-Region profile, without a key to tell.
        not_resources=(place.arn("guardrail-profile/*"),),
    )
    unspecified = ("unspecified",) if organization.global_profiles else ()
    yield _deny(
        organization,
        "Destinations",
        EVERY_ACTION,
        (Condition(operator="StringNotEquals", key="aws:RequestedRegion", values=(*reached, *unspecified)),),
    )


def _global_profiles(organization: Organization) -> Iterator[Statement]:
    if not organization.global_profiles:
        resources = (organization.anywhere.arn(f"inference-profile/{GLOBAL}.*"),)
        yield _deny(organization, "GlobalProfiles", _model_actions(), resources=resources)


def _models(organization: Organization) -> Iterator[Statement]:
    """Deny every other model, by every action that makes a model work.

    NotResource without the profiles would deny every call through one.
    """
    if organization.models is None:
        return
    place = organization.anywhere
    ids = organization.models.foundation_models
    regionless = (
        tuple(place.foundation_model(model_id, region="") for model_id in ids) if organization.global_profiles else ()
    )
    yield _deny(
        organization,
        "Models",
        _model_actions(),
        not_resources=(
            *(place.foundation_model(model_id) for model_id in ids),
            *regionless,
            *(place.arn(f"inference-profile/*.{model_id}") for model_id in ids),
            *organization.models.own_models,
            *(place.arn(kind) for kind in _ROUTES if kind != "inference-profile/*"),
            place.arn("model-invocation-job/*"),
        ),
    )
    named = organization.models.mantle_models
    yield _deny(
        organization,
        "MantleModels",
        tuple(table("organization_actions")["mantle_model_actions"]),
        (Condition(operator="StringNotLike", key="bedrock-mantle:Model", values=named),) if named else (),
    )


def _guardrail(organization: Organization) -> Iterator[Statement]:
    """Deny inference that names none of the guardrails, on what is no mere route to a model."""
    if not organization.guardrails:
        return
    place = organization.anywhere
    exempt = (place.foundation_model(model_id) for model_id in organization.guardrail_exempt)
    yield _deny(
        organization,
        "Guardrail",
        _INFERENCE,
        (Condition(operator="StringNotLike", key=GUARDRAIL_KEY, values=organization.guardrails),),
        not_resources=(*exempt, *(place.arn(kind) for kind in _ROUTES)),
        service_roles=True,
    )
    changes = tuple(table("organization_actions")["guardrail_changes"])
    yield _deny(organization, "GuardrailChanges", changes, resources=organization.guardrail_arns)


def _network(organization: Organization) -> Iterator[Statement]:
    """Deny calls from elsewhere than the endpoints and VPCs.

    Whether the model behind a profile carries the network keys is not documented: the profile's own authorisation
    does, and always happens.
    """
    paths = (("aws:SourceVpce", organization.endpoints), ("aws:SourceVpc", organization.vpcs))
    off = tuple(Condition(operator="StringNotEquals", key=key, values=values) for key, values in paths if values)
    if not off:
        return
    place = organization.anywhere
    calls = table("organization_actions")
    # A service that uses the caller's own credentials calls from its own network.
    directly = (*off, Condition(operator="Bool", key="aws:ViaAWSService", values=("false",), if_exists=True))
    behind = (
        place.foundation_model("*"),
        place.foundation_model("*", region=""),
        place.arn("inference-profile/*"),
    )
    yield _deny(organization, "Network", tuple(calls["calls"]), directly, not_resources=behind, service_roles=True)
    unrouted = Condition(operator="Null", key=PROFILE_KEY, values=("true",))
    models = tuple(calls["model_calls"])
    yield _deny(organization, "NetworkDirect", models, (*directly, unrouted), resources=behind, service_roles=True)


def _api_keys(organization: Organization) -> Iterator[Statement]:
    """Deny long-term and short-term keys. Nobody is exempt: a key of an exempt role is a key."""
    of_bedrock = Condition(
        operator="StringEquals", key="iam:ServiceSpecificCredentialServiceName", values=("bedrock.amazonaws.com",)
    )
    actions = tuple(table("organization_actions")["key_changes"])
    if organization.deny_api_keys:
        yield Statement(effect="Deny", sid="ApiKeys", actions=_BEARER_TOKENS, resources=("*",))
        yield Statement(effect="Deny", sid="ApiKeyChanges", actions=actions, resources=("*",), conditions=(of_bedrock,))
        return
    # A key without an end carries no age at all, which a comparison of ages would let pass.
    endless = Condition(operator="Null", key="iam:ServiceSpecificCredentialAgeDays", values=("true",))
    yield Statement(
        effect="Deny", sid="EndlessApiKeys", actions=actions[:1], resources=("*",), conditions=(of_bedrock, endless)
    )


def _features(organization: Organization) -> Iterator[Statement]:
    if organization.features is None:
        return
    denied = [feature for feature in BedrockFeature if not feature & organization.features]
    actions = unique(action for feature in denied for action in actions_of(feature))
    if actions:
        yield _deny(organization, "Features", actions)
    place = organization.anywhere
    invoked = unique(place.arn(kind) for feature in denied for kind in invoked_resources_of(feature))
    if invoked:
        yield _deny(organization, "FeatureModels", _INFERENCE, resources=invoked)


def _settings(organization: Organization) -> Iterator[Statement]:
    actions = table("organization_actions")
    if organization.deny_marketplace:
        yield _deny(organization, "Marketplace", tuple(actions["marketplace"]))
    yield _deny(organization, "DataRetention", tuple(actions["data_retention"]))


def _deny(  # noqa: PLR0913 - the elements of a statement
    organization: Organization,
    sid: str,
    actions: tuple[str, ...],
    conditions: tuple[Condition, ...] = (),
    *,
    resources: tuple[str, ...] = (),
    not_resources: tuple[str, ...] = (),
    service_roles: bool = False,
) -> Statement:
    """A Deny that spares the exempt roles; on everything where no resources are given."""
    spared = (*organization.exempt, *(organization.service_roles if service_roles else ()))
    others = (Condition(operator="ArnNotLike", key=_PRINCIPAL, values=spared),) if spared else ()
    return Statement(
        effect="Deny",
        sid=sid,
        actions=actions,
        resources=resources if resources or not_resources else ("*",),
        not_resources=not_resources,
        conditions=(*conditions, *others),
    )


def _model_actions() -> tuple[str, ...]:
    return tuple(table("organization_actions")["model_actions"])
