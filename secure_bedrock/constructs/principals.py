"""Principals that CDK does not have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from secure_bedrock.constructs._edge import arn_of
from secure_bedrock.constructs._tokens import known
from secure_bedrock.errors import invalid
from secure_bedrock.policy.document import Condition
from secure_bedrock.policy.federation import certificate_conditions

_ACCOUNT = re.compile(r"\d{12}")
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}")
_ORGANIZATION = re.compile(r"o-[a-z0-9]{10,32}")
_LONGEST_AGE = 43_200
_TRUST_ANCHOR = re.compile(r"arn:[a-z-]+:rolesanywhere:[a-z0-9-]+:\d{12}:trust-anchor/[0-9A-Za-z-]+")


class MfaAccountPrincipal(iam.PrincipalWithConditions):
    """Everybody of an account whom that account allows, when they signed in with MFA lately.

    Who can use it: IAM users with an MFA device, through `sts:GetSessionToken` or by naming the device in AssumeRole.
    Who cannot: IAM Identity Center, SAML and OIDC sessions and role chains, whose credentials carry no MFA keys;
    ask for MFA
    at their identity provider instead.
    The condition holds when the keys are absent, as with a long-term access key: then nobody gets in
    (IAM User Guide, "Configuring MFA-protected API access").

    Args:
        account_id: the account, 12 digits.
        external_id: an id the caller must pass, 2 to 1224 characters. Default: none asked.
        max_age: how long ago the sign-in may be. Default: one hour.
        organization_id: the caller must belong to this organisation. Default: not asked.

    Raises:
        InvalidInput: for a malformed id, or an age outside one second to twelve hours.
    """

    def __init__(
        self,
        account_id: str,
        *,
        external_id: str | None = None,
        max_age: cdk.Duration | None = None,
        organization_id: str | None = None,
    ) -> None:
        _require("account_id", account_id, _ACCOUNT, "an account id of 12 digits")
        _require("external_id", external_id, _EXTERNAL_ID, "2 to 1224 characters out of letters, digits and +=,.@:/-_")
        _require("organization_id", organization_id, _ORGANIZATION, "an organisation id such as o-exampleorgid")
        conditions: dict[str, dict[str, str]] = {
            "Bool": {"aws:MultiFactorAuthPresent": "true"},
            "NumericLessThan": {"aws:MultiFactorAuthAge": str(_seconds(max_age))},
        }
        equals = {"sts:ExternalId": external_id, "aws:PrincipalOrgID": organization_id}
        given = {key: value for key, value in equals.items() if value is not None}
        if given:
            conditions["StringEquals"] = given
        super().__init__(iam.AccountPrincipal(account_id), conditions)


class RolesAnywherePrincipal(iam.PrincipalWithConditions):
    """A workload outside AWS that proves itself by a certificate, through IAM Roles Anywhere.

    Only a certificate of this trust anchor with all these fields gets in; a request without one of them gets nothing.
    The trust anchor tells whose certificates count: where several authorities under it can write the same name, narrow
    by `issuer_common_name`, or make the issuing authority itself the trust anchor.
    AWS: IAM Roles Anywhere User Guide, "The IAM Roles Anywhere trust model" and "Attribute mapping and trust policy":
    the service asks for sts:AssumeRole, sts:SetSourceIdentity and sts:TagSession; it carries the fields as tags,
    several values of one field with `/` between them, and of each kind of alternative name the first alone.

    Args:
        trust_anchor: the trust anchor: its ARN, or a construct with `trust_anchor_arn` or `attr_trust_anchor_arn`.
        common_name: the subject's CN.
        organization: the subject's O.
        organizational_unit: the subject's OU; a list where the certificate has several, in its order.
        san_dns: the first DNS name.
        san_uri: the first URI, such as a SPIFFE id.
        issuer_common_name: the issuer's CN; narrows where a trust anchor has several intermediate authorities.
        attributes: further fields, such as `x509Subject/SERIALNUMBER`.

    Raises:
        InvalidInput: for a trust anchor with wildcards, a field with wildcards, or no field that tells the workload.
    """

    def __init__(
        self,
        trust_anchor: object,
        *,
        common_name: str | None = None,
        organization: str | None = None,
        organizational_unit: str | Iterable[str] | None = None,
        san_dns: str | None = None,
        san_uri: str | None = None,
        issuer_common_name: str | None = None,
        attributes: Mapping[str, str | Iterable[str]] | None = None,
    ) -> None:
        conditions = certificate_conditions(
            trust_anchor_arn=trust_anchor_arn("trust_anchor", trust_anchor),
            attributes=certificate_fields(
                common_name=common_name,
                organization=organization,
                organizational_unit=organizational_unit,
                san_dns=san_dns,
                san_uri=san_uri,
                issuer_common_name=issuer_common_name,
                attributes=attributes,
            ),
        )
        super().__init__(iam.ServicePrincipal("rolesanywhere.amazonaws.com"), cdk_conditions(conditions))

    def add_to_assume_role_policy(self, doc: iam.PolicyDocument) -> None:
        """Add the three actions that Roles Anywhere needs, under the conditions."""
        actions = ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"]
        doc.add_statements(iam.PolicyStatement(actions=actions, principals=[self]))


class FederatedWorkloadPrincipal(iam.FederatedPrincipal):
    """An identity of an OIDC or SAML provider, with the session tags and the source identity that it brings.

    Args:
        provider_arn: the provider.
        conditions: what the sign-in must carry.
        action: the sign-in's action.
        granted: further actions of the sign-in, each with its own conditions.
    """

    def __init__(
        self,
        provider_arn: str,
        conditions: Iterable[Condition],
        action: str,
        granted: Iterable[tuple[str, Iterable[Condition]]] = (),
    ) -> None:
        super().__init__(provider_arn, cdk_conditions(conditions), action)
        self._granted = tuple(
            (name, iam.FederatedPrincipal(provider_arn, cdk_conditions(needed))) for name, needed in granted
        )

    def add_to_assume_role_policy(self, document: iam.PolicyDocument) -> None:
        """Add the sign-in, and each further action under its own conditions."""
        document.add_statements(iam.PolicyStatement(actions=[self.assume_role_action], principals=[self]))
        for action, principal in self._granted:
            document.add_statements(iam.PolicyStatement(actions=[action], principals=[principal]))


def certificate_fields(
    *,
    common_name: str | None,
    organization: str | None,
    organizational_unit: str | Iterable[str] | None,
    san_dns: str | None,
    san_uri: str | None,
    issuer_common_name: str | None,
    attributes: Mapping[str, str | Iterable[str]] | None,
) -> dict[str, str | Iterable[str]]:
    """Return every field that was given, by AWS's name of it.

    Raises:
        InvalidInput: for a field given twice, or attributes that are no mapping.
    """
    named = {
        "x509Subject/CN": common_name,
        "x509Subject/O": organization,
        "x509Subject/OU": organizational_unit,
        "x509SAN/DNS": san_dns,
        "x509SAN/URI": san_uri,
        "x509Issuer/CN": issuer_common_name,
    }
    fields = {key: value for key, value in named.items() if value is not None}
    if attributes is not None and (not isinstance(attributes, Mapping) or not attributes):
        raise invalid("attributes", attributes, allowed="a mapping from field to value, with at least one entry")
    for key in attributes or {}:
        if key in fields:
            raise invalid("attributes", key, allowed="fields beside those given as properties of their own")
    return {**fields, **(attributes or {})}


def trust_anchor_arn(name: str, trust_anchor: object) -> str:
    """Return the ARN of a trust anchor given as text or construct.

    Raises:
        InvalidInput: for anything else.
    """
    text = trust_anchor if isinstance(trust_anchor, str) else None
    arn = text or arn_of(trust_anchor, "trust_anchor_arn", "attr_trust_anchor_arn")
    if not arn or (known(arn) is not None and not _TRUST_ANCHOR.fullmatch(arn)):
        raise invalid(name, trust_anchor, allowed="the ARN of a trust anchor of IAM Roles Anywhere, or its construct")
    return arn


def cdk_conditions(conditions: Iterable[Condition]) -> dict[str, dict[str, str | list[str]]]:
    """Return conditions as CDK takes them."""
    blocks: dict[str, dict[str, str | list[str]]] = {}
    for each in conditions:
        blocks.setdefault(each.name, {})[each.key] = each.values[0] if len(each.values) == 1 else list(each.values)
    return blocks


def _seconds(max_age: cdk.Duration | None) -> int:
    if max_age is None:
        return 3600
    if not isinstance(max_age, cdk.Duration):
        raise invalid("max_age", max_age, allowed="a Duration of 1 second to 12 hours")
    seconds = int(max_age.to_seconds(integral=False))
    if not 1 <= seconds <= _LONGEST_AGE:
        raise invalid("max_age", f"{seconds} seconds", allowed="1 second to 12 hours")
    return seconds


def _require(name: str, value: str | None, pattern: re.Pattern[str], allowed: str) -> None:
    if value is None and name != "account_id":
        return
    if not isinstance(value, str) or (known(value) is not None and not pattern.fullmatch(value)):
        raise invalid(name, value, allowed=allowed)
