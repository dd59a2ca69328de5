"""What `cdk.json` may say of a gateway for callers that cannot reach the private endpoint."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class GatewayCallerConfiguration:
    """Who may call through the gateway; see `GatewayCaller` for each of these.

    Attributes:
        role: the ARN of the caller's role.
        models: what it may call; None for the application's models.
        requests_per_minute: its quota of requests, None for none.
        tokens_per_day: its quota of tokens, None for none.
    """

    role: str
    models: tuple[str, ...] | None = None
    requests_per_minute: int | None = 60
    tokens_per_day: int | None = None


@dataclass(frozen=True, kw_only=True)
class GatewayConfiguration:
    """The gateway; see `BedrockGateway` for each of these.

    Attributes:
        callers: who may call.
        source_ips: public ranges they must come from, None for anywhere.
        requests_per_ip: requests a minute from one address.
        requests_per_session: requests a minute with one set of temporary credentials.
        max_body_bytes: the longest body.
        block_bodies: whether the web ACL blocks what its rules about bodies match.
        suspended: whether everybody is refused.
    """

    callers: tuple[GatewayCallerConfiguration, ...]
    source_ips: tuple[str, ...] | None = None
    requests_per_ip: int = 600
    requests_per_session: int = 300
    max_body_bytes: int = 1_048_576
    block_bodies: bool = False
    suspended: bool = False
