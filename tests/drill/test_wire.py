"""What a request on the wire asks for: the action, every authorisation, the guardrail."""

from __future__ import annotations

import json

import pytest

from drill.emulator import wire
from secure_bedrock.policy._operations import OPERATIONS
from secure_bedrock.policy.environment import Environment
from secure_bedrock.policy.models import Model

ACCOUNT, REGION = "111122223333", "eu-west-1"
HERE = f"arn:aws:bedrock:{REGION}:{ACCOUNT}"
PLACE = Environment(partition="aws", region=REGION, account=ACCOUNT)


def guardrail(*, headers=None, **config):
    body = json.dumps({"guardrailConfig": config} if config else {}).encode()
    return wire.guardrail_of(headers or {}, body, REGION, ACCOUNT)


@pytest.mark.parametrize(
    ("last", "operation"),
    [
        ("invoke", "InvokeModel"),
        ("invoke-with-response-stream", "InvokeModelWithResponseStream"),
        ("converse", "Converse"),
        ("converse-stream", "ConverseStream"),
        ("count-tokens", "CountTokens"),
    ],
)
def test_a_call_of_a_model_is_told_by_its_path(last, operation):
    assert operation in OPERATIONS
    assert wire.call_of(f"/model/amazon.nova-lite-v1%3A0/{last}") == (operation, Model.parse("amazon.nova-lite-v1:0"))


def test_a_profile_is_told_by_its_id_or_its_arn():
    profile = f"{HERE}:inference-profile/eu.amazon.nova-lite-v1:0"
    for text in ("eu.amazon.nova-lite-v1:0", profile):
        _, model = wire.call_of(f"/model/{text}/converse")
        assert model.authorisations(PLACE)[0].resource == profile


def test_an_application_profile_is_what_it_was_made_from(monkeypatch):
    arn = f"{HERE}:application-inference-profile/abcdefghijkl"
    model = f"arn:aws:bedrock:{REGION}::foundation-model/amazon.nova-lite-v1:0"
    record = {"InferenceProfileArn": arn, "Models": [{"modelArn": model}]}
    monkeypatch.setattr(wire.bedrock, "_inference_profiles_apps", {"abcdefghijkl": record})
    assert wire.call_of(f"/model/{arn}/converse") == ("Converse", Model.application_profile(arn, serves=[model]))


@pytest.mark.parametrize("path", ["/guardrails", "/model/amazon.nova-lite-v1:0/other", "/foundation-models"])
def test_other_requests_are_no_call_of_a_model(path):
    assert wire.call_of(path) is None


def test_a_guardrail_is_its_arn_with_the_version_where_it_is_a_number():
    arn = f"{HERE}:guardrail/abc"
    assert guardrail(guardrailIdentifier="abc", guardrailVersion="3") == f"{arn}:3"
    assert guardrail(guardrailIdentifier=arn, guardrailVersion="3") == f"{arn}:3"
    assert guardrail(guardrailIdentifier="abc", guardrailVersion="DRAFT") == arn
    named = {"x-amzn-bedrock-guardrailidentifier": "abc", "x-amzn-bedrock-guardrailversion": "3"}
    assert guardrail(headers=named) == f"{arn}:3"


@pytest.mark.parametrize("body", [b"", b"{}", b"no json", b"[]", b'{"guardrailConfig": null}'])
def test_no_guardrail_is_no_key(body):
    assert wire.guardrail_of({}, body, REGION, ACCOUNT) is None
