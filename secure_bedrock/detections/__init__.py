"""What to look for, as values: patterns, thresholds, responses. Knows no CDK."""

from secure_bedrock.detections.catalogue import CATALOGUE, INFERENCE
from secure_bedrock.detections.detection import Detection, Normal, Records, Severity
from secure_bedrock.detections.patterns import pattern

__all__ = ["CATALOGUE", "INFERENCE", "Detection", "Normal", "Records", "Severity", "pattern"]
