"""A safe YAML loader that knows CloudFormation's short forms."""

from __future__ import annotations

from functools import cache
from typing import Any

import yaml

_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: CloudFormation reads dates as text: `Version: 2012-10-17` is no date.
_DATES = "tag:yaml.org,2002:timestamp"


@cache
def loader() -> Any:  # noqa: ANN401 - a class made at run time
    """Return the loader's class."""
    made: Any = type("TemplateLoader", (_BASE,), {})
    made.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in rows if tag != _DATES]
        for first, rows in _BASE.yaml_implicit_resolvers.items()
    }
    made.add_multi_constructor("!", _short_form)
    return made


def _short_form(reader: Any, suffix: str, node: Any) -> dict[str, Any]:  # noqa: ANN401
    name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value = reader.construct_scalar(node)
        return {name: value.split(".", 1) if name == "Fn::GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: reader.construct_sequence(node, deep=True)}
    return {name: reader.construct_mapping(node, deep=True)}
