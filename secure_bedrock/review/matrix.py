"""The access matrix: who can invoke which models, through which network, with which guardrail, under which conditions.

Rows are what the prover says of every request there can be; the evaluator confirms one request of each.
"""

from __future__ import annotations

from collections.abc import Iterator

from secure_bedrock.policy.bedrock_invariants import MODEL_USE
from secure_bedrock.policy.decision import LayerResult
from secure_bedrock.policy.invariants import Scope
from secure_bedrock.policy.matching import Finding
from secure_bedrock.policy.reachability import Reach, reach
from secure_bedrock.policy.verdicts import Witness
from secure_bedrock.review.assumers import assumers_of
from secure_bedrock.review.loading import Reading
from secure_bedrock.review.report import Access, Grant

_GUARDRAIL, _PROFILE = "bedrock:guardrailidentifier", "bedrock:inferenceprofilearn"
_ADDRESSES = ("aws:sourcevpc", "aws:vpcsourceip", "aws:sourceip")
_VIA = "aws:viaawsservice"


def rows_of(reading: Reading) -> tuple[Access, ...]:
    """Return the rows of one reading, sorted by principal as the input shows them."""
    found = reach(reading.estate, MODEL_USE, scope=Scope())
    arns = dict.fromkeys(row.arn for row in found if ":role/" in row.arn)
    assumers = assumers_of(reading.estate, arns)
    return tuple(_row(row, reading, assumers.get(row.arn, ())) for row in found)


def _row(row: Reach, reading: Reading, assumed_by: tuple[str, ...]) -> Access:
    holder = reading.parts.holders.get(row.arn)
    return Access(
        principal=row.name,
        arn=row.arn,
        is_named=row.is_named,
        principal_source=holder.source if holder else None,
        actions=row.actions,
        models=row.resources,
        regions=tuple("global" if region == "" else region for region in row.regions),
        accounts=tuple(account for account in row.accounts if account),
        network=_network(row, reading),
        endpoints=(row.endpoint,) if row.endpoint and row.endpoint != "*" else (),
        guardrail=_guardrail(row),
        conditions=tuple(text for key, text in row.keys.items() if key not in {_GUARDRAIL, *_ADDRESSES}),
        statements=tuple(grants_of(row.witness, reading)) if row.witness else (),
        assumed_by=assumed_by,
        witness=row.witness,
        undecided=row.undecided,
    )


def _network(row: Reach, reading: Reading) -> str:
    addresses = "; ".join(row.keys[key] for key in _ADDRESSES if key in row.keys)
    profile = row.keys.get(_PROFILE, "")
    if profile and (not profile.endswith(" absent") or profile.endswith("not absent")):
        return "as its profile is called"
    if row.endpoint == "":
        return addresses or "any network"
    if row.endpoint is None:
        if row.keys.get(_VIA, "").endswith("is true"):
            return "an AWS service on the principal's behalf"
        return f"without an endpoint, {addresses}" if addresses else "without an endpoint, any network"
    through = "through an endpoint that no policy names" if row.endpoint == "*" else f"through {row.endpoint}"
    source = reading.parts.endpoint_sources.get(row.endpoint)
    named = source and (source.construct_path or source.logical_id)
    return "".join((through, f" ({named})" if named else "", f", {addresses}" if addresses else ""))


def _guardrail(row: Reach) -> str:
    said = row.keys.get(_GUARDRAIL)
    if said:
        return said.partition(" ")[2]
    takes_one = any(name == "*" or name.startswith("foundation-model") for name in row.resources)
    return "none required" if takes_one else ""


def grants_of(witness: Witness, reading: Reading) -> Iterator[Grant]:
    """Yield the statements that let a witness through, one a layer."""
    for decision in witness.decision.steps or (witness.decision,):
        for result in decision.results:
            finding = result.grant(closed=True)
            if finding is not None and result.layer.kind != "scp":
                yield _grant(result, finding, reading)


def _grant(result: LayerResult, finding: Finding, reading: Reading) -> Grant:
    statement = finding.statement.source
    for policy in result.layer.policies:
        for index, each in enumerate(policy.statements):
            if each == statement:  # not `is`: equal documents are compiled once
                return Grant(
                    layer=result.layer.kind, statement=each.sid or f"Statement[{index}]",
                    policy=policy.name or result.layer.name, source=reading.source(policy.source),
                )  # fmt: skip
    return Grant(layer=result.layer.kind, statement=statement.sid or "(no Sid)", policy=result.layer.name)
