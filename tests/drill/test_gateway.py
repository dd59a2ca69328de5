"""The gateway, deployed by the CDK CLI: boto3 signs, the emulator authenticates, the deployed policies and code decide.

The emulator runs no web ACL and keeps one account: what those decide is asked elsewhere.
"""

from __future__ import annotations

import json
import shutil
import sys
import urllib.error
import urllib.request
import uuid
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from drill import cdk
from drill.calls import assume
from drill.cloud import emulated
from drill.environment import ACCOUNT, HOST, REGION
from drill.gateway import MAX_BODY_BYTES, OTHER_MODEL, REQUESTS_PER_MINUTE, STACK, TEAM_MODEL, role_arn
from secure_bedrock.client import gateway_client

PROMPT = "a secret that must not be logged"
TALK = [{"role": "user", "content": [{"text": PROMPT}]}]
PROFILE_ARN = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:inference-profile/{TEAM_MODEL}"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    room = tmp_path_factory.mktemp("gateway")
    if shutil.which("cdk") is None:
        pytest.skip("the CDK CLI is not on the PATH; run this by `make test`")
    with emulated(room / "log") as running:
        cdk.bootstrap(running, room)
        cdk.deploy(running, room, f"{sys.executable} -m drill.gateway")
        yield running


@pytest.fixture(scope="module")
def outputs(cloud):
    stack = cloud.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
    return {output["OutputKey"].removeprefix("Drill"): output["OutputValue"] for output in stack["Outputs"]}


@pytest.fixture(scope="module")
def url(cloud, outputs):
    cloud.stand_for(outputs["Endpoint"])
    return f"http://{HOST}:{cloud.port}/_aws/execute-api/{outputs['Api']}/v1"


@pytest.fixture(scope="module")
def caller(cloud, url):
    def made(name, **changed):
        session = boto3.Session(**{**assume(cloud, role_arn(name)), **changed}, region_name=REGION)
        config = Config(retries={"total_max_attempts": 1}, read_timeout=60)
        return gateway_client(url, session=session, region=REGION, config=config)

    return made


def converse(client, model=TEAM_MODEL, **given):
    return client.converse(**{"modelId": model, "messages": TALK, **given})


def refused(call):
    """The error's name and status; its words name no resource and hold no prompt."""
    with pytest.raises(ClientError) as error:
        call()
    said = error.value.response
    for secret in ("arn:", ACCOUNT, PROMPT, "Traceback", "secure-bedrock"):
        assert secret not in said["Error"]["Message"]
    return said["Error"]["Code"], said["ResponseMetadata"]["HTTPStatusCode"]


DENIED, UNSIGNED = ("AccessDeniedException", 403), ("MissingAuthenticationTokenException", 403)
FORGED = ("InvalidSignatureException", 403)


# --- allowed


def test_a_caller_converses_with_its_model(caller):
    answer = converse(caller("team"))
    assert answer["output"]["message"]["content"][0]["text"]
    assert answer["usage"]["totalTokens"] > 0


def test_a_caller_invokes_its_model(caller):
    body = {"messages": TALK, "inferenceConfig": {"maxTokens": 9}}
    assert json.load(caller("team").invoke_model(modelId=TEAM_MODEL, body=json.dumps(body))["body"])


def test_an_arn_in_the_path_arrives(caller):
    assert converse(caller("team"), PROFILE_ARN)["stopReason"]


def test_each_caller_has_models_of_its_own(caller):
    assert converse(caller("other"), OTHER_MODEL)["stopReason"]
    assert refused(lambda: converse(caller("other"), TEAM_MODEL)) == DENIED
    assert refused(lambda: converse(caller("team"), OTHER_MODEL)) == DENIED


def test_an_unknown_model_is_refused_before_bedrock_is_asked(caller):
    assert refused(lambda: converse(caller("team"), "anthropic.claude-3-haiku-20240307-v1:0")) == DENIED


# --- who signs


def test_a_stranger_of_the_account_is_refused_whatever_its_own_policy_allows(caller):
    assert refused(lambda: converse(caller("stranger"))) == DENIED


def test_headers_do_not_make_a_stranger_a_caller(caller):
    client = caller("stranger")

    def spoof(request, **_):
        request.headers["X-Amzn-Iam-User-Arn"] = role_arn("team")
        request.headers["X-Forwarded-For"] = "203.0.113.9"

    client.meta.events.register("before-sign.bedrock-runtime.*", spoof)
    assert refused(lambda: converse(client)) == DENIED


def test_a_user_with_long_term_keys_is_refused(cloud, url):
    iam, name = cloud.client("iam"), f"drill-user-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
    iam.put_user_policy(UserName=name, PolicyName="everything", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    session = boto3.Session(aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    assert refused(lambda: converse(gateway_client(url, session=session, region=REGION))) == DENIED


def test_a_wrong_secret_is_refused(caller):
    assert refused(lambda: converse(caller("team", aws_secret_access_key=str(uuid.uuid4())))) == FORGED


def test_a_session_without_its_token_is_refused(caller):
    code, status = refused(lambda: converse(caller("team", aws_session_token=None)))
    assert status == 403
    assert "Exception" in code


def test_a_signature_of_two_hours_ago_is_refused(caller):
    client, past = caller("team"), datetime.now(UTC) - timedelta(hours=2)
    with patch("botocore.auth.get_current_datetime", lambda *_, **__: past.replace(tzinfo=None)):
        assert refused(lambda: converse(client)) == FORGED


# --- requests as a signer other than boto3's client would send them


@pytest.fixture(scope="module")
def keys(cloud):
    made = assume(cloud, role_arn("team"))
    return Credentials(made["aws_access_key_id"], made["aws_secret_access_key"], made["aws_session_token"])


def signed(keys, url, path, body, *, method="POST", headers=None):  # noqa: PLR0913 - a request has as many parts
    """A signed request: its address, its body and its headers."""
    given = {"content-type": "application/json", **(headers or {})}
    request = AWSRequest(method, url + path, headers=given, data=body)
    SigV4Auth(keys, "execute-api", REGION).add_auth(request)
    return request


def opened(request, *, url=None, body=None):
    """A request as it goes over the wire, or its signature on another one."""
    data = request.data if body is None else body
    headers = dict(request.headers.items())
    return urllib.request.Request(url or request.url, data.encode(), headers, method=request.method)


def send(request, **other):
    """What becomes of it: status, Bedrock's word for it, the answer."""
    try:
        with urllib.request.urlopen(opened(request, **other), timeout=60) as answer:
            return answer.status, None, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            text = error.read().decode()
        assert ACCOUNT not in text
        assert PROMPT not in text
        return error.code, json.loads(text)["__type"], text


def status(request):
    """What became of it, where the answer need not have Bedrock's shape."""
    try:
        with urllib.request.urlopen(opened(request), timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


CALL = f"/model/{TEAM_MODEL.replace(':', '%3A')}/converse"
BODY = json.dumps({"messages": TALK})


def test_a_request_signed_by_hand_is_answered(keys, url):
    assert send(signed(keys, url, CALL, BODY))[0] == 200


def test_a_model_encoded_twice_is_the_same_model(keys, url):
    assert send(signed(keys, url, CALL.replace("%3A", "%253A"), BODY))[0] == 200


def test_a_signature_on_another_path_is_refused(keys, url):
    other = f"{url}/model/{OTHER_MODEL.replace(':', '%3A')}/converse"
    assert send(signed(keys, url, CALL, BODY), url=other)[:2] == (403, "InvalidSignatureException")
    invoke = url + CALL.replace("/converse", "/invoke")
    assert send(signed(keys, url, CALL, BODY), url=invoke)[:2] == (403, "InvalidSignatureException")


def test_a_signature_on_another_body_is_refused(keys, url):
    request = signed(keys, url, CALL, BODY)
    assert send(request, body=BODY.replace("secret", "other"))[:2] == (403, "InvalidSignatureException")


def test_a_signature_with_another_query_is_refused(keys, url):
    assert send(signed(keys, url, CALL, BODY), url=f"{url}{CALL}?a=b")[:2] == (403, "InvalidSignatureException")


def test_nobody_s_request_is_refused(url):
    bare = AWSRequest("POST", url + CALL, headers={"content-type": "application/json"}, data=BODY)
    assert send(bare)[:2] == (403, "MissingAuthenticationTokenException")


@pytest.mark.parametrize("authorization", ["Bearer bedrock-api-key-real", "Basic dGVhbTp0ZWFt", "AWS4-HMAC-SHA256"])
def test_other_ways_to_sign_in_are_refused(url, authorization):
    headers = {"content-type": "application/json", "authorization": authorization}
    assert send(AWSRequest("POST", url + CALL, headers=headers, data=BODY))[0] == 403


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "PUT", "DELETE", "HEAD"])
def test_there_is_no_other_method_signed_or_not(keys, url, method):
    bare = AWSRequest(method, url + CALL, headers={}, data="")
    for request in (bare, signed(keys, url, CALL, "", method=method)):
        assert status(request) == 403


@pytest.mark.parametrize(
    "path", ["/", "/model", "/model/", "/guardrail/x/version/1/apply", "/async-invoke", "/v1/model"]
)
def test_there_is_no_other_path(keys, url, path):
    assert status(signed(keys, url, path, BODY)) in {403, 404}


@pytest.mark.parametrize(
    "path",
    [
        f"/model/{OTHER_MODEL.replace(':', '%3A')}%2F..%2F{TEAM_MODEL.replace(':', '%3A')}/converse",
        f"/model/{TEAM_MODEL.upper().replace(':', '%3A')}/converse",
        f"/model/{TEAM_MODEL.replace(':', '%3A')}%00/converse",
    ],
)
def test_a_path_that_plays_with_names_is_refused(keys, url, path):
    assert send(signed(keys, url, path, BODY))[0] == 403


@pytest.mark.parametrize("body", ["{", "[]", "null", '"text"', ""])
def test_a_malformed_body_is_refused(keys, url, body):
    assert send(signed(keys, url, CALL, body))[:2] == (400, "ValidationException")


def test_a_body_of_another_type_is_read_as_json_all_the_same(keys, url):
    """API Gateway validates what says that it is JSON; the function reads everything as JSON."""
    headers = {"content-type": "text/plain"}
    assert send(signed(keys, url, CALL, "[]", headers=headers))[:2] == (400, "ValidationException")
    assert send(signed(keys, url, CALL, BODY, headers=headers))[0] == 200


def test_a_long_body_is_refused(keys, url):
    body = json.dumps({"messages": [{"role": "user", "content": [{"text": "x" * MAX_BODY_BYTES}]}]})
    assert send(signed(keys, url, CALL, body))[:2] == (413, "ValidationException")


def test_streams_are_refused_in_bedrocks_shape(caller):
    client = caller("team")
    with pytest.raises(client.exceptions.ValidationException, match="answers whole"):
        client.converse_stream(modelId=TEAM_MODEL, messages=TALK)


# --- quotas, the function itself, logs, the web ACL


def test_a_quota_holds_a_caller_whatever_its_session(caller):
    """The window is a minute of the clock: where it ends in between, it takes as many again."""
    results = []
    for _ in range(2 * REQUESTS_PER_MINUTE + 1):
        try:
            results.append(converse(caller("counted"))["stopReason"])
        except ClientError as error:
            results.append(error.response["Error"]["Code"])
    assert results[:REQUESTS_PER_MINUTE] == ["end_turn"] * REQUESTS_PER_MINUTE
    assert "ThrottlingException" in results


def test_a_caller_cannot_invoke_the_function_past_the_gateway(cloud, outputs):
    functions = cloud.client("lambda", assume(cloud, role_arn("team")))
    with pytest.raises(ClientError) as error:
        functions.invoke(FunctionName=outputs["Function"], Payload=b"{}")
    assert error.value.response["Error"]["Code"] == "AccessDeniedException"


def test_the_function_says_who_called_what_and_no_word_of_it(cloud, caller):
    converse(caller("team"))
    logs = cloud.client("logs")
    groups = [each["logGroupName"] for each in logs.describe_log_groups()["logGroups"]]
    lines = [
        event["message"] for group in groups for event in logs.filter_log_events(logGroupName=group).get("events", [])
    ]
    assert any("assumed-role/drill-team/drill" in line and TEAM_MODEL in line for line in lines)
    assert not [line for line in lines if PROMPT in line]


def test_the_web_acl_stands_before_the_stage(cloud, outputs):
    waf = cloud.client("wafv2")
    (acl,) = waf.list_web_acls(Scope="REGIONAL")["WebACLs"]
    guarded = waf.list_resources_for_web_acl(WebACLArn=acl["ARN"], ResourceType="API_GATEWAY")["ResourceArns"]
    assert guarded == [f"arn:aws:apigateway:{REGION}::/restapis/{outputs['Api']}/stages/v1"]


def test_what_stops_the_functions_role_stops_every_caller_and_says_no_more_than_that(cloud, outputs, caller):
    iam = cloud.client("iam")
    name = (
        cloud.client("lambda").get_function_configuration(FunctionName=outputs["Function"])["Role"].rpartition("/")[2]
    )
    document = {"Statement": [{"Effect": "Deny", "Action": "bedrock:InvokeModel", "Resource": "*"}]}
    iam.put_role_policy(RoleName=name, PolicyName="stopped", PolicyDocument=json.dumps(document))
    assert refused(lambda: converse(caller("team"))) == DENIED
    iam.delete_role_policy(RoleName=name, PolicyName="stopped")
    assert converse(caller("team"))["stopReason"]


def test_the_functions_role_reaches_bedrock_through_the_endpoint_and_under_the_guardrail_alone(cloud, outputs):
    iam = cloud.client("iam")
    name = (
        cloud.client("lambda").get_function_configuration(FunctionName=outputs["Function"])["Role"].rpartition("/")[2]
    )
    ceiling = iam.get_role_policy(RoleName=name, PolicyName="secure-bedrock-ceiling")["PolicyDocument"]
    statements = {statement["Sid"]: statement for statement in ceiling["Statement"]}
    off_network = json.dumps(statements["OffNetwork"]["Condition"])
    assert outputs["Endpoint"] in off_network
    assert "bedrock:GuardrailIdentifier" in json.dumps(statements["WithoutGuardrail"]["Condition"])
    endpoint = cloud.client("ec2").describe_vpc_endpoints(VpcEndpointIds=[outputs["Endpoint"]])["VpcEndpoints"][0]
    assert name in endpoint["PolicyDocument"]
