"""Documents are code: every snippet runs, every output is what it prints, every link leads somewhere."""

from __future__ import annotations

import contextlib
import io
import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
from myst_parser.slugs import github_slugify

from secure_bedrock.policy.ceiling import ceiling_of
from secure_bedrock.policy.features import BedrockFeature
from secure_bedrock.policy.organization import AllowedModels, Organization, call_statements
from secure_bedrock.policy.protection import Protection, protection_statements
from tests.policy.test_writers import access

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("tests/**/*.md")])
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#]*)(?:#([^)]*))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def blocks(path: Path) -> list[tuple[str, str]]:
    return FENCE.findall(path.read_text("utf-8"))


def names(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if "```python" in path.read_text("utf-8")], ids=names)
def test_every_snippet_runs_and_prints_what_the_document_says(path):
    namespace: dict[str, object] = {}
    for (kind, text), (next_kind, expected) in pairwise([*blocks(path), ("", "")]):
        if kind != "python":
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(text, str(path), "exec"), namespace)  # noqa: S102 - the document's own code
        if next_kind == "text":
            assert printed.getvalue() == expected
        else:
            assert printed.getvalue() == "", "what a snippet prints is shown after it"


@pytest.mark.parametrize("path", DOCUMENTS, ids=names)
def test_every_json_is_json_and_every_command_exists(path):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for kind, text in blocks(path):
        if kind == "json":
            assert json.loads(text)
        for target in re.findall(r"^\$ make (\w+)", text, re.MULTILINE):
            assert target in targets


def anchors(path: Path) -> list[str]:
    """The headings as GitHub names them, which is how the site names them too."""
    prose = re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    return [github_slugify(re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)) for heading in HEADING.findall(prose)]


def dead_links(path: Path) -> list[str]:
    dead = []
    for target, anchor in LINK.findall(path.read_text("utf-8")):
        if "://" in target:
            continue
        file = path.parent / target if target else path
        if not file.exists() or (anchor and (file.suffix != ".md" or anchor not in anchors(file))):
            dead.append(f"{target}#{anchor}" if anchor else target)
    return dead


@pytest.mark.parametrize("path", DOCUMENTS, ids=names)
def test_every_link_leads_to_a_file_and_to_a_heading_of_it(path):
    assert dead_links(path) == []


def test_a_link_to_no_heading_is_seen(tmp_path):
    (tmp_path / "a.md").write_text(
        "# One `thing`, two\n[x](b.md#there) [y](b.md#gone) [z](#one-thing-two) [w](#two) [v](c.md)"
    )
    (tmp_path / "b.md").write_text("```text\n# gone\n```\n## There\n")
    assert dead_links(tmp_path / "a.md") == ["b.md#gone", "#two", "c.md"]


def test_the_example_of_the_first_screen_is_short():
    _, example = next(block for block in blocks(ROOT / "README.md") if block[0] == "python")
    assert len([line for line in example.splitlines() if line.strip()]) <= 15
    assert (ROOT / "README.md").read_text("utf-8").index("make demo") < 250


def test_every_statement_of_the_organisation_is_explained():
    everything = Organization(
        partition="aws", regions=("eu-west-1",), models=AllowedModels(foundation_models=("a.b",)),
        guardrails=("arn:x",),
        guardrail_arns=("arn:x",), endpoints=("vpce-12345678",), features=BedrockFeature.NONE, deny_marketplace=True,
    )  # fmt: skip
    lenient = Organization(partition="aws", regions=("eu-west-1",), deny_api_keys=False)
    protection = Protection(partition="aws", administrators=("arn:aws:iam::111122223333:role/x",))
    statements = (*call_statements(everything), *call_statements(lenient), *protection_statements(protection))
    explained = set(
        re.findall(r"^\| `(\w+)`", (ROOT / "docs/reference/organisation-statements.md").read_text(), re.MULTILINE)
    )
    assert explained == {statement.sid for statement in statements}


def test_every_statement_of_the_ceiling_is_explained():
    rows = re.findall(r"^\| (`.*?) \|", (ROOT / "docs/explanation/ceiling.md").read_text("utf-8"), re.MULTILINE)
    explained = {name.rstrip("…") for row in rows for name in re.findall(r"`(.*?)`", row)}
    declared = access(
        "eu.amazon.nova-lite-v1:0",
        suspended=True,
        revoke_sessions_before="2026-01-01T00:00:00Z",
        matching_tags=("project",),
    )
    for statement in ceiling_of(declared).statements:
        assert statement.sid.rstrip("0123456789") in explained
