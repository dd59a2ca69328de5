"""The constructs' round trips to Node stay below plain L2's, and the apps that are compared make the same."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aws_cdk as cdk
import pytest

from bench.__main__ import Row, judge
from bench.apps import APPS, CONTEXT, write_down

ROOT = Path(__file__).parents[2]
#: Round trips that the constructs may cost at most: with one role, and of another one in the same stack and in its own.
#: A lower figure is entered here; a higher one needs a reason.
FIRST, ANOTHER, ANOTHER_WITH_STACK = 48, 14, 19
#: The same for the whole reference app.
REFERENCE = 109
#: The modules that every deployment of it needs; each other one is of a section of the configuration.
ALWAYS = {"access", "application", "configuration", "handlers", "network", "sections"}
SIZES = (1, 6)


@pytest.fixture(scope="module", autouse=True)
def _written():
    write_down()


@pytest.fixture(scope="module")
def trips(_written) -> dict[Row, int]:
    rows = {
        Row(app, roles, stacks, validation=False)
        for app in ("ours", "l2", "checked")
        for roles in SIZES
        for stacks in (1, roles)
    }
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(rows, pool.map(counted, rows), strict=True))


def counted(row: Row) -> int:
    env = {**os.environ, "CDK_VALIDATION": "false"}
    command = [sys.executable, "-m", "bench.app", row.app, str(row.roles), str(row.stacks)]
    return int(subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout)


def test_the_constructs_cost_no_more_round_trips_than_they_did(trips):
    few, many = SIZES
    first = trips[Row("ours", few, few, validation=False)]
    another, another_with_stack = (
        (trips[Row("ours", many, stacks, validation=False)] - first) / (many - few) for stacks in (1, many)
    )
    assert first <= FIRST
    assert another <= ANOTHER
    assert another_with_stack <= ANOTHER_WITH_STACK


def test_the_reference_app_costs_no_more_round_trips_than_it_did():
    assert counted(Row("reference", 1, 1, validation=False)) <= REFERENCE


def test_a_section_that_is_not_given_is_not_loaded():
    """Its constructs and the modules of the CDK behind them cost every synth a third of a second."""
    script = (
        "import sys, aws_cdk; from bench.apps import CONTEXT, reference; "
        "reference(aws_cdk.App(context=CONTEXT), 1, 1); print(*sys.modules)"
    )
    command = [sys.executable, "-c", script]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    loaded = {name.split(".")[1] for name in printed.split() if name.startswith("reference.")}
    assert loaded
    assert loaded <= ALWAYS


def test_the_constructs_need_fewer_round_trips_than_plain_l2(trips):
    assert judge(trips) == 0


@pytest.mark.parametrize(
    ("single", "spread", "status"),
    [
        ((48, 14), (48, 17), 0),
        ((48, 17), (48, 14), 0),
        ((56, 14), (56, 14), 0),
        ((48, 18), (48, 14), 1),
        ((48, 14), (48, 18), 1),
        ((57, 14), (57, 14), 1),
        ((20, 18), (20, 14), 1),
    ],
)
def test_the_benchmark_fails_where_the_constructs_need_as_many(single, spread, status):
    """Judged by the whole against plain L2 with the same checks, and by another role against plain L2 as it is."""
    trips = {
        Row(app, roles, stacks, validation=False): first + (roles - 1) * another
        for app, plain in {"ours": None, "l2": (36, 18), "checked": (57, 24)}.items()
        for roles in (1, 10)
        for stacks, ours in ((1, single), (roles, spread))
        for first, another in [plain or ours]
    }
    assert judge(trips) == status


def made(app: str, roles: int, stacks: int) -> dict[str, object]:
    """What an app synthesizes, by stack, under names that are the same for all apps."""
    scope = cdk.App(context=CONTEXT)
    APPS[app](scope, roles, stacks)
    return {stack.stack_name: named_alike(stack.template) for stack in scope.synth().stacks}


def named_alike(template: dict) -> object:
    text = json.dumps({kind: template.get(kind, {}) for kind in ("Resources", "Outputs")})
    kinds: dict[str, int] = {}
    for name, resource in template["Resources"].items():
        kinds[resource["Type"]] = number = kinds.get(resource["Type"], 0) + 1
        text = text.replace(f'"{name}', f'"{resource["Type"]} {number}')
    text = re.sub(r"ExportsOutputRef\w+", "Export", text)
    text = re.sub(r"secure-bedrock-(?:Stack\d+-Role)?(\d+)[\w-]*", r"role-\1", text)
    return ordered(json.loads(text))


def ordered(value):
    """Lists in one order, no empty descriptions: CDK sorts what it writes from statement objects, and describes."""
    if isinstance(value, dict):
        return {key: ordered(item) for key, item in value.items() if (key, item) != ("Description", "")}
    if isinstance(value, list):
        return sorted((ordered(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    return value


@pytest.mark.parametrize("app", ["l2", "checked", "l1"])
@pytest.mark.parametrize("stacks", [1, 3])
def test_the_apps_that_are_compared_make_the_same(app, stacks):
    assert made(app, 3, stacks) == made("ours", 3, stacks)
