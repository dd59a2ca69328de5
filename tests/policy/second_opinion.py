"""A second opinion on proofs: random estates, their question, and the same question put to z3.

Nothing of the prover is used. Values are matched by regular expressions, `ipaddress` and `datetime`; z3 puts the layers
together. Each key has a list of values that holds one of every kind the vocabulary can tell apart, found by trying out
texts put together from pieces, so that what z3 finds impossible among them is impossible.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from ipaddress import ip_address, ip_network
from itertools import product
from random import Random
from typing import Any

import z3

ACCOUNT, PARTNER = "111122223333", "444455556666"
ROLE, FOREIGN = f"arn:aws:iam::{ACCOUNT}:role/app", f"arn:aws:iam::{PARTNER}:role/app"
QUEUES = tuple(f"arn:aws:sqs:eu-west-1:{ACCOUNT}:{name}" for name in ("team-a", "team-b", "other"))
ACTIONS = ("sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage")
ACTION_PATTERNS = ("*", "sqs:*", "sqs:Send*", "SQS:?eceiveMessage", "sqs:*Message", "sqs:SendMessage", "kms:*")
RESOURCE_PATTERNS = (
    "*", *QUEUES, "arn:aws:sqs:*:*:team-?", "arn:aws:sqs:*:*:*", f"arn:aws:sqs:us-*:{ACCOUNT}:*",
    "arn:aws:sqs:*:*:${aws:PrincipalTag/team}", "arn:aws:sqs:eu-west-1:*:*-a", "arn:aws:sqs",
)  # fmt: skip
TEAM = "team-a"
#: What policies ask of each key.
ASKED: dict[str, tuple[str, ...]] = {
    "aws:UserAgent": (
        "team-a", "cli/*", "cli/?", "CLI/1", "*a", "${aws:PrincipalTag/team}", "${aws:PrincipalTag/x, 'b'}",
    ),
    "aws:Referer": ("team-a", "a*b", "A?b", "*"),
    "aws:SourceVpce": ("vpce-1", "vpce-*", "vpce-2"),
    "aws:SourceIp": ("203.0.113.0/24", "203.0.113.7/32", "2001:db8::/48", "::/0", "198.51.100.1"),
    "aws:MultiFactorAuthAge": ("0", "60", "3600", "3600.5"),
    "aws:CurrentTime": ("2026-05-01T00:00:00Z", "2026-05-01T02:00:00+02:00", "2026-06-01"),
    "aws:MultiFactorAuthPresent": ("true", "false"),
    "aws:SecureTransport": ("true", "false"),
    "aws:ViaAWSService": ("true", "false"),
    "aws:TagKeys": ("team", "cost", "t*", "x"),
}  # fmt: skip
#: What a request can hold; None is absence.
VALUES: dict[str, tuple[str | None, ...]] = {
    "aws:SourceVpce": (None, "vpce-1", "vpce-2", "vpce-3"),
    "aws:SourceIp": (None, "203.0.113.7", "203.0.113.9", "198.51.100.1", "192.0.2.1", "2001:db8::7", "2001:db8:1::7"),
    "aws:MultiFactorAuthAge": (None, "-1", "0", "30", "60", "61", "3600", "3600.2", "3600.5", "4000"),
    "aws:CurrentTime": (
        "2026-04-30T00:00:00Z", "2026-05-01T00:00:00Z", "2026-05-02T00:00:00Z", "2026-06-01T00:00:00Z",
        "2026-07-01T00:00:00Z",
    ),
    "aws:MultiFactorAuthPresent": (None, "true", "false"),
    "aws:SecureTransport": ("true", "false"),
    "aws:ViaAWSService": ("true", "false"),
}  # fmt: skip
TAGS = ("team", "cost", "x", "tax", "zone")
_STRING = ("StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike",
           "StringNotLike")  # fmt: skip
_ORDER = ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
OPERATORS = {
    "aws:UserAgent": _STRING, "aws:Referer": _STRING, "aws:SourceVpce": _STRING, "aws:TagKeys": _STRING,
    "aws:SourceIp": ("IpAddress", "NotIpAddress"),
    "aws:MultiFactorAuthAge": tuple(f"Numeric{name}" for name in _ORDER),
    "aws:CurrentTime": tuple(f"Date{name}" for name in _ORDER),
    "aws:MultiFactorAuthPresent": ("Bool",), "aws:SecureTransport": ("Bool",), "aws:ViaAWSService": ("Bool",),
}  # fmt: skip

Plain = dict[str, Any]

# ----- random estates


def estate_and_question(seed: int) -> tuple[Plain, Plain]:
    """An estate and a question, in the form of the cases."""
    random = Random(seed)  # noqa: S311 - not for secrets
    is_foreign = random.random() < 0.2
    app: Plain = {"arn": FOREIGN if is_foreign else ROLE, "tags": {"team": TEAM}}
    app["identity"] = [_document(random) for _ in range(random.randint(1, 2))]
    estate: Plain = {"principals": {"app": app}, "accounts": {ACCOUNT: {}, PARTNER: {"member": False}}}
    if random.random() < 0.3:
        app["boundary"] = _document(random, wide=0.6)
    if random.random() < 0.5:
        levels = random.randint(1, 2)
        estate["scps"] = [[_document(random, wide=0.7) for _ in range(random.randint(1, 2))] for _ in range(levels)]
    if random.random() < 0.5:
        policy = _document(random, wide=0.5, principals=("*",))
        estate["endpoints"] = {"vpce-1": {"service": "sqs", "vpc": "vpc-1", "policy": policy}}
    if is_foreign or random.random() < 0.3:
        names = [{"AWS": app["arn"]}, {"AWS": ACCOUNT}, {"AWS": PARTNER}, {"AWS": f"arn:aws:iam::{PARTNER}:role/else"}]
        policy = _document(random, wide=0.4, principals=tuple(names) if "boundary" in app else (*names, "*"))
        estate["resource_policies"] = {random.choice(QUEUES): policy}
    question: Plain = {"principals": ["app"], "actions": random.sample(ACTIONS, random.randint(1, 2))}
    question["resources"] = random.sample(QUEUES, random.randint(1, 2))
    if random.random() < 0.3:
        question["conditions"] = _conditions(random)
    return estate, question


def _document(random: Random, *, wide: float = 0.3, principals: tuple[Any, ...] = ()) -> Plain:
    statements = [_statement(random, wide, principals) for _ in range(random.randint(1, 4))]
    return {"Version": "2012-10-17", "Statement": statements}


def _statement(random: Random, wide: float, principals: tuple[Any, ...]) -> Plain:
    effect = random.choice(("Allow", "Allow", "Deny"))
    statement: Plain = {"Effect": effect}
    if principals:
        statement["Principal"] = random.choice(principals)
    for name, patterns in (("Action", ACTION_PATTERNS), ("Resource", RESOURCE_PATTERNS)):
        if random.random() < wide:
            statement[name] = "*"
        elif random.random() < 0.2:
            statement[f"Not{name}"] = random.sample(patterns[1:], random.randint(1, 2))
        else:
            statement[name] = random.sample(patterns, random.randint(1, 3))
    if random.random() < (0.5 if effect == "Allow" else 0.9):
        statement["Condition"] = _conditions(random)
    return statement


def _conditions(random: Random) -> Plain:
    block: Plain = {}
    for _ in range(random.randint(1, 2)):
        key = random.choice(list(ASKED))
        if random.random() < 0.12:
            block.setdefault("Null", {})[key] = random.choice(("true", "false"))
            continue
        operator, quantifier = random.choice(OPERATORS[key]), ""
        if key == "aws:TagKeys" or random.random() < 0.1:
            quantifier = random.choice(("ForAllValues:", "ForAnyValue:"))
        if_exists = "IfExists" if quantifier != "ForAnyValue:" and random.random() < 0.3 else ""
        block.setdefault(f"{quantifier}{operator}{if_exists}", {})[key] = random.sample(
            ASKED[key], random.randint(1, min(2, len(ASKED[key])))
        )
    return block


# ----- what a value matches


def expression(pattern: str) -> str:
    """A pattern as a regular expression, its variables filled."""
    text = pattern.replace("${aws:PrincipalTag/team}", TEAM).replace("${aws:PrincipalTag/x, 'b'}", "b")
    return "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in text)


def matches(operator: str, value: str, wanted: str) -> bool:
    """Whether one value matches one of a policy, for a positive operator."""
    plain = wanted.replace("${aws:PrincipalTag/team}", TEAM).replace("${aws:PrincipalTag/x, 'b'}", "b")
    if operator == "StringLike":
        return re.fullmatch(expression(wanted), value, re.DOTALL) is not None
    if operator in {"StringEqualsIgnoreCase", "Bool"}:
        return value.lower() == plain.lower()
    if operator == "StringEquals":
        return value == plain
    if operator == "IpAddress":
        return ip_address(value) in ip_network(wanted)
    read = Decimal if operator.startswith("Numeric") else _moment
    one, other = read(value), read(wanted)
    return {
        "Equals": one == other, "LessThan": one < other, "LessThanEquals": one <= other, "GreaterThan": one > other,
        "GreaterThanEquals": one >= other,
    }[operator.removeprefix("Numeric").removeprefix("Date")]  # fmt: skip


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text if "T" in text else f"{text}T00:00:00Z")


def holds(operator: str, value: str, wanted: list[str]) -> bool:
    """Whether one value satisfies an operator."""
    if "Not" in operator:
        return not any(matches(operator.replace("Not", "", 1), value, each) for each in wanted)
    return any(matches(operator, value, each) for each in wanted)


def texts(key: str) -> tuple[str | None, ...]:
    """A text of every kind that the patterns of a key tell apart: all those put together from their pieces."""
    pieces = ("", "team-a", "cli/", "CLI/1", "A", "a", "b", "B", "1", "*", "?", "z")
    found: dict[tuple[bool, ...], str] = {}
    for text in ("".join(parts) for parts in product(pieces, repeat=3)):
        kinds = tuple(
            matches(operator, text, pattern)
            for operator in ("StringEquals", "StringEqualsIgnoreCase", "StringLike") for pattern in ASKED[key]
        )  # fmt: skip
        found.setdefault(kinds, text)
    return (None, *found.values())


DOMAINS = {**VALUES, **{key: texts(key) for key in ("aws:UserAgent", "aws:Referer")}}

# ----- z3


class Opinion:
    """One estate and question as z3 sees them."""

    def __init__(self, estate: Plain) -> None:
        self.estate = estate
        self.action, self.resource = z3.Int("action"), z3.Int("resource")
        self.keys = {key: z3.Int(key) for key in DOMAINS}
        self.tags = [z3.Bool(f"tag {tag}") for tag in TAGS]

    def is_reachable(self, question: Plain) -> bool:
        """Whether any request of the question is allowed."""
        solver = z3.Solver()
        solver.add(self.action >= 0, self.action < len(ACTIONS), self.resource >= 0, self.resource < len(QUEUES))
        for key, values in DOMAINS.items():
            solver.add(self.keys[key] >= 0, self.keys[key] < len(values))
        solver.add(self.guarantees(), self.allowed())
        asked = {"Action": question["actions"], "Resource": question["resources"]}
        solver.add(self.applies({**asked, "Condition": question.get("conditions", {})}))
        answer = solver.check()
        assert answer != z3.unknown
        return answer == z3.sat

    def among(self, key: str, chosen: Any) -> z3.BoolRef:
        """That a key has a value that a test likes."""
        return z3.Or([self.keys[key] == index for index, value in enumerate(DOMAINS[key]) if chosen(value)])

    def present(self, key: str) -> z3.BoolRef:
        return z3.Or(self.tags) if key == "aws:TagKeys" else self.among(key, lambda value: value is not None)

    def guarantees(self) -> z3.BoolRef:
        """AWS global condition context keys: which keys go together."""
        mfa, endpoint, address = map(self.present, ("aws:MultiFactorAuthPresent", "aws:SourceVpce", "aws:SourceIp"))
        is_mfa, is_via = (self.among(key, lambda v: v == "true") for key in ("aws:MultiFactorAuthPresent",
                                                                             "aws:ViaAWSService"))  # fmt: skip
        return z3.And(
            is_mfa == self.present("aws:MultiFactorAuthAge"), z3.Implies(is_mfa, mfa),
            z3.Implies(endpoint, z3.Not(address)),
            z3.Implies(z3.And(z3.Not(endpoint), z3.Not(is_via)), address),
        )  # fmt: skip

    # ----- statements

    def applies(self, statement: Plain) -> z3.BoolRef:
        parts = [
            self._element(statement, "Action", self.action, ACTIONS, re.IGNORECASE),
            self._element(statement, "Resource", self.resource, QUEUES, 0),
        ]
        for operator, block in statement.get("Condition", {}).items():
            parts += [self._condition(operator, key, wanted) for key, wanted in block.items()]
        return z3.And(parts)

    @staticmethod
    def _element(statement: Plain, name: str, variable: z3.ArithRef, names: tuple[str, ...], flags: int) -> z3.BoolRef:
        negated = f"Not{name}" in statement
        patterns = statement[f"Not{name}" if negated else name]
        listed = [patterns] if isinstance(patterns, str) else patterns
        listed = [f"{each}:*" if each == "arn:aws:sqs" else each for each in listed]  # AWS completes a short ARN
        hits = [
            index for index, text in enumerate(names)
            if any(re.fullmatch(expression(each), text, flags) for each in listed) is not negated
        ]  # fmt: skip
        return z3.Or([variable == index for index in hits])

    def _condition(self, name: str, key: str, wanted: Any) -> z3.BoolRef:
        wanted = [wanted] if isinstance(wanted, str) else wanted
        if name == "Null":
            return z3.Or([self.present(key) if each == "false" else z3.Not(self.present(key)) for each in wanted])
        quantifier, _, operator = name.rpartition(":")
        if_exists = operator.endswith("IfExists")
        operator = operator.removesuffix("IfExists")
        without = if_exists or quantifier == "ForAllValues" or (not quantifier and "Not" in operator)
        if key == "aws:TagKeys":
            good = [holds(operator, tag, wanted) for tag in TAGS]
            if quantifier == "ForAnyValue":
                return z3.Or([tag for tag, is_good in zip(self.tags, good, strict=True) if is_good])
            return z3.And([z3.Not(tag) for tag, is_good in zip(self.tags, good, strict=True) if not is_good])
        return self.among(key, lambda value: without if value is None else holds(operator, value, wanted))

    # ----- layers

    def allowed(self) -> z3.BoolRef:
        """Policy evaluation logic: within one account, and between two."""
        estate, app = self.estate, self.estate["principals"]["app"]
        is_foreign = app["arn"] == FOREIGN
        levels = [] if is_foreign else estate.get("scps", [])
        endpoint = estate.get("endpoints", {}).get("vpce-1")
        through = self.among("aws:SourceVpce", lambda value: value == "vpce-1")
        boundary = [app["boundary"]] if "boundary" in app else []
        bounded = z3.And([self.grants([each]) for each in boundary])
        identity = z3.And(self.grants(app["identity"]), bounded)
        parts = [z3.Not(self.denies([*app["identity"], *boundary, *(p for level in levels for p in level)]))]
        parts += [self.grants(level) for level in levels]
        if endpoint:
            let_through = z3.And(z3.Not(self.denies([endpoint["policy"]])), self.grants([endpoint["policy"]]))
            parts.append(z3.Implies(through, let_through))
        (queue, policy), *_ = [*estate.get("resource_policies", {}).items(), (None, {"Statement": []})]
        here = z3.BoolVal(False) if queue is None else self.resource == QUEUES.index(queue)
        parts.append(z3.Implies(here, z3.Not(self.denies([policy], app["arn"]))))
        if is_foreign:
            return z3.And(*parts, identity, here, self.grants([policy], app["arn"]))
        directly = z3.And(here, self.grants([policy], app["arn"], {ROLE, "*"}), bounded)
        return z3.And(*parts, z3.Or(identity, directly))

    def grants(self, policies: list[Plain], caller: str = "", named: set[str] | None = None) -> z3.BoolRef:
        return z3.Or([self.applies(each) for each in self._of("Allow", policies, caller, named)])

    def denies(self, policies: list[Plain], caller: str = "") -> z3.BoolRef:
        return z3.Or([self.applies(each) for each in self._of("Deny", policies, caller, None)])

    @staticmethod
    def _of(effect: str, policies: list[Plain], caller: str, named: set[str] | None) -> list[Plain]:
        """The statements with an effect that name the caller, and do so in one of these ways."""
        found = []
        for statement in (each for policy in policies for each in policy["Statement"] if each["Effect"] == effect):
            principal = statement.get("Principal", "*")
            name = principal if isinstance(principal, str) else principal["AWS"]
            is_meant = not caller or name in {"*", caller} or name == caller.split(":")[4]
            if is_meant and (named is None or name in named):
                found.append(statement)
        return found
