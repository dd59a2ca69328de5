"""The search for a request, with the values of policy variables tried one by one where it hangs on them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from secure_bedrock.policy._budget import Budget
from secure_bedrock.policy._cells import Asked, values_of
from secure_bedrock.policy._encoding import FREE, keys_in_resources
from secure_bedrock.policy._inquiry import Answer, Inquiry
from secure_bedrock.policy._proving import Prover
from secure_bedrock.policy._subjects import Subject
from secure_bedrock.policy.matching import CompiledStatement

#: More values than this of the variables in a question are not tried one by one.
_MOST_ASSIGNMENTS = 64


def search(prover: Prover, subject: Subject, statement: CompiledStatement) -> Answer:
    """Return a request of a principal that a statement covers and that is allowed.

    Where that hangs on a policy variable whose value the request chooses, its values are tried one by one.
    """
    inquiry = prover.about(subject)
    answer = inquiry.reachable(statement)
    if not answer.reason:
        return answer
    variables = _open_variables(prover, inquiry)
    if not variables:
        return answer
    values = [_values_to_try(prover, inquiry, key) for key in variables]
    is_complete = all(complete for _, complete in values)
    tried = 1
    for texts, _ in values:
        tried *= len(texts)
    if tried > _MOST_ASSIGNMENTS:
        return answer
    for chosen in product(*(each for each, _ in values)):
        assumed = dict(zip(variables, chosen, strict=True))
        found = prover.assuming(subject, assumed).reachable(statement)
        if found.witness is not None:
            return found
        if found.reason:
            is_complete = False
            answer = found
    return Answer() if is_complete else answer


def _open_variables(prover: Prover, inquiry: Inquiry) -> tuple[str, ...]:
    keys = {key for asked in prover.vocabulary.asked.values() for each in asked for key in each.variable_keys()}
    keys |= {key for text, is_new in prover.vocabulary.resources if is_new for key in keys_in_resources((text,))}
    values = inquiry.encoding.keys
    return tuple(sorted(key for key in keys if values.value(key) is FREE and key not in values.attributes))


def _values_to_try(prover: Prover, inquiry: Inquiry, key: str) -> tuple[list[str | None], bool]:
    """Return values of a variable that can make a difference, and whether there are no others.

    Only where every use of it is a comparison with the whole of another key are there no others: then all that matters
    is which of the two keys' patterns a value matches, and whether the two are the same.
    """
    uses = [each for asked in prover.vocabulary.asked.values() for each in asked if key in each.variable_keys()]
    whole = f"${{{key}}}"
    in_resources = any(whole in text.lower() or f"${{{key}," in text.lower() for text, _ in prover.vocabulary.resources)
    is_whole = not in_resources and all(
        each.condition.operator in {"StringEquals", "StringNotEquals"}
        and not inquiry.space.is_many(each.key)
        and all(value.lower() == whole or "${" not in value for value in each.condition.values)
        and isinstance(inquiry.encoding.keys.value(each.key), type(FREE))
        for each in uses
    )
    tied = {key, *(each.key for each in uses)}
    texts = [each for name in sorted(tied) for each in prover.vocabulary.asked.get(name, ())]
    only_text = all(each.condition.operator.startswith(("String", "Null")) for each in texts)
    others = {each.key for asked in prover.vocabulary.asked.values() for each in asked if each.variable_keys() & tied}
    is_whole = is_whole and only_text and others <= tied and not (tied - {key}) & _variables(prover)
    found = _distinct(texts, len(tied), prover.budget)
    own = inquiry.subject.own_tags.get(key)
    found = found if own is None else [own, *(value for value in found if value != own)]
    if not is_whole:
        found += [cut for cut in _cuts(prover, whole) if cut not in found]
    return [*([None] if own is None else []), *found], is_whole


def _variables(prover: Prover) -> set[str]:
    return {key for asked in prover.vocabulary.asked.values() for each in asked for key in each.variable_keys()}


def _distinct(texts: list[Asked], count: int, budget: Budget) -> list[str]:
    """Return texts of every cell of some conditions, several of a cell so that as many keys can all differ."""
    plain = [each for each in texts if not each.variable_keys()]
    found: list[str] = []
    for _ in range(count):
        values, _ = values_of(plain, [], budget, extra=found)
        found += [value for value in values if value not in found]
    return found


def _cuts(prover: Prover, whole: str) -> Iterator[str]:
    """Yield what a variable would have to be for a pattern with it to meet a literal of another."""
    texts = [text for text, _ in prover.vocabulary.resources]
    texts += [value for asked in prover.vocabulary.asked.values() for each in asked for value in each.condition.values]
    patterns = [text for text in texts if whole in text.lower()]
    literals = [text for text in texts if "${" not in text]
    for pattern in patterns:
        at = pattern.lower().index(whole)
        before, after = pattern[:at].rpartition("/")[2].rpartition(":")[2], pattern[at + len(whole) :]
        for text in literals:
            field = text.rpartition("/")[2].rpartition(":")[2]
            if field.startswith(before) and "*" not in field:
                rest = field[len(before) :]
                yield rest.removesuffix(after) if after and rest.endswith(after) else rest
