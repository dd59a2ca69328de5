"""Who asks, and what for: the values a decision is made about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from secure_bedrock.errors import invalid
from secure_bedrock.policy.document import Policy, Statement

#: What a context key holds: a text, or a tuple for a key with many values.
Value = str | tuple[str, ...]
#: The principal of a request without credentials.
ANONYMOUS = "*"

_EVERYTHING = Policy(
    statements=(Statement(effect="Allow", sid="Everything", actions=("*",), resources=("*",)),),
    name="everything",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A role or a user with the policies it holds.

    Attributes:
        arn: of the role or user, with its path.
        identity: its identity-based policies, those of a user's groups among them. Default: none, so it may do nothing
            but what a resource policy grants it.
        boundary: its permissions boundary. Default: none, which limits nothing.
        trust: who may assume it; for roles. Default: nobody.
        tags: as pairs; they become `aws:PrincipalTag/...`.
    """

    arn: str
    identity: tuple[Policy, ...] = ()
    boundary: Policy | None = None
    trust: Policy | None = None
    tags: tuple[tuple[str, str], ...] = ()

    @classmethod
    def administrator(cls, arn: str) -> Principal:
        """Return a principal whose own policies allow everything: what is unknown, at its widest."""
        return cls(arn=arn, identity=(_EVERYTHING,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One authorisation, as AWS evaluates it.

    Attributes:
        principal: the name of a principal of the estate; an ARN of a role, user, session or root; the name of a
            service; the ARN or name of an identity provider; or `*`, nobody who signed in.
        action: such as `bedrock:InvokeModel`.
        resource: an ARN, or `*` for an action without resource.
        context: the condition keys the request states. What follows from the rest of the request (PrincipalArn,
            RequestedRegion, SourceVpce and the like) is added; a context that contradicts it is an error.
        endpoint: the VPC endpoint the request came through. Default: none.
        session_policies: what was passed when the session was made. Default: none, which limits nothing.
    """

    principal: str
    action: str
    resource: str = "*"
    context: Mapping[str, Value] = field(default_factory=dict, hash=False)
    endpoint: str | None = None
    session_policies: tuple[Policy, ...] = ()

    def __post_init__(self) -> None:
        service, _, name = self.action.partition(":")
        if not (service and name) or "*" in self.action:
            raise invalid("action", self.action, allowed="one action, such as 'bedrock:InvokeModel'")
        if self.resource != "*" and not self.resource.startswith("arn:"):
            raise invalid("resource", self.resource, allowed="an ARN, or '*' for an action without resource")
        object.__setattr__(self, "context", MappingProxyType({k: _value(v) for k, v in self.context.items()}))


def _value(value: object) -> Value:
    if isinstance(value, list | tuple):
        return tuple(_text(item) for item in value)
    return _text(value)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
