"""The guarantees of `relations` as formulas over a space, for one principal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache, lru_cache

from secure_bedrock.data import table
from secure_bedrock.policy import _values
from secure_bedrock.policy._callers import ACCOUNT_ID, Caller
from secure_bedrock.policy._context import UNSPECIFIED
from secure_bedrock.policy._encoding import Encoding, Free
from secure_bedrock.policy._formulas import FALSE, TRUE, Formula, all_of, any_of, negation
from secure_bedrock.policy._globs import matcher, parse
from secure_bedrock.policy._space import NO_RESOURCE, OF_AWS, Attribute, Vocabulary
from secure_bedrock.policy.estate import Estate
from secure_bedrock.policy.evaluation import TRUST_ACTIONS
from secure_bedrock.policy.relations import COMPANIONS, Fact, Relation, all_relations

_ROLES = "arn:*:iam::*:role/*"


def used_keys(vocabulary: Vocabulary, estate: Estate) -> frozenset[str]:
    """Return the keys that matter: those conditions ask about, and what AWS ties to them."""
    used = set(vocabulary.asked)
    if any(endpoint.policy for endpoint in estate.endpoints.values()):
        used.add("aws:sourcevpce")
    while True:
        more = {other for key in used for other in COMPANIONS.get(key, ())} - used
        if not more:
            return frozenset(used)
        used |= more


@lru_cache(maxsize=64)
def relevant(used: frozenset[str]) -> tuple[Relation, ...]:
    """Return the guarantees about keys that matter."""
    return tuple(each for each in all_relations() if each.about() and each.about() <= used)


@lru_cache(maxsize=64)
def _implications(used: frozenset[str]) -> tuple[tuple[Relation, tuple[str, ...]], ...]:
    """Those that are no equalities, with their keys."""
    return tuple((each, tuple(sorted(each.about()))) for each in relevant(used) if each.then)


def prepare(vocabulary: Vocabulary, estate: Estate) -> frozenset[str]:
    """Give what the guarantees speak of cells of its own. Returns the keys that matter."""
    used = used_keys(vocabulary, estate)
    for key in used:
        vocabulary.asked.setdefault(key, {})
    for relation in relevant(used):
        for fact in (*relation.when, *relation.then):
            _prepare_fact(vocabulary, fact)
    for key, values in _values_apart(used, estate):
        for value in values:
            vocabulary.add_value(key, value)
    if "aws:requestedregion" in used:
        _prepare_regions(vocabulary)
    if "aws:resourceaccount" in used:
        vocabulary.add_resource(OF_AWS, variables=False)
    if len(used & _CLOCKS) > 1:
        _share(vocabulary, _CLOCKS)
    return used


#: The keys that equalities compare with others.
_COMPARED = (
    "aws:requestedregion", "aws:resourceaccount", "aws:resourceorgid", "aws:principalorgid", "aws:sourcevpce",
    "aws:sourcevpc", "aws:epochtime", "aws:currenttime", "aws:tokenissuetime",
)  # fmt: skip
_CLOCKS = frozenset({"aws:tokenissuetime", "aws:currenttime", "aws:epochtime"})


def _prepare_fact(vocabulary: Vocabulary, fact: Fact) -> None:
    for value in fact.values:
        if fact.about == "action":
            vocabulary.add_action(value)
        elif fact.about == "resource":
            vocabulary.add_resource(value, variables=False)


def _values_apart(used: frozenset[str], estate: Estate) -> Iterator[tuple[str, Iterable[str]]]:
    """Yield keys with the values that the equalities compare."""
    apart: dict[str, Iterable[str]] = {
        "aws:sourcevpce": estate.endpoints,
        "aws:sourcevpc": [endpoint.vpc for endpoint in estate.endpoints.values()],
        "aws:resourceaccount": estate.own_accounts,
    }
    if estate.organization_id:
        apart |= dict.fromkeys(("aws:principalorgid", "aws:resourceorgid"), (estate.organization_id,))
    yield from ((key, values) for key, values in apart.items() if key in used)
    if "aws:tagkeys" in used:
        yield "aws:tagkeys", [key.partition("/")[2] for key in used if key.startswith("aws:requesttag/")]


def _share(vocabulary: Vocabulary, keys: frozenset[str]) -> None:
    """Sort the values of several keys alike, so that they can be compared cell by cell."""
    together = {asked: None for key in sorted(keys) for asked in vocabulary.asked.get(key, ())}
    for key in keys:
        if key in vocabulary.asked:
            vocabulary.shared[key] = together


def _prepare_regions(vocabulary: Vocabulary) -> None:
    """The Region in an ARN and the key are told apart by the same patterns."""
    vocabulary.add_value("region", UNSPECIFIED)
    vocabulary.add_resource(OF_AWS, variables=False)
    vocabulary.ties_regions = True


class Linking:
    """The guarantees, for one principal.

    Args:
        encoding: the statements of the principal as formulas.
        estate: the estate.
        caller: the principal.
        used: the keys that matter.
    """

    def __init__(self, encoding: Encoding, estate: Estate, caller: Caller, used: frozenset[str]) -> None:
        self._encoding = encoding
        self._space = encoding.space
        self._estate = estate
        self._caller = caller
        self._used = used

    def formula(self, partition: str | None) -> Formula:
        """Return that a request keeps to all of them but the resource types.

        Args:
            partition: of the principal; its resources are there too. Default: it is not known.
        """
        head = self._space.fields[0]
        among = [NO_RESOURCE, partition]
        places = self._space.once(("places", partition), lambda: head.among(among) if partition else TRUE)
        facts = [self._relation(each, keys) for each, keys in _implications(self._used)]
        return self._space.conjunction([places, self._ties(), *facts])

    def _ties(self) -> Formula:
        """The equalities; which of them there are hangs on what is known of the keys they compare."""
        parts = (self._regions, self._accounts, self._clock, self._tags, self._vpcs)
        written = ("ties", self._estate, *map(self._encoding.signature, _COMPARED))
        return self._space.once(written, lambda: all_of(part() for part in parts))

    def _relation(self, relation: Relation, keys: tuple[str, ...]) -> Formula:
        written = (relation.name, self._caller.kind, *map(self._encoding.signature, keys))
        return self._space.once(written, lambda: self._guarantee(relation))

    def _guarantee(self, relation: Relation) -> Formula:
        return any_of([*(negation(self._fact(each)) for each in relation.when), *map(self._fact, relation.then)])

    def _fact(self, fact: Fact) -> Formula:
        found = self._positive(fact)
        return found if fact.holds else negation(found)

    def _positive(self, fact: Fact) -> Formula:
        if fact.about == "caller":
            return TRUE if self._caller.kind.value in fact.values else FALSE
        if fact.about == "action":
            tests = [matcher(parse(name.lower(), variables=False)) for name in fact.values]
            names = self._space.action.values
            return self._space.action.where(sum(1 << i for i, n in enumerate(names) if any(t(str(n)) for t in tests)))
        if fact.about == "resource":
            return any_of(self._encoding.resource(each, variables=False, maybe=True) for each in fact.values)
        value = self._encoding.keys.value(fact.about)
        if not isinstance(value, Free):
            return TRUE if (value in fact.values if fact.values else value is not None) else FALSE
        if self._space.is_many(fact.about):
            return any_of(hit.is_hit() for hit in self._space.hits(fact.about))
        attribute = self._key(fact.about)
        return attribute.among(fact.values) if fact.values else attribute.present

    def _key(self, key: str) -> Attribute:
        return self._encoding.keys.attributes.get(key) or self._space.key(key)

    def _is_free(self, *keys: str) -> bool:
        return all(key in self._used and isinstance(self._encoding.keys.value(key), Free) for key in keys)

    # ----- equalities

    def _regions(self) -> Formula:
        head, service, region, _, rest = self._space.fields
        real = any_of([head.among([NO_RESOURCE]), negation(region.among([UNSPECIFIED]))])
        if not self._is_free("aws:requestedregion"):
            return real
        key = self._space.key("aws:requestedregion")
        none = head.among([NO_RESOURCE])
        model = all_of([
            service.among(["bedrock"]), rest.where(_starting(rest, "foundation-model/")), region.among([""]),
            negation(none),
        ])  # fmt: skip
        same = [any_of([none, negation(region.among([value])), key.among([value])]) for value in region.values if value]
        return all_of([real, any_of([negation(model), key.among([UNSPECIFIED])]), *same])

    def _accounts(self) -> Formula:
        found: list[Formula] = []
        head, _, _, account, _ = self._space.fields
        none = head.among([NO_RESOURCE])
        numbered = [value for value in account.values if value and ACCOUNT_ID.fullmatch(value)]
        if self._is_free("aws:resourceaccount"):
            key = self._space.key("aws:resourceaccount")
            found += [any_of([none, negation(account.among([one])), key.among([one])]) for one in numbered]
        organization = self._estate.organization_id
        if self._is_free("aws:resourceorgid") and organization:
            key = self._space.key("aws:resourceorgid")
            members = [one for one in numbered if self._estate.is_member(one)]
            others = [one for one in numbered if one not in members]
            at_home, abroad = (all_of([negation(none), account.among(some)]) for some in (members, others))
            found.append(any_of([negation(at_home), key.among([organization])]))
            found.append(any_of([negation(abroad), negation(key.among([organization]))]))
        if self._is_free("aws:principalorgid") and organization:
            found.append(negation(self._key("aws:principalorgid").among([organization])))
        return all_of(found)

    def _vpcs(self) -> Formula:
        if not self._is_free("aws:sourcevpce", "aws:sourcevpc"):
            return TRUE
        endpoint, vpc = self._space.key("aws:sourcevpce"), self._space.key("aws:sourcevpc")
        return all_of(
            any_of([negation(endpoint.among([name])), vpc.among([row.vpc])])
            for name, row in self._estate.endpoints.items()
        )

    def _clock(self) -> Formula:
        found: list[Formula] = []
        if self._is_free("aws:epochtime", "aws:currenttime"):
            one, other = self._space.key("aws:epochtime"), self._space.key("aws:currenttime")
            if one.values == other.values:
                found += [any_of([negation(one.among([value])), other.among([value])]) for value in one.values]
        if self._is_free("aws:tokenissuetime", "aws:currenttime"):
            issued, now = self._space.key("aws:tokenissuetime"), self._space.key("aws:currenttime")
            for value in issued.values:
                at = _values.moment(value) if value else None
                if value and at is not None:
                    later = [each for each in now.values if each and (_values.moment(each) or 0) >= at]
                    found.append(any_of([negation(issued.among([value])), now.among([None, *later])]))
        return all_of(found)

    def _tags(self) -> Formula:
        if "aws:tagkeys" not in self._used:
            return TRUE
        hits = self._space.hits("aws:tagkeys")
        found: list[Formula] = []
        for key in sorted(self._used):
            if not key.startswith("aws:requesttag/"):
                continue
            name = key.partition("/")[2]
            named = any_of(hit.is_hit() for hit in hits if hit.value.lower() == name)
            tag = self._space.key(key)
            found += [any_of([negation(named), tag.present]), any_of([named, tag.absent])]
        return all_of(found)

    # ----- resource types

    def resource_types(self, cells: int) -> Formula:
        """Return that an action, one of these cells, stands on a resource it can be authorised on."""
        return self._space.once(("types", cells), lambda: self._resource_types(cells))

    def _resource_types(self, cells: int) -> Formula:
        action = self._space.action
        groups: dict[tuple[tuple[str, ...], bool], int] = {}
        for index, name in enumerate(action.values):
            if cells >> index & 1:
                found = types_of(str(name)) if self._space.vocabulary.names(str(name)) else None
                if found is not None:
                    groups[found] = groups.get(found, 0) | 1 << index
        none = self._space.fields[0].among([NO_RESOURCE])
        rules: list[Formula] = []
        for (patterns, is_required), mask in groups.items():
            places = [self._encoding.resource(each, variables=False, maybe=True) for each in patterns]
            rules.append(any_of([negation(action.where(mask)), *places, *([] if is_required else [none])]))
        return all_of(rules)


def _starting(attribute: Attribute, text: str) -> int:
    return sum(1 << i for i, value in enumerate(attribute.values) if value and value.startswith(text))


@cache
def _types() -> dict[str, tuple[tuple[str, ...], bool]]:
    data = table("authorisations")
    found: dict[str, tuple[tuple[str, ...], bool]] = {}
    for row in data["actions"]:
        service = row["action"].partition(":")[0]
        patterns = tuple(data["types"][f"{service}/{name}"] for name in row["types"])
        found[row["action"].lower()] = (patterns, row.get("required", False))
    return found


def types_of(action: str) -> tuple[tuple[str, ...], bool] | None:
    """Return the forms of the ARNs an action, in lower case, stands on, and whether it needs one; None: not known."""
    known = _types().get(action)
    if known is None and action.startswith(TRUST_ACTIONS):
        return (_ROLES,), True
    return known


def known_actions(patterns: Iterable[str]) -> Iterator[str]:
    """Yield the actions of the table of any service that a pattern may be about; `*` is about every service."""
    services = {pattern.partition(":")[0].lower() for pattern in patterns if "*" in pattern or "?" in pattern}
    if not services:
        return
    for row in table("authorisations")["actions"]:
        if "*" in services or row["action"].partition(":")[0] in services:
            yield row["action"]


@cache
def _spelt() -> dict[str, str]:
    return {row["action"].lower(): row["action"] for row in table("authorisations")["actions"]}


def known_case(action: str) -> str:
    """Return an action as AWS spells it, where it is known."""
    return _spelt().get(action, action)
