"""Every case of every file: estates and questions as data, with answers from AWS's documents.

A file holds a list of cases in the form that `secure_bedrock/policy/cases.py` reads. `disputed` marks what those
documents do not settle: the answer is then the closed reading, and the decision says so.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy.cases import from_case
from secure_bedrock.policy.conditions import OPERATORS
from secure_bedrock.policy.evaluation import evaluate
from secure_bedrock.policy.invariants import Never
from secure_bedrock.policy.proving import prove
from secure_bedrock.policy.verdicts import Proved, Refuted, Unknown

FILES = sorted((Path(__file__).parent / "cases").glob("*.json"))
CASES = [(path.stem, row) for path in FILES for row in json.loads(path.read_text("utf-8"))]


@pytest.mark.parametrize(("file", "row"), CASES, ids=lambda value: value if isinstance(value, str) else value["name"])
def test_the_answer_is_the_one_of_the_documents(file, row):
    case = from_case(row)
    if isinstance(case.question, Never):
        verdict = prove(case.estate, case.question)
        assert isinstance(verdict, {True: Refuted, False: Proved, None: Unknown}[case.allowed]), (
            case.why,
            str(verdict),
        )
        return
    decision = evaluate(case.estate, case.question)
    assert decision.allowed == case.allowed, (file, case.why, decision.layer, decision.statement)
    assert bool(decision.disputed) == case.is_disputed, (case.why, decision.disputed)
    if case.layer:
        assert decision.layer == case.layer, case.why


def test_every_case_says_why_and_has_a_name_of_its_own():
    assert all(row["why"] for _, row in CASES)
    names = [(file, row["name"]) for file, row in CASES]
    assert len(set(names)) == len(names) >= 150


def test_every_operator_has_a_case_with_and_without_its_key():
    used = {name for _, row in CASES for name in operators(row["estate"])}
    plain = [name for name in OPERATORS if name != "Null"]
    assert {*OPERATORS, *(f"{name}IfExists" for name in plain)} <= used


def operators(value: object) -> set[str]:
    if isinstance(value, list):
        return {name for item in value for name in operators(item)}
    if not isinstance(value, dict):
        return set()
    own = set(value.get("Condition", {}))
    return own | {name for item in value.values() for name in operators(item)}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"request": None}, "exactly one of request, call and question"),
        ({"expected": "perhaps"}, "expected: got 'perhaps'"),
        ({"comment": "x"}, "case: got 'comment'"),
        ({"estate": {"users": {}}}, "estate: got 'users'"),
        ({"estate": {"principals": {"app": {"name": "x"}}}}, r"principals\.app: got 'name'"),
    ],
)
def test_a_case_that_cannot_be_read_is_refused(change, named):
    row = {key: value for key, value in (CASES[0][1] | change).items() if value is not None}
    with pytest.raises(InvalidInput, match=named):
        from_case(row)
