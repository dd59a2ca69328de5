"""Whoever a question is asked about: the principals of an estate, and those that nobody has named yet.

The latter are at their widest: administrators by their own policies, with any name and any tags. What holds for them
holds for every principal of their account that the estate does not show.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count

from secure_bedrock.policy import _context
from secure_bedrock.policy._automata import Domain, Glob
from secure_bedrock.policy._callers import Caller, Kind
from secure_bedrock.policy._encoding import FREE, Keys
from secure_bedrock.policy._formulas import FALSE, Formula
from secure_bedrock.policy._globs import Wild
from secure_bedrock.policy._space import Space
from secure_bedrock.policy.document import Policy, Statement
from secure_bedrock.policy.estate import Account, Estate
from secure_bedrock.policy.matching import compile_policy
from secure_bedrock.policy.request import ANONYMOUS, Principal, Value

_TAG = "aws:principaltag/"
_OF_SERVICES = ("aws:principalservicename", "aws:principalservicenameslist")
#: Whose sessions resource policies name, by the word in the session's ARN.
_SESSIONS = {"assumed-role": "role", "federated-user": "user"}
#: Roles that nobody but AWS makes; they are in no estate as administrators.
_SERVICE_LINKED = "role/aws-service-role/"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A principal, or all of a kind that nobody has named.

    Attributes:
        name: what a request calls it.
        estate: the estate with it.
        is_named: whether the estate shows it.
        stem: the ARN up to the name, of those nobody has named; empty for one principal.
        has_any_tags: whether its tags are whoever starts the session's to choose.
        taken: the ARNs that are somebody else's.
    """

    name: str
    estate: Estate
    is_named: bool = True
    stem: str = ""
    has_any_tags: bool = False
    taken: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def caller(self) -> Caller:
        """Who it is to policies that name principals; for those nobody has named, one that no policy names."""
        return self.estate.caller(self.name)

    @property
    def own_tags(self) -> dict[str, str]:
        """The tags of the role or user itself, by their condition key."""
        holder = self.caller.holder
        return {f"{_TAG}{name.lower()}": value for name, value in holder.tags} if holder else {}

    @property
    def partition(self) -> str | None:
        """The partition it is in."""
        return self.caller.arn.split(":")[1] if self.caller.arn.startswith("arn:") else None

    def fixed(self) -> dict[str, Value]:
        """Return the keys that are the same in all of its requests."""
        found = dict(_context.of_principal(self.estate, self.caller))
        if self.has_any_tags:
            found = {key: value for key, value in found.items() if not key.startswith(_TAG) or self._keeps(key)}
        if self.stem:
            found.pop("aws:principalarn", None)
            found.pop("aws:username", None)
        return found

    def keys(self, space: Space, used: frozenset[str]) -> Keys:
        """Return what is known of its condition keys."""
        caller = self.caller
        fixed = self.fixed()
        absent: set[str] = set()
        if caller.kind is not Kind.USER:
            absent.add("aws:username")
        if caller.kind is not Kind.SERVICE:
            absent.update(_OF_SERVICES)
        if caller.account is None:
            absent |= {
                "aws:principalarn",
                "aws:principaltype",
                "aws:principalaccount",
                "aws:principalorgid",
            } - fixed.keys()
        attributes = {}
        if not self.has_any_tags:
            absent.add(_TAG)
        absent |= {key for key in used if key.startswith(_TAG) and self._keeps(key)} - fixed.keys()
        if self.stem and "aws:principalarn" in used:
            attributes["aws:principalarn"] = space.key("aws:principalarn", self._domain())
        return Keys(fixed, frozenset(absent), attributes)

    def forms(self, keys: Keys, space: Space, used: frozenset[str]) -> Iterator[Formula]:
        """Yield what holds of its keys besides: a name that is nobody else's, and the tags a session cannot shed."""
        names = keys.attributes.get("aws:principalarn")
        if names is not None:
            yield names.among(name for name in names.values if name and not self.is_somebody_else(name))
        for key in self.own_tags:
            value = keys.value(key)
            if value is None:
                yield FALSE
            elif value is FREE and key in used:
                yield space.key(key).present

    def _keeps(self, key: str) -> bool:
        """Whether no session can have another tag of this key than the role itself."""
        trust = self.caller.holder.trust if self.caller.holder else None
        return trust is not None and not self.stem and refuses_tag(trust, key.removeprefix(_TAG))

    def without(self, arns: set[str]) -> Subject:
        """Return the same, but for these names."""
        return replace(self, taken=self.taken | arns) if self.stem else self

    def _domain(self) -> Domain:
        return Domain(within=Glob((self.stem, Wild.ONE, Wild.MANY)))

    def is_somebody_else(self, arn: str) -> bool:
        """Whether an ARN is not one of those nobody has named."""
        return arn in self.taken or _SERVICE_LINKED in arn

    def standing_for(self, arn: str | None, tags: dict[str, str]) -> tuple[Estate, str]:
        """Return an estate that holds the very principal with this ARN and these tags, and what to call it.

        Args:
            arn: its ARN, for one nobody has named.
            tags: the tags of its session.
        """
        caller = self.caller
        if not self.stem and not self.has_any_tags:
            return self.estate, self.name
        holder = caller.holder
        if holder is None:
            return self.estate, self.name
        own = {name: value for name, value in holder.tags if name.lower() not in tags}
        changed = replace(holder, arn=arn or holder.arn, tags=tuple({**own, **tags}.items()))
        kept = {name: each for name, each in self.estate.principals.items() if each is not holder}
        name = next((name for name, each in self.estate.principals.items() if each is holder), "unnamed")
        estate = replace(self.estate, principals={**kept, name: changed})
        return estate, changed.arn if self.stem else self.name


def named(estate: Estate, names: tuple[str, ...] | None = None) -> Iterator[Subject]:
    """Yield the principals of an estate, and the sessions of theirs that policies name.

    Args:
        estate: the estate.
        names: which. Default: all.
    """
    sessions = [name for name in _named_in_policies(estate) if ":assumed-role/" in name or ":federated-user/" in name]
    for name in estate.principals if names is None else names:
        caller = estate.caller(name)
        principal = caller.holder
        tags = principal is not None and may_tag_sessions(principal)
        yield Subject(name=name, estate=estate, has_any_tags=tags)
        for session in sessions:
            if principal is not None and session.split(":")[4] == caller.account:
                try:
                    holder = estate.caller(session).holder
                except ValueError:
                    continue
                if holder is principal and caller.session is None:
                    yield Subject(name=session, estate=estate, has_any_tags=tags)


def may_tag_sessions(principal: Principal) -> bool:
    """Whether the trust policy lets whoever assumes a role give the session tags of their own choice."""
    if principal.trust is None:
        return False
    statements = [statement for statement in principal.trust.statements if statement.effect == "Allow"]
    return any("tagsession" in text.lower() or "*" in text for each in statements for text in each.actions) or any(
        each.not_actions for each in statements
    )


def refuses_tag(trust: Policy, name: str) -> bool:
    """Whether a trust policy keeps every session from bringing a tag of this name, in letters of any case."""
    tagging = [each for each in compile_policy(trust, principals=True) if each.covers("sts:tagsession")]
    refused = any(each.denies and _refuses(each.source, name.lower()) for each in tagging)
    return refused or not any(not each.denies and _admits(each.source, name.lower()) for each in tagging)


def _refuses(source: Statement, name: str) -> bool:
    """Whether a Deny holds for everybody who brings the tag, whichever others come with it."""
    is_for_all = bool({("*", "*"), ("AWS", "*")} & {*source.principals})
    return is_for_all and all(
        each.key.lower() == "aws:tagkeys"
        and each.name == "ForAnyValue:StringEqualsIgnoreCase"
        and name in {value.lower() for value in each.values}
        for each in source.conditions
    )


def _admits(source: Statement, name: str) -> bool:
    """Whether an Allow may hold for somebody who brings the tag."""
    exact = {"ForAllValues:StringEquals", "ForAllValues:StringEqualsIgnoreCase"}
    return not any(
        each.key.lower() == "aws:tagkeys"
        and each.name in exact
        and not any(value.lower() == name or "${" in value for value in each.values)
        for each in source.conditions
    )


def unnamed(estate: Estate) -> Iterator[Subject]:
    """Yield, for each account of an estate, root, and the roles and users nobody has named, as administrators."""
    partition = _partition(estate)
    for account in sorted(estate.own_accounts):
        yield from strangers(estate, account, partition)


def strangers(estate: Estate, account: str, partition: str) -> Iterator[Subject]:
    """Yield root of one account, and its roles and users that the estate does not show, as administrators."""
    start = f"arn:{partition}:iam::{account}:"
    known = {principal.arn for principal in estate.principals.values()}
    if f"{start}root" not in known:
        yield Subject(name=f"{start}root", estate=estate, is_named=False)
    mentioned = sorted(
        name for name in _named_in_policies(estate)
        if name.startswith((f"{start}role/", f"{start}user/")) and name not in known
    )  # fmt: skip
    for arn in mentioned:  # policies name it, the estate does not show it
        if _SERVICE_LINKED not in arn:
            yield _administrator(estate, arn, stem="", taken=frozenset())
    yield from _sessions_of_strangers(estate, f"arn:{partition}:sts::{account}:", start)
    taken = frozenset({*known, *mentioned})
    for kind in ("role", "user"):
        name = next(name for name in _free_names() if f"{start}{kind}/{name}" not in taken)
        yield _administrator(estate, f"{start}{kind}/{name}", stem=f"{start}{kind}/", taken=taken)


def _sessions_of_strangers(estate: Estate, sessions: str, start: str) -> Iterator[Subject]:
    """Yield the sessions that policies name, of roles and users that the estate does not show."""
    names = {each.arn.rpartition("/")[2] for each in estate.principals.values() if each.arn.startswith(start)}
    for session in sorted(_named_in_policies(estate)):
        kind, _, rest = session.removeprefix(sessions).partition("/")
        holder = rest.partition("/")[0]
        if session.startswith(sessions) and kind in _SESSIONS and holder not in names:
            found = _administrator(estate, f"{start}{_SESSIONS[kind]}/{holder}", stem="", taken=frozenset())
            yield replace(found, name=session)


def outsiders(estate: Estate) -> Iterator[Subject]:
    """Yield whoever is in no account of the estate: accounts that policies name, one more, and nobody who signed in.

    Where the estate says its organisation, they are asked about as members of it too, below control policies that are
    not known, and so limit nothing.
    """
    partition = _partition(estate)
    named_accounts = {name.split(":")[4] for name in _named_in_policies(estate) if name.startswith("arn:")}
    accounts = {name for name in {*named_accounts, *_account_ids(estate)} if name.isdigit() and len(name) == 12}  # noqa: PLR2004
    other = next(f"{n:012}" for n in range(999_999_999_999, 0, -1) if f"{n:012}" not in accounts)
    for account in (*sorted(accounts - estate.own_accounts), other):
        for is_member in (False, True) if estate.organization_id else (False,):
            place = Account(scps=(), rcps=(), member=is_member)
            there = replace(estate, accounts={**estate.accounts, account: place})
            yield from strangers(there, account, partition)
    yield Subject(name=ANONYMOUS, estate=estate, is_named=False)


def service_principals(estate: Estate) -> Iterator[Subject]:
    """Yield the services that policies name, and one that none does.

    What a service brings, such as the subject of a certificate for IAM Roles Anywhere, is in tags of the principal.
    """
    found = {value for kind, value in _principal_entries(estate) if kind == "Service"}
    for name in (*sorted(found), "unnamed.amazonaws.com"):
        yield Subject(name=name, estate=estate, is_named=False, has_any_tags=True)


def providers(estate: Estate) -> Iterator[Subject]:
    """Yield the identity providers that policies name."""
    for name in sorted({value for kind, value in _principal_entries(estate) if kind == "Federated"}):
        yield Subject(name=name, estate=estate, is_named=False, has_any_tags=True)


def _administrator(estate: Estate, arn: str, *, stem: str, taken: frozenset[str]) -> Subject:
    name = next(name for name in _free_names() if name not in estate.principals)
    changed = replace(estate, principals={**estate.principals, name: Principal.administrator(arn)})
    return Subject(name=name, estate=changed, is_named=False, stem=stem, has_any_tags=True, taken=taken)


def _free_names() -> Iterator[str]:
    yield "anybody"
    yield from (f"anybody-{number}" for number in count(2))


def _partition(estate: Estate) -> str:
    arns = [principal.arn for principal in estate.principals.values()] + list(estate.resource_policies)
    return next((arn.split(":")[1] for arn in arns if arn.startswith("arn:")), "aws")


def _documents(estate: Estate) -> Iterator[Policy]:
    """Yield the documents whose statements name principals."""
    levels = [*estate.rcps, *(level for account in estate.accounts.values() for level in account.rcps or ())]
    yield from (policy for level in levels for policy in level)
    yield from (endpoint.policy for endpoint in estate.endpoints.values() if endpoint.policy)
    yield from estate.resource_policies.values()
    yield from (principal.trust for principal in estate.principals.values() if principal.trust)


def _principal_entries(estate: Estate) -> Iterator[tuple[str, str]]:
    for policy in _documents(estate):
        for statement in policy.statements:
            yield from (*statement.principals, *statement.not_principals)


def _named_in_policies(estate: Estate) -> set[str]:
    return {value for kind, value in _principal_entries(estate) if kind == "AWS"}


def _account_ids(estate: Estate) -> set[str]:
    return {value for kind, value in _principal_entries(estate) if kind == "AWS" and value.isdigit()}
