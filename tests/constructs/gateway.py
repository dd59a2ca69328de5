"""A gateway and its surroundings, as most of its tests want them."""

from __future__ import annotations

from secure_bedrock import BedrockGateway, GatewayCaller, PrivateBedrockEndpoint
from tests.constructs.conftest import ACCOUNT, REGION

LITE, EU_LITE, PRO = "amazon.nova-lite-v1:0", "eu.amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0"
GUARDRAIL = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:guardrail/abcdefghijkl"
TEAM, PARTNER = f"arn:aws:iam::{ACCOUNT}:role/teams/team", "arn:aws:iam::222233334444:role/partner"
NAMED = {"guardrail": GUARDRAIL, "guardrail_version": 3}


def callers():
    return [
        GatewayCaller(role=TEAM, models=[EU_LITE], requests_per_minute=60, tokens_per_day=100_000),
        GatewayCaller(role=PARTNER, models=[LITE, EU_LITE]),
    ]


def gateway(place, **changed) -> BedrockGateway:
    """A gateway in the stack `Gw`; `of_vpc` changes the VPC's properties, `of_endpoint` the endpoint's."""
    stack = place.stack("Gw")
    vpc = place.vpc(stack, **changed.pop("of_vpc", {}))
    endpoint = PrivateBedrockEndpoint(stack, "Bedrock", vpc=vpc, **changed.pop("of_endpoint", {}))
    given = {"callers": callers(), "endpoint": endpoint, "vpc": vpc, **NAMED, **changed}
    return BedrockGateway(stack, "Gateway", **given)
