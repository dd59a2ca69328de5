"""A report as SARIF 2.1.0, which code scanning of GitHub, GitLab and Azure DevOps reads.

OASIS: Static Analysis Results Interchange Format (SARIF) Version 2.1.0.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from secure_bedrock.review.formats.escaping import markdown, plain
from secure_bedrock.review.report import Finding, Report, Rule, Severity
from secure_bedrock.review.template import Source

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note", Severity.NOTE: "note"}
#: GitHub sorts by this: 7 and above is high, 4 and above medium.
_SCORES = {Severity.HIGH: "8.0", Severity.MEDIUM: "5.0", Severity.LOW: "2.0", Severity.NOTE: "0.0"}


def report_as_sarif(report: Report) -> str:
    """Return a report as SARIF."""
    rules = list({rule.id: rule for rule in (*report.rules, *(each.rule for each in report.findings))}.values())
    place = {rule.id: number for number, rule in enumerate(rules)}
    driver = {
        "name": "secure-bedrock",
        "rules": [_rule(each) for each in rules],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "utf16CodeUnits",
        "results": [_result(each, place[each.rule.id], report) for each in report.findings],
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": _notifications(report)}],
        "properties": {"assumptions": list(report.assumptions)},
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    references = [f"{each.title} {each.url}".strip() for each in rule.references]
    parts = [("What it does", rule.what), ("Why it is bad", rule.why), ("Example", rule.example),
             ("Use instead", rule.instead), ("References", "\n".join(references))]  # fmt: skip
    told = [(title, text) for title, text in parts if text]
    is_code = {"Example", "Use instead"}
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.id.split("-")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.what or rule.title},
        "help": {
            "text": "\n\n".join(f"{title}: {text}" for title, text in told),
            "markdown": "\n\n".join(
                f"**{title}**\n\n" + (f"```\n{text}\n```" if title in is_code else text) for title, text in told
            ),
        },
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"tags": ["security", "bedrock"], "security-severity": _SCORES[rule.severity]},
    }


def _result(finding: Finding, index: int, report: Report) -> dict[str, Any]:
    text = [finding.message, f"Change: {finding.fix}"]
    if finding.when:
        text.append(f"When: {finding.when}")
    if finding.witness:
        text.append(f"Request: {finding.witness}")
    return {
        "ruleId": finding.rule.id,
        "ruleIndex": index,
        "level": _LEVELS[finding.severity],
        "message": {"text": "\n".join(map(plain, text)), "markdown": "\n\n".join(map(markdown, text))},
        "locations": [_location(finding.source, finding.resource, report.path)],
        "partialFingerprints": {"finding/v1": _fingerprint(finding)},
        "properties": {"aboutOutsiders": finding.about_outsiders},
    }


def _location(source: Source | None, resource: str, path: str) -> dict[str, Any]:
    file = source.file if source else path
    region = {"region": {"startLine": source.line}} if source and source.line else {}
    name = (source.construct_path or source.logical_id) if source else None
    return {
        "physicalLocation": {"artifactLocation": _artifact(file), **region},
        "logicalLocations": [{"fullyQualifiedName": name or resource, "kind": "resource"}],
    }


def _artifact(file: str) -> dict[str, str]:
    """A relative path is below the checkout, whose root the reader knows."""
    path = PurePath(file)
    named = quote(path.as_posix().encode("utf-8", "surrogatepass"))
    return {"uri": f"file://{named}"} if path.is_absolute() else {"uri": named, "uriBaseId": "%SRCROOT%"}


def _fingerprint(finding: Finding) -> str:
    """The same finding has the same one after lines have moved."""
    parts = (finding.rule.id, finding.resource, finding.message)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _notifications(report: Report) -> list[dict[str, Any]]:
    texts = [f"undecided: {each.message}: {each.reason}" for each in report.undecided]
    texts += [f"not reviewed: {report.left_out}"] if report.left_out else []
    return [{"level": "warning", "message": {"text": plain(text)}} for text in texts]
