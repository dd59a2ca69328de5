"""Templates that are published elsewhere, rebuilt in their shape: a review names the known weakness of each."""

from __future__ import annotations

import pytest

from tests.review.rules import ACCOUNT, INVOKE, MODEL, endpoint, ids, policy, review, role, scp, trusts

AMAZON = "arn:aws:bedrock:*::foundation-model/amazon.*"
EVERY_MODEL = "arn:aws:bedrock:*::foundation-model/*"
PROFILE = {"Fn::Sub": "arn:aws:bedrock:eu-west-1:${AWS::AccountId}:inference-profile/eu.amazon.nova-lite-v1:0"}
BOTH = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
GUARDRAIL = {"Type": "AWS::Bedrock::Guardrail", "Properties": {"Name": "g"}}
OTHER_GUARDRAIL = {"StringNotEquals": {"bedrock:GuardrailIdentifier": {"Fn::GetAtt": ["Guardrail", "GuardrailArn"]}}}
FOREIGN = {"AWS": "arn:aws:iam::444455556666:root"}
GITHUB = {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"}
AUDIENCE = {"StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}}


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action, **more):
    return {"Effect": "Deny", "Action": action, "Resource": "*", **more}


def federated(**elements):
    return policy({"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Principal": GITHUB, **elements})


USER = {
    "Type": "AWS::IAM::User",
    "Properties": {
        "UserName": "gateway", "Policies": [{"PolicyName": "p", "PolicyDocument": policy(allow("bedrock:*"))}],
    },
}  # fmt: skip
KEY = {"Type": "AWS::IAM::AccessKey", "Properties": {"UserName": {"Ref": "User"}}}
OPEN = policy({"Effect": "Allow", "Principal": "*", "Action": "bedrock:*", "Resource": "*"})
#: The template's resources, and the rule that must find its weakness.
PUBLISHED = {
    "a chat sample: a function with bedrock:* on everything": ({"App": role(allow("bedrock:*"))}, "wildcard-model"),
    "a chat sample: InvokeModel on every model": ({"App": role(allow(BOTH, EVERY_MODEL))}, "wildcard-model"),
    "a gateway: a task role with Invoke* and List*": (
        {"App": role(allow(["bedrock:Invoke*", "bedrock:List*"]))}, "wildcard-model",
    ),
    "a gateway: an IAM user with an access key": ({"User": USER, "Key": KEY}, "user-with-keys"),
    "a gateway: API keys are granted beside models": (
        {"App": role(INVOKE, allow("bedrock:CallWithBearerToken"))}, "api-keys-allowed",
    ),
    "a sample of private connectivity: an endpoint without a policy": (
        {"App": role(INVOKE), "Door": endpoint()}, "endpoint-without-policy",
    ),
    "a sample of private connectivity: the default policy written out": (
        {"App": role(INVOKE), "Door": endpoint(OPEN)}, "endpoint-open-to-anybody",
    ),
    "a sample of private connectivity: nothing keeps the role on the endpoint": (
        {"App": role(INVOKE)}, "inference-from-anywhere",
    ),
    "a cross-account sample: the account alone is trusted": (
        {"App": role(INVOKE, trust=trusts(FOREIGN))}, "foreign-trust-unconditioned",
    ),
    "a pipeline: GitHub's audience and no subject": (
        {"App": role(INVOKE, trust=federated(Condition=AUDIENCE))}, "federated-trust-too-wide",
    ),
    "MFA by BoolIfExists": (
        {"App": role(INVOKE, trust=trusts(
            {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            Condition={"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}))},
        "mfa-ineffective",
    ),
    "a guardrail asked of bedrock:Converse": (
        {"App": role(allow(BOTH, MODEL), deny("bedrock:Converse", Condition=OTHER_GUARDRAIL)), "Guardrail": GUARDRAIL},
        "inference-without-guardrail",
    ),
    "a guardrail asked of InvokeModel alone": (
        {
            "App": role(allow(BOTH, MODEL), deny("bedrock:InvokeModel", Condition=OTHER_GUARDRAIL)),
            "Guardrail": GUARDRAIL,
        },
        "inference-without-guardrail",
    ),
    "a landing zone: an SCP of API keys forgets mantle": (
        {"App": role(INVOKE), "Rails": scp(deny("bedrock:CallWithBearerToken"))}, "api-key-deny-incomplete",
    ),
    "a landing zone: an SCP that is attached to nothing": (
        {"App": role(INVOKE), "Rails": scp(deny("bedrock:*"), targets=())}, "control-policy-not-attached",
    ),
    "a landing zone: an SCP that lists models and forgets profiles": (
        {
            "App": role(allow(BOTH, [PROFILE, MODEL])),
            "Rails": scp({"Effect": "Deny", "Action": BOTH, "NotResource": AMAZON}),
        },
        "granted-but-denied",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_weakness_that_a_published_template_is_known_for_is_found(name, tmp_path):
    resources, rule = PUBLISHED[name]
    assert rule in ids(review(tmp_path, **resources))
