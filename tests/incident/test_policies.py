"""What each policy of an incident stops, proved, and asked of the simulator; and that everybody else goes on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from secure_bedrock.policy import Call, Endpoint, Estate, Policy, Principal, Proved, Refuted, prove
from secure_bedrock.policy.bedrock_invariants import calls_work
from secure_bedrock.policy.containment import (
    closed_endpoint,
    closed_trust,
    cut_off,
    nobody,
    nobody_tagged,
    sessions_before,
    sessions_named,
)
from secure_bedrock.policy.document import Condition
from secure_bedrock.policy.environment import PARTITIONS
from secure_bedrock.policy.invariants import Never, Scope, requests
from secure_bedrock.policy.services import EVERY_ACTION
from tests.oracle.simulator import ask, reason_to_leave_out

ACCOUNT = "111122223333"
ENDPOINT = "vpce-0123456789abcdef0"
REGIONS = {
    "aws": "eu-west-1", "aws-us-gov": "us-gov-west-1", "aws-eusc": "eusc-de-east-1", "aws-iso": "us-iso-east-1",
    "aws-iso-b": "us-isob-east-1", "aws-iso-f": "us-isof-south-1",
}  # fmt: skip
MODEL = "amazon.nova-lite-v1:0"
EVERYTHING = Policy.from_plain({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
TRUST = Policy.from_plain({
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": ["sts:AssumeRole", "sts:TagSession"]}]
})  # fmt: skip
OPEN = Policy.from_plain({
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]
})  # fmt: skip
TIME = "2026-06-01T00:00:00Z"


def arn(name, partition="aws"):
    return f"arn:{partition}:iam::{ACCOUNT}:{name}"


def estate(partition="aws", **rest):
    """Four who may do everything, so that nothing but the policy under test can stop them."""
    kinds = {"app": "role/app", "other": "role/x/other", "user": "user/BedrockAPIKey-1", "responder": "role/responder"}
    tags = {"app": (("project", "search"),), "other": (("project", "chat"),)}
    principals = {
        name: Principal(
            arn=arn(kind, partition), identity=(EVERYTHING,), trust=TRUST if "role" in kind else None,
            tags=tags.get(name, ()),
        )
        for name, kind in kinds.items()
    }  # fmt: skip
    return Estate(principals=principals, scps=((EVERYTHING,),), organization_id="o-exampleorgid", **rest)


def borne_by(world, name, *policies):
    holder = world.principals[name]
    changed = replace(holder, identity=(*holder.identity, *policies))
    return replace(world, principals={**world.principals, name: changed})


def above(world, policy):
    return replace(world, scps=((EVERYTHING, policy),))


def works(world, *names, partition="aws", **rest):
    calls = [
        Call(principal=name, operation="Converse", model=MODEL, region=REGIONS[partition], **rest) for name in names
    ]
    return isinstance(prove(world, calls_work(*calls)), Proved)


def stopped(world, *names, actions=EVERY_ACTION, conditions=(), resources=("*",)):
    asked = requests(actions=actions, conditions=conditions, resources=resources)
    return prove(world, Never(name="stopped", statements=(asked,), scope=Scope(principals=names)))


@pytest.mark.parametrize(
    ("partition", "name", "everything"),
    [*((partition, "app", False) for partition in PARTITIONS), ("aws", "user", False), ("aws", "app", True)],
)
def test_a_principal_is_cut_off_and_nobody_else(partition, name, everything):
    world = estate(partition)
    others = {"app", "other", "user", "responder"} - {name}
    assert works(world, name, *others, partition=partition)
    assert isinstance(stopped(world, name), Refuted)
    after = borne_by(world, name, cut_off(everything=everything))
    assert isinstance(stopped(after, name), Proved)
    assert isinstance(stopped(after, name, actions=("*",)), Proved if everything else Refuted)
    assert works(after, *others, partition=partition)


def test_who_is_cut_off_can_neither_undo_it_nor_become_somebody_else():
    after = borne_by(estate(), "app", cut_off())
    ways = ("iam:*", "sts:AssumeRole", "sts:AssumeRoot", "sts:GetFederationToken", "sts:GetSessionToken")
    assert isinstance(stopped(after, "app", actions=ways), Proved)
    assert isinstance(stopped(estate(), "app", actions=ways), Refuted)
    assert isinstance(stopped(after, "other", actions=ways), Refuted)


def test_older_sessions_are_cut_off_from_everything_and_new_ones_go_on():
    after = borne_by(estate(), "app", sessions_before(TIME))
    older = (Condition(operator="DateLessThan", key="aws:TokenIssueTime", values=(TIME,)),)
    newer = (Condition(operator="DateGreaterThanEquals", key="aws:TokenIssueTime", values=(TIME,)),)
    assert isinstance(stopped(after, "app", actions=("*",), conditions=older), Proved)
    assert isinstance(stopped(estate(), "app", conditions=older), Refuted)
    assert isinstance(stopped(after, "app", conditions=newer), Refuted)
    assert works(after, "other")


def test_a_session_of_one_name_is_cut_off_and_the_others_go_on():
    after = borne_by(estate(), "app", sessions_named("i-1"))
    this = (Condition(operator="StringEquals", key="aws:userid", values=("AROAEXAMPLEROLE000001:i-1",)),)
    other = (Condition(operator="StringEquals", key="aws:userid", values=("AROAEXAMPLEROLE000001:i-10",)),)
    assert isinstance(stopped(after, "app", actions=("*",), conditions=this), Proved)
    assert isinstance(stopped(after, "app", conditions=other), Refuted)


def test_a_project_is_cut_off_by_its_tag():
    after = above(estate(), nobody_tagged("project", "search"))
    assert works(estate(), "app", "other", "responder")
    assert works(after, "other", "responder")
    here = (Condition(operator="StringEquals", key="aws:PrincipalTag/project", values=("search",)),)
    assert isinstance(stopped(after, "app", conditions=here), Proved)
    assert isinstance(stopped(after, "other", conditions=here), Proved)  # a session that took the tag
    on = (Condition(operator="StringEquals", key="aws:ResourceTag/project", values=("search",)),)
    assert isinstance(stopped(after, "other", conditions=on), Proved)
    assert isinstance(stopped(estate(), "other", conditions=on), Refuted)


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov"])
def test_an_account_is_cut_off_but_for_those_who_respond(partition):
    spared = (arn("role/responder", partition),)
    assert isinstance(stopped(above(estate(partition), nobody()), "app", "other", "user", "responder"), Proved)
    after = above(estate(partition), nobody(but=spared))
    assert isinstance(stopped(after, "app", "other", "user"), Proved)
    assert works(after, "responder", partition=partition)
    asked = requests(actions=EVERY_ACTION)
    whoever = Never(name="whoever", statements=(asked,), scope=Scope(unnamed=True, but=spared))
    assert isinstance(prove(after, whoever), Proved)
    assert isinstance(prove(estate(partition), whoever), Refuted)
    assert isinstance(stopped(after, "app", actions=("s3:GetObject",)), Refuted)


def test_a_policy_of_the_organisation_about_one_principal_stops_that_one():
    after = above(estate(), nobody(only=(arn("role/app"),)))
    assert isinstance(stopped(after, "app"), Proved)
    assert works(after, "other", "user", "responder")


def test_a_closed_endpoint_lets_nobody_through():
    through = (Condition(operator="StringEquals", key="aws:SourceVpce", values=(ENDPOINT,)),)
    for policy, verdict in ((OPEN, Refuted), (closed_endpoint(), Proved)):
        place = Endpoint(service="bedrock-runtime", vpc="vpc-0123456789abcdef0", policy=policy)
        world = estate(endpoints={ENDPOINT: place})
        asked = requests(actions=("bedrock:InvokeModel",), conditions=through)
        whoever = Never(name="through", statements=(asked,), scope=Scope(unnamed=True, outside=True))
        assert isinstance(prove(world, whoever), verdict)


def test_a_closed_trust_lets_nobody_become_the_role():
    asked = requests(actions=("sts:AssumeRole",), resources=(arn("role/app"),))
    whoever = Never(name="become", statements=(asked,), scope=Scope(unnamed=True, outside=True, services=True))
    world = estate()
    assert isinstance(prove(world, whoever), Refuted)
    app = replace(world.principals["app"], trust=closed_trust())
    assert isinstance(prove(replace(world, principals={**world.principals, "app": app}), whoever), Proved)


def simulation(*, who="role/app", action="bedrock:InvokeModel", identity=(), scp=None, **context):
    resource = "*" if ":CallWith" in action else f"arn:aws:bedrock:eu-west-1::foundation-model/{MODEL}"
    return {
        "request": {
            "principal": arn(who), "action": action, "resource": {"resource": resource, "accountId": ACCOUNT},
            "contextVariables": {
                "aws:PrincipalArn": arn(who), **{name.replace("_", ":", 1): value for name, value in context.items()}
            },
        },
        "identityPolicies": [
            {"name": f"p{number}", "policy": policy.to_plain()} for number, policy in enumerate((EVERYTHING, *identity))
        ],
        "serviceControlPolicies": [
            {"orgIdentifier": "r-root", "policies": [
                {"name": f"s{number}", "policy": policy.to_plain()}
                for number, policy in enumerate((EVERYTHING, *([scp] if scp else [])))
            ]},
        ],
        "resourceControlPolicies": [],
    }  # fmt: skip


@pytest.mark.skipif(reason_to_leave_out() is not None, reason=str(reason_to_leave_out()))
def test_the_simulator_answers_the_same():
    spared = nobody(but=(arn("role/responder"),))
    only = nobody(only=(arn("role/app"),))
    tag = {"aws_PrincipalTag/project": "search"}
    asked = [
        (simulation(), "Allowed"),
        (simulation(identity=[cut_off()]), "ExplicitlyDenied"),
        (simulation(identity=[cut_off()], action="bedrock:CallWithBearerToken"), "ExplicitlyDenied"),
        (simulation(identity=[cut_off()], who="user/BedrockAPIKey-1"), "ExplicitlyDenied"),
        (simulation(identity=[cut_off(everything=True)]), "ExplicitlyDenied"),
        (simulation(identity=[sessions_before(TIME)], aws_TokenIssueTime="2026-05-31T23:59:59Z"), "ExplicitlyDenied"),
        (simulation(identity=[sessions_before(TIME)], aws_TokenIssueTime="2026-06-01T00:00:01Z"), "Allowed"),
        (simulation(identity=[sessions_named("i-1")], aws_userid="AROAEXAMPLE:i-1"), "ExplicitlyDenied"),
        (simulation(identity=[sessions_named("i-1")], aws_userid="AROAEXAMPLE:i-10"), "Allowed"),
        (simulation(scp=nobody_tagged("project", "search"), **tag), "ExplicitlyDenied"),
        (simulation(scp=nobody_tagged("project", "chat"), **tag), "Allowed"),
        (simulation(scp=nobody()), "ExplicitlyDenied"),
        (simulation(scp=spared), "ExplicitlyDenied"),
        (simulation(scp=spared, who="role/responder"), "Allowed"),
        (simulation(scp=only), "ExplicitlyDenied"),
        (simulation(scp=only, who="role/x/other"), "Allowed"),
    ]
    answers = ask([question for question, _ in asked])
    assert [(answer.result, answer.problem) for answer in answers] == [(expected, None) for _, expected in asked]
