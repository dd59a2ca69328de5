"""The operators of conditions, compiled: each becomes one function of a request's context.

AWS: "IAM JSON policy elements: Condition operators", "Set operators for multivalued context keys" and
"IAM policy elements: Variables and tags". The answer has three values: None is a case that AWS does not document, or
documents in two ways; the docstrings say which. Who asks decides what that means and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from secure_bedrock.errors import InvalidInput, invalid, nearest
from secure_bedrock.policy._globs import Context
from secure_bedrock.policy._operators import OPERATORS as _OPERATORS
from secure_bedrock.policy._operators import Among, Answer, boolean
from secure_bedrock.policy.document import Condition

Holds = Callable[[Context], Answer]

#: Keys that hold many values even when a request has one ("AWS global condition context keys", value type; the service
#: authorization reference, types that begin with ArrayOf).
MULTIVALUED = frozenset({
    "aws:calledvia", "aws:principalorgpaths", "aws:principalservicenameslist", "aws:resourceorgpaths",
    "aws:sourceorgpaths", "aws:tagkeys", "aws:vpceorgpaths", "aws-marketplace:productid", "bedrock-mantle:files",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class CompiledCondition:
    """A condition with the function that answers it.

    Attributes:
        condition: as it was written.
        key: in lower case, as contexts have it.
        holds: True, False, or None where AWS's documents do not settle it.
    """

    condition: Condition
    key: str
    holds: Holds


@lru_cache(maxsize=4096)
def compile_condition(condition: Condition, *, variables: bool) -> CompiledCondition:
    """Compile a condition.

    Args:
        condition: what to compile.
        variables: whether `${...}` is a policy variable: in documents of version 2012-10-17 it is.

    Raises:
        InvalidInput: for an operator that does not exist, a key of no service, or a value it cannot read.
    """
    key = condition.key.lower()
    if ":" not in key:
        raise invalid(
            f"condition {condition.name}", condition.key, allowed="a key with its service, such as aws:SourceIp"
        )
    if condition.operator == "Null":
        return CompiledCondition(condition, key, _null(condition, key))
    if condition.operator not in _OPERATORS:
        raise invalid(
            f"condition {condition.name}",
            condition.operator,
            allowed="an operator of IAM, in its exact case",
            nearest=nearest(condition.operator, [*_OPERATORS, "Null"]),
        )
    build, negated = _OPERATORS[condition.operator]
    among = build(condition, variables=variables, negated=negated)
    quantify = {None: _single, "ForAllValues": _for_all, "ForAnyValue": _for_any}[condition.quantifier]
    return CompiledCondition(condition, key, quantify(condition, key, among, negated=negated))


def _null(condition: Condition, key: str) -> Holds:
    if condition.if_exists:
        raise InvalidInput(f"condition {condition.name}: IfExists cannot be added to Null")
    wanted = {boolean(condition, value) for value in condition.values}
    return lambda context: (key not in context) in wanted


def _single(condition: Condition, key: str, among: Among, *, negated: bool) -> Holds:
    """One value. An absent key is False, True for a negated operator and with IfExists.

    None where the key holds many values: AWS asks for a set operator then, and does not say what happens without.
    """
    absent = negated or condition.if_exists

    def holds(context: Context) -> Answer:
        value = context.get(key)
        if value is None:
            return absent
        if not isinstance(value, str):
            return None
        answer = among(value, context)
        return answer if answer is None else answer is not negated

    return holds


def _for_all(condition: Condition, key: str, among: Among, *, negated: bool) -> Holds:
    """Every value; True where there is none.

    None for one empty text that does not match: AWS counts it as no value ("a null data set, such as an empty string"),
    requests that were observed did not.
    """
    _ = condition

    def holds(context: Context) -> Answer:
        value = context.get(key)
        if value is None:
            return True
        values = (value,) if isinstance(value, str) else value
        answer = _all(_negated(among(each, context), negated=negated) for each in values)
        return None if answer is False and values == ("",) else answer

    return holds


def _for_any(condition: Condition, key: str, among: Among, *, negated: bool) -> Holds:
    """At least one value; False where there is none.

    None for an absent key with IfExists: AWS says of IfExists that it is true then, of ForAnyValue that it is false.
    """
    absent = None if condition.if_exists else False

    def holds(context: Context) -> Answer:
        value = context.get(key)
        if value is None:
            return absent
        values = (value,) if isinstance(value, str) else value
        return _any(_negated(among(each, context), negated=negated) for each in values)

    return holds


def _negated(answer: Answer, *, negated: bool) -> Answer:
    return answer if answer is None else answer is not negated


def _any(answers: Iterable[Answer]) -> Answer:
    found: Answer = False
    for answer in answers:
        if answer:
            return True
        if answer is None:
            found = None
    return found


def _all(answers: Iterable[Answer]) -> Answer:
    found: Answer = True
    for answer in answers:
        if answer is False:
            return False
        if answer is None:
            found = None
    return found


#: The names of all operators, for tests and documents.
OPERATORS = (*_OPERATORS, "Null")
