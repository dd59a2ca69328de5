"""Requests drawn at random contradict a false proof: faults planted in the prover, violations planted in estates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from secure_bedrock.policy import Estate, Policy, evaluate, prove
from secure_bedrock.policy._formulas import FALSE
from secure_bedrock.policy._model import Model
from secure_bedrock.policy.cases import read_estate, read_request
from secure_bedrock.policy.invariants import Never, Scope, requests
from secure_bedrock.policy.verdicts import Proved
from tests.policy.generation import Generator
from tests.policy.test_proving import possible

SEEDS = 60


def drawn(seeds: range, tries: int = 60) -> Iterator[tuple[Estate, dict, list[dict]]]:
    """Estates, what is asked of each, and contexts that AWS could send."""
    for seed in seeds:
        generator = Generator(seed)
        scenario = generator.scenario()
        world, asked = read_estate(scenario.estate), {**scenario.request, "principal": "caller"}
        asked.pop("session_policies", None)
        kind = "user" if ":user/" in world.principals["caller"].arn else "role"
        contexts = []
        for _ in range(tries):
            endpoint = asked.get("endpoint") if generator.chance(0.5) else None
            context = possible(generator.context(endpoint), kind, endpoint)
            if asked["action"].startswith("bedrock"):
                context.pop("aws:SecureTransport", None)  # its endpoints serve HTTPS alone
            contexts.append({**asked, "context": context, "endpoint": endpoint})
        yield world, asked, contexts


def is_contradicted(world: Estate, asked: dict, contexts: list[dict]) -> bool:
    """Whether a proof that nothing is allowed is false, as some request shows."""
    statement = requests(actions=(asked["action"],), resources=(asked["resource"],))
    verdict = prove(world, Never(name="never", statements=(statement,), scope=Scope(principals=("caller",))))
    return isinstance(verdict, Proved) and any(evaluate(world, read_request(each)).allowed for each in contexts)


@pytest.mark.parametrize("part", ["by_own", "_level", "_endpoints", "denies", "grants"])
def test_a_fault_in_the_prover_is_contradicted(monkeypatch, part):
    assert not any(is_contradicted(*each) for each in drawn(range(10)))
    monkeypatch.setattr(Model, part, FALSE if part == "by_own" else lambda *_, **__: FALSE)
    assert any(is_contradicted(*each) for each in drawn(range(SEEDS)))


def test_a_violation_planted_in_an_estate_is_found():
    """One allow, tied to a single condition that a request drawn at random meets now and then."""
    found = planted = 0
    for world, asked, contexts in drawn(range(SEEDS)):
        caller = world.principals["caller"]
        allow = {"Effect": "Allow", "Action": asked["action"], "Resource": "*",
                 "Condition": {"StringEquals": {"aws:UserAgent": "team-a"}}}  # fmt: skip
        hole = Policy.from_plain({"Version": "2012-10-17", "Statement": allow})
        leaky = replace(world, principals={**world.principals, "caller": replace(caller, identity=(hole,))})
        statement = requests(actions=(asked["action"],), resources=(asked["resource"],))
        verdict = prove(leaky, Never(name="never", statements=(statement,), scope=Scope(principals=("caller",))))
        is_found = any(evaluate(leaky, read_request(each)).allowed for each in contexts)
        planted += not isinstance(verdict, Proved)
        found += is_found
        assert not (is_found and isinstance(verdict, Proved))
    assert found > planted * 0.8 > 20
