"""What a request to Bedrock asks for: its operation, its model, and its guardrail."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ministack.services import bedrock

from secure_bedrock.policy.environment import Environment, partition_of
from secure_bedrock.policy.models import Model

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Operations on a model, by the last part of their path.
_OPERATIONS = {
    "invoke": "InvokeModel",
    "invoke-with-response-stream": "InvokeModelWithResponseStream",
    "converse": "Converse",
    "converse-stream": "ConverseStream",
    "count-tokens": "CountTokens",
}
_INFERENCE = re.compile(rf"/model/(?P<model>.+)/(?P<operation>{'|'.join(_OPERATIONS)})")


def call_of(path: str) -> tuple[str, Model] | None:
    """Return operation and model of an inference call, None for another request."""
    match = _INFERENCE.fullmatch(unquote(path))
    return (_OPERATIONS[match["operation"]], _model(match["model"])) if match else None


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
