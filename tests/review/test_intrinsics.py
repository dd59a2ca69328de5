"""CloudFormation's functions, each as its page describes it, and what cannot be known."""

from __future__ import annotations

import pytest

from secure_bedrock.errors import InvalidInput
from secure_bedrock.review.intrinsics import UNKNOWN_ACCOUNT, Resolver
from secure_bedrock.review.template import Template

ACCOUNT, REGION = "111122223333", "eu-west-1"
ROLE = {"Type": "AWS::IAM::Role", "Properties": {"Path": "/team/", "RoleName": "app"}}
GUARDRAIL = {"Type": "AWS::Bedrock::Guardrail", "Properties": {}}


def stack(name="App", *, account=ACCOUNT, region=REGION, parent=None, resources=None, **sections):
    body = {"Resources": {"Role": ROLE, "Guardrail": GUARDRAIL, **(resources or {})}, **sections}
    return Template(
        name=name, stack_name=name, body=body, file=f"{name}.json", account=account, region=region, parent=parent
    )


def resolved(value, *, given=None, **sections):
    return resolver(stack(**sections), given=given).value("App", value)


def resolver(*stacks, given=None):
    return Resolver({each.name: each for each in stacks}, {("App", name): text for name, text in (given or {}).items()})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "AWS::AccountId"}, ACCOUNT),
        ({"Ref": "AWS::Region"}, REGION),
        ({"Ref": "AWS::Partition"}, "aws"),
        ({"Ref": "AWS::StackName"}, "App"),
        ({"Ref": "Role"}, "app"),
        ({"Fn::GetAtt": ["Role", "Arn"]}, f"arn:aws:iam::{ACCOUNT}:role/team/app"),
        ({"Fn::GetAtt": "Role.Arn"}, f"arn:aws:iam::{ACCOUNT}:role/team/app"),
        ({"Fn::Join": ["-", ["a", {"Ref": "AWS::Region"}]]}, "a-eu-west-1"),
        ({"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/x"}, f"arn:aws:iam::{ACCOUNT}:role/x"),
        ({"Fn::Sub": "${Role.Arn}"}, f"arn:aws:iam::{ACCOUNT}:role/team/app"),
        ({"Fn::Sub": ["${x}/${AWS::Region}", {"x": {"Ref": "Role"}}]}, "app/eu-west-1"),
        ({"Fn::Sub": "${!aws:PrincipalTag/team}"}, "${aws:PrincipalTag/team}"),
        ({"Fn::Select": [1, ["a", "b"]]}, "b"),
        ({"Fn::Select": ["0", {"Fn::Split": ["|", "a|b"]}]}, "a"),
        ({"Fn::FindInMap": ["Map", {"Ref": "AWS::Region"}, "model"]}, "nova"),
        ({"Fn::FindInMap": ["Map", "nowhere", "model", {"DefaultValue": "none"}]}, "none"),
        ({"Fn::Length": ["a", "b"]}, 2),
        ({"Fn::ToJsonString": {"a": {"Ref": "Role"}}}, '{"a": "app"}'),
        ({"Fn::If": ["Always", "yes", "no"]}, "yes"),
        (["a", {"Ref": "AWS::NoValue"}], ["a"]),
        ({"a": {"Ref": "AWS::NoValue"}, "b": 1}, {"b": 1}),
    ],
    ids=str,
)
def test_each_function_gives_what_its_page_says(value, expected):
    sections = {
        "Mappings": {"Map": {REGION: {"model": "nova"}}},
        "Conditions": {"Always": {"Fn::Equals": ["a", "a"]}},
    }
    assert resolved(value, **sections) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ({"Fn::Equals": [{"Ref": "Stage"}, "prod"]}, True),
        ({"Fn::Not": [{"Fn::Equals": [{"Ref": "Stage"}, "prod"]}]}, False),
        ({"Fn::And": [{"Condition": "Yes"}, {"Condition": "No"}]}, False),
        ({"Fn::Or": [{"Condition": "Yes"}, {"Condition": "No"}]}, True),
    ],
    ids=str,
)
def test_conditions_hold_or_do_not(expression, expected):
    conditions = {"Yes": {"Fn::Equals": ["a", "a"]}, "No": {"Fn::Equals": ["a", "b"]}, "Asked": expression}
    made = stack(Parameters={"Stage": {"Type": "String", "Default": "prod"}}, Conditions=conditions)
    assert resolver(made).condition("App", "Asked") is expected


def test_two_resources_never_share_an_id_and_one_has_the_same_id_everywhere():
    made = stack(resources={"Other": GUARDRAIL})
    once, again = resolver(made), resolver(made)
    first, second = ({"Fn::GetAtt": [name, "GuardrailArn"]} for name in ("Guardrail", "Other"))
    assert once.value("App", first) == again.value("App", first) == once.physical_id("App", "Guardrail")
    assert once.value("App", first) != once.value("App", second)
    assert once.value("App", first).startswith(f"arn:aws:bedrock:{REGION}:{ACCOUNT}:guardrail/")


def test_values_across_stacks_are_those_of_the_stack_that_exports_them():
    home = stack("Home", region="eu-central-1", Outputs={"Arn": {"Value": {"Fn::GetAtt": ["Role", "Arn"]}}})
    same = stack(
        "Same", Outputs={"Out": {"Value": {"Ref": "Role"}, "Export": {"Name": {"Fn::Sub": "x-${AWS::Region}"}}}}
    )
    made = resolver(stack(), home, same)
    assert made.value("App", {"Fn::ImportValue": f"x-{REGION}"}) == "app"
    weak = {"Fn::GetStackOutput": {"StackName": "Home", "OutputName": "Arn", "Region": "eu-central-1"}}
    assert made.value("App", weak) == f"arn:aws:iam::{ACCOUNT}:role/team/app"
    assert not made.notes


def test_an_export_of_another_region_is_not_imported():
    home = stack("Home", region="eu-central-1", Outputs={"O": {"Value": "there", "Export": {"Name": "x"}}})
    made = resolver(stack(), home)
    assert made.value("App", {"Fn::ImportValue": "x"}) != "there"
    assert "export 'x' is not in the input" in next(iter(made.notes))


def test_a_nested_stack_takes_its_parameters_from_its_parent_and_gives_its_outputs():
    outer = stack(resources={"Inner": {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {"Parameters": {"Name": {"Fn::GetAtt": ["Role", "Arn"]}}},
    }})  # fmt: skip
    inner = stack(
        "App/Inner",
        parent=("App", "Inner"),
        Parameters={"Name": {"Type": "String"}},
        Outputs={"Back": {"Value": {"Fn::Join": ["", ["<", {"Ref": "Name"}, ">"]]}}},
    )
    made = resolver(outer, inner)
    assert made.value("App", {"Fn::GetAtt": ["Inner", "Outputs.Back"]}) == f"<arn:aws:iam::{ACCOUNT}:role/team/app>"


@pytest.mark.parametrize(
    ("name", "kind", "shape"),
    [
        ("EndpointId", "String", "unknown-"),
        ("VpcEndpointId", "String", "vpce-"),
        ("Vpc", "AWS::EC2::VPC::Id", "vpc-"),
        ("OrganizationId", "String", "o-"),
        ("Anything", "AWS::SSM::Parameter::Value<String>", "unknown-"),
    ],
)
def test_a_parameter_without_a_value_equals_nothing_else_and_is_noted(name, kind, shape):
    made = resolver(stack(Parameters={name: {"Type": kind}, "Second": {"Type": kind}}))
    value = made.value("App", {"Ref": name})
    assert value.startswith(shape)
    assert value != made.value("App", {"Ref": "Second"})
    assert f"parameter {name} of stack App" in next(iter(made.notes))


def test_an_account_parameter_without_a_value_is_an_account_of_its_own():
    made = resolver(stack(Parameters={"TrustedAccount": {"Type": "String"}}))
    value = made.value("App", {"Ref": "TrustedAccount"})
    assert value.isdigit()
    assert len(value) == 12
    assert value not in {ACCOUNT, UNKNOWN_ACCOUNT}


def test_what_is_given_comes_before_a_default_and_a_default_is_noted():
    parameters = {"Stage": {"Type": "String", "Default": "dev"}}
    assert resolved({"Ref": "Stage"}, given={"Stage": "prod"}, Parameters=parameters) == "prod"
    made = resolver(stack(Parameters=parameters))
    assert made.value("App", {"Ref": "Stage"}) == "dev"
    assert list(made.notes) == ["parameter Stage of stack App is its default, 'dev'"]


def test_secrets_and_ssm_references_are_values_of_their_own():
    made = resolver(stack())
    value = made.value("App", "arn:aws:iam::111122223333:role/{{resolve:ssm:/role/name}}")
    assert "{{" not in value
    assert "read at deployment" in next(iter(made.notes))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"Ref": "Nothing"}, "neither a resource nor a parameter"),
        ({"Fn::GetAtt": ["Nothing", "Arn"]}, "no resource of this template"),
        ({"Fn::Join": "x"}, "Fn::Join got"),
        ({"Fn::Select": [0]}, "Fn::Select got"),
        ({"Fn::If": ["Nothing", 1, 2]}, "condition 'Nothing' is not declared"),
        ({"Ref": "Circle"}, "leads back to itself"),
    ],
    ids=str,
)
def test_what_leads_nowhere_is_an_error_that_names_it(value, message):
    circle = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": {"Ref": "Circle"}}}
    with pytest.raises(InvalidInput, match=message):
        resolved(value, resources={"Circle": circle})


def test_a_function_nobody_knows_is_a_value_of_its_own_and_noted():
    made = resolver(stack())
    assert made.value("App", {"Fn::Transform": {"Name": "x"}}).startswith("unknown-")
    assert "Fn::Transform of stack App is not evaluated" in next(iter(made.notes))
