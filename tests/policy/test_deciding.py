"""Single points of deciding: who is meant by a name, whose a resource is, what stays open, and how texts match."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product

import pytest

from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy import Account, Call, Endpoint, Estate, Model, Principal, Request, evaluate, explain
from secure_bedrock.policy._arns import ArnPattern, fields_of
from secure_bedrock.policy._globs import matcher, parse
from secure_bedrock.policy.estate import asks_whose
from tests.policy.test_evaluation import ACCOUNT, EVERYTHING, MODEL, ROLE, SESSION, VPCE, deny, estate, policy, request

ODD = {"ForAnyValue:StringEqualsIfExists": {"aws:TagKeys": ["a"]}}
QUEUE = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:queue"
USER, OTHER = f"arn:aws:iam::{ACCOUNT}:user/ann", f"arn:aws:iam::{ACCOUNT}:user/bob"
FEDERATED = f"arn:aws:sts::{ACCOUNT}:federated-user/ann"
TOPIC = f"arn:aws:sns:eu-west-1:{ACCOUNT}:topic"
ORGANIZATION = "o-exampleorgid"
TOPIC_SERVICE = "sns.amazonaws.com"
#: The identity providers that a policy names by a name alone (AWS JSON policy elements: Principal, web identity).
PROVIDERS = ("accounts.google.com", "cognito-identity.amazonaws.com", "graph.facebook.com", "www.amazon.com")


def send(principal, **rest):
    return Request(principal=principal, action="sqs:SendMessage", resource=QUEUE, **rest)


def of_queue(principal, **elements):
    return policy({"Effect": "Allow", "Principal": principal, "Action": "sqs:*", "Resource": QUEUE, **elements})


# ----- who is meant


@pytest.mark.parametrize(("trusted", "asking"), [*product(PROVIDERS, PROVIDERS)])
def test_a_provider_is_known_by_its_name_and_is_no_other(trusted, asking):
    trust = policy({"Effect": "Allow", "Principal": {"Federated": trusted}, "Action": "sts:AssumeRoleWithWebIdentity"})
    world = Estate(principals={"app": Principal(arn=ROLE, trust=trust)})
    asked = Request(principal=asking, action="sts:AssumeRoleWithWebIdentity", resource=ROLE)
    assert evaluate(world, asked).allowed is (trusted == asking)


def test_a_provider_is_no_service_of_the_same_name():
    name = "cognito-identity.amazonaws.com"
    world = Estate(resource_policies={QUEUE: of_queue({"Service": name})})
    assert not evaluate(world, send(name)).allowed
    assert evaluate(
        Estate(resource_policies={QUEUE: of_queue({"Service": TOPIC_SERVICE})}), send(TOPIC_SERVICE)
    ).allowed


def test_a_federated_user_is_named_by_the_user_who_made_the_session_and_by_no_other():
    """IAM User Guide, permissions for GetFederationToken: a resource may name the user or the session."""
    for named, allowed in ((USER, True), (OTHER, False), (FEDERATED, True)):
        world = Estate(
            principals={"ann": Principal(arn=USER), "bob": Principal(arn=OTHER)},
            resource_policies={QUEUE: of_queue({"AWS": named})},
        )
        asked = send(FEDERATED, session_policies=(policy(EVERYTHING),))
        assert evaluate(world, asked).allowed is allowed, named


@pytest.mark.parametrize("path", ["aws-service-role/x/", "path/"])
def test_a_user_is_never_linked_to_a_service_whatever_its_path(path):
    user = f"arn:aws:iam::{ACCOUNT}:user/{path}ann"
    world = Estate(principals={"ann": Principal.administrator(user)}, scps=((policy(EVERYTHING, deny()),),))
    assert evaluate(world, request(principal="ann")).layer == "scp"


def test_an_account_that_is_named_grants_through_identity_policies_alone_even_with_its_role_in_a_condition():
    """`Principal: "*"` with aws:PrincipalArn names the role; an account with it delegates, as without it."""
    by_arn = {"Condition": {"ArnEquals": {"aws:PrincipalArn": ROLE}}}
    bare = Estate(principals={"app": Principal(arn=ROLE), "ann": Principal(arn=USER)})
    for principal, allowed in (("*", True), ({"AWS": ROLE}, True), ({"AWS": ACCOUNT}, False), ({"AWS": USER}, False)):
        world = replace(bare, resource_policies={QUEUE: of_queue(principal, **by_arn)})
        assert evaluate(world, send("app")).allowed is allowed, principal


def test_who_is_in_no_account_is_in_no_organisation():
    world = Estate(accounts={ACCOUNT: Account()}, organization_id=ORGANIZATION)
    assert not world.is_member(None)
    ours = {"Condition": {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}}}
    asked = replace(world, resource_policies={QUEUE: of_queue({"Service": TOPIC_SERVICE}, **ours)})
    assert not evaluate(asked, send(TOPIC_SERVICE)).allowed


def test_a_request_without_a_resource_is_about_none():
    asked = Request(principal="app", action="bedrock:ListFoundationModels")
    assert evaluate(estate(), asked).allowed
    assert not evaluate(estate({**EVERYTHING, "Resource": MODEL}), asked).allowed


# ----- which policies have a say


def test_a_decision_names_the_statement_of_the_resource_that_let_it_through():
    world = Estate(principals={"app": Principal(arn=ROLE)}, resource_policies={QUEUE: of_queue({"AWS": ROLE}, Sid="Q")})
    decision = evaluate(world, send("app"))
    assert decision.allowed
    assert decision.statement
    assert decision.statement.sid == "Q"


def test_a_service_may_nothing_that_no_policy_grants_it():
    """Root may do what its account owns; a service has no policies of its own and owns nothing."""
    for resource, action in ((MODEL, "bedrock:InvokeModel"), (QUEUE, "sqs:SendMessage")):
        asked = Request(principal=TOPIC_SERVICE, action=action, resource=resource)
        assert not evaluate(estate(), asked).allowed
        assert evaluate(estate(), replace(asked, principal=f"arn:aws:iam::{ACCOUNT}:root")).allowed


@pytest.mark.parametrize("kind", ["Service", "Federated"])
def test_a_star_names_principals_of_aws_alone(kind):
    with pytest.raises(InvalidInput, match="Principal"):
        evaluate(Estate(resource_policies={QUEUE: of_queue({kind: "*"})}), send(TOPIC_SERVICE))


def test_a_resource_control_policy_reaches_the_services_that_take_one_and_no_other():
    """AWS Organizations User Guide, list of AWS services that support RCPs: SQS is on it, SNS is not."""
    nothing = policy({**deny(), "Principal": "*"})
    world = estate(rcps=((nothing,),))
    assert evaluate(world, send("app")).layer == "rcp"
    assert evaluate(world, Request(principal="app", action="sns:Publish", resource=TOPIC)).allowed


# ----- whose a resource is

#: Conditions that ask it, and some that do not.
WHOSE = {
    "the account": ({"StringEquals": {"aws:ResourceAccount": ACCOUNT}}, True),
    "the account, in capitals": ({"StringEquals": {"AWS:RESOURCEACCOUNT": ACCOUNT}}, True),
    "the organisation": ({"StringEquals": {"aws:ResourceOrgID": ORGANIZATION}}, True),
    "its paths": ({"ForAnyValue:StringLike": {"aws:ResourceOrgPaths": "o-exampleorgid/*"}}, True),
    "the account, by a variable": ({"StringEquals": {"aws:PrincipalAccount": "${aws:ResourceAccount}"}}, True),
    "the organisation, by a variable": ({"StringEquals": {"aws:PrincipalOrgID": "${AWS:ResourceOrgID}"}}, True),
    "whose the caller is": ({"StringEquals": {"aws:PrincipalAccount": "${aws:PrincipalOrgID}"}}, False),
    "a text that names the key": ({"StringEquals": {"aws:UserAgent": "aws:ResourceAccount"}}, False),
    "a tag": ({"StringEquals": {"aws:ResourceTag/team": "a"}}, False),
}


@pytest.mark.parametrize("name", WHOSE)
def test_a_condition_asks_whose_a_resource_is(name):
    condition, asks = WHOSE[name]
    assert asks_whose([policy({**EVERYTHING, "Condition": condition})]) is asks


ASKS = policy(deny(Condition=WHOSE["the account"][0]))
BY_ANYBODY = policy({**deny(Condition=WHOSE["the account"][0]), "Principal": "*"})
#: Every place of an estate where a policy can stand.
PLACES = {
    "a control policy": {"scps": ((ASKS,),)},
    "a resource control policy": {"rcps": ((BY_ANYBODY,),)},
    "a control policy of an account": {"accounts": {ACCOUNT: Account(scps=((ASKS,),))}},
    "a resource control policy of an account": {"accounts": {ACCOUNT: Account(rcps=((BY_ANYBODY,),))}},
    "a role": {"principals": {"app": Principal(arn=ROLE, identity=(ASKS,))}},
    "a boundary": {"principals": {"app": Principal(arn=ROLE, boundary=ASKS)}},
    "a trust policy": {"principals": {"app": Principal(arn=ROLE, trust=ASKS)}},
    "an endpoint": {"endpoints": {VPCE: Endpoint(service="bedrock-runtime", vpc="vpc-1", policy=BY_ANYBODY)}},
    "a resource": {"resource_policies": {QUEUE: BY_ANYBODY}},
}


@pytest.mark.parametrize("place", PLACES)
def test_an_estate_asks_whose_a_resource_is_wherever_the_policy_stands(place):
    assert Estate(**PLACES[place]).asks_whose
    assert not Estate(principals={"app": Principal.administrator(ROLE)}).asks_whose


def test_a_resource_is_of_the_organisation_where_its_account_is():
    """aws:ResourceOrgID is that of the owner's organisation (AWS global condition context keys)."""
    abroad = QUEUE.replace(ACCOUNT, "444455556666")
    for member in (True, False):
        world = estate(accounts={"444455556666": Account(member=member)}, organization_id=ORGANIZATION)
        asked = Request(principal="app", action="sqs:SendMessage", resource=abroad)
        assert evaluate(world, asked).context.get("aws:resourceorgid") == (ORGANIZATION if member else None)


def test_a_key_policy_that_is_not_shown_is_taken_to_leave_the_decision_to_iam():
    key = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
    decrypting = Request(principal="app", action="kms:Decrypt", resource=key)
    told = (f"the key policy of {key} is not in the estate; it is taken to leave the decision to IAM",)
    assert evaluate(estate(), decrypting).assumptions == told
    shown = policy({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "kms:*", "Resource": "*"})
    assert evaluate(estate(resource_policies={key: shown}), decrypting).assumptions == ()
    assert evaluate(estate(), Request(principal="app", action="kms:ListKeys")).assumptions == ()


# ----- what stays open


@pytest.mark.parametrize(
    "statements",
    [
        [deny(Condition=ODD)],
        [deny(Condition=ODD), {**EVERYTHING, "Condition": {"Bool": {"aws:ViaAWSService": "true"}}}],
        [{**EVERYTHING, "Condition": ODD}, deny()],
    ],
    ids=["a Deny alone", "a Deny beside an Allow that does not apply", "an Allow that is denied"],
)
def test_nothing_is_open_where_no_reading_allows(statements):
    decision = evaluate(estate(*statements), request())
    assert not decision.allowed
    assert decision.disputed == ()


@pytest.mark.parametrize("field", [1, 2, 3, 4])
def test_a_variable_before_the_resource_of_an_arn_is_not_settled(field):
    """IAM User Guide, policy variables: they stand in the resource of an ARN, after the fifth colon."""
    values = {"aws:PrincipalTag/x": QUEUE.split(":")[field]}
    fields = QUEUE.split(":")
    fields[field] = "${aws:PrincipalTag/x}"
    decision = evaluate(estate({**EVERYTHING, "Sid": "Odd", "Resource": ":".join(fields)}), send("app", context=values))
    assert not decision.allowed
    assert decision.disputed == ("Odd: how AWS reads its Resource here",)


def test_a_variable_in_the_resource_of_an_arn_is_read():
    tagged = {**EVERYTHING, "Resource": QUEUE.replace("queue", "${aws:PrincipalTag/x}")}
    assert evaluate(estate(tagged), send("app", context={"aws:PrincipalTag/x": "queue"})).allowed
    assert not evaluate(estate(tagged), send("app", context={"aws:PrincipalTag/x": "other"})).allowed


def test_a_call_is_not_open_where_one_of_its_authorisations_is_surely_denied():
    world = estate(
        {**EVERYTHING, "Action": ["bedrock:InvokeModel", "bedrock:CallWithBearerToken"], "Condition": ODD},
        deny(Action="bedrock:CallWithBearerToken"),
    )
    asked = Call(principal="app", operation="InvokeModel", model="amazon.nova-lite-v1:0", region="eu-west-1")
    assert evaluate(world, asked).disputed
    assert evaluate(world, replace(asked, credentials="short_term_key")).disputed == ()


def test_one_empty_text_among_all_values_is_not_settled_and_another_text_is():
    """AWS counts an empty text as no value; requests that were observed did not."""
    asked = {"ForAllValues:StringEquals": {"aws:TagKeys": ["a"]}}
    for value, disputed in ((("",), True), (("b",), False), (("a", ""), False)):
        world = estate({**EVERYTHING, "Condition": asked})
        decision = evaluate(world, request(context={"aws:TagKeys": value}))
        assert (decision.allowed, bool(decision.disputed)) == (False, disputed), value
    any_text = {**EVERYTHING, "Condition": {"ForAllValues:StringLike": {"aws:TagKeys": ["*"]}}}
    assert evaluate(estate(any_text), request(context={"aws:TagKeys": ("",)})).allowed


# ----- calls

SECOND = f"arn:aws:iam::{ACCOUNT}:role/second"
BY_APP = policy({"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "sts:AssumeRole"})
BY_SECOND = policy({"Effect": "Allow", "Principal": {"AWS": SECOND}, "Action": "sts:AssumeRole"})
THIRD = f"arn:aws:iam::{ACCOUNT}:role/third"
LITE = "amazon.nova-lite-v1:0"


def invoke(**rest):
    return Call(**{"principal": "app", "operation": "InvokeModel", "model": LITE, "region": "eu-west-1", **rest})


def roles(*statements, **rest):
    """The app, a role that it may assume, and one that this may assume; all may do everything but for statements."""
    own = (policy(EVERYTHING, *statements),)
    return Estate(
        principals={
            "app": Principal(arn=ROLE, identity=own),
            "second": Principal(arn=SECOND, identity=own, trust=BY_APP),
            "third": Principal(arn=THIRD, identity=own, trust=BY_SECOND),
        },
        **rest,
    )


def carried(world, call):
    """The keys that each authorisation of a call states, by action."""
    return [(step.request.action, sorted(step.request.context)) for step in evaluate(world, call).steps]


STATED = {
    "aws:SourceIp": "192.0.2.1", "aws:UserAgent": "x", "aws:MultiFactorAuthPresent": "true",
    "bedrock:ServiceTier": "flex", "bedrock:NoSuchKey": "x",
}  # fmt: skip


def test_what_a_call_states_is_on_the_authorisations_that_carry_it():
    """MFA and the like are of who signed in; a role change is made from an address, never through the endpoint."""
    invoking = "bedrock:InvokeModel"
    role_change = (
        "sts:AssumeRole",
        ["aws:MultiFactorAuthPresent", "aws:RequestedRegion", "aws:SourceIp", "aws:UserAgent"],
    )
    later_change = ("sts:AssumeRole", ["aws:RequestedRegion", "aws:SourceIp", "aws:UserAgent"])
    changes, via = [role_change, later_change], ("second", "third")
    assert carried(roles(), invoke(context=STATED)) == [(invoking, sorted(STATED.keys() - {"bedrock:NoSuchKey"}))]
    assert carried(roles(), invoke(context=STATED, via=via)) == [
        *changes, (invoking, ["aws:SourceIp", "aws:UserAgent", "bedrock:ServiceTier"]),
    ]  # fmt: skip
    assert carried(roles(), invoke(context=STATED, via=via, endpoint=VPCE)) == [
        *changes, (invoking, ["aws:UserAgent", "bedrock:ServiceTier"]),
    ]  # fmt: skip
    with pytest.raises(InvalidInput, match="aws:SourceIp"):
        evaluate(roles(), invoke(context=STATED, endpoint=VPCE))


@pytest.mark.parametrize("key", ["aws:SourceVpc", "aws:SourceVpcArn", "aws:VpcSourceIp", "aws:VpceAccount"])
def test_the_network_that_a_call_states_is_that_of_its_endpoint(key):
    """Whether the models behind a profile carry it is not settled: each is asked about with it and without."""
    world = roles(deny(Resource="arn:aws:bedrock:*::foundation-model/*", Condition={"Null": {key: "true"}}))
    decision = evaluate(world, invoke(model=f"eu.{LITE}", endpoint=VPCE, context={key: "10.0.0.1"}))
    assert not decision.allowed
    assert decision.disputed == ("whether the models behind a profile or a service carry the network",)


@pytest.mark.parametrize("key", ["aws:ResourceAccount", "aws:ResourceOrgID", "aws:ResourceOrgPaths"])
def test_whether_a_request_says_that_a_model_is_the_services_is_not_settled(key):
    lacks = roles(deny(Action="bedrock:*", Condition={"Null": {key: "true"}}))
    has = roles(deny(Action="bedrock:*", Condition={"Null": {key: "false"}}))
    for world in (lacks, has):
        decision = evaluate(world, invoke())
        assert not decision.allowed
        assert decision.disputed == ("whether a request says that a foundation model is the service's",)


def test_whose_a_profile_is_follows_from_its_arn():
    """Of a profile the account is in the ARN: nothing about it is open."""
    ours = roles(deny(Resource=f"arn:aws:bedrock:*:{ACCOUNT}:*", Condition={"StringNotEquals": {
        "aws:ResourceAccount": ACCOUNT}}))  # fmt: skip
    steps = evaluate(ours, invoke(model=f"eu.{LITE}")).steps
    assert steps[0].request.resource.split(":")[5].startswith("inference-profile/")
    assert steps[0].allowed


def test_a_profile_whose_destinations_are_not_known_is_asked_about_in_its_own_region():
    decision = evaluate(roles(), invoke(model="eu.amazon.not-known-yet-v1:0"))
    assert {step.request.resource.split(":")[3] for step in decision.steps} == {"eu-west-1"}


def test_a_copied_profile_that_is_denied_leaves_the_call_open():
    """AWS does not say whether the profile behind an application's own is authorised as well."""
    own = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:application-inference-profile/abcdefghijkl"
    copied = "arn:aws:bedrock:*:*:inference-profile/*"
    model = Model.application_profile(own, serves=[f"eu.{LITE}"])
    decision = evaluate(roles(deny(Resource=copied)), invoke(model=model))
    assert not decision.allowed
    assert "whether the copied profile is authorised" in "; ".join(decision.disputed)


def test_a_call_goes_through_an_endpoint_of_its_own_service():
    asked = Call(principal="app", operation="CreateInference", model="x", region="eu-west-1", endpoint=VPCE)
    for service, fits in (("bedrock-mantle", True), ("bedrock-runtime", False)):
        world = estate(endpoints={VPCE: Endpoint(service=service, vpc="vpc-1")})
        if fits:
            assert evaluate(world, asked).allowed
        else:
            with pytest.raises(InvalidInput, match="endpoint"):
                evaluate(world, asked)


def test_a_session_is_known_by_its_role():
    named = Estate(principals={"app": Principal(arn=ROLE)}, resource_policies={QUEUE: of_queue({"AWS": ROLE})})
    assert evaluate(named, send(SESSION)).allowed


def test_a_call_of_one_authorisation_is_explained_as_that_request():
    assert explain(roles(), invoke()).lines[0] == f"allowed: app bedrock:InvokeModel {MODEL}"


# ----- requests and texts


@pytest.mark.parametrize("given", [{"resource": "model"}, {"action": "bedrock"}, {"action": ":x"}, {"action": "a:*"}])
def test_a_request_that_cannot_be_made_is_refused_when_it_is_written(given):
    with pytest.raises(InvalidInput, match=next(iter(given))):
        Request(**{"principal": "app", "action": "bedrock:InvokeModel", **given})


def test_bool_takes_a_variable():
    """IAM User Guide, policy variables: in the Condition element, with String, ARN and Bool operators."""
    equal = {"Bool": {"aws:SecureTransport": "${aws:PrincipalTag/x}"}}
    for value, allowed in (("true", True), ("TRUE", True), ("false", False)):
        asked = request(context={"aws:PrincipalTag/x": value})
        assert evaluate(estate({**EVERYTHING, "Condition": equal}), asked).allowed is allowed
    assert not evaluate(estate({**EVERYTHING, "Condition": equal}), request()).allowed


@pytest.mark.parametrize("operator", ["StringEquals", "StringEqualsIgnoreCase"])
@pytest.mark.parametrize(("text", "equal"), [("a*", True), ("ab", False)])
def test_a_star_is_a_letter_to_who_asks_for_equality(operator, text, equal):
    statement = {**EVERYTHING, "Condition": {operator: {"aws:UserAgent": "a*"}}}
    assert evaluate(estate(statement), request(context={"aws:UserAgent": text})).allowed is equal


@pytest.mark.parametrize(("count", "ending"), [(4, "d: the key is absent"), (5, "d and 1 more: the key is absent")])
def test_an_explanation_names_the_first_values(count, ending):
    statement = {**EVERYTHING, "Condition": {"StringEquals": {"aws:UserAgent": list("abcde"[:count])}}}
    assert str(explain(estate(statement), request())).endswith(ending)


@pytest.mark.parametrize("text", ["2026-05-01T12:30:00+12:30", "2026-04-30T14:00:00-10:00", "1777593600"])
def test_a_moment_may_be_written_in_any_zone(text):
    same = {"DateEquals": {"aws:CurrentTime": text}}
    asked = request(context={"aws:CurrentTime": "2026-05-01T00:00:00Z"})
    assert evaluate(estate({**EVERYTHING, "Condition": same}), asked).allowed


def read_by_hand(pattern: str) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern), re.DOTALL)


def test_patterns_match_what_a_regular_expression_of_the_same_form_matches():
    texts = ["".join(each) for size in range(5) for each in product("ab", repeat=size)]
    for size in range(6):
        for pattern in map("".join, product("ab*?", repeat=size)):
            here, there = matcher(parse(pattern, variables=False)), read_by_hand(pattern)
            assert [each for each in texts if here(each)] == [each for each in texts if there.fullmatch(each)], pattern


@pytest.mark.parametrize("text", ["", "arn", "arn:aws:s3::", "x:aws:s3:::b", "ARN:aws:s3:::b"])
def test_what_is_no_arn_has_no_fields(text):
    assert fields_of(text) is None


def test_an_arn_has_six_fields_and_the_last_keeps_its_colons():
    assert fields_of("arn:aws:s3:::a:b:c") == ("arn", "aws", "s3", "", "", "a:b:c")
    pattern = ArnPattern(parse("arn:aws:s3:::a:*:c", variables=False))
    assert pattern.matches(("arn", "aws", "s3", "", "", "a:b:c"), {})
    assert not pattern.matches(("arn", "aws", "s3", "", "b", "a:b:c"), {})
