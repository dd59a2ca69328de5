"""Everybody one endpoint construct admitted, and the policies that follow."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import aws_cdk as cdk

from secure_bedrock.constructs._declaration import required_guardrail
from secure_bedrock.constructs._edge import models_of, warn
from secure_bedrock.constructs._grantees import admitted_of, is_made_here, role_of
from secure_bedrock.constructs._tokens import environment_of, known, refers_outside, stack_of
from secure_bedrock.errors import InvalidInput, invalid
from secure_bedrock.policy.access import Access
from secure_bedrock.policy.document import Policy
from secure_bedrock.policy.endpoint import (
    Admission,
    Admitted,
    Grant,
    endpoint_policy,
    grants_of,
    owner_statements,
    plain_grants,
)
from secure_bedrock.policy.guardrails import GuardrailVersion, RequiredGuardrail
from secure_bedrock.policy.limits import ENDPOINT_POLICY, limit
from secure_bedrock.policy.models import Model
from secure_bedrock.policy.services import BedrockService

if TYPE_CHECKING:
    from secure_bedrock.constructs.endpoint import PrivateBedrockEndpoint
    from secure_bedrock.constructs.role import ScopedInvokeRole

_NOBODY = (
    "nobody is admitted: name this endpoint in a ScopedInvokeRole, or call admit(...); "
    "an endpoint that admits nobody serves nobody"
)
_ORGANIZATION = re.compile(r"o-[a-z0-9]{10,32}")


class Admissions:
    """Collects who was admitted; each policy is written from it when the template is."""

    def __init__(
        self,
        endpoint: PrivateBedrockEndpoint,
        *,
        models: Iterable[object] | None,
        organization_id: str | None,
        guardrail: object | None,
        guardrail_version: str | int | GuardrailVersion | None,
    ) -> None:
        _require_organization(organization_id)
        self._endpoint = endpoint
        self._models = None if models is None else models_of("models", models)
        self._organization_id = organization_id
        self._guardrail = required_guardrail(guardrail, guardrail_version)
        self._plain: dict[Admitted, Admission] = {}
        self._scoped: list[ScopedInvokeRole] = []

    def add(self, grantee: object) -> None:
        """Admit somebody; admitting twice is admitting once."""
        scoped = _scoped_role(grantee)
        if scoped is not None:
            self._add_scoped(scoped)
            return
        admitted = admitted_of(self._endpoint, grantee)
        if self._models is None:
            raise invalid(
                "models",
                None,
                allowed="the models that principals other than a ScopedInvokeRole may call",
                remedy="pass models=[...] to the PrivateBedrockEndpoint",
            )
        self._require_same_organization(admitted)
        grants = plain_grants(environment_of(self._endpoint), self._models, self._guardrail)
        if admitted not in self._plain and admitted.principal_arn and not is_made_here(grantee):
            self._ask_owner(admitted.principal_arn, grants)
        self._plain[admitted] = Admission(admitted=admitted, grants=grants)

    def _ask_owner(self, arn: str, grants: tuple[Grant, ...]) -> None:
        """Print what the owner of a role must attach: an admission grants nothing, and no policy of it is ours."""
        path = self._endpoint.node.path
        ids = {service.plain: f"the id of {path}/{service.value}" for service in self._endpoint.endpoints}
        statements = [statement.to_plain() for statement in owner_statements(grants, ids)]
        printed = json.dumps(stack_of(self._endpoint).resolve([arn, statements]))
        text = "grantee: an imported role is let through and granted nothing; its owner must attach these statements: "
        warn(self._endpoint, "foreign-role", text + printed)

    def _require_same_organization(self, admitted: Admitted) -> None:
        mine, theirs = self._organization_id, admitted.organization_id
        if mine and theirs and known(mine) and known(theirs) and mine != theirs:
            raise invalid(
                "grantee", theirs, allowed=f"the organisation {mine}, to which organization_id narrows this endpoint"
            )

    def uses(self, service: BedrockService) -> bool:
        """Whether anybody is admitted to a service."""
        return any(grant.service is service.plain for admission in self._all() for grant in admission.grants)

    def policy(self, service: BedrockService) -> Policy:
        """Return a service's policy. Raises InvalidInput where it is too long."""
        return endpoint_policy(
            service, self._all(), organization_id=self._organization_id, limit=limit(ENDPOINT_POLICY)
        )

    def policy_or_nobody(self, service: BedrockService) -> Policy:
        """Return a service's policy, or one that denies everything where it cannot be written; `problems` tells why."""
        try:
            return self.policy(service)
        except InvalidInput:
            return endpoint_policy(service, (), limit=limit(ENDPOINT_POLICY))

    def problems(self, services: tuple[BedrockService, ...]) -> list[str]:
        """Return what fails the synth."""
        if not (self._plain or self._scoped):
            return [_NOBODY]
        problems = []
        for service in services:
            try:
                self.policy(service)
            except InvalidInput as error:
                problems.append(f"{service.value}: {error}")
        return problems

    def _add_scoped(self, role: ScopedInvokeRole) -> None:
        if role not in self._scoped:
            self._scoped.append(role)
        role._tie_to(self._endpoint)  # noqa: SLF001 - the other half of one act

    def _all(self) -> tuple[Admission, ...]:
        stack = stack_of(self._endpoint)
        scoped = (
            Admission(
                admitted=Admitted(principal_arn=role.role_arn, account=environment_of(role).account),
                grants=grants_of(_seen_from(stack, role.access)),
            )
            for role in self._scoped
        )
        return (*scoped, *self._plain.values())


def _require_organization(value: str | None) -> None:
    if value is None or (isinstance(value, str) and (known(value) is None or _ORGANIZATION.fullmatch(value))):
        return
    raise invalid("organization_id", value, allowed="an organisation id such as o-exampleorgid")


def _scoped_role(grantee: object) -> ScopedInvokeRole | None:
    """The ScopedInvokeRole a grantee is, or whose role it is or runs as."""
    if hasattr(type(grantee), "ceiling_document"):
        return grantee  # type: ignore[return-value] # only ScopedInvokeRole has it
    role = role_of(grantee)
    parent = role.node.scope if role is not None and hasattr(role, "node") else None
    return parent if hasattr(type(parent), "ceiling_document") else None


def _seen_from(stack: cdk.Stack, access: Access) -> Access:
    """A role's declaration as the endpoint's stack may write it.

    ARNs that are made in other stacks become patterns of their kind in the role's Region and account:
    a reference would turn the dependency around, and the role's own policy holds the exact ARN.
    """

    def seen(arn: str, kind: str) -> str:
        return access.environment.arn(f"{kind}/*") if refers_outside(arn, stack) else arn

    return replace(
        access,
        models=tuple(_model_seen(model, seen) for model in access.models),
        guardrail=_guardrail_seen(access.guardrail, seen),
        enforced_guardrails=tuple(seen(arn, "guardrail") for arn in access.enforced_guardrails),
        knowledge_bases=tuple(seen(arn, "knowledge-base") for arn in access.knowledge_bases),
        agent_aliases=tuple(seen(arn, "agent-alias") for arn in access.agent_aliases),
    )


def _model_seen(model: Model, seen: Callable[[str, str], str]) -> Model:
    return model if model.arn is None else replace(model, arn=seen(model.arn, model.kind.value))


def _guardrail_seen(guardrail: RequiredGuardrail | None, seen: Callable[[str, str], str]) -> RequiredGuardrail | None:
    return None if guardrail is None else replace(guardrail, arn=seen(guardrail.arn, "guardrail"))
