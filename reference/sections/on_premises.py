"""What `cdk.json` may say of networks beyond the VPC."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class OnPremisesConfiguration:
    """Access from a data centre; see `OnPremisesAccess` for each of these.

    Attributes:
        cidrs: private ranges of the callers.
        resolver: whether the resolver's inbound endpoint is made.
        resolver_addresses: its addresses, one for each zone; None where AWS chooses them.
        dns_cidrs: ranges of the DNS servers that may ask it; None for `cidrs`.
    """

    cidrs: tuple[str, ...]
    resolver: bool = True
    resolver_addresses: tuple[str, ...] | None = None
    dns_cidrs: tuple[str, ...] | None = None
