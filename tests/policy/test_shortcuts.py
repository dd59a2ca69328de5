"""What makes the prover fast decides nothing: formulas that are remembered, what is answered before it is looked at.

Each answer is held against the one without any of that, and against the same question asked alone and in other orders,
on estates whose principals are nearly the same. Each test was seen to fail with such a shortcut made too narrow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import pytest

from secure_bedrock.policy import Estate, evaluate, prove
from secure_bedrock.policy._budget import Budget
from secure_bedrock.policy._encoding import Encoding, Keys
from secure_bedrock.policy._formulas import Literal, all_of, any_of
from secure_bedrock.policy._linking import Linking
from secure_bedrock.policy._model import Model
from secure_bedrock.policy._proving import Prover, subjects_of
from secure_bedrock.policy._searching import search
from secure_bedrock.policy._subjects import Subject
from secure_bedrock.policy._witnesses import candidate
from secure_bedrock.policy.cases import read_estate
from secure_bedrock.policy.document import Statement
from secure_bedrock.policy.invariants import Never, Scope, requests
from secure_bedrock.policy.matching import CompiledStatement
from secure_bedrock.policy.proving import prove_all
from secure_bedrock.policy.verdicts import Proved, Refuted, Unknown, Verdict
from tests.policy.corners import Corners
from tests.policy.sampling import is_true, possible_cells
from tests.policy.shortcuts import EVERYBODY, FORESEEING, PLENTY, REMEMBERING, compiled, without


def asked(rows: Sequence[dict[str, Any]]) -> list[Never]:
    return [
        Never(
            name=row["name"],
            statements=tuple(map(Statement.from_plain, row["statements"])),
            scope=Scope(**row["scope"]),
        )
        for row in rows
    ]


def in_words(reason: str) -> frozenset[str]:
    """What stands in the way, whichever role it is whose trust policy does."""
    return frozenset("a trust policy" if "trust policy of" in each else each for each in reason.split("; "))


# ----- formulas


def formulas(prover: Prover, subject: Subject, keys: Keys, statements: Sequence[CompiledStatement]) -> list[object]:
    """Every formula of a principal with what it hangs on."""
    found: list[object] = []
    for each in statements:
        for maybe in (True, False):
            encoding = Encoding(prover.space, keys, prover.is_about)
            found += [encoding.applies(each, maybe=maybe), {*encoding.reasons}]
    for closed in (False, True):
        encoding = Encoding(prover.space, keys, prover.is_about)
        model = Model(subject.estate, encoding, subject.caller, closed)
        found += [model.allowed(), model.trusted(), {*encoding.reasons}]
    linking = Linking(Encoding(prover.space, keys, prover.is_about), subject.estate, subject.caller, prover.used)
    cells = [prover.space.covered(each) for each in statements]
    return [*found, linking.formula(subject.partition), *map(linking.resource_types, cells)]


def all_keys(prover: Prover, subject: Subject, random: Random) -> Iterator[Keys]:
    """What is known of a principal's keys, and the same with one more of them known."""
    keys = subject.keys(prover.space, prover.used)
    yield keys
    if random.random() < 0.1:
        for key in sorted(prover.used - keys.attributes.keys()):
            values = [each.condition.values[0] for each in prover.vocabulary.asked[key]] or ["x"]
            yield from (keys.assuming({key: value}) for value in (None, random.choice(values)))


@pytest.mark.parametrize("seed", range(8))
def test_formulas_that_are_remembered_are_those_made_anew(seed):
    """Of everybody in two estates, asked about in one space in any order."""
    corners = Corners(seed)
    before, after = corners.estate(), corners.estate()
    statements = [each for never in asked(corners.questions(after["principals"])) for each in never.statements]
    one, other = read_estate(before), read_estate(after)
    more = tuple(subjects_of(other, EVERYBODY))
    prover = Prover(one, statements, [EVERYBODY], Budget(PLENTY), others=(other,), more=more)
    subjects = [
        (subject, keys)
        for subject in (*prover.subjects(EVERYBODY), *more)
        for keys in all_keys(prover, subject, corners.random)
    ]
    corners.random.shuffle(subjects)
    remembered = [formulas(prover, *each, compiled(statements)) for each in subjects]
    with without(*REMEMBERING):
        assert remembered == [formulas(prover, *each, compiled(statements)) for each in subjects]
    assert len(subjects) > 30


def test_what_is_remembered_by_its_parts_keeps_them():
    """Else another formula could stand where one was, and would be taken for it."""
    prover = Prover(Estate(), [requests(actions=("bedrock:*",))], [Scope()], Budget(PLENTY))
    for number in range(300):
        parts = [Literal(0, 1 + number % 6, 7), Literal(1, 1 + number % 2, 3)]
        assert prover.space.conjunction(parts) == all_of(parts)
        assert prover.space.disjunction(parts) == any_of(parts)
        formula = all_of([Literal(0, 1 + number % 2, 3), Literal(0, 1, 3)])
        assert prover.space.is_satisfiable(formula) is (number % 2 == 0)
        del parts, formula


# ----- answers


def answers(estate: Estate, nevers: Sequence[Never], random: Random) -> dict[object, object]:
    """What is said of each principal and statement, asked in some order."""
    prover = Prover(
        estate, [each for never in nevers for each in never.statements], [each.scope for each in nevers], Budget(PLENTY)
    )
    pairs = [
        ((never.name, who, which), subject, statement)
        for never in nevers
        for who, subject in enumerate(prover.subjects(never.scope))
        for which, statement in enumerate(compiled(never.statements))
    ]
    random.shuffle(pairs)
    found: dict[object, object] = {}
    for name, subject, statement in pairs:
        here = prover.about(subject)
        answer = search(prover, subject, statement)
        found[name] = (
            answer.witness is not None,
            in_words(answer.reason),
            in_words(here.trusted(statement).reason),
            here.can_use(statement),
            here.is_possible(statement),
        )
    return found


@pytest.mark.parametrize("seed", range(10))
def test_no_answer_hangs_on_what_makes_it_fast(seed):
    corners = Corners(seed)
    plain = corners.estate()
    nevers = asked(corners.questions(plain["principals"]))
    quick = answers(read_estate(plain), nevers, corners.random)
    with without(*REMEMBERING, *FORESEEING):
        assert quick == answers(read_estate(plain), nevers, corners.random)


def said(verdict: Proved | Refuted | Unknown) -> tuple[object, ...]:
    vacuous = verdict.vacuous if isinstance(verdict, Proved) else ""
    return type(verdict), verdict.holds_for_named, vacuous


def agree(one: Verdict, other: Verdict) -> bool:
    """Whether neither shows what the other refutes; more questions give more values to try for a variable."""
    kinds = {type(one), type(other)} - {Unknown}
    named = {one.holds_for_named, other.holds_for_named} - {None}
    return len(kinds) < 2 and len(named) < 2


def test_what_is_asked_together_is_answered_as_alone_and_in_any_order():
    kinds: list[type] = []
    for seed in range(40):
        corners = Corners(seed)
        plain = corners.estate()
        nevers = asked(corners.questions(plain["principals"]))
        together = prove_all(read_estate(plain), nevers)
        turned = prove_all(read_estate(plain), nevers[::-1])[::-1]
        for never, one, other in zip(nevers, together, turned, strict=True):
            assert said(one) == said(other), (seed, never.name)
            assert agree(one, prove(read_estate(plain), never)), (seed, never.name)
            assert one.assumptions == other.assumptions
            if isinstance(one, Unknown) and isinstance(other, Unknown):
                assert in_words(one.reason) == in_words(other.reason)
            if isinstance(one, Refuted):
                assert evaluate(one.witness.estate, one.witness.request).allowed
            kinds.append(type(one))
    assert min(map(kinds.count, (Proved, Refuted, Unknown))) > 3


def test_the_evaluator_allows_nothing_that_was_ruled_out():
    """Request by request: what is allowed is in every formula and behind no shortcut."""
    allowed = sum(map(allowed_and_foreseen, range(20)))
    assert allowed > 400


def allowed_and_foreseen(seed: int) -> int:
    corners = Corners(seed)
    estate = read_estate(corners.estate())
    actions = [requests(actions=(action,)) for action, _ in corners.asked]
    prover = Prover(estate, actions, [EVERYBODY], Budget(PLENTY))
    allowed = 0
    for subject in prover.subjects(EVERYBODY):
        here = prover.about(subject)
        opened = here.allowed(closed=False)[0]
        possible = all_of([here._possible, here.linking.resource_types(prover.space.action.every)])
        for _ in range(4):
            cells = possible_cells(prover.space, corners.random, possible, tries=300)
            if cells is None:
                continue
            found = candidate(prover.space, subject, here.encoding.keys, cells, {})
            if subject.stem and "aws:username" in found.request.context:
                continue  # which is not tied to the name in the ARN
            decision = found.decision()
            if decision.allowed or decision.disputed:
                allowed += decision.allowed
                assert is_true(opened, cells), (seed, subject.name, found.request)
                assert here._may_use(cells[prover.space.action.number]), (seed, subject.name, found.request)
    return allowed
