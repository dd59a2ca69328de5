"""The reference of the policy language names every operator, layer and file of cases, and only cases that exist."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

from secure_bedrock.policy.conditions import OPERATORS
from secure_bedrock.policy.estate import LayerKind

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "reference" / "policy-language.md").read_text("utf-8")
CASES = {
    path.stem: {row["name"] for row in json.loads(path.read_text("utf-8"))}
    for path in (Path(__file__).parent / "cases").glob("*.json")
}


def rows(title: str) -> dict[str, str]:
    """The rows of a section's tables by their first cell."""
    section = TEXT.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    return {cells[1].strip(): line for line in section.splitlines() if len(cells := line.split("|")) > 3}


def test_every_operator_and_every_layer_has_a_row():
    assert {f"`{name}`" for name in OPERATORS} <= set(rows("Operators"))
    assert {f"`{kind}`" for kind in get_args(LayerKind)} <= set(rows("Layers"))
    elements = {"Version", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal"}
    assert {f"`{name}`" for name in elements | {"Condition"}} <= set(rows("Elements"))


def test_every_row_names_a_case_that_exists():
    named = 0
    for title in ("Operators", "Elements", "Keys that follow from the request", "Layers"):
        for first, line in rows(title).items():
            if first.startswith(("`", "add")) and first != "added to an operator":
                file, name = re.findall(r"`([a-z-]+): (.+?)` \|$", line)[-1]
                assert name in CASES[file], line
                named += 1
    assert named > 60


def test_every_file_of_cases_is_named():
    files = set(re.findall(r"`([a-z-]+)`", TEXT.split("## Files", 1)[1]))
    assert files == set(CASES)
