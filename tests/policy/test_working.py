"""Whether calls work, against trying: each call is made in every way a few values allow, and asked of `evaluate`.

Where one way is allowed the call works; where none is and none may be, it does not.
"""

from __future__ import annotations

from itertools import product

import pytest

from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy import Call, Endpoint, Estate, Policy, Principal, evaluate, prove
from secure_bedrock.policy.bedrock_invariants import calls_work
from secure_bedrock.policy.verdicts import Proved, Refuted, Unknown

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/app"
SECOND = f"arn:aws:iam::{ACCOUNT}:role/second"
PASSED = f"arn:aws:iam::{ACCOUNT}:role/batch"
GUARDRAIL = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:guardrail/abcdefghijkl"
BASE = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:knowledge-base/ABCDEFGHIJ"
LITE, EU_LITE = "amazon.nova-lite-v1:0", "eu.amazon.nova-lite-v1:0"
ENDPOINTS = {
    "vpce-0123456789abcdef0": "bedrock-runtime", "vpce-0123456789abcdef1": "bedrock-agent-runtime",
    "vpce-0123456789abcdef2": "bedrock-mantle", "vpce-0123456789abcdef3": "bedrock",
}  # fmt: skip
RUNTIME, AGENTS, MANTLE, CONTROL = ENDPOINTS
INVOKE = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
#: What may be stated of any call: each value in turn, and nothing.
WAYS = {
    "aws:SourceIp": (None, "192.0.2.1", "198.51.100.1"),
    "aws:VpcSourceIp": (None, "10.0.0.1", "172.16.0.1"),
    "aws:MultiFactorAuthPresent": (None, "true", "false"),
    "aws:UserAgent": (None, "app"),
    "sts:RoleSessionName": (None, "session"),
    "aws:ResourceTag/team": (None, "search"),
}
CALLS = {
    "a model": Call(principal="app", operation="Converse", model=LITE, region="us-east-1"),
    "a model through an endpoint": Call(
        principal="app", operation="InvokeModel", model=LITE, region="us-east-1", endpoint=RUNTIME
    ),
    "a profile": Call(principal="app", operation="ConverseStream", model=EU_LITE, region="eu-west-1"),
    "a profile through an endpoint": Call(
        principal="app", operation="Converse", model=EU_LITE, region="eu-west-1", endpoint=RUNTIME
    ),
    "a profile under a guardrail": Call(
        principal="app", operation="Converse", model=EU_LITE, region="eu-west-1", guardrail=GUARDRAIL
    ),
    "a model under a guardrail after a role change": Call(
        principal="app", operation="Converse", model=LITE, region="us-east-1", guardrail=f"{GUARDRAIL}:1",
        via=("second",),
    ),
    "a profile after a role change": Call(
        principal="app", operation="Converse", model=EU_LITE, region="eu-west-1", via=("second",), endpoint=RUNTIME
    ),
    "with an API key": Call(
        principal="app", operation="Converse", model=LITE, region="us-east-1", credentials="short_term_key"
    ),
    "a batch": Call(
        principal="app", operation="CreateModelInvocationJob", model=EU_LITE, region="eu-west-1", endpoint=CONTROL,
        service_role=PASSED,
    ),
    "a job": Call(principal="app", operation="StartAsyncInvoke", model=LITE, region="us-east-1"),
    "a search that a service answers": Call(
        principal="app", operation="RetrieveAndGenerate", model=LITE, region="us-east-1", resource=BASE, endpoint=AGENTS
    ),
    "an answer": Call(
        principal="app", operation="ResponsesStream", model=EU_LITE, region="eu-west-1", endpoint=RUNTIME
    ),
    "on mantle": Call(principal="app", operation="CreateInference", model=LITE, region="us-east-1", endpoint=MANTLE),
    "a count": Call(principal="app", operation="CountTokens", model=LITE, region="us-east-1"),
    "a list": Call(principal="app", operation="ListAsyncInvokes", region="us-east-1"),
    "a guardrail": Call(principal="app", operation="ApplyGuardrail", region="eu-west-1", guardrail=GUARDRAIL),
}  # fmt: skip
CONDITIONS = {
    "nothing": {},
    "from one address": {"NotIpAddress": {"aws:SourceIp": "192.0.2.1/32"}},
    "from one address, if any": {"NotIpAddressIfExists": {"aws:SourceIp": "192.0.2.1/32"}},
    "from one address, but for services": {
        "NotIpAddress": {"aws:SourceIp": "192.0.2.1/32"}, "Bool": {"aws:ViaAWSService": "false"},
    },
    "through one endpoint": {"StringNotEquals": {"aws:SourceVpce": RUNTIME}},
    "through one endpoint, if any": {"StringNotEqualsIfExists": {"aws:SourceVpce": RUNTIME}},
    "through no endpoint": {"Null": {"aws:SourceVpce": "false"}},
    "from one VPC": {"StringNotEquals": {"aws:SourceVpc": "vpc-0123456789abcdef0"}},
    "from a VPC's range, if any": {"NotIpAddressIfExists": {"aws:VpcSourceIp": "10.0.0.0/8"}},
    "with MFA": {"Bool": {"aws:MultiFactorAuthPresent": "false"}},
    "with MFA, at all": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
    "without MFA": {"Null": {"aws:MultiFactorAuthPresent": "false"}},
    "by one program": {"StringNotEquals": {"aws:UserAgent": "app"}},
    "in one Region": {"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}},
    "in Europe": {"StringNotLike": {"aws:RequestedRegion": "eu-*"}},
    "in Europe, or none": {"StringNotLike": {"aws:RequestedRegion": ["eu-*", "unspecified"]}},
    "under a guardrail": {"StringNotEquals": {"bedrock:GuardrailIdentifier": GUARDRAIL}},
    "under any version of a guardrail": {"StringNotLike": {"bedrock:GuardrailIdentifier": f"{GUARDRAIL}*"}},
    "through a profile": {"Null": {"bedrock:InferenceProfileArn": "true"}},
    "through no profile": {"Null": {"bedrock:InferenceProfileArn": "false"}},
    "by a service": {"Bool": {"aws:ViaAWSService": "false"}},
    "by no service": {"Bool": {"aws:ViaAWSService": "true"}},
    "without TLS": {"Bool": {"aws:SecureTransport": "true"}},
    "with a tag": {"StringNotEquals": {"aws:PrincipalTag/team": "search"}},
    "with a name": {"StringNotLike": {"sts:RoleSessionName": "s*"}},
    "no API keys": {"StringEquals": {"bedrock:BearerTokenType": ["SHORT_TERM", "LONG_TERM"]}},
    "for the account's own": {"StringNotEquals": {"aws:ResourceAccount": ACCOUNT}},
    "for the organisation's own": {"StringNotEquals": {"aws:ResourceOrgID": "o-exampleorgid"}},
    "for the organisation's own, if any": {"StringNotEqualsIfExists": {"aws:ResourceOrgID": "o-exampleorgid"}},
    "for others' than the organisation": {"ForAnyValue:StringLike": {"aws:ResourceOrgPaths": "o-exampleorgid/*"}},
    "called by Bedrock": {"ForAllValues:StringEquals": {"aws:CalledVia": "bedrock.amazonaws.com"}},
    "not called by Bedrock": {"ForAnyValue:StringEquals": {"aws:CalledVia": "bedrock.amazonaws.com"}},
    "with a tag of the resource": {"StringNotEquals": {"aws:ResourceTag/team": "search"}},
    "a few of them": {
        "IpAddress": {"aws:SourceIp": "198.51.100.0/24"}, "Bool": {"aws:MultiFactorAuthPresent": "true"},
    },
}  # fmt: skip
#: What the condition stands on: as a Deny of everything, of models alone, or as the condition of the only Allow.
FORMS = {
    "all": {"Effect": "Deny", "Action": "*", "Resource": "*"},
    "invoking": {"Effect": "Deny", "Action": INVOKE, "Resource": "*"},
    "models": {"Effect": "Deny", "Action": "bedrock:*", "Resource": "arn:*:bedrock:*::foundation-model/*"},
    "allowed": {"Effect": "Allow", "Action": "*", "Resource": "*"},
}
TRUST = {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "sts:AssumeRole"}


def document(*statements: dict) -> Policy:
    return Policy.from_plain({"Version": "2012-10-17", "Statement": list(statements)}, name="document")


def estate(statement: dict) -> Estate:
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    allows = () if statement["Effect"] == "Allow" else (everything,)
    policies = (document(statement, *allows),)
    roles = {
        "app": Principal(arn=ROLE, identity=policies, tags=(("team", "search"),)),
        "second": Principal(arn=SECOND, identity=policies, trust=document(TRUST)),
    }
    endpoints = {name: Endpoint(service=service, vpc="vpc-0123456789abcdef0") for name, service in ENDPOINTS.items()}
    tags = {f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:inference-profile/{EU_LITE}": {"team": "search"}}
    return Estate(principals=roles, endpoints=endpoints, resource_tags=tags, organization_id="o-exampleorgid")


def tried(world: Estate, call: Call, condition: dict) -> tuple[bool, bool]:
    """Whether any way of making a call is allowed, and whether any may be; what a condition asks about varies."""
    allowed = perhaps = False
    asked = [name for name in WAYS if any(name in keys for keys in condition.values())]
    for values in product(*(WAYS[name] for name in asked)):
        context = {name: value for name, value in zip(asked, values, strict=True) if value is not None}
        try:
            decision = evaluate(world, Call(**{**fields(call), "context": context}))
        except InvalidInput:  # which contradicts itself, as MFA that is false for a session without it
            continue
        allowed = allowed or decision.allowed
        perhaps = perhaps or bool(decision.disputed)
    return allowed, perhaps


def fields(call: Call) -> dict:
    return {name: getattr(call, name) for name in Call.__dataclass_fields__}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("form", FORMS)
def test_a_call_works_where_one_way_of_making_it_is_allowed(name, form):
    found = {}
    for what, condition in CONDITIONS.items():
        world = estate({**FORMS[form], **({"Condition": condition} if condition else {})})
        verdict = prove(world, calls_work(CALLS[name]))
        allowed, perhaps = tried(world, CALLS[name], condition)
        right = {True: Proved, False: Unknown if perhaps else Refuted}[allowed]
        if not isinstance(verdict, right):
            found[what] = (right.__name__, str(verdict))
        if isinstance(verdict, Proved):
            assert verdict.examples
            assert all(each.allowed for each in verdict.examples)
    assert not found, "\n".join(f"{what}: {each}" for what, each in found.items())


@pytest.mark.parametrize("key", ["aws:ResourceOrgID", "aws:ResourceAccount"])
@pytest.mark.parametrize("operator", ["StringNotEquals", "StringNotEqualsIfExists"])
def test_a_perimeter_around_resources_stops_foundation_models(operator, key):
    """They are the service's own ("Required permissions for batch inference"), and nobody can call them his."""
    own = {"aws:ResourceOrgID": "o-exampleorgid", "aws:ResourceAccount": ACCOUNT}[key]
    deny = {"Effect": "Deny", "Action": "bedrock:*", "Resource": "*", "Condition": {operator: {key: own}}}
    spared = {**deny, "NotResource": "arn:aws:bedrock:*::foundation-model/*"}
    del spared["Resource"]
    for name in ("a model", "a profile", "a batch", "a count"):
        assert isinstance(prove(estate(deny), calls_work(CALLS[name])), Refuted)
        assert not isinstance(prove(estate(spared), calls_work(CALLS[name])), Refuted)
    assert isinstance(prove(estate(spared), calls_work(CALLS["a model"])), Proved)


def test_a_perimeter_may_name_the_owner_by_a_variable():
    """The caller's account compared with the resource's, written the other way round."""
    mine = {"StringNotEquals": {"aws:PrincipalAccount": "${aws:ResourceAccount}"}}
    world = estate({"Effect": "Deny", "Action": "bedrock:*", "Resource": "*", "Condition": mine})
    assert world.asks_whose
    assert not isinstance(prove(world, calls_work(CALLS["a batch"])), Proved)
    assert not estate({**FORMS["all"], "Condition": CONDITIONS["with a tag"]}).asks_whose


def test_the_address_of_a_role_change_is_stated_beside_an_endpoint():
    """STS is asked over the Internet, the model through the endpoint, which hides the address."""
    call = Call(**{**fields(CALLS["a profile after a role change"]), "context": {"aws:SourceIp": "192.0.2.1"}})
    change, *others = evaluate(estate({**FORMS["all"], "Condition": CONDITIONS["without TLS"]}), call).steps
    decision = evaluate(estate({**FORMS["invoking"], "Condition": CONDITIONS["by no service"]}), call)
    assert decision.allowed
    assert change.context["aws:sourceip"] == "192.0.2.1"
    assert not any("aws:sourceip" in each.context for each in others)


def test_what_is_open_is_named():
    world = estate({**FORMS["models"], "Condition": CONDITIONS["through one endpoint"]})
    verdict = prove(world, calls_work(CALLS["a profile through an endpoint"]))
    assert isinstance(verdict, Unknown)
    assert verdict.reason == "whether the models behind a profile or a service carry the network"


def test_a_call_may_state_that_it_has_no_tags():
    call = Call(principal="app", operation="Converse", model=LITE, region="us-east-1", context={"aws:TagKeys": ()})
    everything = Policy.from_plain(
        {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    )
    estate = Estate(principals={"app": Principal(arn=ROLE, identity=(everything,))})
    assert isinstance(prove(estate, calls_work(call)), Proved)
