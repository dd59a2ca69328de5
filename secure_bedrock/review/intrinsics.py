"""CloudFormation's functions, filled in as a deployment would, with ids that are made up but always the same.

AWS: CloudFormation Template Reference Guide, "Intrinsic function reference" and "Pseudo parameters reference". What
cannot be known becomes a value of its own, which equals nothing else, and is noted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy.environment import partition_of
from secure_bedrock.review.functions import FUNCTIONS, NO_VALUE, as_text, shown
from secure_bedrock.review.identifiers import (
    account_id,
    filled,
    name_property,
    path_property,
    pattern_of,
    unknown_value,
)
from secure_bedrock.review.template import Template

#: Where a stack's account or Region is not known.
UNKNOWN_ACCOUNT = account_id("an account that is not known")
DEFAULT_REGION = "us-east-1"
_DYNAMIC = re.compile(r"\{\{resolve:[^}]*\}\}")
_DEEPEST = 200
#: The nested output of a nested stack, as Fn::GetAtt names it.
_OUTPUT = "Outputs."


@dataclass(eq=False)
class Resolver:
    """Templates that are deployed together, read under one choice of parameters.

    Attributes:
        templates: by name.
        parameters: values of parameters by stack and name; they come before defaults.
        notes: what was not known and what it was taken for, each once, in the order in which it was met.
        invented: the ids that were made up, each with a name for what it stands for.
    """

    templates: Mapping[str, Template]
    parameters: Mapping[tuple[str, str], Any] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    invented: dict[str, str] = field(default_factory=dict)
    _seen: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._memo: dict[tuple[str, str], Any] = {}
        self._children = {each.parent: each.name for each in self.templates.values() if each.parent}
        self._exports = self._read_exports()

    def value(self, stack: str, value: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Return a value of a stack's template with every function filled in.

        Raises:
            InvalidInput: for a reference to nothing, a cycle, or a function that is malformed.
        """
        if isinstance(value, str):
            return self._dynamic(stack, value)
        if isinstance(value, list):
            items = (self.value(stack, item) for item in value)
            return [item for item in items if item is not NO_VALUE]
        if not isinstance(value, Mapping):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref" or (isinstance(name, str) and name.startswith("Fn::")):
                return self._function(stack, name, argument)
        found = {key: self.value(stack, item) for key, item in value.items()}
        return {key: item for key, item in found.items() if item is not NO_VALUE}

    def properties(self, stack: str, logical_id: str) -> dict[str, Any]:
        """Return a resource's properties, filled in; none where a macro makes all of them."""
        filled = self.value(stack, self.templates[stack].resources[logical_id].get("Properties") or {})
        return filled if isinstance(filled, dict) else {}

    def is_present(self, stack: str, resource: Mapping[str, Any]) -> bool:
        """Whether a resource's condition holds; one without a condition is there."""
        name = resource.get("Condition")
        return True if name is None else self.condition(stack, name)

    def account(self, stack: str) -> str:
        """Return a stack's account; one for all that are not known."""
        return self.templates[stack].account or UNKNOWN_ACCOUNT

    def region(self, stack: str) -> str:
        """Return a stack's Region."""
        return self.templates[stack].region or DEFAULT_REGION

    def partition(self, stack: str) -> str:
        """Return a stack's partition."""
        return partition_of(self.region(stack))

    def note(self, text: str) -> None:
        """Note what was not known."""
        self.notes.setdefault(text)

    def physical_id(self, stack: str, logical_id: str) -> str:
        """Return what Ref gives for a resource."""
        return self._identifier(stack, logical_id, None)

    def made_up(self) -> dict[str, str]:
        """Return the values that were made up so far, each with a name for what it stands for.

        What is named by the template itself, such as a role with a literal name in a known account, is not among them.
        """
        found = dict(self.invented)
        if any(template.account is None for template in self.templates.values()):
            found[UNKNOWN_ACCOUNT] = "AWS::AccountId"
        return found

    def condition(self, stack: str, name: str) -> bool:
        """Return whether a condition of a template holds."""
        conditions = self.templates[stack].body.get("Conditions") or {}
        if name not in conditions:
            raise InvalidInput(f"{stack}: the condition {name!r} is not declared; declared are {sorted(conditions)}")
        return self._once(("condition", f"{stack}.{name}"), lambda: self._truth(stack, conditions[name]))

    # --- functions

    def _function(self, stack: str, name: str, argument: Any) -> Any:  # noqa: ANN401
        known = _OWN.get(name) or FUNCTIONS.get(name)
        if known is None:
            self.note(f"{name} of stack {stack} is not evaluated: its result is taken as a value of its own")
            return unknown_value(f"{stack}/{name}/{json.dumps(argument, sort_keys=True, default=str)}", "")
        try:
            return known(self, stack, argument)
        except (TypeError, ValueError, KeyError, IndexError, AttributeError) as problem:
            if isinstance(problem, InvalidInput):
                raise
            raise InvalidInput(f"{stack}: {name} got {shown(argument)}, which it cannot take") from None

    def reference(self, stack: str, name: Any) -> Any:  # noqa: ANN401
        """Return what Ref gives: a pseudo parameter, a resource or a parameter."""
        name = self.value(stack, name)
        template = self.templates[stack]
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in _PSEUDO:
            return _PSEUDO[name](self, stack)
        if name in template.resources:
            return self.physical_id(stack, name)
        if name in (template.body.get("Parameters") or {}):
            return self._once(("parameter", f"{stack}.{name}"), lambda: self._parameter(stack, name))
        raise InvalidInput(f"{stack}: Ref {name!r} is neither a resource nor a parameter of this template")

    def _parameter(self, stack: str, name: str) -> Any:  # noqa: ANN401
        declared = self.templates[stack].body["Parameters"][name]
        kind = str(declared.get("Type", "String"))
        if (stack, name) in self.parameters:
            return _typed(self.parameters[stack, name], kind)
        given = self._given_by_parent(stack, name)
        if given is not NO_VALUE:
            return _typed(given, kind)
        if kind.startswith("AWS::SSM::Parameter::Value"):
            return self._unknown(stack, name, f"{name} {kind}", "is read from SSM at deployment")
        if "Default" in declared:
            self.note(f"parameter {name} of stack {stack} is its default, {declared['Default']!r}")
            return _typed(declared["Default"], kind)
        value = self._unknown(stack, name, f"{name} {kind}", "has no value")
        return [value] if kind.startswith("List<") or kind == "CommaDelimitedList" else value

    def _unknown(self, stack: str, name: str, hint: str, why: str) -> str:
        value = unknown_value(f"{stack}/{name}", hint)
        self.note(f"parameter {name} of stack {stack} {why}: taken as {value!r}, which is no wildcard")
        return value

    def _given_by_parent(self, stack: str, name: str) -> Any:  # noqa: ANN401
        parent = self.templates[stack].parent
        if parent is None:
            return NO_VALUE
        outer, logical_id = parent
        given = (self.templates[outer].resources[logical_id].get("Properties") or {}).get("Parameters") or {}
        return self.value(outer, given[name]) if name in given else NO_VALUE

    def attribute(self, stack: str, argument: Any) -> Any:  # noqa: ANN401
        """Return what Fn::GetAtt gives for `[resource, attribute]` or `resource.attribute`."""
        logical_id, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        attribute = str(self.value(stack, attribute))
        if logical_id not in self.templates[stack].resources:
            raise InvalidInput(f"{stack}: Fn::GetAtt {logical_id!r} is no resource of this template")
        if attribute.startswith(_OUTPUT) and (stack, logical_id) in self._children:
            child = self._children[stack, logical_id]
            output = (self.templates[child].body.get("Outputs") or {})[attribute.removeprefix(_OUTPUT)]
            return self.value(child, output["Value"])
        return self._identifier(stack, logical_id, attribute)

    def _identifier(self, stack: str, logical_id: str, attribute: str | None) -> str:
        return self._once(
            ("resource", f"{stack}.{logical_id}.{attribute or ''}"),
            lambda: self._make_identifier(stack, logical_id, attribute),
        )

    def _make_identifier(self, stack: str, logical_id: str, attribute: str | None) -> str:
        resource = self.templates[stack].resources[logical_id]
        kind, properties = resource["Type"], resource.get("Properties") or {}
        seed = f"{stack}/{logical_id}"
        pattern = pattern_of(kind, attribute)
        if pattern is None and attribute is None:
            return f"{self.templates[stack].stack_name}-{logical_id}"
        if pattern is None:
            return f"{self.templates[stack].stack_name}-{logical_id}.{attribute}"
        place = {"partition": self.partition(stack), "region": self.region(stack), "account": self.account(stack)}
        known = {
            **place,
            "bedrock": "arn:{partition}:bedrock:{region}:{account}".format(**place),
            "name": self._name(stack, logical_id, kind, properties),
        }
        if "{path}" in pattern:
            known["path"] = self.text(stack, properties.get(path_property(kind) or "", "/"))
        if "{url}" in pattern:
            url = self.text(stack, properties.get("Url", f"unknown-{logical_id}"))
            known["url"] = url.removeprefix("https://")
        value = filled(pattern, seed, known)
        if not kind.startswith("AWS::IAM::"):
            self.invented[value] = re.sub(r"[^A-Za-z0-9]", "", f"{logical_id}{attribute or ''}")
        return value

    def _name(self, stack: str, logical_id: str, kind: str, properties: Mapping[str, Any]) -> str:
        given = properties.get(name_property(kind) or "")
        name = NO_VALUE if given is None else self.value(stack, given)
        made_up = f"{self.templates[stack].stack_name}-{logical_id}"
        return (
            made_up.lower()
            if name is NO_VALUE and kind == "AWS::S3::Bucket"
            else (made_up if name is NO_VALUE else str(name))
        )

    # --- conditions

    def _truth(self, stack: str, expression: Any) -> bool:  # noqa: ANN401
        if not isinstance(expression, Mapping) or len(expression) != 1:
            raise InvalidInput(f"{stack}: got {shown(expression)}; allowed is a condition function")
        ((name, argument),) = expression.items()
        if name == "Condition":
            return self.condition(stack, argument)
        if name == "Fn::Equals":
            left, right = (self.value(stack, part) for part in argument)
            return as_text(left) == as_text(right)
        if name == "Fn::Not":
            return not self._truth(stack, argument[0])
        if name == "Fn::And":
            return all(self._truth(stack, part) for part in argument)
        if name == "Fn::Or":
            return any(self._truth(stack, part) for part in argument)
        if name == "Fn::Contains":
            items, wanted = argument
            return as_text(self.value(stack, wanted)) in map(as_text, self.items(stack, items))
        raise InvalidInput(f"{stack}: {name} is no condition function; known are Equals, Not, And, Or, Contains")

    # --- helpers

    def items(self, stack: str, items: Any) -> list[Any]:  # noqa: ANN401
        """Return a list, or a text of values with commas, filled in."""
        found = self.value(stack, items)
        if isinstance(found, str):
            return found.split(",")
        if not isinstance(found, list):
            raise InvalidInput(f"{stack}: got {shown(items)}; allowed is a list")
        return found

    def text(self, stack: str, value: Any) -> str:  # noqa: ANN401
        """Return a value that is text once it is filled in."""
        return as_text(self.value(stack, value))

    def _dynamic(self, stack: str, text: str) -> str:
        """A value that CloudFormation reads from SSM or Secrets Manager."""
        if "{{resolve:" not in text:
            return text

        def fill(match: re.Match[str]) -> str:
            value = unknown_value(match[0], match[0])
            self.note(f"{match[0]} of stack {stack} is read at deployment: taken as {value!r}, which is no wildcard")
            return value

        return _DYNAMIC.sub(fill, text)

    def _once(self, key: tuple[str, str], make: Callable[[], Any]) -> Any:  # noqa: ANN401
        """Return a value made once; being asked for it while it is made is a cycle."""
        if key in self._memo:
            return self._memo[key]
        if key in self._seen or len(self._seen) > _DEEPEST:
            what = " -> ".join(name for _, name in (*self._seen[-4:], key))
            raise InvalidInput(f"a reference leads back to itself, or too far: {what}")
        self._seen.append(key)
        try:
            self._memo[key] = make()
        finally:
            self._seen.pop()
        return self._memo[key]

    def export(self, stack: str, name: str) -> tuple[str, Any] | None:
        """Return the stack and the value of an export of a stack's account and Region."""
        return self._exports.get((self.account(stack), self.region(stack), name))

    def _read_exports(self) -> dict[tuple[str, str, str], tuple[str, Any]]:
        found: dict[tuple[str, str, str], tuple[str, Any]] = {}
        for template in self.templates.values():
            for output in (template.body.get("Outputs") or {}).values():
                export = output.get("Export") if isinstance(output, Mapping) else None
                if isinstance(export, Mapping) and "Name" in export:
                    place = (self.account(template.name), self.region(template.name))
                    name = self.value(template.name, export["Name"]) if not isinstance(export["Name"], str) else None
                    found[*place, str(name or export["Name"])] = (template.name, output.get("Value"))
        return found


def _typed(value: Any, kind: str) -> Any:  # noqa: ANN401
    is_list = kind.startswith("List<") or kind == "CommaDelimitedList"
    if is_list and not isinstance(value, list):
        return [part.strip() for part in str(value).split(",")]
    return value if isinstance(value, list) else as_text(value)


_PSEUDO: dict[str, Callable[[Resolver, str], Any]] = {
    "AWS::AccountId": lambda resolver, stack: resolver.account(stack),
    "AWS::Region": lambda resolver, stack: resolver.region(stack),
    "AWS::Partition": lambda resolver, stack: resolver.partition(stack),
    "AWS::URLSuffix": lambda resolver, stack: _suffix(resolver.partition(stack)),
    "AWS::StackName": lambda resolver, stack: resolver.templates[stack].stack_name,
    "AWS::StackId": lambda resolver, stack: (
        f"arn:{resolver.partition(stack)}:cloudformation:{resolver.region(stack)}:{resolver.account(stack)}"
        f":stack/{resolver.templates[stack].stack_name}/{account_id(stack)}"
    ),
    "AWS::NotificationARNs": lambda *_: [],
}


def _suffix(partition: str) -> str:
    return {"aws": "amazonaws.com", "aws-us-gov": "amazonaws.com", "aws-eusc": "amazonaws.eu"}.get(
        partition, "amazonaws.com"
    )


_OWN: dict[str, Callable[[Resolver, str, Any], Any]] = {"Ref": Resolver.reference, "Fn::GetAtt": Resolver.attribute}
