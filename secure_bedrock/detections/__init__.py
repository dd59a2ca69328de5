"""What to look for, as values: patterns, thresholds, runbooks. Knows no CDK."""

from secure_bedrock.detections.catalogue import CATALOGUE
from secure_bedrock.detections.detection import Detection, Normal, Records, Route, Severity
from secure_bedrock.detections.events import event_pattern
from secure_bedrock.detections.patterns import filter_patterns
from secure_bedrock.detections.vocabulary import INFERENCE

__all__ = [
    "CATALOGUE",
    "INFERENCE",
    "Detection",
    "Normal",
    "Records",
    "Route",
    "Severity",
    "event_pattern",
    "filter_patterns",
]
