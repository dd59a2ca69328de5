"""The hub: a network account's endpoint, reached from VPCs of other accounts."""

from __future__ import annotations

import json

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam

from secure_bedrock import BedrockService, OnPremisesAccess, PrivateBedrockEndpoint, ScopedInvokeRole
from tests.constructs.conftest import REGION, of_type

HUB, SPOKES = "999988887777", {"111122223333": "10.31.0.0/16", "222233334444": "10.32.0.0/16"}
LITERAL = "vpce-0123456789abcdef0"


@pytest.fixture(scope="module")
def templates():
    app = cdk.App()
    hub = cdk.Stack(app, "Hub", env=cdk.Environment(account=HUB, region=REGION))
    inner = ec2.SubnetConfiguration(name="Inner", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24)
    zones = [f"{REGION}a", f"{REGION}b"]
    vpc = ec2.Vpc(
        hub, "Vpc", availability_zones=zones, nat_gateways=0, subnet_configuration=[inner],
        ip_addresses=ec2.IpAddresses.cidr("10.1.0.0/20"), restrict_default_security_group=False,
    )  # fmt: skip
    endpoint = PrivateBedrockEndpoint(hub, "Bedrock", vpc=vpc, organization_id="o-exampleorgid")
    OnPremisesAccess(hub, "Spokes", endpoint=endpoint, cidrs=["10.20.0.0/16", *SPOKES.values()])
    for account, cidr in SPOKES.items():
        spoke = cdk.Stack(app, f"Spoke{account}", env=cdk.Environment(account=account, region=REGION))
        role = ScopedInvokeRole(
            spoke, "App", assumed_by=iam.AccountRootPrincipal(), models=["amazon.nova-lite-v1:0"],
            endpoints=[LITERAL], vpc_source_ips=[cidr],
        )  # fmt: skip
        endpoint.admit(role)
    assert BedrockService.RUNTIME in endpoint.endpoints
    return {stack.stack_name: stack.template for stack in app.synth().stacks}


def test_no_account_s_stack_needs_another_s(templates):
    assert set(templates) == {"Hub", *(f"Spoke{account}" for account in SPOKES)}
    assert "Fn::ImportValue" not in json.dumps(templates)


def test_the_endpoint_admits_each_spoke_s_role_by_its_literal_arn(templates):
    (endpoint,) = of_type(templates["Hub"], "AWS::EC2::VPCEndpoint")
    text = json.dumps(endpoint["PolicyDocument"])
    for account in SPOKES:
        (role,) = of_type(templates[f"Spoke{account}"], "AWS::IAM::Role")
        assert f"arn:aws:iam::{account}:role{role['Path']}{role['RoleName']}" in text
    assert "o-exampleorgid" in text


@pytest.mark.parametrize("account", SPOKES)
def test_each_spoke_s_role_works_from_its_own_range_and_through_the_hub_s_endpoint(templates, account):
    ceilings = [p["PolicyDocument"] for p in of_type(templates[f"Spoke{account}"], "AWS::IAM::Policy")]
    conditions = [s["Condition"] for document in ceilings for s in document["Statement"] if "Condition" in s]
    addresses = [c["NotIpAddress"]["aws:VpcSourceIp"] for c in conditions if "NotIpAddress" in c]
    assert addresses == [SPOKES[account]]
    assert LITERAL in json.dumps(conditions)
    (other,) = set(SPOKES) - {account}
    assert SPOKES[other] not in json.dumps(templates[f"Spoke{account}"])


def test_the_hub_opens_443_and_dns_to_every_spoke_and_the_data_centre(templates):
    ranges = {"10.20.0.0/16", *SPOKES.values()}
    assert {rule["CidrIp"] for rule in of_type(templates["Hub"], "AWS::EC2::SecurityGroupIngress")} == ranges
    (group,) = [g for g in of_type(templates["Hub"], "AWS::EC2::SecurityGroup") if "DNS" in g["GroupDescription"]]
    assert {rule["CidrIp"] for rule in group["SecurityGroupIngress"]} == ranges
