"""Ways past a review that somebody may try: access by attachment, and conditions that hold nothing."""

from __future__ import annotations

import json

import pytest

from secure_bedrock.review import load, review_estate
from tests.review.rules import ACCOUNT, APP, INVOKE, endpoint, ids, one, policy, review, role, scp

ANY = {"Effect": "Allow", "Action": "bedrock:*", "Resource": "*"}
REFERENCE = {"Name": "models", "Path": "/team/"}
MODELS = {
    "Type": "AWS::IAM::ManagedPolicy",
    "Properties": {"ManagedPolicyName": "models", "Path": "/team/", "PolicyDocument": policy(ANY)},
}


def permission_set(**properties):
    instance = "arn:aws:sso:::instance/ssoins-0123456789abcdef"
    return {"Type": "AWS::SSO::PermissionSet", "Properties": {"Name": "dev", "InstanceArn": instance, **properties}}


@pytest.mark.parametrize(("transform", "is_told"), [("Ours", True), (["AWS::LanguageExtensions", "Ours"], True),
                                                    ("AWS::LanguageExtensions", False)])  # fmt: skip
def test_a_macro_over_the_whole_template_is_told(tmp_path, transform, is_told):
    path = tmp_path / "t.json"
    path.write_text(json.dumps({"Transform": transform, "Resources": {"App": role(INVOKE)}}))
    told = [each for each in load(path, account=ACCOUNT).assumptions if "the macro Ours" in each]
    assert bool(told) is is_told


def test_a_resource_control_policy_is_read_and_leaves_bedrock_alone(tmp_path):
    rails = scp({"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"})
    rails["Properties"]["Type"] = "RESOURCE_CONTROL_POLICY"
    report = review(tmp_path, App=role(INVOKE), Rails=rails)
    assert one(report, "inference-from-anywhere").decision.allowed


def test_a_permission_set_holds_the_policies_that_it_names(tmp_path):
    report = review(tmp_path, Dev=permission_set(CustomerManagedPolicyReferences=[REFERENCE]), Models=MODELS)
    assert one(report, "wildcard-model").resource == "permission set dev"
    assert one(report, "wildcard-model").severity.value == "high"


def test_a_permission_set_without_the_policy_that_it_names_is_told(tmp_path):
    path = tmp_path / "t.json"
    path.write_text(json.dumps({"Resources": {"Dev": permission_set(CustomerManagedPolicyReferences=[REFERENCE])}}))
    assert any("policy/team/models of permission set dev" in each for each in load(path, account=ACCOUNT).assumptions)


@pytest.mark.parametrize("boundary", [{"CustomerManagedPolicyReference": REFERENCE}, {"ManagedPolicyArn": "READ"}])
def test_a_permission_set_is_bound_by_its_boundary(tmp_path, boundary):
    read = "arn:aws:iam::aws:policy/AmazonBedrockReadOnly"
    boundary = {key: read if value == "READ" else value for key, value in boundary.items()}
    small = {**MODELS, "Properties": {**MODELS["Properties"], "PolicyDocument": policy({**ANY, "Action": "s3:*"})}}
    wide = permission_set(InlinePolicy=policy(ANY), PermissionsBoundary=boundary)
    report = review(tmp_path, Dev=wide, Models=small)
    assert "wildcard-model" not in ids(report)
    assert "wildcard-model" in ids(review(tmp_path, Dev=permission_set(InlinePolicy=policy(ANY))))


@pytest.mark.parametrize("name", ["AmazonBedrockMantleFullAccess", "AmazonBedrockMantleInferenceAccess"])
def test_the_managed_policies_of_mantle_grant_inference_and_api_keys(tmp_path, name):
    report = review(tmp_path, App=role(ManagedPolicyArns=[f"arn:aws:iam::aws:policy/{name}"]))
    assert {"wildcard-model", "api-keys-allowed"} <= set(ids(report))


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov", "aws-eusc"])
def test_a_managed_policy_holds_the_partition_of_its_account(tmp_path, partition):
    region = {"aws": "eu-west-1", "aws-us-gov": "us-gov-west-1", "aws-eusc": "eusc-de-east-1"}[partition]
    app = role(ManagedPolicyArns=[f"arn:{partition}:iam::aws:policy/AmazonBedrockMantleInferenceAccess"])
    path = tmp_path / "template.json"
    path.write_text(json.dumps({"Resources": {"App": app}}))
    report = review_estate(load(path, account=ACCOUNT, region=region))
    assert any(model.startswith("project/") for row in report.access for model in row.models)


def test_a_managed_policy_that_is_not_known_is_told(tmp_path):
    path = tmp_path / "t.json"
    resources = {"App": role(ManagedPolicyArns=["arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"])}
    path.write_text(json.dumps({"Resources": resources}))
    loaded = load(path, account=ACCOUNT)
    assert any("AmazonSageMakerFullAccess grants is not known here" in each for each in loaded.assumptions)
    assert ids(review_estate(loaded)) == []


PIECES = {
    "a loop": {"Fn::ForEach::Roles": ["Name", ["A", "B"], {"R${Name}": role(ANY)}]},
    "SAM": {"Function": {"Type": "AWS::Serverless::Function", "Properties": {"Policies": [{"Statement": [ANY]}]}}},
    "a stack set": {"Set": {"Type": "AWS::CloudFormation::StackSet", "Properties": {"TemplateBody": "{}"}}},
    "a macro": {"App": {"Type": "AWS::IAM::Role", "Properties": {"Fn::Transform": {"Name": "AWS::Include"}}}},
}


@pytest.mark.parametrize("name", PIECES)
def test_what_the_template_does_not_show_is_told(tmp_path, name):
    path = tmp_path / "t.json"
    path.write_text(json.dumps({"Resources": PIECES[name] | {"Bucket": {"Type": "AWS::S3::Bucket"}}}))
    assert len([each for each in load(path, account=ACCOUNT).assumptions if "makes is not seen" in each]) == 1
    path.write_text(json.dumps({"Resources": {"App": role(INVOKE)}}))
    assert not [each for each in load(path, account=ACCOUNT).assumptions if "makes is not seen" in each]


HTTPS = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
LIST = {"PrefixListName": "all", "MaxEntries": 2, "AddressFamily": "IPv4"}


def group(*rules):
    properties = {"GroupDescription": "clients", "VpcId": "vpc-0123456789abcdef0", "SecurityGroupIngress": list(rules)}
    return {"Type": "AWS::EC2::SecurityGroup", "Properties": properties}


def guarded_by(group_id, **resources):
    admits = policy({**INVOKE, "Principal": {"AWS": APP}})
    return {"Runtime": endpoint(admits, SecurityGroupIds=[group_id]), "App": role(INVOKE), **resources}


def by_list(cidr):
    return guarded_by(
        {"Ref": "Group"}, Group=group({**HTTPS, "SourcePrefixListId": {"Fn::GetAtt": ["List", "PrefixListId"]}}),
        List={
            "Type": "AWS::EC2::PrefixList",
            "Properties": {**LIST, "Entries": [{"Cidr": "10.0.0.0/8"}, {"Cidr": cidr}]},
        },
    )  # fmt: skip


def by_rule(group_id, cidr="0.0.0.0/0"):
    rule = {"Type": "AWS::EC2::SecurityGroupIngress", "Properties": {**HTTPS, "GroupId": group_id, "CidrIp": cidr}}
    return guarded_by("sg-0123456789abcdef0", Open=rule)


@pytest.mark.parametrize(("resources", "is_open"), [
    (by_list("0.0.0.0/0"), True),
    (by_list("10.1.0.0/16"), False),
    (by_rule("sg-0123456789abcdef0"), True),
    (by_rule("sg-0123456789abcdef0", "10.0.0.0/16"), False),
    (by_rule("sg-00000000000000000"), False),
    (guarded_by({"Ref": "Group"}, Group=group({**HTTPS, "IpProtocol": "TCP", "CidrIp": "0.0.0.0/0"})), True),
])  # fmt: skip
def test_a_group_is_opened_by_a_prefix_list_and_from_afar(tmp_path, resources, is_open):
    assert ("endpoint-open-group" in ids(review(tmp_path, **resources))) is is_open


GUARDRAIL = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:guardrail/abcdefgh1234:1"
DENY = {"Effect": "Deny", "Principal": "*", "Action": "bedrock:InvokeModel*", "Resource": "*"}
ADMITS = {**INVOKE, "Principal": {"AWS": APP}}


@pytest.mark.parametrize(("statements", "rule_id"), [
    ([{**ADMITS, "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}}], "mfa-ineffective"),
    ([{**ADMITS, "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}], None),
    ([ADMITS, {**DENY, "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}}], "mfa-ineffective"),
    ([ADMITS, {**DENY, "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}}], None),
    ([{**ADMITS, "Condition": {"StringLikeIfExists": {"bedrock:GuardrailIdentifier": GUARDRAIL}}}],
     "guardrail-ineffective"),
    ([{**ADMITS, "Condition": {"StringEquals": {"bedrock:GuardrailIdentifier": GUARDRAIL}}}], None),
    ([ADMITS, {**DENY, "Condition": {"StringNotEquals": {"bedrock:GuardrailIdentifier": GUARDRAIL}}}], None),
])  # fmt: skip
def test_a_condition_of_an_endpoint_holds_what_it_says(tmp_path, statements, rule_id):
    report = review(tmp_path, App=role(INVOKE), Runtime=endpoint(policy(*statements)))
    found = ids(report, "inference-from-anywhere", "inference-without-guardrail")
    assert found == ([rule_id] if rule_id else [])
    assert report.undecided == ()
    if rule_id:
        assert one(report, rule_id).source.logical_id == "Runtime"
        assert "through vpce-" in str(one(report, rule_id).witness)


PROFILES = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:application-inference-profile/*"
BY_PROFILE = {**INVOKE, "Resource": PROFILES, "Condition": {"StringEquals": {"aws:ResourceTag/team": "blue"}}}
BY_ROLE = {**INVOKE, "Condition": {"StringEquals": {"aws:PrincipalTag/team": "blue"}}}
TAGS_PROFILES = {"Effect": "Allow", "Action": "bedrock:TagResource", "Resource": PROFILES}
TAGS_ITSELF = {"Effect": "Allow", "Action": "iam:TagRole", "Resource": APP}
UNLESS = {"Effect": "Deny", "Action": "bedrock:*", "Resource": "*", "Condition": {
    "StringNotEquals": {"aws:PrincipalTag/team": "blue"}}}  # fmt: skip


@pytest.mark.parametrize(("statements", "action"), [
    ([BY_PROFILE, TAGS_PROFILES], "bedrock:TagResource"),
    ([BY_PROFILE], None),
    ([BY_PROFILE, {**TAGS_PROFILES, "Condition": {"StringEquals": {"aws:ResourceTag/team": "blue"}}}], None),
    ([BY_ROLE, TAGS_ITSELF], "iam:TagRole"),
    ([INVOKE, UNLESS, TAGS_ITSELF], "iam:TagRole"),
    ([INVOKE, TAGS_ITSELF], None),
    ([BY_ROLE, {**TAGS_ITSELF, "Resource": f"{APP}-2"}], None),
    ([BY_ROLE, {**TAGS_ITSELF, "Condition": {"Null": {"aws:RequestTag/team": "true"}}}], None),
    ([BY_ROLE, TAGS_ITSELF, {**TAGS_ITSELF, "Effect": "Deny", "Condition": {
        "ForAnyValue:StringEquals": {"aws:TagKeys": "team"}}}], None),
])  # fmt: skip
def test_a_tag_that_opens_the_door_and_that_the_principal_sets_is_found(tmp_path, statements, action):
    report = review(tmp_path, App=role(*statements))
    assert report.undecided == ()
    assert ("tag-of-the-caller" in ids(report)) is (action is not None)
    if action:
        assert one(report, "tag-of-the-caller").decision.request.action == action


@pytest.mark.parametrize(
    ("service", "is_found"), [("bedrock.amazonaws.com", True), ("codecommit.amazonaws.com", False)]
)
def test_making_api_keys_is_found(tmp_path, service, is_found):
    makes = {"Effect": "Allow", "Action": "iam:Create*", "Resource": "*", "Condition": {
        "StringEquals": {"iam:ServiceSpecificCredentialServiceName": service}}}  # fmt: skip
    report = review(tmp_path, App=role(makes))
    assert ids(report) == (["api-keys-allowed"] if is_found else [])


SELF = {"Effect": "Allow", "Action": "iam:PutRolePolicy", "Resource": "*"}
ATTACH = {**SELF, "Action": "iam:AttachRolePolicy"}
ONE_POLICY = "arn:aws:iam::aws:policy/AmazonBedrockReadOnly"


@pytest.mark.parametrize(("resources", "action"), [
    ({"App": role(SELF)}, "iam:PutRolePolicy"),
    ({"App": role(ATTACH)}, "iam:AttachRolePolicy"),
    ({"App": role({**SELF, "Action": "iam:CreatePolicyVersion"}, ManagedPolicyArns=[{"Ref": "Models"}]),
      "Models": {**MODELS, "Properties": {**MODELS["Properties"], "PolicyDocument": policy(INVOKE)}}},
     "iam:CreatePolicyVersion"),
    ({"App": role({**SELF, "Resource": f"{APP}-2"})}, None),
    ({"App": role({**SELF, "Action": "iam:CreatePolicyVersion"})}, None),
    ({"App": role({**ATTACH, "Condition": {"ArnEquals": {"iam:PolicyARN": ONE_POLICY}}})}, None),
    ({"App": role({**SELF, "Condition": {"StringEquals": {"iam:PermissionsBoundary": ONE_POLICY}}})}, None),
    ({"App": role(SELF, PermissionsBoundary="arn:aws:iam::aws:policy/IAMFullAccess")}, None),
    ({"App": role(SELF), "Rails": scp({**SELF, "Effect": "Deny"})}, None),
    ({"App": role({**SELF, "Action": "*"})}, None),
])  # fmt: skip
def test_a_principal_that_can_give_itself_models_is_found(tmp_path, resources, action):
    report = review(tmp_path, **resources)
    assert report.undecided == ()
    assert ("models-by-own-policy" in ids(report)) is (action is not None)
    if action:
        assert one(report, "models-by-own-policy").decision.request.action == action


def selector(*fields):
    rows = [
        {"Field": field, **operators} for field, operators in (("eventCategory", {"Equals": ["Management"]}), *fields)
    ]
    return {"FieldSelectors": rows}


@pytest.mark.parametrize(("fields", "is_found"), [
    ([], False),
    ([("eventSource", {"NotStartsWith": ["bedrock"]})], True),
    ([("eventSource", {"NotEquals": ["kms.amazonaws.com"]})], False),
    ([("eventSource", {"NotEquals": [each]}) for each in ("bedrock.amazonaws.com", "kms.amazonaws.com")], True),
    ([("eventSource", {"StartsWith": ["s3", "bedrock"]})], False),
    ([("eventName", {"NotEquals": ["Converse"]})], True),
    ([("eventName", {"NotEndsWith": ["Bucket"]})], False),
    ([("readOnly", {"Equals": ["false"]})], True),
])  # fmt: skip
def test_a_selector_that_leaves_calls_of_models_out_is_found(tmp_path, fields, is_found):
    properties = {
        "IsLogging": True,
        "S3BucketName": "records",
        "EnableLogFileValidation": True,
        "IsMultiRegionTrail": True,
    }
    trail = {
        "Type": "AWS::CloudTrail::Trail",
        "Properties": {**properties, "AdvancedEventSelectors": [selector(*fields)]},
    }
    assert ids(review(tmp_path, Trail=trail)) == (["trail-misses-bedrock"] if is_found else [])


@pytest.mark.parametrize("statements", [
    [{**INVOKE, "Condition": {"StringLike": {"bedrock:GuardrailIdentifier": "*"}}}],
    [INVOKE, {**INVOKE, "Effect": "Deny", "Condition": {"StringNotLike": {"bedrock:GuardrailIdentifier": "*"}}}],
])  # fmt: skip
def test_a_star_names_no_guardrail(tmp_path, statements):
    report = review(tmp_path, App=role(*statements))
    assert report.undecided == ()
    assert "bedrock:GuardrailIdentifier" in str(one(report, "guardrail-ineffective").witness)
