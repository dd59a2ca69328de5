"""What a principal can do, all of it: rows that leave nothing out, and whose request each is really allowed."""

from __future__ import annotations

from functools import cache

import pytest

from secure_bedrock.policy import Estate, Request, evaluate
from secure_bedrock.policy._globs import matcher, parse
from secure_bedrock.policy.cases import read_estate, read_request
from secure_bedrock.policy.reachability import Reach, reach
from tests.policy.generation import Generator
from tests.policy.test_fine_points import APP, HOME, INVOKE, MODEL, NUMBER, TIER, allow, app, deny
from tests.policy.test_said import SCOPES

STREAM = "bedrock:InvokeModelWithResponseStream"
PROFILE = f"arn:aws:bedrock:eu-west-1:{HOME}:inference-profile/eu.amazon.nova-lite-v1:0"
OURS, THEIRS = "vpce-0123456789abcdef0", "vpce-0fedcba9876543210"
#: Statements of a role, and the actions that are asked about.
ROLES = {
    "everything": ([allow("*")], [INVOKE]),
    "two models": ([allow(INVOKE, [MODEL, PROFILE])], [INVOKE]),
    "one model in two ways": ([allow([INVOKE, STREAM], MODEL)], ["bedrock:Invoke*"]),
    "one model each way": ([allow(INVOKE, MODEL), allow(STREAM, PROFILE)], ["bedrock:Invoke*"]),
    "any model but one": ([allow(INVOKE), deny(INVOKE, MODEL)], [INVOKE]),
    "a maker's models but one": (
        [allow(INVOKE, "arn:aws:bedrock:eu-west-1::foundation-model/amazon.*"), deny(INVOKE, MODEL)], [INVOKE],
    ),
    "one Region": ([allow(INVOKE, StringEquals={"aws:RequestedRegion": "eu-west-1"})], [INVOKE]),
    "any Region but one": ([allow(INVOKE, StringNotEquals={"aws:RequestedRegion": "us-east-1"})], [INVOKE]),
    "one account": ([allow(INVOKE, f"arn:aws:bedrock:*:{HOME}:*")], [INVOKE]),
    "without a resource": ([allow("bedrock:List*")], ["bedrock:ListFoundationModels"]),
    "with a resource and without": ([allow("bedrock:*")], [INVOKE, "bedrock:ListFoundationModels"]),
    "through one endpoint": ([allow(INVOKE, StringEquals={"aws:SourceVpce": OURS})], [INVOKE]),
    "through any endpoint": ([allow(INVOKE, Null={"aws:SourceVpce": "false"})], [INVOKE]),
    "through none": ([allow(INVOKE, Null={"aws:SourceVpce": "true"})], [INVOKE]),
    "not through theirs": ([allow(INVOKE, StringNotEquals={"aws:SourceVpce": THEIRS})], [INVOKE]),
    "through one for one model": (
        [allow(INVOKE, MODEL, StringEquals={"aws:SourceVpce": OURS}), allow(INVOKE, PROFILE)], [INVOKE],
    ),
    "through each with a key of its own": (
        [
            allow(INVOKE, StringEquals={"aws:SourceVpce": OURS, TIER: "a"}),
            allow(INVOKE, StringEquals={"aws:SourceVpce": THEIRS, TIER: "b"}),
        ],
        [INVOKE],
    ),
    "from a network": ([allow(INVOKE, IpAddress={"aws:SourceIp": "203.0.113.0/24"})], [INVOKE]),
    "from anywhere but a network": ([allow(INVOKE, NotIpAddress={"aws:SourceIp": "203.0.113.0/24"})], [INVOKE]),
    "a key": ([allow(INVOKE, StringEquals={TIER: ["a", "b"]})], [INVOKE]),
    "a key of two models": (
        [allow(INVOKE, MODEL, StringEquals={TIER: "a"}), allow(INVOKE, PROFILE, StringEquals={TIER: "b"})], [INVOKE],
    ),
    "a key that is not another": ([allow(INVOKE, StringNotEquals={TIER: "a"})], [INVOKE]),
    "a key that must be there": ([allow(INVOKE, StringLike={TIER: "*"})], [INVOKE]),
    "a key that must be there and another": (
        [allow(INVOKE, StringNotEquals={TIER: "a"}, Null={TIER: "false"})], [INVOKE],
    ),
    "a key that must not be there": ([allow(INVOKE, Null={TIER: "true"})], [INVOKE]),
    "a number": ([allow(INVOKE, NumericLessThan={NUMBER: "5"})], [INVOKE]),
    "no number above": ([deny(INVOKE, NumericGreaterThan={NUMBER: "5"}), allow(INVOKE)], [INVOKE]),
    "until a day": ([allow(INVOKE, DateLessThan={"aws:CurrentTime": "2027-01-01T00:00:00Z"})], [INVOKE]),
    "with tags among many": (
        [allow("bedrock:TagResource", **{"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}})],
        ["bedrock:TagResource"],
    ),
    "through a service alone": ([allow(INVOKE, Bool={"aws:ViaAWSService": "true"})], [INVOKE]),
    "nothing": ([deny(INVOKE), allow("bedrock:*")], [INVOKE]),
}  # fmt: skip


def read(row: Reach) -> str:
    where = {"regions": row.regions, "accounts": row.accounts, "endpoint": row.endpoint, "keys": row.keys}
    told = [f"{name} {value!r}" for name, value in where.items() if value]
    return (
        f"{row.arn}: {', '.join(row.actions)} on {', '.join(row.resources) or 'nothing'}; {'; '.join(told)}; "
        f"for one {row.witness}; {row.undecided}"
    )


@pytest.mark.parametrize("name", ROLES)
def test_what_a_role_reaches_word_for_word(name, snapshot):
    statements, actions = ROLES[name]
    estate = app(*statements)
    rows = reach(estate, actions, scope=APP)
    assert [read(row) for row in rows] == snapshot
    for row in rows:
        assert row.witness is not None
        assert row.undecided == ""


@cache
def _names(text: str):
    return matcher(parse(text, variables=False))


def is_listed(names: tuple[str, ...], value: str) -> bool:
    """Whether one of the names is of a value; `a* except ab*, ac` is of what only the first matches."""
    for name in names:
        whole, _, but = name.partition(" except ")
        if _names(whole)(value) and not any(_names(each)(value) for each in but.split(", ") if but):
            return True
    return False


def holds(row: Reach, asked: Request) -> bool:
    if asked.action.lower() not in {each.lower() for each in row.actions}:
        return False
    if not asked.resource or asked.resource == "*":
        return not row.resources
    _, _, _, region, account, rest = asked.resource.split(":", 5)
    fields = (row.resources, rest), (row.regions, region), (row.accounts, account)
    return all(is_listed(names, value) for names, value in fields)


def arns_of(estate: Estate) -> set[str]:
    """Those whom the estate shows; the root user and services are asked about by other scopes."""
    return {each.arn for each in estate.principals.values()}


def test_a_row_tells_of_each_request_that_is_allowed():
    """Of random estates: a request that they allow is in a row of its caller, by action, resource, Region, account."""
    allowed = 0
    for seed in range(600):
        scenario = Generator(seed).scenario()
        estate, asked = read_estate(scenario.estate), read_request(scenario.request)
        decision = evaluate(estate, asked)
        if not decision.allowed or decision.disputed or asked.principal not in arns_of(estate):
            continue
        allowed += 1
        rows = [row for row in reach(estate, [asked.action]) if row.arn == asked.principal]
        assert any(holds(row, asked) for row in rows), (seed, asked, [read(row) for row in rows])
    assert allowed > 30


def test_a_row_shows_a_request_that_is_allowed():
    shown = 0
    for seed in range(60):
        scenario = Generator(seed).scenario()
        estate = read_estate(scenario.estate)
        for row in reach(estate, [scenario.request["action"]]):
            if row.witness and row.is_named:
                asked = row.witness.request
                shown += 1
                assert evaluate(estate, asked).allowed
                assert holds(row, asked)
    assert shown > 10


@pytest.mark.parametrize("seed", range(24))
def test_what_is_reached_in_random_estates_word_for_word(seed, snapshot):
    scenario = Generator(seed).scenario()
    rows = reach(read_estate(scenario.estate), [scenario.request["action"]], scope=SCOPES["named"])
    assert [read(row) for row in rows] == snapshot


@pytest.mark.parametrize("scope", SCOPES)
def test_what_others_reach_word_for_word(scope, snapshot):
    scenario = Generator(2).scenario()
    rows = reach(read_estate(scenario.estate), ["bedrock:Invoke*"], scope=SCOPES[scope])
    assert [read(row) for row in rows] == snapshot


@pytest.mark.parametrize(("count", "rows"), [(24, 24), (25, 1)])
def test_resources_are_told_apart_while_they_are_few(count, rows):
    models = [f"{MODEL.partition('/')[0]}/m{i}" for i in range(count)]
    estate = app(*(allow(INVOKE, model, StringEquals={TIER: str(i)}) for i, model in enumerate(models)))
    assert len(reach(estate, [INVOKE], scope=APP)) == rows


def test_a_row_without_a_request_says_why():
    as_one = {"StringEquals": {"aws:TagKeys": "team"}}
    estate = app(allow("bedrock:TagResource", **as_one), allow(INVOKE, MODEL))
    rows = reach(estate, ["bedrock:TagResource", INVOKE], scope=APP)
    assert {(row.actions, row.undecided) for row in rows} == {
        (("bedrock:TagResource",), "StringEquals on aws:TagKeys, which holds many values"),
        (("bedrock:InvokeModel",), ""),
    }  # fmt: skip


def test_what_cannot_be_read_at_all_within_the_budget_is_one_row():
    (row,) = reach(app(allow()), [INVOKE], budget=1)
    assert (row.name, row.arn, row.is_named, row.witness) == ("every principal", "*", True, None)
    assert "1 steps" in row.undecided or "budget" in row.undecided
