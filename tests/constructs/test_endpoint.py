"""PrivateBedrockEndpoint: every property, every refusal, and admission in every order."""

from __future__ import annotations

import json

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam

from secure_bedrock import BedrockService, InvalidInput, Network, PrivateBedrockEndpoint, ScopedInvokeRole
from tests.constructs.conftest import ACCOUNT, of_type

LITE, PRO = "amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0"
OTHER_ROLE = "arn:aws:iam::222233334444:role/path/app"


def endpoint(place, stack, **changed):
    return PrivateBedrockEndpoint(
        stack, "Bedrock", **{"vpc": place.vpc(stack), "client_cidrs": ["10.0.0.0/24"], **changed}
    )


def policies(place, stack):
    found = of_type(place.synth()[stack.stack_name], "AWS::EC2::VPCEndpoint")
    return {str(properties["ServiceName"]).rsplit(".", 1)[-1]: properties["PolicyDocument"] for properties in found}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"services": []}, "services: got nothing"),
        ({"services": BedrockService.RUNTIME}, "services: got .*a list"),
        ({"services": 3}, "services: got 3; allowed is a list"),
        ({"clients": [None]}, "clients: got"),
        ({"services": ["bedrock-runtime"]}, "services: got 'bedrock-runtime'; allowed is BedrockService"),
        ({"services": [BedrockService.RUNTIME] * 2}, "services: .*each service once"),
        ({"client_cidrs": []}, "client_cidrs: got an empty list"),
        ({"client_cidrs": ["0.0.0.0/0"]}, "client_cidrs: got '0.0.0.0/0'"),
        ({"client_cidrs": ["::/0"]}, "client_cidrs: got '::/0'"),
        ({"client_cidrs": ["10.0.0.1/16"]}, "client_cidrs: got '10.0.0.1/16'"),
        ({"client_cidrs": ["10.0.0.0/16"]}, "client_cidrs: got '10.0.0.0/16'.*VPC"),
        ({"client_cidrs": ["10.0.0.0/8"]}, "client_cidrs: got '10.0.0.0/8'.*VPC"),
        ({"clients": []}, "clients: got an empty list"),
        ({"clients": ["10.0.0.0/24"]}, "clients: got"),
        ({"models": []}, "models: got an empty list"),
        ({"organization_id": "example"}, "organization_id: got 'example'"),
        ({"guardrail_version": 1}, "guardrail_version: got 1"),
        ({"private_dns_enabled": "yes"}, "private_dns_enabled: got 'yes'"),
    ],
)
def test_a_wrong_property_is_named_with_its_value_and_the_valid_choice(place, changed, message):
    stack = place.stack()
    with pytest.raises(InvalidInput, match=rf"(?s)^{message}"):
        endpoint(place, stack, **changed)


@pytest.mark.parametrize(
    ("grantee", "message"),
    [
        ("*", "grantee: got"),
        ("arn:aws:iam::111122223333:user/alice", "grantee: .*users have long-term credentials"),
        ("arn:aws:sts::111122223333:assumed-role/app/session", "grantee: "),
        ("arn:aws:iam::111122223333:role/*", "grantee: "),
        ("111122223333", r"grantee: .*iam.AccountPrincipal\('111122223333'\)"),
        (iam.ServicePrincipal("lambda.amazonaws.com"), "grantee: "),
        (iam.AnyPrincipal(), "grantee: "),
        (7, "grantee: got 7"),
    ],
)
def test_who_cannot_be_admitted(place, grantee, message):
    created = endpoint(place, place.stack(), models=[LITE])
    with pytest.raises(InvalidInput, match=f"(?s)^{message}"):
        created.admit(grantee)


def test_anybody_but_a_scoped_role_needs_models(place):
    created = endpoint(place, place.stack())
    with pytest.raises(InvalidInput, match=r"models: got None.*pass models"):
        created.admit(OTHER_ROLE)


def test_nobody_admitted_fails_the_synth(place):
    endpoint(place, place.stack())
    with pytest.raises(RuntimeError, match="nobody is admitted"):
        place.synth()


@pytest.mark.parametrize(
    ("grantee", "conditions"),
    [
        (
            OTHER_ROLE,
            {"ArnEquals": {"aws:PrincipalArn": OTHER_ROLE}, "StringEquals": {"aws:PrincipalAccount": "222233334444"}},
        ),
        (iam.AccountPrincipal("222233334444"), {"StringEquals": {"aws:PrincipalAccount": "222233334444"}}),
        (iam.OrganizationPrincipal("o-exampleorgid"), {"StringEquals": {"aws:PrincipalOrgID": "o-exampleorgid"}}),
    ],
)  # fmt: skip
def test_who_is_admitted_is_told_by_keys(place, grantee, conditions):
    stack = place.stack()
    endpoint(place, stack, models=[LITE]).admit(grantee)
    (statement,) = policies(place, stack)["bedrock-runtime"]["Statement"]
    assert statement["Principal"] == "*"
    assert statement["Condition"] == conditions
    assert statement["Resource"].endswith(f"foundation-model/{LITE}")


def test_an_imported_role_is_admitted_by_its_arn(place):
    stack = place.stack()
    endpoint(place, stack, models=[LITE]).admit(iam.Role.from_role_arn(stack, "R", OTHER_ROLE))
    assert OTHER_ROLE in json.dumps(policies(place, stack))


def test_a_service_that_nobody_uses_denies_everything_and_says_so(place, here):
    stack = place.stack()
    created = endpoint(place, stack, services=[BedrockService.RUNTIME, BedrockService.MANTLE])
    ScopedInvokeRole(stack, "App", assumed_by=here, models=[LITE], endpoints=[created])
    (statement,) = policies(place, stack)["bedrock-mantle"]["Statement"]
    assert (statement["Effect"], statement["Action"], statement["Resource"]) == ("Deny", "*", "*")
    assert any("endpoint-unused-bedrock-mantle" in message for message in place.messages())


def test_the_group_takes_https_from_the_clients_and_lets_nothing_out(place, here):
    stack = place.stack()
    created = endpoint(place, stack, client_cidrs=["10.0.1.0/24", "192.0.2.0/24", "2001:db8::/56"])
    ScopedInvokeRole(stack, "App", assumed_by=here, models=[LITE], endpoints=[created])
    (group,) = of_type(place.synth()[stack.stack_name], "AWS::EC2::SecurityGroup")
    assert {rule.get("CidrIp") or rule["CidrIpv6"] for rule in group["SecurityGroupIngress"]} == {
        "10.0.1.0/24", "192.0.2.0/24", "2001:db8::/56",
    }  # fmt: skip
    assert {(rule["FromPort"], rule["ToPort"]) for rule in group["SecurityGroupIngress"]} == {(443, 443)}
    assert [rule["CidrIp"] for rule in group["SecurityGroupEgress"]] == ["255.255.255.255/32"]


def test_a_client_in_another_stack_gets_both_rules_there(place, here):
    net, app = place.stack(), place.stack()
    vpc = place.vpc(net)
    client = ec2.SecurityGroup(app, "Client", vpc=place.vpc(app), allow_all_outbound=False)
    created = PrivateBedrockEndpoint(net, "Bedrock", vpc=vpc, clients=[client])
    ScopedInvokeRole(app, "App", assumed_by=here, models=[LITE], endpoints=[created])
    templates = place.synth()
    assert len(of_type(templates[app.stack_name], "AWS::EC2::SecurityGroupEgress")) == 1
    assert len(of_type(templates[app.stack_name], "AWS::EC2::SecurityGroupIngress")) == 1
    assert "Fn::ImportValue" not in json.dumps(templates[net.stack_name])


def test_nobody_can_connect_is_written_down(place, here):
    stack = place.stack()
    created = PrivateBedrockEndpoint(stack, "Bedrock", vpc=place.vpc(stack))
    ScopedInvokeRole(stack, "App", assumed_by=here, models=[LITE], endpoints=[created])
    assert any("endpoint-unreachable" in message for message in place.messages())


def test_connections_opened_later_are_enough(place, here):
    stack = place.stack()
    created = PrivateBedrockEndpoint(stack, "Bedrock", vpc=place.vpc(stack))
    created.connections.allow_default_port_from(ec2.Peer.ipv4("10.0.0.0/24"))
    ScopedInvokeRole(stack, "App", assumed_by=here, models=[LITE], endpoints=[created])
    assert not any("endpoint-unreachable" in message for message in place.messages())


def test_a_vpc_without_dns_is_written_down(place):
    stack = cdk.Stack(place.app, "NoDns", env=cdk.Environment(region="eu-west-1"))
    vpc = ec2.Vpc(stack, "Vpc", enable_dns_support=False, nat_gateways=0, restrict_default_security_group=False)
    created = PrivateBedrockEndpoint(stack, "Bedrock", vpc=vpc, client_cidrs=["192.0.2.0/24"])
    ScopedInvokeRole(
        stack, "App", assumed_by=iam.AccountRootPrincipal(), models=["amazon.nova-lite-v1:0"], endpoints=[created]
    )
    assert any("endpoint-dns" in message for message in place.messages())


def test_private_dns_is_on_unless_turned_off(place, here):
    stacks = {wanted: place.stack() for wanted in (True, False)}
    for wanted, stack in stacks.items():
        created = endpoint(place, stack, private_dns_enabled=wanted)
        ScopedInvokeRole(stack, "App", assumed_by=here, models=[LITE], endpoints=[created])
    templates = place.synth()
    for wanted, stack in stacks.items():
        (properties,) = of_type(templates[stack.stack_name], "AWS::EC2::VPCEndpoint")
        assert properties["PrivateDnsEnabled"] is wanted


@pytest.mark.parametrize("stacks", ["one", "two"])
@pytest.mark.parametrize(
    ("order", "how"), [("endpoint first", "named"), ("endpoint first", "admitted"), ("role first", "admitted")]
)
def test_a_role_and_an_endpoint_find_each_other(place, here, order, stacks, how):
    net = place.stack("Net")
    acc = net if stacks == "one" else place.stack("Acc")
    role = None
    if order == "role first":
        role = ScopedInvokeRole(acc, "App", assumed_by=here, models=[LITE])
    created = endpoint(place, net)
    if role is None:
        role = ScopedInvokeRole(
            acc, "App", assumed_by=here, models=[LITE], endpoints=[created] if how == "named" else None
        )
    if how == "admitted":
        created.admit(role)
    templates = place.synth()
    assert role.role_name in json.dumps(of_type(templates["Net"], "AWS::EC2::VPCEndpoint"))
    ceiling = json.dumps(of_type(templates[acc.stack_name], "AWS::IAM::Policy"))
    assert "aws:SourceVpce" in ceiling
    if stacks == "two":
        assert "Fn::ImportValue" in ceiling
        assert "Fn::ImportValue" not in json.dumps(templates["Net"])


@pytest.mark.parametrize("order", ["endpoint first", "role first"])
def test_a_role_whose_stack_the_endpoints_stack_depends_on_is_tied_from_there(place, here, order):
    net, acc = place.stack("Net"), place.stack("Acc")
    net.node.add_dependency(acc)
    if order == "endpoint first":
        created = endpoint(place, net)
        ScopedInvokeRole(acc, "App", assumed_by=here, models=[LITE], endpoints=[created])
    else:
        role = ScopedInvokeRole(acc, "App", assumed_by=here, models=[LITE])
        endpoint(place, net).admit(role)
    templates = place.synth()
    (here_policy,) = of_type(templates["Acc"], "AWS::IAM::Policy")
    (there_policy,) = of_type(templates["Net"], "AWS::IAM::Policy")
    (here_statement,) = [s for s in here_policy["PolicyDocument"]["Statement"] if s["Sid"] == "OffNetwork"]
    (there_statement,) = there_policy["PolicyDocument"]["Statement"]
    assert here_statement["Condition"] == {"Null": {"aws:SourceVpce": "true"}}
    assert list(there_statement["Condition"]) == ["StringNotEquals"]
    assert "Fn::ImportValue" not in json.dumps(templates["Acc"])


def test_only_one_stack_may_depend_on_the_roles(place, here):
    one, two, acc = place.stack("One"), place.stack("Two"), place.stack("Acc")
    one.node.add_dependency(acc)
    two.node.add_dependency(acc)
    role = ScopedInvokeRole(acc, "App", assumed_by=here, models=[LITE])
    endpoint(place, one).admit(role)
    with pytest.raises(InvalidInput, match="endpoints: got 'Two/Bedrock'; allowed is one stack"):
        endpoint(place, two).admit(role)


def test_nested_stacks_find_each_other(place, here):
    parent = place.stack("Parent")
    inner = cdk.NestedStack(parent, "Inner")
    created = endpoint(place, parent)
    role = ScopedInvokeRole(inner, "App", assumed_by=here, models=[LITE], endpoints=[created])
    assert role.role_name in json.dumps(policies(place, parent))


def test_a_plain_role_of_another_stack_gets_a_name_and_a_note(place, here):
    net, acc = place.stack("Net"), place.stack("Acc")
    plain = iam.Role(acc, "Plain", assumed_by=here)
    endpoint(place, net, models=[LITE]).admit(plain)
    (role,) = of_type(place.synth()["Acc"], "AWS::IAM::Role")
    assert role["RoleName"] in json.dumps(policies(place, net))
    assert any("role-named" in message for message in place.messages())


def test_a_later_admission_replaces_no_role(make_place, here):
    def roles(admit):
        place = make_place()
        net, acc = place.stack("Net"), place.stack("Acc")
        role = ScopedInvokeRole(acc, "App", assumed_by=here, models=[LITE], source_ips=["203.0.113.0/24"])
        created = endpoint(place, net, models=[LITE])
        created.admit(OTHER_ROLE)
        if admit:
            created.admit(role)
        resources = place.synth()["Acc"]["Resources"]
        return {name: r["Properties"].get("RoleName") for name, r in resources.items() if r["Type"] == "AWS::IAM::Role"}

    assert roles(admit=False) == roles(admit=True)


def test_an_admission_after_somebody_looked_is_not_lost(place):
    stack = place.stack()
    created = endpoint(place, stack, models=[LITE])
    created.admit(OTHER_ROLE)
    stack.resolve(created.endpoints[BedrockService.RUNTIME].node.default_child.policy_document)
    created.admit(iam.AccountPrincipal("333344445555"))
    assert "333344445555" in json.dumps(policies(place, stack))


def test_what_somebody_adds_to_the_l2_opens_nothing(place):
    stack = place.stack()
    created = endpoint(place, stack, models=[LITE])
    created.admit(OTHER_ROLE)
    created.endpoints[BedrockService.RUNTIME].add_to_policy(
        iam.PolicyStatement(actions=["*"], resources=["*"], principals=[iam.AnyPrincipal()])
    )
    assert '"Action": "*"' not in json.dumps(policies(place, stack))


def test_a_role_for_any_network_is_admitted_and_tied_to_nothing(place, here):
    stack = place.stack()
    created = endpoint(place, stack)
    role = ScopedInvokeRole(stack, "App", assumed_by=here, models=[LITE], network=Network.ANYWHERE)
    created.admit(role)
    assert role.role_name in json.dumps(policies(place, stack))
    assert "SourceVpce" not in json.dumps(role.ceiling_document())


def test_a_suspended_role_counts_as_admitted_and_gets_nothing(place, here):
    stack = place.stack()
    created = endpoint(place, stack)
    ScopedInvokeRole(stack, "App", assumed_by=here, models=[LITE], endpoints=[created], suspended=True)
    (statement,) = policies(place, stack)["bedrock-runtime"]["Statement"]
    assert statement["Effect"] == "Deny"


def test_a_bearer_token_passes_only_for_who_declares_it(place, here):
    stack = place.stack()
    created = endpoint(place, stack)
    ScopedInvokeRole(stack, "App", assumed_by=here, models=[LITE], endpoints=[created])
    keys = ScopedInvokeRole(stack, "Keys", assumed_by=here, models=[PRO], endpoints=[created], allow_api_keys=True)
    tokens = [
        s for s in policies(place, stack)["bedrock-runtime"]["Statement"] if "CallWithBearerToken" in str(s["Action"])
    ]
    assert len(tokens) == 1
    assert tokens[0]["Condition"]["ArnEquals"]["aws:PrincipalArn"] == keys.role_arn


def test_a_policy_of_a_service_that_is_not_there_is_refused(place):
    created = endpoint(place, place.stack(), models=[LITE])
    with pytest.raises(InvalidInput, match=r"service: got .*MANTLE.*RUNTIME"):
        created.policy_document(BedrockService.MANTLE)


def test_an_endpoint_in_another_account_is_written_down(make_place, here):
    place = make_place()
    net = cdk.Stack(place.app, "Net", env=cdk.Environment(account="222233334444", region="eu-west-1"))
    acc = place.stack("Acc")
    created = endpoint(place, net)
    ScopedInvokeRole(acc, "App", assumed_by=here, models=[LITE], endpoints=[created])
    assert any("endpoint-elsewhere" in message for message in place.messages())
    assert f"arn:aws:iam::{ACCOUNT}:role/secure-bedrock/" in json.dumps(policies(place, net))


def test_the_service_name_is_the_one_aws_uses(place, here):
    stack = place.stack()
    created = endpoint(place, stack, services=[BedrockService.RUNTIME, BedrockService.MANTLE])
    ScopedInvokeRole(stack, "App", assumed_by=here, models=[LITE], endpoints=[created])
    names = {p["ServiceName"] for p in of_type(place.synth()[stack.stack_name], "AWS::EC2::VPCEndpoint")}
    assert names == {"com.amazonaws.eu-west-1.bedrock-runtime", "com.amazonaws.eu-west-1.bedrock-mantle"}
