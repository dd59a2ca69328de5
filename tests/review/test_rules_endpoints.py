"""The rules about endpoints, and about policies that say nothing."""

from __future__ import annotations

import pytest

from tests.review.rules import ACCOUNT, APP, INVOKE, MODEL, endpoint, ids, one, policy, review, role, scp

ADMITS = {"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": MODEL, "Principal": {"AWS": APP}}
#: What other families say of a role that is good enough here.
QUIET = ("inference-from-anywhere", "inference-without-guardrail")


def with_policy(**changes):
    return {"App": role(INVOKE), "Runtime": endpoint(policy({**ADMITS, **changes}))}


def open_to(**conditions):
    return with_policy(Principal="*", Condition=conditions)


SOUND = {
    "one role, one model": with_policy(),
    "everybody, but by name of a role": open_to(ArnEquals={"aws:PrincipalArn": APP}),
    "another account's role": with_policy(Principal={"AWS": "arn:aws:iam::444455556666:role/app"}),
    "nobody": with_policy(Effect="Deny", Principal="*", Action="*", Resource="*"),
    "a provider's models": with_policy(Resource="arn:aws:bedrock:eu-west-1::foundation-model/amazon.*"),
    "another service": {"Logs": endpoint(service="logs")},
    "mantle, one model": {"Mantle": endpoint(policy({
        **ADMITS, "Action": "bedrock-mantle:CreateInference", "Resource": "*",
        "Condition": {"StringEquals": {"bedrock-mantle:Model": "openai.gpt-oss-20b"}}}), service="bedrock-mantle")},
}  # fmt: skip
#: The template, the one rule that finds it, and what the request that shows it says.
FOUND = {
    "no policy": ({"Runtime": endpoint()}, "endpoint-without-policy", "arn:aws:iam::"),
    "no policy, FIPS": ({"Runtime": endpoint(service="bedrock-runtime-fips")}, "endpoint-without-policy", "vpce-"),
    "no policy, agents": ({"Agents": endpoint(service="bedrock-agent-runtime")}, "endpoint-without-policy", "Invoke"),
    "no policy, mantle": ({"Mantle": endpoint(service="bedrock-mantle")}, "endpoint-without-policy", "CreateInference"),
    "everybody": (open_to(), "endpoint-open-to-anybody", "through vpce-"),
    "everybody of any account by name": (
        open_to(ArnLike={"aws:PrincipalArn": "arn:aws:iam::*:role/app"}), "endpoint-open-to-anybody", ":role/app",
    ),
    "everybody if there is an organisation": (
        open_to(StringEqualsIfExists={"aws:PrincipalOrgID": "o-abcdefghij"}), "endpoint-open-to-anybody", "through",
    ),
    "a whole account": (with_policy(Principal={"AWS": ACCOUNT}), "endpoint-names-no-role", f"iam::{ACCOUNT}"),
    "any model": (with_policy(Resource="*"), "endpoint-any-model", "unreleased.model"),
    "any model, by NotResource": (
        {"Runtime": endpoint(policy({**{k: v for k, v in ADMITS.items() if k != "Resource"},
                                     "NotResource": MODEL}))}, "endpoint-any-model", "unreleased.model",
    ),
    "any model on mantle": (
        {"Mantle": endpoint(
            policy({**ADMITS, "Action": "bedrock-mantle:*", "Resource": "*"}), service="bedrock-mantle")},
        "endpoint-any-model", "bedrock-mantle:Model=unreleased",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_endpoint_is_not_found(tmp_path, name):
    report = review(tmp_path, **SOUND[name])
    assert ids(report, *QUIET) == []
    assert report.undecided == ()


@pytest.mark.parametrize("name", FOUND)
def test_an_open_endpoint_is_found_with_a_request(tmp_path, name):
    resources, rule_id, shown = FOUND[name]
    report = review(tmp_path, **resources)
    assert rule_id in ids(report)
    finding = one(report, rule_id)
    assert shown in str(finding.witness)
    assert finding.decision.allowed
    assert finding.source.line > 1
    assert finding.source.logical_id in finding.fix


def test_an_organisation_is_a_name_but_no_role(tmp_path):
    report = review(tmp_path, **open_to(StringEquals={"aws:PrincipalOrgID": "o-abcdefghij"}))
    assert ids(report, *QUIET) == ["endpoint-names-no-role"]


def test_what_a_control_policy_denies_does_not_excuse_the_endpoint(tmp_path):
    deny = {"Effect": "Deny", "Action": "bedrock:*", "Resource": "*"}
    report = review(tmp_path, Runtime=endpoint(), Rails=scp(deny))
    assert "endpoint-without-policy" in ids(report)


def group(*ingress):
    return {
        "Type": "AWS::EC2::SecurityGroup",
        "Properties": {"GroupDescription": "g", "SecurityGroupIngress": list(ingress)},
    }


HTTPS = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
GUARDED = endpoint(policy(ADMITS), SecurityGroupIds=[{"Fn::GetAtt": ["Group", "GroupId"]}])
ALONE = {
    "Type": "AWS::EC2::SecurityGroupIngress",
    "Properties": {**HTTPS, "GroupId": {"Ref": "Group"}, "CidrIpv6": "::/0"},
}


@pytest.mark.parametrize(
    ("resources", "where", "reach"),
    [
        ({"Group": group({**HTTPS, "CidrIp": "0.0.0.0/0"})}, "Group", "0.0.0.0/0"),
        ({"Group": group({"IpProtocol": "-1", "CidrIp": "0.0.0.0/1"})}, "Group", "0.0.0.0/1"),
        ({"Group": group({"IpProtocol": "tcp", "FromPort": 0, "ToPort": 65535, "CidrIpv6": "::/0"})}, "Group", "::/0"),
        ({"Group": group(), "Alone": ALONE}, "Alone", "::/0"),
    ],
)
def test_an_open_group_is_found(tmp_path, resources, where, reach):
    finding = one(review(tmp_path, Runtime=GUARDED, **resources), "endpoint-open-group")
    assert finding.source.logical_id == where
    assert reach in finding.message


@pytest.mark.parametrize(
    "rule",
    [
        {**HTTPS, "CidrIp": "10.0.0.0/16"},
        {**HTTPS, "SourceSecurityGroupId": "sg-0123456789abcdef0"},
        {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "0.0.0.0/0"},
        {"IpProtocol": "udp", "FromPort": 443, "ToPort": 443, "CidrIp": "0.0.0.0/0"},
    ],
)
def test_a_group_for_clients_is_not_found(tmp_path, rule):
    assert ids(review(tmp_path, Runtime=GUARDED, Group=group(rule))) == []


def test_an_unreadable_policy_is_found(tmp_path):
    report = review(tmp_path, App=role({**INVOKE, "Effect": "allow"}))
    finding = one(report, "unreadable-policy")
    assert "Effect" in finding.message
    assert finding.source.logical_id == "App"
    assert finding.source.line == 3


@pytest.mark.parametrize(
    ("statement", "grade"),
    [
        ({"Effect": "Deny", "Action": "bedrock:Converse", "Resource": "*"}, "medium"),
        ({**INVOKE, "Action": ["bedrock:InvokeModel", "bedrock:InvokeModels"]}, "low"),
        ({"Effect": "Deny", "NotAction": "bedrock-mantle:Invoke*", "Resource": MODEL}, "medium"),
    ],
)
def test_an_action_that_does_not_exist_is_found(tmp_path, statement, grade):
    finding = one(review(tmp_path, App=role(INVOKE, statement)), "unknown-action")
    assert finding.severity.value == grade
    assert "bedrock:InvokeModel" in finding.fix or "bedrock-mantle" in finding.fix


@pytest.mark.parametrize("action", ["bedrock:InvokeModel*", "bedrock:*", "s3:Nonsense", "*", "BEDROCK:invokemodel"])
def test_an_action_that_exists_is_not_found(tmp_path, action):
    deny = {"Effect": "Deny", "Action": action, "Resource": "arn:aws:bedrock:*::foundation-model/x"}
    assert "unknown-action" not in ids(review(tmp_path, App=role(INVOKE, deny)))
