"""What to look for, as values: patterns, thresholds, runbooks. Knows no CDK."""

from secure_bedrock.detections.catalogue import CATALOGUE
from secure_bedrock.detections.detection import Bus, Detection, Normal, Records, Route, Severity, remedy
from secure_bedrock.detections.events import event_patterns
from secure_bedrock.detections.forwarding import forwarding_patterns
from secure_bedrock.detections.messages import EVENT_FIELDS, event_message
from secure_bedrock.detections.patterns import filter_patterns
from secure_bedrock.detections.queries import QUERIES
from secure_bedrock.detections.query import Query, everything_of, query_for
from secure_bedrock.detections.vocabulary import INFERENCE

__all__ = [
    "CATALOGUE",
    "EVENT_FIELDS",
    "INFERENCE",
    "QUERIES",
    "Bus",
    "Detection",
    "Normal",
    "Query",
    "Records",
    "Route",
    "Severity",
    "event_message",
    "event_patterns",
    "everything_of",
    "filter_patterns",
    "forwarding_patterns",
    "query_for",
    "remedy",
]
