"""What other people's checks look at, looked at in the templates of the reference app with all that it can have."""

from __future__ import annotations

import json
import re
from itertools import chain

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam

from secure_bedrock import AccessAudit, BedrockAuditTrail, BedrockService, InvalidInput, PrivateBedrockEndpoint
from secure_bedrock.detections import Detection, filter_patterns
from tests.detections.filter_patterns import matches
from tests.detections.test_catalogue import NORMAL, RECORDS
from tests.estates.intrinsics import Deployment
from tests.reference.conftest import Synthesized
from tests.standards.apps import everything_configured

#: All that the constructs make of Bedrock's own resource types; the guardrail is the reference app's.
MADE = {"AWS::Bedrock::ApplicationInferenceProfile", "AWS::Bedrock::Guardrail", "AWS::Bedrock::GuardrailVersion"}
AUDIT, ACCESS, NETWORK = "secure-bedrock-audit", "secure-bedrock-access", "secure-bedrock-network"


@pytest.fixture(scope="module")
def templates():
    return Synthesized(everything_configured()).templates


@pytest.fixture(scope="module")
def deployment(templates):
    return Deployment(templates)


def of_type(template, kind):
    return [resource["Properties"] for resource in template["Resources"].values() if resource["Type"] == kind]


def all_of_type(templates, kind):
    return list(chain.from_iterable(of_type(template, kind) for template in templates.values()))


def listed(value):
    return value if isinstance(value, list) else [value]


def identity_statements(templates):
    documents = [p["PolicyDocument"] for p in all_of_type(templates, "AWS::IAM::Policy")]
    documents += [p["PolicyDocument"] for p in all_of_type(templates, "AWS::IAM::ManagedPolicy")]
    documents += [p["PolicyDocument"] for r in all_of_type(templates, "AWS::IAM::Role") for p in r.get("Policies", [])]
    statements = [statement for document in documents for statement in listed(document["Statement"])]
    assert len(statements) > 10
    return statements


# --- who may do what


def test_nothing_of_bedrocks_is_made_but_profiles_and_the_reference_apps_guardrail(templates):
    """What rows call not applicable: agents, flows, prompts, knowledge bases, models, jobs."""
    kinds = {resource["Type"] for template in templates.values() for resource in template["Resources"].values()}
    assert {kind for kind in kinds if kind.startswith("AWS::Bedrock")} == MADE
    assert not [kind for kind in kinds if kind.startswith(("AWS::SageMaker", "AWS::OpenSearch"))]


def test_no_role_has_a_managed_policy_that_is_of_bedrock_or_full_access(templates):
    attached = [arn for role in all_of_type(templates, "AWS::IAM::Role") for arn in role.get("ManagedPolicyArns", [])]
    assert attached
    assert not re.search(r"Bedrock|FullAccess|Administrator|PowerUser", json.dumps(attached))


def test_no_policy_allows_all_of_bedrock_or_a_model_by_wildcard(templates):
    allows = [each for each in identity_statements(templates) if each["Effect"] == "Allow"]
    assert not [each for each in allows if "NotAction" in each or "NotResource" in each]
    inference = [each for each in allows if re.search(r"bedrock[\w-]*:(\*|Invoke)", json.dumps(each["Action"]))]
    assert inference
    for statement in inference:
        assert not [action for action in listed(statement["Action"]) if "*" in action], statement
        for resource in listed(statement["Resource"]):
            assert re.search(r"(foundation-model|inference-profile)/|Profile|ImportValue", json.dumps(resource))
            assert not re.search(r"(foundation-model|inference-profile)/[^\"]*\*", json.dumps(resource)), statement


def test_no_policy_allows_to_subscribe(templates):
    allowed = [each for each in identity_statements(templates) if each["Effect"] == "Allow"]
    assert "aws-marketplace" not in json.dumps(allowed)
    assert [each for each in allowed if each["Action"] == "*"] == []


def test_there_is_no_user_and_none_is_admitted(templates):
    assert all_of_type(templates, "AWS::IAM::User") == all_of_type(templates, "AWS::IAM::AccessKey") == []
    _, endpoint = private(BedrockService.RUNTIME)
    for user in (iam.User(endpoint, "User"), "arn:aws:iam::111122223333:user/somebody"):
        with pytest.raises(InvalidInput, match=r"^grantee: got"):
            endpoint.admit(user)


def test_the_application_names_a_guardrail_that_exists(templates):
    (guardrail,) = all_of_type(templates, "AWS::Bedrock::Guardrail")
    assert guardrail["ContentPolicyConfig"]["FiltersConfig"]
    (made,) = [key for key, r in templates[ACCESS]["Resources"].items() if r["Type"] == "AWS::Bedrock::Guardrail"]
    denied = [each for each in identity_statements({ACCESS: templates[ACCESS]}) if each["Effect"] == "Deny"]
    conditions = [each["Condition"] for each in denied if "bedrock:GuardrailIdentifier" in json.dumps(each)]
    assert conditions
    assert all(made in json.dumps(condition) for condition in conditions)


# --- the way


def private(*services):
    stack = cdk.Stack(cdk.App(), "S", env=cdk.Environment(account="111122223333", region="eu-west-1"))
    vpc = ec2.Vpc(stack, "Vpc", nat_gateways=0)
    endpoint = PrivateBedrockEndpoint(
        stack, "Endpoint", vpc=vpc, services=services, client_cidrs=["10.0.0.0/24"], models=["amazon.nova-lite-v1:0"]
    )
    return stack, endpoint


def test_a_vpc_can_have_an_endpoint_for_each_service_that_prowler_asks_for():
    """It asks for five; the construct makes those that are named, the runtime's alone by default."""
    names = ("bedrock", "bedrock-runtime", "bedrock-agent", "bedrock-agent-runtime", "bedrock-mantle")
    stack, endpoint = private(*(service for service in BedrockService if str(service.value) in names))
    endpoint.admit("arn:aws:iam::111122223333:role/app")
    template = cdk.assertions.Template.from_stack(stack).to_json()
    made = {each["ServiceName"]: each["PolicyDocument"] for each in of_type(template, "AWS::EC2::VPCEndpoint")}
    assert set(made) == {f"com.amazonaws.eu-west-1.{name}" for name in names}
    for name, document in made.items():
        open_to = [each for each in document["Statement"] if each["Effect"] == "Allow"]
        assert bool(open_to) == name.endswith("bedrock-runtime"), "nobody calls the others"


def test_each_endpoint_has_private_dns_and_a_policy_of_least_privilege(templates):
    """As Datadog reads it: no principal but under a condition, not all of Bedrock, no NotAction."""
    endpoints = [
        e for e in all_of_type(templates, "AWS::EC2::VPCEndpoint") if "bedrock" in json.dumps(e["ServiceName"])
    ]
    assert endpoints
    for endpoint in endpoints:
        assert endpoint["PrivateDnsEnabled"] is True
        assert endpoint["VpcEndpointType"] == "Interface"
        allows = [each for each in endpoint["PolicyDocument"]["Statement"] if each["Effect"] == "Allow"]
        assert allows
        for statement in allows:
            assert "aws:PrincipalArn" in json.dumps(statement["Condition"])
            assert "NotAction" not in statement
            assert not [action for action in listed(statement["Action"]) if "*" in action]


# --- records


def setting(templates, deployment):
    (made,) = of_type(templates[AUDIT], "Custom::BedrockInvocationLogging")
    return json.loads(deployment.resolve(AUDIT, made["Configuration"]))


def test_invocations_are_logged_to_a_log_group_with_a_key(templates, deployment):
    wanted = setting(templates, deployment)["cloudWatchConfig"]["logGroupName"]
    groups = {
        deployment.resolve(AUDIT, {"Ref": name}): resource["Properties"]
        for name, resource in templates[AUDIT]["Resources"].items()
        if resource["Type"] == "AWS::Logs::LogGroup"
    }
    assert "KmsKeyId" in groups[wanted]
    assert groups[wanted]["RetentionInDays"] > 0


def test_invocations_are_logged_to_a_bucket_with_a_key(templates, deployment):
    wanted = setting(templates, deployment)["s3Config"]["bucketName"]
    buckets = {
        deployment.resolve(AUDIT, {"Ref": name}): resource["Properties"]
        for name, resource in templates[AUDIT]["Resources"].items()
        if resource["Type"] == "AWS::S3::Bucket"
    }
    (rule,) = buckets[wanted]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert "Fn::GetAtt" in rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"]


def test_text_is_delivered(templates, deployment):
    assert setting(templates, deployment)["textDataDeliveryEnabled"] is True


def test_a_trail_is_logging_every_management_event(templates):
    """As prowler reads selectors: those of management events leave out no source, neither reads nor writes."""
    (trail,) = of_type(templates[AUDIT], "AWS::CloudTrail::Trail")
    assert trail["IsLogging"] is trail["IsMultiRegionTrail"] is True
    management = [
        {field["Field"]: {k: v for k, v in field.items() if k != "Field"} for field in each["FieldSelectors"]}
        for each in trail["AdvancedEventSelectors"]
        if {"Field": "eventCategory", "Equals": ["Management"]} in each["FieldSelectors"]
    ]
    assert management == [{"eventCategory": {"Equals": ["Management"]}}]


#: prowler's list of what theft of model access looks like, and what sees each; a detection counts, one in 24 hours.
LLM_JACKING = {
    "PutUseCaseForModelAccess": "D16",
    "PutFoundationModelEntitlement": "D16",
    "PutModelInvocationLoggingConfiguration": "D09",
    "CreateFoundationModelAgreement": "D16",
    "InvokeModel": "D01",
    "InvokeModelWithResponseStream": "D01",
    "GetUseCaseForModelAccess": "D07",
    "GetModelInvocationLoggingConfiguration": "D08",
    "GetFoundationModelAvailability": "D07",
    "ListFoundationModelAgreementOffers": "D07",
    "ListFoundationModels": "D07",
    "ListProvisionedModelThroughputs": None,
    "SearchAgreements": None,
    "AcceptAgreementRequest": "D16",
}


@pytest.mark.parametrize(("operation", "expected"), LLM_JACKING.items(), ids=list(LLM_JACKING))
def test_what_llm_jacking_is_made_of_is_seen(operation, expected):
    """By a role nobody expects, off the endpoint; two questions that tell little are counted by nobody."""
    source = "agreement-marketplace" if "Agreement" in operation and operation[0] in "AS" else "bedrock"
    stranger = RECORDS["con_converse_stream_not_via_endpoint.json"]
    record = {**stranger, "eventName": operation, "eventSource": f"{source}.amazonaws.com"}
    seen = {
        detection.id
        for detection in Detection.all()
        if not detection.text
        and (expression := detection.find(NORMAL)) is not None
        and any(matches(pattern, record) for pattern in filter_patterns(detection.id, expression))
    }
    assert (expected in seen) if expected else not seen


def test_a_projects_alarm_is_on_bedrocks_own_metrics(templates):
    metrics = [
        query["MetricStat"]["Metric"]
        for alarm in all_of_type(templates, "AWS::CloudWatch::Alarm")
        for query in alarm.get("Metrics", [])
        if "MetricStat" in query
    ]
    assert ("AWS/Bedrock", "Invocations") in {(each["Namespace"], each["MetricName"]) for each in metrics}


def test_prowlers_sixty_days_can_be_asked_of_roles_and_users():
    stack = cdk.Stack(cdk.App(), "S", env=cdk.Environment(account="111122223333", region="eu-west-1"))
    audit = BedrockAuditTrail(stack, "Audit", notify=["security@example.com"])
    AccessAudit(stack, "Access", audit=audit, unused_access_age=60)
    template = cdk.assertions.Template.from_stack(stack).to_json()
    (unused,) = [each for each in of_type(template, "AWS::AccessAnalyzer::Analyzer") if "UNUSED" in each["Type"]]
    assert unused["AnalyzerConfiguration"]["UnusedAccessConfiguration"] == {"UnusedAccessAge": 60}
    variables = [f["Environment"]["Variables"] for f in of_type(template, "AWS::Lambda::Function")
                 if "UNUSED_DAYS" in f.get("Environment", {}).get("Variables", {})]  # fmt: skip
    assert [each["UNUSED_DAYS"] for each in variables] == ["60"]
