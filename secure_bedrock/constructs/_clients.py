"""Who may open a connection to an endpoint: the named clients, subnets and ranges, on 443, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Any

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from secure_bedrock.constructs._edge import properties_of
from secure_bedrock.constructs._tokens import depends_on, known, stack_of
from secure_bedrock.errors import invalid
from secure_bedrock.policy.lists import items_of
from secure_bedrock.policy.network import require_ranges

HTTPS = ec2.Port.tcp(443)
_ALLOWED = "constructs with .connections, or subnets"


def open_to(
    group: ec2.SecurityGroup,
    vpc: ec2.IVpc,
    declared: Mapping[str, Any] | None,
    *,
    clients: Iterable[object] | None,
    client_cidrs: Iterable[str] | None,
) -> bool:
    """Let clients and ranges reach a group on 443; return whether there was any.

    Args:
        group: the group of the endpoints.
        vpc: the VPC they stand in.
        declared: what `vpc_properties` says of it.
        clients: anything with `.connections`, or subnets.
        client_cidrs: ranges.

    Raises:
        InvalidInput: for an empty collection, a client without a security group, a subnet without a known range,
        or ranges
            that together hold the whole VPC or every address.
    """
    given = items_of("clients", clients)
    ranges = require_ranges("client_cidrs", client_cidrs, public=False)
    for client in given:
        _open_to_client(group, client)
    _require_narrower_than(vpc_range(vpc, declared) if ranges else None, ranges)
    for cidr in ranges:
        group.add_ingress_rule(_peer(cidr), HTTPS, f"HTTPS from {cidr}")
    return bool(given or ranges)


def _open_to_client(group: ec2.SecurityGroup, client: object) -> None:
    if hasattr(type(client), "subnet_id") or hasattr(client, "subnet_id"):
        group.add_ingress_rule(ec2.Peer.ipv4(_subnet_range(client)), HTTPS, "HTTPS from a client subnet")
        return
    connections = _connections(client)
    if isinstance(client, Construct) and depends_on(stack_of(group), stack_of(client)):
        group.connections.allow_from(connections, HTTPS, "HTTPS to the Bedrock endpoint")
        return
    # From the client's side, so that both rules stand in the client's stack and nothing here refers to it.
    connections.allow_to(group, HTTPS, "HTTPS to the Bedrock endpoint")


def _connections(client: object) -> ec2.Connections:
    try:
        connections = getattr(client, "connections", None)
    except RuntimeError as error:  # CDK's own refusal, such as a function outside every VPC
        raise invalid("clients", _name(client), allowed=f"{_ALLOWED}; {error}") from None
    if not isinstance(connections, ec2.Connections):
        raise invalid("clients", _name(client), allowed=_ALLOWED)
    return connections


def _subnet_range(subnet: object) -> str:
    try:
        return str(subnet.ipv4_cidr_block)  # type: ignore[attr-defined] # asked for by subnet_id above
    except RuntimeError:
        raise invalid(
            "clients",
            _name(subnet),
            allowed="a subnet whose range is known",
            remedy="import it with its ipv4_cidr_block, or pass the range in client_cidrs",
        ) from None


def vpc_properties(vpc: ec2.IVpc) -> Mapping[str, Any] | None:
    """Return the properties of a VPC that this app makes, None of one that is imported."""
    resource = vpc.node.default_child if isinstance(vpc, ec2.Vpc) else None
    return properties_of(resource) if isinstance(resource, ec2.CfnVPC) else None


def _require_narrower_than(whole: str | None, ranges: Iterable[str]) -> None:
    """Refuse ranges that together hold the whole VPC, or every address: two halves are as wide as the whole."""
    given = [ip_network(cidr) for cidr in ranges if known(cidr) is not None]
    for version in (4, 6):
        for merged in collapse_addresses(network for network in given if network.version == version):  # type: ignore[type-var] # one version
            if merged.prefixlen == 0 or (whole is not None and _holds(merged, ip_network(whole))):
                raise invalid(
                    "client_cidrs",
                    ", ".join(str(network) for network in given if _holds(merged, network)),
                    allowed=f"ranges that leave out part of the VPC's own {whole or 'range'}",
                    remedy="name the client subnets",
                )


def _holds(outer: IPv4Network | IPv6Network, inner: IPv4Network | IPv6Network) -> bool:
    return outer.version == inner.version and inner.subnet_of(outer)  # type: ignore[arg-type] # same version


def vpc_range(vpc: ec2.IVpc, declared: Mapping[str, Any] | None) -> str | None:
    """The VPC's range where it is known: an imported VPC need not have one.

    `Vpc.from_lookup` gives `1.2.3.4/5`, which is no range, until the CDK CLI has looked the VPC up.
    """
    if declared is not None:
        return known(declared.get("cidrBlock"))
    try:
        found = known(vpc.vpc_cidr_block)
        return None if found is None else str(ip_network(found))
    except (RuntimeError, ValueError):
        return None


def _peer(cidr: str) -> ec2.IPeer:
    return ec2.Peer.ipv6(cidr) if ":" in cidr and known(cidr) else ec2.Peer.ipv4(cidr)


def _name(item: object) -> str:
    node = getattr(item, "node", None)
    return node.path if node is not None else repr(item)
