"""Policy, statement and condition as frozen values, and the JSON that AWS reads.

The grammar is that of AWS's "IAM JSON policy element reference".
Values may hold `${...}` for what CloudFormation fills in at deploy time; they are carried as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from secure_bedrock.errors import InvalidInput

Effect = Literal["Allow", "Deny"]
Quantifier = Literal["ForAllValues", "ForAnyValue"]
Plain = dict[str, Any]

VERSION = "2012-10-17"
#: The principal of a resource policy that leaves the choice to its conditions.
ANYBODY = (("*", "*"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One operator applied to one key: true when any value matches, for a negated operator when none does."""

    operator: str
    key: str
    values: tuple[str, ...]
    quantifier: Quantifier | None = None
    if_exists: bool = False

    def __post_init__(self) -> None:
        if not self.values:
            raise InvalidInput(f"condition {self.operator} on {self.key}: an empty list of values matches nothing")

    @property
    def name(self) -> str:
        """The operator as a policy writes it, quantifier and IfExists included."""
        prefix = f"{self.quantifier}:" if self.quantifier else ""
        return f"{prefix}{self.operator}{'IfExists' if self.if_exists else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement. Of each pair such as `actions` and `not_actions` exactly one is set;
    principals only in resource policies.
    """

    effect: Effect
    sid: str | None = None
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()
    principals: tuple[tuple[str, str], ...] = ()
    not_principals: tuple[tuple[str, str], ...] = ()
    conditions: tuple[Condition, ...] = ()
    source: str | None = None

    def __post_init__(self) -> None:
        if bool(self.actions) == bool(self.not_actions):
            raise InvalidInput(f"statement {self.sid}: exactly one of actions and not_actions must be given")
        if self.resources and self.not_resources:
            raise InvalidInput(f"statement {self.sid}: resources and not_resources exclude each other")

    def to_plain(self) -> Plain:
        """Return the statement as JSON-ready dicts, lists and strings, a single value without its list."""
        plain: Plain = {"Sid": self.sid} if self.sid else {}
        plain["Effect"] = self.effect
        plain |= {name: _plain_principals(value) for name, value in self._principal_elements() if value}
        plain |= {name: _one_or_many(value) for name, value in self._list_elements() if value}
        if self.conditions:
            plain["Condition"] = _plain_conditions(self.conditions)
        return plain

    def _principal_elements(self) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
        return ("Principal", self.principals), ("NotPrincipal", self.not_principals)

    def _list_elements(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return (
            ("Action", self.actions),
            ("NotAction", self.not_actions),
            ("Resource", self.resources),
            ("NotResource", self.not_resources),
        )

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], source: str | None = None) -> Statement:
        """Read a statement as AWS writes it. Raises InvalidInput for an element it does not know or cannot read."""
        _require_mapping("statement", plain)
        unknown = set(plain) - _ELEMENTS
        if unknown:
            raise InvalidInput(f"statement {plain.get('Sid')}: unknown elements {sorted(unknown)}")
        if plain.get("Effect") not in {"Allow", "Deny"}:
            raise InvalidInput(f"Effect: got {plain.get('Effect')!r}; allowed is 'Allow' or 'Deny', in that case")
        return cls(
            effect=plain["Effect"],
            sid=plain.get("Sid"),
            actions=_many(plain.get("Action")),
            not_actions=_many(plain.get("NotAction")),
            resources=_many(plain.get("Resource")),
            not_resources=_many(plain.get("NotResource")),
            principals=_read_principals(plain.get("Principal")),
            not_principals=_read_principals(plain.get("NotPrincipal")),
            conditions=_read_conditions(plain.get("Condition") or {}),
            source=source,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy document."""

    statements: tuple[Statement, ...]
    name: str | None = None
    source: str | None = None
    version: str = VERSION

    def __post_init__(self) -> None:
        repeated = [sid for sid, count in Counter(s.sid for s in self.statements if s.sid).items() if count > 1]
        if repeated:
            raise InvalidInput(f"policy {self.name}: the Sid {repeated[0]} is used twice; IAM refuses that")

    def to_plain(self) -> Plain:
        """Return the document as JSON-ready dicts, lists and strings."""
        return {"Version": self.version, "Statement": [statement.to_plain() for statement in self.statements]}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], *, name: str | None = None, source: str | None = None) -> Policy:
        """Read a document as AWS writes it; a missing Version is 2008-10-17, as in IAM.

        Raises:
            InvalidInput: with the path to the element that cannot be read.
        """
        where = name or source or "policy"
        _require_mapping(where, plain)
        unknown = sorted(set(plain) - {"Version", "Id", "Statement"})
        if unknown or "Statement" not in plain:
            raise InvalidInput(f"{where}: got {unknown or 'no Statement'}; allowed are Version, Id and Statement")
        if plain.get("Version", VERSION) not in {VERSION, "2008-10-17"}:
            raise InvalidInput(f"{where}: Version: got {plain['Version']!r}; allowed is {VERSION} or 2008-10-17")
        statements = plain["Statement"]
        rows = statements if isinstance(statements, list) else [statements]
        return cls(
            statements=tuple(_statement(f"{where}: Statement[{index}]", row, source) for index, row in enumerate(rows)),
            name=name,
            source=source,
            version=plain.get("Version", "2008-10-17"),
        )


_ELEMENTS = {
    "Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition",
}  # fmt: skip


def _require_mapping(where: str, value: object) -> None:
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{where}: got {value!r}; allowed is a JSON object")


def _statement(where: str, plain: Mapping[str, Any], source: str | None) -> Statement:
    try:
        return Statement.from_plain(plain, source)
    except InvalidInput as error:
        raise InvalidInput(f"{where}: {error}") from error


def _one_or_many(values: Sequence[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)


def _many(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    values = value if isinstance(value, list | tuple) else [value]
    return tuple(_text(item) for item in values)


def _text(value: object) -> str:
    """A policy may hold JSON booleans and numbers where IAM reads text."""
    if not isinstance(value, str | bool | int | float):
        raise InvalidInput(f"got {value!r}; allowed is text, or a list of texts")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _plain_principals(principals: tuple[tuple[str, str], ...]) -> str | dict[str, str | list[str]]:
    if principals == ANYBODY:
        return "*"
    kinds = dict.fromkeys(kind for kind, _ in principals)
    return {kind: _one_or_many([value for k, value in principals if k == kind]) for kind in kinds}


def _read_principals(value: object) -> tuple[tuple[str, str], ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return ((value, value),)
    if not isinstance(value, Mapping):
        raise InvalidInput(f"principal: got {value!r}; allowed is '*' or a mapping such as {{'AWS': ...}}")
    return tuple((str(kind), item) for kind, values in value.items() for item in _many(values))


def _plain_conditions(conditions: tuple[Condition, ...]) -> dict[str, dict[str, str | list[str]]]:
    block: dict[str, dict[str, str | list[str]]] = {}
    for condition in conditions:
        keys = block.setdefault(condition.name, {})
        if condition.key in keys:
            raise InvalidInput(f"condition {condition.name}: the key {condition.key} is given twice")
        keys[condition.key] = _one_or_many(condition.values)
    return block


def _read_conditions(block: Mapping[str, Mapping[str, object]]) -> tuple[Condition, ...]:
    _require_mapping("Condition", block)
    for name, keys in block.items():
        _require_mapping(f"Condition.{name}", keys)
    return tuple(_condition(name, key, values) for name, keys in block.items() for key, values in keys.items())


def _condition(name: str, key: str, values: object) -> Condition:
    head, colon, tail = name.partition(":")
    operator = tail if colon else head
    quantifier: Quantifier | None = None
    if colon:
        if head not in {"ForAllValues", "ForAnyValue"}:
            raise InvalidInput(f"condition {name}: allowed before the colon is ForAllValues or ForAnyValue")
        quantifier = "ForAllValues" if head == "ForAllValues" else "ForAnyValue"
    return Condition(
        operator=operator.removesuffix("IfExists"),
        key=key,
        values=_many(values),
        quantifier=quantifier,
        if_exists=operator.endswith("IfExists"),
    )
