"""What a change does to access, as a comment on a pull request."""

from __future__ import annotations

from collections.abc import Iterator

from secure_bedrock.review.changes import Change, Changes
from secure_bedrock.review.formats.as_markdown import folded, numbered, table
from secure_bedrock.review.formats.escaping import code, markdown


def changes_as_markdown(changes: Changes) -> str:
    """Return it in GitHub's and GitLab's Markdown: what is gained in full, the rest folded."""
    return "\n".join(_lines(changes)) + "\n"


def _lines(changes: Changes) -> Iterator[str]:
    yield f"### secure-bedrock: {changes.headline}"
    columns = ("who", "what", "for one", "by")
    if changes.gained:
        yield from ("", "**Newly allowed**", "")
        yield from table(columns, [_row(each) for each in changes.gained])
    elif not changes.unsettled:
        yield from ("", "Nothing is allowed that was not allowed before.")
    if changes.unsettled:
        yield from ("", "**Undecided**", "", *(f"- {markdown(text)}" for text in changes.unsettled))
    if changes.is_cut:
        yield from ("", "There is more than is listed.")
    if changes.lost:
        title = f"No longer allowed ({len(changes.lost)})"
        yield from folded(title, table(columns, [_row(each) for each in changes.lost]))
    yield from folded("Assumptions", numbered(changes.assumptions))


def _row(change: Change) -> tuple[str, ...]:
    what = markdown(change.description) + (f"<br>when {markdown(change.when)}" if change.when else "")
    request = code(change.request) if change.request else ""
    return code(change.principal), what, request, "<br>".join(map(code, change.statements))
