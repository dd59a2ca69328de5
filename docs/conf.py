"""How Sphinx builds these documents: `make docs`. Offline: no font, script or inventory comes from elsewhere."""

import re

project = "secure_bedrock"
author = "the secure_bedrock authors"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = "secure_bedrock"
exclude_patterns = ["_build"]
myst_heading_anchors = 3
suppress_warnings = ["misc.highlighting_failure"]  # no lexer knows mermaid: its diagrams stand as text
autodoc_typehints = "description"
autodoc_class_signature = "separated"
html_show_sphinx = False
napoleon_use_ivar = True


def setup(app: object) -> None:
    """Take what stands in backticks in docstrings for literal text, before Napoleon looks for colons."""
    app.connect("autodoc-process-docstring", _literal, priority=400)  # type: ignore[attr-defined] # Sphinx's application


def _literal(app: object, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:  # noqa: ARG001, PLR0913, PLR0917 - Sphinx's own
    lines[:] = re.sub(r"`+([^`]+)`+", r"``\1``", "\n".join(lines)).split("\n")
