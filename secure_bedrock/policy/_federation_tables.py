"""What AWS carries of an identity from outside into conditions, from the dated table."""

from __future__ import annotations

import re
from functools import cache

from secure_bedrock.data import table

_PART = re.compile(r"\\\$\\\{\w+\\\}")


@cache
def claims_of(issuer: str) -> tuple[str, ...]:
    """Return the claims beside audience and subject that AWS carries of an issuer; of most issuers it carries none."""
    rows = table("federation")["oidc_claims"]
    return next((tuple(row["claims"]) for row in rows if _is_issuer(row["issuer"], issuer)), ())


def tenancy_claim(issuer: str) -> str | None:
    """Return the claim that tells the customers of a shared issuer from each other, None where it is not shared."""
    rows = table("federation")["shared_issuers"]
    return next((row["tenancy_claim"] for row in rows if row["issuer"] == issuer.lower()), None)


def is_built_in(issuer: str) -> bool:
    """Whether IAM knows an issuer without a provider."""
    return issuer.lower().partition("/")[0] in table("federation")["built_in_issuers"]["issuers"]


def certificate_fields() -> tuple[str, ...]:
    """Return the fields of a certificate that Roles Anywhere carries, such as `x509Subject/CN`."""
    rows = {kind: names for kind, names in table("federation")["certificate_fields"].items() if kind != "source"}
    return tuple(f"{kind}/{name}" for kind, names in rows.items() for name in names)


def saml_attributes() -> tuple[str, ...]:
    """Return the attributes of an assertion that AWS carries."""
    return tuple(table("federation")["saml_attributes"]["attributes"])


def is_list(attribute: str) -> bool:
    """Whether an attribute of an assertion may have several values, of which the one asked for must be one."""
    return attribute in table("federation")["saml_attributes"]["lists"]


def saml_audience(partition: str) -> str | None:
    """Return the recipient of assertions for AWS's sign-in of a partition, None where it is not known here."""
    rows = table("federation")["saml_audiences"]
    return next((row["audience"] for row in rows if row["partition"] == partition), None)


def _is_issuer(pattern: str, issuer: str) -> bool:
    """Whether an issuer is the one of a row, whose `${...}` stands for one part of a name or path."""
    return re.fullmatch(_PART.sub(r"[^/]+", re.escape(pattern)), issuer, re.IGNORECASE) is not None
