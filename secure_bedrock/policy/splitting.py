"""Packing statements into documents of a size AWS takes.

Only positive statements (with Action and Resource) may be divided, along either of the two:
two halves of a Deny with NotResource deny everything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy.document import Policy, Statement
from secure_bedrock.policy.sizes import size_of


def pack(statements: Iterable[Statement], *, limit: int, name: str) -> tuple[Policy, ...]:
    """Fill documents of at most `limit` characters, in order, dividing a positive statement's resources where it must.

    Raises:
        InvalidInput: where one statement that cannot be divided exceeds the limit; `name` is the property to shorten.
    """
    documents: list[tuple[Statement, ...]] = []
    for statement in statements:
        for piece in _pieces(statement, limit=limit, name=name):
            grown = (*documents[-1], piece) if documents else ()
            if grown and size_of(Policy(statements=grown)) <= limit:
                documents[-1] = grown
            else:
                documents.append((piece,))
    return tuple(Policy(statements=document) for document in documents)


def require_size(policy: Policy, *, limit: int, name: str) -> Policy:
    """Return the policy, or refuse one that AWS would not take.

    Raises:
        InvalidInput: with the size, the limit, the largest statement and the property to shorten.
    """
    size = size_of(policy)
    if size > limit:
        largest = max(policy.statements, key=lambda statement: size_of(Policy(statements=(statement,))))
        raise InvalidInput(
            f"{name}: the policy has {size} characters, {limit} are allowed; its largest statement is {largest.sid}; "
            "declare fewer values here, or divide the access over several roles"
        )
    return policy


def _pieces(statement: Statement, *, limit: int, name: str) -> tuple[Statement, ...]:
    if size_of(Policy(statements=(statement,))) <= limit:
        return (statement,)
    element = _divisible_element(statement)
    if element is None:
        require_size(Policy(statements=(statement,)), limit=limit, name=name)
        return (statement,)
    values = getattr(statement, element)
    middle = len(values) // 2
    named = (
        replace(statement, sid=f"{statement.sid}{letter}" if statement.sid else None, **{element: half})
        for letter, half in zip("ab", (values[:middle], values[middle:]), strict=True)
    )
    return tuple(piece for half in named for piece in _pieces(half, limit=limit, name=name))


def _divisible_element(statement: Statement) -> str | None:
    """The longer of the two lists of a positive statement; None where there is nothing to divide."""
    if not (statement.actions and statement.resources):
        return None
    longer = max(("resources", "actions"), key=lambda name: len(getattr(statement, name)))
    return longer if len(getattr(statement, longer)) > 1 else None
