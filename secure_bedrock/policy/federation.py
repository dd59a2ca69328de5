"""Trust in identities from outside AWS, as conditions: certificates, OIDC tokens and SAML assertions.

Every condition is StringEquals or ArnEquals, without IfExists: `*` has no meaning in the first, and where a key is
absent the statement allows nothing.
AWS: "The IAM Roles Anywhere trust model"; IAM User Guide, "IAM and AWS STS condition context keys",
"Identity-provider controls for shared OIDC providers" and "Pass session tags in AWS STS".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from secure_bedrock.errors import InvalidInput, invalid, nearest
from secure_bedrock.policy._federation_tables import (
    certificate_fields,
    claims_of,
    is_built_in,
    is_list,
    saml_attributes,
    tenancy_claim,
)
from secure_bedrock.policy.document import Condition
from secure_bedrock.policy.lists import items_of

#: What AWS's own tools ask a token for; a token for another service is not for it.
AUDIENCE = "sts.amazonaws.com"

#: How CDK writes a value that is not known yet; any other `${...}` would be a variable that IAM fills in.
_TOKEN = re.compile(r"\$\{Token\[[^\]]+\]\}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ISSUER = re.compile(r"https://([a-z0-9][a-z0-9.-]*(?::\d+)?(?:/[\w.~/-]*[\w~])?)", re.IGNORECASE)
#: At issuers that everybody shares, what a subject that names its owner looks like, an example, and the claim that
#: names the owner in its place. Their customers choose the form of a subject, so any other form can be somebody else's.
_OWNERS = {
    "token.actions.githubusercontent.com": (r"repo:[^/:]+/[^/:]+:.+", "repo:OWNER/NAME:...", "repository_id"),
    "gitlab.com": (r"project_path:[^:]+/[^:]+:.+", "project_path:GROUP/PROJECT:...", "project_id"),
}
#: Attributes of an assertion that tell nothing of who brings it.
_NOBODY = {"iss", "sub_type", "doc", "namequalifier"}


def require_exact(name: str, value: object) -> str:
    """Return a text that is compared as it is.

    Raises:
        InvalidInput: for no text, an empty one, one with `*`, `?`, a control character, blanks around it,
            or a variable that IAM would fill in from the caller's own request.
    """
    allowed = "an exact text, without wildcards, variables or blanks around it"
    if not isinstance(value, str) or not value:
        raise invalid(name, value, allowed=allowed)
    literal = _TOKEN.sub("", value)
    if literal != literal.strip() or "${" in literal or set("*?") & set(literal) or _CONTROL.search(literal):
        raise invalid(name, value, allowed=allowed)
    return value


def certificate_conditions(
    *, trust_anchor_arn: str, attributes: Mapping[str, str | Iterable[str]]
) -> tuple[Condition, ...]:
    """Return what a Roles Anywhere request must carry: this trust anchor, and these fields of the certificate.

    A trust anchor alone would let in every certificate its authority ever signs, and fields alone every trust anchor of
    the account, so both are asked for.
    AWS joins several values of one field with `/` in the order of the certificate, so that one value with a `/` looks
    like two: a value of the subject holds none, and a list is no more than an addition to a field with one value.
    Of each kind of alternative name AWS carries the first alone.

    Args:
        trust_anchor_arn: the trust anchor's ARN.
        attributes: by field, such as `x509Subject/CN`; one of them of the subject or an alternative name.

    Raises:
        InvalidInput: for an unknown field, an inexact value, or none that tells the workload.
    """
    joined = {f"aws:PrincipalTag/{_field(field)}": _joined(field, value) for field, value in attributes.items()}
    if not any(_tells_the_workload(field, value) for field, value in attributes.items()):
        raise InvalidInput(
            "common_name: got nothing that tells the workload; allowed is at least one field of the subject or an "
            "alternative name with one value, such as common_name or san_uri"
        )
    return (*_equals(joined), Condition(operator="ArnEquals", key="aws:SourceArn", values=(trust_anchor_arn,)))


def _tells_the_workload(field: str, value: str | Iterable[str]) -> bool:
    """Whether a field tells one workload of an authority from another; where it is, or whose it is, tells none."""
    shared = {"x509Subject/O", "x509Subject/OU", "x509Subject/C", "x509Subject/L", "x509Subject/ST", "x509Subject/DC"}
    return isinstance(value, str) and not field.startswith("x509Issuer/") and field not in shared


def _field(field: str) -> str:
    known = certificate_fields()
    if field not in known:
        raise invalid("attributes", field, allowed=f"{', '.join(known)}", nearest=nearest(str(field), known))
    return field


def _joined(field: str, value: str | Iterable[str]) -> str:
    values = (value,) if isinstance(value, str) else items_of(field, value)
    exact = tuple(require_exact(field, item) for item in values)
    if field in {"x509SAN/DNS", "x509SAN/URI"}:
        if len(exact) > 1:
            raise invalid(field, value, allowed="one text: AWS carries the first alternative name of a kind alone")
        return "".join(exact)
    for item in exact:
        if "/" in item:
            remedy = "AWS puts / between several values of a field; give them as a list"
            raise invalid(field, item, allowed="a value without /", remedy=remedy)
    return "/".join(exact)


def oidc_conditions(
    *, issuer: str, audience: str, subjects: Iterable[str], claims: Mapping[str, str] | None = None
) -> tuple[Condition, ...]:
    """Return what an OIDC token must say: audience and subject, exactly, and further claims.

    Args:
        issuer: the issuer's host and path, as `issuer_of` returns it.
        audience: the `aud` claim.
        subjects: the forms of the `sub` claim; at issuers that everybody shares each must name its owner, unless a
            claim does.
        claims: further claims that AWS knows of this issuer. Default: none.

    Raises:
        InvalidInput: for an inexact value, a subject of everybody, or a claim that AWS does not carry.
    """
    require_exact("audience", audience)
    if audience == AUDIENCE and tenancy_claim(issuer) == "aud":
        raise invalid(
            "audience", audience, allowed=f"the audience that names the customer of {issuer}, which many share"
        )
    exact = tuple(dict.fromkeys(require_exact("subject", subject) for subject in subjects))
    extra = {_claim(issuer, key): require_exact(f"claims[{key!r}]", value) for key, value in (claims or {}).items()}
    for subject in exact:
        _require_owner(issuer, subject, extra)
    return (
        *_equals({f"{issuer}:aud": audience}),
        Condition(operator="StringEquals", key=f"{issuer}:sub", values=exact),
        *_equals({f"{issuer}:{key}": value for key, value in extra.items()}),
    )


def _require_owner(issuer: str, subject: str, claims: Mapping[str, str]) -> None:
    if issuer not in _OWNERS:
        return
    form, example, claim = _OWNERS[issuer]
    if claim not in claims and not re.fullmatch(form, subject):
        allowed = f"{example}, or any subject with the claim {claim}; everybody can get a token of {issuer}"
        raise invalid("subject", subject, allowed=allowed)


def _claim(issuer: str, claim: str) -> str:
    known = claims_of(issuer)
    if claim in known:
        return claim
    if not known:
        raise invalid("claims", claim, allowed=f"none: AWS carries no claim of {issuer} but audience and subject")
    allowed = f"claims that AWS carries of {issuer}: {', '.join(known)}"
    raise invalid("claims", claim, allowed=allowed, nearest=nearest(str(claim), known))


def issuer_of(url: str) -> str:
    """Return an issuer's host and path, which condition keys begin with.

    Raises:
        InvalidInput: for what is no https URL without query, fragment and trailing slash, or is not known at synth.
    """
    found = _ISSUER.fullmatch(url) if isinstance(url, str) else None
    if not found:
        allowed = "a literal https:// URL, without query, fragment or / at its end"
        remedy = "condition keys begin with it, so it cannot be filled in at deployment"
        raise invalid("issuer", url, allowed=allowed, remedy=remedy)
    if is_built_in(found[1]):
        remedy = "pass iam.WebIdentityPrincipal to a ScopedInvokeRole"
        raise invalid("issuer", url, allowed="an issuer that IAM keeps a provider for", remedy=remedy)
    host, slash, path = found[1].partition("/")
    return f"{host.lower()}{slash}{path}"


def saml_conditions(*, audience: str, attributes: Mapping[str, str]) -> tuple[Condition, ...]:
    """Return what a SAML assertion must say: its recipient, and attributes that tell the workload.

    Raises:
        InvalidInput: for an inexact value, none that tells the workload, or an attribute that AWS does not carry.
    """
    known = saml_attributes()
    for name in attributes:
        if name not in known:
            close = nearest(str(name), known)
            raise invalid("attributes", name, allowed=f"{', '.join(known)}", nearest=close)
    if not any(name not in _NOBODY for name in attributes):
        raise InvalidInput(
            "subject: got nothing that tells the workload; allowed is a subject, or attributes of the assertion"
        )
    return (
        *_equals({"SAML:aud": require_exact("audience", audience)}),
        *(_attribute(name, value) for name, value in attributes.items()),
    )


def _attribute(name: str, value: str) -> Condition:
    exact = require_exact("subject" if name == "sub" else f"attributes[{name!r}]", value)
    quantifier = "ForAnyValue" if is_list(name) else None
    return Condition(operator="StringEquals", key=f"SAML:{name}", values=(exact,), quantifier=quantifier)


def asked_of_session(*, tags: Mapping[str, str], source_identity: str | None) -> tuple[Condition, ...]:
    """Return what a sign-in must carry beside the identity itself: these session tags, this source identity."""
    equal = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    if source_identity is not None:
        equal["sts:SourceIdentity"] = source_identity
    return _equals(equal)


def granted_to_session(
    *, tags: Mapping[str, str], source_identity: str | None
) -> tuple[tuple[str, tuple[Condition, ...]], ...]:
    """Return the actions that set session tags and a source identity, each with its conditions.

    A sign-in that carries a tag without permission for sts:TagSession fails, so without `tags` nobody brings any, and
    with them nobody brings others.
    """
    granted: list[tuple[str, tuple[Condition, ...]]] = []
    if tags:
        only = Condition(
            operator="StringEquals", key="aws:TagKeys", values=tuple(tags), quantifier="ForAllValues"
        )  # beside equalities, which an absent tag does not meet
        granted.append(("sts:TagSession", (*asked_of_session(tags=tags, source_identity=None), only)))
    if source_identity is not None:
        granted.append(("sts:SetSourceIdentity", asked_of_session(tags={}, source_identity=source_identity)))
    return tuple(granted)


def _equals(values: Mapping[str, str]) -> tuple[Condition, ...]:
    return tuple(Condition(operator="StringEquals", key=key, values=(value,)) for key, value in values.items())
