"""Conditions, resources and networks that tempt a prover to a false proof: each answer held against brute force."""

from __future__ import annotations

import pytest

from secure_bedrock.policy import Estate, Policy, Principal, prove
from secure_bedrock.policy.invariants import Never, Scope, requests
from secure_bedrock.policy.verdicts import Proved, Refuted
from tests.policy.nasty import (
    EVERYTHING,
    GLOBAL,
    HOME,
    MODEL,
    OPEN,
    OTHER_VPCE,
    OWN_TAG,
    PROJECT,
    TAGS,
    USER,
    VPCE,
    app,
    deny,
    document,
    estate,
    hold,
    never,
    through,
    when,
    where,
)

#: The estate, what must never be, the answer, and the requests to try: principals, resources, contexts, endpoints.
CASES = {
    "absent key, positive operator": (
        estate(deny(**when("StringEquals", "bedrock:ServiceTier", "x"))),
        never(),
        Refuted,
        {},
    ),
    "absent key, negated operator": (
        estate(deny(**when("StringNotEquals", "bedrock:ServiceTier", "x"))),
        never(),
        Refuted,
        {"contexts": [{}, {"bedrock:ServiceTier": "x"}]},
    ),
    "absent key, negated operator, no value left": (
        estate(
            deny(**when("StringNotEquals", "bedrock:ServiceTier", "x")),
            deny(**when("StringEquals", "bedrock:ServiceTier", "x")),
        ),
        never(),
        Proved,
        {"contexts": [{}, {"bedrock:ServiceTier": "x"}, {"bedrock:ServiceTier": "y"}]},
    ),
    "IfExists makes an Allow wide": (
        estate(who=app({**EVERYTHING, **when("BoolIfExists", "aws:MultiFactorAuthPresent", "true")})),
        never(),
        Refuted,
        {"contexts": [{}, {"aws:MultiFactorAuthPresent": "false", "aws:TokenIssueTime": "2026-05-01T00:00:00Z"}]},
    ),
    "Null false and a negated operator on a key that the action lacks": (
        estate(who=app({**EVERYTHING, "Condition": {"Null": {"bedrock:BearerTokenType": "false"}}})),
        never(),
        Proved,
        {},
    ),
    "ForAllValues without a key": (
        estate(who=app({**EVERYTHING, "Condition": TAGS})),
        never(),
        Refuted,
        {"contexts": [{}, {"aws:TagKeys": ["x"]}]},
    ),
    "ForAllValues with Null beside": (
        estate(
            who=app({**EVERYTHING, "Condition": {**TAGS, "Null": {"aws:TagKeys": "false"}}}),
        ),
        never(conditions=where("Null", "aws:TagKeys", "true")),
        Proved,
        {"contexts": [{}, {"aws:TagKeys": ["team"], "aws:RequestTag/team": "a"}]},
    ),
    "ForAnyValue in a Deny without a key": (
        estate(deny(**when("ForAnyValue:StringNotLike", "aws:TagKeys", "x"))),
        never(),
        Refuted,
        {},
    ),
    "a Deny for all values that are not listed": (
        estate(deny(**when("ForAllValues:StringNotEquals", "aws:TagKeys", "ok"))),
        never(),
        Refuted,
        {"contexts": [{}, {"aws:TagKeys": ["ok"], "aws:RequestTag/ok": "1"}]},
    ),
    "NotPrincipal spares the account, not the role": (
        through(
            {"Effect": "Deny", "NotPrincipal": {"AWS": f"arn:aws:iam::{HOME}:root"}, "Action": "*", "Resource": "*"}
        ),
        never(conditions=where("StringEquals", "aws:SourceVpce", VPCE)),
        Proved,
        {"endpoints": [VPCE]},
    ),
    "NotResource does not reach what has no resource, an Allow with it does": (
        estate(who=app({"Effect": "Allow", "Action": "*", "NotResource": MODEL})),
        never("bedrock:ListFoundationModels", ("*",)),
        Refuted,
        {"resources": ["*"], "action": "bedrock:ListFoundationModels"},
    ),
    "a Deny on an ARN does not reach what has no resource": (
        estate(deny("bedrock:*", Resource="arn:aws:bedrock:*:*:*")),
        never("bedrock:ListFoundationModels", ("*",)),
        Refuted,
        {"resources": ["*"], "action": "bedrock:ListFoundationModels"},
    ),
    "a Deny with twelve digits passes the empty account by": (
        estate(deny(Resource="arn:aws:bedrock:*:????????????:foundation-model/*")),
        never(),
        Refuted,
        {},
    ),
    "a Deny by Region passes the model without one by": (
        estate(deny(**when("StringEquals", "aws:RequestedRegion", "eu-west-1", "us-east-1"))),
        never(resources=(GLOBAL,)),
        Refuted,
        {"resources": [GLOBAL]},
    ),
    "a variable with a default": (
        estate(deny(**when("StringNotEquals", "aws:ResourceTag/team", OWN_TAG))),
        never(resources=(PROJECT,)),
        Refuted,
        {"resources": [PROJECT], "contexts": [{}, {"aws:ResourceTag/team": "none"}]},
    ),
    "a variable without a value": (
        estate(deny(**when("StringNotEquals", "aws:ResourceTag/team", "${aws:PrincipalTag/team}"))),
        never(resources=(PROJECT,)),
        Proved,
        {"resources": [PROJECT], "contexts": [{}, {"aws:ResourceTag/team": "none"}, {"aws:ResourceTag/team": ""}]},
    ),
    "an endpoint of somebody else": (
        through({**OPEN, "Action": "s3:*"}),
        never(conditions=where("Null", "aws:SourceVpce", "false")),
        Refuted,
        {"endpoints": [VPCE, OTHER_VPCE]},
    ),
    "only the endpoint of the estate": (
        through({**OPEN, "Action": "s3:*"}),
        never(conditions=where("StringEquals", "aws:SourceVpce", VPCE)),
        Proved,
        {"endpoints": [VPCE]},
    ),
    "a network by address alone, through an endpoint": (
        estate(deny(**when("NotIpAddressIfExists", "aws:SourceIp", "203.0.113.0/24"))),
        never(conditions=where("Null", "aws:SourceIp", "true")),
        Proved,
        {"endpoints": [VPCE, None], "contexts": [{}]},
    ),
    "addresses of the other version": (
        estate(deny(**when("IpAddress", "aws:SourceIp", "0.0.0.0/0")), deny(**when("Null", "aws:SourceIp", "true"))),
        never(),
        Refuted,
        {"contexts": [{"aws:SourceIp": "192.0.2.1"}, {"aws:SourceIp": "2001:db8::1"}]},
    ),
    "case of an action, of a resource": (
        estate(deny("BEDROCK:invokemodel", Resource="arn:aws:bedrock:*::Foundation-Model/*")),
        never(),
        Refuted,
        {},
    ),
    "a star in a value of StringEquals": (
        estate(deny(**when("StringEquals", "aws:RequestedRegion", "eu-*"))),
        never(),
        Refuted,
        {},
    ),
    "an age beyond a number": (
        estate(deny(**when("NumericGreaterThan", "aws:MultiFactorAuthAge", "3600"))),
        never(),
        Refuted,
        {},
    ),
    "two keys of one operator": (
        estate(deny(Condition={"StringEquals": {"aws:RequestedRegion": "eu-west-1", "bedrock:ServiceTier": "x"}})),
        never(),
        Refuted,
        {},
    ),
    "an escaped star": (estate(deny(Resource="arn:aws:bedrock:*::foundation-model/${*}")), never(), Refuted, {}),
    "the old version knows no variables": (
        Estate(
            principals={
                "app": Principal(
                    arn=USER,
                    identity=(
                        document(EVERYTHING),
                        Policy.from_plain(
                            {
                                "Version": "2008-10-17",
                                "Statement": [deny(**when("StringNotEquals", "aws:username", "${aws:username}"))],
                            },
                            name="old",
                        ),
                    ),
                )
            }
        ),
        never(),
        Proved,
        {},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_nasty_estate_is_answered_as_brute_force_does(name):
    hold(CASES[name])


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov", "aws-eusc", "aws-iso"])
def test_a_star_grants_in_whatever_partition_the_principal_is(partition):
    document = Policy.from_plain({"Statement": [{"Effect": "Allow", "Action": "bedrock:*", "Resource": "*"}]})
    role = Principal(arn=f"arn:{partition}:iam::111122223333:role/app", identity=(document,))
    never = Never(
        name="x", statements=(requests(actions=("bedrock:InvokeModel",)),), scope=Scope(principals=("app",))
    )  # fmt: skip
    verdict = prove(Estate(principals={"app": role}), never)
    assert isinstance(verdict, Refuted), str(verdict)
    assert f"arn:{partition}:bedrock:" in str(verdict.witness)
