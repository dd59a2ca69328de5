"""Random policies and requests: the evaluator against the independent simulator, as many as a test run has time for.

`make differential` asks more. What the simulator gets wrong on its own stands in `DEVIATIONS`, each with AWS's document
that settles it, and is not in the random vocabulary.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from secure_bedrock.policy.cases import read_estate, read_request
from secure_bedrock.policy.evaluation import evaluate
from tests.oracle.simulator import Answer, ask, reason_to_leave_out
from tests.policy.differential import EXPLAINED, Compared, compare, explanation, features, grammar, simulation
from tests.policy.generation import HOME, Scenario

COUNT = 3000
SEED = 20_261_101

pytestmark = pytest.mark.skipif(reason_to_leave_out() is not None, reason=str(reason_to_leave_out()))


@pytest.fixture(scope="module")
def compared() -> list[Compared]:
    return list(compare(SEED, COUNT))


def test_the_simulator_understood_every_question(compared):
    assert [row.answer.problem for row in compared if row.answer.problem] == []


def test_no_disagreement_is_unexplained(compared):
    unexplained = [row for row in compared if not row.agrees and explanation(row.scenario, row.decision) is None]
    assert unexplained == []
    allowed = sum(row.decision.allowed for row in compared)
    assert COUNT / 10 < allowed < COUNT * 9 / 10


def test_each_explanation_is_a_case():
    for file, name in EXPLAINED.values():
        rows = json.loads((Path(__file__).parent / "cases" / f"{file}.json").read_text("utf-8"))
        assert name in {row["name"] for row in rows}


def test_the_questions_cover_the_language(compared):
    """Every operator holds and fails somewhere, with a key and without; every element, layer and caller is met."""
    seen = {feature for row in compared for feature in features(row.decision, row.scenario.kind)}
    rare = {feature for feature in grammar() if feature[0] == "operator" and ":" in feature[1]}  # `make differential`
    assert grammar() - rare - seen == set()


#: What the simulator answers otherwise, asked alone: condition, context, resource of the policy, and what settles it.
DEVIATIONS = [
    (
        {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}, {"aws:SourceIp": "198.51.100.1"}, "*",
        "CIDR: every IPv4 address is in 0.0.0.0/0",
    ),
    (
        {"NotIpAddress": {"aws:SourceIp": "203.0.113.7"}}, {"aws:SourceIp": "2001:db8:1::7"}, "*",
        "NotIpAddress: all IP addresses except the specified one",
    ),
    (
        {"StringEquals": {"aws:UserAgent": "${*}"}}, {"aws:UserAgent": "*"}, "*",
        "Variables: special characters can be used in any string where you can use regular policy variables",
    ),
    (
        {"StringNotEquals": {"aws:UserAgent": "${aws:username}"}}, {"aws:UserAgent": "x"}, "*",
        "Policy variables with no value: inverted condition operators do match against a null value",
    ),
    (
        {"NumericEquals": {"aws:MultiFactorAuthAge": "60"}}, {"aws:MultiFactorAuthAge": "60"},
        "arn:aws:sqs:*:*:${aws:PrincipalTag/team}-queue",
        "Variables, Resource element: the example arn:aws:sqs:us-east-2:*:${aws:username}-queue",
    ),
    (
        {"DateEquals": {"aws:CurrentTime": "1777593600"}}, {"aws:CurrentTime": "2026-05-01T00:00:00Z"}, "*",
        "Date operators: ISO 8601 or epoch (UNIX) time, which is in seconds",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "context", "resource", "why"), DEVIATIONS, ids=lambda value: str(value)[:60])
def test_a_known_deviation_of_the_simulator_is_still_one(condition, context, resource, why):
    """Where it has been mended, its kind can enter the random vocabulary."""
    statement = {"Effect": "Allow", "Action": "sqs:*", "Resource": resource, "Condition": condition}
    role = {
        "arn": f"arn:aws:iam::{HOME}:role/app", "tags": {"team": "team-a"},
        "identity": [{"Version": "2012-10-17", "Statement": [statement]}],
    }  # fmt: skip
    queue = f"arn:aws:sqs:eu-west-1:{HOME}:team-a-queue"
    request = {"principal": role["arn"], "action": "sqs:SendMessage", "resource": queue, "context": context}
    scenario = Scenario({"principals": {"caller": role}}, request)
    decision = evaluate(read_estate(scenario.estate), read_request(request))
    assert decision.allowed, why
    assert ask([simulation(scenario, decision)]) == [Answer(result="ImplicitlyDenied")]
