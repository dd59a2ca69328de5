"""Reports in the forms people and programs read; each a pure function of a report."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping

from secure_bedrock.review.report import Report

Render = Callable[[Report], str]


def _text() -> Render:
    from secure_bedrock.review.formats.text import as_text  # noqa: PLC0415 - each format brings its own packages

    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    width = shutil.get_terminal_size((140, 40)).columns
    return lambda report: as_text(report, width=width, colour=colour)


def _json() -> Render:
    from secure_bedrock.review.formats.json_report import report_as_json  # noqa: PLC0415 - the same

    return report_as_json


def _markdown() -> Render:
    from secure_bedrock.review.formats.as_markdown import report_as_markdown  # noqa: PLC0415 - the same

    return report_as_markdown


def _sarif() -> Render:
    from secure_bedrock.review.formats.as_sarif import report_as_sarif  # noqa: PLC0415 - the same

    return report_as_sarif


def _html() -> Render:
    from secure_bedrock.review.formats.as_html import report_as_html  # noqa: PLC0415 - the same

    return report_as_html


#: What `--format` takes: how each is made ready.
FORMATS: Mapping[str, Callable[[], Render]] = {
    "text": _text,
    "markdown": _markdown,
    "json": _json,
    "sarif": _sarif,
    "html": _html,
}
