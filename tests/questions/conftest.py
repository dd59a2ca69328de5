"""Every app of the questions, synthesized once; every question asked of the simulator once."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from tests.estates.estate import estate_of, profiles_of
from tests.estates.intrinsics import Deployment
from tests.oracle.simulator import Answer, ask, reason_to_leave_out
from tests.questions.apps import ACCOUNT, APPS, Fixture
from tests.questions.cases import Asked, Case, asked, cases

_CONTEXT = {"aws:cdk:enable-path-metadata": True, "@aws-cdk/core:defaultCrossStackReferences": "strong"}


@dataclass(frozen=True)
class Synthesized:
    """An app's estate, what the questions may name in braces, and the tags of its application profiles by ARN."""

    estate: dict[str, Any]
    names: dict[str, str]
    region: str
    tags: dict[str, dict[str, str]]

    def ask(self, case: Case) -> Asked:
        """Put a case to this estate."""
        return asked(case, self.estate, self.names, self.tags, region=self.region, account=ACCOUNT)


@pytest.fixture(scope="session")
def estates() -> dict[str, Synthesized]:
    return {name: _synthesize(fixture) for name, fixture in _apps().items()}


def _apps() -> dict[str, Fixture]:
    modules = [
        import_module(f"tests.questions.{path.stem}") for path in sorted(Path(__file__).parent.glob("apps_*.py"))
    ]
    return APPS | {name: fixture for module in modules for name, fixture in module.APPS.items()}


@pytest.fixture(scope="session")
def answers(estates: dict[str, Synthesized]) -> dict[str, Answer]:
    """The simulator's answers by case; empty where it is left out."""
    if reason_to_leave_out():
        return {}
    put = {_id(case): _simulation(estates[case.app].ask(case)) for case in cases() if not case.oracle}
    return dict(zip(put, ask(list(put.values())), strict=True))


def _synthesize(fixture: Fixture) -> Synthesized:
    zones = {f"availability-zones:account={ACCOUNT}:region={fixture.region}": [f"{fixture.region}a"]}
    app = cdk.App(context={**_CONTEXT, **zones})
    fixture.build(app, cdk.Environment(account=ACCOUNT, region=fixture.region))
    templates = {stack.stack_name: stack.template for stack in app.synth().stacks}
    deployment = Deployment(templates, account=ACCOUNT, region=fixture.region, partition=fixture.partition)
    estate = estate_of(deployment)
    profiles = profiles_of(deployment)
    names = dict(_names(deployment, estate)) | {f"profile:{path}": arn for path, (arn, _) in profiles.items()}
    return Synthesized(estate=estate, names=names, region=fixture.region, tags=dict(profiles.values()))


def _names(deployment: Deployment, estate: dict[str, Any]):
    for arn in estate["resource_policies"]:
        yield "api", arn
    for endpoint_id, endpoint in estate["endpoints"].items():
        yield "counters" if endpoint["service"] == "dynamodb" else "endpoint", endpoint_id
        yield "vpc", endpoint["vpc"]
    for path, principal in estate["principals"].items():
        yield f"role:{path}", principal["arn"]
    for stack, template in deployment.templates.items():
        for logical_id, resource in template["Resources"].items():
            if resource["Type"] == "AWS::DynamoDB::Table":
                yield "table", deployment.attribute(stack, logical_id, "Arn")
            if resource["Type"] == "AWS::Bedrock::Guardrail":
                yield "guardrail", deployment.attribute(stack, logical_id, "GuardrailArn")


def _id(case: Case) -> str:
    return f"{case.file}: {case.name}"


def _simulation(question: Asked) -> dict[str, Any]:
    """The question in the simulator's own form."""
    wrapped = lambda documents: [{"name": f"p{i}", "policy": d} for i, d in enumerate(documents)]  # noqa: E731
    simulation = {
        "request": {
            "principal": question.principal,
            "action": question.action,
            "resource": {"resource": question.resource, "accountId": question.account},
            "contextVariables": question.context,
        },
        "identityPolicies": [] if _has_no_policies(question.principal) else wrapped(question.identity),
        "serviceControlPolicies": [
            {"orgIdentifier": f"level-{index}", "policies": wrapped(level)} for index, level in enumerate(question.scps)
        ],
        "resourceControlPolicies": [],
    }
    if question.endpoint:
        simulation["vpcEndpointPolicies"] = wrapped([question.endpoint["policy"]])
    if question.api:
        simulation["resourcePolicy"] = question.api
    if question.trust:
        simulation["resourcePolicy"] = question.trust
        return _with_known_issuer(simulation)
    return simulation


def _has_no_policies(principal: str) -> bool:
    """Services and identity providers are nobody's principal: only the trust policy decides."""
    return principal.endswith(".amazonaws.com") or "-provider/" in principal


def _with_known_issuer(simulation: dict[str, Any]) -> dict[str, Any]:
    """AWS's data lists audience and subject for Google's issuer alone, and the simulator drops what it does not list.

    Those two keys of any other issuer are renamed alike in the policy and in the request.
    """
    text = re.sub(r'"(?!SAML|saml)[^":]+\.[^":]+:(aud|sub)":', r'"accounts.google.com:\1":', json.dumps(simulation))
    return json.loads(text)
