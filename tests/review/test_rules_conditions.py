"""The rules about conditions that do not hold, control policies, and the audit."""

from __future__ import annotations

import pytest

from tests.review.rules import ACCOUNT, INVOKE, ids, one, policy, review, role, scp, trusts

#: What other families say of roles that are good enough here.
QUIET = (
    "inference-from-anywhere",
    "inference-without-guardrail",
    "wildcard-model",
    "api-keys-allowed",
    "granted-but-denied",
)
ANY = {**INVOKE, "Resource": "*"}
GUARDRAIL = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:guardrail/abc123"
INFERENCE = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
KEYS = ("bedrock:CallWithBearerToken", "bedrock-mantle:CallWithBearerToken")
EU = ["eu-west-1", "eu-central-1"]


def deny(**elements):
    return {"Effect": "Deny", "Action": "bedrock:*", "Resource": "*", **elements}


def app(*statements, **more):
    return {"App": role(*statements, **more)}


def rails(*statements, **more):
    return {"App": role(ANY), "Rails": scp(*statements, **more)}


def guarded(operator, *values, effect="Deny"):
    condition = {operator: {"bedrock:GuardrailIdentifier": list(values)}}
    if effect == "Allow":
        return app({**INVOKE, "Condition": condition})
    return app(ANY, deny(Action=INFERENCE, Resource="arn:aws:bedrock:*::foundation-model/*", Condition=condition))


def region(*, but=(), **conditions):
    elements = {"NotAction": list(but)} if but else {"Action": ["bedrock:*", "bedrock-mantle:*"]}
    statement = {"Effect": "Deny", "Resource": "*", **elements}
    return rails({**statement, "Condition": {"StringNotEquals": {"aws:RequestedRegion": EU}, **conditions}})


def mfa(operator, value, effect="Allow", key="aws:MultiFactorAuthPresent"):
    condition = {operator: {key: value}}
    return app({**INVOKE, "Condition": condition}) if effect == "Allow" else app(INVOKE, deny(Condition=condition))


def assumed(operator, value):
    condition = {operator: {"aws:MultiFactorAuthPresent": value}}
    return app(INVOKE, trust=trusts({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, Condition=condition))


def exempt(*arns, **elements):
    return rails(
        deny(Action="bedrock:InvokeModel*", Condition={"ArnNotLike": {"aws:PrincipalArn": list(arns)}}, **elements)
    )


def age(operator):
    return rails(deny(
        Action="iam:CreateServiceSpecificCredential",
        Condition={operator: {"iam:ServiceSpecificCredentialAgeDays": "90"}},
    ))  # fmt: skip


TAGGED = {**INVOKE, "Condition": {"StringEquals": {"aws:PrincipalTag/team": "blue"}}}
TAGGING = {"Action": ["sts:AssumeRole", "sts:TagSession"]}
CALLER = {"AWS": f"arn:aws:iam::{ACCOUNT}:role/caller"}
EU_PROFILES = {"ArnNotLike": {"bedrock:InferenceProfileArn": "arn:aws:bedrock:*:*:inference-profile/eu.*"}}
ANY_PROFILE = {"StringNotLike": {"bedrock:InferenceProfileArn": "*"}}

SOUND = {
    "MFA in a trust": assumed("Bool", "true"),
    "MFA in an Allow": mfa("Bool", "true"),
    "MFA in a Deny": mfa("BoolIfExists", "false", "Deny"),
    "MFA that is fresh": mfa("NumericLessThan", "3600", key="aws:MultiFactorAuthAge"),
    "a guardrail, one version": guarded("StringNotEquals", f"{GUARDRAIL}:1"),
    "a guardrail, any version": guarded("ArnNotLike", GUARDRAIL, f"{GUARDRAIL}:*"),
    "a guardrail in an Allow": guarded("StringEquals", f"{GUARDRAIL}:1", effect="Allow"),
    "Regions": region(),
    "Regions, and profiles of a geography": region(**EU_PROFILES),
    "API keys on both endpoints": rails(deny(Action=list(KEYS))),
    "API keys of some age": age("NumericGreaterThanIfExists"),
    "one exempt role": exempt("arn:aws:iam::*:role/secure-bedrock/break-glass"),
    "an exempt permission set": exempt("arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_Admin_*"),
    "a tag of the role itself": app(TAGGED, Tags=[{"Key": "team", "Value": "blue"}]),
    "a tag that the trust asks for": app(TAGGED, trust=trusts(
        CALLER, **TAGGING, Condition={"StringEquals": {"aws:RequestTag/team": "blue"}})),
}  # fmt: skip
#: The template, the one rule that finds it, and what the request that shows it says.
FOUND = {
    "MFA in a trust, if there is a key": (assumed("BoolIfExists", "true"), "mfa-ineffective", "sts:AssumeRole"),
    "MFA in an Allow, if there is a key": (mfa("BoolIfExists", "true"), "mfa-ineffective", "InvokeModel"),
    "MFA in a Deny that needs the key": (mfa("Bool", "false", "Deny"), "mfa-ineffective", "InvokeModel"),
    "a guardrail by prefix": (guarded("ArnNotLike", f"{GUARDRAIL}*"), "guardrail-ineffective", "abc123"),
    "a guardrail by prefix in an Allow": (
        guarded("StringLike", f"{GUARDRAIL}*", effect="Allow"), "guardrail-ineffective", "abc123",
    ),
    "a guardrail if there is one": (
        guarded("StringEqualsIfExists", f"{GUARDRAIL}:1", effect="Allow"), "guardrail-ineffective", "InvokeModel",
    ),
    "Regions, Bedrock exempt": (region(but=["iam:*", "bedrock:*"]), "region-ineffective", "aws:RequestedRegion="),
    "Regions, inference exempt": (region(but=["bedrock:Invoke*"]), "region-ineffective", "aws:RequestedRegion="),
    "Regions, any profile exempt": (region(**ANY_PROFILE), "region-ineffective", "inference-profile/unreleased."),
    "API keys on one endpoint": (rails(deny(Action=KEYS[0])), "api-key-deny-incomplete", KEYS[1]),
    "API keys on the other endpoint": (rails(deny(Action=KEYS[1])), "api-key-deny-incomplete", KEYS[0]),
    "API keys that never end": (age("NumericGreaterThan"), "deny-misses-absent-key", "CreateServiceSpecific"),
    "everybody exempt": (exempt("arn:aws:iam::*:*"), "control-policy-exempts-everybody", None),
    "all roles and users exempt": (
        exempt("arn:aws:iam::*:role/*", "arn:aws:iam::*:user/*"), "control-policy-exempts-everybody", None,
    ),
    "exempt by a pattern": (exempt("arn:aws:iam::*:role/Admin*"), "control-policy-exempts-by-pattern", "role/Admin"),
    "attached to nothing": (rails(deny(), targets=()), "control-policy-not-attached", None),
    "a tag that the caller chooses": (app(TAGGED, trust=trusts(CALLER, **TAGGING)), "tag-of-the-caller", "team=blue"),
}  # fmt: skip


@pytest.mark.parametrize("name", SOUND)
def test_a_condition_that_holds_is_not_found(tmp_path, name):
    report = review(tmp_path, **SOUND[name])
    assert ids(report, *QUIET) == []
    assert report.undecided == ()


@pytest.mark.parametrize("name", FOUND)
def test_a_condition_that_does_not_hold_is_found_with_a_request(tmp_path, name):
    resources, rule_id, shown = FOUND[name]
    report = review(tmp_path, **resources)
    assert set(ids(report, *QUIET)) == {rule_id}
    finding = next(each for each in report.findings if each.rule.id == rule_id)
    assert finding.source.logical_id in {"App", "Rails"}
    if shown is not None:
        assert shown in str(finding.witness)
        assert finding.decision.allowed


PROFILE = {"Fn::Sub": "arn:aws:bedrock:eu-west-1:${AWS::AccountId}:inference-profile/eu.amazon.nova-lite-v1:0"}
BOTH = {**INVOKE, "Resource": [PROFILE, "arn:aws:bedrock:*::foundation-model/amazon.nova-lite-v1:0"]}


def test_a_region_deny_that_breaks_a_profile_is_found(tmp_path):
    only = {"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}
    report = review(tmp_path, App=role(BOTH), Rails=scp(deny(Condition=only)))
    finding = one(report, "granted-but-denied")
    assert not finding.decision.allowed
    assert "foundation-model/amazon.nova-lite-v1:0" in finding.message
    report = review(tmp_path, App=role(BOTH), Rails=scp(deny(Condition={**only, **EU_PROFILES})))
    assert "granted-but-denied" not in ids(report)


TRAIL = {"IsLogging": True, "S3BucketName": "records", "EnableLogFileValidation": True, "IsMultiRegionTrail": True,
         "CloudWatchLogsLogGroupArn": {"Fn::GetAtt": ["Group", "Arn"]}}  # fmt: skip


def audit(*, trail=None, alarm=None, metric="Denied", **more):
    made = [{"MetricNamespace": "Audit", "MetricName": metric, "MetricValue": "1"}]
    watch = {"Namespace": "Audit", "MetricName": "Denied", "AlarmActions": ["arn:aws:sns:eu-west-1:111122223333:t"]}
    return {
        "Trail": {"Type": "AWS::CloudTrail::Trail", "Properties": TRAIL | (trail or {})},
        "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {}},
        "Filter": {"Type": "AWS::Logs::MetricFilter", "Properties": {
            "LogGroupName": {"Ref": "Group"}, "FilterPattern": "", "MetricTransformations": made}},
        "Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": {**watch, **(alarm or {})}},
        **more,
    }  # fmt: skip


MANAGEMENT = {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}
WRITING = {"FieldSelectors": [*MANAGEMENT["FieldSelectors"], {"Field": "readOnly", "Equals": ["false"]}]}
AUDITS = {
    "whole": (audit(), None, None),
    "selected": (audit(trail={"AdvancedEventSelectors": [MANAGEMENT]}), None, None),
    "off": (audit(trail={"IsLogging": False}), "trail-not-logging", "Trail"),
    "off by a word": (audit(trail={"IsLogging": "false"}), "trail-not-logging", "Trail"),
    "unvalidated": (audit(trail={"EnableLogFileValidation": False}), "trail-not-validated", "Trail"),
    "writing alone": (audit(trail={"AdvancedEventSelectors": [WRITING]}), "trail-misses-bedrock", "Trail"),
    "writing alone, plainly": (
        audit(trail={"EventSelectors": [{"ReadWriteType": "WriteOnly"}]}), "trail-misses-bedrock", "Trail",
    ),
    "one Region": (audit(trail={"IsMultiRegionTrail": False}), "trail-misses-bedrock", "Trail"),
    "one Region, by default": (audit(trail={"IsMultiRegionTrail": None}), "trail-misses-bedrock", "Trail"),
    "unwatched": (audit(metric="Other"), "filter-without-alarm", "Filter"),
    "silent": (audit(alarm={"AlarmActions": []}), "alarm-tells-nobody", "Alarm"),
    "off duty": (audit(alarm={"ActionsEnabled": False}), "alarm-tells-nobody", "Alarm"),
    "in its own hands": (
        audit(Ops=role({"Effect": "Allow", "Action": "cloudtrail:*", "Resource": "*"})),
        "audit-can-be-switched-off", "Ops",
    ),
    "guardrails in its own hands": (
        audit(Guardrail={"Type": "AWS::Bedrock::Guardrail", "Properties": {"Name": "g"}},
              Ops=role({"Effect": "Allow", "Action": "bedrock:Update*", "Resource": "*"})),
        "guardrail-can-be-changed", "Ops",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", AUDITS)
def test_an_audit_with_a_gap_is_found(tmp_path, name):
    resources, rule_id, where = AUDITS[name]
    report = review(tmp_path, **resources)
    assert ids(report) == ([rule_id] if rule_id else [])
    if rule_id:
        finding = one(report, rule_id)
        assert finding.source.logical_id == where
        assert finding.fix


def test_a_policy_without_statements_about_bedrock_is_nobodys_business(tmp_path):
    wide = {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {"BoolIfExists": {
        "aws:MultiFactorAuthPresent": "true"}}}  # fmt: skip
    assert (
        ids(
            review(
                tmp_path,
                App=role(wide, trust=policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"})),
            )
        )
        == []
    )


#: Who invokes and what records it, and whether the report says that nothing does.
RECORDED = {
    "a role alone": ({"App": role(INVOKE)}, True),
    "with a trail": ({"App": role(INVOKE)} | audit(), False),
    "with an event data store": (
        {"App": role(INVOKE), "Store": {"Type": "AWS::CloudTrail::EventDataStore", "Properties": {}}}, False,
    ),
    "nobody who invokes": ({"App": role({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})}, False),
}  # fmt: skip


@pytest.mark.parametrize("name", RECORDED)
def test_an_input_without_a_trail_is_told_and_is_no_finding(tmp_path, name):
    resources, is_told = RECORDED[name]
    report = review(tmp_path, **resources)
    assert any("declares no trail" in each.says for each in report.blind_spots) is is_told
    assert "trail-misses-bedrock" not in ids(report)
