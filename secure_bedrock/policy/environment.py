"""Where something is deployed, and the ARNs of that place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from secure_bedrock.data import table
from secure_bedrock.errors import InvalidInput, invalid, nearest

#: Partitions whose endpoint data lists Bedrock (regions.json); `aws-cn` has none.
PARTITIONS = ("aws", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-f")


def is_unresolved(text: str) -> bool:
    """Whether a text holds something CloudFormation fills in at deploy time, which CDK writes as `${...}`."""
    return "${" in text


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Partition, Region and account of a deployment; each may be unresolved (`${...}`)."""

    partition: str
    region: str
    account: str

    def __post_init__(self) -> None:
        if not is_unresolved(self.partition) and self.partition not in PARTITIONS:
            raise invalid("partition", self.partition, allowed=f"a partition Bedrock is in: {', '.join(PARTITIONS)}")

    @property
    def region_is_known(self) -> bool:
        """Whether the Region is literal."""
        return not is_unresolved(self.region)

    def arn(
        self, resource: str, *, service: str = "bedrock", region: str | None = None, account: str | None = None
    ) -> str:
        """Return the ARN of a resource here; `region` and `account` replace this environment's, `""` empties them."""
        return (
            f"arn:{self.partition}:{service}:{self.region if region is None else region}"
            f":{self.account if account is None else account}:{resource}"
        )

    def foundation_model(self, model_id: str, region: str | None = None) -> str:
        """Return the ARN of a foundation model, whose account field is empty."""
        return self.arn(f"foundation-model/{model_id}", region=region, account="")


def partition_of(region: str) -> str:
    """Return the partition of a literal Region.

    Raises:
        InvalidInput: for a Region no partition's pattern matches, or one in a partition without Bedrock.
    """
    for partition, pattern in _partition_patterns():
        if pattern.match(region):
            if partition not in PARTITIONS:
                raise invalid(
                    "region", region, allowed=f"a Region of a partition Bedrock is in: {', '.join(PARTITIONS)}"
                )
            return partition
    raise invalid("region", region, allowed="an AWS Region", nearest=nearest(region, known_regions()))


@cache
def global_region(partition: str) -> str:
    """Return the Region that a partition's global services, IAM among them, report their events in."""
    return next(row["global_region"] for row in table("regions")["partitions"] if row["partition"] == partition)


@cache
def known_regions() -> tuple[str, ...]:
    """Return the Regions of the dated table."""
    return tuple(row["region"] for row in table("regions")["regions"])


@cache
def _partition_patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((row["partition"], re.compile(row["region_regex"])) for row in table("regions")["partitions"])


@dataclass(frozen=True, slots=True)
class Arn:
    """An ARN in its six fields; the last may hold colons."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    @classmethod
    def parse(cls, text: str) -> Arn:
        """Read an ARN. Raises InvalidInput when it does not have six fields."""
        fields = text.split(":", 5)
        if len(fields) != 6 or fields[0] != "arn" or not fields[5]:  # noqa: PLR2004 - an ARN has six fields
            raise InvalidInput(f"arn: got {text!r}; allowed is arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE")
        return cls(*fields[1:])

    @property
    def resource_type(self) -> str:
        """The part of the resource before its first slash."""
        return self.resource.partition("/")[0]

    @property
    def resource_id(self) -> str:
        """The part of the resource after its first slash."""
        return self.resource.partition("/")[2]

    @property
    def text(self) -> str:
        """The ARN as text."""
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"
