"""Who reads what, and what each construct stands against."""

from __future__ import annotations

from pathlib import Path

from tests.standards.apps import public_constructs

DOCS = Path(__file__).parents[2] / "docs"


def rows(name):
    text = (DOCS / name).read_text("utf-8")
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return found[2:]


def test_each_user_finds_their_pages():
    readers = dict(rows("index.md"))
    assert list(readers) == ["platform team of an organisation", "application developer", "reviewer, auditor"]
    assert "how-to/review-templates.md" in readers["reviewer, auditor"]


def test_every_public_construct_stops_somebody():
    stopping = " ".join(stops for _, _, stops, _ in rows("explanation/threat-model.md"))
    assert [name for name in public_constructs() if f"`{name}`" not in stopping] == []
