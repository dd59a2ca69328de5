"""Small faults in the policy core, one at a time: where one can be put, and the module with it in."""

from __future__ import annotations

import ast
import copy
import hashlib
import importlib.abc
import importlib.machinery
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "secure_bedrock.policy"
#: Faults in these change no decision: what is said in an error, how much is remembered.
SPARED_CALLS = {"invalid", "InvalidInput", "lru_cache", "TypeVar", "nearest", "_read", "getLogger"}
SWAPPED = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """One fault: where it is, and what it does.

    Attributes:
        module: its name in the package.
        index: which of the module's faults it is.
        line: its number, for people.
        code: the line's text; with `what` and `nth` it names the fault wherever the line moves to.
        what: what is changed.
        nth: which of the faults of that text, of those that do the same.
    """

    module: str
    index: int
    line: int
    code: str
    what: str
    nth: int

    @property
    def name(self) -> str:
        """What it is known by."""
        return f"{self.module} | {self.code} | {self.what}" + (f" | {self.nth}" if self.nth > 1 else "")


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
    if isinstance(node, ast.keyword) and node.arg == "strict":
        return True  # of zip: the lengths are the same
    called = node.func if isinstance(node, ast.Call) else None
    return isinstance(called, ast.Name) and called.id in SPARED_CALLS


def _is_plain(node: ast.AnnAssign | ast.Assign) -> bool:
    """A name for a type, or slots."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(isinstance(each, ast.Name) and (each.id == "__slots__" or each.id[0].isupper()) for each in targets)


def faults(modules: Iterable[str]) -> Iterator[Fault]:
    """Yield every fault that can be put into some modules."""
    for module in modules:
        lines = _text(module).splitlines()
        seen: Counter[tuple[str, str]] = Counter()
        index = 0
        for *_, node in sites(ast.parse(_text(module))):
            line = getattr(node, "lineno", 0)
            code = " ".join(lines[line - 1].split())
            for what, _ in changes(node):
                seen[code, what] += 1
                yield Fault(module, index, line, code, what, seen[code, what])
                index += 1


def drawn(every: Iterable[Fault], count: int, seed: int) -> list[Fault]:
    """Draw some: the same seed draws the same, whatever changes in other lines, and more of them draws those too."""
    return sorted(every, key=lambda fault: hashlib.sha256(f"{seed} {fault.name}".encode()).digest())[:count]


def faulty(fault: Fault) -> ast.AST:
    """Return a module's tree with the fault in it."""
    tree, index = ast.parse(_text(fault.module)), 0
    for parent, name, place, node in sites(tree):
        for _, changed in changes(node):
            if index == fault.index:
                if place is None:
                    setattr(parent, name, changed)
                else:
                    getattr(parent, name)[place] = changed
                return ast.fix_missing_locations(tree)
            index += 1
    raise LookupError(fault)


@lru_cache
def _text(module: str) -> str:
    return (ROOT / PACKAGE.replace(".", "/") / f"{module}.py").read_text("utf-8")


class Override(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the faulty module in place of the one in the package."""

    def __init__(self, fault: Fault) -> None:
        self.name = f"{PACKAGE}.{fault.module}"
        self.code = compile(faulty(fault), f"{self.name} with a fault", "exec")  # pyright: ignore[reportArgumentType]

    def find_spec(self, name: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        """Find the faulty module, and no other."""
        _ = path, target
        return importlib.machinery.ModuleSpec(name, self) if name == self.name else None

    def exec_module(self, module: ModuleType) -> None:
        """Run it."""
        exec(self.code, module.__dict__)  # noqa: S102 - the package's own source, with one fault
