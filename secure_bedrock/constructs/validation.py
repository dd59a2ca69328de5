"""`SecureBedrockValidation`: the review of this library as a validation plugin of any CDK app.

AWS: CDK Developer Guide, "Validate AWS CDK applications": a plugin reads what was synthesized, and a violation fails
the synthesis.
"""

from __future__ import annotations

import os
from pathlib import Path

import aws_cdk as cdk
import jsii

from secure_bedrock.review.loading import load
from secure_bedrock.review.report import Finding, Report, Undecided
from secure_bedrock.review.reviewing import review_estate
from secure_bedrock.review.text import visible

#: Acknowledgements name a rule as `secure-bedrock::RULE`.
_NAME = "secure-bedrock"
#: How much of a text the console is given.
_SHOWN = 1000


@jsii.implements(cdk.IPolicyValidationPlugin)
class SecureBedrockValidation:
    """Who can call Bedrock, asked of the whole app at each synthesis: a finding fails it.

    Register it with `cdk.Validations.of(app).add_plugins(SecureBedrockValidation())`. A finding names the construct,
    one request that shows it, and what to change. What is meant to be so is acknowledged where it stands, with the
    reason, which goes into the validation report:
    `cdk.Validations.of(endpoint).acknowledge(cdk.Acknowledgment(id="secure-bedrock::RULE", reason="..."))`.

    Blind spot: what other apps and people deploy into the same accounts is not in the app; `secure-bedrock review`
    reads the export of an account.

    Args:
        strict: fail also for what only principals can do whom the app does not show, such as an administrator of the
            account. Default: the app is judged by what it holds.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self._strict = strict

    @property
    def name(self) -> str:
        """What reports and acknowledgements call it."""
        return _NAME

    @property
    def version(self) -> str | None:
        """Not told: CDK sends versions of plugins to AWS."""
        return None

    @property
    def rule_ids(self) -> list[str] | None:
        """Not told, for the same reason."""
        return None

    def validate(self, context: cdk.IPolicyValidationContext) -> cdk.PolicyValidationPluginReport:
        """Review the assembly; CDK calls it once its templates are written."""
        paths = context.template_paths
        report = review_estate(load(_assembly(paths)))
        violations = [_violation(each, paths[0]) for each in report.counts(strict=self._strict)]
        return cdk.PolicyValidationPluginReport(
            success=not violations, violations=violations, metadata=_left_open(report)
        )


def _assembly(templates: list[str]) -> Path:
    """Return the folder of the manifest that the templates, those of stages among them, belong to."""
    common = Path(os.path.commonpath([Path(each).parent for each in templates]))
    return next((each for each in (common, *common.parents) if (each / "manifest.json").is_file()), common)


def _violation(finding: Finding, template: str) -> cdk.PolicyViolation:
    parts = [finding.message, f"when {finding.when}" if finding.when else ""]
    parts.append(f"for one: {finding.witness}" if finding.witness else "")
    return cdk.PolicyViolation(
        rule_name=finding.rule.id,
        description=_short("; ".join(filter(None, parts))),
        fix=_short(finding.fix),
        severity=finding.severity.value,
        violating_resources=[_place(finding, template)],
    )


def _place(finding: Finding, template: str) -> cdk.PolicyViolatingResource:
    """CDK finds the construct by the logical id; what has none stands in the app."""
    source = finding.source
    if source is None or source.logical_id is None:
        return cdk.PolicyViolatingResource(
            template_path=source.file if source else template, locations=[_short(finding.resource)]
        )
    return cdk.PolicyViolatingResource(
        resource_logical_id=source.logical_id, template_path=source.file, locations=["Properties"]
    )


def _left_open(report: Report) -> dict[str, str]:
    rows: list[Undecided] = list(report.undecided)
    return {f"undecided {number}": _short(f"{row.message}: {row.reason}") for number, row in enumerate(rows, 1)}


def _short(text: str) -> str:
    shown = visible(text)
    return shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "..."
