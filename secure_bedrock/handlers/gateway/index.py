"""Forwards what an approved caller signed for the gateway to Bedrock's runtime, and answers as Bedrock would.

Who calls is read from the identity that API Gateway verified, never from the path, a header or the body.
Bodies are neither logged nor kept. Whatever goes wrong before Bedrock answers is refused.
"""

import base64
import json
import os
import re
import time
from urllib.parse import quote, unquote

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ReadTimeoutError
from botocore.httpsession import URLLib3Session

SETTINGS = json.loads(os.environ["SETTINGS"])
REGION = os.environ["AWS_REGION"]
#: A session's ARN has the role's name without its path; names are unique in an account whatever the path.
CALLERS = {tuple(arn.split(":")[4:5] + arn.rsplit("/", 1)[-1:]): caller for arn, caller in SETTINGS["callers"].items()}
MODELS = {name: index for index, model in enumerate(SETTINGS["models"]) for name in model["names"]}

SESSION = re.compile(r"arn:[a-z-]+:sts::(\d{12}):assumed-role/([\w+=,.@-]+)/[\w+=,.@-]+", re.ASCII)
ARN = re.compile(r"arn:[a-z-]+:[^\s\"']+")
#: Operations that are answered whole.
OPERATIONS = {"converse", "invoke", "count-tokens"}
STREAMS = {"converse-stream", "invoke-with-response-stream", "invoke-with-bidirectional-stream"}
#: Keys of Bedrock's request metadata that the gateway alone writes; Bedrock takes 16 in all.
OURS, CALLER, REQUEST = "gateway-", "gateway-caller", "gateway-request-id"
MOST_METADATA = 14
#: By these a body would choose what the guardrail reads, or have it explain itself.
RESERVED, CHOSEN_CONTENT = "amazon-bedrock-", "guardContent"
#: What Bedrock's runtime may answer a call with, and whether its words are about the request alone.
UPSTREAM = {
    "InternalServerException": (500, False),
    "ModelErrorException": (424, False),
    "ModelNotReadyException": (429, False),
    "ModelTimeoutException": (408, False),
    "ResourceNotFoundException": (404, False),
    "ServiceQuotaExceededException": (400, False),
    "ServiceUnavailableException": (503, False),
    "ThrottlingException": (429, False),
    "ValidationException": (400, True),
}
TOKENS = ("x-amzn-bedrock-input-token-count", "x-amzn-bedrock-output-token-count")
KEPT_HEADERS = {"x-amzn-bedrock-invocation-latency", *TOKENS}
#: A function's answer is at most 6 MB, its quotes escaped.
LONGEST_ANSWER = 5_900_000

runtime = boto3.client("bedrock-runtime").meta.endpoint_url
credentials = boto3.Session().get_credentials()
upstream = URLLib3Session(timeout=(3, SETTINGS["timeout"]), max_pool_connections=2)
quick = Config(connect_timeout=2, read_timeout=2, retries={"total_max_attempts": 2})
counters = boto3.client("dynamodb", config=quick) if "table" in SETTINGS else None


class Refusal(Exception):
    """An answer in Bedrock's shape that is not Bedrock's."""

    def __init__(self, status, kind, message):
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message


def handler(event, context):
    began, seen = time.monotonic(), {"requestId": None}
    try:
        seen["requestId"] = event["requestContext"]["requestId"]
        answer = act(event, seen)
    except Refusal as refusal:
        answer = refused(refusal)
    except Exception as error:
        # The type alone: a message may hold what the caller wrote.
        seen["error"] = type(error).__name__
        answer = refused(Refusal(500, "InternalServerException", "The gateway failed."))
    seen |= {"status": answer["statusCode"], "milliseconds": round(1000 * (time.monotonic() - began))}
    print(json.dumps(seen))
    return answer


def act(event, seen):
    arn, caller = caller_of(event, seen)
    text, operation = called(event)
    model = model_of(text, caller)
    seen |= {"model": model["names"][0], "operation": operation}
    body, headers = marked(body_of(event), event, operation, model, {CALLER: arn, REQUEST: seen["requestId"]})
    data = encoded(body)
    count(caller, seen)
    response = forward(model["names"][0], operation, data, headers)
    seen["upstreamRequestId"] = response.headers.get("x-amzn-requestid")
    answer = answered(response, seen)
    count_tokens(caller, response, operation, seen)
    return within(answer)


def caller_of(event, seen):
    """Return who signed, as API Gateway verified it, and what is declared for them."""
    identity = event["requestContext"].get("identity") or {}
    seen["caller"] = arn = identity.get("userArn") or ""
    session = SESSION.fullmatch(arn)
    caller = CALLERS.get(session.groups()) if session else None
    if caller is None:
        raise Refusal(403, "AccessDeniedException", "The caller may not use this gateway.")
    return arn, {"key": ":".join(session.groups()), **caller}


def called(event):
    """Return the text that names the model, and the operation: all that the path says, in whatever base path."""
    text, slash, operation = ((event.get("pathParameters") or {}).get("call") or "").rpartition("/")
    if event["httpMethod"] != "POST" or not slash or operation not in OPERATIONS | STREAMS:
        raise Refusal(404, "UnknownOperationException", "The gateway does not know this operation.")
    if operation in STREAMS:
        raise Refusal(400, "ValidationException", "The gateway answers whole: call Converse or InvokeModel.")
    return text, operation


def model_of(text, caller):
    """Return the model, whether its name came plain or encoded, once or twice; only exact names are known."""
    for _ in range(3):
        index = MODELS.get(text)
        if index is not None and index in caller["models"]:
            return SETTINGS["models"][index]
        text = unquote(text)
    raise Refusal(403, "AccessDeniedException", "The caller may not use this model.")


def body_of(event):
    """Return the body as it is parsed here; what is sent on is written anew, so that Bedrock reads nothing else."""
    try:
        body = event.get("body") or ""
        body = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
        if len(body) > SETTINGS["maxBodyBytes"]:
            raise Refusal(413, "ValidationException", f"The body is longer than {SETTINGS['maxBodyBytes']} bytes.")
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise malformed("The body is not a JSON object.")
    return parsed


def encoded(body):
    try:
        return json.dumps(body, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise malformed("The body is not a JSON object.") from None


def malformed(message):
    return Refusal(400, "ValidationException", message)


def marked(body, event, operation, model, marks):
    """Return body and headers with the gateway's guardrail, and with who called in the request's metadata.

    No header of the caller is sent on. What a body says of guardrails is replaced or refused.
    """
    headers = {"content-type": "application/json", "accept": "application/json"}
    guardrail = SETTINGS.get("guardrail") if model["guarded"] else None
    if operation == "converse":
        require_whole(body)
        body = {**body, "requestMetadata": metadata(body.get("requestMetadata"), marks)}
        body.pop("guardrailConfig", None)
        if guardrail:
            body["guardrailConfig"] = {"guardrailIdentifier": guardrail["id"], "guardrailVersion": guardrail["version"]}
    elif operation == "invoke":
        require_unreserved(body)
        given = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        own = parsed_metadata(given.get("x-amzn-bedrock-request-metadata"))
        headers["X-Amzn-Bedrock-Request-Metadata"] = json.dumps(metadata(own, marks))
        if guardrail:
            headers["X-Amzn-Bedrock-GuardrailIdentifier"] = guardrail["id"]
            headers["X-Amzn-Bedrock-GuardrailVersion"] = guardrail["version"]
    return body, headers


def require_whole(body):
    """Refuse a conversation that tells the guardrail to read a part of it only."""
    messages = body.get("messages")
    require_unreserved(body.get("additionalModelRequestFields"))
    parts = [message.get("content") for message in listed(messages) if isinstance(message, dict)]
    for part in [*parts, body.get("system")]:
        if any(isinstance(block, dict) and CHOSEN_CONTENT in block for block in listed(part)):
            raise malformed("guardContent is refused: the guardrail reads everything.")


def require_unreserved(fields):
    if isinstance(fields, dict) and any(name.lower().startswith(RESERVED) for name in fields):
        raise malformed(f"Fields that begin with {RESERVED} are refused: the gateway names the guardrail.")


def listed(value):
    return value if isinstance(value, list) else []


def parsed_metadata(text):
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return text


def metadata(given, marks):
    given = {} if given is None else given
    if not isinstance(given, dict) or len(given) > MOST_METADATA or not all(isinstance(v, str) for v in given.values()):
        raise malformed(f"Request metadata is at most {MOST_METADATA} pairs of text.")
    if any(name.strip().lower().startswith(OURS) for name in given):
        raise malformed(f"Request metadata that begins with {OURS} is the gateway's own.")
    return {**given, **marks}


def count(caller, seen):
    """Refuse a caller who has had enough; where nothing can be counted, nothing passes."""
    if "requestsPerMinute" in caller:
        add(f"{caller['key']}:minute:{window(60)}", 1, caller["requestsPerMinute"], 120, seen)
    if "tokensPerDay" in caller:
        add(f"{caller['key']}:day:{window(86400)}", 0, caller["tokensPerDay"], 172800, seen)


def count_tokens(caller, response, operation, seen):
    seen["tokens"] = tokens = tokens_of(response, operation)
    if "tokensPerDay" in caller and tokens:
        add(f"{caller['key']}:day:{window(86400)}", tokens, None, 172800, seen)


def window(seconds):
    return int(time.time()) // seconds


def add(key, amount, most, keep, seen):
    """Add to a counter; with `most`, only while it is below."""
    condition = {} if most is None else {"ConditionExpression": "attribute_not_exists(#c) OR #c < :most"}
    values = {":n": {"N": str(amount)}, ":e": {"N": str(int(time.time()) + keep)}}
    if most is not None:
        values[":most"] = {"N": str(most)}
    try:
        counters.update_item(
            TableName=SETTINGS["table"],
            Key={"window": {"S": key}},
            UpdateExpression="SET expires = :e ADD #c :n",
            ExpressionAttributeNames={"#c": "used"},
            ExpressionAttributeValues=values,
            **condition,
        )
    except counters.exceptions.ConditionalCheckFailedException:
        raise Refusal(429, "ThrottlingException", "The caller's quota is used up.") from None
    except Exception as error:
        seen["error"] = type(error).__name__
        if most is None:  # Bedrock has answered already; the next request finds the counter out of reach
            return
        raise Refusal(503, "ServiceUnavailableException", "The gateway cannot count this call.") from None


def forward(model, operation, data, headers):
    """Sign with the gateway's own role and send; Bedrock decides whatever is left to decide."""
    url = f"{runtime}/model/{quote(model, safe='')}/{operation}"
    request = AWSRequest("POST", url, headers=headers, data=data)
    SigV4Auth(credentials.get_frozen_credentials(), "bedrock", REGION).add_auth(request)
    try:
        return upstream.send(request.prepare())
    except ReadTimeoutError:
        raise Refusal(408, "ModelTimeoutException", "The model took too long to answer.") from None
    except BotoCoreError:
        raise Refusal(503, "ServiceUnavailableException", "Bedrock cannot be reached.") from None


def answered(response, seen):
    """Return Bedrock's answer; of its errors only what tells nothing about the gateway itself."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    if response.status_code < 300:
        kept = {name: value for name, value in headers.items() if name in KEPT_HEADERS}
        return answer(200, response.content.decode(), kept)
    kind = re.split("[:#]", headers.get("x-amzn-errortype", ""))[0]
    seen["upstreamError"] = f"{response.status_code} {kind}"[:80]
    if kind not in UPSTREAM:
        if response.status_code in {401, 403}:
            raise Refusal(403, "AccessDeniedException", "Bedrock refused this call.")
        raise Refusal(500, "InternalServerException", "Bedrock failed.")
    status, about_the_request = UPSTREAM[kind]
    raise Refusal(status, kind, message_of(response) if about_the_request else f"Bedrock answered {kind}.")


def message_of(response):
    """Bedrock's words without the names of the gateway's own resources."""
    try:
        said = json.loads(response.content)
        return ARN.sub("[...]", str(said.get("message") or said["Message"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return "Bedrock refused the request as malformed."


def tokens_of(response, operation):
    try:
        if operation == "invoke":
            return sum(int(response.headers.get(name) or 0) for name in TOKENS)
        return int(json.loads(response.content)["usage"]["totalTokens"])
    except (ValueError, KeyError, TypeError):
        return 0


def within(answer):
    if len(json.dumps(answer["body"])) > LONGEST_ANSWER:
        raise Refusal(500, "InternalServerException", "The answer is too long for this gateway.")
    return answer


def refused(refusal):
    body = json.dumps({"__type": refusal.kind, "message": refusal.message})
    return answer(refusal.status, body, {"x-amzn-errortype": refusal.kind})


def answer(status, body, headers):
    """API Gateway adds its request id itself."""
    return {"statusCode": status, "headers": {"content-type": "application/json", **headers}, "body": body}
