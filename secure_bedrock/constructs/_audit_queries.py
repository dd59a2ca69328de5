"""The audit's saved queries, in a folder of the Logs Insights console."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from aws_cdk import aws_logs as logs
from constructs import Construct

from secure_bedrock.detections import QUERIES, Records


def save_queries(
    scope: Construct, recorded: Records, *, trail: logs.ILogGroup | None, invocations: logs.ILogGroup | None
) -> Mapping[str, logs.CfnQueryDefinition]:
    """Save every query whose records are there.

    Args:
        scope: the audit.
        recorded: what is recorded.
        trail: the trail's log group; None: the trail's queries are left out.
        invocations: the log group of invocation logs; None: their queries are left out.
    """
    saved: dict[str, logs.CfnQueryDefinition] = {}
    for query in QUERIES:
        group = invocations if query.records == Records.INVOCATIONS else trail
        if group is not None and query.records in recorded:
            saved[query.id] = logs.CfnQueryDefinition(
                scope,
                f"Query-{query.id}",
                name=query.name,
                query_string=query.text,
                log_group_names=[group.log_group_name],
            )
    return MappingProxyType(saved)
