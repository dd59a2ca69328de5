"""The whole way: the CDK CLI deploys the reference app, and signed calls are allowed and refused by it."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from drill import cdk, demo
from drill.calls import Outcome, assume, attempt, converse
from drill.cloud import emulated
from drill.deployment import BUCKET, Deployment
from drill.environment import ACCOUNT, REGION
from drill.facts import every_fact, read
from drill.rows import MODEL, OTHER_MODEL, UNAPPROVED_MODEL, Row, rows
from secure_bedrock.policy import Endpoint, Estate, Policy, Principal, Request, evaluate

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    room = tmp_path_factory.mktemp("drill")
    if shutil.which("cdk") is None:
        pytest.skip("the CDK CLI is not on the PATH; run this by `make test`")
    with emulated(room / "log") as running:
        cdk.bootstrap(running, room)
        told = []
        demo.deploy(running, room, report=told.append)
        assert sum(line.split()[0] == "secure-bedrock-access" for line in told) == 1, told
        yield running


@pytest.fixture(scope="module")
def outputs(cloud):
    return demo.outputs_of(cloud)


def test_every_row_of_the_demo_happens_as_expected(cloud, outputs, capsys, tmp_path):
    """The leaver's role is deployed anew in between, and its session refused from then on."""

    def revoke(moment):
        demo.deploy(cloud, tmp_path, callers_only=True, context={"revoke": moment})

    assert demo.show(rows(cloud, outputs, revoke)) == 0, capsys.readouterr().out
    said = capsys.readouterr().out
    assert len(re.findall(r"refused +refused", said)) >= 20, said


def test_the_demo_notices_a_call_that_goes_otherwise(cloud, outputs, capsys):
    stranger = cloud.client("bedrock-runtime", assume(cloud, outputs["Stranger"]))
    wrong = Row("stranger", "public path", converse(stranger, MODEL, None), refused_by=None)
    assert demo.show([wrong]) == 1
    assert "expected an answer" in capsys.readouterr().out


def test_the_ceiling_is_what_stops_the_widened_role(cloud, outputs):
    """The same call goes through once the ceiling is taken away, and is stopped again once it is back."""
    name = outputs["Widened"].rpartition("/")[2]
    iam = cloud.client("iam")
    ceiling = iam.get_role_policy(RoleName=name, PolicyName="secure-bedrock-ceiling")["PolicyDocument"]
    caller = cloud.client("bedrock-runtime", assume(cloud, outputs["Widened"]))
    call = converse(caller, OTHER_MODEL, None)
    assert not attempt(call).allowed
    iam.delete_role_policy(RoleName=name, PolicyName="secure-bedrock-ceiling")
    assert attempt(call) == Outcome(allowed=True, decided_by="every layer allows")
    iam.put_role_policy(RoleName=name, PolicyName="secure-bedrock-ceiling", PolicyDocument=json.dumps(ceiling))
    assert not attempt(call).allowed


def test_the_organisations_policy_is_read_back_detached_and_missed(cloud, outputs):
    """A call that the SCP denies goes through once it is detached, and is denied again once it is attached."""
    organizations = cloud.client("organizations")
    root = organizations.list_roots()["Roots"][0]["Id"]
    attached = organizations.list_policies_for_target(TargetId=root, Filter="SERVICE_CONTROL_POLICY")["Policies"]
    ours = [policy for policy in attached if not policy["AwsManaged"]]
    contents = [organizations.describe_policy(PolicyId=policy["Id"])["Policy"]["Content"] for policy in ours]
    assert all(len(content) <= 5120 for content in contents)
    assert any('"Sid":"Models"' in content for content in contents)
    administrator = cloud.client("bedrock-runtime", assume(cloud, outputs["Administrator"]))
    call = converse(administrator, UNAPPROVED_MODEL, None)
    assert attempt(call).decided_by == "service control policy (Models)"
    for policy in ours:
        organizations.detach_policy(PolicyId=policy["Id"], TargetId=root)
    assert attempt(call).allowed
    for policy in ours:
        organizations.attach_policy(PolicyId=policy["Id"], TargetId=root)
    assert not attempt(call).allowed


def test_the_endpoint_is_read_back_with_its_policy_and_private_dns(cloud, outputs):
    found = cloud.client("ec2").describe_vpc_endpoints(VpcEndpointIds=[outputs["Endpoint"]])["VpcEndpoints"][0]
    assert found["PrivateDnsEnabled"] is True
    policy = Policy.from_plain(json.loads(found["PolicyDocument"]))
    endpoint = Endpoint(service="bedrock-runtime", vpc=found["VpcId"], policy=policy)
    estate = Estate(
        principals={"stranger": Principal.administrator(outputs["Stranger"])}, endpoints={outputs["Endpoint"]: endpoint}
    )
    model = f"arn:aws:bedrock:{REGION}::foundation-model/amazon.nova-lite-v1:0"
    asked = Request(principal="stranger", action="bedrock:InvokeModel", resource=model, endpoint=outputs["Endpoint"])
    decision = evaluate(estate, asked)
    assert (decision.allowed, decision.layer) == (False, "endpoint")


def test_the_guardrail_is_read_back_with_its_filters(cloud, outputs):
    found = cloud.client("bedrock").get_guardrail(guardrailIdentifier=outputs["GuardrailId"])
    assert {entry["type"] for entry in found["contentPolicy"]["filters"]} >= {"PROMPT_ATTACK", "VIOLENCE"}


def test_every_fact_of_the_drill_holds_and_a_change_by_hand_is_seen(cloud, outputs):
    assert [each for each in read(every_fact(Deployment(cloud, outputs))) if not each.holds] == []
    s3, cloudtrail = cloud.client("s3"), cloud.client("cloudtrail")
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})
    cloudtrail.stop_logging(Name="secure-bedrock-audit-trail")
    seen = {each.fact.name for each in read(every_fact(Deployment(cloud, outputs))) if not each.holds}
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    cloudtrail.start_logging(Name="secure-bedrock-audit-trail")
    assert seen == {"the bucket keeps versions", "the trail records"}


def test_the_function_has_no_way_out_but_the_endpoint(cloud):
    groups = cloud.client("ec2").describe_security_groups()["SecurityGroups"]
    (group,) = [group for group in groups if "FunctionSecurityGroup" in group["GroupName"]]
    ways = [rule for rule in group["IpPermissionsEgress"] if rule.get("IpProtocol") != "icmp"]
    assert [(rule["FromPort"], rule["ToPort"], rule["UserIdGroupPairs"] != []) for rule in ways] == [(443, 443, True)]


def test_the_emulator_is_gone_afterwards(tmp_path):
    code = (
        "import sys; from pathlib import Path; from drill.cloud import emulated\n"
        "with emulated(Path(sys.argv[1])) as cloud:\n    print(cloud.port)\n    raise SystemExit(3)\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "log")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 3, finished.stderr
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(finished.stdout))) != 0


def test_the_audit_is_read_back(cloud):
    """The trail runs, its filters are there, and the custom resource has set invocation logging."""
    trails = cloud.client("cloudtrail")
    (trail,) = trails.describe_trails()["trailList"]
    assert trail["Name"] == "secure-bedrock-audit-trail"
    assert trail["IsMultiRegionTrail"] is trail["LogFileValidationEnabled"] is True
    assert trails.get_trail_status(Name=trail["Name"])["IsLogging"] is True
    selectors = trails.get_event_selectors(TrailName=trail["Name"])["AdvancedEventSelectors"]
    assert {field["Equals"][0] for s in selectors for field in s["FieldSelectors"]} >= {"Management", "NetworkActivity"}
    filters = cloud.client("logs").describe_metric_filters(logGroupName="/secure-bedrock/audit/trail")["metricFilters"]
    assert {found["filterName"] for found in filters} >= {"secure-bedrock-audit-D01", "secure-bedrock-audit-D17"}
    pages = (
        cloud.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix="secure-bedrock-audit-")
    )
    alarms = [alarm for page in pages for alarm in page["MetricAlarms"]]
    names = [alarm["AlarmName"].removeprefix("secure-bedrock-audit-").partition("-")[0] for alarm in alarms]
    assert (names.count("project"), names.count("access")) == (3, 2)
    counted = {each["metricName"] for found in filters for each in found["metricTransformations"]}
    assert counted - {alarm.get("MetricName") for alarm in alarms} == set(), "a metric that nobody watches"
    setting = cloud.client("bedrock").get_model_invocation_logging_configuration()["loggingConfig"]
    assert setting["cloudWatchConfig"]["logGroupName"] == "/secure-bedrock/audit/invocations"
    assert setting["textDataDeliveryEnabled"] is True


def test_the_team_s_project_is_read_back(cloud):
    """A profile with the project's tags, and a budget that counts them."""
    bedrock = cloud.client("bedrock")
    (profile,) = bedrock.list_inference_profiles(typeEquals="APPLICATION")["inferenceProfileSummaries"]
    tags = bedrock.list_tags_for_resource(resourceARN=profile["inferenceProfileArn"])["tags"]
    found = {(tag["key"], tag["value"]) for tag in tags}
    assert found >= {("project", "reference"), ("cost-center", "4711")}
    (budget,) = cloud.client("budgets").describe_budgets(AccountId=ACCOUNT)["Budgets"]
    assert budget["CostFilters"] == {"TagKeyValue": ["user:project$reference"]}


def test_the_report_of_who_holds_permissions_is_read_back(cloud, outputs):
    """Run as the schedule does: by its own role, into the audit's bucket, with the uses that the calls here left."""
    for name in ("Friend", "Administrator"):
        client = cloud.client("bedrock-runtime", assume(cloud, outputs[name]))
        attempt(converse(client, MODEL, None))
    functions = cloud.client("lambda")
    event = json.dumps({"time": "2026-11-23T06:00:00Z"}).encode()
    answer = functions.invoke(FunctionName="secure-bedrock-audit-access-report", Payload=event)
    said = json.load(answer["Payload"])
    assert "FunctionError" not in answer, said
    assert said["key"] == "access/2026/11/23/bedrock-access-20261123T060000Z.csv"
    bucket = f"secure-bedrock-audit-{ACCOUNT}-{REGION}"
    body = cloud.client("s3").get_object(Bucket=bucket, Key=said["key"])["Body"].read().decode()
    rows = {row["principal"]: row for row in csv.DictReader(io.StringIO(body))}
    friend, administrator = rows[outputs["Friend"]], rows[outputs["Administrator"]]
    assert (friend["scoped_role"], administrator["scoped_role"]) == ("yes", "no")
    assert friend["region"] == administrator["region"] == REGION
    assert administrator["actions"] == "bedrock:*"
    assert outputs["Stranger"] not in rows
    unused = [row for row in rows.values() if row["last_used"] == "never"]
    assert unused
    assert all(row["last_used"] != "unknown" for row in rows.values())
    assert next(iter(rows)) == min(rows, key=lambda arn: rows[arn]["scoped_role"] == "yes")


def test_nobody_else_writes_where_the_report_does(cloud, outputs):
    """The bucket's policy spares the report's role, by its ARN."""
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    name = outputs["Stranger"].rsplit("/", 1)[-1]
    iam = cloud.client("iam")
    iam.put_role_policy(RoleName=name, PolicyName="everything", PolicyDocument=json.dumps(everything))
    try:
        stranger = cloud.client("s3", assume(cloud, outputs["Stranger"]))
        with pytest.raises(ClientError, match="AccessDenied"):
            stranger.put_object(Bucket=f"secure-bedrock-audit-{ACCOUNT}-{REGION}", Key="access/forged.csv", Body=b"x")
    finally:
        iam.delete_role_policy(RoleName=name, PolicyName="everything")
