"""Estates and questions as plain data: what a file of cases holds, as values.

The form is one that any engine can be asked in; `docs/reference` has it in full.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from secure_bedrock.errors import InvalidInput, invalid
from secure_bedrock.policy.calls import Call
from secure_bedrock.policy.document import Policy, Statement
from secure_bedrock.policy.estate import Account, Endpoint, Estate, LayerKind, Level
from secure_bedrock.policy.invariants import ANYBODY, Never, Scope
from secure_bedrock.policy.request import Principal, Request

Plain = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One question with its answer.

    Attributes:
        name: what it is about.
        why: the document or rule that settles it.
        estate: what it is asked of.
        question: what is asked.
        allowed: the answer; to a question about all requests of a kind, whether any is; None: that is not known.
        layer: for a denial, which kind of layer decides; None where the case does not say.
        is_disputed: whether AWS does not settle it, so that the answer is the closed reading.
    """

    name: str
    why: str
    estate: Estate
    question: Request | Call | Never
    allowed: bool | None
    layer: LayerKind | None = None
    is_disputed: bool = False


def from_case(plain: Plain) -> Case:
    """Read a case. Raises InvalidInput for one that asks nothing, or holds what this does not know."""
    known = {"name", "why", "estate", "request", "call", "question", "expected", "layer", "disputed"}
    _require_known("case", plain, known)
    if len(plain.keys() & {"request", "call", "question"}) != 1:
        raise InvalidInput(f"case {plain.get('name')!r}: exactly one of request, call and question must be given")
    answers = _ANSWERS["question" if "question" in plain else "request"]
    if plain["expected"] not in answers:
        raise invalid("expected", plain["expected"], allowed=" or ".join(map(repr, answers)))
    return Case(
        name=plain["name"],
        why=plain["why"],
        estate=read_estate(plain["estate"]),
        question=_question(plain),
        allowed=answers[plain["expected"]],
        layer=plain.get("layer"),
        is_disputed=plain.get("disputed", False),
    )


_ANSWERS: dict[str, dict[str, bool | None]] = {
    "request": {"allowed": True, "denied": False},
    "question": {"reachable": True, "unreachable": False, "unknown": None},
}


def _question(plain: Plain) -> Request | Call | Never:
    if "request" in plain:
        return read_request(plain["request"])
    if "call" in plain:
        return read_call(plain["call"])
    return read_question(plain["question"], name=plain["name"])


def read_question(plain: Plain, *, name: str) -> Never:
    """Read a question about all requests of a kind, as the invariant that none of them is allowed."""
    _require_known("question", plain, {"principals", "actions", "resources", "conditions"})
    statement = Statement.from_plain({
        "Effect": "Deny", "Action": plain["actions"], "Resource": plain.get("resources", ["*"]),
        "Condition": plain.get("conditions", {}),
    })  # fmt: skip
    principals = plain.get("principals", "any")
    scope = ANYBODY if principals == "any" else Scope(principals=tuple(principals))
    return Never(name=name, statements=(statement,), scope=scope)


def read_estate(plain: Plain) -> Estate:
    """Read an estate. Raises InvalidInput with the path to what is wrong."""
    known = {
        "principals", "scps", "rcps", "accounts", "endpoints", "resource_policies", "resource_tags",
        "organization_id", "management_account",
    }  # fmt: skip
    _require_known("estate", plain, known)
    return Estate(
        principals={name: _principal(name, row) for name, row in plain.get("principals", {}).items()},
        scps=_levels("scps", plain.get("scps", [])),
        rcps=_levels("rcps", plain.get("rcps", [])),
        accounts={name: _account(name, row) for name, row in plain.get("accounts", {}).items()},
        endpoints={name: _endpoint(name, row) for name, row in plain.get("endpoints", {}).items()},
        resource_policies={
            arn: Policy.from_plain(policy, name=arn) for arn, policy in plain.get("resource_policies", {}).items()
        },
        resource_tags=plain.get("resource_tags", {}),
        organization_id=plain.get("organization_id"),
        management_account=plain.get("management_account"),
    )


def read_request(plain: Plain) -> Request:
    """Read a request."""
    _require_known("request", plain, {"principal", "action", "resource", "context", "endpoint", "session_policies"})
    return Request(
        principal=plain["principal"],
        action=plain["action"],
        resource=plain.get("resource", "*"),
        context=plain.get("context", {}),
        endpoint=plain.get("endpoint"),
        session_policies=_policies("session policy", plain.get("session_policies", [])),
    )


def read_call(plain: Plain) -> Call:
    """Read a call."""
    known = {
        "principal", "operation", "model", "resource", "region", "endpoint", "context", "credentials", "guardrail",
        "via", "session_policies", "service_role",
    }  # fmt: skip
    _require_known("call", plain, known)
    session_policies = _policies("session policy", plain.get("session_policies", []))
    return Call(**{**plain, "via": tuple(plain.get("via", ())), "session_policies": session_policies})


def _principal(name: str, plain: Plain) -> Principal:
    _require_known(f"principals.{name}", plain, {"arn", "tags", "identity", "boundary", "trust"})
    return Principal(
        arn=plain["arn"],
        identity=_policies(f"{name}: identity", plain.get("identity", [])),
        boundary=_policy(f"{name}: boundary", plain.get("boundary")),
        trust=_policy(f"{name}: trust", plain.get("trust")),
        tags=tuple(plain.get("tags", {}).items()),
    )


def _account(name: str, plain: Plain) -> Account:
    _require_known(f"accounts.{name}", plain, {"scps", "rcps", "member"})
    return Account(
        scps=_levels("scps", plain["scps"]) if "scps" in plain else None,
        rcps=_levels("rcps", plain["rcps"]) if "rcps" in plain else None,
        member=plain.get("member", True),
    )


def _endpoint(name: str, plain: Plain) -> Endpoint:
    _require_known(f"endpoints.{name}", plain, {"service", "vpc", "policy"})
    return Endpoint(service=plain["service"], vpc=plain["vpc"], policy=_policy(name, plain.get("policy")))


def _levels(name: str, plain: list[list[Plain]]) -> tuple[Level, ...]:
    return tuple(_policies(f"{name} level {number}", level) for number, level in enumerate(plain, 1))


def _policies(name: str, plain: list[Plain]) -> tuple[Policy, ...]:
    many = len(plain) > 1
    return tuple(
        Policy.from_plain(policy, name=f"{name} {number}" if many else name) for number, policy in enumerate(plain, 1)
    )


def _policy(name: str, plain: Plain | None) -> Policy | None:
    return None if plain is None else Policy.from_plain(plain, name=name)


def _require_known(name: str, plain: Plain, known: set[str]) -> None:
    unknown = sorted(set(plain) - known)
    if unknown:
        raise invalid(name, ", ".join(unknown), allowed=f"the fields {', '.join(sorted(known))}")
