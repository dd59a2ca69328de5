"""CloudFormation's functions, filled in as a deployment would, with ids that are made up but always the same."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any

Template = dict[str, Any]


class UnresolvableError(ValueError):
    """A function this module does not know, with the resource and the path it stands at."""


@dataclass
class Deployment:
    """Templates that are deployed together.

    Attributes:
        templates: by stack name.
        account: of all of them.
        region: of all of them.
        partition: of all of them.
        children: the name of each nested stack, by its parent's and its logical id.
    """

    templates: dict[str, Template]
    account: str = "111122223333"
    region: str = "eu-west-1"
    partition: str = "aws"
    children: dict[tuple[str, str], str] = field(default_factory=dict)
    _exports: dict[str, tuple[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for stack, template in self.templates.items():
            for output in template.get("Outputs", {}).values():
                if "Export" in output:
                    self._exports[output["Export"]["Name"]] = (stack, output["Value"])

    def resolve(self, stack: str, value: Any) -> Any:
        """Return a value of a stack's template with every function filled in."""
        if isinstance(value, list):
            return [self.resolve(stack, item) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._function(stack, name, argument)
        return {key: self.resolve(stack, item) for key, item in value.items()}

    def _function(self, stack: str, name: str, argument: Any) -> Any:
        if name == "Ref":
            return self._ref(stack, argument)
        if name == "Fn::GetAtt":
            return self.attribute(stack, *argument)
        if name == "Fn::Join":
            return argument[0].join(str(part) for part in self.resolve(stack, argument[1]))
        if name == "Fn::ImportValue":
            home, value = self._exports[argument]
            return self.resolve(home, value)
        raise UnresolvableError(f"{stack}: {name} {argument!r}")

    def _ref(self, stack: str, name: str) -> str:
        pseudo = {"AWS::AccountId": self.account, "AWS::Region": self.region, "AWS::Partition": self.partition}
        if name in pseudo:
            return pseudo[name]
        if name in self.templates[stack].get("Parameters", {}):
            return self._parameter(stack, name)
        return self.physical_id(stack, name)

    def _parameter(self, stack: str, name: str) -> str:
        """What the parent of a nested stack passes to it, or the default."""
        for (parent, logical_id), child in self.children.items():
            passed = self.templates[parent]["Resources"][logical_id]["Properties"].get("Parameters", {})
            if child == stack and name in passed:
                return self.resolve(parent, passed[name])
        return self.templates[stack]["Parameters"][name]["Default"]

    def physical_id(self, stack: str, logical_id: str) -> str:
        """Return what Ref gives for a resource."""
        resource = self.templates[stack]["Resources"][logical_id]
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::IAM::Role":
            return self.resolve(stack, properties.get("RoleName")) or f"{stack}-{logical_id}"
        if resource["Type"] == "AWS::SNS::Topic":
            return f"arn:{self.partition}:sns:{self.region}:{self.account}:{logical_id}"
        prefix = {"AWS::EC2::VPCEndpoint": "vpce", "AWS::EC2::VPC": "vpc"}.get(resource["Type"])
        if prefix:
            return f"{prefix}-{_hex(stack, logical_id)[:17]}"
        return f"{stack}-{logical_id}"

    def attribute(self, stack: str, logical_id: str, name: str) -> str:
        """Return what Fn::GetAtt gives."""
        child = self.children.get((stack, logical_id))
        if child is not None:
            output = self.templates[child]["Outputs"][name.removeprefix("Outputs.")]
            return self.resolve(child, output["Value"])
        resource = self.templates[stack]["Resources"][logical_id]
        kind = (resource["Type"], name)
        bedrock = f"arn:{self.partition}:bedrock:{self.region}:{self.account}"
        made_up = _hex(stack, logical_id)[:12]
        known = {
            ("AWS::IAM::Role", "Arn"): lambda: self._role_arn(stack, logical_id),
            ("AWS::Bedrock::Guardrail", "GuardrailArn"): lambda: f"{bedrock}:guardrail/{made_up}",
            ("AWS::Bedrock::Guardrail", "GuardrailId"): lambda: made_up,
            ("AWS::Bedrock::GuardrailVersion", "Version"): lambda: "1",
            ("AWS::Bedrock::ApplicationInferenceProfile", "InferenceProfileArn"): lambda: (
                f"{bedrock}:application-inference-profile/{made_up}"
            ),
            ("AWS::DynamoDB::Table", "Arn"): lambda: (
                f"arn:{self.partition}:dynamodb:{self.region}:{self.account}:table/{logical_id}"
            ),
            ("AWS::EC2::SecurityGroup", "GroupId"): lambda: f"sg-{_hex(stack, logical_id)[:17]}",
            ("AWS::S3::Bucket", "Arn"): lambda: f"arn:{self.partition}:s3:::{self.physical_id(stack, logical_id)}",
            ("AWS::KMS::Key", "Arn"): lambda: (
                f"arn:{self.partition}:kms:{self.region}:{self.account}:key/{_hex(stack, logical_id)[:36]}"
            ),
            ("AWS::SQS::Queue", "Arn"): lambda: f"arn:{self.partition}:sqs:{self.region}:{self.account}:{logical_id}",
            ("AWS::Logs::LogGroup", "Arn"): lambda: (
                f"arn:{self.partition}:logs:{self.region}:{self.account}:log-group:{logical_id}:*"
            ),
        }
        if kind not in known:
            raise UnresolvableError(f"{stack}/{logical_id}: {resource['Type']}.{name}")
        return known[kind]()

    def _role_arn(self, stack: str, logical_id: str) -> str:
        path = self.templates[stack]["Resources"][logical_id]["Properties"].get("Path", "/")
        return f"arn:{self.partition}:iam::{self.account}:role{path}{self.physical_id(stack, logical_id)}"


def construct_path(resource: dict[str, Any]) -> str:
    """Return the path of the construct a resource was made by, less CDK's and ScopedInvokeRole's last words."""
    path = resource.get("Metadata", {}).get("aws:cdk:path", "")
    return re.sub(r"(/Role)?/Resource$", "", path)


def _hex(*parts: str) -> str:
    return hashlib.sha256("/".join(parts).encode()).hexdigest()
