"""What the writers write: Allow statements, ceiling and endpoint policies out of one declaration."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy.access import Access
from secure_bedrock.policy.actions import InvokeActions
from secure_bedrock.policy.allow import allow_policies, allow_statements
from secure_bedrock.policy.ceiling import ceiling_of
from secure_bedrock.policy.endpoint import Admission, Admitted, endpoint_policy, grants_of
from secure_bedrock.policy.guardrails import GuardrailVersion, RequiredGuardrail
from secure_bedrock.policy.limits import ENDPOINT_POLICY, INLINE_POLICIES_OF_ROLE, MANAGED_POLICY, limit
from secure_bedrock.policy.models import Model
from secure_bedrock.policy.network import NetworkPaths
from secure_bedrock.policy.services import BedrockService
from secure_bedrock.policy.sizes import size_of
from tests.policy.places import ACCOUNT, EU_LITE, GLOBAL, GUARDRAIL, IRELAND, LITE, PROFILE

KNOWLEDGE_BASE = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:knowledge-base/ABCDEFGHIJ"
ALIAS = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:agent-alias/AGENT12345/ALIAS12345"
BATCH_ROLE = f"arn:aws:iam::{ACCOUNT}:role/batch"
REVOKED, ROLES = ["RevokedByTag", "RevokedResource"], ["OtherRoles", "TagChanges"]
ALWAYS = ["OtherActions", "NoResource", "OtherModels"]


def access(*models, **declared):
    declared.setdefault("network", NetworkPaths(anywhere=True))
    chosen = tuple(m if isinstance(m, Model) else Model.parse(m) for m in models or (LITE,))
    return Access(environment=IRELAND, models=chosen, **declared)


def sids(declared):
    return [statement.sid for statement in ceiling_of(declared).statements]


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (access(), ALWAYS),
        (access(EU_LITE), [*ALWAYS, "OnlyThroughProfile1"]),
        (access(network=NetworkPaths(source_ips=("203.0.113.0/24",))), [*ALWAYS, "OffNetwork"]),
        (
            access(EU_LITE, network=NetworkPaths(endpoint_ids=("vpce-12345678",), vpc_source_ips=("10.0.0.0/8",))),
            [*ALWAYS, "OnlyThroughProfile1", "OffNetwork", "OffNetworkDirect", "OffPrivateNetwork",
             "OffPrivateNetworkDirect"],
        ),
        (
            access(guardrail=RequiredGuardrail.of(GUARDRAIL, 1)),
            [*ALWAYS, "OtherResourcesOfApplyGuardrail", "WithoutGuardrail"],
        ),
        (access(EU_LITE, matching_tags=("team",)), [*ALWAYS, "OnlyThroughProfile1", "OtherTags1", "OtherTags2"]),
        (
            access(actions=InvokeActions.RETRIEVE, knowledge_bases=(KNOWLEDGE_BASE,)),
            ["OtherActions", "NoResource", "OtherResourcesOfRetrieve"],
        ),
    ],
)  # fmt: skip
def test_the_ceiling_holds_what_was_declared_and_nothing_besides(declared, expected):
    assert sids(declared) == [*REVOKED, *expected, *ROLES]


@pytest.mark.parametrize(
    ("stopped", "sid"),
    [({"suspended": True}, "Suspended"), ({"revoke_sessions_before": "2026-01-01T00:00:00Z"}, "RevokedSessions")],
)
def test_what_stops_a_role_comes_first(stopped, sid):
    assert sids(access(**stopped)) == [sid, *REVOKED, *ALWAYS, *ROLES]


@pytest.mark.parametrize(
    ("actions", "rest", "expected"),
    [
        (InvokeActions.INFERENCE, {}, {"bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"}),
        (InvokeActions.INFERENCE_NO_STREAM, {}, {"bedrock:InvokeModel"}),
        (InvokeActions.COUNT_TOKENS, {}, {"bedrock:CountTokens"}),
        (InvokeActions.ASYNC, {}, {"bedrock:InvokeModel", "bedrock:GetAsyncInvoke"}),
        (
            InvokeActions.BATCH,
            {"may_use_roles": (BATCH_ROLE,)},
            {"bedrock:CreateModelInvocationJob", "bedrock:GetModelInvocationJob",
             "bedrock:StopModelInvocationJob", "iam:PassRole"},
        ),
        (InvokeActions.RETRIEVE, {"knowledge_bases": (KNOWLEDGE_BASE,)}, {"bedrock:Retrieve"}),
        (InvokeActions.AGENT, {"agent_aliases": (ALIAS,)}, {"bedrock:InvokeAgent"}),
    ],
)  # fmt: skip
def test_each_set_of_actions_brings_exactly_its_own(actions, rest, expected):
    statements = allow_statements(access(actions=actions, **rest))
    assert {action for statement in statements for action in statement.actions} == expected
    assert all("*" not in statement.resources for statement in statements)


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"actions": InvokeActions.RETRIEVE}, "knowledge base"),
        ({"actions": InvokeActions.AGENT}, "agent alias"),
        ({"actions": InvokeActions.BATCH}, "may_use_roles"),
    ],
)
def test_actions_without_what_they_need_are_refused(declared, message):
    with pytest.raises(InvalidInput, match=message):
        access(**declared)


def test_an_exempt_model_is_left_out_of_the_guardrail():
    declared = access(LITE, "amazon.titan-embed-text-v2:0", guardrail=RequiredGuardrail.of(GUARDRAIL, 1))
    (statement,) = [s for s in ceiling_of(declared).statements if s.sid == "WithoutGuardrail"]
    assert statement.resources == (f"arn:aws:bedrock:eu-west-1::foundation-model/{LITE}",)


def test_exemptions_can_be_none_at_all():
    declared = access(
        LITE, "amazon.titan-embed-text-v2:0", guardrail=RequiredGuardrail.of(GUARDRAIL, 1), exempt_models=()
    )
    (statement,) = [s for s in ceiling_of(declared).statements if s.sid == "WithoutGuardrail"]
    assert statement.resources == ("arn:aws:bedrock:*::foundation-model/*",)


def test_an_endpoint_that_admits_nobody_denies_everything():
    (statement,) = endpoint_policy(BedrockService.RUNTIME, [], limit=20_480).statements
    assert (statement.effect, statement.actions, statement.resources) == ("Deny", ("*",), ("*",))


def test_a_suspended_role_gets_no_grant():
    assert grants_of(access(suspended=True)) == ()


def test_equal_grants_share_a_statement():
    grants = grants_of(access())
    admitted = [Admitted(principal_arn=f"arn:aws:iam::{ACCOUNT}:role/r{i}", account=ACCOUNT) for i in range(30)]
    policy = endpoint_policy(
        BedrockService.RUNTIME, [Admission(admitted=a, grants=grants) for a in admitted], limit=20_480
    )
    assert len(policy.statements) == 1
    (arns,) = [c.values for c in policy.statements[0].conditions if c.key == "aws:PrincipalArn"]
    assert len(arns) == 30


def test_an_organisation_narrows_every_statement_and_admits_nobody():
    admission = Admission(admitted=Admitted(account=ACCOUNT), grants=grants_of(access()))
    policy = endpoint_policy(BedrockService.RUNTIME, [admission], organization_id="o-exampleorgid", limit=20_480)
    keys = {c.key for s in policy.statements for c in s.conditions}
    assert keys == {"aws:PrincipalAccount", "aws:PrincipalOrgID"}
    (nobody,) = endpoint_policy(BedrockService.RUNTIME, [], organization_id="o-exampleorgid", limit=20_480).statements
    assert nobody.effect == "Deny"


def test_too_many_principals_are_an_error_that_says_what_to_do():
    many = [
        Admission(
            admitted=Admitted(principal_arn=f"arn:aws:iam::{i:012}:role/{'r' * 60}", account=f"{i:012}"),
            grants=grants_of(access(EU_LITE)),
        )
        for i in range(60)
    ]
    with pytest.raises(InvalidInput, match=r"endpoint: the policy for 60 principals has \d+ characters, 20480"):
        endpoint_policy(BedrockService.RUNTIME, many, limit=20_480)


MODELS = [LITE, EU_LITE, "amazon.nova-pro-v1:0", "eu.amazon.nova-pro-v1:0", GLOBAL, "amazon.titan-embed-text-v2:0"]
declarations = st.builds(
    lambda models, copied, guardrail, network, keys, suspended: access(
        *models, *([Model.application_profile(PROFILE, serves=[EU_LITE])] if copied else []),
        guardrail=guardrail, network=network, allow_api_keys=keys, suspended=suspended,
    ),
    st.lists(st.sampled_from(MODELS), min_size=1, max_size=4, unique=True),
    st.booleans(),
    st.sampled_from([None, RequiredGuardrail.of(GUARDRAIL, 1),
                     RequiredGuardrail.of(GUARDRAIL, GuardrailVersion.ANY_NUMBERED)]),
    st.sampled_from([NetworkPaths(anywhere=True), NetworkPaths(source_ips=("203.0.113.0/24",)),
                     NetworkPaths(endpoint_ids=("vpce-0123456789abcdef0",), source_ips=("203.0.113.0/24",))]),
    st.booleans(), st.booleans(),
)  # fmt: skip


@settings(derandomize=True, max_examples=150, deadline=None)
@given(declarations)
def test_every_document_is_one_that_aws_takes(declared):
    policies = [ceiling_of(declared), *allow_policies(declared, limit=limit(MANAGED_POLICY))]
    assert size_of(policies[0]) <= limit(INLINE_POLICIES_OF_ROLE)
    assert all(size_of(policy) <= limit(MANAGED_POLICY) for policy in policies[1:])
    for policy in policies:
        plain = policy.to_plain()["Statement"]
        assert len({statement["Sid"] for statement in plain}) == len(plain)
        for statement in plain:
            assert re.fullmatch(r"[A-Za-z0-9]+", statement["Sid"])
            assert all(value not in ([], None, "") for value in statement.values())


@settings(derandomize=True, max_examples=100, deadline=None)
@given(declarations)
def test_the_ceiling_denies_and_never_allows(declared):
    assert {statement.effect for statement in ceiling_of(declared).statements} == {"Deny"}


@settings(derandomize=True, max_examples=100, deadline=None)
@given(declarations)
def test_an_endpoint_lets_through_what_the_role_declares_and_nothing_besides(declared):
    admission = Admission(admitted=Admitted(account=ACCOUNT), grants=grants_of(declared))
    policy = endpoint_policy(BedrockService.RUNTIME, [admission], limit=limit(ENDPOINT_POLICY))
    through = {(a, r) for s in policy.statements if s.effect == "Allow" for a in s.actions for r in s.resources}
    own = {(a, r) for s in allow_statements(declared) for a in s.actions for r in s.resources}
    assert through == (set() if declared.suspended else own)


@settings(derandomize=True, max_examples=50, deadline=None)
@given(declarations)
def test_writing_twice_writes_the_same(declared):
    assert ceiling_of(declared).to_plain() == ceiling_of(declared).to_plain()
    assert allow_statements(declared) == allow_statements(declared)
