"""`make demo`: deploy the reference app to an emulated AWS, and call Bedrock as friend and as stranger.

Everything happens on this machine: the real CDK CLI deploys, boto3 signs, the emulator authenticates,
and the deployed policies decide.
"""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drill import cdk
from drill.app import CALLERS
from drill.calls import Outcome, assume, attempt, bare, converse, converse_stream, signed_long_ago
from drill.cloud import Cloud, emulated
from drill.environment import REGION
from reference.configuration import Configuration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MODEL = Configuration().models[0]
OTHER_MODEL = "eu.amazon.nova-pro-v1:0"
UNAPPROVED_MODEL = "anthropic.claude-3-haiku-20240307-v1:0"

_CALLERS = ("Friend", "Widened", "Suspended", "Stranger", "Administrator")
_EVERYTHING_OF_BEDROCK = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "bedrock:*", "Resource": "*"}],
}

NOT_TESTED = (
    "the application's network: security groups, routing and name resolution (a port stands for the endpoint)",
    "the guardrail's filters, and AWS's own answers",
    "Bedrock API keys: the emulator refuses every bearer token",
    "resource control policies, and how accounts inherit service control policies (there is one account, and its root)",
    "delivery of the trail's events, and so the alarms on them",
)


@dataclass(frozen=True)
class Row:
    """One call: who, how, what should happen, which layer should refuse it."""

    who: str
    how: str
    call: Callable[[], object]
    refused_by: str | None = None


def main() -> int:
    """Run the demo; 1 where anything went otherwise than expected."""
    _end_on_signals()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="secure-bedrock-") as folder:
        room = Path(folder)
        with emulated(room / "emulator.log") as cloud:
            _say(began, "emulated AWS on loopback")
            cdk.bootstrap(cloud, room)
            _say(began, "bootstrapped")
            deploy(cloud, room)
            _say(began, "reference app deployed by the CDK CLI")
            wrong = _show(list(_rows(cloud, _outputs(cloud))))
    print("\nNot tested here: " + "; ".join(NOT_TESTED) + ".")
    print(f"{time.monotonic() - began:.0f} s in all")
    return 1 if wrong else 0


def _end_on_signals() -> None:
    """Leave as after Ctrl-C, so that the emulator stops; a hang-up that nohup ignores stays ignored."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(ending) is not signal.SIG_IGN:
            signal.signal(ending, lambda number, _: sys.exit(128 + number))


def deploy(cloud: Cloud, room: Path) -> None:
    """Deploy the reference app, its callers, and the organisation's guard rails onto the emulated root."""
    root = cloud.client("organizations").list_roots()["Roots"][0]["Id"]
    cdk.deploy(cloud, room, f"{sys.executable} -m drill.app", context={"root": root})


def _rows(cloud: Cloud, outputs: dict[str, str]) -> Iterator[Row]:
    private = cloud.stand_for(outputs["Endpoint"])
    guardrail = (outputs["GuardrailId"], outputs["GuardrailVersion"])
    caller = {name: assume(cloud, outputs[name]) for name in _CALLERS} | {"User": _user(cloud)}

    def client(name: str, port: int, **changed: str) -> Any:  # noqa: ANN401 - boto3's clients have no types
        return cloud.client("bedrock-runtime", {**caller[name], **changed}, port=port)

    friend, outside = client("Friend", private), client("Friend", cloud.port)
    forged = client("Friend", private, aws_secret_access_key="forged")  # noqa: S106 - that is the point
    yield Row("allowed role", "through the endpoint", converse(friend, MODEL, guardrail))
    yield Row("allowed role", "the same, streamed", converse_stream(friend, MODEL, guardrail))
    yield Row("the function", "deployed, through the endpoint", _function(cloud, outputs["Function"]))
    yield Row("allowed role", "another model", converse(friend, OTHER_MODEL, guardrail), "OtherModels")
    yield Row("allowed role", "another model, streamed", converse_stream(friend, OTHER_MODEL, guardrail), "OtherModels")
    yield Row("allowed role", "without the endpoint", converse(outside, MODEL, guardrail), "OffNetwork")
    yield Row("allowed role", "without the guardrail", converse(friend, MODEL, None), "WithoutGuardrail")
    yield Row(
        "allowed role", "the guardrail's draft", converse(friend, MODEL, (guardrail[0], "DRAFT")), "WithoutGuardrail"
    )
    yield Row("allowed role", "another guardrail", converse(friend, MODEL, _guardrail(cloud)), "WithoutGuardrail")
    yield Row(
        "allowed role", "the model without its profile", converse(friend, MODEL[3:], guardrail), "OnlyThroughProfile1"
    )
    elsewhere = client("Friend", cloud.stand_for(_open_endpoint(cloud, outputs["Vpc"])))
    yield Row("allowed role", "through another endpoint", converse(elsewhere, MODEL, guardrail), "OffNetwork")
    suspended = client("Suspended", private)
    yield Row("suspended role", "through the endpoint", converse(suspended, MODEL, guardrail), "Suspended")
    stranger = client("Stranger", cloud.port)
    yield Row("role without a policy", "public path", converse(stranger, MODEL, guardrail), "identity-based policy")
    inside = client("Stranger", private)
    yield Row(
        "role without a policy", "through the endpoint", converse(inside, MODEL, guardrail), "VPC endpoint policy"
    )
    intruder = client("Administrator", private)
    yield Row(
        "role with bedrock:*", "through the endpoint", converse(intruder, MODEL, guardrail), "VPC endpoint policy"
    )
    widened = client("Widened", cloud.port)
    yield Row("scoped role + bedrock:*", "public path", converse(widened, MODEL, guardrail), "OffNetwork")
    yield Row("scoped role + bedrock:*", "another model", converse(widened, OTHER_MODEL, guardrail), "OtherModels")
    user = client("User", private)
    yield Row("IAM user's access key", "through the endpoint", converse(user, MODEL, guardrail), "VPC endpoint policy")
    administrator = client("Administrator", cloud.port)
    yield Row("role with bedrock:*", "public path", converse(administrator, MODEL, None))
    denied = converse(administrator, UNAPPROVED_MODEL, None)
    yield Row("role with bedrock:*", "a model the organisation denies", denied, "service control policy (Models)")
    anywhere = converse(administrator, MODEL.replace("eu.", "global."), None)
    yield Row("role with bedrock:*", "a global profile", anywhere, "service control policy")
    yield Row("forger", "wrong secret key", converse(forged, MODEL, guardrail), "InvalidSignatureException")
    late = signed_long_ago(converse(friend, MODEL, guardrail))
    yield Row("replayer", "signature of two hours ago", late, "InvalidSignatureException")
    yield Row("nobody", "unsigned", bare(private, MODEL), "MissingAuthenticationTokenException")


def _user(cloud: Cloud) -> dict[str, str]:
    """Long-term credentials of an IAM user who may do everything on Bedrock."""
    iam, name = cloud.client("iam"), f"drill-user-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="everything", PolicyDocument=json.dumps(_EVERYTHING_OF_BEDROCK))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


def _guardrail(cloud: Cloud) -> tuple[str, str]:
    """A published guardrail of somebody else's."""
    bedrock, refusal = cloud.client("bedrock"), "This request is not allowed."
    made = bedrock.create_guardrail(
        name=f"drill-{uuid.uuid4().hex[:8]}", blockedInputMessaging=refusal, blockedOutputsMessaging=refusal
    )["guardrailId"]
    return made, bedrock.create_guardrail_version(guardrailIdentifier=made)["version"]


def _open_endpoint(cloud: Cloud, vpc: str) -> str:
    """Another endpoint of the same VPC, which somebody made without a policy: it lets everything through."""
    service = f"com.amazonaws.{REGION}.bedrock-runtime"
    made = cloud.client("ec2").create_vpc_endpoint(VpcId=vpc, ServiceName=service, VpcEndpointType="Interface")
    return made["VpcEndpoint"]["VpcEndpointId"]


def _function(cloud: Cloud, name: str) -> Callable[[], object]:
    """The deployed function, as it is: the VPC's private DNS leads it to the endpoint."""

    def invoke() -> object:
        answer = cloud.client("lambda").invoke(
            FunctionName=name, Payload=json.dumps({"question": "Who are you?"}).encode()
        )
        body = json.load(answer["Payload"])
        if "answer" not in body:
            raise RuntimeError(f"the function failed: {body}")
        return body

    return invoke


def _show(rows: list[Row]) -> int:
    """Make every call, print the table, and return how many went otherwise than expected."""
    outcomes = [attempt(row.call) for row in rows]
    good = [_as_expected(row, outcome) for row, outcome in zip(rows, outcomes, strict=True)]
    lines = [
        (row.who, row.how, "refused" if row.refused_by else "allowed", _word(outcome), outcome.decided_by)
        for row, outcome in zip(rows, outcomes, strict=True)
    ]
    table = [("who", "how", "expected", "happened", "decided by"), *lines]
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    print()
    for index, line in enumerate(table):
        mark = "  " if index == 0 or good[index - 1] else "! "
        print(mark + "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())
    for row, outcome, right in zip(rows, outcomes, good, strict=True):
        if not right:
            print(f"! {row.who}, {row.how}: expected {row.refused_by or 'an answer'}, got {outcome.message}")
    return good.count(False)


def _as_expected(row: Row, outcome: Outcome) -> bool:
    if row.refused_by is None:
        return outcome.allowed
    return not outcome.allowed and row.refused_by in outcome.decided_by


def _word(outcome: Outcome) -> str:
    return "allowed" if outcome.allowed else "refused"


def _outputs(cloud: Cloud) -> dict[str, str]:
    stack = cloud.client("cloudformation").describe_stacks(StackName=CALLERS)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def _say(began: float, text: str) -> None:
    print(f"{time.monotonic() - began:5.1f} s  {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
