"""Sessions, trust, accounts and organisations that tempt a prover to a false proof, held against brute force."""

from __future__ import annotations

import pytest

from secure_bedrock.policy import Account
from secure_bedrock.policy.invariants import Scope
from secure_bedrock.policy.verdicts import Proved, Refuted, Unknown
from tests.policy.nasty import (
    ABROAD,
    AMONG_STRANGERS,
    ANY,
    ANYWHERE,
    AT_HOME,
    BECOMES,
    CHAIN,
    EVERYTHING,
    GITHUB,
    GUARDRAIL,
    HOME,
    NOBODY,
    OIDC,
    OPEN,
    OUTSIDE,
    ROLE,
    SAML,
    SERVICES,
    TAGGABLE,
    TARGET,
    TO_TARGET,
    app,
    deny,
    document,
    estate,
    hold,
    never,
    through,
    trust,
    trusting,
    when,
    where,
)

#: The estate, what must never be, the answer, and the requests to try: principals, resources, contexts, endpoints.
CASES = {
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
}


@pytest.mark.parametrize("name", CASES)
def test_a_nasty_estate_is_answered_as_brute_force_does(name):
    hold(CASES[name])
