"""Every call of Bedrock on record, and somebody told of what should not happen."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from secure_bedrock.constructs._audit_alarms import Alarms
from secure_bedrock.constructs._audit_dashboard import widgets
from secure_bedrock.constructs._audit_events import EventRules
from secure_bedrock.constructs._audit_neighbours import collisions, register, warn_of_deletion
from secure_bedrock.constructs._audit_normal import Stated, logging_role_arn, normal_of
from secure_bedrock.constructs._audit_pages import composite_alarms
from secure_bedrock.constructs._audit_queries import save_queries
from secure_bedrock.constructs._audit_storage import (
    TRAIL_LOG_GROUP,
    Place,
    attach,
    audit_bucket,
    audit_key,
    audit_log_group,
    bucket_statements,
    key_statements,
    only_services_put,
    place_of,
)
from secure_bedrock.constructs._audit_topic import audit_topic, tell
from secure_bedrock.constructs._audit_trail import audit_trail
from secure_bedrock.constructs._audit_watch import Watch
from secure_bedrock.constructs._edge import check_at_synth, warn
from secure_bedrock.constructs.invocation_logging import InvocationLogging, InvocationLoggingSetting, other_settings
from secure_bedrock.constructs.trail_source import TrailSource
from secure_bedrock.constructs.usage_watch import UsageWatch, watch_roles, watch_usage
from secure_bedrock.detections import Detection, Normal, Records, Route
from secure_bedrock.errors import invalid
from secure_bedrock.policy.access import unique
from secure_bedrock.policy.lists import items_of
from secure_bedrock.policy.reserved import AUDIT_PREFIX, LOGGING_ROLE, RESERVED_PATH

#: Calls in five minutes that are too many, where nothing else is said.
_CALLS = 1000
_DAY = 86_400
_OF_TRAIL = (Records.MANAGEMENT, Records.DATA, Records.NETWORK_ACTIVITY)


class BedrockAuditTrail(Construct):
    """Every call of Bedrock on record, alarms on what should not happen, and prompts and answers in a log of their own.

    A new trail records the management events of every Region again: where another trail does too, the second copy is
    billed by event, and InvokeModel is such an event. Name the existing trail's log group with `TrailSource.existing`.
    Names begin with `secure-bedrock-audit-`, by which `BedrockOrgGuardrailSCP` protects what is made here.
    What is stored is kept when the construct is removed.

    Attributes:
        trail: the trail, None where none was made.
        bucket: the bucket of records and invocation logs, None where neither is made.
        key: the key of bucket, log groups and topic.
        log_group: where the records are searched, None with `TrailSource.none()`.
        topic: where alarms go.
        alarms: all of them, in the order of their detections; complete after synth. They tell nobody by themselves.
        pages: the composite alarms that do, one for each urgency, by name; complete after synth.
        dashboard: None where not wanted.
        queries: the saved queries, by their ids: those whose records are there.
        budget: None without `UsageWatch(monthly_budget=...)`.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own word
        *,
        trail: TrailSource | None = None,
        encryption_key: kms.IKey | None = None,
        retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
        invocation_logging: InvocationLogging | None = None,
        detections: Iterable[Detection] | None = None,
        notify: Iterable[object] | None = None,
        approved_regions: Iterable[str] | None = None,
        approved_endpoints: Iterable[object] | None = None,
        approved_accounts: Iterable[str] | None = None,
        approved_models: Iterable[object] | None = None,
        watched_roles: Iterable[object] | None = None,
        watched_security_groups: Iterable[object] | None = None,
        expected_principals: Iterable[object] | None = None,
        calls_threshold: int = _CALLS,
        usage: UsageWatch | None = None,
        silence_after: cdk.Duration | None = None,
        network_activity_events: bool = True,
        dashboard: bool = True,
    ) -> None:
        """Declare the audit.

        Args:
            scope: the parent construct.
            id: the construct's id.
            trail: where records come from. Default: `TrailSource.new()`, and a warning with its price.
            encryption_key: the key of bucket, trail, log group and topic. Where CDK cannot write its policy, a warning
                prints the statements its owner must attach. Default: a new one.
            retention: of the trail's log group. Default: a year; the bucket keeps records until somebody removes them.
            invocation_logging: what of each call is recorded with its content. Default: nothing.
            detections: what to look for. Default: all; see `Detection.named`, `Detection.all` and `Detection.tuned`.
            notify: e-mail addresses, topics that exist, and chat channels (`chatbot.SlackChannelConfiguration`).
                Default: nobody, and a warning.
            approved_regions: where Bedrock may be called. Default: the Regions of this stage's stacks with a
                PrivateBedrockEndpoint; where there is none, D17 is left out with a warning.
            approved_endpoints: where inference should come through. Default: the PrivateBedrockEndpoints of this stage,
                account and Region, for calls in that Region; where there is none, D01, D20 and D39 are left out with a
                warning.
            approved_accounts: whose principals may call. Default: the audit's own; with an existing trail, whose log
                group may hold every account's records, nothing is known and D26 is left out with a warning.
            approved_models: ids, ARNs or what `ScopedInvokeRole` takes. Default: those of the ScopedInvokeRoles of this
                stage, account and Region; where there is none, D31 is left out with a warning.
            watched_roles: whose changes are told of (D22), and the use of which by another account without MFA (D24):
                names, ARNs, ScopedInvokeRole or `iam.IRole`. Default: the ScopedInvokeRoles of this stage, account and
                Region; every role whose name begins with `secure-bedrock-` is watched besides.
            watched_security_groups: `ec2.ISecurityGroup` or ids. Default: those of the PrivateBedrockEndpoints of this
                stage, account and Region; where there is none, D21 is left out with a warning.
            expected_principals: roles, or their ARNs, whose changes are no finding: those that deploy, and tools that
                read settings. They count for D08, D10, D16, D20 to D22, D27, D28, D30, D35 and D37, never for what
                blinds the audit. Default: nobody.
            calls_threshold: calls in five minutes that are too many. Default: 1,000.
            usage: what is watched of tokens and money. Default: tokens that are more than is usual; see `UsageWatch`.
            silence_after: how long no record may come before the audit counts as blind, whole minutes up to a day; a
                new trail records its own deliveries at least. Default: half an hour.
            network_activity_events: record what endpoints deny (D04); a new trail only. Default: True.
            dashboard: make one. Default: True.

        Raises:
            InvalidInput: for a wrong, empty or contradictory property, its name first.
        """
        super().__init__(scope, id)
        self._source = source = _source(trail)
        self._chosen = _detections(detections)
        self._threshold = calls_threshold
        self._stated = Stated.of(
            approved_regions=approved_regions,
            approved_endpoints=approved_endpoints,
            approved_accounts=approved_accounts,
            approved_models=approved_models,
            watched_roles=watched_roles,
            watched_security_groups=watched_security_groups,
            expected_principals=expected_principals,
        )
        _require(calls_threshold, encryption_key, invocation_logging)
        recorded = _recorded(source, invocation_logging, network_activity_events=network_activity_events)
        place = place_of(self)
        self.key = encryption_key or audit_key(self, place)
        if encryption_key is not None:
            self._ask_owner("encryption_key", "key", attach(encryption_key, key_statements(place)))
        self.bucket = source.bucket
        self._guard: iam.PolicyStatement | None = None
        self._writers: list[str] = []
        if source.bucket is not None:
            self._ask_owner("trail", "bucket", attach(source.bucket, bucket_statements(source.bucket, place)))
        elif source.is_new or invocation_logging is not None:
            self.bucket = audit_bucket(self, place, self.key, object_lock_days=source.object_lock_days)
            self._guard = only_services_put(self.bucket)
            self.bucket.add_to_resource_policy(self._guard)
        self.log_group = source.log_group
        self.trail = None
        if source.is_new and self.bucket is not None:
            log_group = audit_log_group(self, "LogGroup", TRAIL_LOG_GROUP, self.key, retention)
            self.log_group = log_group
            self.trail = audit_trail(
                self,
                place,
                bucket=self.bucket,
                key=self.key,
                log_group=log_group,
                network_activity_events=network_activity_events,
            )
            text = (
                "a new trail records management events again, InvokeModel among them: where another trail does too, "
                "this copy is billed by event; name that trail's log group with TrailSource.existing"
            )
            warn(self, "second-trail", text)
        self.topic = audit_topic(self, self.key)
        self._topics = tell(self, self.topic, notify)
        self._alarms = Alarms(self)
        if self.log_group is not None:
            self._alarms.watch_silence(self.log_group, _silence(silence_after), denied=source.is_new)
        self.invocation_logging = None
        if invocation_logging is not None and self.bucket is not None:
            self._alarms.watch_invocation_logs()
            self.invocation_logging = InvocationLoggingSetting(
                self, "InvocationLogging", place=place, logging=invocation_logging, bucket=self.bucket
            )
        invocations = None if self.invocation_logging is None else self.invocation_logging.log_group
        self.queries = save_queries(self, recorded, trail=self.log_group, invocations=invocations)
        self.pages: dict[str, cloudwatch.CfnCompositeAlarm] = {}
        register(self)
        self._calls = self._watch_calls(calls_threshold)
        self._usage = _usage(usage, invocation_logging)
        self.budget = watch_usage(self, self._usage, self._alarms, notify)
        self._rules = self._watch(place, recorded)
        name = f"{AUDIT_PREFIX}{place.environment.region}"
        self.dashboard = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=name) if dashboard else None
        check_at_synth(self, self._problems)

    @property
    def alarms(self) -> list[cloudwatch.Alarm | cloudwatch.CfnAlarm]:
        """The alarms made so far."""
        return [alarm for _, alarm in sorted(self._alarms.made.items())]

    def let_write(self, role_arn: str) -> None:
        """Let a role put objects into the bucket that was made here, as far as its own policies let it.

        That bucket refuses everybody but the services that write records; one that was given is its owner's to open.

        Args:
            role_arn: of the role, in literal text with its path: a reference would tie this stack to the role's.
        """
        if self._guard is not None:
            self._writers.append(role_arn)
            self._guard.add_condition("ArnNotEquals", {"aws:PrincipalArn": list(self._writers)})

    def _ask_owner(self, name: str, what: str, statements: list[object]) -> None:
        """Print what the owner of a bucket or key must attach, where CDK cannot write its policy."""
        if statements:
            text = json.dumps(cdk.Stack.of(self).resolve(statements))
            warn(self, f"foreign-{what}", f"{name}: the owner of the {what} must attach these statements: {text}")

    def _watch_calls(self, threshold: int) -> cloudwatch.Metric:
        """Count calls by the records where there are any, else by Bedrock's own metric of this Region."""
        if self.log_group is not None:
            calls = self._alarms.count_calls(self.log_group)
        else:
            calls = cloudwatch.Metric(
                namespace="AWS/Bedrock", metric_name="Invocations", statistic="Sum", period=cdk.Duration.minutes(5)
            )
            text = (
                "trail: without records only the number of calls in this Region is watched, invocation logs where "
                "there are any, and what EventBridge tells where another trail of the account records this Region"
            )
            warn(self, "no-records", text)
        self._alarms.watch_calls(calls, threshold=threshold)
        return calls

    def _watch(self, place: Place, recorded: Records) -> EventRules | None:
        """Watch the detections; return the rules on EventBridge, where any is wanted."""
        rules = None
        if any(Route.EVENT in each.routes for each in self._chosen):
            rules = EventRules(self, place, self.topic, self.key)
        groups = {} if self.log_group is None else dict.fromkeys(_OF_TRAIL, self.log_group)
        if self.invocation_logging is not None:
            groups[Records.INVOCATIONS] = self.invocation_logging.log_group
        watch = Watch(self, source=self._source, recorded=recorded, groups=groups, alarms=self._alarms, rules=rules)
        watch.start(self._chosen, self._stated, self._normal, self._finish)
        return rules

    def _normal(self) -> Normal:
        """What is normal when every construct of the app is there."""
        normal = normal_of(
            self,
            self._stated,
            own_account=self._source.is_new,
            log_group=self._source.log_group,
            key=self.key.key_arn,
        )
        if self.invocation_logging is None:
            return normal
        own = logging_role_arn(self, f"{RESERVED_PATH}{LOGGING_ROLE}")
        return replace(normal, principals=(*(normal.principals or ()), own))

    def _finish(self) -> None:
        """Write what depends on all that was made."""
        if self.invocation_logging is not None and self._usage.tokens_by_role is not None:
            roles = self._normal().roles or ()
            watch_roles(self, self._usage, self._alarms, roles, self.invocation_logging.log_group)
        if self._rules is not None:
            self._alarms.watch_delivery(self._rules.queue, self.topic, self._rules.made)
        self.pages = composite_alarms(self, self._topics, self._alarms.by_severity())
        if self.dashboard is not None:
            counted = [each for each in self._chosen if each.id in self._alarms.made]
            for row in widgets(self._calls, self._threshold, counted):
                self.dashboard.add_widgets(*row)

    def _problems(self) -> list[str]:
        setting = self.invocation_logging
        warn_of_deletion(self, [self.key, self.bucket, self.log_group])
        if setting is not None:
            warn_of_deletion(self, [setting.key, setting.log_group])
        others = other_settings(setting) if setting is not None else []
        if not others:
            return collisions(self)
        text = f"invocation_logging: an account has one setting in a Region, and {', '.join(others)} sets it too"
        return [text, *collisions(self)]


def _source(trail: TrailSource | None) -> TrailSource:
    if trail is None:
        return TrailSource.new()
    if not isinstance(trail, TrailSource):
        raise invalid("trail", trail, allowed="TrailSource.new(), TrailSource.existing(...) or TrailSource.none()")
    return trail


def _require(
    calls_threshold: int, encryption_key: kms.IKey | None, invocation_logging: InvocationLogging | None
) -> None:
    if type(calls_threshold) is not int or calls_threshold < 1:
        raise invalid("calls_threshold", calls_threshold, allowed="a positive whole number")
    # An alias passes for a key, and policies that name it match nothing.
    if encryption_key is not None and (not hasattr(encryption_key, "key_arn") or hasattr(encryption_key, "alias_name")):
        raise invalid("encryption_key", encryption_key, allowed="a kms.IKey that is no alias")
    if invocation_logging is not None and not isinstance(invocation_logging, InvocationLogging):
        raise invalid("invocation_logging", invocation_logging, allowed="InvocationLogging(...)")


def _silence(after: cdk.Duration | None) -> cdk.Duration:
    if after is None:
        return cdk.Duration.minutes(30)
    if not isinstance(after, cdk.Duration) or after.to_seconds() % 60 or not 60 <= after.to_seconds() <= _DAY:  # noqa: PLR2004
        raise invalid("silence_after", after, allowed="a cdk.Duration of whole minutes, up to a day")
    return after


def _detections(values: Iterable[Detection] | None) -> tuple[Detection, ...]:
    if values is None:
        return Detection.all()
    chosen: tuple[Detection, ...] = unique(items_of("detections", values))
    for detection in chosen:
        if not isinstance(detection, Detection):
            raise invalid("detections", detection, allowed="Detection.all() or Detection.named(...)")
    ids = [detection.id for detection in chosen]
    twice = [each for each in ids if ids.count(each) > 1]
    if twice:
        raise invalid("detections", twice[0], allowed="each once: Detection.all(tuned=[...]) puts a tuned one in place")
    return chosen


def _recorded(source: TrailSource, logging: InvocationLogging | None, *, network_activity_events: bool) -> Records:
    recorded = source.records
    if source.is_new and not network_activity_events:
        recorded &= ~Records.NETWORK_ACTIVITY
    return recorded if logging is None else recorded | Records.INVOCATIONS


def _usage(usage: UsageWatch | None, logging: InvocationLogging | None) -> UsageWatch:
    if usage is not None and not isinstance(usage, UsageWatch):
        raise invalid("usage", usage, allowed="UsageWatch(...)")
    if usage is not None and usage.tokens_by_role is not None and logging is None:
        raise invalid("usage.tokens_by_role", usage.tokens_by_role, allowed="a number together with invocation_logging")
    return usage or UsageWatch()
