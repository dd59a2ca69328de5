"""Estates made so that a prover says `Proved` where a request is allowed: each answer held against brute force.

Brute force asks the evaluator about every request of a small set that holds the one which slips through, if one does.
"""

from __future__ import annotations

from itertools import product

import pytest

from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy import Account, Endpoint, Estate, Policy, Principal, Request, evaluate, prove
from secure_bedrock.policy.conditions import compile_condition
from secure_bedrock.policy.document import Condition
from secure_bedrock.policy.invariants import Never, Scope, requests
from secure_bedrock.policy.matching import compile_policy
from secure_bedrock.policy.verdicts import Proved, Refuted, Unknown

HOME, ABROAD = "111122223333", "444455556666"
ROLE, USER = f"arn:aws:iam::{HOME}:role/app", f"arn:aws:iam::{HOME}:user/ann"
TARGET = f"arn:aws:iam::{HOME}:role/target"
MODEL = "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0"
GLOBAL = "arn:aws:bedrock:::foundation-model/amazon.nova-lite-v1:0"
PROFILE = f"arn:aws:bedrock:eu-west-1:{HOME}:inference-profile/eu.amazon.nova-lite-v1:0"
PROJECT = f"arn:aws:bedrock:eu-west-1:{HOME}:application-inference-profile/abcdefghijkl"
GUARDRAIL = f"arn:aws:bedrock:eu-west-1:{HOME}:guardrail/abc"
VPCE, OTHER_VPCE = "vpce-1111", "vpce-2222"
INVOKE, ASSUME = "bedrock:InvokeModel", "sts:AssumeRole"
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
OIDC = f"arn:aws:iam::{HOME}:oidc-provider/token.actions.githubusercontent.com"
SAML = f"arn:aws:iam::{HOME}:saml-provider/corp"
GITHUB = "token.actions.githubusercontent.com:sub"
ANYWHERE = "rolesanywhere.amazonaws.com"


def document(*statements):
    return Policy.from_plain({"Version": "2012-10-17", "Statement": list(statements)}, name="document")


def deny(action=INVOKE, **more):
    if "NotResource" not in more:
        more = {"Resource": "*", **more}
    return {"Effect": "Deny", "Action": action, **more}


def when(operator, key, *values):
    return {"Condition": {operator: {key: list(values)}}}


def app(*statements, arn=ROLE, **rest):
    return Principal(arn=arn, identity=(document(*statements),), **rest)


def estate(*statements, who=None, **rest):
    return Estate(principals={"app": who or app(EVERYTHING, *statements), **rest.pop("more", {})}, **rest)


def trusting(*statements, **rest):
    target = Principal(arn=TARGET, trust=document(*statements))
    return estate(more={"target": target, **rest.pop("others", {})}, **rest)


def trust(principal, action=ASSUME, effect="Allow", **more):
    return {"Effect": effect, "Action": action, "Principal": principal, **more}


def never(action=INVOKE, resources=(MODEL,), scope=None, conditions=()):
    asked = requests(actions=(action,), resources=resources, conditions=conditions)
    return Never(name="never", statements=(asked,), scope=scope or Scope(principals=("app",)))


def where(operator, key, *values):
    return (Condition(operator=operator, key=key, values=values),)


TO_TARGET = {"resources": [TARGET], "action": ASSUME}
ANY = Scope(principals=(), unnamed=True)
OUTSIDE = Scope(principals=(), outside=True)
SERVICES = Scope(principals=(), services=True)
BECOMES = {"action": ASSUME, "resources": (TARGET,)}
TAGS = {"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}
OWN_TAG = "${aws:PrincipalTag/team, 'none'}"
TAGGABLE = document(trust({"AWS": f"arn:aws:iam::{HOME}:root"}), trust({"AWS": "*"}, "sts:TagSession"))
NOBODY = document(trust({"AWS": USER}, effect="Deny"))
AT_HOME = {f"arn:aws:iam::{HOME}:role/deploy": app(EVERYTHING, arn=f"arn:aws:iam::{HOME}:role/deploy")}
CHAIN = {"hop": Principal(arn=f"arn:aws:iam::{ABROAD}:role/hop", identity=(document(EVERYTHING),),
                          trust=document(trust({"AWS": ROLE})))}  # fmt: skip
AMONG_STRANGERS = {"strangers": True}
OPEN = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}


def through(policy, **rest):
    found = Endpoint(service="bedrock-runtime", vpc="vpc-1", policy=policy and document(policy))
    return estate(endpoints={VPCE: found}, **rest)


#: The estate, what must never be, the answer, and the requests to try: principals, resources, contexts, endpoints.
CASES = {
    "absent key, positive operator": (
        estate(deny(**when("StringEquals", "bedrock:ServiceTier", "x"))),
        never(),
        Refuted,
        {},
    ),
    "absent key, negated operator": (
        estate(deny(**when("StringNotEquals", "bedrock:ServiceTier", "x"))),
        never(),
        Refuted,
        {"contexts": [{}, {"bedrock:ServiceTier": "x"}]},
    ),
    "absent key, negated operator, no value left": (
        estate(
            deny(**when("StringNotEquals", "bedrock:ServiceTier", "x")),
            deny(**when("StringEquals", "bedrock:ServiceTier", "x")),
        ),
        never(),
        Proved,
        {"contexts": [{}, {"bedrock:ServiceTier": "x"}, {"bedrock:ServiceTier": "y"}]},
    ),
    "IfExists makes an Allow wide": (
        estate(who=app({**EVERYTHING, **when("BoolIfExists", "aws:MultiFactorAuthPresent", "true")})),
        never(),
        Refuted,
        {"contexts": [{}, {"aws:MultiFactorAuthPresent": "false", "aws:TokenIssueTime": "2026-05-01T00:00:00Z"}]},
    ),
    "Null false and a negated operator on a key that the action lacks": (
        estate(who=app({**EVERYTHING, "Condition": {"Null": {"bedrock:BearerTokenType": "false"}}})),
        never(),
        Proved,
        {},
    ),
    "ForAllValues without a key": (
        estate(who=app({**EVERYTHING, "Condition": TAGS})),
        never(),
        Refuted,
        {"contexts": [{}, {"aws:TagKeys": ["x"]}]},
    ),
    "ForAllValues with Null beside": (
        estate(
            who=app({**EVERYTHING, "Condition": {**TAGS, "Null": {"aws:TagKeys": "false"}}}),
        ),
        never(conditions=where("Null", "aws:TagKeys", "true")),
        Proved,
        {"contexts": [{}, {"aws:TagKeys": ["team"], "aws:RequestTag/team": "a"}]},
    ),
    "ForAnyValue in a Deny without a key": (
        estate(deny(**when("ForAnyValue:StringNotLike", "aws:TagKeys", "x"))),
        never(),
        Refuted,
        {},
    ),
    "a Deny for all values that are not listed": (
        estate(deny(**when("ForAllValues:StringNotEquals", "aws:TagKeys", "ok"))),
        never(),
        Refuted,
        {"contexts": [{}, {"aws:TagKeys": ["ok"], "aws:RequestTag/ok": "1"}]},
    ),
    "NotPrincipal spares the account, not the role": (
        through(
            {"Effect": "Deny", "NotPrincipal": {"AWS": f"arn:aws:iam::{HOME}:root"}, "Action": "*", "Resource": "*"}
        ),
        never(conditions=where("StringEquals", "aws:SourceVpce", VPCE)),
        Proved,
        {"endpoints": [VPCE]},
    ),
    "NotResource does not reach what has no resource, an Allow with it does": (
        estate(who=app({"Effect": "Allow", "Action": "*", "NotResource": MODEL})),
        never("bedrock:ListFoundationModels", ("*",)),
        Refuted,
        {"resources": ["*"], "action": "bedrock:ListFoundationModels"},
    ),
    "a Deny on an ARN does not reach what has no resource": (
        estate(deny("bedrock:*", Resource="arn:aws:bedrock:*:*:*")),
        never("bedrock:ListFoundationModels", ("*",)),
        Refuted,
        {"resources": ["*"], "action": "bedrock:ListFoundationModels"},
    ),
    "a Deny with twelve digits passes the empty account by": (
        estate(deny(Resource="arn:aws:bedrock:*:????????????:foundation-model/*")),
        never(),
        Refuted,
        {},
    ),
    "a Deny by Region passes the model without one by": (
        estate(deny(**when("StringEquals", "aws:RequestedRegion", "eu-west-1", "us-east-1"))),
        never(resources=(GLOBAL,)),
        Refuted,
        {"resources": [GLOBAL]},
    ),
    "a variable with a default": (
        estate(deny(**when("StringNotEquals", "aws:ResourceTag/team", OWN_TAG))),
        never(resources=(PROJECT,)),
        Refuted,
        {"resources": [PROJECT], "contexts": [{}, {"aws:ResourceTag/team": "none"}]},
    ),
    "a variable without a value": (
        estate(deny(**when("StringNotEquals", "aws:ResourceTag/team", "${aws:PrincipalTag/team}"))),
        never(resources=(PROJECT,)),
        Proved,
        {"resources": [PROJECT], "contexts": [{}, {"aws:ResourceTag/team": "none"}, {"aws:ResourceTag/team": ""}]},
    ),
    "a tag of whoever starts the session": (
        estate(
            who=app(
                EVERYTHING,
                deny(**when("StringNotEquals", "aws:PrincipalTag/team", "a")),
                trust=TAGGABLE,
                tags=(("team", "b"),),
            )
        ),
        never(),
        Refuted,
        {"tags": [{}, {"team": "a"}]},
    ),
    "the same tag, which nobody may bring": (
        estate(
            who=app(
                EVERYTHING,
                deny(**when("StringNotEquals", "aws:PrincipalTag/team", "a")),
                trust=NOBODY,
                tags=(("team", "b"),),
            )
        ),
        never(),
        Proved,
        {},
    ),
    "a boundary limits the role and no session named in a resource's policy": (
        estate(
            who=app(EVERYTHING, boundary=document({**EVERYTHING, "Action": "s3:*"})),
            resource_policies={
                GUARDRAIL: document(
                    {
                        "Effect": "Allow",
                        "Action": "bedrock:ApplyGuardrail",
                        "Resource": "*",
                        "Principal": {"AWS": f"arn:aws:sts::{HOME}:assumed-role/app/x"},
                    }
                )
            },
        ),
        never("bedrock:ApplyGuardrail", (GUARDRAIL,)),
        Refuted,
        {
            "principals": ["app", f"arn:aws:sts::{HOME}:assumed-role/app/x"],
            "resources": [GUARDRAIL],
            "action": "bedrock:ApplyGuardrail",
        },
    ),
    "a boundary limits a role that a resource's policy names": (
        estate(
            who=app(EVERYTHING, boundary=document({**EVERYTHING, "Action": "s3:*"})),
            resource_policies={
                GUARDRAIL: document(
                    {"Effect": "Allow", "Action": "bedrock:ApplyGuardrail", "Resource": "*", "Principal": {"AWS": ROLE}}
                )
            },
        ),
        never("bedrock:ApplyGuardrail", (GUARDRAIL,)),
        Proved,
        {"resources": [GUARDRAIL], "action": "bedrock:ApplyGuardrail"},
    ),
    "an RCP does not reach Bedrock": (
        estate(rcps=((document(OPEN, {**OPEN, "Effect": "Deny"}),),)),
        never(),
        Refuted,
        {},
    ),
    "an RCP reaches the role that is assumed": (
        trusting(trust({"AWS": ROLE}), rcps=((document(OPEN, {**OPEN, "Effect": "Deny", "Action": "sts:*"}),),)),
        never(**BECOMES),
        Proved,
        TO_TARGET,
    ),
    "an endpoint of somebody else": (
        through({**OPEN, "Action": "s3:*"}),
        never(conditions=where("Null", "aws:SourceVpce", "false")),
        Refuted,
        {"endpoints": [VPCE, OTHER_VPCE]},
    ),
    "only the endpoint of the estate": (
        through({**OPEN, "Action": "s3:*"}),
        never(conditions=where("StringEquals", "aws:SourceVpce", VPCE)),
        Proved,
        {"endpoints": [VPCE]},
    ),
    "a network by address alone, through an endpoint": (
        estate(deny(**when("NotIpAddressIfExists", "aws:SourceIp", "203.0.113.0/24"))),
        never(conditions=where("Null", "aws:SourceIp", "true")),
        Proved,
        {"endpoints": [VPCE, None], "contexts": [{}]},
    ),
    "addresses of the other version": (
        estate(deny(**when("IpAddress", "aws:SourceIp", "0.0.0.0/0")), deny(**when("Null", "aws:SourceIp", "true"))),
        never(),
        Refuted,
        {"contexts": [{"aws:SourceIp": "192.0.2.1"}, {"aws:SourceIp": "2001:db8::1"}]},
    ),
    "the management account": (
        estate(scps=((document(EVERYTHING, deny()),),), management_account=HOME, organization_id="o-example"),
        never(),
        Refuted,
        {},
    ),
    "an account that is no member": (
        estate(
            scps=((document(EVERYTHING, deny()),),), accounts={HOME: Account(member=False)}, organization_id="o-example"
        ),
        never(),
        Refuted,
        {},
    ),
    "a level that allows nothing": (
        estate(scps=((document(EVERYTHING),), (document({**EVERYTHING, "Action": "s3:*"}),))),
        never(scope=ANY),
        Proved,
        {"principals": [f"arn:aws:iam::{HOME}:root"]},
    ),
    "a chain through a role abroad": (
        trusting(trust({"AWS": f"arn:aws:iam::{ABROAD}:role/hop"}), others=CHAIN),
        never(**BECOMES, scope=Scope(principals=("hop",))),
        Refuted,
        {"principals": ["hop"], **TO_TARGET},
    ),
    "an administrator is not trusted by that": (
        trusting(trust({"Service": "ec2.amazonaws.com"}), others=AT_HOME),
        never(**BECOMES, scope=ANY),
        Proved,
        {"principals": [f"arn:aws:iam::{HOME}:role/deploy"], **TO_TARGET},
    ),
    "the whole account is trusted": (
        trusting(trust({"AWS": HOME})),
        never(**BECOMES, scope=ANY),
        Refuted,
        {"principals": ["app"], **TO_TARGET},
    ),
    "another account is trusted with its number": (
        trusting(trust({"AWS": ABROAD}, **when("StringEquals", "sts:ExternalId", "secret"))),
        never(**BECOMES, scope=OUTSIDE),
        Refuted,
        {"principals": [f"arn:aws:iam::{ABROAD}:root"], **TO_TARGET, "contexts": [{}, {"sts:ExternalId": "secret"}]},
    ),
    "OIDC without a subject": (
        trusting(
            trust(
                {"Federated": OIDC},
                "sts:AssumeRoleWithWebIdentity",
                **when("StringEquals", GITHUB.replace("sub", "aud"), "sts.amazonaws.com"),
            )
        ),
        never("sts:AssumeRoleWithWebIdentity", (TARGET,), SERVICES, where("StringNotLike", GITHUB, "repo:me/app:*")),
        Refuted,
        {
            "principals": [OIDC],
            "resources": [TARGET],
            "action": "sts:AssumeRoleWithWebIdentity",
            "contexts": [{GITHUB.replace("sub", "aud"): "sts.amazonaws.com", GITHUB: "repo:you/app:x"}],
        },
    ),
    "OIDC with a subject": (
        trusting(
            trust({"Federated": OIDC}, "sts:AssumeRoleWithWebIdentity", **when("StringLike", GITHUB, "repo:me/app:*"))
        ),
        never("sts:AssumeRoleWithWebIdentity", (TARGET,), SERVICES, where("StringNotLike", GITHUB, "repo:me/*")),
        Proved,
        {
            "principals": [OIDC],
            "resources": [TARGET],
            "action": "sts:AssumeRoleWithWebIdentity",
            "contexts": [{GITHUB: "repo:you/app:x"}, {GITHUB: "repo:me/app:x"}, {}],
        },
    ),
    "SAML for the other operation": (
        trusting(trust({"Federated": SAML}, "sts:AssumeRoleWithSAML")),
        never("sts:AssumeRoleWithWebIdentity", (TARGET,), SERVICES),
        Proved,
        {"principals": [SAML], "resources": [TARGET], "action": "sts:AssumeRoleWithWebIdentity"},
    ),
    "Roles Anywhere of any anchor": (
        trusting(trust({"Service": ANYWHERE}, **when("StringLike", "aws:PrincipalTag/x509Subject/CN", "app-*"))),
        never(**BECOMES, scope=SERVICES, conditions=where("Null", "aws:SourceArn", "true")),
        Refuted,
        {"principals": [ANYWHERE], **TO_TARGET, "contexts": [{"aws:PrincipalTag/x509Subject/CN": "app-1"}]},
    ),
    "a service on behalf of somebody else": (
        trusting(trust({"Service": "bedrock.amazonaws.com"})),
        never(**BECOMES, scope=SERVICES, conditions=where("StringNotEquals", "aws:SourceAccount", HOME)),
        Refuted,
        {"principals": ["bedrock.amazonaws.com"], **TO_TARGET, "contexts": [{}, {"aws:SourceAccount": ABROAD}]},
    ),
    "a service on behalf of the account alone": (
        trusting(trust({"Service": "bedrock.amazonaws.com"}, **when("StringEquals", "aws:SourceAccount", HOME))),
        never(**BECOMES, scope=SERVICES, conditions=where("StringNotEquals", "aws:SourceAccount", HOME)),
        Proved,
        {"principals": ["bedrock.amazonaws.com"], **TO_TARGET, "contexts": [{}, {"aws:SourceAccount": ABROAD}]},
    ),
    "a service from no address": (
        trusting(trust({"Service": "bedrock.amazonaws.com"}, **when("Null", "aws:SourceIp", "true"))),
        never(**BECOMES, scope=SERVICES),
        Refuted,
        {"principals": ["bedrock.amazonaws.com"], **TO_TARGET},
    ),
    "a role that nobody shows": (estate(), never(**BECOMES), Unknown, TO_TARGET),
    "another account of the organisation": (
        trusting(
            trust("*", **when("StringEquals", "aws:PrincipalOrgID", "o-example")),
            organization_id="o-example",
            accounts={HOME: Account(), ABROAD: Account()},
            others={"hop": app(EVERYTHING, arn=CHAIN["hop"].arn)},
        ),
        never(**BECOMES, scope=OUTSIDE),
        Refuted,
        {"principals": ["hop"], **TO_TARGET},
    ),
    "an organisation of somebody else's": (
        trusting(
            trust({"AWS": ABROAD}, **when("StringEquals", "aws:PrincipalOrgID", "o-other")),
            organization_id="o-example",
            scps=((document(EVERYTHING, deny("sts:*")),),),
        ),
        never(**BECOMES, scope=OUTSIDE),
        Refuted,
        {"principals": [f"arn:aws:iam::{ABROAD}:root"], **TO_TARGET, "contexts": [{"aws:PrincipalOrgID": "o-other"}]},
    ),
    "an SCP does not reach another organisation": (
        through(None, scps=((document(EVERYTHING, deny()),),)),
        never(scope=OUTSIDE),
        Refuted,
        AMONG_STRANGERS,
    ),
    "a session of a role abroad": (
        trusting(trust({"AWS": f"arn:aws:sts::{ABROAD}:assumed-role/ci/x"})),
        never(**BECOMES, scope=OUTSIDE),
        Refuted,
        AMONG_STRANGERS,
    ),
    "a session of a role that is not shown": (
        trusting(trust({"AWS": f"arn:aws:sts::{HOME}:assumed-role/ci/x"})),
        never(**BECOMES, scope=ANY),
        Refuted,
        AMONG_STRANGERS,
    ),
    "case of an action, of a resource": (
        estate(deny("BEDROCK:invokemodel", Resource="arn:aws:bedrock:*::Foundation-Model/*")),
        never(),
        Refuted,
        {},
    ),
    "a star in a value of StringEquals": (
        estate(deny(**when("StringEquals", "aws:RequestedRegion", "eu-*"))),
        never(),
        Refuted,
        {},
    ),
    "an age beyond a number": (
        estate(deny(**when("NumericGreaterThan", "aws:MultiFactorAuthAge", "3600"))),
        never(),
        Refuted,
        {},
    ),
    "two keys of one operator": (
        estate(deny(Condition={"StringEquals": {"aws:RequestedRegion": "eu-west-1", "bedrock:ServiceTier": "x"}})),
        never(),
        Refuted,
        {},
    ),
    "an escaped star": (estate(deny(Resource="arn:aws:bedrock:*::foundation-model/${*}")), never(), Refuted, {}),
    "the old version knows no variables": (
        Estate(
            principals={
                "app": Principal(
                    arn=USER,
                    identity=(
                        document(EVERYTHING),
                        Policy.from_plain(
                            {
                                "Version": "2008-10-17",
                                "Statement": [deny(**when("StringNotEquals", "aws:username", "${aws:username}"))],
                            },
                            name="old",
                        ),
                    ),
                )
            }
        ),
        never(),
        Proved,
        {},
    ),
}


def covers(invariant, decision):
    """Whether a request is one of those asked about, by the conditions of the question."""
    statement = compile_policy(Policy(statements=invariant.statements, name="x"), principals=False)[0]
    context = decision.context
    return all(compile_condition(each, variables=False).holds(context) for each in statement.source.conditions)


def brute(world, invariant, **tried):
    """Yield every request of the set that is allowed."""
    whole = {"principals": ["app"], "resources": [MODEL], "contexts": [{}], "endpoints": [None], "tags": [{}]} | tried
    action = whole.pop("action", INVOKE)
    for who, resource, context, endpoint, extra in product(*whole.values()):
        more = {f"aws:PrincipalTag/{name}": value for name, value in extra.items()}
        try:
            asked = Request(
                principal=who, action=action, resource=resource, context={**context, **more}, endpoint=endpoint
            )
            decision = evaluate(world, asked)
            if decision.allowed and covers(invariant, decision):
                yield asked
        except InvalidInput:
            continue


@pytest.mark.parametrize("name", CASES)
def test_a_nasty_estate_is_answered_as_brute_force_does(name):
    world, invariant, kind, tried = CASES[name]
    verdict = prove(world, invariant)
    assert isinstance(verdict, kind), str(verdict)
    if kind is Refuted:
        assert evaluate(verdict.witness.estate, verdict.witness.request).allowed
    if tried == AMONG_STRANGERS:
        return  # whoever it is, the estate does not hold him; the witness above is the evaluator's own answer
    found = list(brute(world, invariant, **tried))
    assert bool(found) is (kind is Refuted), found


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov", "aws-eusc", "aws-iso"])
def test_a_star_grants_in_whatever_partition_the_principal_is(partition):
    document = Policy.from_plain({"Statement": [{"Effect": "Allow", "Action": "bedrock:*", "Resource": "*"}]})
    role = Principal(arn=f"arn:{partition}:iam::111122223333:role/app", identity=(document,))
    never = Never(
        name="x", statements=(requests(actions=("bedrock:InvokeModel",)),), scope=Scope(principals=("app",))
    )  # fmt: skip
    verdict = prove(Estate(principals={"app": role}), never)
    assert isinstance(verdict, Refuted), str(verdict)
    assert f"arn:{partition}:bedrock:" in str(verdict.witness)
