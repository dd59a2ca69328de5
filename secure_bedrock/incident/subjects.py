"""Whom an incident is about, read from what an alarm or a record shows of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from secure_bedrock.errors import invalid
from secure_bedrock.policy.environment import PARTITIONS, Arn

_NAME = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
_ACCOUNT = re.compile(r"\d{12}")
_TARGET = re.compile(r"\d{12}|r-[a-z0-9]{4,32}|ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}")
_ENDPOINT = re.compile(r"vpce-[0-9a-f]{8,17}")
_TAG = re.compile(r"[\w .:/=+@-]{1,256}", re.ASCII)
_ALLOWED = (
    "the ARN of a role, a user or a role's session, an access key's id (AKIA...), or a service-specific credential's "
    "(ACCA...)"
)
#: What the ids of credentials begin with (IAM User Guide, "IAM identifiers").
_ACCESS_KEY, _TEMPORARY_KEY, _SERVICE_CREDENTIAL = "AKIA", "ASIA", "ACCA"
_KEY = re.compile(r"(AKIA|ASIA|ACCA)[A-Z0-9]{12,124}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A principal, or a credential of one.

    Attributes:
        text: as it was given.
        kind: `role`, `session`, `user`, `access-key` or `service-credential`.
        name: the role's or user's name, without path; the credential's id.
        partition: of the ARN; empty: a credential's id does not tell.
        account: the same.
        session: the session's name; else empty.
    """

    text: str
    kind: str
    name: str
    partition: str = ""
    account: str = ""
    session: str = ""

    @property
    def is_kept_by_aws(self) -> bool:
        """Whether nobody in the account may change it: roles of IAM Identity Center, and service-linked ones."""
        return self.name.startswith(("AWSReservedSSO_", "AWSServiceRoleFor"))


def subject_of(text: str) -> Subject:
    """Read whom the incident is about.

    Raises:
        InvalidInput: for what has no credentials of its own to cut off; it says what to name instead.
    """
    if _KEY.fullmatch(text):
        if text.startswith(_TEMPORARY_KEY):
            remedy = "find whose it is: aws cloudtrail lookup-events --lookup-attributes AttributeKey=AccessKeyId"
            raise invalid("principal", text, allowed=f"{_ALLOWED}; this key is a session's", remedy=remedy)
        kind = "access-key" if text.startswith(_ACCESS_KEY) else "service-credential"
        return Subject(text=text, kind=kind, name=text)
    if not text.startswith("arn:"):
        raise invalid("principal", text, allowed=_ALLOWED)
    arn = Arn.parse(text)
    kind, parts = arn.resource_type, arn.resource_id.split("/")
    if arn.partition not in PARTITIONS or not _ACCOUNT.fullmatch(arn.account):
        raise invalid("principal", text, allowed=f"{_ALLOWED}, of a partition that Bedrock is in")
    session = parts.pop() if kind == "assumed-role" and len(parts) == 2 else ""  # noqa: PLR2004 - role and session
    fits = {("iam", "role"): "role", ("iam", "user"): "user", ("sts", "assumed-role"): "session"}
    found = fits.get((arn.service, kind))
    if found is None or not _NAME.fullmatch(parts[-1]) or (found == "session" and not _NAME.fullmatch(session)):
        why = {
            "root": "the root user bears no policy: `incident account` stops it by the organisation's policies",
            "federated-user": "name the user whose GetFederationToken made the session",
        }
        raise invalid("principal", text, allowed=_ALLOWED, remedy=why.get(arn.resource.partition("/")[0]))
    return Subject(text=text, kind=found, partition=arn.partition, account=arn.account, name=parts[-1], session=session)


def target_of(text: str) -> str:
    """Return what an organisation's policy can stand over: an account, an organisational unit or a root."""
    if not _TARGET.fullmatch(text):
        raise invalid("target", text, allowed="an account's id, or an OU's (ou-...) or root's (r-...)")
    return text


def name_of(name: str, text: str) -> str:
    """Return the name of a user."""
    if not _NAME.fullmatch(text):
        raise invalid(name, text, allowed="a user's name, without path")
    return text


def endpoint_of(name: str, text: str) -> str:
    """Return the id of a VPC endpoint."""
    if not _ENDPOINT.fullmatch(text):
        raise invalid(name, text, allowed="ids such as vpce-0123456789abcdef0")
    return text


def tag_of(name: str, text: str) -> str:
    """Return a tag's key or value."""
    if not _TAG.fullmatch(text) or text != text.strip():
        raise invalid(name, text, allowed="letters, digits, blanks and _.:/=+@-, without blanks around")
    return text


def role_arn_of(name: str, text: str) -> str:
    """Return the exact ARN of a role."""
    if not text.startswith("arn:") or any(sign in text for sign in "*?$") or ":role/" not in text:
        raise invalid(name, text, allowed="the exact ARN of a role")
    return Arn.parse(text).text


def moment_of(name: str, text: str | None) -> datetime:
    """Return a time that has passed, by default now.

    Raises:
        InvalidInput: for a time without zone, one to come, or text that is not ISO 8601.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    if text is None:
        return now
    allowed = "a time that has passed, with its zone, such as 2026-01-31T12:00:00Z"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise invalid(name, text, allowed=allowed) from None
    if moment.tzinfo is None or moment > now:
        raise invalid(name, text, allowed=allowed)
    return moment.astimezone(UTC).replace(microsecond=0)


def as_iam_writes(moment: datetime) -> str:
    """Return a time as policies hold it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
