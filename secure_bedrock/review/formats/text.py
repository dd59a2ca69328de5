"""A report for the terminal: tables that fit its width, colour only where it is one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import StringIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from secure_bedrock.review.report import Access, Finding, Report, Severity
from secure_bedrock.review.text import visible

_STYLES = {Severity.HIGH: "bold red", Severity.MEDIUM: "yellow", Severity.LOW: "cyan", Severity.NOTE: "dim"}


def as_text(report: Report, *, width: int = 120, colour: bool = False) -> str:
    """Return a report as lines of text.

    Args:
        report: the report.
        width: of the terminal, in characters.
        colour: whether to write colours; they are never the only sign.
    """
    out = StringIO()
    console = Console(file=out, width=width, force_terminal=colour, no_color=not colour, highlight=False, emoji=False)
    for part in _parts(report):
        console.print(part)
    return out.getvalue()


def _parts(report: Report) -> Iterator[Table | Text]:
    yield _line(f"{report.path}: {report.principals} principals, {len(report.access)} ways to invoke", style="bold")
    if report.access:
        yield _matrix(report.access)
    else:
        yield _line("Nobody of the input can invoke a model.")
    for finding in report.findings:
        if not finding.about_outsiders:
            yield Text()
            yield from _finding(finding)
    yield from _list("Undecided", [f"{each.message}: {each.reason}" for each in report.undecided])
    yield from _list("Assumptions", [*report.assumptions, *_about_outsiders(report)])
    yield from _list("What no policy can close", map(str, report.blind_spots))
    if report.left_out:
        yield from _list("Not reviewed", [report.left_out])


def _matrix(rows: Iterable[Access]) -> Table:
    table = Table(show_lines=True, expand=True)
    for name in ("who", "models", "Regions", "network", "guardrail", "conditions", "by"):
        table.add_column(name, overflow="fold", ratio=2 if name in {"who", "models", "by"} else 1)
    for row in rows:
        mark = f"undecided: {row.undecided}\n" if row.undecided else ""
        table.add_row(*(_line(cell) for cell in (
            _who(row),
            mark + "\n".join(row.models or row.actions),
            "\n".join(row.regions) or "any",
            row.network,
            row.guardrail or "-",
            "\n".join(row.conditions) or "-",
            "\n".join(map(str, row.statements)) or "-",
        )))  # fmt: skip
    return table


def _who(row: Access) -> str:
    when = f" (where {row.when})" if row.when else ""
    assumed = "".join(f"\n- {each}" for each in row.assumed_by)
    return f"{row.principal}{when}" + (f"\nassumed by{assumed}" if assumed else "")


def _finding(finding: Finding) -> Iterator[Text]:
    yield Text.assemble(
        (finding.severity.value.upper(), _STYLES[finding.severity]),
        f" {finding.rule.id}: {visible(finding.message)}",
    )
    place = str(finding.source) if finding.source else finding.resource
    for name, value in (("where", place), ("when", finding.when), ("request", finding.witness), ("fix", finding.fix)):
        if value:
            yield _line(f"  {name}: {value}")


def _about_outsiders(report: Report) -> Iterator[str]:
    """Claims about policies that are not there are what the rest is assumed beside."""
    for finding in report.findings:
        if finding.about_outsiders:
            yield f"{finding.message}: {finding.witness}; {finding.fix} ({finding.rule.id}, counts with --strict)"


def _list(title: str, lines: Iterable[str]) -> Iterator[Text]:
    found = list(lines)
    if found:
        yield Text()
        yield _line(title, style="bold")
        yield from (_line(f"{number}. {line}") for number, line in enumerate(found, 1))


def _line(text: str, style: str = "") -> Text:
    """What comes from the input is text, never markup."""
    return Text(visible(text), style=style)
