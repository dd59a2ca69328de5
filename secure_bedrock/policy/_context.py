"""The condition keys of a request: what it states, and what follows from its principal, resource and endpoint.

AWS: "AWS global condition context keys", availability of each key; for Bedrock "Global cross-Region inference", which
gives `unspecified` as the Region of the model that is authorised without one.
"""

from __future__ import annotations

from secure_bedrock.errors import InvalidInput, invalid
from secure_bedrock.policy._arns import Fields
from secure_bedrock.policy._callers import ACCOUNT_ID, Caller, Kind
from secure_bedrock.policy._globs import Context
from secure_bedrock.policy.conditions import MULTIVALUED
from secure_bedrock.policy.estate import Estate
from secure_bedrock.policy.request import Request, Value

#: Keys of requests that came through an endpoint, and only of those.
THROUGH_ENDPOINT = (
    "aws:sourcevpce", "aws:sourcevpc", "aws:sourcevpcarn", "aws:vpcsourceip", "aws:vpceaccount", "aws:vpceorgid",
    "aws:vpceorgpaths",
)  # fmt: skip
#: Keys every request has, with the value of the ordinary one; a request may state another.
_ORDINARY = {"aws:securetransport": "true", "aws:viaawsservice": "false"}
UNSPECIFIED = "unspecified"


def complete(estate: Estate, request: Request, caller: Caller, fields: Fields | None) -> Context:
    """Return every key of a request, in lower case.

    Raises:
        InvalidInput: where the request states a key that what follows contradicts.
    """
    context: dict[str, Value] = {**_ORDINARY, **of_principal(estate, caller)}
    if fields is not None:
        _add_resource(context, estate, fields)
    _add_endpoint(context, estate, request)
    settled = set(context) - {*_ORDINARY, "aws:principalisawsservice"}
    if caller.kind is not Kind.USER:  # session tags take the place of a role's own ("Passing session tags")
        settled = {key for key in settled if not key.startswith("aws:principaltag/")}
    tags = estate.resource_tags.get(request.resource, {})
    context |= {f"aws:resourcetag/{name.lower()}": value for name, value in tags.items()}
    for name, value in request.context.items():
        key = name.lower()
        if key in settled and context[key] != value:
            raise invalid(
                f"context {name}", str(value), allowed=f"{context[key]!r}, which follows from the rest of the request"
            )
        if value != ():  # no value is no key
            context[key] = (value,) if key in MULTIVALUED and isinstance(value, str) else value
    return context


def of_principal(estate: Estate, caller: Caller) -> dict[str, Value]:
    """Return the keys that follow from who asks."""
    if caller.kind is Kind.ANONYMOUS:
        return {"aws:principaltype": "Anonymous", "aws:principalaccount": "anonymous"}
    if caller.account is None:
        service = {"aws:principalservicename": caller.arn} if caller.kind is Kind.SERVICE else {}
        return {"aws:principalisawsservice": str(caller.kind is Kind.SERVICE).lower(), **service}
    keys: dict[str, Value] = {
        "aws:principalarn": caller.arn,
        "aws:principalaccount": caller.account,
        "aws:principaltype": caller.kind.value,
        "aws:principalisawsservice": "false",
    }
    if estate.organization_id and estate.is_member(caller.account):
        keys["aws:principalorgid"] = estate.organization_id
    if caller.kind is Kind.USER:
        keys["aws:username"] = caller.arn.rpartition("/")[2]
    for name, value in caller.holder.tags if caller.holder else ():
        keys[f"aws:principaltag/{name.lower()}"] = value
    return keys


def _add_resource(context: dict[str, Value], estate: Estate, fields: Fields) -> None:
    _, _, service, region, account, resource = fields
    if region:
        context["aws:requestedregion"] = region
    elif service == "bedrock" and resource.startswith("foundation-model/"):
        context["aws:requestedregion"] = UNSPECIFIED
    if ACCOUNT_ID.fullmatch(account):
        context["aws:resourceaccount"] = account
        if estate.organization_id and estate.is_member(account):
            context["aws:resourceorgid"] = estate.organization_id


def _add_endpoint(context: dict[str, Value], estate: Estate, request: Request) -> None:
    stated = {name.lower() for name in request.context}
    if request.endpoint is None:
        found = stated.intersection(THROUGH_ENDPOINT)
        if found:
            raise InvalidInput(f"context {min(found)}: a request without an endpoint has no such key; give `endpoint`")
        return
    if "aws:sourceip" in stated:
        raise InvalidInput("context aws:SourceIp: a request through an endpoint has no such key; state aws:VpcSourceIp")
    context["aws:sourcevpce"] = request.endpoint
    if request.endpoint in estate.endpoints:
        context["aws:sourcevpc"] = estate.endpoints[request.endpoint].vpc
