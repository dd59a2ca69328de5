"""`make bench`: every app in turn, round after round, so that a busy machine slows all of them alike.

It fails where the constructs need as many round trips as plain L2 or more, never on seconds.
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
from collections.abc import Iterable
from dataclasses import dataclass, field
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


def main(arguments: list[str]) -> int:
    """Measure, print, and return 1 where a bound on round trips is missed."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="timed rounds after one to warm up")
    parser.add_argument("--sizes", default="1,10,50,200", help="numbers of roles, and of stacks")
    given = parser.parse_args(arguments)
    subprocess.run(
        [sys.executable, "-c", "from bench.apps import write_down; write_down()"], check=True, env=_env(True)
    )
    rows = list(_rows([int(size) for size in given.sizes.split(",")]))
    measured = {row: Measured() for row in rows}
    for turn in range(given.rounds + 1):
        for row in rows:
            _run(row, measured[row], timed=turn > 0)
        print(f"round {turn} of {given.rounds}, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
    _print(measured)
    return _judge(measured)


def _rows(sizes: list[int]) -> Iterable[Row]:
    for validation in (True, False):
        for app in ("empty", "reference"):
            yield Row(app, 1, 1, validation)
    for size in sizes:
        for app in ("ours", "l2", "l1", "javascript"):
            yield Row(app, size, 1, validation=False)
            if size > 1:
                yield Row(app, size, size, validation=False)
    for app in ("ours", "l2", "l1", "javascript"):
        yield Row(app, 1, 1, validation=True)


def _run(row: Row, measured: Measured, *, timed: bool) -> None:
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
    if timed:
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
    print("| app | roles | stacks | validation | wall s | CPU s | spread | round trips |")
    print("|---|---|---|---|---|---|---|---|")
    for row, found in measured.items():
        spread = max(found.wall) / min(found.wall)
        state = "on" if row.validation else "off"
        trips = "-" if found.trips is None else str(found.trips)
        print(
            f"| {row.app} | {row.roles} | {row.stacks} | {state} | {min(found.wall):.2f} | {min(found.cpu):.2f} | "
            f"{spread:.2f} | {trips} |"
        )
    for validation, bound in ((True, 1.5), (False, 2.2)):
        app, empty = (measured[Row(name, 1, 1, validation)] for name in ("reference", "empty"))
        print(
            f"\nreference app / empty app, validation {'on' if validation else 'off'}: "
            f"wall {min(app.wall) / min(empty.wall):.2f}, CPU {min(app.cpu) / min(empty.cpu):.2f} (bound {bound})"
        )


def _judge(measured: dict[Row, Measured]) -> int:
    """Compare round trips, which are the same on every machine."""
    trips = {row: found.trips for row, found in measured.items() if not row.validation and found.trips is not None}
    sizes = sorted({row.roles for row in trips if row.app == "ours" and row.stacks == 1})
    missed = 0
    for one, other in pairwise(sizes):
        growth = {
            app: (trips[Row(app, other, 1, False)] - trips[Row(app, one, 1, False)]) / (other - one)
            for app in ("ours", "l2", "l1")
        }
        verdict = "below plain L2" if growth["ours"] < growth["l2"] else "NOT below plain L2"
        missed += growth["ours"] >= growth["l2"]
        print(f"\nround trips a role, {one} to {other} roles: {growth} {verdict}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
