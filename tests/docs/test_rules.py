"""The pages of the review's rules: written from one source, each example found by its own rule."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from secure_bedrock.cli import main
from secure_bedrock.review.formats.pages import pages_as_markdown
from secure_bedrock.review.rules import rules

PAGE = Path(__file__).parents[2] / "docs/reference/rules.md"


def test_the_reference_is_what_the_rules_say():
    text = pages_as_markdown(rules())
    if os.environ.get("WRITE_RULES"):
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text, "WRITE_RULES=1 pytest tests/docs/test_rules.py writes it"


def test_every_rule_has_a_whole_page():
    for rule in rules():
        assert rule.id == rule.id.lower()
        assert all((rule.title, rule.what, rule.why, rule.example, rule.instead, rule.references)), rule.id
        assert all(each.url.startswith("https://docs.aws.amazon.com/") for each in rule.references), rule.id
        assert not rule.title.endswith(".")


def test_every_page_belongs_to_a_rule_that_is_looked_for():
    from secure_bedrock.review.rules.pages import every_page  # noqa: PLC0415 - only here

    assert set(every_page()) == {rule.id for rule in rules()}
    assert len({rule.id for rule in rules()}) == len(rules())


@pytest.mark.parametrize("arguments", [["rules", "mfa-ineffective"], ["review", "--rule", "mfa-ineffective"]])
def test_the_command_prints_a_page(arguments):
    result = CliRunner().invoke(main, arguments, standalone_mode=False)
    assert result.return_value == 0
    assert "BoolIfExists" in result.output
    assert "https://docs.aws.amazon.com/" in result.output


def test_the_command_lists_every_rule():
    result = CliRunner().invoke(main, ["rules"], standalone_mode=False)
    assert len(result.output.splitlines()) == len(rules())


def test_a_rule_that_does_not_exist_is_an_error_with_the_nearest():
    result = CliRunner().invoke(main, ["rules", "mfa-inefective"], standalone_mode=False)
    assert "mfa-ineffective" in str(result.exception)
