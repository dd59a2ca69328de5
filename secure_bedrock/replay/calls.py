"""A record as a call that can be asked again, or the reason why it cannot."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from secure_bedrock.policy import Call, Estate
from secure_bedrock.policy._operations import OPERATIONS, Target

#: Condition keys whose value, or absence, follows from a record or from the principal of the templates.
SHOWN = re.compile(
    r"aws:(source(vpce|vpc|ip|account|arn)|vpcsourceip|vpce(account|orgid|orgpaths)|multifactorauthpresent|tokenissuetime"
    r"|principal.*|requestedregion|securetransport|viaawsservice|calledvia.*|resource(tag/.*|account|orgid|orgpaths)"
    r"|requesttag/.*|tagkeys|currenttime|epochtime)"
    r"|bedrock:(inferenceprofilearn|promptrouterarn|bearertokentype)"
)
_ANSWERED = {Target.MODEL, Target.ASYNC}


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A call of the past.

    Attributes:
        who: as the record names the caller: the role's or user's ARN.
        call: to be asked of the templates; None where it cannot be.
        left_out: why it cannot, in a word or two; empty where it can.
        event_id: of the record.
    """

    who: str
    call: Call | None = None
    left_out: str = ""
    event_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What the templates call what the records call otherwise.

    Attributes:
        principals: from a caller's ARN or name to a principal of the templates.
        endpoints: from an endpoint's id to one of the templates.
        guardrail: what every call is taken to have named, since records do not show it. Default: that is not known.
    """

    principals: Mapping[str, str] = field(default_factory=dict)
    endpoints: Mapping[str, str] = field(default_factory=dict)
    guardrail: str | None = None


def past_of(record: Mapping[str, Any], estate: Estate, names: Names) -> Past:
    """Return what a record was."""
    identity = record.get("userIdentity") or {}
    who = _caller(identity)
    told = {"who": who, "event_id": str(record.get("eventID", ""))}
    reason = _not_a_call(record, identity)
    if reason:
        return Past(**told, left_out=reason)
    principal = _principal(who, estate, names)
    if principal is None:
        return Past(**told, left_out="caller is not in the templates")
    endpoint = record.get("vpcEndpointId")
    if endpoint:
        endpoint = names.endpoints.get(str(endpoint), str(endpoint))
        if endpoint not in estate.endpoints:
            return Past(**told, left_out=f"endpoint {record['vpcEndpointId']} is not in the templates")
    call = Call(
        principal=principal,
        operation=str(record["eventName"]),
        region=str(record["awsRegion"]),
        model=str((record.get("requestParameters") or {})["modelId"]),
        endpoint=endpoint,
        guardrail=names.guardrail if OPERATIONS[str(record["eventName"])].takes_guardrail else None,
        context=dict(_context(record, is_private=bool(endpoint))),
        credentials=_credentials(record, identity),
    )
    return Past(**told, call=call)


def _not_a_call(record: Mapping[str, Any], identity: Mapping[str, Any]) -> str:
    """Why a record is no call that was answered, and that can be asked again; empty where it is."""
    service, name = str(record.get("eventSource", "")), str(record.get("eventName"))
    code, operation = str(record.get("errorCode") or ""), OPERATIONS.get(name)
    is_inference = service == "bedrock.amazonaws.com" and operation is not None and operation.target in _ANSWERED
    model = (record.get("requestParameters") or {}).get("modelId")
    reasons = {
        "other services": not service.startswith("bedrock"),
        "was denied": "AccessDenied" in code,
        f"failed: {code}": bool(code),
        "an endpoint's record of a call that has its own": record.get("eventCategory") == "NetworkActivity",
        f"{name} is not replayed": not is_inference,
        "made by an AWS service": bool(identity.get("invokedBy")),
        "names no model": not isinstance(model, str) or not record.get("awsRegion"),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _caller(identity: Mapping[str, Any]) -> str:
    issuer = (identity.get("sessionContext") or {}).get("sessionIssuer") or {}
    return str(issuer.get("arn") or identity.get("arn") or identity.get("principalId") or "nobody")


def _principal(who: str, estate: Estate, names: Names) -> str | None:
    """The principal of the templates: the one that was named for it, else one of its account, kind and name.

    A record may leave a role's path out, and in an account no two roles, and no two users, have the same name.
    """
    wanted = names.principals.get(who) or names.principals.get(who.rpartition("/")[2])
    if wanted in estate.principals:
        return wanted
    arns = {name: each.arn for name, each in estate.principals.items()}
    found = [
        name
        for name, arn in arns.items()
        if (arn == wanted or arn.rpartition("/")[2] == wanted if wanted else _plain(arn) == _plain(who))
    ]
    return found[0] if len(found) == 1 else None


def _plain(arn: str) -> tuple[str, ...]:
    """An ARN of IAM without the path."""
    head, _, rest = arn.rpartition(":")
    return (head, rest.partition("/")[0], rest.rpartition("/")[2])


def _context(record: Mapping[str, Any], *, is_private: bool) -> Iterator[tuple[str, str]]:
    address = str(record.get("sourceIPAddress", ""))
    try:
        ipaddress.ip_address(address)
    except ValueError:
        pass  # the name of a service, or of the console
    else:
        yield ("aws:VpcSourceIp" if is_private else "aws:SourceIp"), address
    session = (record.get("userIdentity") or {}).get("sessionContext") or {}
    attributes = session.get("attributes") or {}
    if "mfaAuthenticated" in attributes:
        yield "aws:MultiFactorAuthPresent", str(attributes["mfaAuthenticated"]).lower()
    if attributes.get("creationDate"):
        yield "aws:TokenIssueTime", str(attributes["creationDate"])
    if record.get("eventTime"):
        yield "aws:CurrentTime", str(record["eventTime"])


def _credentials(record: Mapping[str, Any], identity: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a Literal
    flagged = (record.get("additionalEventData") or {}).get("callWithBearerToken")
    if flagged is not True:
        return "sigv4"
    return "long_term_key" if identity.get("type") == "IAMUser" else "short_term_key"
