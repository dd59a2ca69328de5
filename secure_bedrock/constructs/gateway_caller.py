"""Who may call through a gateway, as a user of the library declares it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from secure_bedrock.constructs._edge import models_of
from secure_bedrock.constructs._grantees import role_of
from secure_bedrock.constructs._tokens import known
from secure_bedrock.errors import InvalidInput, invalid
from secure_bedrock.policy.environment import Arn
from secure_bedrock.policy.gateway import Caller, require_callable


@dataclass(frozen=True, kw_only=True)
class GatewayCaller:
    """A role that may call Bedrock through a `BedrockGateway`, and what it may have there.

    Attributes:
        role: an `iam.IRole`, a construct that runs as one, or the ARN of one, its path included. Users are refused:
            their credentials are long-term.
        models: what it may call; everything else is refused before Bedrock is asked.
        requests_per_minute: how many requests. Default: no such quota.
        tokens_per_day: how many tokens a day (UTC), input and output together; the request that crosses the line is
            still answered. Default: no such quota.
    """

    role: object
    models: Iterable[object]
    requests_per_minute: int | None = None
    tokens_per_day: int | None = None

    def checked(self) -> Caller:
        """Return the caller as a value.

        Raises:
            InvalidInput: for what is no role, no model, or no positive number.
        """
        for name in ("requests_per_minute", "tokens_per_day"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise invalid(name, value, allowed="a positive whole number, or None for no quota")
        return Caller(
            arn=_role_arn(self.role),
            models=tuple(require_callable("models", model) for model in models_of("models", self.models)),
            requests_per_minute=self.requests_per_minute,
            tokens_per_day=self.tokens_per_day,
        )


def _role_arn(role: object) -> str:
    found = role_of(role)
    arn = role if isinstance(role, str) else getattr(found, "role_arn", None)
    if not isinstance(arn, str):
        raise invalid("role", role, allowed="a role, a construct that runs as one, or a role's ARN")
    if known(arn) is None:
        return arn
    try:
        parsed = Arn.parse(arn)
    except InvalidInput:
        parsed = None
    is_role = parsed is not None and parsed.service == "iam" and parsed.resource_type == "role" and parsed.resource_id
    if not is_role or "*" in arn or "?" in arn:
        raise invalid("role", arn, allowed="the ARN of one role: no user, no session, no wildcard")
    return arn
