"""Ranges of private networks behind an endpoint: data centres and other VPCs, and the addresses inside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network, ip_address, ip_network

from secure_bedrock.errors import invalid
from secure_bedrock.policy.environment import is_unresolved
from secure_bedrock.policy.lists import items_of
from secure_bedrock.policy.network import require_ranges

#: What private networks are numbered from: RFC 1918, and RFC 6598, which VPCs may use too.
_PRIVATE = tuple(ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"))
#: As wide as the widest range of a VPC; whoever needs more names several.
_WIDEST = 16
#: AWS keeps the first four addresses of a subnet and its last one ("Subnet CIDR blocks", Amazon VPC User Guide).
_RESERVED = 4


def require_private_ranges(
    name: str, values: Iterable[str] | None, *, taken: Mapping[str, Iterable[str]] | None = None
) -> tuple[str, ...]:
    """Check ranges of private networks and return them normalised; unresolved ones are taken as they are.

    Args:
        name: the property.
        values: IPv4 CIDR ranges; a single address is a range of one.
        taken: ranges that none of them may overlap, by what they are.

    Raises:
        InvalidInput: for an empty collection, host bits, IPv6, a public range, one wider than /16,
            and ranges that overlap each other or what is taken.
    """
    given = require_ranges(name, values, public=False)
    networks = [_private(name, value) for value in given if not is_unresolved(value)]
    for index, network in enumerate(networks):
        _require_apart(name, network, (str(other) for other in networks[:index]), of="another of them")
        for whose, others in (taken or {}).items():
            _require_apart(name, network, others, of=whose)
    return given


def overlapping(one: str, others: Iterable[str]) -> str | None:
    """Return the first of other ranges that a range overlaps, None where none does or one of the two is unresolved."""
    if is_unresolved(one):
        return None
    network = ip_network(one)
    for other in others:
        if not is_unresolved(other) and ":" not in other and network.overlaps(ip_network(other)):
            return other
    return None


def require_addresses(name: str, values: Iterable[str] | None, *, subnets: tuple[str | None, ...]) -> tuple[str, ...]:
    """Check fixed addresses, one for each subnet in its order, against the subnets' ranges where they are known.

    Raises:
        InvalidInput: for an empty collection, another number than of subnets, what is no IPv4 address, one given twice,
            and one that its subnet does not have to give.
    """
    given = items_of(name, values)
    if given and len(given) != len(subnets):
        raise invalid(name, given, allowed=f"one address for each of the {len(subnets)} subnets, in their order")
    for address, subnet in zip(given, subnets, strict=False):
        _require_address(name, address, subnet)
    if len(set(given)) != len(given):
        raise invalid(name, given, allowed="each address once")
    return given


def _private(name: str, value: str) -> IPv4Network:
    network = ip_network(value)
    if not isinstance(network, IPv4Network):
        raise invalid(name, value, allowed="an IPv4 range: the interfaces of the endpoints have IPv4 addresses")
    if not any(network.subnet_of(private) for private in _PRIVATE if isinstance(private, IPv4Network)):
        raise invalid(
            name,
            value,
            allowed="a private range, inside 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10",
            remedy="callers with public addresses use no endpoint: source_ips of their role",
        )
    if network.prefixlen < _WIDEST:
        raise invalid(
            name, value, allowed=f"a range of at most /{_WIDEST}", remedy="name the networks that the callers are in"
        )
    return network


def _require_apart(name: str, network: IPv4Network, others: Iterable[str], *, of: str) -> None:
    other = overlapping(str(network), others)
    if other is not None:
        raise invalid(name, str(network), allowed=f"a range that does not overlap {other}, {of}")


def _require_address(name: str, value: object, subnet: str | None) -> None:
    if isinstance(value, str) and is_unresolved(value):
        return
    try:
        address = ip_address(value) if isinstance(value, str) else None
    except ValueError:
        address = None
    if not isinstance(address, IPv4Address):
        raise invalid(name, value, allowed="an IPv4 address such as 10.0.0.10")
    if subnet is None:
        return
    network = IPv4Network(subnet)
    offset = int(address) - int(network.network_address)
    if not _RESERVED <= offset < network.num_addresses - 1:
        raise invalid(
            name, value, allowed=f"an address of its subnet {subnet}, without the first four and the last one"
        )
