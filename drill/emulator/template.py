"""What every provider of a resource type needs: a template's properties as a request, an answer as a result."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Properties = dict[str, Any]
#: The physical id, which `Ref` is, and what `Fn::GetAtt` finds.
Made = tuple[str, dict[str, Any]]
Provider = dict[str, Callable[..., Any]]


def body(answer: tuple[int, Any, Any], operation: str) -> Properties:
    """The body of an operation's answer; its error becomes the failure of the resource."""
    status, _, said = answer
    if status >= 300:  # noqa: PLR2004 - HTTP
        raise ValueError(f"{operation}: {said.decode() if isinstance(said, bytes) else said}")
    return json.loads(said) if said else {}


def text(content: object) -> str:
    """A document as the text that an API takes."""
    return content if isinstance(content, str) else json.dumps(content, separators=(",", ":"))


def camel(value: Any) -> Any:
    """CloudFormation's PascalCase properties as the API's camelCase members."""
    if isinstance(value, dict):
        return {name[:1].lower() + name[1:]: camel(inner) for name, inner in value.items()}
    return [camel(inner) for inner in value] if isinstance(value, list) else value


def typed(value: Any) -> Any:
    """Booleans that a template carries as text."""
    if isinstance(value, dict):
        return {name: typed(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [typed(inner) for inner in value]
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value
