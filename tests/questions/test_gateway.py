"""The gateway's own policy: no statement of it can be taken away unnoticed."""

from __future__ import annotations

from dataclasses import replace

from tests.questions.cases import cases
from tests.questions.evaluated import decided

CASES = [case for case in cases() if case.file == "gateway_callers"]


def without(document, sid):
    return {**document, "Statement": [each for each in document["Statement"] if each["Sid"] != sid]}


def test_there_are_enough_questions():
    assert len(CASES) >= 30


def test_each_denial_is_the_only_one_of_some_request(estates):
    needed, present = set(), set()
    for case in CASES:
        question = estates[case.app].ask(case)
        for sid in [each["Sid"] for each in question.api["Statement"] if each["Effect"] == "Deny"]:
            present.add(sid)
            left = replace(question, api=without(question.api, sid))
            if case.expected == "denied" and decided(left).allowed:
                needed.add(sid)
    assert present == needed == {"OtherCallers", "RevokedByTag", "WithoutTls", "OffNetwork", "Suspended"}


def test_the_allow_is_what_lets_a_role_without_a_policy_and_another_account_in(estates):
    stopped = set()
    for case in CASES:
        question = estates[case.app].ask(case)
        left = replace(question, api=without(question.api, "Callers"))
        if case.expected == "allowed" and case.app == "gateway":
            stopped |= {case.name} if not decided(left).allowed else set()
    assert {"a named role without a policy of its own"} < stopped
    assert any(name.startswith("the named role of another account") for name in stopped)
