"""The on-premises stack: networks of a data centre reach the private endpoint, by range and by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk

from secure_bedrock import OnPremisesAccess

if TYPE_CHECKING:
    from constructs import Construct

    from reference.network import NetworkStack
    from reference.sections.on_premises import OnPremisesConfiguration


class OnPremisesStack(cdk.Stack):
    """What a data centre needs of the network stack; its outputs are for the network team.

    It lets nobody call: a role for the callers takes `access.vpc_source_ips`.

    Attributes:
        access: rules, names and the resolver's inbound endpoint.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own word
        *,
        configuration: OnPremisesConfiguration,
        network: NetworkStack,
        env: cdk.Environment,
    ) -> None:
        """Declare the access."""
        super().__init__(scope, id, env=env, description="Secure Bedrock: access from on-premises networks")
        self.access = OnPremisesAccess(
            self,
            "OnPremises",
            endpoint=network.endpoint,
            cidrs=configuration.cidrs,
            vpc=network.vpc,
            resolver=configuration.resolver,
            resolver_addresses=configuration.resolver_addresses,
            dns_cidrs=configuration.dns_cidrs,
        )
