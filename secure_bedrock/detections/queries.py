"""The saved queries: audit by principal, model and project, and what to look at after each detection."""

from __future__ import annotations

from secure_bedrock.detections.detection import Records
from secure_bedrock.detections.query import PRINCIPAL, Query, piped

_BEDROCK = "eventSource like /^bedrock/"
_INFERENCE = f"{_BEDROCK} and eventName like /^(InvokeModel|Converse|StartAsyncInvoke$|CreateInference$)/"
_API_KEY = r'@message like /"callWithBearerToken"\s*:\s*true/'
_MODEL = "coalesce(requestParameters.modelId, requestParameters.model) as model"
_NEWEST = ("sort @timestamp desc", "limit 500")
_WHO_WHERE = "awsRegion, sourceIPAddress, vpcEndpointId, userAgent, eventID"
_LOGGED = 'filter schemaType = "ModelInvocationLog"'
_TOKENS = "count(*) as calls, sum(input.inputTokenCount) as tokensIn, sum(output.outputTokenCount) as tokensOut"
#: A guardrail's trace, in the answer to InvokeModel and in that to Converse.
_GUARDED = (
    r'@message like /"amazon-bedrock-guardrailAction"|"guardrail(Config|Identifier)"|"trace"\s*:\s*\{\s*"guardrail"/'
)
_INTERVENED = (
    r'@message like /"stopReason"\s*:\s*"guardrail_intervened"|"amazon-bedrock-guardrailAction"\s*:\s*"INTERVENED"/'
)
_CHANGES = (
    "/^(Accept|Associate|Batch|Create|Delete|Deregister|Disassociate|Import|Prepare|Put|Register|Start|Stop|Tag|Untag|"
    "Update)/"
)


def _newest(what: str, *columns: str) -> str:
    return piped(f"fields @timestamp, {PRINCIPAL}, {', '.join(columns)}", f"filter {what}", *_NEWEST)


def _by(what: str, keys: str, *, first: str = PRINCIPAL) -> str:
    counted = (
        f"stats count(*) as calls, count(errorCode) as failed, earliest(eventTime) as first, latest(eventTime) as last "
        f"by {keys}"
    )
    return piped(f"fields {first}", f"filter {what}", counted, "sort calls desc", "limit 500")


_CALLS = (
    Query(
        id="calls-by-principal",
        asks="Who calls Bedrock, how often, and since when?",
        text=_by(_INFERENCE, "principal, awsRegion"),
        detections=("D36",),
        blind="Inference on bedrock-mantle where data events are not recorded.",
    ),
    Query(
        id="calls-by-model",
        asks="Which models are called, and by whom?",
        text=_by(_INFERENCE, "model, principal", first=f"{PRINCIPAL}, {_MODEL}"),
        detections=("D31",),
        blind="The model behind a prompt router, an agent or an application inference profile.",
    ),
    Query(
        id="calls-by-project",
        asks="Which application inference profiles, that is projects, are called, and by whom?",
        text=piped(
            f"fields {PRINCIPAL}",
            f"filter {_INFERENCE} and requestParameters.modelId like /application-inference-profile/",
            r"parse requestParameters.modelId /application-inference-profile\/(?<profile>[a-z0-9]+)/",
            "stats count(*) as calls, count(errorCode) as failed by profile, principal",
            "sort calls desc",
            "limit 500",
        ),
        blind="The project's name: a record holds the profile's id, and the profile the tags.",
    ),
    Query(
        id="calls-by-account",
        asks="From which accounts is Bedrock called?",
        text=_by(_BEDROCK, "userIdentity.accountId, principal"),
        detections=("D26",),
    ),
    Query(
        id="off-network",
        asks="Which calls came through which endpoint, or through none?",
        text=_by(
            f"{_INFERENCE} and not ispresent(errorCode) and not ispresent(userIdentity.invokedBy)",
            "vpcEndpointId, principal, sourceIPAddress",
        ),
        detections=("D01", "D39"),
        blind="Calls that an AWS service makes for you.",
    ),
    Query(
        id="cross-region",
        asks="In which Regions was Bedrock called, and where was the call processed?",
        text=_by(_BEDROCK, "awsRegion, inferredIn, principal",
                 first=f"{PRINCIPAL}, additionalEventData.inferenceRegion as inferredIn"),
        detections=("D17", "D18"),
        blind="Where a call was processed in the Region it was made in, AWS writes no inferenceRegion.",
    ),
    Query(
        id="on-mantle",
        asks="Who uses bedrock-mantle, and which models?",
        text=_by('eventSource = "bedrock-mantle.amazonaws.com"', "eventName, model, principal",
                 first=f"{PRINCIPAL}, {_MODEL}"),
        detections=("D15",),
        records=Records.DATA,
    ),
)  # fmt: skip

_DENIED = (
    Query(
        id="denied-calls",
        asks="Who was denied what, by which layer's message?",
        text=_newest(f"{_BEDROCK} and errorCode like /^AccessDenied/", "eventName", "errorMessage", _WHO_WHERE),
        detections=("D02", "D03"),
        blind="Denials by an endpoint's policy: `denied-by-endpoint`.",
    ),
    Query(
        id="denied-by-endpoint",
        asks="Who was stopped by an endpoint's policy?",
        text=_newest(
            f'{_BEDROCK} and errorCode = "VpceAccessDenied"', "userIdentity.accountId", "eventName", _WHO_WHERE
        ),
        detections=("D04",),
        records=Records.NETWORK_ACTIVITY,
    ),
    Query(
        id="failed-calls",
        asks="Whose calls fail, and with which error?",
        text=_by(f"{_BEDROCK} and ispresent(errorCode)", "errorCode, eventName, principal"),
        detections=("D05", "D06"),
    ),
)

_CREDENTIALS = (
    Query(
        id="api-keys",
        asks="Who calls with a Bedrock API key, and from where?",
        text=_newest(f"{_BEDROCK} and {_API_KEY}", "eventName", "errorCode", _WHO_WHERE),
        detections=("D14", "D38"),
        blind="Inference on bedrock-mantle where data events are not recorded.",
    ),
    Query(
        id="api-key-credentials",
        asks="Who made, changed or removed service-specific credentials, and what did the users behind them do?",
        text=_newest(
            '(eventSource = "iam.amazonaws.com" and (eventName like /ServiceSpecificCredential/ or '
            "requestParameters.userName like /^BedrockAPIKey-/)) or userIdentity.userName like /^BedrockAPIKey-/",
            "eventSource",
            "eventName",
            "requestParameters.userName",
            "requestParameters.serviceName",
            "requestParameters.credentialAgeDays",
            _WHO_WHERE,
        ),
        detections=("D13", "D29"),
    ),
    Query(
        id="root-and-users",
        asks="Which calls were made by the root user or an IAM user, whose keys do not expire?",
        text=_newest(
            f'{_BEDROCK} and userIdentity.type in ["Root", "IAMUser"]',
            "userIdentity.type",
            "userIdentity.accessKeyId",
            "eventName",
            "errorCode",
            _WHO_WHERE,
        ),
        detections=("D11", "D12"),
    ),
    Query(
        id="sign-ins",
        asks="Who signed in or took a role, and with MFA?",
        text=_newest(
            'eventName = "ConsoleLogin" or (eventSource = "sts.amazonaws.com" and eventName like /^AssumeRole/)',
            "eventName",
            "requestParameters.roleArn",
            "additionalEventData.MFAUsed",
            "userIdentity.sessionContext.attributes.mfaAuthenticated",
            "errorCode",
            _WHO_WHERE,
        ),
        detections=("D23", "D24"),
    ),
    Query(
        id="reconnaissance",
        asks="Who asks which models there are, or whether prompts are logged?",
        text=_by(
            f"{_BEDROCK} and eventName like /^(List(FoundationModel|InferenceProfile|ImportedModel)|"
            "GetFoundationModelAvailability|GetUseCaseForModelAccess|GetModelInvocationLogging)/",
            "principal, eventName, awsRegion, sourceIPAddress",
        ),
        detections=("D07", "D08"),
    ),
)

_CHANGED = (
    Query(
        id="changes-of-bedrock",
        asks="Who changed guardrails, models, agents, agreements, policies or jobs?",
        text=_newest(
            f"(({_BEDROCK} and not (eventName like /^(CreateInference|StartAsyncInvoke)$/)) or "
            f"eventSource like /marketplace/) and eventName like {_CHANGES}",
            "eventSource",
            "eventName",
            "errorCode",
            _WHO_WHERE,
        ),
        detections=("D10", "D16", "D27", "D28", "D30", "D35", "D37"),
    ),
    Query(
        id="changes-of-roles",
        asks="Who changed the roles of this library, or the policies they have?",
        text=_newest(
            'eventSource = "iam.amazonaws.com" and (eventName like /Role|Policy/) and '
            "eventName like /^(Add|Attach|Create|Delete|Detach|Put|Remove|Set|Tag|Untag|Update)/",
            "eventName",
            "requestParameters.roleName",
            "requestParameters.policyArn",
            "errorCode",
            _WHO_WHERE,
        ),
        detections=("D22",),
    ),
    Query(
        id="changes-of-network",
        asks="Who changed endpoints or security groups?",
        text=_newest(
            'eventSource = "ec2.amazonaws.com" and (eventName like /VpcEndpoint|SecurityGroup/) and '
            "eventName like /^(Authorize|Create|Delete|Modify|Revoke|Update)/",
            "eventName",
            "requestParameters.groupId",
            "errorCode",
            _WHO_WHERE,
        ),
        detections=("D20", "D21"),
    ),
    Query(
        id="changes-of-audit",
        asks="Who changed what records and tells: trail, invocation logging, logs, alarms, topics, the organisation?",
        text=_newest(
            "eventSource in ["
            '"cloudtrail.amazonaws.com", "organizations.amazonaws.com", "logs.amazonaws.com", '
            '"monitoring.amazonaws.com", "events.amazonaws.com", "sns.amazonaws.com", "kms.amazonaws.com", '
            '"s3.amazonaws.com", "bedrock.amazonaws.com"] and '
            "eventName like /^(Attach|Delete|Detach|Disable|Disassociate|Put|Remove|Schedule|Set|Stop|Unsub|Update)/",
            "eventSource",
            "eventName",
            "errorCode",
            _WHO_WHERE,
        ),
        detections=("D09", "D19", "D33", "D34"),
        blind="What was done after the trail stopped.",
    ),
)

_CONTENT = (
    Query(
        id="tokens-by-principal",
        asks="Whose calls use how many tokens?",
        text=piped(_LOGGED, f"stats {_TOKENS} by identity.arn", "sort tokensOut desc", "limit 500"),
        records=Records.INVOCATIONS,
        blind="Calls to bedrock-mantle, which are not logged.",
    ),
    Query(
        id="tokens-by-model",
        asks="Which models use how many tokens, hour by hour?",
        text=piped(_LOGGED, f"stats {_TOKENS} by modelId, bin(1h)", "sort tokensOut desc", "limit 1000"),
        records=Records.INVOCATIONS,
    ),
    Query(
        id="tokens-by-project",
        asks="Which project and team, as callers say themselves, or which caller of the gateway, uses how many tokens?",
        text=piped(
            _LOGGED,
            f"stats {_TOKENS} by requestMetadata.project, requestMetadata.team, `requestMetadata.gateway-caller`",
            "sort tokensOut desc",
            "limit 500",
        ),
        records=Records.INVOCATIONS,
        blind="Callers who say nothing, or something else; only `gateway-caller` is written by the gateway itself.",
    ),
    Query(
        id="guardrail-interventions",
        asks="Whose calls did a guardrail stop or change?",
        text=piped(
            f"{_LOGGED} and {_INTERVENED}",
            "stats count(*) as calls, latest(timestamp) as last by identity.arn, modelId",
            "sort calls desc",
            "limit 500",
        ),
        detections=("D25",),
        records=Records.INVOCATIONS,
    ),
    Query(
        id="without-guardrail",
        asks="Whose calls show no guardrail?",
        text=piped(
            f"{_LOGGED} and not ({_GUARDED} or {_INTERVENED})",
            "stats count(*) as calls, latest(timestamp) as last by identity.arn, modelId, operation",
            "sort calls desc",
            "limit 500",
        ),
        detections=("D32",),
        records=Records.INVOCATIONS,
        blind="A guardrail whose trace the caller did not ask for looks like none.",
    ),
    Query(
        id="secrets-in-prompts",
        asks="In whose calls is something that looks like a key? Shows who and when, not what.",
        text=piped(
            f"{_LOGGED} and @message like /A[KS]IA[0-9A-Z]{{16}}|ABSK[A-Za-z0-9]{{20}}|PRIVATE KEY-----/",
            "stats count(*) as calls, latest(timestamp) as last by identity.arn, modelId",
            "sort calls desc",
            "limit 500",
        ),
        detections=("D40",),
        records=Records.INVOCATIONS,
        blind="What data protection masks: the pattern meets the stars.",
    ),
)

#: Every saved query.
QUERIES = (*_CALLS, *_DENIED, *_CREDENTIALS, *_CHANGED, *_CONTENT)
