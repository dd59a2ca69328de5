"""Which choices of parameters make a difference: every outcome of the conditions that policies depend on, once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

from secure_bedrock.review.deployment import is_relevant
from secure_bedrock.review.intrinsics import Resolver
from secure_bedrock.review.template import Template

Choice = tuple[str, str]
#: Combinations that are tried, and outcomes that are reviewed.
_TRIED, _REVIEWED = 512, 32
#: What a parameter without a list of allowed values may be beside the literals it is compared with.
_ANOTHER = "another-value"


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One outcome of the conditions.

    Attributes:
        parameters: the values that lead to it, by stack and name.
        when: the same in words; empty where there is but one outcome.
    """

    parameters: Mapping[Choice, Any]
    when: str = ""


@dataclass(frozen=True, kw_only=True)
class Variants:
    """Every outcome that is reviewed.

    Attributes:
        found: at least one.
        left_out: what was not tried, None where everything was.
    """

    found: tuple[Variant, ...]
    left_out: str | None = None


def variants_of(templates: Sequence[Template], given: Mapping[Choice, Any]) -> Variants:
    """Return the choices of parameters that make a difference to roles, endpoints and policies.

    Args:
        templates: deployed together.
        given: parameters whose values are known; they are not varied.

    Raises:
        InvalidInput: for a condition that cannot be read.
    """
    by_name = {template.name: template for template in templates}
    needed = {template.name: sorted(_conditions_needed(template)) for template in templates}
    open_parameters: dict[Choice, tuple[str, ...]] = {}
    for template in templates:
        for name in _parameters_of(template, needed[template.name]):
            if (template.name, name) not in given and not _comes_from_parent(template, name, by_name):
                open_parameters[template.name, name] = _candidates(template, name)
    outcomes: dict[tuple[bool, ...], Variant] = {}
    combinations = product(*open_parameters.values())
    for values in islice(combinations, _TRIED):
        chosen = dict(zip(open_parameters, values, strict=True))
        resolver = Resolver(by_name, {**given, **chosen})
        outcome = tuple(resolver.condition(stack, name) for stack, names in needed.items() for name in names)
        outcomes.setdefault(outcome, Variant(parameters={**given, **chosen}, when=_words(chosen)))
    is_cut = next(combinations, None) is not None or len(outcomes) > _REVIEWED
    found = tuple(outcomes.values())[:_REVIEWED]
    if len(found) == 1:
        found = (Variant(parameters=found[0].parameters),)
    return Variants(found=found, left_out=_left_out(open_parameters) if is_cut else None)


def _left_out(parameters: Mapping[Choice, object]) -> str:
    names = ", ".join(f"{name} of {stack}" for stack, name in parameters)
    return f"not every combination of the parameters {names} was reviewed; pass their values"


def _words(chosen: Mapping[Choice, str]) -> str:
    return ", ".join(f"{name} of {stack} is {value!r}" for (stack, name), value in chosen.items())


def _conditions_needed(template: Template) -> set[str]:
    declared = template.body.get("Conditions") or {}
    needed: set[str] = set()
    for resource in template.resources.values():
        is_nested = resource["Type"] == "AWS::CloudFormation::Stack"
        if is_relevant(resource) or is_nested:
            needed |= {name for name in _named(resource) if name in declared}
    return needed


def _named(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    """Yield the names of conditions that a value depends on."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == "Condition" and isinstance(item, str):
                yield item
            elif key == "Fn::If" and isinstance(item, list) and item and isinstance(item[0], str):
                yield item[0]
            yield from _named(item)
    elif isinstance(value, list):
        for item in value:
            yield from _named(item)


def _parameters_of(template: Template, conditions: Sequence[str]) -> list[str]:
    """Return the parameters that conditions read, those they name among them."""
    declared, parameters = template.body.get("Conditions") or {}, template.body.get("Parameters") or {}
    found: dict[str, None] = {}
    waiting, seen = list(conditions), set()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in declared:
            continue
        seen.add(name)
        waiting += list(_named(declared[name]))
        found |= {text: None for text in _references(declared[name]) if text in parameters}
    return list(found)


def _references(value: Any) -> Iterator[str]:  # noqa: ANN401
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == "Ref" and isinstance(item, str):
                yield item
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def _comes_from_parent(template: Template, name: str, by_name: Mapping[str, Template]) -> bool:
    if template.parent is None:
        return False
    outer, logical_id = template.parent
    given = (by_name[outer].resources[logical_id].get("Properties") or {}).get("Parameters") or {}
    return name in given


def _candidates(template: Template, name: str) -> tuple[str, ...]:
    declared = template.body["Parameters"][name]
    default = [str(declared["Default"])] if "Default" in declared else []
    if declared.get("AllowedValues"):
        return tuple(dict.fromkeys([*default, *map(str, declared["AllowedValues"])]))
    literals = [text for text in _literals(template.body.get("Conditions") or {}) if isinstance(text, str)]
    return tuple(dict.fromkeys([*default, *literals, _ANOTHER]))


def _literals(value: Any) -> Iterator[Any]:  # noqa: ANN401
    """Yield the literal texts that conditions compare with."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == "Fn::Equals" and isinstance(item, list):
                yield from (part for part in item if not isinstance(part, Mapping | list))
            yield from _literals(item)
    elif isinstance(value, list):
        for item in value:
            yield from _literals(item)
