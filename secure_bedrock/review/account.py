"""From what the AWS CLI prints of a live account to parts of an estate.

Read are `aws iam get-account-authorization-details`, `aws ec2 describe-vpc-endpoints`, and of Organizations
`describe-organization`, `describe-policy` and `list-targets-for-policy`, each in a file of its own. What the last one
prints does not name its policy: its file is named after it, such as `p-examplepolicy.json`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from secure_bedrock.policy.estate import Endpoint
from secure_bedrock.review.building import Builder, Control, Holder
from secure_bedrock.review.inputs import Export
from secure_bedrock.review.template import Source

_KINDS = {"SERVICE_CONTROL_POLICY": "scp", "RESOURCE_CONTROL_POLICY": "rcp"}
_POLICY_ID = re.compile(r"p-[a-z0-9]{4,128}")
Row = Mapping[str, Any]


def read(exports: Iterable[Export], builder: Builder) -> None:
    """Put what an account's exports say into a builder.

    Raises:
        InvalidInput: for an export that lacks what the AWS CLI always prints.
    """
    found = tuple(exports)
    for export in found:
        for name, take in _READERS.items():
            if name in export.body:
                take(export, builder)
    _controls(found, builder)


def _users(export: Export, builder: Builder) -> None:
    for row in _rows(export, "UserDetailList"):
        holder = _holder(export, builder, row, "user")
        _inline(export, builder, holder, row.get("UserPolicyList"))
        partition, account = holder.arn.split(":")[1], holder.arn.split(":")[4]
        for group in row.get("GroupList") or ():
            holder.groups[_group_arn(export, str(group)) or f"arn:{partition}:iam::{account}:group/{group}"] = None
        # The export does not say who has access keys: any user may.
        holder.has_keys = True


def _group_arn(export: Export, name: str) -> str | None:
    return next((str(row["Arn"]) for row in _rows(export, "GroupDetailList") if row.get("GroupName") == name), None)


def _groups(export: Export, builder: Builder) -> None:
    for row in _rows(export, "GroupDetailList"):
        _inline(export, builder, _holder(export, builder, row, "group"), row.get("GroupPolicyList"))


def _roles(export: Export, builder: Builder) -> None:
    for row in _rows(export, "RoleDetailList"):
        holder = _holder(export, builder, row, "role")
        _inline(export, builder, holder, row.get("RolePolicyList"))
        source, label = _source(export, row), f"trust policy of {holder.name}"
        document = _document(row.get("AssumeRolePolicyDocument"))
        holder.trust = builder.policy(document, source, label, principals=True)


def _policies(export: Export, builder: Builder) -> None:
    for row in _rows(export, "Policies"):
        current = [each for each in row.get("PolicyVersionList") or () if each.get("IsDefaultVersion")]
        if current:
            source = _source(export, row)
            policy = builder.policy(_document(current[0].get("Document")), source, str(row.get("PolicyName")))
            if policy is not None:
                builder.policies[str(row["Arn"])] = policy


def _holder(export: Export, builder: Builder, row: Row, kind: str) -> Holder:
    arn = str(row["Arn"])
    builder.accounts[arn.split(":")[4]] = None
    source = _source(export, row)
    holder = builder.holder(arn, name=f"{kind} {arn.rpartition('/')[2]}", source=source)
    holder.managed |= {str(each["PolicyArn"]): None for each in row.get("AttachedManagedPolicies") or ()}
    boundary = row.get("PermissionsBoundary")
    holder.boundary = str(boundary["PermissionsBoundaryArn"]) if boundary else None
    holder.tags |= {str(tag["Key"]): str(tag["Value"]) for tag in row.get("Tags") or ()}
    return holder


def _inline(export: Export, builder: Builder, holder: Holder, rows: object) -> None:
    for row in rows if isinstance(rows, list) else ():
        label = f"{row.get('PolicyName')} of {holder.name}"
        source = Source(file=export.file, stack="account", logical_id=holder.name)
        policy = builder.policy(_document(row.get("PolicyDocument")), source, label)
        if policy is not None:
            holder.documents.append(policy)


def _endpoints(export: Export, builder: Builder) -> None:
    for row in _rows(export, "VpcEndpoints"):
        endpoint_id = str(row["VpcEndpointId"])
        source = Source(file=export.file, stack="account", logical_id=endpoint_id)
        document = row.get("PolicyDocument")
        policy = builder.policy(document, source, f"policy of {endpoint_id}", principals=True) if document else None
        if document and policy is None:
            continue
        service = str(row.get("ServiceName", "")).rpartition(".")[2]
        builder.endpoints[endpoint_id] = Endpoint(service=service, vpc=str(row.get("VpcId", "")), policy=policy)
        builder.endpoint_sources[endpoint_id] = source


def _organization(export: Export, builder: Builder) -> None:
    body = export.body["Organization"]
    builder.organization_id = str(body["Id"])
    manager = body.get("MasterAccountId") or body.get("ManagementAccountId")
    builder.management_account = str(manager) if manager else None


def _controls(exports: tuple[Export, ...], builder: Builder) -> None:
    targets = dict(_targets(exports))
    for export in exports:
        summary = (export.body.get("Policy") or {}).get("PolicySummary") if "Policy" in export.body else None
        kind = _KINDS.get((summary or {}).get("Type", ""))
        if summary is None or kind is None or summary.get("AwsManaged"):
            continue
        policy_id, name = str(summary["Id"]), str(summary.get("Name", summary["Id"]))
        source = Source(file=export.file, stack="organization", logical_id=name)
        content = export.body["Policy"].get("Content")
        policy = builder.policy(content, source, name, principals=kind == "rcp")
        if policy_id not in targets:
            builder.note(f"what {name} ({policy_id}) is attached to is not in the input: taken as attached to nothing")
        if policy is not None:
            attached = targets.get(policy_id, ())
            builder.controls.append(Control(kind=kind, policy=policy, targets=attached, source=source))
            for target in attached:
                if not target.isdigit():
                    builder.note(f"every account of the input is below {target}, which {name} is attached to")


def _targets(exports: tuple[Export, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for export in exports:
        named = _POLICY_ID.search(export.file.rpartition("/")[2])
        if "Targets" in export.body and named:
            yield named[0], tuple(str(row["TargetId"]) for row in export.body["Targets"])


def _rows(export: Export, name: str) -> tuple[Row, ...]:
    rows = export.body.get(name) or []
    return tuple(row for row in rows if isinstance(row, Mapping)) if isinstance(rows, list) else ()


def _source(export: Export, row: Row) -> Source:
    return Source(file=export.file, stack="account", logical_id=str(row.get("Arn")))


def _document(value: object) -> object:
    """The CLI prints documents as objects; the API gives them as text with percent encoding."""
    if isinstance(value, str):
        try:
            return json.loads(value if value.lstrip().startswith("{") else unquote(value))
        except ValueError:
            return value
    return value


_READERS: Mapping[str, Callable[[Export, Builder], None]] = {
    "GroupDetailList": _groups,
    "UserDetailList": _users,
    "RoleDetailList": _roles,
    "Policies": _policies,
    "VpcEndpoints": _endpoints,
    "Organization": _organization,
}
