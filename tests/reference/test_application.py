"""The reference deployment as it is synthesized."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from syrupy.extensions.json import JSONSnapshotExtension

from reference.configuration import Configuration
from secure_bedrock import InvalidInput
from tests.constructs.identity import identities, require_same

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


def test_a_wrong_model_is_an_error_that_names_it(synthesized):
    with pytest.raises(InvalidInput, match="did you mean"):
        synthesized(Configuration(models=("amazon.nova-ltie-v1:0",)))


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
