"""The search for a request, with the values of policy variables tried one by one where it hangs on them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator
from itertools import product

from secure_bedrock.policy._arns import FIELDS
from secure_bedrock.policy._automata import ANY_TEXT
from secure_bedrock.policy._budget import Budget, ExhaustedError
from secure_bedrock.policy._cells import Asked, family, roughly, values_of
from secure_bedrock.policy._encoding import FREE, keys_in_resources
from secure_bedrock.policy._globs import matcher, parse
from secure_bedrock.policy._inquiry import Answer, Inquiry
from secure_bedrock.policy._proving import DOMAINS, Prover
from secure_bedrock.policy._subjects import Subject
from secure_bedrock.policy.document import Condition
from secure_bedrock.policy.matching import CompiledStatement
from secure_bedrock.policy.relations import CLOSED, FORMS, KINDS

#: What keys hold whose values have one form, as a condition on them.
_FORMS = {
    key: Asked(
        Condition(operator="ArnLike" if form.startswith("arn:") else "StringLike", key=key, values=(form,)),
        variables=False,
    )
    for key, form in FORMS.items()
}
#: Keys that follow from the resource's ARN, and which of its fields they are.
_IN_ARNS = {"aws:requestedregion": 3, "aws:resourceaccount": 4}
#: What looking for the values of a variable in literals may cost, in steps.
_PER_VARIABLE = 1_000_000
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
        for each in uses
    )
    tied = {key, *(each.key for each in uses)}
    others = {each.key for asked in prover.vocabulary.asked.values() for each in asked if each.variable_keys() & tied}
    is_whole = is_whole and others <= tied and not (tied - {key}) & _variables(prover)
    is_whole = is_whole and _are_texts(prover, inquiry, tied)
    found = _distinct(prover, inquiry, key, tied)
    own = inquiry.subject.own_tags.get(key)
    found = found if own is None else [own, *(value for value in found if value != own)]
    if not is_whole:
        found += [cut for cut in _cuts(prover, whole) if cut not in found]
    return [*([None] if own is None else []), *found], is_whole


def _are_texts(prover: Prover, inquiry: Inquiry, keys: set[str]) -> bool:
    """Whether keys hold text that is compared as such, and whose cells are the same for every principal."""
    asked = [each for key in keys for each in prover.vocabulary.asked.get(key, ())]
    return (
        all(each.condition.operator.startswith(("String", "Null")) for each in asked)
        and not KINDS.keys() & keys
        and not inquiry.encoding.keys.attributes.keys() & keys
    )


def _variables(prover: Prover) -> set[str]:
    return {key for asked in prover.vocabulary.asked.values() for each in asked for key in each.variable_keys()}


def _distinct(prover: Prover, inquiry: Inquiry, key: str, tied: Collection[str]) -> list[str]:
    """Return texts of a key of every cell of what is asked of the keys it is tied to, so many that all can differ.

    What those hold alone has cells of its own: a fixed value, one of few, texts of one form.
    """
    if key in CLOSED:
        return list(CLOSED[key])
    asked = [each for name in sorted(tied) for each in prover.vocabulary.asked.get(name, ())]
    kinds: dict[str, list[Asked]] = {}
    for each in asked:
        if not each.variable_keys():
            kinds.setdefault(family(each.condition.operator) or "text", []).append(each)
    texts = kinds.pop("text", [])
    texts += [_FORMS[name] for name in sorted(tied) if name in _FORMS]
    texts += [each for name in sorted(tied) for each in _places(prover, name)]
    apart = list(_told_apart(prover, inquiry, tied))
    domain, kind = DOMAINS.get(key, ANY_TEXT), KINDS.get(key, "")
    found: list[str] = []
    for _ in tied:
        found += values_of(texts, [], prover.budget, domain=domain, extra=[*apart, *found], only=kind)[0]
    for some in kinds.values():
        found += values_of(some, [], prover.budget)[0]
    return list(dict.fromkeys(found))


def _places(prover: Prover, key: str) -> Iterator[Asked]:
    """Yield what the ARNs of policies say of a key that follows from the resource's, as conditions on it."""
    if key in _IN_ARNS:
        arns = [text.split(":", FIELDS - 1) for text, _ in prover.vocabulary.resources]
        fields = dict.fromkeys(fields[_IN_ARNS[key]] for fields in arns if len(fields) == FIELDS)
        plain = tuple(field for field in fields if field and "${" not in field)
        if plain:
            yield Asked(Condition(operator="StringLike", key=key, values=plain), variables=False)


def _told_apart(prover: Prover, inquiry: Inquiry, keys: Collection[str]) -> Iterator[str]:
    """Yield the texts that keys hold alone, and those that a guarantee names."""
    for key in sorted(keys):
        yield from CLOSED.get(key, ())
        yield from prover.vocabulary.extra.get(key, ())
        value = inquiry.encoding.keys.value(key)
        if isinstance(value, str):
            yield value


def _cuts(prover: Prover, whole: str) -> list[str]:
    """Return what a variable would have to be for a pattern with it to meet a literal of another; not too many."""
    own = prover.budget.part(_PER_VARIABLE)
    found: dict[str, None] = {}
    try:
        found.update(dict.fromkeys(_cut(prover, whole, own)))
    except ExhaustedError:
        return []
    finally:
        prover.budget.spend(own.spent, "the values of a policy variable")
    return list(found)


def _cut(prover: Prover, whole: str, budget: Budget) -> Iterator[str]:
    texts = [text for text, _ in prover.vocabulary.resources]
    texts += [value for asked in prover.vocabulary.asked.values() for each in asked for value in each.condition.values]
    literals = [text for text in texts if "${" not in text]
    for pattern in (text for text in texts if whole in text.lower()):
        for shortened in (str, _last_field):
            cut = _Cut(shortened(pattern), whole)
            for text in map(shortened, literals):
                budget.spend(len(text) ** 2 // 10, "the values of a policy variable")
                yield from cut.of(text)


def _last_field(text: str) -> str:
    return text.split(":", FIELDS - 1)[-1]


class _Cut:
    """What stands in a text where a pattern has a variable."""

    def __init__(self, pattern: str, whole: str) -> None:
        at = pattern.lower().find(whole)
        around = (pattern[:at], pattern[at + len(whole) :]) if at >= 0 else ()
        self._around = [matcher(roughly(parse(each, variables=True))) for each in around]

    def of(self, text: str) -> Iterator[str]:
        """Yield the longest and the shortest text with which the pattern matches."""
        if not self._around:
            return
        before, after = self._around
        starts = [i for i in range(len(text) + 1) if before(text[:i])]
        ends = [i for i in range(len(text) + 1) if after(text[i:])]
        if not starts or not ends or starts[0] > ends[-1]:
            return
        yield text[starts[0] : ends[-1]]
        spans = ((start, ends[bisect_left(ends, start)]) for start in starts if start <= ends[-1])
        start, end = min(spans, key=lambda span: span[1] - span[0])
        yield text[start:end]
