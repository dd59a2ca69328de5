"""What a principal can do, all of it: the requests that are allowed, projected on what they are made of.

Each row is exact in each of its columns: for every value it lists some request with it is allowed, and no allowed
request has a value it does not list. Which values go together is told apart by resource and by network; within a row
it is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy._budget import Budget, ExhaustedError
from secure_bedrock.policy._formulas import FALSE, Formula, Literal, all_of, attributes_of, find, negation
from secure_bedrock.policy._inquiry import Inquiry
from secure_bedrock.policy._linking import known_case
from secure_bedrock.policy._naming import Names, describe_key, names_of_field
from secure_bedrock.policy._proving import Prover
from secure_bedrock.policy._searching import search
from secure_bedrock.policy._space import NO_RESOURCE, Attribute, Space
from secure_bedrock.policy._subjects import Subject
from secure_bedrock.policy._witnesses import candidate, shortest
from secure_bedrock.policy.document import Policy
from secure_bedrock.policy.estate import Estate
from secure_bedrock.policy.invariants import ANYBODY, Scope, requests
from secure_bedrock.policy.matching import CompiledStatement, compile_policy
from secure_bedrock.policy.proving import BUDGET
from secure_bedrock.policy.verdicts import Witness

_VPCE = "aws:sourcevpce"
#: With more resources than this, those of one name are looked at together.
_APART = 24


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reach:
    """Requests of one principal that are allowed, alike in resources and network.

    Attributes:
        name: the principal's name in the estate, or a pattern of ARNs that nobody has named.
        arn: its ARN, or that pattern.
        is_named: whether the estate shows it.
        actions: the actions.
        resources: the last fields of the ARNs, as the policies write them; none: of actions without a resource.
        regions: their Regions; empty text for none, `*` for any.
        accounts: their accounts; empty text for none, `*` for any.
        endpoint: the VPC endpoint they come through, `*` for one that no policy names; None for none, empty where
            the network makes no difference.
        keys: what their condition keys hold, in words, by key in lower case.
        witness: one of them, confirmed by `evaluate`; None where none is certain.
        undecided: why it may be empty; empty where the witness shows that it is not.
    """

    name: str
    arn: str
    is_named: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    regions: tuple[str, ...]
    accounts: tuple[str, ...]
    endpoint: str | None = ""
    keys: dict[str, str] = field(default_factory=dict)
    witness: Witness | None = None
    undecided: str = ""


def reach(estate: Estate, actions: Sequence[str], *, scope: Scope = ANYBODY, budget: int = BUDGET) -> tuple[Reach, ...]:
    """Return everything that is allowed of some actions.

    Args:
        estate: the estate.
        actions: patterns of the actions.
        scope: whose access is asked about.
        budget: how many steps it may take for one principal; beyond that a row is undecided.

    Raises:
        InvalidInput: for a policy that IAM would refuse.
    """
    asked = requests(actions=tuple(actions))
    (statement,) = compile_policy(Policy(statements=(asked,), name="actions"), principals=False)
    try:
        prover = Prover(estate, [asked], [scope], Budget(budget))
    except ExhaustedError as error:
        return (_unknown("every principal", "*", str(error), is_named=True),)
    names = {name: names_of_field(prover.vocabulary, name) for name in ("region", "account", "rest")}
    found: list[Reach] = []
    for subject in prover.subjects(scope):
        prover.budget.left = budget
        try:
            found += _Reaching(prover, subject, statement, names).rows()
        except ExhaustedError as error:
            found.append(_unknown(*_called(subject), str(error), is_named=subject.is_named))
    return tuple(found)


def _unknown(name: str, arn: str, reason: str, *, is_named: bool) -> Reach:
    return Reach(
        name=name, arn=arn, is_named=is_named, actions=(), resources=(), regions=(), accounts=(), undecided=reason
    )  # fmt: skip


def _called(subject: Subject) -> tuple[str, str]:
    if subject.stem:
        return f"{subject.stem}*", f"{subject.stem}*"
    arn = subject.caller.session or subject.caller.arn
    return (subject.name if subject.is_named else arn), arn


class _Reaching:
    """One principal's rows."""

    def __init__(self, prover: Prover, subject: Subject, statement: CompiledStatement, names: dict[str, Names]) -> None:
        self.prover, self.subject, self.statement, self.names = prover, subject, statement, names
        self.inquiry: Inquiry = prover.about(subject)
        self.space: Space = prover.space
        self.budget = prover.budget
        _, _, self.region, self.account, self.rest = self.space.fields

    @cached_property
    def _anything(self) -> int:
        """The cells of the resources' last field that can be asked about at all."""
        return self.projected(self.inquiry.possible(self.statement), self.rest)

    def rows(self) -> Iterator[Reach]:
        """Yield them; none where nothing is allowed."""
        covered = self.inquiry.covered(self.statement, maybe=True)
        allowed, reasons = self.inquiry.allowed(closed=False)
        upper = all_of([covered, allowed])
        if find(upper, self.budget) is None:
            return
        lower = all_of([self.inquiry.covered(self.statement, maybe=False), self.inquiry.allowed(closed=True)[0]])
        possible = self.inquiry.possible(self.statement)
        for part, free in self._parts(upper, possible):
            yield self._row(part, all_of([lower, part]), free, "; ".join(reasons))

    def _parts(self, upper: Formula, possible: Formula) -> Iterator[tuple[Formula, Formula]]:
        """Yield what is allowed, and what could be asked at all, of resources that are alike, network by network."""
        partition = self.space.fields[0]
        nothing = partition.among([NO_RESOURCE])
        alike: dict[tuple[object, ...], int] = {}
        something = all_of([upper, negation(nothing)])
        for cells in self._resources(something) if something is not FALSE else ():
            on_these = all_of([something, self.rest.where(cells)])
            signature = self._signature(on_these, all_of([possible, negation(nothing), self.rest.where(cells)]))
            alike[signature] = alike.get(signature, 0) | cells
        groups = [all_of([negation(nothing), self.rest.where(cells)]) for cells in alike.values()]
        for resources in (*groups, nothing):
            on_these, free = all_of([upper, resources]), all_of([possible, resources])
            if find(on_these, self.budget) is None:
                continue
            for network in self._networks(on_these, free):
                yield all_of([on_these, network]), free

    def _resources(self, upper: Formula) -> Iterator[int]:
        """Yield cells of the resources' last field: one by one, or by name where there are many."""
        reachable = self.projected(upper, self.rest)
        bits = [i for i in range(len(self.rest.values)) if reachable >> i & 1]
        if len(bits) <= _APART:
            yield from (1 << i for i in bits)
            return
        groups: dict[str, int] = {}
        for i in bits:
            name = self.names["rest"].of(str(self.rest.values[i])).partition("/")[0]
            groups[name] = groups.get(name, 0) | 1 << i
        yield from groups.values()

    def _signature(self, allowed: Formula, possible: Formula) -> tuple[object, ...]:
        shape = (self.space.action, self.region, self.account)
        return (
            *(self.projected(allowed, each) for each in shape),
            tuple(sorted(self._keys(allowed, possible).items())),
        )

    def _networks(self, allowed: Formula, possible: Formula) -> Iterator[Formula]:
        """Yield the endpoints, and having none, where that makes a difference."""
        attribute = next((each for each in self._attributes(allowed) if each.name == _VPCE), None)
        if attribute is None:
            yield all_of([])
            return
        cells, free = self.projected(allowed, attribute), self.projected(possible, attribute)
        if cells == free and self._is_alike(allowed, possible, attribute, cells):
            yield all_of([])
            return
        yield from (attribute.where(1 << i) for i in range(len(attribute.values)) if cells >> i & 1)

    def _is_alike(self, allowed: Formula, possible: Formula, attribute: Attribute, cells: int) -> bool:
        """Whether the same is allowed whichever endpoint a request came through."""
        seen: set[tuple[object, ...]] = set()
        for i in range(len(attribute.values)):
            if cells >> i & 1:
                where = attribute.where(1 << i)
                keys = self._keys(all_of([allowed, where]), all_of([possible, where]))
                keys.pop(_VPCE, None)
                seen.add(tuple(sorted(keys.items())))
        return len(seen) == 1

    def _row(self, allowed: Formula, certain: Formula, possible: Formula, reason: str) -> Reach:
        name, arn = _called(self.subject)
        keys = self._keys(allowed, possible)
        witness, doubt = self._witness(certain)
        endpoint = self._endpoint(allowed) if _VPCE in keys else ""
        keys.pop(_VPCE, None)
        actions = self.projected(allowed, self.space.action)
        has_resource = find(all_of([allowed, self.space.fields[0].among([NO_RESOURCE])]), self.budget) is None
        return Reach(
            name=name, arn=arn, is_named=self.subject.is_named,
            actions=tuple(
                known_case(str(value)) for i, value in enumerate(self.space.action.values) if actions >> i & 1
            ),
            resources=self._named("rest", allowed, possible) if has_resource else (),
            regions=self._named("region", allowed, possible) if has_resource else (),
            accounts=self._named("account", allowed, possible) if has_resource else (),
            endpoint=endpoint, keys=keys, witness=witness,
            undecided="" if witness else doubt or reason or "what AWS does not settle",
        )  # fmt: skip

    def _endpoint(self, allowed: Formula) -> str | None:
        attribute = next(each for each in self._attributes(allowed) if each.name == _VPCE)
        cells = self.projected(allowed, attribute)
        value = attribute.values[(cells & -cells).bit_length() - 1]
        if value is None:
            return None
        known = {*self.prover.vocabulary.extra.get(_VPCE, ()), *self._literals(_VPCE)}
        return value if value in known else "*"

    def _literals(self, key: str) -> set[str]:
        return {value for asked in self.prover.vocabulary.asked.get(key, ()) for value in asked.condition.values}

    def _named(self, name: str, allowed: Formula, possible: Formula) -> tuple[str, ...]:
        attribute = {"rest": self.rest, "region": self.region, "account": self.account}[name]
        inside, free = self.projected(allowed, attribute), self.projected(possible, attribute)
        values = attribute.values
        if name == "rest":
            free = self._anything
        return self.names[name].listed(
            [str(value) for i, value in enumerate(values) if inside >> i & 1],
            [str(value) for i, value in enumerate(values) if free >> i & 1 and not inside >> i & 1],
        )

    def _keys(self, allowed: Formula, possible: Formula) -> dict[str, str]:
        """Return what each key is restricted to, in words."""
        found: dict[str, str] = {}
        for each in self._attributes(allowed):
            if ":" not in each.name:
                continue
            inside, free = self.projected(allowed, each), self.projected(possible, each)
            if inside & free != free and each.name != "aws:requestedregion":
                found[each.name] = describe_key(self.space, each, inside, free)
        return found

    def _attributes(self, formula: Formula) -> list[Attribute]:
        numbers = attributes_of(formula)
        return [each for each in self.space.attributes if isinstance(each, Attribute) and each.number in numbers]

    def projected(self, formula: Formula, attribute: Attribute) -> int:
        """Return the cells of an attribute that some request of a formula has."""
        cells = 0
        while cells != attribute.every:
            rest = Literal(attribute.number, attribute.every & ~cells, attribute.every)
            box = find(all_of([formula, rest]), self.budget)
            if box is None:
                return cells
            cells |= box.get(attribute.number, attribute.every)
        return cells

    def _witness(self, certain: Formula) -> tuple[Witness | None, str]:
        box = None if certain is FALSE else self.inquiry.example(certain)
        if box is None:
            return None, search(self.prover, self.subject, self.statement).reason
        try:
            exact = shortest(certain, box, self.space, self.budget)
            found = candidate(self.space, self.subject, self.inquiry.encoding.keys, exact, {})
            decision = found.decision()
        except InvalidInput as error:
            return None, f"the request cannot be made: {error}"
        if not decision.allowed:
            return None, f"prover and evaluator disagree about {found.witness(decision)}"
        return found.witness(decision), ""
