"""The SCP statements that keep the audit, and whoever is exempt, out of everybody else's reach."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from secure_bedrock.data import table
from secure_bedrock.policy.access import unique
from secure_bedrock.policy.document import Condition, Statement
from secure_bedrock.policy.environment import Environment
from secure_bedrock.policy.reserved import AUDIT_KEY_TAG, AUDIT_PREFIX, LOGGING_ROLE, PROJECT_TAG, RESERVED_PATH


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """What is to be kept out of reach.

    Attributes:
        partition: the organisation's partition.
        audit: whether the audit's trail, stores, alarms and settings are.
        exempt: patterns of the exempt roles' ARNs.
        service_roles: ARNs of service roles, which are exempt from less.
        administrators: ARNs of the roles that alone may change roles under the reserved path; None: no such rule.
    """

    partition: str
    audit: bool = True
    exempt: tuple[str, ...] = ()
    service_roles: tuple[str, ...] = ()
    administrators: tuple[str, ...] | None = None

    @property
    def _anywhere(self) -> Environment:
        return Environment(partition=self.partition, region="*", account="*")

    def arn(self, tail: str) -> str:
        """Return an ARN of any account from its part after the partition."""
        return f"arn:{self.partition}:{tail}"

    def role(self, name: str) -> str:
        """Return the ARN of a role under the reserved path, in any account."""
        return self.arn(f"iam::*:role{RESERVED_PATH}{name}")


def protection_statements(protection: Protection) -> tuple[Statement, ...]:
    """Return the statements, in a stable order."""
    return (*_audit(protection), *_roles(protection))


def _audit(protection: Protection) -> Iterator[Statement]:
    """Deny whatever blinds or silences the audit, on what bears its names."""
    if not protection.audit:
        return
    tables = table("organization_actions")
    audit = tables["audit"]
    resources = tuple(protection.arn(tail) for tail in audit["resources"])
    yield _deny("Audit", tuple(audit["actions"]), resources, spared=protection.exempt)
    tag, value = AUDIT_KEY_TAG
    tagged = Condition(operator="StringEquals", key=f"aws:ResourceTag/{tag}", values=(value,))
    yield _deny("AuditKeys", tuple(audit["key_actions"]), ("*",), tagged, spared=protection.exempt)
    logging = (*protection.exempt, protection.role(LOGGING_ROLE))
    yield _deny("AuditLogging", tuple(tables["logging_settings"]), ("*",), spared=logging)
    yield _deny("Enforcement", tuple(tables["enforcement_settings"]), ("*",), spared=protection.exempt)


def _roles(protection: Protection) -> Iterator[Statement]:
    """Deny becoming exempt: by making or changing an exempt role, or by lending it to a service.

    Where administrators are named, they alone may do so, and the whole reserved path is theirs.
    Where none are, only the exempt roles may change each other.
    """
    tables = table("organization_actions")
    changes = tuple(tables["role_changes"])
    # The audit's roles deliver its records; whoever could take their policies away would blind it.
    audit = (protection.role(f"{AUDIT_PREFIX}*"),) if protection.audit else ()
    special = unique((*protection.exempt, *protection.service_roles, *audit, *(protection.administrators or ())))
    spared = protection.exempt if protection.administrators is None else protection.administrators
    outside = tuple(arn for arn in special if not arn.startswith(protection.role("")))
    everything = special if protection.administrators is None else (protection.role("*"), *outside)
    if everything:
        yield _deny("Roles", changes, everything, spared=spared)
    if special:
        yield _deny("LendingRoles", tuple(tables["passing_a_role"]), special, spared=spared)
    if protection.administrators is not None:
        policies = (protection.arn(f"iam::*:policy{RESERVED_PATH}*"),)
        yield _deny("RolePolicies", tuple(tables["policy_changes"]), policies, spared=spared)
        yield from _project_tags(protection, spared)


def _project_tags(protection: Protection, spared: tuple[str, ...]) -> Iterator[Statement]:
    """Deny changing the tags of a project's profiles, and making another profile pass for one."""
    tables, (tag, value) = table("organization_actions"), PROJECT_TAG
    profiles = (protection.arn("bedrock:*:*:application-inference-profile/*"),)
    for sid, kind in (("ProjectProfiles", "ResourceTag"), ("ProjectTags", "RequestTag")):
        marked = Condition(operator="StringEquals", key=f"aws:{kind}/{tag}", values=(value,))
        actions = tuple(tables["profile_changes" if kind == "ResourceTag" else "profile_tagging"])
        yield _deny(sid, actions, profiles, marked, spared=spared)


def _deny(
    sid: str, actions: tuple[str, ...], resources: tuple[str, ...], *conditions: Condition, spared: tuple[str, ...]
) -> Statement:
    others = (Condition(operator="ArnNotLike", key="aws:PrincipalArn", values=spared),) if spared else ()
    return Statement(effect="Deny", sid=sid, actions=actions, resources=resources, conditions=(*conditions, *others))
