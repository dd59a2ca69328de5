"""The rules about who may become a role from outside, and about ways to and past a scoped role."""

from __future__ import annotations

import pytest

from tests.review.rules import ACCOUNT, INVOKE, MODEL, ids, one, policy, review, role, trusts

OTHER = "444455556666"
#: What other families say of roles that are good enough here.
QUIET = ("inference-from-anywhere", "inference-without-guardrail")
GITHUB = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
ANCHOR = f"arn:aws:rolesanywhere:eu-west-1:{ACCOUNT}:trust-anchor/0123"


def app(trust, *statements, **properties):
    return {"App": role(*(statements or (INVOKE,)), trust=trust, **properties)}


def federated(**conditions):
    return app(policy({
        "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": GITHUB},
        "Condition": conditions,
    }))  # fmt: skip


def anywhere(**conditions):
    return app(policy({
        "Effect": "Allow", "Action": ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"],
        "Principal": {"Service": "rolesanywhere.amazonaws.com"}, "Condition": conditions,
    }))  # fmt: skip


def sub(value):
    return {"token.actions.githubusercontent.com:sub": value}


AUDIENCE = {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}
ANYBODY = trusts({"AWS": "*"})
SOUND = {
    "a service": app(trusts({"Service": "lambda.amazonaws.com"})),
    "a role of the account": app(trusts({"AWS": f"arn:aws:iam::{ACCOUNT}:role/caller"})),
    "another account with an external id": app(
        trusts({"AWS": OTHER}, Condition={"StringEquals": {"sts:ExternalId": "x"}})
    ),
    "another account with MFA": app(
        trusts({"AWS": OTHER}, Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})
    ),
    "another account with fresh MFA": app(
        trusts({"AWS": OTHER}, Condition={"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}})
    ),
    "an organisation": app(
        trusts({"AWS": "*"}, Condition={"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}})
    ),
    "anybody, of a role that uses no model": app(ANYBODY, {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}),
    "one branch": federated(StringEquals=AUDIENCE | sub("repo:owner/name:ref:refs/heads/main")),
    "one certificate": anywhere(
        ArnEquals={"aws:SourceArn": ANCHOR}, StringEquals={"aws:PrincipalTag/x509Subject/CN": "app"}
    ),
}  # fmt: skip
FOUND = {
    "anybody": (app(ANYBODY), "public-trust", "role/app"),
    "anybody who is in some organisation": (
        app(trusts({"AWS": "*"}, Condition={"StringLikeIfExists": {"aws:PrincipalOrgID": "o-abcdefghij"}})),
        "public-trust", "role/app",
    ),
    "anybody by name": (
        app(trusts({"AWS": "*"}, Condition={"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/caller"}})),
        "public-trust", ":role/caller",
    ),
    "another account": (app(trusts({"AWS": OTHER})), "foreign-trust-unconditioned", OTHER),
    "another account, MFA if there is a key": (
        app(trusts({"AWS": OTHER}, Condition={"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}})),
        "foreign-trust-unconditioned", OTHER,
    ),
    "every repository": (federated(StringLike=AUDIENCE | sub("repo:*")), "federated-trust-too-wide", "WebIdentity"),
    "every repository of an owner": (
        federated(StringLike=AUDIENCE | sub("repo:owner/*")), "federated-trust-too-wide", "WebIdentity",
    ),
    "the audience alone": (federated(StringEquals=AUDIENCE), "federated-trust-too-wide", "WebIdentity"),
    "a subject if there is one": (
        federated(StringEquals=AUDIENCE, StringEqualsIfExists=sub("repo:owner/name:ref:refs/heads/main")),
        "federated-trust-too-wide", "WebIdentity",
    ),
    "every certificate of an anchor": (
        anywhere(ArnEquals={"aws:SourceArn": ANCHOR}), "federated-trust-too-wide", "rolesanywhere",
    ),
    "a guardrail for everybody": (
        {"Shared": {"Type": "AWS::Bedrock::ResourcePolicy", "Properties": {
            "ResourceArn": f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:guardrail/abc",
            "PolicyDocument": policy({"Effect": "Allow", "Principal": "*", "Action": "bedrock:ApplyGuardrail",
                                      "Resource": "*"})}}},
        "resource-policy-open", "guardrail/abc",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_trust_is_not_found(tmp_path, name):
    report = review(tmp_path, **SOUND[name])
    assert ids(report, *QUIET) == []
    assert report.undecided == ()


@pytest.mark.parametrize("name", FOUND)
def test_a_wide_trust_is_found_with_a_request(tmp_path, name):
    resources, rule_id, shown = FOUND[name]
    finding = one(review(tmp_path, **resources), rule_id)
    assert shown in str(finding.witness)
    assert finding.decision.allowed
    assert finding.source.line == 3


SAML = f"arn:aws:iam::{ACCOUNT}:saml-provider/people"
RECIPIENT = {"SAML:aud": "https://signin.aws.amazon.com/saml"}
REGIONAL = "https://eu-west-1.signin.aws.amazon.com/saml"


def assertion(**conditions):
    return app(policy({
        "Effect": "Allow", "Action": "sts:AssumeRoleWithSAML", "Principal": {"Federated": SAML},
        "Condition": conditions,
    }))  # fmt: skip


#: Conditions of a SAML trust, and what is said of them; AWS's console writes the first.
ASSERTIONS = {
    "the recipient": (assertion(StringEquals=RECIPIENT), "low"),
    "two recipients": (assertion(StringEquals={"SAML:aud": [*RECIPIENT.values(), REGIONAL]}), "low"),
    "any recipient": (assertion(StringLike={"SAML:aud": "*"}), "high"),
    "the recipient if there is one": (assertion(StringEqualsIfExists=RECIPIENT), "high"),
    "nothing": (assertion(), "high"),
    "the recipient, and one who is called anything": (
        assertion(StringEquals=RECIPIENT, StringLike={"SAML:sub": "*"}), "low"
    ),
    "one person": (assertion(StringEquals={**RECIPIENT, "SAML:sub": "ann"}), None),
}  # fmt: skip


@pytest.mark.parametrize("name", ASSERTIONS)
def test_whom_a_saml_provider_maps_to_the_role_is_its_own_affair(tmp_path, name):
    resources, grade = ASSERTIONS[name]
    found = [each for each in review(tmp_path, **resources).findings if each.rule.id == "federated-trust-too-wide"]
    assert [each.severity.value for each in found] == ([grade] if grade else [])
    assert all("AssumeRoleWithSAML" in str(each.witness) and each.decision.allowed for each in found)


def test_a_token_s_trust_is_not_graded_as_an_assertion_s(tmp_path):
    both = federated(StringEquals=AUDIENCE | RECIPIENT)
    assert one(review(tmp_path, **both), "federated-trust-too-wide").severity.value == "high"


ROOT = f"arn:aws:iam::{ACCOUNT}:root"
ANY_ROLE = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
SCOPED = f"arn:aws:iam::{ACCOUNT}:role/secure-bedrock/app"
SERVICES = ("bedrock", "bedrock-mantle", "bedrock-agentcore", "bedrock-websearch")
EVERY = [f"arn:aws:{service}:*:*:*" for service in SERVICES]
NOTHING_ELSE = (
    {"Effect": "Deny", "NotAction": "bedrock:InvokeModel", "Resource": EVERY},
    {"Effect": "Deny", "Action": "bedrock:InvokeModel", "NotResource": MODEL},
    {"Effect": "Deny", "Action": [f"{service}:*" for service in SERVICES], "NotResource": EVERY},
    {"Effect": "Deny", "Action": ["sts:AssumeRole", "sts:AssumeRoot", "iam:PassRole", "iam:TagRole", "iam:UntagRole",
                                  "sts:TagSession"], "Resource": "*"},
    {"Effect": "Deny", "Action": "bedrock:*", "Resource": "*",
     "Condition": {"Null": {"aws:PrincipalTag/secure-bedrock:revoked": "false"}}},
    {"Effect": "Deny", "Action": "bedrock:*", "Resource": "*",
     "Condition": {"Null": {"aws:ResourceTag/secure-bedrock:revoked": "false"}}},
)  # fmt: skip


def scoped(*more, trust=None, without=None):
    ceiling = [each for index, each in enumerate(NOTHING_ELSE) if index != without]
    return role(
        INVOKE, *ceiling, *more, trust=trust or trusts({"Service": "lambda.amazonaws.com"}), Path="/secure-bedrock/"
    )


def other(*statements):
    return role(*statements, name="other")


def test_a_scoped_role_with_a_whole_ceiling_is_not_found(tmp_path):
    report = review(tmp_path, App=scoped(), Other=other({"Effect": "Allow", "Action": "s3:*", "Resource": "*"}))
    assert ids(report, *QUIET) == []
    assert report.undecided == ()


@pytest.mark.parametrize("index", range(len(NOTHING_ELSE)))
def test_each_statement_of_a_ceiling_is_missed(tmp_path, index):
    report = review(tmp_path, App=scoped(without=index))
    assert ids(report, *QUIET) == ["revocation-ineffective" if index > 3 else "ceiling-incomplete"]
    (finding,) = [each for each in report.findings if each.rule.id in {"revocation-ineffective", "ceiling-incomplete"}]
    assert finding.decision.allowed


WAYS = {
    "a chain": ({"App": scoped(trust=trusts({"AWS": ROOT})), "Other": other(ANY_ROLE)}, "role-chain", "role/other"),
    "lent": (
        {"App": scoped(), "Other": other({"Effect": "Allow", "Action": ["iam:PassRole", "lambda:*"], "Resource": "*"})},
        "role-can-be-passed", "iam:PassRole",
    ),
    "edited": (
        {"App": scoped(), "Other": other({"Effect": "Allow", "Action": "iam:Put*", "Resource": "*"})},
        "role-can-be-edited", "iam:Put",
    ),
    "edited by way of a policy": (
        {"App": scoped() | {"Properties": scoped()["Properties"] | {"ManagedPolicyArns": [{"Ref": "Extra"}]}},
         "Extra": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": policy(INVOKE)}},
         "Other": other({"Effect": "Allow", "Action": "iam:CreatePolicyVersion", "Resource": "*"})},
        "role-can-be-edited", "iam:CreatePolicyVersion",
    ),
    "onward": (
        {"App": scoped({**ANY_ROLE, "Action": "iam:PassRole"}, without=3)}, "scoped-role-leads-on", "iam:PassRole",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WAYS)
def test_a_way_nobody_declared_is_found(tmp_path, name):
    resources, rule_id, shown = WAYS[name]
    finding = one(review(tmp_path, **resources), rule_id)
    assert shown in str(finding.witness)
    assert finding.decision.allowed


DECLARED = {
    "a role that the trust names": {
        "App": scoped(trust=trusts({"AWS": f"arn:aws:iam::{ACCOUNT}:role/other"})), "Other": other(ANY_ROLE)},
    "a trust in the account that asks for MFA": {
        "App": scoped(trust=trusts({"AWS": ROOT}, Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})),
        "Other": other(ANY_ROLE)},
    "lent by its own ARN": {
        "App": scoped(), "Other": other({"Effect": "Allow", "Action": "iam:PassRole", "Resource": SCOPED})},
}  # fmt: skip


@pytest.mark.parametrize("name", DECLARED)
def test_a_declared_way_is_not_found(tmp_path, name):
    assert ids(review(tmp_path, **DECLARED[name]), *QUIET) == []
