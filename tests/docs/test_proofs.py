"""The document on proofs lists every guarantee that the prover takes from AWS, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from secure_bedrock.data import table
from secure_bedrock.policy import all_relations

DOCUMENT = (Path(__file__).parents[2] / "docs" / "explanation" / "proofs.md").read_text("utf-8")


def rows(heading):
    """The cells of the table below a header row."""
    found = DOCUMENT.split(heading, 1)[1].splitlines()[2:]
    for line in found:
        if not line.startswith("|"):
            return
        yield tuple(cell.strip() for cell in line.strip("|").split("|"))


def test_every_guarantee_stands_in_the_document():
    written = list(rows("| guarantee | says | source |"))
    wanted = [(each.name, each.says, each.source) for each in all_relations() if not each.name.endswith(" by action")]
    assert written == wanted


def test_every_key_of_single_actions_stands_in_the_document():
    written = {key.strip("`"): re.findall(r"`([^`]+)`", actions) for key, actions in rows("| key | actions |")}
    assert written == table("authorisations")["keys"]
    assert {f"{key} by action" for key in written} <= {each.name for each in all_relations()}
