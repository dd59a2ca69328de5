"""What answers cost: the steps that each is found in, and the cells that requests are sorted into for it.

Steps are counted, so that they repeat wherever they are counted. A short cut that is lost, cells finer than they need
be or a search that goes astray changes no answer, and is noticed here, without a clock. Whoever makes the prover faster
or slower writes the figures anew and reads the difference.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from secure_bedrock.policy import _proving, diff, difference, proving, reachability
from secure_bedrock.policy._budget import Budget
from secure_bedrock.policy._space import Attribute, Space
from secure_bedrock.policy.bedrock_invariants import nobody_uses
from secure_bedrock.policy.cases import read_estate
from tests.policy.generation import Generator
from tests.policy.test_fine_points import APP, app
from tests.policy.test_fine_points import CASES as FINE_POINTS
from tests.policy.test_hostile import KINDS, document, world
from tests.policy.test_invariants import CASES as CATALOGUE
from tests.policy.test_nasty import CASES as REQUESTS
from tests.policy.test_nasty_identities import CASES as IDENTITIES
from tests.policy.test_published import PUBLISHED
from tests.policy.test_reaching import ROLES
from tests.policy.test_said import questions
from tests.policy.test_variables import CASES as VARIABLES

ROOT = Path(__file__).parents[2]


class Costs:
    """What was spent, and on how many cells, since somebody last asked."""

    def __init__(self) -> None:
        self.steps, self.spaces = 0, []

    def counting(self) -> type[Budget]:
        costs = self

        class Counting(Budget):
            def spend(self, steps: int, what: str) -> None:
                costs.steps += steps
                super().spend(steps, what)

        return Counting

    def recorded(self) -> type[Space]:
        costs = self

        class Recorded(Space):
            def __init__(self, *arguments, **more) -> None:
                costs.spaces.append(self)
                super().__init__(*arguments, **more)

        return Recorded

    def told(self) -> str:
        each = [attribute for space in self.spaces for attribute in space.attributes]
        cells = sum(len(one.values) if isinstance(one, Attribute) else 2 for one in each)
        told = f"{self.steps} steps, {len(each)} attributes with {cells} cells"
        self.steps, self.spaces = 0, []
        return told


@pytest.fixture
def costs(monkeypatch):
    found = Costs()
    for module in (proving, difference, reachability):
        monkeypatch.setattr(module, "Budget", found.counting())
    monkeypatch.setattr(_proving, "Space", found.recorded())
    return found


def told(costs, estate, asked) -> str:
    proving.prove_all(estate, asked, budget=1_000_000)
    return costs.told()


def test_of_the_catalogue(costs, snapshot):
    assert {
        name: [told(costs, estate, [invariant]) for estate in (sound, broken)]
        for name, (invariant, sound, broken, _) in CATALOGUE.items()
    } == snapshot


def test_of_published_policies(costs, snapshot):
    assert {name: told(costs, estate, [asked]) for name, (estate, asked, *_) in PUBLISHED.items()} == snapshot


def test_of_nasty_estates(costs, snapshot):
    every = REQUESTS | IDENTITIES | FINE_POINTS | VARIABLES
    assert {name: told(costs, estate, [never]) for name, (estate, never, *_) in every.items()} == snapshot


def test_of_long_policies(costs, snapshot):
    """What is slow in other programs, at two lengths: the steps grow with it, and no faster than they did."""
    asked = [nobody_uses("bedrock:InvokeModel")]
    assert {
        kind: [told(costs, world(document(kind, size)), asked) for size in (400, 9000)] for kind in KINDS
    } == snapshot


def random_estate(seed: int):
    scenario = Generator(seed).scenario()
    return read_estate(scenario.estate), list(
        questions(scenario.request["action"], scenario.request["resource"], wide=False)
    )


def test_of_random_estates(costs, snapshot):
    assert {seed: told(costs, *random_estate(seed)) for seed in range(60)} == snapshot


def test_of_what_a_change_opens(costs, snapshot):
    found = {}
    for seed in range(10):
        estate, _ = random_estate(seed)
        bare = replace(estate, principals={k: replace(v, identity=()) for k, v in estate.principals.items()})
        for name, pair in {"given": (bare, estate), "taken": (estate, bare)}.items():
            diff(*pair)
            found[f"{seed} {name}"] = costs.told()
    assert found == snapshot


def test_of_what_a_role_reaches(costs, snapshot):
    found = {}
    for name, (statements, actions) in ROLES.items():
        reachability.reach(app(*statements), actions, scope=APP)
        found[name] = costs.told()
    assert found == snapshot


def test_they_hang_on_no_order_of_sets():
    """Names are hashed otherwise in every process, and for everybody else otherwise than here."""
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__, "-k", "nasty or catalogue"]
    seeded = {**os.environ, "PYTHONHASHSEED": "1"}
    done = subprocess.run(run, cwd=ROOT, env=seeded, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
