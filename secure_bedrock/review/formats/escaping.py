"""Text of unknown origin, made fit for Markdown and HTML."""

from __future__ import annotations

import html
import re

from secure_bedrock.review.text import visible

_MARKUP = re.compile(r"[\\`*_{}\[\]<>#!|~&$]|^[-+=\d]")


def plain(text: object) -> str:
    """Return a text on one line, with what steers a terminal or hides written out."""
    return " ".join(visible(str(text)).split())


def markdown(text: object) -> str:
    """Return a text that means nothing but itself in Markdown, in a table too; it mentions nobody."""
    escaped = _MARKUP.sub(lambda match: f"&#{ord(match[0])};", plain(text))
    return escaped.replace("@", "@&#8203;").replace("://", "&#58;//").replace("www.", "www&#46;")


def code(text: object) -> str:
    """Return a text as code in Markdown, in a table too."""
    shown = plain(text).replace("|", "\\|")
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * (longest + 1)
    blank = " " if shown[:1] == "`" or shown[-1:] == "`" or not shown else ""
    return f"{fence}{blank}{shown}{blank}{fence}"


def markup(text: object) -> str:
    """Return a text that means nothing but itself in HTML, in an attribute too."""
    return html.escape(visible(str(text)))
