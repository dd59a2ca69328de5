"""What is shipped, and what the locks may hold."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(folder), str(ROOT)],
        capture_output=True,
        check=True,
    )
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def test_the_wheel_holds_the_tables_and_the_marker_for_types(wheel):
    tables = {f"secure_bedrock/data/{path.name}" for path in (ROOT / "secure_bedrock/data").glob("*.json")}
    assert len(tables) >= 8
    assert tables | {"secure_bedrock/py.typed"} <= set(wheel)


def test_the_wheel_holds_nothing_but_the_package(wheel):
    assert {name.split("/")[0] for name in wheel} == {"secure_bedrock", "secure_bedrock-0.1.0.dist-info"}


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-node.lock"])
def test_the_python_locks_hold_hashes_and_no_address(name):
    text = (ROOT / name).read_text()
    assert "--hash=sha256:" in text
    assert not re.search(r"https?://|/[a-z]+/[a-z]+/|index-url", text)


def test_the_node_lock_holds_hashes_and_no_address():
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert all("resolved" not in package for package in packages.values())
    assert all("integrity" in package for name, package in packages.items() if name)


def test_the_cdk_cli_is_pinned_exactly():
    assert json.loads((ROOT / "package.json").read_text())["devDependencies"]["aws-cdk"] == "2.1148.1"


def test_every_table_says_of_when_and_from_where_it_is():
    for path in (ROOT / "secure_bedrock/data").glob("*.json"):
        content = json.loads(path.read_text("utf-8"))
        assert content["as_of"], path.name
        assert '"source' in path.read_text("utf-8"), path.name
