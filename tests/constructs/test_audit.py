"""BedrockAuditTrail: every property, every refusal, and who may write to what it stores."""

from __future__ import annotations

import json
import re

import aws_cdk as cdk
import pytest
from aws_cdk import aws_chatbot as chatbot
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from secure_bedrock import (
    BedrockAuditTrail,
    Detection,
    InvalidInput,
    InvocationLogging,
    MfaAccountPrincipal,
    Model,
    PrivateBedrockEndpoint,
    ScopedInvokeRole,
    TrailSource,
)
from secure_bedrock.detections import QUERIES, Records, Route, query_for
from tests.constructs.conftest import ACCOUNT, of_type
from tests.estates.intrinsics import Deployment
from tests.oracle.simulator import ask, reason_to_leave_out

TRAIL = f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/secure-bedrock-audit-trail"
BUCKET = f"arn:aws:s3:::secure-bedrock-audit-{ACCOUNT}-eu-west-1"

#: Beside the detections' own.
USAGE = {"calls", "unusual-calls", "unusual-input-tokens", "unusual-output-tokens"}


def audit(place, **changed):
    return BedrockAuditTrail(place.stack("Audit"), "Audit", **changed)


def resources(place, kind):
    return of_type(place.synth()["Audit"], kind)


def alarms(place):
    return {p["AlarmName"].removeprefix("secure-bedrock-audit-"): p for p in resources(place, "AWS::CloudWatch::Alarm")}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"trail": "new"}, "trail: got 'new'; allowed is TrailSource.new"),
        ({"detections": []}, "detections: got an empty list"),
        ({"detections": ["D01"]}, "detections: got 'D01'; allowed is Detection.all"),
        ({"notify": []}, "notify: got an empty list"),
        ({"notify": "ops@example.com"}, "notify: got 'ops@example.com'; allowed is a list"),
        ({"notify": ["ops"]}, "notify: got 'ops'; allowed is e-mail addresses, topics and chat channels"),
        ({"notify": [1]}, "notify: got 1; allowed is e-mail addresses, topics and chat channels"),
        ({"encryption_key": "key"}, "encryption_key: got 'key'; allowed is a kms.IKey"),
        ({"invocation_logging": True}, r"invocation_logging: got True; allowed is InvocationLogging\("),
        ({"detections": Detection.all()[0]}, "detections: got Detection"),
        ({"approved_regions": []}, "approved_regions: got an empty list"),
        ({"approved_regions": ["eu-west-9"]}, "approved_regions: got 'eu-west-9'"),
        ({"approved_endpoints": ["vpc-12345678"]}, "approved_endpoints: got 'vpc-12345678'"),
        ({"approved_endpoints": [f"vpce-{i:017x}" for i in range(40)]}, "D01: the filter pattern has"),
        ({"approved_accounts": ["1234"]}, "approved_accounts: got '1234'; allowed is account ids of 12 digits"),
        ({"approved_models": ["nova"]}, "approved_models: got 'nova'"),
        ({"approved_models": []}, "approved_models: got an empty list"),
        ({"watched_roles": ["a b"]}, "watched_roles: got 'a b'; allowed is names or ARNs of roles"),
        ({"watched_roles": [1]}, "watched_roles: got 1"),
        ({"watched_security_groups": ["sg-1"]}, "watched_security_groups: got 'sg-1'"),
        ({"expected_principals": [1]}, "expected_principals: got 1"),
        ({"expected_principals": ["arn:aws:iam::1:role/*"]}, "expected_principals: got 'arn:aws:iam::1:role/"),
        ({"calls_threshold": 0}, "calls_threshold: got 0"),
        ({"calls_threshold": True}, "calls_threshold: got True"),
    ],
)
def test_a_wrong_property_is_named_with_its_value_and_the_valid_choice(place, changed, message):
    with pytest.raises(InvalidInput, match=f"^{message}"):
        audit(place, **changed)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"text": "yes"}, "invocation_logging.text: got 'yes'"),
        ({"text": False}, "invocation_logging: got nothing to log"),
        ({"replace_existing": 1}, "invocation_logging.replace_existing: got 1"),
    ],
)
def test_wrong_logging_is_refused(given, message):
    with pytest.raises(InvalidInput, match=rf"^{message}"):
        InvocationLogging(**given)


@pytest.mark.parametrize("days", [0, -1, "30"])
def test_a_wrong_object_lock_is_refused(days):
    with pytest.raises(InvalidInput, match=r"^object_lock_days: got"):
        TrailSource.new(object_lock_days=days)


def test_the_trail_sees_every_region_and_validates_its_files(place):
    audit(place)
    (trail,) = resources(place, "AWS::CloudTrail::Trail")
    assert (
        trail["IsMultiRegionTrail"] is trail["EnableLogFileValidation"] is trail["IncludeGlobalServiceEvents"] is True
    )
    assert trail["IsLogging"] is True
    assert trail["InsightSelectors"] == [{"InsightType": "ApiErrorRateInsight"}]


def test_the_trail_records_management_data_and_what_endpoints_deny(place):
    audit(place)
    (trail,) = resources(place, "AWS::CloudTrail::Trail")
    recorded = [
        {field["Field"]: field["Equals"] for field in selector["FieldSelectors"]}
        for selector in trail["AdvancedEventSelectors"]
    ]
    assert recorded[0] == {"eventCategory": ["Management"]}
    assert {"eventCategory": ["Data"], "resources.type": ["AWS::BedrockMantle::Project"]} in recorded
    assert {"eventCategory": ["Data"], "resources.type": ["AWS::Bedrock::Guardrail"]} in recorded
    assert recorded[-1] == {
        "eventCategory": ["NetworkActivity"], "eventSource": ["bedrock.amazonaws.com"],
        "errorCode": ["VpceAccessDenied"],
    }  # fmt: skip


def test_network_activity_can_be_left_out(place):
    audit(place, network_activity_events=False)
    assert "NetworkActivity" not in json.dumps(resources(place, "AWS::CloudTrail::Trail"))


def test_what_is_stored_is_kept_and_named_for_the_scp(place):
    audit(place, invocation_logging=InvocationLogging())
    template = place.synth()["Audit"]
    kept = {"AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::KMS::Key"}
    for resource in template["Resources"].values():
        names = [str(resource.get("Properties", {}).get(each, "")) for each in ("LogGroupName", "RoleName")]
        if resource["Type"] in kept or names[0].startswith("/secure-bedrock/audit/") or "invocations-" in names[1]:
            # Gone with a first deployment that fails, or the next one would find the names taken.
            assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
            assert resource["UpdateReplacePolicy"] == "Retain"
    (bucket,) = of_type(template, "AWS::S3::Bucket")
    assert bucket["BucketName"] == BUCKET.rpartition(":")[2]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["ObjectLockEnabled"] is True
    assert "ObjectLockConfiguration" not in bucket
    for key in of_type(template, "AWS::KMS::Key"):
        assert {"Key": "secure-bedrock", "Value": "audit"} in key["Tags"]
        assert key["EnableKeyRotation"] is True


def test_object_lock_is_a_rule_and_replaces_nothing(make_place):
    def bucket(days):
        place = make_place()
        audit(place, trail=TrailSource.new(object_lock_days=days))
        return resources(place, "AWS::S3::Bucket")[0]

    without, locked = bucket(None), bucket(365)
    assert locked.pop("ObjectLockConfiguration")["Rule"]["DefaultRetention"] == {"Mode": "GOVERNANCE", "Days": 365}
    assert locked == without


FAULTS = {"silence", "trail-denied"}
DELIVERY = {"undelivered", "topic-failures", "event-failures", "event-failures-2", "event-failures-3"}
WITH_FILTER = {detection.id for detection in Detection.all() if Route.FILTER in detection.routes}
KNOWN = {
    "approved_regions": ["eu-west-1"],
    "approved_endpoints": ["vpce-0123456789abcdef0"],
    "approved_models": ["amazon.nova-lite-v1:0"],
    "watched_roles": [f"arn:aws:iam::{ACCOUNT}:role/app"],
    "watched_security_groups": ["sg-0123456789abcdef0"],
}


def test_every_detection_has_a_filter_and_an_alarm_under_the_audits_name(place):
    created = audit(place, invocation_logging=InvocationLogging(), **KNOWN)
    found = alarms(place)
    assert set(found) == WITH_FILTER | USAGE | {"invocation-log-failures"} | FAULTS | DELIVERY
    assert len(created.alarms) == len(found)
    filters = resources(place, "AWS::Logs::MetricFilter")
    for detection in Detection.all():
        if detection.id not in WITH_FILTER:
            continue
        alarm = found[detection.id]
        assert alarm["Threshold"] == detection.threshold
        assert alarm["TreatMissingData"] == "notBreaching"
        assert detection.name in alarm["AlarmDescription"]
        assert detection.runbook[0] in alarm["AlarmDescription"]
        assert f"Run the saved query {query_for(detection.id).name}." in alarm["AlarmDescription"]
        assert "AlarmActions" not in alarm, "a page tells for many"
        of_content = Records.INVOCATIONS in detection.records
        (group,) = {
            str(f["LogGroupName"]) for f in filters if f["MetricTransformations"][0]["MetricName"] == detection.id
        }
        assert ("InvocationLogging" in group) is of_content
    assert len(filters) <= 100
    assert all(len(json.dumps(f["FilterPattern"])) < 1400 for f in filters)


def test_what_is_approved_is_printed_in_the_alarm(place):
    audit(place, **KNOWN | {"approved_regions": ["eu-west-1", "eu-west-2", "eu-west-3", "eu-north-1", "us-east-1"]})
    found = alarms(place)
    assert "Known regions: eu-west-1, eu-west-2, eu-west-3, eu-north-1 and 1 more." in found["D17"]["AlarmDescription"]
    assert "Known models: amazon.nova-lite-v1:0." in found["D31"]["AlarmDescription"]


def test_some_detections_can_be_chosen(place):
    audit(place, detections=Detection.named("D09", "D19"))
    assert set(alarms(place)) == {"D09", "D19"} | USAGE | FAULTS | DELIVERY - {
        "event-failures-2", "event-failures-3"
    }  # fmt: skip


def patterns_in(place) -> dict[str, str]:
    """The filter patterns as a deployment fills them in, by detection."""
    templates = place.synth()
    deployment = Deployment(templates)
    written: dict[str, str] = {}
    for each in of_type(templates["Audit"], "AWS::Logs::MetricFilter"):
        name = each["MetricTransformations"][0]["MetricName"]
        written[name] = written.get(name, "") + deployment.resolve("Audit", each["FilterPattern"])
    return written


def an_app(place, *, name="Net"):
    """An endpoint, a role through it, and one that another account uses with MFA, in stacks after the audit's."""
    net = place.stack(name)
    endpoint = PrivateBedrockEndpoint(net, "Bedrock", vpc=place.vpc(net), client_cidrs=["10.0.1.0/24"])
    access = place.stack(f"{name}Access")
    for role, trusted in (("App", iam.AccountPrincipal(ACCOUNT)), ("Partner", MfaAccountPrincipal("222233334444"))):
        ScopedInvokeRole(
            access, role, assumed_by=trusted, models=["amazon.nova-lite-v1:0"], endpoints=[endpoint],
            role_name=f"{name}{role}",
        )  # fmt: skip


def test_what_is_normal_is_taken_from_constructs_that_come_later(place):
    audit(place)
    an_app(place)
    found = patterns_in(place)
    for detection in ("D01", "D20", "D39"):
        assert re.search(r'"vpce-[0-9a-f]{17}"', found[detection]), detection
    assert '$.awsRegion = "eu-west-1"' in found["D01"]
    assert '$.awsRegion != "eu-west-1"' in found["D17"]
    assert '"eu-*"' in found["D18"]
    assert re.search(r'groupId = "sg-[0-9a-f]{17}"', found["D21"])
    assert '"NetApp"' in found["D22"]
    assert '"NetPartner"' in found["D22"]
    assert f"{ACCOUNT}:role/secure-bedrock/NetPartner" in found["D24"]
    assert "NetApp" not in found["D24"]
    assert f'accountId != "{ACCOUNT}"' in found["D26"]
    assert '"*amazon.nova-lite-v1:0"' in found["D31"]
    assert not any("is not known" in message for message in place.messages())


def test_what_is_said_replaces_what_the_app_tells(place):
    audit(place, **KNOWN, approved_accounts=["222233334444"], expected_principals=[f"arn:aws:iam::{ACCOUNT}:role/cd"])
    an_app(place)
    found = patterns_in(place)
    assert '"vpce-0123456789abcdef0"' in found["D01"]
    assert "awsRegion" not in found["D01"]
    assert '"sg-0123456789abcdef0"' in found["D21"]
    assert "NetApp" not in found["D22"]
    assert '"app"' in found["D22"]
    assert '"222233334444"' in found["D26"]
    assert ACCOUNT not in found["D26"]
    assert f'sessionIssuer.arn != "arn:aws:iam::{ACCOUNT}:role/cd"' in found["D10"]
    assert "sessionIssuer" not in found["D19"]


@pytest.mark.parametrize("elsewhere", ["stage", "region", "account"])
def test_constructs_of_another_stage_account_or_region_are_not_the_audits(place, elsewhere):
    audit(place)
    env = cdk.Environment(
        account="222233334444" if elsewhere == "account" else ACCOUNT,
        region="eu-central-1" if elsewhere == "region" else "eu-west-1",
    )
    scope = cdk.Stage(place.app, "Other") if elsewhere == "stage" else place.app
    net = cdk.Stack(scope, "Net", env=env)
    endpoint = PrivateBedrockEndpoint(net, "Bedrock", vpc=place.vpc(net), client_cidrs=["10.0.1.0/24"])
    ScopedInvokeRole(
        net, "App", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"), models=["amazon.nova-lite-v1:0"],
        endpoints=[endpoint],
    )  # fmt: skip
    assert not {"D01", "D20", "D21", "D31", "D39"} & set(alarms(place))


def test_constructs_as_lists(place):
    stack = place.stack("Audit")
    group = ec2.SecurityGroup.from_security_group_id(stack, "Group", "sg-0123456789abcdef0")
    role = iam.Role.from_role_arn(stack, "Pipeline", f"arn:aws:iam::{ACCOUNT}:role/ci/pipeline")
    BedrockAuditTrail(
        stack, "Audit", watched_security_groups=[group], expected_principals=[role], watched_roles=[role],
        approved_models=[Model.mantle("openai.gpt-oss-120b")],
    )  # fmt: skip
    found = patterns_in(place)
    assert '"sg-0123456789abcdef0"' in found["D21"]
    assert ":role/ci/pipeline" in found["D22"]
    assert '"pipeline"' in found["D22"]
    assert 'requestParameters.model != "openai.gpt-oss-120b"' in found["D15"]
    assert "D31" not in found


def test_what_is_not_known_is_left_out_with_a_warning(place):
    audit(place)
    assert not {"D01", "D17", "D18", "D20", "D21", "D24", "D25", "D31", "D39", "D40"} & set(alarms(place))
    text = " ".join(place.messages())
    assert "D01 (Inference not through an approved endpoint) is left out: approved_endpoints is not known" in text
    assert "secure-bedrock:detection-d17" in text


def test_an_existing_trails_log_group_is_searched_and_no_trail_made(place):
    stack = place.stack("Audit")
    group = logs.LogGroup.from_log_group_name(stack, "Group", "aws-controltower/CloudTrailLogs")
    created = BedrockAuditTrail(stack, "Audit", trail=TrailSource.existing(log_group=group))
    assert created.trail is None
    assert resources(place, "AWS::CloudTrail::Trail") == []
    assert {p["LogGroupName"] for p in resources(place, "AWS::Logs::MetricFilter")} == {
        "aws-controltower/CloudTrailLogs"
    }


def test_without_records_only_calls_are_counted_and_that_is_written_down(place):
    audit(place, trail=TrailSource.none())
    found = alarms(place)
    assert set(found) - DELIVERY == USAGE
    assert (found["calls"]["Namespace"], found["calls"]["MetricName"]) == ("AWS/Bedrock", "Invocations")
    assert any("secure-bedrock:no-records" in message for message in place.messages())


def test_who_is_told(place):
    stack = place.stack("Audit")
    pager = sns.Topic(stack, "Pager")
    slack = chatbot.SlackChannelConfiguration(
        stack, "Slack", slack_channel_configuration_name="alarms", slack_channel_id="C0123456789",
        slack_workspace_id="T0123456789",
    )  # fmt: skip
    BedrockAuditTrail(stack, "Audit", notify=["ops@example.com", pager, slack])
    (channel,) = resources(place, "AWS::Chatbot::SlackChannelConfiguration")
    assert "AuditTopic" in str(channel["SnsTopicArns"])
    (subscription,) = resources(place, "AWS::SNS::Subscription")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "ops@example.com")
    pages = resources(place, "AWS::CloudWatch::CompositeAlarm")
    assert len(pages) == 3
    assert all(len(page["AlarmActions"]) == 2 for page in pages)
    assert any("secure-bedrock:confirm-subscription" in message for message in place.messages())


@pytest.mark.parametrize("rule", ["second-trail", "nobody-is-told"])
def test_what_it_costs_and_leaves_open_is_written_down(place, rule):
    audit(place)
    assert any(f"[ack: secure-bedrock:{rule}]" in message for message in place.messages())


def test_a_topic_of_another_region_is_refused_where_no_alarm_could_reach_it(place):
    stack = place.stack("Audit")
    far = sns.Topic.from_topic_arn(stack, "Far", f"arn:aws:sns:us-east-1:{ACCOUNT}:pager")
    with pytest.raises(InvalidInput, match=r"^notify: got 'arn:aws:sns:us-east-1.*allowed is topics of eu-west-1"):
        BedrockAuditTrail(stack, "Audit", notify=[far])


def test_the_topic_takes_the_audits_own_alarms_only_and_over_tls(place):
    audit(place)
    (policy,) = resources(place, "AWS::SNS::TopicPolicy")
    allowed = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
    assert [statement["Condition"] for statement in allowed] == [
        {
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
            "ArnLike": {"aws:SourceArn": f"arn:aws:cloudwatch:eu-west-1:{ACCOUNT}:alarm:secure-bedrock-audit-*"},
        }
    ]
    assert [s["Condition"] for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Deny"] == [
        {"Bool": {"aws:SecureTransport": "false"}}
    ]


def test_a_key_s_alias_is_refused_for_policies_that_name_it_match_nothing(place):
    alias = kms.Alias.from_alias_name(place.stack(), "Alias", "alias/audit")
    with pytest.raises(InvalidInput, match=r"^encryption_key: got .*allowed is a kms.IKey that is no alias"):
        audit(place, encryption_key=alias)


def test_what_the_trail_does_not_record_has_no_alarm_and_a_warning(place):
    audit(place, network_activity_events=False)
    assert "D04" not in alarms(place)
    text = "D04 (Denied by an endpoint's policy) is left out: there are no network activity events"
    assert any(text in message for message in place.messages())


@pytest.mark.parametrize("recorded", [True, False])
def test_an_existing_trail_is_searched_for_what_it_is_said_to_record(place, recorded):
    stack = place.stack("Audit")
    group = logs.LogGroup.from_log_group_name(stack, "Group", "central")
    source = TrailSource.existing(log_group=group, network_activity_events=recorded)
    created = BedrockAuditTrail(stack, "Audit", trail=source)
    assert ("D04" in alarms(place)) is recorded
    assert created.bucket is None
    assert resources(place, "AWS::S3::Bucket") == []


def test_two_settings_in_two_stages_of_one_account_and_region_fail_the_synth(place):
    for name in ("One", "Two"):
        stack = cdk.Stack(cdk.Stage(place.app, name), "Audit", env=place.env)
        BedrockAuditTrail(stack, "Audit", trail=TrailSource.none(), invocation_logging=InvocationLogging())
    with pytest.raises(RuntimeError, match=r"an account has one setting in a Region, and (One|Two)/Audit"):
        place.synth()


def test_a_second_region_uses_the_first_one_s_role_and_may_pass_its_own(place):
    first = BedrockAuditTrail(place.stack("Audit"), "Audit", invocation_logging=InvocationLogging())
    env = cdk.Environment(account=ACCOUNT, region="eu-central-1")
    role = first.invocation_logging.node.find_child("Role")
    second = place.stack("Second", env=env)
    BedrockAuditTrail(second, "Audit", trail=TrailSource.none(), invocation_logging=InvocationLogging(role=role))
    policies = [
        p["PolicyDocument"]["Statement"] for t in place.synth().values() for p in of_type(t, "AWS::IAM::Policy")
    ]
    passed = [s["Resource"] for statements in policies for s in statements if s["Action"] == "iam:PassRole"]
    assert sorted(passed) == [
        f"arn:aws:iam::{ACCOUNT}:role/secure-bedrock/secure-bedrock-audit-invocations-{region}"
        for region in ("eu-central-1", "eu-west-1")
    ]


def test_two_settings_in_one_account_and_region_fail_the_synth(place):
    for name in ("One", "Two"):
        BedrockAuditTrail(place.stack(name), "Audit", trail=TrailSource.none(), invocation_logging=InvocationLogging())
    with pytest.raises(RuntimeError, match=r"an account has one setting in a Region, and (One|Two)/Audit"):
        place.synth()


def test_the_setting_is_what_bedrock_s_api_takes(place):
    audit(place, invocation_logging=InvocationLogging(images=True))
    deployment = Deployment(place.synth())
    (setting,) = resources(place, "Custom::BedrockInvocationLogging")
    configuration = json.loads(deployment.resolve("Audit", setting["Configuration"]))
    assert configuration["cloudWatchConfig"]["logGroupName"] == "Audit-AuditInvocationLoggingLogGroup4FE4B047"
    assert configuration["s3Config"]["keyPrefix"] == "invocations"
    assert configuration["textDataDeliveryEnabled"] is configuration["imageDataDeliveryEnabled"] is True
    assert configuration["embeddingDataDeliveryEnabled"] is False


def test_the_setting_s_role_has_the_name_the_scp_knows_and_lends_one_role_to_one_service(place):
    audit(place, invocation_logging=InvocationLogging())
    (role,) = [r for r in resources(place, "AWS::IAM::Role") if r.get("RoleName") == "secure-bedrock-audit-logging"]
    assert role["Path"] == "/secure-bedrock/"
    written = [s for p in resources(place, "AWS::IAM::Policy") for s in p["PolicyDocument"]["Statement"]]
    (passed,) = [s for s in written if s["Action"] == "iam:PassRole"]
    assert passed["Condition"] == {"StringEquals": {"iam:PassedToService": "bedrock.amazonaws.com"}}
    assert (
        passed["Resource"] == f"arn:aws:iam::{ACCOUNT}:role/secure-bedrock/secure-bedrock-audit-invocations-eu-west-1"
    )


def test_the_invocation_logs_are_masked_unless_told_otherwise(make_place):
    for wanted in (True, False):
        place = make_place()
        audit(place, invocation_logging=InvocationLogging(data_protection=wanted))
        groups = resources(place, "AWS::Logs::LogGroup")
        assert any("DataProtectionPolicy" in group for group in groups) is wanted


BUCKET_QUESTIONS = [
    ("CloudTrail, this trail", "cloudtrail.amazonaws.com", f"AWSLogs/{ACCOUNT}/CloudTrail/x",
     {"aws:SourceArn": TRAIL}, True),
    ("CloudTrail, another trail", "cloudtrail.amazonaws.com", f"AWSLogs/{ACCOUNT}/CloudTrail/x",
     {"aws:SourceArn": TRAIL.replace(ACCOUNT, "222233334444")}, False),
    ("CloudTrail, no source", "cloudtrail.amazonaws.com", f"AWSLogs/{ACCOUNT}/CloudTrail/x", {}, False),
    ("CloudTrail, another folder", "cloudtrail.amazonaws.com", "elsewhere/x", {"aws:SourceArn": TRAIL}, False),
    ("Bedrock of this account", "bedrock.amazonaws.com", f"invocations/AWSLogs/{ACCOUNT}/BedrockModelInvocationLogs/x",
     {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:*"}, True),
    ("Bedrock of another account", "bedrock.amazonaws.com",
     f"invocations/AWSLogs/{ACCOUNT}/BedrockModelInvocationLogs/x",
     {"aws:SourceAccount": "222233334444", "aws:SourceArn": "arn:aws:bedrock:eu-west-1:222233334444:*"}, False),
    ("another service", "logging.s3.amazonaws.com", f"AWSLogs/{ACCOUNT}/CloudTrail/x", {"aws:SourceArn": TRAIL}, False),
    ("an administrator", f"arn:aws:iam::{ACCOUNT}:role/administrator", f"AWSLogs/{ACCOUNT}/CloudTrail/x", {}, False),
    ("CloudTrail, another key", "cloudtrail.amazonaws.com", f"AWSLogs/{ACCOUNT}/CloudTrail/x",
     {"aws:SourceArn": TRAIL, "s3:x-amz-server-side-encryption-aws-kms-key-id": "arn:aws:kms:eu-west-1:1:key/other"},
     False),
    ("CloudTrail, another encryption", "cloudtrail.amazonaws.com", f"AWSLogs/{ACCOUNT}/CloudTrail/x",
     {"aws:SourceArn": TRAIL, "s3:x-amz-server-side-encryption": "AES256"}, False),
    ("CloudTrail, AWS's own key", "cloudtrail.amazonaws.com", f"AWSLogs/{ACCOUNT}/CloudTrail/x",
     {"aws:SourceArn": TRAIL, "s3:x-amz-server-side-encryption": "aws:kms"}, False),
    ("CloudTrail, the audit's key", "cloudtrail.amazonaws.com", f"AWSLogs/{ACCOUNT}/CloudTrail/x",
     {"aws:SourceArn": TRAIL, "s3:x-amz-server-side-encryption": "aws:kms",
      "s3:x-amz-server-side-encryption-aws-kms-key-id": "THE KEY"}, True),
    ("CloudTrail, two layers of another key", "cloudtrail.amazonaws.com", f"AWSLogs/{ACCOUNT}/CloudTrail/x",
     {"aws:SourceArn": TRAIL, "s3:x-amz-server-side-encryption": "aws:kms:dsse"}, False),
    ("CloudTrail, the caller's key", "cloudtrail.amazonaws.com", f"AWSLogs/{ACCOUNT}/CloudTrail/x",
     {"aws:SourceArn": TRAIL, "s3:x-amz-server-side-encryption-customer-algorithm": "AES256"}, False),
    ("CloudTrail into the invocation logs", "cloudtrail.amazonaws.com",
     f"invocations/AWSLogs/{ACCOUNT}/BedrockModelInvocationLogs/x", {"aws:SourceArn": TRAIL}, False),
    ("Bedrock into the records", "bedrock.amazonaws.com", f"AWSLogs/{ACCOUNT}/CloudTrail/x",
     {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:*"}, False),
    ("Bedrock of another Region", "bedrock.amazonaws.com",
     f"invocations/AWSLogs/{ACCOUNT}/BedrockModelInvocationLogs/x",
     {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": f"arn:aws:bedrock:us-east-1:{ACCOUNT}:*"}, False),
    ("CloudTrail, without TLS", "cloudtrail.amazonaws.com", f"AWSLogs/{ACCOUNT}/CloudTrail/x",
     {"aws:SourceArn": TRAIL, "aws:SecureTransport": "false"}, False),
]  # fmt: skip


@pytest.mark.skipif(reason_to_leave_out() is not None, reason=str(reason_to_leave_out()))
def test_who_may_put_into_the_bucket_by_the_simulator(place):
    audit(place)
    templates = place.synth()
    (policy,) = of_type(templates["Audit"], "AWS::S3::BucketPolicy")
    deployment = Deployment(templates)
    document = deployment.resolve("Audit", policy["PolicyDocument"])
    (key,) = {
        str(s["Condition"]["StringNotEquals"]["s3:x-amz-server-side-encryption-aws-kms-key-id"])
        for s in document["Statement"] if s.get("Sid") in ("OnlyTheKey", "NoOtherKey")
    }  # fmt: skip
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    simulations = [
        {
            "request": {
                "principal": who, "action": "s3:PutObject",
                "resource": {"resource": f"arn:aws:s3:::Audit-AuditBucket7486E833/{path}", "accountId": ACCOUNT},
                "contextVariables": {
                    "aws:SecureTransport": "true", "s3:TlsVersion": "1.3",
                    **({"aws:PrincipalServiceName": who} if who.endswith("amazonaws.com") else {}),
                    **{name: key if value == "THE KEY" else value for name, value in context.items()},
                },
            },
            "identityPolicies": [] if who.endswith("amazonaws.com") else [{"name": "all", "policy": everything}],
            "serviceControlPolicies": [], "resourceControlPolicies": [], "resourcePolicy": document,
        }
        for _, who, path, context, _ in BUCKET_QUESTIONS
    ]  # fmt: skip
    answers = ask(simulations)
    assert [answer.problem for answer in answers] == [None] * len(answers)
    wrong = [
        (row[0], answer.result)
        for row, answer in zip(BUCKET_QUESTIONS, answers, strict=True)
        if (answer.result == "Allowed") != row[4]
    ]
    assert wrong == []


def test_the_key_lets_in_the_audit_s_services_only_and_says_whose(place):
    audit(place)
    (key,) = resources(place, "AWS::KMS::Key")
    services = {
        str(s["Principal"]["Service"]): s["Condition"]
        for s in key["KeyPolicy"]["Statement"]
        if "Service" in s["Principal"]
    }
    assert set(services) == {
        "cloudtrail.amazonaws.com", "logs.eu-west-1.amazonaws.com", "cloudwatch.amazonaws.com", "bedrock.amazonaws.com",
    }  # fmt: skip
    assert services["cloudtrail.amazonaws.com"] == {"StringEquals": {"aws:SourceArn": TRAIL}}
    trail_logs = f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/secure-bedrock/audit/trail"
    assert services["logs.eu-west-1.amazonaws.com"]["ArnEquals"] == {"kms:EncryptionContext:aws:logs:arn": trail_logs}
    assert all(services.values())


def test_it_synthesizes_without_an_environment(make_place):
    place = make_place(account=None, region=None)
    BedrockAuditTrail(cdk.Stack(place.app, "Audit"), "Audit", invocation_logging=InvocationLogging())
    assert "arn:aws:" not in json.dumps(place.synth()["Audit"])


def test_a_bucket_and_a_key_of_another_account_are_asked_of_their_owner(place):
    stack = place.stack("Audit")
    bucket = s3.Bucket.from_bucket_attributes(
        stack, "Central", bucket_arn="arn:aws:s3:::central-logs", account="444455556666"
    )
    key = kms.Key.from_key_arn(
        stack, "Key", "arn:aws:kms:eu-west-1:444455556666:key/00000000-0000-0000-0000-000000000000"
    )
    BedrockAuditTrail(stack, "Audit", trail=TrailSource.new(bucket=bucket), encryption_key=key)
    templates = place.synth()
    assert of_type(templates["Audit"], "AWS::S3::Bucket") == []
    (trail,) = of_type(templates["Audit"], "AWS::CloudTrail::Trail")
    assert trail["S3BucketName"] == "central-logs"
    printed = {rule: text for text in place.messages() for rule in ("foreign-bucket", "foreign-key") if rule in text}
    for rule, sids in {
        # No denies: a bucket that others own has other writers.
        "foreign-bucket": {"TrailChecks", "TrailWrites", "InvocationLogs"},
        "foreign-key": {"Trail", "LogGroups", "Alarms", "Events", "InvocationLogs"},
    }.items():
        text = printed[rule].partition("these statements: ")[2].partition(" [ack")[0]
        statements = json.loads(text)
        assert {statement["Sid"] for statement in statements} == sids
        assert all("Condition" in statement for statement in statements)


def test_a_bucket_of_the_same_app_gets_its_statements(place):
    stack = place.stack("Audit")
    bucket = s3.Bucket(stack, "Own", versioned=True)
    BedrockAuditTrail(stack, "Audit", trail=TrailSource.new(bucket=bucket))
    (policy,) = resources(place, "AWS::S3::BucketPolicy")
    assert "TrailWrites" in {statement.get("Sid") for statement in policy["PolicyDocument"]["Statement"]}
    assert not any("foreign-bucket" in message for message in place.messages())


def test_a_lock_on_a_bucket_of_one_s_own_is_refused(place):
    bucket = s3.Bucket(place.stack(), "Own")
    with pytest.raises(InvalidInput, match=r"^object_lock_days: got 30; allowed is a rule for a new bucket"):
        TrailSource.new(bucket=bucket, object_lock_days=30)


def test_what_an_existing_trail_may_lack_is_written_down(place):
    stack = place.stack("Audit")
    group = logs.LogGroup.from_log_group_name(stack, "Group", "central")
    BedrockAuditTrail(stack, "Audit", trail=TrailSource.existing(log_group=group))
    text = " ".join(place.messages())
    assert "the existing trail must record management events of every Region, reads among them, for D01, D02" in text
    assert "D15 (Inference on bedrock-mantle that nobody declared) is left out: there are no data events" in text
    assert "D26 (A caller of another account) is left out: approved_accounts is not known" in text
    assert "D04 (Denied by an endpoint's policy) is left out: there are no network activity events" in text


def test_the_dashboard_shows_calls_and_findings(place):
    audit(place)
    (dashboard,) = resources(place, "AWS::CloudWatch::Dashboard")
    body = json.loads(Deployment(place.synth()).resolve("Audit", dashboard["DashboardBody"]))
    text, calls, *found = body["widgets"]
    assert "Look now" in text["properties"]["markdown"]
    assert calls["properties"]["title"] == "Calls of Bedrock in five minutes"
    shown = [metric[1] for widget in found for metric in widget["properties"]["metrics"]]
    assert sorted(shown) == sorted(WITH_FILTER & set(alarms(place))), "a line for each alarm, none for what is left out"
    assert "D01" not in shown
    assert [widget["properties"]["title"].partition(" (")[0] for widget in found] == sorted(
        (widget["properties"]["title"].partition(" (")[0] for widget in found),
        key=["Look now", "Look within the hour", "Look today", "Look when there is time"].index,
    )
    assert all(len(widget["properties"]["metrics"]) <= 8 for widget in found), "more lines nobody can tell apart"


def test_the_dashboards_widgets_do_not_overlap(place):
    audit(place)
    (dashboard,) = resources(place, "AWS::CloudWatch::Dashboard")
    body = json.loads(Deployment(place.synth()).resolve("Audit", dashboard["DashboardBody"]))
    cells = [
        (x, y)
        for each in body["widgets"]
        for x in range(each.get("x", 0), each.get("x", 0) + each["width"])
        for y in range(each.get("y", 0), each.get("y", 0) + each["height"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_queries_whose_records_are_there_are_saved(place):
    made = audit(place, invocation_logging=InvocationLogging())
    found = {p["Name"]: p for p in resources(place, "AWS::Logs::QueryDefinition")}
    assert set(found) == {query.name for query in QUERIES}
    assert {query.id for query in QUERIES} == set(made.queries)
    for query in QUERIES:
        (group,) = found[query.name]["LogGroupNames"]
        assert found[query.name]["QueryString"] == query.text
        assert ("InvocationLogging" in json.dumps(group)) == (query.records == Records.INVOCATIONS)


def test_without_records_no_query_is_saved(place):
    assert not audit(place, trail=TrailSource.none()).queries


def test_what_an_existing_trail_records_decides_on_the_queries(place):
    stack = place.stack("Audit")
    group = logs.LogGroup.from_log_group_name(stack, "Existing", "trail")
    given = {"network_activity_events": False, "data_events": True}
    made = BedrockAuditTrail(stack, "Audit", trail=TrailSource.existing(log_group=group, **given))
    assert "on-mantle" in made.queries
    assert not {"denied-by-endpoint", "tokens-by-model"} & set(made.queries)
