"""The pages of rules: as text for the terminal, as Markdown for the site."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import dedent, fill

from secure_bedrock.review.report import Rule

_WIDTH = 100


def listing(rules: Iterable[Rule]) -> str:
    """Return every rule in one line: its severity, its id and what is wrong."""
    return "\n".join(f"{rule.severity.value:<7} {rule.id:<34} {rule.title}" for rule in rules)


def page_as_text(rule: Rule) -> str:
    """Return a rule's page for the terminal."""
    return "\n".join(_text(rule))


def _text(rule: Rule) -> Iterator[str]:
    yield f"{rule.id} ({rule.severity.value})"
    yield rule.title
    for heading, body in (("What", rule.what), ("Why", rule.why)):
        yield ""
        yield heading
        yield fill(body, _WIDTH, initial_indent="  ", subsequent_indent="  ")
    for heading, body in (("Found", rule.example), ("Instead", rule.instead)):
        yield ""
        yield heading
        yield "\n".join(f"  {line}" for line in dedent(body).splitlines())
    yield ""
    yield "References"
    for each in rule.references:
        yield f"  {each.title}"
        yield f"  {each.url}"


def pages_as_markdown(rules: Iterable[Rule]) -> str:
    """Return the reference of all rules: a table, and a section for each."""
    every = tuple(rules)
    lines = [_HEAD, "| rule | severity | what is wrong |", "|---|---|---|"]
    lines += [f"| [{rule.id}](#{rule.id}) | {rule.severity.value} | {rule.title} |" for rule in every]
    for rule in every:
        lines += ["", *_section(rule)]
    return "\n".join(lines) + "\n"


_HEAD = """# Rules of the review

What `secure-bedrock review` looks for when it is given nothing but an input. `secure-bedrock rules ID` prints one of
these pages. A claim about access is proved over every request that the policies let through together; where it does not
hold, one request that shows it is printed.
Notes change no exit code, and claims about principals outside the input do so only with `--strict`.
"""


def _section(rule: Rule) -> Iterator[str]:
    yield f"## {rule.id}"
    yield ""
    yield f"{rule.title}. Severity: {rule.severity.value}."
    yield ""
    yield f"**What it does.** {rule.what}"
    yield ""
    yield f"**Why it is bad.** {rule.why}"
    for heading, body in (("Example", rule.example), ("Use instead", rule.instead)):
        yield ""
        yield f"**{heading}**"
        yield ""
        yield "```yaml"
        yield dedent(body)
        yield "```"
    yield ""
    yield "**References.** " + "; ".join(f"[{each.title}]({each.url})" for each in rule.references)
