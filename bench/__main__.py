"""`make bench`: every app in turn, round after round, so that a busy machine slows all of them alike.

It fails on round trips, never on seconds: where another role needs as many as plain L2 with the same resources, or
where an app needs as many as plain L2 with the same resources, acknowledgements and checks.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

HERE = Path(__file__).parent
CACHE = HERE.parent / ".cache" / "bench"


#: Python packages, and the npm package that each carries.
_PACKAGES = {
    "aws_cdk": "aws-cdk-lib",
    "constructs": "constructs",
    "aws_cdk.cloud_assembly_schema": "@aws-cdk/cloud-assembly-schema",
    "aws_cdk.asset_awscli_v1": "@aws-cdk/asset-awscli-v1",
    "aws_cdk.asset_node_proxy_agent_v6": "@aws-cdk/asset-node-proxy-agent-v6",
}


@dataclass(frozen=True)
class Row:
    """One app at one size, with CDK's validation on or off."""

    app: str
    roles: int
    stacks: int
    validation: bool


@dataclass
class Measured:
    """What its rounds took."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    trips: int | None = None


#: What the constructs are compared with, at every size. `checked` is for round trips alone and not timed.
SIZED = ("ours", "l2", "l1", "javascript")
#: How much longer than the empty app the reference app may take, with CDK's validation and without.
BOUNDS = {True: 1.5, False: 2.2}


def main(arguments: list[str]) -> int:
    """Measure, print, and return 1 where a bound on round trips is missed."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="timed rounds, after each app ran once to warm up")
    parser.add_argument("--sizes", default="1,10,50,200", help="numbers of roles, and of stacks")
    parser.add_argument(
        "--validated", type=int, default=1, help="most roles timed with CDK's validation: it takes seconds a template"
    )
    given = parser.parse_args(arguments)
    subprocess.run(
        [sys.executable, "-c", "from bench.apps import write_down; write_down()"], check=True, env=_env(True)
    )
    sizes = [int(size) for size in given.sizes.split(",")]
    measured = {row: Measured() for row in _rows(sizes, given.validated)}
    for row in {row.app: row for row in measured}.values():
        _run(row, Measured())
    for turn in range(1, given.rounds + 1):
        for row, found in measured.items():
            _run(row, found)
        print(f"round {turn} of {given.rounds}, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
    trips = {row: found.trips for row, found in measured.items() if found.trips is not None}
    for row in _forms(sizes, "checked", validation=False):
        _run(row, found := Measured())
        trips[row] = found.trips or 0
    _print(measured)
    return judge(trips)


def _rows(sizes: list[int], validated: int) -> Iterable[Row]:
    for validation in (True, False):
        for app in ("empty", "reference"):
            yield Row(app, 1, 1, validation)
        for app in SIZED:
            timed = [size for size in sizes if size <= validated] if validation else sizes
            yield from _forms(timed, app, validation=validation)


def _forms(sizes: list[int], app: str, *, validation: bool) -> Iterable[Row]:
    """Every number of roles in one stack, and in as many stacks."""
    for size in sizes:
        for stacks in sorted({1, size}):
            yield Row(app, size, stacks, validation)


def _run(row: Row, measured: Measured) -> None:
    size = [str(row.roles), str(row.stacks)]
    command = [sys.executable, "-m", "bench.app", row.app, *size]
    if row.app == "javascript":
        node = os.environ.get("JSII_NODE") or shutil.which("node") or "node"
        command = [node, str(HERE / "l2.cjs"), str(_modules()), *size, str(CACHE / "written.json")]
    with tempfile.TemporaryDirectory() as out, tempfile.TemporaryFile("w+") as printed:
        env = {**_env(row.validation), "CDK_OUTDIR": out}
        began = time.perf_counter()
        started = subprocess.Popen(command, stdout=printed, stderr=subprocess.DEVNULL, env=env, cwd=HERE.parent)
        _, status, used = os.wait4(started.pid, 0)
        wall = time.perf_counter() - began
        started.returncode = os.waitstatus_to_exitcode(status)
        if started.returncode:
            raise SystemExit(f"{row} ended with {started.returncode}")
        printed.seek(0)
        text = printed.read().strip()
    measured.trips = int(text) if text.isdigit() else None
    measured.wall.append(wall)
    measured.cpu.append(used.ru_utime + used.ru_stime)


def _env(validation: bool) -> dict[str, str]:  # noqa: FBT001 - what CDK's variable says
    return {**os.environ, "CDK_VALIDATION": "true" if validation else "false", "PYTHONPATH": str(HERE.parent)}


def _modules() -> Path:
    """aws-cdk-lib and constructs, unpacked from the Python packages that carry them."""
    target = CACHE / "node_modules"
    for package, name in _PACKAGES.items():
        spec = find_spec(f"{package}._jsii")
        folders = spec.submodule_search_locations if spec is not None else None
        (archive,) = Path(next(iter(folders or []))).glob("*.tgz")
        place = target / name
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            with tarfile.open(archive) as packed, tempfile.TemporaryDirectory(dir=CACHE) as room:
                packed.extractall(room, filter="data")
                (Path(room) / "package").rename(place)
    return target


def _print(measured: dict[Row, Measured]) -> None:
    print("| app | roles | stacks | validation | wall s | to plain L2 | CPU s | to plain L2 | spread | round trips |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for row, found in measured.items():
        plain = measured.get(replace(row, app="l2"), found) if row.app in SIZED else found
        wall, cpu = min(found.wall), min(found.cpu)
        cells = (
            f"{row.app} | {row.roles} | {row.stacks} | {'on' if row.validation else 'off'}",
            f"{wall:.2f} | {wall / min(plain.wall):.2f} | {cpu:.2f} | {cpu / min(plain.cpu):.2f}",
            f"{max(found.wall) / wall:.2f} | {'-' if found.trips is None else found.trips}",
        )
        print(f"| {' | '.join(cells)} |")
    print()
    for validation, bound in BOUNDS.items():
        app, empty = (measured[Row(name, 1, 1, validation)] for name in ("reference", "empty"))
        print(
            f"reference app to the empty app, validation {'on' if validation else 'off'}: "
            f"wall {min(app.wall) / min(empty.wall):.2f}, CPU {min(app.cpu) / min(empty.cpu):.2f}; the bound is {bound}"
        )


def judge(trips: Mapping[Row, int]) -> int:
    """Compare round trips, which are the same on every machine; return 1 where the constructs need too many."""
    sizes = sorted({row.roles for row in trips if row.app == "ours"})
    missed = []
    for spread, name in ((False, "in one stack"), (True, "in a stack each")):
        of = {
            (app, size): trips[Row(app, size, size if spread else 1, validation=False)]
            for app in ("ours", "l2", "checked")
            for size in sizes
        }
        for size in sizes:
            ours, plain, checked = (of[app, size] for app in ("ours", "l2", "checked"))
            missed.append(ours >= checked)
            print(
                f"round trips, {size} roles {name}: {ours}; plain L2 {plain}, with the same checks {checked}: "
                f"{_verdict(ours, plain)} the first, {_verdict(ours, checked)} the second"
            )
        for one, other in pairwise(sizes):
            ours, plain = ((of[app, other] - of[app, one]) / (other - one) for app in ("ours", "l2"))
            missed.append(ours >= plain)
            print(
                f"round trips of another role {name}, from {one} to {other}: {ours:.2f}; plain L2 {plain:.2f}: "
                f"{_verdict(ours, plain)} it"
            )
    return int(any(missed))


def _verdict(ours: float, other: float) -> str:
    return "below" if ours < other else "NOT below"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
