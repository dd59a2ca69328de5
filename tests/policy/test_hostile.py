"""Policies of a megabyte that are made to be slow: each ends in an answer, or in `Unknown`, within seconds."""

from __future__ import annotations

import json
import time
from random import Random

import pytest

from secure_bedrock.policy import Estate, Policy, Principal, bedrock_invariants, prove
from secure_bedrock.policy.verdicts import Refuted, Unknown

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/app"
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
MEGABYTE = 1_000_000
#: Of the processor, so that what else runs does not count.
SECONDS = 8


def deny(**elements):
    return {"Effect": "Deny", "Action": "bedrock:*", "Resource": "*", **elements}


def asks(operator, key, values):
    return [deny(Condition={operator: {key: values}})]


def crossed(random):
    keys = [f"aws:RequestTag/k{n}" for n in range(60)]
    return {"StringEquals": {key: random.choice("ab") for key in random.sample(keys, 3)}}


N = MEGABYTE
TAG, VARIABLE = "aws:RequestTag/k{0}", "${{aws:PrincipalTag/k{0}}}"
MODELS = "arn:aws:bedrock:*:*:foundation-model/"
RANDOM = Random(1)  # noqa: S311 - not for secrets
KINDS = {
    "one value of stars": lambda: asks("StringLike", "aws:UserAgent", "*a" * (N // 2)),
    "one value in any case": lambda: asks("StringEqualsIgnoreCase", "aws:UserAgent", "aB" * (N // 2)),
    "one value of variables": lambda: asks("StringLike", "aws:UserAgent", "${aws:PrincipalTag/a}*" * (N // 22)),
    "one resource": lambda: [deny(Resource="arn:aws:bedrock:*:*:" + "*a" * (N // 2))],
    "keys with variables": lambda: [
        deny(Condition={"StringEquals": {TAG.format(n): VARIABLE.format(n)}}) for n in range(N // 120)
    ],
    "values in every order": lambda: asks(
        "StringLike", "aws:UserAgent", [f"*{chr(0x4E00 + n % 20000)}{n:06}*" for n in range(N // 13)]
    ),
    "resources": lambda: [deny(Resource=[f"{MODELS}*{n:x}*{n * 7:x}*" for n in range(N // 53)])],
    "statements": lambda: [deny(Resource=f"{MODELS}{n:09}") for n in range(N // 110)],
    "denials that cross": lambda: [deny(Condition=crossed(RANDOM)) for _ in range(N // 160)],
    "keys": lambda: [deny(Condition={"Null": {TAG.format(n): "true"}}) for n in range(N // 110)],
    "numbers": lambda: asks("NumericEquals", "s3:max-keys", [f"{n:07}" for n in range(N // 10)]),
    "tags": lambda: asks("ForAllValues:StringLike", "aws:TagKeys", [f"*{n:07}*" for n in range(N // 13)]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_hostile_policy_of_a_megabyte_ends_in_an_answer(kind):
    plain = {"Version": "2012-10-17", "Statement": [EVERYTHING, *KINDS[kind]()]}
    assert len(json.dumps(plain, ensure_ascii=False)) >= 0.95 * MEGABYTE
    policy = Policy.from_plain(plain, name="document")
    world = Estate(principals={"app": Principal(arn=ROLE, identity=(policy,))})
    started = time.process_time()
    verdict = prove(world, bedrock_invariants.nobody_uses("bedrock:InvokeModel"))
    assert isinstance(verdict, Refuted | Unknown)
    assert time.process_time() - started < SECONDS
    if isinstance(verdict, Unknown):
        assert "the budget of" in verdict.reason or "too many kinds" in verdict.reason
