"""What answers say, word for word: which request is shown, how it reads, and what the answer takes for granted.

Whether an answer is right, other tests ask of something else than the prover. Here a change of wording, or of the
request that is chosen among many, is noticed and looked at.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from secure_bedrock.policy import Estate, Policy, diff, evaluate, requests
from secure_bedrock.policy.cases import from_case, read_estate
from secure_bedrock.policy.invariants import Invariant, Never, Scope
from secure_bedrock.policy.proving import prove_all
from secure_bedrock.policy.verdicts import Proved, Refuted, Unknown
from tests.policy.generation import Generator
from tests.policy.test_fine_points import CASES as FINE_POINTS
from tests.policy.test_invariants import CASES as CATALOGUE
from tests.policy.test_nasty import CASES as REQUESTS
from tests.policy.test_nasty_identities import CASES as IDENTITIES
from tests.policy.test_published import PUBLISHED
from tests.policy.test_variables import CASES as VARIABLES

FILES = Path(__file__).parent / "cases"
SCOPES = {
    "named": Scope(), "unnamed": Scope(unnamed=True), "outside": Scope(principals=(), outside=True),
    "services": Scope(principals=(), services=True),
}  # fmt: skip


def said(verdict: Proved | Refuted | Unknown) -> list[str]:
    found = [str(verdict), f"for the named: {verdict.holds_for_named}"]
    if isinstance(verdict, Unknown) and verdict.witness is not None:
        found.append(f"perhaps: {verdict.witness}")
    return found


def answers(estate: Estate, asked: list[Invariant]) -> list[list[str]]:
    return [said(each) for each in prove_all(estate, asked)]


@pytest.mark.parametrize("name", CATALOGUE)
def test_of_the_catalogue(name, snapshot):
    invariant, sound, broken, _ = CATALOGUE[name]
    verdicts = [prove_all(estate, [invariant])[0] for estate in (sound, broken)]
    assert [[*said(each), *each.assumptions] for each in verdicts] == snapshot


@pytest.mark.parametrize("name", PUBLISHED)
def test_of_published_policies(name, snapshot):
    estate, invariant, _, _ = PUBLISHED[name]
    assert answers(estate, [invariant]) == snapshot


def test_of_nasty_estates(snapshot):
    assert {
        name: answers(estate, [never])[0] for name, (estate, never, *_) in (REQUESTS | IDENTITIES).items()
    } == snapshot


def test_of_fine_points(snapshot):
    assert {
        name: answers(estate, [never])[0] for name, (estate, never, *_) in (FINE_POINTS | VARIABLES).items()
    } == snapshot


def questions(action: str, resource: str, *, wide: bool) -> Iterator[Never]:
    service = action.partition(":")[0]
    statements = {
        "it": requests(actions=(action,), resources=(resource,)),
        "all of the service": requests(actions=(f"{service}:*", "sts:AssumeRole")),
        "on anything else": requests(actions=(action,), not_resources=(resource,)),
    }
    if wide:
        statements = {"all but it": requests(not_actions=(action,), not_resources=(resource,))}
    for who, scope in SCOPES.items():
        for what, statement in statements.items():
            yield Never(name=f"{who}: {what}", statements=(statement,), scope=scope)


@pytest.mark.parametrize(
    ("seed", "wide"), [*((seed, False) for seed in range(24)), *((seed, True) for seed in range(3))]
)
def test_of_random_estates(seed, wide, snapshot):
    scenario = Generator(seed).scenario()
    asked = list(questions(scenario.request["action"], scenario.request["resource"], wide=wide))
    assert answers(read_estate(scenario.estate), asked) == snapshot


@pytest.mark.parametrize("seed", range(10))
def test_of_what_a_change_opens(seed, snapshot):
    """The caller without its policies, with them, and with one more."""
    scenario = Generator(seed).scenario()
    estate = read_estate(scenario.estate)
    caller = estate.principals["caller"]
    more = Policy.from_plain({
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": [scenario.request["action"], "bedrock:Invoke*"], "Resource": "*"},
    })  # fmt: skip
    bare, wide = (
        replace(estate, principals={**estate.principals, "caller": replace(caller, identity=identity)})
        for identity in ((), (*caller.identity, more))
    )
    changes = {"given": diff(bare, estate), "widened": diff(estate, wide), "taken": diff(wide, bare)}
    assert {
        name: [[*map(str, each.gained)], [*map(str, each.lost)], [*each.unsettled]] for name, each in changes.items()
    } == snapshot


def test_of_what_decisions_rest_on_and_leave_open(snapshot):
    """Of every case, where there is any of that."""
    rows = [row for path in sorted(FILES.glob("*.json")) for row in json.loads(path.read_text("utf-8"))]
    cases = [from_case(row) for row in rows if "question" not in row]
    decisions = {each.name: evaluate(each.estate, each.question) for each in cases}
    told = {name: [*each.assumptions, *(f"open: {text}" for text in each.disputed)] for name, each in decisions.items()}
    assert {name: each for name, each in told.items() if each} == snapshot
