"""Which policies the emulator finds for a caller: signed calls against a stack deployed without the CDK CLI."""

from __future__ import annotations

import json
import uuid

import pytest

from drill.calls import Outcome, assume, attempt, converse
from drill.cloud import emulated
from drill.environment import ACCOUNT

MODEL, OTHER_MODEL = "amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0"
ALLOWED = Outcome(allowed=True, decided_by="every layer allows")
ALLOW = {"Effect": "Allow", "Action": "bedrock:*", "Resource": "*"}
DENY = {"Effect": "Deny", "Action": "bedrock:*", "Resource": "*"}


def policy(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def role(trust, statement):
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": policy({"Effect": "Allow", "Principal": trust, "Action": "sts:AssumeRole"}),
            "Policies": [{"PolicyName": "p", "PolicyDocument": policy(statement)}],
        },
    }


CODE = f"""
import boto3

def handler(event, context):
    talk = [{{"role": "user", "content": [{{"text": "hello"}}]}}]
    return bool(boto3.client("bedrock-runtime").converse(modelId="{MODEL}", messages=talk))
"""
STAND_IN = {
    "Resources": {
        "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
        "Endpoint": {
            "Type": "AWS::EC2::VPCEndpoint",
            "Properties": {
                "VpcId": {"Ref": "Vpc"},
                "ServiceName": "com.amazonaws.eu-west-1.bedrock-runtime",
                "VpcEndpointType": "Interface",
                "PrivateDnsEnabled": True,
                "PolicyDocument": policy(
                    {**ALLOW, "Principal": "*", "Resource": f"arn:aws:bedrock:*::foundation-model/{MODEL}"}
                ),
            },
        },
        "Subnet": {
            "Type": "AWS::EC2::Subnet",
            "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.0.0.0/24"},
        },
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "Role": {"Fn::GetAtt": ["Caller", "Arn"]},
                "VpcConfig": {"SubnetIds": [{"Ref": "Subnet"}], "SecurityGroupIds": []},
                "Code": {"ZipFile": CODE},
            },
        },
        "Caller": role(
            {"AWS": ACCOUNT, "Service": "lambda.amazonaws.com"},
            {**ALLOW, "Condition": {"StringEquals": {"aws:SourceVpce": {"Ref": "Endpoint"}}}},
        ),
    },
    "Outputs": {
        "Caller": {"Value": {"Fn::GetAtt": ["Caller", "Arn"]}},
        "Endpoint": {"Value": {"Ref": "Endpoint"}},
        "Function": {"Value": {"Ref": "Function"}},
        "Vpc": {"Value": {"Ref": "Vpc"}},
    },
}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with emulated(tmp_path_factory.mktemp("authorisation") / "log", endpoints=2) as running:
        yield running


@pytest.fixture
def user(cloud):
    """Make a user with access keys."""

    def made(*, managed=None, inline=None, group=None):
        iam, name = cloud.client("iam"), f"user-{uuid.uuid4().hex[:8]}"
        iam.create_user(UserName=name)
        if managed:
            arn = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(policy(managed)))["Policy"]["Arn"]
            iam.attach_user_policy(UserName=name, PolicyArn=arn)
        if inline:
            iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(policy(inline)))
        if group:
            iam.create_group(GroupName=name)
            iam.put_group_policy(GroupName=name, PolicyName="p", PolicyDocument=json.dumps(policy(group)))
            iam.add_user_to_group(GroupName=name, UserName=name)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}

    return made


def asked(cloud, credentials, *, port=None, model=MODEL):
    return attempt(converse(cloud.client("bedrock-runtime", credentials, port=port), model, None))


@pytest.fixture(scope="module")
def outputs(cloud):
    stacks = cloud.client("cloudformation")
    stacks.create_stack(StackName="stand-in", TemplateBody=json.dumps(STAND_IN), Capabilities=["CAPABILITY_IAM"])
    stacks.get_waiter("stack_create_complete").wait(StackName="stand-in", WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    made = stacks.describe_stacks(StackName="stand-in")["Stacks"][0]["Outputs"]
    return {output["OutputKey"]: output["OutputValue"] for output in made}


@pytest.fixture(scope="module")
def private(cloud, outputs):
    return cloud.stand_for(outputs["Endpoint"])


def test_a_function_in_the_vpc_finds_the_endpoint_by_its_name_alone(cloud, outputs, request):
    """Before a port stands for the endpoint the function takes the public path, and is refused there."""
    functions = cloud.client("lambda")

    def answer():
        return json.loads(functions.invoke(FunctionName=outputs["Function"])["Payload"].read())

    assert "AccessDeniedException" in answer()["errorMessage"]
    request.getfixturevalue("private")
    assert answer() is True
    kept = functions.get_function_configuration(FunctionName=outputs["Function"])
    assert (kept["VpcConfig"]["VpcId"], kept.get("Environment", {}).get("Variables", {})) == (outputs["Vpc"], {})


def test_a_deployed_role_is_allowed_through_its_endpoint_only(cloud, outputs, private):
    caller = assume(cloud, outputs["Caller"])
    assert asked(cloud, caller, port=private) == ALLOWED
    assert asked(cloud, caller).decided_by == "identity-based policy"
    assert asked(cloud, caller, port=private, model=OTHER_MODEL).decided_by == "VPC endpoint policy"


@pytest.mark.parametrize("source", ["managed", "inline", "group"])
def test_a_users_allow_counts_wherever_it_is_written(cloud, user, source):
    assert asked(cloud, user(**{source: ALLOW})) == ALLOWED


@pytest.mark.parametrize("source", ["inline", "group"])
def test_a_users_deny_counts_wherever_it_is_written(cloud, user, source):
    refused = asked(cloud, user(managed=ALLOW, **{source: DENY}))
    assert (refused.allowed, "explicit deny" in refused.message) == (False, True)


def test_an_endpoint_without_a_policy_limits_nothing(cloud, user):
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    service = "com.amazonaws.eu-west-1.bedrock-runtime"
    made = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=service, VpcEndpointType="Interface")["VpcEndpoint"]
    assert asked(cloud, user(managed=ALLOW), port=cloud.stand_for(made["VpcEndpointId"])) == ALLOWED


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ({"ForAnyValue:StringEqualsIfExists": {"aws:TagKeys": "a"}}, "ForAnyValue:StringEqualsIfExists on aws:TagKeys"),
        ({"StringEqual": {"aws:username": "x"}}, "did you mean 'StringEquals'"),
    ],
)
def test_what_the_evaluator_cannot_decide_is_refused_and_says_so(cloud, user, condition, said):
    refused = asked(cloud, user(managed=ALLOW, inline={**DENY, "Condition": condition}))
    assert (refused.allowed, refused.decided_by) == (False, "UndecidedException")
    assert said in refused.message


def test_a_variable_stands_for_what_the_session_has(cloud, user):
    own = {"StringEquals": {"aws:username": "${aws:username}"}}
    assert asked(cloud, user(managed={**ALLOW, "Condition": own})) == ALLOWED
    assert not asked(cloud, user(managed=ALLOW, inline={**DENY, "Condition": own})).allowed


def test_an_application_profile_needs_itself_and_its_model(cloud, user):
    source = f"arn:aws:bedrock:eu-west-1::foundation-model/{MODEL}"
    profile = cloud.client("bedrock").create_inference_profile(
        inferenceProfileName="team", modelSource={"copyFrom": source}
    )["inferenceProfileArn"]
    through = {"StringEquals": {"bedrock:InferenceProfileArn": profile}}
    itself, model = {**ALLOW, "Resource": profile}, {**ALLOW, "Resource": source, "Condition": through}
    assert asked(cloud, user(inline=itself, managed=model), model=profile) == ALLOWED
    assert not asked(cloud, user(inline=itself), model=profile).allowed
    assert not asked(cloud, user(inline=model), model=profile).allowed
    assert not asked(cloud, user(inline=itself, managed=model)).allowed
