"""The rules' pages, read once."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from secure_bedrock.review.report import Reference, Rule, Severity

_DOCUMENTS = "documents"


def page(rule_id: str) -> Rule:
    """Return the rule of an id; that it exists is the caller's to know."""
    return every_page()[rule_id]


@cache
def every_page() -> Mapping[str, Rule]:
    """Return every rule by its id, in the order of the file."""
    content = tomllib.loads((files(__package__ or __name__) / "pages.toml").read_text(encoding="utf-8"))
    documents = {name: Reference(title=title, url=url) for name, (title, url) in content.pop(_DOCUMENTS).items()}
    return MappingProxyType(
        {
            rule_id: Rule(
                id=rule_id,
                title=row["title"],
                severity=Severity(row["severity"]),
                what=row["what"].strip(),
                why=row["why"].strip(),
                example=row["example"].strip("\n"),
                instead=row["instead"].strip("\n"),
                references=tuple(documents[name] for name in row["references"]),
            )
            for rule_id, row in content.items()
        }
    )
