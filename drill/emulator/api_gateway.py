"""Where ministack's API Gateway differs from AWS's: the role that a session is of, and who words a denial."""

from __future__ import annotations

from typing import Any

import ministack.app
from ministack.core import iam_evaluator
from ministack.services import apigateway_v1, iam

_DENIED = 403


def install() -> None:
    """Repair what differs."""
    iam_evaluator._resolve_condition_key = _by_role(iam_evaluator._resolve_condition_key)
    ministack.app._enforce_execute_api = _in_the_gateways_words(ministack.app._enforce_execute_api)
    apigateway_v1._AUTHENTICATION_GATEWAY_ERRORS["AccessDenied"] = ("ACCESS_DENIED", "AccessDeniedException")


def _by_role(inner: Any) -> Any:
    """aws:PrincipalArn of a session is the ARN of its role, with the path ("AWS global condition context keys")."""

    def resolve(key: str, context: iam_evaluator.EvalContext) -> Any:
        if key.lower() != "aws:principalarn" or context.principal_type != "AssumedRole":
            return inner(key, context)
        name = iam_evaluator._role_name_from_assumed_arn(context.principal_arn)
        role = iam._roles.get_scoped(context.principal_account, None, name) or {}
        return role.get("Arn") or context.principal_arn

    return resolve


def _in_the_gateways_words(inner: Any) -> Any:
    """A denial by policy is answered by the API's own gateway response, where it has one."""

    def enforce(api_id: str, stage: str, *rest: Any, **named: Any) -> Any:
        denied = inner(api_id, stage, *rest, **named)
        if not denied or denied[0] != _DENIED or b"is not authorized to perform" not in denied[2]:
            return denied
        refusal = iam_evaluator.AuthError("AccessDenied", "")
        answer = apigateway_v1.authentication_error_response(api_id, stage, refusal, *rest[2:4])
        return answer or denied

    return enforce
