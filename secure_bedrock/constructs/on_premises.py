"""Private access to Bedrock from beyond the VPC: data centres over Direct Connect or VPN, VPCs of other accounts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from weakref import WeakKeyDictionary

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_route53resolver as route53resolver
from constructs import Construct

from secure_bedrock.constructs._edge import check_at_synth, warn
from secure_bedrock.constructs._on_premises_names import has_private_dns, own_name, usual_name
from secure_bedrock.constructs._on_premises_outputs import write_outputs
from secure_bedrock.constructs._on_premises_place import Place, Subnet, place_of, subnets_of
from secure_bedrock.constructs._on_premises_rules import inbound_endpoint, let_in, ranges_let_in
from secure_bedrock.constructs._tokens import depends_on, known
from secure_bedrock.constructs.endpoint import PrivateBedrockEndpoint
from secure_bedrock.errors import InvalidInput, invalid
from secure_bedrock.policy.ranges import overlapping, require_addresses, require_private_ranges
from secure_bedrock.policy.services import BedrockService

#: AWS: `CreateResolverEndpoint` takes two addresses or more, and at most twenty.
_FEWEST, _MOST = 2, 20
#: AWS: "Amazon VPC quotas", inbound rules of a security group, until the quota is raised.
_RULES = 60
#: What was let in to each endpoint so far, by the path of whoever did.
_let_in: WeakKeyDictionary[PrivateBedrockEndpoint, dict[str, tuple[str, ...]]] = WeakKeyDictionary()


class OnPremisesAccess(Construct):
    """Lets named private networks beyond the VPC, such as a data centre, reach a PrivateBedrockEndpoint.

    It opens 443 to each range, never to a whole private block, and with `resolver` makes a Route 53 Resolver inbound
    endpoint, so that DNS servers of those networks can ask for the service's usual name.
    It opens a network path and admits nobody: who may call, and from which of the addresses, is said by a
    ScopedInvokeRole with `vpc_source_ips=access.vpc_source_ips`. Routes and firewalls of the other networks are theirs.
    AWS: interface endpoints can be reached over Direct Connect, Site-to-Site VPN, peering and transit gateways
    ("Centralized access to VPC private endpoints", whitepaper on multi-VPC network infrastructure).

    Attributes:
        vpc_source_ips: the ranges, as a role takes them.
        resolver_endpoint: the inbound endpoint, None without `resolver`.
        resolver_addresses: its fixed addresses; empty where AWS chooses them.
        names: the host name for each service that callers should use.
        endpoint_names: the endpoint's own name for each service; public DNS resolves it to private addresses.
        forwarding_domains: what DNS servers of those networks forward to the inbound endpoint, or to one that the VPC
            has already.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own word
        *,
        endpoint: PrivateBedrockEndpoint,
        cidrs: Iterable[str],
        vpc: ec2.IVpc | None = None,
        resolver: bool = True,
        resolver_subnets: Iterable[ec2.ISubnet | str] | None = None,
        resolver_addresses: Iterable[str] | None = None,
        dns_cidrs: Iterable[str] | None = None,
    ) -> None:
        """Declare the access.

        Args:
            scope: the parent construct, in the endpoint's account and Region.
            id: the construct's id.
            endpoint: what they reach.
            cidrs: IPv4 ranges of the callers, private ones, each at most /16. They overlap neither each other nor the
                VPC nor what the endpoint lets in already.
            vpc: the endpoint's VPC where it was imported, so that ranges are checked against its own. Default: what the
                app knows of it.
            resolver: make an inbound endpoint for the services' usual names, which needs private DNS. Default: True;
                False where callers use the endpoint's own names, or the VPC has an inbound endpoint already.
            resolver_subnets: where its addresses are, one in each; subnets of the endpoint's VPC. Default: the
                endpoint's own subnets.
            resolver_addresses: its addresses, one for each of the subnets. Default: AWS chooses them, and
                CloudFormation does not tell them; the output says how to read them.
            dns_cidrs: ranges of the DNS servers that may ask it. Default: `cidrs`.

        Raises:
            InvalidInput: for a wrong, empty or contradictory property, its name first.
        """
        super().__init__(scope, id)
        self._endpoint = _checked_endpoint(self, endpoint)
        place = place_of(endpoint, vpc)
        self.vpc_source_ips = self._ranges(cidrs, place)
        self.endpoint_names: Mapping[BedrockService, str] = MappingProxyType(
            {service: own_name(endpoint, service) for service in endpoint.endpoints}
        )
        usual = {service: usual_name(endpoint, service) for service in endpoint.endpoints}
        self.forwarding_domains = tuple(name for name in usual.values() if name is not None)
        self.resolver_addresses: tuple[str, ...] = ()
        self.resolver_endpoint: route53resolver.CfnResolverEndpoint | None = None
        if _wanted(resolver, resolver_subnets, resolver_addresses, dns_cidrs):
            _require_private_dns(endpoint)
            subnets = _checked_subnets(resolver_subnets, place)
            self.resolver_addresses = require_addresses(
                "resolver_addresses", resolver_addresses, subnets=tuple(subnet.range for subnet in subnets)
            )
            self.resolver_endpoint = inbound_endpoint(
                self,
                place,
                subnets=subnets,
                addresses=self.resolver_addresses,
                ranges=self.vpc_source_ips if dns_cidrs is None else _private("dns_cidrs", dns_cidrs, place),
            )
        self.names: Mapping[BedrockService, str] = MappingProxyType(
            {
                service: (self.resolver_endpoint and usual[service]) or self.endpoint_names[service]
                for service in endpoint.endpoints
            }
        )
        self._warn_of_names()
        let_in(self, endpoint, self.vpc_source_ips)
        _let_in.setdefault(endpoint, {})[self.node.path] = self.vpc_source_ips
        _ = endpoint.connections  # somebody can connect now: the endpoint need not warn
        write_outputs(self)
        check_at_synth(self, self._problems)

    @property
    def endpoint(self) -> PrivateBedrockEndpoint:
        """What they reach."""
        return self._endpoint

    def _ranges(self, cidrs: Iterable[str], place: Place) -> tuple[str, ...]:
        if cidrs is None:
            raise invalid("cidrs", None, allowed="the private ranges that callers are in")
        ranges = _private("cidrs", cidrs, place, taken=_let_in.get(self._endpoint))
        if len(ranges) > _RULES:
            text = (
                f"cidrs: {len(ranges)} ranges need as many inbound rules; a security group takes {_RULES}, until AWS "
            )
            warn(self, "on-premises-rules", text + "raises the quota")
        return ranges

    def _warn_of_names(self) -> None:
        if self.resolver_endpoint is None:
            return
        for service, name in self.names.items():
            if name == self.endpoint_names[service]:
                text = f"no usual name of {service.value} is documented here: callers use the endpoint's own name"
                warn(self, f"on-premises-name-{service.value}", text)

    def _problems(self) -> list[str]:
        """Return ranges that the endpoint lets in by itself too: EC2 refuses the second of two equal rules."""
        theirs = ranges_let_in(self._endpoint)
        return [
            f"cidrs: got {cidr!r}; allowed is a range that does not overlap {other}, which the endpoint lets in "
            "already; take it out of client_cidrs"
            for cidr in self.vpc_source_ips
            if (other := overlapping(cidr, theirs)) is not None
        ]


def _checked_endpoint(scope: Construct, endpoint: PrivateBedrockEndpoint) -> PrivateBedrockEndpoint:
    if not isinstance(endpoint, PrivateBedrockEndpoint):
        raise invalid("endpoint", endpoint, allowed="a PrivateBedrockEndpoint")
    here, there = cdk.Stack.of(scope), cdk.Stack.of(endpoint)
    for mine, theirs in ((here.account, there.account), (here.region, there.region)):
        if known(mine) != known(theirs):
            raise invalid("endpoint", endpoint.node.path, allowed="an endpoint of this stack's account and Region")
    if depends_on(there, here):
        raise invalid(
            "endpoint",
            endpoint.node.path,
            allowed="an endpoint whose stack does not depend on this one",
            remedy="declare the access in the endpoint's stack or after it",
        )
    return endpoint


def _private(
    name: str, cidrs: Iterable[str], place: Place, *, taken: Mapping[str, Iterable[str]] | None = None
) -> tuple[str, ...]:
    own = {"the VPC itself": [place.vpc_range]} if place.vpc_range else {}
    return require_private_ranges(name, cidrs, taken={**own, **(taken or {})})


def _wanted(resolver: bool, *given: object) -> bool:  # noqa: FBT001 - the property itself
    if not isinstance(resolver, bool):
        raise invalid("resolver", resolver, allowed="True or False")
    for name, value in zip(("resolver_subnets", "resolver_addresses", "dns_cidrs"), given, strict=True):
        if not resolver and value is not None:
            raise invalid(name, value, allowed="nothing where resolver=False")
    return resolver


def _require_private_dns(endpoint: PrivateBedrockEndpoint) -> None:
    """Without private DNS the resolver would answer with the service's public addresses."""
    for service in endpoint.endpoints:
        if not has_private_dns(endpoint, service):
            raise invalid(
                "resolver",
                "True",
                allowed="an endpoint with private_dns_enabled=True",
                remedy="pass resolver=False, and let callers use the endpoint's own names",
            )


def _checked_subnets(given: Iterable[ec2.ISubnet | str] | None, place: Place) -> tuple[Subnet, ...]:
    subnets = place.subnets if given is None else subnets_of("resolver_subnets", given)
    if not _FEWEST <= len(subnets) <= _MOST:
        raise InvalidInput(
            f"resolver_subnets: got {len(subnets)}; allowed is {_FEWEST} to {_MOST} subnets, in different zones; "
            "name some, or pass resolver=False"
        )
    return subnets
