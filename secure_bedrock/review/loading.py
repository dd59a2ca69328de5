"""`load`: from a path to the estates behind it, with what was read where and what had to be assumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from secure_bedrock.policy.estate import Estate
from secure_bedrock.review import account as live
from secure_bedrock.review.building import Builder, Problem
from secure_bedrock.review.deployment import build
from secure_bedrock.review.inputs import Inputs, inputs_of
from secure_bedrock.review.intrinsics import Resolver
from secure_bedrock.review.template import Source, Template
from secure_bedrock.review.variants import variants_of


@dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """One way in which the input may be deployed.

    Attributes:
        estate: what it amounts to.
        parts: what the estate was made of, with sources.
        when: the choice of parameters that leads to it, in words; empty where there is but one.
        made_up: values that stand for what a deployment fills in, each with a name for it.
        resolver: the templates as they are deployed in this reading.
    """

    estate: Estate
    parts: Builder
    when: str = ""
    made_up: Mapping[str, str] = field(default_factory=dict)
    resolver: Resolver = field(default_factory=lambda: Resolver({}))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Policies that cannot be read."""
        return tuple(self.parts.problems)

    def source(self, text: str | None) -> Source | None:
        """Return the place that a policy's or statement's `source` names."""
        return self.parts.sources.get(text or "")


@dataclass(frozen=True, kw_only=True, eq=False)
class Loaded:
    """What a path holds.

    Attributes:
        path: as it was given.
        templates: what was read.
        readings: every outcome of the templates' conditions; at least one.
        assumptions: what the input leaves open and what it was taken for, each once.
        left_out: what was not reviewed; None where everything was.
    """

    path: str
    templates: tuple[Template, ...]
    readings: tuple[Reading, ...]
    assumptions: tuple[str, ...]
    left_out: str | None = None


def load(
    path: str | Path,
    *,
    account: str | None = None,
    region: str | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> Loaded:
    """Read a cloud assembly, a template, a directory of templates, or what the AWS CLI printed of an account.

    Args:
        path: `cdk.out`, a template of JSON or YAML, an export such as that of
            `aws iam get-account-authorization-details`, or a directory of any of these.
        account: the account of stacks that do not say theirs. Default: one that is made up.
        region: the Region of stacks that do not say theirs. Default: us-east-1.
        parameters: values of CloudFormation parameters, for every template that declares them. Default: their
            defaults, and each outcome of the conditions that read them.

    Raises:
        InvalidInput: for what cannot be read, with the file.
    """
    return read(inputs_of(path, account=account, region=region), str(path), parameters)


def read(inputs: Inputs, name: str, parameters: Mapping[str, Any] | None = None) -> Loaded:
    """Return what inputs amount to that were found already.

    Args:
        inputs: templates and exports.
        name: what they are called.
        parameters: as in `load`.
    """
    templates = inputs.templates
    given = {
        (template.name, name): value
        for template in templates
        for name, value in (parameters or {}).items()
        if name in (template.body.get("Parameters") or {})
    }
    variants = variants_of(templates, given)
    by_name = {template.name: template for template in templates}
    readings, notes = [], {}
    for variant in variants.found:
        resolver = Resolver(by_name, variant.parameters)
        parts = build(templates, resolver)
        live.read(inputs.exports, parts)
        reading = Reading(
            estate=parts.estate(), parts=parts, when=variant.when, made_up=resolver.made_up(), resolver=resolver
        )
        readings.append(reading)
        notes |= {**parts.notes, **resolver.notes}
    return Loaded(
        path=name,
        templates=templates,
        readings=tuple(readings),
        assumptions=tuple(notes),
        left_out=variants.left_out,
    )
