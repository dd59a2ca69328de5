"""What a gateway is given: checked, and read as values."""

from __future__ import annotations

from collections.abc import Iterable

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns

from secure_bedrock.constructs._on_premises_names import has_private_dns
from secure_bedrock.constructs._on_premises_place import place_of
from secure_bedrock.constructs.endpoint import PrivateBedrockEndpoint
from secure_bedrock.constructs.gateway_caller import GatewayCaller
from secure_bedrock.errors import InvalidInput, invalid
from secure_bedrock.policy.firewall import INSPECTED
from secure_bedrock.policy.gateway import Caller, require_once
from secure_bedrock.policy.lists import items_of
from secure_bedrock.policy.services import BedrockService

#: What API Gateway waits for without a raised quota, and the longest a raised one allows.
TIMEOUT, LONGEST = 29, 300
LARGEST_BODY = 5 * 1024 * 1024
#: AWS WAF takes no lower limit.
LEAST_RATE = 10


def require_kinds(*, subnets: object, retention: object) -> None:
    """Check what CDK would refuse with an error of its own."""
    if subnets is not None and not isinstance(subnets, ec2.SubnetSelection):
        raise invalid("subnets", subnets, allowed="an ec2.SubnetSelection")
    if not isinstance(retention, logs.RetentionDays):
        raise invalid("retention", retention, allowed="a logs.RetentionDays")


def require_switches(**switches: object) -> None:
    """Check that what is on or off is a bool."""
    for name, value in switches.items():
        if not isinstance(value, bool):
            raise invalid(name, value, allowed="True or False")


def callers_of(callers: Iterable[GatewayCaller]) -> tuple[Caller, ...]:
    """Return the callers as values, each role once; an error names the caller's place in the list."""
    given = items_of("callers", callers)
    if not given:
        raise InvalidInput("callers: got nothing; allowed is at least one GatewayCaller(role=..., models=[...])")
    declared = []
    for index, caller in enumerate(given):
        if not isinstance(caller, GatewayCaller):
            raise invalid("callers", caller, allowed="GatewayCaller(role=..., models=[...])")
        try:
            declared.append(caller.checked())
        except InvalidInput as error:
            raise InvalidInput(f"callers[{index}].{error}") from error
    require_once(tuple(declared))
    return tuple(declared)


def require_way(endpoint: PrivateBedrockEndpoint, vpc: ec2.IVpc) -> None:
    """Check that the function finds Bedrock's runtime by its usual name, in the VPC it stands in."""
    if not isinstance(endpoint, PrivateBedrockEndpoint):
        raise invalid("endpoint", endpoint, allowed="a PrivateBedrockEndpoint")
    if not hasattr(vpc, "vpc_id"):
        raise invalid("vpc", vpc, allowed="an ec2.IVpc")
    try:
        place_of(endpoint, vpc)
    except InvalidInput:
        raise invalid("vpc", vpc.node.path, allowed=f"the VPC of {endpoint.node.path}") from None
    runtime = BedrockService.RUNTIME
    if runtime not in endpoint.endpoints or not has_private_dns(endpoint, runtime):
        raise invalid("endpoint", endpoint.node.path, allowed="one for BedrockService.RUNTIME with private DNS")


def number(name: str, value: int, *, least: int = 1, most: int | None = None) -> int:
    """Return a whole number between two others."""
    fits = isinstance(value, int) and not isinstance(value, bool) and value >= least
    if not fits or (most is not None and value > most):
        limits = f"a whole number of at least {least}" + (f" and at most {most}" if most else "")
        raise invalid(name, value, allowed=limits)
    return value


def inspected(value: int) -> int:
    """Return how many KiB of a body are inspected."""
    if value not in INSPECTED or isinstance(value, bool):
        raise invalid("inspected_kib", value, allowed=f"one of {', '.join(map(str, INSPECTED))}")
    return value


def timeout_of(value: cdk.Duration | None) -> cdk.Duration:
    """Return how long a call may take."""
    if value is None:
        return cdk.Duration.seconds(TIMEOUT)
    if not isinstance(value, cdk.Duration):
        raise invalid("timeout", value, allowed="a Duration of 5 to 300 seconds")
    seconds = value.to_milliseconds() / 1000
    if not 5 <= seconds <= LONGEST or seconds != int(seconds):  # noqa: PLR2004 - connecting alone may take three
        raise invalid("timeout", f"{seconds:g} seconds", allowed="whole seconds from 5 to 300")
    return value


def topics_of(values: Iterable[sns.ITopic] | None) -> list[sns.ITopic]:
    """Return the topics."""
    topics = items_of("notify", values)
    for topic in topics:
        if not hasattr(topic, "topic_arn"):
            raise invalid("notify", topic, allowed="topics")
    return list(topics)
