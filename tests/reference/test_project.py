"""The project stack stands beside the application, behind a switch."""

from __future__ import annotations

import json

import pytest

from reference.configuration import Configuration
from reference.sections.project import ProjectConfiguration
from secure_bedrock import InvalidInput

STACK, NETWORK, ACCESS = "secure-bedrock-project", "secure-bedrock-network", "secure-bedrock-access"
DECLARED = ProjectConfiguration(cost_center="4711", monthly_budget=250, notify=("team@example.com",))


@pytest.fixture(scope="module")
def made(synthesized):
    return synthesized(Configuration(team_project=DECLARED))


def test_it_is_not_there_unless_asked_for(default):
    assert STACK not in default.templates
    assert default.deployment.project is None


def test_it_has_a_profile_for_each_model_of_the_deployment(made):
    (profile,) = made.of_type(STACK, "AWS::Bedrock::ApplicationInferenceProfile")
    tags = {tag["Key"]: tag["Value"] for tag in profile["Tags"]}
    assert tags == {"project": "reference", "team": "platform", "cost-center": "4711", "secure-bedrock": "project"}


def test_the_endpoint_lets_its_role_through_without_referring_to_it(made):
    (endpoint,) = made.of_type(NETWORK, "AWS::EC2::VPCEndpoint")
    written = json.dumps(endpoint["PolicyDocument"])
    assert made.deployment.project.role.role_name in written
    assert "application-inference-profile/*" in written
    assert "Fn::ImportValue" not in json.dumps(made.templates[NETWORK])
    assert "Fn::ImportValue" not in written


def test_its_role_is_held_to_endpoint_and_guardrail(made):
    sids = {s["Sid"] for s in made.deployment.project.role.ceiling_document()["Statement"]}
    assert {"OffNetwork", "WithoutGuardrail", "OtherTags1", "RevokedByTag", "RevokedResource"} <= sids


def test_it_is_read_from_the_context():
    given = {"cost_center": "4711", "monthly_budget": 250, "notify": ["team@example.com"]}
    assert Configuration.parse({"team_project": given}).team_project == DECLARED


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"cost_center": ""}, "secure-bedrock.team_project.cost_center: got ''"),
        ({"monthly_budget": 0}, "secure-bedrock.team_project.monthly_budget: got 0"),
        ({"notify": ("nobody",)}, "secure-bedrock.team_project.notify: got 'nobody'"),
        ({"revoke_sessions_before": "today"}, "secure-bedrock.team_project.revoke_sessions_before: got 'today'"),
    ],
)
def test_a_wrong_entry_is_named_by_its_context_key(synthesized, given, message):
    declared = ProjectConfiguration(**{"cost_center": "4711", **given})
    with pytest.raises(InvalidInput, match=f"^{message}"):
        synthesized(Configuration(team_project=declared))


def test_an_unknown_entry_is_named():
    with pytest.raises(InvalidInput, match=r"secure-bedrock.team_project: got the entry budget"):
        Configuration.parse({"team_project": {"cost_center": "1", "budget": 5}})
