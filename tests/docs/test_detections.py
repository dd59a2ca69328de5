"""The list of detections in the documents is the one in the code."""

from __future__ import annotations

from pathlib import Path

from tools.detections import page


def test_the_page_is_what_the_tool_writes():
    written = Path(__file__).parents[2] / "docs" / "reference" / "detections.md"
    assert written.read_text("utf-8") == page()
