"""Formulas over attributes, each a set of cells, and the search for a box of cells that satisfies one.

A literal says that an attribute lies in a set of cells, an integer with a bit for each. Formulas are kept in negation
normal form. The search keeps a box, narrows it while a clause has one option left, and then branches on the shortest
clause; it is exhaustive, so that finding nothing is a proof.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from typing import NamedTuple

from secure_bedrock.policy._budget import Budget

#: Attribute to the cells it may be in; an attribute that is absent may be in any.
Box = dict[int, int]


class Literal(NamedTuple):
    """An attribute lies in some of its cells."""

    attribute: int
    cells: int
    every: int


class All(NamedTuple):
    """Each literal and each clause holds; no literals and no clauses: always true."""

    literals: tuple[Literal, ...]
    clauses: tuple[AnyOf, ...]


class AnyOf(NamedTuple):
    """One of the options holds; none: never true."""

    options: tuple[Literal | All, ...]


Formula = Literal | All | AnyOf
#: So many cells are quicker set one by one.
_FEW = 512
TRUE = All((), ())
FALSE = AnyOf(())


def mask(cells: Iterable[int]) -> int:
    """Return a set of cells, made at once: bit by bit, large ones would take their size squared."""
    chosen = list(cells)
    if not chosen or max(chosen) < _FEW:
        return sum(1 << cell for cell in chosen)
    octets = bytearray(max(chosen) // 8 + 1)
    for cell in chosen:
        octets[cell >> 3] |= 1 << (cell & 7)
    return int.from_bytes(octets, "little")


def literal(attribute: int, cells: int, every: int) -> Formula:
    """Return the formula that an attribute lies in some of its cells."""
    if not cells:
        return FALSE
    return TRUE if cells == every else Literal(attribute, cells, every)


def all_of(formulas: Iterable[Formula]) -> Formula:
    """Return the conjunction."""
    literals: dict[int, Literal] = {}
    clauses: list[AnyOf] = []
    for formula in formulas:
        if isinstance(formula, AnyOf):
            if not formula.options:
                return FALSE
            clauses.append(formula)
            continue
        for each in (formula,) if isinstance(formula, Literal) else formula.literals:
            known = literals.get(each.attribute)
            cells = each.cells if known is None else each.cells & known.cells
            if not cells:
                return FALSE
            literals[each.attribute] = Literal(each.attribute, cells, each.every)
        if isinstance(formula, All):
            clauses += formula.clauses
    if not clauses and len(literals) == 1:
        return next(iter(literals.values()))
    if not literals and len(clauses) <= 1:
        return clauses[0] if clauses else TRUE
    return All(tuple(literals.values()), tuple(clauses))


def any_of(formulas: Iterable[Formula]) -> Formula:
    """Return the disjunction."""
    literals: dict[int, Literal] = {}
    others: list[All] = []
    for formula in formulas:
        options = formula.options if isinstance(formula, AnyOf) else (formula,)
        for each in options:
            if isinstance(each, All):
                if each == TRUE:
                    return TRUE
                others.append(each)
                continue
            known = literals.get(each.attribute)
            cells = each.cells if known is None else each.cells | known.cells
            if cells == each.every:
                return TRUE
            literals[each.attribute] = Literal(each.attribute, cells, each.every)
    options = (*literals.values(), *others)
    if not options:
        return FALSE
    return options[0] if len(options) == 1 else AnyOf(options)


def negation(formula: Formula) -> Formula:
    """Return the opposite."""
    if isinstance(formula, Literal):
        return Literal(formula.attribute, formula.every ^ formula.cells, formula.every)
    if isinstance(formula, AnyOf):
        return all_of(negation(option) for option in formula.options)
    return any_of([*map(negation, formula.literals), *map(negation, formula.clauses)])


def attributes_of(formula: Formula) -> set[int]:
    """Return the attributes that a formula speaks of."""
    if isinstance(formula, Literal):
        return {formula.attribute}
    parts = formula.options if isinstance(formula, AnyOf) else (*formula.literals, *formula.clauses)
    return reduce(set.union, map(attributes_of, parts), set[int]())


def projection(formula: Formula, attribute: int, every: int) -> int:
    """Return the cells that an attribute may have where a formula holds: all of those, and perhaps more."""
    if isinstance(formula, Literal):
        return formula.cells if formula.attribute == attribute else every
    if isinstance(formula, AnyOf):
        found = 0
        for option in formula.options:
            found |= projection(option, attribute, every)
            if found == every:
                break
        return found
    found = every
    for part in (*formula.literals, *formula.clauses):
        found &= projection(part, attribute, every)
    return found


def narrowed(formula: Formula, budget: Budget, every: Callable[[int], int]) -> Formula:
    """Return the same formula with what its literals settle taken out of its clauses.

    Args:
        formula: the formula.
        budget: what it may cost.
        every: all cells of an attribute.
    """
    box: Box = {}
    clauses: list[AnyOf] = []
    left = _narrow(box, clauses, budget) if _assume(formula, box, clauses) else None
    if left is None:
        return FALSE
    return All(tuple(Literal(number, cells, every(number)) for number, cells in box.items()), tuple(left))


def find(formula: Formula, budget: Budget) -> Box | None:
    """Return a box all of whose requests satisfy the formula; None: there is none.

    Raises:
        ExhaustedError: where the budget is spent first.
    """
    states: list[tuple[Box, list[AnyOf]]] = []
    box: Box = {}
    clauses: list[AnyOf] = []
    if not _assume(formula, box, clauses):
        return None
    states.append((box, clauses))
    while states:
        box, clauses = states.pop()
        left = _narrow(box, clauses, budget)
        if left is None:
            continue
        if not left:
            return box
        states += reversed(_branches(box, left))
    return None


def _assume(formula: Formula, box: Box, clauses: list[AnyOf]) -> bool:
    """Narrow a box to a formula as far as its literals go; its clauses are added. False: nothing is left."""
    if isinstance(formula, AnyOf):
        clauses.append(formula)
        return bool(formula.options)
    for each in (formula,) if isinstance(formula, Literal) else formula.literals:
        cells = box.get(each.attribute, each.every) & each.cells
        if not cells:
            return False
        box[each.attribute] = cells
    if isinstance(formula, All):
        clauses += formula.clauses
    return True


def _narrow(box: Box, clauses: list[AnyOf], budget: Budget) -> list[AnyOf] | None:
    """Assume what is the only option left, until every clause has two; None: a clause has none."""
    while True:
        left: list[AnyOf] = []
        added: list[AnyOf] = []
        has_narrowed = False
        for clause in clauses:
            live = _live(clause, box)
            budget.spend(len(clause.options), "the search")
            if live is None:
                continue
            if not live:
                return None
            if len(live) > 1:
                left.append(clause if len(live) == len(clause.options) else AnyOf(tuple(live)))
                continue
            if not _assume(live[0], box, added):
                return None
            has_narrowed = True
        clauses = left + added
        if not has_narrowed:
            return clauses


def _live(clause: AnyOf, box: Box) -> list[Literal | All] | None:
    """Return the options a box leaves open; None: it already satisfies one."""
    live: list[Literal | All] = []
    for option in clause.options:
        literals, settled = ((option,), True) if isinstance(option, Literal) else (option.literals, not option.clauses)
        for each in literals:
            cells = box.get(each.attribute)
            if cells is None:
                settled = False
            elif cells & ~each.cells:
                if not cells & each.cells:
                    break
                settled = False
        else:
            if settled:
                return None
            live.append(option)
    return live


def _branches(box: Box, clauses: list[AnyOf]) -> list[tuple[Box, list[AnyOf]]]:
    """Return a state for each option of the shortest clause, each without the options before it."""
    chosen = min(clauses, key=lambda clause: len(clause.options))
    rest = [clause for clause in clauses if clause is not chosen]
    states: list[tuple[Box, list[AnyOf]]] = []
    outside = dict(box)
    for option in chosen.options:
        inside, more = dict(outside), list(rest)
        if _assume(option, inside, more):
            states.append((inside, more))
        if isinstance(option, Literal) and not _assume(negation(option), outside, []):
            break
    return states
