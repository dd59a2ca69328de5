"""What CloudFormation and people know a resource by: its logical id, its type and its physical names."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

Identities = dict[str, dict[str, dict[str, str]]]

#: Properties that are physical names: another one is another resource.
_NAMES = ("RoleName", "PolicyName", "ManagedPolicyName", "Path", "FunctionName", "LogGroupName", "BucketName", "Name")

_CONSEQUENCES = {
    "AWS::IAM::Role": "the role is replaced: sessions end, and whoever trusts or names its ARN loses it",
    "AWS::EC2::VPCEndpoint": "the endpoint is replaced: its vpce- id changes, and who names the old one is refused",
    "AWS::EC2::SecurityGroup": "the group is replaced: rules of other stacks that name it hold its deletion up",
    "AWS::Bedrock::Guardrail": "the guardrail is replaced: its ARN changes, and who names the old one is refused",
    "AWS::IAM::Policy": "the ceiling is detached and attached again: in between nothing holds the role",
    "AWS::IAM::ManagedPolicy": "the policy is replaced: calls fail until the new one is attached",
    "AWS::EC2::VPC": "the network is replaced, with everything in it",
    "AWS::Logs::LogGroup": "the log group is replaced: records are left behind in the old one",
}
_OTHERWISE = "the resource is deleted and made anew"


def identities(templates: dict[str, dict[str, Any]]) -> Identities:
    """Return what every resource is known by, by stack and construct path."""
    return {
        stack: {
            _path(logical_id, resource): {
                "id": logical_id,
                "type": resource["Type"],
                **{name: value for name in _NAMES if isinstance(value := _property(resource, name), str)},
            }
            for logical_id, resource in sorted(template["Resources"].items())
            if resource["Type"] != "AWS::CDK::Metadata"
        }
        for stack, template in templates.items()
    }


def require_same(found: Identities, file: Path) -> None:
    """Compare with what was released; the failure says what a change does to a user's deployment."""
    held: Identities = json.loads(file.read_text(encoding="utf-8"))
    differences = [
        _difference(stack, path, held.get(stack, {}).get(path), found.get(stack, {}).get(path))
        for stack in {**held, **found}
        for path in {**held.get(stack, {}), **found.get(stack, {})}
        if held.get(stack, {}).get(path) != found.get(stack, {}).get(path)
    ]
    assert not differences, "\n".join(
        [
            "What users have deployed is known by other names now; their next deployment would do this:",
            *differences,
            f"Undo it. If it must be: a note under the security heading of CHANGELOG.md, and the new names in {file}.",
        ]
    )


def _difference(stack: str, path: str, held: dict[str, str] | None, found: dict[str, str] | None) -> str:
    kind = (held or found or {})["type"]
    if held is None:
        return f"- {stack}: {path} is new ({kind}); nothing deployed changes"
    consequence = _CONSEQUENCES.get(kind, _OTHERWISE)
    return f"- {stack}: {path} was {held}, is {found or 'gone'}: {consequence}"


def _property(resource: dict[str, Any], name: str) -> Any:
    return resource.get("Properties", {}).get(name)


def _path(logical_id: str, resource: dict[str, Any]) -> str:
    path = resource.get("Metadata", {}).get("aws:cdk:path", logical_id)
    return re.sub(r"/Resource$", "", path)
