"""Cells: every value there can be is in one of them, and what holds of its witness holds of the value.

The commuting test reads requests off cells, so it cannot see a cell that is missing. Here values and requests are drawn
without regard to the cells, and matched by regular expressions where the cells are made by an automaton.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise, product
from random import Random
from typing import Any

import pytest

from secure_bedrock.policy import _cells
from secure_bedrock.policy._automata import ANY_TEXT, Cells, Domain, Glob
from secure_bedrock.policy._budget import Budget
from secure_bedrock.policy._cells import Asked
from secure_bedrock.policy._globs import Wild, fill, parse
from secure_bedrock.policy._proving import Prover
from secure_bedrock.policy._space import Hit, Space, fields_of_pattern
from secure_bedrock.policy.cases import read_estate, read_request
from secure_bedrock.policy.conditions import compile_condition
from secure_bedrock.policy.document import Condition
from secure_bedrock.policy.evaluation import evaluate
from secure_bedrock.policy.invariants import ANYBODY, requests
from secure_bedrock.policy.request import Request, Value
from tests.policy.generation import ASKED, Generator
from tests.policy.sampling import is_true

PIECES = ("a", "b", "A", "ab", ":", "::", "/", "x", "é", "arn:aws:s3:", "")
SHAPES = ("plain", "simple", "wild", "any case", "fields")


@lru_cache(maxsize=10_000)
def expression(glob: Glob) -> re.Pattern[str]:
    """A pattern as a regular expression: what Python says it matches."""
    text, colons = "", 0
    for part in glob.parts:
        if isinstance(part, str):
            text += re.escape(part)
            colons += part.count(":")
        else:
            one = "[^:]" if colons < glob.fields else "."
            text += one if part is Wild.ONE else f"{one}*"
    return re.compile(text, re.DOTALL | (re.IGNORECASE if glob.any_case else 0))


def random_glob(random: Random, shape: str) -> Glob:
    text = "".join(random.choices(PIECES, k=random.randint(1, 3)))
    if shape == "simple":
        text += random.choice(("", "*"))
    elif shape != "plain":
        text = "".join(random.choice((piece, piece, "*", "?")) for piece in text)
    return Glob(parse(text, variables=False), any_case=shape == "any case", fields=5 if shape == "fields" else 0)


def random_text(random: Random, globs: list[Glob]) -> str:
    """A text that some pattern matches, or nearly."""
    text = ""
    for part in random.choice(globs).parts:
        count = 1 if part is Wild.ONE else random.randint(0, 3)
        text += part if isinstance(part, str) else "".join(random.choices(PIECES, k=count))
    if random.random() < 0.5:
        at = random.randint(0, len(text))
        text = text[:at] + random.choice(PIECES) + text[at + random.randint(0, 1) :]
    return text


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(25))
def test_every_text_is_in_the_one_cell_of_those_that_match_alike(shape, seed):
    random = Random(seed)  # noqa: S311 - not for secrets
    globs = [random_glob(random, random.choice((shape, "plain"))) for _ in range(random.randint(1, 5))]
    domain = ANY_TEXT if seed % 3 else Domain(within=Glob((Wild.ONE, Wild.MANY)), without=":")
    cells = Cells(globs, domain, Budget(1_000_000), mend=str if domain is ANY_TEXT and seed % 2 else None)
    known = [expression(glob) for glob in globs]

    def signature(text: str) -> tuple[bool, ...]:
        return tuple(each.fullmatch(text) is not None for each in known)

    kinds = [signature(text) for text in cells.witnesses]
    assert len(set(kinds)) == len(kinds), cells.witnesses
    for _ in range(150):
        text = random_text(random, globs)
        text = (text.replace(":", "") or "x") if domain.without else text
        assert kinds.count(signature(text)) == 1, (text, globs, cells.witnesses)
        number = cells.index(text)
        assert number is not None
        assert kinds[number] == signature(text)


@pytest.mark.parametrize(
    ("patterns", "characters", "count"),
    [
        (("x", "?"), "", 3),  # that text; another of its length; any else
        (("x", "?", "xx", "??"), "", 5),
        (("ax", "a?", "a*"), "", 4),
        (("0", "1", "?"), "01", 3),  # no other of that length is there
        (("0", "?", "?*"), "01", 4),
        (("*x", "xx", "?x", "x"), "", 5),
    ],
)
def test_a_text_with_a_cell_of_its_own_hides_no_other(patterns, characters, count):
    globs = [Glob(parse(each, variables=False)) for each in patterns]
    cells = Cells(globs, Domain(characters=characters), Budget(100_000))
    known = [expression(glob) for glob in globs]
    texts = ["".join(each) for length in range(4) for each in product(characters or "xaby", repeat=length)]
    kinds = {tuple(each.fullmatch(text) is not None for each in known) for text in texts}
    found = [tuple(each.fullmatch(text) is not None for each in known) for text in cells.witnesses]
    assert len(found) == len(kinds) == count
    assert set(found) == kinds
    assert all(cells.index(text) is not None for text in texts)


def test_a_star_that_crosses_no_colon_is_no_prefix():
    globs = [Glob(("ab", Wild.MANY), fields=5)]
    cells = Cells(globs, ANY_TEXT, Budget(100_000))
    assert cells.index("abc") == cells.index("ab") != cells.index("ab:c") == cells.index("x")


TYPED = {
    "Numeric": ("0", "1", "1.5", "-3", "1e3", "1.50", "10", "0.001"),
    "Date": ("2026-05-01T00:00:00Z", "2026-05-01", "2026-05-01T02:00:00+02:00", "2026-05-01T00:00:01Z", "1777593600"),
    "IpAddress": ("203.0.113.0/24", "203.0.113.7", "0.0.0.0/0", "2001:db8::/48", "::/0", "255.255.255.255"),
    "Binary": ("QQ==", "Qg==", "QUE="),
}
BETWEEN = {
    "Numeric": ("-4", "-3", "-1", "0", "0.0005", "0.5", "1.2", "1.5", "1.6", "5", "10", "11", "999", "1000", "1001"),
    "Date": (
        "2026-04-30T23:59:59Z", "2026-05-01T00:00:00Z", "2026-05-01T00:00:00.5Z", "2026-05-01T00:00:01Z",
        "2026-05-02T00:00:00Z", "1970-01-01T00:00:00Z", "9998-01-01T00:00:00Z",
    ),
    "IpAddress": (
        "0.0.0.0", "203.0.112.255", "203.0.113.0", "203.0.113.7", "203.0.113.8", "203.0.114.0", "255.255.255.255", "::",  # noqa: S104
        "2001:db8::7", "2001:db8:1::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "255.255.255.254",
    ),
    "Binary": ("QQ==", "Qg==", "Qw==", "QUE=", "QUFBQQ=="),
}  # fmt: skip
COMPARED = {
    **dict.fromkeys(("Numeric", "Date"), ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan",
                                          "GreaterThanEquals")),
    "IpAddress": ("",), "Binary": ("Equals",),
}  # fmt: skip


@pytest.mark.parametrize("kind", TYPED)
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("only", [True, False])
def test_every_typed_value_is_like_a_witness(kind, seed, only):
    """And without a type of its own a key may hold what no number, date or address is."""
    random = Random(seed)  # noqa: S311 - not for secrets
    operators = [f"{kind}{random.choice(COMPARED[kind])}" for _ in range(random.randint(1, 4))]
    asked = [
        Asked(Condition(operator=operator, key="a:b", values=(random.choice(TYPED[kind]),)), variables=False)
        for operator in operators
    ]
    compiled = [compile_condition(each.condition, variables=False) for each in asked]
    name = {"Numeric": "number", "Date": "date", "IpAddress": "address", "Binary": "bytes"}[kind]
    witnesses, found = _cells.values_of(asked, [], Budget(1_000_000), only=name if only else "")
    assert found == name

    def signature(text: str) -> tuple[object, ...]:
        return tuple(each.holds({"a:b": text}) for each in compiled)

    kinds = {signature(text) for text in witnesses}
    for value in (*BETWEEN[kind], *TYPED[kind], *([] if only else ["no such thing", ""])):
        if "/" not in value:
            assert signature(value) in kinds, (value, asked, witnesses)
    if kind in {"Numeric", "Date"}:
        assert all(one != other for one, other in pairwise(witnesses))


# ----- whole requests

ACTIONS = ("bedrock:*", "sqs:*", "secretsmanager:GetSecretValue", "sts:AssumeRole", "kms:*")
Test = Callable[[Any], object]


@pytest.mark.parametrize("seed", range(int(os.environ.get("REQUESTS", "16"))))
def test_a_request_is_decided_like_the_cells_it_falls_into(seed):
    generator = Generator(seed)
    scenario = generator.scenario()
    estate = read_estate(scenario.estate)
    prover = Prover(estate, [requests(actions=ACTIONS)], [ANYBODY], Budget(50_000_000))
    by_name = {estate.caller(subject.name).arn: subject for subject in prover.subjects(ANYBODY) if subject.is_named}
    subject = by_name[estate.caller("caller").arn]
    inquiry = prover.about(subject)
    is_open = bool(inquiry.allowed(closed=True)[1])
    closed, opened = inquiry.permitted(closed=True), inquiry.permitted(closed=False)
    for action, resource in ASKED:
        for _ in range(2):
            endpoint = scenario.request.get("endpoint") if generator.chance(0.5) else None
            asked = {"principal": "caller", "action": action, "resource": resource}
            request = read_request({**asked, "context": generator.context(endpoint), "endpoint": endpoint})
            decision = evaluate(estate, request)
            cells = cells_of(prover.space, request, dict(decision.context))
            assert all(cells.values()), [each for each in prover.space.attributes if not cells[each.number]]
            chosen = {number: 1 << generator.random.choice(among) for number, among in cells.items()}
            assert is_true(opened, chosen) >= decision.allowed, request
            if not is_open:
                assert is_true(closed, chosen) == decision.allowed, (request, decision.layer)


def cells_of(space: Space, request: Request, context: dict[str, Value]) -> dict[int, list[int]]:
    """The cells of each attribute whose witnesses no pattern and no condition tells apart from the request's value."""
    vocabulary = space.vocabulary
    actions = [matching(expression(glob)) for glob in vocabulary.actions]
    found = {space.action.number: like(space.action.values, request.action.lower(), actions)}
    head, *rest = space.fields
    if request.resource == "*":
        found |= {head.number: [0], **{each.number: list(range(len(each.values))) for each in rest}}
    fields = [] if request.resource == "*" else request.resource.split(":", 5)[1:]
    for index, (attribute, value) in enumerate(zip(space.fields, fields, strict=False)):
        parts = [fields_of_pattern(text, variables=new)[index + 1] for text, new in vocabulary.resources]
        filled = [each for each in (fill(part, context) for part in parts) if each is not None]
        tests = [matching(expression(Glob(each))) for each in filled]
        tests += [equal_to(text) for text in vocabulary.extra.get(attribute.name, ())]
        found[attribute.number] = like(attribute.values, value, [*tests, equal_to("*")])
    for each in space.attributes:
        if isinstance(each, Hit):
            tests = conditions_on(space, each.key, context)
            hits = (value for value in context.get(each.key, ()) if like((each.value,), value, tests))
            found[each.number] = [int(any(hits))]
        elif ":" in each.name:
            found[each.number] = like(each.values, context.get(each.name), conditions_on(space, each.name, context))
    return found


def conditions_on(space: Space, key: str, context: dict[str, Value]) -> list[Test]:
    """What tells the values of a key apart."""
    vocabulary, many = space.vocabulary, space.is_many(key)
    rest = {name: value for name, value in context.items() if name != key}

    def holding(asked: Asked) -> Test:
        condition = compile_condition(asked.condition, variables=asked.variables)
        return lambda text: condition.holds(rest if text is None else {**rest, key: (text,) if many else text})

    tests = [holding(each) for each in vocabulary.shared.get(key) or vocabulary.asked.get(key, ())]
    return [*tests, *(equal_to(text) for text in vocabulary.extra.get(key, ())), equal_to(None)]


def matching(pattern: re.Pattern[str]) -> Test:
    return lambda text: pattern.fullmatch(text) is not None


def equal_to(wanted: str | None) -> Test:
    return lambda text: text == wanted


def like(values: Sequence[str | None], value: object, tests: Sequence[Test]) -> list[int]:
    """Which of some values no test tells apart from another."""
    wanted = [test(value) for test in tests]
    return [index for index, each in enumerate(values) if [test(each) for test in tests] == wanted]
