"""What a report is printed as: each form is held against its own published rules, with names that mean harm."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import jsonschema
import pytest
from markdown_it import MarkdownIt

from secure_bedrock.review.formats import FORMATS
from secure_bedrock.review.formats.as_html import report_as_html
from secure_bedrock.review.formats.as_markdown import report_as_markdown
from secure_bedrock.review.formats.as_sarif import report_as_sarif
from secure_bedrock.review.formats.graph import HEIGHT, graph_of
from secure_bedrock.review.formats.json_report import report_as_json, schema
from tests.review.samples import HOSTILE, empty_report, report_named

SARIF = json.loads((Path(__file__).parent / "schemas" / "sarif-schema-2.1.0.json").read_text("utf-8"))
NAMES = ("App/Role", *HOSTILE)
BROWSER = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))), None)
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine: apt install chromium")


def reports():
    return [*(report_named(name) for name in NAMES), empty_report()]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("number", range(len(NAMES) + 1))
def test_every_form_takes_every_name_and_steers_no_terminal(form, number):
    text = FORMATS[form]()(reports()[number])
    text.encode("utf-8")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2028]", text)
    assert len(text) < 300_000


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_who_becomes_a_principal_stands_beside_it(form):
    text = FORMATS[form]()(report_named("App/Role"))
    who = text[text.index("assumed by") :]
    assert who.index("App/Role") < who.index("lambda.amazon")
    assert text.count("assumed by") == 1  # nothing is said of who nobody becomes


# --- JSON


@pytest.mark.parametrize("report", reports(), ids=range(len(NAMES) + 1))
def test_json_is_as_its_schema_says(report):
    jsonschema.Draft7Validator.check_schema(schema())
    plain = json.loads(report_as_json(report))
    jsonschema.Draft7Validator(schema()).validate(plain)
    assert [each["severity"] for each in plain["findings"]] == [each.severity.value for each in report.findings]


def test_the_schema_notices_a_field_that_is_missing_or_unknown():
    plain = json.loads(report_as_json(report_named("x")))
    validator = jsonschema.Draft7Validator(schema())
    for wrong in ({**plain, "new": 1}, {k: v for k, v in plain.items() if k != "findings"}):
        assert not validator.is_valid(wrong)
    plain["findings"][0]["severity"] = "awful"
    assert not validator.is_valid(plain)


# --- SARIF


@pytest.mark.parametrize("report", reports(), ids=range(len(NAMES) + 1))
def test_sarif_is_as_oasis_says(report):
    log = json.loads(report_as_sarif(report))
    jsonschema.Draft4Validator(SARIF).validate(log)
    (run,) = log["runs"]
    assert len(run["results"]) == len(report.findings)
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]


def test_sarif_says_where_with_line_and_how_to_help():
    (run,) = json.loads(report_as_sarif(report_named("a b/Role")))["runs"]
    by_rule = {result["ruleId"]: result for result in run["results"]}
    (place,) = by_rule["medium-rule"]["locations"]
    assert place["physicalLocation"] == {
        "artifactLocation": {"uri": "cdk.out/a%20b/Role", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 3},
    }
    assert place["logicalLocations"][0]["fullyQualifiedName"] == "a b/Role"
    levels = {rule.removesuffix("-rule"): result["level"] for rule, result in by_rule.items()}
    assert levels == {"high": "error", "medium": "warning", "low": "note", "note": "note"}
    rule = run["tool"]["driver"]["rules"][0]
    assert "**Why it is bad**\n\nIt matters." in rule["help"]["markdown"]
    assert len({each["partialFingerprints"]["finding/v1"] for each in run["results"]}) == 4
    notes = run["invocations"][0]["toolExecutionNotifications"]
    assert [each["message"]["text"].partition(":")[0] for each in notes] == ["undecided", "undecided", "not reviewed"]


# --- Markdown


_ELEMENTS = {
    "h3", "p", "code", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "ol", "ul", "li", "br",
    "strong",
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_markdown_stays_in_its_table_and_makes_nothing_of_names(name):
    report = report_named(name)
    rendered = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(report_as_markdown(report))
    assert set(re.findall(r"<([a-z0-9]+)", rendered)) <= _ELEMENTS
    tables = [part.partition("</table>")[0] for part in rendered.split("<table>")[1:]]
    assert [table.count("<tr>") - 1 for table in tables] == [len(report.findings), len(report.access)]
    for table, columns in zip(tables, (4, 6), strict=True):
        assert table.count("<td") == columns * (table.count("<tr>") - 1)


def test_markdown_mentions_nobody_and_is_short():
    text = report_as_markdown(report_named("@everyone"))
    assert "@everyone" in text
    assert "@everyone" not in re.sub(r"`[^`]*`", "", text)
    assert text.splitlines()[0] == "### secure-bedrock: 4 findings (1 high, 1 medium, 1 low, 1 note)"
    assert report_as_markdown(empty_report()).splitlines()[0] == "### secure-bedrock: no findings"


# --- HTML


class Tags(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.found, self.ids, self.open = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_makes_no_element_and_no_attribute(name):
    sound, page = Tags(report_as_html(report_named("x"))), Tags(report_as_html(report_named(name)))
    assert [(tag, sorted(attributes)) for tag, attributes in page.found] == [
        (tag, sorted(attributes)) for tag, attributes in sound.found
    ]
    assert len(page.ids) == len(set(page.ids))


def test_the_page_loads_nothing_and_its_policy_names_what_it_runs():
    page = report_as_html(report_named("x"))
    tags = Tags(page)
    assert [
        (tag, attributes) for tag, attributes in tags.found if attributes.get("src") or tag in {"link", "img", "iframe"}
    ] == []
    assert {attributes["href"][0] for tag, attributes in tags.found if "href" in attributes} == {"#", "h"}
    assert "url(" not in page
    (policy,) = [a["content"] for tag, a in tags.found if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    for tag in ("style", "script"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_boxes_do_not_overlap_and_lines_lead_from_column_to_column():
    graph = graph_of(report_named("x").access)
    for column in range(4):
        tops = sorted(node.y for node in graph.nodes if node.column == column)
        assert tops
        assert all(b - a >= HEIGHT for a, b in pairwise(tops))
    assert {(edge.start.column, edge.end.column) for edge in graph.edges} == {(0, 1), (1, 2), (2, 3)}
    assert all(0 <= node.y < graph.height for node in graph.nodes)


DRIVER = """
const key = (target, key) => target.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}));
const shown = () => document.querySelectorAll("[data-text]:not([hidden])").length;
const told = {title: document.title, all: shown(), scripts: document.scripts.length};
key(document.body, "/");
told.focus = document.activeElement.id;
const search = document.getElementById("q");
search.value = "nothing has this";
search.dispatchEvent(new Event("input"));
told.none = shown();
told.count = document.getElementById("count").textContent;
key(search, "Escape");
told.again = shown();
const node = document.querySelector(".c1");
node.focus();
key(node, "Enter");
told.pressed = node.getAttribute("aria-pressed");
told.rows = document.querySelectorAll("tr.on").length;
told.dimmed = document.querySelectorAll("svg .off").length;
key(node, "ArrowDown");
told.moved = document.activeElement !== node && document.activeElement.classList.contains("node");
told.wide = document.documentElement.scrollWidth <= innerWidth;
told.back = getComputedStyle(document.body).backgroundColor;
try { eval("1"); told.evaluated = true } catch (error) { told.evaluated = false }
document.documentElement.setAttribute("data-told", JSON.stringify(told));
"""


def opened(page: str, folder: Path, *options: str) -> dict:
    """What the page does in a browser when it is driven; only the driver's own hash is added to its policy."""
    digest = base64.b64encode(hashlib.sha256(DRIVER.encode()).digest()).decode()
    page = page.replace("script-src '", f"script-src 'sha256-{digest}' '", 1)
    path = folder / "page.html"
    path.write_text(page.replace("</body>", f"<script>{DRIVER}</script></body>"), "utf-8")
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND",
               f"--user-data-dir={folder / 'profile'}", *options, "--dump-dom", path.as_uri()]  # fmt: skip
    dom = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    return json.loads(html.unescape(re.search(r'data-told="([^"]*)"', dom)[1]))


@needs_browser
def test_the_page_in_a_browser_by_keyboard_alone(tmp_path):
    told = opened(report_as_html(report_named("App/Role")), tmp_path, "--blink-settings=preferredColorScheme=1")
    assert told["focus"] == "q"
    assert (told["none"], told["again"]) == (0, told["all"])
    assert told["count"] == f"0 of {told['all']} entries"
    assert (told["pressed"], told["rows"], told["moved"]) == ("true", 1, True)
    assert told["dimmed"] > 0
    assert told["wide"], "the page itself does not scroll sideways"
    assert told["evaluated"] is False
    assert told["back"] == "rgb(255, 255, 255)"


@needs_browser
def test_the_page_is_dark_where_the_reader_wants_it_and_no_name_runs(tmp_path):
    told = opened(report_as_html(report_named(HOSTILE[1])), tmp_path, "--blink-settings=preferredColorScheme=0")
    assert told["back"] == "rgb(18, 22, 27)"
    assert told["title"].startswith("Who can call Bedrock")
    assert told["scripts"] == 2
