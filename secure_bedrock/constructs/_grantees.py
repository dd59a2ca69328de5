"""Whom an endpoint can admit: from a CDK principal or a text to the keys that tell it from others."""

from __future__ import annotations

import re

from aws_cdk import aws_iam as iam
from constructs import IConstruct

from secure_bedrock.constructs._edge import arn_of, warn
from secure_bedrock.constructs._naming import generated_role_name
from secure_bedrock.constructs._tokens import environment_of, known, refers_outside, same_stack, stack_of, target_of
from secure_bedrock.errors import invalid
from secure_bedrock.policy.endpoint import Admitted
from secure_bedrock.policy.environment import Arn

_ALLOWED = (
    "a role, its ARN, a construct that runs as a role, "
    "iam.ArnPrincipal, iam.AccountPrincipal or iam.OrganizationPrincipal"
)
_ACCOUNT = re.compile(r"\d{12}")


def admitted_of(endpoint: IConstruct, grantee: object) -> Admitted:
    """Return the keys by which an endpoint policy tells a grantee.

    Raises:
        InvalidInput: for `*`, users (their credentials are long-term), sessions,
        services and principals with conditions.
    """
    if isinstance(grantee, str):
        return _by_arn(endpoint, grantee)
    if isinstance(grantee, iam.AccountPrincipal):
        return Admitted(account=_account(grantee.principal_account or grantee.account_id))
    if isinstance(grantee, iam.OrganizationPrincipal):
        return Admitted(organization_id=grantee.organization_id)
    if isinstance(grantee, iam.ArnPrincipal):
        return _by_arn(endpoint, grantee.arn)
    role = role_of(grantee)
    if role is None:
        raise invalid("grantee", grantee, allowed=_ALLOWED)
    return _by_role(endpoint, role)


def role_of(grantee: object) -> object | None:
    """Return the role behind a grantee: itself, or what its `grant_principal` is; None where there is none."""
    if arn_of(grantee, "role_arn"):
        return grantee
    principal = getattr(grantee, "grant_principal", None)
    return principal if principal is not None and arn_of(principal, "role_arn") else None


def is_made_here(grantee: object) -> bool:
    """Whether a role's policies are written in this app.

    An imported role takes statements and CDK says they were added, even where no template holds them.
    """
    if isinstance(grantee, str | iam.ArnPrincipal):
        return isinstance(target_of(grantee if isinstance(grantee, str) else grantee.arn), iam.CfnRole)
    return isinstance(role_of(grantee), iam.Role | iam.LazyRole)


def _account(account: str) -> str:
    if known(account) is not None and not _ACCOUNT.fullmatch(account):
        raise invalid("grantee", account, allowed="an account id of 12 digits")
    return account


def _by_arn(endpoint: IConstruct, arn: str) -> Admitted:
    if refers_outside(arn, stack_of(endpoint)):
        raise invalid(
            "grantee",
            arn,
            allowed="a literal ARN, or the iam.Role itself, where the role is in another stack",
            remedy="a reference would make the endpoint's stack depend on the role's; give the role a role_name",
        )
    if arn.startswith("arn:") and arn.count(":") >= 5:  # noqa: PLR2004 - an ARN has six fields
        parsed = Arn.parse(arn)
        is_one = parsed.resource == "root" or (parsed.resource_type == "role" and parsed.resource_id)
        if "*" in arn or "?" in arn or parsed.service != "iam" or not is_one:
            raise invalid(
                "grantee", arn, allowed="the ARN of one role; users have long-term credentials, sessions come and go"
            )
        if parsed.resource_type == "root":
            return Admitted(account=parsed.account)
        return Admitted(principal_arn=arn, account=parsed.account)
    if known(arn) is not None:
        raise invalid("grantee", arn, allowed="a role's ARN", remedy=_account_remedy(arn))
    return Admitted(principal_arn=arn)


def _account_remedy(text: str) -> str | None:
    return f"for the account write iam.AccountPrincipal({text!r})" if _ACCOUNT.fullmatch(text) else None


def _by_role(endpoint: IConstruct, role: object) -> Admitted:
    resource = role.node.default_child if hasattr(role, "node") else None
    if not isinstance(role, iam.Role) or not isinstance(resource, iam.CfnRole) or same_stack(role, endpoint):
        return _by_arn(endpoint, arn_of(role, "role_arn") or "")
    environment = environment_of(role)
    name = _literal_name(role, resource)
    path = "/" if resource.path is None else known(resource.path)
    if path is None:
        raise invalid("grantee", role.node.path, allowed="a role with a literal path when it is in another stack")
    return Admitted(
        principal_arn=environment.arn(f"role{path}{name}", service="iam", region=""), account=environment.account
    )


def _literal_name(role: iam.Role, resource: iam.CfnRole) -> str:
    """The role's name as a literal: a reference would turn the stacks' dependency around.

    Where the role has none, its `role_name` is a token that resolves to nothing.
    """
    name = resource.role_name
    if name and stack_of(role).resolve(name) is not None:
        if known(name) is None:
            raise invalid("grantee", role.node.path, allowed="a role with a literal name when it is in another stack")
        return name
    resource.role_name = generated_role_name(role, prefix="")
    warn(
        role,
        "role-named",
        f"an endpoint of another stack admits this role, so it now has the name {resource.role_name}; a role that is "
        "already deployed without a name is replaced once",
    )
    return resource.role_name
