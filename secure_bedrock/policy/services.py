"""The Bedrock services that have a VPC endpoint, and the IAM prefixes that are Bedrock."""

from __future__ import annotations

from enum import Enum

from secure_bedrock.data import table

#: Every IAM prefix that is Bedrock. `bedrock:*` covers none of the others.
PREFIXES = ("bedrock", "bedrock-mantle", "bedrock-websearch", "bedrock-agentcore")
#: Every action of Bedrock.
EVERY_ACTION = tuple(f"{prefix}:*" for prefix in PREFIXES)


def every_resource(partition: str) -> tuple[str, ...]:
    """Return the patterns that match every Bedrock ARN and nothing else.

    All six fields are written: a short `arn:aws:bedrock:*` is not read the same by every evaluator.
    """
    return tuple(f"arn:{partition}:{prefix}:*:*:*" for prefix in PREFIXES)


class BedrockService(Enum):
    """A Bedrock service with an interface VPC endpoint; the value is the end of its service name.

    AWS: "Use interface VPC endpoints (AWS PrivateLink) to create a private connection between your VPC and Amazon
    Bedrock".
    The FIPS variants are services of their own with a private DNS name and a policy of their own.
    """

    RUNTIME = "bedrock-runtime"
    RUNTIME_FIPS = "bedrock-runtime-fips"
    CONTROL = "bedrock"
    CONTROL_FIPS = "bedrock-fips"
    AGENT = "bedrock-agent"
    AGENT_RUNTIME = "bedrock-agent-runtime"
    MANTLE = "bedrock-mantle"
    DATA_AUTOMATION = "bedrock-data-automation"
    DATA_AUTOMATION_FIPS = "bedrock-data-automation-fips"
    DATA_AUTOMATION_RUNTIME = "bedrock-data-automation-runtime"
    DATA_AUTOMATION_RUNTIME_FIPS = "bedrock-data-automation-runtime-fips"
    AGENTCORE = "bedrock-agentcore"
    AGENTCORE_GATEWAY = "bedrock-agentcore.gateway"

    @property
    def plain(self) -> BedrockService:
        """The service without FIPS, whose actions a FIPS variant serves."""
        return BedrockService(self.value.removesuffix("-fips"))

    def is_offered_in(self, region: str) -> bool | None:
        """Whether AWS documents the service in a Region; None where no list was found."""
        row = next(row for row in table("endpoints")["services"] if row["service"] == self.value)
        regions = row.get("regions")
        return region in regions if regions else None
