"""The default rules, a module a family: what each looks for, and its page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module

from secure_bedrock.errors import invalid, nearest
from secure_bedrock.review.checking import Facts, Result
from secure_bedrock.review.report import Rule

_FAMILIES = ("endpoints", "access", "trust", "paths", "conditions", "organization", "audit", "policies")


@cache
def rules() -> tuple[Rule, ...]:
    """Return every rule, family by family."""
    return tuple(rule for family in _FAMILIES for rule in import_module(f"{__name__}.{family}").RULES)


def checks() -> Iterator[Callable[[Facts], Iterator[Result]]]:
    """Yield what looks for findings, a function a family."""
    for family in _FAMILIES:
        yield import_module(f"{__name__}.{family}").check


def rule_named(rule_id: str) -> Rule:
    """Return one rule.

    Raises:
        InvalidInput: naming the nearest id.
    """
    known = {rule.id: rule for rule in rules()}
    if rule_id not in known:
        raise invalid("rule", rule_id, allowed="the id of a rule", nearest=nearest(rule_id, known))
    return known[rule_id]
