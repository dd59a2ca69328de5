"""`make demo`: deploy the reference app to an emulated AWS, and call Bedrock as friend and as stranger.

Everything happens on this machine: the real CDK CLI deploys, boto3 signs, the emulator authenticates,
and the deployed policies decide.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from drill import cdk
from drill.app import CALLERS
from drill.calls import Outcome, attempt
from drill.cloud import Cloud, emulated
from drill.environment import end_on_signals
from drill.rows import Row, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

NOT_TESTED = (
    "the application's network: security groups, routing and name resolution (a port stands for the endpoint)",
    "the guardrail's filters, and AWS's own answers",
    "Bedrock API keys: the emulator refuses every bearer token, whatever the policies say",
    "resource control policies, and how accounts inherit service control policies (there is one account, and its root)",
    "whether AWS puts the keys of network and guardrail on each authorisation of a profile: it does not say",
    "the end of a live session by age, 15 minutes at the least",
    "delivery of the trail's events, and so the alarms on them",
    "EventBridge's use of its role, of the topic's key and of the queue for what it could not deliver; other Regions",
)


def main() -> int:
    """Run the demo; 1 where anything went otherwise than expected."""
    end_on_signals()
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:5.1f} s  {text}", flush=True)

    with tempfile.TemporaryDirectory(prefix="secure-bedrock-") as folder:
        room = Path(folder)
        with emulated(room / "emulator.log") as cloud:
            say("emulated AWS on loopback")
            cdk.bootstrap(cloud, room)
            say("bootstrapped; the CDK CLI deploys the reference app")
            deploy(cloud, room, report=say)
            say("deployed; friend and stranger call Bedrock")

            def revoke(moment: str) -> None:
                say(f"every session of the leaver's role issued before {moment} is revoked by a deployment")
                deploy(cloud, room, callers_only=True, context={"revoke": moment}, report=say)

            wrong = show(rows(cloud, outputs_of(cloud), revoke))
    print("\nNot tested here: " + "; ".join(NOT_TESTED) + ".")
    print(f"{time.monotonic() - began:.0f} s in all")
    return 1 if wrong else 0


def deploy(
    cloud: Cloud,
    room: Path,
    *,
    callers_only: bool = False,
    context: dict[str, str] | None = None,
    report: Callable[[str], None] | None = None,
) -> None:
    """Deploy the reference app, its callers, and the organisation's guard rails onto the emulated root."""
    root = cloud.client("organizations").list_roots()["Roots"][0]["Id"]
    cdk.deploy(
        cloud,
        room,
        f"{sys.executable} -m drill.app",
        stacks=(CALLERS,) if callers_only else (),
        context={"root": root, **(context or {})},
        report=report,
    )


def outputs_of(cloud: Cloud) -> dict[str, str]:
    """Return what the callers' stack says of the deployment."""
    stack = cloud.client("cloudformation").describe_stacks(StackName=CALLERS)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def show(calls: Iterable[Row]) -> int:
    """Make every call before the next one is asked for, print the table, and return how many went otherwise."""
    made = [(row, attempt(row.call)) for row in calls]
    good = [_as_expected(row, outcome) for row, outcome in made]
    lines = [
        (row.who, row.how, "refused" if row.refused_by else "allowed", _word(outcome), outcome.decided_by)
        for row, outcome in made
    ]
    table = [("who", "how", "expected", "happened", "decided by"), *lines]
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    print()
    for index, line in enumerate(table):
        mark = "  " if index == 0 or good[index - 1] else "! "
        print(mark + "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())
    for (row, outcome), right in zip(made, good, strict=True):
        if not right:
            print(f"! {row.who}, {row.how}: expected {row.refused_by or 'an answer'}, got {outcome.message}")
    refused = sum(1 for row, _ in made if row.refused_by)
    print(f"\n{len(made)} calls, {good.count(True)} as expected; {refused} must be refused, each by the layer named")
    return good.count(False)


def _as_expected(row: Row, outcome: Outcome) -> bool:
    if row.refused_by is None:
        return outcome.allowed
    return not outcome.allowed and row.refused_by in outcome.decided_by


def _word(outcome: Outcome) -> str:
    return "allowed" if outcome.allowed else "refused"


if __name__ == "__main__":
    sys.exit(main())
