"""Boxes grown as far as they stay clear of a formula, so that a few of them say what many small ones would."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from secure_bedrock.policy._budget import Budget, ExhaustedError
from secure_bedrock.policy._formulas import Box, Formula, Literal, all_of, find
from secure_bedrock.policy._space import Space

#: What growing one box may cost, in steps; it is left as it is then.
_PER_BOX = 200_000


class Growing:
    """Boxes between two formulas.

    Args:
        space: their attributes.
        inside: what requests of a box are to satisfy somewhere.
        outside: what none of those may satisfy.
        budget: what it may cost.
    """

    def __init__(self, space: Space, inside: Formula, outside: Formula, budget: Budget) -> None:
        self._space = space
        self._inside = inside
        self._both = all_of([inside, outside])
        self._budget = budget
        self._every = {each.number: each.every for each in space.attributes}

    def literals(self, box: Box) -> list[Literal]:
        """Return a box as a formula."""
        return [Literal(number, cells, self._every[number]) for number, cells in box.items()]

    def grown(self, box: Box) -> Box:
        """Return the widest of the boxes that this one grows to, by which of its restrictions is dropped first."""
        own = self._budget.part(_PER_BOX)
        found = [self._along(order, box, own) for order in self._orders(box)]
        self._budget.spend(own.spent, "descriptions")
        return min(found, key=self._narrowness)

    def trimmed(self, box: Box) -> Box:
        """Leave out names, Regions and partitions of resources that nothing inside is about."""
        kept = dict(box)
        for attribute in (self._space.fields[i] for i in (4, 2, 0)):
            if attribute.number in kept:
                cells = [1 << i for i in range(len(attribute.values)) if kept[attribute.number] >> i & 1]
                used = sum(cell for cell in cells if self._is_used({**kept, attribute.number: cell}))
                kept[attribute.number] = used or kept[attribute.number]
        return kept

    def _is_used(self, box: Box) -> bool:
        here = all_of([*self.literals(box), self._inside])
        return find(here, self._budget) is not None

    def _orders(self, box: Box) -> Iterator[list[int]]:
        """Conditions are dropped before the resource; of that the name first, or the Region."""
        fields = [each.number for each in self._space.fields]
        keys = sorted(box.keys() - {self._space.action.number, *fields})
        for order in (fields[::-1], fields[2:4] + fields[4:] + fields[:2]):
            yield [*keys, *(number for number in order if number in box)]

    def _narrowness(self, box: Box) -> tuple[int, float]:
        """The fewer restrictions and the more actions and values, the less."""
        return len(box), -sum(cells.bit_count() / self._every[n].bit_count() for n, cells in box.items())

    def _along(self, order: Iterable[int], box: Box, budget: Budget) -> Box:
        kept = dict(box)
        try:
            for number in order:
                shorter = {each: cells for each, cells in kept.items() if each != number}
                if self._is_clear(shorter, budget):
                    kept = shorter
            for number in [each for each in order if each in kept]:
                kept[number] = self._widened(kept, number, budget)
            kept[self._space.action.number] = self._actions(kept, budget)
        except ExhaustedError:
            return kept
        return kept

    def _is_clear(self, box: Box, budget: Budget) -> bool:
        budget.spend(len(box) + 10, "descriptions")
        clash = all_of([*self.literals(box), self._both])
        return find(clash, budget) is None

    def _widened(self, box: Box, number: int, budget: Budget) -> int:
        """Add as many cells of one attribute as stay clear: all at once, else half and half."""
        cells = box[number]
        groups = [self._every[number] ^ cells]
        while groups:
            group = groups.pop()
            if not group:
                continue
            if self._is_clear({**box, number: cells | group}, budget):
                cells |= group
            elif group.bit_count() > 1:
                groups += _halves(group)
        return cells

    def _actions(self, box: Box, budget: Budget) -> int:
        """Every action that the rest of the box is about, and that stays clear."""
        action = self._space.action.number
        widest = self._widened({action: 0, **box}, action, budget)
        found = box.get(action, 0)
        for index in range(len(self._space.action.values)):
            cell = 1 << index
            if widest & cell & ~found:
                budget.spend(10, "descriptions")
                found |= cell if self._is_used({**box, action: cell}) else 0
        return found


def _halves(cells: int) -> tuple[int, int]:
    bits = [i for i in range(cells.bit_length()) if cells >> i & 1]
    half = sum(1 << i for i in bits[: len(bits) // 2])
    return half, cells ^ half
