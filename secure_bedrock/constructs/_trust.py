"""Who may assume a scoped role: what is refused, and what is added for services that can be asked by anybody."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Any, cast

from aws_cdk import aws_iam as iam
from constructs import IConstruct

from secure_bedrock.constructs._edge import arn_of
from secure_bedrock.constructs._tokens import known, stack_of
from secure_bedrock.data import table
from secure_bedrock.errors import invalid
from secure_bedrock.policy.document import Statement
from secure_bedrock.policy.environment import Environment
from secure_bedrock.policy.tagging import session_tags
from secure_bedrock.policy.trust import (
    ROLES_ANYWHERE,
    federation_problem,
    is_sign_in,
    roles_anywhere_problem,
)

_ACCOUNT = re.compile(r"\d{12}")
#: A service's name as CDK writes it; every other spelling, such as `lambda` or `lambda.amazonaws.com.cn`, it changes.
_SERVICE = re.compile(r"[a-z0-9-]+\.amazonaws\.com")
#: Conditions one of which ties a caller from another account: key, and the operators that hold when the key is absent.
_TIES = {
    "sts:externalid": {"StringEquals"},
    "aws:principalorgid": {"StringEquals"},
    "aws:multifactorauthpresent": {"Bool"},
}


def checked_principal(scope: IConstruct, assumed_by: iam.IPrincipal, environment: Environment) -> iam.IPrincipal:
    """Return the principal to trust, with aws:SourceAccount and aws:SourceArn for services that send them.

    Raises:
        InvalidInput: for `*`, another account without external id, MFA or organisation id, a federation that is not
            tied to one subject, Roles Anywhere without a trust anchor and a certificate's subject,
            or a composite that hides a service that would need the source conditions.
    """
    service = assumed_by.service if isinstance(assumed_by, iam.ServicePrincipal) else None
    principal = _with_source(_as_principal(assumed_by), service, environment)
    if type(principal) is iam.ServicePrincipal and _is_harmless(service):
        return principal  # writing it into a scratch document, to read it back, costs round trips to Node
    for statement in _trust_statements(scope, principal):
        if statement.effect == "Allow":
            for kind, value in statement.principals:
                _require_acceptable(kind, value, statement, environment)
    return principal


def _is_harmless(service: str | None) -> bool:
    """Whether a service that is given no source conditions is one that no rule here refuses, whatever stands beside it.

    The services with source conditions are listed as CDK writes them too: one of those does not come here.
    """
    return _SERVICE.fullmatch(service or "") is not None and not str(service).startswith(ROLES_ANYWHERE)


def may_tag_sessions(assumed_by: iam.IPrincipal) -> bool:
    """Whether a principal may bring session tags: CDK lets a `ServicePrincipal` only assume the role.

    One that is wrapped, composed or of a class of its own may be let do more.
    """
    return type(assumed_by) is not iam.ServicePrincipal


def refuse_session_tags(role: iam.Role, keys: tuple[str, ...]) -> None:
    """Let nobody who may tag sessions bring the role's own tags, or the one that revokes it, under another value.

    A session tag replaces a role's tag of the same key. Where the trust lets nobody tag sessions there is nothing to
    refuse: STS then refuses every session that brings tags, those inherited along a chain of roles included.
    """
    document = role.assume_role_policy
    plain = stack_of(role).resolve(document) if document is not None else {"Statement": []}
    actions = (action for row in plain["Statement"] for action in Statement.from_plain(_flat(row)).actions)
    if document is None or not any(_meets("sts:tagsession", action.lower()) for action in actions):
        return
    statement = session_tags(keys)
    conditions = {condition.name: {condition.key: list(condition.values)} for condition in statement.conditions}
    document.add_statements(
        iam.PolicyStatement(
            sid=statement.sid,
            effect=iam.Effect.DENY,
            principals=[iam.AnyPrincipal()],
            actions=list(statement.actions),
            conditions=conditions,
        )
    )


def _meets(action: str, pattern: str) -> bool:
    return fnmatchcase(action, pattern.replace("[", "[[]"))


def _as_principal(assumed_by: iam.IPrincipal) -> iam.IPrincipal:
    """The principal itself; a role or user, which CDK cannot write into a scratch document, by its ARN."""
    if hasattr(assumed_by, "add_to_assume_role_policy"):
        return assumed_by
    arn = arn_of(assumed_by, "role_arn", "user_arn")
    if arn is None:
        raise invalid("assumed_by", assumed_by, allowed="an iam.IPrincipal such as iam.ServicePrincipal('...')")
    # aws_cdk's principals do not satisfy its own protocol for a type checker: aws/aws-cdk issue 15584.
    return cast("iam.IPrincipal", iam.ArnPrincipal(arn))


def _with_source(assumed_by: iam.IPrincipal, service: str | None, environment: Environment) -> iam.IPrincipal:
    row = None if service is None else _sends_source(service)
    if row is None:
        return assumed_by
    source = environment.arn("*", service=row["service"], region="*")
    conditions = {"StringEquals": {"aws:SourceAccount": environment.account}, "ArnLike": {"aws:SourceArn": source}}
    return iam.PrincipalWithConditions(assumed_by, conditions)


def _sends_source(service: str) -> dict[str, Any] | None:
    return next((row for row in table("service_principals")["principals"] if row["principal"] == service), None)


def _trust_statements(scope: IConstruct, principal: iam.IPrincipal) -> list[Statement]:
    """The statements as the template will hold them; a composite's own fragment cannot be read otherwise."""
    document = iam.PolicyDocument()
    principal.add_to_assume_role_policy(document)
    plain = stack_of(scope).resolve(document)
    return [Statement.from_plain(_flat(row)) for row in plain["Statement"]]


def _flat(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """The value with intrinsic functions as text: `${...}`, without colons, so that an ARN keeps its six fields."""
    if isinstance(value, list):
        return [_flat(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Fn::Join"}:
        separator, parts = value["Fn::Join"]
        return separator.join(str(_flat(part)) for part in parts)
    if len(value) == 1 and next(iter(value)) in {
        "Ref",
        "Fn::GetAtt",
        "Fn::ImportValue",
        "Fn::Sub",
        "Fn::GetStackOutput",
    }:
        return f"${{{next(iter(value.values()))}}}".replace(":", ".")
    return {key: _flat(item) for key, item in value.items()}


def _require_acceptable(kind: str, value: str, statement: Statement, environment: Environment) -> None:
    if value == "*" or kind == "CanonicalUser" or (kind == "AWS" and ("*" in value or "?" in value)):
        raise invalid("assumed_by", value, allowed="named accounts, roles, services or federations")
    if kind == "Federated" and is_sign_in(statement) and (problem := federation_problem(statement)):
        raise invalid("assumed_by", value, allowed=problem, remedy="ExternalWorkloadAccess writes them")
    if kind == "Service" and value.lower().startswith(ROLES_ANYWHERE):
        problem = roles_anywhere_problem(statement, known(environment.account))
        if problem:
            raise invalid("assumed_by", value, allowed=problem, remedy="use RolesAnywherePrincipal")
    if kind == "Service" and _sends_source(value) and not _names_source_account(statement):
        raise invalid(
            "assumed_by",
            value,
            allowed="this service alone, or with a condition on aws:SourceAccount",
            remedy="inside a composite principal add with_conditions({'StringEquals': {'aws:SourceAccount': ...}})",
        )
    if kind == "AWS" and _is_other_account(value, environment) and not _is_tied(statement):
        raise invalid(
            "assumed_by",
            value,
            allowed="another account only with MFA, an external id or an organisation id",
            remedy="use MfaAccountPrincipal, or with_conditions on sts:ExternalId or aws:PrincipalOrgID",
        )


def _is_other_account(value: str, environment: Environment) -> bool:
    """Whether a principal names an account that is not known to be the role's own."""
    if value == environment.account:
        return False
    account = value if ":" not in value else (value.split(":") + [""] * 5)[4]
    if not _ACCOUNT.fullmatch(account):
        return False
    return account != known(environment.account)


def _is_tied(statement: Statement) -> bool:
    return any(
        condition.operator in _TIES.get(condition.key.lower(), set())
        and not condition.if_exists
        and not condition.quantifier
        and not any("*" in value or value in {"", "false"} for value in condition.values)
        for condition in statement.conditions
    )


def _names_source_account(statement: Statement) -> bool:
    return any(
        condition.key.lower() == "aws:sourceaccount"
        and condition.operator == "StringEquals"
        and not condition.quantifier
        and not any("*" in value or not value for value in condition.values)
        for condition in statement.conditions
    )
