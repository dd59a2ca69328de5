"""What several detections say, once.

Shapes of the records: Amazon Bedrock User Guide, "Monitor Amazon Bedrock API calls using CloudTrail"; CloudTrail User
Guide, "Network activity events" and "userIdentity element".
"""

from __future__ import annotations

from collections.abc import Callable

from secure_bedrock.detections.detection import Normal
from secure_bedrock.detections.expressions import (
    Expression,
    absent,
    all_of,
    any_of,
    equals,
    is_true,
    none_of,
    one_of,
)

Find = Callable[[Normal], Expression | None]

BEDROCK = equals("eventSource", "bedrock*")
RUNTIME = equals("eventSource", "bedrock.amazonaws.com")
MANTLE = equals("eventSource", "bedrock-mantle.amazonaws.com")
IAM = equals("eventSource", "iam.amazonaws.com")
#: Inference in all its forms; on bedrock-mantle it is a data event.
INFERENCE = all_of(BEDROCK, one_of("eventName", ("InvokeModel*", "Converse*", "StartAsyncInvoke", "CreateInference")))
DENIED = equals("errorCode", "AccessDenied*")
SUCCEEDED = absent("errorCode")
#: The flag is where each of the two services puts it.
WITH_API_KEY = any_of(
    is_true("additionalEventData.callWithBearerToken"), is_true("requestParameters.callWithBearerToken")
)
#: The role behind a session; nobody else has it.
CALLER = "userIdentity.sessionContext.sessionIssuer.arn"


def always(expression: Expression) -> Find:
    """The same whatever is normal."""
    return lambda _: expression


def never(_: Normal) -> None:
    """No single record tells."""


def operation(*names: str, source: Expression = BEDROCK) -> Expression:
    """One of these operations of a service."""
    return all_of(source, one_of("eventName", names))


def by_others(expression: Expression) -> Callable[[Normal], Expression]:
    """The same, unless a role does it whose changes are expected; who has no role is always somebody else."""

    def find(normal: Normal) -> Expression:
        if not normal.principals:
            return expression
        return all_of(expression, any_of(absent(CALLER), none_of(CALLER, normal.principals)))

    return find
