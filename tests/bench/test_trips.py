"""What the benchmark counts is there, and the comparison can fail."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.__main__ import Measured, Row, _judge

ROOT = Path(__file__).parents[2]
#: Round trips a role may cost at most; a lower figure is entered here, a higher one needs a reason.
PER_ROLE = 14


def trips(app: str, roles: int) -> int:
    env = {**os.environ, "CDK_VALIDATION": "false"}
    command = [sys.executable, "-m", "bench.app", app, str(roles), "1"]
    return int(subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout)


def test_a_role_costs_no_more_round_trips_than_it_did():
    assert (trips("ours", 6) - trips("ours", 2)) / 4 <= PER_ROLE


@pytest.mark.parametrize(("ours", "status"), [(19, 0), (20, 1), (31, 1)])
def test_the_benchmark_fails_where_a_role_needs_as_many_as_plain_l2(ours, status):
    measured = {
        Row(app, roles, 1, validation=False): Measured(trips=each * roles)
        for app, each in {"ours": ours, "l2": 20, "l1": 3}.items()
        for roles in (1, 10)
    }
    assert _judge(measured) == status
