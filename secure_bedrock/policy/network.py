"""The network paths a role may be used from, and the conditions that are true off them.

AWS global condition keys: `aws:SourceVpce`, `aws:SourceVpc` and `aws:VpcSourceIp` are present only on calls through a
VPC
endpoint, `aws:SourceIp` only on calls that did not use one (IAM User Guide, "AWS global condition context keys").
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from ipaddress import IPv4Network, IPv6Network, ip_network

from secure_bedrock.errors import invalid
from secure_bedrock.policy.document import Condition
from secure_bedrock.policy.environment import is_unresolved
from secure_bedrock.policy.lists import items_of

_ENDPOINT_ID = re.compile(r"vpce-([0-9a-f]{8}|[0-9a-f]{17})")
_VPC_ID = re.compile(r"vpc-([0-9a-f]{8}|[0-9a-f]{17})")
#: Ranges that never reach a public AWS endpoint: RFC 1918, shared, link-local, unique-local, loopback.
#: The documentation ranges (RFC 5737, RFC 3849) are not among them: examples use them.
_NEVER_PUBLIC = tuple(
    ip_network(text)
    for text in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8",
        "fe80::/10", "fc00::/7", "::1/128",
    )
)  # fmt: skip


class Network(Enum):
    """A network that is no particular one."""

    ANYWHERE = auto()
    """The explicit choice of a role that may be used from any network,
    with signed requests and its other conditions only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPaths:
    """Where a role may be used from; each path is enough by itself.

    Attributes:
        endpoint_ids: interface endpoints (`vpce-...`).
        vpc_ids: VPCs, through any endpoint in them.
        source_ips: public ranges of callers that use no endpoint.
        vpc_source_ips: private ranges; narrows the paths through endpoints and VPCs, opens nothing.
        anywhere: any network, the explicit choice `Network.ANYWHERE`.
        any_endpoint: any endpoint is let through here, because another policy of the same role names the right ones.
    """

    endpoint_ids: tuple[str, ...] = ()
    vpc_ids: tuple[str, ...] = ()
    source_ips: tuple[str, ...] = ()
    vpc_source_ips: tuple[str, ...] = ()
    anywhere: bool = False
    any_endpoint: bool = False

    @property
    def is_named(self) -> bool:
        """Whether any path, or the explicit choice of all, was given."""
        return self.anywhere or self.any_endpoint or bool(self.endpoint_ids or self.vpc_ids or self.source_ips)

    def off_every_path(self) -> tuple[Condition, ...]:
        """Return the conditions that together are true off every path; a negated operator is true on an absent key."""
        conditions = (
            ("Null", "aws:SourceVpce", ("true",) if self.any_endpoint else ()),
            ("StringNotEquals", "aws:SourceVpce", () if self.any_endpoint else self.endpoint_ids),
            ("StringNotEquals", "aws:SourceVpc", self.vpc_ids),
            ("NotIpAddress", "aws:SourceIp", self.source_ips),
        )
        return tuple(Condition(operator=o, key=k, values=values) for o, k, values in conditions if values)

    def off_private_addresses(self) -> tuple[Condition, ...]:
        """Return the conditions that are true on a call through an endpoint from outside `vpc_source_ips`."""
        # The second condition spares the public path; it names SourceVpce so that a call through an endpoint whose
        # VpcSourceIp were missing is refused.
        return (
            Condition(operator="NotIpAddress", key="aws:VpcSourceIp", values=self.vpc_source_ips),
            Condition(operator="Null", key="aws:SourceVpce", values=("false",)),
        )


def require_ids(name: str, values: Iterable[str] | None) -> tuple[str, ...]:
    """Check endpoint or VPC ids, as the property's name says, given as text; unresolved ones are taken as they are."""
    of_vpcs = name.endswith("vpcs")
    pattern, example = (_VPC_ID, "vpc-0123456789abcdef0") if of_vpcs else (_ENDPOINT_ID, "vpce-0123456789abcdef0")
    ids = items_of(name, values)
    for value in ids:
        if not isinstance(value, str) or not (is_unresolved(value) or pattern.fullmatch(value)):
            raise invalid(name, value, allowed=f"ids such as {example}")
    return tuple(dict.fromkeys(ids))


def require_ranges(name: str, values: Iterable[str] | None, *, public: bool) -> tuple[str, ...]:
    """Check address ranges and return them normalised.

    Args:
        name: the property.
        values: CIDR ranges or single addresses, IPv4 and IPv6; None gives none.
        public: whether the range must be one that can reach a public AWS endpoint.

    Raises:
        InvalidInput: for an empty collection, a range of all addresses, host bits,
            or a private range where public is asked.
    """
    return tuple(dict.fromkeys(_range(name, value, public=public) for value in items_of(name, values)))


def _range(name: str, value: str, *, public: bool) -> str:
    if isinstance(value, str) and is_unresolved(value):
        return value
    try:
        network = ip_network(value) if isinstance(value, str) else None
    except ValueError as error:
        raise invalid(name, value, allowed=f"a CIDR range such as 203.0.113.0/24 or 2001:db8::/32 ({error})") from None
    if network is None:
        raise invalid(name, value, allowed="a CIDR range as text")
    if network.prefixlen == 0:
        raise invalid(
            name,
            value,
            allowed="a range that is not every address; a role for any network says network=Network.ANYWHERE",
        )
    if public and any(_overlaps(network, private) for private in _NEVER_PUBLIC):
        raise invalid(
            name,
            value,
            allowed="a range that reaches AWS publicly",
            remedy="private addresses are seen only behind an endpoint: use vpc_source_ips with endpoints",
        )
    return str(network)


def _overlaps(network: IPv4Network | IPv6Network, other: IPv4Network | IPv6Network) -> bool:
    return network.version == other.version and network.overlaps(other)
