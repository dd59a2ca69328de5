"""The reference deployment as one function of a configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import aws_cdk as cdk

from reference.access import AccessStack
from reference.network import NetworkStack

if TYPE_CHECKING:
    from constructs import Construct

    from reference.configuration import Configuration


@dataclass(frozen=True)
class Deployment:
    """The stacks of a deployment."""

    network: NetworkStack
    access: AccessStack


def build(scope: Construct, configuration: Configuration) -> Deployment:
    """Declare the reference deployment's stacks in an app or a stage.

    Raises:
        InvalidInput: for a value the constructs refuse, the property's name first.
    """
    env = cdk.Environment(account=configuration.account, region=configuration.region)
    network = NetworkStack(scope, "secure-bedrock-network", configuration=configuration, env=env)
    access = AccessStack(scope, "secure-bedrock-access", configuration=configuration, network=network, env=env)
    return Deployment(network=network, access=access)
