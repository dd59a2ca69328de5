"""Who is asked about: whom policies name wherever they stand, what sessions may bring, what somebody's keys hold."""

from __future__ import annotations

import pytest

from secure_bedrock.policy import Account, Call, Endpoint, Estate, Principal, _searching, prove
from secure_bedrock.policy._subjects import (
    may_tag_sessions,
    named,
    outsiders,
    providers,
    refuses_tag,
    service_principals,
    unnamed,
)
from secure_bedrock.policy.invariants import Scope, Works
from secure_bedrock.policy.verdicts import Proved, Refuted, Unknown
from tests.policy.test_fine_points import (
    ABROAD,
    APP,
    BUCKET,
    EVERYTHING,
    HOME,
    ROLE,
    SERVICES,
    allow,
    anybody_tags,
    app,
    deny,
    document,
    never,
    where,
)  # fmt: skip

OBJECT = f"{BUCKET}/x"
HELD = f"arn:aws:sqs:eu-west-1:{HOME}:queue"
TAGGING = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
ASSUMING = {**TAGGING, "Action": "sts:AssumeRole"}


def refusing(**elements):
    return {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:TagSession", **elements}


def names_of_tags(operator, *names):
    return {"Condition": {operator: {"aws:TagKeys": list(names)}}}


#: Trust policies, and whether each keeps every session from a tag `team`.
TRUSTS = {
    "nobody may tag": ([ASSUMING], True),
    "anybody may tag": ([TAGGING], False),
    "tagging refused": ([TAGGING, refusing()], True),
    "tagging refused to everybody, written short": ([TAGGING, refusing(Principal="*")], True),
    "tagging refused to one": ([TAGGING, refusing(Principal={"AWS": ROLE})], False),
    "this tag refused": ([TAGGING, refusing(**names_of_tags("ForAnyValue:StringEqualsIgnoreCase", "team"))], True),
    "this tag among others": (
        [TAGGING, refusing(**names_of_tags("ForAnyValue:StringEqualsIgnoreCase", "cost", "TEAM"))], True,
    ),
    "another tag refused": ([TAGGING, refusing(**names_of_tags("ForAnyValue:StringEqualsIgnoreCase", "cost"))], False),
    "this tag in this case alone": ([TAGGING, refusing(**names_of_tags("ForAnyValue:StringEquals", "team"))], False),
    "this tag alone": ([TAGGING, refusing(**names_of_tags("ForAllValues:StringEqualsIgnoreCase", "team"))], False),
    "all but this tag": ([TAGGING, refusing(**names_of_tags("ForAnyValue:StringNotEqualsIgnoreCase", "team"))], False),
    "this tag, somewhere": (
        [TAGGING, refusing(Condition={
            "ForAnyValue:StringEqualsIgnoreCase": {"aws:TagKeys": "team"}, "Bool": {"aws:SecureTransport": "true"}})],
        False,
    ),
    "this name of another key": (
        [TAGGING, refusing(Condition={"ForAnyValue:StringEqualsIgnoreCase": {"sts:TransitiveTagKeys": "team"}})], False,
    ),
    "another tag admitted": ([{**TAGGING, **names_of_tags("ForAllValues:StringEquals", "cost")}], True),
    "another tag admitted in any case": (
        [{**TAGGING, **names_of_tags("ForAllValues:StringEqualsIgnoreCase", "cost")}], True,
    ),
    "this tag admitted": ([{**TAGGING, **names_of_tags("ForAllValues:StringEquals", "cost", "team")}], False),
    "this tag admitted in capitals": ([{**TAGGING, **names_of_tags("ForAllValues:StringEquals", "TEAM")}], False),
    "a tag of a variable name admitted": (
        [{**TAGGING, **names_of_tags("ForAllValues:StringEquals", "${aws:PrincipalTag/x}")}], False,
    ),
    "one tag must be another": ([{**TAGGING, **names_of_tags("ForAnyValue:StringEquals", "cost")}], False),
    "tags of a form admitted": ([{**TAGGING, **names_of_tags("ForAllValues:StringLike", "c*")}], False),
    "no tag but this": ([{**TAGGING, **names_of_tags("ForAllValues:StringNotEquals", "cost")}], False),
    "another key of such a name": (
        [{**TAGGING, "Condition": {"ForAllValues:StringEquals": {"sts:TransitiveTagKeys": "cost"}}}], False,
    ),
    "one admits another tag, one any": (
        [{**TAGGING, **names_of_tags("ForAllValues:StringEquals", "cost")}, {**TAGGING, "Principal": {"AWS": ROLE}}],
        False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TRUSTS)
def test_a_trust_policy_keeps_a_tag_from_every_session(name):
    statements, refused = TRUSTS[name]
    assert refuses_tag(document(*statements), "team") is refused


@pytest.mark.parametrize(
    ("element", "tags"),
    [
        ({"Action": "sts:AssumeRole"}, False),
        ({"Action": ["sts:AssumeRole", "sts:SetSourceIdentity"]}, False),
        ({"Action": ["sts:AssumeRole", "STS:tagSESSION"]}, True),
        ({"Action": "sts:*"}, True),
        ({"Action": "sts:Tag*"}, True),
        ({"NotAction": "sts:AssumeRole"}, True),
        ({"Effect": "Deny", "Action": "sts:*"}, False),
    ],
)
def test_whoever_assumes_a_role_may_tag_the_session(element, tags):
    statement = {"Effect": "Allow", "Principal": {"AWS": HOME}, **element}
    assert may_tag_sessions(Principal(arn=ROLE, trust=document(statement))) is tags
    assert not may_tag_sessions(Principal(arn=ROLE))


def about(principal, **elements):
    return document({"Effect": "Allow", "Principal": principal, "Action": "*", "Resource": "*", **elements})


def refused_to(principal):
    return document({"Effect": "Deny", "NotPrincipal": principal, "Action": "*", "Resource": "*"})


#: Every place where a policy names principals.
PLACES = {
    "a control policy of resources": lambda policy: {"rcps": ((policy,),)},
    "one of an account": lambda policy: {"accounts": {HOME: Account(rcps=((policy,),))}},
    "an endpoint": lambda policy: {"endpoints": {"vpce-1": Endpoint(service="sqs", vpc="vpc-1", policy=policy)}},
    "a resource": lambda policy: {"resource_policies": {HELD: policy}},
    "a trust policy": lambda policy: {"principals": {"app": Principal(arn=ROLE, trust=policy)}},
}
HIDDEN, PARTNER = f"arn:aws:iam::{HOME}:role/hidden", f"arn:aws:iam::{ABROAD}:user/partner"
SESSION = f"arn:aws:sts::{HOME}:assumed-role/hidden/first"
OIDC = f"arn:aws:iam::{HOME}:oidc-provider/token.example.com"
#: Who is named, who then asks, and the name to look for.
ASKING = {
    "a role that is not shown": ({"AWS": HIDDEN}, unnamed, HIDDEN),
    "a session of one": ({"AWS": SESSION}, unnamed, SESSION),
    "a user of another account": ({"AWS": PARTNER}, outsiders, PARTNER),
    "root of another account": ({"AWS": f"arn:aws:iam::{ABROAD}:root"}, outsiders, f"arn:aws:iam::{ABROAD}:root"),
    "another account": ({"AWS": ABROAD}, outsiders, f"arn:aws:iam::{ABROAD}:root"),
    "a service": ({"Service": "sns.amazonaws.com"}, service_principals, "sns.amazonaws.com"),
    "an identity provider": ({"Federated": OIDC}, providers, OIDC),
    "one by its name": ({"Federated": "www.amazon.com"}, providers, "www.amazon.com"),
}


def asked(estate, who):
    return {name for each in who(estate) for name in (each.caller.session or each.caller.arn,)}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", ASKING)
def test_whoever_a_policy_names_is_asked_about_wherever_it_stands(name, place):
    principal, who, arn = ASKING[name]
    home = {"accounts": {HOME: Account()}}
    assert arn in asked(Estate(**{**home, **PLACES[place](about(principal))}), who)
    assert arn in asked(Estate(**{**home, **PLACES[place](refused_to(principal))}), who)
    assert arn not in asked(Estate(**home), who)


def test_nobody_asks_twice_or_in_the_place_of_another():
    """Whom the estate shows is no stranger, and who is in one account is not asked about in another."""
    estate = Estate(
        principals={"app": Principal(arn=ROLE), "root": Principal(arn=f"arn:aws:iam::{HOME}:root")},
        resource_policies={HELD: about({"AWS": [ROLE, HIDDEN, PARTNER]})},
    )
    strangers = [each.caller.arn for each in unnamed(estate)]
    assert sorted(set(strangers)) == sorted(strangers)
    assert ROLE not in strangers
    assert PARTNER not in strangers
    assert f"arn:aws:iam::{HOME}:root" not in strangers
    assert not {arn for arn in asked(estate, outsiders) if f":{HOME}:" in arn}


def test_a_session_that_policies_name_is_asked_about_beside_its_role():
    first, ann = f"arn:aws:sts::{HOME}:assumed-role/app/first", f"arn:aws:sts::{HOME}:federated-user/ann"
    people = {"app": Principal(arn=ROLE), "ann": Principal(arn=f"arn:aws:iam::{HOME}:user/ann")}
    estate = Estate(principals=people, resource_policies={HELD: about({"AWS": [first, SESSION, ann]})})
    assert asked(estate, named) == {ROLE, first, people["ann"].arn, ann}
    assert {each.name for each in named(estate, ("ann",))} == {"ann", ann}


#: Keys, and who has them: a role, a service that calls for itself.
HOLDERS = {
    "aws:PrincipalServiceName": (False, True),
    "aws:PrincipalServiceNamesList": (False, True),
    "aws:PrincipalArn": (True, False),
    "aws:PrincipalAccount": (True, False),
    "aws:PrincipalType": (True, False),
    "aws:PrincipalIsAWSService": (True, True),
    "aws:username": (False, False),
}


@pytest.mark.parametrize("key", HOLDERS)
def test_who_has_a_key(key):
    """AWS global condition context keys, availability of each."""
    role_has, service_has = HOLDERS[key]
    has = {"Condition": {"Null": {key: "false"}}}
    role = app(allow("sqs:*", HELD, **has["Condition"]))
    verdict = prove(role, never(action="sqs:SendMessage", resources=(HELD,)))
    assert isinstance(verdict, Refuted if role_has else Proved), str(verdict)
    service = Estate(resource_policies={HELD: about({"Service": "sns.amazonaws.com"}, **has)})
    verdict = prove(service, never(action="sqs:SendMessage", resources=(HELD,), scope=SERVICES))
    assert isinstance(verdict, Refuted if service_has else Proved), str(verdict)


# ----- variables


@pytest.mark.parametrize("key", ["aws:MultiFactorAuthPresent", "aws:SecureTransport", "aws:ViaAWSService"])
@pytest.mark.parametrize(("team", "has"), [("true", True), ("maybe", False)])
def test_a_tag_equals_a_key_of_two_values_where_it_is_one_of_them(key, team, has):
    estate = app(allow("sqs:*", StringEquals={"aws:PrincipalTag/team": f"${{{key}}}"}), trust=anybody_tags())
    verdict = prove(estate, never(where("StringEquals", "aws:PrincipalTag/team", team), action="sqs:SendMessage"))
    assert isinstance(verdict, Refuted if has else Proved), str(verdict)


@pytest.mark.parametrize("operator", ["ArnEquals", "ArnLike", "StringLike"])
@pytest.mark.parametrize(
    ("pattern", "arn", "may_be"),
    [
        ("arn:aws:s3:::${aws:PrincipalTag/team}", "arn:aws:s3:::abc", True),
        ("arn:aws:s3:::*${aws:PrincipalTag/team}", "arn:aws:s3:::abc", True),
        ("arn:aws:s3:::?b${aws:PrincipalTag/team}", "arn:aws:s3:::abc", True),
        ("arn:aws:s3:::${aws:PrincipalTag/team}/x", "arn:aws:s3:::abc", False),
        ("arn:aws:sns:*:*:${aws:PrincipalTag/team}", "arn:aws:s3:::abc", False),
    ],
)
def test_a_tag_in_a_pattern_stands_for_any_text(operator, pattern, arn, may_be):
    estate = app(allow("sqs:*", **{operator: {"aws:SourceArn": pattern}}), trust=anybody_tags())
    verdict = prove(estate, never(where("StringEquals", "aws:SourceArn", arn), action="sqs:SendMessage"))
    assert isinstance(verdict, Refuted if may_be else Proved), str(verdict)


def test_a_variable_whose_values_cost_too_much_to_find_leaves_the_answer_open(monkeypatch):
    arn, pattern = "arn:aws:s3:::abc", "arn:aws:s3:::?b${aws:PrincipalTag/team}"
    estate = app(allow("sqs:*", ArnLike={"aws:SourceArn": pattern}), trust=anybody_tags())
    asked = never(where("StringEquals", "aws:SourceArn", arn), action="sqs:SendMessage")
    assert isinstance(prove(estate, asked), Refuted)
    monkeypatch.setattr(_searching, "_PER_VARIABLE", 1)
    verdict = prove(estate, asked)
    assert isinstance(verdict, Unknown)
    assert "aws:SourceArn" in verdict.reason


# ----- calls


def invoke(**context):
    return Call(
        principal="app", operation="InvokeModel", region="eu-west-1", model="amazon.nova-lite-v1:0", context=context
    )  # fmt: skip


@pytest.mark.parametrize(("team", "works"), [("search", True), ("chat", False), (None, True)])
def test_a_call_brings_the_tags_that_it_states(team, works):
    only = deny("bedrock:InvokeModel", StringNotEquals={"aws:PrincipalTag/team": "search"})
    estate = app(EVERYTHING, only, trust=anybody_tags())
    call = invoke(**({"aws:PrincipalTag/team": team} if team else {}))
    verdict = prove(estate, Works(name="works", calls=(call,)))
    assert isinstance(verdict, Proved if works else Refuted), str(verdict)


def test_a_call_may_need_one_key_and_the_absence_of_another():
    estate = app(
        EVERYTHING,
        deny("bedrock:InvokeModel", BoolIfExists={"aws:MultiFactorAuthPresent": "false"}),
        deny("bedrock:InvokeModel", Null={"aws:UserAgent": "false"}),
    )
    verdict = prove(estate, Works(name="works", calls=(invoke(),)))
    assert isinstance(verdict, Proved), str(verdict)
    (decision,) = verdict.examples
    assert {*decision.steps[0].request.context} == {"aws:MultiFactorAuthPresent", "aws:TokenIssueTime"}
    stated = prove(estate, Works(name="works", calls=(invoke(**{"aws:UserAgent": "x"}),)))
    assert isinstance(stated, Refuted), str(stated)


@pytest.mark.parametrize(("held", "works"), [((), True), (("a",), False)])
def test_a_call_brings_the_values_that_it_states(held, works):
    no_tags = deny("bedrock:InvokeModel", Null={"s3:list": "false"}, **{"ForAllValues:StringEquals": {"s3:list": "a"}})
    verdict = prove(app(EVERYTHING, no_tags), Works(name="works", calls=(invoke(**{"s3:list": held}),)))
    assert isinstance(verdict, Proved if works else Refuted), str(verdict)


def test_a_stranger_may_be_asked_about_by_what_is_not_his():
    verdict = prove(app(), never(where("Null", "aws:PrincipalTag/team", "false"), scope=Scope(unnamed=True)))
    assert isinstance(verdict, Refuted)
    assert isinstance(prove(app(), never(where("Null", "aws:PrincipalTag/team", "false"), scope=APP)), Proved)
