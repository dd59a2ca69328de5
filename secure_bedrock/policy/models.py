"""What can be invoked on Amazon Bedrock, and the authorisations AWS makes for it.

One call through a profile is authorised several times: on the profile, then on the model in each Region it may run in
(Amazon Bedrock User Guide, "Prerequisites for inference profiles" and "Global cross-Region inference").
Everything the library writes about a model is derived from `Model.authorisations`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from secure_bedrock.errors import InvalidInput, invalid
from secure_bedrock.policy._model_checks import (
    foundation_model_notes,
    is_arn,
    require_commercial,
    require_invokable,
    require_type,
)
from secure_bedrock.policy.authorisation import ROUTER_KEY, Authorisation, ModelKind
from secure_bedrock.policy.catalogue import exempt_from_guardrails, require_plausible
from secure_bedrock.policy.destinations import GLOBAL, Destinations, Note, destinations_of, split_profile_id
from secure_bedrock.policy.environment import Arn, Environment, is_unresolved, known_regions

if TYPE_CHECKING:
    from secure_bedrock.policy.actions import InvokeActions
    from secure_bedrock.policy.document import Statement

_MANTLE_ID = re.compile(r"[a-z0-9][a-z0-9-]*\.[A-Za-z0-9][A-Za-z0-9._:-]*")
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")


#: Kinds that are invoked by their own ARN and bring no other authorisation.
_ALONE = {
    ModelKind.PROVISIONED_MODEL,
    ModelKind.IMPORTED_MODEL,
    ModelKind.CUSTOM_MODEL_DEPLOYMENT,
    ModelKind.MARKETPLACE_ENDPOINT,
}
_ROUTERS = {ModelKind.PROMPT_ROUTER, ModelKind.DEFAULT_PROMPT_ROUTER}
#: The resource of every Marketplace endpoint; it cannot be narrowed (Service Authorization Reference).
_ALL_MARKETPLACE = "marketplace/model-endpoint/all-access"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What can be invoked. Make one with `Model.parse` or `Model.application_profile`.

    Attributes:
        kind: the kind of resource.
        id: the model id, profile id or the last part of the ARN.
        provider: the model's provider, None where the ARN does not tell.
        arn: the ARN as given, None when only an id was.
        serves: what an application inference profile or a prompt router routes to.
        destinations: the Regions of a profile as the user stated them; None: the dated table decides.
        project: the bedrock-mantle project a model is called in; None for every other kind.
    """

    kind: ModelKind
    id: str
    provider: str | None = None
    arn: str | None = None
    serves: tuple[Model, ...] = ()
    destinations: tuple[str, ...] | None = None
    project: str | None = None

    @classmethod
    def parse(cls, text: str, *, destinations: Iterable[str] | None = None, accept_unknown: bool = False) -> Model:
        """Read a model id, an inference-profile id or any ARN that can be invoked.

        Args:
            text: such as `amazon.nova-lite-v1:0`, `eu.amazon.nova-lite-v1:0`,
                `global.amazon.nova-2-lite-v1:0` or an ARN
                of a foundation model, an inference profile, provisioned throughput, an imported model, a custom-model
                deployment, or the SageMaker endpoint of a model of Bedrock Marketplace.
            destinations: the Regions an inference profile reaches, where the library's table does not know or is out of
                date. Default: the table.
            accept_unknown: take an id that looks like a misspelling as it is. Default: such an id is an error.

        Raises:
            InvalidInput: with the nearest known id, or what to use instead.
        """
        if not isinstance(text, str):
            raise invalid("models", text, allowed="a model id, an inference-profile id or a Bedrock ARN")
        if not text.strip() or text != text.strip():
            raise invalid("models", text, allowed="a model id without blanks around it")
        model = (
            _from_arn(text, accept_unknown=accept_unknown)
            if ":" in text and is_arn(text)
            else _from_id(text, accept_unknown=accept_unknown)
        )
        return model if destinations is None else _with_destinations(model, destinations)

    @classmethod
    def application_profile(cls, arn: str, *, serves: Iterable[str | Model]) -> Model:
        """Name an application inference profile; its ARN may be resolved at deploy time, what it serves may not.

        The models it serves can then be called only through it.
        The system profile it copies, if any, is not opened by itself: name it in `models` too where callers use both.

        Args:
            arn: the ARN of the application inference profile.
            serves: the model, or the system inference profile, the application profile was made from.

        Raises:
            InvalidInput: for another kind of ARN, or where `serves` is empty or itself an application profile.
        """
        served = tuple(item if isinstance(item, Model) else cls.parse(item) for item in serves)
        if not served:
            raise InvalidInput("serves: got nothing; allowed is the model or system profile the profile was made from")
        for item in served:
            if item.kind not in {ModelKind.FOUNDATION_MODEL, ModelKind.INFERENCE_PROFILE}:
                raise invalid("serves", item.id, allowed="a foundation model or a system inference profile")
        if not is_unresolved(arn):
            require_type(arn, ModelKind.APPLICATION_INFERENCE_PROFILE)
        elif is_arn(arn):
            Arn.parse(arn)
        return cls(
            kind=ModelKind.APPLICATION_INFERENCE_PROFILE,
            id=arn.rpartition("/")[2],
            provider=served[0].provider,
            arn=arn,
            serves=served,
        )

    @classmethod
    def prompt_router(cls, arn: str, *, routes: Iterable[str | Model]) -> Model:
        """Name a prompt router, AWS's own or one of yours, and what it may route to.

        What it routes to can be called through it only; name it in `models` too where callers use it directly.
        Whether AWS puts `bedrock:PromptRouterArn` on the authorisations of the routes is not documented: without it,
        calls through the router are denied, and never more is allowed.

        Args:
            arn: the ARN of a `prompt-router` or `default-prompt-router`, resolved at deploy time or not.
            routes: the models and system inference profiles it routes to, the fallback among them.

        Raises:
            InvalidInput: for another kind of ARN, or where `routes` is empty or names another kind of model.
        """
        routed = tuple(item if isinstance(item, Model) else cls.parse(item) for item in routes)
        if not routed:
            raise InvalidInput("routes: got nothing; allowed is what the router routes to, its fallback among them")
        for item in routed:
            if item.kind not in {ModelKind.FOUNDATION_MODEL, ModelKind.INFERENCE_PROFILE}:
                raise invalid("routes", item.id, allowed="a foundation model or a system inference profile")
        kind = ModelKind.PROMPT_ROUTER
        if not is_unresolved(arn):
            kind = ModelKind(require_type(arn, *sorted(_ROUTERS, key=lambda router: router.value)).resource_type)
        return cls(kind=kind, id=arn.rpartition("/")[2], arn=arn, serves=routed)

    @classmethod
    def mantle(cls, model_id: str, *, project: str = "default") -> Model:
        """Name a model on bedrock-mantle, the service of the OpenAI- and Anthropic-compatible APIs.

        It is told by `bedrock-mantle:Model`; the resource is the project (Service Authorization Reference,
        "Actions, resources, and condition keys for Amazon Bedrock Mantle").
        Guardrails, profiles and invocation logging do not exist there.

        Args:
            model_id: as the caller names it, such as `openai.gpt-oss-120b`.
            project: the project it is called in. Default: the account's default project.

        Raises:
            InvalidInput: for an id or a project that is malformed.
        """
        if not isinstance(model_id, str) or not _MANTLE_ID.fullmatch(model_id):
            raise invalid("models", model_id, allowed="a model id on bedrock-mantle, such as 'openai.gpt-oss-120b'")
        if not isinstance(project, str) or not (is_unresolved(project) or _PROJECT.fullmatch(project)):
            raise invalid("project", project, allowed="the id of one bedrock-mantle project, such as 'default'")
        return cls(kind=ModelKind.MANTLE_MODEL, id=model_id, provider=model_id.partition(".")[0], project=project)

    @property
    def is_global(self) -> bool:
        """Whether this is a system profile that routes to every commercial Region."""
        return self.kind is ModelKind.INFERENCE_PROFILE and self.id.startswith(f"{GLOBAL}.")

    @property
    def model_id(self) -> str:
        """The foundation model behind a foundation model or system profile."""
        split = split_profile_id(self.id) if self.kind is ModelKind.INFERENCE_PROFILE else None
        return split[1] if split else self.id

    @property
    def takes_guardrail(self) -> bool:
        """Whether calls can name a guardrail; by output and id, unverified, and True where nothing is known."""
        if self.serves:
            return any(model.takes_guardrail for model in self.serves)
        if self.is_on_mantle:
            return False
        return self.kind in _ALONE or not exempt_from_guardrails(self.model_id)

    def authorisations(self, environment: Environment) -> tuple[Authorisation, ...]:
        """Return every authorisation AWS makes when this is invoked from an environment.

        Raises:
            InvalidInput: where the ARN belongs to another partition, or the profile is not offered in that Region.
        """
        place = self._place(environment)
        if self.kind is ModelKind.APPLICATION_INFERENCE_PROFILE:
            return self._application_profile(place)
        if self.kind in _ROUTERS:
            return self._router(place)
        if self.kind is ModelKind.INFERENCE_PROFILE:
            return self._system_profile(place)
        return (Authorisation(resource=self._resource(place), carries_guardrail=not self.is_on_mantle),)

    def _resource(self, place: Environment) -> str:
        """The one resource of a kind that is invoked by itself."""
        if self.kind is ModelKind.FOUNDATION_MODEL:
            return place.foundation_model(self.id)
        if self.kind is ModelKind.MANTLE_MODEL:
            return self._project(place)
        if self.kind is ModelKind.MARKETPLACE_ENDPOINT:
            return place.arn(_ALL_MARKETPLACE)
        return self.arn or place.arn(f"{self.kind.value}/{self.id}")

    def invoke_statements(
        self, *, region: str, account: str, partition: str = "aws", actions: InvokeActions | None = None
    ) -> tuple[Statement, ...]:
        """Return the least-privilege statements that let a caller in one place invoke this.

        A profile needs its own ARN, and the model in each destination tied to it by `bedrock:InferenceProfileArn`
        (Amazon Bedrock User Guide, "Prerequisites for inference profiles").

        Args:
            region: the Region the caller calls.
            account: the caller's account.
            partition: the Region's partition. Default: `aws`.
            actions: what the caller may do. Default: `InvokeActions.INFERENCE`.

        Raises:
            InvalidInput: where this cannot be invoked from there.
        """
        from secure_bedrock.policy.access import Access  # noqa: PLC0415 - the writers are made of models
        from secure_bedrock.policy.actions import InvokeActions as Actions  # noqa: PLC0415
        from secure_bedrock.policy.allow import allow_statements  # noqa: PLC0415

        environment = Environment(partition=partition, region=region, account=account)
        return allow_statements(Access(environment=environment, models=(self,), actions=actions or Actions.INFERENCE))

    def foundation_models(self, environment: Environment) -> tuple[str, ...]:
        """Return the ARNs of the foundation models behind this in the caller's own Region."""
        if self.serves:
            return tuple(arn for model in self.serves for arn in model.foundation_models(environment))
        if self.kind in _ALONE or self.kind is ModelKind.MANTLE_MODEL:
            return ()
        return (self._place(environment).foundation_model(self.model_id),)

    @property
    def is_on_mantle(self) -> bool:
        """Whether this is a model on bedrock-mantle, which has actions and resources of its own."""
        return self.kind is ModelKind.MANTLE_MODEL

    def notes(self, environment: Environment) -> tuple[Note, ...]:
        """Return what had to be assumed about this model in an environment, for the reader."""
        notes = [note for model in self.serves for note in model.notes(environment)]
        place = self._place(environment)
        if self.kind is ModelKind.INFERENCE_PROFILE and not self.is_global:
            destinations = self._destinations(place)
            notes += [destinations.note] if destinations.note else []
        if self.kind is ModelKind.FOUNDATION_MODEL:
            notes += foundation_model_notes(self.id, place)
        if self.kind in _ROUTERS:
            text = "bedrock:PromptRouterArn on what a router routes to is taken from its definition, and not documented"
            notes.append(Note("prompt-router-key", text))
        if self.kind is ModelKind.MARKETPLACE_ENDPOINT:
            text = (
                f"Bedrock has one resource for all Marketplace endpoints; {self.id} is held by SageMaker's own action"
            )
            notes.append(Note("marketplace-endpoint", text))
        return tuple(dict.fromkeys(notes))

    def _project(self, place: Environment) -> str:
        return place.arn(f"project/{self.project}", service="bedrock-mantle")

    def _application_profile(self, place: Environment) -> tuple[Authorisation, ...]:
        arn = self.arn or ""
        inner = [authorisation for model in self.serves for authorisation in model.authorisations(place)]
        # Which of the two ARNs the key holds, and whether the copied profile is authorised too, AWS does not say:
        # both ARNs are accepted on the models, and the copied profile only through this one.
        copied = tuple(a.resource for a in inner if ":inference-profile/" in a.resource)
        bound = [replace(a, only_through=(arn,) if a.resource in copied else (arn, *copied)) for a in inner]
        return (Authorisation(resource=arn, carries_guardrail=False), *bound)

    def _router(self, place: Environment) -> tuple[Authorisation, ...]:
        """The router, then each route; the models behind a routed profile stay bound to that profile."""
        arn = self.arn or ""
        inner = [authorisation for model in self.serves for authorisation in model.authorisations(place)]
        bound = [a if a.only_through else replace(a, only_through=(arn,), through_key=ROUTER_KEY) for a in inner]
        return (Authorisation(resource=arn, carries_guardrail=False), *bound)

    @property
    def sagemaker_endpoint(self) -> str | None:
        """The SageMaker endpoint that Bedrock calls on the caller's behalf; None for every other kind."""
        return self.arn if self.kind is ModelKind.MARKETPLACE_ENDPOINT else None

    def _system_profile(self, place: Environment) -> tuple[Authorisation, ...]:
        profile = place.arn(f"inference-profile/{self.id}")
        through = (profile,)
        if self.is_global:
            require_commercial(self.id, place)
            return (
                Authorisation(resource=profile, carries_guardrail=False),
                Authorisation(resource=place.foundation_model(self.model_id), only_through=through),
                Authorisation(
                    resource=place.foundation_model(self.model_id, region=""),
                    only_through=through,
                    requested_region="unspecified",
                ),
            )
        regions = self._destinations(place).regions
        reached = ("*",) if regions is None else tuple(dict.fromkeys((place.region, *regions)))
        models = (place.foundation_model(self.model_id, region=region) for region in reached)
        return (
            Authorisation(resource=profile, carries_guardrail=False),
            *(Authorisation(resource=arn, only_through=through) for arn in models),
        )

    def _destinations(self, place: Environment) -> Destinations:
        if self.destinations is not None:
            return Destinations(self.destinations)
        return destinations_of(self.id, place)

    def _place(self, environment: Environment) -> Environment:
        """The environment with what this model's own ARN says of Region and account."""
        if self.arn is None or not is_arn(self.arn):
            return environment
        arn = Arn.parse(self.arn)
        known = not is_unresolved(arn.partition) and not is_unresolved(environment.partition)
        if known and arn.partition != environment.partition:
            raise invalid("models", self.arn, allowed=f"an ARN of the partition {environment.partition}")
        return replace(environment, region=arn.region or environment.region, account=self._account(arn, environment))

    def _account(self, arn: Arn, environment: Environment) -> str:
        account = arn.account or environment.account
        known = not is_unresolved(account) and not is_unresolved(environment.account)
        if self.kind is ModelKind.INFERENCE_PROFILE and known and account != environment.account:
            raise invalid(
                "models",
                self.arn,
                allowed=f"an inference profile of the caller's own account {environment.account}",
                remedy=f"pass the id {self.id!r}",
            )
        return account


def _with_destinations(model: Model, destinations: Iterable[str]) -> Model:
    regions = tuple(destinations)
    if model.kind is not ModelKind.INFERENCE_PROFILE or model.is_global:
        raise invalid("destinations", model.id, allowed="a geographic inference profile such as 'eu....'")
    if not regions:
        raise InvalidInput("destinations: got nothing; allowed is at least one Region, or None for the table's")
    for region in regions:
        if region not in known_regions():
            raise invalid("destinations", region, allowed="an AWS Region")
    return replace(model, destinations=regions)


def _from_id(text: str, *, accept_unknown: bool) -> Model:
    if is_unresolved(text):
        raise invalid(
            "models",
            text,
            allowed="a value known at synth",
            remedy="for an application inference profile use Model.application_profile(arn, serves=[...])",
        )
    split = split_profile_id(text)
    model_id = split[1] if split else text
    if not accept_unknown:
        require_plausible("models", model_id)
    kind = ModelKind.INFERENCE_PROFILE if split else ModelKind.FOUNDATION_MODEL
    return Model(kind=kind, id=text, provider=model_id.partition(".")[0])


def _from_arn(text: str, *, accept_unknown: bool) -> Model:
    parsed = Arn.parse(text)
    if parsed.service == "sagemaker":
        return _marketplace_endpoint(text, parsed)
    arn = require_invokable(text)
    kind = ModelKind(arn.resource_type)
    if kind in _ALONE:
        return Model(kind=kind, id=arn.resource_id, arn=text)
    model = _from_id(arn.resource_id, accept_unknown=accept_unknown)
    if model.kind is not kind:
        raise invalid(
            "models", text, allowed=f"an id that fits {kind.value}; {arn.resource_id!r} is a {model.kind.value}"
        )
    return replace(model, arn=text)


def _marketplace_endpoint(text: str, arn: Arn) -> Model:
    if arn.resource_type != "endpoint" or not arn.resource_id or "*" in text or "?" in text:
        raise invalid("models", text, allowed="one SageMaker endpoint, as arn:...:sagemaker:...:endpoint/NAME")
    return Model(kind=ModelKind.MARKETPLACE_ENDPOINT, id=arn.resource_id, arn=text)
