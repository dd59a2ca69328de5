"""The detections of this library, over CloudTrail's records in one multi-Region log group.

Shapes of the records: Amazon Bedrock User Guide, "Monitor Amazon Bedrock API calls using CloudTrail"; CloudTrail User
Guide, "Network activity events" and "userIdentity element".
"""

from __future__ import annotations

from collections.abc import Callable

from secure_bedrock.detections.detection import Detection, Normal, Records, Severity
from secure_bedrock.detections.patterns import absent, all_of, any_of, equals, is_true, none_of, one_of

_BEDROCK = equals("eventSource", "bedrock*")
#: Inference in all its forms; on bedrock-mantle it is a data event.
INFERENCE = all_of(_BEDROCK, one_of("eventName", ("InvokeModel*", "Converse*", "StartAsyncInvoke", "CreateInference")))
_DENIED = equals("errorCode", "AccessDenied*")


def _not_via_endpoint(normal: Normal) -> str | None:
    if not normal.endpoints:
        return None
    elsewhere = any_of(absent("vpcEndpointId"), none_of("vpcEndpointId", normal.endpoints))
    return all_of(INFERENCE, absent("errorCode"), absent("userIdentity.invokedBy"), elsewhere)


def _other_region(normal: Normal) -> str | None:
    return all_of(_BEDROCK, none_of("awsRegion", normal.regions)) if normal.regions else None


def _always(expression: str) -> Callable[[Normal], str | None]:
    return lambda _: expression


CATALOGUE = (
    Detection(
        id="D01",
        name="Inference not through an approved endpoint",
        severity=Severity.HIGH,
        why="The private path was bypassed: stolen credentials, or a client whose DNS does not lead to the endpoint.",
        response="Find the role and the address in the record; suspend the role if nobody knows them.",
        find=_not_via_endpoint,
        needs="approved_endpoints",
    ),
    Detection(
        id="D02",
        name="Access denied on Bedrock, repeatedly",
        severity=Severity.MEDIUM,
        why="Somebody tries what they may not: probing, or a deployment whose policies do not fit.",
        response="Read the message: it names the policy layer. Look for one identity with many models or actions.",
        find=_always(all_of(_BEDROCK, _DENIED)),
        threshold=5,
    ),
    Detection(
        id="D03",
        name="Denied by the organisation's policies",
        severity=Severity.HIGH,
        why="Somebody tries what the organisation forbids: another Region or model, API keys, the audit itself.",
        response="Ask the owner of the identity; without an answer revoke its sessions.",
        find=_always(
            all_of(
                _DENIED,
                one_of(
                    "errorMessage",
                    (
                        "*explicit deny in a service control policy*",
                        "*explicit deny in a resource control policy*",
                    ),
                ),
                _BEDROCK,
            )
        ),
    ),
    Detection(
        id="D04",
        name="Denied by an endpoint's policy",
        severity=Severity.HIGH,
        why="Foreign credentials, or a model nobody declared, inside our network.",
        response="Find the client by its address in the VPC; the identity may belong to another account.",
        find=_always(all_of(equals("errorCode", "VpceAccessDenied"), _BEDROCK)),
        records=Records.NETWORK_ACTIVITY,
    ),
    Detection(
        id="D06",
        name="Throttling surge",
        severity=Severity.MEDIUM,
        why="Somebody burns the quota.",
        response="Group the records by identity and model; suspend the role that is not expected.",
        find=_always(all_of(_BEDROCK, equals("errorCode", "Throttl*"))),
        threshold=20,
    ),
    Detection(
        id="D09",
        name="Invocation logging changed",
        severity=Severity.CRITICAL,
        why="Prompts and answers disappear from the record.",
        response="Set the configuration again, and revoke the sessions of whoever changed it.",
        find=_always(
            one_of(
                "eventName",
                ("PutModelInvocationLoggingConfiguration", "DeleteModelInvocationLoggingConfiguration"),
            )
        ),
    ),
    Detection(
        id="D10",
        name="Guardrail weakened or deleted",
        severity=Severity.HIGH,
        why="A safety control is gone.",
        response="Compare the guardrail with its declaration; deploy it again.",
        find=_always(
            all_of(
                _BEDROCK,
                one_of(
                    "eventName",
                    (
                        "UpdateGuardrail",
                        "DeleteGuardrail",
                        "PutEnforcedGuardrailConfiguration",
                        "DeleteEnforcedGuardrailConfiguration",
                    ),
                ),
            )
        ),
    ),
    Detection(
        id="D11",
        name="The root user uses Bedrock",
        severity=Severity.CRITICAL,
        why="Root has no business here.",
        response="Change the root password, and look for what else it did.",
        find=_always(all_of(_BEDROCK, equals("userIdentity.type", "Root"))),
    ),
    Detection(
        id="D12",
        name="Long-term credentials use Bedrock",
        severity=Severity.HIGH,
        why="Leaked keys are long-term ones; a guarded account has roles only.",
        response="Deactivate the user's keys; find out what they were for.",
        find=_always(all_of(_BEDROCK, equals("userIdentity.type", "IAMUser"))),
    ),
    Detection(
        id="D13",
        name="A Bedrock API key is created",
        severity=Severity.HIGH,
        why="A long-lived secret that works from anywhere, and an IAM user nobody sees.",
        response="Delete the credential and its user; ask why a role did not do.",
        find=_always(
            all_of(
                equals("eventSource", "iam.amazonaws.com"),
                any_of(
                    all_of(
                        one_of(
                            "eventName",
                            (
                                "CreateServiceSpecificCredential",
                                "ResetServiceSpecificCredential",
                                "UpdateServiceSpecificCredential",
                            ),
                        ),
                        any_of(
                            equals("requestParameters.serviceName", "bedrock.amazonaws.com"),
                            equals("requestParameters.userName", "BedrockAPIKey-*"),
                        ),
                    ),
                    all_of(
                        equals("eventName", "CreateUser"),
                        equals("requestParameters.userName", "BedrockAPIKey-*"),
                    ),
                ),
            )
        ),
    ),
    Detection(
        id="D14",
        name="A Bedrock API key is used",
        severity=Severity.HIGH,
        why="Bearer tokens can be replayed from anywhere.",
        response="Find the role or user behind it; revoke its sessions, or delete the credential.",
        find=_always(
            all_of(
                _BEDROCK,
                any_of(
                    is_true("additionalEventData.callWithBearerToken"),
                    is_true("requestParameters.callWithBearerToken"),
                ),
            )
        ),
    ),
    Detection(
        id="D17",
        name="Bedrock in another Region",
        severity=Severity.HIGH,
        why="Whoever has stolen credentials tries every Region.",
        response="Revoke the sessions of the identity; put the organisation's policies on the account.",
        find=_other_region,
        needs="approved_regions",
    ),
    Detection(
        id="D19",
        name="The audit trail is tampered with",
        severity=Severity.CRITICAL,
        why="Blindness comes before the theft.",
        response="Start logging again, and revoke the sessions of whoever stopped it.",
        find=_always(
            all_of(
                equals("eventSource", "cloudtrail.amazonaws.com"),
                one_of(
                    "eventName",
                    ("StopLogging", "DeleteTrail", "UpdateTrail", "PutEventSelectors", "PutInsightSelectors"),
                ),
            )
        ),
    ),
)
