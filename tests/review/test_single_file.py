"""The command line as one file, alone: no site-packages, no Node, no aws-cdk-lib; its how-to, command by command."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from tools import single_file

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "review-templates.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = FENCE.findall(PAGE.read_text("utf-8"))
CONSOLE = [text for kind, text in BLOCKS if kind == "console" and text.startswith("$ secure-bedrock")]


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """A folder with nothing but the file, a command that runs it, and the page's template."""
    folder = tmp_path_factory.mktemp("room")
    single_file.write(folder / "secure-bedrock.pyz")
    command = folder / "bin" / "secure-bedrock"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{folder}/secure-bedrock.pyz" "$@"\n')
    command.chmod(0o755)
    (template,) = [text for kind, text in BLOCKS if kind == "json"]
    (folder / "template.json").write_text(template)
    return folder


def shell(room, line):
    return subprocess.run(
        ["/bin/sh", "-c", line], cwd=room, env={"PATH": str(room / "bin")}, capture_output=True, text=True, check=False
    )


def test_the_interpreter_it_runs_in_has_nothing(room):
    bare = [sys.executable, "-I", "-S", "-c"]
    for name in ("aws_cdk", "jsii", "click", "yaml", "rich"):
        assert subprocess.run([*bare, f"import {name}"], capture_output=True, check=False).returncode, name
    assert shutil.which("node", path=str(room / "bin")) is None


@pytest.mark.parametrize("text", CONSOLE, ids=[text.split()[2] for text in CONSOLE])
def test_each_command_of_the_page_does_what_the_page_says(room, text):
    line, _, expected = text.removeprefix("$ ").partition("\n")
    finished = shell(room, line)
    assert "internal error" not in finished.stderr
    if expected:
        assert (finished.returncode, finished.stdout) == (0, expected)
    elif ">" in line:
        assert finished.returncode == 0, (room / "answer.txt").read_text()
        assert (room / "answer.txt").read_text().startswith("denied: template/Chat")
    else:
        assert finished.returncode in {0, 1}, finished.stderr
        assert "Chat" in finished.stdout
    assert len(CONSOLE) == 4


def test_review_finds_what_the_page_says_it_finds(room):
    (findings,) = [text for kind, text in BLOCKS if kind == "text"]
    finished = shell(room, CONSOLE[0].removeprefix("$ "))
    printed = " ".join(finished.stdout.split())
    assert finished.returncode == 1
    assert [line for line in findings.splitlines() if line not in printed] == []
    listed = shell(room, "secure-bedrock rules")
    assert "wildcard-model" in listed.stdout
    assert listed.returncode == 0


def test_it_reads_yaml_without_the_c_parser(room):
    """JSON is YAML."""
    shutil.copy(room / "template.json", room / "template.yaml")
    asked = "--account 111122223333 --region eu-west-1 --principal chat --operation Converse --model"
    answered = shell(room, f"secure-bedrock explain template.yaml {asked} amazon.nova-lite-v1:0 --format json")
    assert [row["allowed"] for row in json.loads(answered.stdout)] == [True]


def test_usage_and_missing_files_exit_with_2(room):
    for line in ("secure-bedrock explain", "secure-bedrock review nowhere", "secure-bedrock nothing"):
        finished = shell(room, line)
        assert finished.returncode == 2, line
        assert "Traceback" not in finished.stderr


def test_it_holds_its_licences_and_nothing_of_this_machine(room):
    with ZipFile(room / "secure-bedrock.pyz") as archive:
        names = archive.namelist()
        content = b"".join(archive.read(name) for name in names)
    for package in ("click", "pyyaml", "rich", "secure_bedrock"):
        assert any(re.match(rf"{package}-[\d.]+\.dist-info/.*LICENSE", name, re.IGNORECASE) for name in names), package
    assert not [name for name in names if "constructs/" in name or name.endswith((".so", ".pyc"))]
    assert str(Path(single_file.ROOT)).encode() not in content
    assert (room / "secure-bedrock.pyz").stat().st_size < 4e6


def test_the_same_packages_give_the_same_bytes(room):
    single_file.write(room / "again.pyz")
    assert (room / "again.pyz").read_bytes() == (room / "secure-bedrock.pyz").read_bytes()
