"""BedrockGateway: what stands in the template, part by part."""

from __future__ import annotations

import json

import aws_cdk as cdk
import pytest
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns

from secure_bedrock import GatewayCaller, Network, ScopedInvokeRole
from tests.constructs.conftest import ACCOUNT, Place, of_type
from tests.constructs.gateway import EU_LITE, GUARDRAIL, LITE, PARTNER, PRO, TEAM, gateway
from tests.detections.filter_patterns import matches


@pytest.fixture(scope="module")
def made():
    """The usual gateway, synthesized once; nobody may change it."""
    place = Place()
    created = gateway(place)
    return created, place.synth()["Gw"]


@pytest.fixture(scope="module")
def template(made):
    return made[1]


def resources(template, kind):
    return {key: value for key, value in template["Resources"].items() if value["Type"] == kind}


def only(template, kind):
    (found,) = of_type(template, kind)
    return found


def settings(template):
    """The function's settings, with tokens as `<...>`."""
    text = only(template, "AWS::Lambda::Function")["Environment"]["Variables"]["SETTINGS"]
    parts = text["Fn::Join"][1] if isinstance(text, dict) else [text]
    return json.loads("".join(part if isinstance(part, str) else "<token>" for part in parts))


# --- the API: one way in, signed


def test_there_is_one_method_and_it_asks_for_a_signature(template):
    method = only(template, "AWS::ApiGateway::Method")
    assert (method["HttpMethod"], method["AuthorizationType"]) == ("POST", "AWS_IAM")
    assert "ApiKeyRequired" not in method
    paths = [resource["PathPart"] for resource in of_type(template, "AWS::ApiGateway::Resource")]
    assert paths == ["model", "{call+}"]
    assert len(of_type(template, "AWS::ApiGateway::Stage")) == 1
    assert not of_type(template, "AWS::ApiGateway::DomainName")


@pytest.mark.parametrize(
    "opened",
    [
        lambda api: api.root.add_method("GET", apigateway.MockIntegration()),
        lambda api: api.root.add_proxy(default_integration=apigateway.MockIntegration()),
        lambda api: api.root.add_cors_preflight(allow_origins=["https://example.com"]),
        lambda api: api.root.resource_for_path("model/x").add_method("OPTIONS", apigateway.MockIntegration()),
    ],
)
def test_a_method_that_somebody_adds_without_a_signature_fails_the_synth(place, opened):
    opened(gateway(place).api)
    with pytest.raises(RuntimeError, match="asks for no signature; every method of the gateway must"):
        place.synth()


def test_its_policy_names_the_callers_and_refuses_everybody_else(template):
    allow, *denials = only(template, "AWS::ApiGateway::RestApi")["Policy"]["Statement"]
    assert (allow["Effect"], allow["Action"]) == ("Allow", "execute-api:Invoke")
    assert allow["Principal"] == {"AWS": [TEAM, PARTNER]}
    assert allow["Resource"] == "execute-api:/*/POST/model/*"
    assert [(each["Sid"], each["Effect"], each["Principal"]) for each in denials] == [
        ("OtherCallers", "Deny", "*"), ("RevokedByTag", "Deny", "*"), ("WithoutTls", "Deny", "*"),
    ]  # fmt: skip
    assert denials[0]["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": [TEAM, PARTNER]}}
    assert {each["Resource"] for each in denials} == {"execute-api:/*"}


def test_it_stands_in_one_region_and_takes_tls_1_3_by_its_own_name_only(template):
    api = only(template, "AWS::ApiGateway::RestApi")
    assert api["EndpointConfiguration"]["Types"] == ["REGIONAL"]
    assert api["SecurityPolicy"] == "SecurityPolicy_TLS13_1_3_2025_09"
    assert api["EndpointAccessMode"] == "STRICT"


def test_another_partition_gets_what_is_documented_for_it(make_place):
    place = make_place(region="us-gov-west-1")
    callers = [GatewayCaller(role=f"arn:aws-us-gov:iam::{ACCOUNT}:role/team", models=[LITE])]
    zones = {"availability_zones": ["us-gov-west-1a"]}
    gateway(place, callers=callers, of_vpc=zones, guardrail=None, guardrail_version=None)
    template = place.synth()["Gw"]
    assert "SecurityPolicy" not in only(template, "AWS::ApiGateway::RestApi")
    assert "arn:aws:" not in json.dumps(template)


@pytest.mark.parametrize(
    "changed",
    [{"suspended": True}, {"source_ips": ["203.0.113.0/24"]}, {"callers": [GatewayCaller(role=TEAM, models=[LITE])]}],
)
def test_a_changed_policy_is_deployed(make_place, template, changed):
    """API Gateway takes a changed policy into force with the next deployment only."""
    place = make_place()
    gateway(place, **changed)
    before, after = (set(resources(t, "AWS::ApiGateway::Deployment")) for t in (template, place.synth()["Gw"]))
    assert not before & after


def test_suspended_denies_everything_at_both_ends(place):
    created = gateway(place, suspended=True)
    template = place.synth()["Gw"]
    statement = only(template, "AWS::ApiGateway::RestApi")["Policy"]["Statement"][-1]
    assert (statement["Sid"], statement["Effect"], "Condition" in statement) == ("Suspended", "Deny", False)
    assert "Suspended" in {each["Sid"] for each in created.role.ceiling_document()["Statement"]}


def test_source_ips_narrow_the_policy(place):
    gateway(place, source_ips=["203.0.113.0/24", "2001:db8::/32"])
    statement = only(place.synth()["Gw"], "AWS::ApiGateway::RestApi")["Policy"]["Statement"][-1]
    assert statement["Sid"] == "OffNetwork"
    assert statement["Condition"] == {"NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24", "2001:db8::/32"]}}


def test_bodies_are_validated_before_the_function(template):
    method = only(template, "AWS::ApiGateway::Method")
    validator = only(template, "AWS::ApiGateway::RequestValidator")
    assert (validator["ValidateRequestBody"], validator["ValidateRequestParameters"]) == (True, True)
    assert set(method["RequestModels"]) == {"application/json"}
    assert method["RequestParameters"] == {"method.request.path.call": True}
    assert only(template, "AWS::ApiGateway::Model")["Schema"]["type"] == "object"


def test_every_refusal_of_api_gateway_has_bedrocks_shape_and_names_nothing(template):
    answers = of_type(template, "AWS::ApiGateway::GatewayResponse")
    kinds = {answer["ResponseType"] for answer in answers}
    assert {"DEFAULT_4XX", "DEFAULT_5XX", "ACCESS_DENIED", "WAF_FILTERED", "MISSING_AUTHENTICATION_TOKEN"} <= kinds
    for answer in answers:
        body = json.loads(answer["ResponseTemplates"]["application/json"])
        assert set(body) == {"__type", "message"}
        given = answer.get("ResponseParameters", {"gatewayresponse.header.x-amzn-errortype": None})
        assert given["gatewayresponse.header.x-amzn-errortype"] in {f"'{body['__type']}'", None}
        assert "$context" not in json.dumps(answer)


def test_only_this_methods_calls_reach_the_function(template):
    permission = only(template, "AWS::Lambda::Permission")
    assert permission["Principal"] == "apigateway.amazonaws.com"
    assert permission["SourceArn"]["Fn::Join"][1][-1] == "/POST/model/*"
    assert not of_type(template, "AWS::Lambda::Url")


def test_no_log_of_api_gateway_holds_a_body(template):
    stage = only(template, "AWS::ApiGateway::Stage")
    (method,) = stage["MethodSettings"]
    assert (method["LoggingLevel"], method["DataTraceEnabled"]) == ("OFF", False)
    line = json.loads(stage["AccessLogSetting"]["Format"])
    assert line["caller"] == "$context.identity.userArn"
    assert line["requestId"] == "$context.requestId"
    assert not [value for value in line.values() if "body" in value.lower() or "querystring" in value.lower()]


def test_the_account_s_logging_role_is_somebody_else_s_where_it_is_said_so(place):
    gateway(place, set_account_logging_role=False)
    assert not of_type(place.synth()["Gw"], "AWS::ApiGateway::Account")


# --- the web ACL


def test_the_web_acl_is_associated_with_the_stage_once_there_is_one(template):
    association = only(template, "AWS::WAFv2::WebACLAssociation")
    (stage,) = resources(template, "AWS::ApiGateway::Stage")
    (acl,) = resources(template, "AWS::WAFv2::WebACL")
    assert association["ResourceArn"]["Fn::Join"][1][-1] == {"Ref": stage}, "a reference is a dependency"
    assert association["WebACLArn"] == {"Fn::GetAtt": [acl, "Arn"]}


def test_its_log_is_kept_without_what_signs_and_written_by_waf_alone(template):
    logging = only(template, "AWS::WAFv2::LoggingConfiguration")
    headers = {field["SingleHeader"]["Name"] for field in logging["RedactedFields"] if "SingleHeader" in field}
    assert headers == {"authorization", "x-amz-security-token", "cookie"}
    assert {"QueryString": {}} in logging["RedactedFields"]
    (destination,) = logging["LogDestinationConfigs"]
    names = [group.get("LogGroupName") for group in of_type(template, "AWS::Logs::LogGroup")]
    name = destination.rpartition(":")[2]
    assert name in names
    assert name.startswith("aws-waf-logs-")
    policy = json.loads(only(template, "AWS::Logs::ResourcePolicy")["PolicyDocument"])
    (statement,) = policy["Statement"]
    assert statement["Principal"] == {"Service": "delivery.logs.amazonaws.com"}
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}
    assert statement["Resource"] == f"{destination}:log-stream:*"


def test_no_sample_keeps_a_header(template):
    acl = only(template, "AWS::WAFv2::WebACL")
    configured = [acl["VisibilityConfig"], *(rule["VisibilityConfig"] for rule in acl["Rules"])]
    assert {each["SampledRequestsEnabled"] for each in configured} == {False}


def test_as_much_of_a_body_is_inspected_as_is_said(place):
    gateway(place, inspected_kib=32)
    acl = only(place.synth()["Gw"], "AWS::WAFv2::WebACL")
    sizes = acl["AssociationConfig"]["RequestBody"]
    assert sizes == {"API_GATEWAY": {"DefaultSizeInspectionLimit": "KB_32"}}
    oversize = next(rule for rule in acl["Rules"] if rule["Name"] == "Oversize")
    assert oversize["Statement"]["SizeConstraintStatement"]["Size"] == 32 * 1024


# --- the function


def test_the_function_knows_callers_and_models_by_every_name(template):
    found = settings(template)
    profile = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:inference-profile/{EU_LITE}"
    assert found["models"] == [
        {"names": [EU_LITE, profile], "guarded": True},
        {"names": [LITE, f"arn:aws:bedrock:eu-west-1::foundation-model/{LITE}"], "guarded": True},
    ]
    assert found["callers"] == {
        TEAM: {"models": [0], "requestsPerMinute": 60, "tokensPerDay": 100_000},
        PARTNER: {"models": [1, 0]},
    }
    assert found["guardrail"] == {"id": GUARDRAIL, "version": "3"}
    assert (found["maxBodyBytes"], found["timeout"]) == (1024 * 1024, 27)


def test_a_model_by_id_and_by_arn_is_one_model(place):
    arn = f"arn:aws:bedrock:eu-west-1::foundation-model/{LITE}"
    callers = [GatewayCaller(role=TEAM, models=[LITE]), GatewayCaller(role=PARTNER, models=[arn])]
    gateway(place, callers=callers)
    found = settings(place.synth()["Gw"])
    assert [model["names"] for model in found["models"]] == [[LITE, arn]]
    assert {tuple(caller["models"]) for caller in found["callers"].values()} == {(0,)}


def test_it_stands_in_the_vpc_and_reaches_two_endpoints_and_nothing_else(template):
    function = only(template, "AWS::Lambda::Function")
    assert function["VpcConfig"]["SubnetIds"] == ["subnet-0123456789abcdef0"]
    group = function["VpcConfig"]["SecurityGroupIds"][0]["Fn::GetAtt"][0]
    out = [rule for rule in of_type(template, "AWS::EC2::SecurityGroupEgress") if group in json.dumps(rule["GroupId"])]
    assert {(rule["FromPort"], rule["ToPort"], "CidrIp" in rule) for rule in out} == {(443, 443, False)}
    assert len(out) == 2
    assert "SecurityGroupEgress" not in template["Resources"][group]["Properties"]


def test_without_quotas_there_is_neither_table_nor_second_endpoint(place):
    created = gateway(place, callers=[GatewayCaller(role=TEAM, models=[LITE])])
    template = place.synth()["Gw"]
    assert created.counters is None
    assert not of_type(template, "AWS::DynamoDB::Table")
    assert len(of_type(template, "AWS::EC2::VPCEndpoint")) == 1
    assert "table" not in settings(template)


def test_the_counters_can_be_reached_by_the_function_alone_and_only_to_count(template):
    endpoint = next(
        each for each in of_type(template, "AWS::EC2::VPCEndpoint") if each["ServiceName"].endswith("dynamodb")
    )
    (statement,) = endpoint["PolicyDocument"]["Statement"]
    assert statement["Action"] == "dynamodb:UpdateItem"
    assert "secure-bedrock-Gw-Gateway-Role" in statement["Condition"]["ArnEquals"]["aws:PrincipalArn"]
    assert "Fn::GetAtt" in statement["Resource"]
    assert endpoint["PrivateDnsEnabled"] is False
    table = only(template, "AWS::DynamoDB::Table")
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}


def test_its_role_is_scoped_to_the_models_of_all_callers_without_streams(made):
    created, template = made
    assert isinstance(created.role, ScopedInvokeRole)
    assert {model.id for model in created.role.access.models} == {EU_LITE, LITE}
    allowed = json.dumps([policy["PolicyDocument"] for policy in of_type(template, "AWS::IAM::ManagedPolicy")])
    assert "bedrock:InvokeModel" in allowed
    assert "WithResponseStream" not in allowed
    assert PRO not in allowed
    assert {s["Sid"] for s in created.role.ceiling_document()["Statement"]} >= {"OffNetwork", "WithoutGuardrail"}
    assert "Gateway-Role" in json.dumps(created.node.scope.node.find_child("Bedrock").policy_document(
        next(iter(created.node.scope.node.find_child("Bedrock").endpoints))
    ))  # fmt: skip


def test_the_function_s_own_code_may_not_make_network_interfaces(template):
    policies = {policy["PolicyName"]: policy["PolicyDocument"] for policy in of_type(template, "AWS::IAM::Policy")}
    allow, deny = policies["network-interfaces"]["Statement"]
    assert allow["Action"] == deny["Action"]
    assert deny["Condition"] == {"Null": {"lambda:SourceFunctionArn": "false"}}


def test_what_is_recorded_stays_when_the_stack_goes(template):
    groups = resources(template, "AWS::Logs::LogGroup").values()
    assert len(groups) == 3
    assert {group["DeletionPolicy"] for group in groups} == {"Retain"}
    assert {group["Properties"]["RetentionInDays"] for group in groups} == {365}


# --- alarms


def test_blocked_refused_throttled_and_failed_requests_alarm(place):
    stack = place.stack("Topics")
    created = gateway(place, notify=[sns.Topic(stack, "Topic", topic_name="ops")])
    template = place.synth()["Gw"]
    alarms = of_type(template, "AWS::CloudWatch::Alarm")
    assert len(created.alarms) == len(alarms) == 5
    assert all(len(alarm["AlarmActions"]) == 1 for alarm in alarms)
    assert {alarm["TreatMissingData"] for alarm in alarms} == {"notBreaching"}
    blocked = next(alarm for alarm in alarms if alarm["MetricName"] == "BlockedRequests")
    dimensions = {each["Name"]: each["Value"] for each in blocked["Dimensions"]}
    acl = only(template, "AWS::WAFv2::WebACL")
    assert dimensions == {"WebACL": acl["VisibilityConfig"]["MetricName"], "Region": "eu-west-1", "Rule": "ALL"}


@pytest.mark.parametrize(
    ("status", "metric"),
    [
        ("403", "Refused"), ("429", "Throttled"), ("500", "Failed"), ("503", "Failed"), ("408", "Failed"),
        ("424", "Failed"), ("200", None), ("400", None), ("404", None),
    ],
)  # fmt: skip
def test_a_line_of_the_access_log_is_counted_by_how_it_ended(template, status, metric):
    line = json.loads(only(template, "AWS::ApiGateway::Stage")["AccessLogSetting"]["Format"]) | {"status": status}
    counted = {
        each["MetricTransformations"][0]["MetricName"].partition("-")[0]
        for each in of_type(template, "AWS::Logs::MetricFilter")
        if matches(each["FilterPattern"], line)
    }
    assert counted == ({metric} if metric else set())


# --- who may be named as a caller


def test_a_role_of_the_app_a_scoped_one_and_an_imported_one_are_named_by_their_arns(place):
    stack = place.stack("Callers")
    plain = iam.Role(stack, "Plain", assumed_by=iam.AccountPrincipal(ACCOUNT))
    scoped = ScopedInvokeRole(
        stack, "Scoped", assumed_by=iam.AccountPrincipal(ACCOUNT), models=[LITE], network=Network.ANYWHERE
    )
    imported = iam.Role.from_role_arn(stack, "Imported", PARTNER)
    gateway(place, callers=[GatewayCaller(role=each, models=[LITE]) for each in (plain, scoped, imported)])
    principals = only(place.synth()["Gw"], "AWS::ApiGateway::RestApi")["Policy"]["Statement"][0]["Principal"]["AWS"]
    assert len(principals) == 3
    assert principals[2] == PARTNER


def test_the_url_and_the_arn_are_what_clients_and_their_policies_need(made):
    created, _ = made
    stack = cdk.Stack.of(created)
    assert json.dumps(stack.resolve(created.url)).endswith('"}]]}')
    url = stack.resolve(created.url)["Fn::Join"][1]
    assert url[0] == "https://"
    assert url[2] == ".execute-api.eu-west-1."
    assert stack.resolve(created.invoke_arn)["Fn::Join"][1][-1] == "/POST/model/*"


@pytest.mark.parametrize(
    ("changed", "warning"),
    [
        ({"guardrail": None, "guardrail_version": None}, "guardrail: none is named"),
        ({}, "notify: nobody is told"),
        ({"timeout": cdk.Duration.seconds(60)}, "quota raised first"),
    ],
)
def test_what_is_weaker_than_it_could_be_is_said(place, changed, warning):
    gateway(place, **changed)
    assert any(warning in message for message in place.messages())
