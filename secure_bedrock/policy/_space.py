"""The space of requests: attributes, each with the cells that its values fall into.

Action, the five fields of a resource, and each condition key are attributes. A key with many values is a yes or no for
each of its cells: whether some value lies in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from secure_bedrock.policy import _cells
from secure_bedrock.policy._arns import FIELDS, split_fields
from secure_bedrock.policy._automata import ANY_TEXT, Cells, Domain, Glob
from secure_bedrock.policy._budget import Budget, ExhaustedError
from secure_bedrock.policy._cells import Asked
from secure_bedrock.policy._formulas import Formula, all_of, any_of, find, literal
from secure_bedrock.policy._globs import Context, Parts, Wild, fill, has_variables, parse
from secure_bedrock.policy.conditions import MULTIVALUED
from secure_bedrock.policy.document import VERSION, Policy, Statement
from secure_bedrock.policy.evaluation import TRUST_ACTIONS
from secure_bedrock.policy.matching import CompiledStatement

#: The resource of an action that has none.
NO_RESOURCE = "*"
#: What belongs to AWS, whatever a request says: foundation models.
OF_AWS = "arn:*:bedrock:*:*:foundation-model/*"
#: The name of each field of a resource but the first.
FIELD_NAMES = ("partition", "service", "region", "account", "rest")
_ACTION = Domain(within=Glob((Wild.ONE, Wild.MANY, ":", Wild.ONE, Wild.MANY)), without="*")
_ACCOUNT = Domain(within=Glob((Wild.ONE,) * 12), characters="0123456789")
_FIELD = Domain(without=":")
_NOT_EMPTY = Domain(within=Glob((Wild.ONE, Wild.MANY)))
_NOT_EMPTY_FIELD = Domain(within=Glob((Wild.ONE, Wild.MANY)), without=":")
#: How AWS writes keys that follow from others.
KEYS = {
    name.lower(): name
    for name in (
        "aws:SourceVpce", "aws:SourceVpc", "aws:VpcSourceIp", "aws:SourceIp", "aws:ViaAWSService", "aws:CurrentTime",
        "aws:TokenIssueTime", "aws:MultiFactorAuthPresent", "aws:ResourceAccount", "aws:RequestedRegion",
    )
}  # fmt: skip
#: The most that the cells of one key may cost, in steps.
_PER_KEY = 2_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Attribute:
    """One dimension of the space.

    Attributes:
        number: what formulas know it by.
        name: of the key, or of the part of the request.
        values: a witness of each cell; None is absence.
        inexact: why its cells are too coarse; empty where they are not.
        kind: the family of operators they are fine enough for; never text where they are too coarse.
    """

    number: int
    name: str
    values: tuple[str | None, ...]
    inexact: str = ""
    kind: str = "text"

    @property
    def every(self) -> int:
        """All cells."""
        return (1 << len(self.values)) - 1

    def where(self, cells: int) -> Formula:
        """Return the formula that it lies in some of its cells."""
        return literal(self.number, cells, self.every)

    def among(self, values: Iterable[str | None]) -> Formula:
        """Return the formula that it has one of these values, which have cells of their own."""
        wanted = set(values)
        return self.where(sum(1 << i for i, value in enumerate(self.values) if value in wanted))

    @property
    def present(self) -> Formula:
        """That the request has it."""
        return self.where(self.every ^ self.absent_cells)

    @property
    def absent(self) -> Formula:
        """That the request lacks it."""
        return self.where(self.absent_cells)

    @property
    def absent_cells(self) -> int:
        """The cell of absence, if it has one."""
        return 1 if self.values and self.values[0] is None else 0


@dataclass(frozen=True, slots=True)
class Hit:
    """Whether a key with many values has one in a cell: cell 0 no, cell 1 yes."""

    number: int
    key: str
    value: str

    @property
    def every(self) -> int:
        """Both cells."""
        return 3

    def is_hit(self, *, hit: bool = True) -> Formula:
        """Return the formula that it is, or is not."""
        return literal(self.number, 2 if hit else 1, self.every)


@dataclass(slots=True)
class Vocabulary:
    """What the documents of an estate and the questions about it ask of requests."""

    asked: dict[str, dict[Asked, None]] = field(default_factory=dict)
    actions: dict[Glob, None] = field(default_factory=dict)
    resources: dict[tuple[str, bool], None] = field(default_factory=dict)
    extra: dict[str, dict[str, None]] = field(default_factory=dict)
    shared: dict[str, dict[Asked, None]] = field(default_factory=dict)
    spelt: dict[str, str] = field(default_factory=dict)
    ties_regions: bool = False

    def add_policy(self, policy: Policy) -> None:
        """Take in every statement of a document."""
        for statement in policy.statements:
            self.add(statement, variables=policy.version == VERSION)

    def add(self, statement: Statement, *, variables: bool) -> None:
        """Take in a statement."""
        for action in (*statement.actions, *statement.not_actions):
            self.add_action(action)
        for resource in (*statement.resources, *statement.not_resources):
            self.add_resource(resource, variables=variables)
        for condition in statement.conditions:
            asked = Asked(condition, variables)
            self.asked.setdefault(asked.key, {})[asked] = None
            for key in asked.variable_keys():
                self.asked.setdefault(key, {})

    def add_action(self, action: str) -> None:
        """Take in a pattern of actions."""
        if not action.islower():
            self.spelt.setdefault(action.lower(), action)
        self.actions[Glob(parse(action.lower(), variables=False))] = None

    def add_resource(self, resource: str, *, variables: bool) -> None:
        """Take in a pattern of resources."""
        if resource.strip("*"):
            self.resources[resource, variables] = None

    def add_value(self, name: str, value: str) -> None:
        """Give one value of a key, or of a field of the resource, a cell of its own."""
        self.extra.setdefault(name, {})[value] = None

    def spelling(self, key: str) -> str:
        """Return a key as the documents write it."""
        return next((asked.condition.key for asked in self.asked.get(key, ())), KEYS.get(key, key))

    def names(self, action: str) -> bool:
        """Whether an action, in lower case, is named as it is, so that its cell holds no other."""
        return Glob((action,)) in self.actions

    def uses(self, key: str) -> bool:
        """Whether any condition or variable is about a key."""
        return key in self.asked


class Space:
    """Attributes, made when they are first asked for.

    Args:
        vocabulary: what is asked of requests.
        known: contexts that variables are filled from: one for each principal.
        domains: which texts some keys hold; types of the others.
        kinds: the type of keys that AWS gives one.
        preferred: values that read well, by key or field.
        budget: what it may all cost.
    """

    def __init__(  # noqa: PLR0913 - one argument a table
        self,
        vocabulary: Vocabulary,
        known: Sequence[Context],
        *,
        domains: Mapping[str, Domain],
        kinds: Mapping[str, str],
        closed: Mapping[str, tuple[str, ...]],
        preferred: Mapping[str, Sequence[str]],
        budget: Budget,
    ) -> None:
        self.vocabulary = vocabulary
        self.known = known
        self.budget = budget
        self.attributes: list[Attribute | Hit] = []
        #: What statements became, for whoever encodes them.
        self.compiled: dict[object, Any] = {}
        #: Formulas that are the same for every principal, by what they say.
        self._remembered: dict[tuple[object, ...], Formula] = {}
        self._joints: dict[tuple[object, ...], tuple[tuple[Formula, ...], Formula]] = {}
        self._satisfiable: dict[int, tuple[Formula, bool]] = {}
        self._covered: dict[tuple[tuple[str, ...], tuple[str, ...]], int] = {}
        self._domains, self._kinds, self._closed, self._preferred = domains, kinds, closed, preferred
        self._keys: dict[tuple[str, Domain | None], Attribute] = {}
        self._hits: dict[str, tuple[Hit, ...]] = {}
        self.action = self._action()
        self.fields = self._fields()
        self._places: dict[int, dict[str | None, int]] = {}

    def once(self, key: tuple[object, ...], made: Callable[[], Formula]) -> Formula:
        """Return a formula that is the same for whoever asks with this key, made when it is first asked for."""
        found = self._remembered.get(key)
        if found is None:
            found = self._remembered[key] = made()
        return found

    def conjunction(self, formulas: Iterable[Formula]) -> Formula:
        """Return that all of some formulas hold, made once for the very same ones."""
        return self._joined(all_of, tuple(formulas))

    def disjunction(self, formulas: Iterable[Formula]) -> Formula:
        """Return that one of some formulas holds, made once for the very same ones."""
        return self._joined(any_of, tuple(formulas))

    def _joined(self, join: Callable[[Iterable[Formula]], Formula], parts: tuple[Formula, ...]) -> Formula:
        if len(parts) == 1:
            return parts[0]
        key = (join, *map(id, parts))
        if key not in self._joints:
            self._joints[key] = (parts, join(parts))  # which keeps the parts, and so their ids
        return self._joints[key][1]

    def is_satisfiable(self, formula: Formula) -> bool:
        """Whether anything satisfies a formula that is remembered: searched for once."""
        if id(formula) not in self._satisfiable:
            self._satisfiable[id(formula)] = (formula, find(formula, self.budget) is not None)
        return self._satisfiable[id(formula)][1]

    def place(self, attribute: Attribute, text: str) -> int | None:
        """Return the cell whose witness a text is; None: it is no cell's."""
        found = self._places.get(attribute.number)
        if found is None:
            found = self._places[attribute.number] = {value: i for i, value in enumerate(attribute.values)}
        return found.get(text)

    # ----- keys

    def is_many(self, key: str) -> bool:
        """Whether a key holds many values.

        AWS says so of the global keys and of Bedrock's; of another service's key only the set operators tell.
        """
        if key in MULTIVALUED:
            return True
        told = key.startswith(("aws:", "bedrock", "sts:", "iam:"))
        return not told and any(each.condition.quantifier for each in self.vocabulary.asked.get(key, ()))

    def key(self, key: str, domain: Domain | None = None) -> Attribute:
        """Return the attribute of a key with one value."""
        found = self._keys.get((key, domain))
        if found is None:
            found = self._keys[key, domain] = self._make_key(key, domain or self._domains.get(key, ANY_TEXT))
        return found

    def has_key(self, key: str) -> bool:
        """Whether an attribute was made for a key."""
        return any(name == key for name, _ in self._keys) or key in self._hits

    def _make_key(self, key: str, domain: Domain) -> Attribute:
        closed = self._closed.get(key)
        inexact, kind = "", self._kinds.get(key, "")
        if closed:
            values: list[str] = list(closed)
            kind = "text"
        else:
            try:
                values, kind = self._values(key, domain, kind)
            except ExhaustedError:
                inexact = f"the values of {key} fall into too many kinds"
                values = ["x"]
        return self._added(Attribute(len(self.attributes), key, (None, *values), inexact, kind))

    def _values(self, key: str, domain: Domain, kind: str) -> tuple[list[str], str]:
        cost = self.budget.part(_PER_KEY)
        found = _cells.values_of(
            list(self.vocabulary.shared.get(key) or self.vocabulary.asked.get(key, ())),
            self.known,
            cost,
            domain=domain,
            extra=self.vocabulary.extra.get(key, ()),
            preferred=self._preferred.get(key, ()),
            only=kind,
        )
        self.budget.spend(cost.spent, f"the values of {key}")
        return found

    def hits(self, key: str) -> tuple[Hit, ...]:
        """Return the attributes of a key with many values; none of them is empty."""
        if key not in self._hits:
            values, _ = self._values(key, _NOT_EMPTY, "text")
            made = tuple(Hit(len(self.attributes) + i, key, value) for i, value in enumerate(values))
            self.attributes += made
            self._hits[key] = made
        return self._hits[key]

    @property
    def many(self) -> Mapping[str, tuple[Hit, ...]]:
        """The keys with many values that were asked for."""
        return self._hits

    @cached_property
    def trust_actions(self) -> int:
        """The cells of the actions that a role's trust policy decides about."""
        return sum(1 << i for i, name in enumerate(self.action.values) if str(name).startswith(TRUST_ACTIONS))

    def covered(self, statement: CompiledStatement) -> int:
        """Return the cells of the actions that a statement covers."""
        written = (statement.source.actions, statement.source.not_actions)
        if written not in self._covered:
            names = enumerate(self.action.values)
            self._covered[written] = sum(1 << i for i, name in names if statement.covers(str(name)))
        return self._covered[written]

    def _added(self, attribute: Attribute) -> Attribute:
        self.attributes.append(attribute)
        return attribute

    # ----- action and resource

    def _action(self) -> Attribute:
        cells = Cells(self.vocabulary.actions, _ACTION, self.budget, mend=_as_action)
        cells.prefer(name.lower() for name in self._preferred.get("action", ()))
        return self._added(Attribute(len(self.attributes), "action", tuple(cells.witnesses)))

    def _fields(self) -> tuple[Attribute, ...]:
        patterns: list[dict[Glob, None]] = [{} for _ in FIELD_NAMES]
        for text, variables in self.vocabulary.resources:
            for known, fields in zip(patterns, fields_of_pattern(text, variables=variables)[1:], strict=True):
                known.update(dict.fromkeys(self._filled(fields)))
        return tuple(self._field(name, tuple(known)) for name, known in zip(FIELD_NAMES, patterns, strict=True))

    def _filled(self, parts: Parts) -> Iterable[Glob]:
        if not has_variables(parts):
            return (Glob(parts),)
        filled = {fill(parts, context) for context in self.known}
        return (Glob(_cells.roughly(parts)), *(Glob(each) for each in filled if each is not None))

    def _field(self, name: str, patterns: tuple[Glob, ...]) -> Attribute:
        extra = tuple(Glob((text,) if text else ()) for text in self.vocabulary.extra.get(name, ()))
        if name == "region" and self.vocabulary.ties_regions:
            return self._regions((*patterns, *extra))
        if name == "account":
            values = self._accounts((*patterns, *extra))
        else:
            domain = {"rest": _NOT_EMPTY, "region": _FIELD}.get(name, _NOT_EMPTY_FIELD)
            empty = (Glob(()),) if name == "region" else ()
            cells = Cells((*patterns, *extra, *empty), domain, self.budget, mend=str)
            cells.prefer(self._preferred.get(name, ()))
            values = cells.witnesses
        if name == "partition":
            return self._added(Attribute(len(self.attributes), name, (NO_RESOURCE, *values)))
        return self._added(Attribute(len(self.attributes), name, tuple(values)))

    def _regions(self, patterns: tuple[Glob, ...]) -> Attribute:
        """The Regions of ARNs and those of `aws:RequestedRegion`, sorted by the patterns of both."""
        asked = self.vocabulary.asked.get("aws:requestedregion", ())
        both = (*patterns, Glob(()), *(glob for each in asked for glob in _cells.globs(each, self.known)))
        cells = Cells(both, _FIELD, self.budget)
        cells.prefer(self._preferred.get("region", ()))
        attribute = self._added(Attribute(len(self.attributes), "region", tuple(cells.witnesses)))
        named = (None, *(value for value in cells.witnesses if value))
        key = Attribute(len(self.attributes), "aws:requestedregion", named)
        self._keys["aws:requestedregion", None] = self._added(key)
        return attribute

    def _accounts(self, patterns: tuple[Glob, ...]) -> list[str]:
        """Account ids, none, and the words that stand there: AWS's documents know no others."""
        named = {parts[0] for parts in (glob.parts for glob in patterns) if parts and isinstance(parts[0], str)}
        words = {text for text in named if Glob((text,)) in patterns and not (text.isdigit() and len(text) == 12)}  # noqa: PLR2004
        found = Cells(patterns, _ACCOUNT, self.budget)
        found.prefer(self._preferred.get("account", ()))
        return ["", *sorted(words | {"aws"}), *found.witnesses]


def fields_of_pattern(text: str, *, variables: bool) -> list[Parts]:
    """Return the six fields of a pattern of resources; missing ones are stars, as AWS completes it."""
    fields = split_fields(parse(text, variables=variables))
    return fields + [(Wild.MANY,)] * (FIELDS - len(fields))


def _as_action(text: str) -> str:
    return text if ":" in text else "unknown-service:action"
