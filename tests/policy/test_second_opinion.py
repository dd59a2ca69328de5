"""Proofs beside z3, a solver that this project did not write, on random estates."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from secure_bedrock.policy._formulas import TRUE
from secure_bedrock.policy._model import Model
from secure_bedrock.policy.cases import read_estate, read_question
from secure_bedrock.policy.proving import prove
from secure_bedrock.policy.verdicts import Proved, Refuted
from tests.policy.second_opinion import Opinion, estate_and_question

COUNT = int(os.environ.get("OPINIONS", "150"))


def compared(seeds: range) -> Counter[tuple[str, bool]]:
    """How often the prover said what, beside whether z3 finds a request."""
    found: Counter[tuple[str, bool]] = Counter()
    for seed in seeds:
        estate, question = estate_and_question(seed)
        verdict = prove(read_estate(estate), read_question(question, name=str(seed)))
        found[type(verdict).__name__, Opinion(estate).is_reachable(question)] += 1
    return found


def disagreements(found: Counter[tuple[str, bool]]) -> int:
    return found[Proved.__name__, True] + found[Refuted.__name__, False]


def test_the_prover_and_z3_say_the_same():
    found = compared(range(COUNT))
    assert disagreements(found) == 0, found
    assert found[Refuted.__name__, True] > COUNT / 4
    assert found[Proved.__name__, False] > COUNT / 8
    assert found["Unknown", True] + found["Unknown", False] == 0, found


@pytest.mark.parametrize("part", ["_endpoints", "_by_own", "_level"])
def test_a_fault_in_the_prover_would_be_seen(monkeypatch, part):
    """A limit that is read as letting everything through, or grants as given: witnesses then fail, proofs are lost."""
    monkeypatch.setattr(Model, part, lambda *_: TRUE)
    found = compared(range(30))
    assert found["Unknown", False] + found["Unknown", True] + disagreements(found) > 0


@pytest.mark.parametrize("part", ["denies", "present", "guarantees"])
def test_a_fault_in_the_opinion_would_be_seen(monkeypatch, part):
    import z3  # noqa: PLC0415 - heavy, and nothing else here needs it

    monkeypatch.setattr(Opinion, part, lambda *_, **__: z3.BoolVal(part == "guarantees"))
    assert disagreements(compared(range(30))) > 0
