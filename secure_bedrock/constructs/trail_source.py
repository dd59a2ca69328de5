"""Where the audit takes CloudTrail's records from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3

from secure_bedrock.errors import InvalidInput, invalid


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

    @classmethod
    def new(cls, *, bucket: s3.IBucket | None = None, object_lock_days: int | None = None) -> TrailSource:
        """A new multi-Region, file-validated trail with its own bucket, key and log group.

        InvokeModel is a management event: where another trail records those too, the second copy is billed by event.

        Args:
            bucket: where records go instead. Where CDK cannot write the bucket's policy, as in another account,
                a warning prints the statements its owner must attach. Default: a new bucket.
            object_lock_days: days for which nobody without special rights can delete a record (governance mode).
                Default: no retention rule; the bucket is made so that it can be set later without replacement.

        Raises:
            InvalidInput: for anything but a positive number of days.
        """
        if object_lock_days is not None and (not isinstance(object_lock_days, int) or object_lock_days < 1):
            raise InvalidInput(f"object_lock_days: got {object_lock_days!r}; allowed is a positive number of days")
        if bucket is not None and object_lock_days is not None:
            raise invalid("object_lock_days", object_lock_days, allowed="a rule for a new bucket; yours has its own")
        return cls(kind=_Kind.NEW, object_lock_days=object_lock_days, bucket=bucket)

    @classmethod
    def existing(cls, *, log_group: logs.ILogGroup) -> TrailSource:
        """The log group that an existing trail delivers to, in the audit's account and Region.

        What the trail does not record cannot be seen: Regions it does not cover, network activity events (D04) and data
        events (inference on bedrock-mantle, D14 there) unless it was told to.
        """
        return cls(kind=_Kind.EXISTING, log_group=log_group)

    @classmethod
    def none(cls) -> TrailSource:
        """No records: only Bedrock's own metrics, in the audit's Region."""
        return cls(kind=_Kind.NONE)

    @property
    def is_new(self) -> bool:
        """Whether a trail is to be made."""
        return self.kind is _Kind.NEW

    @property
    def is_existing(self) -> bool:
        """Whether a trail is there already."""
        return self.kind is _Kind.EXISTING

    @property
    def has_records(self) -> bool:
        """Whether there are records to search."""
        return self.kind is not _Kind.NONE
