"""Write the list of detections as a page: `python tools/detections.py > docs/reference/detections.md`."""

from __future__ import annotations

from secure_bedrock.detections import CATALOGUE, QUERIES, Bus, Detection, Query, Records, Route, query_for
from secure_bedrock.detections.query import FOLDER

_ROUTES = {Route.FILTER: "filter", Route.EVENT: "event", Route.METRIC: "metric", Route.QUERY: "query"}
_BUSES = {Bus.HOME: "", Bus.HOME | Bus.GLOBAL: " (global)", Bus.GLOBAL: " (global only)"}
_RECORDS = {
    Records.MANAGEMENT: "management events",
    Records.DATA: "data events",
    Records.NETWORK_ACTIVITY: "network activity events",
    Records.INVOCATIONS: "invocation logs",
}
_HEAD = """# Detections

Written by `tools/detections.py` from `secure_bedrock/detections`. *Filter*: a metric filter on the log group and an
alarm, for every Region the trail covers, minutes after the call. *Event*: a rule on EventBridge tells of each event at
once, of the audit's Region; *(global)*: of the Region that global services report to, too, see
[how to](../how-to/audit.md#at-once); *(global only)*: of that alone. What comes in floods, as a stolen key's calls do,
has no such rule: its alarm tells once. *Metric*: the alarms `calls` and `unusual-...`. *Query*: a person asks, by a
saved query. *Needs*: what must be known, from the app or from the property of that name; without it the detection is
left out with a warning. The saved queries stand at the end.
Techniques are MITRE ATT&CK's, and ATLAS's where they begin with AML.
"""

_QUERIES = f"""## Saved queries

In the console of Logs Insights, folder `{FOLDER}`. Those whose records are not there are left out.
"""


def page() -> str:
    """Return the page."""
    return "\n".join([_HEAD, *map(_section, CATALOGUE), _QUERIES, *map(_question, QUERIES), ""])


def _question(query: Query) -> str:
    blind = f" Not answered: {query.blind}" if query.blind else ""
    return f"- `{query.id}` ({' and '.join(_RECORDS[kind] for kind in query.records)}): {query.asks}{blind}"


def _section(detection: Detection) -> str:
    routes = ", ".join(word for route, word in _ROUTES.items() if route in detection.routes)
    routes = routes.replace("event", f"event{_BUSES[detection.bus]}")
    count = f"{detection.threshold} in {detection.period // 60} minutes" if detection.threshold > 1 else "one event"
    steps = "\n".join(f"{number}. {step}" for number, step in enumerate(detection.runbook, start=1))
    facts = [
        detection.severity.value,
        detection.technique,
        f"reads {' and '.join(_RECORDS[kind] for kind in detection.records)}",
        f"by {routes}",
        *([count] if Route.FILTER in detection.routes else []),
        *([f"needs {detection.needs}"] if detection.needs else []),
    ]
    return (
        f"## {detection.id} {detection.name}\n\n*{'; '.join(facts)}*\n\n{detection.why}\n\n{steps}\n\n"
        f"Not seen: {detection.blind}\n\nQuery to run: `{query_for(detection.id).name}`\n"
    )


if __name__ == "__main__":
    print(page(), end="")
