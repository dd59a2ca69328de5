"""The door to unresolved values: is it known, where does it come from, where are we."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import IConstruct

from secure_bedrock.policy.environment import Environment, partition_of


def known(value: str | None) -> str | None:
    """Return a text that is literal, None for one that holds a token."""
    return None if value is None or cdk.Token.is_unresolved(value) else value


def environment_of(construct: IConstruct) -> Environment:
    """Return partition, Region and account of a construct's stack.

    The partition is literal where the Region is: CDK's own is a token even then.

    Raises:
        InvalidInput: for a Region of a partition without Bedrock.
    """
    stack = cdk.Stack.of(construct)
    region = stack.region
    literal = known(region)
    return Environment(
        partition=partition_of(literal) if literal else stack.partition,
        region=region,
        account=stack.account,
    )


def refers_outside(text: str, stack: cdk.Stack) -> bool:
    """Whether a text refers to a resource of another stack; pseudo parameters such as the partition do not."""
    if known(text) is not None:
        return False
    return any(_is_outside(token, stack) for token in cdk.Tokenization.reverse_string(text).tokens)


def _is_outside(token: cdk.IResolvable, stack: cdk.Stack) -> bool:
    if not cdk.Reference.is_reference(token):
        return False
    target = token.target
    return cdk.CfnElement.is_cfn_element(target) and cdk.Stack.of(target).node.addr != stack.node.addr


def target_of(text: str) -> IConstruct | None:
    """Return the resource of this app that a text refers to, None where it refers to none."""
    if known(text) is not None:
        return None
    tokens = cdk.Tokenization.reverse_string(text).tokens
    return next((token.target for token in tokens if cdk.Reference.is_reference(token)), None)


def is_same(value: object, token: cdk.IResolvable) -> bool:
    """Whether a value read back from a construct is a token that was given to it: each has one text of its own."""
    return cdk.Token.as_string(value) == cdk.Token.as_string(token)


def same_stack(one: IConstruct, other: IConstruct) -> bool:
    """Whether two constructs are in one stack."""
    return cdk.Stack.of(one).node.addr == cdk.Stack.of(other).node.addr


def depends_on(stack: cdk.Stack, other: cdk.Stack) -> bool:
    """Whether a stack was declared to depend on another, directly or through others."""
    declared = (*stack.dependencies, *(cdk.Stack.of(construct) for construct in stack.node.dependencies))
    others = [each for each in declared if each.node.addr != stack.node.addr]
    return any(each.node.addr == other.node.addr or depends_on(each, other) for each in others)
