"""What an audit cannot see for itself: other audits of its account, and who changed what it keeps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from weakref import WeakSet

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import IConstruct

from secure_bedrock.constructs._edge import warn
from secure_bedrock.constructs._tokens import known

if TYPE_CHECKING:
    from secure_bedrock.constructs.audit import BedrockAuditTrail

_audits: WeakSet[BedrockAuditTrail] = WeakSet()


def register(audit: BedrockAuditTrail) -> None:
    """Let later audits see this one."""
    _audits.add(audit)


def collisions(audit: BedrockAuditTrail) -> list[str]:
    """Return what other audits of the app, in any stage, would make under the same name in the same account.

    Names are literal, because the organisation's SCP knows them: the second one fails at deployment, or takes over what
    the first one has made.
    """
    here, path, root = cdk.Stack.of(audit), audit.node.path, audit.node.root
    problems: list[str] = []
    for other in _audits:
        there, other_path = cdk.Stack.of(other), other.node.path
        if path <= other_path or other.node.root is not root or not _same(here.account, there.account, audit, other):
            continue
        if _same(here.region, there.region, audit, other):
            problems.append(f"an account has one audit in a Region, and {other_path} makes what has the same names")
        else:
            problems += _shared_by_regions(audit, other, other_path)
    return problems


def _same(one: str, two: str, audit: IConstruct, other: IConstruct) -> bool:
    """Whether two accounts or Regions are the same: by name, or unknown ones of one stage, deployed together."""
    if known(one) is None and known(two) is None:
        return cdk.Stage.of(audit) is cdk.Stage.of(other)
    return one == two


def _shared_by_regions(audit: BedrockAuditTrail, other: BedrockAuditTrail, path: str) -> Iterable[str]:
    if audit.trail and other.trail:
        yield f"trail: {path} makes a trail of all Regions; pass TrailSource.none() or TrailSource.existing(...) here"
    settings = audit.invocation_logging, other.invocation_logging
    if all(setting is not None and setting.makes_role for setting in settings):
        yield (
            f"invocation_logging.role: {path} makes the role of this account; pass iam.Role.from_role_arn(...) of it "
            "in InvocationLogging(role=...) here"
        )


def warn_of_deletion(audit: BedrockAuditTrail, kept: Iterable[object]) -> None:
    """Warn where an Aspect, such as RemovalPolicies.of(app).destroy(), lets records go with their stack."""
    for construct in kept:
        if not isinstance(construct, kms.Key | s3.Bucket | logs.LogGroup) or audit not in construct.node.scopes:
            continue
        resource = construct.node.default_child
        if isinstance(resource, cdk.CfnResource) and resource.cfn_options.deletion_policy not in _KEPT:
            text = f"{construct.node.path}: its removal policy was changed, and its records go with the stack"
            warn(audit, "records-are-deleted", text)


_KEPT = (cdk.CfnDeletionPolicy.RETAIN, cdk.CfnDeletionPolicy.RETAIN_EXCEPT_ON_CREATE)
