"""Texts sorted into cells: two texts that no pattern of a set tells apart are in one cell, and each cell has a witness.

All patterns run as one automaton whose state is an integer, a bit for each place in each pattern. Walking its reachable
states breadth first finds every set of patterns that some text matches, with a shortest text that does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase, digits

from secure_bedrock.policy._budget import Budget
from secure_bedrock.policy._globs import Parts, Wild

#: Characters to write a text with that no pattern asks for, in order of preference.
_FILLERS = (*"x", *ascii_lowercase, *digits, *ascii_uppercase, *"-_.~!^", *map(chr, range(0x100, 0x2000)))


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern over one text.

    Attributes:
        parts: literals and wildcards, no variables.
        any_case: whether letters match in either case.
        fields: how many colons the wildcards do not cross: the first five of an ARN. 0: they cross all.
    """

    parts: Parts
    any_case: bool = False
    fields: int = 0


@dataclass(frozen=True, slots=True)
class Domain:
    """Which texts there are.

    Attributes:
        within: a pattern all of them match. Default: any text.
        characters: those they are made of. Default: any.
        without: characters they never hold.
    """

    within: Glob | None = None
    characters: str = ""
    without: str = ""

    def fillers(self) -> tuple[str, ...]:
        """Return the characters to fill texts with, the most readable first."""
        return tuple(c for c in self.characters or _FILLERS if c not in self.without)


ANY_TEXT = Domain()


class Cells:
    """The cells of a set of patterns: `witnesses` has one text of each.

    Args:
        patterns: what tells texts apart.
        domain: which texts there are.
        budget: what it may cost.
        mend: where the patterns are simple, what makes a text of a cell one of the domain. Default: it is one already.
    """

    def __init__(
        self,
        patterns: Iterable[Glob],
        domain: Domain,
        budget: Budget,
        mend: Callable[[str], str] | None = None,
    ) -> None:
        unique = list(dict.fromkeys(patterns))
        if domain.within is not None:
            unique = [domain.within, *(pattern for pattern in unique if pattern != domain.within)]
        self._machine = _Machine(unique)
        self._required = 0 if domain.within is None else 1 << self._machine.ends[0]
        self._alive = 0 if domain.within is None else (self._required << 1) - 1
        is_free = mend is not None or (domain.within is None and not domain.characters)
        simple = _simple_texts(unique[bool(domain.within) :]) if is_free else None
        simple = [mend(text) for text in simple] if simple and mend else simple
        found = self._walk(domain, budget) if simple is None else self._sorted(simple, budget)
        self._index = {signature: number for number, signature in enumerate(found)}
        self.witnesses = list(found.values())

    def _sorted(self, texts: Sequence[str], budget: Budget) -> dict[int, str]:
        found: dict[int, str] = {}
        for text in texts:
            budget.spend(len(text) + 1, "cells of texts")
            found.setdefault(self._machine.run(text), text)
        return found

    def _walk(self, domain: Domain, budget: Budget) -> dict[int, str]:
        machine = self._machine
        fillers, allowed = domain.fillers(), set(domain.characters)
        seen = {machine.start}
        queue = deque([(machine.start, "")])
        found: dict[int, str] = {}
        while queue:
            state, text = queue.popleft()
            signature = state & machine.accepting
            if signature & self._required == self._required:
                found.setdefault(signature, text)
            expected = machine.expected(state)
            other = next((c for c in fillers if c not in expected), None)
            for character in (*([other] if other else []), *sorted(expected)):
                if (allowed and character not in allowed) or character in domain.without:
                    continue
                following = machine.step(state, character)
                if self._alive and not following & self._alive:
                    continue
                if following not in seen:
                    budget.spend(8 + machine.size // 64, "cells of texts")
                    seen.add(following)
                    queue.append((following, text + character))
        return found

    def index(self, text: str) -> int | None:
        """Return the number of the cell a text is in; None outside the domain."""
        return self._index.get(self._machine.run(text))

    def prefer(self, texts: Iterable[str]) -> None:
        """Make the first readable text of each cell its witness."""
        taken: set[int] = set()
        for text in texts:
            number = self.index(text)
            if number is not None and number not in taken:
                taken.add(number)
                self.witnesses[number] = text


def _simple_texts(patterns: Sequence[Glob]) -> list[str] | None:
    """Return a text for every cell where all patterns are a literal, or a literal and a star; else None.

    A text that equals no literal is told from others by its longest prefix alone, so that prefix with one more
    character, which continues no pattern, stands for it.
    """
    literals: list[str] = []
    prefixes: list[str] = []
    for pattern in patterns:
        parts = pattern.parts
        text = parts[0] if parts and isinstance(parts[0], str) else ""
        rest = parts[1:] if text else parts
        if pattern.any_case or (pattern.fields and rest) or rest not in {(), (Wild.MANY,)}:
            return None
        (prefixes if rest else literals).append(text)
    stems = {"", *prefixes}
    lengths = sorted({len(stem) for stem in stems})
    following: dict[str, set[str]] = {stem: set() for stem in stems}
    for text in (*literals, *prefixes):
        for length in lengths:
            if length >= len(text):
                break
            if text[:length] in following:
                following[text[:length]].add(text[length])
    fresh = [stem + next(c for c in _FILLERS if c not in taken) for stem, taken in following.items()]
    return [*literals, *fresh]


class _Machine:
    """All patterns as one automaton; the state after a text is the set of places the patterns may be at."""

    def __init__(self, patterns: Sequence[Glob]) -> None:
        self._literal: dict[str, int] = {}
        self._texts = self._one = self._one_in_field = self._many = self._many_in_field = 0
        self._at: list[tuple[str, ...]] = []
        self.ends: list[int] = []
        start = 0
        for pattern in patterns:
            start |= 1 << len(self._at)
            self._add(pattern)
            self.ends.append(len(self._at))
            self._at.append(())
        self.size = len(self._at)
        self.accepting = sum(1 << end for end in self.ends)
        self._stars = self._many | self._many_in_field
        self.start = self._closed(start)

    def _add(self, pattern: Glob) -> None:
        colons = pattern.fields
        for part in pattern.parts:
            if isinstance(part, str):
                for character in part:
                    self._add_character(character, any_case=pattern.any_case)
                    colons -= character == ":"
                continue
            bit = 1 << len(self._at)
            self._at.append(())
            if part is Wild.MANY:
                self._many, self._many_in_field = (
                    (self._many, self._many_in_field | bit) if colons > 0 else (self._many | bit, self._many_in_field)
                )
            elif colons > 0:
                self._one_in_field |= bit
            else:
                self._one |= bit

    def _add_character(self, character: str, *, any_case: bool) -> None:
        bit = 1 << len(self._at)
        forms = {character}
        if any_case:
            forms |= {form for form in (character.lower(), character.upper()) if len(form) == 1}
        for form in forms:
            self._literal[form] = self._literal.get(form, 0) | bit
        self._texts |= bit
        self._at.append(tuple(forms))

    def _closed(self, state: int) -> int:
        while True:
            grown = state | (state & self._stars) << 1
            if grown == state:
                return state
            state = grown

    def step(self, state: int, character: str) -> int:
        moving = self._literal.get(character, 0) | self._one
        staying = self._many
        if character != ":":
            moving |= self._one_in_field
            staying |= self._many_in_field
        return self._closed((state & moving) << 1 | state & staying)

    def expected(self, state: int) -> set[str]:
        """Return the characters that some pattern asks for here; all others act alike, but for the colon."""
        found = {":"} if state & (self._one_in_field | self._many_in_field) else set[str]()
        waiting = state & self._texts
        while waiting:
            lowest = waiting & -waiting
            found.update(self._at[lowest.bit_length() - 1])
            waiting ^= lowest
        return found

    def run(self, text: str) -> int:
        state = self.start
        for character in text:
            if not state:
                break
            state = self.step(state, character)
        return state & self.accepting
