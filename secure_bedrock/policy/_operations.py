"""The operations of Bedrock's APIs: the action each is authorised as, and on what.

Service Authorization Reference, "Actions, resources, and condition keys for Amazon Bedrock"; Amazon Bedrock API
Reference (Converse "requires permission for the bedrock:InvokeModel action"); Amazon Bedrock User Guide, "API keys",
which lists what they cannot be used with.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

_STREAM = "bedrock:InvokeModelWithResponseStream"


class Target(Enum):
    """What an operation is authorised on."""

    MODEL = auto()
    FOUNDATION_MODEL = auto()
    ASYNC = auto()
    BATCH = auto()
    RESPONSES = auto()
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
        retrieves: whether the service reads a knowledge base and calls a model on the caller's behalf.
    """

    action: str
    target: Target
    service: str = "bedrock-runtime"
    takes_api_keys: bool = True
    takes_guardrail: bool = False
    retrieves: bool = False


def _agent(action: str, target: Target, *, retrieves: bool = False) -> Operation:
    return Operation(f"bedrock:{action}", target, "bedrock-agent-runtime", takes_api_keys=False, retrieves=retrieves)


OPERATIONS = {
    "InvokeModel": Operation("bedrock:InvokeModel", Target.MODEL, takes_guardrail=True),
    "Converse": Operation("bedrock:InvokeModel", Target.MODEL, takes_guardrail=True),
    "ChatCompletions": Operation("bedrock:InvokeModel", Target.MODEL, takes_guardrail=True),
    "InvokeModelWithResponseStream": Operation(_STREAM, Target.MODEL, takes_guardrail=True),
    "ConverseStream": Operation(_STREAM, Target.MODEL, takes_guardrail=True),
    "InvokeModelWithBidirectionalStream": Operation("bedrock:InvokeModel", Target.MODEL, takes_api_keys=False),
    "StartAsyncInvoke": Operation("bedrock:InvokeModel", Target.ASYNC),
    "GetAsyncInvoke": Operation("bedrock:GetAsyncInvoke", Target.RESOURCE),
    "ListAsyncInvokes": Operation("bedrock:ListAsyncInvokes", Target.NONE),
    "CountTokens": Operation("bedrock:CountTokens", Target.FOUNDATION_MODEL),
    "ApplyGuardrail": Operation("bedrock:ApplyGuardrail", Target.GUARDRAIL),
    "InvokeGuardrailChecks": Operation("bedrock:InvokeGuardrailChecks", Target.NONE),
    "Responses": Operation("bedrock:InvokeModel", Target.RESPONSES),
    "CreateModelInvocationJob": Operation("bedrock:CreateModelInvocationJob", Target.BATCH, "bedrock"),
    "InvokeAgent": _agent("InvokeAgent", Target.RESOURCE),
    "InvokeInlineAgent": _agent("InvokeInlineAgent", Target.NONE),
    "InvokeFlow": _agent("InvokeFlow", Target.RESOURCE),
    "Retrieve": _agent("Retrieve", Target.RESOURCE),
    "RetrieveAndGenerate": _agent("RetrieveAndGenerate", Target.NONE, retrieves=True),
    "RetrieveAndGenerateStream": _agent("RetrieveAndGenerate", Target.NONE, retrieves=True),
    "CreateInference": Operation("bedrock-mantle:CreateInference", Target.MANTLE, "bedrock-mantle"),
}
