"""The evaluator that decides in the emulator and answers the questions."""

from __future__ import annotations

import pytest

from drill.emulator.matching import Layers, Request, decide

MODEL = "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0"


def request(action="bedrock:InvokeModel", resource=MODEL, **context):
    return Request("arn:aws:iam::111122223333:role/app", action, resource, context)


def policy(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action="*", resource="*", **condition):
    return {
        "Effect": "Allow",
        "Action": action,
        "Resource": resource,
        **({"Condition": condition} if condition else {}),
    }


def deny(sid="No", **elements):
    return {"Sid": sid, "Effect": "Deny", "Action": "*", "Resource": "*", **elements}


def allowed(*statements, ask=None):
    return decide(ask or request(), Layers(identity=[policy(*statements)])).allowed


def test_nothing_is_allowed_by_nobody():
    assert not allowed(allow("s3:*"))


def test_action_names_are_compared_without_case():
    assert allowed(allow("BEDROCK:invokemodel"))


def test_one_prefix_does_not_cover_another():
    assert not allowed(allow("bedrock:*"), ask=request("bedrock-mantle:CreateInference"))


def test_a_star_stays_in_its_field_of_an_arn():
    assert not allowed(allow(resource="arn:aws:bedrock:*:foundation-model/*"))
    assert allowed(allow(resource="arn:aws:bedrock:*::foundation-model/*"))
    assert allowed(allow(resource="arn:aws:bedrock:*:*:*"))


def test_an_action_without_resource_is_matched_by_not_resource():
    ask = request("bedrock:RetrieveAndGenerate", "*")
    statement = deny(NotResource="arn:aws:bedrock:*:*:*")
    del statement["Resource"]
    assert not allowed(allow(), statement, ask=ask)


@pytest.mark.parametrize(
    ("operator", "value", "given", "holds"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", "a*", "ab", False),
        ("StringEquals", "a", None, False),
        ("StringNotEquals", "a", None, True),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringLike", "arn:*", "arn:x:1", True),
        ("StringNotLike", "arn:x:*", "arn:x", True),
        ("ArnEquals", "arn:aws:iam::1:role/a", "arn:aws:iam::1:role/a", True),
        ("ArnNotEquals", "arn:aws:iam::*:role/a", "arn:aws:iam::2:role/a", False),
        ("ArnLike", "arn:aws:iam:*:role/a", "arn:aws:iam::1:role/a", False),
        ("NotIpAddress", "10.0.0.0/8", "10.1.2.3", False),
        ("NotIpAddress", "10.0.0.0/8", "2001:db8::1", True),
        ("IpAddress", "2001:db8::/32", "2001:db8::1", True),
        ("Null", "true", None, True),
        ("Null", "false", None, False),
        ("Null", "true", "x", False),
        ("Null", True, None, True),
        ("Null", False, "x", True),
        ("Bool", True, "true", True),
        ("Bool", "false", None, False),
        ("BoolIfExists", "false", None, True),
        ("DateLessThan", "2026-01-01T00:00:00Z", "2025-12-31T00:00:00Z", True),
        ("DateLessThanIfExists", "2026-01-01T00:00:00Z", None, True),
    ],
)
def test_operators(operator, value, given, holds):
    context = {} if given is None else {"Key": given}
    assert allowed(allow(**{operator: {"key": value}}), ask=request(**context)) == holds


def test_an_unknown_operator_is_an_error_and_no_answer():
    with pytest.raises(ValueError, match="NumericLessThan"):
        allowed(allow(NumericLessThan={"aws:MultiFactorAuthAge": "60"}))


@pytest.mark.parametrize(
    "statement",
    [
        allow(StringEquals={"key": "x${aws:username}"}),
        allow(StringEquals={"key": "${aws:username, 'nobody'}"}),
        allow(resource="arn:aws:bedrock:*:*:guardrail/${aws:PrincipalTag/team}"),
        allow(NullIfExists={"key": "true"}),
    ],
)
def test_what_is_not_modelled_is_an_error_and_no_answer(statement):
    with pytest.raises(ValueError, match="not modelled"):
        allowed(statement, ask=request(Key="x"))


@pytest.mark.parametrize(
    ("operator", "context", "holds"),
    [
        ("StringEquals", {"Key": "x", "aws:PrincipalTag/Team": "x"}, True),
        ("StringEquals", {"Key": "x", "aws:PrincipalTag/Team": "y"}, False),
        ("StringEquals", {"Key": "x", "aws:PrincipalTag/Team": "*"}, False),
        ("StringEquals", {"Key": "x"}, False),
        ("StringNotEquals", {"Key": "x", "aws:PrincipalTag/Team": "x"}, False),
        ("StringNotEquals", {"Key": "x"}, True),
        ("StringNotEquals", {"aws:PrincipalTag/Team": "x"}, True),
        ("StringNotEquals", {}, True),
    ],
)
def test_a_policy_variable_stands_for_the_requests_own_value(operator, context, holds):
    assert allowed(allow(**{operator: {"key": "${aws:PrincipalTag/team}"}}), ask=request(**context)) == holds


def test_a_statement_for_one_principal_is_an_error_and_no_answer():
    with pytest.raises(ValueError, match="principal"):
        allowed({**allow(), "Principal": {"AWS": "111122223333"}})


def test_every_layer_must_allow_and_a_deny_anywhere_wins():
    everything, nothing = [policy(allow())], [policy(allow("s3:*"))]
    assert decide(request(), Layers(everything, boundary=everything, session=everything, endpoint=everything)).allowed
    for layer in ("boundary", "session", "endpoint"):
        assert not decide(request(), Layers(everything, **{layer: nothing})).allowed
    assert not decide(request(), Layers(everything, scps=(everything, nothing))).allowed
    refused = decide(request(), Layers([policy(allow(), deny("Stop"))], endpoint=everything))
    assert (refused.layer, refused.explicit, refused.sid) == ("identity-based policy", True, "Stop")
