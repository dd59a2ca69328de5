"""The gateway's handler: who may call which model, what reaches Bedrock, what comes back, what is logged."""

from __future__ import annotations

import base64
import gzip
import json
import time

import pytest
from botocore.exceptions import ClientError

from tests.handlers.gateway import (
    ACCOUNT,
    ANSWER,
    EMBED,
    GUARDRAIL,
    LITE,
    LITE_ARN,
    OWN,
    PARTNER,
    PRO,
    PRO_ARN,
    PROMPT,
    TALK,
    TEAM,
    Gateway,
    Upstream,
    loaded,
    refusal,
    session_of,
)

PATH = f"/model/{LITE}/converse"
TALKING = {"messages": TALK}


@pytest.fixture(scope="module")
def bedrock():
    made = Upstream()
    yield made
    made.stop()


@pytest.fixture
def upstream(bedrock):
    bedrock.asked.clear()
    bedrock.status, bedrock.headers, bedrock.body = 200, {}, json.dumps(ANSWER)
    bedrock.before_answer = lambda: None
    return bedrock


@pytest.fixture
def gateway(upstream):
    with loaded(upstream) as module:
        yield Gateway(module, upstream)


def converse(client, model=LITE, **given):
    return lambda: client.converse(modelId=model, messages=TALK, **given)


def kind(answer):
    return answer["statusCode"], answer["headers"].get("x-amzn-errortype")


DENIED = (403, "AccessDeniedException")
INVALID = (400, "ValidationException")


# --- boto3's client, its signer and its parser


def test_converse_answers_as_bedrock_does(gateway):
    answer = gateway.client().converse(modelId=LITE, messages=TALK)
    assert answer["output"]["message"]["content"] == [{"text": "Paris"}]
    assert answer["usage"]["totalTokens"] == 50


def test_invoke_model_answers_as_bedrock_does(gateway, upstream):
    upstream.body, upstream.headers = '{"completion": "Paris"}', {"x-amzn-bedrock-input-token-count": "7"}
    answer = gateway.client().invoke_model(modelId=LITE, body=json.dumps({"prompt": PROMPT}))
    assert json.load(answer["body"]) == {"completion": "Paris"}
    assert answer["contentType"] == "application/json"
    assert upstream.last["path"].endswith("/invoke")


def test_count_tokens_answers_as_bedrock_does(gateway, upstream):
    upstream.body = '{"inputTokens": 7}'
    answer = gateway.client().count_tokens(modelId=LITE, input={"converse": {"messages": TALK}})
    assert answer["inputTokens"] == 7
    assert "requestMetadata" not in upstream.last["body"]


def test_the_client_signs_for_the_gateway_with_the_callers_credentials(gateway):
    gateway.client().converse(modelId=LITE_ARN, messages=TALK)
    authorization = gateway.sent.headers["Authorization"]
    authorization = authorization.decode() if isinstance(authorization, bytes) else authorization
    assert "Credential=ASIACALLER/" in authorization
    assert "/eu-west-1/execute-api/aws4_request" in authorization


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("ThrottlingException", 429), ("ModelTimeoutException", 408), ("ModelNotReadyException", 429),
        ("ModelErrorException", 424), ("InternalServerException", 500), ("ServiceUnavailableException", 503),
        ("ResourceNotFoundException", 404), ("ValidationException", 400),
    ],
)  # fmt: skip
def test_an_error_of_bedrock_is_raised_as_boto3_models_it(gateway, upstream, kind, status):
    upstream.refuse(kind, status)
    client = gateway.client()
    with pytest.raises(getattr(client.exceptions, kind)) as error:
        client.converse(modelId=LITE, messages=TALK)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_a_refusal_of_the_gateway_is_raised_as_boto3_models_it(gateway):
    client = gateway.client()
    with pytest.raises(client.exceptions.AccessDeniedException):
        client.converse(modelId=PRO, messages=TALK)


@pytest.mark.parametrize("operation", ["converse_stream", "invoke_model_with_response_stream"])
def test_a_stream_is_refused_in_bedrocks_shape(gateway, upstream, operation):
    client = gateway.client()
    given = {"messages": TALK} if operation == "converse_stream" else {"body": "{}"}
    with pytest.raises(client.exceptions.ValidationException, match="answers whole"):
        getattr(client, operation)(modelId=LITE, **given)
    assert upstream.asked == []


# --- who


def test_the_role_is_told_by_account_and_name_whatever_its_path(gateway):
    assert kind(gateway.send(PATH, TALKING))[0] == 200


@pytest.mark.parametrize(
    "caller",
    [
        "", None, TEAM, f"arn:aws:iam::{ACCOUNT}:user/team", f"arn:aws:iam::{ACCOUNT}:root",
        f"arn:aws:sts::{ACCOUNT}:federated-user/team",
        session_of(TEAM).replace(ACCOUNT, "444455556666"),  # the namesake of another account
        session_of(TEAM).replace("role/team", "role/Team"),
        session_of(TEAM).replace("role/team", "role/team2"),
        session_of(TEAM).replace("role/team", "role/search/team"),
        f"arn:aws:sts::{ACCOUNT}:assumed-role/other/team", f"arn:aws:sts::{ACCOUNT}:assumed-role/team",
        session_of(TEAM) + "\n", "x" + session_of(TEAM), session_of(TEAM).replace("team", "te\u0430m"),
        session_of(TEAM).replace(ACCOUNT, "\uff11" * 12),
    ],
)  # fmt: skip
def test_nobody_else_gets_through(gateway, upstream, caller):
    gateway.caller = caller
    assert kind(gateway.send(PATH, TALKING)) == DENIED
    assert upstream.asked == []


@pytest.mark.parametrize(
    "header",
    [
        "X-Amzn-Iam-User-Arn", "x-amzn-requestcontext", "X-Forwarded-User", "X-Amzn-Principal", "X-Caller-Arn",
        "x-apigateway-event", "x-amzn-lambda-context",
    ],
)  # fmt: skip
def test_no_header_tells_who_calls(gateway, upstream, header):
    gateway.caller = session_of(f"arn:aws:iam::{ACCOUNT}:role/stranger")
    told = {header: json.dumps({"identity": {"userArn": session_of(TEAM)}}), "userArn": session_of(TEAM)}
    assert kind(gateway.send(PATH, {**TALKING, "requestContext": {"identity": {"userArn": TEAM}}}, headers=told)) == (
        DENIED
    )
    assert upstream.asked == []


def test_a_request_without_an_identity_is_refused(gateway):
    for context in ({"requestId": "ours"}, {"requestId": "ours", "identity": None}):
        assert kind(gateway.send(PATH, TALKING, requestContext=context)) == DENIED


@pytest.mark.parametrize("event", [{}, None, [], "text", {"requestContext": None}, {"Records": [{"body": PROMPT}]}])
def test_an_event_that_is_no_request_is_answered_and_not_repeated(gateway, event, capsys):
    assert kind(gateway.module.handler(event, None)) == (500, "InternalServerException")
    assert PROMPT not in capsys.readouterr().out


# --- which model


@pytest.mark.parametrize(
    "text",
    [
        LITE, LITE.replace(":", "%3A"), LITE.replace(":", "%253A"), LITE_ARN,
        LITE_ARN.replace(":", "%3A").replace("/", "%2F"), LITE_ARN.replace(":", "%253A").replace("/", "%252F"),
        LITE_ARN.replace(":", "%3a"), OWN,
    ],
)  # fmt: skip
def test_a_models_names_plain_and_encoded_once_and_twice(gateway, upstream, text):
    assert gateway.send(f"/model/{text}/converse", TALKING)["statusCode"] == 200
    sent = f"arn%3Aaws%3Abedrock%3Aeu-west-1%3A{ACCOUNT}%3Aapplication-inference-profile%2Fabcdefghijkl"
    assert upstream.last["path"] in {f"/model/{LITE.replace(':', '%3A')}/converse", f"/model/{sent}/converse"}


@pytest.mark.parametrize(
    "text",
    [
        PRO, PRO_ARN, LITE.removeprefix("eu."), LITE.upper(), f" {LITE}", f"{LITE} ", f"{LITE}%20", f"{LITE}%00",
        f"{LITE}%0a", f"{PRO}%2F..%2F{LITE}", f"../model/{LITE}", f"..%2F..%2Fmodel%2F{PRO}", f"{LITE}/../{PRO}",
        f"{LITE}%2F..%2F{PRO}", f"{LITE}?x={PRO}", f"{LITE}%3Fx", f"{LITE}#", f"{LITE}/converse?", f"{LITE}/invoke",
        LITE_ARN.replace(ACCOUNT, "444455556666"), LITE_ARN.replace("eu-west-1", "us-east-1"),
        LITE_ARN.replace("eu-west-1", ""), LITE_ARN.replace(":aws:", ":aws-cn:"), LITE.replace(":", "%25253A"),
        LITE.replace("a", "\u0430"), LITE.replace("eu.", "eu\u3002"), LITE.replace(":0", ":\uff10"), "%", "%FF", "*",
        "eu.*", OWN.replace("abcdefghijkl", "zzzzzzzzzzzz"), OWN.rpartition("/")[2],
        f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:prompt-router/x", f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:prompt/X:1",
        f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:provisioned-model/abcdefghijkl", "0", "-1", "names",
    ],
)  # fmt: skip
def test_nothing_but_a_declared_models_exact_name_is_a_model(gateway, upstream, text):
    assert kind(gateway.send(f"/model/{text}/converse", TALKING)) == DENIED
    assert upstream.asked == []


def test_what_one_caller_may_use_another_may_not(gateway):
    assert kind(gateway.send(f"/model/{PRO}/converse", TALKING)) == DENIED
    gateway.caller = session_of(PARTNER)
    assert kind(gateway.send(f"/model/{PRO}/converse", TALKING))[0] == 200
    assert kind(gateway.send(PATH, TALKING)) == DENIED


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (f"{LITE}/converse/", 404), (f"{LITE}/Converse", 404), (f"{LITE}/async-invoke", 404), (LITE, 404), ("", 404),
        ("/converse", 403), ("converse", 404), (f"{LITE}%2Fconverse", 404), (f"{LITE}/converse%20", 404),
        (f"{LITE}/converse-stream", 400), (f"{LITE}/invoke-with-bidirectional-stream", 400), (None, 404),
    ],
)  # fmt: skip
def test_other_paths(gateway, upstream, call, expected):
    answer = gateway.send(PATH, TALKING, pathParameters={"call": call})
    assert answer["statusCode"] == expected
    assert upstream.asked == []


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "PUT", "post"])
def test_other_methods(gateway, method):
    assert gateway.send(PATH, TALKING, httpMethod=method)["statusCode"] == 404


def test_a_query_string_changes_nothing_and_is_not_sent_on(gateway, upstream):
    given = {"modelId": PRO, "guardrailIdentifier": "none", "userArn": session_of(PARTNER)}
    assert gateway.send(PATH, TALKING, queryStringParameters=given)["statusCode"] == 200
    assert upstream.last["path"] == f"/model/{LITE.replace(':', '%3A')}/converse"


# --- what reaches Bedrock


def test_the_gateways_role_signs_and_no_header_of_the_caller_is_sent_on(gateway, upstream):
    given = {
        "X-Amzn-Bedrock-GuardrailIdentifier": "weaker", "X-Amzn-Bedrock-GuardrailVersion": "DRAFT",
        "X-Amzn-Bedrock-Trace": "ENABLED_FULL", "X-Amzn-Bedrock-Service-Tier": "priority", "Host": "elsewhere",
        "X-Amz-Target": "Other", "X-Amz-Security-Token": "callers", "Transfer-Encoding": "chunked", "Accept": "*/*",
    }  # fmt: skip
    gateway.send(f"/model/{LITE}/invoke", {"prompt": "x"}, headers=given)
    sent = upstream.last["headers"]
    assert sent["authorization"].startswith("AWS4-HMAC-SHA256 Credential=ASIAHANDLER/")
    assert "/eu-west-1/bedrock/aws4_request" in sent["authorization"]
    assert sent["x-amz-security-token"] == "handler-token"
    assert sent["x-amzn-bedrock-guardrailidentifier"] == GUARDRAIL
    assert sent["x-amzn-bedrock-guardrailversion"] == "3"
    assert sent["accept"] == "application/json"
    assert not set(sent) & {"x-amzn-bedrock-trace", "x-amzn-bedrock-service-tier", "x-amz-target", "transfer-encoding"}
    assert "elsewhere" not in sent["host"]


@pytest.mark.parametrize(
    "weaker",
    [
        None, {}, {"guardrailIdentifier": "weaker", "guardrailVersion": "DRAFT", "trace": "enabled_full"},
        {"guardrailIdentifier": GUARDRAIL, "guardrailVersion": "1"}, "text",
    ],
)  # fmt: skip
def test_the_gateways_guardrail_stands_whatever_the_caller_wrote(gateway, upstream, weaker):
    gateway.send(PATH, {**TALKING, "guardrailConfig": weaker})
    assert upstream.last["body"]["guardrailConfig"] == {"guardrailIdentifier": GUARDRAIL, "guardrailVersion": "3"}


def test_a_model_that_takes_no_guardrail_gets_none(gateway, upstream):
    gateway.send(f"/model/{EMBED}/invoke", {"inputText": "x"})
    assert "x-amzn-bedrock-guardrailidentifier" not in upstream.last["headers"]
    gateway.send(f"/model/{EMBED}/converse", {**TALKING, "guardrailConfig": {"guardrailIdentifier": "theirs"}})
    assert "guardrailConfig" not in upstream.last["body"]


GUARDED = {"guardContent": {"text": {"text": "harmless"}}}


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "user", "content": [GUARDED, {"text": "the rest"}]}]},
        {"messages": [*TALK, {"role": "user", "content": [{"text": "the rest"}, GUARDED]}]},
        {"messages": TALK, "system": [GUARDED, {"text": "the rest"}]},
        {"messages": TALK, "additionalModelRequestFields": {"amazon-bedrock-guardrailConfig": {"tagSuffix": "x"}}},
        {"messages": TALK, "additionalModelRequestFields": {"Amazon-Bedrock-Trace": "ENABLED"}},
    ],
)
def test_nobody_chooses_what_the_guardrail_reads(gateway, upstream, body):
    """AWS: with guardContent, or tags and their suffix, the guardrail reads the marked part only."""
    assert kind(gateway.send(PATH, body)) == INVALID
    assert upstream.asked == []


@pytest.mark.parametrize("field", ["amazon-bedrock-guardrailConfig", "amazon-bedrock-trace", "AMAZON-BEDROCK-x"])
def test_nor_in_an_invoked_models_own_body(gateway, upstream, field):
    assert kind(gateway.send(f"/model/{LITE}/invoke", {"prompt": "x", field: {"tagSuffix": "x"}})) == INVALID
    assert upstream.asked == []


@pytest.mark.parametrize("odd", [{"messages": None}, {"messages": "x"}, {"messages": [1, None, {"content": "x"}]}])
def test_what_is_odd_but_no_danger_is_left_to_bedrock(gateway, upstream, odd):
    assert gateway.send(PATH, odd)["statusCode"] == 200
    assert upstream.last["body"]["messages"] == odd["messages"]


def test_bedrock_learns_who_called(gateway, upstream):
    gateway.send(PATH, {**TALKING, "requestMetadata": {"ticket": "7"}})
    expected = {"ticket": "7", "gateway-caller": session_of(TEAM), "gateway-request-id": "ours"}
    assert upstream.last["body"]["requestMetadata"] == expected
    gateway.send(
        f"/model/{LITE}/invoke", {"prompt": "x"}, headers={"x-amzn-bedrock-request-metadata": '{"ticket": "7"}'}
    )
    assert json.loads(upstream.last["headers"]["x-amzn-bedrock-request-metadata"]) == expected


def test_metadata_of_boto3s_invoke_model_reaches_bedrock(gateway, upstream):
    gateway.client().invoke_model(modelId=LITE, body="{}", requestMetadata='{"ticket": "7"}')
    assert json.loads(upstream.last["headers"]["x-amzn-bedrock-request-metadata"])["ticket"] == "7"


@pytest.mark.parametrize(
    "given",
    [
        {"gateway-caller": "somebody else"}, {"Gateway-Caller": "x"}, {" gateway-caller": "x"}, {"gateway-x": "x"},
        {str(number): "x" for number in range(15)}, {"a": 1}, {"a": None}, {"a": {"b": "c"}}, ["a"], "a", 5, True,
    ],
)  # fmt: skip
def test_nobody_writes_who_called_but_the_gateway(gateway, upstream, given):
    assert kind(gateway.send(PATH, {**TALKING, "requestMetadata": given})) == INVALID
    headers = {"X-Amzn-Bedrock-Request-Metadata": json.dumps(given)}
    assert kind(gateway.send(f"/model/{LITE}/invoke", {"a": "b"}, headers=headers)) == INVALID
    assert upstream.asked == []


def test_metadata_ends_no_header(gateway, upstream):
    headers = {"x-amzn-bedrock-request-metadata": json.dumps({"a": "b\r\nx-evil: 1\u2028"})}
    assert gateway.send(f"/model/{LITE}/invoke", {"a": "b"}, headers=headers)["statusCode"] == 200
    assert "x-evil" not in upstream.last["headers"]


@pytest.mark.parametrize("text", ["{", "\u2028", "[" * 100_000, "{'a': 1}"])
def test_metadata_that_is_no_json_is_refused(gateway, text):
    headers = {"x-amzn-bedrock-request-metadata": text}
    assert kind(gateway.send(f"/model/{LITE}/invoke", {"a": "b"}, headers=headers)) == INVALID


def test_of_a_key_that_stands_twice_bedrock_sees_what_was_checked(gateway, upstream):
    body = json.dumps(TALKING)[:-1] + ', "guardrailConfig": {"a": 1}, "messages": [], "messages": [1]}'
    gateway.send(PATH, body)
    assert upstream.last["body"]["messages"] == [1]
    assert upstream.last["body"]["guardrailConfig"]["guardrailIdentifier"] == GUARDRAIL


def test_unicode_arrives_as_it_was_sent(gateway, upstream):
    text = "Grüße, 世界 🌍 \ud800"
    gateway.send(PATH, {"messages": [{"role": "user", "content": [{"text": text}]}]})
    assert upstream.last["body"]["messages"][0]["content"][0]["text"] == text


# --- bodies


@pytest.mark.parametrize(
    "body",
    [
        "", "{", "[]", '"x"', "5", "null", "true", "NaN", '{"a": NaN}', '{"a": 1e999}', '{"a": -Infinity}',
        "[" * 100_000, '{"a":' * 1_500 + "1" + "}" * 1_500, '{"a": ' + "9" * 5_000 + "}", "\ud800", "a=b",
    ],
    ids=lambda body: ascii(body[:12]),
)  # fmt: skip
def test_a_malformed_body_is_refused(gateway, upstream, body):
    assert gateway.send(PATH, body)["statusCode"] in {400, 413}
    assert upstream.asked == []


def test_a_compressed_body_is_refused(gateway, upstream):
    packed = base64.b64encode(gzip.compress(json.dumps(TALKING).encode())).decode()
    headers = {"Content-Encoding": "gzip"}
    assert kind(gateway.send(PATH, packed, headers=headers, isBase64Encoded=True)) == INVALID
    assert kind(gateway.send(PATH, "no base64!", isBase64Encoded=True)) == INVALID
    assert upstream.asked == []


def test_a_body_in_base64_is_read(gateway):
    packed = base64.b64encode(json.dumps(TALKING).encode()).decode()
    assert gateway.send(PATH, packed, isBase64Encoded=True)["statusCode"] == 200


def test_a_long_body_is_refused_by_its_bytes(gateway, upstream):
    room = 10_000 - len(json.dumps({"messages": ""}))
    assert gateway.send(PATH, {"messages": "x" * room})["statusCode"] == 200
    assert kind(gateway.send(PATH, {"messages": "x" * (room + 1)})) == (413, "ValidationException")
    assert kind(gateway.send(PATH, json.dumps({"messages": "ü" * 6_000}, ensure_ascii=False)))[0] == 413
    assert len(upstream.asked) == 1


# --- quotas


def test_requests_of_a_minute_are_counted_before_the_call(gateway, upstream):
    gateway.caller = session_of(PARTNER)
    answers = [kind(gateway.send(f"/model/{PRO}/converse", TALKING)) for _ in range(3)]
    assert answers == [(200, None), (200, None), (429, "ThrottlingException")]
    assert len(upstream.asked) == 2


def test_another_session_of_the_role_shares_its_quota(gateway):
    for name, expected in (("one", 200), ("two", 200), ("three", 429)):
        gateway.caller = session_of(PARTNER, name)
        assert gateway.send(f"/model/{PRO}/converse", TALKING)["statusCode"] == expected


def test_the_next_minute_begins_anew(gateway, upstream):
    gateway.caller, upstream.body = session_of(PARTNER), '{"usage": {"totalTokens": 1}}'
    for passed, expected in ((0, 200), (59, 200), (0, 429), (1, 200)):
        gateway.module.time.now += passed
        assert gateway.send(f"/model/{PRO}/converse", TALKING)["statusCode"] == expected


def test_tokens_of_a_day_are_counted_after_the_call_and_asked_before_the_next(gateway, upstream):
    gateway.caller = session_of(PARTNER)
    for minutes, expected in ((0, 200), (1, 200), (1, 429), (1438, 200)):
        gateway.module.time.now += 60 * minutes
        assert gateway.send(f"/model/{PRO}/converse", TALKING)["statusCode"] == expected
    assert len(upstream.asked) == 3


def test_tokens_of_an_invoked_model_are_counted_by_bedrocks_headers(gateway, upstream):
    gateway.caller = session_of(PARTNER)
    upstream.headers = {"x-amzn-bedrock-input-token-count": "60", "x-amzn-bedrock-output-token-count": "50"}
    assert gateway.send(f"/model/{PRO}/invoke", {"prompt": "x"})["statusCode"] == 200
    assert gateway.send(f"/model/{PRO}/invoke", {"prompt": "x"})["statusCode"] == 429


def test_a_refused_request_costs_nothing(gateway):
    gateway.caller = session_of(PARTNER)
    for _ in range(3):
        gateway.send(PATH, TALKING)
        gateway.send(f"/model/{PRO}/converse", "{")
    assert gateway.module.counters.used == {}


def test_where_nothing_can_be_counted_nothing_passes(gateway, upstream, capsys):
    gateway.caller = session_of(PARTNER)
    gateway.module.counters.broken = True
    answer = gateway.send(f"/model/{PRO}/converse", TALKING)
    assert kind(answer) == (503, "ServiceUnavailableException")
    assert upstream.asked == []
    assert "secret address" not in answer["body"] + capsys.readouterr().out


def test_an_answer_whose_tokens_cannot_be_counted_is_still_given(gateway, upstream):
    gateway.caller = session_of(PARTNER)
    counters = gateway.module.counters

    def breaks():
        counters.broken = True

    upstream.before_answer = breaks
    assert gateway.send(f"/model/{PRO}/converse", TALKING)["statusCode"] == 200
    assert gateway.send(f"/model/{PRO}/converse", TALKING)["statusCode"] == 503


# --- what comes back when Bedrock fails


INTERNAL = f"arn:aws:sts::{ACCOUNT}:assumed-role/secure-bedrock-gateway/function"


def test_a_denial_of_bedrock_tells_nothing_of_the_gateway(gateway, upstream):
    upstream.refuse("AccessDeniedException", 403, f"User: {INTERNAL} is not authorized to perform: bedrock:InvokeModel")
    answer = gateway.send(PATH, TALKING)
    assert kind(answer) == DENIED
    assert json.loads(answer["body"])["message"] == "Bedrock refused this call."


def test_bedrocks_words_about_the_request_are_kept_without_arns(gateway, upstream):
    upstream.refuse("ValidationException", 400, f"messages.0 is malformed ({GUARDRAIL}:3) for '{INTERNAL}'.")
    answer = gateway.send(PATH, TALKING)
    assert kind(answer) == INVALID
    assert "messages.0 is malformed" in answer["body"]
    assert ACCOUNT not in answer["body"]


@pytest.mark.parametrize("body", ["<html>", "", "[]", '{"other": 1}', '{"message": null}'])
def test_an_error_that_is_not_bedrocks_shape_is_told_in_it(gateway, upstream, body):
    upstream.refuse("ValidationException", 400)
    upstream.body = body
    assert kind(gateway.send(PATH, TALKING)) == INVALID
    upstream.refuse("SomethingNew", 418)
    upstream.body = body
    assert kind(gateway.send(PATH, TALKING)) == (500, "InternalServerException")


def test_a_slow_model_is_given_up(gateway, upstream):
    upstream.before_answer = lambda: time.sleep(1.5)
    assert kind(gateway.send(PATH, TALKING)) == (408, "ModelTimeoutException")


def test_bedrock_out_of_reach(gateway, capsys):
    gateway.module.runtime = "http://127.0.0.1:9"
    answer = gateway.send(PATH, TALKING)
    assert kind(answer) == (503, "ServiceUnavailableException")
    assert "127.0.0.1" not in answer["body"] + capsys.readouterr().out


def test_what_nobody_thought_of_is_refused_without_a_word_of_it(gateway, monkeypatch, capsys):
    def broken(*_):
        raise RuntimeError(PROMPT)

    monkeypatch.setattr(gateway.module, "forward", broken)
    answer = gateway.send(PATH, TALKING)
    assert kind(answer) == (500, "InternalServerException")
    said = capsys.readouterr()
    assert PROMPT not in answer["body"] + said.out + said.err
    assert "Traceback" not in answer["body"] + said.out + said.err
    assert json.loads(said.out)["error"] == "RuntimeError"


def test_an_answer_too_long_for_a_function_is_refused_in_bedrocks_shape(gateway, upstream):
    upstream.body = json.dumps({"text": '"' * 3_000_000})
    assert kind(gateway.send(PATH, TALKING)) == (500, "InternalServerException")


# --- the log


def test_a_line_of_the_log_tells_who_what_and_how_it_ended_and_no_word_of_it(gateway, upstream, capsys):
    gateway.client().converse(modelId=LITE, messages=TALK)
    upstream.refuse("ThrottlingException", 429, PROMPT)
    refusal(converse(gateway.client()))
    refusal(converse(gateway.client(), PRO))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert PROMPT not in json.dumps(lines)
    assert "Paris" not in json.dumps(lines)
    assert [line["status"] for line in lines] == [200, 429, 403]
    assert {line["caller"] for line in lines} == {session_of(TEAM)}
    first = {name: value for name, value in lines[0].items() if name != "milliseconds"}
    assert first == {
        "requestId": "ours", "caller": session_of(TEAM), "model": LITE, "operation": "converse",
        "upstreamRequestId": "theirs", "tokens": 50, "status": 200,
    }  # fmt: skip
    assert lines[1]["upstreamError"] == "429 ThrottlingException"


def test_what_a_caller_writes_where_a_model_stands_is_not_logged(gateway, capsys):
    gateway.send(f"/model/{PROMPT}/converse", TALKING)
    assert PROMPT not in capsys.readouterr().out


def test_every_answer_has_bedrocks_error_in_header_and_body(gateway):
    with pytest.raises(ClientError):
        gateway.client().converse(modelId=PRO, messages=TALK)
    answer = gateway.answers[-1]
    assert json.loads(answer["body"])["__type"] == answer["headers"]["x-amzn-errortype"] == "AccessDeniedException"
    assert set(answer["headers"]) == {"content-type", "x-amzn-errortype"}
