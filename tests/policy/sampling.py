"""Requests drawn at random, and formulas decided on them: what proofs are held against."""

from __future__ import annotations

from random import Random

from secure_bedrock.policy._formulas import All, AnyOf, Formula, Literal
from secure_bedrock.policy._space import Attribute, Space


def is_true(formula: Formula, cells: dict[int, int]) -> bool:
    """Whether a formula holds where each attribute is in one cell."""
    if isinstance(formula, Literal):
        return bool(formula.cells & cells[formula.attribute])
    if isinstance(formula, AnyOf):
        return any(is_true(option, cells) for option in formula.options)
    assert isinstance(formula, All)
    parts = (*formula.literals, *formula.clauses)
    return all(is_true(part, cells) for part in parts)


def any_cells(space: Space, random: Random) -> dict[int, int]:
    """One cell of each attribute."""
    return {
        each.number: 1 << random.randrange(len(each.values) if isinstance(each, Attribute) else 2)
        for each in space.attributes
    }


def possible_cells(space: Space, random: Random, possible: Formula, tries: int = 2000) -> dict[int, int] | None:
    """One cell of each attribute, so that AWS's guarantees are kept; mended where chance alone would not do."""
    cells = any_cells(space, random)
    for _ in range(tries):
        broken = first_broken(possible, cells)
        if broken is None:
            return cells
        literal = random.choice(broken)
        choices = [1 << i for i in range(literal.cells.bit_length()) if literal.cells >> i & 1]
        cells[literal.attribute] = random.choice(choices)
    return None


def first_broken(formula: Formula, cells: dict[int, int]) -> list[Literal] | None:
    """The literals that would mend a part of a formula that does not hold; None: all of it holds."""
    if is_true(formula, cells):
        return None
    if isinstance(formula, Literal):
        return [formula]
    if isinstance(formula, AnyOf):
        return [each for option in formula.options for each in first_broken(option, cells) or []]
    for part in (*formula.literals, *formula.clauses):
        found = first_broken(part, cells)
        if found is not None:
            return found
    return None
