"""CloudFormation's functions but for `Ref` and `Fn::GetAtt`, which the resolver answers itself.

AWS: CloudFormation Template Reference Guide, "Intrinsic function reference".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from secure_bedrock.errors import InvalidInput
from secure_bedrock.review.identifiers import unknown_value

if TYPE_CHECKING:
    from secure_bedrock.review.intrinsics import Resolver

#: What `AWS::NoValue` gives: the property is not there.
NO_VALUE = object()
_SUB = re.compile(r"\$\{(!?)([^}]*)\}")


def as_text(value: Any) -> str:  # noqa: ANN401
    """Return a value as CloudFormation puts it into a text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, Sequence):
        return ",".join(map(as_text, value))
    raise InvalidInput(f"got {shown(value)}; allowed is text")


def shown(value: Any) -> str:  # noqa: ANN401
    """Return the beginning of a value, for an error."""
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else text[:80] + "..."  # noqa: PLR2004 - enough to find it


def _join(resolver: Resolver, stack: str, argument: Any) -> str:  # noqa: ANN401
    separator, parts = argument
    return str(separator).join(as_text(part) for part in resolver.items(stack, parts))


def _sub(resolver: Resolver, stack: str, argument: Any) -> str:  # noqa: ANN401
    text, given = (argument, {}) if isinstance(argument, str) else argument

    def fill(match: re.Match[str]) -> str:
        literal, name = match[1], match[2].strip()
        if literal:
            return f"${{{match[2]}}}"
        if name in given:
            return as_text(resolver.value(stack, given[name]))
        found = resolver.attribute(stack, name) if "." in name else resolver.reference(stack, name)
        return "" if found is NO_VALUE else as_text(found)

    return _SUB.sub(fill, text)


def _select(resolver: Resolver, stack: str, argument: Any) -> Any:  # noqa: ANN401
    index, items = argument
    found = resolver.items(stack, items)
    at = int(resolver.value(stack, index))
    if at >= len(found):
        resolver.note(f"Fn::Select {at} of stack {stack}: the list is not known to that length")
        return unknown_value(f"{stack}/select/{shown(argument)}", "")
    return found[at]


def _split(resolver: Resolver, stack: str, argument: Any) -> list[str]:  # noqa: ANN401
    separator, text = argument
    return resolver.text(stack, text).split(str(separator))


def _if(resolver: Resolver, stack: str, argument: Any) -> Any:  # noqa: ANN401
    name, then, otherwise = argument
    return resolver.value(stack, then if resolver.condition(stack, name) else otherwise)


def _find_in_map(resolver: Resolver, stack: str, argument: Any) -> Any:  # noqa: ANN401
    name, first, second = (resolver.value(stack, part) for part in argument[:3])
    mapping = (resolver.templates[stack].body.get("Mappings") or {}).get(name, {})
    row = mapping.get(as_text(first), {})
    if as_text(second) in row:
        return resolver.value(stack, row[as_text(second)])
    if len(argument) > 3 and "DefaultValue" in argument[3]:  # noqa: PLR2004 - the language extension's form
        return resolver.value(stack, argument[3]["DefaultValue"])
    resolver.note(f"Fn::FindInMap of stack {stack}: {name} has no {first}.{second}; taken as a value of its own")
    return unknown_value(f"{stack}/{name}/{first}/{second}", str(second))


def _import_value(resolver: Resolver, stack: str, argument: Any) -> Any:  # noqa: ANN401
    name = resolver.text(stack, argument)
    found = resolver.export(stack, name)
    if found is None:
        value = unknown_value(f"import/{name}", name)
        resolver.note(f"the export {name!r} is not in the input: taken as {value!r}, which is no wildcard")
        return value
    home, output = found
    return resolver.value(home, output)


def _stack_output(resolver: Resolver, stack: str, argument: Any) -> Any:  # noqa: ANN401
    wanted = resolver.value(stack, argument)
    name, output = wanted["StackName"], wanted["OutputName"]
    for other in resolver.templates.values():
        outputs = other.body.get("Outputs") or {}
        if name in {other.stack_name, other.name} and output in outputs:
            return resolver.value(other.name, outputs[output]["Value"])
    value = unknown_value(f"output/{name}/{output}", output)
    resolver.note(f"the output {output} of stack {name} is not in the input: taken as {value!r}")
    return value


def _azs(resolver: Resolver, stack: str, argument: Any) -> list[str]:  # noqa: ANN401
    region = resolver.value(stack, argument) or resolver.region(stack)
    return [f"{region}{letter}" for letter in "abc"]


def _length(resolver: Resolver, stack: str, argument: Any) -> int:  # noqa: ANN401
    return len(resolver.items(stack, argument))


def _to_json(resolver: Resolver, stack: str, argument: Any) -> str:  # noqa: ANN401
    return json.dumps(resolver.value(stack, argument))


def _base64(resolver: Resolver, stack: str, argument: Any) -> Any:  # noqa: ANN401
    return resolver.value(stack, argument)  # user data: no policy holds it


FUNCTIONS: dict[str, Callable[[Resolver, str, Any], Any]] = {
    "Fn::Join": _join,
    "Fn::Sub": _sub,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::If": _if,
    "Fn::FindInMap": _find_in_map,
    "Fn::ImportValue": _import_value,
    "Fn::GetStackOutput": _stack_output,
    "Fn::GetAZs": _azs,
    "Fn::Length": _length,
    "Fn::ToJsonString": _to_json,
    "Fn::Base64": _base64,
}
