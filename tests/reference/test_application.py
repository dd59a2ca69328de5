"""The reference deployment as it is synthesized."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from syrupy.extensions.json import JSONSnapshotExtension

from reference.configuration import AuditConfiguration, Configuration, OrganizationConfiguration
from secure_bedrock import InvalidInput
from tests.constructs.identity import identities, require_same
from tests.reference.conftest import CDK_JSON

REPOSITORY = Path(__file__).parents[2]
ACCOUNT = "111122223333"
NETWORK, ACCESS = "secure-bedrock-network", "secure-bedrock-access"
IDS = Path(__file__).parent / "logical_ids.json"


def test_nothing_leads_out_of_the_network(default):
    kinds = {resource["Type"] for resource in default.templates[NETWORK]["Resources"].values()}
    assert not kinds & {"AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::VPCGatewayAttachment"}


def test_nothing_is_looked_up(default):
    manifest = json.loads((Path(default.assembly.directory) / "manifest.json").read_text())
    assert "missing" not in manifest


@pytest.mark.parametrize(
    "configuration",
    [Configuration(account="111122223333"), Configuration(region=None),
     Configuration(account="111122223333", region="us-east-1", models=("us.amazon.nova-lite-v1:0",))],
    ids=["account and Region", "neither", "another Region"],
)  # fmt: skip
def test_it_synthesizes_with_and_without_an_environment(synthesized, configuration):
    made = synthesized(configuration)
    assert set(made.templates) == {NETWORK, ACCESS}
    assert "missing" not in json.loads((Path(made.assembly.directory) / "manifest.json").read_text())


def test_the_zones_can_be_named(synthesized):
    made = synthesized(Configuration(availability_zones=("eu-west-1b", "eu-west-1c")))
    zones = {subnet["AvailabilityZone"] for subnet in made.of_type(NETWORK, "AWS::EC2::Subnet")}
    assert zones == {"eu-west-1b", "eu-west-1c"}


def test_the_function_stands_in_the_isolated_subnets_and_reaches_the_endpoint_only(default):
    (function,) = default.of_type(ACCESS, "AWS::Lambda::Function")
    assert len(function["VpcConfig"]["SubnetIds"]) == 2
    (way,) = default.of_type(ACCESS, "AWS::EC2::SecurityGroupEgress")
    assert (way["FromPort"], way["ToPort"]) == (443, 443)
    assert "BedrockSecurityGroup" in str(way["DestinationSecurityGroupId"])


def test_the_function_names_the_required_guardrail(default):
    (function,) = default.of_type(ACCESS, "AWS::Lambda::Function")
    assert {"MODEL_ID", "GUARDRAIL_ID", "GUARDRAIL_VERSION"} == set(function["Environment"]["Variables"])


def test_suspending_stops_the_role_and_leaves_the_rest(synthesized):
    made = synthesized(Configuration(suspended=True))
    ceilings = [p for p in made.of_type(ACCESS, "AWS::IAM::Policy") if p["PolicyName"] == "secure-bedrock-ceiling"]
    assert ceilings[0]["PolicyDocument"]["Statement"][0]["Sid"] == "Suspended"


def test_revoking_cuts_older_sessions_off_and_leaves_the_rest(synthesized):
    made = synthesized(Configuration(revoke_sessions_before="2026-06-01T00:00:00Z"))
    ceilings = [p for p in made.of_type(ACCESS, "AWS::IAM::Policy") if p["PolicyName"] == "secure-bedrock-ceiling"]
    first = ceilings[0]["PolicyDocument"]["Statement"][0]
    assert first["Condition"] == {"DateLessThanIfExists": {"aws:TokenIssueTime": "2026-06-01T00:00:00Z"}}


def test_a_wrong_model_is_an_error_that_names_it(synthesized):
    with pytest.raises(InvalidInput, match="did you mean"):
        synthesized(Configuration(models=("amazon.nova-ltie-v1:0",)))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"models": ("nova",)}, "secure-bedrock.models: got 'nova'"),
        ({"models": ("us.amazon.nova-lite-v1:0",)}, "secure-bedrock.models: got 'us.amazon.nova-lite-v1:0 from eu"),
        ({"project": ""}, "secure-bedrock.project: got ''"),
        ({"revoke_sessions_before": "now"}, "secure-bedrock.revoke_sessions_before: got 'now'"),
        ({"team": "t" * 257}, "secure-bedrock.team: got 'ttt"),
        ({"audit": AuditConfiguration(notify=("nobody",))}, "secure-bedrock.audit.notify: got 'nobody'"),
        ({"account": ACCOUNT, "organization": OrganizationConfiguration(
            account="999988887777", targets=("r-ab12",), allowed_regions=("nowhere",))},
         "secure-bedrock.organization.allowed_regions: got 'nowhere'"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)  # fmt: skip
def test_what_only_a_construct_can_refuse_is_named_by_its_context_key_too(synthesized, given, message):
    with pytest.raises(InvalidInput, match=f"^{message}"):
        synthesized(Configuration(**given))


def test_app_py_is_what_the_tests_synthesize(default, tmp_path):
    """The file `cdk` runs, in a process of its own, with the context that `cdk` passes."""
    context = {**CDK_JSON["context"], "aws:cdk:enable-path-metadata": True}
    environment = {**os.environ, "CDK_OUTDIR": str(tmp_path), "CDK_CONTEXT_JSON": json.dumps(context)}
    subprocess.run([sys.executable, "app.py"], cwd=REPOSITORY, env=environment, check=True, capture_output=True)
    made = {name: json.loads((tmp_path / f"{name}.template.json").read_text()) for name in (NETWORK, ACCESS)}
    assert identities(made) == identities(default.templates)


@pytest.mark.parametrize(
    ("region", "account"),
    [("eu-west-1", None), ("eu-west-1", ACCOUNT), (None, None), (None, ACCOUNT)],
)
def test_a_literal_is_written_only_where_the_configuration_names_it(synthesized, region, account):
    made = synthesized(Configuration(region=region, account=account))
    (endpoint,) = made.of_type(NETWORK, "AWS::EC2::VPCEndpoint")
    written = json.dumps([endpoint, *made.of_type(ACCESS, "AWS::IAM::Policy")])
    assert (ACCOUNT in written) is (account is not None)
    assert ("AWS::AccountId" in written) is (account is None)
    assert ("bedrock:eu-west-1:" in written) is (region is not None)
    assert ("AWS::Region" in json.dumps(endpoint["PolicyDocument"])) is (region is None)


def test_the_zones_are_whatever_the_region_s_first_two_are(default):
    zones = [subnet["AvailabilityZone"] for subnet in default.of_type(NETWORK, "AWS::EC2::Subnet")]
    assert zones == [{"Fn::Select": [index, {"Fn::GetAZs": ""}]} for index in (0, 1)]


def test_the_subnets_are_isolated(default):
    kinds = {resource["Type"] for resource in default.templates[NETWORK]["Resources"].values()}
    assert "AWS::EC2::Route" not in kinds
    assert all(subnet["MapPublicIpOnLaunch"] is False for subnet in default.of_type(NETWORK, "AWS::EC2::Subnet"))


def test_the_function_runs_as_the_scoped_role_and_reaches_nothing_else(default):
    (function,) = default.of_type(ACCESS, "AWS::Lambda::Function")
    (role,) = [i for i, r in default.templates[ACCESS]["Resources"].items() if r["Type"] == "AWS::IAM::Role"]
    assert function["Role"] == {"Fn::GetAtt": [role, "Arn"]}
    (group,) = default.of_type(ACCESS, "AWS::EC2::SecurityGroup")
    assert [rule["CidrIp"] for rule in group.get("SecurityGroupEgress", [])] in ([], ["255.255.255.255/32"])


def test_the_role_is_held_to_the_endpoint_of_the_network_stack(default):
    ceilings = [p for p in default.of_type(ACCESS, "AWS::IAM::Policy") if p["PolicyName"] == "secure-bedrock-ceiling"]
    (statement,) = [s for s in ceilings[0]["PolicyDocument"]["Statement"] if s["Sid"] == "OffNetwork"]
    assert "Fn::ImportValue" in json.dumps(statement["Condition"]["StringNotEquals"]["aws:SourceVpce"])


def test_no_stack_refers_back(default):
    assert "Fn::ImportValue" not in json.dumps(default.templates[NETWORK])


def test_the_templates(default, snapshot):
    shown = {
        name: {part: template[part] for part in ("Resources", "Outputs") if part in template}
        for name, template in default.templates.items()
    }
    text = json.dumps(shown, sort_keys=True)
    for resource in default.templates[NETWORK]["Resources"].values():
        key = resource.get("Properties", {}).get("Code", {}).get("S3Key") if isinstance(resource, dict) else None
        text = text.replace(key, "ASSET.zip") if isinstance(key, str) else text
    assert json.loads(text) == snapshot.use_extension(JSONSnapshotExtension)


def test_logical_ids_and_names_stay(default):
    require_same(identities(default.templates), IDS)


@pytest.mark.parametrize(
    ("region", "given", "companion"),
    [("eu-west-1", {}, "us-east-1"), ("us-gov-east-1", {}, "us-gov-west-1"), ("us-east-1", {}, None), (None, {}, None),
     ("eu-west-1", {"global_events": False}, None)],
)  # fmt: skip
def test_what_global_services_report_is_sent_on_from_their_region(synthesized, region, given, companion):
    models = ("amazon.nova-lite-v1:0",)
    made = synthesized(Configuration(account=ACCOUNT, region=region, models=models, audit=AuditConfiguration(**given)))
    name = "secure-bedrock-audit-companion"
    assert (name in made.templates) is (companion is not None)
    if companion:
        assert made.assembly.get_stack_by_name(name).environment.region == companion
        (home,) = {target["Arn"] for rule in made.of_type(name, "AWS::Events::Rule") for target in rule["Targets"]}
        assert f":events:{region}:{ACCOUNT}:event-bus/default" in home


def test_the_roles_that_deploy_are_no_finding(synthesized):
    role = f"arn:aws:iam::{ACCOUNT}:role/deploys"
    made = synthesized(Configuration(account=ACCOUNT, audit=AuditConfiguration(expected_principals=(role,))))
    filters = made.of_type("secure-bedrock-audit", "AWS::Logs::MetricFilter")
    (pattern,) = [f["FilterPattern"] for f in filters if f["FilterName"] == "secure-bedrock-audit-D10"]
    assert role in json.dumps(pattern)
