"""The commands of the documents, run on what the reference app synthesizes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.docs.test_documents import ROOT, blocks


def run(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "secure_bedrock", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


def commands(page: str, program: str = "secure-bedrock") -> list[list[str]]:
    """What a page tells its reader to type."""
    texts = [text for kind, text in blocks(ROOT / page) if kind == "console"]
    lines = [line.removeprefix("$ ").split() for text in texts for line in text.splitlines()]
    return [line[1:] for line in lines if line[:1] == [program]]


def test_the_invariants_of_the_page_hold_for_the_reference_app(default, tmp_path):
    (stated,) = [text for kind, text in blocks(ROOT / "docs/how-to/prove.md") if kind == "toml"]
    (tmp_path / "bedrock.toml").write_text(stated)
    (tmp_path / "cdk.out").symlink_to(default.assembly.directory)
    ((*arguments,),) = commands("docs/how-to/prove.md")
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("proved: ") == 4
    assert done.stdout.count("holds: ") == 1
