"""The rules about access that is wider than anybody declared."""

from __future__ import annotations

import pytest

from tests.review.rules import INVOKE, MODEL, ids, one, policy, review, role, scp

OFFICE = {"NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24"]}}
FROM_OFFICE = {"Effect": "Deny", "Action": ["bedrock:*", "bedrock-mantle:*"], "Resource": "*", "Condition": OFFICE}
NO_KEYS = {
    "Effect": "Deny", "Action": ["bedrock:CallWithBearerToken", "bedrock-mantle:CallWithBearerToken"], "Resource": "*",
}  # fmt: skip
ANY = {**INVOKE, "Resource": "*"}


def app(*statements):
    return {"App": role(*statements, FROM_OFFICE, NO_KEYS)}


def user(*statements, **resources):
    properties = {
        "UserName": "dev",
        "Policies": [{"PolicyName": "p", "PolicyDocument": policy(*statements, FROM_OFFICE)}],
    }
    return {"Dev": {"Type": "AWS::IAM::User", "Properties": properties}, **resources}


KEY = {"Type": "AWS::IAM::AccessKey", "Properties": {"UserName": {"Ref": "Dev"}}}
ONLY = {"Effect": "Deny", "Action": "bedrock:*", "NotResource": MODEL}
GUARDRAIL = {"Type": "AWS::Bedrock::Guardrail", "Properties": {"Name": "g"}}
TAGGED = {
    **INVOKE, "Resource": "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/*",
    "Condition": {"StringEquals": {"aws:ResourceTag/team": "blue"}},
}  # fmt: skip

SOUND = {
    "one model": app(INVOKE),
    "any model under a Deny that names one": app(ANY, ONLY),
    "any model where a control policy names one": {**app(ANY), "Rails": scp(ONLY)},
    "an Allow with NotAction that leaves Bedrock out": app(
        INVOKE, {"Effect": "Allow", "NotAction": ["bedrock:*", "bedrock-mantle:*"], "Resource": MODEL}
    ),
    "profiles of one team": app(TAGGED),
    "a user who may not invoke": user({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}, Key=KEY),
}
FOUND = {
    "any model": (app(ANY), "wildcard-model", "high", "InvokeModel"),
    "any model of a provider": (
        app({**INVOKE, "Resource": "arn:aws:bedrock:*::foundation-model/anthropic.*"}),
        "wildcard-model", "medium", "foundation-model/anthropic.",
    ),
    "any model by a question mark": (
        app({**INVOKE, "Resource": f"{MODEL[:-1]}?"}), "wildcard-model", "medium", "amazon.nova-lite-v1:",
    ),
    "any model but one": (
        app({k: v for k, v in INVOKE.items() if k != "Resource"} | {"NotResource": MODEL}),
        "wildcard-model", "high", "bedrock:",
    ),
    "NotAction": (
        app({"Effect": "Allow", "NotAction": "s3:*", "Resource": MODEL}), "inference-by-not-action", "high", MODEL,
    ),
    "a user with a key": (user(INVOKE, NO_KEYS, Key=KEY), "user-with-keys", "high", "user/dev"),
    "a user": (user(INVOKE, NO_KEYS), "user-with-keys", "low", "user/dev"),
    "API keys": (
        {"App": role({**ANY, "Action": "bedrock-mantle:CallWithBearerToken"})}, "api-keys-allowed", "low", "role/app",
    ),
    "from anywhere": ({"App": role(INVOKE)}, "inference-from-anywhere", "low", MODEL),
    "no guardrail where there is one": (
        {**app(INVOKE), "Guardrail": GUARDRAIL}, "inference-without-guardrail", "medium", MODEL,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SOUND)
def test_what_was_declared_is_not_found(tmp_path, name):
    report = review(tmp_path, **SOUND[name])
    assert ids(report, "inference-without-guardrail") == []
    assert report.undecided == ()


@pytest.mark.parametrize("name", FOUND)
def test_what_is_wider_is_found_with_a_request(tmp_path, name):
    resources, rule_id, grade, shown = FOUND[name]
    report = review(tmp_path, **resources)
    finding = one(report, rule_id)
    assert finding.severity.value == grade
    assert shown in str(finding.witness)
    assert finding.decision.allowed
    assert finding.source.logical_id in {"App", "Dev"}
    others = {"inference-without-guardrail", "inference-from-anywhere", rule_id}
    assert set(ids(report)) <= others | ({"wildcard-model"} if "NotAction" in name else set())


def test_a_model_without_guardrails_needs_none(tmp_path):
    titan = MODEL.replace("nova-lite-v1:0", "titan-embed-text-v2:0")
    report = review(tmp_path, **app({**INVOKE, "Resource": titan}), Guardrail=GUARDRAIL)
    assert ids(report) == []


def test_without_any_guardrail_it_is_a_note_that_changes_no_exit_code(tmp_path):
    report = review(tmp_path, **app(INVOKE))
    assert one(report, "inference-without-guardrail").severity.value == "note"
    assert report.counts() == ()


def test_whoever_is_not_shown_counts_only_when_strict(tmp_path):
    report = review(tmp_path, **app(INVOKE))
    found = [each for each in report.findings if each.rule.id == "unnamed-principals"]
    assert any("may invoke" in each.message for each in found)
    assert all(each.about_outsiders and not each.witness.is_named for each in found)
    assert report.counts() == ()
    assert report.counts(strict=True) == tuple(found)


def test_a_control_policy_for_everybody_answers_for_whoever_is_not_shown(tmp_path):
    deny = {"Effect": "Deny", "Action": "bedrock:InvokeModel*", "Resource": "*",
            "Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/app"}}}  # fmt: skip
    report = review(tmp_path, **app(INVOKE), Rails=scp(deny))
    assert not [each for each in report.findings if each.about_outsiders and "may invoke" in each.message]
