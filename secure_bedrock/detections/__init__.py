"""What to look for, as values: patterns, thresholds, runbooks. Knows no CDK."""

from secure_bedrock.detections.catalogue import CATALOGUE
from secure_bedrock.detections.detection import Detection, Normal, Records, Route, Severity
from secure_bedrock.detections.events import event_pattern
from secure_bedrock.detections.patterns import filter_patterns
from secure_bedrock.detections.queries import QUERIES
from secure_bedrock.detections.query import Query, everything_of, query_for
from secure_bedrock.detections.vocabulary import INFERENCE

__all__ = [
    "CATALOGUE",
    "INFERENCE",
    "QUERIES",
    "Detection",
    "Normal",
    "Query",
    "Records",
    "Route",
    "Severity",
    "event_pattern",
    "everything_of",
    "filter_patterns",
    "query_for",
]
