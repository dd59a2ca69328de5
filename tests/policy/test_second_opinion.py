"""Proofs beside z3, a solver that this project did not write, on random estates."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

import pytest

from secure_bedrock.policy._formulas import TRUE
from secure_bedrock.policy._model import Model
from secure_bedrock.policy.cases import read_estate, read_question
from secure_bedrock.policy.proving import prove
from secure_bedrock.policy.verdicts import Proved, Refuted
from tests.policy.second_opinion import Opinion, estate_and_question

COUNT = int(os.environ.get("OPINIONS", "150"))


def compared(seeds: range) -> Iterator[tuple[str, bool]]:
    """What the prover says, beside whether z3 finds a request."""
    for seed in seeds:
        estate, question = estate_and_question(seed)
        verdict = prove(read_estate(estate), read_question(question, name=str(seed)))
        yield type(verdict).__name__, Opinion(estate).is_reachable(question)


SAME = {(Proved.__name__, False), (Refuted.__name__, True)}


def test_the_prover_and_z3_say_the_same():
    found = Counter(compared(range(COUNT)))
    assert found.keys() == SAME, found
    assert min(found.values()) > COUNT / 4, found


@pytest.mark.parametrize("part", ["_endpoints", "by_own", "_level"])
def test_a_fault_in_the_prover_would_be_seen(monkeypatch, part):
    """A limit that is read as letting everything through, or grants as given: witnesses then fail, proofs are lost."""
    monkeypatch.setattr(Model, part, TRUE if part == "by_own" else lambda *_: TRUE)
    assert any(answers not in SAME for answers in compared(range(COUNT)))


@pytest.mark.parametrize("part", ["denies", "present", "grants"])
def test_a_fault_in_the_opinion_would_be_seen(monkeypatch, part):
    import z3  # noqa: PLC0415 - heavy, and nothing else here needs it

    monkeypatch.setattr(Opinion, part, lambda *_, **__: z3.BoolVal(part == "grants"))
    assert any(answers not in SAME for answers in compared(range(COUNT)))
