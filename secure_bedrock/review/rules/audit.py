"""The audit trail: on, whole, watched, and not in the hands of those it records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from secure_bedrock.policy.bedrock_invariants import audit_stays_on, guardrails_stay
from secure_bedrock.policy.document import Statement
from secure_bedrock.policy.invariants import Never, Scope
from secure_bedrock.policy.verdicts import Witness
from secure_bedrock.review.checking import Facts, Question, Resource, Result, may
from secure_bedrock.review.report import Finding, Rule, Severity
from secure_bedrock.review.rules.pages import page

OFF = page("trail-not-logging")
UNVALIDATED = page("trail-not-validated")
BLIND = page("trail-misses-bedrock")
UNWATCHED = page("filter-without-alarm")
SILENT = page("alarm-tells-nobody")
SWITCHED = page("audit-can-be-switched-off")
CHANGED = page("guardrail-can-be-changed")
RULES = (OFF, UNVALIDATED, BLIND, UNWATCHED, SILENT, SWITCHED, CHANGED)

_RECORDS = tuple(action for each in audit_stays_on().statements for action in each.actions)
_GUARDRAILS = tuple(action for each in guardrails_stay().statements for action in each.actions)
_LOGGING = "Custom::BedrockInvocationLogging"
#: What the fields of an event selector find in the records of calls of models.
_OF_A_CALL = {
    "eventCategory": ("Management",),
    "eventSource": ("bedrock.amazonaws.com",),
    "eventName": ("InvokeModel", "InvokeModelWithResponseStream", "Converse", "ConverseStream"),
    "eventType": ("AwsApiCall",),
    "readOnly": ("true",),
}
_TESTS = {"Equals": str.__eq__, "StartsWith": str.startswith, "EndsWith": str.endswith}


def check(facts: Facts) -> Iterator[Result]:
    """Yield what is wrong with the trail, its filters and its alarms."""
    for trail in facts.resources("AWS::CloudTrail::Trail"):
        yield from _trail(trail)
    yield from _alarms(facts)
    yield from _switches(facts)


def _finding(rule: Rule, resource: Resource, said: str, fix: str) -> Finding:
    return Finding(
        rule=rule, message=f"{resource.name} {said}", resource=resource.name, source=resource.source,
        fix=f"in {resource.name} {fix}",
    )  # fmt: skip


def _trail(trail: Resource) -> Iterator[Finding]:
    if not _is_true(trail.properties.get("IsLogging", True)):
        yield _finding(OFF, trail, "is a trail that records nothing", "set IsLogging to true")
    if not _is_true(trail.properties.get("EnableLogFileValidation", False)):
        said = "is a trail whose files may be changed unnoticed"
        yield _finding(UNVALIDATED, trail, said, "set EnableLogFileValidation to true")
    if not _sees_management(trail.properties):
        said = "is a trail that leaves out management events, which calls of models are"
        yield _finding(
            BLIND, trail, said, "select the management events, reading and writing, of bedrock.amazonaws.com"
        )
    if not _is_true(trail.properties.get("IsMultiRegionTrail", False)):
        said = "is a trail of one Region: calls of models in others leave no record in it"
        yield replace(_finding(BLIND, trail, said, "set IsMultiRegionTrail to true"), graded=Severity.LOW)


def _sees_management(properties: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Whether the trail records InvokeModel and Converse, which are management events that read."""
    advanced, plain = properties.get("AdvancedEventSelectors"), properties.get("EventSelectors")
    if advanced:
        return any(_selects_management(each.get("FieldSelectors") or ()) for each in advanced)
    if plain:
        return any(
            _is_true(each.get("IncludeManagementEvents", True))
            and each.get("ReadWriteType", "All") in {"All", "ReadOnly"}
            and "bedrock.amazonaws.com" not in (each.get("ExcludeManagementEventSources") or ())
            for each in plain
        )  # fmt: skip
    return True


def _selects_management(fields: Any) -> bool:  # noqa: ANN401
    """Whether every field takes in such a call; what a field of another name asks for counts as met."""
    is_management = any(each.get("Field") == "eventCategory" for each in fields)
    return is_management and all(_takes(each) for each in fields)


def _takes(field: Any) -> bool:  # noqa: ANN401
    """CloudTrail API Reference, AdvancedFieldSelector: one value of an operator is enough, none of a negated one."""
    values = _OF_A_CALL.get(field.get("Field"))
    return values is None or all(
        (not positive or any(test(value, each) for each in positive))
        and not any(test(value, each) for each in negated)
        for value in values for name, test in _TESTS.items()
        for positive, negated in [(field.get(name) or (), field.get(f"Not{name}") or ())]
    )  # fmt: skip


def _alarms(facts: Facts) -> Iterator[Finding]:
    alarms = facts.resources("AWS::CloudWatch::Alarm")
    watched = {metric for alarm in alarms for metric in _metrics(alarm.properties)}
    groups = {
        str(trail.properties.get("CloudWatchLogsLogGroupArn", ""))
        for trail in facts.resources("AWS::CloudTrail::Trail")
    }
    for each in facts.resources("AWS::Logs::MetricFilter"):
        group = str(each.properties.get("LogGroupName", ""))
        is_of_trail = any(
            f":log-group:{group}:" in arn or arn.endswith(f":log-group:{group}") for arn in groups if group
        )
        made = {
            (row.get("MetricNamespace"), row.get("MetricName"))
            for row in each.properties.get("MetricTransformations") or ()
        }
        if is_of_trail and not made & watched:
            yield _finding(UNWATCHED, each, "counts what no alarm watches", "name a metric that an alarm is about")
    counted = {
        (row.get("MetricNamespace"), row.get("MetricName"))
        for each in facts.resources("AWS::Logs::MetricFilter")
        for row in each.properties.get("MetricTransformations") or ()
    }
    for alarm in alarms:
        is_ours = any(metric in counted or metric[0] == "AWS/Bedrock" for metric in _metrics(alarm.properties))
        is_off = not _is_true(alarm.properties.get("ActionsEnabled", True))
        if is_ours and not _is_heard(facts, alarm) and (is_off or not alarm.properties.get("AlarmActions")):
            yield _finding(
                SILENT, alarm, "is an alarm that tells nobody", "set AlarmActions, and ActionsEnabled to true"
            )  # fmt: skip


def _is_heard(facts: Facts, alarm: Resource) -> bool:
    """Whether a composite alarm that tells somebody is about an alarm."""
    names = {*alarm.ids, str(alarm.properties.get("AlarmName", ""))} - {""}
    return any(
        any(name in str(each.properties.get("AlarmRule", "")) for name in names)
        and bool(each.properties.get("AlarmActions"))
        for each in facts.resources("AWS::CloudWatch::CompositeAlarm")
    )


def _metrics(properties: Any) -> Iterator[tuple[object, object]]:  # noqa: ANN401
    yield (properties.get("Namespace"), properties.get("MetricName"))
    for row in properties.get("Metrics") or ():
        metric = (row.get("MetricStat") or {}).get("Metric") or {}
        yield (metric.get("Namespace"), metric.get("MetricName"))


def _is_true(value: object) -> bool:
    return str(value).lower() == "true"


def _switches(facts: Facts) -> Iterator[Question]:
    """Nobody of the input can switch the records off, or loosen guardrails, where there are such."""
    has_records = bool(facts.resources("AWS::CloudTrail::Trail")) or bool(facts.resources(_LOGGING))
    for name, principal in facts.estate.principals.items():
        if has_records and may(principal, *_RECORDS) and not _sets_logging_up(principal.arn):
            yield _nobody(facts, name, SWITCHED, audit_stays_on().statements, "can switch the records off")
        if facts.uses_guardrails and may(principal, *_GUARDRAILS):
            yield _nobody(facts, name, CHANGED, guardrails_stay().statements, "can change or delete guardrails")


def _nobody(facts: Facts, name: str, rule: Rule, statements: tuple[Statement, ...], said: str) -> Question:
    source = facts.source_of(name)

    def finding(witness: Witness) -> Finding:
        return Finding(
            rule=rule, message=f"{name} {said}", resource=name, source=source, witness=witness,
            fix=f"take {witness.decision.request.action} from {name}, or deny it for the whole organisation",
        )  # fmt: skip

    claim = Never(name=f"{rule.id} {name}", statements=statements, scope=Scope(principals=(name,)))
    return Question(rule=rule, finding=finding, message=f"whether {name} {said}", source=source, claim=claim)


def _sets_logging_up(arn: str) -> bool:
    """The one role whose work it is, by the fixed name that this library gives it under the reserved path."""
    return arn.endswith(":role/secure-bedrock/secure-bedrock-audit-logging")
