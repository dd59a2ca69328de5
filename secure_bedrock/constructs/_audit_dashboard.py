"""The audit's dashboard: what to do first, how much is called, and what was found, by how soon somebody must look."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aws_cdk import aws_cloudwatch as cloudwatch

from secure_bedrock.constructs._audit_alarms import NAMESPACE
from secure_bedrock.detections import Detection, Severity

_WIDTH = 24
#: More lines than these nobody can tell apart.
_LINES = 8
_FIRST = """\
## Bedrock: who calls, and what should not have happened
A point in **Look now** or **Look within the hour** is an incident until somebody says otherwise: open the alarm named \
after it, its description says what happened, why it matters and what to do. No points at all is the usual state. \
Calls above the red line, or calls without a release or a campaign behind them, are the second thing to look at.
"""
_TITLES = {
    Severity.CRITICAL: "Look now",
    Severity.HIGH: "Look within the hour",
    Severity.MEDIUM: "Look today",
    Severity.LOW: "Look when there is time",
}


def widgets(
    calls: cloudwatch.IMetric, threshold: int, detections: Iterable[Detection]
) -> Iterator[list[cloudwatch.IWidget]]:
    """Yield the dashboard row by row.

    Args:
        calls: the number of calls.
        threshold: how many are too many.
        detections: those that count something in the audit's namespace.
    """
    yield [cloudwatch.TextWidget(markdown=_FIRST, width=_WIDTH, height=3)]
    usual = cloudwatch.HorizontalAnnotation(value=threshold, label="too many", color=cloudwatch.Color.RED)
    yield [
        cloudwatch.GraphWidget(
            title="Calls of Bedrock in five minutes",
            left=[calls],
            left_annotations=[usual],
            left_y_axis=cloudwatch.YAxisProps(label="calls", min=0, show_units=False),
            width=_WIDTH,
            height=6,
        )
    ]
    found = tuple(detections)
    graphs = [graph for severity, title in _TITLES.items() for graph in _graphs(title, severity, found)]
    for index in range(0, len(graphs), 2):
        yield list(graphs[index : index + 2])


def _graphs(title: str, severity: Severity, detections: tuple[Detection, ...]) -> Iterator[cloudwatch.GraphWidget]:
    """Yield the graphs of one severity, none with more lines than can be told apart."""
    chosen = [each for each in detections if each.severity is severity]
    parts = [chosen[start : start + _LINES] for start in range(0, len(chosen), _LINES)]
    for number, part in enumerate(parts, 1):
        yield cloudwatch.GraphWidget(
            title=title if len(parts) == 1 else f"{title} ({number} of {len(parts)})",
            left=[_metric(each) for each in part],
            left_y_axis=cloudwatch.YAxisProps(label="events", min=0, show_units=False),
            legend_position=cloudwatch.LegendPosition.RIGHT,
            width=_WIDTH // 2,
            height=7,
        )


def _metric(detection: Detection) -> cloudwatch.Metric:
    label = f"{detection.id} {detection.name}"
    return cloudwatch.Metric(namespace=NAMESPACE, metric_name=detection.id, statistic="Sum", label=label)
