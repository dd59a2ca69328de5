"""Aspects, tags and boundaries of an organisation that change what the constructs made."""

from __future__ import annotations

import aws_cdk as cdk
import jsii
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam

from secure_bedrock import BedrockAuditTrail, Detection, InvocationLogging, PrivateBedrockEndpoint, ScopedInvokeRole
from tests.constructs.conftest import ACCOUNT, of_type

LITE = "amazon.nova-lite-v1:0"
ROOT = iam.AccountRootPrincipal()


@jsii.implements(cdk.IAspect)
class Changing:
    """Somebody's Aspect over one kind of resource."""

    def __init__(self, kind, change):
        self._kind, self._change = kind, change

    def visit(self, node):
        if isinstance(node, self._kind):
            self._change(node)


def access(place):
    stack = place.stack("App")
    endpoint = PrivateBedrockEndpoint(stack, "Bedrock", vpc=place.vpc(stack), client_cidrs=["10.0.1.0/24"])
    return ScopedInvokeRole(stack, "Role", assumed_by=ROOT, models=[LITE], endpoints=[endpoint])


def test_tags_and_a_permissions_boundary_for_everything_leave_names_and_policies_alone(make_place):
    def synthesized(*, changed):
        place = make_place()
        access(place)
        if changed:
            cdk.Tags.of(place.app).add("cost-centre", "1")
            boundary = iam.ManagedPolicy.from_managed_policy_arn(
                place.stack("Shared"), "Boundary", f"arn:aws:iam::{ACCOUNT}:policy/corporate"
            )
            iam.PermissionsBoundary.of(place.app).apply(boundary)
        return place.synth()["App"]

    before, after = synthesized(changed=False), synthesized(changed=True)
    assert list(before["Resources"]) == list(after["Resources"])
    (role,) = of_type(after, "AWS::IAM::Role")
    assert role["PermissionsBoundary"] == f"arn:aws:iam::{ACCOUNT}:policy/corporate"
    assert {"Key": "cost-centre", "Value": "1"} in role["Tags"]
    for kind in ("AWS::EC2::VPCEndpoint", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        documents = [[row["PolicyDocument"] for row in of_type(template, kind)] for template in (before, after)]
        assert documents[0] == documents[1]


def rename(role):
    role.role_name = f"corp-{role.role_name}"


def move(role):
    role.path = "/corp/"


@pytest.mark.parametrize("change", [rename, move])
def test_a_role_that_somebody_renames_fails_the_synth_because_the_endpoint_names_it_by_text(place, change):
    role = access(place)
    cdk.Aspects.of(place.app).add(Changing(iam.CfnRole, change))
    with pytest.raises(RuntimeError, match=rf"\[App/Role\] role_name: the role was renamed.*{role.role_name}"):
        place.synth()


def empty(endpoint):
    endpoint.policy_document = None


def widen(endpoint):
    endpoint.policy_document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*"}]}


def widen_by_document(endpoint):
    endpoint.policy_document = iam.PolicyDocument(
        statements=[iam.PolicyStatement(actions=["*"], resources=["*"], principals=[iam.AnyPrincipal()])]
    )


@pytest.mark.parametrize("change", [empty, widen, widen_by_document])
def test_an_endpoint_whose_policy_somebody_replaces_fails_the_synth(place, change):
    access(place)
    cdk.Aspects.of(place.app).add(Changing(ec2.CfnVPCEndpoint, change))
    with pytest.raises(RuntimeError, match="bedrock-runtime: the endpoint's policy was replaced"):
        place.synth()


def test_what_somebody_adds_to_an_endpoint_s_policy_is_not_in_it(place):
    stack = place.stack("App")
    endpoint = PrivateBedrockEndpoint(stack, "Bedrock", vpc=place.vpc(stack), client_cidrs=["10.0.1.0/24"])
    ScopedInvokeRole(stack, "Role", assumed_by=ROOT, models=[LITE], endpoints=[endpoint])
    for made in endpoint.endpoints.values():
        made.add_to_policy(iam.PolicyStatement(actions=["*"], resources=["*"], principals=[iam.AnyPrincipal()]))
    (made,) = of_type(place.synth()["App"], "AWS::EC2::VPCEndpoint")
    assert [statement["Sid"] for statement in made["PolicyDocument"]["Statement"]] == ["Admit1"]


def test_records_that_an_app_wide_removal_policy_would_delete_are_named(place):
    stack = place.stack("App")
    BedrockAuditTrail(stack, "Audit", detections=Detection.named("D09"), invocation_logging=InvocationLogging())
    cdk.RemovalPolicies.of(place.app).destroy()
    named = {m.partition(": ")[0] for m in place.messages() if "[ack: secure-bedrock:records-are-deleted]" in m}
    assert named == {
        "App/Audit/Key", "App/Audit/Bucket", "App/Audit/LogGroup", "App/Audit/InvocationLogging/Key",
        "App/Audit/InvocationLogging/LogGroup",
    }  # fmt: skip


def test_records_that_are_kept_are_not_named(place):
    BedrockAuditTrail(place.stack("App"), "Audit", detections=Detection.named("D09"))
    assert not any("records-are-deleted" in message for message in place.messages())
