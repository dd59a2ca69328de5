"""Whether a trust statement that somebody wrote ties an identity from outside AWS to one workload."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from secure_bedrock.policy.document import Condition, Statement

#: Operators that ask for a value; false where the key is absent.
_ASKING = {"StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike"}
_EXACT = {"StringEquals", "StringEqualsIgnoreCase"}
#: Where a wildcard may stand in a subject: behind the one repository or project it names.
_NAMED = re.compile(r"(repo:[^*?/:]+/[^*?/:]+:|project_path:[^*?/:]+/[^*?:]+:).+")
#: An IAM variable. What CloudFormation fills in has lost its colons when it gets here.
_VARIABLE = re.compile(r"\$\{[^}]*:[^}]*\}")
_TRUST_ANCHOR = re.compile(r"arn:[^:*?]+:rolesanywhere:[^:*?]+:[^:*?]+:trust-anchor/[^*?]+")
_SAML = "sts:assumerolewithsaml"
_SIGN_INS = ("sts:assumerole", _SAML, "sts:assumerolewithwebidentity")
_COGNITO = "cognito-identity.amazonaws.com"
#: Keys that tell one workload or person. A branch, an owner, an actor, a called workflow are common to many projects.
_TELLING = re.compile(
    r"saml:(?!(aud|iss|doc|sub_type|namequalifier)$).+|graph\.facebook\.com:id|www\.amazon\.com:user_id"
    r"|.*:(sub|repository|repository_id|project_id|pipeline_id|rpst_id|oidc\.circleci\.com/project-id)"
)
_WORKLOAD_TAGS = tuple(
    f"aws:principaltag/{field}"
    for field in ("x509subject/cn", "x509subject/serialnumber", "x509subject/uid", "x509san/")
)
ROLES_ANYWHERE = "rolesanywhere."


def is_sign_in(statement: Statement) -> bool:
    """Whether a trust statement lets somebody assume the role; tags and source identities alone do not."""
    return not statement.actions or bool(_sign_ins(statement))


def _sign_ins(statement: Statement) -> set[str]:
    patterns = [action.lower() for action in statement.actions]
    return {action for action in _SIGN_INS if any(fnmatchcase(action, pattern) for pattern in patterns)}


def federation_problem(statement: Statement) -> str | None:
    """Return what a statement that trusts a federation must have and has not, None where it has all.

    A key such as the audience alone holds everybody who has a token of that issuer.
    """
    asking = [condition for condition in statement.conditions if _asks(condition)]
    if _is_signed_in_pool(asking):
        return None
    ties = [condition for condition in asking if _TELLING.fullmatch(condition.key.lower())]
    if not ties:
        return "a federation with conditions on its audience and subject"
    for condition in ties:
        if condition.key.lower().endswith(":sub") and not all(_is_narrow(condition, v) for v in condition.values):
            return "a federation with one subject, without wildcards before the end of a repository's or project's name"
    if not any(all(_is_narrow(condition, value) for value in condition.values) for condition in ties):
        return "a federation with one exact subject, or another exact claim that tells the workload"
    return None


def asks_for_saml_audience(statement: Statement) -> bool:
    """Whether a statement lets in SAML assertions for exact recipients alone, whoever they are about.

    Such an assertion names the role and the provider in its attribute Role (IAM User Guide, Configure SAML assertions
    for the authentication response): the organisation's own identity provider decides who becomes it.
    """
    return _sign_ins(statement) == {_SAML} and any(
        _asks(each) and each.key.lower() == "saml:aud" and all(_is_literal(each, value) for value in each.values)
        for each in statement.conditions
    )


def roles_anywhere_problem(statement: Statement, account: str | None) -> str | None:
    """Return what a statement that trusts Roles Anywhere must have and has not, None where it has all.

    Args:
        statement: the statement.
        account: the role's account, None where it is not known.
    """
    asking = [condition for condition in statement.conditions if _asks(condition)]
    anchors = [value for c in asking if c.key.lower() == "aws:sourcearn" for value in c.values]
    if not anchors or not all(_is_anchor(anchor, account) for anchor in anchors):
        return "Roles Anywhere with a condition on aws:SourceArn, one trust anchor of this account"
    fields = [c for c in asking if c.key.lower().startswith(_WORKLOAD_TAGS) or c.key.lower() == "sts:sourceidentity"]
    if not any(all(_is_literal(c, value) for value in c.values) for c in fields):
        return "Roles Anywhere with a condition on the certificate's subject, such as aws:PrincipalTag/x509Subject/CN"
    return None


def _asks(condition: Condition) -> bool:
    return condition.operator in _ASKING and not condition.if_exists and condition.quantifier != "ForAllValues"


def _is_signed_in_pool(asking: list[Condition]) -> bool:
    """Whether one identity pool of Cognito is named, and only those who signed in: a pool can admit guests too."""
    said = {condition.key.lower(): condition for condition in asking}
    pool, kind = said.get(f"{_COGNITO}:aud"), said.get(f"{_COGNITO}:amr")
    return bool(
        pool and kind and all(_is_literal(pool, value) for value in pool.values) and kind.values == ("authenticated",)
    )


def _is_narrow(condition: Condition, value: str) -> bool:
    return _is_literal(condition, value) or bool(_NAMED.fullmatch(value) and not _VARIABLE.search(value))


def _is_literal(condition: Condition, value: str) -> bool:
    wild = condition.operator not in _EXACT and ("*" in value or "?" in value)
    return bool(value) and not _VARIABLE.search(value) and not wild


def _is_anchor(arn: str, account: str | None) -> bool:
    if arn.startswith("${") and ":" not in arn:
        return True  # a reference to a trust anchor, filled in at deployment
    if not _TRUST_ANCHOR.fullmatch(arn):
        return False
    own = arn.split(":")[4]
    return account is None or own == account or own.startswith("${")
