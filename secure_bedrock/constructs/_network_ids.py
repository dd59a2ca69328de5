"""Endpoint and VPC ids from what users give: constructs of this library, of CDK, or literals."""

from __future__ import annotations

from secure_bedrock.errors import invalid


def is_private_endpoint(item: object) -> bool:
    """Whether an item is a PrivateBedrockEndpoint, which has an id for each of its services."""
    return hasattr(type(item), "admit")


def endpoint_id(name: str, item: object) -> str:
    """Return the id of a VPC endpoint that is no PrivateBedrockEndpoint."""
    found = item if isinstance(item, str) else getattr(item, "vpc_endpoint_id", None)
    if not isinstance(found, str):
        allowed = "PrivateBedrockEndpoint, ec2.IInterfaceVpcEndpoint or a literal 'vpce-...'"
        raise invalid(name, item, allowed=allowed)
    return found


def vpc_id(name: str, item: object) -> str:
    """Return the id of a VPC."""
    found = item if isinstance(item, str) else getattr(item, "vpc_id", None)
    if not isinstance(found, str):
        raise invalid(name, item, allowed="ec2.IVpc or a literal 'vpc-...'")
    return found
