"""The door between our values and CDK's objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast
from weakref import WeakKeyDictionary

import aws_cdk as cdk
import jsii
from constructs import IConstruct, IValidation

from secure_bedrock.constructs._tokens import stack_of
from secure_bedrock.errors import InvalidInput, invalid
from secure_bedrock.policy.document import Plain
from secure_bedrock.policy.lists import items_of
from secure_bedrock.policy.models import Model


@jsii.implements(cdk.IResolvable)
class _Later:
    def __init__(self, produce: Callable[[], Plain]) -> None:
        self._produce = produce

    @property
    def creation_stack(self) -> list[str]:
        return []

    def resolve(self, context: cdk.IResolveContext) -> Any:  # noqa: ANN401, ARG002 - CDK's signature
        return self._produce()

    def to_string(self) -> str:
        return cdk.Token.as_string(self)


@jsii.implements(IValidation)
class _Validation:
    def __init__(self, check: Callable[[], list[str]]) -> None:
        self._check = check

    def validate(self) -> list[str]:
        return self._check()


@jsii.implements(IValidation)
class _StageValidation:
    """The checks of all constructs of a stage, for which CDK asks once: each answer costs round trips to Node."""

    def __init__(self) -> None:
        self._checks: list[tuple[IConstruct, Callable[[], list[str]]]] = []

    def add(self, construct: IConstruct, check: Callable[[], list[str]]) -> None:
        self._checks.append((construct, check))

    def validate(self) -> list[str]:
        """Hand what fails over to its own construct, which CDK asks after the stage, and names in the message."""
        failed = [(construct, check) for construct, check in self._checks if check()]
        self._checks = [each for each in self._checks if each not in failed]
        for construct, check in failed:
            construct.node.add_validation(_Validation(check))
        return []


_stages: WeakKeyDictionary[cdk.Stack, cdk.Stage | None] = WeakKeyDictionary()
_validations: WeakKeyDictionary[cdk.Stage, _StageValidation] = WeakKeyDictionary()


def later(produce: Callable[[], Plain]) -> cdk.IResolvable:
    """Return a document that is written when the template is.

    Not cached: a document that somebody looked at early would keep what it held then,
    and lose later admissions silently.
    """
    return cast("cdk.IResolvable", _Later(produce))  # without the optional type hint


def check_at_synth(
    construct: IConstruct, check: Callable[[], list[str]], *, neighbour: IConstruct | None = None
) -> None:
    """Fail the synth with the messages a check returns.

    Args:
        construct: what fails.
        check: called once in a synth, after the Aspects.
        neighbour: something the construct refers to, whose stage is its own: CDK refuses references between them.
    """
    stack = stack_of(construct if neighbour is None else neighbour)
    if stack not in _stages:
        _stages[stack] = cdk.Stage.of(stack)
    stage = _stages[stack]
    if stage is None:
        construct.node.add_validation(_Validation(check))
        return
    if stage not in _validations:
        _validations[stage] = _StageValidation()
        stage.node.add_validation(_validations[stage])
    _validations[stage].add(construct, check)


def properties_of(resource: cdk.CfnResource) -> Mapping[str, Any]:
    """Return what a resource's properties are now, by CDK's names for them, in one round trip to Node."""
    return resource._cfn_properties  # noqa: SLF001 - CDK's own way to read them, for subclasses


def warn(construct: IConstruct, rule: str, text: str) -> None:
    """Attach an acknowledgeable warning."""
    cdk.Annotations.of(construct).add_warning_v2(f"secure-bedrock:{rule}", text)


def models_of(name: str, values: Iterable[object] | None) -> tuple[Model, ...]:
    """Read what a user gave as models: ids, ARNs, `Model`, `bedrock.IModel`, anything with `.invokable_arn`."""
    items = items_of(name, values)
    if not items:
        raise InvalidInput(f"{name}: got nothing; allowed is at least one model, such as 'amazon.nova-lite-v1:0'")
    return tuple(dict.fromkeys(_model(name, item) for item in items))


def _model(name: str, value: object) -> Model:
    if isinstance(value, Model):
        return value
    arn = arn_of(value, "model_arn", "invokable_arn")
    try:
        return Model.parse(arn if arn is not None else value)  # type: ignore[arg-type] # parse refuses what is no text
    except InvalidInput as error:
        # `Model.parse` knows no property but its usual one.
        raise InvalidInput(f"{name}: {str(error).removeprefix('models: ')}") from error


def arn_of(value: object, *attributes: str) -> str | None:
    """Return the first of the ARN attributes that a construct has, None for a text or anything else.

    Interfaces of CDK are protocols that cannot be asked for with isinstance, and imports come back as proxies.
    """
    if isinstance(value, str):
        return None
    return next((found for name in attributes if isinstance(found := getattr(value, name, None), str)), None)


def arns_of(name: str, values: Iterable[object] | None, *attributes: str) -> tuple[str, ...]:
    """Read a list of ARNs given as text or as constructs; None gives none, an empty list is an error."""
    return tuple(dict.fromkeys(_arn(name, item, attributes) for item in items_of(name, values)))


def _arn(name: str, item: object, attributes: tuple[str, ...]) -> str:
    arn = item if isinstance(item, str) else arn_of(item, *attributes)
    if not arn:
        raise invalid(name, item, allowed=f"an ARN, or a construct with {' or '.join(attributes)}")
    if "*" in arn or "?" in arn:
        raise invalid(name, arn, allowed="an exact ARN; wildcards are refused")
    return arn
