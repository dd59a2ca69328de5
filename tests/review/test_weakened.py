"""The reference deployment gives no finding; each weakened copy gives the one that shows what was weakened."""

from __future__ import annotations

import pytest

from reference.configuration import (
    AuditConfiguration,
    Configuration,
    ExternalConfiguration,
    OnPremisesConfiguration,
    OrganizationConfiguration,
)
from secure_bedrock.review import load, review_estate
from tests.reference.conftest import Synthesized
from tests.reference.test_external import CENTRE, JOBS, SERVER
from tests.reference.test_gateway import declared
from tests.reference.test_project import DECLARED
from tests.review.conftest import ACCOUNT, REGIONS
from tests.review.weakening import (
    ACCESS,
    AUDIT,
    INVOKE,
    NETWORK,
    OPEN,
    RULES,
    allows,
    another_role,
    detached,
    documents,
    endpoint_policy,
    of_type,
    trusts,
    weakened,
    without,
)

ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
OTHER = {"AWS": "arn:aws:iam::444455556666:root"}
STRICT = OrganizationConfiguration(
    account="999988887777", targets=("ou-ab12-12345678",), allowed_regions=REGIONS,
    allowed_models=("eu.amazon.nova-lite-v1:0",), role_administrators=(f"arn:aws:iam::{ACCOUNT}:role/platform",),
)  # fmt: skip
CONFIGURATIONS = {
    "no account and no Region": Configuration(account=None, region=None),
    "suspended": Configuration(account=ACCOUNT, suspended=True),
    "strict rules": Configuration(account=ACCOUNT, organization=STRICT),
    "workloads outside": Configuration(
        account=ACCOUNT, on_premises=OnPremisesConfiguration(cidrs=(CENTRE,)),
        external=ExternalConfiguration(certificate=SERVER, github=JOBS),
    ),
    "a gateway": Configuration(account=ACCOUNT, gateway=declared(), audit=AuditConfiguration()),
    "a project": Configuration(account=ACCOUNT, team_project=DECLARED),
}  # fmt: skip


def found(report):
    return {finding.rule.id for finding in report.findings if not finding.about_outsiders}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_sound_deployment_gives_no_finding(name):
    report = review_estate(load(Synthesized(CONFIGURATIONS[name]).assembly.directory))
    assert found(report) == set()
    assert report.undecided == ()
    assert report.counts() == ()


def test_the_audited_deployment_gives_no_finding(audited):
    report = review_estate(load(audited))
    assert found(report) == set()
    assert report.undecided == ()
    assert {finding.rule.id for finding in report.findings} == {"unnamed-principals"}


def changed(stack, kind, **properties):
    def change(templates):
        for each in of_type(templates, stack, kind):
            each.update(properties)

    return change


def condition(sid, **block):
    def change(templates):
        statements = [
            each for document in documents(templates) for each in document.get("Statement", ())
            if each.get("Sid") == sid
        ]  # fmt: skip
        assert statements
        for statement in statements:
            statement["Condition"] = block

    return change


def guardrail_by_prefix(templates):
    (ceiling,) = [
        statement for document in documents(templates) for statement in document["Statement"]
        if statement.get("Sid") == "WithoutGuardrail"
    ]  # fmt: skip
    (value,) = ceiling["Condition"].pop("StringNotEquals").values()
    arn = value["Fn::Join"][1][0]
    ceiling["Condition"] = {"ArnNotLike": {"bedrock:GuardrailIdentifier": {"Fn::Join": ["", [arn, "*"]]}}}


def user_with_key(templates):
    statement = {
        "Effect": "Allow",
        "Action": INVOKE,
        "Resource": "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-pro-v1:0",
    }
    templates[ACCESS]["Resources"] |= {
        "Person": {"Type": "AWS::IAM::User", "Properties": {"Policies": [
            {"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}]}},
        "Key": {"Type": "AWS::IAM::AccessKey", "Properties": {"UserName": {"Ref": "Person"}}},
    }  # fmt: skip


def open_group(templates):
    for group in of_type(templates, NETWORK, "AWS::EC2::SecurityGroup"):
        group["SecurityGroupIngress"] = [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "0.0.0.0/0"}]


def statement_of_the_rules(**statement):
    def change(templates):
        (policy,) = of_type(templates, RULES, "AWS::Organizations::Policy")
        policy["Content"]["Statement"].append({"Effect": "Deny", "Resource": "*", **statement})

    return change


MFA = {"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}
#: What is changed, the rule that finds it, what its request says.
WEAKENED = {
    "endpoint policy opened": ([endpoint_policy(OPEN)], "endpoint-open-to-anybody", "through vpce-"),
    "endpoint policy removed": ([endpoint_policy(None)], "endpoint-without-policy", "through vpce-"),
    "endpoint's group opened": ([open_group], "endpoint-open-group", None),
    "calls from any network": ([without("OffNetwork")], "inference-from-anywhere", "inference-profile/eu."),
    "no guardrail": ([without("WithoutGuardrail")], "inference-without-guardrail", "foundation-model/amazon.nova-lite"),
    "guardrail by prefix": ([guardrail_by_prefix], "guardrail-ineffective", "bedrock:GuardrailIdentifier="),
    "any model": (
        [without("OtherModels"), allows(Action=INVOKE), endpoint_policy(OPEN)], "wildcard-model", "InvokeModel",
    ),
    "rules detached": ([detached], "control-policy-not-attached", None),
    "rules that exempt everybody": (
        [condition("ApiKeys", ArnNotLike={"aws:PrincipalArn": "*"})], "control-policy-exempts-everybody", None,
    ),
    "rules that exempt a pattern": (
        [condition("ApiKeys", ArnNotLike={"aws:PrincipalArn": "arn:aws:iam::*:role/admin-*"})],
        "control-policy-exempts-by-pattern", "role/admin-",
    ),
    "API keys on one endpoint": (
        [without("ApiKeys"), statement_of_the_rules(Action="bedrock:CallWithBearerToken")], "api-key-deny-incomplete",
        "bedrock-mantle:CallWithBearerToken",
    ),
    "Regions but for any profile": (
        [without("Destinations"), condition("Regions", StringNotEquals={"aws:RequestedRegion": list(REGIONS)},
                                            StringNotLike={"bedrock:InferenceProfileArn": "*"})],
        "region-ineffective", "unreleased.",
    ),
    "Regions that break the profile": (
        [condition("Regions", StringNotEquals={"aws:RequestedRegion": "eu-west-1"})], "granted-but-denied", None,
    ),
    "trusts another account": ([trusts(OTHER)], "foreign-trust-unconditioned", "444455556666"),
    "trusts anybody": ([trusts("*")], "public-trust", "sts:AssumeRole"),
    "a chain": ([trusts(ROOT), another_role(Action="sts:AssumeRole")], "role-chain", "role/intruder"),
    "becomes a role": (
        [without("OtherRoles"), allows(Action="sts:AssumeRole"), trusts(ROOT)],
        "scoped-role-leads-on", "sts:AssumeRole",
    ),
    "passes roles": ([without("OtherRoles"), allows(Action="iam:PassRole")], "scoped-role-leads-on", "iam:PassRole"),
    "passed": ([another_role(Action="iam:PassRole")], "role-can-be-passed", "role/intruder"),
    "edited": ([another_role(Action="iam:AttachRolePolicy")], "role-can-be-edited", "role/intruder"),
    "another role, all but": ([another_role(NotAction="s3:*")], "inference-by-not-action", "role/intruder"),
    "another role, one action": ([another_role(Action="bedrock:InvokeModel")], "wildcard-model", "role/intruder"),
    "another role, mantle": ([another_role(Action="bedrock-mantle:*")], "wildcard-model", "role/intruder"),
    "another role, batch": ([another_role(Action="bedrock:Create*")], "wildcard-model", "CreateModelInvocationJob"),
    "another role, guardrails": (
        [another_role(Action="bedrock:*Guardrail")], "guardrail-can-be-changed", "role/intruder",
    ),
    "another role, the trail": ([another_role(Action="cloudtrail:*")], "audit-can-be-switched-off", "role/intruder"),
    "an action that does not exist": ([another_role(Action="bedrock:Converse")], "unknown-action", None),
    "a user with a key": ([user_with_key], "user-with-keys", ":user/"),
    "an Allow as if with MFA": (
        [another_role(Action=INVOKE, Condition=MFA)], "mfa-ineffective", "role/intruder",
    ),
    "the trail off": ([changed(AUDIT, "AWS::CloudTrail::Trail", IsLogging=False)], "trail-not-logging", None),
    "the trail's digests off": (
        [changed(AUDIT, "AWS::CloudTrail::Trail", EnableLogFileValidation=False)], "trail-not-validated", None,
    ),
    "alarms off": (
        [changed(AUDIT, "AWS::CloudWatch::Alarm", ActionsEnabled=False),
         changed(AUDIT, "AWS::CloudWatch::CompositeAlarm", AlarmActions=[])], "alarm-tells-nobody", None,
    ),
}  # fmt: skip
CEILING = {
    **dict.fromkeys(("OtherActions", "NoResource", "OtherModels"), "ceiling-incomplete"),
    "OtherResourcesOfApplyGuardrail": "ceiling-incomplete",
    **dict.fromkeys(("OnlyThroughProfile1", "OtherRoles", "TagChanges"), "ceiling-incomplete"),
    **dict.fromkeys(("RevokedByTag", "RevokedResource"), "revocation-ineffective"),
    "OffNetwork": "inference-from-anywhere", "WithoutGuardrail": "inference-without-guardrail",
}  # fmt: skip


def reviewed(assembly, folder, changes):
    return review_estate(load(weakened(assembly, folder, changes)))


@pytest.mark.parametrize("variant", WEAKENED)
def test_a_weakened_deployment_is_found(audited, tmp_path, variant):
    changes, rule_id, shown = WEAKENED[variant]
    report = reviewed(audited, tmp_path, changes)
    assert rule_id in found(report)
    finding = next(each for each in report.findings if each.rule.id == rule_id and not each.about_outsiders)
    assert report.counts()
    assert finding.fix
    assert finding.source is None or finding.source.line
    if shown is not None:
        assert shown in str(finding.witness)
        assert finding.decision.allowed


@pytest.mark.parametrize("sid", CEILING)
def test_each_statement_of_the_ceiling_is_missed(audited, tmp_path, sid):
    report = reviewed(audited, tmp_path, [without(sid)])
    assert CEILING[sid] in found(report)
    finding = next(each for each in report.findings if each.rule.id == CEILING[sid])
    assert finding.decision.allowed


#: What the rules deny to whoever the input does not show, and how a review puts it once they do not.
RAILS = {
    ("ApiKeys",): "use API keys", ("ApiKeyChanges",): "make API keys",
    ("DataRetention",): "change how long Bedrock keeps data",
}  # fmt: skip


@pytest.mark.parametrize("sids", RAILS)
def test_each_rule_of_the_organisation_is_missed_by_the_strict(audited, tmp_path, sids):
    before = {finding.message for finding in review_estate(load(audited)).findings}
    report = reviewed(audited, tmp_path, [without(*sids)])
    (new,) = [finding for finding in report.findings if finding.message not in before]
    assert RAILS[sids] in new.message
    assert new.about_outsiders
    assert new in report.counts(strict=True)
    assert new not in report.counts()
