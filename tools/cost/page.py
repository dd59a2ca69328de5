"""The bill as a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields

from tools.cost.bill import HOURS, PARTLY, UNPRICED, Line, Template, Use, bill, prices, total

_HEAD = """# What it costs

Written by `make cost` from the templates of the reference app with everything switched on, and from the prices in
`secure_bedrock/data/prices.json`: US dollars of us-east-1, each with its date and source, none read from the live price
list, free tiers not taken off. Read it for what is large and what is small, and look at AWS's price pages before you
decide.

A month's use is taken to be:
"""


def page(templates: Mapping[str, Template], switched: Mapping[str, Template], use: Use) -> str:
    """Return the document.

    Args:
        templates: the reference app's, with everything switched on, by stack.
        switched: the audit's, by the switch that makes it; its first is the audit with its defaults.
        use: the month's use.
    """
    lines = bill(templates, use)
    return "\n".join([
        *_introduction(use), *_by_stack(lines, templates), *_by_item(lines), *_by_switch(switched, use),
        *_missing(templates), *_sources(lines),
    ]) + "\n"  # fmt: skip


def _introduction(use: Use) -> Iterator[str]:
    yield _HEAD
    for field in fields(use):
        yield f"- {getattr(use, field.name):,} {field.metadata['means']}"


def _by_stack(lines: list[Line], templates: Mapping[str, Template]) -> Iterator[str]:
    yield from (
        "",
        "## By stack",
        "",
        "A stack that is not declared costs nothing.",
        "",
        "| stack | a month |",
        "|---|---|",
    )
    for stack in sorted(templates):
        yield f"| {stack} | {total(line for line in lines if line.stack == stack):,.2f} |"
    yield f"| all of them | {total(lines):,.2f} |"


def _by_item(lines: list[Line]) -> Iterator[str]:
    yield from ("", "## By item", "", "| stack | item | how many | of | a month |", "|---|---|---|---|---|")
    for line in lines:
        unit = prices()[line.price]["unit"]
        yield f"| {line.stack} | {line.item} | {line.quantity:,.2f} | {unit} | {line.dollars:,.2f} |"


def _by_switch(switched: Mapping[str, Template], use: Use) -> Iterator[str]:
    sums = {name: total(bill({name: template}, use)) for name, template in switched.items()}
    (first, base), *others = sums.items()
    yield from (
        "", "## What a switch of the audit changes", "", f"`{first}` costs {base:,.2f}.", "",
        "| instead | a month more or less |", "|---|---|",
    )  # fmt: skip
    yield from (f"| `{name}` | {dollars - base:+,.2f} |" for name, dollars in others)
    zone = HOURS * prices()["privatelink.interface_endpoint.hour"]["usd"]
    yield from (
        "",
        f"A zone more costs {zone:,.2f} for each endpoint, and each service of `PrivateBedrockEndpoint` has one.",
        "Where no other trail records management events the first copy is free: the second copy's line falls away.",
    )  # fmt: skip


def _missing(templates: Mapping[str, Template]) -> Iterator[str]:
    there = {resource["Type"] for template in templates.values() for resource in template["Resources"].values()}
    yield from ("", "## What is not in it", "", "The price table knows nothing of:", "")
    yield from (f"- {what}" for kind, what in (UNPRICED | PARTLY).items() if kind in there)


def _sources(lines: list[Line]) -> Iterator[str]:
    yield from (
        "",
        "## Where the prices come from",
        "",
        "| price | US dollars | a | source | of |",
        "|---|---|---|---|---|",
    )
    for row in (prices()[price] for price in sorted({line.price for line in lines})):
        yield f"| {row['id']} | {row['usd']:g} | {row['unit']} | {row['source']} | {row['source_date']} |"
