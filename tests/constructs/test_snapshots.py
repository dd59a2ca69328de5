"""What is written, as text that a person reads in a diff: `make snapshots` writes it anew."""

from __future__ import annotations

import json

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from syrupy.extensions.json import JSONSnapshotExtension

from secure_bedrock import BedrockFeature, BedrockOrgGuardrailSCP, Network, PrivateBedrockEndpoint, ScopedInvokeRole
from secure_bedrock.policy.allow import allow_policies
from tests.constructs.conftest import ACCOUNT, of_type
from tests.constructs.gateway import gateway

LITE, EU_LITE, GLOBAL = "amazon.nova-lite-v1:0", "eu.amazon.nova-lite-v1:0", "global.amazon.nova-2-lite-v1:0"
GUARDRAIL = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:guardrail/abcdefghijkl"


@pytest.fixture
def as_json(snapshot):
    return snapshot.use_extension(JSONSnapshotExtension)


def normalised(template: dict) -> dict:
    """The template without what CDK's release decides: its parameter, rule and the numbers of its assets."""
    return {name: template[name] for name in ("Resources", "Outputs") if name in template}


ROLES = {
    "bare model": {"models": [LITE], "network": Network.ANYWHERE},
    "geographic profile through an endpoint": {"models": [EU_LITE], "endpoints": ["vpce-0123456789abcdef0"]},
    "global profile from an office": {"models": [GLOBAL], "source_ips": ["203.0.113.0/24", "2001:db8::/48"]},
    "guardrail": {"models": [EU_LITE], "guardrail": GUARDRAIL, "guardrail_version": 3, "network": Network.ANYWHERE},
    "suspended and revoked": {
        "models": [LITE], "network": Network.ANYWHERE, "suspended": True,
        "revoke_sessions_before": "2026-01-01T00:00:00Z",
    },
}  # fmt: skip


@pytest.mark.parametrize("name", ROLES)
def test_policies_of_a_role(name, place, here, as_json):
    role = ScopedInvokeRole(place.stack("Acc"), "App", assumed_by=here, **ROLES[name])
    allow = [policy.to_plain() for policy in allow_policies(role.access, limit=6144)]
    assert {"allow": allow, "ceiling": role.ceiling_document()} == as_json


def test_policy_of_an_endpoint(place, here, as_json):
    stack = place.stack("Net")
    endpoint = PrivateBedrockEndpoint(
        stack, "Bedrock", vpc=place.vpc(stack), client_cidrs=["10.0.1.0/24"], models=[LITE]
    )
    ScopedInvokeRole(
        stack, "App", assumed_by=here, models=[EU_LITE], endpoints=[endpoint], guardrail=GUARDRAIL, guardrail_version=3
    )
    ScopedInvokeRole(stack, "Keys", assumed_by=here, models=[LITE], endpoints=[endpoint], allow_api_keys=True)
    endpoint.admit("arn:aws:iam::222233334444:role/partner")
    assert endpoint.policy_document(next(iter(endpoint.endpoints))) == as_json


def test_documents_of_a_gateway(place, as_json):
    gateway(place, source_ips=["203.0.113.0/24"])
    template = place.synth()["Gw"]
    (api,), (acl,) = (of_type(template, kind) for kind in ("AWS::ApiGateway::RestApi", "AWS::WAFv2::WebACL"))
    assert {"policy": api["Policy"], "rules": acl["Rules"]} == as_json


def test_documents_of_an_organisation(place, as_json):
    created = BedrockOrgGuardrailSCP(
        place.stack("Org"), "Rails", allowed_regions=["eu-west-1"], attach=False, allowed_models=[EU_LITE],
        required_guardrail=GUARDRAIL, required_endpoints=["vpce-0123456789abcdef0"],
        allowed_features=BedrockFeature.NONE,
        deny_marketplace=True, exempt_principals=["break-glass"],
        role_administrators=[f"arn:aws:iam::{ACCOUNT}:role/platform"],
    )  # fmt: skip
    assert created.documents == as_json


def test_templates_of_two_stacks(place, here, as_json):
    net, acc = place.stack("Net"), place.stack("Acc")
    endpoint = PrivateBedrockEndpoint(net, "Bedrock", vpc=place.vpc(net), client_cidrs=["10.0.1.0/24"])
    ScopedInvokeRole(
        acc, "App", assumed_by=here, models=[EU_LITE], endpoints=[endpoint], project="search", team="platform"
    )
    templates = json.loads(json.dumps(place.synth()).replace(str(net.node.addr), "ADDR"))
    assert {name: normalised(template) for name, template in templates.items()} == as_json


def test_template_of_a_role_without_an_environment(make_place, as_json):
    place = make_place(account=None, region=None)
    stack = cdk.Stack(place.app, "Acc")
    principal = iam.AccountRootPrincipal()
    ScopedInvokeRole(stack, "App", assumed_by=principal, models=[EU_LITE], source_ips=["203.0.113.0/24"])
    assert normalised(place.synth()["Acc"]) == as_json
