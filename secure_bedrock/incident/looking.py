"""What shows that a plan works, and what was done before it did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from secure_bedrock.detections import everything_of
from secure_bedrock.incident.plan import Command, Step, aws, unknown
from secure_bedrock.incident.subjects import as_iam_writes
from secure_bedrock.policy.reserved import AUDIT_LOG_GROUPS

#: Where `BedrockAuditTrail` lets records be searched.
TRAIL = f"{AUDIT_LOG_GROUPS}trail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Where and when what was done is looked for.

    Attributes:
        region: of the audit, and of the jobs that are looked for.
        since: its beginning.
        until: its end.
        log_group: of the trail.
    """

    region: str
    since: datetime
    until: datetime
    log_group: str = TRAIL


def denied_from_now_on(principal: str, written: tuple[Command, ...]) -> Step:
    """Return how the evaluator of this library is asked, from what the account says of itself."""
    explain = ("secure-bedrock", "explain", "live", "--principal", principal, "--operation", "Converse")
    return Step(
        title="See that it is denied",
        why="Exit code 1 and the incident's policy are the answer you want; 0 says that a call is still allowed",
        commands=(Command(("mkdir", "-p", "live")), *written, Command((*explain, "--model", unknown("MODEL_ID")))),
    )


def exports(*, with_organization: bool = False) -> tuple[Command, ...]:
    """Return the commands that write what IAM holds, and the organisation's policy of the incident."""
    place = ("--policy-id", unknown("POLICY_ID"))
    organization = (
        aws("organizations", "describe-organization", saved="live/organization.json"),
        aws("organizations", "describe-policy", *place, saved="live/policy.json"),
        aws("organizations", "list-targets-for-policy", *place, saved=f"live/{unknown('POLICY_ID')}.json"),
    )
    iam = aws("iam", "get-account-authorization-details", "--output", "json", saved="live/iam.json")
    return (iam, *(organization if with_organization else ()))


def what_was_done(principal: str, search: Search) -> Step:
    """Return how to read everything that somebody did, of every service."""
    query = ("logs", "start-query", "--region", search.region, "--log-group-name", search.log_group)
    times = ("--start-time", str(int(search.since.timestamp())), "--end-time", str(int(search.until.timestamp())))
    return Step(
        title="Read what was done, of every service",
        why="Roles that were assumed, policies, keys and users that were made outlast this; each needs its own plan",
        commands=(
            aws(*query, *times, "--query-string", everything_of(principal)),
            aws("logs", "get-query-results", "--region", search.region, "--query-id", unknown("QUERY_ID")),
        ),
    )


def lookup(attribute: str, value: str, search: Search, *, title: str) -> Step:
    """Return how the last ninety days are searched where no trail has a log group."""
    words = ("cloudtrail", "lookup-events", "--region", search.region, "--start-time", as_iam_writes(search.since))
    attributes = f"AttributeKey={attribute},AttributeValue={value}"
    return Step(
        title=title,
        why="Ninety days of management events, inference among them; ask in every Region that it may have used",
        commands=(aws(*words, "--lookup-attributes", attributes),),
    )


def jobs_left(region: str) -> Step:
    """Return how to stop what goes on without its starter: jobs run by roles of their own."""
    jobs = ("bedrock", "list-model-invocation-jobs", "--region", region, "--status-equals", "InProgress")
    stop = ("bedrock", "stop-model-invocation-job", "--region", region, "--job-identifier", unknown("JOB_ARN"))
    return Step(
        title="Stop what goes on by itself",
        why="A batch job runs with its service role, asynchronous calls run to their end, bought throughput costs on",
        commands=(
            aws(*jobs),
            aws(*stop),
            aws("bedrock-runtime", "list-async-invokes", "--region", region, "--status-equals", "InProgress"),
            aws("bedrock", "list-provisioned-model-throughputs", "--region", region),
        ),
    )
