"""Who may call through a gateway and for which models: its resource policy, and what its handler is told.

API Gateway's developer guide: "How API Gateway resource policies affect authorization workflow" and "AWS condition keys
that can be used in API Gateway resource policies".
"""

from __future__ import annotations

from dataclasses import dataclass

from secure_bedrock.errors import invalid
from secure_bedrock.policy.access import Access
from secure_bedrock.policy.authorisation import ModelKind
from secure_bedrock.policy.document import ANYBODY, Condition, Plain, Policy, Statement
from secure_bedrock.policy.environment import Environment
from secure_bedrock.policy.models import Model
from secure_bedrock.policy.reserved import REVOKED_TAG

#: The one method there is, in every stage of the API that holds the policy.
_CALLS = "execute-api:/*/POST/model/*"
_EVERYTHING = "execute-api:/*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A role that may call, and what it may have.

    Attributes:
        arn: the role's ARN, with its path.
        models: what it may call.
        requests_per_minute: None for no such quota.
        tokens_per_day: input and output together; None for no such quota.
    """

    arn: str
    models: tuple[Model, ...]
    requests_per_minute: int | None = None
    tokens_per_day: int | None = None

    @property
    def has_quota(self) -> bool:
        """Whether its calls must be counted."""
        return self.requests_per_minute is not None or self.tokens_per_day is not None


def gateway_policy(callers: tuple[Caller, ...], *, source_ips: tuple[str, ...], suspended: bool) -> Policy:
    """Return the policy of the API: sessions of the named roles, over TLS, from the named ranges.

    Inside one account an Allow in the caller's own policy is enough without one here, so that naming principals in an
    Allow shuts nobody out: the Deny statements do.
    """
    arns = tuple(caller.arn for caller in callers)
    # True on an absent key, too: whoever did not sign has no aws:PrincipalArn.
    denials = [
        _deny("OtherCallers", Condition(operator="ArnNotEquals", key="aws:PrincipalArn", values=arns)),
        # As for every scoped role: one tag on the caller's role stops its sessions, without a deployment.
        _deny("RevokedByTag", Condition(operator="Null", key=f"aws:PrincipalTag/{REVOKED_TAG}", values=("false",))),
        _deny("WithoutTls", Condition(operator="Bool", key="aws:SecureTransport", values=("false",))),
    ]
    if source_ips:
        denials.append(_deny("OffNetwork", Condition(operator="NotIpAddress", key="aws:SourceIp", values=source_ips)))
    if suspended:
        denials.append(_deny("Suspended"))
    allow = Statement(
        effect="Allow",
        sid="Callers",
        principals=tuple(("AWS", arn) for arn in arns),
        actions=("execute-api:Invoke",),
        resources=(_CALLS,),
    )
    return Policy(statements=(allow, *denials), name="gateway")


def _deny(sid: str, *conditions: Condition) -> Statement:
    return Statement(
        effect="Deny",
        sid=sid,
        principals=ANYBODY,
        actions=("execute-api:*",),
        resources=(_EVERYTHING,),
        conditions=conditions,
    )


def require_callable(name: str, model: Model) -> Model:
    """Check that a model can be called on bedrock-runtime by its own name.

    Raises:
        InvalidInput: for a model on bedrock-mantle.
    """
    if model.kind is ModelKind.MANTLE_MODEL:
        raise invalid(name, model.id, allowed="models of bedrock-runtime; the gateway does not speak bedrock-mantle")
    return model


def require_once(callers: tuple[Caller, ...]) -> None:
    """Check that no role is declared twice.

    Raises:
        InvalidInput: for one that is: which of its declarations held would be a guess. Two ARNs of one account and name
            are one role: a session's ARN does not tell the path, and IAM has each name once.
    """
    seen: dict[tuple[str, str], str] = {}
    for caller in callers:
        who = (caller.arn.split(":")[4:5] or [""])[0], caller.arn.rpartition("/")[2]
        if who in seen:
            raise invalid("callers", caller.arn, allowed="each role once, whatever its path, with all its models")
        seen[who] = caller.arn


def handler_settings(callers: tuple[Caller, ...], access: Access) -> Plain:
    """Return what the handler checks each call against: callers by role ARN, models by every name they are called by.

    A model that one caller declares by id and another by ARN is one model.
    """
    table: dict[str, Plain] = {}
    for model in access.models:
        names = _names(model, access.environment)
        row = table.setdefault(names[-1], {"names": names, "guarded": access.needs_guardrail(model)})
        row["guarded"] = row["guarded"] or access.needs_guardrail(model)
    places = list(table)
    return {
        "callers": {
            caller.arn: {
                "models": [places.index(_names(model, access.environment)[-1]) for model in caller.models],
                **({"requestsPerMinute": caller.requests_per_minute} if caller.requests_per_minute else {}),
                **({"tokensPerDay": caller.tokens_per_day} if caller.tokens_per_day else {}),
            }
            for caller in callers
        },
        "models": list(table.values()),
    }


def _names(model: Model, environment: Environment) -> list[str]:
    """The texts a call may name a model by: the one that is sent on first, the ARN last."""
    arn = model.authorisations(environment)[0].resource
    if model.kind in {ModelKind.FOUNDATION_MODEL, ModelKind.INFERENCE_PROFILE}:
        return [model.id, arn]
    return [arn]
