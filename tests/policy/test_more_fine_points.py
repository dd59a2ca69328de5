"""More fine points: who is asked about, what stays open, and how changes and budgets are told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from secure_bedrock.policy import Account, Estate, Principal, diff, evaluate, prove
from secure_bedrock.policy._budget import Budget, ExhaustedError
from secure_bedrock.policy._subjects import outsiders
from secure_bedrock.policy.difference import is_same
from secure_bedrock.policy.invariants import Scope
from secure_bedrock.policy.reachability import reach
from secure_bedrock.policy.verdicts import Proved, Refuted, Unknown
from tests.policy.test_fine_points import (
    ABROAD,
    APP,
    BUCKET,
    EVERYTHING,
    HOME,
    INVOKE,
    OWN_TAG,
    ROLE,
    SESSION,
    TAG,
    TIER,
    allow,
    anybody_tags,
    app,
    deny,
    document,
    never,
    where,
)  # fmt: skip

PARTNER = f"arn:aws:iam::{ABROAD}:role/partner"
OBJECT = f"{BUCKET}/x"
OUTSIDE = Scope(principals=(), outside=True)
UNNAMED = Scope(principals=(), unnamed=True)
AS_ONE = {"StringEquals": {"aws:TagKeys": "team"}}
TIED = {"StringEquals": {TAG: f"${{{OWN_TAG}}}"}}


def test_an_action_may_be_written_as_two_stars():
    verdict = prove(app(allow("*:*")), never())
    assert isinstance(verdict, Refuted)
    assert isinstance(prove(app(allow("*"), deny("*:*")), never()), Proved)


@pytest.mark.parametrize("place", ["estate", "account"])
def test_whom_a_control_policy_spares_is_asked_about(place):
    """One principal elsewhere is spared, whom nothing else names, at each place where such a policy can stand."""
    spares = document(
        {**allow("*"), "Principal": "*"}, {**deny("s3:GetObject"), "NotPrincipal": {"AWS": PARTNER}}
    )  # fmt: skip
    level = ((spares,),)
    everybody = document({**allow("s3:GetObject", OBJECT), "Principal": "*"})
    estate = Estate(
        resource_policies={OBJECT: everybody, f"arn:aws:sqs:eu-west-1:{HOME}:q": everybody},
        accounts={HOME: Account(rcps=level if place == "account" else None)},
        rcps=level if place == "estate" else (),
    )
    owned = where("StringEquals", "aws:ResourceAccount", HOME)
    asked = never(owned, action="s3:GetObject", resources=(OBJECT,), scope=OUTSIDE)
    assert isinstance(prove(estate, asked), Unknown)  # AWS does not say whom NotPrincipal spares that names a role
    assert PARTNER in {each.caller.arn for each in outsiders(estate)}


def test_an_answer_that_hangs_on_more_than_a_variable_stays_open():
    """Each value of the variable is tried, and each leaves open how a key of many values is compared as one."""
    estate = app(allow("bedrock:TagResource", StringEquals={**TIED["StringEquals"], "aws:TagKeys": "team"}),
                 trust=anybody_tags())  # fmt: skip
    verdict = prove(estate, never(action="bedrock:TagResource"))
    assert isinstance(verdict, Unknown), str(verdict)
    assert "aws:TagKeys, which holds many values" in verdict.reason


def test_a_witness_keeps_the_tags_of_its_role():
    estate = app(EVERYTHING, trust=anybody_tags(), tags=(("project", "chat"),))
    verdict = prove(estate, never())
    assert isinstance(verdict, Refuted)
    assert verdict.witness.estate.principals["app"].tags == (("project", "chat"),)


def test_tags_of_somebody_nobody_named_are_not_of_the_session():
    """They are his own: whoever starts a session of his chose nothing."""
    verdict = prove(app(), replace(never(where("StringEquals", OWN_TAG, "search")), scope=UNNAMED))
    assert isinstance(verdict, Refuted)
    assert verdict.witness.session_tags == ()
    assert ("team", "search") in next(
        each.tags for name, each in verdict.witness.estate.principals.items() if name != "app"
    )  # fmt: skip


def test_the_same_is_not_claimed_of_what_is_not_settled():
    before, after = app(), app(allow("bedrock:TagResource", **AS_ONE))
    assert is_same(before, after, actions=("bedrock:*",), scope=APP) is None
    assert is_same(after, before, actions=("bedrock:*",), scope=APP) is None
    assert is_same(after, after, actions=("bedrock:*",), scope=APP) is True
    assert is_same(before, app(allow()), actions=("bedrock:*",), scope=APP) is False
    assert is_same(before, after, actions=("bedrock:*",), scope=APP, budget=10) is None


def test_what_is_not_settled_names_the_denial_that_it_hangs_on():
    before, after = app(allow("bedrock:TagResource")), app(allow("bedrock:TagResource"), deny("bedrock:*", **AS_ONE))
    for one, other in ((before, after), (after, before)):
        change = diff(one, other, actions=("bedrock:TagResource",), scope=APP)
        assert change.unsettled == (f"{ROLE}: StringEquals on aws:TagKeys, which holds many values",)


@pytest.mark.parametrize(("count", "shown", "is_cut"), [(8, 8, False), (9, 8, True)])
def test_so_many_changes_of_one_principal_are_told(count, shown, is_cut):
    """Each model was refused in one tier of its own, so that no two of the gains are one."""
    models = [f"arn:aws:bedrock:*::foundation-model/m{i}" for i in range(count)]
    before = app(*(allow(INVOKE, model, StringNotEquals={TIER: str(i)}) for i, model in enumerate(models)))
    change = diff(before, app(allow(INVOKE, models)), actions=(INVOKE,), scope=APP)
    assert (len(change.gained), change.is_cut) == (shown, is_cut)


def test_a_session_gains_under_its_own_name():
    bob = Principal(arn=f"arn:aws:iam::{HOME}:user/bob", identity=(document(EVERYTHING),))
    named = {**allow("s3:GetObject", OBJECT), "Principal": {"AWS": SESSION}}
    before = Estate(principals={"bob": bob})
    after = replace(before, resource_policies={OBJECT: document(named)})
    change = diff(before, after, actions=("s3:GetObject",), scope=Scope(principals=("bob",)))
    assert {each.principal for each in change.gained} == {SESSION}


def test_what_may_be_reached_is_undecided_with_the_reason():
    rows = reach(app(allow("bedrock:TagResource", **AS_ONE)), ["bedrock:TagResource"], scope=APP)
    assert {(row.witness, row.undecided) for row in rows} == {
        (None, "StringEquals on aws:TagKeys, which holds many values")
    }  # fmt: skip


def test_a_reach_is_shown_by_a_request_that_somebody_makes_directly():
    estate = app(allow(StringEqualsIfExists={"aws:CalledViaLast": "bedrock.amazonaws.com"}), deny(
        Bool={"aws:ViaAWSService": "false"}, StringNotEquals={"aws:UserAgent": "tool"}))  # fmt: skip
    rows = reach(estate, [INVOKE], scope=APP)
    assert len(rows) == 3
    for row in rows:
        assert {*row.witness.request.context} == {"aws:UserAgent"}
        assert evaluate(row.witness.estate, row.witness.request).allowed


def test_a_part_of_a_budget_is_of_what_is_left():
    budget = Budget(100)
    budget.spend(40, "work")
    assert (budget.part(50).steps, budget.part(70).steps, budget.spent) == (50, 60, 40)
    with pytest.raises(ExhaustedError, match="the budget of 100 steps was spent on more"):
        budget.spend(61, "more")
    assert (budget.part(50).steps, budget.spent) == (0, 100)
    whole = Budget(5)
    whole.spend(5, "all of it")
    assert whole.left == 0


def test_what_a_role_gains_is_told_beside_what_one_of_its_sessions_gains():
    """A policy of a resource names one session of the role, and the role is given another action."""
    session = f"arn:aws:sts::{HOME}:assumed-role/app/first"
    named = {"Effect": "Allow", "Principal": {"AWS": session}, "Action": "s3:GetObject", "Resource": OBJECT}
    after = replace(app(allow("bedrock:Retrieve")), resource_policies={OBJECT: document(named)})
    change = diff(app(), after, actions=["s3:GetObject", "bedrock:Retrieve"], scope=Scope())
    assert {each.principal: each.description for each in change.gained} == {
        ROLE: "bedrock:Retrieve", session: "s3:GetObject, bedrock:Retrieve",
    }  # fmt: skip
    assert all(each.witness for each in change.gained)


def test_a_user_whom_nobody_has_named_has_some_name():
    verdict = prove(app(), replace(never(where("StringEquals", "aws:username", "eve")), scope=UNNAMED))
    assert not isinstance(verdict, Proved)
    assert isinstance(prove(app(allow()), never(where("Null", "aws:username", "false"))), Proved)


@pytest.mark.parametrize("who", ["thing/x", "assumed-role/other/session", "federated-user/eve"])
def test_whoever_a_resource_names_in_the_account_is_asked_about(who):
    named = {**allow("s3:GetObject", OBJECT), "Principal": {"AWS": f"arn:aws:sts::{HOME}:{who}"}}
    estate = replace(app(), resource_policies={OBJECT: document(named)})
    verdict = prove(estate, replace(never(action="s3:GetObject"), scope=UNNAMED))
    assert isinstance(verdict, Refuted)


def test_a_comparison_that_was_not_made_lists_nothing_and_says_why():
    change = diff(app(), app(allow()), actions=(INVOKE,), scope=APP, budget=2)
    assert (change.gained, change.lost, change.is_cut) == ((), (), False)
    assert [text.partition(" steps")[0] for text in change.unsettled] == ["the budget of 1"]
    assert not change.nothing_new
