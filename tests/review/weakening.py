"""Changes to the templates of the reference deployment, and copies of its assembly with some of them."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

#: Templates by the last word of their stack's name, which a change may alter.
Templates = dict[str, dict[str, Any]]
Change = Callable[[Templates], None]

ACCESS, NETWORK, RULES, AUDIT = "access", "network", "organization", "audit"
OPEN = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}
INVOKE = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
_DOCUMENTS = ("PolicyDocument", "Content", "AssumeRolePolicyDocument")
_PREFIX, _SUFFIX = "secure-bedrock-", ".template.json"


def weakened(assembly: Path, folder: Path, changes: Iterable[Change]) -> Path:
    """Return a copy of an assembly with some changes, each of which alters something."""
    path = folder / "cdk.out"
    shutil.copytree(assembly, path)
    files = {file.name[len(_PREFIX) : -len(_SUFFIX)]: file for file in path.glob(f"{_PREFIX}*{_SUFFIX}")}
    templates = {stack: json.loads(file.read_text()) for stack, file in files.items()}
    for change in changes:
        before = copy.deepcopy(templates)
        change(templates)
        assert templates != before
    for stack, file in files.items():
        file.write_text(json.dumps(templates[stack], indent=1))
    return path


def documents(templates: Templates, *, of: str = "") -> Iterator[dict[str, Any]]:
    """Yield the policies, trust policies among them; `of`: only of resources whose logical id begins so."""
    for template in templates.values():
        for name, resource in template["Resources"].items():
            for key in _DOCUMENTS:
                if name.startswith(of) and isinstance(resource.get("Properties", {}).get(key), dict):
                    yield resource["Properties"][key]


def of_type(templates: Templates, stack: str, kind: str) -> list[dict[str, Any]]:
    """Return the properties of a stack's resources of one type."""
    return [each["Properties"] for each in templates[stack]["Resources"].values() if each["Type"] == kind]


def without(*sids: str, stack: str = "") -> Change:
    """Take statements away, from one stack or from all."""

    def change(templates: Templates) -> None:
        gone = set()
        for document in documents({stack: templates[stack]} if stack else templates):
            for statement in list(document.get("Statement", ())):
                if statement.get("Sid") in sids:
                    document["Statement"].remove(statement)
                    gone.add(statement["Sid"])
        assert gone == set(sids)

    return change


def endpoint_policy(document: dict[str, Any] | None) -> Change:
    """Give the endpoint another policy, or none."""

    def change(templates: Templates) -> None:
        (found,) = [each for each in of_type(templates, NETWORK, "AWS::EC2::VPCEndpoint") if "PolicyDocument" in each]
        if document is None:
            del found["PolicyDocument"]
        else:
            found["PolicyDocument"] = document

    return change


def allows(**elements: object) -> Change:
    """Let the application's role do more."""
    statement = {"Effect": "Allow", "Resource": "*", **elements}

    def change(templates: Templates) -> None:
        for each in of_type(templates, ACCESS, "AWS::IAM::ManagedPolicy"):
            each["PolicyDocument"]["Statement"].append(statement)

    return change


def trusts(principal: object, *, stack: str = ACCESS, role: str = "ApplicationRole") -> Change:
    """Let somebody else assume a role."""
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}

    def change(templates: Templates) -> None:
        roles = [
            each["Properties"] for name, each in templates[stack]["Resources"].items()
            if each["Type"] == "AWS::IAM::Role" and name.startswith(role)
        ]  # fmt: skip
        (found,) = roles
        found["AssumeRolePolicyDocument"]["Statement"].append(statement)

    return change


def another_role(**elements: object) -> Change:
    """Add a role that any function can have."""
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", **elements}]}

    def change(templates: Templates) -> None:
        templates[ACCESS]["Resources"]["Intruder"] = {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": "intruder",
                "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
                "Policies": [{"PolicyName": "p", "PolicyDocument": policy}],
            },
        }

    return change


def detached(templates: Templates) -> None:
    """Attach the organisation's policies to nothing."""
    for each in of_type(templates, RULES, "AWS::Organizations::Policy"):
        each["TargetIds"] = []


def grants(stack: str, of: str, **elements: object) -> Change:
    """Add an Allow to the policies whose logical id begins so."""
    statement = {"Effect": "Allow", "Resource": "*", **elements}

    def change(templates: Templates) -> None:
        found = list(documents({stack: templates[stack]}, of=of))
        assert found
        for document in found:
            document["Statement"].append(statement)

    return change


def unconditioned(key: str, *, stack: str) -> Change:
    """Take a condition key away wherever a stack's policies test it."""

    def change(templates: Templates) -> None:
        for document in documents({stack: templates[stack]}):
            for statement in document["Statement"]:
                blocks = statement.get("Condition", {})
                for operator in list(blocks):
                    blocks[operator].pop(key, None)
                    if not blocks[operator]:
                        del blocks[operator]

    return change
