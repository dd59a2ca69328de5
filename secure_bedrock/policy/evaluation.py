"""Whether a request is allowed, by every policy that has a say in it.

AWS: "How AWS enforcement code logic evaluates requests to allow or deny access", "Policy evaluation for requests within
a single account", "Cross-account policy evaluation logic".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy import _context
from secure_bedrock.policy._arns import fields_of
from secure_bedrock.policy._callers import ACCOUNT_ID, Grant, Kind
from secure_bedrock.policy._rcp_services import SERVICES
from secure_bedrock.policy.calls import Call, assumptions_of, steps_of
from secure_bedrock.policy.decision import Decision, LayerResult
from secure_bedrock.policy.estate import Estate, Layer, LayerKind
from secure_bedrock.policy.matching import Finding, View
from secure_bedrock.policy.request import Request

#: What belongs to AWS, whatever a request says.
_OF_AWS = "foundation-model/"
#: Actions that a role's trust policy decides about.
TRUST_ACTIONS = ("sts:assumerole", "sts:tagsession", "sts:setsourceidentity")


def decide(estate: Estate, request: Request) -> Decision:
    """Decide one authorisation.

    Raises:
        InvalidInput: for a principal whose policies are unknown, a context that contradicts the request, or a policy
            that IAM would refuse.
    """
    view = _view(estate, request)
    owner = _owner(view)
    results = tuple(
        LayerResult(layer, tuple([statement.ask(view) for statement in layer.about(view.action)]))
        for layer in _layers(estate, request, view, owner)
    )
    decision = _verdict(request, view, results, owner, closed=True)
    disputed = () if decision.allowed or not _is_open(results) else _dispute(request, view, results, owner)
    return replace(decision, disputed=disputed, assumptions=tuple(_assumptions(estate, request, view)))


def _view(estate: Estate, request: Request) -> View:
    caller = estate.caller(request.principal)
    fields = fields_of(request.resource)
    if fields is None and request.resource != "*":
        raise InvalidInput(f"resource: got {request.resource!r}; allowed is an ARN of six fields, or '*'")
    if request.session_policies and caller.kind not in {Kind.ROLE, Kind.FEDERATED_USER}:
        raise InvalidInput(f"session_policies: {caller.arn} has no session they could have been passed to")
    context = _context.complete(estate, request, caller, fields)
    return View(caller, request.action.lower(), request.resource, fields, context)


def _owner(view: View) -> str | None:
    """The account that owns the resource; None for what belongs to AWS, such as foundation models, and for `*`."""
    if view.fields is None:
        return None
    if ACCOUNT_ID.fullmatch(view.fields[4]):
        return view.fields[4]
    if view.fields[2] == "bedrock" and view.fields[5].startswith(_OF_AWS):
        return None
    stated = view.context.get("aws:resourceaccount")
    return stated if isinstance(stated, str) else None


def _layers(estate: Estate, request: Request, view: View, owner: str | None) -> Iterator[Layer]:
    """Yield the layers with a say, in the order in which a denial is attributed to one of them."""
    caller = view.caller
    yield from estate.scp_layers(caller)
    if view.action.partition(":")[0] in SERVICES:
        yield from estate.rcp_layers(owner, caller)
    yield from estate.endpoint_layers(request.endpoint)
    is_trust = _is_trust(view)
    if not is_trust:
        yield from estate.resource_layers(view.resource)
    yield from estate.identity_layers(caller)
    if request.session_policies or caller.kind is Kind.FEDERATED_USER:  # whose session may nothing without one
        yield Layer(kind="session", policies=request.session_policies)
    if is_trust:
        yield from estate.trust_layers(view.resource)


def _is_trust(view: View) -> bool:
    return view.action.startswith(TRUST_ACTIONS) and ":role/" in view.resource


def _verdict(
    request: Request, view: View, results: tuple[LayerResult, ...], owner: str | None, *, closed: bool
) -> Decision:
    for result in results:
        denial = result.denial(closed=closed)
        if denial:
            return Decision(
                allowed=False,
                request=request,
                layer=result.layer.kind,
                is_explicit=True,
                finding=denial,
                results=results,
                context=view.context,
            )
    grants: Grants = {result.layer.kind: result.grant(closed=closed) for result in results}
    needed = _needed(view, grants, owner, closed=closed)
    marked = tuple(result if result.layer.kind in needed else replace(result, is_needed=False) for result in results)
    lacking = _lacking(results, needed, closed=closed)
    by = next((grants[kind] for kind in ("trust", "resource", "identity") if grants.get(kind)), None)
    return Decision(
        allowed=lacking is None,
        request=request,
        layer=lacking,
        finding=by if lacking is None else None,
        results=marked,
        context=view.context,
    )


_ORDER: tuple[LayerKind, ...] = ("scp", "rcp", "endpoint", "resource", "identity", "boundary", "session", "trust")
Kinds = frozenset[LayerKind]
Grants = dict[LayerKind, Finding | None]
_NONE: Kinds = frozenset()
_LIMITS: Kinds = frozenset({"scp", "rcp", "endpoint"})
_BESIDE: Kinds = frozenset({"boundary", "session"})
_OWN: Kinds = frozenset({"identity", "boundary", "session"})


def _lacking(results: tuple[LayerResult, ...], needed: Kinds, *, closed: bool) -> LayerKind | None:
    """Return the first kind of layer that must allow and does not: absent, it lacks one where it is a grant."""
    present = {result.layer.kind for result in results}
    silent = {result.layer.kind for result in results if result.grant(closed=closed) is None}
    grants = needed - _LIMITS - _BESIDE - present
    return next((kind for kind in _ORDER if kind in needed and (kind in silent or kind in grants)), None)


def _needed(view: View, grants: Grants, owner: str | None, *, closed: bool) -> Kinds:
    """Return the kinds of layers that must allow.

    Limits always must. Of the grants: the resource policy alone for whoever has no policies of its own; both sides
    between two accounts; and in one account the one or the other, but for a role its trust policy and for a key its key
    policy, which decide who may use them. How much the caller's own policies still limit depends on how a resource
    policy names it.
    """
    must = view.action.startswith("kms:") and "resource" in grants
    side: Kinds = frozenset({"trust" if _is_trust(view) else "resource"})
    caller = view.caller
    if not caller.has_policies:
        is_root_at_home = caller.kind is Kind.ROOT and "resource" in side and owner in {None, caller.account}
        return _LIMITS if is_root_at_home and not must else _LIMITS | side
    if owner not in {None, caller.account}:
        return _LIMITS | _OWN | side
    found = grants.get(next(iter(side)))
    own = _still_limiting(found.grant if found else Grant.NONE, closed=closed)
    return _LIMITS | own | (side if must or "trust" in side else _NONE)


def _still_limiting(grant: Grant, *, closed: bool) -> Kinds:
    """Return which of the caller's own policies must allow beside a resource policy of the same account.

    For `Principal: "*"` AWS says that "no other permissions are required", and of boundary and session policy only that
    they do not limit it where `aws:PrincipalArn` names the caller.
    """
    if grant is Grant.DIRECT or (grant is Grant.ANYBODY and not closed):
        return _NONE
    if grant in {Grant.ROLE, Grant.ANYBODY}:
        return _BESIDE
    return _OWN


def _is_open(results: tuple[LayerResult, ...]) -> bool:
    return any(
        finding.answer is None or finding.grant is Grant.ANYBODY for result in results for finding in result.findings
    )


def _dispute(request: Request, view: View, results: tuple[LayerResult, ...], owner: str | None) -> tuple[str, ...]:
    """Return what is unsettled, where reading it the other way allows the request."""
    if not _verdict(request, view, results, owner, closed=False).allowed:
        return ()
    found = [_unsettled(finding) for result in results for finding in result.findings if finding.answer is None]
    return tuple(found) or ("whether a boundary or session policy limits a grant to everybody",)


def _unsettled(finding: Finding) -> str:
    name = finding.statement.source.sid or "a statement"
    if isinstance(finding.cause, str):
        return f"{name}: how AWS reads its {finding.cause.capitalize()} here"
    if finding.cause is None:
        return name
    return f"{name}: {finding.cause.condition.name} on {finding.cause.condition.key}"


def _assumptions(estate: Estate, request: Request, view: View) -> Iterator[str]:
    if request.endpoint and request.endpoint not in estate.endpoints:
        yield f"the endpoint {request.endpoint} is not in the estate; it is taken to have no policy, so full access"
    if _is_trust(view) and not estate.trust_layers(view.resource):
        yield f"the trust policy of {view.resource} is not in the estate; it is taken to trust nobody"
    if view.fields and not view.fields[4] and view.fields[2] != "bedrock" and _owner(view) is None:
        yield f"whose {view.resource} is the request does not say (aws:ResourceAccount); it is taken to be the caller's"
    if view.action.startswith("kms:") and view.fields and view.resource not in estate.resource_policies:
        yield f"the key policy of {view.resource} is not in the estate; it is taken to leave the decision to IAM"


def evaluate(estate: Estate, question: Request | Call) -> Decision:
    """Decide a request, or a call with all the authorisations AWS makes for it.

    What AWS does not settle is read against the question; `Decision.disputed` names it where another reading allows.

    Raises:
        InvalidInput: for a question that contradicts itself or the estate, or a policy that IAM would refuse.
    """
    if isinstance(question, Request):
        return decide(estate, question)
    return _decide_call(estate, question)


def _decide_call(estate: Estate, call: Call) -> Decision:
    """The first authorisation that is denied decides; one that AWS may not make at all leaves the denial disputed."""
    chosen: list[Decision] = []
    disputed: list[str] = []
    is_open = True
    for step in steps_of(estate, call):
        decisions = [decide(estate, reading) for reading in step.every]
        denied = next((decision for decision in decisions if not decision.allowed), None)
        chosen.append(denied or decisions[0])
        if denied is None:
            continue
        may_pass = not step.is_certain or any(decision.allowed or decision.disputed for decision in decisions)
        is_open = is_open and may_pass
        disputed += [step.note] if step.note else denied.disputed
    first = next((decision for decision in chosen if not decision.allowed), chosen[-1])
    return replace(
        first,
        steps=tuple(chosen),
        disputed=tuple(dict.fromkeys(disputed)) if is_open else (),
        assumptions=tuple(
            dict.fromkeys([*(note for decision in chosen for note in decision.assumptions), *assumptions_of(call)])
        ),
    )
