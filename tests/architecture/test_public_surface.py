"""What users import: every name by itself, in any order, and never more than it needs."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

import secure_bedrock

NAMES = list(secure_bedrock.__all__)


def run(code: str) -> str:
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip()


def test_the_names_are_sorted_and_unique():
    assert sorted(set(NAMES)) == NAMES


def test_dir_shows_every_name():
    assert set(NAMES) <= set(dir(secure_bedrock))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="Nothing"):
        _ = secure_bedrock.Nothing


@pytest.mark.parametrize("seed", range(3))
def test_every_name_can_be_imported_in_any_order(seed):
    names = random.Random(seed).sample(NAMES, len(NAMES))  # noqa: S311 - an order
    run("".join(f"from secure_bedrock import {name}\n" for name in names))


@pytest.mark.parametrize("name", NAMES)
def test_every_name_can_be_imported_alone(name):
    assert run(f"import secure_bedrock as s; print(s.{name}.__name__)") == name


@pytest.mark.parametrize("module", ["secure_bedrock", "secure_bedrock.policy", "secure_bedrock.policy.scp"])
def test_the_pure_half_does_not_load_the_cdk(module):
    loaded = run(f"import sys, {module}; print([m for m in ('aws_cdk', 'jsii', 'constructs') if m in sys.modules])")
    assert loaded == "[]"


def test_every_public_name_is_documented():
    for name in NAMES:
        assert (getattr(secure_bedrock, name).__doc__ or "").strip(), name
