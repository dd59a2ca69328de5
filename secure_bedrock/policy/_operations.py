"""The operations of Bedrock's APIs: the action each is authorised as, and on what.

Service Authorization Reference, "Actions, resources, and condition keys for Amazon Bedrock"; Amazon Bedrock API
Reference (Converse "requires permission for the bedrock:InvokeModel action"); Amazon Bedrock User Guide, "API keys",
which lists what they cannot be used with.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from functools import cache

from secure_bedrock.data import table

_INVOKE = "bedrock:InvokeModel"
_STREAM = "bedrock:InvokeModelWithResponseStream"


class Target(Enum):
    """What an operation is authorised on."""

    MODEL = auto()
    FOUNDATION_MODEL = auto()
    ASYNC = auto()
    BATCH = auto()
    RESPONSES = auto()
    PROJECT = auto()
    MANTLE = auto()
    GUARDRAIL = auto()
    RESOURCE = auto()
    NONE = auto()


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    Attributes:
        action: the IAM action.
        target: what it stands on.
        service: the service whose endpoint serves it.
        takes_api_keys: whether a Bedrock API key can be used.
        takes_guardrail: whether a call can name a guardrail.
        retrieves: whether the service reads a knowledge base for the caller.
        generates: whether the service calls a model for the caller.
    """

    action: str
    target: Target
    service: str = "bedrock-runtime"
    takes_api_keys: bool = True
    takes_guardrail: bool = False
    retrieves: bool = False
    generates: bool = False


def _agent(action: str, target: Target, *, retrieves: bool = False, generates: bool = False) -> Operation:
    return Operation(
        f"bedrock:{action}", target, "bedrock-agent-runtime", takes_api_keys=False, retrieves=retrieves,
        generates=generates,
    )  # fmt: skip


def _mantle(action: str) -> Operation:
    return Operation(f"bedrock-mantle:{action}", Target.MANTLE, "bedrock-mantle")


OPERATIONS = {
    "InvokeModel": Operation(_INVOKE, Target.MODEL, takes_guardrail=True),
    "Converse": Operation(_INVOKE, Target.MODEL, takes_guardrail=True),
    "ChatCompletions": Operation(_INVOKE, Target.MODEL, takes_guardrail=True),
    "Messages": Operation(_INVOKE, Target.MODEL),
    "InvokeModelWithResponseStream": Operation(_STREAM, Target.MODEL, takes_guardrail=True),
    "ConverseStream": Operation(_STREAM, Target.MODEL, takes_guardrail=True),
    "ChatCompletionsStream": Operation(_STREAM, Target.MODEL, takes_guardrail=True),
    "MessagesStream": Operation(_STREAM, Target.MODEL),
    "InvokeModelWithBidirectionalStream": Operation(_INVOKE, Target.MODEL, takes_api_keys=False),
    "StartAsyncInvoke": Operation(_INVOKE, Target.ASYNC),
    "GetAsyncInvoke": Operation("bedrock:GetAsyncInvoke", Target.RESOURCE),
    "ListAsyncInvokes": Operation("bedrock:ListAsyncInvokes", Target.NONE),
    "CountTokens": Operation("bedrock:CountTokens", Target.FOUNDATION_MODEL),
    "ApplyGuardrail": Operation("bedrock:ApplyGuardrail", Target.GUARDRAIL),
    "InvokeGuardrailChecks": Operation("bedrock:InvokeGuardrailChecks", Target.NONE),
    "Responses": Operation(_INVOKE, Target.RESPONSES),
    "ResponsesStream": Operation(_STREAM, Target.RESPONSES),
    "GetResponse": Operation("bedrock:GetInvoke", Target.PROJECT),
    "CancelResponse": Operation("bedrock:CancelInvoke", Target.PROJECT),
    "DeleteResponse": Operation("bedrock:DeleteInvoke", Target.PROJECT),
    "CreateModelInvocationJob": Operation("bedrock:CreateModelInvocationJob", Target.BATCH, "bedrock"),
    "GetModelInvocationJob": Operation("bedrock:GetModelInvocationJob", Target.RESOURCE, "bedrock"),
    "StopModelInvocationJob": Operation("bedrock:StopModelInvocationJob", Target.RESOURCE, "bedrock"),
    "ListModelInvocationJobs": Operation("bedrock:ListModelInvocationJobs", Target.NONE, "bedrock"),
    "InvokeAgent": _agent("InvokeAgent", Target.RESOURCE),
    "InvokeInlineAgent": _agent("InvokeInlineAgent", Target.NONE, generates=True),
    "InvokeFlow": _agent("InvokeFlow", Target.RESOURCE),
    "Retrieve": _agent("Retrieve", Target.RESOURCE),
    "RetrieveAndGenerate": _agent("RetrieveAndGenerate", Target.NONE, retrieves=True, generates=True),
    "RetrieveAndGenerateStream": _agent("RetrieveAndGenerate", Target.NONE, retrieves=True, generates=True),
    "CreateInference": _mantle("CreateInference"),
    "CountTokensOnMantle": _mantle("CountTokens"),
    "GetInference": _mantle("GetInference"),
    "CancelInference": _mantle("CancelInference"),
    "DeleteInference": _mantle("DeleteInference"),
}


def carries(action: str, key: str) -> bool:
    """Whether a request for an action can hold a condition key; of a key that no table ties to actions it always can.

    A key of Bedrock that the table lacks is on no action.
    """
    found = _carriers().get(key.lower())
    return not key.lower().startswith("bedrock") if found is None else action.lower() in found


def surely_carries(action: str, key: str) -> bool:
    """Whether a request can hold a condition key by AWS's table too, where its text says so."""
    return carries(action, key) and action not in table("authorisations")["unsettled"].get(key, ())


@cache
def _carriers() -> dict[str, frozenset[str]]:
    rows = table("authorisations")["keys"]
    return {key.lower(): frozenset(action.lower() for action in actions) for key, actions in rows.items()}
