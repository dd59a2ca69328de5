"""The client that speaks to a gateway: whom it signs for, with what, and what it refuses to speak to."""

from __future__ import annotations

import subprocess
import sys

import boto3
import pytest
from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.config import Config
from botocore.exceptions import ClientError, NoCredentialsError

from secure_bedrock.client import gateway_client
from secure_bedrock.errors import InvalidInput

URL = "https://abcdefghij.execute-api.eu-west-1.amazonaws.com/v1"
KEYS = {"aws_access_key_id": "ASIACALLER", "aws_secret_access_key": "secret", "aws_session_token": "token"}
TALK = [{"role": "user", "content": [{"text": "Hello"}]}]


class Stopped(Exception):  # noqa: N818
    """The request was ready to be sent."""


class Body:
    """An answer's body, as botocore reads it."""

    def __init__(self, content):
        self._content = content

    def stream(self, **_):
        yield self._content

    def read(self, *_):
        return self._content


def sent(client, **given):
    """The request that a call of Converse would send."""
    caught = []

    def stop(request, **_):
        caught.append(request)
        raise Stopped

    client.meta.events.register("before-send.bedrock-runtime.Converse", stop)
    with pytest.raises(Stopped):
        client.converse(**{"modelId": "eu.amazon.nova-lite-v1:0", "messages": TALK, **given})
    return caught[0]


def scope(request):
    authorization = request.headers["Authorization"]
    return (authorization.decode() if isinstance(authorization, bytes) else authorization).split("Credential=")[1]


@pytest.fixture
def session():
    return boto3.Session(**KEYS)


def test_it_signs_for_the_gateway_in_the_gateways_region_with_the_sessions_keys(session):
    request = sent(gateway_client(URL, session=session))
    assert request.url == f"{URL}/model/eu.amazon.nova-lite-v1%3A0/converse"
    assert scope(request).startswith("ASIACALLER/")
    assert "/eu-west-1/execute-api/aws4_request" in scope(request)
    assert request.headers["X-Amz-Security-Token"] in {"token", b"token"}


def test_an_arn_stands_in_the_path_as_one_segment(session):
    arn = "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/abcdefghijkl"
    request = sent(gateway_client(URL, session=session), modelId=arn)
    assert request.url.endswith("%3A111122223333%3Aapplication-inference-profile%2Fabcdefghijkl/converse")


def test_an_api_key_in_the_environment_is_neither_used_nor_sent(monkeypatch, session):
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "bedrock-api-key-real")
    request = sent(gateway_client(URL, session=session))
    assert "AWS4-HMAC-SHA256" in str(request.headers["Authorization"])
    assert "bedrock-api-key-real" not in str(dict(request.headers))


def test_a_region_and_an_endpoint_of_the_environment_do_not_lead_elsewhere(monkeypatch, session):
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "http://127.0.0.1:9")
    request = sent(gateway_client(URL, session=session))
    assert request.url.startswith(URL)
    assert "/eu-west-1/" in scope(request)


def test_settings_of_one_s_own_are_kept(session):
    client = gateway_client(URL, session=session, config=Config(read_timeout=7, retries={"total_max_attempts": 1}))
    assert client.meta.config.read_timeout == 7
    assert "/execute-api/" in scope(sent(client))


def test_other_clients_of_the_session_sign_as_ever(session):
    gateway_client(URL, session=session)
    other = session.client("bedrock-runtime", region_name="eu-west-1")
    assert "/bedrock/aws4_request" in scope(sent(other))


@pytest.mark.parametrize(
    ("url", "region", "expected"),
    [
        (URL.replace("eu-west-1", "us-gov-west-1"), None, "us-gov-west-1"),
        ("https://abcdefghij-vpce-0123456789abcdef0.execute-api.eu-west-1.amazonaws.com/v1", None, "eu-west-1"),
        ("https://bedrock.example.com/ai", "eu-central-1", "eu-central-1"),
        ("http://127.0.0.1:4566/_aws/execute-api/abcdefghij/v1", "eu-west-1", "eu-west-1"),
    ],
)
def test_the_region_is_the_url_s_or_the_one_that_is_named(session, url, region, expected):
    assert f"/{expected}/execute-api/" in scope(sent(gateway_client(url, session=session, region=region)))


@pytest.mark.parametrize(
    "url", ["", None, 5, "abcdefghij", URL.replace("https", "http"), "ftp://127.0.0.1", "https:///v1"]
)
def test_what_is_no_url_with_tls_is_refused(session, url):
    with pytest.raises(InvalidInput, match=r"^url: got .*; allowed is the gateway's URL, beginning with https://"):
        gateway_client(url, session=session)


@pytest.mark.parametrize(
    "url",
    [
        "https://bedrock.example.com/v1", "https://execute-api.eu-west-1.amazonaws.com/v1",
    ],
)  # fmt: skip
def test_a_url_that_does_not_tell_the_region_needs_one(session, url):
    with pytest.raises(InvalidInput, match=r"^region: got None; allowed is the gateway's Region"):
        gateway_client(url, session=session)


@pytest.mark.parametrize("operation", ["converse", "converse_stream"])
@pytest.mark.parametrize("header", ["ThrottlingException", "ThrottlingException,TooManyRequestsException",
                                    "ThrottlingException, TooManyRequestsException"])  # fmt: skip
def test_of_two_error_types_the_gateways_own_is_raised(session, header, operation):
    """API Gateway adds its own behind the one that a gateway response names."""
    client = gateway_client(URL, session=session, config=Config(retries={"total_max_attempts": 1}))
    answer = AWSResponse(URL, 429, HeadersDict({"x-amzn-errortype": header}), Body(b'{"message": "Too many."}'))
    client.meta.events.register("before-send.bedrock-runtime.*", lambda **_: answer)
    with pytest.raises(client.exceptions.ThrottlingException, match="Too many"):
        getattr(client, operation)(modelId="eu.amazon.nova-lite-v1:0", messages=TALK)


def test_without_credentials_nothing_is_sent(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    with pytest.raises((NoCredentialsError, ClientError)):
        gateway_client(URL).converse(modelId="eu.amazon.nova-lite-v1:0", messages=TALK)


def test_it_needs_nothing_of_the_cdk():
    code = "import sys, secure_bedrock.client; print([m for m in ('aws_cdk', 'jsii', 'boto3') if m in sys.modules])"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "[]"
