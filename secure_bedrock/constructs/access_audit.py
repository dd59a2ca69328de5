"""Who could reach in from outside, what nobody uses, and who holds Bedrock permissions at all."""

from __future__ import annotations

from collections.abc import Iterable

from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct

from secure_bedrock.constructs._access_analyzers import ArchiveRule, analyzer, checked_rules, findings_to
from secure_bedrock.constructs._access_report import AccessReport
from secure_bedrock.constructs._audit_storage import place_of
from secure_bedrock.constructs._edge import warn
from secure_bedrock.constructs.audit import BedrockAuditTrail
from secure_bedrock.errors import InvalidInput, invalid

_LONGEST_AGE = 365
_AGE = 90


class AccessAudit(Construct):
    """IAM Access Analyzer for external and unused access, and a report of every principal with Bedrock permissions.

    What Access Analyzer cannot see of Bedrock. It knows no type of Bedrock: the resource policies of guardrails,
    knowledge bases and custom models are not looked at. The external analyzer sees what stands around them, in this
    Region: who outside may assume roles, read the log bucket, use keys. It judges each policy by itself and knows
    neither SCPs nor endpoint policies. The unused analyzer works by service and by those actions that IAM tracks, which
    are management actions: that a role may use a model which it never calls, nobody can tell from it.

    The report reads the identity policies and boundaries of all users and roles of one account: inline, attached, of
    groups, with NotAction and wildcards, and of users the access keys and Bedrock API keys. It lists who holds a
    permission, not who is in the end allowed. IAM's last use counts attempts, lags by hours and goes back 400 days. The
    root user is in no list.

    One of these in an account and Region: its names are fixed, so that the organisation's policies protect them.

    Attributes:
        external: the analyzer of external access, None where not wanted.
        unused: the analyzer of unused access, None where not wanted.
        report: function, role, queue, schedule and alarms; None where not wanted.
        topic: where findings, summaries and failures go.
        bucket: where reports go, under `access/`.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own word
        *,
        audit: BedrockAuditTrail | None = None,
        bucket: s3.IBucket | None = None,
        topic: sns.ITopic | None = None,
        topic_key: kms.IKey | None = None,
        external_access: bool = True,
        unused_access: bool = True,
        unused_access_age: int = _AGE,
        organization: bool = False,
        archive_rules: Iterable[ArchiveRule] | None = None,
        report: bool = True,
        schedule: events.Schedule | None = None,
    ) -> None:
        """Declare the audit of access.

        Args:
            scope: the parent construct.
            id: the construct's id.
            audit: whose bucket, key and topic are used; of the same account and Region. Default: `bucket` and `topic`.
            bucket: where reports go. Its policy and the key's must let the report's role put objects under `access/`.
                Default: the audit's.
            topic: where findings, summaries and alarms go; its policy must let CloudWatch publish. Default: the
                audit's.
            topic_key: the key that `topic` is encrypted with. Default: the audit's; with `topic`, none.
            external_access: make the analyzer of external access, which AWS does not bill. Default: True.
            unused_access: make the analyzer of unused access, billed by role and user a month. Default: True, and a
                warning with that.
            unused_access_age: days after which what was not used is unused, 1 to 365; also in the report's summary.
                Default: 90.
            organization: look at the whole organisation, from its management or delegated administrator account.
                Default: this account. The report is of this account in any case.
            archive_rules: findings that are meant, each with a reason. Default: none.
            report: write the report. Default: True.
            schedule: when. Default: Mondays at six, UTC.

        Raises:
            InvalidInput: for a wrong, empty or contradictory property, its name first.
        """
        super().__init__(scope, id)
        rules = checked_rules(archive_rules)
        _require_switches(
            external_access=external_access, unused_access=unused_access, organization=organization, report=report
        )
        _require_age(unused_access_age)
        if audit is not None and not isinstance(audit, BedrockAuditTrail):
            raise invalid("audit", audit, allowed="a BedrockAuditTrail")
        if schedule is not None and not hasattr(schedule, "expression_string"):
            raise invalid("schedule", schedule, allowed="an events.Schedule such as events.Schedule.rate(...)")
        self._require_rules_have_analyzers(rules, external_access=external_access, unused_access=unused_access)
        if not (external_access or unused_access or report):
            raise InvalidInput(
                "report: got False; allowed is True where neither analyzer is made: nothing would be left"
            )
        self.topic, key = self._topic(audit, topic, topic_key)
        place = place_of(self)
        given = {"organization": organization, "rules": rules, "age": unused_access_age}
        self.external = analyzer(self, unused=False, **given) if external_access else None
        self.unused = analyzer(self, unused=True, **given) if unused_access else None
        analyzers = [each for each in (self.external, self.unused) if each is not None]
        self.findings = findings_to(self, place, analyzers, self.topic, key) if analyzers else None
        if unused_access:
            warn(self, "unused-access-price", "unused_access: AWS bills each role and user for it every month")
        self.bucket: s3.IBucket | None = None
        self.report: AccessReport | None = None
        if report:
            self.bucket, bucket_key = _bucket(audit, bucket)
            self.report = AccessReport(
                self,
                "Report",
                place=place,
                bucket=self.bucket,
                bucket_key=bucket_key,
                topic=self.topic,
                topic_key=key,
                schedule=schedule or events.Schedule.cron(minute="0", hour="6", week_day="MON"),
                unused_days=unused_access_age,
            )
            if bucket is None and audit is not None:
                audit.let_write(self.report.role_arn)
            else:
                text = "bucket: its policy, and its key's, must let this role put objects under access/"
                warn(self, "report-bucket", f"{text}: {self.report.role_arn}")

    @staticmethod
    def _topic(
        audit: BedrockAuditTrail | None, topic: sns.ITopic | None, topic_key: kms.IKey | None
    ) -> tuple[sns.ITopic, kms.IKey | None]:
        if topic_key is not None and (topic is None or not hasattr(topic_key, "key_arn")):
            raise invalid("topic_key", topic_key, allowed="a kms.IKey together with its topic")
        if topic is not None:
            if not hasattr(topic, "topic_arn"):
                raise invalid("topic", topic, allowed="an sns.ITopic")
            return topic, topic_key
        if audit is None:
            raise InvalidInput("topic: got nothing; allowed is a topic, or an audit whose topic is used")
        key: kms.IKey = audit.key  # pyright: ignore[reportAssignmentType] # a Key is an IKey, to jsii
        return audit.topic, key  # pyright: ignore[reportReturnType] # a Topic is an ITopic, to jsii

    @staticmethod
    def _require_rules_have_analyzers(
        rules: tuple[ArchiveRule, ...], *, external_access: bool, unused_access: bool
    ) -> None:
        for rule in rules:
            if not (unused_access if rule.unused else external_access):
                raise invalid("archive_rules", rule.name, allowed="rules of the analyzers that are made")


def _bucket(audit: BedrockAuditTrail | None, bucket: s3.IBucket | None) -> tuple[s3.IBucket, kms.IKey | None]:
    if bucket is not None:
        if not hasattr(bucket, "bucket_arn"):
            raise invalid("bucket", bucket, allowed="an s3.IBucket")
        return bucket, bucket.encryption_key
    if audit is None or audit.bucket is None:
        raise InvalidInput("bucket: got nothing; allowed is a bucket, or an audit that has one")
    key: kms.IKey = audit.key  # pyright: ignore[reportAssignmentType] # a Key is an IKey, to jsii
    return audit.bucket, key


def _require_switches(**switches: object) -> None:
    for name, value in switches.items():
        if not isinstance(value, bool):
            raise invalid(name, value, allowed="True or False")


def _require_age(days: object) -> None:
    if isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= _LONGEST_AGE:
        raise invalid("unused_access_age", days, allowed=f"whole days from 1 to {_LONGEST_AGE}")
