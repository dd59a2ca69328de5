"""Estates made so that a prover says `Proved` where a request is allowed: what they are made of, and how they are held.

Brute force asks the evaluator about every request of a small set that holds the one which slips through, if one does.
"""

from __future__ import annotations

from itertools import product

from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy import Endpoint, Estate, Policy, Principal, Request, evaluate, prove
from secure_bedrock.policy.conditions import compile_condition
from secure_bedrock.policy.document import Condition
from secure_bedrock.policy.invariants import Never, Scope, requests
from secure_bedrock.policy.matching import compile_policy
from secure_bedrock.policy.verdicts import Refuted

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


def hold(case):
    """Hold the prover's answer against brute force: the estate, what must never be, the answer, the requests to try."""
    world, invariant, kind, tried = case
    verdict = prove(world, invariant)
    assert isinstance(verdict, kind), str(verdict)
    if kind is Refuted:
        assert evaluate(verdict.witness.estate, verdict.witness.request).allowed
    if tried == AMONG_STRANGERS:
        return  # whoever it is, the estate does not hold him; the witness above is the evaluator's own answer
    found = list(brute(world, invariant, **tried))
    assert bool(found) is (kind is Refuted), found
