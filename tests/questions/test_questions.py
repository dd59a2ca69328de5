"""Every question of this folder: by the policy core's evaluator, and by an independent simulator."""

from __future__ import annotations

from collections import defaultdict

import pytest

from secure_bedrock.errors import InvalidInput
from tests.oracle.simulator import reason_to_leave_out
from tests.questions.cases import Case, cases
from tests.questions.evaluated import decided

CASES = cases()


def _ids(case: Case) -> str:
    return f"{case.file}: {case.name}"


def is_impossible(case: Case) -> bool:
    """Whether a question asks about keys that AWS never sends together, to show that a role does not rely on it."""
    context = case.request.get("context", {})
    through = "endpoint" in case.request or "aws:SourceVpce" in context
    return "aws:SourceIp" in context if through else "aws:VpcSourceIp" in context


@pytest.mark.parametrize("case", CASES, ids=_ids)
def test_the_evaluator_answers_as_expected(case, estates):
    question = estates[case.app].ask(case)
    if is_impossible(case):
        with pytest.raises(InvalidInput, match="endpoint"):
            decided(question)
        return
    decision = decided(question)
    assert decision.allowed == (case.expected == "allowed"), (case.why, decision.layer, decision.statement)
    assert decision.disputed == ()
    if case.layer:
        assert decision.layer == case.layer, case.why


@pytest.mark.skipif(reason_to_leave_out() is not None, reason=str(reason_to_leave_out()))
@pytest.mark.parametrize("case", CASES, ids=_ids)
def test_the_simulator_answers_as_expected(case, answers):
    if case.oracle:
        pytest.skip(f"the simulator cannot be asked: {case.oracle}")
    answer = answers[_ids(case)]
    assert answer.problem is None, answer.problem
    assert (answer.result == "Allowed") == (case.expected == "allowed"), (case.why, answer.result)


def test_there_are_enough_questions():
    counts: dict[str, int] = defaultdict(int)
    for case in CASES:
        counts["organization" if case.file == "organization" else "role and endpoint"] += 1
    assert counts["role and endpoint"] >= 80, counts
    assert counts["organization"] >= 60, counts


def test_no_statement_of_the_ceiling_can_be_removed_unnoticed(estates):
    """Each one, taken out of a role that somebody widened, opens at least one request that is asked here."""
    needed, present = set(), set()
    for case in CASES:
        if case.is_of_a_resource or case.expected == "allowed" or is_impossible(case):
            continue
        question = estates[case.app].ask(case)
        for sid in _denials(question.identity):
            present.add(sid.rstrip("0123456789"))
            left = [_without(document, sid) for document in question.identity]
            if decided(question, identity=left).allowed:
                needed.add(sid.rstrip("0123456789"))
    assert present - needed == set()


def test_no_statement_of_the_scps_can_be_removed_unnoticed(estates):
    """But for what is doubled on purpose, each one opens at least one request that is asked here."""
    doubled = {"GlobalProfiles"}  # beside Destinations, which denies whatever leads out of the geography
    needed, present = set(), set()
    for case in CASES:
        if case.file != "organization" or case.expected == "allowed" or is_impossible(case):
            continue
        question = estates[case.app].ask(case)
        for sid in _denials(question.scps[0]):
            present.add(sid)
            left = [_without(document, sid) for document in question.scps[0]]
            if decided(question, scps=[left], is_shared=True).allowed:
                needed.add(sid)
    assert present - needed == doubled


def _denials(documents: list[dict]) -> set[str]:
    return {s["Sid"] for document in documents for s in _statements(document) if s["Effect"] == "Deny"}


def _statements(document: dict) -> list[dict]:
    statements = document["Statement"]
    return statements if isinstance(statements, list) else [statements]


def _without(document: dict, sid: str) -> dict:
    return {**document, "Statement": [s for s in _statements(document) if s.get("Sid") != sid]}
