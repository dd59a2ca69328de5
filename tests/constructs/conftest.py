"""One jsii kernel for all; stacks are cheap."""

from __future__ import annotations

import itertools

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam

ACCOUNT, REGION = "111122223333", "eu-west-1"
_numbers = itertools.count()


class Place:
    """An app with stacks of one environment, and what most tests need in them."""

    def __init__(self, *, account: str | None = ACCOUNT, region: str | None = REGION, **context) -> None:
        context = {"@aws-cdk/core:defaultCrossStackReferences": "strong", **context}
        self.app = cdk.App(context=context)
        self.env = cdk.Environment(account=account, region=region)

    def stack(self, name: str | None = None, **properties) -> cdk.Stack:
        return cdk.Stack(self.app, name or f"Stack{next(_numbers)}", **{"env": self.env, **properties})

    def vpc(self, stack: cdk.Stack, **properties) -> ec2.IVpc:
        given = {"vpc_id": "vpc-0123456789abcdef0", "availability_zones": ["eu-west-1a"],
                 "private_subnet_ids": ["subnet-0123456789abcdef0"], "vpc_cidr_block": "10.0.0.0/16"}  # fmt: skip
        return ec2.Vpc.from_vpc_attributes(stack, f"Vpc{next(_numbers)}", **{**given, **properties})

    def synth(self) -> dict[str, dict]:
        return {stack.stack_name: stack.template for stack in self.app.synth().stacks}

    def messages(self) -> list[str]:
        return [str(message.entry.data) for stack in self.app.synth().stacks for message in stack.messages]


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.fixture
def make_place():
    return Place


@pytest.fixture
def here() -> iam.AccountPrincipal:
    return iam.AccountPrincipal(ACCOUNT)


def of_type(template: dict, kind: str) -> list[dict]:
    return [resource["Properties"] for resource in template.get("Resources", {}).values() if resource["Type"] == kind]
