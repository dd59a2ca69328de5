"""A question as values of the policy core, so that its evaluator can be asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from secure_bedrock.policy import Decision, Endpoint, Estate, Policy, Principal, Request, evaluate
from tests.questions.cases import Asked

#: The other side's half of a role change, where a question leaves it out.
TRUSTING = Policy.from_plain({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole"}],
})  # fmt: skip
SHARING = Policy.from_plain({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}],
})  # fmt: skip
#: What follows from the principal; services and identity providers have neither.
_OF_PRINCIPAL = {"aws:PrincipalArn", "aws:PrincipalAccount"}


def policies(documents: Sequence[dict[str, Any]], name: str) -> tuple[Policy, ...]:
    """Read documents as AWS writes them."""
    return tuple(Policy.from_plain(document, name=name) for document in documents)


def decided(
    question: Asked,
    *,
    identity: Sequence[dict[str, Any]] | None = None,
    scps: Sequence[Any] | None = None,
    is_shared: bool = False,
) -> Decision:
    """Ask the evaluator.

    Args:
        question: what is asked.
        identity: in place of the question's own.
        scps: in place of the question's own.
        is_shared: whether the owner of the resource, another account perhaps, lets everybody use it.
    """
    estate, request = as_values(question, identity=identity, scps=scps)
    if is_shared and request.resource != "*":
        estate = replace(estate, resource_policies={request.resource: SHARING})
    return evaluate(estate, request)


def as_values(
    question: Asked, *, identity: Sequence[dict[str, Any]] | None = None, scps: Sequence[Any] | None = None
) -> tuple[Estate, Request]:
    """Return the question's estate and request; what tags the session has, the question states."""
    context, arn = dict(question.context), question.principal
    endpoint = context.pop("aws:SourceVpce", None)
    endpoints = {}
    if question.endpoint and endpoint:  # a question may give its endpoint the id that another stack knows it by
        policy = Policy.from_plain(question.endpoint["policy"], name=endpoint)
        endpoints[endpoint] = Endpoint(
            service=question.endpoint["service"], vpc=question.endpoint["vpc"], policy=policy
        )
    principals = {}
    if arn.endswith(".amazonaws.com") or "-provider/" in arn:
        context = {key: value for key, value in context.items() if key not in _OF_PRINCIPAL}
    else:
        held = policies(question.identity if identity is None else identity, "identity")
        principals["caller"] = Principal(arn=arn, identity=held)
    if ":role/" in question.resource:
        trust = Policy.from_plain(question.trust, name="trust") if question.trust else TRUSTING
        target = "caller" if question.resource == arn else "target"
        held = principals[target].identity if target in principals else ()
        principals[target] = Principal(arn=question.resource, identity=held, trust=trust)
    levels = tuple(policies(level, "scp") for level in (question.scps if scps is None else scps))
    on_resource = {question.resource: Policy.from_plain(question.api, name="api")} if question.api else {}
    return Estate(principals=principals, scps=levels, endpoints=endpoints, resource_policies=on_resource), Request(
        principal=arn, action=question.action, resource=question.resource, context=context, endpoint=endpoint
    )
