"""The network stack: a VPC without a way out, and the private endpoint in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2

from secure_bedrock import PrivateBedrockEndpoint
from secure_bedrock.constructs.acknowledgements import OWN_POLICY_IS_INLINE, acknowledge

if TYPE_CHECKING:
    from constructs import Construct

    from reference.configuration import Configuration


class NetworkStack(cdk.Stack):
    """A VPC of isolated subnets with the Bedrock endpoint; nothing in it reaches the internet.

    Attributes:
        vpc: the VPC.
        endpoint: the private endpoint.
    """

    def __init__(self, scope: Construct, id: str, *, configuration: Configuration, env: cdk.Environment) -> None:  # noqa: A002 - CDK's own word
        """Declare the network."""
        self._zones = configuration.availability_zones
        super().__init__(scope, id, env=env, description="Secure Bedrock: private network")
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(configuration.vpc_cidr),
            max_azs=len(self._zones or "ab"),
            nat_gateways=0,
            subnet_configuration=[
                ec2.SubnetConfiguration(name="Isolated", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24)
            ],
        )
        flows = self.vpc.add_flow_log("FlowLog")
        acknowledge(
            flows,
            {
                "CloudWatchLogGroupEncrypted": "it holds addresses and sizes; CloudWatch's own key encrypts it",
                **OWN_POLICY_IS_INLINE,
            },
        )
        closes_default_group = self.node.find_child("Custom::VpcRestrictDefaultSGCustomResourceProvider")
        of_cdk = "CDK's own: it closes the VPC's default group once, by a public API of AWS"
        acknowledge(closes_default_group, {"cdk-validator-cfnguard::lambda_inside_vpc_check": of_cdk})
        self.endpoint = PrivateBedrockEndpoint(self, "Bedrock", vpc=self.vpc)

    @property
    def availability_zones(self) -> list[str]:
        """The zones named, or whatever the Region's first two are at deploy time: nothing is looked up at synth."""
        if self._zones is not None:
            return list(self._zones)
        every = cdk.Fn.get_azs()
        return [cdk.Fn.select(index, every) for index in range(2)]
