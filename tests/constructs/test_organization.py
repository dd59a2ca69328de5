"""BedrockOrgGuardrailSCP: every property, every refusal, and what AWS Organizations takes."""

from __future__ import annotations

import json

import aws_cdk as cdk
import pytest
from aws_cdk import aws_organizations as organizations

from secure_bedrock import BedrockFeature, BedrockOrgGuardrailSCP, InvalidInput, Model
from tests.constructs.conftest import of_type

GUARDRAIL = "arn:aws:bedrock:eu-west-1:999988887777:guardrail/abcdefghijkl"
MANY = [f"anthropic.claude-sonnet-{i}-20250929-v1:0" for i in range(20, 60)]


def rails(place, **changed):
    given = {"allowed_regions": ["eu-west-1"], "targets": ["ou-ab12-12345678"], **changed}
    return BedrockOrgGuardrailSCP(place.stack("Org"), "Rails", **{k: v for k, v in given.items() if v != "absent"})


def sids(created):
    return [statement["Sid"] for document in created.documents for statement in document["Statement"]]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"targets": "absent"}, "targets: got nothing; .*attach=False"),
        ({"targets": []}, "targets: got an empty list"),
        ({"targets": "r-ab12"}, "targets: got 'r-ab12'; allowed is a list"),
        ({"targets": ["everything"]}, "targets: got 'everything'"),
        ({"allowed_regions": []}, "allowed_regions: got an empty list"),
        ({"allowed_regions": ["eu-west-9"]}, "allowed_regions: got 'eu-west-9'.*did you mean 'eu-west"),
        ({"allowed_regions": ["eu-west-1", "us-gov-west-1"]}, "allowed_regions: .*one partition"),
        ({"allowed_regions": [cdk.Aws.REGION]}, "allowed_regions: .*literal"),
        ({"allowed_models": []}, "allowed_models: got an empty list"),
        ({"allowed_models": ["amazon.nova-ltie-v1:0"]}, "allowed_models: .*did you mean"),
        ({"allowed_models": ["*"]}, r"allowed_models: got '\*'; allowed is a family"),
        ({"allowed_models": ["*.nova*"]}, "allowed_models: got"),
        ({"required_guardrail": "abc"}, "required_guardrail: got 'abc'"),
        ({"required_guardrail": {}}, "required_guardrail: .*eu-west-1"),
        ({"required_guardrail": {"eu-west-1": GUARDRAIL, "us-east-1": GUARDRAIL}},
         "required_guardrail: got 'us-east-1'"),
        ({"required_guardrail": {"eu-west-1": GUARDRAIL.replace("eu-west-1", "us-east-1")}},
         "required_guardrail: .*eu-west-1"),
        ({"required_endpoints": []}, "required_endpoints: got an empty list"),
        ({"required_endpoints": ["vpc-12345678"]}, "required_endpoints: got 'vpc-12345678'"),
        ({"required_vpcs": ["vpce-12345678"]}, "required_vpcs: got 'vpce-12345678'"),
        ({"deny_api_keys": None}, "deny_api_keys: got None"),
        ({"deny_marketplace": 1}, "deny_marketplace: got 1"),
        ({"protect_audit": "no"}, "protect_audit: got 'no'"),
        ({"allowed_features": "AGENTS"}, "allowed_features: got 'AGENTS'"),
        ({"exempt_principals": []}, "exempt_principals: got an empty list"),
        ({"exempt_principals": ["ops-*"]}, r"exempt_principals: got 'ops-\*'"),
        ({"exempt_principals": ["arn:aws:iam::111122223333:user/alice"]}, "exempt_principals: .*exact role ARN"),
        ({"exempt_principals": ["arn:aws:iam::111122223333:root"]}, "exempt_principals: .*exact role ARN"),
        ({"exempt_principals": ["arn:aws:iam::*:role/ops"]}, "exempt_principals: .*wildcard"),
        ({"role_administrators": ["platform"]}, "role_administrators: got 'platform'; allowed is an exact role ARN"),
        ({"role_administrators": []}, "role_administrators: got an empty list"),
        (
            {"allowed_features": BedrockFeature.NONE,
             "service_roles": {BedrockFeature.AGENTS: ["arn:aws:iam::111122223333:role/agent"]}},
            "service_roles: .*allowed_features",
        ),
        ({"max_document_size": 10241}, "max_document_size: got 10241; allowed is a whole number from 1 to 10240"),
        ({"max_policies": 0}, "max_policies: got 0"),
        ({"max_document_size": 900}, "allowed_models|exempt_principals|required|max_policies|allowed_regions"),
        ({"allowed_models": MANY}, r"allowed_models: the statement Models needs \d+ characters, 5120 are allowed"),
        ({"max_policies": 1, "allowed_features": BedrockFeature.NONE}, r"max_policies: got 1; 2 documents"),
    ],
)  # fmt: skip
def test_a_wrong_property_is_named_with_its_value_and_the_valid_choice(place, changed, message):
    with pytest.raises(InvalidInput, match=f"(?s)^({message})"):
        rails(place, **changed)


def test_every_document_is_within_the_size_and_attached_to_the_target(place):
    created = rails(place, allowed_features=BedrockFeature.NONE, deny_marketplace=True, required_guardrail=GUARDRAIL)
    found = of_type(place.synth()["Org"], "AWS::Organizations::Policy")
    assert len(found) == len(created.policies) == len(created.documents) > 1
    for policy in found:
        assert len(json.dumps(policy["Content"], separators=(",", ":"))) <= 5120
        assert policy["TargetIds"] == ["ou-ab12-12345678"]
        assert policy["Type"] == "SERVICE_CONTROL_POLICY"


def test_the_larger_size_needs_fewer_documents(make_place):
    wanted = {"allowed_features": BedrockFeature.NONE, "deny_marketplace": True, "required_guardrail": GUARDRAIL}
    small, large = rails(make_place(), **wanted), rails(make_place(), **wanted, max_document_size=10240)
    assert len(large.documents) < len(small.documents)
    assert sids(large) == sids(small)


def test_an_earlier_document_is_changed_after_the_later_ones(place):
    rails(place, allowed_features=BedrockFeature.NONE, deny_marketplace=True)
    resources = place.synth()["Org"]["Resources"]
    names = sorted(name for name, r in resources.items() if r["Type"] == "AWS::Organizations::Policy")
    assert resources[names[0]]["DependsOn"] == [names[1]]


def test_documents_alone_make_no_resource(place):
    created = rails(place, targets="absent", attach=False)
    assert created.policies == []
    assert "Regions" in sids(created)
    assert of_type(place.synth()["Org"], "AWS::Organizations::Policy") == []


def test_targets_are_taken_from_constructs(place):
    stack = place.stack("Units")
    unit = organizations.CfnOrganizationalUnit(stack, "Unit", name="workloads", parent_id="r-ab12")
    BedrockOrgGuardrailSCP(stack, "Rails", allowed_regions=["eu-west-1"], targets=[unit])
    (policy,) = of_type(place.synth()["Units"], "AWS::Organizations::Policy")
    assert policy["TargetIds"] == [{"Fn::GetAtt": ["Unit", "Id"]}]


def test_every_deny_denies(place):
    created = rails(place, allowed_features=BedrockFeature.NONE)
    assert {s["Effect"] for document in created.documents for s in document["Statement"]} == {"Deny"}


def test_only_the_named_services_are_touched(place):
    created = rails(
        place, allowed_features=BedrockFeature.NONE, deny_marketplace=True,
        role_administrators=["arn:aws:iam::1:role/x"],
        required_vpcs=["vpc-12345678"], required_guardrail=GUARDRAIL, allowed_models=["amazon.nova-lite-v1:0"],
    )  # fmt: skip
    statements = [s for document in created.documents for s in document["Statement"]]
    assert all("NotAction" not in s for s in statements)
    actions = {a for s in statements for a in ([s["Action"]] if isinstance(s["Action"], str) else s["Action"])}
    assert {action.partition(":")[0] for action in actions} == {
        "bedrock", "bedrock-mantle", "bedrock-websearch", "bedrock-agentcore", "aws-marketplace", "iam", "cloudtrail",
        "s3", "logs", "cloudwatch", "events", "sns", "sqs", "lambda", "kms",
    }  # fmt: skip
    elsewhere = [s for s in statements if "s3:Put*" in s["Action"]]
    assert [r for s in elsewhere for r in s["Resource"] if "s3:::" in r] == ["arn:aws:s3:::secure-bedrock-audit-*"]


def test_a_version_at_the_end_is_exactly_that_one(place):
    created = rails(place, required_guardrail=f"{GUARDRAIL}:7")
    (statement,) = [s for d in created.documents for s in d["Statement"] if s["Sid"] == "Guardrail"]
    assert statement["Condition"]["StringNotLike"]["bedrock:GuardrailIdentifier"] == f"{GUARDRAIL}:7"


def test_unprotected_roles_are_written_down(place):
    rails(place)
    assert any("secure-bedrock:role-administrators" in message for message in place.messages())


def test_government_has_its_own_partition_and_no_global_route(place):
    created = rails(place, allowed_regions=["us-gov-west-1"], allowed_models=[Model.mantle("openai.gpt-oss-120b")])
    assert "arn:aws:" not in json.dumps(created.documents)
