"""`review_estate`: from what a path holds to a report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

from secure_bedrock.data import table
from secure_bedrock.review.checking import Facts, answered
from secure_bedrock.review.loading import Loaded
from secure_bedrock.review.matrix import rows_of
from secure_bedrock.review.report import Access, BlindSpot, Finding, Report, Undecided
from secure_bedrock.review.rules import checks, rules

Row = TypeVar("Row", Access, Finding | Undecided)
_RECORDED = "recorded"
_RECORDERS = ("AWS::CloudTrail::Trail", "AWS::CloudTrail::EventDataStore")
#: Told of each part of a review before it begins: what, how far, of how many.
Progress = Callable[[str, int, int], None]


def review_estate(loaded: Loaded, *, progress: Progress | None = None) -> Report:
    """Return who can invoke what in an input, and what is wrong with it.

    Args:
        loaded: the input.
        progress: told of each reading before it is reviewed. Default: nobody is told.

    Raises:
        InvalidInput: for a policy that IAM would refuse, which `load` has not left out.
    """
    access: list[tuple[str, Access]] = []
    results: list[tuple[str, Finding | Undecided]] = []
    present: set[str] = set()
    for number, reading in enumerate(loaded.readings):
        if progress:
            progress(reading.when or "access", number, len(loaded.readings))
        facts = Facts(reading=reading, access=rows_of(reading))
        present |= set(_kinds(facts))
        access += [(reading.when, row) for row in facts.access]
        asked = [result for check in checks() for result in check(facts)]
        results += [(reading.when, each) for each in answered(facts, asked)]
    rows = tuple(_merged(access, _access_key, len(loaded.readings)))
    undecided = [
        Undecided(rule=None, message=f"what {row.principal} can invoke", reason=row.undecided,
                  source=row.principal_source, when=row.when)
        for row in rows if row.undecided
    ]  # fmt: skip
    merged = tuple(_merged(results, _result_key, len(loaded.readings)))
    undecided += [each for each in merged if isinstance(each, Undecided)]
    findings = sorted((each for each in merged if isinstance(each, Finding)), key=_order)
    return Report(
        path=loaded.path,
        access=rows,
        findings=tuple(findings),
        undecided=tuple(undecided),
        assumptions=loaded.assumptions,
        blind_spots=tuple(_blind_spots(present)),
        made_up={key: value for reading in loaded.readings for key, value in reading.made_up.items()},
        left_out=loaded.left_out,
        principals=max(len(reading.estate.principals) for reading in loaded.readings),
        rules=rules(),
    )


def _order(finding: Finding) -> tuple[object, ...]:
    """The most severe first, then as the files have them."""
    source = finding.source
    place = (source.file, source.line or 0) if source else ("", 0)
    return (finding.about_outsiders, finding.severity.rank, *place, finding.rule.id)


def _result_key(result: Finding | Undecided) -> object:
    place = result.resource if isinstance(result, Finding) else result.reason
    return (result.rule, result.message, place)


def _merged(found: Iterable[tuple[str, Row]], key: Callable[[Row], object], readings: int) -> Iterator[Row]:
    """Yield each row once, with the outcomes it is true in; none where it is true in every one."""
    rows: dict[object, tuple[Row, list[str]]] = {}
    for when, row in found:
        rows.setdefault(key(row), (row, []))[1].append(when)
    for row, outcomes in rows.values():
        yield row if len(outcomes) >= readings else replace(row, when="; or ".join(outcomes))


def _access_key(row: Access) -> object:
    return (
        row.arn, row.actions, row.models, row.regions, row.accounts, row.network, row.guardrail, row.conditions,
        row.undecided,
    )  # fmt: skip


def _blind_spots(present: set[str]) -> Iterator[BlindSpot]:
    """Yield those that matter to an input."""
    present = present - {"unrecorded"} if _RECORDED in present else present
    for row in table("blind_spots")["blind_spots"]:
        if not row["where"] or row["where"] in present:
            yield BlindSpot(says=row["says"], source=row["source"])


def _kinds(facts: Facts) -> Iterator[str]:
    reading, estate = facts.reading, facts.reading.estate
    keys = {
        condition.key.lower()
        for principal in estate.principals.values()
        for policy in (*principal.identity, *([principal.trust] if principal.trust else []))
        for statement in policy.statements
        for condition in statement.conditions
    }
    if estate.principals:
        yield "inference"
    if reading.parts.controls:
        yield "organization"
    if "bedrock:guardrailidentifier" in keys:
        yield "guardrail"
    if any(key.startswith("aws:multifactorauth") for key in keys):
        yield "mfa"
    if facts.access:
        yield "unrecorded"
    if any(map(facts.resources, _RECORDERS)):
        yield _RECORDED
