"""From any templates to who can call Bedrock: what is deployed, who reaches which model, and what is wrong with it.

Pure Python: imports neither aws_cdk nor jsii. Each name is imported on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from secure_bedrock.review.loading import Loaded, Reading, load
    from secure_bedrock.review.report import Access, Finding, Report, Rule, Severity, Undecided
    from secure_bedrock.review.reviewing import review_estate
    from secure_bedrock.review.template import Source

__all__ = [
    "Access", "Finding", "Loaded", "Reading", "Report", "Rule", "Severity", "Source", "Undecided", "load",
    "review_estate",
]  # fmt: skip

_HOMES = {
    **dict.fromkeys(("Access", "Finding", "Report", "Rule", "Severity", "Undecided"), "report"),
    "Loaded": "loading", "Reading": "loading", "Source": "template", "load": "loading",
    "review_estate": "reviewing",
}  # fmt: skip


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
