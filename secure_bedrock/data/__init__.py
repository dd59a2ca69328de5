"""Dated tables of what AWS documents; README.md beside them names the sources."""

from __future__ import annotations

import json
from functools import cache
from pkgutil import get_data  # light: importlib.resources imports tempfile and zipfile
from typing import Any, cast


@cache
def table(name: str) -> dict[str, Any]:
    """Return one table by its file name without the ending, read once."""
    return json.loads(cast("bytes", get_data(__name__, f"{name}.json")))
