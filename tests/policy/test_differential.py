"""Random policies and requests: the evaluator against the independent simulator.

Each disagreement is explained by a known deviation of the simulator, with AWS's document that settles it, or fails.
`DIFFERENTIAL=20000` asks more. What the simulator gets wrong on its own stands in `DEVIATIONS`, and is not in the
random vocabulary.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from secure_bedrock.policy.cases import read_estate, read_request
from secure_bedrock.policy.conditions import OPERATORS
from secure_bedrock.policy.decision import Decision
from secure_bedrock.policy.evaluation import evaluate
from tests.oracle.simulator import Answer, ask, reason_to_leave_out
from tests.policy.generation import HOME, Generator, Scenario

COUNT = int(os.environ.get("DIFFERENTIAL", "3000"))
SEED = int(os.environ.get("DIFFERENTIAL_SEED", "20261101"))

pytestmark = pytest.mark.skipif(reason_to_leave_out() is not None, reason=str(reason_to_leave_out()))


def wrapped(documents: list[dict]) -> list[dict]:
    return [{"name": f"p{index}", "policy": document} for index, document in enumerate(documents)]


def simulation(scenario: Scenario, decision: Decision) -> dict[str, Any]:
    """The question in the simulator's form, with every context key that the evaluator took it to have."""
    estate, request = scenario.estate, scenario.request
    holder = estate["principals"]["caller"]
    own = holder["arn"].split(":")[4]
    owner = request["resource"].split(":")[4] if request["resource"] != "*" else own
    reached = owner == HOME and not request["action"].startswith("bedrock")  # it applies RCPs to every service
    levels = estate.get("scps", []) if own == HOME else []
    asked = {
        "request": {
            "principal": request["principal"],
            "action": request["action"],
            "resource": {"resource": request["resource"], "accountId": owner or own},
            "contextVariables": {k: list(v) if isinstance(v, tuple) else v for k, v in decision.context.items()},
        },
        "identityPolicies": wrapped(holder["identity"]),
        "serviceControlPolicies": [{"orgIdentifier": f"o{i}", "policies": wrapped(p)} for i, p in enumerate(levels)],
        "resourceControlPolicies": [  # it adds RCPFullAWSAccess itself
            {"orgIdentifier": f"o{i}", "policies": wrapped(p[1:])}
            for i, p in enumerate(estate.get("rcps", []))
            if reached
        ],
    }
    if "boundary" in holder:
        asked["permissionBoundaryPolicies"] = wrapped([holder["boundary"]])
    if "session_policies" in request:
        asked["sessionPolicy"] = request["session_policies"][0]
    if "endpoint" in request:
        asked["vpcEndpointPolicies"] = wrapped([estate["endpoints"][request["endpoint"]]["policy"]])
    if "target" in estate["principals"]:
        asked["resourcePolicy"] = estate["principals"]["target"]["trust"]
    for policy in estate.get("resource_policies", {}).values():
        asked["resourcePolicy"] = policy
    return asked


def explanation(scenario: Scenario, decision: Decision) -> str | None:
    """Why the simulator may answer otherwise."""
    if decision.disputed:
        return "AWS's documents do not settle it"
    naming = [f.grant.name for r in decision.results if r.layer.kind in {"resource", "trust"} for f in r.findings]
    if decision.allowed and "session_policies" in scenario.request and "DIRECT" in naming:
        # "Permissions granted directly to a session are not limited by an implicit deny in ... session policy"
        # (How AWS enforcement code logic evaluates requests). The simulator limits them.
        return "a grant to the session itself"
    return None


@pytest.fixture(scope="module")
def compared() -> list[tuple[Scenario, Decision, Answer]]:
    generator = Generator(SEED)
    scenarios = [generator.scenario() for _ in range(COUNT)]
    decisions = [evaluate(read_estate(s.estate), read_request(s.request)) for s in scenarios]
    answers = ask([simulation(s, d) for s, d in zip(scenarios, decisions, strict=True)])
    return list(zip(scenarios, decisions, answers, strict=True))


def test_the_simulator_understood_every_question(compared):
    assert [answer.problem for _, _, answer in compared if answer.problem] == []


def test_no_disagreement_is_unexplained(compared):
    counts: Counter[str] = Counter()
    unexplained = []
    for scenario, decision, answer in compared:
        if decision.allowed == (answer.result == "Allowed"):
            counts["allowed" if decision.allowed else "denied"] += 1
            continue
        reason = explanation(scenario, decision)
        counts[reason or "unexplained"] += 1
        if reason is None:
            unexplained.append((scenario, decision.layer, answer.result))
    print(dict(counts))  # noqa: T201 - how far the comparison went, shown with -s
    assert unexplained == []
    assert counts["allowed"] > COUNT / 10
    assert counts["denied"] > COUNT / 10


def outcomes(decisions: list[Decision]) -> Iterator[tuple[str, bool]]:
    """Each operator, with its quantifier, that was seen to hold or to fail."""
    for decision in decisions:
        for finding in (finding for result in decision.results for finding in result.findings):
            if finding.answer:
                yield from ((condition.name, True) for condition in finding.statement.source.conditions)
            elif finding.answer is False and finding.cause not in {"resource", "principal"}:
                yield finding.cause.condition.name, False


def test_the_questions_cover_the_language(compared):
    """Every operator holds and fails somewhere, alone, with IfExists and with each set operator; each layer decides."""
    seen = set(outcomes([decision for _, decision, _ in compared]))
    names = [name for name in OPERATORS if name != "Null"]
    expected = {(f"{name}{suffix}", holds) for name in names for suffix in ("", "IfExists") for holds in (True, False)}
    texts = [name for name in names if name.startswith("String")]
    expected |= {(f"{q}:{name}", h) for q in ("ForAllValues", "ForAnyValue") for name in texts for h in (True, False)}
    expected |= {("Null", True), ("Null", False)}
    print(f"{len(expected & seen)} of {len(expected)} operators and outcomes")  # noqa: T201
    assert expected - seen == set()
    layers = {(decision.layer, decision.is_explicit) for _, decision, _ in compared if not decision.allowed}
    kinds = {"scp", "rcp", "endpoint", "resource", "identity", "boundary", "session", "trust"}
    assert {kind for kind, _ in layers} == kinds
    assert {kind for kind, explicit in layers if not explicit} == kinds - {"rcp"}


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
