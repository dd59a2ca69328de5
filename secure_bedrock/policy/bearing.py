"""What each statement carries: the invariants that fall without it, and the statements that change nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from secure_bedrock.data import table
from secure_bedrock.policy.difference import is_same
from secure_bedrock.policy.document import Policy, Statement
from secure_bedrock.policy.estate import Account, Estate, Level
from secure_bedrock.policy.invariants import Invariant, Scope
from secure_bedrock.policy.proving import BUDGET, prove_all
from secure_bedrock.policy.request import Principal
from secure_bedrock.policy.verdicts import Proved

Item = TypeVar("Item")
_EVERYBODY = Scope(unnamed=True, outside=True, services=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one statement carries.

    Attributes:
        policy: the document it stands in; the same one, wherever it is attached, counts once.
        index: its place there, from 0.
        falls: the names of the invariants that are proved with it and not without.
        is_dead: whether without it everybody is allowed exactly the same: another says it too, no grant reaches it, or
            it names an action that Bedrock does not have. None: that could not be shown. A ceiling's denials are dead
            until somebody grants what they keep.
    """

    policy: Policy
    index: int
    falls: tuple[str, ...]
    is_dead: bool | None

    @property
    def statement(self) -> Statement:
        """The statement."""
        return self.policy.statements[self.index]

    def __str__(self) -> str:
        name = self.statement.sid or f"Statement[{self.index}]"
        carries = ", ".join(self.falls) or ("nothing: it is dead" if self.is_dead else "none of the invariants")
        return f"{self.policy.name or 'policy'}: {name} carries {carries}"


def load_bearing(estate: Estate, invariants: Sequence[Invariant], *, budget: int = BUDGET) -> tuple[Load, ...]:
    """Take each statement of an estate away, one at a time, and prove everything again.

    A statement that another repeats carries nothing, and so does the other: take one of them away and ask again.

    Args:
        estate: the estate.
        invariants: what is to hold. Those that do not hold with every statement in place are left out.
        budget: how many steps the proofs without one statement may take.

    Returns:
        a row for each statement, in the order of the estate.

    Raises:
        InvalidInput: for a policy or an invariant that IAM would refuse.
    """
    held = [
        each for each, found in zip(invariants, prove_all(estate, invariants), strict=True) if isinstance(found, Proved)
    ]
    return tuple(
        _load(estate, held, policy, index, budget)
        for policy in dict.fromkeys(estate.policies)
        for index in range(len(policy.statements))
    )


def _load(estate: Estate, held: Sequence[Invariant], policy: Policy, index: int, budget: int) -> Load:
    rest = replace(policy, statements=(*policy.statements[:index], *policy.statements[index + 1 :]))
    without = _mapped(estate, lambda each: rest if each == policy else each)
    verdicts = prove_all(without, held, budget=budget)
    falls = tuple(each.name for each in verdicts if not isinstance(each, Proved))
    actions = policy.statements[index].actions or ("*",)
    if not falls and _names_no_action(policy.statements[index]):
        return Load(policy=policy, index=index, falls=(), is_dead=True)
    same = False if falls else is_same(estate, without, actions=actions, scope=_EVERYBODY, budget=budget)
    return Load(policy=policy, index=index, falls=falls, is_dead=same)


def _names_no_action(statement: Statement) -> bool:
    """Whether each action is one of Bedrock's by its prefix, and none that AWS has, such as `bedrock:Converse`."""
    known = {row["action"].lower() for row in table("authorisations")["actions"]}
    services = {name.partition(":")[0] for name in known if name.startswith("bedrock")}
    named = [action.lower() for action in statement.actions]
    return bool(named) and all(
        "*" not in action and "?" not in action and action.partition(":")[0] in services and action not in known
        for action in named
    )


def _mapped(estate: Estate, change: Callable[[Policy], Policy]) -> Estate:
    """Return an estate with each of its documents changed."""

    def levels(found: tuple[Level, ...]) -> tuple[Level, ...]:
        return tuple(tuple(map(change, level)) for level in found)

    def account(found: Account) -> Account:
        scps, rcps = (None if each is None else levels(each) for each in (found.scps, found.rcps))
        return replace(found, scps=scps, rcps=rcps)

    def principal(found: Principal) -> Principal:
        return replace(
            found,
            identity=tuple(map(change, found.identity)),
            boundary=found.boundary and change(found.boundary),
            trust=found.trust and change(found.trust),
        )

    return replace(
        estate,
        scps=levels(estate.scps),
        rcps=levels(estate.rcps),
        accounts=_each(estate.accounts, account),
        principals=_each(estate.principals, principal),
        endpoints=_each(estate.endpoints, lambda found: replace(found, policy=found.policy and change(found.policy))),
        resource_policies=_each(estate.resource_policies, change),
    )


def _each(rows: Mapping[str, Item], change: Callable[[Item], Item]) -> dict[str, Item]:
    return {name: change(row) for name, row in rows.items()}
