"""What AWS guarantees about keys: each guarantee is kept by every proof, and forbids no more than it says."""

from __future__ import annotations

import pytest

from secure_bedrock.policy import Estate, Policy, Principal, prove
from secure_bedrock.policy.invariants import Scope
from secure_bedrock.policy.relations import Fact, Relation, all_relations
from secure_bedrock.policy.verdicts import Proved, Refuted
from tests.policy.test_fine_points import ROLE, USER, document, never

IMPLICATIONS = {each.name: each for each in all_relations() if each.when or each.then}
ISSUED = "aws:tokenissuetime"
#: A user's long-term credentials have none of these; a role's session has the first.
OF_SESSIONS = {ISSUED, "aws:multifactorauthpresent", "aws:multifactorauthage"}
#: Facts, and whether they are so.
Facts = list[tuple[Fact, bool]]


def statement(facts: Facts) -> dict:
    """A statement that allows what has each of some facts, or lacks it."""
    written: dict = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {}}
    for fact, is_so in facts:
        holds = fact.holds is is_so
        if fact.about in {"action", "resource"}:
            name = fact.about.capitalize()
            written.pop(name)
            written[name if holds else f"Not{name}"] = list(fact.values)
        elif fact.about != "caller":
            operator, values = ("StringEquals" if holds else "StringNotEquals", list(fact.values))
            if not values:
                operator, values = "Null", ["false" if holds else "true"]
            written["Condition"].setdefault(operator, {})[fact.about] = values
    return written


def asks(arn: str, facts: Facts) -> bool:
    """Whether facts about who asks are so of a role, or of a user."""
    return all(
        (fact.values == ("AssumedRole",) and arn == ROLE) is (fact.holds is is_so)
        for fact, is_so in facts
        if fact.about == "caller"
    )


def can_have(arn: str, facts: Facts) -> bool:
    """Whether the credentials of a role or of a user can have what is said of sessions."""
    there = {fact.about for fact, is_so in facts if fact.holds is is_so}
    lacking = {fact.about for fact, is_so in facts if fact.holds is not is_so and not fact.values}
    return not there & OF_SESSIONS if arn == USER else ISSUED not in lacking


def against(relation: Relation, spared: int | None = None) -> Facts:
    """What a guarantee rules out; with one part of it spared, something that it does not."""
    rows = [*((each, True) for each in relation.when), *((each, False) for each in relation.then)]
    return [(fact, is_so is not (i == spared)) for i, (fact, is_so) in enumerate(rows)]


RULED_OUT = [
    (name, arn) for name, each in IMPLICATIONS.items() for arn in (ROLE, USER) if asks(arn, against(each))
]  # fmt: skip
POSSIBLE = [
    (name, spared, arn)
    for name, each in IMPLICATIONS.items()
    for spared in range(len(each.when) + len(each.then))
    for arn in (ROLE, USER)
    if asks(arn, against(each, spared)) and can_have(arn, against(each, spared))
]


def answer_to(policy: Policy, arn: str = ROLE):
    who = Principal(arn=arn, identity=(policy,))
    return prove(Estate(principals={"app": who}), never(action="*", scope=Scope(principals=("app",))))


def answer(arn: str, facts: Facts):
    return answer_to(document(statement(facts)), arn)


@pytest.mark.parametrize(("name", "arn"), RULED_OUT)
def test_nobody_asks_for_what_a_guarantee_rules_out(name, arn):
    assert isinstance(answer(arn, against(IMPLICATIONS[name])), Proved)


@pytest.mark.parametrize(("name", "spared", "arn"), POSSIBLE)
def test_somebody_asks_for_what_it_does_not(name, spared, arn):
    assert isinstance(answer(arn, against(IMPLICATIONS[name], spared)), Refuted)


def test_each_guarantee_is_tried_both_ways():
    assert {name for name, _ in RULED_OUT} == {name for name, *_ in POSSIBLE} == IMPLICATIONS.keys()


#: Guarantees that say what a key equals, and the keys that an answer about them asks for.
EQUALITIES = {
    "Region of the resource": ["aws:RequestedRegion"],
    "unspecified Region": ["aws:RequestedRegion"],
    "account of the resource": ["aws:ResourceAccount"],
    "organisation of the resource": ["aws:ResourceOrgID"],
    "organisation of the caller": ["aws:PrincipalOrgID"],
    "VPC of the endpoint": ["aws:SourceVpc", "aws:SourceVpce"],
    "issued before now": ["aws:TokenIssueTime", "aws:CurrentTime"],
    "one clock": ["aws:EpochTime", "aws:CurrentTime"],
    "tags of the request": ["aws:TagKeys"],
}


def test_each_equality_is_here():
    assert {each.name for each in all_relations() if each.keys} == EQUALITIES.keys()


@pytest.mark.parametrize("name", EQUALITIES)
def test_an_answer_names_what_it_rests_on(name):
    """An answer about the keys of a guarantee says it, and one about none of them does not."""
    says = next(each.says for each in all_relations() if each.name == name)
    asked = [{"Null": dict.fromkeys(EQUALITIES[name], "false")}, {}]
    told = [
        answer_to(document({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": each})).assumptions
        for each in asked
    ]
    assert [any(says in text for text in each) for each in told] == [True, False]
