"""What a role may do with its models: sets of actions, each with its resources, its service and its blind spots."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, Flag, auto

from secure_bedrock.policy.services import BedrockService

INVOKE = "bedrock:InvokeModel"
INVOKE_STREAM = "bedrock:InvokeModelWithResponseStream"
APPLY_GUARDRAIL = "bedrock:ApplyGuardrail"
CREATE_INFERENCE = "bedrock-mantle:CreateInference"
#: What Bedrock calls on the caller's behalf for a model of Bedrock Marketplace.
ENDPOINT_ACTIONS = ("sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream")
BEARER_TOKEN = "bedrock:CallWithBearerToken"  # noqa: S105 - the name of an action


class InvokeActions(Flag):
    """What a role may do with its models; combine with `|`.

    Converse and ConverseStream have no actions of their own: they are InvokeModel and InvokeModelWithResponseStream
    (Service Authorization Reference, "Actions, resources, and condition keys for Amazon Bedrock").
    """

    INFERENCE_NO_STREAM = auto()
    """InvokeModel, which is also Converse."""
    STREAM = auto()
    """InvokeModelWithResponseStream, which is also ConverseStream."""
    ASYNC = auto()
    """StartAsyncInvoke and GetAsyncInvoke. Blind spot: an asynchronous call names no guardrail,
    so a required one denies it
    on models that take one. ListAsyncInvokes has no resource to be scoped to and is left out."""
    COUNT_TOKENS = auto()
    """CountTokens, on the foundation models in the caller's Region. Blind spot:
    it carries no guardrail and no profile."""
    BATCH = auto()
    """Batch inference jobs; needs the service role in `may_use_roles`. Blind spot: a job is not subject to a guardrail,
    and
    runs as the service role, from the service's network. ListModelInvocationJobs has no resource and is left out."""
    RETRIEVE = auto()
    """Retrieve from the knowledge bases in `resources`. RetrieveAndGenerate cannot be scoped and is left out."""
    AGENT = auto()
    """InvokeAgent on the agent aliases in `resources`. Blind spot: the agent's own role decides which models it calls,
    and
    its calls carry no guardrail of the caller."""
    INFERENCE = INFERENCE_NO_STREAM | STREAM
    """Both inference actions, with ApplyGuardrail when a guardrail is set."""


class Scope(Enum):
    """The resources an action stands on."""

    MODELS = auto()
    MODELS_AND_ASYNC_JOBS = auto()
    FOUNDATION_MODELS = auto()
    FOUNDATION_MODELS_AND_BATCH_JOBS = auto()
    ASYNC_JOBS = auto()
    BATCH_JOBS = auto()
    KNOWLEDGE_BASES = auto()
    AGENT_ALIASES = auto()
    GUARDRAILS = auto()
    MANTLE_PROJECTS = auto()


@dataclass(frozen=True, slots=True)
class ActionRule:
    """Actions that stand on the same resources and go to the same service."""

    actions: tuple[str, ...]
    scope: Scope
    service: BedrockService


_BEYOND_INFERENCE = (
    (InvokeActions.ASYNC, ActionRule(("bedrock:GetAsyncInvoke",), Scope.ASYNC_JOBS, BedrockService.RUNTIME)),
    (InvokeActions.COUNT_TOKENS, ActionRule(("bedrock:CountTokens",), Scope.FOUNDATION_MODELS, BedrockService.RUNTIME)),
    (
        InvokeActions.BATCH,
        ActionRule(
            ("bedrock:CreateModelInvocationJob",), Scope.FOUNDATION_MODELS_AND_BATCH_JOBS, BedrockService.CONTROL
        ),
    ),
    (
        InvokeActions.BATCH,
        ActionRule(
            ("bedrock:GetModelInvocationJob", "bedrock:StopModelInvocationJob"),
            Scope.BATCH_JOBS,
            BedrockService.CONTROL,
        ),
    ),
    (InvokeActions.RETRIEVE, ActionRule(("bedrock:Retrieve",), Scope.KNOWLEDGE_BASES, BedrockService.AGENT_RUNTIME)),
    (InvokeActions.AGENT, ActionRule(("bedrock:InvokeAgent",), Scope.AGENT_ALIASES, BedrockService.AGENT_RUNTIME)),
)


def invoke_actions(chosen: InvokeActions) -> tuple[str, ...]:
    """Return the inference actions of a choice, in a stable order."""
    direct = INVOKE if chosen & (InvokeActions.INFERENCE_NO_STREAM | InvokeActions.ASYNC) else None
    stream = INVOKE_STREAM if chosen & InvokeActions.STREAM else None
    return tuple(action for action in (direct, stream) if action)


def action_rules(
    chosen: InvokeActions, *, with_guardrail: bool, on_runtime: bool = True, on_mantle: bool = False
) -> tuple[ActionRule, ...]:
    """Return every rule of a choice, inference first.

    Args:
        chosen: what the role may do.
        with_guardrail: whether ApplyGuardrail is among it.
        on_runtime: whether there are models of bedrock-runtime.
        on_mantle: whether there are models of bedrock-mantle; streaming is no action of its own there.
    """
    scope = Scope.MODELS_AND_ASYNC_JOBS if chosen & InvokeActions.ASYNC else Scope.MODELS
    inference = invoke_actions(chosen) if on_runtime else ()
    rules = [ActionRule(inference, scope, BedrockService.RUNTIME)] if inference else []
    rules += [ActionRule((APPLY_GUARDRAIL,), Scope.GUARDRAILS, BedrockService.RUNTIME)] if with_guardrail else []
    if on_mantle and chosen & InvokeActions.INFERENCE_NO_STREAM:
        rules.append(ActionRule((CREATE_INFERENCE,), Scope.MANTLE_PROJECTS, BedrockService.MANTLE))
    return (*rules, *(rule for flag, rule in _BEYOND_INFERENCE if chosen & flag))
