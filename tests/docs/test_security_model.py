"""Every requirement has a row: what answers it, what shows it, and where it ends."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REQUIREMENTS = [
    "scoped IAM policies", "source IP", "model ARNs", "cross-account with MFA", "Access Analyzer", "VPC endpoint",
    "endpoint policy", "security groups", "WAF", "PrivateLink with Direct Connect", "Region SCP",
    "CloudTrail and unauthorised access", "alarms", "SigV4", "STS, no long-term keys", "tags for audit and revocation",
]  # fmt: skip


@pytest.fixture(scope="module")
def rows():
    text = (ROOT / "docs" / "security-model.md").read_text("utf-8").partition("## Who wants")[0]
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return {row[0]: row[1:] for row in found[2:]}


def test_every_requirement_has_a_row(rows):
    assert list(rows) == REQUIREMENTS


def test_no_cell_is_empty(rows):
    assert all(len(row) == 3 and all(row) for row in rows.values())


def test_what_shows_it_is_a_test_or_a_file_of_questions(rows):
    for requirement, (_, shown_by, _) in rows.items():
        links = re.findall(r"\]\((\.\./tests/[^)]+)\)", shown_by)
        assert links, requirement
