"""Packing statements into documents of a size AWS takes.

Only positive statements (Allow with Action and Resource) may be divided:
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
    divisible = statement.effect == "Allow" and statement.actions and len(statement.resources) > 1
    if not divisible:
        require_size(Policy(statements=(statement,)), limit=limit, name=name)
    middle = len(statement.resources) // 2
    halves = (statement.resources[:middle], statement.resources[middle:])
    named = (
        replace(statement, sid=f"{statement.sid}{letter}" if statement.sid else None, resources=half)
        for letter, half in zip("ab", halves, strict=True)
    )
    return tuple(piece for half in named for piece in _pieces(half, limit=limit, name=name))
