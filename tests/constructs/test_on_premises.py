"""OnPremisesAccess: who may connect, what is resolved, what the network team is told, and what is refused."""

from __future__ import annotations

import json

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam

from secure_bedrock import BedrockService, InvalidInput, OnPremisesAccess, PrivateBedrockEndpoint, ScopedInvokeRole
from tests.constructs.conftest import ACCOUNT, REGION, of_type

LITE = "amazon.nova-lite-v1:0"
INGRESS, GROUP = "AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroup"
RESOLVER = "AWS::Route53Resolver::ResolverEndpoint"
CENTRE, OFFICE = "10.20.0.0/16", "192.168.7.0/24"
TWO = ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]


def made_vpc(stack, zones="ab", **properties):
    inner = ec2.SubnetConfiguration(name="Inner", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24)
    given = {"availability_zones": [f"{REGION}{zone}" for zone in zones], "nat_gateways": 0,
             "subnet_configuration": [inner], "restrict_default_security_group": False}  # fmt: skip
    return ec2.Vpc(stack, "Vpc", **{**given, **properties})


def endpoint(stack, vpc=None, **changed):
    given = {"vpc": vpc or made_vpc(stack), "models": [LITE], **changed}
    created = PrivateBedrockEndpoint(stack, "Bedrock", **given)
    created.admit(iam.AccountPrincipal(ACCOUNT))
    return created


def access(place, *, apart=False, endpoint_changed=None, **changed):
    net = place.stack("Net")
    scope = place.stack("Edge") if apart else net
    given = {"endpoint": endpoint(net, **(endpoint_changed or {})), "cidrs": [CENTRE], **changed}
    return OnPremisesAccess(scope, "Centre", **given)


def outputs(template, construct="Centre"):
    found = {key: value["Value"] for key, value in template["Outputs"].items() if key.startswith(construct)}
    return {key.removeprefix(construct)[:-8]: value for key, value in found.items()}


# --- who may connect


def test_each_range_may_open_443_and_nothing_else(place):
    access(place, cidrs=[CENTRE, OFFICE])
    rules = of_type(place.synth()["Net"], INGRESS)
    assert {(r["CidrIp"], r["IpProtocol"], r["FromPort"], r["ToPort"]) for r in rules} == {
        (CENTRE, "tcp", 443, 443),
        (OFFICE, "tcp", 443, 443),
    }
    assert all("BedrockSecurityGroup" in json.dumps(rule["GroupId"]) for rule in rules)


def test_rules_stand_in_the_access_s_stack_and_the_endpoint_s_refers_to_nothing_there(place):
    access(place, apart=True)
    templates = place.synth()
    assert len(of_type(templates["Edge"], INGRESS)) == 1
    assert not of_type(templates["Net"], INGRESS)
    assert "Fn::ImportValue" not in json.dumps(templates["Net"])


def test_another_order_of_the_ranges_changes_no_logical_id(make_place):
    ids = []
    for cidrs in ([CENTRE, OFFICE], [OFFICE, CENTRE]):
        place = make_place()
        access(place, cidrs=cidrs)
        template = place.synth()["Net"]
        ids.append({k: r["Properties"]["CidrIp"] for k, r in template["Resources"].items() if r["Type"] == INGRESS})
    assert ids[0] == ids[1]


def test_the_endpoint_s_own_group_still_has_no_way_out(place):
    access(place)
    groups = of_type(place.synth()["Net"], GROUP)
    assert len(groups) == 2
    assert [[rule["CidrIp"] for rule in group["SecurityGroupEgress"]] for group in groups] == [
        ["255.255.255.255/32"],
        ["255.255.255.255/32"],
    ]


def test_the_endpoint_does_not_warn_that_nobody_can_connect(place):
    access(place)
    assert not [message for message in place.messages() if "no client can connect" in message]


def test_a_token_range_is_taken_as_it_is(place):
    net = place.stack("Net")
    parameter = cdk.CfnParameter(net, "Office").value_as_string
    OnPremisesAccess(net, "Centre", endpoint=endpoint(net), cidrs=[parameter, CENTRE])
    found = [rule["CidrIp"] for rule in of_type(place.synth()["Net"], INGRESS)]
    assert {"Ref": "Office"} in found
    assert CENTRE in found


def test_a_role_takes_the_ranges_as_vpc_source_ips(place):
    created = access(place, apart=True, cidrs=[CENTRE, OFFICE])
    role = ScopedInvokeRole(
        place.stack("Acc"), "App", assumed_by=iam.AccountRootPrincipal(), models=[LITE],
        endpoints=[created.endpoint], vpc_source_ips=created.vpc_source_ips,
    )  # fmt: skip
    conditions = [row["Condition"] for row in role.ceiling_document()["Statement"] if "Condition" in row]
    narrowed = [each["NotIpAddress"] for each in conditions if "aws:VpcSourceIp" in each.get("NotIpAddress", {})]
    assert {tuple(each["aws:VpcSourceIp"]) for each in narrowed} == {(CENTRE, OFFICE)}


# --- what is resolved


def test_the_resolver_answers_on_port_53_over_tcp_and_udp_and_only_to_the_ranges(place):
    access(place, cidrs=[CENTRE, OFFICE])
    template = place.synth()["Net"]
    (resolver,) = of_type(template, RESOLVER)
    assert resolver["Direction"] == "INBOUND"
    (group,) = [group for group in of_type(template, GROUP) if "DNS" in group["GroupDescription"]]
    assert {(r["CidrIp"], r["IpProtocol"], r["FromPort"], r["ToPort"]) for r in group["SecurityGroupIngress"]} == {
        (cidr, protocol, 53, 53) for cidr in (CENTRE, OFFICE) for protocol in ("tcp", "udp")
    }
    (group_id,) = resolver["SecurityGroupIds"]
    assert "CentreResolverSecurityGroup" in json.dumps(group_id)


def test_dns_cidrs_replace_the_callers_ranges(place):
    access(place, dns_cidrs=["10.20.0.53/32"])
    template = place.synth()["Net"]
    (group,) = [group for group in of_type(template, GROUP) if "DNS" in group["GroupDescription"]]
    assert {rule["CidrIp"] for rule in group["SecurityGroupIngress"]} == {"10.20.0.53/32"}
    assert {rule["CidrIp"] for rule in of_type(template, INGRESS)} == {CENTRE}


def test_the_resolver_stands_in_the_endpoint_s_subnets_and_aws_chooses_its_addresses(place):
    access(place)
    (resolver,) = of_type(place.synth()["Net"], RESOLVER)
    subnets = [row["SubnetId"]["Ref"] for row in resolver["IpAddresses"]]
    assert len(set(subnets)) == 2
    assert all(set(row) == {"SubnetId"} for row in resolver["IpAddresses"])


def test_addresses_can_be_fixed(place):
    created = access(place, resolver_addresses=["10.0.0.10", "10.0.1.10"])
    template = place.synth()["Net"]
    (resolver,) = of_type(template, RESOLVER)
    assert [row["Ip"] for row in resolver["IpAddresses"]] == ["10.0.0.10", "10.0.1.10"]
    assert created.resolver_addresses == ("10.0.0.10", "10.0.1.10")
    assert outputs(template)["ResolverAddresses"] == "10.0.0.10, 10.0.1.10"


def test_subnets_can_be_named_as_ids_and_as_constructs(place):
    net = place.stack("Net")
    imported = ec2.Subnet.from_subnet_attributes(net, "S", subnet_id=TWO[0], ipv4_cidr_block="10.0.5.0/24")
    OnPremisesAccess(net, "Centre", endpoint=endpoint(net), cidrs=[CENTRE], resolver_subnets=[imported, TWO[1]])
    (resolver,) = of_type(place.synth()["Net"], RESOLVER)
    assert [row["SubnetId"] for row in resolver["IpAddresses"]] == TWO


def test_without_a_resolver_callers_use_the_endpoint_s_own_names(place):
    created = access(place, resolver=False)
    template = place.synth()["Net"]
    assert created.resolver_endpoint is None
    assert created.names == created.endpoint_names
    assert not of_type(template, RESOLVER)
    assert len(of_type(template, GROUP)) == 1


def test_the_endpoint_s_own_name_is_the_first_of_its_dns_entries_without_the_zone(place):
    access(place, resolver=False)
    entries = {"Fn::GetAtt": ["BedrockRuntime3AD4F924", "DnsEntries"]}
    name = {"Fn::Select": [1, {"Fn::Split": [":", {"Fn::Select": [0, entries]}]}]}
    assert outputs(place.synth()["Net"], "Bedrock")["OwnNames"] == name


@pytest.mark.parametrize(
    ("region", "names"),
    [
        ("eu-west-1", ["bedrock-runtime.eu-west-1.amazonaws.com", "bedrock-mantle.eu-west-1.api.aws"]),
        ("us-gov-west-1", ["bedrock-runtime.us-gov-west-1.amazonaws.com", "bedrock-mantle.us-gov-west-1.api.aws"]),
        ("eusc-de-east-1",
         ["bedrock-runtime.eusc-de-east-1.amazonaws.eu", "bedrock-mantle.eusc-de-east-1.api.amazonwebservices.eu"]),
        ("us-iso-east-1", ["bedrock-runtime.us-iso-east-1.c2s.ic.gov", "bedrock-mantle.us-iso-east-1.api.aws.ic.gov"]),
    ],
)  # fmt: skip
def test_the_usual_names_are_those_of_the_partition(make_place, region, names):
    place = make_place(region=region)
    net = place.stack("Net")
    vpc = place.vpc(net, availability_zones=["a", "b"], private_subnet_ids=TWO)
    services = (BedrockService.RUNTIME, BedrockService.MANTLE)
    created = OnPremisesAccess(net, "Centre", endpoint=endpoint(net, vpc, services=services), cidrs=[CENTRE])
    assert list(created.names.values()) == list(created.forwarding_domains) == names
    assert "arn:aws:" not in json.dumps(place.synth()["Net"]["Outputs"])


def test_where_the_region_is_not_known_cloudformation_writes_it(make_place):
    place = make_place(account=None, region=None)
    net = place.stack("Net")
    vpc = place.vpc(net, availability_zones=["a", "b"], private_subnet_ids=TWO)
    services = (BedrockService.RUNTIME, BedrockService.MANTLE)
    created = OnPremisesAccess(net, "Centre", endpoint=endpoint(net, vpc, services=services), cidrs=[CENTRE])
    assert created.names[BedrockService.MANTLE] == created.endpoint_names[BedrockService.MANTLE]
    assert net.resolve(created.names[BedrockService.RUNTIME]) == {
        "Fn::Join": ["", ["bedrock-runtime.", {"Ref": "AWS::Region"}, ".", {"Ref": "AWS::URLSuffix"}]]
    }
    assert len(created.forwarding_domains) == 1


def test_a_service_without_a_documented_name_keeps_its_own_and_a_warning_says_so(place):
    created = access(place, endpoint_changed={"services": [BedrockService.RUNTIME, BedrockService.AGENTCORE]})
    assert created.names[BedrockService.AGENTCORE] == created.endpoint_names[BedrockService.AGENTCORE]
    assert created.forwarding_domains == (f"bedrock-runtime.{REGION}.amazonaws.com",)
    assert any("no usual name of bedrock-agentcore" in message for message in place.messages())


# --- what the network team is told


def test_the_outputs_say_what_to_forward_and_where(place):
    access(place, resolver_addresses=["10.0.0.10", "10.0.1.10"], cidrs=[CENTRE, OFFICE])
    template = place.synth()["Net"]
    found = outputs(template)
    assert found["Ranges"] == f"{CENTRE}, {OFFICE}"
    assert found["ForwardingRules"] == f"bedrock-runtime.{REGION}.amazonaws.com -> 10.0.0.10, 10.0.1.10"
    assert found["ResolverEndpointId"]["Fn::GetAtt"][1] == "ResolverEndpointId"
    command = json.dumps(outputs(template, "Bedrock")["Addresses"])
    assert "aws ec2 describe-network-interfaces" in command
    assert "NetworkInterfaceIds" in command


def test_no_output_only_imports_another(place):
    """What is known of the endpoint is told by its own stack, once for everybody who reaches it."""
    created = access(place, apart=True)
    OnPremisesAccess(place.stack("Second"), "Office", endpoint=created.endpoint, cidrs=[OFFICE], resolver=False)
    templates = place.synth()
    assert not [name for name in templates if "Fn::ImportValue" in json.dumps(templates[name]["Outputs"])]
    assert {"OwnNames", "Addresses"} <= set(outputs(templates["Net"], "Bedrock"))


def test_addresses_that_cloudformation_does_not_tell_are_read_by_a_command(place):
    access(place)
    found = outputs(place.synth()["Net"])
    command = json.dumps(found["ResolverAddresses"])
    assert "aws route53resolver list-resolver-endpoint-ip-addresses --resolver-endpoint-id " in command
    assert "the addresses of " in json.dumps(found["ForwardingRules"])


def test_the_names_to_forward_are_told_for_an_inbound_endpoint_that_is_there_already(place):
    access(place, resolver=False)
    rules = outputs(place.synth()["Net"])["ForwardingRules"]
    assert rules == f"bedrock-runtime.{REGION}.amazonaws.com -> an inbound endpoint of this VPC"


def test_without_private_dns_there_is_nothing_to_forward(place):
    created = access(place, resolver=False, endpoint_changed={"private_dns_enabled": False})
    assert created.forwarding_domains == ()
    assert "ForwardingRules" not in outputs(place.synth()["Net"])


# --- what is refused


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"endpoint": None}, "endpoint: got None; allowed is a PrivateBedrockEndpoint"),
        ({"endpoint": "vpce-0123456789abcdef0"}, "endpoint: got 'vpce-0123456789abcdef0'; allowed is a PrivateBedrock"),
        ({"cidrs": None}, "cidrs: got None; allowed is the private ranges"),
        ({"cidrs": []}, "cidrs: got an empty list"),
        ({"cidrs": CENTRE}, f"cidrs: got '{CENTRE}'; allowed is a list"),
        ({"cidrs": ["0.0.0.0/0"]}, "cidrs: got '0.0.0.0/0'"),
        ({"cidrs": ["10.0.0.0/8"]}, "cidrs: got '10.0.0.0/8'; allowed is a range of at most /16"),
        ({"cidrs": ["8.8.8.0/24"]}, "cidrs: got '8.8.8.0/24'; allowed is a private range"),
        ({"cidrs": [CENTRE, "10.20.1.0/24"]}, f"cidrs: got '10.20.1.0/24'.*not overlap {CENTRE}, another of them"),
        ({"cidrs": ["10.0.4.0/24"]}, "cidrs: got '10.0.4.0/24'.*not overlap 10.0.0.0/16, the VPC itself"),
        ({"vpc": "vpc-0123456789abcdef0"}, "vpc: got 'vpc-0123456789abcdef0'; allowed is an ec2.IVpc"),
        ({"resolver": "yes"}, "resolver: got 'yes'; allowed is True or False"),
        ({"resolver": None}, "resolver: got None; allowed is True or False"),
        ({"resolver_subnets": []}, "resolver_subnets: got an empty list"),
        ({"resolver_subnets": TWO[0]}, f"resolver_subnets: got '{TWO[0]}'; allowed is a list"),
        ({"resolver_subnets": [5, 6]}, "resolver_subnets: got 5; allowed is subnets, or ids"),
        ({"resolver_subnets": ["10.0.0.0/24", TWO[0]]}, "resolver_subnets: got '10.0.0.0/24'; allowed is subnets"),
        ({"resolver_subnets": [TWO[0]]}, "resolver_subnets: got 1; allowed is 2 to 20"),
        ({"resolver_subnets": [TWO[0], TWO[0]]}, "resolver_subnets: got .*each subnet once"),
        ({"resolver_subnets": [f"subnet-{n:017x}" for n in range(21)]}, "resolver_subnets: got 21; allowed is 2 to 20"),
        ({"resolver_addresses": ["10.0.0.10"]}, "resolver_addresses: got .*one address for each of the 2 subnets"),
        ({"resolver_addresses": ["10.0.0.10", "10.0.2.10"]}, "resolver_addresses: got '10.0.2.10'.*its subnet 10.0.1"),
        ({"dns_cidrs": []}, "dns_cidrs: got an empty list"),
        ({"dns_cidrs": ["10.0.0.53/32"]}, "dns_cidrs: got '10.0.0.53/32'.*not overlap 10.0.0.0/16, the VPC itself"),
        ({"dns_cidrs": ["172.16.0.0/12"]}, "dns_cidrs: got '172.16.0.0/12'; allowed is a range of at most /16"),
        ({"resolver": False, "dns_cidrs": [CENTRE]}, "dns_cidrs: .*nothing where resolver=False"),
        ({"resolver": False, "resolver_subnets": TWO}, "resolver_subnets: .*nothing where resolver=False"),
        ({"resolver": False, "resolver_addresses": ["10.0.0.9"]}, "resolver_addresses: .*nothing where resolver=False"),
        ({"endpoint_changed": {"private_dns_enabled": False}}, "resolver: .*private_dns_enabled=True.*resolver=False"),
    ],
)
def test_what_is_refused(place, changed, message):
    with pytest.raises(InvalidInput, match=message):
        access(place, **changed)


def test_a_subnet_of_one_zone_is_too_few_for_the_resolver(place):
    net = place.stack("Net")
    with pytest.raises(InvalidInput, match="resolver_subnets: got 1; allowed is 2 to 20"):
        OnPremisesAccess(net, "Centre", endpoint=endpoint(net, made_vpc(net, zones="a")), cidrs=[CENTRE])


def test_two_accesses_of_one_endpoint_do_not_overlap(place):
    net, edge = place.stack("Net"), place.stack("Edge")
    shared = endpoint(net)
    OnPremisesAccess(net, "Centre", endpoint=shared, cidrs=[CENTRE])
    with pytest.raises(InvalidInput, match=f"cidrs: got '10.20.9.0/24'.*not overlap {CENTRE}, Net/Centre"):
        OnPremisesAccess(edge, "Second", endpoint=shared, cidrs=["10.20.9.0/24"], resolver=False)
    OnPremisesAccess(edge, "Third", endpoint=shared, cidrs=[OFFICE], resolver=False)
    place.synth()


@pytest.mark.parametrize("theirs", [CENTRE, "10.20.4.0/24"])
def test_what_the_endpoint_lets_in_by_itself_is_not_let_in_twice(place, theirs):
    access(place, apart=True, endpoint_changed={"client_cidrs": [theirs]})
    with pytest.raises(RuntimeError, match=f"cidrs: got '{CENTRE}'.*not overlap {theirs}.*client_cidrs"):
        place.synth()


def test_other_ranges_of_the_endpoint_stay(place):
    access(place, endpoint_changed={"client_cidrs": [OFFICE]})
    groups = of_type(place.synth()["Net"], GROUP)
    (group,) = [group for group in groups if "HTTPS" in group["GroupDescription"]]
    assert [rule["CidrIp"] for rule in group["SecurityGroupIngress"]] == [OFFICE]


def test_the_range_of_an_imported_vpc_is_taken_from_it(place):
    net = place.stack("Net")
    vpc = place.vpc(net, availability_zones=["a", "b"], private_subnet_ids=TWO)
    shared = endpoint(net, vpc)
    with pytest.raises(InvalidInput, match=r"cidrs: got '10.0.7.0/24'.*the VPC itself"):
        OnPremisesAccess(net, "Centre", endpoint=shared, cidrs=["10.0.7.0/24"], vpc=vpc)
    created = OnPremisesAccess(net, "Second", endpoint=shared, cidrs=[CENTRE], vpc=vpc)
    assert created.vpc_source_ips == (CENTRE,)


def test_a_refused_access_leaves_nothing_behind(place):
    net = place.stack("Net")
    shared = endpoint(net)
    with pytest.raises(InvalidInput, match="dns_cidrs"):
        OnPremisesAccess(net, "Wrong", endpoint=shared, cidrs=[CENTRE], dns_cidrs=["8.8.8.8"])
    OnPremisesAccess(net, "Centre", endpoint=shared, cidrs=[CENTRE])


@pytest.mark.parametrize("other", [{"vpc_id": "vpc-0fedcba9876543210"}, None])
def test_another_vpc_than_the_endpoint_s_is_refused(place, other):
    net = place.stack("Net")
    vpc = place.vpc(net, **other) if other else made_vpc(place.stack("Other"))
    with pytest.raises(InvalidInput, match=r"vpc: got .*allowed is the endpoint's own VPC"):
        OnPremisesAccess(net, "Centre", endpoint=endpoint(net), cidrs=[CENTRE], vpc=vpc)


def test_the_endpoint_s_own_vpc_may_be_named(place):
    net = place.stack("Net")
    vpc = made_vpc(net)
    OnPremisesAccess(net, "Centre", endpoint=endpoint(net, vpc), cidrs=[CENTRE], vpc=vpc)
    place.synth()


@pytest.mark.parametrize(
    "env", [{"account": "222233334444", "region": REGION}, {"account": ACCOUNT, "region": "us-east-1"}]
)
def test_an_endpoint_of_another_account_or_region_is_refused(place, env):
    edge = cdk.Stack(place.app, "Edge", env=cdk.Environment(**env))
    with pytest.raises(InvalidInput, match="endpoint: got 'Net/Bedrock'; allowed is an endpoint of this stack's"):
        OnPremisesAccess(edge, "Centre", endpoint=endpoint(place.stack("Net")), cidrs=[CENTRE])


def test_an_endpoint_whose_stack_comes_after_is_refused(place):
    net, edge = place.stack("Net"), place.stack("Edge")
    net.add_dependency(edge)
    with pytest.raises(InvalidInput, match="endpoint: got 'Net/Bedrock'; allowed is an endpoint whose stack does not"):
        OnPremisesAccess(edge, "Centre", endpoint=endpoint(net), cidrs=[CENTRE])


def test_more_ranges_than_a_group_takes_are_warned_of(place):
    access(place, cidrs=[f"10.20.{n}.0/24" for n in range(61)])
    assert any("61 ranges need as many inbound rules" in message for message in place.messages())


def test_as_many_ranges_as_a_group_takes_are_not_warned_of(place):
    access(place, cidrs=[f"10.20.{n}.0/24" for n in range(60)])
    assert not any("inbound rules" in message for message in place.messages())
