"""A role's network paths while they are being collected: at construction, and by later admissions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam

from secure_bedrock.constructs._edge import later, warn
from secure_bedrock.constructs._network_ids import endpoint_id, is_private_endpoint, vpc_id
from secure_bedrock.constructs._tokens import depends_on, environment_of, known, stack_of
from secure_bedrock.constructs.acknowledgements import CEILING_IS_INLINE, acknowledge
from secure_bedrock.errors import invalid
from secure_bedrock.policy.access import unique
from secure_bedrock.policy.ceiling import off_network
from secure_bedrock.policy.document import Policy
from secure_bedrock.policy.lists import items_of
from secure_bedrock.policy.network import Network, NetworkPaths, require_ids, require_ranges
from secure_bedrock.policy.sizes import size_of

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
        self._elsewhere: cdk.Stack | None = None

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
        given = items_of("endpoints", endpoints)
        ours = tuple(item for item in given if is_private_endpoint(item))
        others = tuple(endpoint_id("endpoints", item) for item in given if not is_private_endpoint(item))
        declared = NetworkPaths(
            endpoint_ids=require_ids("endpoints", others) if others else (),
            vpc_ids=require_ids("vpcs", (vpc_id("vpcs", vpc) for vpc in items_of("vpcs", vpcs)))
            if vpcs is not None
            else (),
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

    def first_endpoint(self) -> PrivateBedrockEndpoint | None:
        """Return one of the endpoints that the role refers to, None where there is none."""
        return next(iter(self._endpoints), None)

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

    def known_here(self) -> NetworkPaths:
        """Return the paths as the role's own stack may write them.

        Where an endpoint's stack depends on the role's, its id cannot be named here:
        what uses no endpoint at all is denied here, and what uses another one in the endpoint's stack.
        """
        return replace(self.known(), any_endpoint=self._elsewhere is not None)

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
        if depends_on(stack_of(endpoint), stack_of(self._role)):
            self._tie_from(endpoint)
        else:
            _warn_of_helpers(self._role, endpoint)

    def _tie_from(self, endpoint: PrivateBedrockEndpoint) -> None:
        """Write the role's half into the endpoint's stack, which was declared to depend on the role's."""
        stack = stack_of(endpoint)
        if _in_other_accounts(self._role, endpoint):
            raise invalid(
                "endpoints",
                endpoint.node.path,
                allowed="an endpoint of the role's account where its stack depends on the role's",
                remedy="name a literal 'vpce-...'",
            )
        if self._elsewhere is None:
            self._elsewhere = stack
            ties = iam.CfnPolicy(
                endpoint,
                f"Ties{self._role.node.addr[-8:]}",
                policy_name=f"secure-bedrock-network-{endpoint.node.addr[-8:]}",
                policy_document=later(lambda: self._off_network().to_plain()),
                roles=[self._role.role_name],
            )
            acknowledge(ties, CEILING_IS_INLINE)
        elif self._elsewhere.node.addr != stack.node.addr:
            raise invalid(
                "endpoints",
                endpoint.node.path,
                allowed=f"one stack that depends on the role's, which is {self._elsewhere.stack_name}",
                remedy="let the role's stack depend on the endpoints' stacks, or name literal 'vpce-...'",
            )

    def _off_network(self) -> Policy:
        return Policy(statements=tuple(off_network(self._role.access)))

    def size_elsewhere(self) -> int:
        """Return the characters of the role's inline policies outside its own stack."""
        return size_of(self._off_network()) if self._elsewhere is not None else 0


def _warn_of_helpers(role: ScopedInvokeRole, endpoint: PrivateBedrockEndpoint) -> None:
    here, there = environment_of(role), environment_of(endpoint)
    if _in_other_accounts(role, endpoint):
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


def _in_other_accounts(role: ScopedInvokeRole, endpoint: PrivateBedrockEndpoint) -> bool:
    here, there = known(environment_of(role).account), known(environment_of(endpoint).account)
    return here is not None and there is not None and here != there
