"""How a change is described: what is gained, in words, for changes written by hand."""

from __future__ import annotations

import pytest

from secure_bedrock.policy import diff
from tests.policy.test_fine_points import APP, HOME, INVOKE, MODEL, TIER, allow, app, deny

PROFILE = f"arn:aws:bedrock:eu-west-1:{HOME}:inference-profile/eu.amazon.nova-lite-v1:0"
STREAM = "bedrock:InvokeModelWithResponseStream"
READS = ["bedrock:GetGuardrail", "bedrock:GetAgent", "bedrock:GetFlow"]
#: The statements after, those before, and the actions that are compared.
CHANGES = {
    "everything": ([allow("bedrock:*")], [], ["bedrock:*"]),
    "one action": ([allow(INVOKE)], [], ["bedrock:*"]),
    "two of two": ([allow([INVOKE, STREAM])], [], [INVOKE, STREAM]),
    "the one of one": ([allow(INVOKE)], [], [INVOKE]),
    "all but one": ([allow("bedrock:*"), deny(INVOKE)], [], ["bedrock:*"]),
    "half of them": ([allow([INVOKE, STREAM])], [], [INVOKE, STREAM, *READS]),
    "most of them": ([allow([INVOKE, STREAM, *READS])], [], [INVOKE, STREAM, *READS, "bedrock:Retrieve"]),
    "of two services": ([allow(["bedrock:*", "bedrock-mantle:*"])], [], ["bedrock:*", "bedrock-mantle:*"]),
    "one model": ([allow(INVOKE, MODEL)], [], [INVOKE]),
    "any but one model": ([allow(INVOKE), deny(INVOKE, MODEL)], [], [INVOKE]),
    "a model and a profile": ([allow(INVOKE, [MODEL, PROFILE])], [], [INVOKE]),
    "in one Region": ([allow(INVOKE, StringEquals={"aws:RequestedRegion": "eu-west-1"})], [], [INVOKE]),
    "a key that is absent": ([allow(INVOKE, Null={"bedrock:ServiceTier": "true"})], [], [INVOKE]),
    "a key that is there": ([allow(INVOKE, Null={"bedrock:ServiceTier": "false"})], [], [INVOKE]),
    "one value": ([allow(INVOKE, StringEquals={"bedrock:ServiceTier": "flex"})], [], [INVOKE]),
    "any value but one": ([allow(INVOKE, StringNotEquals={"bedrock:ServiceTier": "flex"})], [], [INVOKE]),
    "a pattern": ([allow(INVOKE, StringLike={"bedrock:ServiceTier": "fl*"})], [], [INVOKE]),
    "any but a pattern": ([allow(INVOKE, StringNotLike={"bedrock:ServiceTier": "fl*"})], [], [INVOKE]),
    "two of three values": (
        [allow(INVOKE, StringEquals={"bedrock:ServiceTier": ["a", "b", "c"]})],
        [allow(INVOKE, StringEquals={"bedrock:ServiceTier": "a"})], [INVOKE],
    ),
    "a tag among others": (
        [allow("bedrock:TagResource", **{"ForAnyValue:StringEquals": {"aws:TagKeys": "team"}})], [],
        ["bedrock:TagResource"],
    ),
    "no condition any more": ([allow(INVOKE)], [allow(INVOKE, Bool={"aws:SecureTransport": "false"})], [INVOKE]),
    "another Region": (
        [allow(INVOKE, "arn:aws:bedrock:*::foundation-model/*")],
        [allow(INVOKE, "arn:aws:bedrock:eu-west-1::foundation-model/*")], [INVOKE],
    ),
    "the other Regions of a pattern": (
        [allow(INVOKE, "arn:aws:bedrock:eu-*::foundation-model/*")],
        [allow(INVOKE, "arn:aws:bedrock:eu-west-1::foundation-model/*")], [INVOKE],
    ),
    "two more Regions": (
        [allow(INVOKE, [f"arn:aws:bedrock:eu-{each}::foundation-model/*" for each in ("west-1", "west-2", "north-1")])],
        [allow(INVOKE, "arn:aws:bedrock:eu-west-1::foundation-model/*")], [INVOKE],
    ),
    "one more model": ([allow(INVOKE, [MODEL, PROFILE])], [allow(INVOKE, MODEL)], [INVOKE]),
    "every other model": ([allow(INVOKE)], [allow(INVOKE, MODEL)], [INVOKE]),
    "more models of a maker": (
        [allow(INVOKE, "arn:aws:bedrock:eu-west-1::foundation-model/amazon.*")],
        [allow(INVOKE, "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-*")], [INVOKE],
    ),
    "another account": (
        [allow(INVOKE, "arn:aws:bedrock:*:*:*")], [allow(INVOKE, f"arn:aws:bedrock:*:{HOME}:*")], [INVOKE],
    ),
    "no resource": (
        [allow("bedrock:*")], [allow("bedrock:*", "arn:*")], ["bedrock:ListFoundationModels"],
    ),
    "where the key is absent": ([allow(INVOKE)], [allow(INVOKE, Null={TIER: "false"})], [INVOKE]),
    "where the key is present": ([allow(INVOKE)], [allow(INVOKE, Null={TIER: "true"})], [INVOKE]),
    "where it is another": ([allow(INVOKE)], [allow(INVOKE, StringEquals={TIER: ["a", "b"]})], [INVOKE]),
    "where it was another": ([allow(INVOKE)], [allow(INVOKE, StringNotEquals={TIER: ["a", "b"]})], [INVOKE]),
    "a wider range": (
        [allow(INVOKE, IpAddress={"aws:SourceIp": "203.0.112.0/23"})],
        [allow(INVOKE, IpAddress={"aws:SourceIp": "203.0.113.0/24"})], [INVOKE],
    ),
    "a higher number": (
        [allow(INVOKE, NumericLessThan={"bedrock:Number": "10"})],
        [allow(INVOKE, NumericLessThan={"bedrock:Number": "5"})], [INVOKE],
    ),
    "a tag no longer refused": (
        [allow("bedrock:TagResource")],
        [allow("bedrock:TagResource", **{"ForAllValues:StringNotEquals": {"aws:TagKeys": "team"}})],
        ["bedrock:TagResource"],
    ),
    "a tag no longer asked for": (
        [allow("bedrock:TagResource")],
        [allow("bedrock:TagResource", **{"ForAnyValue:StringEquals": {"aws:TagKeys": "team"}})],
        ["bedrock:TagResource"],
    ),
    "more conditions than one": (
        [allow(INVOKE)], [allow(INVOKE, StringEquals={TIER: "a", "bedrock:PromptRouterArn": "b"})], [INVOKE],
    ),
    "of the same principal twice": (
        [allow([INVOKE, STREAM]), allow("bedrock:Retrieve")],
        [allow(INVOKE, StringEquals={TIER: "a"}), allow("bedrock:Retrieve", StringEquals={TIER: "b"})],
        [INVOKE, STREAM, "bedrock:Retrieve"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_gained_in_words(name, snapshot):
    after, before, actions = CHANGES[name]
    change = diff(app(*before), app(*after), actions=actions, scope=APP)
    assert not change.lost
    assert [each.description for each in change.gained] == snapshot
