"""Budgets: they tell of money spent and expected, hours late, and stop nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import aws_budgets as budgets
from constructs import Construct

from secure_bedrock.constructs._tokens import environment_of, known
from secure_bedrock.errors import invalid

#: Percent of the budget: spent, and expected by the month's end.
_SPENT, _EXPECTED = (80, 100), (100,)


def monthly_budget(
    scope: Construct,
    name: str,
    *,
    dollars: float,
    filters: Mapping[str, Sequence[str]],
    subscribers: Mapping[str, str],
    tags: Mapping[str, str],
) -> budgets.CfnBudget:
    """Return a budget for a month.

    Args:
        scope: the parent construct.
        name: the budget's, unique in the account.
        dollars: US dollars a month.
        filters: what is counted, as AWS Budgets takes it.
        subscribers: addresses and topics that are told, with their kind.
        tags: of the budget itself; older CDKs do not tag budgets.
    """
    thresholds = [("ACTUAL", percent) for percent in _SPENT] + [("FORECASTED", percent) for percent in _EXPECTED]
    return budgets.CfnBudget(
        scope,
        "Budget",
        budget=budgets.CfnBudget.BudgetDataProperty(
            budget_name=name,
            budget_type="COST",
            time_unit="MONTHLY",
            budget_limit=budgets.CfnBudget.SpendProperty(amount=dollars, unit="USD"),
            cost_filters={key: list(values) for key, values in filters.items()},
        ),
        notifications_with_subscribers=[
            budgets.CfnBudget.NotificationWithSubscribersProperty(
                notification=budgets.CfnBudget.NotificationProperty(
                    comparison_operator="GREATER_THAN",
                    notification_type=kind,
                    threshold=percent,
                    threshold_type="PERCENTAGE",
                ),
                subscribers=[
                    budgets.CfnBudget.SubscriberProperty(address=address, subscription_type=kind_of)
                    for address, kind_of in subscribers.items()
                ],
            )
            for kind, percent in thresholds
        ],
        resource_tags=[budgets.CfnBudget.ResourceTagProperty(key=key, value=tags[key]) for key in sorted(tags)] or None,
    )


def require_dollars(scope: Construct, name: str, value: object) -> None:
    """Refuse what is no amount of money, and money where AWS has no budgets.

    Raises:
        InvalidInput: the property first.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e12:  # noqa: PLR2004
        raise invalid(name, value, allowed="US dollars, more than nothing")
    partition = environment_of(scope).partition
    if known(partition) is not None and partition != "aws":
        raise invalid(name, value, allowed=f"None in {partition}: its costs are counted by a commercial account")
