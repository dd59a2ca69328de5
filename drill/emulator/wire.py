"""What a request to Bedrock asks for: its action, every resource AWS would authorise, and its guardrail."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ministack.services import bedrock

from secure_bedrock.policy.authorisation import PROFILE_KEY
from secure_bedrock.policy.environment import Environment, partition_of
from secure_bedrock.policy.models import Model

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Operations that have no action of their own.
_ACTION_OF = {
    "Converse": "InvokeModel",
    "ConverseStream": "InvokeModelWithResponseStream",
    "InvokeModelWithBidirectionalStream": "InvokeModel",
    "StartAsyncInvoke": "InvokeModel",
}
_INFERENCE = re.compile(
    r"/model/(?P<model>.+)/(invoke|invoke-with-response-stream|converse|converse-stream|count-tokens)"
)


def action_of(action: str | None) -> str | None:
    """Return the IAM action of what ministack takes for one."""
    if not action or not action.startswith("bedrock:"):
        return action
    name = action.removeprefix("bedrock:")
    return f"bedrock:{_ACTION_OF.get(name, name)}"


def resources_of(path: str, region: str, account: str) -> list[tuple[str, dict[str, str]]]:
    """Return every ARN an inference call is authorised on, with the context of that authorisation; empty for others."""
    match = _INFERENCE.fullmatch(unquote(path))
    if not match:
        return []
    environment = Environment(partition=partition_of(region), region=region, account=account)
    authorisations = _model(match["model"]).authorisations(environment)
    return [
        (
            authorisation.resource,
            {
                "aws:RequestedRegion": authorisation.requested_region or authorisation.resource.split(":")[3] or region,
                **({PROFILE_KEY: authorisation.only_through[0]} if authorisation.only_through else {}),
                **tags_of(authorisation.resource),
            },
        )
        for authorisation in authorisations
    ]


def tags_of(arn: str) -> dict[str, str]:
    """Return the tags of a resource as a request's context has them."""
    return {f"aws:ResourceTag/{key}": value for key, value in (bedrock._tags.get(arn) or {}).items()}


def guardrail_of(headers: Mapping[str, str], body: bytes, region: str, account: str) -> str | None:
    """Return what `bedrock:GuardrailIdentifier` holds: the ARN, with the version where it is a number."""
    identifier = headers.get("x-amzn-bedrock-guardrailidentifier")
    version = headers.get("x-amzn-bedrock-guardrailversion")
    if not identifier:
        config = _guardrail_config(body)
        identifier, version = config.get("guardrailIdentifier"), config.get("guardrailVersion")
    if not identifier:
        return None
    environment = Environment(partition=partition_of(region), region=region, account=account)
    arn = identifier if identifier.startswith("arn:") else environment.arn(f"guardrail/{identifier}")
    return arn if version in (None, "", "DRAFT") else f"{arn}:{version}"


def _model(text: str) -> Model:
    """What a model id of a request names; an application profile serves what ministack holds for it."""
    name = text.rsplit("/", 1)[-1]
    record = bedrock._inference_profiles_apps.get(name)
    if record is None:
        return Model.parse(text, accept_unknown=True)
    served = [Model.parse(model["modelArn" if "modelArn" in model else "ModelArn"]) for model in record["Models"]]
    return Model.application_profile(record["InferenceProfileArn"], serves=served)


def _guardrail_config(body: bytes) -> dict[str, Any]:
    try:
        config = json.loads(body or b"{}").get("guardrailConfig")
    except (ValueError, AttributeError):
        return {}
    return config or {}
