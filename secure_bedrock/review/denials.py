"""What a refusal says: a message or a CloudTrail record, as a request, the layer it names, and what may be behind it.

AWS: IAM User Guide, "Troubleshoot access denied error messages"; Amazon Bedrock User Guide, "Access Amazon Bedrock
foundation models" and "Troubleshooting Amazon Bedrock API Error Codes".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from secure_bedrock.data import table
from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy.conditions import CompiledCondition
from secure_bedrock.policy.decision import Decision
from secure_bedrock.policy.document import Condition
from secure_bedrock.policy.environment import Environment, partition_of
from secure_bedrock.policy.estate import LayerKind
from secure_bedrock.policy.explanation import NAMES
from secure_bedrock.policy.matching import Finding
from secure_bedrock.policy.models import Model

_MESSAGE = re.compile(
    r"(?:User: )?(?P<principal>arn:[^\s]+|\*?anonymous)? ?is not authorized to perform: (?P<action>[a-z0-9-]+:\w+)"
    r"(?: on resource: (?P<resource>\S+))?(?P<reason>.*)",
    re.DOTALL,
)
_REASONS: tuple[tuple[re.Pattern[str], LayerKind], ...] = (
    (re.compile(r"service control polic", re.IGNORECASE), "scp"),
    (re.compile(r"resource control polic", re.IGNORECASE), "rcp"),
    (re.compile(r"VPC endpoint polic", re.IGNORECASE), "endpoint"),
    (re.compile(r"resource-based polic", re.IGNORECASE), "resource"),
    (re.compile(r"permissions boundar", re.IGNORECASE), "boundary"),
    (re.compile(r"session polic", re.IGNORECASE), "session"),
    (re.compile(r"identity-based polic", re.IGNORECASE), "identity"),
)
#: The operations that are authorised as another action.
_ACTIONS = {"Converse": "InvokeModel", "ConverseStream": "InvokeModelWithResponseStream"}


@dataclass(frozen=True, kw_only=True)
class Denial:
    """What a refusal says of itself.

    Attributes:
        text: the message.
        principal: who asked, as the message or record names it; None where neither does.
        action: the IAM action; None where no policy decided.
        resource: on what; `*` for an action without resource.
        layer: the kind of policy that the message blames, None where it does not say.
        is_explicit: whether it says that a Deny decided.
        context: condition keys that a record shows.
        endpoint: the VPC endpoint a record shows.
        is_record: whether it came from CloudTrail, so that what it does not show was absent.
        reasons: what may be behind it, where no policy decided.
    """

    text: str
    principal: str | None = None
    action: str | None = None
    resource: str = "*"
    layer: LayerKind | None = None
    is_explicit: bool = False
    context: Mapping[str, str] = field(default_factory=dict)
    endpoint: str | None = None
    is_record: bool = False
    reasons: tuple[str, ...] = ()

    def lines(self) -> Iterator[str]:
        """Yield what the refusal says, in words."""
        if self.action:
            how = "an explicit deny in" if self.is_explicit else "the lack of an allow in"
            blamed = f"{how} the {NAMES[self.layer]}" if self.layer else "a policy that it does not name"
            yield f"the message blames {blamed}"
        yield from self.reasons


def read_denial(given: str | Mapping[str, Any]) -> Denial:
    """Read an access-denied message, or a CloudTrail record.

    Raises:
        InvalidInput: for a record of a call that was not refused.
    """
    return _message(given) if isinstance(given, str) else _record(given)


def _message(text: str) -> Denial:
    found = _MESSAGE.search(text)
    rows = table("refusals")["refusals"]
    reasons = tuple(row["means"] for row in rows if re.search(row["pattern"], text, re.IGNORECASE))
    if found is None:
        if not reasons:
            raise InvalidInput(
                f"message: got {text[:120]!r}; allowed is an access-denied message of AWS, or a CloudTrail record"
            )
        return Denial(text=text, reasons=reasons)
    reason = found["reason"] or ""
    return Denial(
        text=text,
        principal=found["principal"],
        action=found["action"],
        resource=(found["resource"] or "*").rstrip(".,"),
        layer=next((layer for pattern, layer in _REASONS if pattern.search(reason)), None),
        is_explicit="explicit deny" in reason,
    )


def _record(record: Mapping[str, Any]) -> Denial:
    """Read one event; a file of events is the caller's to take apart."""
    code = record.get("errorCode")
    if not code:
        raise InvalidInput(f"event: {record.get('eventName')} of {record.get('eventTime')} was not refused")
    text = str(record.get("errorMessage") or code)
    try:
        said = _message(text)
    except InvalidInput:
        said = Denial(text=text)
    endpoint = record.get("vpcEndpointId")
    is_network = code == "VpceAccessDenied"
    return Denial(
        text=text,
        principal=said.principal or _identity(record),
        action=said.action or _action(record),
        resource=said.resource if said.action else _resource(record),
        layer="endpoint" if is_network else said.layer,
        is_explicit=said.is_explicit,
        context=dict(_context(record)),
        endpoint=str(endpoint) if endpoint else None,
        is_record=True,
        reasons=said.reasons,
    )


def _identity(record: Mapping[str, Any]) -> str | None:
    identity = record.get("userIdentity") or {}
    return identity.get("arn")


def _action(record: Mapping[str, Any]) -> str | None:
    prefix, name = str(record.get("eventSource", "")).partition(".")[0], str(record.get("eventName", ""))
    return f"{prefix}:{_ACTIONS.get(name, name)}" if prefix and name else None


def _resource(record: Mapping[str, Any]) -> str:
    """The model or profile that was named; the first authorisation of a call stands on it."""
    model, region = (record.get("requestParameters") or {}).get("modelId"), record.get("awsRegion")
    if not isinstance(model, str) or not isinstance(region, str):
        return "*"
    place = Environment(partition=partition_of(region), region=region, account=str(record.get("recipientAccountId")))
    return Model.parse(model, accept_unknown=True).authorisations(place)[0].resource


def _context(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the keys that a record shows. A record through an endpoint shows the caller's private address."""
    address = str(record.get("sourceIPAddress", ""))
    if re.fullmatch(r"[0-9a-f.:]+", address):
        yield ("aws:VpcSourceIp" if record.get("vpcEndpointId") else "aws:SourceIp"), address
    session = (record.get("userIdentity") or {}).get("sessionContext") or {}
    attributes = session.get("attributes") or {}
    if "mfaAuthenticated" in attributes:
        yield "aws:MultiFactorAuthPresent", str(attributes["mfaAuthenticated"]).lower()
    if attributes.get("creationDate"):
        yield "aws:TokenIssueTime", str(attributes["creationDate"])


def remedies(decision: Decision) -> Iterator[str]:
    """Yield what would have let a denied call through: the conditions that the deciding layer's statements ask for."""
    for step in decision.steps or (decision,):
        for result in step.results if not step.allowed else ():
            if result.layer.kind != step.layer:
                continue
            for finding in result.findings:
                for condition in _open_conditions(finding):
                    if condition.operator == "Null":
                        continue
                    yield from _hint(condition.key, condition.values, step.context.get(condition.key.lower()))


def _open_conditions(finding: Finding) -> tuple[Condition, ...]:
    """Return the conditions to change: each of a Deny that applies, the one that an Allow failed on."""
    if finding.statement.denies:
        return finding.statement.source.conditions if finding.answer else ()
    return (finding.cause.condition,) if isinstance(finding.cause, CompiledCondition) else ()


def _hint(key: str, values: tuple[str, ...], value: object) -> Iterator[str]:
    name, wanted = key.lower(), ", ".join(values)
    absent = value is None
    if name in {"aws:sourcevpce", "aws:sourcevpc"}:
        how = "did not come through an endpoint" if absent else f"came through {value}"
        yield f"the call {how}: it must come through {wanted}; see whether the client resolves the private name"
    elif name == "aws:multifactorauthpresent":
        how = "has no MFA key at all, as with access keys or a role chain" if absent else "was made without MFA"
        yield f"the session {how}: sign in with MFA before the role is assumed"
    elif name == "bedrock:guardrailidentifier":
        how = "named no guardrail" if absent else f"named {value}"
        yield f"the call {how}: it must name {wanted}"
    elif name == "bedrock:inferenceprofilearn":
        yield f"the model was called {'directly' if absent else f'through {value}'}: call it through {wanted}"
    elif name in {"aws:sourceip", "aws:vpcsourceip"}:
        yield f"the call came from {value or 'an address that the request does not show'}: allowed is {wanted}"
    elif name == "aws:requestedregion":
        yield f"the call went to {value}: allowed is {wanted}"
