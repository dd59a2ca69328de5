"""Principals that CDK does not have."""

from __future__ import annotations

import re

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from secure_bedrock.constructs._tokens import known
from secure_bedrock.errors import invalid

_ACCOUNT = re.compile(r"\d{12}")
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}")
_ORGANIZATION = re.compile(r"o-[a-z0-9]{10,32}")
_LONGEST_AGE = 43_200


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
