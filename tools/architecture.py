"""Draw the reference app from its synthesized templates: `python tools/architecture.py cdk.out` prints Mermaid."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

#: What is drawn, and what it is called.
KINDS = {
    "AWS::EC2::VPC": "VPC",
    "AWS::EC2::VPCEndpoint": "Bedrock endpoint",
    "AWS::EC2::SecurityGroup": "security group",
    "AWS::Bedrock::Guardrail": "guardrail",
    "AWS::Bedrock::GuardrailVersion": "guardrail version",
    "AWS::IAM::Role": "role",
    "AWS::IAM::ManagedPolicy": "what it may do",
    "AWS::Lambda::Function": "function",
    "AWS::CloudTrail::Trail": "trail",
    "AWS::S3::Bucket": "bucket",
    "AWS::KMS::Key": "key",
    "AWS::SNS::Topic": "topic",
    "AWS::Organizations::Policy": "service control policy",
}
#: The policy that matters has a name of its own.
CEILING = "secure-bedrock-ceiling"

Template = dict[str, Any]


def diagram(templates: dict[str, Template]) -> str:
    """Return the diagram: a box a stack, an arrow from each resource to what it refers to."""
    exports = {
        output["Export"]["Name"]: (stack, output["Value"])
        for stack, template in templates.items()
        for output in template.get("Outputs", {}).values()
        if "Export" in output
    }
    drawn = {
        (stack, name): label
        for stack, template in templates.items()
        for name, resource in template["Resources"].items()
        if (label := _label(resource))
    }
    lines = ["flowchart LR"]
    for stack in templates:
        lines += [f"  subgraph {_node(stack)}[{stack}]"]
        lines += [f'    {_node(home, name)}["{label}"]' for (home, name), label in drawn.items() if home == stack]
        lines += ["  end"]
    arrows = {
        (origin, target)
        for origin in drawn
        for target in _referred(origin[0], templates[origin[0]]["Resources"][origin[1]].get("Properties"), exports)
        if target in drawn and target != origin
    }
    return "\n".join([*lines, *(f"  {_node(*origin)} --> {_node(*target)}" for origin, target in sorted(arrows))])


def _label(resource: Template) -> str | None:
    path = resource.get("Metadata", {}).get("aws:cdk:path", "")
    if "/Custom::" in path or "RestrictDefaultSecurityGroup" in path:
        return None
    if resource["Type"] == "AWS::IAM::Policy" and resource["Properties"].get("PolicyName") == CEILING:
        return "ceiling"
    return KINDS.get(resource["Type"])


def _referred(stack: str, value: Any, exports: dict[str, tuple[str, Any]]) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - JSON
    if isinstance(value, list):
        for item in value:
            yield from _referred(stack, item, exports)
    elif isinstance(value, dict):
        if "Ref" in value:
            yield stack, value["Ref"]
        elif "Fn::GetAtt" in value:
            yield stack, value["Fn::GetAtt"][0]
        elif "Fn::ImportValue" in value:
            yield from _referred(*exports[value["Fn::ImportValue"]], exports)
        else:
            for item in value.values():
                yield from _referred(stack, item, exports)


def _node(*parts: str) -> str:
    return "_".join(parts).replace("-", "_")


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    found = {
        path.name.partition(".")[0]: json.loads(path.read_text()) for path in sorted(folder.glob("*.template.json"))
    }
    print(diagram(found))
