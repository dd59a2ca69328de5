"""A saved query: what an auditor asks of the records, in the Logs Insights query language, as a value.

The language: CloudWatch Logs User Guide, "Logs Insights language query syntax". No query asks whether a field differs
from a text: AWS does not say what that answers where the field is missing.
"""

from __future__ import annotations

from dataclasses import dataclass

from secure_bedrock.detections.detection import Records
from secure_bedrock.errors import invalid, nearest

#: Saved queries stand in this folder of the console, and are named so wherever they are spoken of.
FOLDER = "secure-bedrock-audit"

#: Who called: a role by its own ARN and not by its session's, or a user, or whoever AWS names.
PRINCIPAL = (
    "coalesce(userIdentity.sessionContext.sessionIssuer.arn, userIdentity.arn, userIdentity.principalId, "
    "userIdentity.invokedBy) as principal"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A question that a person asks again and again.

    Attributes:
        id: stable, such as `denied-calls`.
        asks: the question it answers, one sentence.
        text: the query.
        detections: the ids of the detections after which it is the one to run.
        records: what it reads. Default: management events, in the trail's log group.
        blind: what it cannot answer, beside what its log does not record.
    """

    id: str
    asks: str
    text: str
    detections: tuple[str, ...] = ()
    records: Records = Records.MANAGEMENT
    blind: str = ""

    @property
    def name(self) -> str:
        """As the console lists it, in a folder."""
        return f"{FOLDER}/{self.id}"


def query_for(detection_id: str) -> Query:
    """Return the query to run when a detection has found something.

    Raises:
        InvalidInput: for an id that does not exist, with the nearest.
    """
    from secure_bedrock.detections.queries import QUERIES  # noqa: PLC0415 - the list is made of queries

    found = {detection: query for query in QUERIES for detection in query.detections}
    if detection_id not in found:
        known = sorted(found)
        raise invalid("detection_id", detection_id, allowed=", ".join(known), nearest=nearest(detection_id, known))
    return found[detection_id]


def piped(*commands: str) -> str:
    """Return commands as one query, each on its line."""
    return "\n| ".join(commands)


def everything_of(principal: str) -> str:
    """Return the text of a query for all that one principal did, of every service, newest first.

    Args:
        principal: the ARN of a role or user, or an access key's id.

    Raises:
        InvalidInput: for what would end the query's text early.
    """
    if not principal or any(sign in principal for sign in '"\\\n|'):
        raise invalid("principal", principal, allowed="an ARN or an access key's id")
    held = f'userIdentity.accessKeyId = "{principal}"'
    if principal.startswith("arn:"):
        held = f'principal = "{principal}"'
        if ":role/" in principal:  # a session's ARN has the role's name without its path
            held += f' or userIdentity.arn like ":assumed-role/{principal.rpartition("/")[2]}/"'
    return piped(
        f"fields @timestamp, {PRINCIPAL}, eventSource, eventName, errorCode, awsRegion, sourceIPAddress, "
        "vpcEndpointId, userIdentity.accessKeyId, eventID",
        f"filter {held}",
        "sort @timestamp desc",
        "limit 1000",
    )
