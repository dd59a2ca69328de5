"""Text of unknown origin, made fit to print."""

from __future__ import annotations

import unicodedata

_KEPT = {"\n", "\t"}
#: Unicode's own separators of lines and paragraphs.
_BREAKS = {"Zl", "Zp"}


def visible(text: str) -> str:
    """Return a text whose control, format and direction characters are written out: no name steers a terminal."""
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    category = unicodedata.category(character)
    if character in _KEPT or (category[0] != "C" and category not in _BREAKS):
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004 - two digits
