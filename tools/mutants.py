"""Mutation testing of the policy core: `python -m tools.mutants --count 300`.

One small fault at a time is put into a module (a comparison turned round, a condition left out, a constant changed), in
a process of its own. Then cases and tests must notice it: those of the evaluator for a fault in the evaluator, those of
the prover for one in the prover. What nothing notices is printed, with the reason where `tools/survivors.json` has one:
such a fault changes no answer, or only what is said beside it. What noticed the others first is counted, in the order
in which it is asked. The same seed draws the same faults.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.faults import ROOT, Fault, Override, drawn, faults

SURVIVORS = Path(__file__).with_name("survivors.json")
EVALUATOR = (
    "evaluation", "estate", "matching", "conditions", "decision", "request", "calls", "explanation", "_operations",
    "_operators", "_globs", "_arns", "_context", "_callers", "_values",
)  # fmt: skip
PROVER = (
    "_proving", "_inquiry", "_space", "_cells", "_typed_cells", "_automata", "_formulas", "_encoding", "_linking",
    "_model", "_subjects", "_searching", "_working", "_witnesses", "_naming", "_descriptions", "_budget",
    "proving", "difference", "_growing", "reachability", "relations", "bedrock_invariants", "invariants",
)  # fmt: skip
#: Left out of the tests that must notice: what is asked about speed, which a busy machine decides.
SLOW = "not hostile and not millisecond and not milliseconds"
#: The quick ones first.
TESTS = {
    "evaluator": (
        "tests/policy/test_refused.py",
        "tests/policy/test_evaluation.py",
        "tests/policy/test_deciding.py",
        "tests/policy/test_values.py",
        "tests/policy/test_fine_points.py",
        "tests/policy/test_federation.py",
        "tests/policy/test_working.py",
        "tests/policy/test_said.py",
    ),
    "prover": (
        "tests/policy/test_invariants.py",
        "tests/policy/test_nasty.py",
        "tests/policy/test_nasty_identities.py",
        "tests/policy/test_published.py",
        "tests/policy/test_assumed.py",
        "tests/policy/test_fine_points.py",
        "tests/policy/test_more_fine_points.py",
        "tests/policy/test_settling.py",
        "tests/policy/test_asking.py",
        "tests/policy/test_descriptions.py",
        "tests/policy/test_bearing.py",
        "tests/policy/test_shortcuts_by_hand.py",
        "tests/policy/test_formulas_agree.py",
        "tests/policy/test_planted.py",
        "tests/policy/test_cells.py",
        "tests/docs/test_proofs.py",
        "tests/policy/test_proving.py",
        "tests/policy/test_working.py",
        "tests/policy/test_said.py",
        "tests/policy/test_costs.py",
        "tests/policy/test_variables.py",
        "tests/policy/test_guarantees.py",
        "tests/policy/test_reaching.py",
        "tests/policy/test_second_opinion.py",
        "tests/policy/test_metamorphic.py",
        "tests/review/test_matrix.py",
        "tests/policy/test_shortcuts.py",
    ),
}
#: What notices a fault, by the code that its process ends with: nothing, its own end, or what is asked in turn.
NOTICED_BY = (
    "nothing",
    "the end of the process",
    "a case",
    "random questions",
    *dict.fromkeys(sum(TESTS.values(), ())),
)
RANDOM_QUESTIONS = 1200
SECONDS = 300


@dataclass(frozen=True)
class Knowledge:
    """What notices: cases, and the decisions on random questions, whose right answers `make differential` checks."""

    rows: Sequence[dict]
    right: Sequence[bool]

    def noticed(self, group: str) -> str | None:
        """Say what notices the fault in this process, None where nothing does."""
        os.environ |= {"COMMUTING": "12", "REQUESTS": "4"}
        if self._by_case(group):
            return "a case"
        if group == "evaluator" and answers(len(self.right)) != self.right:
            return "random questions"
        return _by_test(group)

    def _by_case(self, group: str) -> bool:
        from secure_bedrock.policy.cases import from_case  # noqa: PLC0415 - with the fault in it

        asked = (row for row in self.rows if ("question" in row) is (group == "prover"))
        return any(not _answers(from_case(row)) for row in asked)


def _answers(case) -> bool:  # noqa: ANN001 - of a module that may have the fault in it
    from secure_bedrock.policy.evaluation import evaluate  # noqa: PLC0415 - with the fault in it
    from secure_bedrock.policy.invariants import Never  # noqa: PLC0415
    from secure_bedrock.policy.proving import prove  # noqa: PLC0415
    from secure_bedrock.policy.verdicts import Proved, Refuted, Unknown  # noqa: PLC0415

    if isinstance(case.question, Never):
        return isinstance(
            prove(case.estate, case.question), {True: Refuted, False: Proved, None: Unknown}[case.allowed]
        )
    decision = evaluate(case.estate, case.question)
    is_right = (decision.allowed, bool(decision.disputed)) == (case.allowed, case.is_disputed)
    return is_right and case.layer in {None, decision.layer}


def answers(count: int) -> list[bool]:
    """Return the decisions on random questions."""
    from secure_bedrock.policy.cases import read_estate, read_request  # noqa: PLC0415 - with the fault in it
    from secure_bedrock.policy.evaluation import evaluate  # noqa: PLC0415
    from tests.policy.generation import Generator  # noqa: PLC0415

    generator = Generator(1)
    scenarios = [generator.scenario() for _ in range(count)]
    return [evaluate(read_estate(each.estate), read_request(each.request)).allowed for each in scenarios]


def _by_test(group: str) -> str | None:
    import pytest  # noqa: PLC0415
    from hypothesis import Phase, settings  # noqa: PLC0415

    settings.register_profile(
        "faults", derandomize=True, database=None, deadline=None, phases=(Phase.explicit, Phase.generate)
    )
    settings.load_profile("faults")
    for test in TESTS[group]:
        if pytest.main(["-q", "-x", "-W", "ignore::pytest.PytestAssertRewriteWarning", "-k", SLOW, test]):
            return test
    return None


def in_child(work: Callable[[], int]) -> int:
    """Start a process for some work, which prints nothing; returns its id."""
    child = os.fork()
    if child:
        return child
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    signal.alarm(SECONDS)
    code = 1
    try:
        code = work()
    finally:
        os._exit(code)


def tried(chosen: Sequence[Fault], knowledge: Knowledge, jobs: int) -> Iterator[tuple[Fault, str]]:
    """Put each fault in, in a process of its own, and yield what notices it."""
    running: dict[int, Fault] = {}
    waiting = list(reversed(chosen))
    while waiting or running:
        while waiting and len(running) < jobs:
            fault = waiting.pop()
            running[in_child(lambda fault=fault: _with(fault, knowledge))] = fault
        child, status = os.wait()
        yield running.pop(child), NOTICED_BY[max(os.waitstatus_to_exitcode(status), 0) or (1 if status else 0)]


def _with(fault: Fault, knowledge: Knowledge) -> int:
    sys.meta_path.insert(0, Override(fault))
    return NOTICED_BY.index(knowledge.noticed(group_of(fault)) or "nothing")


def group_of(fault: Fault) -> str:
    """Say whose tests must notice."""
    return "prover" if fault.module in PROVER else "evaluator"


def right_answers() -> list[bool]:
    """Ask the random questions without a fault, in a process of its own: this one imports no module of the core."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with os.fdopen(writing, "w") as pipe:
            json.dump(answers(RANDOM_QUESTIONS), pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        right = json.load(pipe)
    os.waitpid(child, 0)
    return right


def reasons() -> dict[str, str]:
    """Return why faults that nothing can notice are none, by their names."""
    rows = json.loads(SURVIVORS.read_text("utf-8"))
    return {name: row["why"] for row in rows for name in row["faults"]}


def report(chosen: Sequence[Fault], alive: Sequence[Fault]) -> float:
    """Print what survived and the scores; return the whole one, in which a survivor counts whatever its reason."""
    known = reasons()
    for fault in sorted(alive, key=lambda each: (each.module, each.line)):
        print(f"survived  {fault.module}.py:{fault.line}  {fault.what}  {known.get(fault.name, 'UNEXPLAINED')}")
    total, lost = Counter(each.module for each in chosen), Counter(each.module for each in alive)
    told = Counter(each.module for each in alive if each.name in known)
    print("| module | faults | noticed | % | survivors explained |\n|---|---|---|---|---|")
    for name in (*EVALUATOR, *PROVER):
        if total[name]:
            killed = total[name] - lost[name]
            print(f"| {name} | {total[name]} | {killed} | {100 * killed / total[name]:.0f} | {told[name]} |")
    for group in (EVALUATOR, PROVER):
        among, left = sum(total[name] for name in group), sum(lost[name] for name in group)
        if among:
            same = sum(told[name] for name in group)
            print(f"{'evaluator' if group is EVALUATOR else 'prover'}: {among - left} of {among} noticed, "
                  f"{100 * (among - left) / among:.1f} %; {100 * (among - left) / (among - same):.1f} % "
                  f"without the {same} that have their reason")  # fmt: skip
    return 100 * (len(chosen) - len(alive)) / len(chosen)


def main(arguments: list[str]) -> int:
    """Print the scores and what survived. Returns 1 below the score asked for, 2 where the tests fail anyway."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=20_261_101)
    parser.add_argument("--minimum", type=float, default=90.0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--modules", nargs="*", default=[*EVALUATOR, *PROVER])
    asked = parser.parse_args(arguments)
    start = time.monotonic()
    every = list(faults(asked.modules))
    chosen = drawn(every, asked.count, asked.seed)
    files = sorted((ROOT / "tests/policy/cases").glob("*.json"))
    knowledge = Knowledge([row for path in files for row in json.loads(path.read_text("utf-8"))], right_answers())
    for group in sorted({group_of(fault) for fault in chosen}):
        child = in_child(lambda group=group: 0 if knowledge.noticed(group) is None else 1)
        if os.waitpid(child, 0)[1]:
            print(f"the tests of the {group} fail without any fault")
            return 2
    noticed = dict(tried(chosen, knowledge, asked.jobs))
    alive = [fault for fault, by in noticed.items() if by == "nothing"]
    score = report(chosen, alive)
    for by, count in Counter(noticed.values()).most_common():
        print(f"{count} by {by}")
    took = time.monotonic() - start
    print(
        f"{len(chosen) - len(alive)} of {len(chosen)} faults noticed, {score:.1f} %; drawn from {len(every)}, "
        f"seed {asked.seed}, {took:.0f} s"
    )
    return 0 if score >= asked.minimum else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
