"""What somebody reads when a detection has found something: which event, whose, where, when, and what to do.

An event's message is a custom notification of Amazon Q Developer in chat applications, which chat channels show and
e-mails carry as text. The languages: EventBridge User Guide, "Input transformation"; Amazon Q Developer in chat
applications Administrator Guide, "Custom notifications".
"""

from __future__ import annotations

import json

from secure_bedrock.detections.detection import Detection
from secure_bedrock.detections.query import query_for
from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy.limits import EVENT_MESSAGE, limit

#: What of an event its message shows: names that the message holds in angle brackets, and where they stand.
EVENT_FIELDS = {
    "account": "$.account",
    "address": "$.detail.sourceIPAddress",
    "error": "$.detail.errorCode",
    "event": "$.detail.eventID",
    "operation": "$.detail.eventName",
    "principal": "$.detail.userIdentity.arn",
    "region": "$.detail.awsRegion",
    "service": "$.detail.eventSource",
    "time": "$.detail.eventTime",
}


def event_message(detection: Detection) -> str:
    """Return the message of an event that a rule found, as the template of its input transformer.

    A field that the event does not have is left empty.

    Raises:
        InvalidInput: for one that is longer than EventBridge takes.
    """
    query = query_for(detection.id).name
    happened = (
        "<principal> called <operation> of <service> from <address> in account <account>, <region>, at <time>. "
        f"{detection.why}"
    )
    whole = {
        "version": "1.0",
        "source": "custom",
        "id": "<event>",
        "content": {
            "textType": "client-markdown",
            "title": f"{detection.id} {detection.name} ({detection.severity.value})",
            "description": happened,
            "nextSteps": [f"Run the saved query {query}.", *detection.runbook],
            "keywords": [detection.id, detection.severity.value, detection.technique],
        },
        "metadata": {
            # Messages of one detection in one account are one thread.
            "threadId": f"{detection.id}-<account>",
            "summary": f"{detection.id} {detection.name}",
            "eventType": detection.id,
            "additionalContext": {
                "severity": detection.severity.value,
                "technique": detection.technique,
                "query": query,
                **{name: f"<{name}>" for name in EVENT_FIELDS},
            },
        },
    }
    text = json.dumps(whole)
    if len(text) > limit(EVENT_MESSAGE):
        raise InvalidInput(
            f"{detection.id}: the message has {len(text)} characters, {limit(EVENT_MESSAGE)} are allowed; "
            "shorten its runbook"
        )
    return text
