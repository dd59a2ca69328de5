"""The deployed reference app, read back through AWS's own APIs."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

from drill.environment import ACCOUNT, REGION

if TYPE_CHECKING:
    from drill.cloud import Cloud

AUDIT = "secure-bedrock-audit"
BUCKET = f"{AUDIT}-{ACCOUNT}-{REGION}"


class Deployment:
    """The deployed reference app, read through AWS's APIs; each answer is asked for once.

    Args:
        cloud: the emulated AWS.
        outputs: of the callers' stack.
    """

    def __init__(self, cloud: Cloud, outputs: dict[str, str]) -> None:
        """Ask nothing yet."""
        self.cloud, self.outputs = cloud, outputs
        self._clients: dict[str, Any] = {}

    def __getitem__(self, service: str) -> Any:  # noqa: ANN401 - boto3's clients have no types
        """The client of a service."""
        if service not in self._clients:
            self._clients[service] = self.cloud.client(service)
        return self._clients[service]

    @cached_property
    def in_vpc(self) -> list[dict[str, Any]]:
        """A filter for what is in the VPC."""
        return [{"Name": "vpc-id", "Values": [self.outputs["Vpc"]]}]

    @cached_property
    def endpoint(self) -> dict[str, Any]:
        """The interface endpoint."""
        return self["ec2"].describe_vpc_endpoints(VpcEndpointIds=[self.outputs["Endpoint"]])["VpcEndpoints"][0]

    @cached_property
    def subnets(self) -> list[dict[str, Any]]:
        """The subnets of the VPC."""
        return self["ec2"].describe_subnets(Filters=self.in_vpc)["Subnets"]

    @cached_property
    def groups(self) -> dict[str, dict[str, Any]]:
        """The security groups by id."""
        found = self["ec2"].describe_security_groups(Filters=self.in_vpc)["SecurityGroups"]
        return {group["GroupId"]: group for group in found}

    @cached_property
    def endpoint_group(self) -> dict[str, Any]:
        """The endpoint's one security group."""
        return self.groups[self.endpoint["Groups"][0]["GroupId"]]

    @cached_property
    def function_group(self) -> dict[str, Any]:
        """The function's one security group."""
        (group_id,) = self.function["VpcConfig"]["SecurityGroupIds"]
        return self.groups[group_id]

    @cached_property
    def endpoint_policy(self) -> list[dict[str, Any]]:
        """The statements of the endpoint's policy."""
        return json.loads(self.endpoint["PolicyDocument"])["Statement"]

    @cached_property
    def function(self) -> dict[str, Any]:
        """The function's configuration."""
        return self["lambda"].get_function_configuration(FunctionName=self.outputs["Function"])

    @cached_property
    def role_name(self) -> str:
        """The application's role."""
        return self.function["Role"].rpartition("/")[2]

    @cached_property
    def role(self) -> dict[str, Any]:
        """The role itself."""
        return self["iam"].get_role(RoleName=self.role_name)["Role"]

    @cached_property
    def ceiling(self) -> list[dict[str, Any]]:
        """The statements of its ceiling."""
        found = self["iam"].get_role_policy(RoleName=self.role_name, PolicyName="secure-bedrock-ceiling")
        return found["PolicyDocument"]["Statement"]

    @cached_property
    def allowed(self) -> list[dict[str, Any]]:
        """The statements of its customer-managed policies."""
        attached = self["iam"].list_attached_role_policies(RoleName=self.role_name)["AttachedPolicies"]
        own = [policy["PolicyArn"] for policy in attached if f":{ACCOUNT}:" in policy["PolicyArn"]]
        documents = (
            self["iam"].get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"] for arn in own
        )
        return [statement for document in documents for statement in document["Statement"]]

    @cached_property
    def guardrail(self) -> dict[str, Any]:
        """The published guardrail."""
        return self["bedrock"].get_guardrail(
            guardrailIdentifier=self.outputs["GuardrailId"], guardrailVersion=self.outputs["GuardrailVersion"]
        )

    @cached_property
    def scps(self) -> list[dict[str, Any]]:
        """The statements of every service control policy on the root that is not AWS's own."""
        root = self["organizations"].list_roots()["Roots"][0]["Id"]
        listed = self["organizations"].list_policies_for_target(TargetId=root, Filter="SERVICE_CONTROL_POLICY")
        ids = [policy["Id"] for policy in listed["Policies"] if not policy["AwsManaged"]]
        contents = [self["organizations"].describe_policy(PolicyId=each)["Policy"]["Content"] for each in ids]
        return [statement for content in contents for statement in json.loads(content)["Statement"]]

    @cached_property
    def trail(self) -> dict[str, Any]:
        """The trail."""
        return self["cloudtrail"].describe_trails(trailNameList=[f"{AUDIT}-trail"])["trailList"][0]

    @cached_property
    def key(self) -> str:
        """The id of the audit's key."""
        return self.trail["KmsKeyId"].rpartition("/")[2]

    @cached_property
    def bucket_policy(self) -> list[dict[str, Any]]:
        """The statements of the audit's bucket."""
        return json.loads(self["s3"].get_bucket_policy(Bucket=BUCKET)["Policy"])["Statement"]

    @cached_property
    def alarms(self) -> list[dict[str, Any]]:
        """The audit's alarms."""
        pages = self["cloudwatch"].get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{AUDIT}-")
        found = [alarm for page in pages for alarm in page["MetricAlarms"]]
        return [alarm for alarm in found if not alarm["AlarmName"].startswith(f"{AUDIT}-project-")]

    @cached_property
    def told_together(self) -> str:
        """The rules of the audit's composite alarms that tell the topic."""
        given = {"AlarmNamePrefix": f"{AUDIT}-", "AlarmTypes": ["CompositeAlarm"]}
        pages = self["cloudwatch"].get_paginator("describe_alarms").paginate(**given)
        found = [alarm for page in pages for alarm in page["CompositeAlarms"]]
        return " ".join(alarm["AlarmRule"] for alarm in found if self.topic in alarm["AlarmActions"])

    @cached_property
    def filters(self) -> list[dict[str, Any]]:
        """The audit's metric filters."""
        return self["logs"].describe_metric_filters(logGroupName="/secure-bedrock/audit/trail")["metricFilters"]

    @cached_property
    def topic(self) -> str:
        """The ARN of the topic of alarms."""
        topics = [topic["TopicArn"] for topic in self["sns"].list_topics()["Topics"]]
        return next(arn for arn in topics if arn.endswith(f":{AUDIT}-findings"))

    @cached_property
    def logging(self) -> dict[str, Any]:
        """The account's setting of invocation logging."""
        return self["bedrock"].get_model_invocation_logging_configuration()["loggingConfig"]

    def log_group(self, name: str) -> dict[str, Any]:
        """Return one log group."""
        return self["logs"].describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]
