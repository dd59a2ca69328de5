"""Bedrock's authorisation inside ministack: it authenticates, the decision is made here.

The gateway imports these functions inside its request function, so that replacing the module's attribute is enough.
A request's network path is the port it came in by, so no caller can claim an endpoint it did not connect through.
"""

from __future__ import annotations

import json
from contextvars import ContextVar
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id
from ministack.services import eventbridge

from drill.emulator import last_accessed, policies, private_dns, wire
from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy._arns import FIELDS
from secure_bedrock.policy.calls import Call
from secure_bedrock.policy.decision import Decision
from secure_bedrock.policy.evaluation import evaluate
from secure_bedrock.policy.explanation import NAMES
from secure_bedrock.policy.request import Request, Value

_BEDROCK = {"bedrock", "bedrock-runtime"}
_port: ContextVar[int] = ContextVar("port", default=0)
_request: ContextVar[dict[str, Any]] = ContextVar("request")
_denial: ContextVar[Decision | None] = ContextVar("denial", default=None)


def install() -> None:
    """Replace ministack's decision on Bedrock requests."""
    iam_actions.extract_iam_action = _remember(iam_actions.extract_iam_action)
    iam_actions.access_denied_response = _explain(iam_actions.access_denied_response)
    iam_evaluator.enforce = _enforce(iam_evaluator.enforce)


def gateway(app: Any, ports: tuple[int, ...]) -> Any:
    """Wrap the ASGI application: note each request's port, and answer the drill's own calls."""

    async def wrapped(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            _port.set(scope["server"][1])
            # The listeners speak plain HTTP; policies that ask for TLS must see it, as the bootstrap bucket's does.
            if all(name.lower() != b"x-forwarded-proto" for name, _ in scope["headers"]):
                scope = {**scope, "headers": [*scope["headers"], (b"x-forwarded-proto", b"https")]}
            if scope["path"] == "/_drill/endpoints":
                await _bind(receive, send, ports)
                return
            if scope["path"] == "/_drill/events":
                await _tell(receive, send)
                return
        await app(scope, receive, send)

    return wrapped


def _remember(inner: Any) -> Any:
    def extract_iam_action(*request: Any) -> str | None:
        _, _, path, headers, body, _ = request
        _request.set({"path": path, "headers": headers, "body": body})
        _denial.set(None)
        return inner(*request)

    return extract_iam_action


def _enforce(inner: Any) -> Any:
    def enforce(access_key_id: str, iam_action: str, service: str, region: str, *rest: Any, **named: Any) -> Any:
        asked = last_accessed.resource_of(iam_action, _request.get()["body"]) if service == "iam" else None
        if asked:
            rest, named = (), {**dict(zip(("resource_arn", "service_context"), rest, strict=False)), **named}
            named["resource_arn"] = asked
        if service not in _BEDROCK or iam_evaluator._anonymous.get():
            return inner(access_key_id, iam_action, service, region, *rest, **named)
        if _request.get()["headers"].get("authorization", "").lower().startswith("bearer "):
            # Without an access key ministack would take the caller for root.
            return iam_evaluator.AuthError("UnrecognizedClientException", "Bearer tokens are not emulated.")
        principal = _authenticated(access_key_id)
        if isinstance(principal, iam_evaluator.AuthError):
            return principal
        if principal.policies is None:  # the root keys, which deploy
            return None
        resource = rest[0] if rest else named.get("resource_arn", "*")
        try:
            return _verdict(principal, access_key_id, iam_action, region, resource)
        except InvalidInput as undecided:  # what IAM would refuse, or a caller nobody knows: refused by nobody's policy
            return iam_evaluator.AuthError("UndecidedException", str(undecided))

    return enforce


def _authenticated(access_key_id: str) -> Any:
    account = get_account_id()
    checked = iam_evaluator.authenticate(access_key_id or "", account)
    if isinstance(checked, iam_evaluator.AuthError):
        return checked
    return iam_evaluator.resolve_principal(access_key_id or "", account, checked)


def _verdict(principal: Any, access_key_id: str, action: str, region: str, resource: str) -> Any:
    estate = policies.estate_of(principal, _port.get())
    last_accessed.note(estate.principals["caller"].arn, region)
    decision = evaluate(estate, _question(principal, access_key_id, action, region, resource))
    if decision.allowed:
        return None
    if decision.disputed:
        return iam_evaluator.AuthError("UndecidedException", "; ".join(decision.disputed))
    _denial.set(decision)
    return iam_evaluator.EvalResult("Deny" if decision.is_explicit else "ImplicitDeny", principal.arn)


def _question(principal: Any, access_key_id: str, action: str, region: str, resource: str) -> Request | Call:
    """A call of a model with all its authorisations, or the one authorisation of another request."""
    request, port = _request.get(), _port.get()
    source_ip, secure = iam_evaluator._request_origin.get()
    context: dict[str, Value] = dict(policies.context_of(principal, port, source_ip))
    context["aws:SecureTransport"] = str(secure).lower()
    common: dict[str, Any] = {"principal": principal.arn, "endpoint": policies.ENDPOINTS.get(port)}
    common["session_policies"] = policies.session_policies_of(access_key_id, principal.account)
    call = wire.call_of(request["path"])
    if call:
        guardrail = wire.guardrail_of(request["headers"], request["body"], region, get_account_id())
        operation, model = call
        return Call(operation=operation, model=model, region=region, guardrail=guardrail, context=context, **common)
    if resource.count(":") < FIELDS - 1 or not resource.split(":")[3]:
        context["aws:RequestedRegion"] = region
    return Request(action=action, resource=resource, context=context, **common)


def _explain(inner: Any) -> Any:
    def access_denied_response(service: str, action: str, principal_arn: str, request_id: str, **named: Any) -> Any:
        denial = _denial.get()
        if denial and service in _BEDROCK:
            asked = denial.request
            named["message"] = (
                f"User: {principal_arn} is not authorized to perform: {asked.action} on resource: {asked.resource} "
                + _reason(denial)
            )
        return inner(service, action, principal_arn, request_id, **named)

    return access_denied_response


def _reason(decision: Decision) -> str:
    layer = NAMES[decision.layer or "identity"]
    if decision.statement and decision.is_explicit:
        return f"with an explicit deny in a {layer} ({decision.statement.sid or ''})"
    return f"because no {layer} allows the {decision.request.action} action"


async def _tell(receive: Any, send: Any) -> None:
    """Put events on the bus as only AWS's own services may: `POST /_drill/events {"Entries": [...]}`."""
    message = await receive()
    status, headers, body = eventbridge._put_events(json.loads(message["body"]), allow_aws_source=True)
    told = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": body if isinstance(body, bytes) else body.encode()})


async def _bind(receive: Any, send: Any, ports: tuple[int, ...]) -> None:
    """Let a port stand for a VPC endpoint (null: for none): `POST /_drill/endpoints {"port": 1, "endpoint": ...}`."""
    message = await receive()
    asked = json.loads(message["body"])
    if asked["port"] in ports:
        policies.ENDPOINTS.pop(asked["port"], None)
        if asked["endpoint"]:
            policies.ENDPOINTS[asked["port"]] = asked["endpoint"]
        private_dns.forget()
    answer = json.dumps({str(port): endpoint for port, endpoint in policies.ENDPOINTS.items()}).encode()
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})
