"""How a policy of the organisation is put over an account, and taken away."""

from __future__ import annotations

from secure_bedrock.incident.plan import Document, Step, aws, from_file, unknown
from secure_bedrock.policy.containment import CONTAINMENT_POLICY
from secure_bedrock.policy.document import Policy


def attached(policy: Policy, target: str | None) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """Return how a policy of the organisation is put over a target, and taken away."""
    if target is None:
        return (), ()
    document = Document(name="incident-scp.json", policy=policy)
    made = (
        "organizations", "create-policy", "--type", "SERVICE_CONTROL_POLICY", "--name", CONTAINMENT_POLICY,
        "--description", "incident", "--content", from_file(document),
    )  # fmt: skip
    place = ("--policy-id", unknown("POLICY_ID"))
    attach = Step(
        title=f"Put a policy of the organisation over {target}",
        why="From the management account. What else is attached stays, and nothing in the accounts undoes it",
        commands=(aws(*made), aws("organizations", "attach-policy", *place, "--target-id", target)),
        document=document,
    )
    detach = Step(
        title="Take the policy of the organisation away",
        why="From the management account",
        commands=(
            aws("organizations", "detach-policy", *place, "--target-id", target),
            aws("organizations", "delete-policy", *place),
        ),
    )
    return (attach,), (detach,)
