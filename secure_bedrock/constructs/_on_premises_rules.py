"""Who may open a connection from beyond the VPC: HTTPS to the endpoints, DNS to the resolver, and nothing back out."""

from __future__ import annotations

import re
from collections.abc import Iterable

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_route53resolver as route53resolver
from constructs import Construct

from secure_bedrock.constructs._on_premises_place import Place, Subnet
from secure_bedrock.constructs._tokens import known
from secure_bedrock.constructs.endpoint import PrivateBedrockEndpoint

_HTTPS, _DNS = 443, 53
#: A group without an egress rule may send anywhere; this one names nobody. CDK writes the same.
_NO_EGRESS = ec2.CfnSecurityGroup.EgressProperty(
    ip_protocol="icmp", from_port=252, to_port=86, cidr_ip="255.255.255.255/32", description="Disallow all traffic"
)


def let_in(scope: Construct, endpoint: PrivateBedrockEndpoint, ranges: Iterable[str]) -> None:
    """Write a rule for each range, in the scope's own stack, so that the endpoint's refers to nothing here."""
    group = endpoint.security_group.security_group_id
    for index, cidr in enumerate(ranges):
        ec2.CfnSecurityGroupIngress(
            scope,
            f"Https{_word(cidr) or index}",
            group_id=group,
            ip_protocol="tcp",
            from_port=_HTTPS,
            to_port=_HTTPS,
            cidr_ip=cidr,
            description=f"HTTPS from {cidr}, beyond the VPC",
        )


def ranges_let_in(endpoint: PrivateBedrockEndpoint) -> tuple[str, ...]:
    """Return the literal IPv4 ranges that the endpoint's own stack lets in; complete when the app is."""
    stack = cdk.Stack.of(endpoint)
    resource = endpoint.security_group.node.default_child
    assert isinstance(resource, ec2.CfnSecurityGroup)  # noqa: S101 - CDK's own primary child
    rules = stack.resolve(resource.security_group_ingress) or []
    return tuple(rule["cidrIp"] for rule in rules if isinstance(rule.get("cidrIp"), str))


def inbound_endpoint(
    scope: Construct, place: Place, *, subnets: tuple[Subnet, ...], addresses: tuple[str, ...], ranges: Iterable[str]
) -> route53resolver.CfnResolverEndpoint:
    """Make the resolver's inbound endpoint and its security group.

    AWS: `AWS::Route53Resolver::ResolverEndpoint`: port 53 over TCP and UDP comes in, two addresses are the least.
    Answers need no rule: security groups are stateful.
    """
    group = ec2.CfnSecurityGroup(
        scope,
        "ResolverSecurityGroup",
        vpc_id=place.vpc_id,
        group_description="Inbound DNS: port 53 from the named networks only",
        security_group_ingress=[_dns(cidr, protocol) for cidr in ranges for protocol in ("tcp", "udp")],
        security_group_egress=[_NO_EGRESS],
    )
    fixed = addresses or (None,) * len(subnets)
    return route53resolver.CfnResolverEndpoint(
        scope,
        "Resolver",
        direction="INBOUND",
        name=cdk.Names.unique_resource_name(scope, max_length=64, separator="-", allowed_special_characters="-"),
        security_group_ids=[group.attr_group_id],
        ip_addresses=[
            route53resolver.CfnResolverEndpoint.IpAddressRequestProperty(subnet_id=subnet.id, ip=address)
            for subnet, address in zip(subnets, fixed, strict=True)
        ],
    )


def _dns(cidr: str, protocol: str) -> ec2.CfnSecurityGroup.IngressProperty:
    return ec2.CfnSecurityGroup.IngressProperty(
        ip_protocol=protocol, from_port=_DNS, to_port=_DNS, cidr_ip=cidr, description=f"DNS from {cidr}"
    )


def _word(cidr: str) -> str | None:
    """A range as part of a construct's id, so that another order of the ranges changes no logical id."""
    return re.sub(r"[./]", "-", cidr) if known(cidr) is not None else None
