"""Every invariant of the catalogue, proved of one estate and refuted of another by the request that shows it."""

from __future__ import annotations

import inspect
from dataclasses import fields

import pytest

from secure_bedrock.policy import Call, Endpoint, Estate, Policy, Principal, bedrock_invariants, evaluate, prove
from secure_bedrock.policy.invariants import Never, Works
from secure_bedrock.policy.verdicts import Proved, Refuted

ACCOUNT, OTHER = "111122223333", "444455556666"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/app"
SECOND = f"arn:aws:iam::{ACCOUNT}:role/second"
MANAGED = f"arn:aws:iam::{ACCOUNT}:policy/ceiling"
VPCE = "vpce-0123456789abcdef0"
GUARDRAIL = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:guardrail/abcdefghijkl"
MODEL = "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0"
EMBEDDINGS = "arn:aws:bedrock:*::foundation-model/amazon.titan-embed-text-v2:0"
ANY_OF_AMAZON = "arn:aws:bedrock:*:*:foundation-model/amazon.*"
INVOKE = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def document(*statements):
    return Policy.from_plain({"Version": "2012-10-17", "Statement": list(statements)}, name="document")


def deny(action, **elements):
    return {"Effect": "Deny", "Action": action, "Resource": "*", **elements}


def when(operator, key, *values):
    return {operator: {key: list(values)}}


def role(*statements, arn=ROLE, trust=()):
    return Principal(
        arn=arn, identity=(document(*statements),) if statements else (), trust=document(*trust) if trust else None
    )


def estate(*statements, scp=(), trust=(), others=None, **rest):
    """The app with these statements beside full access, below a control policy with those."""
    levels = ((document(EVERYTHING, *scp),),)
    principals = {"app": role(EVERYTHING, *statements, trust=trust), **(others or {})}
    return Estate(principals=principals, scps=levels, **rest)


def trusts(principal, **elements):
    return {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal, **elements}


def through(policy):
    return {VPCE: Endpoint(service="bedrock-runtime", vpc="vpc-0", policy=policy and document(policy))}


BY_APP = when("ArnEquals", "aws:PrincipalArn", ROLE)
MOST_OF_A_TRAIL = ["cloudtrail:StopLogging", "cloudtrail:*Trail", "cloudtrail:PutInsightSelectors"]
TO_EC2 = when("StringEquals", "iam:PassedToService", "ec2.amazonaws.com")
SPARED = when("ArnNotEquals", "aws:PrincipalArn", ROLE)
FROM_EC2 = trusts({"Service": "ec2.amazonaws.com"})
FROM_ABROAD = trusts({"AWS": f"arn:aws:iam::{OTHER}:root"})
ROLES = [f"arn:aws:iam::{ACCOUNT}:role/app"]
ROLE_CHANGES = ["iam:*Role*"]
GUARDED = [
    deny(INVOKE, Resource="arn:aws:bedrock:*:*:foundation-model/*",
         Condition=when("StringNotEquals", "bedrock:GuardrailIdentifier", GUARDRAIL)),
]  # fmt: skip
EXEMPT = [
    {"Effect": "Deny", "Action": INVOKE, "NotResource": [EMBEDDINGS, "arn:aws:bedrock:*:*:*profile/*"],
     "Condition": when("StringNotEquals", "bedrock:GuardrailIdentifier", GUARDRAIL)},
]  # fmt: skip
#: By name: the invariant, an estate it is proved of, one it is refuted of, and what the request must say.
CASES = {
    "only_these_may_invoke": (
        bedrock_invariants.only_these_may_invoke("app"),
        estate(scp=[deny(INVOKE, Condition=SPARED)]),
        estate(scp=[deny("bedrock:InvokeModel", Condition=SPARED)]),
        "bedrock:InvokeModelWithResponseStream",
    ),
    "only_on_models": (
        bedrock_invariants.only_on_models("app", [MODEL]),
        estate({"Effect": "Deny", "Action": INVOKE, "NotResource": MODEL}),
        estate({"Effect": "Deny", "Action": INVOKE, "NotResource": f"{MODEL}*"}),
        f"{MODEL}",
    ),
    "only_in_regions": (
        bedrock_invariants.only_in_regions("app", ["eu-west-1"]),
        estate(deny(INVOKE, Condition=when("StringNotEquals", "aws:RequestedRegion", "eu-west-1"))),
        estate(deny(INVOKE, Condition=when("StringNotEquals", "aws:RequestedRegion", "eu-west-1", "unspecified"))),
        "arn:aws:bedrock::",
    ),
    "only_through_endpoints": (
        bedrock_invariants.only_through_endpoints("app", [VPCE]),
        estate(deny(INVOKE, Condition=when("StringNotEquals", "aws:SourceVpce", VPCE))),
        # Without the key a positive operator is false, so that this denies nothing outside of endpoints.
        estate(deny(INVOKE, Condition=when("StringLike", "aws:SourceVpce", "vpce-1*"))),
        "bedrock:InvokeModel",
    ),
    "only_these_through": (
        bedrock_invariants.only_these_through(VPCE, "app"),
        estate(endpoints=through(trusts("*", Resource="*", Action="*", Condition=BY_APP))),
        estate(endpoints=through(None)),
        f"through {VPCE}",
    ),
    "only_with_guardrail": (
        bedrock_invariants.only_with_guardrail("app", [GUARDRAIL]),
        estate(*GUARDED),
        # Without the key a set operator for any value is false.
        estate(deny(INVOKE, Condition=when("ForAnyValue:StringNotEquals", "bedrock:GuardrailIdentifier", GUARDRAIL))),
        "foundation-model/",
    ),
    "only_with_guardrail, but for some": (
        bedrock_invariants.only_with_guardrail("app", [GUARDRAIL], without=[EMBEDDINGS]),
        estate(*EXEMPT),
        estate({**EXEMPT[0], "NotResource": [ANY_OF_AMAZON, "arn:aws:bedrock:*:*:*profile/*"]}),
        "foundation-model/amazon.",
    ),
    "nobody_uses_api_keys": (
        bedrock_invariants.nobody_uses_api_keys(),
        estate(scp=[deny(["bedrock:CallWithBearerToken", "bedrock-mantle:CallWithBearerToken"])]),
        estate(scp=[deny("bedrock:CallWithBearerToken")]),
        "bedrock-mantle:CallWithBearerToken",
    ),
    "nobody_creates_api_keys": (
        bedrock_invariants.nobody_creates_api_keys(),
        estate(scp=[deny("iam:CreateServiceSpecificCredential", Condition=when(
            "StringEquals", "iam:ServiceSpecificCredentialServiceName", "bedrock.amazonaws.com"))]),
        # A key without an end has no age to compare.
        estate(scp=[deny("iam:CreateServiceSpecificCredential", Condition=when(
            "NumericGreaterThanEquals", "iam:ServiceSpecificCredentialAgeDays", "1"))]),
        "iam:CreateServiceSpecificCredential",
    ),
    "nobody_outside": (
        bedrock_invariants.nobody_outside([ACCOUNT]),
        estate(trust=[FROM_EC2]),
        estate(trust=[FROM_ABROAD]),
        f"sts:AssumeRole {ROLE}",
    ),
    "nobody_across_accounts_without_mfa": (
        bedrock_invariants.nobody_across_accounts_without_mfa([ROLE]),
        estate(trust=[{**FROM_ABROAD, "Condition": when("Bool", "aws:MultiFactorAuthPresent", "true")}]),
        estate(trust=[{**FROM_ABROAD, "Condition": when("BoolIfExists", "aws:MultiFactorAuthPresent", "true")}]),
        f"sts:AssumeRole {ROLE}",
    ),
    "audit_stays_on": (
        bedrock_invariants.audit_stays_on(),
        estate(scp=[deny(["bedrock:*LoggingConfiguration", "cloudtrail:*"])]),
        estate(scp=[deny(["bedrock:*LoggingConfiguration", *MOST_OF_A_TRAIL])]),
        "cloudtrail:PutEventSelectors",
    ),
    "guardrails_stay": (
        bedrock_invariants.guardrails_stay(),
        estate(scp=[deny("bedrock:*Guardrail*")]),
        estate(scp=[deny(["bedrock:UpdateGuardrail", "bedrock:DeleteGuardrail"])]),
        "bedrock:DeleteEnforcedGuardrailConfiguration",
    ),
    "nobody_uses": (
        bedrock_invariants.nobody_uses("bedrock-mantle:*"),
        estate(scp=[deny("bedrock-mantle:*")]),
        estate(scp=[deny("bedrock:*")]),
        "bedrock-mantle:",
    ),
    "nobody_invokes": (
        bedrock_invariants.nobody_invokes("arn:*:bedrock:*:*:imported-model/*"),
        estate(scp=[deny(INVOKE, Resource="arn:aws:bedrock:*:*:imported-model/*")]),
        estate(scp=[deny(INVOKE, Resource="arn:aws:bedrock:*::imported-model/*")]),
        "imported-model/",
    ),
    "nobody_keeps_data": (
        bedrock_invariants.nobody_keeps_data(),
        estate(scp=[deny(["bedrock:PutAccountDataRetention", "bedrock-mantle:PutAccountDataRetention"])]),
        estate(scp=[deny("bedrock:*")]),
        "bedrock-mantle:PutAccountDataRetention",
    ),
    "nothing_in_plain_text": (
        bedrock_invariants.nothing_in_plain_text(actions=("s3:*",)),
        estate(scp=[deny("s3:*", Condition=when("Bool", "aws:SecureTransport", "false"))]),
        estate(scp=[deny("s3:*", Condition=when("Bool", "aws:SecureTransport", "true"))]),
        "aws:SecureTransport=false",
    ),
    "nobody_becomes": (
        bedrock_invariants.nobody_becomes(ROLE, but=["ec2.amazonaws.com"]),
        estate(trust=[FROM_EC2]),
        estate(trust=[FROM_EC2, {
            "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"},
        }]),
        "sts:AssumeRoleWithWebIdentity",
    ),
    "nobody_changes": (
        bedrock_invariants.nobody_changes(ROLE),
        estate(scp=[deny(ROLE_CHANGES, Resource=ROLES)]),
        estate(scp=[deny(["iam:*RolePolicy", "iam:*Role"], Resource=ROLES)]),
        f"{ROLE}",
    ),
    "nobody_changes_policies": (
        bedrock_invariants.nobody_changes_policies(MANAGED),
        estate(scp=[deny("iam:*Policy*", Resource=MANAGED)]),
        estate(scp=[deny("iam:CreatePolicy*", Resource=MANAGED)]),
        f"iam:SetDefaultPolicyVersion {MANAGED}",
    ),
    "nobody_passes": (
        bedrock_invariants.nobody_passes(ROLE),
        estate(scp=[deny("iam:PassRole", Resource=ROLES)]),
        estate(scp=[deny("iam:PassRole", Resource=ROLES, Condition=TO_EC2)]),
        f"iam:PassRole {ROLE}",
    ),
    "stays_within": (
        bedrock_invariants.stays_within("app"),
        estate(deny(["sts:Assume*", "iam:*"])),
        estate(deny(["iam:*", "sts:AssumeRoot"]), others={"second": role(arn=SECOND, trust=[trusts({"AWS": ROLE})])}),
        f"sts:AssumeRole {SECOND}",
    ),
    "calls_work": (
        bedrock_invariants.calls_work(
            Call(principal="app", operation="Converse", model="eu.amazon.nova-lite-v1:0", region="eu-west-1")
        ),
        estate(),
        estate(deny(INVOKE, Condition=when("StringNotEquals", "aws:RequestedRegion", "eu-west-1"))),
        "Converse",
    ),
}  # fmt: skip


def catalogue():
    return {
        name for name, function in inspect.getmembers(bedrock_invariants, inspect.isfunction)
        if function.__module__ == bedrock_invariants.__name__ and not name.startswith("_") and name != "of_estate"
    }  # fmt: skip


def test_every_invariant_is_proved_and_refuted_here():
    assert {name.partition(",")[0] for name in CASES} == catalogue()


@pytest.mark.parametrize("name", CASES)
def test_an_invariant_is_proved(name):
    invariant, sound, _, _ = CASES[name]
    verdict = prove(sound, invariant)
    assert isinstance(verdict, Proved), str(verdict)
    assert verdict.vacuous != "no such request can be made"
    assert verdict.assumptions


@pytest.mark.parametrize("name", CASES)
def test_an_invariant_is_refuted_by_the_request_that_shows_it(name):
    invariant, _, broken, shown = CASES[name]
    verdict = prove(broken, invariant)
    assert isinstance(verdict, Refuted), str(verdict)
    assert shown in str(verdict.witness), str(verdict.witness)
    again = evaluate(verdict.witness.estate, verdict.witness.request)
    assert again.allowed is isinstance(invariant, Never)
    assert again.allowed is not isinstance(invariant, Works)


def test_what_can_be_asked_of_an_estate_asks_about_its_roles_by_their_trust():
    """A user has no trust policy; whoever may invoke is asked about either way."""
    ann = Principal(arn=f"arn:aws:iam::{ACCOUNT}:user/ann")
    both = Estate(principals={"app": role(), "ann": ann})
    asked = bedrock_invariants.of_estate(both, ["app", "ann"])
    named = {resource for each in asked for statement in each.statements for resource in statement.resources}
    assert ROLE in named
    assert ann.arn not in named


#: What changes what a principal may do: AWS's action tables, by hand.
ESCALATIONS = [
    "sts:AssumeRole", "sts:AssumeRoot", "iam:PassRole", "iam:AttachRolePolicy", "iam:DetachRolePolicy",
    "iam:PutRolePolicy", "iam:DeleteRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:PutRolePermissionsBoundary",
    "iam:DeleteRolePermissionsBoundary", "iam:TagRole", "iam:UntagRole", "iam:CreateRole", "iam:UpdateRole",
    "iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion", "iam:CreateAccessKey", "iam:CreateLoginProfile",
    "iam:UpdateLoginProfile", "iam:CreateServiceSpecificCredential", "iam:ResetServiceSpecificCredential",
    "iam:CreateUser", "iam:AttachUserPolicy", "iam:PutUserPolicy", "iam:PutUserPermissionsBoundary",
    "iam:DeleteUserPermissionsBoundary", "iam:TagUser", "iam:UntagUser", "iam:AttachGroupPolicy", "iam:PutGroupPolicy",
    "iam:AddUserToGroup",
]  # fmt: skip


#: What keeps calls from being recorded.
SILENCING = [
    "bedrock:DeleteModelInvocationLoggingConfiguration", "bedrock:PutModelInvocationLoggingConfiguration",
    "cloudtrail:StopLogging", "cloudtrail:DeleteTrail", "cloudtrail:UpdateTrail", "cloudtrail:PutEventSelectors",
    "cloudtrail:PutInsightSelectors",
]  # fmt: skip
BROKEN_BY = [
    *((bedrock_invariants.stays_within("app"), action) for action in ESCALATIONS),
    *((bedrock_invariants.audit_stays_on(), action) for action in SILENCING),
    *((bedrock_invariants.guardrails_stay(), f"bedrock:{verb}Guardrail") for verb in ("Update", "Delete")),
    (bedrock_invariants.guardrails_stay(), "bedrock:DeleteEnforcedGuardrailConfiguration"),
]


@pytest.mark.parametrize(("invariant", "action"), BROKEN_BY, ids=[action for _, action in BROKEN_BY])
def test_one_action_is_enough_to_break_it(invariant, action):
    only = role({"Effect": "Allow", "Action": action, "Resource": "*"})
    second = role(arn=SECOND, trust=[trusts({"AWS": ROLE})])
    verdict = prove(Estate(principals={"app": only, "second": second}), invariant)
    assert isinstance(verdict, Refuted)
    assert verdict.witness.request.action == action


@pytest.mark.parametrize("kind", ["imported-model", "provisioned-model"])
def test_an_estate_is_asked_about_models_that_are_no_foundation_models(kind):
    only = role({"Effect": "Allow", "Action": INVOKE, "Resource": f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:{kind}/abc"})
    world = Estate(principals={"app": only})
    broken = [
        each.name for each in bedrock_invariants.of_estate(world, ["app"]) if isinstance(prove(world, each), Refuted)
    ]
    assert [name for name in broken if kind in name]


def asked(invariant):
    """What an invariant asks about, as a policy is written, and of whom."""
    if isinstance(invariant, Works):
        return {"name": invariant.name, "calls": invariant.calls}
    scope = {field.name: getattr(invariant.scope, field.name) for field in fields(invariant.scope)}
    written = Policy(statements=invariant.statements, name="asked").to_plain()
    return {"name": invariant.name, "asks": written["Statement"], "of": scope}


def test_what_each_asks_is_looked_at_before_it_changes(snapshot):
    assert {name: asked(invariant) for name, (invariant, *_) in CASES.items()} == snapshot


def test_what_is_asked_of_any_estate_is_looked_at_before_it_changes(snapshot):
    ann = Principal(arn=f"arn:aws:iam::{ACCOUNT}:user/ann")
    world = Estate(principals={"app": role(), "ann": ann})
    assert [asked(each) for each in bedrock_invariants.of_estate(world, ["app", "ann"])] == snapshot
