"""Which statements of a policy match a request, and what several layers of policies decide together.

Small on purpose: the operators this project writes, and an error for any other, so that nothing passes unread
(IAM User Guide, "Policy evaluation logic" and "IAM JSON policy elements: Condition operators").
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

Document = dict[str, Any]
_VARIABLE = re.compile(r"\$\{([^{},]+)\}")


@dataclass(frozen=True)
class Request:
    """One authorisation question, in IAM's own terms; context keys in any case."""

    principal: str
    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Layers:
    """Every policy document that applies; None where a layer is absent and limits nothing."""

    identity: list[Document]
    boundary: list[Document] | None = None
    session: list[Document] | None = None
    scps: tuple[list[Document], ...] = ()
    endpoint: list[Document] | None = None

    def named(self) -> tuple[tuple[str, list[Document]], ...]:
        """Return the layers that are there, in the order in which a denial is attributed."""
        layers = (
            *(("service control policy", level) for level in self.scps),
            ("VPC endpoint policy", self.endpoint),
            ("identity-based policy", self.identity),
            ("permissions boundary", self.boundary),
            ("session policy", self.session),
        )
        return tuple((name, documents) for name, documents in layers if documents is not None)


@dataclass(frozen=True)
class Decision:
    """Whether a request is allowed; where not, by which layer, which statement, and whether it said so."""

    allowed: bool
    layer: str = ""
    explicit: bool = False
    sid: str = ""


def decide(request: Request, layers: Layers) -> Decision:
    """Return what the layers decide together: any explicit deny, then every layer's allow."""
    named = layers.named()
    for name, documents in named:
        for statement in _statements(documents, "Deny"):
            if _applies(statement, request):
                return Decision(allowed=False, layer=name, explicit=True, sid=statement.get("Sid", ""))
    for name, documents in named:
        if not any(_applies(statement, request) for statement in _statements(documents, "Allow")):
            return Decision(allowed=False, layer=name)
    return Decision(allowed=True)


def _statements(documents: Iterable[Document], effect: str) -> Iterable[Document]:
    for document in documents:
        for statement in _many(document["Statement"]):
            if statement["Effect"] == effect:
                yield statement


def _applies(statement: Document, request: Request) -> bool:
    return (
        _is_anybody(statement)
        and _named(statement, "Action", request.action, lambda pattern, value: _like(pattern.lower(), value.lower()))
        and _named(statement, "Resource", request.resource, _arn_like)
        and all(_holds(name, block, request.context) for name, block in statement.get("Condition", {}).items())
    )


def _is_anybody(statement: Document) -> bool:
    """Endpoint policies that name a principal are not written here; one that does must not be read as everybody."""
    principal = statement.get("Principal", "*")
    if principal in ("*", {"AWS": "*"}) and "NotPrincipal" not in statement:
        return True
    raise ValueError(f"a statement for the principal {principal!r} is not modelled")


def _named(statement: Document, element: str, value: str, matches: Callable[[str, str], bool]) -> bool:
    if f"Not{element}" in statement:
        return not any(matches(pattern, value) for pattern in _texts(statement[f"Not{element}"]))
    return any(matches(pattern, value) for pattern in _texts(statement[element]))


def _holds(name: str, block: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    if_exists = name.endswith("IfExists")
    operator = name.removesuffix("IfExists")
    present = {key.lower(): value for key, value in context.items()}
    return all(
        _one_key(operator, list(_filled(values, present)), present.get(key.lower()), if_exists=if_exists)
        for key, values in block.items()
    )


def _one_key(operator: str, values: list[str], value: str | None, *, if_exists: bool) -> bool:
    if operator == "Null" and not if_exists:
        return any((value is None) == (wanted.lower() == "true") for wanted in values)
    negated = operator in _NEGATED
    positive = _NEGATED.get(operator, operator)
    if positive not in _OPERATORS:
        raise ValueError(f"the condition operator {operator} is not modelled")
    if value is None:
        return negated or if_exists
    return negated != any(_OPERATORS[positive](pattern, value) for pattern in values)


def _arn_like(pattern: str, value: str) -> bool:
    """Compare field by field; a lone `*` is every resource, a star in a field stays in it."""
    if pattern == "*":
        return True
    patterns, values = pattern.split(":", 5), value.split(":", 5)
    return len(patterns) == len(values) and all(_like(p, v) for p, v in zip(patterns, values, strict=True))


def _in_range(pattern: str, value: str) -> bool:
    address, network = ip_address(value), ip_network(pattern, strict=False)
    return address.version == network.version and address in network


def _before(pattern: str, value: str) -> bool:
    return _moment(value) < _moment(pattern)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _like(pattern: str, value: str) -> bool:
    return _expression(pattern).fullmatch(value) is not None


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    translated = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(translated, re.DOTALL)


def _many(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _texts(values: object) -> list[str]:
    """Patterns as text, JSON's own `true` as the word; a policy variable compared as it stands would match nothing."""
    texts = [str(value).lower() if isinstance(value, bool) else str(value) for value in _many(values)]
    for text in texts:
        if "${" in text:
            raise ValueError(f"the policy variable in {text!r} is not modelled")
    return texts


def _filled(values: object, present: Mapping[str, str]) -> Iterator[str]:
    """A condition's values; one that is a policy variable becomes what it stands for, or nothing where that is absent.

    So a positive operator does not match then, and a negated one does (IAM User Guide, "Policy variables").
    """
    for value in _many(values):
        variable = _VARIABLE.fullmatch(value) if isinstance(value, str) else None
        if variable is None:
            yield from _texts(value)
        elif variable[1].lower() in present:
            yield present[variable[1].lower()]


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda pattern, value: pattern == value,
    "StringLike": _like,
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
    "IpAddress": _in_range,
    "Bool": lambda pattern, value: pattern.lower() == value.lower(),
    "DateLessThan": _before,
}
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NotIpAddress": "IpAddress",
}
