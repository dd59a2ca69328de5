"""How long a policy is, as AWS counts it, when parts of it are filled in at deploy time.

IAM does not count white space; Organizations and VPC endpoint policies do,
so documents are measured and written compact.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from secure_bedrock.policy.document import Policy

_UNRESOLVED = re.compile(r"\$\{[^}]*\}")
#: The longest text a pseudo parameter can become (partition `aws-us-gov`, Region `us-isob-east-1`, an account id).
_PSEUDO_PARAMETERS = {"Partition": 10, "Region": 14, "AccountId": 12}
#: Anything else is an id or an ARN; the ARN of an application inference profile is the longest that we write.
_LONGEST_REFERENCE = 100


def size_of(policy: Policy) -> int:
    """Return the characters of the compact JSON document; what is unresolved counts at its longest."""
    return measure(policy.to_plain())


def measure(plain: Any) -> int:  # noqa: ANN401 - any JSON value
    """Return the characters of a JSON value written without white space; what is unresolved counts at its longest."""
    return len(_UNRESOLVED.sub(_placeholder, json.dumps(plain, separators=(",", ":"), ensure_ascii=False)))


def _placeholder(match: re.Match[str]) -> str:
    for name, width in _PSEUDO_PARAMETERS.items():
        if name in match.group():
            return "x" * width
    return "x" * _LONGEST_REFERENCE
