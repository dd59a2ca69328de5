"""Names as people write them, such as `App/Role` and a model's id, turned into what an estate holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from secure_bedrock.errors import InvalidInput, nearest
from secure_bedrock.policy.authorisation import ModelKind
from secure_bedrock.policy.calls import GUARDRAIL_KEY, Call
from secure_bedrock.policy.document import Condition, Statement
from secure_bedrock.policy.estate import Estate
from secure_bedrock.policy.invariants import Invariant, Never
from secure_bedrock.policy.models import Model
from secure_bedrock.policy.request import ANONYMOUS
from secure_bedrock.review.loading import Reading
from secure_bedrock.review.template import Source

#: How many names an error lists.
_SHOWN = 12
#: The parts of a construct's path in one word, and a hash.
_LOGICAL_ID = re.compile(r"(?:^|/)([A-Za-z0-9]+)[0-9A-F]{8}$")


@dataclass(frozen=True, kw_only=True, eq=False)
class Names:
    """What the parts of an estate are called.

    Attributes:
        estate: whose parts they are.
        endpoints: where each endpoint stands, by id.
        guardrails: where each guardrail stands, by ARN.
    """

    estate: Estate
    endpoints: Mapping[str, Source] = field(default_factory=dict)
    guardrails: Mapping[str, Source] = field(default_factory=dict)

    @classmethod
    def of(cls, reading: Reading) -> Names:
        """Return the names of what was read."""
        return cls(
            estate=reading.estate, endpoints=reading.parts.endpoint_sources, guardrails=reading.parts.guardrail_sources
        )

    def principal(self, name: str, *, where: str = "principals") -> str:
        """Return the estate's principal of a name, the end of one where that is clear, an ARN or a session.

        Raises:
            InvalidInput: for a name that is nobody's, or more than one's.
        """
        people = self.estate.principals
        if name in people or any(each.arn == name for each in people.values()):
            return name
        last = _role_name(name)
        aliases = {key: (key, each.arn.rpartition("/")[2]) for key, each in people.items()}
        return _chosen(where, name, aliases, short=last)

    def someone(self, name: str, *, where: str = "but") -> str:
        """Return the same, where services, providers and ARNs beyond the estate may be named too."""
        beyond = name == ANONYMOUS or "*" in name or name.startswith("arn:") or name.endswith(".amazonaws.com")
        return name if beyond else self.principal(name, where=where)

    def role(self, name: str, *, where: str = "roles") -> str:
        """Return the ARN of a role; an ARN or a pattern of them is left as it is."""
        if name.startswith("arn:") or "*" in name:
            return name
        return self.estate.principals[self.principal(name, where=where)].arn

    def endpoint(self, name: str, *, where: str = "endpoints") -> str:
        """Return the id of an endpoint."""
        if name.startswith("vpce-") or name in self.estate.endpoints:
            return name
        return _chosen(where, name, _aliases(self.endpoints))

    def guardrail(self, name: str, *, where: str = "guardrails") -> str:
        """Return the ARN of a guardrail, with the version that the name ends in; the first that is made is number 1."""
        if name.startswith("arn:"):
            return name
        path, colon, version = name.partition(":")
        return _chosen(where, path, _aliases(self.guardrails)) + colon + version

    def settled(self, invariant: Invariant) -> Invariant:
        """Return an invariant about the estate's own parts in place of their names.

        Raises:
            InvalidInput: with the names there are.
        """
        if isinstance(invariant, Never):
            scope = invariant.scope
            people = scope.principals
            return replace(
                invariant,
                scope=replace(
                    scope,
                    principals=None if people is None else tuple(self.principal(each) for each in people),
                    but=tuple(self.someone(each) for each in scope.but),
                ),
                statements=tuple(self._statement(each) for each in invariant.statements),
            )
        return replace(invariant, calls=tuple(self._call(each) for each in invariant.calls))

    def _call(self, call: Call) -> Call:
        return replace(
            call,
            principal=self.someone(call.principal, where="principal"),
            via=tuple(self.someone(each, where="via") for each in call.via),
            endpoint=None if call.endpoint is None else self.endpoint(call.endpoint, where="endpoint"),
            guardrail=None if call.guardrail is None else self.guardrail(call.guardrail, where="guardrail"),
        )

    def _statement(self, statement: Statement) -> Statement:
        is_about_roles = all(action.startswith(("iam:", "sts:")) for action in statement.actions)
        read = self._roles if is_about_roles else _models
        return replace(
            statement,
            resources=_each(statement.resources, read),
            not_resources=_each(statement.not_resources, read),
            conditions=tuple(self._condition(each) for each in statement.conditions),
        )

    def _roles(self, name: str) -> Iterable[str]:
        return (self.role(name),)

    def _condition(self, condition: Condition) -> Condition:
        key = condition.key.lower()
        if key == "aws:sourcevpce":
            return replace(condition, values=tuple(self.endpoint(each) for each in condition.values))
        if key == GUARDRAIL_KEY.lower():
            return replace(condition, values=tuple(self.guardrail(each) for each in condition.values))
        return condition


def _each(values: Sequence[str], read: Callable[[str], Iterable[str]]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for value in values:
        is_arn = value.startswith("arn:") or "*" in value
        found |= dict.fromkeys((value,) if is_arn else read(value))
    return tuple(found)


def _models(text: str) -> Iterable[str]:
    """Yield patterns of what a model's or a profile's id stands for: a profile, and the model it routes to."""
    model = Model.parse(text)
    if model.kind is ModelKind.INFERENCE_PROFILE:
        yield f"arn:*:bedrock:*:*:inference-profile/{model.id}"
    yield f"arn:*:bedrock:*:*:foundation-model/{model.model_id}"


def _role_name(name: str) -> str:
    if ":assumed-role/" in name:
        return name.partition(":assumed-role/")[2].partition("/")[0]
    return name.rpartition("/")[2] if name.startswith("arn:") else name


def _aliases(sources: Mapping[str, Source]) -> dict[str, tuple[str, ...]]:
    return {
        value: tuple(
            each for each in (source.construct_path, f"{source.stack}/{source.logical_id}", value) if each is not None
        )
        for value, source in sources.items()
    }


def _chosen(where: str, name: str, aliases: Mapping[str, tuple[str, ...]], *, short: str | None = None) -> str:
    """Return the one that a name, or the end of one, means."""
    found = [key for key, known in aliases.items() if any(_ends(each, name) or each == short for each in known)]
    found = found or [key for key, known in aliases.items() if any(_is_made_of(each, name) for each in known)]
    exact = [key for key in found if name in aliases[key]]
    if len(exact or found) == 1:
        return (exact or found)[0]
    choices = {known[0]: key for key, known in aliases.items()}
    if found:
        many = ", ".join(aliases[key][0] for key in found[:_SHOWN])
        raise InvalidInput(f"{where}: got {name!r}, which is each of {many}; write more of the path")
    if not choices:
        raise InvalidInput(f"{where}: got {name!r}; the input holds none")
    shown = sorted(choices)[:_SHOWN]
    more = f" and {len(choices) - len(shown)} more" if len(choices) > len(shown) else ""
    close = nearest(name, choices) or next((each for each in choices if nearest(name, each.split("/"))), None)
    hint = f"; did you mean {close!r}?" if close else ""
    raise InvalidInput(f"{where}: got {name!r}; allowed is one of {', '.join(shown)}{more}{hint}")


def _ends(path: str, name: str) -> bool:
    return f"/{path}".endswith(f"/{name}")


def _is_made_of(logical_id: str, name: str) -> bool:
    """Whether CDK made a logical id of a path: an app that is synthesized outside the CDK CLI leaves the paths out."""
    match = _LOGICAL_ID.search(logical_id)
    return match is not None and match[1].endswith(re.sub(r"[^A-Za-z0-9]", "", name) or " ")
