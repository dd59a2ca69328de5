"""The gateway stack stands beside the application, behind a switch."""

from __future__ import annotations

import json

import pytest

from reference.configuration import AuditConfiguration, Configuration
from reference.sections.gateway import GatewayCallerConfiguration, GatewayConfiguration
from secure_bedrock import InvalidInput
from tests.constructs.identity import identities

STACK, NETWORK, ACCESS = "secure-bedrock-gateway", "secure-bedrock-network", "secure-bedrock-access"
ROLE = "arn:aws:iam::222233334444:role/partner"


def declared(**changed):
    return GatewayConfiguration(**{"callers": (GatewayCallerConfiguration(role=ROLE),), **changed})


@pytest.fixture(scope="module")
def made(synthesized):
    return synthesized(Configuration(gateway=declared(), audit=AuditConfiguration(notify=("ops@example.com",))))


def test_it_is_not_there_unless_asked_for(default):
    assert STACK not in default.templates
    assert default.deployment.gateway is None


def test_the_application_does_not_change_for_it(made, default):
    assert identities({ACCESS: made.templates[ACCESS]}) == identities({ACCESS: default.templates[ACCESS]})


def test_the_network_stack_refers_to_nothing_in_it(made):
    assert "Fn::ImportValue" not in json.dumps(made.templates[NETWORK])


def test_its_function_stands_in_the_isolated_subnets_under_the_application_s_guardrail(made):
    (function,) = made.of_type(STACK, "AWS::Lambda::Function")
    assert len(function["VpcConfig"]["SubnetIds"]) == 2
    settings = json.dumps(function["Environment"]["Variables"]["SETTINGS"])
    assert "GuardrailArn" in settings
    assert "GuardrailVersion" in settings


def test_the_endpoint_lets_its_role_through(made):
    (endpoint,) = made.of_type(NETWORK, "AWS::EC2::VPCEndpoint")
    assert "-Gateway-Role-" in json.dumps(endpoint["PolicyDocument"])


def test_callers_have_the_application_s_models_unless_others_are_named(made, synthesized):
    pro, lite = "amazon.nova-pro-v1:0", "eu.amazon.nova-lite-v1:0"
    own = GatewayCallerConfiguration(role=ROLE, models=(pro,))
    other = synthesized(Configuration(gateway=declared(callers=(own,))))
    for synthesis, expected in ((made, [lite]), (other, [pro])):
        (function,) = synthesis.of_type(STACK, "AWS::Lambda::Function")
        settings = json.dumps(function["Environment"]["Variables"]["SETTINGS"])
        assert [model for model in (pro, lite) if model in settings] == expected


def test_its_alarms_go_to_the_audit_s_topic(made):
    alarms = made.of_type(STACK, "AWS::CloudWatch::Alarm")
    assert len(alarms) == 5
    assert all("secure-bedrock-audit" in json.dumps(alarm["AlarmActions"]) for alarm in alarms)


def test_whoever_calls_is_told_where_and_what_to_allow(made):
    outputs = made.templates[STACK]["Outputs"]
    assert {"Url", "InvokeArn"} <= set(outputs)


def test_it_is_read_from_the_context():
    given = {"gateway": {"callers": [{"role": ROLE, "models": ["amazon.nova-lite-v1:0"], "tokens_per_day": 5}]}}
    caller = GatewayCallerConfiguration(role=ROLE, models=("amazon.nova-lite-v1:0",), tokens_per_day=5)
    assert Configuration.parse(given).gateway == GatewayConfiguration(callers=(caller,))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"callers": ()}, "secure-bedrock.gateway.callers: got an empty list"),
        ({"callers": (GatewayCallerConfiguration(role="partner"),)},
         r"secure-bedrock.gateway.callers\[0\].role: got 'partner'"),
        ({"callers": (GatewayCallerConfiguration(role=ROLE, models=("nova",)),)},
         r"secure-bedrock.gateway.callers\[0\].models: got 'nova'"),
        ({"source_ips": ("10.0.0.0/8",)}, "secure-bedrock.gateway.source_ips: got '10.0.0.0/8'"),
        ({"requests_per_ip": 5}, "secure-bedrock.gateway.requests_per_ip: got 5"),
        ({"max_body_bytes": 0}, "secure-bedrock.gateway.max_body_bytes: got 0"),
    ],
)  # fmt: skip
def test_what_the_construct_refuses_is_named_by_its_context_key(synthesized, given, message):
    with pytest.raises(InvalidInput, match=f"^{message}"):
        synthesized(Configuration(gateway=declared(**given)))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "secure-bedrock.gateway"),
        ({"callers": ROLE}, "secure-bedrock.gateway.callers"),
        ({"callers": [ROLE]}, r"secure-bedrock.gateway.callers\[0\]"),
        ({"callers": [{"role": ROLE, "model": "x"}]}, r"secure-bedrock.gateway.callers\[0\]: got the entry model"),
        ({"callers": [{"role": ROLE}], "suspended": "no"}, "secure-bedrock.gateway.suspended: got 'no'; allowed is"),
        ({"callers": [{"role": ROLE}], "caller": []}, "secure-bedrock.gateway: got the entry caller"),
    ],
)
def test_a_wrong_entry_is_named_by_its_context_key(given, message):
    with pytest.raises(InvalidInput, match=message):
        Configuration.parse({"gateway": given})
