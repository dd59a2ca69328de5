"""A report as a comment on a pull request: what is wrong first, the rest folded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from secure_bedrock.review.formats.escaping import code, markdown
from secure_bedrock.review.report import Access, Finding, Report, Severity

#: Rows of a table; a comment on GitHub takes 65536 characters.
_MOST = 50


def report_as_markdown(report: Report) -> str:
    """Return a report in GitHub's and GitLab's Markdown."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"### secure-bedrock: {_headline(report)}"
    yield ""
    yield f"{code(report.path)}: {report.principals} principals, {len(report.access)} ways to invoke a model."
    if report.findings:
        yield ""
        yield from table(("", "finding", "where", "change"), [_finding(each) for each in report.findings])
    if report.undecided:
        yield ""
        yield "**Undecided**"
        yield ""
        yield from (f"- {markdown(each.message)}: {markdown(each.reason)}" for each in report.undecided)
    if report.left_out:
        yield ""
        yield f"**Not reviewed**: {markdown(report.left_out)}"
    if report.access:
        columns = ("who", "models", "Regions", "network", "guardrail", "conditions")
        yield from folded("Who can invoke what", table(columns, [_access(each) for each in report.access]))
    yield from folded("Assumptions", numbered(report.assumptions))
    yield from folded("What no policy can close", numbered(map(str, report.blind_spots)))


def _headline(report: Report) -> str:
    counts = Counter(each.severity for each in report.findings)
    words = [f"{counts[each]} {each.value}" for each in Severity if counts[each]]
    if not words:
        return "nothing decided" if report.undecided else "no findings"
    return f"{len(report.findings)} finding{'s' if len(report.findings) > 1 else ''} ({', '.join(words)})"


def _finding(finding: Finding) -> tuple[str, ...]:
    what = f"{markdown(finding.message)} ({code(finding.rule.id)})"
    if finding.when:
        what += f", when {markdown(finding.when)}"
    if finding.about_outsiders:
        what += "<br>about principals that the input does not show: it counts only with `--strict`"
    if finding.witness:
        what += f"<br>for one: {code(finding.witness)}"
    return finding.severity.value, what, code(finding.source or finding.resource), markdown(finding.fix)


def _access(row: Access) -> tuple[str, ...]:
    who = code(row.principal) + (f", when {markdown(row.when)}" if row.when else "")
    if row.assumed_by:
        who += f"<br>assumed by {', '.join(map(code, row.assumed_by))}"
    models = "<br>".join(map(code, row.models or row.actions))
    conditions = "<br>".join(map(markdown, row.conditions)) or "none"
    return who, models, markdown(", ".join(row.regions) or "any"), markdown(row.network), _or(row.guardrail), conditions


def _or(text: str) -> str:
    return markdown(text) if text else "none"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a table's lines; the cells are Markdown already."""
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    yield from (f"| {' | '.join(row)} |" for row in rows[:_MOST])
    if len(rows) > _MOST:
        yield ""
        yield f"and {len(rows) - _MOST} more"


def numbered(texts: Iterable[str]) -> list[str]:
    """Return a numbered list."""
    return [f"{number}. {markdown(text)}" for number, text in enumerate(texts, 1)]


def folded(title: str, lines: Iterable[str]) -> Iterator[str]:
    """Yield lines that are folded away; nothing, where there are none."""
    inside = list(lines)
    if inside:
        yield from ("", f"<details><summary>{title}</summary>", "", *inside, "", "</details>")
