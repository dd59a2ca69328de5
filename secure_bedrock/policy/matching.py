"""Statements, compiled: whether one applies to a request, and if not, for which of its elements.

AWS: "IAM JSON policy elements" (Action, NotAction, Resource, NotResource, Principal, NotPrincipal, Version).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from secure_bedrock.errors import InvalidInput, invalid
from secure_bedrock.policy._arns import ArnPattern, Fields
from secure_bedrock.policy._callers import ACCOUNT_ID, Caller, Grant, Kind
from secure_bedrock.policy._globs import Context, Matcher, matcher, parse
from secure_bedrock.policy.conditions import Answer, CompiledCondition, compile_condition
from secure_bedrock.policy.document import VERSION, Policy, Statement

#: What kept a statement from applying.
Cause = Literal["resource", "principal"] | CompiledCondition
#: How many resources a statement remembers the answer for.
_REMEMBERED = 512


@dataclass(frozen=True, slots=True)
class View:
    """A request as the statements see it: the principal looked up, the resource split, the context complete."""

    caller: Caller
    action: str
    resource: str
    fields: Fields | None
    context: Context


class Finding(NamedTuple):
    """What one statement says to one request.

    Attributes:
        statement: the statement.
        answer: whether it applies; None where AWS's documents do not settle it.
        cause: the element it failed on, or that left it open.
        grant: for statements with principals, how directly the caller is named.
    """

    statement: CompiledStatement
    answer: Answer
    cause: Cause | None
    grant: Grant = Grant.NONE


class CompiledStatement:
    """A statement that can be asked.

    Attributes:
        source: the statement as written.
        policy: the document it stands in.
        denies: whether its effect is Deny.
    """

    __slots__ = ("_actions", "_conditions", "_others", "_principals", "_resources", "denies", "policy", "source")

    def __init__(self, source: Statement, policy: Policy) -> None:
        variables = policy.version == VERSION
        self.source = source
        self.policy = policy
        self.denies = source.effect == "Deny"
        self._actions = _Actions(source)
        self._resources = _Resources(source, variables=variables)
        self._conditions = tuple(compile_condition(each, variables=variables) for each in source.conditions)
        self._principals = _principals(source.principals)
        self._others = _principals(source.not_principals)

    def covers(self, action: str) -> bool:
        """Whether the statement is about an action, in lower case."""
        return self._actions.cover(action)

    @property
    def names(self) -> frozenset[str] | None:
        """The principals that a condition names by their ARNs, so that it applies to no other; None: any."""
        whole = {"StringEquals", "ArnEquals", "ArnLike"}
        for each in self.source.conditions:
            is_whole = each.operator in whole and not (each.quantifier or each.if_exists)
            is_name = is_whole and each.key.lower() == "aws:principalarn"
            if is_name and not any(character in value for value in each.values for character in "*?$"):
                return frozenset(each.values)
        return None

    def ask(self, view: View) -> Finding:
        """Say whether the statement, which covers the action, applies."""
        answer = self._resources.cover(view)
        if answer is False:
            return Finding(self, False, "resource")
        cause: Cause | None = None if answer else "resource"
        grant = Grant.NONE
        if self._principals or self._others:
            grant, named = self.named(view.caller)
            if named is False:
                return Finding(self, False, "principal")
            if named is None:
                answer, cause = None, "principal"
        for condition in self._conditions:
            holds = condition.holds(view.context)
            if holds is False:
                return Finding(self, False, condition)
            if holds is None:
                answer, cause = None, condition
        return Finding(self, answer, cause, grant)

    def named(self, caller: Caller) -> tuple[Grant, Answer]:
        """Say how directly a statement that names principals names the caller, and whether it does."""
        if self._principals:
            grant = max((pattern.grant(caller) for pattern in self._principals), default=Grant.NONE)
            if grant is Grant.ANYBODY and self._names_by_condition():
                grant = Grant.DIRECT
            return grant, grant is not Grant.NONE
        return Grant.ANYBODY, self._is_not_spared(caller)

    def _names_by_condition(self) -> bool:
        """`Principal: "*"` with `aws:PrincipalArn` grants without regard to boundary and session policy."""
        return any(each.key == "aws:principalarn" for each in self._conditions)

    def _is_not_spared(self, caller: Caller) -> Answer:
        """Whether a NotPrincipal does not list the caller.

        AWS: it denies every principal with a permissions boundary; and where it lists a role without its account,
        "the policy might deny access to the entire account", which is no answer.
        """
        if any(pattern.anybody for pattern in self._others):
            return False
        if caller.holder is not None and caller.holder.boundary is not None:
            return True
        listed = [any(pattern.lists(name) for pattern in self._others) for name in caller.known_as()]
        if not any(listed):
            return True
        return False if all(listed) else None


class _Actions:
    """Actions without regard to case; a wildcard stands in the name, never in the service's prefix."""

    __slots__ = ("_exact", "_negated", "_patterns")

    def __init__(self, source: Statement) -> None:
        self._negated = bool(source.not_actions)
        written = [text.lower() for text in source.actions or source.not_actions]
        for text in written:
            _require_action(text)
        self._exact = frozenset(text for text in written if "*" not in text and "?" not in text)
        self._patterns: list[Matcher] = [
            matcher(parse("*" if text == "*:*" else text, variables=False))
            for text in written
            if text not in self._exact
        ]

    def cover(self, action: str) -> bool:
        return (action in self._exact or any(test(action) for test in self._patterns)) is not self._negated


def _require_action(text: str) -> None:
    service, _, name = text.partition(":")
    if text.strip("*") and text != "*:*" and (not service or not name or "*" in service or "?" in service):
        raise invalid("Action", text, allowed="'*' or 'service:name' with wildcards in the name only")


class _Resources:
    """Resources with regard to case, field by field; NotResource is every other one, the resource `*` among them."""

    __slots__ = ("_everything", "_exact", "_known", "_negated", "_none", "_patterns")

    def __init__(self, source: Statement, *, variables: bool) -> None:
        self._negated = bool(source.not_resources)
        written = source.resources or source.not_resources
        self._none = not written  # a trust policy has no resource: it is about its role
        self._everything = any(text and not text.strip("*") for text in written)
        parsed = [(text, parse(text, variables=variables)) for text in written if text.strip("*")]
        for text, _ in parsed:
            if not text.startswith("arn:"):
                raise invalid("Resource", text, allowed="an ARN or '*'")
        whole = {text for text, parts in parsed if parts == (text,) and text.count(":") >= 5}  # noqa: PLR2004 - an ARN
        self._exact = frozenset(whole)
        self._patterns = [ArnPattern(parts, complete=True) for text, parts in parsed if text not in whole]
        self._known: dict[str, Answer] | None = {} if all(p.is_static for p in self._patterns) else None

    def cover(self, view: View) -> Answer:
        if self._known is None:
            return self._among(view)
        answer = self._known.get(view.resource, ...)
        if answer is ...:
            answer = self._among(view)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[view.resource] = answer
        return answer

    def _among(self, view: View) -> Answer:
        if self._none:
            return True
        found = self._everything or view.resource in self._exact or self._like(view.fields, view.context)
        return None if found is None else found is not self._negated

    def _like(self, fields: Fields | None, context: Context) -> Answer:
        """None where only a pattern matches that has a variable before the fifth colon: AWS allows none there."""
        if fields is None:
            return False
        answer: Answer = False
        for pattern in self._patterns:
            if pattern.matches(fields, context):
                if not pattern.early_variable:
                    return True
                answer = None
        return answer


class _PrincipalPattern:
    """One entry of Principal or NotPrincipal."""

    __slots__ = ("_account", "_kind", "_value", "anybody")

    def __init__(self, kind: str, value: str) -> None:
        self.anybody = value == "*" and kind in {"*", "AWS"}
        self._kind = kind
        self._value = value
        if not self.anybody and ("*" in value or "?" in value):
            raise invalid("Principal", value, allowed="'*' or a whole name: AWS takes no wildcard in a part of it")
        is_root = value.startswith("arn:") and value.endswith(":root")
        self._account = value if ACCOUNT_ID.fullmatch(value) else value.split(":")[4] if is_root else None

    def grant(self, caller: Caller) -> Grant:
        if self.anybody:
            return Grant.ANYBODY
        if self._kind == "Service":
            return Grant.DIRECT if caller.kind is Kind.SERVICE and caller.arn == self._value else Grant.NONE
        if self._kind == "Federated":
            return Grant.DIRECT if caller.kind is Kind.PROVIDER and caller.arn == self._value else Grant.NONE
        if self._kind != "AWS" or caller.account is None:
            return Grant.NONE
        if self._account:
            return Grant.ACCOUNT if self._account == caller.account else Grant.NONE
        return self._by_arn(caller)

    def _by_arn(self, caller: Caller) -> Grant:
        if caller.session == self._value:
            return Grant.DIRECT
        if caller.kind is Kind.FEDERATED_USER:  # named by the user who made the session: limited like a role
            named = caller.holder is not None and caller.holder.arn == self._value
            return Grant.ROLE if named else Grant.NONE
        if caller.arn != self._value:
            return Grant.NONE
        return Grant.ROLE if caller.kind is Kind.ROLE else Grant.DIRECT

    def lists(self, name: str) -> bool:
        if self._account:
            return name.endswith(":root") and name.split(":")[4] == self._account
        return name == self._value


def _principals(entries: Iterable[tuple[str, str]]) -> tuple[_PrincipalPattern, ...]:
    return tuple(_PrincipalPattern(kind, value) for kind, value in entries)


@lru_cache(maxsize=4096)
def compile_policy(policy: Policy, *, principals: bool | None) -> tuple[CompiledStatement, ...]:
    """Compile the statements of a document.

    Args:
        policy: the document.
        principals: whether its statements must name principals, must not, or (None) as they like.

    Raises:
        InvalidInput: with the path to the element, for what IAM would refuse.
    """
    return tuple(_compiled(policy, index, principals=principals) for index in range(len(policy.statements)))


def _require_principals(source: Statement, *, wanted: bool | None) -> None:
    if wanted is not None and wanted is not bool(source.principals or source.not_principals):
        raise InvalidInput(f"Principal: {'a statement here needs one' if wanted else 'none is allowed here'}")
    if source.not_principals and source.effect == "Allow":
        raise InvalidInput("NotPrincipal: AWS supports it with Deny only")
    if wanted is False and not (source.resources or source.not_resources):
        raise InvalidInput("Resource: a statement here needs one, or NotResource")


def _compiled(policy: Policy, index: int, *, principals: bool | None) -> CompiledStatement:
    source = policy.statements[index]
    try:
        _require_principals(source, wanted=principals)
        return CompiledStatement(source, policy)
    except InvalidInput as error:
        sid = f" ({source.sid})" if source.sid else ""
        raise InvalidInput(f"{policy.name or 'policy'}: Statement[{index}]{sid}: {error}") from error
