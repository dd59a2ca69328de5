"""What must not change a decision, and what may change it in one direction only, on estates that hypothesis draws.

Nothing here knows a right answer: two answers are held against each other. Hypothesis makes the random choices of the
generator, so that a failure is cut down to a small estate.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from secure_bedrock.policy import diff, evaluate, prove
from secure_bedrock.policy.cases import read_estate, read_question, read_request
from secure_bedrock.policy.verdicts import Proved, Refuted, Unknown
from tests.policy.generation import ALLOW_ALL, HOME, Generator, Scenario

Plain = dict[str, Any]
always = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
many = settings(always, max_examples=80)
few = settings(always, max_examples=12, phases=(Phase.explicit, Phase.generate))  # shrinking would take minutes


@st.composite
def scenarios(draw: Callable[..., Any]) -> tuple[Plain, Plain, Random]:
    """An estate, a request, and the randomness for what is done to them."""
    generator = Generator(0)
    generator.random = draw(st.randoms(use_true_random=False))
    scenario: Scenario = generator.scenario()
    return scenario.estate, scenario.request, generator.random


def is_allowed(estate: Plain, request: Plain) -> bool:
    return evaluate(read_estate(estate), read_request(request)).allowed


def documents(estate: Plain, request: Plain) -> Iterator[Plain]:
    """Every policy, to be changed in place."""
    for principal in estate["principals"].values():
        yield from principal.get("identity", ())
        yield from (principal[name] for name in ("boundary", "trust") if principal.get(name))
    yield from (policy for name in ("scps", "rcps") for level in estate.get(name, ()) for policy in level)
    yield from (endpoint["policy"] for endpoint in estate.get("endpoints", {}).values())
    yield from estate.get("resource_policies", {}).values()
    yield from request.get("session_policies", ())


def statements(document: Plain) -> list[Plain]:
    """The statements of a policy, as a list that can be changed."""
    if isinstance(document["Statement"], dict):
        document["Statement"] = [document["Statement"]]
    return document["Statement"]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def denial(statement: Plain, random: Random) -> Plain:
    """A deny for whoever the statement is about, of some of the actions."""
    elements = {
        name: statement[name] for name in ("Principal", "NotPrincipal", "Resource", "NotResource") if name in statement
    }
    action = random.choice(["*", *listed(statement.get("Action", "sqs:*"))])
    return {"Effect": "Deny", "Action": action, **elements}


@many
@given(scenarios())
def test_one_more_deny_never_gains_access(drawn):
    estate, request, random = copy.deepcopy(drawn[:2]) + drawn[2:]
    before = is_allowed(estate, request)
    rows = statements(random.choice(list(documents(estate, request))))
    rows.insert(random.randint(0, len(rows)), denial(random.choice(rows), random))
    assert is_allowed(estate, request) <= before


@many
@given(scenarios())
def test_one_allow_less_never_gains_access(drawn):
    estate, request, random = copy.deepcopy(drawn[:2]) + drawn[2:]
    before = is_allowed(estate, request)
    rows = statements(random.choice(list(documents(estate, request))))
    allows = [index for index, each in enumerate(rows) if each["Effect"] == "Allow"]
    if allows:
        del rows[random.choice(allows)]
        assert is_allowed(estate, request) <= before


@many
@given(scenarios())
def test_one_more_limit_never_gains_access(drawn):
    """A boundary, a level of control policies, a session policy: whatever they say."""
    estate, request, random = copy.deepcopy(drawn[:2]) + drawn[2:]
    before = is_allowed(estate, request)
    generator = Generator(0)
    generator.random = random
    caller = estate["principals"]["caller"]
    if "assumed-role" in request["principal"] and random.random() < 0.5 and "session_policies" not in request:
        request["session_policies"] = [generator.policy()]
    elif random.random() < 0.5 and "boundary" not in caller and "aws-service-role" not in caller["arn"]:
        if "NotPrincipal" in json.dumps(estate):
            return  # it denies every principal with a boundary, so that one is no mere limit
        caller["boundary"] = generator.policy()
    else:
        estate.setdefault("scps", []).append([generator.policy()])
    assert is_allowed(estate, request) <= before


@many
@given(scenarios())
def test_order_never_matters(drawn):
    """Of statements, of policies of one kind, of the values of an element."""
    estate, request, random = copy.deepcopy(drawn[:2]) + drawn[2:]
    before = is_allowed(estate, request)
    for document in documents(estate, request):
        random.shuffle(statements(document))
        for statement in statements(document):
            for value in (*statement.values(), *statement.get("Condition", {}).values()):
                for each in (value, *(value.values() if isinstance(value, dict) else ())):
                    if isinstance(each, list):
                        random.shuffle(each)
    random.shuffle(estate["principals"]["caller"]["identity"])
    random.shuffle(estate.get("scps", []))
    assert is_allowed(estate, request) == before


@many
@given(scenarios())
def test_a_statement_for_each_action_and_resource_says_the_same(drawn):
    estate, request, _ = copy.deepcopy(drawn[:2]) + drawn[2:]
    before = is_allowed(estate, request)
    for document in documents(estate, request):
        document["Statement"] = [each for statement in statements(document) for each in split(statement)]
    assert is_allowed(estate, request) == before


def split(statement: Plain) -> Iterator[Plain]:
    """Lists that are alternatives, one by one; a negative one means all of its parts together, so it stays whole."""
    for action in listed(statement.get("Action", [None])):
        for resource in listed(statement.get("Resource", [None])):
            parts = {"Action": action, "Resource": resource}
            yield {**statement, **{name: part for name, part in parts.items() if part is not None}}


@many
@given(scenarios())
def test_names_are_only_names(drawn):
    """Accounts, Regions and people called otherwise, everywhere alike."""
    estate, request, _ = drawn
    names = {
        HOME: "777788889999", "eu-west-1": "ap-south-2", "alice": "zoe", "vpce-1": "vpce-77", "partner": "supplier",
        "aws:PrincipalTag/team": "aws:PrincipalTag/group",
    }  # fmt: skip
    text = json.dumps([estate, request])
    for old, new in names.items():
        text = text.replace(old, new)
    renamed = json.loads(text)
    for principal in renamed[0]["principals"].values():
        if "team" in principal.get("tags", {}):
            principal["tags"] = {"group": principal["tags"]["team"]}
    assert is_allowed(*renamed) == is_allowed(estate, request)


@many
@given(scenarios())
def test_what_is_said_twice_changes_nothing(drawn):
    """A statement written again, and a level of control policies that allows everything."""
    estate, request, random = copy.deepcopy(drawn[:2]) + drawn[2:]
    before = is_allowed(estate, request)
    for document in documents(estate, request):
        rows = statements(document)
        rows.append(copy.deepcopy(random.choice(rows)))
    everything = copy.deepcopy(ALLOW_ALL)
    del everything["Statement"][0]["Principal"]
    estate["scps"] = [[everything], *estate.get("scps", [])]
    assert is_allowed(estate, request) == before


# ----- proofs


def question_of(request: Plain) -> Plain:
    return {"principals": ["caller"], "actions": [request["action"]], "resources": [request["resource"]]}


def verdict(estate: Plain, question: Plain) -> Proved | Refuted | Unknown:
    return prove(read_estate(estate), read_question(question, name="question"))


@few
@given(scenarios())
def test_a_proof_survives_one_more_deny_and_any_order(drawn):
    estate, request, random = copy.deepcopy(drawn[:2]) + drawn[2:]
    question = question_of(request)
    before = type(verdict(estate, question))
    turned = copy.deepcopy(estate)
    for document in documents(turned, {}):
        document["Statement"] = [each for statement in statements(document) for each in split(statement)]
        random.shuffle(document["Statement"])
    assert type(verdict(turned, question)) is before
    rows = statements(random.choice(list(documents(estate, {}))))
    rows.append(denial(random.choice(rows), random))
    after = verdict(estate, question)
    assert before is not Proved or isinstance(after, Proved)


@few
@given(scenarios())
def test_a_narrower_question_is_no_harder(drawn):
    """What no request of a kind is allowed, none of a part of them is."""
    estate, request, _ = drawn
    question = question_of(request)
    wide = {**question, "actions": [request["action"].partition(":")[0] + ":*"]}
    narrow = {**question, "conditions": {"Bool": {"aws:SecureTransport": "true"}}}
    verdicts = [type(verdict(estate, each)) for each in (wide, question, narrow)]
    for one, other in ((0, 1), (1, 2)):
        assert not (verdicts[one] is Proved and verdicts[other] is Refuted)


@few
@given(scenarios())
def test_a_difference_is_that_of_its_sides(drawn):
    """None between equals; and what one side gains the other loses."""
    estate, request, random = copy.deepcopy(drawn[:2]) + drawn[2:]
    changed = copy.deepcopy(estate)
    rows = statements(random.choice(list(documents(changed, {}))))
    rows[random.randrange(len(rows))]["Effect"] = "Deny"
    before, after = read_estate(estate), read_estate(changed)
    actions = [request["action"]]
    same = diff(before, before, actions=actions)
    assert (same.gained, same.lost) == ((), ())
    found, turned = diff(before, after, actions=actions), diff(after, before, actions=actions)
    assert sorted(map(str, found.gained)) == sorted(map(str, turned.lost))
    assert sorted(map(str, found.lost)) == sorted(map(str, turned.gained))
    for access in (*found.lost, *turned.gained):
        witness = access.witness
        assert witness is None or witness.decision.allowed
