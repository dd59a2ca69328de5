"""A report as one page that stands alone: it loads nothing, and its policy for content lets it load nothing."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib.resources import files

from secure_bedrock.policy.explanation import lines_of
from secure_bedrock.review.formats.escaping import markup
from secure_bedrock.review.formats.graph import COLUMNS, GUTTER, HEIGHT, TOP, WIDTH, Edge, Graph, Node, graph_of
from secure_bedrock.review.report import Access, Finding, Report, Rule, Severity, Undecided

#: Characters that fit into a box.
_FITS = 32
#: Boxes of a graph that can still be read; above, the matrix says it all.
_DRAWN = 400
_TITLES = {"who": "who", "role": "becomes", "network": "comes through", "model": "invokes"}


def report_as_html(report: Report) -> str:
    """Return a report as a page of HTML."""
    style, script = _asset("page.css"), _asset("page.js")
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return "".join((
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n',
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n',
        '<meta name="referrer" content="no-referrer"><meta name="color-scheme" content="light dark">\n',
        f"<title>Who can call Bedrock: {markup(report.path)}</title>\n",
        f"<style>{style}</style></head>\n<body>\n",
        *_body(report),
        f"\n<script>{script}</script></body></html>\n",
    ))  # fmt: skip


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _body(report: Report) -> Iterator[str]:
    yield f"<header><h1>Who can call Bedrock</h1><p><code>{markup(report.path)}</code></p>{_figures(report)}"
    yield '<p class="search"><label for="q">Search</label> <input id="q" type="search" autocomplete="off" '
    yield 'placeholder="a role, a model, a rule" aria-describedby="hint"> '
    yield '<span id="hint"><kbd>/</kbd> to search, <kbd>Esc</kbd> to clear</span> '
    yield '<output id="count" for="q"></output></p></header>\n<main>'
    shown, others = _by_shown(report)
    yield from _section("findings", "Findings", map(_finding, shown), "No findings.")
    yield from _graph(report)
    yield _matrix(report.access)
    yield from _section("others", "Whoever the input does not show", map(_finding, others), "")
    yield from _section("undecided", "Undecided", map(_undecided, report.undecided), "")
    yield from _list("Not reviewed", [report.left_out] if report.left_out else [])
    yield from _list("Assumptions", report.assumptions)
    yield from _list("What no policy can close", map(str, report.blind_spots))
    yield from _rules(report)
    yield "</main>"


def _by_shown(report: Report) -> tuple[list[Finding], list[Finding]]:
    """Return the findings about the input, and those about principals that it does not show."""
    others = [each for each in report.findings if each.about_outsiders]
    return [each for each in report.findings if not each.about_outsiders], others


def _figures(report: Report) -> str:
    shown, others = _by_shown(report)
    counts = Counter(each.severity for each in shown)
    parts = [(report.principals, "principals", ""), (len(report.access), "ways to invoke", "")]
    parts += [(counts[each], each.value, each.value) for each in Severity if counts[each]]
    parts += [(len(others), "about others", "")] if others else []
    parts += [(len(report.undecided), "undecided", "undecided")] if report.undecided else []
    shown = "".join(f'<li class="{kind}"><b>{number}</b> {name}</li>' for number, name, kind in parts)
    return f'<ul class="figures">{shown}</ul>'


def _section(name: str, title: str, parts: Iterable[str], nothing: str) -> Iterator[str]:
    found = list(parts)
    if found or nothing:
        yield f'<section aria-labelledby="{name}"><h2 id="{name}">{title}</h2>'
        yield "".join(found) or f"<p>{nothing}</p>"
        yield "</section>\n"


def _finding(finding: Finding) -> str:
    rows = [("where", finding.source or finding.resource), ("when", finding.when), ("change", finding.fix)]
    if finding.about_outsiders:
        rows.append(("counts", "only with --strict: it is about principals that the input does not show"))
    shown = "".join(f"<dt>{name}</dt><dd>{markup(value)}</dd>" for name, value in rows if value)
    witness = ""
    if finding.witness:
        trace = "\n".join(lines_of(finding.witness.decision))
        shown += f"<dt>for one</dt><dd><code>{markup(finding.witness)}</code></dd>"
        witness = f"<details><summary>Why it is allowed, layer by layer</summary><pre>{markup(trace)}</pre></details>"
    level, rule = finding.severity.value, markup(finding.rule.id)
    return (
        f'<article class="{level}" data-text><h3><span class="level">{level}</span> {markup(finding.message)} '
        f'<a href="#rule-{rule}"><code>{rule}</code></a></h3><dl>{shown}</dl>{witness}</article>'
    )


def _undecided(row: Undecided) -> str:
    return f'<article class="undecided" data-text><h3>{markup(row.message)}</h3><p>{markup(row.reason)}</p></article>'


# --- the graph


def _graph(report: Report) -> Iterator[str]:
    if not report.access:
        return
    names = dict(_endpoint_names(report.access))
    graph = graph_of(report.access)
    yield '<section aria-labelledby="graph"><h2 id="graph">Access graph</h2>'
    if len(graph.nodes) > _DRAWN:
        yield f"<p>{len(graph.nodes)} boxes are too many to draw; the matrix has them all.</p></section>\n"
        return
    yield '<p>Select a box to see what it is connected to.</p><div class="wide" tabindex="0" role="region" '
    yield f'aria-labelledby="graph"><svg viewBox="0 0 {graph.width} {graph.height}" width="{graph.width}" '
    yield f'height="{graph.height}" role="group" aria-labelledby="graph">'
    yield from _drawn(graph, names)
    yield "</svg></div></section>\n"


def _endpoint_names(access: Iterable[Access]) -> Iterator[tuple[str, str]]:
    """Yield the id of each endpoint with what people call it, which is where its policy stands."""
    for row in access:
        sources = [each.source for each in row.statements if each.layer == "endpoint" and each.source]
        if len(row.endpoints) == 1 and sources and sources[0].construct_path:
            yield row.endpoints[0], sources[0].construct_path


def _drawn(graph: Graph, names: dict[str, str]) -> Iterator[str]:
    for number, name in enumerate(COLUMNS):
        yield f'<text class="head" x="{number * (WIDTH + GUTTER)}" y="{TOP // 2}">{_TITLES[name]}</text>'
    for edge in graph.edges:
        yield _line(edge)
    for node in graph.nodes:
        yield _box(node, names)


def _line(edge: Edge) -> str:
    left, right = edge.start.x + WIDTH, edge.end.x
    start, end, bend = edge.start.y + HEIGHT // 2, edge.end.y + HEIGHT // 2, (left + right) // 2
    return f'<path data-rows="{_numbers(edge.rows)}" d="M{left} {start}C{bend} {start} {bend} {end} {right} {end}"/>'


def _box(node: Node, names: dict[str, str]) -> str:
    named = names.get(node.label, "")
    full = f"{node.label} ({named})" if named else node.label
    short = named or node.label
    shown = short if len(short) <= _FITS else f"…{short[1 - _FITS :]}"
    return (
        f'<g class="node c{node.column}" tabindex="0" role="button" aria-pressed="false" '
        f'data-rows="{_numbers(node.rows)}" aria-label="{_TITLES[COLUMNS[node.column]]} {markup(full)}">'
        f"<title>{markup(full)}</title>"
        f'<rect x="{node.x}" y="{node.y}" width="{WIDTH}" height="{HEIGHT}" rx="5"/>'
        f'<text x="{node.x + 8}" y="{node.y + 18}">{markup(shown)}</text></g>'
    )


def _numbers(rows: Iterable[int]) -> str:
    return " ".join(map(str, rows))


# --- the matrix


def _matrix(access: Iterable[Access]) -> str:
    columns = ("who", "models", "Regions", "network", "guardrail", "conditions", "by")
    head = "".join(f'<th scope="col">{name}</th>' for name in columns)
    rows = "".join(_row(number, row) for number, row in enumerate(access))
    inside = (
        f'<div class="wide" tabindex="0" role="region" aria-labelledby="matrix"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
        if rows
        else "<p>Nobody of the input can invoke a model.</p>"
    )
    return f'<section aria-labelledby="matrix"><h2 id="matrix">Access matrix</h2>{inside}</section>\n'


def _row(number: int, row: Access) -> str:
    who = f"<b>{markup(row.principal)}</b>" + (f"<br>when {markup(row.when)}" if row.when else "")
    if row.undecided:
        who += f'<br><span class="level undecided">undecided</span> {markup(row.undecided)}'
    cells = (
        _lines(row.models or row.actions),
        _lines(row.regions) or "any",
        markup(row.network),
        markup(row.guardrail) or "none",
        _lines(row.conditions) or "none",
        _lines(map(str, row.statements)) or "none",
    )
    return (
        f'<tr data-row="{number}" data-text><th scope="row">{who}</th>'
        + "".join(f"<td>{cell}</td>" for cell in cells)
        + "</tr>"
    )


def _lines(texts: Iterable[str]) -> str:
    return "<br>".join(map(markup, texts))


# --- the rest


def _list(title: str, texts: Iterable[str]) -> Iterator[str]:
    rows = "".join(f"<li data-text>{markup(text)}</li>" for text in texts)
    if rows:
        yield f"<section><details><summary><h2>{title}</h2></summary><ol>{rows}</ol></details></section>\n"


def _rules(report: Report) -> Iterator[str]:
    rules = {each.rule.id: each.rule for each in report.findings}
    yield from _section("rules", "Rules", map(_rule, rules.values()), "")


def _rule(rule: Rule) -> str:
    parts = (("What it does", rule.what), ("Why it is bad", rule.why))
    blocks = (("Example", rule.example), ("Use instead", rule.instead))
    references = "".join(f"<li>{_reference(each.title, each.url)}</li>" for each in rule.references)
    return (
        f'<article id="rule-{markup(rule.id)}"><h3><code>{markup(rule.id)}</code> {markup(rule.title)}</h3>'
        + "".join(f"<h4>{name}</h4><p>{markup(text)}</p>" for name, text in parts if text)
        + "".join(f"<h4>{name}</h4><pre>{markup(text)}</pre>" for name, text in blocks if text)
        + (f"<h4>References</h4><ul>{references}</ul>" if references else "")
        + "</article>"
    )


def _reference(title: str, url: str) -> str:
    if not url.startswith("https://"):
        return markup(title)
    return f'<a href="{markup(url)}" rel="noreferrer noopener">{markup(title)}</a>'
