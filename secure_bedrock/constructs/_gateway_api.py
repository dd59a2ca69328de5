"""The signed API of a gateway: one method, one way in, and errors in Bedrock's shape."""

from __future__ import annotations

import json

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from secure_bedrock.constructs._tokens import environment_of
from secure_bedrock.constructs.acknowledgements import acknowledge, acknowledge_aws_policy
from secure_bedrock.policy.document import Plain

STAGE = "v1"
#: AWS documents the policies ("Security policies for REST APIs in API Gateway") for this partition.
_WITH_TLS_POLICIES = "aws"

#: Of the demand `APIGWCacheEnabledAndEncrypted`; AWS Control Tower's rule asks it of caches only.
_CACHE_RULES = (
    "NIST.800.53.R4-APIGWCacheEnabledAndEncrypted",
    "NIST.800.53.R5-APIGWCacheEnabledAndEncrypted",
    "PCI.DSS.321-APIGWCacheEnabledAndEncrypted",
    "HIPAA.Security-APIGWCacheEnabledAndEncrypted",
)
HOLDS_NO_PROMPT = "it holds names, numbers and addresses, never a prompt; CloudWatch's own key encrypts it"
#: Named as Bedrock names them by API Gateway itself. It adds its own x-amzn-errortype to one that is given here, and
#: botocore does not divide the two (smithy-lang/smithy issue 1170; `secure_bedrock.client` does).
_NAMED_ALREADY = {"ACCESS_DENIED", "EXPIRED_TOKEN", "INVALID_SIGNATURE", "MISSING_AUTHENTICATION_TOKEN"}
#: API Gateway's own refusals: response type, status, and Bedrock's name for it. The texts name no resource.
_REFUSALS = (
    ("ACCESS_DENIED", "403", "AccessDeniedException", "The caller may not use this gateway."),
    ("BAD_REQUEST_BODY", "400", "ValidationException", "The body is not a JSON object."),
    ("BAD_REQUEST_PARAMETERS", "400", "ValidationException", "The request is malformed."),
    ("DEFAULT_4XX", None, "ValidationException", "The gateway refused the request."),
    ("DEFAULT_5XX", None, "InternalServerException", "The gateway failed."),
    ("EXPIRED_TOKEN", "403", "ExpiredTokenException", "The credentials or the signature have expired."),
    ("INTEGRATION_FAILURE", "503", "ServiceUnavailableException", "The gateway cannot answer now."),
    ("INTEGRATION_TIMEOUT", "408", "ModelTimeoutException", "The model took too long to answer."),
    ("INVALID_SIGNATURE", "403", "InvalidSignatureException", "The signature does not fit the request."),
    (
        "MISSING_AUTHENTICATION_TOKEN",
        "403",
        "MissingAuthenticationTokenException",
        "Unsigned, or an unknown path.",
    ),
    ("REQUEST_TOO_LARGE", "413", "ValidationException", "The body is too long."),
    ("RESOURCE_NOT_FOUND", "404", "UnknownOperationException", "The gateway does not know this operation."),
    ("THROTTLED", "429", "ThrottlingException", "Too many requests."),
    ("UNSUPPORTED_MEDIA_TYPE", "415", "ValidationException", "The body is not a JSON object."),
    ("WAF_FILTERED", "403", "AccessDeniedException", "The caller may not use this gateway."),
)


def signed_api(
    scope: Construct,
    *,
    name: str,
    policy: Plain,
    function: lambda_.Function,
    timeout: cdk.Duration,
    retention: logs.RetentionDays,
    requests_per_second: int,
    set_account_logging_role: bool,
) -> tuple[apigateway.RestApi, logs.LogGroup]:
    """Return the API and the log group of its access log."""
    access_log = logs.LogGroup(scope, "AccessLog", retention=retention, removal_policy=cdk.RemovalPolicy.RETAIN)
    acknowledge(access_log, {"CloudWatchLogGroupEncrypted": HOLDS_NO_PROMPT})
    api = apigateway.RestApi(
        scope,
        "Api",
        rest_api_name=name,
        description="Bedrock's runtime for callers that sign and cannot reach its endpoint",
        endpoint_types=[apigateway.EndpointType.REGIONAL],
        cloud_watch_role=set_account_logging_role,
        cloud_watch_role_removal_policy=cdk.RemovalPolicy.RETAIN if set_account_logging_role else None,
        deploy_options=apigateway.StageOptions(
            stage_name=STAGE,
            access_log_destination=apigateway.LogGroupLogDestination(access_log),
            access_log_format=apigateway.AccessLogFormat.custom(_access_log_format()),
            # Execution logs would hold bodies.
            logging_level=apigateway.MethodLoggingLevel.OFF,
            data_trace_enabled=False,
            metrics_enabled=True,
            throttling_rate_limit=requests_per_second,
            throttling_burst_limit=2 * requests_per_second,
        ),
    )
    _acknowledge(api, writes_logs=set_account_logging_role)
    resource = api.node.default_child
    assert isinstance(resource, apigateway.CfnRestApi)  # noqa: S101 - CDK's own primary child
    resource.policy = policy
    if environment_of(scope).partition == _WITH_TLS_POLICIES:
        # Without one the API's own host name takes TLS 1.0; STRICT refuses what comes by another kind of endpoint.
        resource.security_policy = "SecurityPolicy_TLS13_1_3_2025_09"
        resource.endpoint_access_mode = "STRICT"
    _method(api, function, timeout)
    for kind, status, error, message in _REFUSALS:
        api.add_gateway_response(
            "".join(word.capitalize() for word in kind.split("_")),
            type=apigateway.ResponseType.of(kind),
            status_code=status,
            response_headers=None if kind in _NAMED_ALREADY else {"x-amzn-errortype": f"'{error}'"},
            templates={"application/json": json.dumps({"__type": error, "message": message})},
        )
    return api, access_log


def _method(api: apigateway.RestApi, function: lambda_.Function, timeout: cdk.Duration) -> None:
    """The method takes every path under `/model/`: a model's ARN may hold slashes, plain or encoded."""
    body = api.add_model(
        "Body",
        content_type="application/json",
        schema=apigateway.JsonSchema(type=apigateway.JsonSchemaType.OBJECT),
    )
    validator = api.add_request_validator("Validator", validate_request_body=True, validate_request_parameters=True)
    path = api.root.add_resource("model").add_resource("{call+}")
    method = path.add_method(
        "POST",
        apigateway.LambdaIntegration(function, timeout=timeout, allow_test_invoke=False),
        authorization_type=apigateway.AuthorizationType.IAM,
        request_models={"application/json": body},
        request_parameters={"method.request.path.call": True},
        request_validator=validator,
    )
    acknowledge(
        method,
        {
            "CognitoUserPoolAPIGWAuthorizer": "callers sign as IAM roles; no password and no token is issued",
            "cdk-validator-cfnguard::lambda_function_public_access_prohibited_check": (
                "SourceArn is this method of this API; the rule reads no ARN that CloudFormation joins"
            ),
        },
    )


def _acknowledge(api: apigateway.RestApi, *, writes_logs: bool) -> None:
    acknowledge(
        api.deployment_stage,
        {
            **dict.fromkeys(_CACHE_RULES, "an answer belongs to its caller: none is kept for the next one"),
            "APIGWExecutionLoggingEnabled": "execution logs quote what fails validation, and with it prompts",
            "APIGWSSLEnabled": "behind it stands a function, which API Gateway calls with a signature of its own",
            "APIGWXrayEnabled": "each call is on record in the access log, the function's and Bedrock's",
        },
    )
    if writes_logs:
        acknowledge_aws_policy(
            api.node.find_child("CloudWatchRole"),
            "service-role/AmazonAPIGatewayPushToCloudWatchLogs",
            "AWS keeps the list of what API Gateway does to write logs; the setting is the account's",
        )


def _access_log_format() -> str:
    """Who, what and how it ended; no body, no query string."""
    return json.dumps(
        {
            "requestId": "$context.requestId",
            "time": "$context.requestTime",
            "caller": "$context.identity.userArn",
            "account": "$context.identity.accountId",
            "sourceIp": "$context.identity.sourceIp",
            "userAgent": "$context.identity.userAgent",
            "method": "$context.httpMethod",
            "path": "$context.path",
            "status": "$context.status",
            "waf": "$context.waf.status",
            "authenticate": "$context.authenticate.status",
            "authorize": "$context.authorize.status",
            "milliseconds": "$context.responseLatency",
            "bytes": "$context.responseLength",
        }
    )
