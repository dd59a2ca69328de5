"""How AWS decides, as one formula for each principal: the same rules as `evaluation`, over all requests at once.

AWS: "How AWS enforcement code logic evaluates requests to allow or deny access". `evaluation` decides one request by
asking; here each question becomes a formula. Whatever is found is confirmed by `evaluation`, and tests hold the two
together request by request.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import and_, or_

from secure_bedrock.policy._callers import ACCOUNT_ID, Caller, Grant, Kind
from secure_bedrock.policy._encoding import Encoding
from secure_bedrock.policy._formulas import FALSE, TRUE, Formula, all_of, any_of, negation
from secure_bedrock.policy._rcp_services import SERVICES
from secure_bedrock.policy._space import NO_RESOURCE, OF_AWS, Space
from secure_bedrock.policy.estate import Estate, Layer
from secure_bedrock.policy.matching import CompiledStatement


class Grants:
    """What may be granted to a caller at all: quickly, and never too narrow. Denies and limits are not looked at."""

    def __init__(self, estate: Estate, space: Space, caller: Caller) -> None:
        self._estate, self._space, self._caller = estate, space, caller

    def may_give(self, actions: int) -> bool:
        """Whether any of some actions, cells of the space, may be granted."""
        if self.are_open or actions & self._own:
            return True
        return bool(actions & self._space.trust_actions) and self.by_trust

    @property
    def are_open(self) -> bool:
        """Whether other policies than the caller's own and those of roles may grant something."""
        return not self._caller.has_policies or bool(self._estate.resource_policies)

    @cached_property
    def _own(self) -> int:
        layers = self._estate.identity_layers(self._caller)
        return reduce(and_, map(self._allowing, layers), self._space.action.every)

    def _allowing(self, layer: Layer) -> int:
        return reduce(or_, (self._space.covered(each) for each in layer.statements if not each.denies), 0)

    @cached_property
    def by_trust(self) -> bool:
        """Whether a role's trust policy may name the caller."""
        statements = (each for layer, _ in self._estate.roles_by_trust for each in layer.statements)
        return any(not each.denies and each.named(self._caller)[1] is not False for each in statements)


@dataclass(frozen=True)
class Model:
    """The decision about every request of one principal.

    Attributes:
        estate: the policies.
        encoding: their statements as formulas.
        caller: the principal.
        closed: how what AWS does not settle is read: against the request, as `evaluate` does, or for it.
    """

    estate: Estate
    encoding: Encoding
    caller: Caller
    closed: bool

    def allowed(self) -> Formula:
        """Return that a request is allowed.

        Session policies are left out: they deny, or withhold an allow, and add none, so that whatever is allowed with
        one is allowed without.
        """
        quick = all_of([self._undenied, self.granted_roughly()])
        return FALSE if quick is FALSE else all_of([self._undenied, self._limits, any_of(self._targets())])

    def trusted(self) -> Formula:
        """Return that a role whose trust policy the estate does not show is assumed, and only that is not known.

        Within an account a role may also trust a principal by name, whose own policies then need not allow it. That is
        left out: it would be so of every principal.
        """
        roles = tuple(each.arn for each in self.estate.principals.values() if each.trust is not None)
        may = self.by_own if self.caller.has_policies else TRUE
        return all_of([self._trusting(), self._but(roles), self._undenied, self._limits, may])

    # ----- layers

    @cached_property
    def _undenied(self) -> Formula:
        """That the caller's own policies do not deny."""
        return all_of(self.denies(layer) for layer in self.estate.identity_layers(self.caller))

    @cached_property
    def _limits(self) -> Formula:
        """That what limits whoever asks, whatever grants it, lets the request through."""
        levels = [self._level(layer) for layer in self.estate.scp_layers(self.caller)]
        return all_of([*levels, self._endpoints(), self._rcps()])

    def denies(self, layer: Layer) -> Formula:
        """Return that no statement of a layer denies."""
        denying = tuple(each for each in layer.meant_for(self._name) if each.denies)
        if layer.kind == "scp":
            return self.encoding.spared(denying, maybe=self.closed)
        return self.encoding.space.conjunction(
            self.encoding.spares(each, maybe=self.closed) for each in denying if self._is_meant(each, maybe=self.closed)
        )

    def grants(self, layer: Layer, least: Grant = Grant.NONE) -> Formula:
        """Return that a statement of a layer allows, and names the caller at least so directly."""
        meant = layer.meant_for(self._name)
        if not meant:
            return FALSE
        return self.encoding.space.disjunction(
            self.encoding.applies(statement, maybe=not self.closed)
            for statement in meant
            if not statement.denies and self._is_meant(statement, maybe=not self.closed, least=least)
        )

    @cached_property
    def _name(self) -> str | None:
        """The caller's ARN, where it is known."""
        name = self.encoding.keys.value("aws:principalarn")
        return name if isinstance(name, str) and "aws:principalarn" not in self.encoding.keys.attributes else None

    def _is_meant(self, statement: CompiledStatement, *, maybe: bool, least: Grant = Grant.NONE) -> bool:
        """Whether a statement names the caller, at least so directly."""
        if not (statement.source.principals or statement.source.not_principals):
            return least is Grant.NONE
        grant, named = statement.named(self.caller)
        return grant >= least and (maybe if named is None else named)

    def _level(self, layer: Layer) -> Formula:
        granted = self.grants(layer)
        return granted if granted is FALSE else all_of([self.denies(layer), granted])

    def _endpoints(self) -> Formula:
        """What comes through an endpoint with a policy is let through by it; one without lets all through."""
        layers = {name: self.estate.endpoint_layers(name) for name in self.estate.endpoints}
        guarded = {name: found[0] for name, found in layers.items() if found}
        if not guarded:
            return TRUE
        endpoint = self.encoding.space.key("aws:sourcevpce")
        levels = {name: self._level(layer) for name, layer in guarded.items()}
        options = [all_of([endpoint.among([name]), level]) for name, level in levels.items() if level is not FALSE]
        others = self.encoding.space.once(("but through", *guarded), lambda: negation(endpoint.among(guarded)))
        return any_of([others, *options])

    def _rcps(self) -> Formula:
        """The control policies over the account that owns the resource, for the services they reach."""
        if not (self.estate.rcps or any(account.rcps for account in self.estate.accounts.values())):
            return TRUE
        action = self.encoding.space.action
        reached = sum(1 << i for i, name in enumerate(action.values) if str(name).partition(":")[0] in SERVICES)
        beyond = negation(action.where(reached))
        found: list[Formula] = []
        for account in self.accounts():
            layers = self.estate.rcp_layers(account, self.caller)
            if layers:
                here = all_of(self._level(layer) for layer in layers)
                found.append(any_of([beyond, negation(self._owned_by([account])), here]))
        return all_of(found)

    def accounts(self) -> list[str]:
        """Return the accounts of the estate."""
        values = self.encoding.space.fields[3].values
        return [value for value in values if value and self.estate.is_member(value)]

    # ----- whose resource it is

    def _owned_by(self, accounts: Iterable[str | None]) -> Formula:
        """That the resource belongs to one of these accounts; None is what belongs to none."""
        wanted = frozenset(accounts)
        return self.encoding.space.once(("owned by", wanted), lambda: self._owned(wanted))

    def _owned(self, wanted: frozenset[str | None]) -> Formula:
        fields = self.encoding.space.fields
        none = fields[0].among([NO_RESOURCE])
        numbered = [value for value in fields[3].values if value and ACCOUNT_ID.fullmatch(value)]
        others = negation(fields[3].among(numbered))
        stated: Formula = TRUE if None in wanted else FALSE
        if self.encoding.space.vocabulary.uses("aws:resourceaccount"):
            key = self.encoding.space.key("aws:resourceaccount")
            of_aws = self.encoding.resource(OF_AWS, variables=False, maybe=True)
            stated = any_of([all_of([of_aws, stated]), all_of([negation(of_aws), key.among(wanted)])])
        by_key = all_of([negation(none), others, stated])
        by_field = all_of([negation(none), fields[3].among(value for value in wanted if value)])
        return any_of([by_field, by_key, *([none] if None in wanted else [])])

    # ----- grants

    @cached_property
    def by_own(self) -> Formula:
        """The caller's own policies and boundary allow."""
        layers = self.estate.identity_layers(self.caller)
        return all_of(self.grants(layer) for layer in layers) if layers else FALSE

    def _boundary(self) -> Formula:
        layers = self.estate.identity_layers(self.caller)
        return all_of(self.grants(layer) for layer in layers if layer.kind == "boundary")

    def granted_roughly(self) -> Formula:
        """Return what anything grants, never too narrow: denies and limits are not looked at."""
        grants = Grants(self.estate, self.encoding.space, self.caller)
        if grants.are_open:
            return TRUE
        return any_of([self.by_own, self._trusting() if grants.by_trust else FALSE])

    def _targets(self) -> Iterable[Formula]:
        """Yield that a request is granted: on a resource with a policy, on a role with a trust policy, on any other."""
        trusting = self._trusting()
        others: list[Formula] = [self.encoding.space.once(("not trusting",), lambda: negation(trusting))]
        for arn in self.estate.resource_policies:
            here = self.encoding.resource(arn, variables=False, maybe=True)
            others.append(negation(here))
            layer = self.estate.resource_layers(arn)[0]
            yield all_of([here, negation(trusting), self.denies(layer), self._granted(layer)])
        yield all_of([*others, self._granted(None)])
        if trusting is FALSE:
            return
        for layer, roles in self.estate.roles_by_trust:
            yield all_of([self._among(roles), trusting, self.denies(layer), self._granted(layer)])

    def _among(self, arns: tuple[str, ...]) -> Formula:
        """That the resource is one of these."""
        resource = self.encoding.resource
        return self.encoding.space.once(
            ("among", arns), lambda: any_of(resource(arn, variables=False, maybe=True) for arn in arns)
        )

    def _but(self, arns: tuple[str, ...]) -> Formula:
        """That it is none of them."""
        return self.encoding.space.once(("but", arns), lambda: negation(self._among(arns)))

    def _trusting(self) -> Formula:
        """The actions that a role's trust policy decides about, on a role."""
        return self.encoding.space.once(("trusting",), self._on_roles)

    def _on_roles(self) -> Formula:
        space = self.encoding.space
        rest = space.fields[4]
        return all_of([
            space.action.where(space.trust_actions),
            negation(space.fields[0].among([NO_RESOURCE])),
            rest.where(sum(1 << i for i, value in enumerate(rest.values) if ":role/" in f":{value}")),
        ])  # fmt: skip

    def _granted(self, side: Layer | None) -> Formula:
        """That the grants suffice, with the policy of the resource or role on the other side; see `evaluation`."""
        home = self._owned_by([None, self.caller.account])
        by_side = self.grants(side) if side else FALSE
        is_trust = side is not None and side.kind == "trust"
        if not self.caller.has_policies:
            if self.caller.kind is not Kind.ROOT or is_trust:
                return by_side
            return any_of([by_side, all_of([home, self._unless_key(by_side, side)])])
        own = self.by_own
        abroad = all_of([negation(home), own, by_side])
        if side is None:
            return any_of([all_of([home, own]), abroad])
        directly = Grant.DIRECT if self.closed else Grant.ANYBODY
        enough = any_of([own, all_of([self.grants(side, Grant.ROLE), self._boundary()]), self.grants(side, directly)])
        both = by_side if is_trust else self._unless_key(by_side, side)
        return any_of([all_of([home, enough, both]), abroad])

    def _unless_key(self, by_side: Formula, side: Layer | None) -> Formula:
        """A key's policy must allow, whoever asks."""
        if side is None:
            return TRUE
        return any_of([self.encoding.space.once(("no key",), self._not_on_keys), by_side])

    def _not_on_keys(self) -> Formula:
        action = self.encoding.space.action
        keys = sum(1 << i for i, name in enumerate(action.values) if str(name).startswith("kms:"))
        return negation(action.where(keys))
