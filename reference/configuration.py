"""What `cdk.json` may say under the context key `secure-bedrock`, as one typed value."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self, get_origin

import cattrs

from secure_bedrock.errors import InvalidInput, invalid

if TYPE_CHECKING:
    from constructs import Node

CONTEXT_KEY = "secure-bedrock"


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """What differs from one deployment to the next.

    Attributes:
        account: 12 digits, None for a deployment into whichever account the credentials are of.
        region: where everything stands, None for whichever Region the CLI is set to.
        models: what the function may invoke; the first is the one it invokes.
        vpc_cidr: the range of the VPC, which the application has to itself.
        availability_zones: names of the zones to use; None for the first two of the Region.
        project: tag by which the audit groups calls.
        team: tag by which a team's roles are found and revoked.
        suspended: stops every Bedrock call of the application.
    """

    account: str | None = None
    region: str | None = "eu-west-1"
    models: tuple[str, ...] = ("eu.amazon.nova-lite-v1:0",)
    vpc_cidr: str = "10.0.0.0/20"
    availability_zones: tuple[str, ...] | None = None
    project: str = "reference"
    team: str = "platform"
    suspended: bool = False

    @classmethod
    def from_context(cls, node: Node) -> Self:
        """Read the configuration from a construct tree's context; what is not named keeps its default.

        Raises:
            InvalidInput: for an unknown or wrong entry, the context key first.
        """
        given: Any = node.try_get_context(CONTEXT_KEY)
        return cls.parse({} if given is None else given)

    @classmethod
    def parse(cls, given: object) -> Self:
        """Read the configuration from what JSON holds.

        Raises:
            InvalidInput: for an unknown or wrong entry, the context key first.
        """
        if not isinstance(given, dict):
            raise invalid(CONTEXT_KEY, given, allowed="an object, as reference/configuration.py describes it")
        try:
            return _CONVERTER.structure(given, cls)
        except cattrs.BaseValidationError as error:
            lines = cattrs.transform_error(error, path=CONTEXT_KEY, format_exception=_describe)
            raise InvalidInput("; ".join(_path_first(line) for line in lines)) from error


def _exactly(kind: type) -> Any:  # noqa: ANN401 - the hook's type is cattrs' own
    def structure(value: object, _: object) -> object:
        if not isinstance(value, kind):
            raise TypeError(f"got {value!r}; allowed is a {_NAMES[kind]}")
        return value

    return structure


def _list_of_text(value: object, _: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        raise TypeError(f"got {value!r}; allowed is a list of texts that is not empty")
    return tuple(value)


def _describe(problem: BaseException, _: type | None) -> str:
    if isinstance(problem, cattrs.ForbiddenExtraKeysError):
        allowed = ", ".join(field.name for field in fields(Configuration))
        return f"got the entry {', '.join(sorted(problem.extra_fields))}; allowed is {allowed}"
    return str(problem)


def _path_first(line: str) -> str:
    """Turn cattrs' `problem @ path` around: the context key comes first."""
    problem, _, path = line.rpartition(" @ ")
    return f"{path}: {problem}"


_NAMES = {str: "text", bool: "boolean"}
_CONVERTER = cattrs.Converter(forbid_extra_keys=True)
_CONVERTER.register_structure_hook(str, _exactly(str))
_CONVERTER.register_structure_hook(bool, _exactly(bool))
_CONVERTER.register_structure_hook_func(lambda kind: get_origin(kind) is tuple, _list_of_text)
