"""The policies of an input for those who deploy by other means: JSON, CloudFormation, SCP documents, Terraform.

What the input's own stacks make, such as an endpoint's id, is a parameter of what is written; so are account, Region
and partition where they are not known.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from secure_bedrock.policy.document import Policy
from secure_bedrock.policy.request import Principal
from secure_bedrock.review.building import Control
from secure_bedrock.review.loading import Reading

Plain = dict[str, Any]
_BEDROCK = re.compile(r"bedrock[a-z-]*:", re.IGNORECASE)
_TYPES = {"scp": "SERVICE_CONTROL_POLICY", "rcp": "RESOURCE_CONTROL_POLICY"}


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What is written out.

    Attributes:
        roles: each role that holds a statement on Bedrock, by name.
        endpoints: the policy of each Bedrock endpoint, by what its resource is called.
        controls: service and resource control policies.
        unknowns: what a deployment fills in: the made-up value, and a name for it.
    """

    roles: Mapping[str, Principal]
    endpoints: Mapping[str, Policy]
    controls: tuple[Control, ...]
    unknowns: Mapping[str, str]


def exported(reading: Reading) -> Exported:
    """Return what of a reading is about Bedrock."""
    roles = {
        name: principal
        for name, principal in reading.estate.principals.items()
        if ":role/" in principal.arn and any(map(_is_about_bedrock, principal.identity))
    }
    endpoints = {
        endpoint_id: endpoint.policy
        for endpoint_id, endpoint in reading.estate.endpoints.items()
        if endpoint.policy and "bedrock" in endpoint.service
    }
    controls = tuple(reading.parts.controls)
    return Exported(roles=roles, endpoints=endpoints, controls=controls, unknowns=reading.made_up)


def _is_about_bedrock(policy: Policy) -> bool:
    return any(
        _BEDROCK.match(text) for statement in policy.statements for text in (*statement.actions, *statement.not_actions)
    )


def as_json(found: Exported) -> Plain:
    """Return every policy as AWS writes it, by whom it belongs to."""
    return {
        "roles": {
            name: {
                "arn": role.arn,
                "trust": role.trust.to_plain() if role.trust else None,
                "policies": [policy.to_plain() for policy in role.identity if _is_about_bedrock(policy)],
                "boundary": role.boundary.to_plain() if role.boundary else None,
            }
            for name, role in found.roles.items()
        },
        "endpoints": {name: policy.to_plain() for name, policy in found.endpoints.items()},
        "organization": [
            {"name": _name(control), "type": _TYPES[control.kind], "targets": list(control.targets),
             "document": control.policy.to_plain()}
            for control in found.controls
        ],
        "unknowns": dict(found.unknowns),
    }  # fmt: skip


def as_scp(found: Exported) -> Plain:
    """Return each control policy as Organizations, Control Tower and Landing Zone Accelerator take it: one text."""
    return {_name(control): json.dumps(control.policy.to_plain(), separators=(",", ":")) for control in found.controls}


def as_cloudformation(found: Exported) -> Plain:
    """Return a template that stands alone, for CfnInclude, StackSets and pipelines without CDK."""
    names = _Names(found.unknowns)
    resources: Plain = {}
    for name, role in found.roles.items():
        logical_id = _logical_id(name)
        resources[logical_id] = {"Type": "AWS::IAM::Role", "Properties": _role(role, names)}
        for index, policy in enumerate(filter(_is_about_bedrock, role.identity), 1):
            resources[f"{logical_id}Policy{index}"] = {
                "Type": "AWS::IAM::RolePolicy",
                "Properties": {
                    "PolicyName": _logical_id(policy.name or f"Policy{index}")[-128:],
                    "RoleName": {"Ref": logical_id},
                    "PolicyDocument": names.sub(policy.to_plain()),
                },
            }
    for control in found.controls:
        resources[f"Control{_logical_id(_name(control))}"] = {
            "Type": "AWS::Organizations::Policy",
            "Properties": {
                "Name": _name(control),
                "Type": _TYPES[control.kind],
                "Content": names.sub(control.policy.to_plain()),
                **({"TargetIds": list(control.targets)} if control.targets else {}),
            },
        }
    policies = {name: names.sub(policy.to_plain()) for name, policy in found.endpoints.items()}
    outputs = {
        f"EndpointPolicy{index}": {
            "Description": f"The policy that the endpoint {names.plain(name)} needs",
            "Value": {"Fn::ToJsonString": document},
        }
        for index, (name, document) in enumerate(policies.items(), 1)
    }
    transform = {"Transform": "AWS::LanguageExtensions"} if outputs else {}
    wanted = [name for name in names.used if not name.startswith("AWS::")]
    parameters = {name: {"Type": "String", "Description": f"{name} of the deployment"} for name in wanted}
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        **transform,
        **({"Parameters": parameters} if parameters else {}),
        "Resources": resources,
        **({"Outputs": outputs} if outputs else {}),
    }


def _role(role: Principal, names: _Names) -> Plain:
    path, name = _path_and_name(role.arn)
    return {
        "Path": path,
        "RoleName": name,
        **({"AssumeRolePolicyDocument": names.sub(role.trust.to_plain())} if role.trust else {}),
        **({"Tags": [{"Key": key, "Value": value} for key, value in role.tags]} if role.tags else {}),
    }


def as_terraform(found: Exported) -> Plain:
    """Return Terraform's JSON syntax for the AWS provider: roles, their policies, endpoint and control policies."""
    names = _Names(found.unknowns, terraform=True)
    resource: dict[str, Plain] = {}
    for name, role in found.roles.items():
        key, (path, role_name) = _snake(name), _path_and_name(role.arn)
        resource.setdefault("aws_iam_role", {})[key] = {
            "name": role_name,
            "path": path,
            "assume_role_policy": names.text(role.trust.to_plain() if role.trust else {}),
            **({"tags": {k: _escaped(v) for k, v in role.tags}} if role.tags else {}),
        }
        for index, policy in enumerate(filter(_is_about_bedrock, role.identity), 1):
            resource.setdefault("aws_iam_role_policy", {})[f"{key}_{index}"] = {
                "name": f"policy-{index}",
                "role": f"${{aws_iam_role.{key}.id}}",
                "policy": names.text(policy.to_plain()),
            }
    for endpoint_id, policy in found.endpoints.items():
        resource.setdefault("aws_vpc_endpoint_policy", {})[_snake(names.plain(endpoint_id))] = {
            "vpc_endpoint_id": names.text_of(endpoint_id),
            "policy": names.text(policy.to_plain()),
        }
    for control in found.controls:
        key = _snake(_name(control))
        resource.setdefault("aws_organizations_policy", {})[key] = {
            "name": _name(control),
            "type": _TYPES[control.kind],
            "content": names.text(control.policy.to_plain()),
        }
        for target in control.targets:
            resource.setdefault("aws_organizations_policy_attachment", {})[f"{key}_{_snake(target)}"] = {
                "policy_id": f"${{aws_organizations_policy.{key}.id}}",
                "target_id": target,
            }
    variables = {_snake(name): {"type": "string"} for name in names.used}
    return {
        "terraform": {"required_providers": {"aws": {"source": "hashicorp/aws"}}},
        **({"variable": variables} if variables else {}),
        "resource": resource,
    }


class _Names:
    """Replaces made-up values by references to parameters, and remembers which were used."""

    def __init__(self, unknowns: Mapping[str, str], *, terraform: bool = False) -> None:
        self._names = {value: name if not terraform else _snake(name) for value, name in unknowns.items()}
        self._pattern = re.compile("|".join(map(re.escape, sorted(unknowns, key=len, reverse=True))) or r"(?!)")
        self.used: dict[str, None] = {}

    def plain(self, value: str) -> str:
        """Return the name of a made-up value, or the value."""
        return self._names.get(value, value)

    def sub(self, value: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Return a value for CloudFormation."""
        if isinstance(value, Mapping):
            return {key: self.sub(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.sub(item) for item in value]
        if not isinstance(value, str) or not self._pattern.search(value):
            return value
        literal = value.replace("${", "${!")
        return {"Fn::Sub": self._pattern.sub(self._reference, literal)}

    def text(self, document: Plain) -> str:
        """Return a document as a text of Terraform."""
        return self.text_of(json.dumps(document, separators=(",", ":")))

    def text_of(self, value: str) -> str:
        """Return a text for Terraform."""
        return self._pattern.sub(lambda match: self._reference(match, prefix="var."), _escaped(value))

    def _reference(self, match: re.Match[str], prefix: str = "") -> str:
        name = self._names[match[0]]
        self.used.setdefault(name)
        return f"${{{prefix}{name}}}"


def _escaped(value: str) -> str:
    return value.replace("${", "$${").replace("%{", "%%{")


def _name(control: Control) -> str:
    return control.policy.name or str(control.source.logical_id)


def _path_and_name(arn: str) -> tuple[str, str]:
    path, _, name = arn.partition(":role/")[2].rpartition("/")
    return (f"/{path}/" if path else "/"), name


def _logical_id(text: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]+", text)) or "Unnamed"


def _snake(text: str) -> str:
    key = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text).lower()).strip("_")
    return key if key[:1].isalpha() else f"x_{key}"


FORMATS = {"json": as_json, "cfn": as_cloudformation, "scp": as_scp, "terraform": as_terraform}
