"""The calls of the demo: who, how, what should become of them, and which policy should refuse them."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from drill.calls import assume, bare, converse, converse_stream, signed_long_ago
from drill.environment import REGION
from reference.configuration import Configuration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from drill.cloud import Cloud

MODEL = Configuration().models[0]
OTHER_MODEL = "eu.amazon.nova-pro-v1:0"
UNAPPROVED_MODEL = "anthropic.claude-3-haiku-20240307-v1:0"
OTHER_REGION = "us-east-1"

_EVERYTHING_OF_BEDROCK = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "bedrock:*", "Resource": "*"}],
}


@dataclass(frozen=True)
class Row:
    """One call: who, how, what should happen, which layer should refuse it."""

    who: str
    how: str
    call: Callable[[], object]
    refused_by: str | None = None


@dataclass(frozen=True)
class Stage:
    """Where the calls are made.

    Attributes:
        cloud: the emulated AWS.
        outputs: what the callers' stack says of the deployment.
        private: the port that stands for the deployed endpoint.
    """

    cloud: Cloud
    outputs: dict[str, str]
    private: int

    @property
    def guardrail(self) -> tuple[str, str]:
        """Id and version of the application's guardrail."""
        return self.outputs["GuardrailId"], self.outputs["GuardrailVersion"]

    def caller(self, name: str, *, port: int | None = None, region: str = REGION) -> Any:  # noqa: ANN401 - boto3
        """Return a client of a new session of one of the deployed roles; on the public path where no port is given."""
        credentials = assume(self.cloud, self.outputs[name])
        return self.cloud.client("bedrock-runtime", credentials, port=port, region=region)


def rows(cloud: Cloud, outputs: dict[str, str], revoke: Callable[[str], None]) -> Iterator[Row]:
    """Yield the calls; each must be made before the next one is asked for, because the deployment changes in between.

    Args:
        cloud: the emulated AWS.
        outputs: of the callers' stack.
        revoke: deploys again, and revokes the leaver's sessions issued before a time in ISO 8601.
    """
    stage = Stage(cloud, outputs, cloud.stand_for(outputs["Endpoint"]))
    yield from _of_the_application(stage)
    yield from _of_the_application_gone_astray(stage)
    yield from _of_others(stage)
    yield from _under_the_organisation(stage)
    yield from _of_forgers(stage)
    yield from _of_a_leaver(stage, revoke)


def _of_the_application(stage: Stage) -> Iterator[Row]:
    friend = stage.caller("Friend", port=stage.private)
    yield Row("allowed role", "through the endpoint", converse(friend, MODEL, stage.guardrail))
    yield Row("allowed role", "the same, streamed", converse_stream(friend, MODEL, stage.guardrail))
    yield Row("the function", "deployed, through the endpoint", function_call(stage.cloud, stage.outputs["Function"]))


def _of_the_application_gone_astray(stage: Stage) -> Iterator[Row]:
    cloud, guardrail = stage.cloud, stage.guardrail
    friend, outside = stage.caller("Friend", port=stage.private), stage.caller("Friend")
    yield Row("allowed role", "another model", converse(friend, OTHER_MODEL, guardrail), "OtherModels")
    yield Row("allowed role", "another model, streamed", converse_stream(friend, OTHER_MODEL, guardrail), "OtherModels")
    yield Row("allowed role", "without the endpoint", converse(outside, MODEL, guardrail), "OffNetwork")
    elsewhere = stage.caller("Friend", port=cloud.stand_for(_open_endpoint(cloud, stage.outputs["Vpc"])))
    yield Row("allowed role", "through another endpoint", converse(elsewhere, MODEL, guardrail), "OffNetwork")
    yield Row("allowed role", "without the guardrail", converse(friend, MODEL, None), "WithoutGuardrail")
    draft = (guardrail[0], "DRAFT")
    yield Row("allowed role", "the guardrail's draft", converse(friend, MODEL, draft), "WithoutGuardrail")
    yield Row("allowed role", "another guardrail", converse(friend, MODEL, _guardrail(cloud)), "WithoutGuardrail")
    unrouted = converse(friend, MODEL.removeprefix("eu."), guardrail)
    yield Row("allowed role", "the model without its profile", unrouted, "OnlyThroughProfile1")
    suspended = stage.caller("Suspended", port=stage.private)
    yield Row("suspended role", "through the endpoint", converse(suspended, MODEL, guardrail), "Suspended")
    widened = stage.caller("Widened")
    yield Row("scoped role + bedrock:*", "public path", converse(widened, MODEL, guardrail), "OffNetwork")
    yield Row("scoped role + bedrock:*", "another model", converse(widened, OTHER_MODEL, guardrail), "OtherModels")


def _of_others(stage: Stage) -> Iterator[Row]:
    guardrail, refused = stage.guardrail, "VPC endpoint policy"
    outside, inside = stage.caller("Stranger"), stage.caller("Stranger", port=stage.private)
    yield Row("role without a policy", "public path", converse(outside, MODEL, guardrail), "identity-based policy")
    yield Row("role without a policy", "through the endpoint", converse(inside, MODEL, guardrail), refused)
    intruder = stage.caller("Administrator", port=stage.private)
    yield Row("role with bedrock:*", "through the endpoint", converse(intruder, MODEL, guardrail), refused)
    user = stage.cloud.client("bedrock-runtime", _user(stage.cloud), port=stage.private)
    yield Row("IAM user's access key", "through the endpoint", converse(user, MODEL, guardrail), refused)


def _under_the_organisation(stage: Stage) -> Iterator[Row]:
    administrator, abroad = stage.caller("Administrator"), stage.caller("Administrator", region=OTHER_REGION)
    yield Row("role with bedrock:*", "public path", converse(administrator, MODEL, None))
    denied = converse(administrator, UNAPPROVED_MODEL, None)
    yield Row("role with bedrock:*", "a model the organisation denies", denied, "service control policy (Models)")
    anywhere = converse(administrator, MODEL.replace("eu.", "global."), None)
    yield Row("role with bedrock:*", "a global profile", anywhere, "service control policy (GlobalProfiles)")
    there = converse(abroad, MODEL.removeprefix("eu."), None)
    yield Row("role with bedrock:*", "another Region", there, "service control policy (Regions)")


def _of_forgers(stage: Stage) -> Iterator[Row]:
    cloud, guardrail = stage.cloud, stage.guardrail
    stolen = assume(cloud, stage.outputs["Friend"])
    friend = stage.caller("Friend", port=stage.private)

    def forged(**changed: str | None) -> Callable[[], object]:
        credentials = {name: value for name, value in {**stolen, **changed}.items() if value is not None}
        return converse(cloud.client("bedrock-runtime", credentials, port=stage.private), MODEL, guardrail)

    wrong = forged(aws_secret_access_key="forged")  # noqa: S106 - that is the point
    yield Row("forger", "wrong secret key", wrong, "InvalidSignatureException")
    yield Row("thief", "a session's key without its token", forged(aws_session_token=None), "UnrecognizedClient")
    late = signed_long_ago(converse(friend, MODEL, guardrail))
    yield Row("replayer", "signature of two hours ago", late, "InvalidSignatureException")
    yield Row("nobody", "unsigned", bare(stage.private, MODEL), "MissingAuthenticationTokenException")


def _of_a_leaver(stage: Stage, revoke: Callable[[str], None]) -> Iterator[Row]:
    old = stage.caller("Leaver", port=stage.private)
    yield Row("leaver's session", "through the endpoint", converse(old, MODEL, stage.guardrail))
    time.sleep(1.1)  # issue times have no fractions
    revoke(datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    yield Row("leaver's session", "after its revocation", converse(old, MODEL, stage.guardrail), "RevokedSessions")
    new = stage.caller("Leaver", port=stage.private)
    yield Row("leaver's successor", "a new session of that role", converse(new, MODEL, stage.guardrail))


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


def function_call(cloud: Cloud, name: str) -> Callable[[], object]:
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
