"""The time before which sessions are revoked."""

from __future__ import annotations

from datetime import UTC, datetime

from secure_bedrock.errors import invalid


def revocation_time(value: datetime | str | None) -> str | None:
    """Return the time as IAM writes it, in UTC to the second.

    Raises:
        InvalidInput: for a time without zone, one in the future, or text that is not ISO 8601.
    """
    if value is None:
        return None
    moment = _moment(value)
    if moment.tzinfo is None:
        raise invalid(
            "revoke_sessions_before", str(value), allowed="a time with its zone, such as 2026-01-31T12:00:00Z"
        )
    if moment > datetime.now(UTC):
        raise invalid(
            "revoke_sessions_before",
            str(value),
            allowed="a time that has passed",
            remedy="a later one would cut sessions that begin between now and then; "
            "use suspended=True to stop the role",
        )
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(value: datetime | str) -> datetime:
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise invalid("revoke_sessions_before", value, allowed="an aware datetime or ISO 8601 text") from None
