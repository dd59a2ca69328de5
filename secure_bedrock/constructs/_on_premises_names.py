"""The host names under which an endpoint answers: the service's usual one, and the endpoint's own."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2

from secure_bedrock.constructs._tokens import environment_of
from secure_bedrock.constructs.endpoint import PrivateBedrockEndpoint
from secure_bedrock.data import table
from secure_bedrock.policy.environment import Environment
from secure_bedrock.policy.services import BedrockService

_SUFFIX, _DUAL_STACK_SUFFIX = "amazonaws.com", "api.aws"


def usual_name(endpoint: PrivateBedrockEndpoint, service: BedrockService) -> str | None:
    """Return the name that private DNS gives the endpoint, None where it is off or AWS documents no name.

    AWS: "VPC endpoints", Amazon Bedrock User Guide, whose names stand in the dated table. Another partition has its own
    DNS suffix.
    """
    row = next(row for row in table("endpoints")["services"] if row["service"] == service.value)
    if row["private_dns"] is None or not has_private_dns(endpoint, service):
        return None
    environment = environment_of(endpoint)
    name = row["private_dns"].format(region=environment.region)
    for suffix, here in _suffixes(endpoint, environment).items():
        if name.endswith(f".{suffix}"):
            return None if here is None else f"{name.removesuffix(suffix)}{here}"
    return name


def own_name(endpoint: PrivateBedrockEndpoint, service: BedrockService) -> str:
    """Return the endpoint's own Regional name, which public DNS resolves to its private addresses.

    AWS: `AWS::EC2::VPCEndpoint` returns DnsEntries as `HOSTED_ZONE_ID:NAME`, the Regional name first.
    """
    entry = cdk.Fn.select(0, endpoint.endpoints[service].vpc_endpoint_dns_entries)
    return cdk.Fn.select(1, cdk.Fn.split(":", entry))


def has_private_dns(endpoint: PrivateBedrockEndpoint, service: BedrockService) -> bool:
    """Whether the service's usual name leads to the endpoint inside its VPC."""
    return resource_of(endpoint, service).private_dns_enabled is True


def resource_of(endpoint: PrivateBedrockEndpoint, service: BedrockService) -> ec2.CfnVPCEndpoint:
    """Return the resource of a service's endpoint."""
    resource = endpoint.endpoints[service].node.default_child
    assert isinstance(resource, ec2.CfnVPCEndpoint)  # noqa: S101 - CDK's own primary child
    return resource


def _suffixes(endpoint: PrivateBedrockEndpoint, environment: Environment) -> dict[str, str | None]:
    """The partition's suffixes; of an unknown Region CloudFormation knows the first one only."""
    if not environment.region_is_known:
        return {_SUFFIX: cdk.Stack.of(endpoint).url_suffix, _DUAL_STACK_SUFFIX: None}
    row = next(row for row in table("regions")["partitions"] if row["partition"] == environment.partition)
    return {_SUFFIX: row["dns_suffix"], _DUAL_STACK_SUFFIX: row["dual_stack_suffix"]}
