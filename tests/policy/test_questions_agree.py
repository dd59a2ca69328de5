"""The evaluator answers every question about what is synthesized, like the simulator and the emulator's matcher do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy.cases import read_estate
from secure_bedrock.policy.document import Policy
from secure_bedrock.policy.estate import Endpoint, Estate
from secure_bedrock.policy.evaluation import evaluate
from secure_bedrock.policy.request import Principal, Request
from tests.questions.cases import Asked, Case, cases
from tests.questions.conftest import estates  # noqa: F401 - the fixture

CASES = cases()
TRUSTING = Policy.from_plain({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole"}],
})  # fmt: skip


@pytest.fixture(scope="session")
def values(estates) -> dict[str, Estate]:  # noqa: F811
    return {name: read_estate(app.estate) for name, app in estates.items()}


def asked_of(estate: Estate, case: Case, question: Asked) -> tuple[Estate, Request]:
    """The question as a value: what was attached is held by the principal, whoever is unknown may do everything."""
    holder = next((p for p in estate.principals.values() if p.arn == question.principal), None)
    principals = dict(estate.principals)
    if holder:
        name = case.request["principal"] if case.request["principal"] in principals else "holder"
        added = tuple(Policy.from_plain(policy, name="attached") for policy in case.attach)
        # What tags the session has, the question states: those of the role, or those that replace them.
        principals[name] = replace(holder, identity=(*holder.identity, *added), tags=())
    elif question.principal.startswith("arn:") and "-provider/" not in question.principal:
        principals["stranger"] = Principal.administrator(question.principal)
    if not case.is_trust and ":role/" in question.resource:  # the other side's half, which the question leaves out
        target = next((n for n, p in principals.items() if p.arn == question.resource), "target")
        principals[target] = replace(principals.get(target, Principal(arn=question.resource)), trust=TRUSTING)
    context = dict(question.context)
    endpoint = context.pop("aws:SourceVpce", None)
    foreign = question.principal.startswith("arn:") and question.principal.split(":")[4] != question.account
    endpoints = dict(estate.endpoints)
    if question.endpoint and endpoint:  # a question may give its endpoint the id that another stack knows it by
        policy = Policy.from_plain(question.endpoint["policy"], name=endpoint)
        endpoints[endpoint] = Endpoint(
            service=question.endpoint["service"], vpc=question.endpoint["vpc"], policy=policy
        )
    policies = {question.resource: Policy.from_plain(question.api, name="api")} if question.api else {}
    changed = Estate(
        principals=principals,
        scps=() if foreign else estate.scps,
        endpoints=endpoints,
        resource_policies=policies,
    )
    if question.principal.endswith(".amazonaws.com") or "-provider/" in question.principal:
        context = {
            key: value for key, value in context.items() if key not in {"aws:PrincipalArn", "aws:PrincipalAccount"}
        }
    return changed, Request(
        principal=question.principal, action=question.action, resource=question.resource, context=context,
        endpoint=endpoint,
    )  # fmt: skip


def is_impossible(case: Case) -> bool:
    """Whether a question asks about keys that AWS never sends together, to show that a role does not rely on it."""
    context, through = case.request.get("context", {}), "endpoint" in case.request
    through = through or "aws:SourceVpce" in context
    return "aws:SourceIp" in context if through else "aws:VpcSourceIp" in context


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file}: {case.name}")
def test_the_evaluator_answers_as_expected(case, estates, values):  # noqa: F811
    estate, request = asked_of(values[case.app], case, estates[case.app].ask(case))
    if is_impossible(case):
        with pytest.raises(InvalidInput, match="endpoint"):
            evaluate(estate, request)
        return
    decision = evaluate(estate, request)
    assert decision.allowed == (case.expected == "allowed"), (case.why, decision.layer, decision.statement)
    assert decision.disputed == ()
    if case.layer:
        assert decision.layer == case.layer
