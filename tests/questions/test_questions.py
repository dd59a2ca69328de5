"""Every question of this folder: by the project's own reading of the policies, and by an independent simulator."""

from __future__ import annotations

from collections import defaultdict

import pytest

from drill.emulator.matching import Decision, Layers, Request, decide
from tests.oracle.simulator import reason_to_leave_out
from tests.questions.cases import Asked, Case, cases

CASES = cases()
#: The layers' short names in the cases.
LAYERS = {"scp": "service control policy", "endpoint": "VPC endpoint policy", "identity": "identity-based policy"}


def _ids(case: Case) -> str:
    return f"{case.file}: {case.name}"


def _decision(question: Asked, identity: list[dict] | None = None) -> Decision:
    request = Request(
        principal=question.principal, action=question.action, resource=question.resource, context=question.context
    )
    layers = Layers(
        identity=question.identity if identity is None else identity,
        scps=tuple(question.scps),
        endpoint=[question.endpoint["policy"]] if question.endpoint else None,
    )
    return decide(request, layers)


@pytest.mark.parametrize("case", [case for case in CASES if not case.is_of_a_resource], ids=_ids)
def test_the_policies_answer_as_expected(case, estates):
    decision = _decision(estates[case.app].ask(case))
    assert decision.allowed == (case.expected == "allowed"), (case.why, decision)
    if case.layer:
        assert decision.layer == LAYERS[case.layer], case.why


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
        if case.is_of_a_resource or case.expected == "allowed":
            continue
        question = estates[case.app].ask(case)
        for sid in _denials(question.identity):
            present.add(sid.rstrip("0123456789"))
            left = [_without(document, sid) for document in question.identity]
            if _decision(question, left).allowed:
                needed.add(sid.rstrip("0123456789"))
    assert present - needed == set()


def test_no_statement_of_the_scps_can_be_removed_unnoticed(estates):
    """But for what is doubled on purpose, each one opens at least one request that is asked here."""
    doubled = {"GlobalProfiles"}  # beside Destinations, which denies whatever leads out of the geography
    needed, present = set(), set()
    for case in CASES:
        if case.file != "organization" or case.expected == "allowed":
            continue
        question = estates[case.app].ask(case)
        for sid in _denials(question.scps[0]):
            present.add(sid)
            request = Request(question.principal, question.action, question.resource, question.context)
            left = [_without(document, sid) for document in question.scps[0]]
            if decide(request, Layers(identity=question.identity, scps=(left,))).allowed:
                needed.add(sid)
    assert present - needed == doubled


def _denials(documents: list[dict]) -> set[str]:
    return {s["Sid"] for document in documents for s in _statements(document) if s["Effect"] == "Deny"}


def _statements(document: dict) -> list[dict]:
    statements = document["Statement"]
    return statements if isinstance(statements, list) else [statements]


def _without(document: dict, sid: str) -> dict:
    return {**document, "Statement": [s for s in _statements(document) if s.get("Sid") != sid]}
