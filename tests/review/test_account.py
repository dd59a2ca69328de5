"""A live account, as the AWS CLI prints it: every field as in its documentation's examples, values our own."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from secure_bedrock.policy import Request, evaluate
from secure_bedrock.review import load

ACCOUNT = "111122223333"
MODEL = "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0"


def document(action, effect="Allow"):
    return {"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": action, "Resource": "*"}]}


DETAILS = {
    "UserDetailList": [{
        "Path": "/", "UserName": "ann", "UserId": "AIDAEXAMPLE", "Arn": f"arn:aws:iam::{ACCOUNT}:user/ann",
        "CreateDate": "2026-01-01T00:00:00+00:00", "GroupList": ["team"], "AttachedManagedPolicies": [], "Tags": [],
    }],
    "GroupDetailList": [{
        "Path": "/x/", "GroupName": "team", "GroupId": "AGPAEXAMPLE", "Arn": f"arn:aws:iam::{ACCOUNT}:group/x/team",
        "CreateDate": "2026-01-01T00:00:00+00:00", "AttachedManagedPolicies": [],
        "GroupPolicyList": [{"PolicyName": "g", "PolicyDocument": document("bedrock:InvokeModel")}],
    }],
    "RoleDetailList": [{
        "Path": "/", "RoleName": "app", "RoleId": "AROAEXAMPLE", "Arn": f"arn:aws:iam::{ACCOUNT}:role/app",
        "CreateDate": "2026-01-01T00:00:00+00:00",
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole",
            }],
        },
        "InstanceProfileList": [],
        "RolePolicyList": [{"PolicyName": "r", "PolicyDocument": quote(json.dumps(document("bedrock:CountTokens")))}],
        "AttachedManagedPolicies": [
            {"PolicyName": "own", "PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/own"},
            {"PolicyName": "AmazonBedrockReadOnly", "PolicyArn": "arn:aws:iam::aws:policy/AmazonBedrockReadOnly"},
        ],
        "PermissionsBoundary": {
            "PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": f"arn:aws:iam::{ACCOUNT}:policy/boundary",
        },
        "Tags": [{"Key": "team", "Value": "a"}],
    }],
    "Policies": [
        {
            "PolicyName": name, "PolicyId": "ANPAEXAMPLE", "Arn": f"arn:aws:iam::{ACCOUNT}:policy/{name}", "Path": "/",
            "DefaultVersionId": "v2", "AttachmentCount": 1,
            "PolicyVersionList": [
                {"Document": document("*"), "VersionId": "v1", "IsDefaultVersion": False},
                {"Document": document(action), "VersionId": "v2", "IsDefaultVersion": True},
            ],
        }
        for name, action in {"own": "bedrock:InvokeModel", "boundary": "bedrock:Invoke*"}.items()
    ],
    "IsTruncated": False,
}  # fmt: skip
ENDPOINTS = {"VpcEndpoints": [{
    "VpcEndpointId": "vpce-0123456789abcdef0", "VpcEndpointType": "Interface", "VpcId": "vpc-0123456789abcdef0",
    "ServiceName": "com.amazonaws.eu-west-1.bedrock-runtime", "State": "available",
    "PolicyDocument": json.dumps({"Statement": [{
        "Action": "bedrock:*", "Effect": "Allow", "Resource": "*",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/app"},
    }]}),
}]}  # fmt: skip
SCP = {"Policy": {
    "PolicySummary": {
        "Id": "p-examplepolicy", "Arn": "arn:aws:organizations::999988887777:policy/o-exampleorgid/p-examplepolicy",
        "Name": "rails", "Description": "", "Type": "SERVICE_CONTROL_POLICY", "AwsManaged": False,
    },
    "Content": json.dumps(document("bedrock:CountTokens", "Deny")),
}}  # fmt: skip
TARGETS = {"Targets": [{"TargetId": "r-ab12", "Arn": "arn:...", "Name": "Root", "Type": "ROOT"}]}
ORGANIZATION = {"Organization": {"Id": "o-exampleorgid", "MasterAccountId": "999988887777", "FeatureSet": "ALL"}}


@pytest.fixture
def account(tmp_path):
    files = {
        "iam.json": DETAILS,
        "endpoints.json": ENDPOINTS,
        "scp.json": SCP,
        "p-examplepolicy.json": TARGETS,
        "organization.json": ORGANIZATION,
    }
    for name, body in files.items():
        (tmp_path / name).write_text(json.dumps(body))
    return tmp_path


def allowed(estate, principal, action, endpoint=None):
    return evaluate(estate, Request(principal=principal, action=action, resource=MODEL, endpoint=endpoint)).allowed


def test_a_live_account_is_decided_about_offline(account):
    (reading,) = load(account).readings
    assert reading.problems == ()
    estate = reading.estate
    assert allowed(estate, "user ann", "bedrock:InvokeModel"), "through her group"
    assert allowed(estate, "role app", "bedrock:InvokeModel"), "the default version of its own policy"
    assert not allowed(estate, "role app", "bedrock:CountTokens"), "the boundary and the SCP"
    assert allowed(estate, "role app", "bedrock:InvokeModel", "vpce-0123456789abcdef0")
    assert not allowed(estate, "user ann", "bedrock:InvokeModel", "vpce-0123456789abcdef0")
    assert estate.principals["role app"].tags == (("team", "a"),)
    assert estate.management_account == "999988887777"


def test_an_scp_that_is_attached_to_nothing_denies_nothing_and_that_is_said(account):
    (account / "p-examplepolicy.json").unlink()
    loaded = load(account)
    assert loaded.readings[0].estate.accounts[ACCOUNT].scps == ()
    assert any("p-examplepolicy" in note and "attached to nothing" in note for note in loaded.assumptions)


def test_one_file_is_enough(account):
    (reading,) = load(account / "iam.json").readings
    assert sorted(reading.estate.principals) == ["role app", "user ann"]
