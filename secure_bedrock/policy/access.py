"""What one role is declared to do, as one value.

Its Allow statements, its ceiling and its part of the endpoint policies are all written from this,
so that they cannot drift.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy.actions import ActionRule, InvokeActions, Scope, action_rules, invoke_actions
from secure_bedrock.policy.authorisation import Authorisation
from secure_bedrock.policy.environment import Environment
from secure_bedrock.policy.guardrails import RequiredGuardrail
from secure_bedrock.policy.models import Model
from secure_bedrock.policy.network import NetworkPaths

T = TypeVar("T")

#: What to add where a rule's resources are empty.
_NEEDED = {
    Scope.MODELS: "models must name at least one model",
    Scope.MODELS_AND_ASYNC_JOBS: "models must name at least one model",
    Scope.FOUNDATION_MODELS: "models must name a foundation model or a profile of one",
    Scope.FOUNDATION_MODELS_AND_BATCH_JOBS: "models must name a foundation model or a profile of one",
    Scope.KNOWLEDGE_BASES: "InvokeActions.RETRIEVE needs a knowledge base in resources",
    Scope.AGENT_ALIASES: "InvokeActions.AGENT needs an agent alias in resources",
    Scope.GUARDRAILS: "guardrail must name a guardrail",
    Scope.MANTLE_PROJECTS: "models must name a model on bedrock-mantle",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """A role's declared access to Bedrock.

    Attributes:
        environment: where the role calls from.
        models: what it may invoke.
        actions: what it may do with them.
        guardrail: the one every inference must name; None: none required.
        enforced_guardrails: ARNs of guardrails and guardrail profiles it must be able to apply besides.
        exempt_models: ids of models that the guardrail is not asked of; None: those that take none.
        network: where it may be used from.
        allow_api_keys: whether Bedrock API keys made from its sessions work.
        knowledge_bases: ARNs for InvokeActions.RETRIEVE.
        agent_aliases: ARNs for InvokeActions.AGENT.
        may_use_roles: ARNs of the roles it may assume or pass.
        suspended: whether every Bedrock call is denied.
        revoke_sessions_before: sessions issued before this ISO 8601 time are denied everything.
        matching_tags: keys of tags in which an application inference profile must equal the role.
    """

    environment: Environment
    models: tuple[Model, ...]
    actions: InvokeActions = InvokeActions.INFERENCE
    guardrail: RequiredGuardrail | None = None
    enforced_guardrails: tuple[str, ...] = ()
    exempt_models: tuple[str, ...] | None = None
    network: NetworkPaths = field(default_factory=NetworkPaths)
    allow_api_keys: bool = False
    knowledge_bases: tuple[str, ...] = ()
    agent_aliases: tuple[str, ...] = ()
    may_use_roles: tuple[str, ...] = ()
    suspended: bool = False
    revoke_sessions_before: str | None = None
    matching_tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for rule in self.rules:
            if not self.resources_of(rule.scope):
                raise InvalidInput(f"actions: {rule.actions[0]} has nothing to stand on; {_NEEDED[rule.scope]}")
        if self.actions & InvokeActions.BATCH and not self.may_use_roles:
            raise InvalidInput("may_use_roles: InvokeActions.BATCH needs the service role that the job runs as")

    @property
    def invoke_actions(self) -> tuple[str, ...]:
        """The inference actions."""
        return invoke_actions(self.actions) if self.runtime_models else ()

    @property
    def rules(self) -> tuple[ActionRule, ...]:
        """Every action, grouped by the resources it stands on."""
        return action_rules(
            self.actions,
            with_guardrail=bool(self.guardrails),
            on_runtime=bool(self.runtime_models),
            on_mantle=bool(self.mantle_models),
        )

    @property
    def runtime_models(self) -> tuple[Model, ...]:
        """The models of bedrock-runtime."""
        return tuple(model for model in self.models if not model.is_on_mantle)

    @property
    def mantle_models(self) -> dict[str, tuple[str, ...]]:
        """The ids of the models of bedrock-mantle, by the ARN of the project they are called in."""
        projects: dict[str, tuple[str, ...]] = {}
        for model in self.models:
            if model.is_on_mantle:
                (authorisation,) = model.authorisations(self.environment)
                projects[authorisation.resource] = (*projects.get(authorisation.resource, ()), model.id)
        return projects

    @property
    def sagemaker_endpoints(self) -> tuple[str, ...]:
        """ARNs of the SageMaker endpoints of the models of Bedrock Marketplace."""
        return unique(arn for model in self.models if (arn := model.sagemaker_endpoint) is not None)

    @property
    def guardrails(self) -> tuple[str, ...]:
        """ARNs of every guardrail it may apply; the version is never part of the resource."""
        required = (self.guardrail.arn,) if self.guardrail else ()
        return unique((*required, *self.enforced_guardrails))

    @property
    def authorisations(self) -> tuple[Authorisation, ...]:
        """Every authorisation of every model, the same one once."""
        return unique(a for model in self.runtime_models for a in model.authorisations(self.environment))

    def resources_of(self, scope: Scope) -> tuple[str, ...]:
        """Return the ARNs a rule's actions stand on."""
        environment = self.environment
        async_jobs = (environment.arn("async-invoke/*"),)
        batch_jobs = (environment.arn("model-invocation-job/*"),)
        models = unique(a.resource for a in self.authorisations)
        foundation_models = unique(arn for model in self.models for arn in model.foundation_models(environment))
        return {
            Scope.MODELS: models,
            Scope.MODELS_AND_ASYNC_JOBS: (*models, *async_jobs),
            Scope.FOUNDATION_MODELS: foundation_models,
            Scope.FOUNDATION_MODELS_AND_BATCH_JOBS: (*foundation_models, *batch_jobs),
            Scope.ASYNC_JOBS: async_jobs,
            Scope.BATCH_JOBS: batch_jobs,
            Scope.KNOWLEDGE_BASES: self.knowledge_bases,
            Scope.AGENT_ALIASES: self.agent_aliases,
            Scope.GUARDRAILS: self.guardrails,
            Scope.MANTLE_PROJECTS: tuple(self.mantle_models),
        }[scope]

    def needs_guardrail(self, model: Model) -> bool:
        """Whether inference on a model must name the required guardrail."""
        if self.exempt_models is not None:
            return model.id not in self.exempt_models and model.model_id not in self.exempt_models
        return model.takes_guardrail


def unique(values: Iterable[T]) -> tuple[T, ...]:
    """Return the values without repetitions, in the order they came."""
    return tuple(dict.fromkeys(values))
