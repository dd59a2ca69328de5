"""Policies that say nothing: those nobody can read, and actions that do not exist."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from secure_bedrock.data import table
from secure_bedrock.errors import nearest
from secure_bedrock.policy._globs import matcher, parse
from secure_bedrock.policy.document import Policy, Statement
from secure_bedrock.review.checking import Facts, Result, name_of, named
from secure_bedrock.review.report import Finding, Severity
from secure_bedrock.review.rules.pages import page

UNREADABLE = page("unreadable-policy")
UNKNOWN_ACTION = page("unknown-action")
RULES = (UNREADABLE, UNKNOWN_ACTION)
_PREFIXES = ("bedrock", "bedrock-mantle", "bedrock-agentcore", "bedrock-websearch")


def check(facts: Facts) -> Iterator[Result]:
    """Yield what is unreadable or means nothing."""
    for problem in facts.reading.problems:
        name = name_of(problem.source, problem.source.stack)
        yield Finding(
            rule=UNREADABLE, message=problem.message, resource=name, source=problem.source,
            fix=f"write the policy of {name} as IAM reads it",
        )  # fmt: skip
    for policy in documents(facts):
        for statement in policy.statements:
            for action in (*statement.actions, *statement.not_actions):
                if _is_unknown(action):
                    yield _unknown(facts, policy, statement, action)


def documents(facts: Facts) -> Iterator[Policy]:
    """Yield every policy of the input once."""
    parts, seen = facts.reading.parts, set[int]()
    for holder in parts.holders.values():
        yield from _once(seen, *holder.documents, holder.trust)
    yield from _once(seen, *parts.policies.values(), *(control.policy for control in parts.controls))
    yield from _once(seen, *(each.policy for each in parts.endpoints.values()), *parts.resource_policies.values())


def _once(seen: set[int], *policies: Policy | None) -> Iterator[Policy]:
    for policy in policies:
        if policy is not None and id(policy) not in seen:
            seen.add(id(policy))
            yield policy


def _unknown(facts: Facts, policy: Policy, statement: Statement, action: str) -> Finding:
    source = facts.place(policy)
    close = "bedrock:InvokeModel" if "converse" in action.lower() else nearest(action, _known())
    return Finding(
        rule=UNKNOWN_ACTION,
        message=f"{named(statement)} of {policy.name} names {action}, which does not exist",
        resource=name_of(source, policy.name or "policy"),
        source=source,
        fix=f"remove {action}" + (f", or write {close}" if close else ""),
        graded=Severity.MEDIUM if statement.effect == "Deny" or statement.not_actions else None,
    )


def _is_unknown(action: str) -> bool:
    service, _, name = action.lower().partition(":")
    if service not in _PREFIXES or not name:
        return False
    matches = matcher(parse(action.lower(), variables=False))
    return not any(matches(known.lower()) for known in _known())


@cache
def _known() -> tuple[str, ...]:
    return tuple(row["action"] for row in table("authorisations")["actions"])
