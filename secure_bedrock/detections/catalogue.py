"""Every detection of this library, in the order of their ids."""

from __future__ import annotations

from secure_bedrock.detections.blinding import BLINDING
from secure_bedrock.detections.callers import CALLS
from secure_bedrock.detections.changes import CHANGES
from secure_bedrock.detections.content import CONTENT
from secure_bedrock.detections.detection import Detection

CATALOGUE: tuple[Detection, ...] = tuple(sorted((*CALLS, *CHANGES, *BLINDING, *CONTENT), key=lambda each: each.id))
