"""The on-premises stack stands beside the network, behind a switch."""

from __future__ import annotations

import json

import pytest

from reference.configuration import Configuration
from reference.sections.on_premises import OnPremisesConfiguration
from secure_bedrock import InvalidInput

STACK, NETWORK = "secure-bedrock-on-premises", "secure-bedrock-network"
CENTRE = "10.20.0.0/16"


@pytest.fixture(scope="module")
def made(synthesized):
    declared = OnPremisesConfiguration(cidrs=(CENTRE,), resolver_addresses=("10.0.0.10", "10.0.1.10"))
    return synthesized(Configuration(on_premises=declared))


def test_it_is_not_there_unless_asked_for(default):
    assert STACK not in default.templates
    assert default.deployment.on_premises is None


def test_it_opens_the_endpoint_to_the_ranges_and_answers_their_dns(made):
    (rule,) = made.of_type(STACK, "AWS::EC2::SecurityGroupIngress")
    assert (rule["CidrIp"], rule["FromPort"], rule["ToPort"]) == (CENTRE, 443, 443)
    (resolver,) = made.of_type(STACK, "AWS::Route53Resolver::ResolverEndpoint")
    assert [row["Ip"] for row in resolver["IpAddresses"]] == ["10.0.0.10", "10.0.1.10"]
    (group,) = made.of_type(STACK, "AWS::EC2::SecurityGroup")
    assert {(rule["CidrIp"], rule["FromPort"]) for rule in group["SecurityGroupIngress"]} == {(CENTRE, 53)}


def test_the_network_stack_refers_to_nothing_in_it(made):
    assert "Fn::ImportValue" not in json.dumps(made.templates[NETWORK])


def test_the_network_team_is_told_what_it_needs(made):
    outputs = {name: output["Value"] for name, output in made.templates[STACK]["Outputs"].items()}
    (forwarding,) = [value for name, value in outputs.items() if "ForwardingRules" in name]
    assert forwarding == "bedrock-runtime.eu-west-1.amazonaws.com -> 10.0.0.10, 10.0.1.10"
    assert any("OwnNames" in name for name in made.templates[NETWORK]["Outputs"])
    assert any("Addresses" in name for name in made.templates[NETWORK]["Outputs"])


def test_it_is_read_from_the_context():
    given = {"on_premises": {"cidrs": [CENTRE], "resolver": False}}
    assert Configuration.parse(given).on_premises == OnPremisesConfiguration(cidrs=(CENTRE,), resolver=False)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"cidrs": ()}, r"secure-bedrock.on_premises.cidrs: got an empty list"),
        ({"cidrs": ("10.0.4.0/24",)}, r"secure-bedrock.on_premises.cidrs: got '10.0.4.0/24'.*the VPC itself"),
        ({"cidrs": (CENTRE,), "resolver_addresses": ("10.0.0.2", "10.0.1.10")},
         r"secure-bedrock.on_premises.resolver_addresses: got '10.0.0.2'"),
        ({"cidrs": (CENTRE,), "resolver": False, "dns_cidrs": (CENTRE,)}, r"secure-bedrock.on_premises.dns_cidrs: got"),
    ],
)  # fmt: skip
def test_what_the_construct_refuses_is_named_by_its_context_key(synthesized, given, message):
    with pytest.raises(InvalidInput, match=f"^{message}"):
        synthesized(Configuration(on_premises=OnPremisesConfiguration(**given)))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "secure-bedrock.on_premises"),
        ({"cidrs": "10.0.0.0/8"}, "secure-bedrock.on_premises.cidrs: got '10.0.0.0/8'; allowed is a list"),
        ({"cidrs": [CENTRE], "resolver": "no"}, "secure-bedrock.on_premises.resolver: got 'no'; allowed is a boolean"),
        ({"cidrs": [CENTRE], "ranges": []}, "secure-bedrock.on_premises: got the entry ranges"),
    ],
)
def test_a_wrong_entry_is_named_by_its_context_key(given, message):
    with pytest.raises(InvalidInput, match=message):
        Configuration.parse({"on_premises": given})
