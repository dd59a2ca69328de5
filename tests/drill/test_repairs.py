"""What a template says is what boto3 reads back from the emulator."""

from __future__ import annotations

import json

import pytest

from drill.cloud import emulated

KEY = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
DENY_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}


def encrypted(**default):
    rule = {"BucketKeyEnabled": True, "ServerSideEncryptionByDefault": default}
    return {
        "Type": "AWS::S3::Bucket",
        "Properties": {"BucketEncryption": {"ServerSideEncryptionConfiguration": [rule]}},
    }


TEMPLATE = {
    "Resources": {
        "Keyed": encrypted(SSEAlgorithm="aws:kms", KMSMasterKeyID=KEY),
        "Keyless": encrypted(SSEAlgorithm="aws:kms"),
        "Boundary": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": DENY_ALL}},
        "Bounded": {
            "Type": "AWS::IAM::Role",
            "Properties": {"AssumeRolePolicyDocument": TRUST, "PermissionsBoundary": {"Ref": "Boundary"}},
        },
        "Profile": {
            "Type": "AWS::Bedrock::ApplicationInferenceProfile",
            "Properties": {
                "InferenceProfileName": "team",
                "ModelSource": {"CopyFrom": "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0"},
            },
        },
    },
    "Outputs": {name: {"Value": {"Ref": name}} for name in ("Keyed", "Keyless", "Boundary", "Bounded", "Profile")},
}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with emulated(tmp_path_factory.mktemp("repairs") / "log", endpoints=0) as running:
        yield running


@pytest.fixture(scope="module")
def outputs(cloud):
    stacks = cloud.client("cloudformation")
    stacks.create_stack(StackName="repairs", TemplateBody=json.dumps(TEMPLATE), Capabilities=["CAPABILITY_IAM"])
    stacks.get_waiter("stack_create_complete").wait(StackName="repairs", WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    made = stacks.describe_stacks(StackName="repairs")["Stacks"][0]["Outputs"]
    return {output["OutputKey"]: output["OutputValue"] for output in made}


def test_a_bucket_keeps_the_key_it_names(cloud, outputs):
    found = cloud.client("s3").get_bucket_encryption(Bucket=outputs["Keyed"])["ServerSideEncryptionConfiguration"]
    assert found["Rules"] == [
        {
            "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY},
            "BucketKeyEnabled": True,
        }
    ]


def test_a_bucket_that_names_no_key_still_takes_objects(cloud, outputs):
    s3 = cloud.client("s3")
    s3.put_object(Bucket=outputs["Keyless"], Key="a", Body=b"b")
    assert s3.get_object(Bucket=outputs["Keyless"], Key="a")["Body"].read() == b"b"


def test_a_role_keeps_its_boundary(cloud, outputs):
    role = cloud.client("iam").get_role(RoleName=outputs["Bounded"])["Role"]
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == outputs["Boundary"]


def test_profiles_are_listed_by_type(cloud, outputs):
    listed = cloud.client("bedrock").list_inference_profiles(typeEquals="APPLICATION")["inferenceProfileSummaries"]
    assert [profile["inferenceProfileArn"] for profile in listed] == [outputs["Profile"]]
