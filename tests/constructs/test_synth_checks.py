"""What fails a synth: CDK asks once a stage, and each construct is named all the same."""

from __future__ import annotations

import re

import aws_cdk as cdk
import jsii
import pytest
from aws_cdk import aws_iam as iam

from secure_bedrock import Network, PrivateBedrockEndpoint, ScopedInvokeRole

LITE = "amazon.nova-lite-v1:0"


def role(stack, name, **properties):
    principal = iam.ServicePrincipal("lambda.amazonaws.com")
    return ScopedInvokeRole(stack, name, assumed_by=principal, models=[LITE], **properties)


def failures(scope) -> list[str]:
    """The constructs that a synth names, in its order."""
    with pytest.raises(RuntimeError, match="Validation failed") as caught:
        scope.synth()
    return re.findall(r"^  \[(\S*)\] ", str(caught.value), re.MULTILINE)


def test_every_construct_that_fails_is_named_in_every_stack(place):
    one, other = place.stack("One"), place.stack("Other")
    for stack in (one, other):
        role(stack, "Lost")
        role(stack, "Fine", network=Network.ANYWHERE)
        role(stack, "Gone")
    PrivateBedrockEndpoint(other, "Empty", vpc=place.vpc(other))
    assert failures(place.app) == ["One/Lost", "One/Gone", "Other/Lost", "Other/Gone", "Other/Empty"]
    assert failures(place.app) == ["One/Lost", "One/Gone", "Other/Lost", "Other/Gone", "Other/Empty"]


def test_a_stage_answers_for_itself(place):
    stages = [cdk.Stage(place.app, name) for name in ("Test", "Prod")]
    for stage in stages:
        role(cdk.Stack(stage, "Stack", env=place.env), "Lost")
    role(place.stack("Own"), "Lost")
    assert [failures(stage) for stage in stages] == [["Test/Stack/Lost"], ["Prod/Stack/Lost"]]


def test_what_was_put_right_or_taken_out_fails_no_longer(place):
    stack = place.stack("Stack")
    lost, _ = role(stack, "Lost"), role(stack, "Gone")
    assert failures(place.app) == ["Stack/Lost", "Stack/Gone"]
    PrivateBedrockEndpoint(stack, "Bedrock", vpc=place.vpc(stack)).admit(lost)
    assert failures(place.app) == ["Stack/Gone"]
    stack.node.try_remove_child("Gone")
    assert "Lost" in str(place.synth()["Stack"])


def test_a_stack_without_an_app_is_asked_too():
    stack = cdk.Stack(id="Alone")
    role(stack, "Lost")
    assert failures(stack.node.root) == ["Alone/Lost"]


@jsii.implements(cdk.IAspect)
class Rename:
    """Gives every role another name."""

    def visit(self, node):
        if isinstance(node, iam.CfnRole):
            node.role_name = "other"


def test_what_an_aspect_changed_is_seen(place):
    stack = place.stack("Stack")
    role(stack, "Renamed", network=Network.ANYWHERE)
    cdk.Aspects.of(stack).add(Rename())
    assert failures(place.app) == ["Stack/Renamed"]


@pytest.mark.parametrize("given", [{}, {"suspended": True}, {"revoke_sessions_before": "2026-01-01T00:00:00Z"}])
def test_a_role_and_the_endpoint_it_names_cannot_be_in_different_stages(place, given):
    """So that one stage can answer for both."""
    here, there = (cdk.Stack(cdk.Stage(place.app, name), "Stack", env=place.env) for name in ("Here", "There"))
    endpoint = PrivateBedrockEndpoint(here, "Bedrock", vpc=place.vpc(here))
    role(there, "App", endpoints=[endpoint], **given)
    with pytest.raises(RuntimeError, match="dependency cannot cross stage boundaries"):
        place.app.synth()


def test_a_role_that_names_an_endpoint_of_another_stack_is_asked_too(place):
    stack, other = place.stack("Stack"), place.stack("Other")
    endpoint = PrivateBedrockEndpoint(stack, "Bedrock", vpc=place.vpc(stack), client_cidrs=["192.0.2.0/24"])
    role(other, "Renamed", endpoints=[endpoint]).role.node.default_child.path = "/other/"
    assert failures(place.app) == ["Other/Renamed"]
