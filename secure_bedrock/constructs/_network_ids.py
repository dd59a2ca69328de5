"""Endpoint and VPC ids from what users give: constructs of this library, of CDK, or literals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from secure_bedrock.errors import InvalidInput, invalid


def items_of(name: str, values: Iterable[object] | None) -> tuple[Any, ...]:
    """Return a list property's values; None gives none, an empty list is an error."""
    if values is None:
        return ()
    if isinstance(values, str):
        raise invalid(name, values, allowed="a list", remedy=f"write [{values!r}]")
    if not isinstance(values, Iterable):
        raise invalid(name, values, allowed="a list")
    items = tuple(values)
    if not items:
        raise InvalidInput(f"{name}: got an empty list; allowed is at least one value, or None")
    return items


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
