"""Which policy documents of the emulated account apply to a caller, and what the network adds to its requests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id
from ministack.services import ec2, iam, organizations, sts

from drill.emulator.matching import Document, Layers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Ports of the gateway that stand for interface endpoints.
ENDPOINTS: dict[int, str] = {}


def role_arn_of(principal: iam_evaluator.PrincipalInfo) -> str:
    """Return `aws:PrincipalArn`: for a session the role's own ARN, with its path."""
    if principal.type != "AssumedRole":
        return principal.arn
    return _role(principal).get("Arn") or principal.arn


def layers_of(principal: iam_evaluator.PrincipalInfo, access_key: str, port: int) -> Layers:
    """Return every policy that limits a caller's request on a port."""
    is_session = principal.type == "AssumedRole"
    entity = _role(principal) if is_session else _user(principal)
    boundary = entity.get("PermissionsBoundary")
    return Layers(
        identity=_documents(_of_role(entity) if is_session else _of_user(entity)),
        boundary=_documents([_managed(boundary, principal.account)]) if boundary else None,
        session=_session(access_key, principal.account),
        scps=_scps(principal.account),
        endpoint=_endpoint(port),
    )


def network_of(port: int, source_ip: str) -> dict[str, str]:
    """Return the network's context keys: those of the endpoint, or the public address, never both."""
    endpoint_id = ENDPOINTS.get(port)
    if endpoint_id is None:
        return {"aws:SourceIp": source_ip}
    endpoint = ec2._vpc_endpoints[endpoint_id]
    return {"aws:SourceVpce": endpoint_id, "aws:SourceVpc": endpoint["VpcId"], "aws:VpcSourceIp": source_ip}


def _role(principal: iam_evaluator.PrincipalInfo) -> dict[str, Any]:
    name = iam_evaluator._role_name_from_assumed_arn(principal.arn)
    return iam._roles.get_scoped(principal.account, None, name) or {}


def _user(principal: iam_evaluator.PrincipalInfo) -> dict[str, Any]:
    return iam._users.get_scoped(principal.account, None, principal.arn.rsplit("/", 1)[-1]) or {}


def _of_role(role: dict[str, Any]) -> Iterator[Document | str | None]:
    yield from (role.get("InlinePolicies") or {}).values()
    yield from _attached(role)


def _of_user(user: dict[str, Any]) -> Iterator[Document | str | None]:
    """A user's own policies and those of its groups; ministack keeps the inline ones beside the entities."""
    name, account = user.get("UserName"), get_account_id()
    yield from (iam._user_inline_policies.get_scoped(account, None, name) or {}).values()
    yield from _attached(user)
    for group_name, group in iam._groups.items():
        if name in group.get("Users", []):
            yield from (iam._group_inline_policies.get_scoped(account, None, group_name) or {}).values()
            yield from _attached(group)


def _attached(entity: dict[str, Any]) -> Iterator[Document | str | None]:
    return (_managed(arn, get_account_id()) for arn in entity.get("AttachedPolicies") or [])


def _managed(arn: str, account: str) -> Document | str | None:
    return iam_evaluator._resolve_managed_policy_document(arn, account)


def _session(access_key: str, account: str) -> list[Document] | None:
    passed = (sts._sessions.get(access_key) or {}).get("SessionPolicies")
    if passed is None:
        return None
    return _documents([passed.get("Policy"), *(_managed(arn, account) for arn in passed.get("PolicyArns") or [])])


def _scps(account: str) -> tuple[list[Document], ...]:
    """The SCPs level by level. ministack's only account is its own management account, which AWS exempts;
    here it is taken for a member of its root.
    """
    levels: list[list[Document]] = []
    for target in (*organizations._roots, account):
        attached = [
            organizations._policies[policy_id]
            for policy_id, targets in organizations._attachments.items()
            if target in targets and organizations._policies[policy_id]["Type"] == "SERVICE_CONTROL_POLICY"
        ]
        if attached:
            levels.append(_documents(policy["_Content"] for policy in attached))
    return tuple(levels)


def _endpoint(port: int) -> list[Document] | None:
    """An endpoint's policy; without one AWS attaches its default, which limits nothing."""
    endpoint_id = ENDPOINTS.get(port)
    if endpoint_id is None:
        return None
    return _documents([ec2._vpc_endpoints[endpoint_id].get("PolicyDocument")]) or None


def _documents(documents: Iterable[Document | str | None]) -> list[Document]:
    return [json.loads(document) if isinstance(document, str) else document for document in documents if document]
