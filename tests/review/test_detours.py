"""Ways past a review that somebody may try: access by attachment, and conditions that hold nothing."""

from __future__ import annotations

import json

import pytest

from secure_bedrock.review import load, review_estate
from tests.review.rules import ACCOUNT, INVOKE, ids, one, policy, review, role, scp

ANY = {"Effect": "Allow", "Action": "bedrock:*", "Resource": "*"}
REFERENCE = {"Name": "models", "Path": "/team/"}
MODELS = {
    "Type": "AWS::IAM::ManagedPolicy",
    "Properties": {"ManagedPolicyName": "models", "Path": "/team/", "PolicyDocument": policy(ANY)},
}


def permission_set(**properties):
    instance = "arn:aws:sso:::instance/ssoins-0123456789abcdef"
    return {"Type": "AWS::SSO::PermissionSet", "Properties": {"Name": "dev", "InstanceArn": instance, **properties}}


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


def test_a_managed_policy_that_is_not_known_is_told(tmp_path):
    path = tmp_path / "t.json"
    resources = {"App": role(ManagedPolicyArns=["arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"])}
    path.write_text(json.dumps({"Resources": resources}))
    loaded = load(path, account=ACCOUNT)
    assert any("AmazonSageMakerFullAccess grants is not known here" in each for each in loaded.assumptions)
    assert ids(review_estate(loaded)) == []
