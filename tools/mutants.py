"""Mutation testing of the policy core's evaluator: `python -m tools.mutants --count 200`.

One small fault at a time is put into a module (a comparison turned round, a condition left out, a constant changed), in
a process of its own; then the cases, a sample of the random questions and `tests/policy/test_evaluation.py` must notice
it. What nothing notices is printed. The same seed draws the same faults; each has a minute.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib.abc
import importlib.machinery
import json
import os
import random
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "secure_bedrock.policy"
MODULES = (
    "evaluation", "estate", "matching", "conditions", "decision", "request", "calls", "explanation", "_operations",
    "_operators", "_globs", "_arns", "_context", "_callers", "_values",
)  # fmt: skip
#: Faults in these change no decision: what is said in an error, how much is remembered.
SPARED_CALLS = {"invalid", "InvalidInput", "lru_cache", "TypeVar", "nearest", "_read", "getLogger"}
SWAPPED = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
RANDOM_QUESTIONS = 1200
SECONDS = 60


@dataclass(frozen=True)
class Mutant:
    """One fault: where it is, and what it does."""

    module: str
    index: int
    line: int
    what: str


def changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield what can be put in a node's place."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in SWAPPED:
        swapped = copy.copy(node)
        swapped.ops = [SWAPPED[type(node.ops[0])]()]
        yield "comparison turned round", swapped
    elif isinstance(node, ast.BoolOp):
        turned = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield "and and or exchanged", ast.BoolOp(op=turned, values=node.values)
        for index in range(len(node.values)):
            left = node.values[:index] + node.values[index + 1 :]
            yield f"part {index + 1} left out", left[0] if len(left) == 1 else ast.BoolOp(op=node.op, values=left)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not left out", node.operand
    elif isinstance(node, ast.IfExp):
        yield "the other branch", ast.IfExp(test=node.test, body=node.orelse, orelse=node.body)
    elif isinstance(node, ast.If):
        for truth in (True, False):
            yield f"if {truth}", ast.If(test=ast.Constant(truth), body=node.body, orelse=node.orelse)
    elif isinstance(node, ast.Return) and node.value is not None and not isinstance(node.value, ast.Constant):
        yield "nothing returned", ast.Return(value=ast.Constant(None))
    elif isinstance(node, ast.Constant):
        yield from constants(node)


def constants(node: ast.Constant) -> Iterator[tuple[str, ast.AST]]:
    """Yield other constants of the same type."""
    if isinstance(node.value, bool):
        yield f"{node.value} turned round", ast.Constant(not node.value)
    elif isinstance(node.value, int):
        yield f"{node.value} and one", ast.Constant(node.value + 1)
    elif isinstance(node.value, str) and node.value:
        yield f"{node.value!r} changed", ast.Constant(f"{node.value}_")


def sites(tree: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """Yield every place that can be changed: the parent, its field, the place in a list, the node."""
    for name, value in ast.iter_fields(tree):
        if name in {"annotation", "returns", "decorator_list", "type_comment"} or _is_spared(tree):
            continue
        for index, child in enumerate(value) if isinstance(value, list) else ((None, value),):
            if not isinstance(child, ast.AST) or isinstance(child, ast.Expr | ast.JoinedStr | ast.Raise):
                continue
            if isinstance(child, ast.AnnAssign | ast.Assign) and _is_plain(child):
                continue
            yield tree, name, index, child
            yield from sites(child)


def _is_spared(node: ast.AST) -> bool:
    called = node.func if isinstance(node, ast.Call) else None
    return isinstance(called, ast.Name) and called.id in SPARED_CALLS


def _is_plain(node: ast.AnnAssign | ast.Assign) -> bool:
    """A name for a type, or slots."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(isinstance(each, ast.Name) and (each.id == "__slots__" or each.id[0].isupper()) for each in targets)


def mutants() -> Iterator[Mutant]:
    """Yield every fault that can be put in."""
    for module in MODULES:
        index = 0
        for *_, node in sites(_parsed(module)):
            for what, _ in changes(node):
                yield Mutant(module, index, getattr(node, "lineno", 0), what)
                index += 1


def mutated(mutant: Mutant) -> ast.AST:
    """Return a module's tree with the fault in it."""
    tree, index = _parsed(mutant.module), 0
    for parent, name, place, node in sites(tree):
        for _, changed in changes(node):
            if index == mutant.index:
                if place is None:
                    setattr(parent, name, changed)
                else:
                    getattr(parent, name)[place] = changed
                return ast.fix_missing_locations(tree)
            index += 1
    raise LookupError(mutant)


def _parsed(module: str) -> ast.Module:
    return ast.parse((ROOT / PACKAGE.replace(".", "/") / f"{module}.py").read_text("utf-8"))


class Override(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the faulty module in place of the one in the package."""

    def __init__(self, name: str, tree: ast.AST) -> None:
        self.name = name
        self.code = compile(tree, f"{name} with a fault", "exec")  # pyright: ignore[reportArgumentType]

    def find_spec(self, name: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        """Find the faulty module, and no other."""
        _ = path, target
        return importlib.machinery.ModuleSpec(name, self) if name == self.name else None

    def exec_module(self, module: ModuleType) -> None:
        """Run it."""
        exec(self.code, module.__dict__)  # noqa: S102 - the package's own source, with one fault


def answers(count: int) -> list[bool]:
    """Return the decisions on random questions, whose right answers `make differential` checks."""
    from secure_bedrock.policy.cases import read_estate, read_request  # noqa: PLC0415 - with the fault in it
    from secure_bedrock.policy.evaluation import evaluate  # noqa: PLC0415
    from tests.policy.generation import Generator  # noqa: PLC0415

    generator = Generator(1)
    scenarios = [generator.scenario() for _ in range(count)]
    return [evaluate(read_estate(each.estate), read_request(each.request)).allowed for each in scenarios]


def noticed(rows: Sequence[dict], right: list[bool]) -> str | None:
    """Say what notices the fault, None where nothing does."""
    from secure_bedrock.policy.cases import from_case  # noqa: PLC0415 - with the fault in it
    from secure_bedrock.policy.evaluation import evaluate  # noqa: PLC0415

    for row in rows:
        case = from_case(row)
        decision = evaluate(case.estate, case.question)
        if (decision.allowed, bool(decision.disputed)) != (case.allowed, case.is_disputed):
            return row["name"]
        if case.layer and decision.layer != case.layer:
            return row["name"]
    if answers(len(right)) != right:
        return "random questions"
    import pytest  # noqa: PLC0415

    code = pytest.main(["-q", "-x", "-k", "not hostile and not millisecond", "tests/policy/test_evaluation.py"])
    return "tests/policy/test_evaluation.py" if code else None


def survives(mutant: Mutant | None, rows: Sequence[dict], right: list[bool]) -> bool:
    """Put one fault in, in a process of its own, and say whether nothing notices it."""
    child = os.fork()
    if child == 0:
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, 1)
        os.dup2(sink, 2)
        signal.alarm(SECONDS)
        code = 1
        try:
            if mutant:
                sys.meta_path.insert(0, Override(f"{PACKAGE}.{mutant.module}", mutated(mutant)))
            code = 0 if noticed(rows, right) is None else 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def baseline() -> list[bool]:
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


def main(arguments: list[str]) -> int:
    """Print the score and what survived. Returns 1 below the score that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=20_261_101)
    parser.add_argument("--minimum", type=float, default=90.0)
    asked = parser.parse_args(arguments)
    start = time.monotonic()
    every = list(mutants())
    drawn = random.Random(asked.seed).sample(every, min(asked.count, len(every)))  # noqa: S311 - not for secrets
    files = sorted((ROOT / "tests/policy/cases").glob("*.json"))
    every_row = [row for path in files for row in json.loads(path.read_text("utf-8"))]
    rows = [row for row in every_row if "question" not in row]  # those are the prover's
    right = baseline()
    if not survives(None, rows, right):
        print("the tests fail without any fault")
        return 2
    survivors = [mutant for mutant in drawn if survives(mutant, rows, right)]
    for mutant in sorted(survivors, key=lambda each: (each.module, each.line)):
        print(f"survived  {mutant.module}.py:{mutant.line}  {mutant.what}")
    killed = len(drawn) - len(survivors)
    score = 100 * killed / len(drawn)
    took, of = time.monotonic() - start, f"drawn from {len(every)}, seed {asked.seed}"
    print(f"{killed} of {len(drawn)} faults noticed, {score:.1f} %; {of}, {took:.0f} s")
    return 0 if score >= asked.minimum else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
