"""AWS's size limits, from the dated table; where a limit was raised lately, the value before is the cautious one."""

from __future__ import annotations

from functools import cache

from secure_bedrock.data import table

MANAGED_POLICY = "iam.managed_policy.size"
MANAGED_POLICIES_PER_ROLE = "iam.managed_policies_per_role"
INLINE_POLICIES_OF_ROLE = "iam.inline_policies.role"
ENDPOINT_POLICY = "vpc.endpoint_policy.size"
ROLE_NAME = "iam.role_name"
SCP = "organizations.scp.size"
SCPS_PER_NODE = "organizations.scp.attached_per_node"
FUNCTION_ENVIRONMENT = "lambda.environment.size"
GATEWAY_POLICY = "apigateway.resource_policy.size"
FILTER_PATTERN = "logs.metric_filter.pattern"
FILTER_WILDCARDS = "logs.metric_filter.wildcards_per_pattern"
FILTERS_PER_LOG_GROUP = "logs.metric_filters_per_log_group"
EVENT_PATTERN = "events.event_pattern.size"
EVENT_MESSAGE = "events.input_template.size"
RULES_PER_BUS = "events.rules_per_bus"
ALARM_DESCRIPTION = "cloudwatch.alarm_description"
COMPOSITE_RULE = "cloudwatch.composite_alarm.rule"


@cache
def limit(name: str, *, cautious: bool = True) -> int:
    """Return a limit by its id; `cautious` takes the value before the last raise."""
    row = next(row for row in table("limits")["limits"] if row["id"] == name)
    return int(row.get("previous_value", row["value"]) if cautious else row["value"])
