"""AccessAudit: analyzers and their rules, the way of findings, the report's function, and what is refused."""

from __future__ import annotations

import inspect
import json

import pytest
from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from secure_bedrock import AccessAudit, ArchiveRule, BedrockAuditTrail, InvalidInput, TrailSource
from tests.constructs.conftest import ACCOUNT, of_type
from tests.estates.intrinsics import Deployment
from tests.oracle.simulator import ask, reason_to_leave_out

ANALYZER, RULE, FUNCTION = "AWS::AccessAnalyzer::Analyzer", "AWS::Events::Rule", "AWS::Lambda::Function"
BUCKET = f"arn:aws:s3:::secure-bedrock-audit-{ACCOUNT}-eu-west-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/secure-bedrock/secure-bedrock-audit-access-eu-west-1"
CI = ArchiveRule(name="ci", reason="the CI system assumes it by OIDC", criteria={"resource": {"contains": ["ci"]}})


def audited(place, **changed):
    audit = BedrockAuditTrail(place.stack("Audit"), "Audit", notify=["security@example.com"])
    return AccessAudit(place.stack("Access"), "Access", **{"audit": audit, **changed})


def made(place, kind, stack="Access"):
    return of_type(place.synth()[stack], kind)


# --- analyzers and findings


@pytest.mark.parametrize(
    ("organization", "types"),
    [(False, ["ACCOUNT", "ACCOUNT_UNUSED_ACCESS"]), (True, ["ORGANIZATION", "ORGANIZATION_UNUSED_ACCESS"])],
)
def test_external_and_unused_access_are_analyzed(place, organization, types):
    audited(place, organization=organization, unused_access_age=30)
    external, unused = made(place, ANALYZER)
    assert [external["Type"], unused["Type"]] == types
    assert unused["AnalyzerConfiguration"] == {"UnusedAccessConfiguration": {"UnusedAccessAge": 30}}
    assert "AnalyzerConfiguration" not in external


def test_an_archive_rule_stands_at_its_analyzer_with_its_reason(place):
    idle = ArchiveRule(name="idle", reason="break glass is meant to be idle", unused=True,
                       criteria={"resource": {"eq": ["arn:x"]}, "error": {"exists": False}})  # fmt: skip
    audited(place, archive_rules=[CI, idle])
    external, unused = [r for r in place.synth()["Access"]["Resources"].values() if r["Type"] == ANALYZER]
    assert external["Properties"]["ArchiveRules"] == [
        {"RuleName": "ci", "Filter": [{"Property": "resource", "Contains": ["ci"]}]}
    ]
    assert external["Metadata"]["secure-bedrock:archived"] == {"ci": CI.reason}
    assert unused["Properties"]["ArchiveRules"][0]["Filter"] == [
        {"Property": "resource", "Eq": ["arn:x"]}, {"Property": "error", "Exists": False},
    ]  # fmt: skip


def test_active_findings_of_these_analyzers_go_to_the_topic_by_a_role_of_the_rule_alone(place):
    audited(place)
    findings = next(rule for rule in made(place, RULE) if rule["Name"].endswith("findings"))
    assert findings["EventPattern"]["detail"] == {"status": ["ACTIVE"]}
    assert len(findings["EventPattern"]["resources"]) == 2
    (target,) = findings["Targets"]
    assert "ImportValue" in json.dumps(target["Arn"])
    role = next(r for r in made(place, "AWS::IAM::Role") if r["RoleName"].startswith("secure-bedrock-audit-findings"))
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "events.amazonaws.com"}
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnEquals": {"aws:SourceArn": f"arn:aws:events:eu-west-1:{ACCOUNT}:rule/secure-bedrock-audit-access-findings"},
    }


# --- the report


def test_the_report_runs_weekly_unless_told_otherwise(place, make_place):
    audited(place)
    assert (
        next(r for r in made(place, RULE) if "ScheduleExpression" in r)["ScheduleExpression"] == "cron(0 6 ? * MON *)"
    )
    other = make_place()
    audited(other, schedule=events.Schedule.expression("rate(1 day)"))
    assert [r["ScheduleExpression"] for r in made(other, RULE) if "ScheduleExpression" in r] == ["rate(1 day)"]


def test_a_run_that_fails_or_cannot_start_is_kept_and_told(place):
    audited(place)
    (retries,) = made(place, "AWS::Lambda::EventInvokeConfig")
    (schedule,) = [rule for rule in made(place, RULE) if "ScheduleExpression" in rule]
    queue = retries["DestinationConfig"]["OnFailure"]["Destination"]
    assert schedule["Targets"][0]["DeadLetterConfig"]["Arn"] == queue
    alarms = made(place, "AWS::CloudWatch::Alarm")
    assert {(a["Namespace"], a["MetricName"]) for a in alarms} == {
        ("AWS/Lambda", "Errors"), ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
    }  # fmt: skip
    assert all(a["AlarmName"].startswith("secure-bedrock-audit-") and a["AlarmActions"] for a in alarms)
    (policy,) = made(place, "AWS::SQS::QueuePolicy")
    tls, undelivered = policy["PolicyDocument"]["Statement"]
    assert tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert "ArnEquals" in undelivered["Condition"]


def held_by_the_report(place):
    deployment = Deployment(place.synth())
    for template in deployment.templates.values():
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::IAM::Policy" and "ReportRole" in json.dumps(resource["Properties"]["Roles"]):
                return _resolved(deployment, resource["Properties"]["PolicyDocument"])
    raise AssertionError("no policy")


def _resolved(deployment, document):
    """What the policy says, with the ARNs that the questions name."""
    text = json.dumps(document)
    exports = {o["Export"]["Name"]: o["Value"] for t in deployment.templates.values()
               for o in t.get("Outputs", {}).values() if "Export" in o}  # fmt: skip
    for name, value in exports.items():
        kind = json.dumps(value)
        arn = {"Bucket": BUCKET, "Key": f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/k"}
        found = next((a for word, a in arn.items() if f"Audit{word}" in kind), f"arn:aws:sns:eu-west-1:{ACCOUNT}:topic")
        text = text.replace(json.dumps({"Fn::ImportValue": name}), json.dumps(found))
    plain = json.loads(text)
    for statement in plain["Statement"]:
        if isinstance(statement["Resource"], dict) and "Fn::Join" in statement["Resource"]:
            statement["Resource"] = "".join(statement["Resource"]["Fn::Join"][1])
        statement.pop("Condition", None)
        if isinstance(statement["Resource"], dict):
            statement["Resource"] = f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:x:*"
    return plain


@pytest.mark.skipif(reason_to_leave_out() is not None, reason=str(reason_to_leave_out()))
def test_the_role_of_the_report_reads_writes_one_prefix_and_publishes_and_nothing_else(place):
    audited(place)
    policy = held_by_the_report(place)
    user, role = f"arn:aws:iam::{ACCOUNT}:user/u", f"arn:aws:iam::{ACCOUNT}:role/r"
    asked = [
        ("iam:GetAccountAuthorizationDetails", "*", True),
        ("iam:GenerateServiceLastAccessedDetails", role, True),
        ("iam:GetServiceLastAccessedDetails", "*", True),
        ("iam:GetPolicyVersion", "arn:aws:iam::aws:policy/AdministratorAccess", True),
        ("iam:ListAccessKeys", user, True),
        ("iam:ListServiceSpecificCredentials", user, True),
        ("s3:PutObject", f"{BUCKET}/access/2026/x.csv", True),
        ("s3:PutObject", f"{BUCKET}/AWSLogs/x", False),
        ("s3:PutObject", "arn:aws:s3:::other/access/x", False),
        ("s3:GetObject", f"{BUCKET}/access/2026/x.csv", False),
        ("s3:DeleteObject", f"{BUCKET}/access/2026/x.csv", False),
        ("sns:Publish", f"arn:aws:sns:eu-west-1:{ACCOUNT}:topic", True),
        ("sns:Publish", f"arn:aws:sns:eu-west-1:{ACCOUNT}:other", False),
        ("iam:CreateAccessKey", user, False),
        ("iam:PutRolePolicy", role, False),
        ("iam:CreateServiceSpecificCredential", user, False),
        ("bedrock:InvokeModel", "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0", False),
        ("sts:AssumeRole", role, False),
    ]
    answers = ask([
        {"request": {"principal": ROLE, "action": action, "resource": {"resource": resource, "accountId": ACCOUNT},
                     "contextVariables": {}},
         "identityPolicies": [{"name": "p", "policy": policy}], "serviceControlPolicies": [],
         "resourceControlPolicies": []}
        for action, resource, _ in asked
    ])  # fmt: skip
    found = [(action, resource, answer.result == "Allowed") for (action, resource, _), answer in
             zip(asked, answers, strict=True)]  # fmt: skip
    assert [answer.problem for answer in answers if answer.problem] == []
    assert found == asked


def test_the_audits_bucket_refuses_everybody_but_its_services_and_this_role(place):
    audited(place)
    (policy,) = made(place, "AWS::S3::BucketPolicy", "Audit")
    (guard,) = [s for s in policy["PolicyDocument"]["Statement"] if s.get("Sid") == "OnlyServicesPut"]
    assert guard["Condition"]["ArnNotEquals"] == {"aws:PrincipalArn": [ROLE]}
    assert guard["Condition"]["StringNotEquals"]["aws:PrincipalServiceName"]
    assert "ImportValue" not in json.dumps(place.synth()["Audit"])


def test_without_a_report_nobody_is_spared(place):
    audited(place, report=False)
    (policy,) = made(place, "AWS::S3::BucketPolicy", "Audit")
    (guard,) = [s for s in policy["PolicyDocument"]["Statement"] if s.get("Sid") == "OnlyServicesPut"]
    assert set(guard["Condition"]) == {"StringNotEquals"}
    assert made(place, FUNCTION) == []


def test_a_bucket_and_a_topic_of_ones_own(place):
    stack = place.stack("Access")
    bucket = s3.Bucket.from_bucket_name(stack, "B", "mine")
    topic = sns.Topic.from_topic_arn(stack, "T", f"arn:aws:sns:eu-west-1:{ACCOUNT}:mine")
    AccessAudit(stack, "Access", bucket=bucket, topic=topic)
    (function,) = made(place, FUNCTION)
    assert function["Environment"]["Variables"]["BUCKET"] == "mine"
    assert any(f"must let this role put objects under access/: {ROLE}" in m for m in place.messages())


# --- refusals

WRONG = {
    "audit": [("audit", "got 'audit'")],
    "bucket": [("bucket", "got 'bucket'")],
    "topic": [("topic", "got 'topic'")],
    "topic_key": [("key", "got 'key'")],
    "external_access": [(None, "got None"), (1, "got 1")],
    "unused_access": [(None, "got None")],
    "unused_access_age": [(0, "got 0"), (366, "got 366"), (True, "got True"), ("90", "got '90'"), (1.5, "got 1.5")],
    "organization": [("o-1", "got 'o-1'")],
    "archive_rules": [([], "got an empty list"), (["ci"], "got 'ci'"), ([CI, CI], "got 'ci'")],
    "report": [("weekly", "got 'weekly'")],
    "schedule": [("weekly", "got 'weekly'")],
}


@pytest.mark.parametrize(
    ("name", "value", "message"), [(name, value, said) for name, rows in WRONG.items() for value, said in rows]
)
def test_a_wrong_property_is_named(place, name, value, message):
    with pytest.raises(InvalidInput, match=f"^{name}: {message}"):
        audited(place, **{name: value})


def test_every_property_has_its_refusals():
    assert set(WRONG) == set(inspect.signature(AccessAudit.__init__).parameters) - {"self", "scope", "id"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "1"}, "archive_rules.name: got '1'"),
        ({"reason": "because"}, "archive_rules.reason: got 'because'; allowed is a sentence"),
        ({"criteria": {}}, "archive_rules.criteria: got nothing"),
        ({"criteria": {"resource": {"like": ["x"]}}}, r"archive_rules.criteria\['resource'\]: got"),
        ({"criteria": {"resource": {"eq": "x"}}}, r"archive_rules.criteria\['resource'\].eq: got 'x'"),
        ({"criteria": {"resource": {"exists": "true"}}}, r"archive_rules.criteria\['resource'\].exists: got 'true'"),
        ({"criteria": {"isPublic": {"eq": ["true"]}}}, "no rule that archives public access"),
    ],
)
def test_a_wrong_archive_rule_is_named(given, message):
    with pytest.raises(InvalidInput, match=message):
        ArchiveRule(**{"name": "ci", "reason": CI.reason, "criteria": CI.criteria, **given})


def test_nothing_left_and_nowhere_to_go_are_refused(place):
    stack = place.stack("Access")
    with pytest.raises(InvalidInput, match=r"^topic: got nothing"):
        AccessAudit(stack, "A")
    topic = sns.Topic(stack, "T")
    with pytest.raises(InvalidInput, match=r"^bucket: got nothing"):
        AccessAudit(stack, "B", topic=topic)
    with pytest.raises(InvalidInput, match=r"^report: got False"):
        AccessAudit(stack, "C", topic=topic, external_access=False, unused_access=False, report=False)
    with pytest.raises(InvalidInput, match=r"^archive_rules: got 'ci'; allowed is rules of the analyzers"):
        AccessAudit(stack, "D", topic=topic, external_access=False, archive_rules=[CI])
    none = BedrockAuditTrail(place.stack("None"), "Audit", trail=TrailSource.none())
    with pytest.raises(InvalidInput, match=r"^bucket: got nothing"):
        AccessAudit(stack, "E", audit=none)
    AccessAudit(stack, "F", topic=topic, report=False, topic_key=kms.Key(stack, "K"))


def test_an_audit_of_access_without_an_environment(make_place):
    place = make_place(account=None, region=None)
    audited(place)
    assert len(made(place, ANALYZER)) == 2
