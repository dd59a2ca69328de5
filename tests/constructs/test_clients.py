"""Who may open a connection to an endpoint: HTTPS from the named ones, and nothing back out."""

from __future__ import annotations

import json

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_

from secure_bedrock import BedrockService, InvalidInput, PrivateBedrockEndpoint, ScopedInvokeRole
from tests.constructs.conftest import of_type

LITE = "amazon.nova-lite-v1:0"
INGRESS, EGRESS, GROUP = "AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress", "AWS::EC2::SecurityGroup"
PLACEHOLDER = "255.255.255.255/32"


def isolated_vpc(stack, **properties):
    subnets = [ec2.SubnetConfiguration(name="Inner", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24)]
    given = {"nat_gateways": 0, "max_azs": 2, "subnet_configuration": subnets, "restrict_default_security_group": False}
    return ec2.Vpc(stack, "Vpc", **{**given, **properties})


def closed_group(stack, vpc):
    return ec2.SecurityGroup(stack, "Client", vpc=vpc, allow_all_outbound=False)


def open_group(stack, vpc):
    return ec2.SecurityGroup(stack, "Client", vpc=vpc)


def function(stack, vpc):
    return lambda_.Function(
        stack, "Client", vpc=vpc, runtime=lambda_.Runtime.PYTHON_3_14, handler="index.handler",
        code=lambda_.Code.from_inline("x"), allow_all_outbound=False,
        vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
    )  # fmt: skip


def imported_group(stack, _):
    return ec2.SecurityGroup.from_security_group_id(stack, "Client", "sg-0123456789abcdef0", allow_all_outbound=False)


def synthesized(place, client, *, apart=False, declared=False):
    """The templates of an endpoint with one client, in one stack or in two."""
    net = place.stack("Net")
    acc = place.stack("Acc") if apart else net
    if declared:
        net.node.add_dependency(acc)
    vpc = place.vpc(net) if declared else isolated_vpc(net)
    given = client(acc, place.vpc(acc) if declared else vpc)
    created = PrivateBedrockEndpoint(net, "Bedrock", vpc=vpc, clients=given if isinstance(given, list) else [given])
    ScopedInvokeRole(acc, "App", assumed_by=iam.AccountRootPrincipal(), models=[LITE], endpoints=[created])
    return place.synth()


def rules(templates, kind):
    return [rule for template in templates.values() for rule in of_type(template, kind)]


@pytest.mark.parametrize("client", [closed_group, open_group, function, imported_group])
def test_a_client_reaches_the_endpoint_on_443_only(place, client):
    (rule,) = rules(synthesized(place, client), INGRESS)
    assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", 443, 443)
    assert "BedrockSecurityGroup" in json.dumps(rule["GroupId"])
    assert "SourceSecurityGroupId" in rule


@pytest.mark.parametrize("client", [closed_group, function, imported_group])
def test_a_client_whose_group_closes_its_egress_gets_the_one_rule_to_the_endpoint(place, client):
    (rule,) = rules(synthesized(place, client), EGRESS)
    assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", 443, 443)
    assert "BedrockSecurityGroup" in json.dumps(rule["DestinationSecurityGroupId"])


def test_a_client_whose_group_is_open_gets_no_egress_rule(place):
    assert rules(synthesized(place, open_group), EGRESS) == []


@pytest.mark.parametrize("client", [closed_group, function])
def test_rules_for_a_client_of_another_stack_stand_there(place, client):
    templates = synthesized(place, client, apart=True)
    assert len(of_type(templates["Acc"], INGRESS)) == len(of_type(templates["Acc"], EGRESS)) == 1
    assert not of_type(templates["Net"], INGRESS)
    assert "Fn::ImportValue" not in json.dumps(templates["Net"])


def test_rules_for_a_client_whose_stack_comes_first_stand_with_the_endpoint(place):
    """Where the endpoint's stack was declared to depend on the client's, a rule there would be a cycle."""
    templates = synthesized(place, closed_group, apart=True, declared=True)
    assert len(of_type(templates["Net"], INGRESS)) == len(of_type(templates["Net"], EGRESS)) == 1
    assert "Fn::ImportValue" not in json.dumps(templates["Acc"])


def test_subnets_are_let_in_by_their_range(place):
    groups = rules(synthesized(place, lambda _, vpc: list(vpc.isolated_subnets)), GROUP)
    (group,) = [g for g in groups if "Bedrock" in g["GroupDescription"]]
    assert {rule["CidrIp"] for rule in group["SecurityGroupIngress"]} == {"10.0.0.0/24", "10.0.1.0/24"}
    assert {(rule["FromPort"], rule["ToPort"]) for rule in group["SecurityGroupIngress"]} == {(443, 443)}


def test_an_imported_subnet_is_let_in_by_the_range_it_was_imported_with(place):
    def subnet(stack, _):
        return ec2.Subnet.from_subnet_attributes(
            stack, "Office", subnet_id="subnet-0123456789abcdef0", ipv4_cidr_block="10.0.7.0/24"
        )

    (group,) = [g for g in rules(synthesized(place, subnet), GROUP) if "Bedrock" in g["GroupDescription"]]
    assert [rule["CidrIp"] for rule in group["SecurityGroupIngress"]] == ["10.0.7.0/24"]


def test_a_token_range_is_taken_as_it_is(place):
    stack = place.stack()
    cidr = cdk.CfnParameter(stack, "Office").value_as_string
    created = PrivateBedrockEndpoint(stack, "Bedrock", vpc=place.vpc(stack), client_cidrs=[cidr])
    ScopedInvokeRole(stack, "App", assumed_by=iam.AccountRootPrincipal(), models=[LITE], endpoints=[created])
    (group,) = of_type(place.synth()[stack.stack_name], GROUP)
    assert [rule["CidrIp"] for rule in group["SecurityGroupIngress"]] == [{"Ref": "Office"}]


@pytest.mark.parametrize("client", [closed_group, open_group])
def test_the_endpoints_own_group_lets_nothing_out(place, client):
    (group,) = [g for g in rules(synthesized(place, client), GROUP) if "Bedrock" in g["GroupDescription"]]
    assert [rule["CidrIp"] for rule in group["SecurityGroupEgress"]] == [PLACEHOLDER]


def test_without_clients_nothing_is_let_in(place):
    stack = place.stack()
    created = PrivateBedrockEndpoint(stack, "Bedrock", vpc=place.vpc(stack))
    ScopedInvokeRole(stack, "App", assumed_by=iam.AccountRootPrincipal(), models=[LITE], endpoints=[created])
    template = place.synth()[stack.stack_name]
    (group,) = of_type(template, GROUP)
    assert "SecurityGroupIngress" not in group
    assert of_type(template, INGRESS) == []


def test_the_range_of_a_vpc_made_here_is_refused_too(place):
    stack = place.stack()
    with pytest.raises(InvalidInput, match=r"^client_cidrs: got '10.20.0.0/16'; .*10.20.0.0/16"):
        PrivateBedrockEndpoint(
            stack, "Bedrock", vpc=isolated_vpc(stack, ip_addresses=ec2.IpAddresses.cidr("10.20.0.0/16")),
            client_cidrs=["10.20.0.0/16"],
        )  # fmt: skip


def test_all_services_share_the_one_group(place):
    stack = place.stack()
    created = PrivateBedrockEndpoint(
        stack, "Bedrock", vpc=place.vpc(stack), client_cidrs=["10.0.1.0/24"],
        services=[BedrockService.RUNTIME, BedrockService.CONTROL],
    )  # fmt: skip
    ScopedInvokeRole(stack, "App", assumed_by=iam.AccountRootPrincipal(), models=[LITE], endpoints=[created])
    template = place.synth()[stack.stack_name]
    assert len(of_type(template, GROUP)) == 1
    groups = [json.dumps(properties["SecurityGroupIds"]) for properties in of_type(template, "AWS::EC2::VPCEndpoint")]
    assert len(groups) == 2
    assert len(set(groups)) == 1
