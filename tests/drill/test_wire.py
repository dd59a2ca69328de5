"""What a request on the wire asks for: the action, every authorisation, the guardrail."""

from __future__ import annotations

import json

import pytest

from drill.emulator import wire

ACCOUNT, REGION = "111122223333", "eu-west-1"
HERE = f"arn:aws:bedrock:{REGION}:{ACCOUNT}"
PROFILE = "bedrock:InferenceProfileArn"


def asked(model, operation="converse", region=REGION):
    return wire.resources_of(f"/model/{model}/{operation}", region, ACCOUNT)


def guardrail(*, headers=None, **config):
    body = json.dumps({"guardrailConfig": config} if config else {}).encode()
    return wire.guardrail_of(headers or {}, body, REGION, ACCOUNT)


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("bedrock:Converse", "bedrock:InvokeModel"),
        ("bedrock:ConverseStream", "bedrock:InvokeModelWithResponseStream"),
        ("bedrock:InvokeModelWithBidirectionalStream", "bedrock:InvokeModel"),
        ("bedrock:ListFoundationModels", "bedrock:ListFoundationModels"),
        ("s3:GetObject", "s3:GetObject"),
        (None, None),
    ],
)
def test_operations_without_an_action_of_their_own_take_another_ones(operation, action):
    assert wire.action_of(operation) == action


@pytest.mark.parametrize("operation", ["invoke", "invoke-with-response-stream", "converse", "converse-stream"])
def test_a_foundation_model_is_asked_for_once_in_its_own_region(operation):
    model = f"arn:aws:bedrock:{REGION}::foundation-model/amazon.nova-lite-v1:0"
    assert asked("amazon.nova-lite-v1%3A0", operation) == [(model, {"aws:RequestedRegion": REGION})]


def test_a_geographic_profile_is_asked_for_and_its_model_in_each_destination_of_the_table():
    first, *models = asked("eu.amazon.nova-lite-v1:0")
    profile = f"{HERE}:inference-profile/eu.amazon.nova-lite-v1:0"
    assert first == (profile, {"aws:RequestedRegion": REGION})
    assert {arn.split(":")[3] for arn, _ in models} == {"eu-west-1", "eu-central-1", "eu-north-1", "eu-west-3"}
    for arn, context in models:
        assert arn.endswith("::foundation-model/amazon.nova-lite-v1:0")
        assert context == {"aws:RequestedRegion": arn.split(":")[3], PROFILE: profile}


def test_a_global_profile_also_asks_for_the_model_without_a_region():
    profile = f"{HERE}:inference-profile/global.amazon.nova-2-lite-v1:0"
    model = "foundation-model/amazon.nova-2-lite-v1:0"
    assert asked("global.amazon.nova-2-lite-v1:0") == [
        (profile, {"aws:RequestedRegion": REGION}),
        (f"arn:aws:bedrock:{REGION}::{model}", {"aws:RequestedRegion": REGION, PROFILE: profile}),
        (f"arn:aws:bedrock:::{model}", {"aws:RequestedRegion": "unspecified", PROFILE: profile}),
    ]


def test_an_application_profile_asks_for_what_it_was_made_from(monkeypatch):
    arn = f"{HERE}:application-inference-profile/abcdefghijkl"
    model = f"arn:aws:bedrock:{REGION}::foundation-model/amazon.nova-lite-v1:0"
    record = {"InferenceProfileArn": arn, "Models": [{"modelArn": model}]}
    monkeypatch.setattr(wire.bedrock, "_inference_profiles_apps", {"abcdefghijkl": record})
    assert asked(arn) == [
        (arn, {"aws:RequestedRegion": REGION}),
        (model, {"aws:RequestedRegion": REGION, PROFILE: arn}),
    ]


def test_other_requests_are_left_to_ministack():
    assert wire.resources_of("/guardrails", REGION, ACCOUNT) == []


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
