"""The independent IAM simulator, asked in one process for all questions.

It drops condition keys that AWS's data does not list for an action; here that is an error, never a silent answer.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
#: Keys that every request carries although the data lists them for few actions: their absence changes no answer.
EVERYWHERE = {"aws:requestedregion", "aws:principalarn", "aws:principalaccount", "aws:tokenissuetime"}


@dataclass(frozen=True)
class Answer:
    """What the simulator said: `Allowed`, `ExplicitlyDenied` or `ImplicitlyDenied`; or why it could not say."""

    result: str | None
    problem: str | None = None


def reason_to_leave_out() -> str | None:
    """Why the simulator is not asked in this run, None where it is."""
    if os.environ.get("ORACLE") == "0":
        return "ORACLE=0: the IAM simulator is left out"
    return None


def ask(simulations: list[dict]) -> list[Answer]:
    """Return an answer for each simulation."""
    node = os.environ.get("JSII_NODE") or shutil.which("node")
    finished = subprocess.run(
        [str(node), str(HERE / "simulate.mjs")],
        input=json.dumps(simulations),
        capture_output=True,
        text=True,
        check=True,
    )
    return [_answer(row) for row in json.loads(finished.stdout)]


def _answer(row: dict) -> Answer:
    if "error" in row:
        return Answer(result=None, problem=row["error"])
    ignored = sorted(key for key in row["ignored"] if key.lower() not in EVERYWHERE)
    if ignored:
        return Answer(result=None, problem=f"it drops the context keys {', '.join(ignored)}")
    return Answer(result=row["result"])
