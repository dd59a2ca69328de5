"""Proofs: held against requests drawn at random; calls that work; what changed; budgets."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from secure_bedrock.policy import Call, Estate, Policy, Principal, Request, bedrock_invariants, diff, evaluate, prove
from secure_bedrock.policy.cases import read_estate
from secure_bedrock.policy.invariants import Never, Scope, requests
from secure_bedrock.policy.proving import prove_all
from secure_bedrock.policy.relations import all_relations
from secure_bedrock.policy.verdicts import Proved, Refuted, Unknown
from tests.policy.generation import Generator

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/app"
MODEL = "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0"
BEDROCK = ("bedrock:*",)
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def document(*statements):
    return Policy.from_plain({"Version": "2012-10-17", "Statement": list(statements)}, name="document")


def estate(*statements, **rest):
    return Estate(principals={"app": Principal(arn=ROLE, identity=(document(*(statements or [EVERYTHING])),))}, **rest)


def deny(**elements):
    return {"Effect": "Deny", "Action": "bedrock:*", "Resource": "*", **elements}


def possible(context: dict, principal: str, endpoint: str | None) -> dict:
    """A context drawn at random, mended so that AWS could send it."""
    context = {k: v for k, v in context.items() if not k.startswith("aws:RequestTag")}
    context["aws:TagKeys"] = [tag for tag in context.get("aws:TagKeys", ()) if tag.lower() != "team"]
    if not context["aws:TagKeys"]:
        del context["aws:TagKeys"]
    if principal != "user":
        context.setdefault("aws:TokenIssueTime", "2026-04-30T00:00:00Z")
    context.setdefault("aws:CurrentTime", "2026-05-01T00:00:00Z")
    if context.get("aws:TokenIssueTime", "") > context["aws:CurrentTime"]:
        context["aws:TokenIssueTime"] = "2026-04-30T00:00:00Z"
    if context.get("aws:MultiFactorAuthPresent") == "true" and "aws:TokenIssueTime" in context:
        context.setdefault("aws:MultiFactorAuthAge", "60")
    else:
        context.pop("aws:MultiFactorAuthAge", None)
    if "aws:TokenIssueTime" not in context:
        context.pop("aws:MultiFactorAuthPresent", None)
    if "aws:CalledVia" in context:
        context["aws:ViaAWSService"] = "true"
    if endpoint:
        context["aws:VpcSourceIp"] = "10.0.0.1"
    else:
        context.setdefault("aws:SourceIp", "192.0.2.1")
    return context


def test_no_request_drawn_at_random_contradicts_a_proof():
    """And the drawing has power: it finds most of what the prover refutes."""
    proofs = refuted = found = 0
    for seed in range(100):
        generator = Generator(seed)
        scenario = generator.scenario()
        scenario.request.pop("session_policies", None)
        world, asked = read_estate(scenario.estate), scenario.request
        statement = requests(actions=(asked["action"],), resources=(asked["resource"],))
        verdict = prove(world, Never(name="never", statements=(statement,), scope=Scope(principals=("caller",))))
        proofs += isinstance(verdict, Proved)
        refuted += isinstance(verdict, Refuted)
        kind = "user" if ":user/" in world.principals["caller"].arn else "role"
        for _ in range(60):
            endpoint = asked.get("endpoint") if generator.chance(0.5) else None
            context = possible(generator.context(endpoint), kind, endpoint)
            request = Request(
                principal="caller", action=asked["action"], resource=asked["resource"], context=context,
                endpoint=endpoint,
            )  # fmt: skip
            if evaluate(world, request).allowed:
                assert not isinstance(verdict, Proved), (seed, request)
                found += isinstance(verdict, Refuted)
                break
    assert proofs > 20
    assert found > refuted * 0.6


def test_a_witness_was_decided_by_the_evaluator():
    verdict = prove(estate(), bedrock_invariants.only_these_may_invoke())
    assert isinstance(verdict, Refuted)
    assert verdict.witness.decision.allowed
    assert evaluate(verdict.witness.estate, verdict.witness.request).allowed


def test_both_ways_are_reported():
    """Nobody of the estate, but an administrator nobody has named."""
    verdict = prove(estate(deny()), bedrock_invariants.only_these_may_invoke())
    assert isinstance(verdict, Refuted)
    assert verdict.holds_for_named
    assert not verdict.witness.is_named
    limited = estate(deny(), scps=((document(EVERYTHING, deny()),),))
    assert isinstance(prove(limited, bedrock_invariants.only_these_may_invoke()), Proved)


def test_a_proof_lists_what_it_rests_on_and_says_where_it_says_little():
    verdict = prove(estate(deny()), Never(name="x", statements=(requests(actions=("bedrock:InvokeModel",)),),
                                          scope=Scope(principals=("app",))))  # fmt: skip
    assert isinstance(verdict, Proved)
    assert "may use these actions at all" in verdict.vacuous
    assert any("resource types" in line for line in verdict.assumptions)


def test_calls_that_work_and_calls_that_cannot():
    call = Call(principal="app", operation="Converse", model="eu.amazon.nova-lite-v1:0", region="eu-west-1")
    assert isinstance(prove(estate(), bedrock_invariants.calls_work(call)), Proved)
    tied = estate({**EVERYTHING, "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}})
    plain = replace(call, model="amazon.nova-lite-v1:0")
    verdict = prove(tied, bedrock_invariants.calls_work(plain))
    assert isinstance(verdict, Proved)
    assert verdict.examples[0].allowed
    here = deny(Condition={"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}})
    verdict = prove(estate(EVERYTHING, here), bedrock_invariants.calls_work(call))
    assert isinstance(verdict, Refuted), verdict
    assert not verdict.witness.decision.allowed


def test_nothing_new_is_a_proof_and_what_is_new_is_described():
    before, after = estate(deny(), EVERYTHING), estate(deny(NotAction="bedrock:InvokeModel", Action=[]), EVERYTHING)
    same = diff(before, before, actions=BEDROCK)
    assert (same.gained, same.lost, same.nothing_new) == ((), (), True)
    changed = diff(before, after, actions=BEDROCK)
    assert [str(each) for each in changed.gained] == [f"{ROLE}: bedrock:InvokeModel"]
    assert changed.gained[0].witness
    assert not changed.nothing_new
    assert diff(after, before, actions=BEDROCK).nothing_new
    assert [str(each) for each in diff(after, before, actions=BEDROCK).lost] == [f"{ROLE}: bedrock:InvokeModel"]


@pytest.mark.parametrize("seed", range(3))
def test_a_deny_never_widens_and_an_order_never_matters(seed):
    random = Random(seed)  # noqa: S311 - not for secrets
    world = read_estate(Generator(seed).scenario().estate)
    caller = world.principals["caller"]
    denied = replace(caller, identity=(*caller.identity, document(deny(Condition={"Null": {"aws:SourceIp": "true"}}))))
    narrower = replace(world, principals={**world.principals, "caller": denied})
    assert diff(world, narrower).gained == ()
    mixed = tuple(replace(each, statements=tuple(random.sample(each.statements, len(each.statements))))
                  for each in caller.identity)  # fmt: skip
    turned = replace(world, principals={**world.principals, "caller": replace(caller, identity=mixed)})
    changed = diff(world, turned)
    assert (changed.gained, changed.lost) == ((), ())


def test_every_guarantee_has_a_source_and_a_name_of_its_own():
    relations = all_relations()
    assert all(each.says and each.source for each in relations)
    assert len({each.name for each in relations}) == len(relations) > 30


def test_many_invariants_cost_little_more_than_one():
    world = estate(EVERYTHING, deny(Condition={"StringNotEquals": {"aws:SourceVpce": "vpce-0123456789abcdef0"}}))
    asked = bedrock_invariants.of_estate(world, ["app"])
    verdicts = prove_all(world, asked)
    assert [each.name for each in verdicts] == [each.name for each in asked]
    assert all(isinstance(each, Refuted | Proved | Unknown) for each in verdicts)
