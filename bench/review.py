"""`python -m bench.review`: a review beside cfn-lint on the same templates, in turn, each as a new process.

Both read the reference deployment with its audit and its organisation's rules, and a hundred stacks that share an
endpoint. It says where a review costs more than a second, or five, of the processor; nothing here fails on seconds.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".cache" / "bench"
STACKS = 100
#: Seconds of the processor that a review should take at most.
AIMS = {"reference": 1.0, "hundred": 5.0}


@dataclass(frozen=True)
class Measured:
    """One process: seconds on the clock, and of the processor."""

    wall: float
    cpu: float


def main(arguments: list[str]) -> int:
    """Measure and print, where an aim is missed too."""
    parser = argparse.ArgumentParser(prog="bench.review", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="timed rounds after one to warm up")
    given = parser.parse_args(arguments)
    assemblies = {name: _assembly(name) for name in AIMS}
    missed = False
    print(f"{'templates':<12}{'tool':<16}{'wall s':>9}{'CPU s':>9}")
    for name, folder in assemblies.items():
        commands = {"secure-bedrock": _review(folder), "cfn-lint": _lint(folder)}
        found: dict[str, list[Measured]] = {tool: [] for tool in commands}
        for round_ in range(given.rounds + 1):
            for tool, command in commands.items():
                measured = _run(command)
                if round_:
                    found[tool].append(measured)
        for tool, runs in found.items():
            wall, cpu = (statistics.median(getattr(each, field) for each in runs) for field in ("wall", "cpu"))
            print(f"{name:<12}{tool:<16}{wall:>9.2f}{cpu:>9.2f}")
            missed |= tool == "secure-bedrock" and cpu > AIMS[name]
    if missed:
        print(f"a review takes longer than {AIMS} seconds of the processor")
    return 0


def _review(folder: Path) -> list[str]:
    return [sys.executable, "-m", "secure_bedrock", "review", str(folder)]


def _lint(folder: Path) -> list[str]:
    tool = shutil.which("cfn-lint") or "cfn-lint"
    return [tool, *map(str, sorted(folder.glob("*.template.json")))]


def _run(command: list[str]) -> Measured:
    before, started = _used(), time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return Measured(wall=time.perf_counter() - started, cpu=_used() - before)


def _used() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _assembly(name: str) -> Path:
    """Return a cloud assembly, synthesized anew in a process of its own."""
    folder = CACHE / f"review-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [sys.executable, "-m", "bench.review", "--synthesize", name, str(folder)],
        cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return folder


def _synthesize(name: str, folder: str) -> int:
    import aws_cdk as cdk  # noqa: PLC0415 - only the process that synthesizes pays for it

    from bench.apps import CONTEXT, ours  # noqa: PLC0415

    app = cdk.App(outdir=folder, context={**CONTEXT, "aws:cdk:enable-path-metadata": True})
    if name == "hundred":
        ours(app, STACKS, STACKS)
    else:
        from reference.application import build  # noqa: PLC0415
        from reference.configuration import (  # noqa: PLC0415
            AuditConfiguration,
            Configuration,
            OrganizationConfiguration,
        )

        rails = OrganizationConfiguration(
            account="999988887777", targets=("ou-ab12-12345678",), allowed_regions=("eu-west-1", "eu-central-1")
        )
        build(app, Configuration(account="111122223333", organization=rails, audit=AuditConfiguration()))
    app.synth()
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--synthesize"]:
        sys.exit(_synthesize(*sys.argv[2:4]))
    sys.exit(main(sys.argv[1:]))
