"""Invariants as values: what must never be allowed, and what must work."""

from __future__ import annotations

from dataclasses import dataclass

from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy.calls import Call
from secure_bedrock.policy.document import Condition, Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Who an invariant is about.

    Attributes:
        principals: names of principals of the estate. Default: all of them.
        unnamed: whether those are meant too whom nobody has named yet: root, and any role or user of an account of the
            estate, administrators by their own policies.
        outside: whether anybody of another account is meant, and whoever did not sign in.
        services: whether AWS services are meant, and identity providers.
        but: principals that are not meant, by name or ARN.
    """

    principals: tuple[str, ...] | None = None
    unnamed: bool = False
    outside: bool = False
    services: bool = False
    but: tuple[str, ...] = ()


#: Every principal of the estate, and everybody in its accounts whom nobody has named yet.
ANYBODY = Scope(unnamed=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Never:
    """No request that one of the statements covers is allowed to anybody in the scope.

    Attributes:
        name: what it is called in reports.
        statements: the requests: action, resource and conditions of a statement; its effect says nothing.
        scope: who.
    """

    name: str
    statements: tuple[Statement, ...]
    scope: Scope = ANYBODY

    def __post_init__(self) -> None:
        if not self.statements:
            raise InvalidInput(f"invariant {self.name}: got no statements; at least one must be given")


@dataclass(frozen=True, slots=True, kw_only=True)
class Works:
    """Each of the calls is allowed in some circumstances: what it does not state, such as its network, is free.

    Attributes:
        name: what it is called in reports.
        calls: the calls.
    """

    name: str
    calls: tuple[Call, ...]


#: What `prove` is asked.
Invariant = Never | Works


def requests(
    *,
    actions: tuple[str, ...] = (),
    not_actions: tuple[str, ...] = (),
    resources: tuple[str, ...] = (),
    not_resources: tuple[str, ...] = (),
    conditions: tuple[Condition, ...] = (),
) -> Statement:
    """Return the requests with these actions, on these resources (default: on all), under these conditions."""
    return Statement(
        effect="Deny",
        actions=actions,
        not_actions=not_actions,
        resources=resources if resources or not_resources else ("*",),
        not_resources=not_resources,
        conditions=conditions,
    )
