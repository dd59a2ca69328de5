"""The emulated account as an estate: who calls, and every policy that has a say in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id
from ministack.services import bedrock, ec2, iam, organizations, sts

from secure_bedrock.policy.document import Policy
from secure_bedrock.policy.estate import Endpoint, Estate
from secure_bedrock.policy.request import Principal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Document = dict[str, Any]
_TAG = "aws:principaltag/"
#: Ports of the gateway that stand for interface endpoints.
ENDPOINTS: dict[int, str] = {}


def estate_of(principal: iam_evaluator.PrincipalInfo, port: int) -> Estate:
    """Return the account as one caller's request on a port meets it."""
    is_session = principal.type == "AssumedRole"
    entity = _role(principal) if is_session else _user(principal)
    boundary = entity.get("PermissionsBoundary")
    holder = Principal(
        arn=entity.get("Arn") or principal.arn,
        identity=_documents("identity-based policy", _of_role(entity) if is_session else _of_user(entity)),
        boundary=_document("permissions boundary", _managed(boundary, principal.account)) if boundary else None,
        tags=tuple((key.removeprefix(_TAG), str(value)) for key, value in principal.keys.items() if _TAG in key),
    )
    return Estate(
        principals={"caller": holder},
        scps=_scps(principal.account),
        endpoints=_endpoints(port),
        resource_tags=dict(bedrock._tags.items()),
    )


def session_policies_of(access_key: str, account: str) -> tuple[Policy, ...]:
    """Return the policies that were passed when a session was made."""
    passed = (sts._sessions.get(access_key) or {}).get("SessionPolicies") or {}
    managed = (_managed(arn, account) for arn in passed.get("PolicyArns") or [])
    return _documents("session policy", [passed.get("Policy"), *managed])


def context_of(principal: iam_evaluator.PrincipalInfo, port: int, source_ip: str) -> dict[str, str]:
    """Return the condition keys that do not follow from principal, resource and endpoint."""
    own = {key: str(value) for key, value in principal.keys.items() if value is not None and _TAG not in key}
    return own | {"aws:VpcSourceIp" if port in ENDPOINTS else "aws:SourceIp": source_ip}


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


def _scps(account: str) -> tuple[tuple[Policy, ...], ...]:
    """The SCPs level by level. ministack's only account is its own management account, which AWS exempts;
    here it is taken for a member of its root.
    """
    levels: list[tuple[Policy, ...]] = []
    for target in (*organizations._roots, account):
        attached = [
            organizations._policies[policy_id]
            for policy_id, targets in organizations._attachments.items()
            if target in targets and organizations._policies[policy_id]["Type"] == "SERVICE_CONTROL_POLICY"
        ]
        if attached:
            levels.append(_documents("service control policy", (policy["_Content"] for policy in attached)))
    return tuple(levels)


def _endpoints(port: int) -> dict[str, Endpoint]:
    """The endpoint a port stands for; without a policy AWS attaches its default, which limits nothing."""
    endpoint_id = ENDPOINTS.get(port)
    if endpoint_id is None:
        return {}
    found = ec2._vpc_endpoints[endpoint_id]
    policy = _document(endpoint_id, found.get("PolicyDocument"))
    service = found["ServiceName"].rpartition(".")[2]
    return {endpoint_id: Endpoint(service=service, vpc=found["VpcId"], policy=policy)}


def _documents(name: str, documents: Iterable[Document | str | None]) -> tuple[Policy, ...]:
    return tuple(policy for policy in (_document(name, document) for document in documents) if policy)


def _document(name: str, document: Document | str | None) -> Policy | None:
    if not document:
        return None
    return Policy.from_plain(json.loads(document) if isinstance(document, str) else document, name=name)
