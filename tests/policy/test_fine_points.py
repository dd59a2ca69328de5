"""Estates whose answer hangs on one fine point of the prover: each was found by a fault that nothing else noticed."""

from __future__ import annotations

import pytest

from secure_bedrock.policy import Call, Estate, Policy, Principal, Request, diff, evaluate, prove
from secure_bedrock.policy import bedrock_invariants as catalogue
from secure_bedrock.policy._subjects import named
from secure_bedrock.policy.document import Condition
from secure_bedrock.policy.invariants import Never, Scope, requests
from secure_bedrock.policy.matching import compile_policy
from secure_bedrock.policy.verdicts import Proved, Refuted, Unknown

HOME, ABROAD = "111122223333", "444455556666"
ROLE, USER = f"arn:aws:iam::{HOME}:role/app", f"arn:aws:iam::{HOME}:user/ann"
SESSION = f"arn:aws:sts::{HOME}:federated-user/bob"
MODEL = "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0"
BUCKET = "arn:aws:s3:::records"
INVOKE = "bedrock:InvokeModel"
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
APP = Scope(principals=("app",))
SERVICES = Scope(principals=(), services=True)


def document(*statements):
    return Policy.from_plain({"Version": "2012-10-17", "Statement": list(statements)}, name="document")


def allow(action=INVOKE, resource="*", **condition):
    return {"Effect": "Allow", "Action": action, "Resource": resource, "Condition": condition}


def deny(action=INVOKE, resource="*", **condition):
    return {"Effect": "Deny", "Action": action, "Resource": resource, "Condition": condition}


def anybody_tags(*denials):
    """A trust policy by which whoever assumes the role brings tags of their own choice."""
    allowed = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:*"}
    return document(allowed, *denials)


def app(*statements, **rest):
    return Estate(principals={"app": Principal(arn=ROLE, identity=(document(*statements),), **rest)})


def never(*conditions, action=INVOKE, not_action="", resources=(), scope=APP):
    asked = requests(
        actions=() if not_action else (action,), not_actions=(not_action,) if not_action else (),
        resources=resources, conditions=conditions,
    )  # fmt: skip
    return Never(name="never", statements=(asked,), scope=scope)


def where(operator, key, *values, quantifier=None):
    return Condition(operator=operator, key=key, values=values, quantifier=quantifier)


TAG, RESOURCE_TAG, OWN_TAG = "aws:RequestTag/team", "aws:ResourceTag/team", "aws:PrincipalTag/team"
TIER, NUMBER = "bedrock:ServiceTier", "bedrock:Number"
REFUSES_TRANSITIVE = {
    "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:TagSession",
    "Condition": {"ForAnyValue:StringEqualsIgnoreCase": {"sts:TransitiveTagKeys": ["team"]}},
}  # fmt: skip
#: The estate, what is asked, the answer, and a part of the request or of the reason.
CASES = {
    "patterns that cross": (
        app(allow(StringLike={TIER: "a*"})), never(where("StringLike", TIER, "*b")), Refuted, f"{TIER}=a",
    ),
    "patterns that do not meet": (
        app(allow(StringLike={TIER: "a*"})), never(where("StringLike", TIER, "b*")), Proved, "",
    ),
    "an ARN with a question mark": (
        app(allow(ArnLike={"aws:SourceArn": "arn:aws:s3:::a?c"})),
        never(where("StringEquals", "aws:SourceArn", "arn:aws:s3:::abc")), Refuted, "arn:aws:s3:::abc",
    ),
    "an ARN with a star": (
        app(allow(ArnEquals={"aws:SourceArn": "arn:aws:s3:::a*"})),
        never(where("StringEquals", "aws:SourceArn", "arn:aws:s3:::abc")), Refuted, "arn:aws:s3:::abc",
    ),
    "an ARN that ends early": (
        app(allow(ArnEquals={"aws:SourceArn": "arn:aws:s3"})), never(), Unknown, "ArnEquals on aws:SourceArn",
    ),
    "keys with many values are no numbers": (
        app(allow("bedrock:TagResource", **{"ForAnyValue:NumericEquals": {"aws:TagKeys": "5"}})),
        never(action="bedrock:TagResource"), Unknown, "holds many values",
    ),
    "a key of another service that holds two values": (
        app(
            allow("dynamodb:GetItem", **{"ForAnyValue:StringEquals": {"dynamodb:Attributes": "a"}}),
            deny("dynamodb:GetItem", **{"ForAllValues:StringNotEquals": {"dynamodb:Attributes": "b"}}),
        ),
        never(action="dynamodb:GetItem"), Refuted, "dynamodb:Attributes=[a, b]",
    ),
    "a session may bring a tag beside one that it must": (
        app(allow(StringEquals={OWN_TAG: "x"}), trust=document({
            "Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:*",
            "Condition": {"ForAnyValue:StringEquals": {"aws:TagKeys": "other"}},
        })),
        never(), Refuted, "tagged team=x",
    ),
    "a session may bring no other tag than one": (
        app(allow(StringEquals={OWN_TAG: "x"}), trust=document({
            "Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:*",
            "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": "other"}},
        })),
        never(), Proved, "",
    ),
    "an address compared as text": (
        app(allow(StringEquals={"aws:SourceIp": "203.0.113.7"})), never(), Unknown, "aws:sourceip compared as text",
    ),
    "no role has the name of a service": (
        app(allow(StringLike={"aws:PrincipalServiceName": "*"})), never(), Proved, "",
    ),
    "no role has the names of a service": (
        app(allow(**{"ForAnyValue:StringLike": {"aws:PrincipalServiceNamesList": "*"}})), never(), Proved, "",
    ),
    "actions that nobody knows": (app(allow("zz:*")), never(action="*"), Refuted, "zz:"),
    "an absent key is let through by IfExists": (
        app(allow(StringEqualsIfExists={TIER: "a"})), never(where("Null", TIER, "true")), Refuted, MODEL[:20],
    ),
    "a variable in letters of any case": (
        app(allow(StringEqualsIgnoreCase={TIER: f"TEAM-${{{OWN_TAG}}}"}), trust=anybody_tags()),
        never(where("StringEquals", TIER, "team-a")), Refuted, f"{TIER}=team-a",
    ),
    "a key with many values, compared as one": (
        app(allow("bedrock:TagResource", StringEquals={"aws:TagKeys": "team"})),
        never(where("StringEquals", "aws:TagKeys", "team"), action="bedrock:TagResource"), Unknown,
        "StringEquals on aws:TagKeys, which holds many values",
    ),
    "a key of Bedrock with one value, asked with a set operator": (
        app(allow(StringEquals={TIER: "a"}), deny(**{"ForAnyValue:StringNotEquals": {TIER: ["b"]}})), never(), Proved,
        "",
    ),
    "actions that only a guarantee names": (
        app(allow("*", StringEquals={"iam:ServiceSpecificCredentialServiceName": "bedrock.amazonaws.com"})),
        never(not_action="s3:*"), Refuted, "ServiceSpecificCredential",
    ),
    "a tag that no policy names among the keys": (
        app(
            allow("bedrock:*", StringEquals={TAG: "a"}),
            deny("bedrock:*", **{"ForAnyValue:StringEquals": {"aws:TagKeys": ["x"]}}),
        ),
        never(where("StringEquals", TAG, "a"), action="bedrock:CreateInferenceProfile"), Refuted, f"{TAG}=a",
    ),
    "AWS's own resources have an owner of no number": (
        app(allow("iam:GetPolicy"), deny("iam:GetPolicy", StringEquals={"aws:ResourceAccount": ABROAD})),
        never(action="iam:GetPolicy", resources=("arn:aws:iam::aws:policy/ReadOnlyAccess",)), Refuted, ":aws:policy/",
    ),
    "values of a variable, tried one by one": (
        app(
            allow(StringEquals={RESOURCE_TAG: f"${{{OWN_TAG}}}"}), deny(StringEquals={OWN_TAG: "secret"}),
            trust=anybody_tags(),
        ),
        never(where("StringEquals", RESOURCE_TAG, "secret")), Proved, "",
    ),
    "values of a variable, one of which meets": (
        app(
            allow(StringEquals={RESOURCE_TAG: f"${{{OWN_TAG}}}"}), deny(StringEquals={OWN_TAG: "secret"}),
            trust=anybody_tags(),
        ),
        never(where("StringEquals", RESOURCE_TAG, "open")), Refuted, f"{RESOURCE_TAG}=open",
    ),
    "values of a variable within a name": (
        app(
            allow(resource=f"arn:aws:bedrock:eu-west-1:{HOME}:application-inference-profile/${{{OWN_TAG}}}"),
            trust=anybody_tags(),
        ),
        never(resources=(f"arn:aws:bedrock:eu-west-1:{HOME}:application-inference-profile/other",)), Refuted, "/other",
    ),
    "values of a variable behind other text": (
        app(allow(StringEquals={RESOURCE_TAG: f"x${{{OWN_TAG}}}"}), trust=anybody_tags()),
        never(where("StringEquals", RESOURCE_TAG, "xsecret")), Refuted, "tagged team=secret",
    ),
    "a role that anybody tags keeps its name": (
        app(allow(ArnEquals={"aws:PrincipalArn": f"arn:aws:iam::{HOME}:role/other"}), trust=anybody_tags()), never(),
        Proved, "",
    ),
    "its own tags stay beside those that a session brings": (
        app(
            allow(StringEquals={OWN_TAG: "brought", "aws:PrincipalTag/project": "own"}), trust=anybody_tags(),
            tags=(("team", "mine"), ("project", "own")),
        ),
        never(), Refuted, "tagged team=brought",
    ),
    "another key refuses no tag": (
        app(allow(StringEquals={OWN_TAG: "brought"}), trust=anybody_tags(REFUSES_TRANSITIVE), tags=(("team", "mine"),)),
        never(), Refuted, "tagged team=brought",
    ),
    "an Allow that ties another key admits the tag": (
        app(
            allow(StringEquals={OWN_TAG: "brought"}), tags=(("team", "mine"),),
            trust=document({
                "Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:*",
                "Condition": {"ForAllValues:StringEquals": {"sts:TransitiveTagKeys": ["project"]}},
            }),
        ),
        never(), Refuted, "tagged team=brought",
    ),
    "a service is in no account": (
        Estate(resource_policies={BUCKET: document({
            "Effect": "Allow", "Principal": {"Service": "logs.amazonaws.com"}, "Action": "s3:PutObject",
            "Resource": BUCKET, "Condition": {"StringEquals": {"aws:PrincipalAccount": HOME}},
        })}),
        never(action="s3:PutObject", resources=(BUCKET,), scope=SERVICES), Proved, "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_fine_point(name):
    estate, invariant, kind, shown = CASES[name]
    verdict = prove(estate, invariant)
    assert isinstance(verdict, kind), str(verdict)
    assert shown in str(verdict)
    if isinstance(verdict, Refuted):
        assert evaluate(verdict.witness.estate, verdict.witness.request).allowed


@pytest.mark.parametrize("asked", [requests(actions=("*",)), requests(not_actions=("s3:*",))])
@pytest.mark.parametrize(
    "service", ["bedrock", "bedrock-mantle", "bedrock-agentcore", "iam", "cloudtrail", "sts", "ec2"]
)
def test_a_question_about_every_action_means_those_that_nobody_names(service, asked):
    """What a whole service stands on is told apart too, as if each of its actions were named."""
    verdict = prove(app(allow(f"{service}:*")), Never(name="never", statements=(asked,), scope=APP))
    assert isinstance(verdict, Refuted), str(verdict)
    assert evaluate(verdict.witness.estate, verdict.witness.request).allowed


def test_a_session_that_policies_name_is_asked_about_once():
    """With two users, so that the session of the one is not taken for one of the other."""
    users = {
        name: Principal(arn=f"arn:aws:iam::{HOME}:user/{name}", identity=(document(EVERYTHING),))
        for name in ("ann", "bob")
    }
    bucket = document({"Effect": "Allow", "Principal": {"AWS": SESSION}, "Action": "s3:GetObject", "Resource": BUCKET})
    estate = Estate(principals=users, resource_policies={BUCKET: bucket})
    assert [subject.name for subject in named(estate)] == ["ann", "bob", SESSION]


def test_whether_destinations_carry_the_network_is_not_settled():
    """AWS does not say; a role that needs it there is told, in the words of the answer."""
    estate = app(
        EVERYTHING, deny(resource="arn:aws:bedrock:*::foundation-model/*", StringNotEquals={"aws:SourceVpce": "vpce-1"})
    )
    call = Call(
        principal="app", operation="Converse", model="eu.amazon.nova-lite-v1:0", region="eu-west-1", endpoint="vpce-1"
    )
    verdict = prove(estate, catalogue.calls_work(call))
    assert isinstance(verdict, Unknown), str(verdict)
    assert verdict.reason == "whether the models behind a profile or a service carry the network"


@pytest.mark.parametrize(
    ("operator", "key", "value"),
    [("StringNotEquals", "aws:SourceVpc", "vpc-1"), ("NotIpAddress", "aws:VpcSourceIp", "10.0.0.0/24")],
)
def test_whether_destinations_carry_the_rest_of_the_network_is_not_settled_either(operator, key, value):
    """Nor is it with a key that a call through an endpoint has but need not state; without a profile it is."""
    estate = app(EVERYTHING, deny(resource="arn:aws:bedrock:*::foundation-model/*", **{operator: {key: value}}))
    direct, profile = (
        Call(principal="app", operation="Converse", model=model, region="eu-west-1", endpoint="vpce-1")
        for model in ("amazon.nova-lite-v1:0", "eu.amazon.nova-lite-v1:0")
    )
    assert isinstance(prove(estate, catalogue.calls_work(direct)), Proved)
    assert isinstance(prove(estate, catalogue.calls_work(profile)), Unknown)


def test_a_role_in_a_chain_may_ask_when_its_session_began():
    """What a call does not say of the sign-in of a later role is left open, and contradicts no guarantee."""
    hop = Principal(
        arn=f"arn:aws:iam::{HOME}:role/hop",
        identity=(
            document(
                EVERYTHING,
                deny(DateLessThan={"aws:TokenIssueTime": "2026-01-01T00:00:00Z"}),
                deny(NotIpAddress={"aws:SourceIp": "203.0.113.0/24"}),
            ),
        ),
        trust=document({"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "sts:AssumeRole"}),
    )
    estate = app(EVERYTHING)
    estate = Estate(principals={**estate.principals, "hop": hop})
    call = Call(principal="app", via=("hop",), operation="Converse", model="amazon.nova-lite-v1:0", region="eu-west-1")
    verdict = prove(estate, catalogue.calls_work(call))
    assert isinstance(verdict, Proved), str(verdict)


def test_a_change_of_agents_is_a_change():
    found = diff(app(allow()), app(allow(), allow("bedrock-agentcore:InvokeAgentRuntime")))
    assert [each.description for each in found.gained] == ["bedrock-agentcore:InvokeAgentRuntime"]


@pytest.mark.parametrize("principal", [{}, {"Principal": "*"}])
def test_a_document_whose_kind_is_not_known_may_name_principals_or_not(principal):
    statement = {"Effect": "Allow", "Action": INVOKE, "Resource": "*", **principal}
    assert len(compile_policy(document(statement), principals=None)) == 1


def test_a_value_that_is_no_arn_against_a_pattern_that_is_none_is_not_settled():
    estate = app(allow(ArnLike={"aws:SourceArn": ["plain", f"arn:aws:s3:::{BUCKET}"]}))
    decision = evaluate(
        estate, Request(principal="app", action=INVOKE, resource=MODEL, context={"aws:SourceArn": "other"})
    )
    assert not decision.allowed
    assert decision.disputed
