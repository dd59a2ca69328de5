"""Calls to Bedrock as somebody, on some path, and what became of them."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from botocore.exceptions import BotoCoreError, ClientError

from drill.environment import HOST, REGION

if TYPE_CHECKING:
    from collections.abc import Callable

    from drill.cloud import Cloud

Credentials = dict[str, str]
_TALK = [{"role": "user", "content": [{"text": "What is the capital of France?"}]}]
#: The words of AWS's denial that tell the layer.
_LAYER = re.compile(r"(?:explicit deny in a|because no) (?P<layer>[A-Za-z -]*?policy|permissions boundary)")
_STATEMENT = re.compile(r"\((?P<sid>\w+)\)$")


@dataclass(frozen=True)
class Outcome:
    """What became of a call.

    Attributes:
        allowed: whether it was answered.
        decided_by: the layer and statement that refused it, or the error of the signature.
        message: everything AWS said, for the reader of a failure.
    """

    allowed: bool
    decided_by: str
    message: str = ""


def attempt(call: Callable[[], object]) -> Outcome:
    """Make a call and tell what became of it."""
    try:
        call()
    except ClientError as error:
        return _refused(error.response["Error"]["Code"], error.response["Error"]["Message"])
    except urllib.error.HTTPError as error:
        body = json.loads(error.read() or b"{}")
        return _refused(body.get("__type") or error.headers.get("x-amzn-errortype", ""), body.get("message", ""))
    except (BotoCoreError, OSError, RuntimeError) as error:
        return Outcome(allowed=False, decided_by=type(error).__name__, message=str(error))
    return Outcome(allowed=True, decided_by="every layer allows")


def assume(cloud: Cloud, role_arn: str) -> Credentials:
    """Return temporary credentials of a role."""
    made = cloud.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="drill")["Credentials"]
    return {
        "aws_access_key_id": made["AccessKeyId"],
        "aws_secret_access_key": made["SecretAccessKey"],
        "aws_session_token": made["SessionToken"],
    }


def converse(client: Any, model: str, guardrail: tuple[str, str] | None) -> Callable[[], object]:  # noqa: ANN401 - boto3
    """Return a call of Converse."""
    return lambda: client.converse(modelId=model, messages=_TALK, **_guardrail(guardrail))


def converse_stream(client: Any, model: str, guardrail: tuple[str, str] | None) -> Callable[[], object]:  # noqa: ANN401
    """Return a call of ConverseStream that reads the whole answer."""
    return lambda: list(client.converse_stream(modelId=model, messages=_TALK, **_guardrail(guardrail))["stream"])


def signed_long_ago(call: Callable[[], object]) -> Callable[[], object]:
    """Return the call with a signature of two hours ago."""

    def made() -> object:
        past = datetime.now(UTC) - timedelta(hours=2)
        with patch("botocore.auth.get_current_datetime", lambda *_, **__: past.replace(tzinfo=None)):
            return call()

    return made


def bare(port: int, model: str, **headers: str) -> Callable[[], object]:
    """Return a call without a signature; only its Host header tells the service."""
    request = urllib.request.Request(
        f"http://{HOST}:{port}/model/{model}/converse",
        json.dumps({"messages": _TALK}).encode(),
        {"content-type": "application/json", "host": f"bedrock-runtime.{REGION}.localhost", **headers},
    )
    return lambda: urllib.request.urlopen(request, timeout=10).read()  # noqa: S310


def _guardrail(guardrail: tuple[str, str] | None) -> dict[str, Any]:
    if guardrail is None:
        return {}
    identifier, version = guardrail
    return {"guardrailConfig": {"guardrailIdentifier": identifier, "guardrailVersion": version}}


def _refused(code: str, message: str) -> Outcome:
    layer, statement = _LAYER.search(message), _STATEMENT.search(message)
    decided_by = layer["layer"] if layer else code.rpartition("#")[2]
    if statement:
        decided_by += f" ({statement['sid']})"
    return Outcome(allowed=False, decided_by=decided_by, message=f"{code}: {message}")
