"""How the audit watches what is used: tokens beside calls, and money."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from constructs import Construct

from secure_bedrock.constructs._bands import bedrock_metric
from secure_bedrock.constructs._budgets import monthly_budget, require_dollars
from secure_bedrock.constructs._edge import warn
from secure_bedrock.constructs._tokens import known
from secure_bedrock.errors import invalid
from secure_bedrock.policy.lists import items_of
from secure_bedrock.policy.reserved import AUDIT_PREFIX

if TYPE_CHECKING:
    from aws_cdk import aws_budgets as budgets
    from aws_cdk import aws_logs as logs

    from secure_bedrock.constructs._audit_alarms import Alarms

#: A log group takes 100 metric filters; each role needs two, and detections need theirs.
_MOST_ROLES = 40
#: AWS Budgets tells at most ten e-mail addresses.
_MOST_ADDRESSES = 10
_TOKENS = {"input": "InputTokenCount", "output": "OutputTokenCount"}


@dataclass(frozen=True, kw_only=True)
class UsageWatch:
    """What the audit watches of how much is used, beside the number of calls.

    Attributes:
        unusual_tokens: alarms on more tokens, in and out, than is usual at that hour, over all models of the audit's
            Region. bedrock-mantle is not counted there. Default: True.
        tokens_by_role: tokens in five minutes, in and out, that are too many for any one of the watched roles; it needs
            `invocation_logging`. Default: no such alarms.
        monthly_budget: US dollars a month for Bedrock in the account, told to the e-mail addresses of `notify` at 80
            and 100 percent spent, and when 100 percent are expected. It tells, hours late; it stops no call.
            Default: no budget.
        billed_as: the services that the budget counts, as the bill names them: models of third parties may stand there
            under names of their own, which the bill shows. Default: Amazon Bedrock alone, and a warning.
    """

    unusual_tokens: bool = True
    tokens_by_role: int | None = None
    monthly_budget: float | None = None
    billed_as: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.unusual_tokens, bool):
            raise invalid("usage.unusual_tokens", self.unusual_tokens, allowed="True or False")
        tokens = self.tokens_by_role
        if tokens is not None and (type(tokens) is not int or tokens < 1):
            raise invalid("usage.tokens_by_role", tokens, allowed="a positive whole number, or None")
        for service in items_of("usage.billed_as", self.billed_as):
            if not isinstance(service, str) or not service.strip():
                raise invalid("usage.billed_as", service, allowed="names of services, as the bill has them")
        if self.billed_as is not None and self.monthly_budget is None:
            raise invalid("usage.billed_as", self.billed_as, allowed="names beside monthly_budget")


def watch_usage(
    scope: Construct, usage: UsageWatch, alarms: Alarms, notify: Iterable[object] | None
) -> budgets.CfnBudget | None:
    """Add the alarms on tokens and return the budget, None where none is wanted.

    Raises:
        InvalidInput: for a budget that nobody is told of, or that AWS does not count.
    """
    if usage.unusual_tokens:
        for way, metric in _TOKENS.items():
            text = (
                f"More {way} tokens than is usual at this hour, over all models. Group the invocation log by identity: "
                "the query secure-bedrock-audit/tokens-by-principal."
            )
            alarms.unusual(f"unusual-{way}-tokens", bedrock_metric(metric), text, measured="tokens")
    if usage.monthly_budget is None:
        return None
    require_dollars(scope, "usage.monthly_budget", usage.monthly_budget)
    addresses = [item for item in items_of("notify", notify) if isinstance(item, str)]
    if not 0 < len(addresses) <= _MOST_ADDRESSES:
        raise invalid(
            "usage.monthly_budget", usage.monthly_budget, allowed=f"1 to {_MOST_ADDRESSES} e-mail addresses in notify"
        )
    if usage.billed_as is None:
        text = (
            "usage.monthly_budget: it counts what the bill calls Amazon Bedrock; third parties' models may stand there "
            "under names of their own: name them all in billed_as"
        )
        warn(scope, "budget-services", text)
    return monthly_budget(
        scope,
        f"{AUDIT_PREFIX}bedrock",
        dollars=usage.monthly_budget,
        filters={"Service": usage.billed_as or ("Amazon Bedrock",)},
        subscribers=dict.fromkeys(addresses, "EMAIL"),
        tags={},
    )


def watch_roles(
    scope: Construct, usage: UsageWatch, alarms: Alarms, roles: Iterable[str], invocations: logs.ILogGroup
) -> None:
    """Add an alarm on the tokens of each role, at synth, when the roles are known.

    Raises:
        InvalidInput: for more roles than a log group has filters for.
    """
    threshold = usage.tokens_by_role
    if threshold is None:
        return
    named = [role for role in roles if known(role) is not None]
    if len(named) > _MOST_ROLES:
        raise invalid(
            "usage.tokens_by_role", threshold, allowed=f"at most {_MOST_ROLES} watched roles: got {len(named)}"
        )
    if not named:
        warn(scope, "tokens-by-role", "usage.tokens_by_role: no role is watched by a name that is known; none is added")
    for role in named:
        alarms.watch_tokens(role, invocations, threshold=threshold)
