"""Texts sorted into cells: two texts that no pattern of a set tells apart are in one cell, and each cell has a witness.

All patterns run as one automaton whose state is an integer, a bit for each place in each pattern. Walking its reachable
states breadth first finds every set of patterns that some text matches, with a shortest text that does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from string import ascii_lowercase, ascii_uppercase, digits

from secure_bedrock.policy._budget import Budget
from secure_bedrock.policy._globs import Parts, Wild

#: Characters to write a text with that no pattern asks for, in order of preference.
_FILLERS = (*"x", *ascii_lowercase, *digits, *ascii_uppercase, *"-_.~!^", *map(chr, range(0x100, 0x2000)))
#: What tells one cell from another.
Signature = int | str | tuple[str]
#: How many places of patterns one step looks at.
_BITS = 4096


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
        return _fillers(self.characters, self.without)


@cache
def _fillers(characters: str, without: str) -> tuple[str, ...]:
    return tuple(c for c in characters or _FILLERS if c not in without)


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
        is_free = mend is not None or (domain.within is None and not domain.characters)
        plain = unique[bool(domain.within) :]
        prefixes = _Prefixes.of(plain) if is_free else None
        self._sorting: _Prefixes | _Machine
        #: Texts that have cells of their own, beside those that the machine sorts.
        self._single: dict[str, None] = {}
        if prefixes is not None:
            self._sorting, texts = prefixes, prefixes.texts()
            found = self._sorted([mend(text) for text in texts] if mend else texts, budget)
        else:
            found = self._told_apart(unique, domain, budget)
        self._index = {signature: number for number, signature in enumerate(found)}
        self.witnesses = list(found.values())

    def _sorted(self, texts: Sequence[str], budget: Budget) -> dict[Signature, str]:
        found: dict[Signature, str] = {}
        for text in texts:
            budget.spend(2, "cells of texts")
            found.setdefault(self._signature(text), text)
        return found

    def _told_apart(self, patterns: Sequence[Glob], domain: Domain, budget: Budget) -> dict[Signature, str]:
        """Sort literals by hand and the rest by a machine; by a machine alone, where a cell may hold literals only."""
        texts = {each: _only_text(each) for each in patterns if each != domain.within}
        self._single = {text: None for text in texts.values() if text is not None}
        machine, found = self._by_machine([each for each in patterns if texts.get(each) is None], domain, budget)
        if found is None:
            self._single = {}
            machine, found = self._by_machine(patterns, domain, budget)
        self._sorting = machine
        budget.spend(2 * len(self._single), "cells of texts")
        alone = {text: text for text in self._single if machine.holds(text, domain)}
        return dict(sorted([*(found or {}).items(), *alone.items()], key=lambda each: len(each[1])))

    def _by_machine(
        self, patterns: Sequence[Glob], domain: Domain, budget: Budget
    ) -> tuple[_Machine, dict[Signature, str] | None]:
        budget.spend(_cost(patterns), "cells of texts")
        machine = _Machine(patterns, is_first_required=domain.within is not None)
        return machine, self._walk(machine, domain, budget)

    def _walk(self, machine: _Machine, domain: Domain, budget: Budget) -> dict[Signature, str] | None:
        """Return a text of each cell that is no literal; None where one may have no other."""
        required, alive = machine.required, (machine.required << 1) - 1
        fillers, allowed = domain.fillers(), set(domain.characters)
        seen = {machine.start}
        queue = deque([(machine.start, "")])
        found: dict[Signature, str] = {}
        doubtful: set[int] = set()

        def note(state: int, text: str) -> None:
            signature = state & machine.accepting
            is_new = signature not in found or (found[signature].endswith("/") and not text.endswith("/"))
            if signature & required == required and is_new:  # a name that is empty reads badly, and AWS has none
                if text in self._single:
                    doubtful.add(signature)
                else:
                    found[signature] = text

        note(machine.start, "")
        while queue:
            state, text = queue.popleft()
            budget.spend(machine.cost_of_expected, "cells of texts")
            expected = machine.expected(state)
            budget.spend(len(expected) * (1 + machine.size // _BITS), "cells of texts")
            other = next((c for c in fillers if c not in expected), None)
            for character in (*([other] if other else []), *sorted(expected)):
                if (allowed and character not in allowed) or character in domain.without:
                    continue
                following = machine.step(state, character)
                if required and not following & alive:
                    continue
                note(following, text + character)
                if following not in seen:
                    budget.spend(8 + machine.size // 64, "cells of texts")
                    seen.add(following)
                    queue.append((following, text + character))
        return None if doubtful - found.keys() else found

    def _signature(self, text: str) -> Signature:
        return text if text in self._single else self._sorting.run(text)

    def index(self, text: str) -> int | None:
        """Return the number of the cell a text is in; None outside the domain."""
        return self._index.get(self._signature(text))

    def prefer(self, texts: Iterable[str]) -> None:
        """Make the first readable text of each cell its witness."""
        taken: set[int] = set()
        for text in texts:
            number = self.index(text)
            if number is not None and number not in taken:
                taken.add(number)
                self.witnesses[number] = text


def _only_text(pattern: Glob) -> str | None:
    """Return the one text that a pattern matches; None: it matches others."""
    if pattern.any_case or len(pattern.parts) > 1:
        return None
    text = pattern.parts[0] if pattern.parts else ""
    return text if isinstance(text, str) else None


def _cost(patterns: Sequence[Glob]) -> int:
    """What it costs to make an automaton: a place for each character, and for each kind of character all places."""
    texts = [part for pattern in patterns for part in pattern.parts if isinstance(part, str)]
    size = sum(map(len, texts)) + sum(len(pattern.parts) for pattern in patterns)
    return size // 2 + len(set[str]().union(*texts)) * size // _BITS


class _Prefixes:
    """Patterns that are each a literal, or a literal and a star.

    A text that equals no literal is told from others by its longest prefix alone, so that prefix with one more
    character, which continues no pattern, stands for all of them.
    """

    def __init__(self, literals: Iterable[str], prefixes: Iterable[str]) -> None:
        self._literals = dict.fromkeys(literals)
        self._stems = dict.fromkeys(("", *prefixes))
        self._lengths = sorted({len(stem) for stem in self._stems}, reverse=True)

    @classmethod
    def of(cls, patterns: Sequence[Glob]) -> _Prefixes | None:
        """Return the patterns, where all are of that form."""
        literals: list[str] = []
        prefixes: list[str] = []
        for pattern in patterns:
            parts = pattern.parts
            text = parts[0] if parts and isinstance(parts[0], str) else ""
            rest = parts[1:] if text else parts
            if pattern.any_case or (pattern.fields and rest) or rest not in {(), (Wild.MANY,)}:
                return None
            (prefixes if rest else literals).append(text)
        return cls(literals, prefixes)

    def texts(self) -> list[str]:
        """Return a text of every cell."""
        following: dict[str, set[str]] = {stem: set() for stem in self._stems}
        for text in (*self._literals, *self._stems):
            for length in self._lengths:
                if length < len(text) and text[:length] in following:
                    following[text[:length]].add(text[length])
        fresh = [stem + next(c for c in _FILLERS if c not in taken) for stem, taken in following.items()]
        return [*self._literals, *fresh]

    def run(self, text: str) -> Signature:
        """Return what tells a text's cell from others."""
        if text in self._literals:
            return text
        longest = next(length for length in self._lengths if text[:length] in self._stems)
        return (text[:longest],)  # no text, so that no literal is taken for it: one may end in a star


class _Machine:
    """All patterns as one automaton; the state after a text is the set of places the patterns may be at."""

    def __init__(self, patterns: Sequence[Glob], *, is_first_required: bool) -> None:
        self._at: list[tuple[str, ...]] = []
        self.ends: list[int] = []
        literal: dict[str, list[int]] = {}
        #: The places of stars and question marks, by whether they cross colons.
        wild: dict[tuple[Wild, bool], list[int]] = {(kind, within): [] for kind in Wild for within in (True, False)}
        starts: list[int] = []
        for pattern in patterns:
            starts.append(len(self._at))
            self._add(pattern, literal, wild)
            self.ends.append(len(self._at))
            self._at.append(())
        self.size = len(self._at)
        self._literal = {character: _bits(places, self.size) for character, places in literal.items()}
        self._one, self._one_in_field = (_bits(wild[Wild.ONE, within], self.size) for within in (False, True))
        self._many, self._many_in_field = (_bits(wild[Wild.MANY, within], self.size) for within in (False, True))
        self._texts = _bits((at for places in literal.values() for at in places), self.size)
        self.accepting = _bits(self.ends, self.size)
        self._stars = self._many | self._many_in_field
        self.start = self._closed(_bits(starts, self.size))
        #: The place of a text that the first pattern matches, where all must.
        self.required = 1 << self.ends[0] if is_first_required else 0
        #: What it costs to say which characters are expected.
        self.cost_of_expected = 1 + len(self._literal) * self.size // _BITS

    def _add(
        self, pattern: Glob, literal: dict[str, list[int]], wild: dict[tuple[Wild, bool], list[int]]
    ) -> None:  # fmt: skip
        colons = pattern.fields
        for part in pattern.parts:
            if isinstance(part, str):
                for character in part:
                    forms = _forms(character) if pattern.any_case else (character,)
                    for form in forms:
                        literal.setdefault(form, []).append(len(self._at))
                    self._at.append(forms)
                    colons -= character == ":"
            elif isinstance(part, Wild):
                wild[part, colons > 0].append(len(self._at))
                self._at.append(())

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
        if self.size > _BITS:
            found.update(character for character, places in self._literal.items() if state & places)
            return found
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

    def holds(self, text: str, domain: Domain) -> bool:
        """Whether a text is one of a domain, whose pattern the machine has first."""
        if set(text) & set(domain.without) or (domain.characters and set(text) - set(domain.characters)):
            return False
        return domain.within is None or bool(self.run(text) & self.required)


def _bits(places: Iterable[int], size: int) -> int:
    """Return a number with these bits, made at once: bit by bit, long ones would take their length squared."""
    octets = bytearray(size // 8 + 1)
    for place in places:
        octets[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(octets, "little")


def _forms(character: str) -> tuple[str, ...]:
    """Return a character in both cases."""
    return tuple({character, *(form for form in (character.lower(), character.upper()) if len(form) == 1)})
