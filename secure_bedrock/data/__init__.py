"""Dated tables of what AWS documents; README.md beside them names the sources."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def table(name: str) -> dict[str, Any]:
    """Return one table by its file name without the ending, read once."""
    return json.loads((files(__name__) / f"{name}.json").read_text(encoding="utf-8"))
