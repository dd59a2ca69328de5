"""The commands of the documents, run on what the reference app synthesizes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

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


def jobs() -> list[dict]:
    """The pipelines of the page on pull requests."""
    found = [yaml.safe_load(text) for kind, text in blocks(ROOT / "docs/how-to/pull-requests.md") if kind == "yaml"]
    assert len(found) == 2
    return found


def scripts() -> list[str]:
    github, gitlab = jobs()
    steps = github["jobs"]["access"]["steps"]
    return ["\n".join(step["run"] for step in steps if "run" in step), "\n".join(gitlab["bedrock-access"]["script"])]


@pytest.mark.parametrize("number", range(2))
@pytest.mark.parametrize("is_opened", [False, True])
def test_the_commands_of_the_pipelines_run_and_fail_where_access_is_gained(default, tmp_path, number, is_opened):
    """The shell's own lines, with what synthesizes replaced by what was synthesized."""
    shutil.copytree(default.assembly.directory, tmp_path / "before.out")
    shutil.copytree(default.assembly.directory, tmp_path / "after.out")
    if is_opened:
        path = tmp_path / "after.out" / "secure-bedrock-access.template.json"
        template = json.loads(path.read_text("utf-8"))
        for resource in template["Resources"].values():
            statements = resource.get("Properties", {}).get("PolicyDocument", {}).get("Statement", [])
            statements[:] = [each for each in statements if each.get("Sid") != "OffNetwork"]
        path.write_text(json.dumps(template, indent=1))
    lines = [line for line in scripts()[number].splitlines() if line.startswith("secure-bedrock ")]
    assert len(lines) == 3 - number
    script = "\n".join([f'secure-bedrock() {{ "{sys.executable}" -m secure_bedrock "$@"; }}', "set -e", *lines])
    bash = shutil.which("bash") or "bash"
    done = subprocess.run([bash, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == (1 if is_opened else 0), done.stderr
    headline = "access gained (" if is_opened else "no access changes"
    assert (tmp_path / "access.md").read_text("utf-8").startswith(f"### secure-bedrock: {headline}")
    assert (tmp_path / "review.html").read_text("utf-8").startswith("<!doctype html>")


def test_the_pipelines_give_no_more_rights_than_they_use():
    github, _ = jobs()
    assert github["permissions"] == {"contents": "read", "pull-requests": "write", "security-events": "write"}
    assert github["jobs"]["access"]["steps"][0]["with"]["persist-credentials"] is False
