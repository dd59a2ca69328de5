"""A report for programs: JSON as `report.schema.json` beside this module describes it."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from secure_bedrock.policy.calls import Call
from secure_bedrock.policy.explanation import lines_of
from secure_bedrock.policy.verdicts import Witness
from secure_bedrock.review.report import Access, Finding, Grant, Report, Rule, Undecided
from secure_bedrock.review.template import Source

#: Of the form; it grows when a field goes or changes its meaning.
VERSION = 1


def report_as_json(report: Report) -> str:
    """Return a report as JSON; everything beyond ASCII is escaped."""
    return json.dumps(plain_of(report), indent=2) + "\n"


def schema() -> dict[str, Any]:
    """Return the JSON schema of what `report_as_json` writes."""
    return json.loads(files(__package__).joinpath("report.schema.json").read_text("utf-8"))


def plain_of(report: Report) -> dict[str, Any]:
    """Return a report as JSON-ready values."""
    return {
        "version": VERSION,
        "path": report.path,
        "principals": report.principals,
        "access": [_access(each) for each in report.access],
        "findings": [_finding(each) for each in report.findings],
        "undecided": [_undecided(each) for each in report.undecided],
        "assumptions": list(report.assumptions),
        "blind_spots": [{"says": each.says, "source": each.source} for each in report.blind_spots],
        "made_up": dict(report.made_up),
        "left_out": report.left_out,
        "rules": [_rule(each) for each in report.rules],
    }


def _access(row: Access) -> dict[str, Any]:
    lists = ("actions", "models", "regions", "accounts", "endpoints", "conditions", "assumed_by")
    return {
        "principal": row.principal,
        "arn": row.arn,
        "is_named": row.is_named,
        "source": _source(row.principal_source),
        **{name: list(getattr(row, name)) for name in lists},
        "network": row.network,
        "guardrail": row.guardrail,
        "statements": [_grant(each) for each in row.statements],
        "witness": _witness(row.witness),
        "undecided": row.undecided,
        "when": row.when,
    }


def _grant(grant: Grant) -> dict[str, Any]:
    return {
        "layer": grant.layer, "statement": grant.statement, "policy": grant.policy, "source": _source(grant.source),
    }  # fmt: skip


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule.id,
        "severity": finding.severity.value,
        "message": finding.message,
        "resource": finding.resource,
        "source": _source(finding.source),
        "fix": finding.fix,
        "witness": _witness(finding.witness),
        "about_outsiders": finding.about_outsiders,
        "when": finding.when,
    }


def _undecided(row: Undecided) -> dict[str, Any]:
    return {
        "rule": row.rule.id if row.rule else None,
        "message": row.message,
        "reason": row.reason,
        "source": _source(row.source),
        "when": row.when,
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "title": rule.title,
        "severity": rule.severity.value,
        "what": rule.what,
        "why": rule.why,
        "example": rule.example,
        "instead": rule.instead,
        "references": [{"title": each.title, "url": each.url} for each in rule.references],
    }


def _source(source: Source | None) -> dict[str, Any] | None:
    if source is None:
        return None
    return {
        "file": source.file,
        "line": source.line,
        "stack": source.stack,
        "logical_id": source.logical_id,
        "construct_path": source.construct_path,
    }


def _witness(witness: Witness | None) -> dict[str, Any] | None:
    if witness is None:
        return None
    request = witness.request
    is_call = isinstance(request, Call)
    return {
        "text": str(witness),
        "principal": request.principal,
        "action": request.operation if is_call else request.action,
        "resource": str(request.model or request.resource or "*") if is_call else request.resource,
        "endpoint": request.endpoint,
        "context": {key: value if isinstance(value, str) else list(value) for key, value in request.context.items()},
        "is_named": witness.is_named,
        "trace": list(lines_of(witness.decision)),
    }
