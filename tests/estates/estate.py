"""An estate as design and cases know it: principals, endpoints and SCPs of what was synthesized."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.estates.intrinsics import Deployment, construct_path

Estate = dict[str, Any]


def estate_of(deployment: Deployment) -> Estate:
    """Return the estate; principals are named by the path of their construct."""
    return {
        "principals": dict(_principals(deployment)),
        "endpoints": dict(_endpoints(deployment)),
        "scps": _scps(deployment),
        "resource_policies": dict(_apis(deployment)),
    }


def _resources(deployment: Deployment, kind: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for stack, template in deployment.templates.items():
        for logical_id, resource in template["Resources"].items():
            if resource["Type"] == kind:
                yield stack, logical_id, resource


def _principals(deployment: Deployment) -> Iterator[tuple[str, dict[str, Any]]]:
    for stack, logical_id, resource in _resources(deployment, "AWS::IAM::Role"):
        properties = resource["Properties"]
        name = deployment.physical_id(stack, logical_id)
        inline = [deployment.resolve(stack, policy["PolicyDocument"]) for policy in properties.get("Policies", [])]
        yield (
            construct_path(resource),
            {
                "arn": deployment.attribute(stack, logical_id, "Arn"),
                "tags": _tags(properties),
                "identity": [*inline, *_attached(deployment, name)],
                "trust": deployment.resolve(stack, properties["AssumeRolePolicyDocument"]),
            },
        )


def _tags(properties: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}


def profiles_of(deployment: Deployment) -> dict[str, tuple[str, dict[str, str]]]:
    """Return every application inference profile: ARN and tags by the path of its construct."""
    return {
        construct_path(resource): (
            deployment.attribute(stack, logical_id, "InferenceProfileArn"),
            _tags(resource["Properties"]),
        )
        for stack, logical_id, resource in _resources(deployment, "AWS::Bedrock::ApplicationInferenceProfile")
    }


def _attached(deployment: Deployment, role_name: str) -> Iterator[dict[str, Any]]:
    for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        for stack, _, resource in _resources(deployment, kind):
            if role_name in deployment.resolve(stack, resource["Properties"].get("Roles", [])):
                yield deployment.resolve(stack, resource["Properties"]["PolicyDocument"])


def _endpoints(deployment: Deployment) -> Iterator[tuple[str, dict[str, Any]]]:
    for stack, logical_id, resource in _resources(deployment, "AWS::EC2::VPCEndpoint"):
        properties = resource["Properties"]
        yield (
            deployment.physical_id(stack, logical_id),
            {
                "service": deployment.resolve(stack, properties["ServiceName"]).rsplit(".", 1)[-1],
                "vpc": deployment.resolve(stack, properties["VpcId"]),
                "policy": deployment.resolve(stack, properties["PolicyDocument"]),
            },
        )


def _apis(deployment: Deployment) -> Iterator[tuple[str, dict[str, Any]]]:
    """Policies of REST APIs by the beginning of their ARNs; API Gateway stores its short form written out."""
    for stack, logical_id, resource in _resources(deployment, "AWS::ApiGateway::RestApi"):
        place = f"arn:{deployment.partition}:execute-api:{deployment.region}:{deployment.account}"
        arn = f"{place}:{deployment.physical_id(stack, logical_id)}"
        policy = json.dumps(deployment.resolve(stack, resource["Properties"]["Policy"]))
        yield arn, json.loads(policy.replace('"execute-api:/', f'"{arn}/'))


def _scps(deployment: Deployment) -> list[list[dict[str, Any]]]:
    documents = [
        deployment.resolve(stack, resource["Properties"]["Content"])
        for stack, _, resource in _resources(deployment, "AWS::Organizations::Policy")
    ]
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    return [[everything, *documents]] if documents else []
