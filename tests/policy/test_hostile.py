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


def crossed(random: Random):
    keys = [f"aws:RequestTag/k{n}" for n in range(60)]
    return {"StringEquals": {key: random.choice("ab") for key in random.sample(keys, 3)}}


def by_three(count):
    random = Random(1)  # noqa: S311 - not for secrets
    return [deny(Condition=crossed(random)) for _ in range(count)]


TAG, VARIABLE = "aws:RequestTag/k{0}", "${{aws:PrincipalTag/k{0}}}"
MODELS = "arn:aws:bedrock:*:*:foundation-model/"
#: Statements of each kind, of about so many characters.
KINDS = {
    "one value of stars": lambda size: asks("StringLike", "aws:UserAgent", "*a" * (size // 2)),
    "one value in any case": lambda size: asks("StringEqualsIgnoreCase", "aws:UserAgent", "aB" * (size // 2)),
    "one value of variables": lambda size: asks("StringLike", "aws:UserAgent", "${aws:PrincipalTag/a}*" * (size // 22)),
    "one resource": lambda size: [deny(Resource="arn:aws:bedrock:*:*:" + "*a" * (size // 2))],
    "keys with variables": lambda size: [
        deny(Condition={"StringEquals": {TAG.format(n): VARIABLE.format(n)}}) for n in range(size // 120)
    ],
    "values in every order": lambda size: asks(
        "StringLike", "aws:UserAgent", [f"*{chr(0x4E00 + n % 20000)}{n:06}*" for n in range(size // 13)]
    ),
    "resources": lambda size: [deny(Resource=[f"{MODELS}*{n:x}*{n * 7:x}*" for n in range(size // 53)])],
    "statements": lambda size: [deny(Resource=f"{MODELS}{n:09}") for n in range(size // 110)],
    "denials that cross": lambda size: by_three(size // 160),
    "keys": lambda size: [deny(Condition={"Null": {TAG.format(n): "true"}}) for n in range(size // 110)],
    "numbers": lambda size: asks("NumericEquals", "s3:max-keys", [f"{n:07}" for n in range(size // 10)]),
    "tags": lambda size: asks("ForAllValues:StringLike", "aws:TagKeys", [f"*{n:07}*" for n in range(size // 13)]),
}


def document(kind, size):
    return {"Version": "2012-10-17", "Statement": [EVERYTHING, *KINDS[kind](size)]}


def world(plain):
    return Estate(principals={"app": Principal(arn=ROLE, identity=(Policy.from_plain(plain, name="document"),))})


@pytest.mark.parametrize("kind", KINDS)
def test_a_hostile_policy_of_a_megabyte_ends_in_an_answer(kind):
    plain = document(kind, MEGABYTE)
    assert len(json.dumps(plain, ensure_ascii=False)) >= 0.95 * MEGABYTE
    estate = world(plain)
    started = time.process_time()
    verdict = prove(estate, bedrock_invariants.nobody_uses("bedrock:InvokeModel"))
    assert isinstance(verdict, Refuted | Unknown)
    assert time.process_time() - started < SECONDS
    if isinstance(verdict, Unknown):
        assert "the budget of" in verdict.reason or "too many kinds" in verdict.reason
