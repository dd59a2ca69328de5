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


#: What `--format` takes: how each is made ready.
FORMATS: Mapping[str, Callable[[], Render]] = {"text": _text}
