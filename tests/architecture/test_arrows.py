"""The rooms of the house, and the one way in which they may know each other."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "secure_bedrock"
#: What each room may import of the package; None: anything.
MAY_IMPORT = {
    "data": set(),
    "errors": set(),
    "policy": {"data", "errors", "policy"},
    "detections": {"data", "errors", "policy", "detections"},
    "review": {"data", "errors", "policy", "detections", "review"},
    "handlers": set(),  # it runs in functions, beside nothing of this
    "testing": {"errors", "policy", "review"},
    "client": {"errors"},
    "credentials": {"errors", "_profiles"},
    "_profiles": {"errors"},
    "incident": {"errors", "policy", "detections", "review", "incident"},
    "replay": {"errors", "policy", "review", "replay"},
    "cli": {"data", "errors", "policy", "detections", "review", "incident", "replay", "cli"},
    "constructs": {"data", "errors", "policy", "detections", "constructs"},
    "__init__": {"constructs", "detections", "errors", "policy"},
    "__main__": {"cli"},
}
CDK = {"aws_cdk", "constructs", "jsii"}
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    part = path.relative_to(PACKAGE).parts[0]
    return part.removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_the_rooms_below_it(path):
    ours = {name.split(".")[1] for name in imports_of(path) if name.startswith("secure_bedrock.")}
    room = room_of(path)
    # One module bridges to the review: CDK calls it as a validation plugin.
    bridge = {"review"} if path.name == "validation.py" else set()
    assert ours <= MAY_IMPORT[room] | bridge


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_constructs_know_the_cdk(path):
    known = {name.split(".")[0] for name in imports_of(path)} & CDK
    assert not known or room_of(path) == "constructs"


def test_no_module_is_named_like_a_public_function():
    functions = {
        node.name
        for path in MODULES
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }
    assert {path.stem for path in MODULES} & functions == set()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_partition_is_written_out(path):
    """`arn:aws:` in what is written would break every other partition."""
    tree = ast.parse(path.read_text("utf-8"))
    documented = [n for n in ast.walk(tree) if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)]
    docstrings = {id(node.value) for node in documented}
    texts = [n for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    assert [n.value for n in texts if id(n) not in docstrings and "arn:aws:" in n.value] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_can_be_read_in_one_go(path):
    assert len(path.read_text("utf-8").splitlines()) <= 400
