"""A gateway without AWS: the handler's own code between boto3's real client and a stand-in for Bedrock's runtime."""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from unittest.mock import patch
from urllib.parse import unquote, urlsplit

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError

from secure_bedrock.client import gateway_client

CODE = Path(__file__).parents[2] / "secure_bedrock" / "handlers" / "gateway" / "index.py"
ACCOUNT, REGION = "111122223333", "eu-west-1"
LITE, PRO = "eu.amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0"
LITE_ARN = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:inference-profile/{LITE}"
PRO_ARN = f"arn:aws:bedrock:{REGION}::foundation-model/{PRO}"
OWN = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:application-inference-profile/abcdefghijkl"
EMBED = "amazon.titan-embed-text-v2:0"
GUARDRAIL = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:guardrail/abcdefghijkl"
TEAM = f"arn:aws:iam::{ACCOUNT}:role/teams/search/team"
PARTNER = "arn:aws:iam::222233334444:role/partner"
SETTINGS = {
    "callers": {
        TEAM: {"models": [0, 2, 3]},
        PARTNER: {"models": [1], "requestsPerMinute": 2, "tokensPerDay": 100},
    },
    "models": [
        {"names": [LITE, LITE_ARN], "guarded": True},
        {"names": [PRO, PRO_ARN], "guarded": True},
        {"names": [OWN], "guarded": True},
        {"names": [EMBED, f"arn:aws:bedrock:{REGION}::foundation-model/{EMBED}"], "guarded": False},
    ],
    "guardrail": {"id": GUARDRAIL, "version": "3"},
    "maxBodyBytes": 10_000,
    "table": "counters",
    "timeout": 1,
}
PROMPT = "a secret that must not be logged"
TALK = [{"role": "user", "content": [{"text": PROMPT}]}]
ANSWER = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Paris"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 30, "outputTokens": 20, "totalTokens": 50},
    "metrics": {"latencyMs": 1},
}


def session_of(role: str, name: str = "somebody") -> str:
    """The ARN of a role's session, as API Gateway tells it: without the role's path."""
    account, short = role.split(":")[4], role.rpartition("/")[2]
    return f"arn:aws:sts::{account}:assumed-role/{short}/{name}"


class Upstream:
    """What stands for Bedrock: it keeps what it was asked, and answers what a test tells it to."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.status, self.headers, self.body = 200, {}, json.dumps(ANSWER)
        self.before_answer = lambda: None
        upstream = self

        class Answering(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                upstream.asked.append({"path": self.path, "headers": headers, "body": json.loads(body)})
                upstream.before_answer()
                said = upstream.body.encode()
                self.send_response(upstream.status)
                given = {"content-length": str(len(said)), "x-amzn-requestid": "theirs", **upstream.headers}
                for name, value in given.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def refuse(self, kind: str, status: int, message: str = "their words") -> None:
        self.status, self.headers = status, {"x-amzn-errortype": f"{kind}:http://internal.amazon.com/"}
        self.body = json.dumps({"message": message})

    @property
    def last(self) -> dict[str, Any]:
        return self.asked[-1]

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Counters:
    """What stands for the table: the one operation, with the one condition, that the handler uses."""

    class exceptions:  # noqa: N801 - boto3's name
        class ConditionalCheckFailedException(Exception):  # noqa: N818
            pass

    def __init__(self) -> None:
        self.used: dict[str, int] = {}
        self.broken = False

    def update_item(self, *, Key, ExpressionAttributeValues, ConditionExpression=None, **_) -> None:  # noqa: N803
        if self.broken:
            raise OSError("a secret address")
        key, used = Key["window"]["S"], self.used.get(Key["window"]["S"])
        if ConditionExpression and used is not None and used >= int(ExpressionAttributeValues[":most"]["N"]):
            raise self.exceptions.ConditionalCheckFailedException
        self.used[key] = (used or 0) + int(ExpressionAttributeValues[":n"]["N"])


class Clock:
    """A time that passes only when a test says so; durations are real."""

    monotonic = staticmethod(time.monotonic)

    def __init__(self) -> None:
        self.now = 1_800_000_000 // 86400 * 86400

    def time(self) -> float:
        return self.now


@contextmanager
def loaded(upstream: Upstream, **settings: Any):
    """The handler's module, imported as the function would."""
    environment = {
        "SETTINGS": json.dumps(SETTINGS | settings),
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "ASIAHANDLER",
        "AWS_SECRET_ACCESS_KEY": "handler",
        "AWS_SESSION_TOKEN": "handler-token",
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": upstream.url,
        "NO_PROXY": "127.0.0.1",
    }
    with patch.dict("os.environ", environment):
        spec = importlib.util.spec_from_file_location("gateway_handler", CODE)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.counters, module.time = Counters(), Clock()
        yield module
        module.upstream.close()
    sys.modules.pop("gateway_handler", None)


@dataclass
class Gateway:
    """The handler, and API Gateway's part before it: who signed is told by the test, the rest by the request."""

    module: Any
    upstream: Upstream
    caller: str = field(default_factory=lambda: session_of(TEAM))
    answers: list[dict[str, Any]] = field(default_factory=list)

    def event(self, path: str, body: str | bytes, *, headers: dict[str, str] | None = None, **changed: Any) -> dict:
        """A request as API Gateway hands it to a function."""
        return {
            "httpMethod": "POST",
            "path": path,
            "pathParameters": {"call": path.removeprefix("/model/")},
            "headers": {"Content-Type": "application/json", **(headers or {})},
            "queryStringParameters": None,
            "body": body.decode() if isinstance(body, bytes) else body,
            "isBase64Encoded": False,
            "requestContext": {"requestId": "ours", "identity": {"userArn": self.caller, "sourceIp": "203.0.113.9"}},
            **changed,
        }

    def send(self, path: str, body: Any, **given: Any) -> dict[str, Any]:
        """Send a request and return what the function answers."""
        text = body if isinstance(body, str | bytes) else json.dumps(body)
        answer = self.module.handler(self.event(path, text, **given), None)
        self.answers.append(answer)
        return answer

    def client(self, **config: Any) -> Any:
        """boto3's own client, whose signed requests reach the handler."""
        keys = {"aws_access_key_id": "ASIACALLER", "aws_secret_access_key": "caller", "aws_session_token": "token"}
        config = Config(retries={"total_max_attempts": 1}, **config)
        url = f"https://abcdefghij.execute-api.{REGION}.amazonaws.com/v1"
        client = gateway_client(url, session=boto3.Session(**keys), config=config)
        client.meta.events.register("before-send.bedrock-runtime.*", self._carry)
        return client

    def _carry(self, request: Any, **_: object) -> AWSResponse:
        place = urlsplit(request.url)
        assert place.path.startswith("/v1/model/")
        self.sent = request
        headers = {name: _text(value) for name, value in request.headers.items()}
        raw = place.path.removeprefix("/v1")
        answer = self.send(raw, request.body, headers=headers, pathParameters={"call": unquote(raw[len("/model/") :])})
        return AWSResponse(request.url, answer["statusCode"], answer["headers"], _Raw(answer["body"].encode()))


class _Raw:
    """A response's body, as botocore reads it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Any:
        yield self._body

    def read(self, *_: object) -> bytes:
        body, self._body = self._body, b""
        return body


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def refusal(call: Any) -> tuple[str, int, str]:
    """What boto3 raises: the error's name, its status, its words."""
    try:
        call()
    except ClientError as error:
        said = error.response
        return said["Error"]["Code"], said["ResponseMetadata"]["HTTPStatusCode"], said["Error"]["Message"]
    raise AssertionError("it was allowed")
