"""What `cdk.json` may say of a team's project."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ProjectConfiguration:
    """A project of the team, with profiles of its own; see `BedrockProject` for each of these.

    Its name, team and models are those of the deployment.

    Attributes:
        cost_center: value of the tag `cost-center`.
        monthly_budget: whole US dollars a month; None for no budget.
        cost_anomaly: whole US dollars by which costs must be unusual to be told; None for no such monitor.
        notify: e-mail addresses that are told; None for nobody.
        suspended: stops every Bedrock call of the project.
        revoke_sessions_before: an ISO 8601 time; older sessions are denied everything.
    """

    cost_center: str
    monthly_budget: int | None = None
    cost_anomaly: int | None = None
    notify: tuple[str, ...] | None = None
    suspended: bool = False
    revoke_sessions_before: str | None = None
