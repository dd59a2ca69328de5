"""From a path to estates: assemblies, files, folders, conditions, broken and hostile input."""

from __future__ import annotations

import json
import re

import pytest

from secure_bedrock.errors import InvalidInput
from secure_bedrock.review import load
from secure_bedrock.review import reading as limits

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}],
}


def document(action="bedrock:InvokeModel", resource="*"):
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]}


def role(**properties):
    return {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST, **properties}}


def written(folder, name="App.template.json", text=None, **resources):
    path = folder / name
    path.write_text(json.dumps({"Resources": resources}, indent=1) if text is None else text)
    return path


def estate(path, **given):
    (reading,) = load(path, account="111122223333", region="eu-west-1", **given).readings
    assert reading.problems == ()
    return reading.estate


def actions(principal):
    return sorted(action for policy in principal.identity for each in policy.statements for action in each.actions)


def test_every_way_to_attach_a_policy_counts(tmp_path):
    path = written(
        tmp_path,
        App=role(
            Policies=[{"PolicyName": "inline", "PolicyDocument": document("bedrock:InvokeModel")}],
            ManagedPolicyArns=[{"Ref": "Managed"}, "arn:aws:iam::aws:policy/AmazonBedrockReadOnly"],
            PermissionsBoundary={"Ref": "Boundary"},
            Tags=[{"Key": "team", "Value": "a"}],
        ),
        Managed={"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document("bedrock:CountTokens")}},
        Attached={
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"PolicyDocument": document("bedrock:ApplyGuardrail"), "Roles": [{"Ref": "App"}]},
        },
        Policy={
            "Type": "AWS::IAM::Policy",
            "Properties": {"PolicyName": "p", "PolicyDocument": document("s3:GetObject"), "Roles": [{"Ref": "App"}]},
        },
        RolePolicy={
            "Type": "AWS::IAM::RolePolicy",
            "Properties": {"PolicyName": "q", "PolicyDocument": document("s3:PutObject"), "RoleName": {"Ref": "App"}},
        },
        Boundary={"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document("*")}},
    )
    (app,) = estate(path).principals.values()
    assert app.arn == "arn:aws:iam::111122223333:role/App-App"
    assert actions(app) == sorted([
        "bedrock:InvokeModel", "bedrock:CountTokens", "bedrock:ApplyGuardrail", "s3:GetObject", "s3:PutObject",
        "bedrock:Get*", "bedrock:List*",
    ])  # fmt: skip
    assert app.boundary is not None
    assert app.tags == (("team", "a"),)
    assert app.trust is not None


def test_users_hold_their_groups_policies_and_keys_are_known(tmp_path):
    path = written(
        tmp_path,
        Ann={"Type": "AWS::IAM::User", "Properties": {"UserName": "ann", "Groups": [{"Ref": "Team"}]}},
        Ben={"Type": "AWS::IAM::User", "Properties": {"UserName": "ben"}},
        Team={
            "Type": "AWS::IAM::Group",
            "Properties": {"Policies": [{"PolicyName": "p", "PolicyDocument": document()}]},
        },
        Joined={
            "Type": "AWS::IAM::UserToGroupAddition",
            "Properties": {"GroupName": {"Ref": "Team"}, "Users": [{"Ref": "Ben"}]},
        },
        Key={"Type": "AWS::IAM::AccessKey", "Properties": {"UserName": {"Ref": "Ben"}}},
    )
    (reading,) = load(path).readings
    people = reading.estate.principals
    assert {name: actions(principal) for name, principal in people.items()} == {
        "App/Ann": ["bedrock:InvokeModel"],
        "App/Ben": ["bedrock:InvokeModel"],
    }
    keys = {holder.name: holder.has_keys for holder in reading.parts.holders.values() if ":user/" in holder.arn}
    assert keys == {"App/Ann": False, "App/Ben": True}


def test_an_endpoint_without_a_policy_has_none_and_one_with_text_is_read(tmp_path):
    def endpoint(**more):
        service = {"Fn::Sub": "com.amazonaws.${AWS::Region}.bedrock-runtime"}
        return {"Type": "AWS::EC2::VPCEndpoint", "Properties": {"ServiceName": service, "VpcId": "vpc-1", **more}}

    policy = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}
    found = estate(written(tmp_path, Open=endpoint(), Closed=endpoint(PolicyDocument=json.dumps(policy)))).endpoints
    assert {each.service for each in found.values()} == {"bedrock-runtime"}
    assert sorted(each.policy is None for each in found.values()) == [False, True]


@pytest.mark.parametrize(
    ("targets", "levels"),
    [(["r-ab12"], 1), (["ou-ab12-12345678"], 1), (["111122223333"], 1), (["r-ab12", "111122223333"], 2), ([], 0)],
)
def test_control_policies_count_where_they_are_attached(tmp_path, targets, levels):
    denial = {"Statement": [{"Effect": "Deny", "Action": "bedrock:*", "Resource": "*"}]}
    path = written(
        tmp_path,
        App=role(),
        Scp={
            "Type": "AWS::Organizations::Policy",
            "Properties": {
                "Name": "rails",
                "Type": "SERVICE_CONTROL_POLICY",
                "Content": denial,
                "TargetIds": targets,
            },
        },
    )
    scps = estate(path).accounts["111122223333"].scps
    assert len(scps) == levels
    assert all(level[0].name == "FullAWSAccess" for level in scps)


def test_the_account_of_the_organisations_policies_is_not_one_that_they_bind(tmp_path):
    """Unless it holds somebody: then he is asked about, and no control policy reaches him."""
    rails = {"Name": "rails", "Type": "SERVICE_CONTROL_POLICY", "Content": document(), "TargetIds": ["r-ab12"]}
    scp = {"Type": "AWS::Organizations::Policy", "Properties": rails}

    def stack(name, account):
        place = {"environment": f"aws://{account}/eu-west-1", "properties": {"templateFile": f"{name}.template.json"}}
        return {"type": "aws:cloudformation:stack", **place}

    artifacts = {"App": stack("App", "111122223333"), "Rails": stack("Rails", "999988887777")}
    (tmp_path / "manifest.json").write_text(json.dumps({"version": "36.0.0", "artifacts": artifacts}))
    written(tmp_path, "App.template.json", Role=role())
    for resources, accounts in (({"Scp": scp}, 1), ({"Scp": scp, "Role": role()}, 2)):
        written(tmp_path, "Rails.template.json", **resources)
        loaded = load(tmp_path)
        (reading,) = loaded.readings
        assert reading.estate.management_account == "999988887777"
        assert len(reading.estate.own_accounts) == accounts
        (note,) = [line for line in loaded.assumptions if "management account" in line]
        assert ("nobody there is asked about" in note) is (accounts == 1)


def test_an_assembly_is_read_with_its_nested_assemblies_stacks_and_environments(tmp_path):
    nested = {"Type": "AWS::CloudFormation::Stack", "Metadata": {"aws:asset:path": "inner.json"}, "Properties": {}}
    stage = tmp_path / "assembly-Prod"
    stage.mkdir()
    written(stage, "Prod.template.json", Outer=nested)
    written(stage, "inner.json", App=role())
    written(tmp_path, "Dev.template.json", App=role())

    def stack(file, environment):
        properties = {"templateFile": file, "stackName": "app"}
        return {"type": "aws:cloudformation:stack", "environment": environment, "properties": properties}

    dev = {"Dev": stack("Dev.template.json", "aws://111122223333/eu-west-1")}
    prod = {"Prod": {**stack("Prod.template.json", "aws://444455556666/us-east-1"), "displayName": "Prod/App"}}
    inner = {"assembly-Prod": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Prod"}}}
    (tmp_path / "manifest.json").write_text(json.dumps({"artifacts": {**dev, **inner}}))
    (stage / "manifest.json").write_text(json.dumps({"artifacts": prod}))
    loaded = load(tmp_path)
    assert [template.name for template in loaded.templates] == ["Dev", "Prod/App", "Prod/App/Outer"]
    assert {each.arn.split(":")[4] for each in loaded.readings[0].estate.principals.values()} == {
        "111122223333", "444455556666",
    }  # fmt: skip


def test_a_file_name_that_leads_out_of_the_assembly_is_refused(tmp_path):
    written(tmp_path, "outside.json", App=role())
    inside = tmp_path / "cdk.out"
    inside.mkdir()
    row = {"type": "aws:cloudformation:stack", "properties": {"templateFile": "../outside.json"}}
    (inside / "manifest.json").write_text(json.dumps({"artifacts": {"A": row}}))
    with pytest.raises(InvalidInput, match=re.escape("'../outside.json'; allowed are files inside it")):
        load(inside)


YAML = """\
Resources:
  # the role
  App:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement:
        - Effect: Allow
          Action: sts:AssumeRole
          Principal: {AWS: !Sub "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}
      Policies:
      - PolicyName: p
        PolicyDocument:
          Version: 2012-10-17
          Statement:
            Effect: Allow
            Action: [bedrock:InvokeModel]
            Resource: !Join ["", ["arn:aws:bedrock:", !Ref AWS::Region, "::foundation-model/x"]]
"""


def test_yaml_with_short_forms_says_the_same_and_dates_are_text(tmp_path):
    path = written(tmp_path, "App.yaml", text=YAML)
    (app,) = estate(path).principals.values()
    (statement,) = app.identity[0].statements
    assert statement.resources == ("arn:aws:bedrock:eu-west-1::foundation-model/x",)
    assert app.identity[0].version == "2012-10-17"
    assert load(path).templates[0].source("App").line == 3


@pytest.mark.parametrize("indent", [None, 1, 4])
def test_a_resource_s_line_is_found_in_json(tmp_path, indent):
    body = {"Parameters": {"App": {"Type": "String", "Default": "x"}}, "Resources": {"Other": role(), "App": role()}}
    text = json.dumps(body, indent=indent)
    path = written(tmp_path, text=text)
    line = load(path).templates[0].source("App").line
    start = text.index('"Resources"')
    assert line == text.count("\n", 0, text.index('"App": {', start)) + 1


CONDITIONAL = {
    "Parameters": {"Stage": {"Type": "String", "Default": "dev"}, "Other": {"Type": "String", "Default": "x"}},
    "Conditions": {
        "IsProd": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]},
        "Unused": {"Fn::Equals": [{"Ref": "Other"}, "x"]},
    },
    "Resources": {
        "App": role(Policies=[{
            "PolicyName": "p",
            "PolicyDocument": document({"Fn::If": ["IsProd", "bedrock:*", "bedrock:InvokeModel"]}),
        }]),
        "Extra": {**role(), "Condition": "IsProd"},
    },
}  # fmt: skip


def test_each_outcome_of_a_condition_that_matters_is_read_and_no_other(tmp_path):
    path = written(tmp_path, text=json.dumps(CONDITIONAL))
    found = {reading.when: reading.estate.principals for reading in load(path).readings}
    assert {when: sorted(people) for when, people in found.items()} == {
        "Stage of App is 'dev'": ["App/App"],
        "Stage of App is 'prod'": ["App/App", "App/Extra"],
    }
    assert actions(found["Stage of App is 'prod'"]["App/App"]) == ["bedrock:*"]


def test_a_parameter_that_is_given_is_not_varied(tmp_path):
    path = written(tmp_path, text=json.dumps(CONDITIONAL))
    (reading,) = load(path, parameters={"Stage": "prod"}).readings
    assert reading.when == ""
    assert sorted(reading.estate.principals) == ["App/App", "App/Extra"]


def test_too_many_combinations_are_said_not_hidden(tmp_path):
    names = [f"P{index}" for index in range(12)]
    body = {
        "Parameters": {name: {"Type": "String", "AllowedValues": ["a", "b"]} for name in names},
        "Conditions": {name: {"Fn::Equals": [{"Ref": name}, "a"]} for name in names},
        "Resources": {f"Role{name}": {**role(), "Condition": name} for name in names},
    }
    loaded = load(written(tmp_path, text=json.dumps(body)))
    assert len(loaded.readings) == 32
    assert "not every combination" in loaded.left_out


def test_a_policy_iam_would_refuse_is_a_problem_with_its_place(tmp_path):
    bad = {
        "Statement": [{"Effect": "Allow", "Action": "bedrock:*", "Resource": "*", "Condition": {"Nope": {"a": "b"}}}]
    }
    path = written(tmp_path, App=role(Policies=[{"PolicyName": "p", "PolicyDocument": bad}]))
    (reading,) = load(path).readings
    (problem,) = reading.problems
    assert "Nope" in problem.message
    assert problem.source.logical_id == "App"
    assert reading.estate.principals["App/App"].identity == ()


BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.json", b"{", "not JSON"),
        ("x.yaml", b"a: [b", "x.yaml:2: not YAML"),
        ("x.yaml", b"!!python/object/apply:os.system ['true']", "not YAML|no CloudFormation template"),
        ("x.json", b'{"Resources": []}', "it has no Resources"),
        ("x.json", b"[1]", "it has no Resources"),
        ("x.json", b"\xff\xfe{}", "not UTF-8"),
        ("x.json", b'{"Resources": ' + b"[" * 100_000, "nested more deeply|not JSON"),
        ("x.json", b'{"Resources": {"A": ' + b"[" * 500 + b"]" * 500 + b"}}", "nested more deeply"),
        ("x.yaml", b"Resources:\n  A: " + b"[" * 5_000, "nested more deeply|not YAML"),
        ("bomb.yaml", f"{BOMB}Resources: {{A: *i}}".encode(), "more than"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_hostile_files_are_refused_with_their_name(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=message) as error:
        load(path)
    assert name in str(error.value)


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "LARGEST_FILE", 10)
    with pytest.raises(InvalidInput, match="more than the 10 bytes"):
        load(written(tmp_path, App=role()))


def test_nothing_at_a_path_and_no_template_in_a_folder_are_said(tmp_path):
    with pytest.raises(InvalidInput, match="no such file"):
        load(tmp_path / "nowhere")
    (tmp_path / "notes.json").write_text("{}")
    with pytest.raises(InvalidInput, match="no CloudFormation template"):
        load(tmp_path)
