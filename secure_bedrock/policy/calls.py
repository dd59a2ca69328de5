"""What an application does, as the authorisations AWS makes for it.

AWS: Amazon Bedrock User Guide, "Prerequisites for inference profiles", "Global cross-Region inference", "API keys",
"Permissions for guardrails"; Service Authorization Reference, "Actions, resources, and condition keys for Amazon
Bedrock"; IAM User Guide, "Roles terms and concepts" (role chaining).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from secure_bedrock.errors import InvalidInput, invalid, nearest
from secure_bedrock.policy._callers import Caller, Kind
from secure_bedrock.policy._operations import OPERATIONS, Operation, Target, carries, surely_carries
from secure_bedrock.policy.authorisation import Authorisation
from secure_bedrock.policy.document import Policy
from secure_bedrock.policy.environment import Environment, partition_of
from secure_bedrock.policy.estate import Estate, asks_whose
from secure_bedrock.policy.models import Model
from secure_bedrock.policy.request import Request, Value

Credentials = Literal["sigv4", "short_term_key", "long_term_key"]
GUARDRAIL_KEY = "bedrock:GuardrailIdentifier"
_TOKENS = {"short_term_key": "SHORT_TERM", "long_term_key": "LONG_TERM"}
#: Keys that hold for whoever signed in, and are gone after a role change.
_OF_SIGN_IN = ("aws:multifactorauth", "sts:", "aws:tokenissuetime")
#: Keys that say where a request came from.
_OF_NETWORK = ("aws:sourceip", "aws:vpcsourceip", "aws:sourcevpc", "aws:vpce")
#: What a service calls for somebody, and the keys that say so (IAM User Guide, "Forward access sessions").
_ON_BEHALF_ACTION = "bedrock:InvokeModel"
_BEDROCK = "bedrock.amazonaws.com"
_ON_BEHALF: dict[str, Value] = {
    "aws:ViaAWSService": "true",
    "aws:CalledVia": (_BEDROCK,),
    "aws:CalledViaFirst": _BEDROCK,
    "aws:CalledViaLast": _BEDROCK,
}
#: Whose a foundation model is: an account and an organisation that are nobody else's.
_OF_BEDROCK: dict[str, Value] = {
    "aws:ResourceAccount": "000000000000",
    "aws:ResourceOrgID": "o-amazonbedrock",
    "aws:ResourceOrgPaths": ("o-amazonbedrock/r-0000/",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of an API; it is allowed only if each of its authorisations is.

    Attributes:
        principal: who makes it, as in `Request`.
        operation: the API operation, such as `Converse`.
        region: the Region it is sent to.
        model: the id or ARN of a model or profile, or a Model. For the operations that take one.
        resource: the ARN of what is called instead: an agent alias, a knowledge base, a project, a flow alias; beside a
            guardrail the guardrail profile it routes through.
        endpoint: the VPC endpoint it goes through. Default: none, it goes over the Internet.
        context: condition keys that do not follow from the rest, such as `aws:SourceIp`. Of a call through an endpoint
            that is the address the roles are assumed from.
        credentials: `sigv4`, the default, or a Bedrock API key: `short_term_key`, or `long_term_key` of an IAM user.
        guardrail: the ARN of a guardrail, with `:VERSION` for a numbered version.
        via: the roles that are assumed first, in this order, by name or ARN.
        session_policies: what was passed when the session that calls was made. Default: none, which limits nothing.
        service_role: the ARN of the role that is passed, with which a batch job runs. Default: one that may be passed,
            which the decision then says it assumes.
    """

    principal: str
    operation: str
    region: str
    model: str | Model | None = None
    resource: str | None = None
    endpoint: str | None = None
    context: Mapping[str, Value] = field(default_factory=dict, hash=False)
    credentials: Credentials = "sigv4"
    guardrail: str | None = None
    via: tuple[str, ...] = ()
    session_policies: tuple[Policy, ...] = ()
    service_role: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One authorisation of a call.

    Attributes:
        readings: the request; several where AWS does not say which keys it carries: each must be allowed.
        bare: the same without the network of the call, where AWS does not say whether it carries that.
        note: what AWS does not say, empty where it does.
        is_certain: whether AWS is known to make it at all.
    """

    readings: tuple[Request, ...]
    bare: tuple[Request, ...] = ()
    note: str = ""
    is_certain: bool = True

    @property
    def every(self) -> tuple[Request, ...]:
        """All readings."""
        return (*self.readings, *self.bare)


def steps_of(estate: Estate, call: Call) -> tuple[Step, ...]:
    """Return every authorisation of a call, in the order in which they happen.

    Raises:
        InvalidInput: for a call that cannot be made: an unknown operation, an endpoint of another service, an API key
            where none is taken, a model that is not offered there.
    """
    if call.operation not in OPERATIONS:
        raise invalid(
            "operation",
            call.operation,
            allowed=f"one of {', '.join(OPERATIONS)}",
            nearest=nearest(call.operation, OPERATIONS),
        )
    operation = OPERATIONS[call.operation]
    _require_possible(estate, call, operation)
    last = call.via[-1] if call.via else call.principal
    asks = estate.asks_whose or asks_whose(call.session_policies)
    making = _Making(call, operation, last, _place(estate.caller(last), call), asks)
    return (*_role_changes(estate, call), *_token(making), *making.steps())


def _require_possible(estate: Estate, call: Call, operation: Operation) -> None:
    endpoint = estate.endpoints.get(call.endpoint) if call.endpoint else None
    if endpoint and endpoint.service.removesuffix("-fips") != operation.service:
        raise invalid("endpoint", f"{call.endpoint} of {endpoint.service}", allowed=f"one of {operation.service}")
    if call.guardrail and not operation.takes_guardrail and operation.target is not Target.GUARDRAIL:
        raise invalid("guardrail", call.guardrail, allowed=f"none: {call.operation} cannot name one")
    if call.credentials == "sigv4":
        return
    if not operation.takes_api_keys:
        raise invalid("credentials", call.credentials, allowed=f"'sigv4': {call.operation} takes no API key")
    caller = estate.caller(call.via[-1] if call.via else call.principal)
    if call.credentials == "long_term_key" and caller.kind is not Kind.USER:
        raise invalid("credentials", call.credentials, allowed=f"a key of an IAM user, which {caller.arn} is not")


def _role_changes(estate: Estate, call: Call) -> Iterator[Step]:
    """A role change goes to STS, so not through the endpoint of a Bedrock service."""
    who = call.principal
    for index, role in enumerate(call.via):
        context = {
            name: value
            for name, value in call.context.items()
            if carries("sts:AssumeRole", name)
            and not name.lower().startswith("aws:vpcsourceip")
            and (index == 0 or not name.lower().startswith(_OF_SIGN_IN))
        }
        arn = estate.principals[role].arn if role in estate.principals else role
        context["aws:RequestedRegion"] = call.region
        yield Step((Request(principal=who, action="sts:AssumeRole", resource=arn, context=context),))
        who = role


def _token(making: _Making) -> Iterator[Step]:
    """An API key needs a permission of its own beside the call's."""
    call = making.call
    if call.credentials != "sigv4":
        prefix = making.operation.action.partition(":")[0]
        key = {f"{prefix}:BearerTokenType": _TOKENS[call.credentials], "aws:RequestedRegion": call.region}
        yield Step((making.request(f"{prefix}:CallWithBearerToken", "*", key),))


@dataclass(frozen=True, slots=True)
class _Making:
    """A call being made: by whom, as which operation, from where, and whether any policy asks whose a resource is."""

    call: Call
    operation: Operation
    who: str
    place: Environment
    asks_whose: bool

    def steps(self) -> Iterator[Step]:
        target = self.operation.target
        if target in {Target.MODEL, Target.ASYNC, Target.BATCH}:
            for authorisation in self.model.authorisations(self.place):
                yield self.on_model(authorisation)
        elif target is Target.FOUNDATION_MODEL:
            for arn in self.model.foundation_models(self.place):
                contexts, notes = self.whose(arn, [{}])
                readings = tuple(self.request(self.operation.action, arn, context) for context in contexts)
                yield Step(readings, note="".join(notes))
        elif target is Target.RESPONSES:
            yield from self.responses()
        elif target is Target.PROJECT:
            yield self.on(self.call.resource or self.place.arn("project/default"))
        elif target is Target.NONE:
            yield self.on("*", {"aws:RequestedRegion": self.call.region})
        elif target is Target.MANTLE:
            yield self.on_project()
        elif target is Target.RESOURCE:
            yield self.on(self.given("resource"))
        yield from self.companions()

    def companions(self) -> Iterator[Step]:
        """Authorisations beside the main one: of jobs, of a guardrail, of what a service does for the caller."""
        target = self.operation.target
        if target is Target.ASYNC:
            yield self.on(self.place.arn("async-invoke/new"))
        if target is Target.BATCH:
            yield self.on(self.place.arn("model-invocation-job/new"))
        if target is Target.BATCH and self.call.service_role:
            passed = {"iam:PassedToService": _BEDROCK, "aws:RequestedRegion": self.call.region}
            direct = self.call.endpoint is None
            reading = self.request("iam:PassRole", self.call.service_role, passed, network=direct)
            yield Step((reading,)) if direct else Step((), (reading,))
        if target is Target.GUARDRAIL or self.call.guardrail:
            for resource in (unversioned(self.given("guardrail")), self.call.resource):
                if resource:
                    yield Step((self.request("bedrock:ApplyGuardrail", resource, {}),))
        if self.operation.retrieves:
            yield Step((self.request("bedrock:Retrieve", self.given("resource"), {}),))
        if self.operation.generates:
            for authorisation in self.model.authorisations(self.place):
                yield self.on_model(authorisation, on_behalf=True)

    def on(self, resource: str, more: Mapping[str, Value] | None = None) -> Step:
        return Step((self.request(self.operation.action, resource, more or {}),))

    def on_model(self, authorisation: Authorisation, *, on_behalf: bool = False) -> Step:
        """An authorisation on a model or profile, in each way AWS may mean it.

        Unsettled are: whether a profile's own authorisation carries the guardrail; which of two profiles the key names
        for an application profile, and whether a batch job's models carry it; whether the models behind a profile, or
        those a service calls for somebody who came through an endpoint, carry the network of the call; and what `whose`
        says.
        """
        resource, through = authorisation.resource, authorisation.only_through
        notes = []
        if ":*:" in resource:
            resource = resource.replace(":*:", f":{self.place.region}:", 1)
            notes.append("the profile's destinations are not known")
        contexts: list[dict[str, Value]] = [dict(_ON_BEHALF) if on_behalf else {}]
        if self.call.guardrail:
            named = [context | {GUARDRAIL_KEY: self.call.guardrail} for context in contexts]
            contexts = named if authorisation.carries_guardrail else [*contexts, *named]
            notes += [] if authorisation.carries_guardrail else ["whether a profile's own carries the guardrail"]
        action = _ON_BEHALF_ACTION if on_behalf else self.operation.action
        if through:
            key = authorisation.through_key
            keyed = [context | {key: arn} for context in contexts for arn in through]
            contexts = keyed if carries(action, key) else [*contexts, *keyed]
            notes += ["which profile the key names"] if len(through) > 1 else []
            notes += [] if carries(action, key) else ["whether a batch job's models carry the profile"]
        contexts, more = self.whose(resource, contexts)
        notes += more
        readings = tuple(self.request(action, resource, context) for context in contexts)
        bare: tuple[Request, ...] = ()
        if through or (on_behalf and self.call.endpoint):
            bare = tuple(self.request(action, resource, context, network=False) for context in contexts)
            notes.append("whether the models behind a profile or a service carry the network")
        is_copy = ":inference-profile/" in resource and bool(through)
        notes += ["whether the copied profile is authorised"] if is_copy else []
        return Step(readings, bare, "; ".join(notes), is_certain=not is_copy)

    def whose(self, resource: str, contexts: list[dict[str, Value]]) -> tuple[list[dict[str, Value]], list[str]]:
        """Return the ways in which a request may say whose a foundation model is, and what is open about that.

        AWS says of batch jobs alone that conditions on the organisation of the resource fail for foundation models,
        since the service owns them ("Required permissions for batch inference"). It matters where a policy asks.
        """
        if not self.asks_whose or ":foundation-model/" not in resource:
            return contexts, []
        owned = [context | _OF_BEDROCK for context in contexts]
        if self.operation.target is Target.BATCH:
            return owned, []
        return [*contexts, *owned], ["whether a request says that a foundation model is the service's"]

    def responses(self) -> Iterator[Step]:
        """The Responses API: the model carries the project, the project carries the model that was named.

        Of a streamed answer AWS's text says that the model carries the project, its table that it does not.
        """
        project = self.place.arn("project/default")
        key = "bedrock:ProjectArn"
        is_settled = surely_carries(self.operation.action, key)
        for index, authorisation in enumerate(self.model.authorisations(self.place)):
            step = self.on_model(authorisation)
            readings, bare = (
                tuple(replace(each, context={**each.context, key: project}) for each in among)
                + (() if is_settled else among)
                for among in (step.readings, step.bare)
            )
            note = step.note if is_settled else f"{step.note}; whether a streamed answer's model carries the project"
            yield Step(readings, bare, note.lstrip("; "), is_certain=step.is_certain)
            if index == 0:
                named = {"bedrock:ModelArn": authorisation.resource}
                yield Step((self.request("bedrock:InvokeModel", project, named),))

    def on_project(self) -> Step:
        model = self.call.model
        name = model.project if isinstance(model, Model) and model.is_on_mantle else "default"
        project = self.call.resource or self.place.arn(f"project/{name}", service="bedrock-mantle")
        key = "bedrock-mantle:Model"
        if model is None or not carries(self.operation.action, key):
            return self.on(project)
        return self.on(project, {key: model.id if isinstance(model, Model) else model})

    def request(self, action: str, resource: str, more: Mapping[str, Value], *, network: bool = True) -> Request:
        context = {
            name: value
            for name, value in self.call.context.items()
            if carries(action, name)
            and not (self.call.via and name.lower().startswith(_OF_SIGN_IN))
            and (network or not name.lower().startswith(_OF_NETWORK))
            and not (self.call.endpoint and self.call.via and name.lower() == "aws:sourceip")
        }
        return Request(
            principal=self.who,
            action=action,
            resource=resource,
            context={**context, **more},
            endpoint=self.call.endpoint if network else None,
            session_policies=self.call.session_policies,
        )

    @property
    def model(self) -> Model:
        model = self.given("model")
        return model if isinstance(model, Model) else Model.parse(model, accept_unknown=True)

    def given(self, name: str) -> Any:  # noqa: ANN401 - text, or a Model
        value = getattr(self.call, name)
        if value is None:
            raise InvalidInput(f"{name}: got nothing; {self.call.operation} needs one")
        return value


def assumptions_of(call: Call) -> tuple[str, ...]:
    """Return what a decision on a call takes to hold because the call does not say."""
    target = OPERATIONS[call.operation].target
    if target is Target.BATCH and not call.service_role:
        return ("the batch job's service role is not named; it is taken to be one that the caller may pass",)
    if target is Target.ASYNC:
        return ("the bucket of an asynchronous call's output is taken to accept it",)
    return ()


def _place(caller: Caller, call: Call) -> Environment:
    if caller.account is None:
        raise invalid("principal", caller.arn, allowed="a role, a user or root")
    return Environment(partition=partition_of(call.region), region=call.region, account=caller.account)


def unversioned(guardrail: str) -> str:
    """Return the ARN of a guardrail as a resource, which never has a version."""
    head, _, version = guardrail.rpartition(":")
    return head if version.isdigit() else guardrail
