"""What a network team needs to know of a deployment: addresses, names, and what to forward."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk

if TYPE_CHECKING:
    from collections.abc import Iterable

    from constructs import Construct

    from secure_bedrock.constructs.endpoint import PrivateBedrockEndpoint
    from secure_bedrock.constructs.on_premises import OnPremisesAccess

_READ_RESOLVER = "aws route53resolver list-resolver-endpoint-ip-addresses --resolver-endpoint-id"
_READ_INTERFACES = (
    "aws ec2 describe-network-interfaces --query NetworkInterfaces[].PrivateIpAddress --network-interface-ids"
)


def write_outputs(access: OnPremisesAccess) -> None:
    """Write the stack's outputs, and those of the endpoint's stack, once for all that reach it."""
    _output(access, "Ranges", ", ".join(access.vpc_source_ips), "Networks that may open 443 to the Bedrock endpoints")
    if access.endpoint.node.try_find_child("OwnNames") is None:
        _endpoint_outputs(access.endpoint, access.endpoint_names.values())
    if access.resolver_endpoint is None:
        _forwarding(access, "an inbound endpoint of this VPC")
    else:
        _resolver_outputs(access, access.resolver_endpoint.attr_resolver_endpoint_id)


def _endpoint_outputs(endpoint: PrivateBedrockEndpoint, names: Iterable[str]) -> None:
    """In the endpoint's own stack: an output elsewhere would only import another output."""
    _output(
        endpoint, "OwnNames", ", ".join(names), "The endpoints' own names; public DNS knows their private addresses"
    )
    interfaces = [cdk.Fn.join(" ", each.vpc_endpoint_network_interface_ids) for each in endpoint.endpoints.values()]
    _output(
        endpoint,
        "Addresses",
        f"{_READ_INTERFACES} {' '.join(interfaces)}",
        "The command that reads the addresses to route and to open 443 to; CloudFormation does not tell them",
    )


def _resolver_outputs(access: OnPremisesAccess, resolver_id: str) -> None:
    fixed = ", ".join(access.resolver_addresses)
    _output(access, "ResolverEndpointId", resolver_id, "The Route 53 Resolver inbound endpoint")
    _output(
        access,
        "ResolverAddresses",
        fixed or f"{_READ_RESOLVER} {resolver_id}",
        "The inbound endpoint's addresses, port 53 over TCP and UDP"
        if fixed
        else "The command that reads the inbound endpoint's addresses, which CloudFormation does not tell",
    )
    _forwarding(access, fixed or f"the addresses of {resolver_id}")


def _forwarding(access: OnPremisesAccess, target: str) -> None:
    if access.forwarding_domains:
        rules = "; ".join(f"{domain} -> {target}" for domain in access.forwarding_domains)
        _output(access, "ForwardingRules", rules, "What DNS servers beyond the VPC forward, by domain")


def _output(scope: Construct, name: str, value: str, description: str) -> None:
    cdk.CfnOutput(scope, name, value=value, description=description)
