"""Where an endpoint stands: its VPC, its subnets and their ranges, as far as the app knows them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aws_cdk import aws_ec2 as ec2

from secure_bedrock.constructs._clients import vpc_properties, vpc_range
from secure_bedrock.constructs._on_premises_names import resource_of
from secure_bedrock.constructs._tokens import known, target_of
from secure_bedrock.constructs.endpoint import PrivateBedrockEndpoint
from secure_bedrock.errors import invalid
from secure_bedrock.policy.lists import items_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet:
    """A subnet by its id, with its range where it is known."""

    id: str
    range: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A VPC by its id, with its range where it is known, and the endpoint's subnets in it."""

    vpc_id: str
    vpc_range: str | None
    subnets: tuple[Subnet, ...]


def place_of(endpoint: PrivateBedrockEndpoint, vpc: ec2.IVpc | None) -> Place:
    """Return where an endpoint stands; `vpc` tells the range of one that was imported.

    Raises:
        InvalidInput: for another VPC than the endpoint's.
    """
    resource = resource_of(endpoint, next(iter(endpoint.endpoints)))
    made = target_of(resource.vpc_id)
    whole = known(made.cidr_block) if isinstance(made, ec2.CfnVPC) else None
    if vpc is not None:
        _require_same(vpc, resource.vpc_id)
        whole = whole or vpc_range(vpc, vpc_properties(vpc))
    return Place(
        vpc_id=resource.vpc_id,
        vpc_range=whole,
        subnets=tuple(Subnet(id=each, range=_range_of_made(each)) for each in resource.subnet_ids or ()),
    )


def subnets_of(name: str, values: Iterable[ec2.ISubnet | str] | None) -> tuple[Subnet, ...]:
    """Read subnets given as constructs or ids.

    Raises:
        InvalidInput: for an empty collection, what is no subnet, and one given twice.
    """
    found = tuple(_subnet(name, item) for item in items_of(name, values))
    if len({each.id for each in found}) != len(found):
        raise invalid(name, [each.id for each in found], allowed="each subnet once")
    return found


def _subnet(name: str, item: object) -> Subnet:
    subnet_id = item if isinstance(item, str) else getattr(item, "subnet_id", None)
    if not isinstance(subnet_id, str) or not (known(subnet_id) is None or subnet_id.startswith("subnet-")):
        raise invalid(name, item, allowed="subnets, or ids such as subnet-0123456789abcdef0")
    return Subnet(id=subnet_id, range=_range_of_made(subnet_id) or _range_of_imported(item))


def _range_of_made(subnet_id: str) -> str | None:
    made = target_of(subnet_id)
    return known(made.cidr_block) if isinstance(made, ec2.CfnSubnet) else None


def _range_of_imported(item: object) -> str | None:
    try:
        return known(getattr(item, "ipv4_cidr_block", None))
    except RuntimeError:  # CDK's own refusal where it was imported without
        return None


def _identity(text: str) -> str:
    made = target_of(text)
    return text if made is None else made.node.path


def _require_same(vpc: ec2.IVpc, vpc_id: str) -> None:
    if not hasattr(vpc, "vpc_id"):
        raise invalid("vpc", vpc, allowed="an ec2.IVpc")
    if _identity(vpc.vpc_id) != _identity(vpc_id):
        raise invalid(
            "vpc",
            vpc.node.path,
            allowed="the endpoint's own VPC, in which its private names hold",
            remedy="for an inbound endpoint in another VPC pass resolver=False and make it there",
        )
