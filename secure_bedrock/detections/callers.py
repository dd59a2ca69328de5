"""Detections over calls: who calls Bedrock, from where, with which credentials, and what for."""

from __future__ import annotations

from secure_bedrock.detections.detection import Detection, Normal, Records, Route, Severity
from secure_bedrock.detections.expressions import Expression, absent, all_of, any_of, equals, none_of, one_of
from secure_bedrock.detections.vocabulary import (
    BEDROCK,
    DENIED,
    INFERENCE,
    MANTLE,
    RUNTIME,
    SUCCEEDED,
    WITH_API_KEY,
    always,
    by_others,
    operation,
)

_NO_SERVICE = absent("userIdentity.invokedBy")


def _elsewhere(endpoints: tuple[str, ...]) -> Expression:
    return any_of(absent("vpcEndpointId"), none_of("vpcEndpointId", endpoints))


def _not_via_endpoint(normal: Normal) -> Expression | None:
    if not normal.endpoints:
        return None
    here = (equals("awsRegion", normal.region),) if normal.region else ()
    return all_of(INFERENCE, SUCCEEDED, _NO_SERVICE, *here, _elsewhere(normal.endpoints))


def _on_mantle(normal: Normal) -> Expression:
    found = operation("CreateInference", source=MANTLE)
    if not normal.mantle_models:
        return found
    model = "requestParameters.model"
    return all_of(found, any_of(absent(model), none_of(model, normal.mantle_models)))


def _other_region(normal: Normal) -> Expression | None:
    return all_of(BEDROCK, none_of("awsRegion", normal.regions)) if normal.regions else None


def _other_geography(normal: Normal) -> Expression | None:
    if not normal.regions:
        return None
    # What CloudFormation fills in has no geography to read here: the Region itself is then the only approved one.
    near = tuple(dict.fromkeys(r if "${" in r else f"{r.partition('-')[0]}-*" for r in normal.regions))
    return all_of(RUNTIME, none_of("additionalEventData.inferenceRegion", near))


def _other_account(normal: Normal) -> Expression | None:
    return all_of(BEDROCK, none_of("userIdentity.accountId", normal.accounts)) if normal.accounts else None


def _other_model(normal: Normal) -> Expression | None:
    if not normal.models:
        return None
    ends = tuple(f"*{model}" for model in normal.models)
    return all_of(
        RUNTIME,
        one_of("eventName", ("InvokeModel*", "Converse*", "StartAsyncInvoke")),
        SUCCEEDED,
        none_of("requestParameters.modelId", ends),
    )


def _instance_credentials_elsewhere(normal: Normal) -> Expression | None:
    if not normal.endpoints:
        return None
    delivered = one_of("userIdentity.sessionContext.ec2RoleDelivery", ("1.0", "2.0"))
    return all_of(INFERENCE, delivered, _NO_SERVICE, _elsewhere(normal.endpoints))


CALLS = (
    Detection(
        id="D01",
        name="Inference not through an approved endpoint",
        severity=Severity.HIGH,
        technique="T1496.004",
        why="The private path was bypassed: stolen credentials, or a client whose DNS does not lead to the endpoint.",
        runbook=(
            "Find role and address in the record; suspend the role if nobody knows them.",
            "If the address is ours, look at private DNS in that VPC.",
        ),
        blind="Calls an AWS service makes for you (they have no endpoint), and calls of other accounts.",
        find=_not_via_endpoint,
        needs="approved_endpoints",
        routes=Route.FILTER,
    ),
    Detection(
        id="D02",
        name="Access denied on Bedrock, repeatedly",
        severity=Severity.MEDIUM,
        technique="T1078.004",
        why="Somebody tries what they may not: probing, or a deployment whose policies do not fit.",
        runbook=(
            "Read the message: it names the policy layer.",
            "Look for one identity with many models or actions.",
        ),
        blind="A slow probe, fewer than five in five minutes; denials by an endpoint's policy (D04).",
        find=always(all_of(BEDROCK, DENIED)),
        routes=Route.FILTER,
        threshold=5,
    ),
    Detection(
        id="D03",
        name="Denied by the organisation's policies",
        severity=Severity.HIGH,
        technique="T1078.004",
        why="Somebody tries what the organisation forbids: another Region or model, API keys, the audit itself.",
        runbook=("Ask the owner of the identity.", "Without an answer revoke its sessions."),
        blind="Denials whose message AWS shortens or words differently.",
        find=always(
            all_of(
                DENIED,
                one_of(
                    "errorMessage",
                    (
                        "*explicit deny in a service control policy*",
                        "*explicit deny in a resource control policy*",
                    ),
                ),
                BEDROCK,
            )
        ),
        routes=Route.FILTER,
    ),
    Detection(
        id="D04",
        name="Denied by an endpoint's policy",
        severity=Severity.HIGH,
        technique="T1567",
        why="Foreign credentials, or a model nobody declared, inside our network.",
        runbook=(
            "Find the client by its address in the VPC.",
            "The identity may belong to another account: isolate the client, do not wait for its owner.",
        ),
        blind="Endpoints of services without network activity events, bedrock-mantle's among them.",
        find=always(all_of(equals("errorCode", "VpceAccessDenied"), BEDROCK)),
        routes=Route.FILTER,
        records=Records.NETWORK_ACTIVITY,
    ),
    Detection(
        id="D05",
        name="Calls that are invalid, repeatedly",
        severity=Severity.MEDIUM,
        technique="T1526",
        why="A call that cannot succeed tells for free whether stolen credentials may invoke a model.",
        runbook=(
            "Compare with the last deployment of the calling role: a wrong parameter looks the same.",
            "If nothing was deployed, revoke the sessions of the identity.",
        ),
        blind="A probe of fewer than ten calls in five minutes.",
        find=always(all_of(INFERENCE, equals("errorCode", "ValidationException"))),
        routes=Route.FILTER,
        threshold=10,
    ),
    Detection(
        id="D06",
        name="Throttling surge",
        severity=Severity.MEDIUM,
        technique="T1496.004",
        why="Somebody burns the quota.",
        runbook=("Group the records by identity and model.", "Suspend the role that is not expected."),
        blind="A theft that stays under the quota (see the alarms on the number of calls).",
        find=always(all_of(BEDROCK, equals("errorCode", "Throttl*"))),
        routes=Route.FILTER,
        threshold=20,
    ),
    Detection(
        id="D07",
        name="Models are enumerated",
        severity=Severity.MEDIUM,
        technique="T1526",
        why="Every known theft begins by asking which models are there.",
        runbook=(
            "Look at what the identity did next: an agreement (D16) or inference.",
            "A person in the console asks a few times; a script asks in every Region.",
        ),
        blind="A few questions, as the console asks them too.",
        find=always(
            operation(
                "ListFoundationModels",
                "ListInferenceProfiles",
                "GetFoundationModelAvailability",
                "ListFoundationModelAgreementOffers",
                "GetUseCaseForModelAccess",
            )
        ),
        routes=Route.FILTER,
        threshold=10,
    ),
    Detection(
        id="D08",
        name="Somebody asks whether prompts are logged",
        severity=Severity.MEDIUM,
        technique="T1654",
        why="Attackers avoid accounts that log prompts; hardly anybody else asks.",
        runbook=(
            "Look at what the identity did before and after.",
            "A tool that asks by right is named in expected_principals.",
        ),
        blind="Whoever does not ask.",
        find=by_others(operation("GetModelInvocationLoggingConfiguration")),
        reads=True,
    ),
    Detection(
        id="D11",
        name="The root user uses Bedrock",
        severity=Severity.CRITICAL,
        technique="T1078.004",
        why="Root has no business here.",
        runbook=("Change the root password, and remove its keys.", "Look for what else it did."),
        blind="Nothing that is recorded.",
        find=always(all_of(BEDROCK, equals("userIdentity.type", "Root"))),
        reads=True,
    ),
    Detection(
        id="D12",
        name="Long-term credentials use Bedrock",
        severity=Severity.HIGH,
        technique="T1078.004",
        why="Leaked keys are long-term ones; a guarded account has roles only.",
        runbook=("Deactivate the user's keys.", "Find out what they were for, and give that a role."),
        blind="Sessions made from such keys by GetSessionToken look alike; by AssumeRole they look like a role.",
        find=always(all_of(BEDROCK, equals("userIdentity.type", "IAMUser"))),
        routes=Route.FILTER,
    ),
    Detection(
        id="D14",
        name="A Bedrock API key is used",
        severity=Severity.HIGH,
        technique="T1550.001",
        why="Bearer tokens can be replayed from anywhere.",
        runbook=(
            "Find the role or user behind it; revoke its sessions, or delete the credential.",
            "Where keys are allowed, leave this detection out and say so.",
        ),
        blind="Inference on bedrock-mantle where data events are not recorded.",
        find=always(all_of(BEDROCK, WITH_API_KEY)),
        routes=Route.FILTER,
    ),
    Detection(
        id="D15",
        name="Inference on bedrock-mantle that nobody declared",
        severity=Severity.HIGH,
        technique="T1496.004",
        why="No guardrail, no invocation log, another IAM prefix: the way around what holds bedrock-runtime.",
        runbook=(
            "Ask the owner of the identity.",
            "Deny bedrock-mantle by BedrockFeature in the organisation's policies.",
        ),
        blind="Everything where data events are not recorded.",
        find=_on_mantle,
        records=Records.DATA,
        routes=Route.FILTER,
    ),
    Detection(
        id="D17",
        name="Bedrock in another Region",
        severity=Severity.HIGH,
        technique="T1535",
        why="Whoever has stolen credentials tries every Region.",
        runbook=("Revoke the sessions of the identity.", "Put the organisation's policies on the account."),
        blind="Regions the trail does not cover; on EventBridge every Region but the rule's own.",
        find=_other_region,
        routes=Route.FILTER,
        needs="approved_regions",
    ),
    Detection(
        id="D18",
        name="Processed outside the geography",
        severity=Severity.MEDIUM,
        technique="T1535",
        why="A global profile took prompts where they should not go.",
        runbook=("Find the profile in the record.", "Declare a geographic one, or keep deny_global_profiles."),
        blind="Calls whose record names no inferenceRegion: AWS writes it only where a call was routed elsewhere.",
        find=_other_geography,
        needs="approved_regions",
        routes=Route.FILTER,
    ),
    Detection(
        id="D26",
        name="A caller of another account",
        severity=Severity.HIGH,
        technique="T1199",
        why="Something was shared that nobody approved.",
        runbook=("Find the resource and its policy.", "Remove the statement, or approve the account."),
        blind="Another account that assumed a role of ours: its session is ours (D24).",
        find=_other_account,
        needs="approved_accounts",
        routes=Route.FILTER,
    ),
    Detection(
        id="D31",
        name="A model is invoked that nobody approved",
        severity=Severity.MEDIUM,
        technique="T1496.004",
        why="A costly or unvetted model; the attacker's choice is rarely yours.",
        runbook=("Find the role in the record.", "Declare the model for that role, or take the right away."),
        blind="A geographic profile of an approved model passes (see D18); agents hide the model.",
        find=_other_model,
        needs="approved_models",
        routes=Route.FILTER,
    ),
    Detection(
        id="D38",
        name="A Bedrock API key destroys or changes something",
        severity=Severity.HIGH,
        technique="T1485",
        why="A stolen key is used for sabotage; denied attempts count too.",
        runbook=("Delete the credential now.", "Compare what it named with its declaration; deploy again."),
        blind="Keys on bedrock-mantle, where data events are not recorded.",
        find=always(
            all_of(
                BEDROCK,
                one_of(
                    "eventName",
                    (
                        "Delete*",
                        "Put*",
                        "UpdateGuardrail",
                        "CreateProvisionedModelThroughput",
                        "UpdateProvisionedModelThroughput",
                        "CreateModelInvocationJob",
                    ),
                ),
                WITH_API_KEY,
            )
        ),
    ),
    Detection(
        id="D39",
        name="An instance's credentials are used from elsewhere",
        severity=Severity.HIGH,
        technique="T1552.005",
        why="An instance's role calls past the endpoint: its credentials were read through a hole in an application.",
        runbook=(
            "Compare the address with the instance's; if it is not ours, revoke the role's sessions.",
            "Query the records for the other places this identity calls from.",
        ),
        blind="Credentials of functions and containers, which carry no such mark; theft inside the same VPC.",
        find=_instance_credentials_elsewhere,
        routes=Route.FILTER | Route.QUERY,
        needs="approved_endpoints",
    ),
)
