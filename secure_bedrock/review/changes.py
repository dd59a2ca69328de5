"""What one input allows that another does not, in every outcome of their conditions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from secure_bedrock.policy.difference import Access, diff
from secure_bedrock.policy.explanation import NAMES
from secure_bedrock.policy.invariants import Scope
from secure_bedrock.review.loading import Loaded, Reading

#: Asked apart, so that what somebody may do whom nobody has named does not crowd the others out.
_NAMED = Scope()
_SCOPES = (_NAMED, Scope(principals=(), unnamed=True, outside=True))


@dataclass(frozen=True, kw_only=True, eq=False)
class Change:
    """Access that one side has and the other has not.

    Attributes:
        principal: its name in the input, or its ARN where it has none there.
        description: what the requests have in common.
        request: one of them; empty where none could be confirmed.
        statements: what lets it through, layer by layer.
        when: the outcome it is true in; empty where there is but one.
    """

    principal: str
    description: str
    request: str = ""
    statements: tuple[str, ...] = ()
    when: str = ""

    def to_plain(self) -> dict[str, Any]:
        """Return it as JSON-ready values."""
        return {
            "principal": self.principal,
            "description": self.description,
            "request": self.request,
            "statements": list(self.statements),
            "when": self.when,
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class Changes:
    """What a change to an input does.

    Attributes:
        before: the one path.
        after: the other.
        gained: what is allowed after and was not before.
        lost: the opposite.
        unsettled: why there may be more of either.
        is_cut: whether there is more than is listed.
        assumptions: what it rests on, each once.
    """

    before: str
    after: str
    gained: tuple[Change, ...]
    lost: tuple[Change, ...]
    unsettled: tuple[str, ...] = ()
    is_cut: bool = False
    assumptions: tuple[str, ...] = ()

    @property
    def headline(self) -> str:
        """What happened, in a few words."""
        if not self.gained and not self.lost:
            return "access may have changed" if self.unsettled else "no access changes"
        parts = (("gained", self.gained), ("lost", self.lost))
        return "access " + ", ".join(f"{word} ({len(found)})" for word, found in parts if found)

    def lines(self) -> Iterator[str]:
        """Yield it in words, what was gained first."""
        yield f"{self.headline}: {self.before} -> {self.after}"
        for sign, found in (("+", self.gained), ("-", self.lost)):
            for change in found:
                yield f"{sign} {change.principal}: {change.description}"
                if change.when:
                    yield f"    when {change.when}"
                if change.request:
                    yield f"    for one: {change.request}"
                yield from (f"    by {each}" for each in change.statements)
        if self.is_cut:
            yield "and more"
        yield from (f"undecided: {text}" for text in self.unsettled)
        if self.assumptions:
            yield "assumed:"
            yield from (f"  {number}. {text}" for number, text in enumerate(self.assumptions, 1))

    def to_plain(self) -> dict[str, Any]:
        """Return it as JSON-ready values."""
        return {
            "before": self.before,
            "after": self.after,
            "gained": [each.to_plain() for each in self.gained],
            "lost": [each.to_plain() for each in self.lost],
            "undecided": list(self.unsettled),
            "is_cut": self.is_cut,
            "assumptions": list(self.assumptions),
        }


def changes_of(before: Loaded, after: Loaded) -> Changes:
    """Compare two inputs: principals are the same where their ARNs are.

    Args:
        before: the one.
        after: the other.

    Raises:
        InvalidInput: for a policy that IAM would refuse.
    """
    gained: list[Change] = []
    lost: list[Change] = []
    unsettled: list[str] = []
    is_cut = False
    for earlier, later in _pairs(before, after):
        when = later.when or earlier.when
        for scope in _SCOPES:
            found = diff(earlier.estate, later.estate, scope=scope)
            gained += _changes(found.gained, later, when)
            lost += _changes(found.lost, earlier, when)
            unsettled += found.unsettled
            is_cut = is_cut or (found.is_cut and scope is _NAMED)
    for side in (before, after):
        unsettled += [f"{each.message} ({each.source})" for reading in side.readings for each in reading.problems]
        unsettled += [side.left_out] if side.left_out else []
    return Changes(
        before=before.path, after=after.path, gained=_once(gained), lost=_once(lost),
        unsettled=tuple(dict.fromkeys(unsettled)), is_cut=is_cut,
        assumptions=tuple(dict.fromkeys((*before.assumptions, *after.assumptions))),
    )  # fmt: skip


def _pairs(before: Loaded, after: Loaded) -> Iterator[tuple[Reading, Reading]]:
    """Yield the outcomes that stand for each other: those of one choice; without such a one, each with each."""
    named = {reading.when: reading for reading in before.readings}
    common = {reading.when for reading in after.readings} & named.keys()
    for later in after.readings:
        for earlier in [named[later.when]] if later.when in common else before.readings:
            yield earlier, later
    for earlier in before.readings:
        if common and earlier.when not in common:
            yield from ((earlier, later) for later in after.readings)


def _changes(found: Iterable[Access], reading: Reading, when: str) -> Iterator[Change]:
    """Yield each; of somebody whom the input does not show, who may hold any policy, the first, with how many more."""
    names = {principal.arn: name for name, principal in reading.estate.principals.items()}
    rows: dict[str, list[Access]] = {}
    for access in found:
        rows.setdefault(access.principal, []).append(access)
    for principal, each in rows.items():
        parts = [part.removesuffix(" (not in the estate)") for part in principal.split(", ")]
        is_named = any(part in names for part in parts)
        who = ", ".join(names.get(part, part) for part in parts) + ("" if is_named else " (not in the input)")
        for access in each if is_named else each[:1]:
            more = f"; and {len(each) - 1} more kinds of request" if len(each) > 1 and not is_named else ""
            yield Change(
                principal=who,
                description=access.description + more,
                request=str(access.witness) if access.witness else "",
                statements=tuple(_statements(access)),
                when=when,
            )


def _statements(access: Access) -> Iterator[str]:
    """Yield, layer by layer, the statement that lets the request through."""
    for result in access.witness.decision.results if access.witness else ():
        grant = result.grant(closed=True)
        if grant is not None:
            statement = grant.statement.source
            where = statement.source or grant.statement.policy.name
            named = f"{statement.effect} {statement.sid or '(no Sid)'} of the {NAMES[result.layer.kind]}"
            yield f"{named} in {where}" if where else named


def _once(found: Iterable[Change]) -> tuple[Change, ...]:
    return tuple({(each.principal, each.description, each.when): each for each in found}.values())
