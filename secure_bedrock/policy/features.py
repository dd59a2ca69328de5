"""What Bedrock offers besides inference, as the organisation may allow or deny it."""

from __future__ import annotations

from enum import Flag, auto

from secure_bedrock.data import table


class BedrockFeature(Flag):
    """Features of Bedrock beyond calling a model; combine with `|`.

    What is not named is denied with the actions that create and invoke it
    (Service Authorization Reference, "Amazon Bedrock", "Amazon Bedrock AgentCore" and "Amazon Bedrock Mantle").
    """

    NONE = 0
    """None of them."""
    AGENTS = auto()
    """Agents, inline agents included."""
    FLOWS = auto()
    """Flows and their executions."""
    KNOWLEDGE_BASES = auto()
    """Knowledge bases: RetrieveAndGenerate among the calls, which no policy can scope to one of them."""
    BATCH = auto()
    """Batch inference jobs; a job names no guardrail and runs as a service role."""
    IMPORT = auto()
    """Imported, customised and copied models, their deployments, and provisioned throughput."""
    AGENTCORE = auto()
    """Everything of Bedrock AgentCore."""
    DATA_AUTOMATION = auto()
    """Data automation and its blueprints."""
    MANTLE = auto()
    """Everything of bedrock-mantle, which knows no guardrail and no invocation logging."""
    WEB_SEARCH = auto()
    """Web search and the tools that reach the internet."""


def actions_of(feature: BedrockFeature) -> tuple[str, ...]:
    """Return the actions that create or invoke one feature."""
    return tuple(_row(feature)["actions"])


def invoked_resources_of(feature: BedrockFeature) -> tuple[str, ...]:
    """Return the resources, without the head of the ARN, on which inference needs one feature."""
    return tuple(_row(feature)["invoked"])


def _row(feature: BedrockFeature) -> dict[str, list[str]]:
    return table("organization_actions")["features"][feature.name]
