"""Everything that has a say in a decision: principals, organisation, endpoints, resource policies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Literal, TypeVar

from secure_bedrock.policy._callers import ACCOUNT_ID, Caller, caller_of
from secure_bedrock.policy.document import Policy
from secure_bedrock.policy.matching import CompiledStatement, compile_policy
from secure_bedrock.policy.request import Principal

LayerKind = Literal["scp", "rcp", "endpoint", "resource", "identity", "boundary", "session", "trust"]
#: One level of the organisation, such as its root: the policies attached there.
Level = tuple[Policy, ...]
Item = TypeVar("Item")

#: Keys about whose a resource is.
_WHOSE = ("aws:resourceaccount", "aws:resourceorg")
#: Layers whose statements name principals; in the others they must not.
_NAMING = {"rcp", "endpoint", "resource", "trust"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """Policies that are read together: an explicit deny in one of them counts, an allow in one of them is enough.

    Attributes:
        kind: what they are to a request.
        policies: the documents.
        name: which one of its kind, such as the endpoint's id. Default: there is but one.
    """

    kind: LayerKind
    policies: tuple[Policy, ...]
    name: str = ""

    @cached_property
    def statements(self) -> tuple[CompiledStatement, ...]:
        """The statements of all its policies."""
        named = self.kind in _NAMING
        return tuple(each for policy in self.policies for each in compile_policy(policy, principals=named))

    @cached_property
    def _by_action(self) -> dict[str, tuple[CompiledStatement, ...]]:
        return {}

    def about(self, action: str) -> tuple[CompiledStatement, ...]:
        """Return the statements that cover an action, in lower case."""
        found = self._by_action.get(action)
        if found is None:
            found = self._by_action[action] = tuple(each for each in self.statements if each.covers(action))
        return found

    @cached_property
    def _by_name(self) -> tuple[tuple[CompiledStatement, ...], dict[str, list[CompiledStatement]]]:
        others: list[CompiledStatement] = []
        named: dict[str, list[CompiledStatement]] = {}
        for statement in self.statements:
            names = statement.names
            if names is None:
                others.append(statement)
            for name in names or ():
                named.setdefault(name, []).append(statement)
        return tuple(others), named

    def meant_for(self, arn: str | None) -> tuple[CompiledStatement, ...]:
        """Return the statements but for those whose conditions name others than a principal; None: any principal."""
        others, named = self._by_name
        if arn is None:
            return self.statements
        return (*others, *named[arn]) if arn in named else others


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """How the organisation treats one account.

    Attributes:
        scps: the levels of service control policies above it, root first. Default: the estate's.
        rcps: the levels of resource control policies above it. Default: the estate's.
        member: whether it is in the organisation. Default: it is.
    """

    scps: tuple[Level, ...] | None = None
    rcps: tuple[Level, ...] | None = None
    member: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A VPC endpoint.

    Attributes:
        service: the last part of its service's name, such as `bedrock-runtime`.
        vpc: the id of its VPC.
        policy: its policy. Default: none, which AWS reads as full access.
    """

    service: str
    vpc: str
    policy: Policy | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Estate:
    """Principals and the policies around them, as a deployment leaves them.

    Attributes:
        principals: roles and users by a name of your choice.
        scps: the levels of service control policies above every account of the estate, root first; each level must
            allow. Default: none attached, which limits nothing.
        rcps: the same for resource control policies.
        accounts: accounts that differ from that.
        endpoints: by id. An endpoint that is not here is taken to have no policy.
        resource_policies: by the ARN of their resource. A role's trust policy stands with the role.
        resource_tags: by the ARN of their resource; they become `aws:ResourceTag/...` where a request states no other.
        organization_id: of the organisation all members are in.
        management_account: which neither kind of control policy reaches.
    """

    principals: Mapping[str, Principal] = field(default_factory=dict)
    scps: tuple[Level, ...] = ()
    rcps: tuple[Level, ...] = ()
    accounts: Mapping[str, Account] = field(default_factory=dict)
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    resource_policies: Mapping[str, Policy] = field(default_factory=dict)
    resource_tags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    organization_id: str | None = None
    management_account: str | None = None

    def __post_init__(self) -> None:
        for name in ("principals", "accounts", "endpoints", "resource_policies", "resource_tags"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    @cached_property
    def _by_arn(self) -> dict[str, Principal]:
        return {principal.arn: principal for principal in self.principals.values()}

    @cached_property
    def _callers(self) -> dict[str, Caller]:
        return {}

    @cached_property
    def _layers(self) -> dict[object, tuple[Layer, ...]]:
        return {}

    @property
    def policies(self) -> Iterator[Policy]:
        """Every document, once for each place where it stands."""
        levels = [*self.scps, *self.rcps]
        for account in self.accounts.values():
            levels += [*(account.scps or ()), *(account.rcps or ())]
        yield from (policy for level in levels for policy in level)
        for principal in self.principals.values():
            yield from principal.identity
            yield from (policy for policy in (principal.boundary, principal.trust) if policy)
        yield from (endpoint.policy for endpoint in self.endpoints.values() if endpoint.policy)
        yield from self.resource_policies.values()

    @cached_property
    def asks_whose(self) -> bool:
        """Whether any document asks to which account or organisation a resource belongs."""
        return asks_whose(self.policies)

    @cached_property
    def own_accounts(self) -> frozenset[str]:
        """The accounts that its principals, resources and settings name."""
        arns = (*self._by_arn, *self.resource_policies)
        found = {arn.split(":")[4] for arn in arns if ACCOUNT_ID.fullmatch(arn.split(":")[4])}
        return frozenset(found | set(self.accounts))

    @cached_property
    def roles_by_trust(self) -> tuple[tuple[Layer, tuple[str, ...]], ...]:
        """The trust policies with the roles that have them."""
        found: dict[Policy, list[str]] = {}
        for principal in self.principals.values():
            if principal.trust is not None:
                found.setdefault(principal.trust, []).append(principal.arn)
        return tuple((self.trust_layers(arns[0])[0], tuple(arns)) for arns in found.values())

    def caller(self, name: str) -> Caller:
        """Return who a request's principal is. Raises InvalidInput for one whose policies are unknown."""
        found = self._callers.get(name)
        if found is None:
            found = self._callers[name] = caller_of(name, dict(self.principals), self._by_arn)
        return found

    def is_member(self, account: str | None) -> bool:
        """Whether an account is in the organisation."""
        if account is None:
            return False
        if account in self.accounts:
            return self.accounts[account].member
        return account == self.management_account or account in self.own_accounts

    def scp_layers(self, caller: Caller) -> tuple[Layer, ...]:
        """Return the service control policies over a caller: none over services, service-linked roles and the
        management account ("Service control policies", tasks and entities not restricted by SCPs).
        """
        if caller.service_linked or not self._is_governed(caller.account):
            return ()
        return self._levels("scp", caller.account or "")

    def rcp_layers(self, owner: str | None, caller: Caller) -> tuple[Layer, ...]:
        """Return the resource control policies over an owner's resources, which service-linked roles pass by."""
        if caller.service_linked or not self._is_governed(owner):
            return ()
        return self._levels("rcp", owner or "")

    def _is_governed(self, account: str | None) -> bool:
        return account != self.management_account and self.is_member(account)

    def _levels(self, kind: Literal["scp", "rcp"], account: str) -> tuple[Layer, ...]:
        key = (kind, account)
        if key not in self._layers:
            own = self.accounts.get(account, Account())
            levels = (own.scps, self.scps) if kind == "scp" else (own.rcps, self.rcps)
            chosen = levels[1] if levels[0] is None else levels[0]
            self._layers[key] = tuple(
                Layer(kind=kind, policies=policies, name=f"level {number} of {len(chosen)}")
                for number, policies in enumerate(chosen, 1)
            )
        return self._layers[key]

    def endpoint_layers(self, endpoint_id: str | None) -> tuple[Layer, ...]:
        """Return the policy of the endpoint a request came through."""
        endpoint = self.endpoints.get(endpoint_id) if endpoint_id else None
        if endpoint is None or endpoint.policy is None:
            return ()
        return self._single(("endpoint", endpoint_id), "endpoint", endpoint.policy, str(endpoint_id))

    def resource_layers(self, resource: str) -> tuple[Layer, ...]:
        """Return the policy on a resource."""
        policy = self.resource_policies.get(resource)
        return self._single(("resource", resource), "resource", policy, resource) if policy else ()

    def trust_layers(self, role: str) -> tuple[Layer, ...]:
        """Return the trust policy of a role."""
        holder = self._by_arn.get(role)
        if holder is None or holder.trust is None:
            return ()
        return self._single(("trust", role), "trust", holder.trust, role)

    def identity_layers(self, caller: Caller) -> tuple[Layer, ...]:
        """Return what the caller holds itself: its policies, and its boundary where there is one."""
        holder = caller.holder
        if holder is None:
            return ()
        key = ("identity", holder.arn)
        if key not in self._layers:
            boundary = () if holder.boundary is None else (Layer(kind="boundary", policies=(holder.boundary,)),)
            self._layers[key] = (Layer(kind="identity", policies=holder.identity), *boundary)
        return self._layers[key]

    def _single(self, key: object, kind: LayerKind, policy: Policy, name: str) -> tuple[Layer, ...]:
        if key not in self._layers:
            self._layers[key] = (Layer(kind=kind, policies=(policy,), name=name),)
        return self._layers[key]


def asks_whose(policies: Iterable[Policy]) -> bool:
    """Whether any of some documents asks to which account or organisation a resource belongs, by key or by variable."""
    conditions = [each for policy in policies for row in policy.statements for each in row.conditions]
    written = (value.lower() for each in conditions for value in each.values if "${" in value)
    return any(each.key.lower().startswith(_WHOSE) for each in conditions) or any(
        f"${{{key}" in value for value in written for key in _WHOSE
    )
