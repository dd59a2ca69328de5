"""The evaluator against the independent simulator, on as many random policies and requests as asked.

`python -m tests.policy.differential --count 20000` prints how much of the language the questions covered, every kind of
answer, and each disagreement; it fails on one that is not explained by AWS's documents.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from secure_bedrock.policy._callers import Grant
from secure_bedrock.policy.cases import read_estate, read_request
from secure_bedrock.policy.conditions import OPERATORS, CompiledCondition
from secure_bedrock.policy.decision import Decision
from secure_bedrock.policy.document import Condition
from secure_bedrock.policy.evaluation import evaluate
from secure_bedrock.policy.matching import Finding
from tests.oracle.simulator import Answer, ask
from tests.policy.generation import HOME, NAMES, Generator, Scenario

#: How many questions the simulator is asked at a time.
BATCH = 2500
#: What root may do of itself; the simulator has to be told.
EVERYTHING = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}


@dataclass(frozen=True)
class Compared:
    """One question with both answers."""

    scenario: Scenario
    decision: Decision
    answer: Answer

    @property
    def agrees(self) -> bool:
        return self.decision.allowed == (self.answer.result == "Allowed")


def wrapped(documents: list[dict]) -> list[dict]:
    return [{"name": f"p{index}", "policy": document} for index, document in enumerate(documents)]


def simulation(scenario: Scenario, decision: Decision) -> dict[str, Any]:
    """The question in the simulator's form, with every context key that the evaluator took it to have."""
    estate, request = scenario.estate, scenario.request
    holder = estate["principals"]["caller"]
    own = holder["arn"].split(":")[4]
    managed = "management_account" in estate
    own_policies = {"root": [EVERYTHING], "service": []}.get(scenario.kind, holder["identity"])
    unbound = managed or scenario.kind in {"service", "linked"}  # no control policy of the organisation reaches them
    owner = request["resource"].split(":")[4] if request["resource"] != "*" else own
    is_bedrock = request["action"].startswith("bedrock")  # it applies RCPs to every service
    reached = owner == HOME and not is_bedrock and not managed and scenario.kind != "linked"
    levels = estate.get("scps", []) if own == HOME and not unbound else []
    asked = {
        "request": {
            "principal": request["principal"],
            "action": request["action"],
            "resource": {"resource": request["resource"], "accountId": owner or own},
            "contextVariables": {k: list(v) if isinstance(v, tuple) else v for k, v in decision.context.items()},
        },
        "identityPolicies": wrapped(own_policies),
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


#: What has no value for root and for services.
UNSET = "${aws:PrincipalTag/team}"
#: Why the simulator may answer otherwise, with the case that says what settles it, or that nothing does.
EXPLAINED = {
    "a grant to the session itself": ("resource-policies", "session ARN: the session policy does not limit"),
    "a grant to everybody and a boundary": ("resource-policies", "everybody: whether the boundary limits"),
    "NotPrincipal without every name": ("resource-policies", "NotPrincipal without the account"),
    "ForAnyValue with IfExists, no key": ("sets", "ForAnyValue IfExists without the key in an Allow"),
    "NotResource with a variable that has no value": ("variables", "no value in NotResource of a Deny"),
    "a negated operator and a variable that has no value": ("variables", "no value: a negated operator matches"),
}


def explanation(scenario: Scenario, decision: Decision) -> str | None:
    """Why the simulator may answer otherwise; None where nothing is known."""
    unsettled = next((name for name in map(_unsettled, decision.disputed) if name), None)
    if unsettled:
        return unsettled
    applied = [finding for result in decision.results for finding in result.findings if finding.answer]
    if decision.allowed and "session_policies" in scenario.request and any(f.grant is Grant.DIRECT for f in applied):
        return "a grant to the session itself"
    return None if "aws:principaltag/team" in decision.context else _without_value(applied)


def _unsettled(note: str) -> str | None:
    if note.startswith("whether a boundary or session policy limits"):
        return "a grant to everybody and a boundary"
    if "its Principal" in note:
        return "NotPrincipal without every name"
    return "ForAnyValue with IfExists, no key" if "ForAnyValue:" in note and "IfExists" in note else None


def _without_value(applied: list[Finding]) -> str | None:
    for source in (finding.statement.source for finding in applied):
        if any(UNSET in text for text in source.not_resources):
            return "NotResource with a variable that has no value"
        if any(UNSET in text for condition in source.conditions for text in condition.values):
            return "a negated operator and a variable that has no value"
    return None


def compare(seed: int, count: int) -> Iterator[Compared]:
    """Yield questions with both answers; the same seed asks the same."""
    generator = Generator(seed)
    left = count
    while left > 0:
        scenarios = [generator.scenario() for _ in range(min(left, BATCH))]
        decisions = [evaluate(read_estate(s.estate), read_request(s.request)) for s in scenarios]
        answers = ask([simulation(s, d) for s, d in zip(scenarios, decisions, strict=True)])
        for scenario, decision, answer in zip(scenarios, decisions, answers, strict=True):
            yield Compared(scenario, decision, answer)
        left -= len(scenarios)


Feature = tuple[str, ...]
LAYERS = ("scp", "rcp", "endpoint", "resource", "identity", "boundary", "session", "trust")
ELEMENTS = ("Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal")


def grammar() -> set[Feature]:
    """Everything the questions should meet: operators with both outcomes, elements, layers, callers."""
    names = [name for name in OPERATORS if name != "Null"]
    forms = [
        f"{q}{name}{end}" for name in names for q in ("", "ForAllValues:", "ForAnyValue:") for end in ("", "IfExists")
    ]
    found: set[Feature] = {("operator", form, said) for form in (*forms, "Null") for said in ("holds", "fails")}
    found |= {("key", name, there) for name in (*names, "Null") for there in ("present", "absent")}
    found |= {("element", name, effect) for name in ELEMENTS for effect in ("Allow", "Deny")}
    found -= {("element", "NotPrincipal", "Allow")}  # AWS refuses it
    found |= {("layer", layer, how) for layer in LAYERS for how in ("explicit", "implicit")}
    found -= {("layer", "rcp", "implicit")}  # RCPFullAWSAccess cannot be detached
    found |= {("caller", kind, said) for kind in NAMES for said in ("allowed", "denied")}
    return found | {("version", version) for version in ("2012-10-17", "2008-10-17")}


def features(decision: Decision, kind: str) -> Iterator[Feature]:
    """Yield what one decision met."""
    yield "caller", kind, "allowed" if decision.allowed else "denied"
    if decision.layer:
        yield "layer", decision.layer, "explicit" if decision.is_explicit else "implicit"
    for finding in (finding for result in decision.results for finding in result.findings):
        source = finding.statement.source
        yield "version", finding.statement.policy.version
        if isinstance(finding.cause, CompiledCondition) and finding.answer is False:
            yield from _conditions([finding.cause.condition], "fails", decision)
        if finding.answer:
            yield from _conditions(source.conditions, "holds", decision)
            yield from (("element", name, source.effect) for name in ELEMENTS if name in source.to_plain())


def _conditions(conditions: Iterable[Condition], said: str, decision: Decision) -> Iterator[Feature]:
    for condition in conditions:
        yield "operator", condition.name, said
        yield "key", condition.operator, "present" if condition.key.lower() in decision.context else "absent"


def main(arguments: list[str]) -> int:
    """Compare, and print the figures. Returns 1 for a disagreement that is not explained."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=20_261_101)
    asked = parser.parse_args(arguments)
    start = time.monotonic()
    answers: Counter[str] = Counter()
    seen: Counter[Feature] = Counter()
    failures = []
    for row in compare(asked.seed, asked.count):
        seen.update(set(features(row.decision, row.scenario.kind)))
        reason = row.answer.problem or (None if row.agrees else explanation(row.scenario, row.decision))
        if row.answer.problem or not (row.agrees or reason):
            failures.append((row, reason))
        answers[f"disagreed: {reason or 'unexplained'}" if not row.agrees else row.answer.result or ""] += 1
    for line in _report(answers, seen):
        print(line)
    for row, problem in failures[:3]:
        print(json.dumps({"estate": row.scenario.estate, "request": row.scenario.request, "problem": problem}))
    print(
        f"{asked.count} questions of seed {asked.seed} in {time.monotonic() - start:.0f} s, {len(failures)} unexplained"
    )
    return 1 if failures else 0


def _report(answers: Counter[str], seen: Counter[Feature]) -> Iterator[str]:
    yield "answers"
    yield from (f"  {count:6} {answer}" for answer, count in answers.most_common())
    yield "grammar: met of all, and what was met least"
    for group in ("operator", "key", "element", "layer", "caller", "version"):
        expected = sorted(feature for feature in grammar() if feature[0] == group)
        least = min(expected, key=lambda feature: seen[feature])
        missing = [" ".join(feature[1:]) for feature in expected if not seen[feature]]
        met = len(expected) - len(missing)
        yield f"  {group:9}{met:4} of {len(expected):4}   {seen[least]:6} times {' '.join(least[1:])}"
        yield from (f"             never: {name}" for name in missing)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
