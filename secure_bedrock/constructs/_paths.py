"""A role's network paths while they are being collected: at construction, and by later admissions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from aws_cdk import aws_ec2 as ec2

from secure_bedrock.constructs._edge import warn
from secure_bedrock.constructs._tokens import environment_of, known
from secure_bedrock.errors import InvalidInput, invalid
from secure_bedrock.policy.access import unique
from secure_bedrock.policy.network import Network, NetworkPaths, require_ids, require_ranges

if TYPE_CHECKING:
    from secure_bedrock.constructs.endpoint import PrivateBedrockEndpoint
    from secure_bedrock.constructs.role import ScopedInvokeRole


class RolePaths:
    """Every path one role may be used from. Endpoints join when they admit the role."""

    def __init__(
        self, role: ScopedInvokeRole, declared: NetworkPaths, endpoints: tuple[PrivateBedrockEndpoint, ...]
    ) -> None:
        self._role = role
        self._declared = declared
        self._endpoints = list(endpoints)

    @classmethod
    def of(
        cls,
        role: ScopedInvokeRole,
        *,
        endpoints: Iterable[PrivateBedrockEndpoint | ec2.IInterfaceVpcEndpoint | str] | None,
        vpcs: Iterable[ec2.IVpc | str] | None,
        source_ips: Iterable[str] | None,
        vpc_source_ips: Iterable[str] | None,
        network: Network | None,
    ) -> RolePaths:
        """Check the properties that name a network.

        Raises:
            InvalidInput: for an empty collection, `Network.ANYWHERE` beside a path,
            or private ranges without an endpoint.
        """
        if network is not None and not isinstance(network, Network):
            raise invalid("network", network, allowed="Network.ANYWHERE")
        given = _items("endpoints", endpoints)
        ours = tuple(item for item in given if _is_private_endpoint(item))
        others = tuple(_endpoint_id(item) for item in given if not _is_private_endpoint(item))
        declared = NetworkPaths(
            endpoint_ids=require_ids("endpoints", others) if others else (),
            vpc_ids=require_ids("vpcs", (_vpc_id(vpc) for vpc in _items("vpcs", vpcs))) if vpcs is not None else (),
            source_ips=require_ranges("source_ips", source_ips, public=True),
            vpc_source_ips=require_ranges("vpc_source_ips", vpc_source_ips, public=False),
            anywhere=network is Network.ANYWHERE,
        )
        if declared.anywhere and (given or declared.vpc_ids or declared.source_ips or declared.vpc_source_ips):
            raise invalid("network", "Network.ANYWHERE", allowed="either ANYWHERE or named paths, not both")
        return cls(role, declared, ours)

    @property
    def anywhere(self) -> bool:
        """Whether the role may be used from any network."""
        return self._declared.anywhere

    def problem(self) -> str | None:
        """Return what is missing when no more paths can come, None where nothing is."""
        paths = self.known()
        if not paths.is_named:
            return (
                "no network path: name endpoints, vpcs or source_ips, let an endpoint admit the role, or choose "
                "network=Network.ANYWHERE"
            )
        if paths.vpc_source_ips and not (paths.endpoint_ids or paths.vpc_ids):
            return "vpc_source_ips: private addresses are seen only behind an endpoint; name endpoints or vpcs too"
        return None

    def known(self) -> NetworkPaths:
        """Return every path known so far."""
        ids = (endpoint_id for endpoint in self._endpoints for endpoint_id in endpoint.endpoint_ids)
        declared = self._declared
        return NetworkPaths(
            endpoint_ids=unique((*ids, *declared.endpoint_ids)),
            vpc_ids=declared.vpc_ids,
            source_ips=declared.source_ips,
            vpc_source_ips=declared.vpc_source_ips,
            anywhere=declared.anywhere,
        )

    def admit_everywhere(self) -> None:
        """Let every endpoint the role names admit it."""
        for endpoint in tuple(self._endpoints):
            endpoint.admit(self._role)

    def tie_to(self, endpoint: PrivateBedrockEndpoint) -> None:
        """Add the path through an endpoint; a role that may be used anywhere is tied to nothing."""
        if self.anywhere:
            return
        if endpoint not in self._endpoints:
            self._endpoints.append(endpoint)
        _warn_of_helpers(self._role, endpoint)


def _warn_of_helpers(role: ScopedInvokeRole, endpoint: PrivateBedrockEndpoint) -> None:
    here, there = environment_of(role), environment_of(endpoint)
    if known(here.account) and known(there.account) and here.account != there.account:
        how = "a role in the endpoint's stack that the other account's CloudFormation may assume"
    elif here.region_is_known and there.region_is_known and here.region != there.region:
        how = "a custom resource in each stack"
    else:
        return
    warn(
        role,
        "endpoint-elsewhere",
        f"CDK passes the endpoint's id with {how}; a literal 'vpce-...' in endpoints avoids that",
    )


def _items(name: str, values: Iterable[object] | None) -> tuple:
    if values is None:
        return ()
    if isinstance(values, str):
        raise invalid(name, values, allowed="a list", remedy=f"write [{values!r}]")
    items = tuple(values)
    if not items:
        raise InvalidInput(f"{name}: got an empty list; allowed is at least one value, or None for no such path")
    return items


def _is_private_endpoint(item: object) -> bool:
    return hasattr(type(item), "admit")


def _endpoint_id(item: object) -> str:
    found = item if isinstance(item, str) else getattr(item, "vpc_endpoint_id", None)
    if not isinstance(found, str):
        raise invalid(
            "endpoints", item, allowed="PrivateBedrockEndpoint, ec2.IInterfaceVpcEndpoint or a literal 'vpce-...'"
        )
    return found


def _vpc_id(item: object) -> str:
    found = item if isinstance(item, str) else getattr(item, "vpc_id", None)
    if not isinstance(found, str):
        raise invalid("vpcs", item, allowed="ec2.IVpc or a literal 'vpc-...'")
    return found
