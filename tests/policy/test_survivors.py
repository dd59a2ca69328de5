"""The reasons for faults that nothing notices are about faults that there are."""

from __future__ import annotations

from tools.faults import drawn, faults
from tools.mutants import EVALUATOR, PROVER, reasons


def test_each_reason_is_about_a_fault_of_the_package():
    names = {fault.name for fault in faults([*EVALUATOR, *PROVER])}
    assert reasons().keys() <= names
    assert all(reasons().values())


def test_more_faults_are_the_same_and_more():
    every = list(faults(["request", "_arns"]))
    assert drawn(every, 10, 1) == drawn(every, 20, 1)[:10] != drawn(every, 10, 2)
