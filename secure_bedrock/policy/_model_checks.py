"""What is refused as a model, and what is said of one."""

from __future__ import annotations

from secure_bedrock.errors import invalid
from secure_bedrock.policy.authorisation import ModelKind
from secure_bedrock.policy.catalogue import known_model
from secure_bedrock.policy.destinations import Note
from secure_bedrock.policy.environment import Arn, Environment, is_unresolved

#: Kinds that are not read from an ARN of Bedrock alone.
_NOT_PARSED = {ModelKind.MANTLE_MODEL, ModelKind.MARKETPLACE_ENDPOINT}


def require_commercial(profile_id: str, place: Environment) -> None:
    """Refuse a global profile in a partition that has none."""
    if not is_unresolved(place.partition) and place.partition != "aws":
        raise invalid(
            "models",
            profile_id,
            allowed=f"a profile of the partition {place.partition}; global ones are commercial only",
        )


def is_arn(text: str) -> bool:
    """Whether a text is meant as an ARN."""
    return text.startswith("arn:")


def require_type(text: str, *kinds: ModelKind) -> Arn:
    """Return the ARN of one of some kinds of Bedrock's resources, or refuse it."""
    arn = Arn.parse(text)
    allowed = ", ".join(kind.value for kind in kinds)
    if arn.service != "bedrock" or arn.resource_type not in {kind.value for kind in kinds} or not arn.resource_id:
        raise invalid("models", text, allowed=f"a Bedrock ARN of one of the kinds {allowed}")
    if "*" in text or "?" in text:
        raise invalid("models", text, allowed="one model; wildcards are refused")
    return arn


def foundation_model_notes(model_id: str, place: Environment) -> list[Note]:
    """Return what is to be said of a foundation model in a place."""
    row = known_model(model_id)
    if row is None:
        return [Note("model-unknown", f"{model_id} is not in the library's table of models; taken as it is")]
    documented = row["in_region_documented"]
    if row["profile_only"] and place.partition == "aws":
        return [
            Note(
                "model-profile-only",
                f"{model_id} can be called only through an inference profile such as 'us.{model_id}'",
            )
        ]
    if documented and place.region_is_known and place.region not in documented:
        known = ", ".join(documented)
        return [
            Note(
                "model-region", f"AWS does not document {model_id} in {place.region} without a profile, only in {known}"
            )
        ]
    return []


def require_invokable(text: str) -> Arn:
    """Return the ARN of what can be invoked by itself, or refuse it with what to use instead."""
    arn = Arn.parse(text)
    if arn.service == "bedrock" and arn.resource_type == "custom-model":
        raise invalid(
            "models",
            text,
            allowed="what a custom model is invoked by: its provisioned throughput, or its custom-model deployment",
            remedy="pass the ARN of a 'provisioned-model' or a 'custom-model-deployment' of it",
        )
    require_type(text, *(kind for kind in ModelKind if kind not in _NOT_PARSED))
    kind = ModelKind(arn.resource_type)
    if kind in {ModelKind.PROMPT_ROUTER, ModelKind.DEFAULT_PROMPT_ROUTER}:
        raise invalid(
            "models",
            text,
            allowed="a prompt router together with what it routes to",
            remedy="use Model.prompt_router(arn, routes=[...])",
        )
    if kind is ModelKind.APPLICATION_INFERENCE_PROFILE:
        raise invalid(
            "models",
            text,
            allowed="an application inference profile together with what it routes to",
            remedy="use Model.application_profile(arn, serves=[...])",
        )
    if kind is ModelKind.FOUNDATION_MODEL and not arn.region:
        raise invalid(
            "models", text, allowed="a foundation model of a Region, or a 'global.' profile for Region-less calls"
        )
    return arn
