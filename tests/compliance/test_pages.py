"""What the pages name exists: each construct, each test; and no check of a list is left out."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import secure_bedrock

ROOT = Path(__file__).parents[2]
ROWS = {
    "prowler": 23,
    "checkov": 2,
    "security-reference-architecture": 14,
    "aiml-security-assessment": 33,
    "datadog": 1,
}


def rows(name):
    text = (ROOT / f"docs/compliance/{name}.md").read_text("utf-8")
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")
    ][2:]


@pytest.mark.parametrize("name", ROWS)
def test_every_check_is_met_and_tested_or_not_applicable_for_a_reason(name):
    found = rows(name)
    assert len({row[0] for row in found}) == len(found) == ROWS[name]
    for check, met, tested in found:
        if met.startswith("not applicable: "):
            assert len(met) > len("not applicable: ") + 10, check
            assert not tested, check
            continue
        assert set(re.findall(r"`([A-Z]\w+)`", met)) & set(secure_bedrock.__all__), check
        path, _, function = tested.strip("`").partition("::")
        tree = ast.parse((ROOT / path).read_text("utf-8"))
        assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, check


def test_every_page_is_held():
    assert {path.stem for path in (ROOT / "docs/compliance").glob("*.md")} == set(ROWS)
