"""The values of one condition key sorted into cells: values that no condition of the estate tells apart.

Which cell a condition holds on is not worked out here: the compiled condition is asked about a witness of each. This
module only sees to it that the cells are fine enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from secure_bedrock.policy import _typed_cells
from secure_bedrock.policy._automata import ANY_TEXT, Cells, Domain, Glob
from secure_bedrock.policy._budget import Budget
from secure_bedrock.policy._globs import Context, Parts, Variable, Wild, fill, has_variables, parse
from secure_bedrock.policy.conditions import CompiledCondition, compile_condition
from secure_bedrock.policy.document import Condition

#: A variable that never has a value, so that what holds it matches nothing, neither as a text nor as an ARN.
_NEVER = "arn:::::${no-such-key}"
_IS_ARN = Glob(parse("arn:*:*:*:*:*", variables=False), fields=5)
_TEXT = ("String", "Arn", "Bool")


@dataclass(frozen=True, slots=True)
class Asked:
    """A condition of some document, with whether `${...}` is a variable there."""

    condition: Condition
    variables: bool

    @property
    def key(self) -> str:
        """The key, in lower case."""
        return self.condition.key.lower()

    @property
    def has_variables(self) -> bool:
        """Whether any of its values holds a variable."""
        return self.variables and any("${" in value for value in self.condition.values)

    def parsed(self) -> Iterator[Parts]:
        """Yield its values, parsed as its operator reads them."""
        wildcards = "Like" in self.condition.operator or self.condition.operator.startswith("Arn")
        for value in self.condition.values:
            yield parse(value, variables=self.variables, wildcards=wildcards)

    @property
    def is_whole(self) -> bool:
        """Whether it asks for one of some whole texts, each of which has a cell of its own."""
        condition = self.condition
        is_arn = condition.operator in {"ArnEquals", "ArnLike"}
        if condition.quantifier or condition.if_exists or not (is_arn or condition.operator == "StringEquals"):
            return False
        return not any(_is_pattern(value, is_arn=is_arn) for value in condition.values)

    def variable_keys(self) -> frozenset[str]:
        """Return the keys that its values refer to."""
        if not self.has_variables or not self.condition.operator.startswith(_TEXT):
            return frozenset()
        return frozenset(part.key for parts in self.parsed() for part in parts if isinstance(part, Variable))


def effort(condition: Condition) -> int:
    """Return what it costs to ask a condition about one value, in comparisons: texts alone are looked up."""
    if condition.operator in {"StringEquals", "StringNotEquals", "Null"}:
        return 1
    return sum(1 + len(value) // 64 for value in condition.values)


def _is_pattern(value: str, *, is_arn: bool) -> bool:
    return "$" in value or (is_arn and ("*" in value or "?" in value or value.count(":") < 5))  # noqa: PLR2004 - an ARN


def family(operator: str) -> str:
    """Return how an operator reads values: as text, numeric, date, address or bytes; empty for Null."""
    if operator == "Null":
        return ""
    if operator.startswith(_TEXT):
        return "text"
    for start, name in (("Numeric", "number"), ("Date", "date"), ("Binary", "bytes")):
        if operator.startswith(start):
            return name
    return "address"


def globs(asked: Asked, known: Iterable[Context]) -> Iterator[Glob]:
    """Yield what tells values apart: each value of a condition, its variables filled as known, and roughly."""
    operator = asked.condition.operator
    is_arn, any_case = operator.startswith("Arn"), operator.endswith("IgnoreCase") or operator == "Bool"
    fields = 5 if is_arn else 0
    if is_arn:
        yield _IS_ARN
    for parts in asked.parsed():
        if not has_variables(parts):
            yield Glob(parts, any_case, fields)
            continue
        yield Glob(roughly(parts), any_case, fields)
        filled = {fill(parts, context) for context in known}
        yield from (Glob(each, any_case, fields) for each in filled if each is not None)


def roughly(parts: Parts) -> Parts:
    """Return the parts with a star for each variable."""
    found: list[str | Wild] = []
    for part in parts:
        each = Wild.MANY if isinstance(part, Variable) else part
        if not (each is Wild.MANY and found and found[-1] is Wild.MANY):
            found.append(each)
    return tuple(found)


def values_of(  # noqa: PLR0913 - what a key is like, from several tables
    asked: Sequence[Asked],
    known: Sequence[Context],
    budget: Budget,
    *,
    domain: Domain = ANY_TEXT,
    extra: Iterable[str] = (),
    preferred: Iterable[str] = (),
    only: str = "",
) -> tuple[list[str], str]:
    """Return a value of each cell of a key, and the family of operators that the cells are exact for.

    Args:
        asked: the conditions on the key.
        known: contexts that variables are filled from.
        budget: what it may cost.
        domain: which texts the key holds.
        extra: texts that get cells of their own.
        preferred: texts that read well.
        only: the type of the key, where AWS gives it one, so that it never holds anything else.
    """
    families = [family(each.condition.operator) for each in asked]
    kind = only or next((name for name in families if name), "text")
    mine = [each for each, name in zip(asked, families, strict=True) if name == kind]
    if kind == "text":
        patterns = [glob for each in mine for glob in globs(each, known)]
        any_case = any(each.key == "aws:tagkeys" for each in mine)
        cells = Cells([*patterns, *(Glob((text,) if text else (), any_case) for text in extra)], domain, budget)
        cells.prefer(preferred)
        return cells.witnesses, kind
    texts = [value for each in mine for value in each.condition.values]
    budget.spend(10 * len(texts), "cells of values")
    return _typed_cells.witnesses(kind, texts, typed=bool(only)), kind


def bounds(asked: Asked, fixed: Context, missing: frozenset[str]) -> tuple[CompiledCondition, CompiledCondition]:
    """Return a condition as narrow and as wide as its open variables make it: the same where none is open.

    Args:
        asked: the condition.
        fixed: the keys whose value is known.
        missing: the keys known to be absent.
    """
    condition = asked.condition
    is_open = [bool(_keys(parts) - fixed.keys() - missing) for parts in asked.parsed()] if asked.has_variables else []
    if not any(is_open) or not condition.operator.startswith(_TEXT):
        exact = _compiled(condition, variables=asked.variables)
        return exact, exact
    narrow = tuple(_NEVER if opened else value for value, opened in zip(condition.values, is_open, strict=True))
    return (
        compile_condition(replace(condition, values=narrow), variables=True),
        compile_condition(_widest(condition), variables=True),
    )


_compiled = lru_cache(maxsize=8192)(compile_condition)


def _keys(parts: Parts) -> set[str]:
    return {part.key for part in parts if isinstance(part, Variable)}


def _widest(condition: Condition) -> Condition:
    """Return a condition with a star for each variable, of an operator that knows stars."""
    negated = "Not" in condition.operator
    if condition.operator.endswith("IgnoreCase") or condition.operator == "Bool":
        return replace(condition, operator="StringNotLike" if negated else "StringLike", values=("*",))
    if condition.operator.startswith("Arn"):
        return replace(condition, values=tuple(_starred(value, wildcards=True) for value in condition.values))
    wildcards = "Like" in condition.operator
    return replace(
        condition,
        operator="StringNotLike" if negated else "StringLike",
        values=tuple(_starred(value, wildcards=wildcards) for value in condition.values),
    )


def _starred(value: str, *, wildcards: bool) -> str:
    """Write a value again with a star for each variable, its literal stars and the like escaped."""
    parts = roughly(parse(value, variables=True, wildcards=wildcards))
    return "".join(
        part.value if isinstance(part, Wild) else _escaped(part) for part in parts if not isinstance(part, Variable)
    )


def _escaped(text: str) -> str:
    return "".join(f"${{{c}}}" if c in "*?$" else c for c in text)
