"""Who can become a role: by its trust policy and their own policies, all layers considered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from secure_bedrock.policy._budget import Budget, ExhaustedError
from secure_bedrock.policy._proving import Prover
from secure_bedrock.policy._searching import search
from secure_bedrock.policy._subjects import Subject
from secure_bedrock.policy.document import Policy, Statement
from secure_bedrock.policy.estate import Estate
from secure_bedrock.policy.invariants import Scope, requests
from secure_bedrock.policy.matching import compile_policy
from secure_bedrock.policy.proving import BUDGET
from secure_bedrock.policy.request import ANONYMOUS

ASSUME = ("sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML")
_EVERYBODY = Scope(unnamed=True, outside=True, services=True)


def assumers_of(estate: Estate, roles: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """Return, by ARN, who can assume each role: names, services, providers, and accounts for those nobody has named."""
    arns = list(roles)
    statements = [requests(actions=ASSUME, resources=(arn,)) for arn in arns]
    if not arns:
        return {}
    try:
        prover = Prover(estate, statements, [_EVERYBODY], Budget(BUDGET))
        return {arn: _assumers(prover, arn, statement) for arn, statement in zip(arns, statements, strict=True)}
    except ExhaustedError as error:
        return dict.fromkeys(arns, (f"undecided: {error}",))


def _assumers(prover: Prover, role: str, statement: Statement) -> tuple[str, ...]:
    (compiled,) = compile_policy(Policy(statements=(statement,), name="assume"), principals=False)
    trust = next((each.trust for each in prover.estate.principals.values() if each.arn == role), None)
    trusted = _trusted(trust)
    found: dict[str, None] = {}
    for subject in prover.subjects(_EVERYBODY):
        label = _label(subject, prover.estate)
        if label in found or not (trusted is None or trusted & _names(subject)):
            continue
        answer = search(prover, subject, compiled)
        if answer.witness is not None:
            found[label] = None
        elif answer.reason:
            found[f"perhaps {label}"] = None
    return tuple(found)


def _trusted(trust: Policy | None) -> frozenset[str] | None:
    """Whom a trust policy names, whole accounts by their id; None: anybody. It lets in nobody else."""
    statements = [each for each in trust.statements if each.effect == "Allow"] if trust else []
    values = {value for each in statements for _, value in each.principals}
    if "*" in values or any(each.not_principals for each in statements):
        return None
    return frozenset(value.split(":")[4] if value.endswith(":root") else value for value in values)


def _names(subject: Subject) -> frozenset[str]:
    """Return what a trust policy may call a subject."""
    caller = subject.caller
    return frozenset({subject.name, caller.arn, caller.session or "", caller.account or ""} - {""})


def _label(subject: Subject, estate: Estate) -> str:
    """How people speak of a subject: whoever nobody has named by account."""
    if subject.is_named:
        return subject.name
    if subject.name == ANONYMOUS:
        return "anybody, signed in or not"
    caller = subject.caller
    if caller.account and caller.arn.startswith("arn:") and ":iam:" in caller.arn and "-provider/" not in caller.arn:
        where = "" if caller.account in estate.own_accounts else ", which is not in the input"
        return f"account {caller.account}{where}"
    return subject.name
