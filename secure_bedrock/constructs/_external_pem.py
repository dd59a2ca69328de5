"""Certificates and revocation lists as text: enough of a look to refuse what must never be in a template."""

from __future__ import annotations

import re

from secure_bedrock.constructs._tokens import known
from secure_bedrock.errors import InvalidInput, invalid

#: AWS: CreateTrustAnchor takes 8,000 characters of certificates, ImportCrl 300,000 of a revocation list.
_LONGEST_BUNDLE, _LONGEST_LIST = 8_000, 300_000
_CERTIFICATES = re.compile(r"(?:-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*)+")
_LIST = re.compile(r"-----BEGIN X509 CRL-----[A-Za-z0-9+/=\s]+-----END X509 CRL-----\s*")


def require_certificates(bundle: str) -> str:
    """Return certificates in PEM. Raises InvalidInput for anything else, without showing it."""
    return _pem("certificate_bundle", bundle, _CERTIFICATES, _LONGEST_BUNDLE, "certificates of authorities, PEM")


def require_revocation_list(text: str) -> str:
    """Return a revocation list in PEM. Raises InvalidInput for anything else, without showing it."""
    return _pem("revocation_list", text, _LIST, _LONGEST_LIST, "one revocation list, PEM: BEGIN X509 CRL")


def _pem(name: str, text: str, pattern: re.Pattern[str], longest: int, allowed: str) -> str:
    if isinstance(text, str) and "PRIVATE KEY" in text:
        raise InvalidInput(f"{name}: got a private key; allowed is {allowed}; make a new key: this one was seen")
    if not isinstance(text, str):
        raise invalid(name, text, allowed=allowed)
    if known(text) is None:
        return text
    bare = text.strip()
    if not pattern.fullmatch(bare) or len(bare) > longest:
        raise invalid(name, f"{len(bare)} characters", allowed=f"{allowed}, at most {longest} characters")
    return bare
