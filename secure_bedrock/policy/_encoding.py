"""Statements as formulas over a space of requests.

AWS's answers have three values; a formula has two. So each statement has two: that it surely applies, and that it may.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from secure_bedrock.policy._arns import FIELDS
from secure_bedrock.policy._cells import Asked, bounds, effort, family, roughly
from secure_bedrock.policy._formulas import FALSE, TRUE, Formula, all_of, any_of, mask, negation
from secure_bedrock.policy._globs import Context, Parts, Variable, fill, has_variables, matcher
from secure_bedrock.policy._space import NO_RESOURCE, Attribute, Space, fields_of_pattern
from secure_bedrock.policy.conditions import Answer, Holds
from secure_bedrock.policy.document import VERSION, Statement
from secure_bedrock.policy.matching import CompiledStatement
from secure_bedrock.policy.request import Value


class Free:
    """The value of a key is anything."""


FREE = Free()


@dataclass(frozen=True)
class Keys:
    """What is known of a principal's condition keys before any request.

    Attributes:
        fixed: keys with their values.
        absent: keys the request lacks; a name that ends in `/` stands for all that begin with it.
        attributes: keys whose cells are this principal's own.
    """

    fixed: Mapping[str, Value]
    absent: frozenset[str] = frozenset()
    attributes: Mapping[str, Attribute] = field(default_factory=dict)

    def value(self, key: str) -> Value | Free | None:
        """Return the value of a key; None: it is absent; FREE: it is not known."""
        found = self.fixed.get(key)
        if found is not None:
            return found
        if key in self.absent or f"{key.partition('/')[0]}/" in self.absent:
            return None
        return FREE

    def are_read_from(self, attribute: Attribute) -> bool:
        """Whether an attribute is one that this principal's requests have a value of."""
        own = self.attributes.get(attribute.name)
        return attribute is own if own is not None else self.value(attribute.name) is FREE

    def assuming(self, assumed: Mapping[str, str | None]) -> Keys:
        """Return the same with some more known: None is absence."""
        if not assumed:
            return self
        given = {key: value for key, value in assumed.items() if value is not None}
        return replace(self, fixed={**self.fixed, **given}, absent=self.absent | (assumed.keys() - given.keys()))


class Encoding:
    """Statements as formulas, for one principal.

    Attributes:
        space: the attributes.
        keys: what is known of the principal.
        reasons: what answers hung on that is not settled.
    """

    def __init__(self, space: Space, keys: Keys, is_about: Callable[[Statement], bool]) -> None:
        self.space = space
        self.keys = keys
        self._is_about = is_about
        self._signatures: dict[str, object] = {}
        self.reasons: dict[str, None] = {}

    def applies(self, statement: CompiledStatement, *, maybe: bool) -> Formula:
        """Return that a statement applies, whoever asks.

        Args:
            statement: the statement.
            maybe: whether what is not settled counts as applying.
        """
        return self._found(statement, maybe=maybe).formula

    def spares(self, statement: CompiledStatement, *, maybe: bool) -> Formula:
        """Return that a statement does not apply."""
        return self._found(statement, maybe=maybe).opposite

    def spared(self, statements: tuple[CompiledStatement, ...], *, maybe: bool) -> Formula:
        """Return that none of some statements applies: the same for all whose keys come to the same."""
        known = self.space.compiled.get(statements)
        if known is None:
            known = self.space.compiled[statements] = _Known.of_all(map(self._compiled, statements))
        parts = (self.spares(each, maybe=maybe) for each in statements)
        return self._once(known, maybe=maybe, made=lambda: self.space.conjunction(parts)).formula

    def _compiled(self, statement: CompiledStatement) -> _Compiled:
        known = self.space.compiled.get(statement)
        if known is None:
            known = self.space.compiled[statement] = _Compiled(statement, is_about=self._is_about(statement.source))
        return known

    def _found(self, statement: CompiledStatement, *, maybe: bool) -> _Found:
        known = self._compiled(statement)
        return (
            self._once(known, maybe=maybe, made=lambda: self._applying(known, maybe=maybe))
            if known.is_about
            else _NEVER
        )

    def _once(self, known: _Known, *, maybe: bool, made: Callable[[], Formula]) -> _Found:
        """Return a formula that is the same wherever what is known of its keys comes to the same."""
        signature = (maybe, *map(self.signature, known.mentioned), *map(self._outcome, known.tests))
        found = known.formulas.get(signature)
        if found is None:
            before, self.reasons = self.reasons, {}
            formula = made()
            found = known.formulas[signature] = _Found(formula, tuple(self.reasons))
            self.reasons = before
        self.reasons.update(dict.fromkeys(found.reasons))
        return found

    def signature(self, key: str) -> object:
        """Return what is known of a key: formulas about it are the same wherever that is."""
        found = self._signatures.get(key, ...)
        if found is ...:
            found = self._signatures[key] = self.keys.attributes.get(key) or self.keys.value(key)
        return found

    def _outcome(self, test: _Test) -> object:
        """Return what a condition says of a key that is known; what is known of one that is not."""
        value = self.signature(test.key)
        return test.answer(value) if value is None or isinstance(value, str | tuple) else value

    def _applying(self, known: _Compiled, *, maybe: bool) -> Formula:
        formula = self._statement(known, maybe=maybe)
        if formula is FALSE:
            self.reasons = {}  # what never applies hangs on nothing
        return formula

    def _statement(self, known: _Compiled, *, maybe: bool) -> Formula:
        action = self.space.action
        parts = [action.where(self.space.covered(known.statement)), self._resources(known, maybe=maybe)]
        for asked in known.conditions:
            if parts[0] is FALSE or parts[-1] is FALSE:
                return FALSE
            parts.append(self.condition(asked, maybe=maybe))
        return all_of(parts)

    # ----- resources

    def _resources(self, known: _Compiled, *, maybe: bool) -> Formula:
        source = known.statement.source
        if source.resources:
            return any_of(self.resource(text, variables=known.variables, maybe=maybe) for text in source.resources)
        if source.not_resources:
            inner = [self.resource(text, variables=known.variables, maybe=not maybe) for text in source.not_resources]
            return all_of(negation(each) for each in inner)
        return TRUE

    def resource(self, text: str, *, variables: bool, maybe: bool) -> Formula:
        """Return that the resource matches a pattern."""
        if not text.strip("*"):
            return TRUE
        if variables and "${" in text:
            return self._resource(text, variables=True, maybe=maybe)
        return self.space.once(("resource", text), lambda: self._resource(text, variables=False, maybe=maybe))

    def _resource(self, text: str, *, variables: bool, maybe: bool) -> Formula:
        fields = fields_of_pattern(text, variables=variables)[1:]
        parts: list[Formula] = [negation(self.space.fields[0].among([NO_RESOURCE]))]
        early = any(has_variables(each) for each in fields[: FIELDS - 2])
        if early:
            self._open(f"a variable before the fifth colon of the resource {text}")
            if not maybe:
                return FALSE
        self.space.budget.spend(1, "resources")
        for attribute, each in zip(self.space.fields, fields, strict=True):
            matched = self._matched(each, maybe=maybe)
            if matched is None:
                return FALSE
            parts.append(attribute.where(self._cells_of(attribute, matched)))
        return all_of(parts)

    def _cells_of(self, attribute: Attribute, parts: Parts) -> int:
        """Return the cells of a field whose values have a form; one text has a cell of its own."""
        text = parts[0] if len(parts) == 1 else None
        place = self.space.place(attribute, text) if isinstance(text, str) else None
        if place is not None:
            return 1 << place
        self.space.budget.spend(len(attribute.values), "resources")
        test = matcher(parts)
        return mask(i for i, value in enumerate(attribute.values) if test(str(value)))

    def _matched(self, parts: Parts, *, maybe: bool) -> Parts | None:
        """Return what a field is compared with; with stars for variables that are open, None for one without value."""
        if not has_variables(parts):
            return parts
        context: dict[str, Value] = {}
        for part in parts:
            if isinstance(part, Variable):
                value = self.keys.value(part.key)
                if isinstance(value, Free):
                    self._open(f"the policy variable ${{{part.key}}}")
                    return roughly(parts) if maybe else None
                if value is not None:
                    context[part.key] = value
        return fill(parts, context)

    # ----- conditions

    def condition(self, asked: Asked, *, maybe: bool) -> Formula:
        """Return that a condition holds."""
        context: dict[str, Value] = {}
        missing: set[str] = set()
        for key in asked.variable_keys():
            value = self.keys.value(key)
            if value is None:
                missing.add(key)
            elif not isinstance(value, Free):
                context[key] = value
        narrow, wide = bounds(asked, context, frozenset(missing))
        holds = narrow.holds if narrow is wide else _between(narrow.holds, wide.holds)
        if narrow is not wide:
            self._open(f"the policy variables in {asked.condition.name} on {asked.condition.key}")
        return self._on_key(asked, holds, context, maybe=maybe)

    def _on_key(self, asked: Asked, holds: Holds, context: Context, *, maybe: bool) -> Formula:
        key = asked.key
        value = self.keys.value(key)
        if key in self.keys.attributes:
            return self._on_cells(asked, self.keys.attributes[key], holds, context, maybe=maybe)
        if not isinstance(value, Free):
            given = context if value is None else {**context, key: value}
            return self._settled(asked, holds(given), maybe=maybe)
        if self.space.is_many(key):
            return self._on_hits(asked, holds, context, maybe=maybe)
        return self._on_cells(asked, self.space.key(key), holds, context, maybe=maybe)

    def _on_cells(self, asked: Asked, attribute: Attribute, holds: Holds, context: Context, *, maybe: bool) -> Formula:
        if asked.is_whole and attribute.kind == "text":
            return attribute.among(asked.condition.values)
        kind = family(asked.condition.operator)
        self.space.budget.spend(len(attribute.values) * effort(asked.condition) // 8, "conditions")
        coarse = attribute.inexact or (kind and kind != attribute.kind and f"{attribute.name} compared as {kind}")
        cells: list[int] = []
        for index, value in enumerate(attribute.values):
            answer: Answer
            if value is None:
                answer = holds(context)
            elif coarse and kind:
                answer = None
            else:
                answer = holds({**context, asked.key: value})
            if answer is None:
                self._open(coarse or f"{asked.condition.name} on {asked.condition.key}")
            if answer or (answer is None and maybe):
                cells.append(index)
        return attribute.where(mask(cells))

    def _on_hits(self, asked: Asked, holds: Holds, context: Context, *, maybe: bool) -> Formula:
        """A key with many values: for all of them, for any of them, or (AWS does not say) for none in particular."""
        hits = self.space.hits(asked.key)
        absent = all_of(hit.is_hit(hit=False) for hit in hits)
        condition = asked.condition
        without = self._settled(asked, holds(context), maybe=maybe)
        if condition.operator == "Null":
            with_some = self._settled(asked, holds({**context, asked.key: ("x",)}), maybe=maybe)
            return any_of([all_of([absent, without]), all_of([negation(absent), with_some])])
        if condition.quantifier is None or family(condition.operator) != "text":
            self._open(f"{condition.name} on {condition.key}, which holds many values")
            return any_of([all_of([absent, without]), all_of([negation(absent), TRUE if maybe else FALSE])])
        self.space.budget.spend(len(hits) * (8 + effort(condition)) // 8, "conditions")
        answers = [holds({**context, asked.key: (hit.value,)}) for hit in hits]
        if None in answers:
            self._open(f"{condition.name} on {condition.key}")
        good = [bool(answer) or (answer is None and maybe) for answer in answers]
        if condition.quantifier == "ForAnyValue":
            some = any_of(hit.is_hit() for hit, is_good in zip(hits, good, strict=True) if is_good)
            return any_of([some, all_of([absent, without])])
        every = all_of(hit.is_hit(hit=False) for hit, is_good in zip(hits, good, strict=True) if not is_good)
        return any_of([all_of([absent, without]), all_of([negation(absent), every])])

    def _settled(self, asked: Asked, answer: Answer, *, maybe: bool) -> Formula:
        if answer is None:
            self._open(f"{asked.condition.name} on {asked.condition.key}")
            return TRUE if maybe else FALSE
        return TRUE if answer else FALSE

    def _open(self, reason: str) -> None:
        self.reasons[reason] = None


class _Found:
    """That a statement applies, and on what that hangs which is not settled."""

    def __init__(self, formula: Formula, reasons: tuple[str, ...] = ()) -> None:
        self.formula, self.reasons = formula, reasons

    @cached_property
    def opposite(self) -> Formula:
        """That it does not apply; of an Allow nobody asks."""
        return negation(self.formula)


_NEVER = _Found(FALSE)


class _Test:
    """A condition without variables, and what it says of the values it was asked about."""

    __slots__ = ("_answers", "_holds", "key")

    def __init__(self, asked: Asked) -> None:
        self.key = asked.key
        self._holds = bounds(asked, {}, frozenset())[0].holds
        self._answers: dict[Value | None, Answer] = {}

    def answer(self, value: Value | None) -> Answer:
        """Say whether it holds for a value; None: for none."""
        if value not in self._answers:
            self._answers[value] = self._holds({} if value is None else {self.key: value})
        return self._answers[value]


class _Known:
    """What something asks of keys, and its formulas by what is known of those.

    Attributes:
        mentioned: the keys whose very value matters.
        tests: the conditions on others, of which only the outcome matters.
        formulas: the formulas.
    """

    __slots__ = ("formulas", "mentioned", "tests")

    def __init__(self, mentioned: Iterable[str], tests: Mapping[Asked, _Test]) -> None:
        self.mentioned = tuple(dict.fromkeys(mentioned))
        self.tests = tuple(tests.values())
        self.formulas: dict[object, _Found] = {}

    @classmethod
    def of_all(cls, several: Iterable[_Compiled]) -> _Known:
        """Return what all of several statements ask together; the same condition is asked once."""
        about = [each for each in several if each.is_about]
        mentioned = [key for each in about for key in each.mentioned]
        return cls(mentioned, {asked: test for each in about for asked, test in each.by_condition.items()})


class _Compiled(_Known):
    """A statement with what it asks."""

    __slots__ = ("by_condition", "conditions", "is_about", "statement", "variables")

    def __init__(self, statement: CompiledStatement, *, is_about: bool) -> None:
        self.is_about = is_about
        self.statement = statement
        self.variables = statement.policy.version == VERSION
        self.conditions = tuple(Asked(each, self.variables) for each in statement.source.conditions)
        self.by_condition = {each: _Test(each) for each in self.conditions if not each.has_variables}
        super().__init__(self._keys(), self.by_condition)

    def _keys(self) -> Iterator[str]:
        for asked in self.conditions:
            if asked.has_variables:
                yield asked.key
                yield from asked.variable_keys()
        if self.variables:
            source = self.statement.source
            yield from keys_in_resources((*source.resources, *source.not_resources))


def keys_in_resources(texts: tuple[str, ...]) -> Iterator[str]:
    """Yield the keys of the variables in patterns of resources."""
    for text in texts:
        if "${" in text:
            for parts in fields_of_pattern(text, variables=True):
                yield from (part.key for part in parts if isinstance(part, Variable))


def _between(narrow: Holds, wide: Holds) -> Holds:
    """A condition that lies between two: settled where they agree."""

    def holds(context: Context) -> Answer:
        low, high = narrow(context), wide(context)
        return low if low == high else None

    return holds
