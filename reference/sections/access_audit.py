"""What `cdk.json` may say of the audit of access."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class AccessAuditConfiguration:
    """Analyzers and the weekly report; see `AccessAudit` for each of these. It needs `audit`, whose stores it uses.

    Attributes:
        external_access: whether the analyzer of external access is made.
        unused_access: whether the analyzer of unused access is made, which AWS bills by role and user.
        unused_access_age: days after which what was not used is unused.
        organization: whether the analyzers look at the whole organisation.
    """

    external_access: bool = True
    unused_access: bool = True
    unused_access_age: int = 90
    organization: bool = False
