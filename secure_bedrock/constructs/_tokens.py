"""The door to unresolved values: is it known, where does it come from, where are we."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import aws_cdk as cdk
from constructs import IConstruct, Node

from secure_bedrock.policy.environment import Environment, partition_of

#: How every text begins that CDK puts in place of a value.
_MARK = "${Token["
#: What `Stack.environment` says where the stack's account or Region is a token.
_UNKNOWN_ACCOUNT, _UNKNOWN_REGION = "unknown-account", "unknown-region"
_environments: WeakKeyDictionary[cdk.Stack, Environment] = WeakKeyDictionary()
_stacks: WeakKeyDictionary[IConstruct, cdk.Stack] = WeakKeyDictionary()
_nodes: WeakKeyDictionary[cdk.Stack, Node] = WeakKeyDictionary()
_addresses: WeakKeyDictionary[cdk.Stack, str] = WeakKeyDictionary()
_outside: WeakKeyDictionary[cdk.Stack, dict[str, bool]] = WeakKeyDictionary()


def stack_of(construct: IConstruct) -> cdk.Stack:
    """Return a construct's stack, asked once: it never changes."""
    if isinstance(construct, cdk.Stack):
        return construct
    if construct not in _stacks:
        _stacks[construct] = cdk.Stack.of(construct)
    return _stacks[construct]


def stands_in(construct: IConstruct, scope: IConstruct) -> None:
    """Tell that a new construct is in its scope's stack, so that nobody asks for it."""
    _stacks[construct] = stack_of(scope)


def known(value: str | None) -> str | None:
    """Return a text that is literal, None for one that holds a token."""
    if isinstance(value, str) and _MARK not in value:
        return value  # most are, and asking CDK is a round trip to Node
    return None if value is None or cdk.Token.is_unresolved(value) else value


def environment_of(construct: IConstruct) -> Environment:
    """Return partition, Region and account of a construct's stack.

    The partition is literal where the Region is: CDK's own is a token even then.

    Raises:
        InvalidInput: for a Region of a partition without Bedrock.
    """
    stack = stack_of(construct)
    if stack not in _environments:
        account, region = stack.environment.removeprefix("aws://").split("/")  # both in one round trip to Node
        if account == _UNKNOWN_ACCOUNT:
            account = stack.account
        if region == _UNKNOWN_REGION:
            region = stack.region
        literal = known(region)
        _environments[stack] = Environment(
            partition=partition_of(literal) if literal else stack.partition, region=region, account=account
        )
    return _environments[stack]


def refers_outside(text: str, stack: cdk.Stack) -> bool:
    """Whether a text refers to a resource of another stack; pseudo parameters such as the partition do not.

    Asked once for each text: what its tokens refer to never changes, and finding it takes ten round trips to Node.
    """
    if isinstance(text, str) and _MARK not in text:
        return False
    asked = _outside.setdefault(stack, {})
    if text not in asked:
        asked[text] = known(text) is None and any(
            _is_outside(token, stack) for token in cdk.Tokenization.reverse_string(text).tokens
        )
    return asked[text]


def _is_outside(token: cdk.IResolvable, stack: cdk.Stack) -> bool:
    if not cdk.Reference.is_reference(token):
        return False
    target = token.target
    return cdk.CfnElement.is_cfn_element(target) and not _is_same(stack_of(target), stack)


def target_of(text: str) -> IConstruct | None:
    """Return the resource of this app that a text refers to, None where it refers to none."""
    if known(text) is not None:
        return None
    tokens = cdk.Tokenization.reverse_string(text).tokens
    return next((token.target for token in tokens if cdk.Reference.is_reference(token)), None)


def same_stack(one: IConstruct, other: IConstruct) -> bool:
    """Whether two constructs are in one stack."""
    return _is_same(stack_of(one), stack_of(other))


def _is_same(one: cdk.Stack, other: cdk.Stack) -> bool:
    """Whether two stacks are one; a stack that was not made in Python is another object each time jsii returns it."""
    return one is other or _address_of(one) == _address_of(other)


def _address_of(stack: cdk.Stack) -> str:
    """Return a stack's address, asked once: it never changes."""
    if stack not in _addresses:
        _addresses[stack] = _node_of(stack).addr
    return _addresses[stack]


def _node_of(stack: cdk.Stack) -> Node:
    if stack not in _nodes:
        _nodes[stack] = stack.node
    return _nodes[stack]


def depends_on(stack: cdk.Stack, other: cdk.Stack) -> bool:
    """Whether a stack was declared to depend on another, directly or through others."""
    if stack is other:
        return False
    declared = (*stack.dependencies, *(stack_of(construct) for construct in _node_of(stack).dependencies))
    others = [each for each in declared if not _is_same(each, stack)]
    return any(_is_same(each, other) or depends_on(each, other) for each in others)
