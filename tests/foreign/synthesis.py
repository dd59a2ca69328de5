"""A foreign app synthesized, with its nested stacks and stages, as deployments."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import cx_api

from tests.estates.intrinsics import Deployment, Template
from tests.foreign.apps import ACCOUNT, REGION

ROOT = Path(__file__).parents[2]
#: What a new app sets, and what an app of long ago does not.
FLAGS = {
    "new": {k: v for k, v in json.loads((ROOT / "cdk.json").read_text())["context"].items() if k.startswith("@")},
    "old": {},
}


def deployments(build: Callable[[cdk.App], None], flags: dict[str, Any]) -> list[Deployment]:
    """Return what is deployed together: the app's own stacks, and those of each stage."""
    metadata = {"aws:cdk:enable-path-metadata": True, "aws:cdk:enable-asset-metadata": True}  # as the CDK CLI sets them
    app = cdk.App(context={**flags, **metadata})
    build(app)
    return [_deployment(assembly) for assembly in _assemblies(app.synth())]


def _assemblies(assembly: cx_api.CloudAssembly) -> Iterator[cx_api.CloudAssembly]:
    if assembly.stacks:
        yield assembly
    for nested in assembly.nested_assemblies:
        yield from _assemblies(nested.nested_assembly)


def _deployment(assembly: cx_api.CloudAssembly) -> Deployment:
    templates: dict[str, Template] = {}
    children: dict[tuple[str, str], str] = {}

    def add(name: str, template: Template) -> None:
        templates[name] = template
        for logical_id, resource in template.get("Resources", {}).items():
            if resource["Type"] == "AWS::CloudFormation::Stack":
                child = f"{name}/{logical_id}"
                children[name, logical_id] = child
                path = Path(assembly.directory) / resource["Metadata"]["aws:asset:path"]
                add(child, json.loads(path.read_text("utf-8")))

    for stack in assembly.stacks:
        add(stack.stack_name, stack.template)
    return Deployment(templates, account=ACCOUNT, region=REGION, children=children)
