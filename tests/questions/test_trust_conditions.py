"""Every condition on who may sign in from outside is needed: without it somebody gets in who is asked about here."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.questions.cases import cases
from tests.questions.evaluated import decided

QUESTIONS = [case for case in cases() if case.file == "trust_external" and case.app == "external"]


def conditions(trust: dict[str, Any]) -> Iterator[tuple[int, str, str]]:
    for index, statement in enumerate(trust["Statement"]):
        if statement["Effect"] == "Deny":
            continue
        for operator, keys in statement["Condition"].items():
            for key in keys:
                yield index, operator, key


def without(trust: dict[str, Any], index: int, operator: str, key: str) -> dict[str, Any]:
    left = copy.deepcopy(trust)
    block = left["Statement"][index]["Condition"]
    del block[operator][key]
    if not block[operator]:
        del block[operator]
    return left


@pytest.fixture(scope="module")
def roles(estates) -> list[str]:
    return list(estates["external"].estate["principals"])


def test_there_are_conditions_to_take_away(estates, roles):
    found = [each for role in roles for each in conditions(estates["external"].estate["principals"][role]["trust"])]
    assert len(found) >= 25


def test_no_condition_can_be_removed_unnoticed(estates, roles):
    app = estates["external"]
    unnoticed = []
    for role in roles:
        principal = app.estate["principals"][role]
        denied = [
            case for case in QUESTIONS
            if case.expected == "denied" and case.request["resource"] == f"{{role:{role}}}"
        ]  # fmt: skip
        for index, operator, key in conditions(principal["trust"]):
            left = without(principal["trust"], index, operator, key)
            if not any(decided(replace(app.ask(case), trust=left)).allowed for case in denied):
                unnoticed.append((role, index, operator, key))
    assert unnoticed == []
