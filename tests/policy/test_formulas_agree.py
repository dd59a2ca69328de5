"""The prover's formulas and the evaluator decide alike, request by request, on random estates."""

from __future__ import annotations

import os
from random import Random

import pytest

from secure_bedrock.policy._budget import Budget
from secure_bedrock.policy._formulas import all_of
from secure_bedrock.policy._proving import Prover
from secure_bedrock.policy._witnesses import candidate
from secure_bedrock.policy.cases import read_estate
from secure_bedrock.policy.invariants import ANYBODY, requests
from tests.policy.generation import Generator
from tests.policy.sampling import is_true, possible_cells

COUNT = int(os.environ.get("COMMUTING", "40"))
ACTIONS = ("bedrock:*", "sqs:*", "secretsmanager:GetSecretValue", "sts:AssumeRole")


@pytest.mark.parametrize("seed", range(COUNT))
def test_a_formula_holds_where_the_evaluator_allows(seed):
    random = Random(seed)  # noqa: S311 - not for secrets
    estate = read_estate(Generator(seed).scenario().estate)
    prover = Prover(estate, [requests(actions=ACTIONS)], [ANYBODY], Budget(50_000_000))
    checked = 0
    for subject in prover.subjects(ANYBODY):
        inquiry = prover.about(subject)
        closed, opened = inquiry.allowed(closed=True)[0], inquiry.allowed(closed=False)[0]
        possible = all_of([inquiry._possible, inquiry.linking.resource_types(prover.space.action.every)])
        for _ in range(6):
            cells = possible_cells(prover.space, random, possible)
            if cells is None:
                continue
            found = candidate(prover.space, subject, inquiry.encoding.keys, cells, {})
            decision = found.decision()
            checked += 1
            assert is_true(closed, cells) == decision.allowed or inquiry.allowed(closed=True)[1], (
                found.request,
                decision.layer,
            )
            assert is_true(opened, cells) >= decision.allowed, found.request
            if is_true(closed, cells):
                assert decision.allowed, found.request
            if not is_true(opened, cells):
                assert not decision.allowed
                assert not decision.disputed, (found.request, decision.disputed)
    assert checked > 3
