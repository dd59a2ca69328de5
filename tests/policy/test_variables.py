"""Policy variables whose value the request chooses: a proof may leave out no value that another key can have too."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import product
from random import Random

import pytest

from secure_bedrock.policy import Endpoint, Estate, Request, evaluate, prove
from secure_bedrock.policy.verdicts import Proved, Refuted, Unknown
from tests.policy.test_fine_points import (
    HOME,
    INVOKE,
    OWN_TAG,
    ROLE,
    TIER,
    allow,
    anybody_tags,
    app,
    deny,
    never,
    where,
)

PROFILE = f"arn:aws:bedrock:eu-west-1:{HOME}:application-inference-profile/x"
ORG, VPC, VPCE, NOON = "o-aaaaaaaaaa", "vpc-1", "vpce-1", "2026-01-01T12:00:00Z"
TEXTS = [ORG, HOME, "eu-west-1", VPC, VPCE, "203.0.113.1", "10.0.0.1", "true", "false", NOON, "x", ROLE]
#: Values that keys can have in one request, on an application inference profile of ours.
VALUES = {
    "aws:PrincipalOrgID": [ORG], "aws:ResourceOrgID": [ORG], "aws:ResourceAccount": [HOME],
    "aws:PrincipalAccount": [HOME], "aws:PrincipalArn": [ROLE], "aws:RequestedRegion": ["eu-west-1"],
    "aws:SourceVpc": [VPC], "aws:SourceVpce": [VPCE], "aws:SourceIp": ["203.0.113.1"], "aws:VpcSourceIp": ["10.0.0.1"],
    "aws:SecureTransport": ["true"], "aws:MultiFactorAuthPresent": ["true", "false"], "aws:ViaAWSService": ["false"],
    "aws:CurrentTime": [NOON], "aws:TokenIssueTime": [NOON], "aws:userid": ["x"],
    OWN_TAG: TEXTS, "aws:ResourceTag/team": TEXTS, "aws:UserAgent": TEXTS, "bedrock:ServiceTier": ["x"],
}  # fmt: skip
#: What holds of two values, by operator.
HOLDS = {
    "StringEquals": lambda one, other: one == other, "StringNotEquals": lambda one, other: one != other,
    "StringLike": lambda one, other: one == other, "StringEqualsIgnoreCase": lambda one, other: one == other,
}  # fmt: skip


BEHIND = {"aws:SourceVpc", "aws:SourceVpce", "aws:VpcSourceIp"}
#: Keys of what comes through an endpoint, and of what does not, are of no one request.
APART = [{one, other} for one in BEHIND for other in ("aws:SourceIp", "aws:ViaAWSService")]


def asked_of(context: dict[str, str]) -> Request:
    endpoint = VPCE if context.keys() & BEHIND else None
    stated = {key: value for key, value in context.items() if key != "aws:SourceVpce"}
    return Request(principal="app", action=INVOKE, resource=PROFILE, context=stated, endpoint=endpoint)


@pytest.mark.parametrize("operator", HOLDS)
@pytest.mark.parametrize("key", VALUES)
def test_no_value_that_both_keys_can_have_is_left_out(key, operator):
    """Where some values of the two make the condition hold, and `evaluate` allows that, nothing may be proved."""
    tried = 0
    for variable in VALUES.keys() - {key}:
        estate = app(allow(resource=PROFILE, **{operator: {key: f"${{{variable}}}"}}), trust=anybody_tags())
        pairs = [(a, b) for a in VALUES[key] for b in VALUES[variable] if HOLDS[operator](a, b)]
        if not pairs or {key, variable} in APART:
            continue
        one, other = pairs[0]
        assert evaluate(estate, asked_of({key: one, variable: other})).allowed
        assert not isinstance(prove(estate, never()), Proved), variable
        tried += 1
    assert tried


TIED = {"StringEquals": {"aws:SourceVpc": f"${{{OWN_TAG}}}"}}
#: The estate, what is asked, and the answer.
CASES = {
    "a VPC by tag": (app(allow(**TIED), trust=anybody_tags()), never(), Refuted),
    "a VPC by tag, but for the tag of every VPC": (
        app(allow(**TIED), deny(StringLike={OWN_TAG: "vpc-*"}), trust=anybody_tags()), never(), Proved,
    ),
    "a VPC by tag, but for some of those tags": (
        app(allow(**TIED), deny(StringLike={OWN_TAG: ["vpc-x*", "vpc-1*"]}), trust=anybody_tags()), never(), Refuted,
    ),
    "an ARN of what the tag names": (
        app(allow(ArnLike={"aws:SourceArn": f"arn:aws:s3:::${{{OWN_TAG}}}/*"}), trust=anybody_tags()),
        never(where("StringEquals", "aws:SourceArn", "arn:aws:s3:::a/b")), Refuted,
    ),
    "an ARN that equals a pattern around the tag": (
        app(allow(ArnEquals={"aws:SourceArn": f"arn:aws:s3:::${{{OWN_TAG}}}/*"}), trust=anybody_tags()),
        never(where("StringEquals", "aws:SourceArn", "arn:aws:s3:::a/b")), Refuted,
    ),
    "an ARN of something else": (
        app(allow(ArnLike={"aws:SourceArn": f"arn:aws:s3:::${{{OWN_TAG}}}/*"}), trust=anybody_tags()),
        never(where("StringEquals", "aws:SourceArn", "arn:aws:sqs:::a/b")), Proved,
    ),
    "a text around the tag": (
        app(allow(StringLike={TIER: f"a*-${{{OWN_TAG}}}-?"}), trust=anybody_tags()),
        never(where("StringEquals", TIER, "abc-d-e")), Refuted,
    ),
    "one of two variables is known": (
        app(allow(StringEquals={TIER: ["${aws:PrincipalAccount}", f"${{{OWN_TAG}}}"]}), trust=anybody_tags()),
        never(where("StringEquals", TIER, HOME)), Refuted,
    ),
    "a tag that is compared as a number too": (
        app(
            allow(StringEquals={TIER: f"${{{OWN_TAG}}}"}, StringLike={TIER: "a*"}),
            deny(NumericEquals={OWN_TAG: "5"}), trust=anybody_tags(),
        ),
        never(), Refuted,
    ),
    "a tag that must be a number": (
        app(
            allow(StringEquals={TIER: f"${{{OWN_TAG}}}"}, NumericEquals={OWN_TAG: "5"}), trust=anybody_tags(),
        ),
        never(), Refuted,
    ),
    "a tier that says whether MFA was there": (
        app(allow(StringEquals={TIER: "${aws:MultiFactorAuthPresent}"})),
        never(where("StringNotEquals", TIER, "true", "false")), Proved,
    ),
    "a star that is one": (
        app(allow(StringLike={TIER: f"${{*}}-${{{OWN_TAG}}}"}), trust=anybody_tags()),
        never(where("StringEquals", TIER, "x-d")), Proved,
    ),
    "a Region by tag, in Europe alone": (
        app(
            allow(resource="arn:aws:bedrock:eu-*", StringEquals={"aws:RequestedRegion": f"${{{OWN_TAG}}}"}),
            trust=anybody_tags(),
        ),
        never(where("StringLike", OWN_TAG, "eu-*")), Refuted,
    ),
    "an account by tag, of resources of any name": (
        app(allow(resource="arn:*", StringEquals={"aws:ResourceAccount": f"${{{OWN_TAG}}}"}), trust=anybody_tags()),
        never(where("StringEquals", OWN_TAG, HOME)), Refuted,
    ),
    "a VPC by the role's own tag, which is none": (app(allow(**TIED), tags=(("team", "x"),)), never(), Proved),
    "two organisations that are one": (
        app(allow(StringEquals={"aws:ResourceOrgID": "${aws:PrincipalOrgID}"})), never(), Refuted,
    ),
    "the organisation that the estate says": (
        replace(app(allow(StringEquals={"aws:ResourceOrgID": "${aws:PrincipalOrgID}"})), organization_id=ORG), never(),
        Refuted,
    ),
    "another than that": (
        replace(app(allow(StringEquals={"aws:ResourceOrgID": "${aws:PrincipalOrgID}"})), organization_id=ORG),
        never(where("StringNotEquals", "aws:ResourceOrgID", ORG)), Proved,
    ),
    "an account by tag": (
        app(allow(StringEquals={"aws:PrincipalAccount": f"${{{OWN_TAG}}}"}), trust=anybody_tags()), never(), Refuted,
    ),
    "an account by tag, but for the tag of ours": (
        app(
            allow(StringEquals={"aws:PrincipalAccount": f"${{{OWN_TAG}}}"}), deny(StringEquals={OWN_TAG: HOME}),
            trust=anybody_tags(),
        ),
        never(), Proved,
    ),
    "MFA by tag": (
        app(allow(StringEquals={"aws:MultiFactorAuthPresent": f"${{{OWN_TAG}}}"}), trust=anybody_tags()),
        never(where("Bool", "aws:MultiFactorAuthPresent", "true")), Refuted,
    ),
    "an endpoint by tag, but for what is no endpoint": (
        app(
            allow(StringEquals={"aws:SourceVpce": f"${{{OWN_TAG}}}"}), deny(StringLike={OWN_TAG: "vpce-*"}),
            trust=anybody_tags(),
        ),
        never(), Proved,
    ),
    "an address by tag is no text": (
        app(
            allow(StringEquals={"aws:SourceIp": f"${{{OWN_TAG}}}"}), deny(IpAddress={"aws:SourceIp": "0.0.0.0/0"}),
            trust=anybody_tags(),
        ),
        never(), Unknown,
    ),
    "a Region by tag, where the tag of the only one is refused": (
        app(
            allow(resource=PROFILE, StringEquals={OWN_TAG: "${aws:RequestedRegion}"}),
            deny(StringEquals={OWN_TAG: "eu-west-1"}), trust=anybody_tags(),
        ),
        never(), Unknown,
    ),
    "the VPC of the endpoint that the estate shows": (
        replace(
            app(allow(StringEquals={"aws:SourceVpc": f"${{{OWN_TAG}}}", "aws:SourceVpce": VPCE}),
                deny(StringEquals={OWN_TAG: VPC}), trust=anybody_tags()),
            endpoints={VPCE: Endpoint(vpc=VPC, service="bedrock-runtime")},
        ),
        never(), Proved,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_a_variable_can_be(name):
    estate, asked, answer = CASES[name]
    assert isinstance(prove(estate, asked), answer)


#: Values of keys that random policies compare; None: the request lacks it.
POOL = {
    OWN_TAG: [None, "x", VPC, ORG, "true", "a-b"], "aws:ResourceTag/team": [None, "x", VPC, "a-b"],
    "aws:SourceVpc": [None, VPC, "vpc-2"], "aws:PrincipalOrgID": [None, ORG], "aws:ResourceOrgID": [None, ORG],
    "aws:MultiFactorAuthPresent": [None, "true", "false"], TIER: [None, "x", "a-b", "true"],
    "aws:UserAgent": [None, "x", "true"],
}  # fmt: skip
LITERALS = ["x", VPC, ORG, "true", "a-b", "a*", "*b", "vpc-*", "*"]
OPERATORS = [
    "StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIfExists", "StringNotEqualsIfExists",
]  # fmt: skip


def random_condition(random: Random, keys: list[str]) -> tuple[str, str, str]:
    key, kind = random.choice(keys), random.randrange(6)
    if kind == 0:
        return "Null", key, random.choice(["true", "false"])
    value = f"${{{random.choice([each for each in keys if each != key])}}}" if kind < 4 else random.choice(LITERALS)
    return random.choice(OPERATORS), key, value


def random_estate(random: Random) -> tuple[list[str], Estate]:
    """One to three statements about three keys, mostly comparing them with each other."""
    keys, rows = random.sample(list(POOL), 3), []
    for number in range(random.randint(1, 3)):
        block: dict[str, dict[str, str]] = {}
        for _ in range(random.randint(1, 2)):
            operator, key, value = random_condition(random, keys)
            block.setdefault(operator, {})[key] = value
        rows.append((allow if number == 0 or random.random() < 0.3 else deny)(resource=PROFILE, **block))
    return keys, app(*rows, trust=anybody_tags())


def is_allowed_somehow(keys: list[str], estate: Estate) -> bool:
    """Whether `evaluate` allows a request with some of the values: each combination of them is asked."""
    for values in product(*(POOL[key] for key in keys)):
        context = {key: value for key, value in zip(keys, values, strict=True) if value is not None}
        if evaluate(estate, asked_of(context)).allowed:
            return True
    return False


def test_no_request_contradicts_a_proof():
    found: Counter[tuple[type, bool]] = Counter()
    for seed in range(600):
        keys, estate = random_estate(Random(seed))  # noqa: S311 - the same each time
        verdict = type(prove(estate, never()))
        allowed = is_allowed_somehow(keys, estate)
        assert not (verdict is Proved and allowed), seed
        found[verdict, allowed] += 1
    assert found[Proved, False] > 50
    assert found[Refuted, True] > 100  # the values do find what is allowed
