"""`make drill`: the life of the reference app on an emulated AWS, from the first deployment to the last removal.

It deploys, is interrupted, fails, and deploys again; reads back what stands; updates it; loses its endpoint; goes, and
leaves its records. Everything happens on this machine: see drill/environment.py for what holds it there.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drill import cdk
from drill.calls import assume, attempt, converse
from drill.cloud import Cloud, emulated
from drill.demo import outputs_of
from drill.deployment import AUDIT, BUCKET, Deployment
from drill.environment import end_on_signals
from drill.facts import Fact, Reading, every_fact, read, so
from drill.rows import MODEL, function_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: Somebody else's setting of invocation logging, which the audit must not overwrite.
THEIRS = {"s3Config": {"bucketName": "theirs", "keyPrefix": ""}, "textDataDeliveryEnabled": True}
RECORD = "AWSLogs/record"
REVIEWED = "REVIEW_IN_PROGRESS"

NOT_TESTED = (
    "how long AWS takes, and what it throttles",
    "`cdk deploy --revert-drift`, which puts back a removed endpoint on AWS: the emulator detects no drift",
    "AWS's own rules on passing roles, key policies and service quotas while deploying",
    "flow logs, anomaly models and other resources that the emulator takes and does not run",
)


@dataclass
class Drill:
    """One run.

    Attributes:
        cloud: the emulated AWS.
        room: the folder of this run.
        assembly: the synthesized app.
        readings: every fact that was read.
    """

    cloud: Cloud
    room: Path
    assembly: str = ""
    began: float = field(default_factory=time.monotonic)
    readings: list[Reading] = field(default_factory=list)

    def say(self, text: str) -> None:
        """Tell how far the drill is."""
        print(f"{time.monotonic() - self.began:5.1f} s  {text}", flush=True)

    def check(self, title: str, facts: Iterable[Fact]) -> None:
        """Read facts, and print them."""
        found = read(facts)
        self.readings += found
        self.say(f"{title}: {sum(each.holds for each in found)} of {len(found)} facts")
        for each in found:
            mark = "   " if each.holds else " ! "
            print(f"       {mark}{each.fact.name}: {_short(each.found)}")
            if not each.holds:
                print(f"          expected {_short(each.fact.expected)}")

    def synthesize(self, **context: str) -> None:
        """Synthesize the app anew."""
        root = self.cloud.client("organizations").list_roots()["Roots"][0]["Id"]
        self.assembly = cdk.synthesize(
            self.cloud, self.room, f"{sys.executable} -m drill.app", {"root": root, **context}
        )

    def deploy(self) -> None:
        """Deploy all of it."""
        cdk.deploy(self.cloud, self.room, self.assembly, report=lambda stack: self.say(f"  {stack}"))

    @property
    def declared(self) -> tuple[str, ...]:
        """The stacks of the app."""
        templates = (self.room / "cdk.out").glob("*.template.json")
        return tuple(sorted(path.name.removesuffix(".template.json") for path in templates))

    def stacks(self) -> dict[str, str]:
        """The stacks that stand, and their status."""
        found = self.cloud.client("cloudformation").describe_stacks()["Stacks"]
        return {stack["StackName"]: stack["StackStatus"] for stack in found if stack["StackName"] != "CDKToolkit"}

    def logging(self) -> Any:  # noqa: ANN401 - a record of the API
        """The account's setting of invocation logging."""
        return self.cloud.client("bedrock").get_model_invocation_logging_configuration().get("loggingConfig")

    def asks(self) -> tuple[bool, str]:
        """Let the function ask: whether it was answered, and what refused it."""
        outcome = attempt(function_call(self.cloud, outputs_of(self.cloud)["Function"]))
        return outcome.allowed, "OffNetwork" if "OffNetwork" in outcome.message else outcome.decided_by


def interrupted(drill: Drill) -> None:
    """The CLI is killed when the first stack is done; CloudFormation goes on with what was asked of it."""
    cdk.bootstrap(drill.cloud, drill.room)
    drill.say("bootstrapped")
    drill.cloud.client("bedrock").put_model_invocation_logging_configuration(loggingConfig=THEIRS)
    drill.synthesize()
    drill.say("synthesized; somebody has set invocation logging, and the deployment is cut off after its first stack")
    cut: list[str] = []

    def cut_off(stack: str) -> None:
        cut.append(stack)
        raise _CutOffError

    with contextlib.suppress(_CutOffError):
        cdk.deploy(drill.cloud, drill.room, drill.assembly, report=cut_off)
    left = drill.stacks()
    drill.check(
        "interrupted",
        [
            Fact("one stack was reported", 1, lambda: len(cut)),
            so("it stands", lambda: "CREATE_COMPLETE" in left.values()),
            so(
                "the deployment is half done",
                lambda: any(left.get(name) != "CREATE_COMPLETE" for name in drill.declared),
            ),
        ],
    )
    # REVIEW_IN_PROGRESS is a change set that nobody executed: it stays, and the next deployment takes it up.
    while any(status.endswith("_IN_PROGRESS") and status != REVIEWED for status in drill.stacks().values()):
        time.sleep(0.2)


class _CutOffError(Exception):
    """Ends a deployment from within its own report."""


def failing_custom_resource(drill: Drill) -> None:
    """The next deployment finishes what it can; the audit fails, and takes itself back, for it overwrites nothing."""
    said, theirs = "", drill.logging()
    try:
        drill.deploy()
    except cdk.CdkError as error:
        said = str(error)
    trails = drill.cloud.client("cloudtrail")
    drill.check(
        "a custom resource fails",
        [
            so("the CLI says why", lambda: "configured already in this account and Region" in said),
            Fact("the audit took itself back", "ROLLBACK_COMPLETE", lambda: drill.stacks()[AUDIT]),
            Fact(
                "every other stack stands",
                {"CREATE_COMPLETE"},
                lambda: set({**drill.stacks(), AUDIT: "CREATE_COMPLETE"}.values()),
            ),
            so("their setting stays as it was", lambda: drill.logging() == theirs),
            Fact("no trail is left", [], lambda: trails.describe_trails()["trailList"]),
        ],
    )
    drill.cloud.client("bedrock").delete_model_invocation_logging_configuration()


def deployed(drill: Drill) -> None:
    """The same deployment again heals both, and everything stands as it should."""
    drill.deploy()
    outputs = outputs_of(drill.cloud)
    drill.cloud.stand_for(outputs["Endpoint"])
    drill.check("deployed again, read back", every_fact(Deployment(drill.cloud, outputs)))
    drill.check(
        "deployed again, called",
        [
            Fact("every stack stands", drill.declared, lambda: tuple(sorted(drill.stacks()))),
            Fact("every stack is complete", {"CREATE_COMPLETE"}, lambda: set(drill.stacks().values())),
            Fact("the function is answered", (True, "every layer allows"), drill.asks),
            so(
                "the CLI sees no difference between app and deployment",
                lambda: cdk.is_unchanged(drill.cloud, drill.room, drill.assembly),
            ),
        ],
    )


def updated(drill: Drill) -> None:
    """Two values change in two stacks, and nothing else."""
    ids = {name: _id(drill, name) for name in drill.declared}
    before = outputs_of(drill.cloud)
    drill.synthesize(team="search", calls="2000")
    drill.say("synthesized with another team and threshold")
    drill.check(
        "before the update",
        [so("the CLI sees the difference", lambda: not cdk.is_unchanged(drill.cloud, drill.room, drill.assembly))],
    )
    drill.deploy()
    drill.check("updated", every_fact(Deployment(drill.cloud, outputs_of(drill.cloud)), team="search", calls=2000))
    drill.check(
        "after the update",
        [
            so("the stacks are the same ones", lambda: ids == {name: _id(drill, name) for name in drill.declared}),
            so("endpoint, guardrail, function and roles are the same ones", lambda: before == outputs_of(drill.cloud)),
            Fact("the function is answered", (True, "every layer allows"), drill.asks),
        ],
    )


def _id(drill: Drill, stack: str) -> str:
    """The id of a stack, which a replaced one would not keep."""
    return drill.cloud.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["StackId"]


def endpoint_removed(drill: Drill) -> None:
    """Somebody deletes the endpoint by hand: nobody gets through, and an unchanged deployment does not see it."""
    cloud, outputs = drill.cloud, outputs_of(drill.cloud)
    port = next(port for port in cloud.endpoint_ports if str(port) in cloud.standing())
    cloud.client("ec2").delete_vpc_endpoints(VpcEndpointIds=[outputs["Endpoint"]])
    cloud.stand_down(port)
    friend = cloud.client("bedrock-runtime", assume(cloud, outputs["Friend"]))
    guardrail = (outputs["GuardrailId"], outputs["GuardrailVersion"])
    endpoints = cloud.client("ec2").describe_vpc_endpoints
    said = cdk.deploy(cloud, drill.room, drill.assembly)
    drill.check(
        "the endpoint is removed by hand",
        [
            Fact("the function is refused, not led around it", (False, "OffNetwork"), drill.asks),
            so("so is the role", lambda: "OffNetwork" in attempt(converse(friend, MODEL, guardrail)).decided_by),
            so("an unchanged deployment changes nothing", lambda: said.count("(no changes)") == len(drill.declared)),
            Fact("and does not put the endpoint back", [], lambda: endpoints()["VpcEndpoints"]),
        ],
    )


def destroyed(drill: Drill) -> None:
    """Everything goes but the records."""
    s3, logs = drill.cloud.client("s3"), drill.cloud.client("logs")
    s3.put_object(Bucket=BUCKET, Key=RECORD, Body=b"{}")
    cdk.destroy(drill.cloud, drill.room, drill.assembly)
    groups = {group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]}
    drill.check(
        "destroyed",
        [
            Fact("no stack is left", {}, drill.stacks),
            Fact("the records are there", b"{}", lambda: _body(s3)),
            so("so is the log of the trail", lambda: "/secure-bedrock/audit/trail" in groups),
            so("so are prompts and answers", lambda: "/secure-bedrock/audit/invocations" in groups),
            so("invocation logging goes on", lambda: bool(drill.logging())),
            Fact("no guardrail is left", [], lambda: drill.cloud.client("bedrock").list_guardrails()["guardrails"]),
            Fact("no trail is left", [], lambda: drill.cloud.client("cloudtrail").describe_trails()["trailList"]),
        ],
    )


def _body(s3: Any) -> bytes:  # noqa: ANN401 - boto3's clients have no types
    return s3.get_object(Bucket=BUCKET, Key=RECORD)["Body"].read()


def begun_anew(drill: Drill) -> None:
    """Once the records are moved away, the same deployment makes everything again, the endpoint too."""
    _move_records_away(drill.cloud)
    drill.deploy()
    outputs = outputs_of(drill.cloud)
    drill.cloud.stand_for(outputs["Endpoint"])
    drill.check("begun anew", every_fact(Deployment(drill.cloud, outputs), team="search", calls=2000))
    drill.check("begun anew, called", [Fact("the function is answered", (True, "every layer allows"), drill.asks)])


def _move_records_away(cloud: Cloud) -> None:
    """What a removal keeps has literal names, which a second deployment would meet."""
    s3, logs, iam = cloud.client("s3"), cloud.client("logs"), cloud.client("iam")
    for version in s3.list_object_versions(Bucket=BUCKET).get("Versions", []):
        s3.delete_object(Bucket=BUCKET, Key=version["Key"], VersionId=version["VersionId"])
    s3.delete_bucket(Bucket=BUCKET)
    for group in logs.describe_log_groups(logGroupNamePrefix="/secure-bedrock/audit/")["logGroups"]:
        logs.delete_log_group(logGroupName=group["logGroupName"])
    for role in iam.list_roles(PathPrefix="/secure-bedrock/")["Roles"]:
        for policy in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]:
            iam.delete_role_policy(RoleName=role["RoleName"], PolicyName=policy)
        iam.delete_role(RoleName=role["RoleName"])
    cloud.client("bedrock").delete_model_invocation_logging_configuration()


STEPS: dict[str, Callable[[Drill], None]] = {
    step.__name__: step
    for step in (interrupted, failing_custom_resource, deployed, updated, endpoint_removed, destroyed, begun_anew)
}


def main() -> int:
    """Run the drill; 1 where any fact is otherwise than expected."""
    parser = argparse.ArgumentParser(
        prog="python -m drill.drill", description="The life of the reference app, emulated."
    )
    parser.add_argument("--until", choices=list(STEPS), help="the last step to take; by default all are")
    until = parser.parse_args().until
    end_on_signals()
    with tempfile.TemporaryDirectory(prefix="secure-bedrock-") as folder:
        room = Path(folder)
        with emulated(room / "emulator.log") as cloud:
            drill = Drill(cloud, room)
            drill.say(f"emulated AWS on loopback, port {cloud.port}")
            for name, step in STEPS.items():
                step(drill)
                if name == until:
                    break
    wrong = [each for each in drill.readings if not each.holds]
    print("\nNot tested here: " + "; ".join(NOT_TESTED) + ".")
    print(
        f"{len(drill.readings)} facts, {len(wrong)} otherwise than expected; "
        f"{time.monotonic() - drill.began:.0f} s in all"
    )
    return 1 if wrong else 0


def _short(value: object) -> str:
    text = repr(sorted(value, key=str) if isinstance(value, set) else value)
    return text if len(text) <= 100 else f"{text[:97]}..."  # noqa: PLR2004 - a line


if __name__ == "__main__":
    sys.exit(main())
