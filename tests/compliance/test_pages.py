"""What the pages name exists: each construct, each test, each question; and no check of a list is left out."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
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


def named(tested):
    found = re.findall(r"`([^`]+)`", tested)
    assert ", ".join(f"`{each}`" for each in found) == tested, "a list of tests and questions"
    return found


def functions(path):
    return {node.name for node in ast.parse((ROOT / path).read_text("utf-8")).body if isinstance(node, ast.FunctionDef)}


def questions(path):
    return {case["name"]: case for case in json.loads((ROOT / path).read_text("utf-8"))}


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
        assert named(tested), check
        for each in named(tested):
            if "::" in each:
                path, _, function = each.partition("::")
                assert function in functions(path), (check, each)
            else:
                path, _, question = each.partition(": ")
                assert questions(path)[question]["expected"] == "denied", (check, each)


def test_a_test_carries_the_rows_that_ask_for_the_same_and_no_more():
    carried = Counter(each for name in ROWS for _, _, tested in rows(name) for each in named(tested))
    assert [each for each, count in carried.items() if count > 6] == []


def test_every_page_is_held():
    assert {path.stem for path in (ROOT / "docs/compliance").glob("*.md")} == set(ROWS)
