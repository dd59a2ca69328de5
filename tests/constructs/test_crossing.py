"""References between stacks: from the grantee's stack to the endpoint's, never back."""

from __future__ import annotations

import json

import aws_cdk as cdk
import pytest
from aws_cdk import aws_bedrock as bedrock
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_

from secure_bedrock import BedrockService, InvalidInput, Model, PrivateBedrockEndpoint, ScopedInvokeRole
from tests.constructs.conftest import ACCOUNT, REGION, of_type

LITE = "amazon.nova-lite-v1:0"
OTHER_ACCOUNT = "222233334444"
ROOT = iam.AccountRootPrincipal()


def endpoint(place, stack, **changed):
    given = {"vpc": place.vpc(stack), "client_cidrs": ["10.0.1.0/24"], "models": [LITE], **changed}
    return PrivateBedrockEndpoint(stack, "Bedrock", **given)


def admit_from(place, make_grantee):
    """Admit a grantee of the stack `Acc` to an endpoint of the stack `Net`; return both templates."""
    net, acc = place.stack("Net"), place.stack("Acc")
    created = endpoint(place, net)
    created.admit(make_grantee(acc))
    return place.synth()


def admitted_arn(templates):
    (properties,) = of_type(templates["Net"], "AWS::EC2::VPCEndpoint")
    (statement,) = properties["PolicyDocument"]["Statement"]
    return statement["Condition"]["ArnEquals"]["aws:PrincipalArn"]


def function(stack):
    return lambda_.Function(
        stack, "Function", runtime=lambda_.Runtime.PYTHON_3_14, handler="index.handler",
        code=lambda_.Code.from_inline("x"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("grantee", "role"),
    [
        (lambda stack: iam.Role(stack, "R", assumed_by=ROOT, role_name="named"), "role/named"),
        (lambda stack: iam.Role(stack, "R", assumed_by=ROOT, role_name="named", path="/a/b/"), "role/a/b/named"),
        (lambda stack: iam.Role(stack, "R", assumed_by=ROOT), "role/Acc-R-"),
        (lambda stack: iam.Role(stack, "R", assumed_by=ROOT, role_name=cdk.PhysicalName.GENERATE_IF_NEEDED),
         "role/Acc-R-"),
        (function, "role/Acc-Function-ServiceRole-"),
        (lambda stack: function(stack).role, "role/Acc-Function-ServiceRole-"),
        (lambda stack: iam.Role.from_role_arn(stack, "R", f"arn:aws:iam::{ACCOUNT}:role/a/b"), "role/a/b"),
    ],
    ids=["named", "path", "unnamed", "generated", "function", "function role", "imported"],
)  # fmt: skip
def test_a_grantee_of_another_stack_is_named_by_text(place, grantee, role):
    templates = admit_from(place, grantee)
    arn = admitted_arn(templates)
    assert isinstance(arn, str)
    assert arn.startswith(f"arn:aws:iam::{ACCOUNT}:{role}")
    assert "Fn::ImportValue" not in json.dumps(templates)
    for properties in of_type(templates["Acc"], "AWS::IAM::Role"):
        assert arn.endswith(f"/{properties['RoleName']}")


@pytest.mark.parametrize(
    ("grantee", "message"),
    [
        (lambda stack: iam.Role(stack, "R", assumed_by=ROOT, role_name=cdk.Aws.STACK_NAME), "'Acc/R'.*literal name"),
        (lambda stack: iam.Role(stack, "R", assumed_by=ROOT, role_name="r", path=f"/{cdk.Aws.STACK_NAME}/"),
         "'Acc/R'.*literal path"),
        (lambda stack: iam.Role(stack, "R", assumed_by=ROOT).role_arn, "a literal ARN, or the iam.Role itself"),
        (lambda stack: iam.ArnPrincipal(iam.Role(stack, "R", assumed_by=ROOT).role_arn), "role_name"),
        (lambda stack: iam.Role(stack, "R", assumed_by=ROOT).without_policy_updates(), "the iam.Role itself"),
        (lambda stack: iam.LazyRole(stack, "R", assumed_by=ROOT), "the iam.Role itself"),
    ],
    ids=["token name", "token path", "role_arn", "ArnPrincipal", "immutable", "lazy"],
)  # fmt: skip
def test_a_grantee_that_only_a_reference_could_name_is_refused(place, grantee, message):
    with pytest.raises(InvalidInput, match=rf"(?s)^grantee: got .*{message}"):
        admit_from(place, grantee)


def test_a_plain_role_of_the_same_stack_is_referred_to_and_keeps_its_name(place):
    stack = place.stack("Net")
    role = iam.Role(stack, "R", assumed_by=ROOT)
    endpoint(place, stack).admit(role)
    templates = place.synth()
    assert admitted_arn(templates) == {"Fn::GetAtt": [stack.get_logical_id(role.node.default_child), "Arn"]}
    assert "RoleName" not in of_type(templates["Net"], "AWS::IAM::Role")[0]
    assert not any("role-named" in message for message in place.messages())


def test_a_name_given_for_an_admission_stays_when_another_endpoint_admits(place):
    one, two, acc = place.stack("One"), place.stack("Two"), place.stack("Acc")
    role = iam.Role(acc, "R", assumed_by=ROOT)
    endpoint(place, one).admit(role)
    name = role.node.default_child.role_name
    endpoint(place, two).admit(role)
    assert role.node.default_child.role_name == name


@pytest.mark.parametrize("given", ["construct", "its role"])
def test_a_scoped_role_is_recognised_by_its_role_too(place, given):
    net, acc = place.stack("Net"), place.stack("Acc")
    role = ScopedInvokeRole(acc, "App", assumed_by=ROOT, models=[LITE])
    endpoint(place, net, models=None).admit(role if given == "construct" else role.role)
    assert admitted_arn(place.synth()) == role.role_arn


def test_a_function_that_runs_as_a_scoped_role_is_admitted_as_that(place):
    net, acc = place.stack("Net"), place.stack("Acc")
    role = ScopedInvokeRole(acc, "App", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"), models=[LITE])
    runs = lambda_.Function(
        acc, "F", runtime=lambda_.Runtime.PYTHON_3_14, handler="index.handler", code=lambda_.Code.from_inline("x"),
        role=role.role,
    )  # fmt: skip
    endpoint(place, net, models=None).admit(runs)
    assert "aws:SourceVpce" in json.dumps(role.ceiling_document())


def test_admitting_twice_is_admitting_once(place):
    stack = place.stack("Net")
    created = endpoint(place, stack)
    role = ScopedInvokeRole(stack, "App", assumed_by=ROOT, models=[LITE], endpoints=[created, created])
    created.admit(role)
    created.admit(role.role)
    created.admit(f"arn:aws:iam::{OTHER_ACCOUNT}:role/a")
    created.admit(iam.ArnPrincipal(f"arn:aws:iam::{OTHER_ACCOUNT}:role/a"))
    (properties,) = of_type(place.synth()["Net"], "AWS::EC2::VPCEndpoint")
    assert len(properties["PolicyDocument"]["Statement"]) == 2
    (ceiling,) = of_type(place.synth()["Net"], "AWS::IAM::Policy")
    assert json.dumps(ceiling).count("aws:SourceVpce") == 1


def test_roles_with_equal_needs_share_a_statement(place):
    stack = place.stack("Net")
    created = endpoint(place, stack)
    roles = [
        ScopedInvokeRole(stack, name, assumed_by=ROOT, models=[LITE], endpoints=[created]) for name in ("One", "Two")
    ]
    assert admitted_arn(place.synth()) == [role.role_arn for role in roles]


def test_what_is_made_in_the_role_s_stack_is_a_pattern_at_the_endpoint_and_exact_at_the_role(place):
    net, acc = place.stack("Net"), place.stack("Acc")
    created = endpoint(place, net)
    guardrail = bedrock.CfnGuardrail(acc, "G", name="g", blocked_input_messaging="n", blocked_outputs_messaging="n")
    profile = bedrock.CfnApplicationInferenceProfile(acc, "P", inference_profile_name="p")
    model = Model.application_profile(profile.attr_inference_profile_arn, serves=[LITE])
    ScopedInvokeRole(
        acc, "App", assumed_by=ROOT, models=[model], endpoints=[created], guardrail=guardrail, guardrail_version=1
    )
    templates = place.synth()
    written = json.dumps(of_type(templates["Net"], "AWS::EC2::VPCEndpoint"))
    assert f"arn:aws:bedrock:{REGION}:{ACCOUNT}:guardrail/*" in written
    assert f"arn:aws:bedrock:{REGION}:{ACCOUNT}:application-inference-profile/*" in written
    assert "Fn::ImportValue" not in json.dumps(templates["Net"])
    exact = json.dumps(of_type(templates["Acc"], "AWS::IAM::ManagedPolicy"))
    assert '{"Fn::GetAtt": ["G", "GuardrailArn"]}' in exact
    assert '{"Fn::GetAtt": ["P", "InferenceProfileArn"]}' in exact
    assert "guardrail/*" not in exact


@pytest.mark.parametrize("where", ["role", "endpoint", "both"])
def test_nested_stacks_find_each_other_in_both_directions(place, where):
    parent = place.stack("Parent")
    net = cdk.NestedStack(parent, "Net") if where in {"endpoint", "both"} else parent
    acc = cdk.NestedStack(parent, "Acc") if where in {"role", "both"} else parent
    created = endpoint(place, net)
    role = ScopedInvokeRole(acc, "App", assumed_by=ROOT, models=[LITE], endpoints=[created])
    place.app.synth()
    assert role.role_name in json.dumps(created.policy_document(BedrockService.RUNTIME))
    assert "aws:SourceVpce" in json.dumps(role.ceiling_document())


def test_several_endpoints_of_several_stacks_are_each_enough(place):
    acc = place.stack("Acc")
    made = [endpoint(place, place.stack(name)) for name in ("One", "Two")]
    ScopedInvokeRole(acc, "App", assumed_by=ROOT, models=[LITE], endpoints=[*made, "vpce-0123456789abcdef0"])
    (ceiling,) = of_type(place.synth()["Acc"], "AWS::IAM::Policy")
    (statement,) = [s for s in ceiling["PolicyDocument"]["Statement"] if s["Sid"] == "OffNetwork"]
    ids = statement["Condition"]["StringNotEquals"]["aws:SourceVpce"]
    assert len(ids) == 3
    assert "vpce-0123456789abcdef0" in ids


def test_every_service_of_an_endpoint_is_a_path_of_the_role(place):
    stack = place.stack("Net")
    created = endpoint(place, stack, services=[BedrockService.RUNTIME, BedrockService.MANTLE])
    role = ScopedInvokeRole(stack, "App", assumed_by=ROOT, models=[LITE], endpoints=[created])
    assert role.access.network.endpoint_ids == created.endpoint_ids
    assert len(created.endpoint_ids) == 2


def test_an_endpoint_and_a_vpc_of_the_cdk_are_taken_by_their_ids(place):
    stack = place.stack()
    imported = ec2.InterfaceVpcEndpoint.from_interface_vpc_endpoint_attributes(
        stack, "Imported", vpc_endpoint_id="vpce-0123456789abcdef0", port=443
    )
    role = ScopedInvokeRole(
        stack, "App", assumed_by=ROOT, models=[LITE], endpoints=[imported], vpcs=[place.vpc(stack)],
        source_ips=["203.0.113.0/24", "2001:db8::/32"],
    )  # fmt: skip
    network = role.access.network
    assert network.endpoint_ids == ("vpce-0123456789abcdef0",)
    assert network.vpc_ids == ("vpc-0123456789abcdef0",)
    assert network.source_ips == ("203.0.113.0/24", "2001:db8::/32")


def across(place, net_env, acc_env):
    net = cdk.Stack(place.app, "Net", env=net_env)
    acc = cdk.Stack(place.app, "Acc", env=acc_env)
    return ScopedInvokeRole(acc, "App", assumed_by=ROOT, models=[LITE], endpoints=[endpoint(place, net)])


HERE = cdk.Environment(account=ACCOUNT, region=REGION)


@pytest.mark.parametrize(
    ("net_env", "how"),
    [
        (cdk.Environment(account=OTHER_ACCOUNT, region=REGION), "a role in the endpoint's stack"),
        (cdk.Environment(account=ACCOUNT, region="eu-central-1"), "a custom resource in each stack"),
    ],
    ids=["account", "Region"],
)
def test_what_cdk_adds_between_accounts_and_regions_is_written_down(place, net_env, how):
    role = across(place, net_env, HERE)
    assert admitted_arn(place.synth()) == role.role_arn
    assert any("endpoint-elsewhere" in message and how in message for message in place.messages())


@pytest.mark.parametrize("env", [None, HERE, cdk.Environment(region=REGION)], ids=["none", "both", "Region"])
def test_inside_one_environment_cdk_adds_nothing(place, env):
    across(place, env, env)
    templates = place.synth()
    kinds = {resource["Type"] for template in templates.values() for resource in template["Resources"].values()}
    assert not {kind for kind in kinds if kind.startswith("Custom::")}
    assert not any("endpoint-elsewhere" in message for message in place.messages())


def test_the_account_of_a_role_without_environment_is_the_stack_s_own(place):
    across(place, None, None)
    (properties,) = of_type(place.synth()["Net"], "AWS::EC2::VPCEndpoint")
    (statement,) = properties["PolicyDocument"]["Statement"]
    assert statement["Condition"]["StringEquals"] == {"aws:PrincipalAccount": {"Ref": "AWS::AccountId"}}


def test_an_endpoint_of_another_account_cannot_tie_a_role_from_there(place):
    net = cdk.Stack(place.app, "Net", env=cdk.Environment(account=OTHER_ACCOUNT, region=REGION))
    acc = place.stack("Acc")
    net.node.add_dependency(acc)
    role = ScopedInvokeRole(acc, "App", assumed_by=ROOT, models=[LITE])
    with pytest.raises(InvalidInput, match=r"^endpoints: got 'Net/Bedrock'; .*the role's account.*vpce-"):
        endpoint(place, net).admit(role)


@pytest.mark.parametrize("dependency", ["stack", "construct", "through a third"])
def test_a_declared_dependency_is_seen_however_it_was_declared(place, dependency):
    net, acc, third = place.stack("Net"), place.stack("Acc"), place.stack("Third")
    if dependency == "stack":
        net.add_dependency(acc)
    elif dependency == "construct":
        net.node.add_dependency(cdk.CfnResource(acc, "Anything", type="AWS::SNS::Topic"))
    else:
        net.add_dependency(third)
        third.add_dependency(acc)
    role = ScopedInvokeRole(acc, "App", assumed_by=ROOT, models=[LITE])
    endpoint(place, net).admit(role)
    templates = place.synth()
    assert "Fn::ImportValue" not in json.dumps(templates["Acc"])
    assert len(of_type(templates["Net"], "AWS::IAM::Policy")) == 1
