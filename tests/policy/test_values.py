"""Documents, sizes, splitting, networks, guardrails: the small values everything is written with."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy import Estate, Principal, Request, evaluate
from secure_bedrock.policy.document import Condition, Policy, Statement
from secure_bedrock.policy.environment import Arn, partition_of
from secure_bedrock.policy.guardrails import GuardrailVersion, RequiredGuardrail
from secure_bedrock.policy.network import NetworkPaths, require_ids, require_ranges
from secure_bedrock.policy.sizes import measure, size_of
from secure_bedrock.policy.splitting import pack
from tests.policy.places import GUARDRAIL

ALLOW = Statement(effect="Allow", sid="A", actions=("bedrock:InvokeModel",), resources=("*",))


def test_a_single_value_is_written_without_its_list():
    assert ALLOW.to_plain() == {"Sid": "A", "Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": "*"}


def test_a_document_is_read_back_as_it_was_written():
    statement = Statement(
        effect="Deny", sid="B", not_actions=("s3:*",), not_resources=("arn:aws:s3:::a", "arn:aws:s3:::b"),
        conditions=(Condition(operator="StringEquals", key="aws:PrincipalTag/team", values=("a",), if_exists=True),),
    )  # fmt: skip
    policy = Policy(statements=(ALLOW, statement))
    assert Policy.from_plain(json.loads(json.dumps(policy.to_plain()))) == policy


@pytest.mark.parametrize("elements", [{}, {"actions": ("a:b",), "not_actions": ("a:c",)}])
def test_a_statement_has_actions_or_not_actions(elements):
    with pytest.raises(InvalidInput, match="exactly one of actions and not_actions"):
        Statement(effect="Allow", resources=("*",), **elements)


def test_two_statements_cannot_share_a_sid():
    with pytest.raises(InvalidInput, match="Sid A is used twice"):
        Policy(statements=(ALLOW, ALLOW))


def test_a_condition_without_values_is_refused():
    with pytest.raises(InvalidInput, match="matches nothing"):
        Condition(operator="StringEquals", key="aws:SourceVpce", values=())


def test_an_unknown_element_is_refused_and_not_lost():
    with pytest.raises(InvalidInput, match="Principle"):
        Statement.from_plain({"Effect": "Allow", "Action": "*", "Resource": "*", "Principle": "*"})


def test_a_size_is_that_of_the_compact_document():
    policy = Policy(statements=(ALLOW,))
    assert size_of(policy) == len(json.dumps(policy.to_plain(), separators=(",", ":")))


@pytest.mark.parametrize(
    ("text", "width"), [("${Token[AWS.AccountId.7]}", 12), ("${Token[AWS.Region.7]}", 14), ("${Token[TOKEN.9]}", 100)]
)
def test_what_is_filled_in_later_counts_at_its_longest(text, width):
    assert measure(text) == width + 2


@pytest.mark.parametrize(
    ("region", "partition"), [("eu-west-1", "aws"), ("us-gov-west-1", "aws-us-gov"), ("eusc-de-east-1", "aws-eusc")]
)
def test_a_region_tells_its_partition(region, partition):
    assert partition_of(region) == partition


@pytest.mark.parametrize("region", ["cn-north-1", "nowhere", ""])
def test_a_region_without_bedrock_is_refused(region):
    with pytest.raises(InvalidInput, match="region"):
        partition_of(region)


@pytest.mark.parametrize("text", ["", "arn:aws:s3", "urn:a:b:c:d:e"])
def test_an_arn_has_six_fields(text):
    with pytest.raises(InvalidInput, match="arn"):
        Arn.parse(text)


@pytest.mark.parametrize("text", ["203.0.113.0/24", "2001:db8::/32", "203.0.113.7"])
def test_public_ranges_are_taken(text):
    assert require_ranges("source_ips", [text], public=True)


@pytest.mark.parametrize(
    "text",
    ["0.0.0.0/0", "::/0", "10.1.0.0/16", "172.20.0.0/16", "192.168.1.0/24", "100.64.0.0/10", "169.254.1.0/24",
     "127.0.0.1", "fe80::/10", "fd00::/8", "203.0.113.7/24", "office", "", 7, None],
)  # fmt: skip
def test_what_is_no_public_range_is_refused(text):
    with pytest.raises(InvalidInput, match="source_ips"):
        require_ranges("source_ips", [text], public=True)


def test_private_ranges_are_taken_behind_an_endpoint():
    assert require_ranges("vpc_source_ips", ["10.1.0.0/16"], public=False) == ("10.1.0.0/16",)


@pytest.mark.parametrize("values", [[], "203.0.113.0/24"])
def test_a_list_of_ranges_is_a_list_that_is_not_empty(values):
    with pytest.raises(InvalidInput, match="source_ips"):
        require_ranges("source_ips", values, public=True)


@pytest.mark.parametrize("name", ["endpoints", "vpcs"])
@pytest.mark.parametrize("value", ["vpce-", "vpc-xyz", "sg-12345678", 3])
def test_wrong_ids_are_refused(name, value):
    with pytest.raises(InvalidInput, match=name):
        require_ids(name, [value])


def test_two_paths_are_one_denial():
    """Two denials would refuse everybody: who comes by the one path does not come by the other."""
    paths = NetworkPaths(endpoint_ids=("vpce-0123456789abcdef0",), source_ips=("203.0.113.0/24",))
    assert [c.key for c in paths.off_every_path()] == ["aws:SourceVpce", "aws:SourceIp"]


@pytest.mark.parametrize(
    ("version", "operator", "value"),
    [(3, "StringNotEquals", f"{GUARDRAIL}:3"), ("3", "StringNotEquals", f"{GUARDRAIL}:3"),
     (GuardrailVersion.DRAFT, "StringNotEquals", GUARDRAIL),
     (GuardrailVersion.ANY_NUMBERED, "StringNotLike", f"{GUARDRAIL}:*")],
)  # fmt: skip
def test_the_condition_of_a_required_guardrail(version, operator, value):
    condition = RequiredGuardrail.of(GUARDRAIL, version).missing()
    assert (condition.operator, condition.values) == (operator, (value,))


@pytest.mark.parametrize("version", [None, 0, -1, "draft", "1.0", "01", True, 100_000_000, ""])
def test_a_wrong_guardrail_version_is_refused(version):
    with pytest.raises(InvalidInput, match="guardrail_version"):
        RequiredGuardrail.of(GUARDRAIL, version)


@pytest.mark.parametrize("arn", ["", "abcdefghijkl", f"{GUARDRAIL}:1", f"{GUARDRAIL}*", "arn:aws:s3:::x", None])
def test_a_wrong_guardrail_is_refused(arn):
    with pytest.raises(InvalidInput, match="guardrail"):
        RequiredGuardrail.of(arn, 1)


names = st.lists(st.from_regex(r"[a-z]{1,40}", fullmatch=True), min_size=1, max_size=12, unique=True).map(tuple)
positive = st.builds(
    lambda effect, actions, resources: Statement(
        effect=effect, sid="S", actions=tuple(f"bedrock:{name}" for name in actions),
        resources=tuple(f"arn:aws:bedrock:eu-west-1::foundation-model/{name}" for name in resources),
    ),
    st.sampled_from(["Allow", "Deny"]), names, names,
)  # fmt: skip


@settings(derandomize=True, max_examples=100, deadline=None)
@given(positive, st.integers(200, 2000), st.data())
def test_dividing_a_statement_changes_no_decision(statement, limit, data):
    try:
        documents = pack([statement], limit=limit, name="models")
    except InvalidInput:
        return
    assert all(size_of(document) <= limit for document in documents)
    everything = Statement(effect="Allow", actions=("*",), resources=("*",))
    rest = [Policy(statements=(everything,))] if statement.effect == "Deny" else []
    asked = data.draw(st.sampled_from(statement.actions)), data.draw(st.sampled_from(statement.resources))
    assert _allowed(asked, [*rest, Policy(statements=(statement,))]) == _allowed(asked, [*rest, *documents])


def _allowed(asked, documents):
    holder = Principal(arn="arn:aws:iam::111122223333:role/app", identity=tuple(documents))
    request = Request(principal="app", action=asked[0], resource=asked[1])
    return evaluate(Estate(principals={"app": holder}), request).allowed


def test_a_negative_statement_is_never_divided():
    statement = Statement(
        effect="Deny", sid="N", actions=("a:b", "a:c"), not_resources=tuple(f"arn:{i}" for i in range(99))
    )
    with pytest.raises(InvalidInput, match=r"models: the policy has \d+ characters, 300 are allowed.*N"):
        pack([statement], limit=300, name="models")


def test_a_divided_statement_keeps_sids_apart():
    statement = Statement(effect="Allow", sid="S", actions=("a:b",), resources=tuple(f"arn:{i}" for i in range(99)))
    sids = [s.sid for document in pack([statement], limit=400, name="models") for s in document.statements]
    assert len(set(sids)) == len(sids) > 1
