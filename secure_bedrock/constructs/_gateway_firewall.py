"""The web ACL before a gateway, and its log."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

from secure_bedrock.constructs._gateway_api import HOLDS_NO_PROMPT
from secure_bedrock.constructs._tokens import environment_of
from secure_bedrock.constructs.acknowledgements import acknowledge
from secure_bedrock.policy.document import Plain
from secure_bedrock.policy.firewall import INSPECTED

#: What AWS WAF asks of a log group's name.
_LOG_PREFIX = "aws-waf-logs-"
#: Kept out of the log: with these a request could be sent again while its signature lasts.
_REDACTED = ("authorization", "x-amz-security-token", "cookie")


def web_acl(
    scope: Construct, api: apigateway.RestApi, *, name: str, rules: list[Plain], inspected_kib: int
) -> wafv2.CfnWebACL:
    """Return the web ACL, associated with the API's stage."""
    acl = wafv2.CfnWebACL(
        scope,
        "Firewall",
        name=name,
        scope="REGIONAL",
        default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
        visibility_config=wafv2.CfnWebACL.VisibilityConfigProperty(
            metric_name=name, cloud_watch_metrics_enabled=True, sampled_requests_enabled=False
        ),
    )
    acl.add_property_override("Rules", rules)
    inspected = {"DefaultSizeInspectionLimit": INSPECTED[inspected_kib]}
    acl.add_property_override("AssociationConfig.RequestBody", {"API_GATEWAY": inspected})
    wafv2.CfnWebACLAssociation(
        scope,
        "FirewallAssociation",
        resource_arn=api.deployment_stage.stage_arn,
        web_acl_arn=acl.attr_arn,
    )
    return acl


def firewall_log(scope: Construct, acl: wafv2.CfnWebACL, *, name: str, retention: logs.RetentionDays) -> logs.LogGroup:
    """Return the log group of what the web ACL saw, without the headers that sign."""
    log_group = logs.LogGroup(
        scope,
        "FirewallLog",
        log_group_name=f"{_LOG_PREFIX}{name}",
        retention=retention,
        removal_policy=cdk.RemovalPolicy.RETAIN,
    )
    acknowledge(log_group, {"CloudWatchLogGroupEncrypted": HOLDS_NO_PROMPT})
    stack, place = cdk.Stack.of(scope), environment_of(scope)
    arn = place.arn(f"log-group:{_LOG_PREFIX}{name}", service="logs")
    policy = iam.PolicyDocument(
        statements=[
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("delivery.logs.amazonaws.com")],
                actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                resources=[f"{arn}:log-stream:*"],
                conditions={
                    "StringEquals": {"aws:SourceAccount": place.account},
                    "ArnLike": {"aws:SourceArn": place.arn("*", service="logs")},
                },
            )
        ]
    )
    access = logs.CfnResourcePolicy(
        scope, "FirewallLogAccess", policy_name=f"{_LOG_PREFIX}{name}", policy_document=stack.to_json_string(policy)
    )
    logging = wafv2.CfnLoggingConfiguration(
        scope, "FirewallLogging", resource_arn=acl.attr_arn, log_destination_configs=[arn]
    )
    fields = [{"SingleHeader": {"Name": header}} for header in _REDACTED]
    # A signed URL would carry its signature and token there.
    logging.add_property_override("RedactedFields", [*fields, {"QueryString": {}}])
    for each in (log_group, access):
        logging.node.add_dependency(each)
    return log_group
