"""The invariants of Bedrock: what a team wants to be true of its estate, by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from secure_bedrock.policy.calls import Call
from secure_bedrock.policy.document import Condition
from secure_bedrock.policy.estate import Estate
from secure_bedrock.policy.invariants import Never, Scope, Works, requests

#: The two actions of inference; Converse and ConverseStream are these.
INFERENCE = ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")
#: Every way to a model's answer that has an action of its own.
MODEL_USE = (
    *INFERENCE, "bedrock:CreateModelInvocationJob", "bedrock:InvokeAgent", "bedrock:InvokeInlineAgent",
    "bedrock:InvokeFlow", "bedrock:RetrieveAndGenerate", "bedrock-mantle:CreateInference",
)  # fmt: skip
_BEARER = ("bedrock:CallWithBearerToken", "bedrock-mantle:CallWithBearerToken")
_ASSUME = ("sts:AssumeRole",)
_ASSUME_FEDERATED = ("sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML")
#: What changes what a role may do, or who may become it.
_ROLE_CHANGES = (
    "iam:AttachRolePolicy", "iam:DetachRolePolicy", "iam:PutRolePolicy", "iam:DeleteRolePolicy",
    "iam:UpdateAssumeRolePolicy", "iam:PutRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary", "iam:TagRole",
    "iam:UntagRole", "iam:CreateRole", "iam:UpdateRole",
)  # fmt: skip
_POLICY_CHANGES = ("iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion")
#: What makes credentials of somebody else, or gives a user more.
_USER_CHANGES = (
    "iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:UpdateLoginProfile", "iam:CreateServiceSpecificCredential",
    "iam:ResetServiceSpecificCredential", "iam:CreateUser", "iam:AttachUserPolicy", "iam:PutUserPolicy",
    "iam:PutUserPermissionsBoundary", "iam:DeleteUserPermissionsBoundary", "iam:TagUser", "iam:UntagUser",
    "iam:AttachGroupPolicy", "iam:PutGroupPolicy", "iam:AddUserToGroup", "sts:AssumeRoot",
)  # fmt: skip
_LOGGING = (
    "bedrock:DeleteModelInvocationLoggingConfiguration", "bedrock:PutModelInvocationLoggingConfiguration",
)  # fmt: skip
_TRAIL = (
    "cloudtrail:StopLogging", "cloudtrail:DeleteTrail", "cloudtrail:UpdateTrail", "cloudtrail:PutEventSelectors",
    "cloudtrail:PutInsightSelectors",
)  # fmt: skip
_GUARDRAILS = (
    "bedrock:UpdateGuardrail", "bedrock:DeleteGuardrail", "bedrock:DeleteEnforcedGuardrailConfiguration",
)  # fmt: skip
_MODELS = "arn:*:bedrock:*:*:foundation-model/*"


def _condition(operator: str, key: str, *values: str) -> Condition:
    plain = operator.removesuffix("IfExists")
    return Condition(operator=plain, key=key, values=values, if_exists=plain != operator)


def _only(*principals: str) -> Scope:
    return Scope(principals=principals)


def only_these_may_invoke(*principals: str, actions: Sequence[str] = INFERENCE) -> Never:
    """Only these principals can invoke a model: no other of the estate, and nobody whom no one has named."""
    return Never(
        name=f"only {', '.join(principals)} may invoke",
        statements=(requests(actions=tuple(actions)),),
        scope=Scope(unnamed=True, but=principals),
    )


def only_on_models(principal: str, resources: Sequence[str], *, actions: Sequence[str] = INFERENCE) -> Never:
    """A principal invokes these models and profiles alone: patterns of ARNs, a profile's models among them."""
    return Never(
        name=f"{principal} invokes only its models",
        statements=(requests(actions=tuple(actions), not_resources=tuple(resources)),),
        scope=_only(principal),
    )


def only_in_regions(principal: str, regions: Sequence[str], *, actions: Sequence[str] = INFERENCE) -> Never:
    """A principal invokes in these Regions alone; `unspecified` admits the models of global profiles."""
    elsewhere = _condition("StringNotEquals", "aws:RequestedRegion", *regions)
    return Never(
        name=f"{principal} invokes only in {', '.join(regions)}",
        statements=(requests(actions=tuple(actions), conditions=(elsewhere,)),),
        scope=_only(principal),
    )


def only_through_endpoints(principal: str, endpoints: Sequence[str], *, actions: Sequence[str] = INFERENCE) -> Never:
    """A principal invokes through these endpoints alone, but for models that a service calls on its behalf.

    The models behind a profile are left out: whether they carry the network is not documented, and their profile does.
    """
    elsewhere = (
        _condition("StringNotEquals", "aws:SourceVpce", *endpoints),
        _condition("Bool", "aws:ViaAWSService", "false"),
        _condition("Null", "bedrock:InferenceProfileArn", "true"),
    )
    return Never(
        name=f"{principal} invokes only through {', '.join(endpoints)}",
        statements=(requests(actions=tuple(actions), conditions=elsewhere),),
        scope=_only(principal),
    )


def only_these_through(endpoint: str, *principals: str) -> Never:
    """Only these principals invoke through an endpoint: no other, of whichever account, nor who did not sign in."""
    through = _condition("StringEquals", "aws:SourceVpce", endpoint)
    return Never(
        name=f"only {', '.join(principals)} may invoke through {endpoint}",
        statements=(requests(actions=INFERENCE, conditions=(through,)),),
        scope=Scope(unnamed=True, outside=True, but=principals),
    )


def only_with_guardrail(principal: str, guardrails: Sequence[str], *, without: Sequence[str] = ()) -> Never:
    """A principal invokes foundation models with one of these guardrails alone.

    Args:
        principal: who.
        guardrails: ARNs, with `:VERSION` for a numbered version; a bare one is the draft.
        without: patterns of models that take no guardrail.
    """
    other = _condition("StringNotEquals", "bedrock:GuardrailIdentifier", *guardrails)
    statement = requests(actions=INFERENCE, resources=(_MODELS,), conditions=(other,))
    if without:
        beyond = ("arn:*:bedrock:*:*:*profile/*", "arn:*:bedrock:*:*:async-invoke/*", "arn:*:bedrock:*:*:project/*")
        statement = requests(actions=INFERENCE, not_resources=(*without, *beyond), conditions=(other,))
    return Never(
        name=f"{principal} invokes only with its guardrail", statements=(statement,), scope=_only(principal)
    )  # fmt: skip


def nobody_uses_api_keys(*, but: Sequence[str] = ()) -> Never:
    """Nobody calls Bedrock with an API key."""
    return Never(
        name="nobody uses Bedrock API keys",
        statements=(requests(actions=_BEARER),),
        scope=Scope(unnamed=True, but=tuple(but)),
    )


def nobody_creates_api_keys(*, but: Sequence[str] = ()) -> Never:
    """Nobody makes a long-term API key of Bedrock, with or without an end."""
    service = _condition("StringEqualsIfExists", "iam:ServiceSpecificCredentialServiceName", "bedrock.amazonaws.com")
    return Never(
        name="nobody creates Bedrock API keys",
        statements=(requests(actions=("iam:CreateServiceSpecificCredential",), conditions=(service,)),),
        scope=Scope(unnamed=True, but=tuple(but)),
    )


def nobody_outside(accounts: Iterable[str], *, actions: Sequence[str] = (*MODEL_USE, *_ASSUME)) -> Never:
    """Nobody of an account that is not the estate's uses what these accounts own, nor who did not sign in.

    Foundation models are nobody's: whoever may call one in an account of their own does so there.
    """
    owned = tuple(f"arn:*:*:*:{account}:*" for account in sorted(accounts))
    return Never(
        name="nobody outside the estate's accounts",
        statements=(requests(actions=tuple(actions), resources=owned),),
        scope=Scope(principals=(), outside=True),
    )


def nobody_across_accounts_without_mfa(roles: Sequence[str]) -> Never:
    """Whoever comes from another account to one of these roles, by ARN, has signed in with MFA."""
    without = _condition("BoolIfExists", "aws:MultiFactorAuthPresent", "false")
    return Never(
        name="nobody across accounts without MFA",
        statements=(requests(actions=_ASSUME, resources=tuple(roles), conditions=(without,)),),
        scope=Scope(principals=(), outside=True),
    )


def audit_stays_on(*, but: Sequence[str] = ()) -> Never:
    """Nobody switches invocation logging or a trail off, or changes them."""
    return Never(
        name="the audit cannot be switched off",
        statements=(requests(actions=(*_LOGGING, *_TRAIL)),),
        scope=Scope(unnamed=True, but=tuple(but)),
    )


def guardrails_stay(*, but: Sequence[str] = ()) -> Never:
    """Nobody changes or deletes a guardrail, or its enforcement."""
    return Never(
        name="nobody changes guardrails",
        statements=(requests(actions=_GUARDRAILS),),
        scope=Scope(unnamed=True, but=tuple(but)),
    )


def nobody_uses(*actions: str, name: str = "", but: Sequence[str] = ()) -> Never:
    """Nobody uses any of these actions, patterns of which are taken too."""
    return Never(
        name=name or f"nobody uses {', '.join(actions)}",
        statements=(requests(actions=actions),),
        scope=Scope(unnamed=True, but=tuple(but)),
    )


def nobody_invokes(*resources: str, but: Sequence[str] = ()) -> Never:
    """Nobody invokes any of these, such as `arn:*:bedrock:*:*:imported-model/*`."""
    return Never(
        name=f"nobody invokes {', '.join(resources)}",
        statements=(requests(actions=INFERENCE, resources=resources),),
        scope=Scope(unnamed=True, but=tuple(but)),
    )


def nobody_keeps_data(*, but: Sequence[str] = ()) -> Never:
    """Nobody changes how long Bedrock keeps data."""
    return nobody_uses(
        "bedrock:PutAccountDataRetention", "bedrock-mantle:PutAccountDataRetention",
        name="nobody changes data retention",
        but=but,
    )  # fmt: skip


def nothing_in_plain_text(*, actions: Sequence[str] = ("bedrock:*", "bedrock-mantle:*")) -> Never:
    """Nothing is called without TLS.

    Of Bedrock that needs no policy: its endpoints serve HTTPS alone, which the answer lists as an assumption. Of other
    services, such as the bucket of an audit, it does.

    Args:
        actions: patterns of actions, such as `s3:*`. Default: Bedrock's.
    """
    plain = _condition("Bool", "aws:SecureTransport", "false")
    return Never(
        name="nothing is called without TLS",
        statements=(requests(actions=tuple(actions), conditions=(plain,)),),
    )


def nobody_becomes(*roles: str, but: Sequence[str] = (), services: bool = True) -> Never:
    """Nobody assumes these roles, by ARN, but those named: by trust, in a chain, as a service or an identity provider.

    Roles Anywhere, OIDC and SAML are services and providers here. Without this, a ceiling holds for a role and not for
    whoever becomes another.
    """
    return Never(
        name=f"nobody becomes {', '.join(roles)}",
        statements=(requests(actions=(*_ASSUME, *_ASSUME_FEDERATED), resources=roles),),
        scope=Scope(unnamed=True, outside=True, services=services, but=tuple(but)),
    )


def nobody_changes(*roles: str, but: Sequence[str] = ()) -> Never:
    """Nobody changes what these roles, by ARN or pattern, may do, who may assume them, or their tags."""
    return Never(
        name=f"nobody changes {', '.join(roles)}",
        statements=(requests(actions=_ROLE_CHANGES, resources=roles),),
        scope=Scope(unnamed=True, but=tuple(but)),
    )


def nobody_changes_policies(*policies: str, but: Sequence[str] = ()) -> Never:
    """Nobody gives these managed policies, by ARN or pattern, another version."""
    return Never(
        name=f"nobody changes {', '.join(policies)}",
        statements=(requests(actions=_POLICY_CHANGES, resources=policies),),
        scope=Scope(unnamed=True, but=tuple(but)),
    )


def nobody_passes(*roles: str, but: Sequence[str] = ()) -> Never:
    """Nobody hands these roles, by ARN or pattern, to a service."""
    return Never(
        name=f"nobody passes {', '.join(roles)}",
        statements=(requests(actions=("iam:PassRole",), resources=roles),),
        scope=Scope(unnamed=True, but=tuple(but)),
    )


def stays_within(principal: str) -> Never:
    """A principal becomes no other role, passes none and changes none, nor a user: no way around its own ceiling.

    What it may make others do for it, such as a function that has a role of its own, is not asked about.
    """
    actions = (*_ASSUME, "iam:PassRole", *_ROLE_CHANGES, *_POLICY_CHANGES, *_USER_CHANGES)
    return Never(
        name=f"{principal} has no way around its ceiling",
        statements=(requests(actions=actions),),
        scope=_only(principal),
    )


def calls_work(*calls: Call) -> Works:
    """Each call is allowed in some circumstances: rules that deny everything prove every other invariant."""
    return Works(name="every declared call works", calls=calls)


def of_estate(estate: Estate, invokers: Iterable[str]) -> tuple[Never, ...]:
    """Return the invariants that can be asked of any estate.

    Args:
        estate: the estate.
        invokers: the names of its principals that may invoke models.
    """
    names = tuple(invokers)
    roles = tuple(estate.principals[name].arn for name in names if ":role/" in estate.principals[name].arn)
    return (
        only_these_may_invoke(*names),
        nobody_uses_api_keys(),
        nobody_creates_api_keys(),
        nobody_outside(estate.own_accounts),
        audit_stays_on(),
        guardrails_stay(),
        nobody_keeps_data(),
        nothing_in_plain_text(),
        nobody_uses("bedrock-mantle:*", "bedrock-websearch:*"),
        nobody_uses("bedrock:CreateModelInvocationJob", name="nobody runs batch jobs"),
        nobody_invokes("arn:*:bedrock:*:*:imported-model/*", "arn:*:bedrock:*:*:provisioned-model/*"),
        nobody_invokes("arn:*:bedrock:*:*:inference-profile/global.*"),
        *((nobody_becomes(*roles), nobody_changes(*roles), nobody_passes(*roles)) if roles else ()),
        *(stays_within(name) for name in names),
    )
