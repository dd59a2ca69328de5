"""Who makes a request, as resource policies know them.

AWS: "AWS JSON policy elements: Principal" and "How AWS enforcement code logic evaluates requests".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, IntEnum

from secure_bedrock.errors import invalid
from secure_bedrock.policy.request import ANONYMOUS, Principal

ACCOUNT_ID = re.compile(r"\d{12}")
_IAM = re.compile(r"arn:([^:]+):iam::(\d{12}):(root|role|user|oidc-provider|saml-provider)(?:/(.+))?")
_STS = re.compile(r"arn:([^:]+):sts::(\d{12}):(assumed-role|federated-user)/([^/]+)(?:/(.+))?")
#: Identity providers that AWS knows by name.
_PROVIDERS = {"accounts.google.com", "cognito-identity.amazonaws.com", "graph.facebook.com", "www.amazon.com"}
_SERVICE_LINKED = "aws-service-role/"


class Kind(Enum):
    """What a principal is; the value is what `aws:PrincipalType` holds, where it holds anything."""

    ROLE = "AssumedRole"
    USER = "User"
    FEDERATED_USER = "FederatedUser"
    ROOT = "Account"
    SERVICE = "Service"
    PROVIDER = "Provider"
    ANONYMOUS = "Anonymous"


class Grant(IntEnum):
    """How directly a resource policy names the caller; the more directly, the less the caller's own policies matter."""

    NONE = 0
    ACCOUNT = 1
    ROLE = 2
    ANYBODY = 3
    DIRECT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A principal as it signs a request.

    Attributes:
        kind: what it is.
        arn: what `aws:PrincipalArn` holds; the name of a service or provider.
        account: None for services, providers and nobody.
        session: the ARN of the session, where it has a name.
        holder: the role or user whose policies count; None for root, services and nobody.
        service_linked: whether it is a service-linked role.
    """

    kind: Kind
    arn: str
    account: str | None = None
    session: str | None = None
    holder: Principal | None = None
    service_linked: bool = False

    @property
    def has_policies(self) -> bool:
        """Whether identity-based policies decide for it."""
        return self.holder is not None

    def known_as(self) -> tuple[str, ...]:
        """Return every name a NotPrincipal must list to spare it: its account, its role, its session."""
        if self.account is None:
            return (self.arn,)
        root = f"{':'.join(self.arn.split(':')[:2])}:iam::{self.account}:root"
        names = (root, self.arn) if self.kind is not Kind.ROOT else (root,)
        if self.kind is Kind.ROLE:
            return (*names, self.session or "a session whose name is not known")
        return (*names, self.session) if self.session else names


def caller_of(name: str, principals: dict[str, Principal], by_arn: dict[str, Principal]) -> Caller:
    """Return who a request's principal is.

    Raises:
        InvalidInput: for a role or user that the estate does not hold, whose policies are therefore unknown.
    """
    text = principals[name].arn if name in principals else name
    if text == ANONYMOUS:
        return Caller(kind=Kind.ANONYMOUS, arn=ANONYMOUS)
    iam, sts = _IAM.fullmatch(text), _STS.fullmatch(text)
    if iam:
        return _iam_caller(text, iam, by_arn)
    if sts:
        return _sts_caller(text, sts, by_arn)
    if text in _PROVIDERS:
        return Caller(kind=Kind.PROVIDER, arn=text)
    if re.fullmatch(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?", text):
        return Caller(kind=Kind.SERVICE, arn=text)
    raise invalid("principal", name, allowed=f"an ARN, a service or one of {sorted(principals)}")


def _iam_caller(arn: str, found: re.Match[str], by_arn: dict[str, Principal]) -> Caller:
    _, account, kind, name = found.groups()
    if kind == "root":
        return Caller(kind=Kind.ROOT, arn=arn, account=account)
    if kind.endswith("-provider"):
        return Caller(kind=Kind.PROVIDER, arn=arn)
    if arn not in by_arn:
        raise _unknown(arn)
    return Caller(
        kind=Kind.ROLE if kind == "role" else Kind.USER,
        arn=arn,
        account=account,
        holder=by_arn[arn],
        service_linked=kind == "role" and name.startswith(_SERVICE_LINKED),
    )


def _sts_caller(arn: str, found: re.Match[str], by_arn: dict[str, Principal]) -> Caller:
    """A session's ARN names the role without its path; a federated user has the policies of the user who made it."""
    partition, account, kind, name, _ = found.groups()
    start = f"arn:{partition}:iam::{account}:{'role' if kind == 'assumed-role' else 'user'}/"
    for candidate, holder in by_arn.items():
        if candidate.startswith(start) and candidate.rpartition("/")[2] == name:
            if kind == "federated-user":
                return Caller(kind=Kind.FEDERATED_USER, arn=arn, account=account, session=arn, holder=holder)
            linked = candidate.removeprefix(start).startswith(_SERVICE_LINKED)
            return Caller(
                kind=Kind.ROLE, arn=candidate, account=account, session=arn, holder=holder, service_linked=linked
            )
    raise _unknown(arn)


def _unknown(arn: str) -> Exception:
    return invalid(
        "principal",
        arn,
        allowed="a principal whose policies the estate holds",
        remedy="add it to the estate; Principal.administrator(arn) stands for one that its account lets do everything",
    )
