"""What a proof must not take for granted, and what it may: then it says so."""

from __future__ import annotations

import pytest

from secure_bedrock.policy import Call, Estate, Policy, Principal, bedrock_invariants, evaluate, prove
from secure_bedrock.policy.invariants import Never, Scope, requests
from secure_bedrock.policy.verdicts import Proved, Refuted, Unknown

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/app"
OTHER = f"arn:aws:iam::{ACCOUNT}:role/other"
ABROAD = "arn:aws:iam::444455556666:role/deploy"
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
ASSUMES = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}


def document(*statements):
    return Policy.from_plain({"Version": "2012-10-17", "Statement": list(statements)}, name="document")


def trusting(*statements):
    return document(*({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}},
                      *statements))  # fmt: skip


def estate(*statements, tags=(), trust=None, others=None, **rest):
    app = Principal(arn=ROLE, identity=(document(*statements),), tags=tuple(tags), trust=trust)
    return Estate(principals={"app": app, **(others or {})}, **rest)


# ----- roles that the estate does not show


@pytest.mark.parametrize("role", [OTHER, ABROAD, f"arn:aws:iam::{ACCOUNT}:role/*", "*"])
def test_a_role_that_is_not_shown_may_trust_whoever_may_assume_it(role):
    verdict = prove(estate({**ASSUMES, "Resource": role}), bedrock_invariants.stays_within("app"))
    assert isinstance(verdict, Unknown), str(verdict)
    assert "is not in the estate" in verdict.reason
    assert verdict.holds_for_named is None
    assert verdict.witness is not None
    assert verdict.witness.request.action == "sts:AssumeRole"
    assert any("trust policy" in line for line in verdict.witness.decision.assumptions)


def test_a_role_that_is_shown_trusts_nobody_else():
    others = {"other": Principal(arn=OTHER, trust=trusting())}
    world = estate({**ASSUMES, "Resource": OTHER}, others=others)
    assert isinstance(prove(world, bedrock_invariants.stays_within("app")), Proved)


def test_a_role_without_its_trust_policy_is_not_shown():
    others = {"other": Principal(arn=OTHER)}
    world = estate({**ASSUMES, "Resource": OTHER}, others=others)
    assert isinstance(prove(world, bedrock_invariants.stays_within("app")), Unknown)


def test_whoever_may_assume_nothing_is_proved_and_the_rest_is_assumed():
    deny = {**ASSUMES, "Effect": "Deny"}
    verdict = prove(estate(ASSUMES, deny), bedrock_invariants.stays_within("app"))
    assert isinstance(verdict, Proved)
    assert any("trusts a principal of the estate by its name" in line for line in verdict.assumptions)


def test_services_and_administrators_may_be_trusted_by_a_role_that_is_not_shown():
    asked = bedrock_invariants.nobody_becomes(OTHER)
    assert isinstance(prove(estate(EVERYTHING), asked), Unknown)
    shown = {"other": Principal(arn=OTHER, trust=document({
        "Effect": "Deny", "Action": "sts:AssumeRole", "Principal": "*",
    }))}  # fmt: skip
    assert isinstance(prove(estate(EVERYTHING, others=shown), asked), Proved)


def test_whom_nobody_has_named_is_not_asked_about_roles_nobody_has_named():
    verdict = prove(estate(EVERYTHING), bedrock_invariants.nobody_outside([ACCOUNT]))
    assert isinstance(verdict, Proved)
    assert any(line.startswith("a role that neither the estate shows") for line in verdict.assumptions)


# ----- a role's own tags

TEAM = {"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": "*"}
UNTAGGED = {**TEAM, "Effect": "Deny", "Condition": {"Null": {"aws:PrincipalTag/team": "false"}}}
TAGGING = {"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession"], "Principal": {"AWS": ABROAD}}
NEVER = Never(name="x", statements=(requests(actions=("bedrock:InvokeModel",)),), scope=Scope(principals=("app",)))


def test_a_session_cannot_shed_a_tag_of_its_role():
    world = estate(TEAM, UNTAGGED, tags=[("Team", "search")], trust=trusting(TAGGING))
    verdict = prove(world, NEVER)
    assert isinstance(verdict, Proved)
    assert any("tags are on its sessions" in line for line in verdict.assumptions)
    assert isinstance(prove(estate(TEAM, UNTAGGED, trust=trusting(TAGGING)), NEVER), Refuted)


def others_than(value):
    return {**TEAM, "Effect": "Deny", "Condition": {"StringEquals": {"aws:PrincipalTag/team": value}}}


def test_a_session_tag_takes_the_place_of_the_roles():
    world = estate(TEAM, others_than("search"), tags=[("team", "search")], trust=trusting(TAGGING))
    verdict = prove(world, NEVER)
    assert isinstance(verdict, Refuted)
    assert dict(verdict.witness.session_tags)["team"] != "search"
    assert isinstance(
        prove(estate(TEAM, others_than("search"), tags=[("team", "search")], trust=trusting()), NEVER), Proved
    )


def test_a_witness_names_no_session_tag_where_the_roles_will_do():
    world = estate(TEAM, others_than("other"), tags=[("team", "search")], trust=trusting(TAGGING))
    verdict = prove(world, NEVER)
    assert isinstance(verdict, Refuted)
    assert verdict.witness.session_tags == ()
    assert evaluate(verdict.witness.estate, verdict.witness.request).context["aws:principaltag/team"] == "search"


REFUSED = {"ForAnyValue:StringEqualsIgnoreCase": {"aws:TagKeys": ["team"]}}
LISTED = {"ForAllValues:StringEquals": {"aws:TagKeys": ["project"]}}
CASED = {"ForAnyValue:StringEquals": {"aws:TagKeys": ["team"]}}


def refusing(principal="*", **elements):
    return trusting(
        TAGGING, {"Effect": "Deny", "Action": "sts:TagSession", "Principal": principal, **elements}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("trust", "kind"),
    [
        (refusing(Condition=REFUSED), Proved),
        (trusting({**TAGGING, "Condition": LISTED}), Proved),
        # A tag called TEAM would take the place of team, and this refuses team alone.
        (refusing(Condition=CASED), Refuted),
        (refusing({"AWS": OTHER}), Refuted),
    ],
    ids=["refused", "not listed", "other letters", "refused to another"],
)
def test_a_tag_that_the_trust_policy_refuses_is_the_roles_own(trust, kind):
    world = estate(TEAM, others_than("search"), tags=[("team", "search")], trust=trust)
    assert isinstance(prove(world, NEVER), kind)


@pytest.mark.parametrize("tags", [[("team", "search")], []])
def test_a_tag_in_a_variable_is_one_the_session_has(tags):
    tied = {
        **TEAM,
        "Effect": "Deny",
        "Condition": {"StringNotEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}},
    }
    only_untagged = {**TEAM, "Effect": "Deny", "Condition": {"Null": {"aws:ResourceTag/team": "false"}}}
    open_trust = trusting({**TAGGING, "Condition": {"StringEquals": {"aws:RequestTag/team": "ads"}}})
    # A resource without the tag passes where the session has none either: never.
    assert isinstance(prove(estate(TEAM, tied, only_untagged, tags=tags, trust=open_trust), NEVER), Proved)


# ----- calls that work

CALL = Call(principal="app", operation="Converse", model="eu.amazon.nova-lite-v1:0", region="eu-west-1")


def test_an_answer_about_calls_says_what_it_rests_on():
    at_once = prove(estate(EVERYTHING), bedrock_invariants.calls_work(CALL))
    assert isinstance(at_once, Proved)
    assert any("holds every policy" in line for line in at_once.assumptions)
    tied = {**EVERYTHING, "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}
    never = prove(estate(tied), bedrock_invariants.calls_work(CALL))
    assert isinstance(never, Unknown | Refuted)
    assert any("aws:SourceIp" in line for line in never.assumptions)
    through = Call(principal="app", operation="Converse", model="amazon.nova-lite-v1:0", region="eu-west-1",
                   endpoint="vpce-0123456789abcdef0")  # fmt: skip
    passed = prove(estate(EVERYTHING), bedrock_invariants.calls_work(through))
    assert any("vpce-0123456789abcdef0 is not in the estate" in line for line in passed.assumptions)


# ----- keys that an action always has, and TLS

SERVICE = {"StringEquals": {"iam:ServiceSpecificCredentialServiceName": "bedrock.amazonaws.com"}}


def test_a_credential_is_always_of_some_service():
    kept = ((document(EVERYTHING, {**EVERYTHING, "Effect": "Deny", "Action": "iam:CreateServiceSpecificCredential",
                                   "Condition": SERVICE}),),)  # fmt: skip
    asked = bedrock_invariants.nobody_creates_api_keys()
    verdict = prove(estate(EVERYTHING, scps=kept), asked)
    assert isinstance(verdict, Proved), str(verdict)
    assert any("ServiceName is required" in line for line in verdict.assumptions)
    assert isinstance(prove(estate(EVERYTHING), asked), Refuted)


def test_bedrock_is_called_with_tls_whatever_the_policies_say():
    verdict = prove(estate(EVERYTHING), bedrock_invariants.nothing_in_plain_text())
    assert isinstance(verdict, Proved)
    assert verdict.vacuous == "no such request can be made"
    assert any("HTTPS alone" in line for line in verdict.assumptions)
