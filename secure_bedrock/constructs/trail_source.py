"""Where the audit takes CloudTrail's records from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3

from secure_bedrock.detections import Records
from secure_bedrock.errors import InvalidInput, invalid

_NOTHING = Records(0)


class _Kind(Enum):
    NEW = auto()
    EXISTING = auto()
    NONE = auto()


@dataclass(frozen=True)
class TrailSource:
    """A new trail, the log group of one that exists, or none. Make one with `new`, `existing` or `none`."""

    kind: _Kind
    log_group: logs.ILogGroup | None = None
    object_lock_days: int | None = None
    bucket: s3.IBucket | None = None
    records: Records = _NOTHING

    @classmethod
    def new(cls, *, bucket: s3.IBucket | None = None, object_lock_days: int | None = None) -> TrailSource:
        """A new multi-Region, file-validated trail with its own bucket, key and log group.

        InvokeModel is a management event: where another trail records those too, the second copy is billed by event.

        Args:
            bucket: where records go instead; it gets what CloudTrail and Bedrock need, and no denies, for it may have
                other writers. Where CDK cannot write its policy, as in another account, a warning prints the statements
                its owner must attach. Default: a new bucket.
            object_lock_days: days for which nobody without special rights can delete a record (governance mode).
                Default: no retention rule; the bucket is made so that it can be set later without replacement.

        Raises:
            InvalidInput: for anything but a positive number of days.
        """
        if object_lock_days is not None and (type(object_lock_days) is not int or object_lock_days < 1):
            raise InvalidInput(f"object_lock_days: got {object_lock_days!r}; allowed is a positive number of days")
        if bucket is not None and object_lock_days is not None:
            raise invalid("object_lock_days", object_lock_days, allowed="a rule for a new bucket; yours has its own")
        recorded = Records.MANAGEMENT | Records.DATA | Records.NETWORK_ACTIVITY
        return cls(kind=_Kind.NEW, object_lock_days=object_lock_days, bucket=_bucket(bucket), records=recorded)

    @classmethod
    def existing(
        cls,
        *,
        log_group: logs.ILogGroup,
        bucket: s3.IBucket | None = None,
        network_activity_events: bool = False,
        data_events: bool = False,
    ) -> TrailSource:
        """The log group that an existing trail delivers to, in the audit's account and Region.

        Detections that need what the trail does not record are left out, with a warning. In the log group of an
        organisation's trail every account's calls are seen: what is approved must then be said for all of them.

        Args:
            log_group: where the trail's records are.
            bucket: where invocation logs go, as with `new`. Default: a new bucket, where they are wanted.
            network_activity_events: whether the trail records those of bedrock.amazonaws.com. Default: False.
            data_events: whether it records those of the Bedrock types, bedrock-mantle's among them. Default: False.

        Raises:
            InvalidInput: for what is no log group or bucket.
        """
        if not hasattr(log_group, "log_group_name"):
            raise invalid("log_group", log_group, allowed="a logs.ILogGroup")
        recorded = Records.MANAGEMENT
        for is_recorded, kind in ((network_activity_events, Records.NETWORK_ACTIVITY), (data_events, Records.DATA)):
            recorded |= kind if is_recorded else _NOTHING
        return cls(kind=_Kind.EXISTING, log_group=log_group, bucket=_bucket(bucket), records=recorded)

    @classmethod
    def none(cls) -> TrailSource:
        """No records: only Bedrock's own metrics, in the audit's Region."""
        return cls(kind=_Kind.NONE)

    @property
    def is_new(self) -> bool:
        """Whether a trail is to be made."""
        return self.kind is _Kind.NEW

    @property
    def has_records(self) -> bool:
        """Whether there are records to search."""
        return self.kind is not _Kind.NONE

    @property
    def is_existing(self) -> bool:
        """Whether a trail is there already."""
        return self.kind is _Kind.EXISTING


def _bucket(bucket: s3.IBucket | None) -> s3.IBucket | None:
    if bucket is not None and not hasattr(bucket, "bucket_arn"):
        raise invalid("bucket", bucket, allowed="an s3.IBucket")
    return bucket
