"""Logical ids and physical names stay: a changed one replaces what users have deployed."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam

from secure_bedrock import BedrockService, PrivateBedrockEndpoint, ScopedInvokeRole
from tests.constructs.conftest import of_type
from tests.constructs.identity import identities, require_same

LITE = "amazon.nova-lite-v1:0"
ROOT = iam.AccountRootPrincipal()
HELD = Path(__file__).parent / "logical_ids.json"


def two_stacks(place, suffix=""):
    """Every resource the two constructs make, in two stacks, with a role that is tied from the endpoint's stack too."""
    net, acc, first = (place.stack(name + suffix) for name in ("Net", "Acc", "First"))
    net.node.add_dependency(first)
    endpoint = PrivateBedrockEndpoint(
        net, "Bedrock", vpc=place.vpc(net), services=list(BedrockService), client_cidrs=["10.0.1.0/24"]
    )
    endpoint.connections.allow_default_port_from(endpoint)
    roles = [
        ScopedInvokeRole(acc, "App", assumed_by=ROOT, models=[LITE], endpoints=[endpoint]),
        ScopedInvokeRole(first, "Earlier", assumed_by=ROOT, models=[LITE], endpoints=[endpoint]),
    ]
    plain = iam.Role(acc, "Plain", assumed_by=ROOT)
    if suffix:
        return roles
    with_models = PrivateBedrockEndpoint(net, "Plain", vpc=place.vpc(net), client_cidrs=["10.0.1.0/24"], models=[LITE])
    with_models.admit(plain)
    return roles


def test_logical_ids_and_names_of_two_stacks_stay(make_place):
    place = make_place(**{"aws:cdk:enable-path-metadata": True})
    two_stacks(place)
    require_same(identities(place.synth()), HELD)


@pytest.mark.parametrize(
    "changed",
    [
        lambda found: found["Acc"]["Acc/App/Role"].update(id="Other"),
        lambda found: found["Acc"]["Acc/App/Role"].update(RoleName="other"),
        lambda found: found["Acc"].pop("Acc/App/Role"),
    ],
    ids=["logical id", "name", "gone"],
)
def test_the_failure_says_what_a_change_means_for_users(make_place, changed):
    place = make_place(**{"aws:cdk:enable-path-metadata": True})
    two_stacks(place)
    found = identities(place.synth())
    changed(found)
    with pytest.raises(AssertionError, match=r"Acc/App/Role was .*the role is replaced: sessions end"):
        require_same(found, HELD)


def names(place):
    """Every role name that is literal; one that CloudFormation makes collides with none."""
    roles = [properties for template in place.synth().values() for properties in of_type(template, "AWS::IAM::Role")]
    return {role["RoleName"] for role in roles if "RoleName" in role}


def test_two_copies_of_one_app_in_one_account_do_not_collide(make_place):
    one, two = make_place(), make_place()
    two_stacks(one, "-blue")
    two_stacks(two, "-green")
    assert len(names(one)) == len(names(two)) == 2
    assert not names(one) & names(two)


def test_one_app_in_two_regions_of_one_account_does_not_collide(make_place):
    one, two = make_place(region="eu-west-1"), make_place(region="eu-central-1")
    for place in (one, two):
        two_stacks(place, "-app")
    assert not names(one) & names(two)


def test_two_stages_of_one_app_do_not_collide(place):
    roles = [
        ScopedInvokeRole(
            cdk.Stack(cdk.Stage(place.app, stage, env=place.env), "Acc"),
            "App", assumed_by=ROOT, models=[LITE], source_ips=["203.0.113.0/24"],
        )
        for stage in ("Test", "Live")
    ]  # fmt: skip
    assert roles[0].role_name != roles[1].role_name


def test_two_stacks_of_one_name_in_the_tree_are_told_by_their_stack_names(make_place):
    made = {
        ScopedInvokeRole(
            make_place().stack("Acc", stack_name=name), "App", assumed_by=ROOT, models=[LITE], endpoints=None
        ).role_name
        for name in ("blue", "green")
    }
    assert len(made) == 2


@pytest.mark.parametrize("path", ["/", "/secure-bedrock/", "/a/b/"])
def test_a_name_and_a_path_of_one_s_own_are_in_the_arn(place, path):
    stack = place.stack()
    role = ScopedInvokeRole(
        stack, "App", assumed_by=ROOT, models=[LITE], source_ips=["203.0.113.0/24"], role_name="Mine", path=path
    )
    template = place.synth()[stack.stack_name]
    (properties,) = of_type(template, "AWS::IAM::Role")
    assert (properties["RoleName"], properties["Path"]) == ("Mine", path)
    assert role.role_arn.endswith(f":role{path}Mine")
    assert {properties["Path"] for properties in of_type(template, "AWS::IAM::ManagedPolicy")} == {path}


@pytest.mark.parametrize("stacks", ["one", "two"])
def test_a_later_admission_changes_neither_id_nor_name_of_a_role(make_place, stacks):
    def roles(*, admit):
        place = make_place(**{"aws:cdk:enable-path-metadata": True})
        net = place.stack("Net")
        acc = net if stacks == "one" else place.stack("Acc")
        role = ScopedInvokeRole(acc, "App", assumed_by=ROOT, models=[LITE], source_ips=["203.0.113.0/24"])
        endpoint = PrivateBedrockEndpoint(
            net, "Bedrock", vpc=place.vpc(net), client_cidrs=["10.0.1.0/24"], models=[LITE]
        )
        endpoint.admit("arn:aws:iam::222233334444:role/app")
        if admit:
            endpoint.admit(role)
        return {
            path: identity
            for stack in identities(place.synth()).values()
            for path, identity in stack.items()
            if identity["type"].startswith("AWS::IAM::")
        }

    assert roles(admit=False) == roles(admit=True)
