"""Who is woken by which alarms: one page for all alarms of an urgency, so that one incident is one page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sns as sns
from constructs import Construct

from secure_bedrock.detections import Severity
from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy.limits import ALARM_DESCRIPTION, COMPOSITE_RULE, limit
from secure_bedrock.policy.reserved import AUDIT_PREFIX

Alarm = cloudwatch.Alarm | cloudwatch.CfnAlarm
#: Urgent first: while a page is in alarm, the one below it is held back.
_CALLED = {
    Severity.CRITICAL: "look now",
    Severity.HIGH: "look within the hour",
    Severity.MEDIUM: "look within the working day",
    Severity.LOW: "look when there is time",
}
#: How long a page waits for a more urgent one of the same incident, and stays held back after that one is over.
_WAIT_IN_SECONDS, _REST_IN_SECONDS = 120, 300


def composite_alarms(
    scope: Construct, topics: Iterable[sns.ITopic], members: Mapping[Severity, Mapping[str, tuple[Alarm, str]]]
) -> dict[str, cloudwatch.CfnCompositeAlarm]:
    """Return composite alarms that alone tell somebody, by name.

    The L1, since CDK's own refers to members by ARN, which makes rules twice as long.

    Args:
        scope: the audit.
        topics: who is told.
        members: of each urgency, the alarms' names, each with its alarm and with what it means in a few words.

    Raises:
        InvalidInput: for a rule that is longer than CloudWatch takes.
    """
    arns = [topic.topic_arn for topic in topics]
    made: dict[str, cloudwatch.CfnCompositeAlarm] = {}
    above: cloudwatch.CfnCompositeAlarm | None = None
    for severity, words in _CALLED.items():
        alarms = dict(sorted(members.get(severity, {}).items()))
        if not alarms:
            continue
        name = f"page-{severity.value}"
        page = cloudwatch.CfnCompositeAlarm(
            scope,
            f"Page{severity.value.capitalize()}",
            alarm_name=f"{AUDIT_PREFIX}{name}",
            alarm_description=_description(severity, words, alarms),
            alarm_rule=_rule(alarms),
            alarm_actions=arns,
            actions_suppressor=None if above is None else above.alarm_name,
            actions_suppressor_wait_period=None if above is None else _WAIT_IN_SECONDS,
            actions_suppressor_extension_period=None if above is None else _REST_IN_SECONDS,
        )
        for alarm, _ in alarms.values():
            page.node.add_dependency(alarm)
        if above is not None:
            page.node.add_dependency(above)
        made[name] = above = page
    return made


def _rule(alarms: Iterable[str]) -> str:
    rule = " OR ".join(f'ALARM("{AUDIT_PREFIX}{name}")' for name in alarms)
    if len(rule) > limit(COMPOSITE_RULE):
        raise InvalidInput(
            f"detections: the rule of their page has {len(rule)} characters, {limit(COMPOSITE_RULE)} are allowed; "
            "name fewer, or tune the severity of some"
        )
    return rule


def _description(severity: Severity, words: str, alarms: Mapping[str, tuple[Alarm, str]]) -> str:
    """What to do, and which alarms there are; the page itself names those that went off."""
    told = (
        f"Bedrock, {severity.value}: {words}. The alarms that went off are named in TriggeringChildren; each one's "
        "description says what happened, which saved query to run and what to do. One of:"
    )
    for number, (name, (_, meaning)) in enumerate(alarms.items()):
        more = f" and {len(alarms) - number} more"
        part = f" {name} {meaning};"
        if len(told) + len(part) + len(more) > limit(ALARM_DESCRIPTION):
            return told + more
        told += part
    return told
