"""What the workload's own machine needs to know: the role, and the command that writes its configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk

if TYPE_CHECKING:
    from constructs import Construct

    from secure_bedrock.constructs.external import ExternalWorkloadAccess

_COMMAND = "python -m secure_bedrock.credentials"


def write_outputs(access: ExternalWorkloadAccess, *, with_token: bool) -> None:
    """Write the stack's outputs; `with_token` where the workload brings an OIDC token."""
    role = access.role.role.role_arn
    _output(access, "RoleArn", role, "The role that the workload assumes")
    region = cdk.Stack.of(access).region
    if access.profile is not None and access.trust_anchor_arn is not None:
        command = (
            f"{_COMMAND} roles-anywhere --region {region} --role-arn {role} "
            f"--trust-anchor-arn {access.trust_anchor_arn} --profile-arn {access.profile.attr_profile_arn} "
            "--certificate CERTIFICATE --private-key KEY"
        )
    elif with_token:
        command = f"{_COMMAND} web-identity --region {region} --role-arn {role} --token-file TOKEN"
    else:
        return
    _output(access, "ConfigureCommand", command, "Writes the workload's AWS configuration; it holds no credentials")


def _output(scope: Construct, name: str, value: str, description: str) -> None:
    cdk.CfnOutput(scope, name, value=value, description=description)
