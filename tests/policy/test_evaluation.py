"""What a decision holds beside its answer: context, explanation, assumptions, errors, and what it costs."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import FrozenInstanceError

import pytest

from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy import Call, Endpoint, Estate, Layer, Model, Policy, Principal, Request, evaluate, explain

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/app"
MODEL = "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0"
USER = f"arn:aws:iam::{ACCOUNT}:user/ann"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/app/build"
VPCE = "vpce-0123456789abcdef0"
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def policy(*statements, **elements):
    return Policy.from_plain({"Version": "2012-10-17", "Statement": list(statements), **elements}, name="document")


def estate(*statements, **rest):
    return Estate(principals={"app": Principal(arn=ROLE, identity=(policy(*(statements or [EVERYTHING])),))}, **rest)


def request(**rest):
    return Request(**{"principal": "app", "action": "bedrock:InvokeModel", "resource": MODEL, **rest})


def deny(**elements):
    return {"Sid": "No", "Effect": "Deny", "Action": "*", "Resource": "*", **elements}


def test_a_denial_names_its_layer_and_statement():
    decision = evaluate(estate(EVERYTHING, deny()), request())
    assert (decision.allowed, decision.layer, decision.is_explicit) == (False, "identity", True)
    assert decision.statement
    assert decision.statement.sid == "No"


def test_an_allow_names_the_statement_that_let_it_through():
    decision = evaluate(estate({"Sid": "Yes", **EVERYTHING}), request())
    assert decision.statement
    assert (decision.layer, decision.statement.sid) == (None, "Yes")


def test_a_statement_keeps_where_it_was_written():
    document = Policy.from_plain({"Statement": deny()}, source="Stack.template.json#/Resources/Role")
    decision = evaluate(Estate(principals={"app": Principal(arn=ROLE, identity=(document,))}), request())
    assert decision.statement
    assert decision.statement.source == "Stack.template.json#/Resources/Role"


def test_an_explanation_says_which_condition_failed_on_which_value():
    allow = {"Sid": "Yes", **EVERYTHING, "Condition": {"StringEquals": {"aws:SourceVpce": [VPCE]}}}
    text = str(explain(estate(allow), request()))
    assert text.splitlines() == [
        f"denied for want of an allow in the identity-based policy: app bedrock:InvokeModel {MODEL}",
        "  identity-based policy: does not allow",
        f"    Allow Yes does not apply: StringEquals aws:SourceVpce {VPCE}: the key is absent",
    ]


def test_an_explanation_goes_through_every_layer():
    limits = {
        "scps": ((policy(EVERYTHING),), (policy({"Effect": "Allow", "Action": "s3:*", "Resource": "*"}),)),
        "endpoints": {VPCE: Endpoint(service="bedrock-runtime", vpc="vpc-1", policy=None)},
    }
    lines = explain(estate(EVERYTHING, deny(NotResource=MODEL, Resource=None)), request(endpoint=VPCE)).lines
    assert any("NotResource leaves out" in line for line in lines)
    lines = explain(estate(**limits), request(endpoint=VPCE)).lines
    assert lines[0].startswith("denied for want of an allow in the service control policy")
    assert "  service control policy level 1 of 2: allows" in lines
    assert "    no statement is about bedrock:InvokeModel" in lines


def test_an_explanation_of_a_call_has_each_authorisation():
    call = Call(principal="app", operation="Converse", model="eu.amazon.nova-lite-v1:0", region="eu-west-1")
    explanation = explain(estate(), call)
    assert explanation.lines[0] == f"allowed: {len(explanation.decision.steps)} authorisations"
    resources = [step.request.resource for step in explanation.decision.steps]
    assert resources[0] == f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:inference-profile/eu.amazon.nova-lite-v1:0"
    assert MODEL in resources


def test_an_explanation_of_two_authorisations_has_both_and_says_where_a_statement_stands():
    held = Policy.from_plain({"Statement": {**EVERYTHING, "Sid": "Yes"}}, source="Stack.template.json#/Resources/Role")
    call = Call(
        principal="app", operation="Converse", model="amazon.nova-lite-v1:0", region="eu-west-1",
        credentials="short_term_key",
    )  # fmt: skip
    lines = explain(Estate(principals={"app": Principal(arn=ROLE, identity=(held,))}), call).lines
    assert lines[0] == "allowed: 2 authorisations"
    assert sum(line.strip() == "Allow Yes [Stack.template.json#/Resources/Role] applies" for line in lines) == 2


def test_a_missing_resource_policy_is_said():
    partner = Principal.administrator("arn:aws:iam::444455556666:role/partner")
    queue = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:queue"
    asked = Request(principal="partner", action="sqs:SendMessage", resource=queue)
    text = str(explain(Estate(principals={"partner": partner}), asked))
    assert "resource-based policy: there is none, and the request needs one that allows it" in text


def test_what_the_estate_does_not_hold_is_an_assumption():
    decision = evaluate(estate(), request(endpoint="vpce-unknown"))
    assert decision.allowed
    assert decision.assumptions == (
        "the endpoint vpce-unknown is not in the estate; it is taken to have no policy, so full access",
    )
    role = f"arn:aws:iam::{ACCOUNT}:role/unknown"
    decision = evaluate(estate(), request(action="sts:AssumeRole", resource=role))
    assert not decision.allowed
    assert decision.assumptions == (f"the trust policy of {role} is not in the estate; it is taken to trust nobody",)


def test_what_aws_does_not_settle_is_denied_and_said():
    condition = {"ForAnyValue:StringEqualsIfExists": {"aws:TagKeys": ["a"]}}
    decision = evaluate(estate({**EVERYTHING, "Sid": "Odd", "Condition": condition}), request())
    assert not decision.allowed
    assert decision.disputed == ("Odd: ForAnyValue:StringEqualsIfExists on aws:TagKeys",)


def test_what_aws_does_not_settle_is_not_said_where_it_changes_nothing():
    odd = {**EVERYTHING, "Condition": {"ForAnyValue:StringEqualsIfExists": {"aws:TagKeys": ["a"]}}}
    assert evaluate(estate(odd, EVERYTHING), request()).disputed == ()
    assert evaluate(estate(odd, deny()), request()).disputed == ()


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"context": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/other"}}, "context aws:PrincipalArn"),
        ({"context": {"aws:requestedREGION": "us-east-1"}}, "context aws:requestedREGION: got 'us-east-1'"),
        ({"context": {"aws:VpceOrgID": "o-1"}}, "context aws:vpceorgid: a request without an endpoint"),
        ({"context": {"aws:SourceVpce": VPCE}}, "a request without an endpoint has no such key"),
        (
            {"context": {"aws:SourceVpcArn": "arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-1"}},
            "aws:sourcevpcarn: a request",
        ),
        ({"context": {"aws:VpceAccount": ACCOUNT}}, "aws:vpceaccount: a request without an endpoint"),
        ({"context": {"aws:VpceOrgPaths": ["o-1/r-1/"]}}, "aws:vpceorgpaths: a request without an endpoint"),
        ({"context": {"aws:VpcSourceIp": "10.0.0.1"}}, "aws:vpcsourceip: a request without an endpoint"),
        ({"context": {"aws:SourceIp": "203.0.113.7"}, "endpoint": VPCE}, "aws:SourceIp"),
        ({"principal": "nobody"}, "principal: got 'nobody'"),
        ({"principal": f"arn:aws:iam::{ACCOUNT}:role/other"}, "Principal.administrator"),
        ({"principal": f"arn:aws:sts::{ACCOUNT}:assumed-role/other/x"}, "a principal whose policies the estate holds"),
        ({"action": "bedrock:*"}, "action: got 'bedrock:\\*'"),
        ({"action": "InvokeModel"}, "action: got 'InvokeModel'"),
        ({"action": "bedrock:"}, "action: got 'bedrock:'"),
        ({"action": ":InvokeModel"}, "action: got ':InvokeModel'"),
        ({"resource": "foundation-model/x"}, "resource"),
        ({"resource": "arn:aws:bedrock"}, "resource"),
    ],
)
def test_a_request_that_contradicts_itself_is_refused(asked, named):
    with pytest.raises(InvalidInput, match=named):
        evaluate(estate(), request(**asked))


def test_a_user_has_the_tags_it_has_and_a_session_those_it_was_given():
    user = Principal(arn=f"arn:aws:iam::{ACCOUNT}:user/alice", identity=(policy(EVERYTHING),), tags=(("team", "a"),))
    everybody = Estate(principals={"alice": user, "app": Principal(arn=ROLE, tags=(("team", "a"),))})
    with pytest.raises(InvalidInput, match="context aws:PrincipalTag/team: got 'b'; allowed is 'a'"):
        evaluate(everybody, request(principal="alice", context={"aws:PrincipalTag/team": "b"}))
    assert evaluate(everybody, request(context={"aws:PrincipalTag/team": "b"})).context["aws:principaltag/team"] == "b"


def test_a_truth_value_of_a_request_is_a_text():
    assert request(context={"aws:SecureTransport": False}).context == {"aws:SecureTransport": "false"}
    assert request(context={"a:b": [True, 1]}).context == {"a:b": ("true", "1")}


def test_an_administrator_is_told_from_a_document_of_the_estate():
    decision = evaluate(Estate(principals={"app": Principal.administrator(ROLE)}), request())
    assert decision.statement
    assert (decision.statement.sid, decision.allowed) == ("Everything", True)


def test_a_user_has_no_session_policy():
    user = f"arn:aws:iam::{ACCOUNT}:user/alice"
    everybody = Estate(principals={"alice": Principal.administrator(user)})
    with pytest.raises(InvalidInput, match="session_policies"):
        evaluate(everybody, request(principal="alice", session_policies=(policy(EVERYTHING),)))


@pytest.mark.parametrize(
    ("call", "named"),
    [
        ({"operation": "converse"}, "did you mean 'Converse'"),
        ({"operation": "Converse", "model": None}, "model: got nothing"),
        ({"operation": "InvokeAgent"}, "resource: got nothing"),
        ({"operation": "ApplyGuardrail"}, "guardrail: got nothing"),
        ({"operation": "InvokeAgent", "credentials": "short_term_key"}, "takes no API key"),
        ({"operation": "RetrieveAndGenerate", "guardrail": "arn:x"}, "RetrieveAndGenerate cannot name one"),
        ({"credentials": "long_term_key"}, "a key of an IAM user"),
        ({"endpoint": VPCE}, "vpce-0123456789abcdef0 of bedrock-mantle"),
        ({"region": "cn-north-1"}, "region"),
        ({"principal": "lambda.amazonaws.com"}, "a role, a user or root"),
    ],
)
def test_a_call_that_cannot_be_made_is_refused(call, named):
    made = {
        "principal": "app",
        "operation": "Converse",
        "model": "amazon.nova-lite-v1:0",
        "region": "eu-west-1",
        **call,
    }
    endpoints = {VPCE: Endpoint(service="bedrock-mantle", vpc="vpc-1")}
    with pytest.raises(InvalidInput, match=named):
        evaluate(estate(endpoints=endpoints), Call(**made))


def test_an_application_profile_may_be_named_either_way():
    """Which ARN the key then holds AWS does not say: tied to both it is allowed, tied to one it is disputed."""
    arn = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:application-inference-profile/abcdefghijkl"
    system = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:inference-profile/eu.amazon.nova-lite-v1:0"
    model = Model.application_profile(arn, serves=["eu.amazon.nova-lite-v1:0"])
    call = Call(principal="app", operation="Converse", model=model, region="eu-west-1")
    foundation = "arn:aws:bedrock:*::foundation-model/*"

    def tied_to(*profiles):
        rest = deny(Resource=foundation, Condition={"ArnNotEquals": {"bedrock:InferenceProfileArn": list(profiles)}})
        return evaluate(estate(EVERYTHING, rest), call)

    assert tied_to(arn, system).allowed
    decision = tied_to(arn)
    assert not decision.allowed
    assert any("which profile the key names" in note for note in decision.disputed)
    assert tied_to("arn:aws:bedrock:*:*:x").disputed == ()


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ([], "document: got \\[\\]"),
        ({"Statements": []}, "document: got \\['Statements'\\]"),
        ({"Version": "2012-10-17"}, "no Statement"),
        ({"Version": "2012-10-18", "Statement": []}, "document: Version: got '2012-10-18'"),
        ({"Statement": ["x"]}, "document: Statement\\[0\\]: statement: got 'x'"),
        ({"Statement": [EVERYTHING, {**EVERYTHING, "Effect": "allow"}]}, "Statement\\[1\\]: Effect: got 'allow'"),
        ({"Statement": [{**EVERYTHING, "Action": {"a": 1}}]}, "Statement\\[0\\]"),
        ({"Statement": [{**EVERYTHING, "Condition": []}]}, None),
        ({"Statement": [{**EVERYTHING, "Condition": ["x"]}]}, "Statement\\[0\\]: Condition"),
        ({"Statement": [{**EVERYTHING, "Condition": {"StringEquals": "x"}}]}, "Condition.StringEquals: got 'x'"),
        ({"Statement": [{**EVERYTHING, "Principal": 3}]}, "Statement\\[0\\]: principal: got 3"),
    ],
)
def test_a_malformed_document_is_refused_with_the_path(document, path):
    if path is None:
        assert Policy.from_plain(document, name="document")
        return
    with pytest.raises(InvalidInput, match=path):
        Policy.from_plain(document, name="document")


@pytest.mark.parametrize(
    ("elements", "named"),
    [
        ({"Action": "bedrock*:InvokeModel"}, "Action: got 'bedrock\\*:invokemodel'"),
        ({"Action": "InvokeModel"}, "Action"),
        ({"Resource": "foundation-model/*"}, "Resource: got 'foundation-model/\\*'"),
        ({"Principal": "*"}, "Principal: none is allowed here"),
        ({"Resource": None}, "Resource: a statement here needs one"),
        ({"Condition": {"StringEqual": {"a:b": "x"}}}, "did you mean 'StringEquals'"),
        ({"Condition": {"stringequals": {"a:b": "x"}}}, "in its exact case"),
        ({"Condition": {"NullIfExists": {"a:b": "true"}}}, "IfExists cannot be added to Null"),
        ({"Condition": {"Null": {"a:b": "yes"}}}, "true or false"),
        ({"Condition": {"Bool": {"a:b": "yes"}}}, "true or false"),
        ({"Condition": {"NumericEquals": {"a:b": "many"}}}, "a number"),
        ({"Condition": {"DateEquals": {"a:b": "yesterday"}}}, "a date"),
        ({"Condition": {"DateEquals": {"a:b": "2026-13-01"}}}, "a date"),
        ({"Condition": {"IpAddress": {"a:b": "203.0.113.0/33"}}}, "an IP address or a CIDR range"),
        ({"Condition": {"IpAddress": {"a:b": "2001:db8::1/64"}}}, "an IP address or a CIDR range"),
        ({"Condition": {"BinaryEquals": {"a:b": "not base 64"}}}, "base 64"),
    ],
)
def test_what_iam_would_refuse_is_an_error_with_the_path(elements, named):
    with pytest.raises(InvalidInput, match=f"document: Statement\\[1\\] \\(No\\): .*{named}"):
        evaluate(estate(EVERYTHING, deny(**elements)), request())


def test_not_principal_stands_with_deny_only():
    queue = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:queue"
    document = policy({"Effect": "Allow", "NotPrincipal": {"AWS": ROLE}, "Action": "sqs:*", "Resource": "*"})
    asked = Request(principal="app", action="sqs:SendMessage", resource=queue)
    with pytest.raises(InvalidInput, match="Statement\\[0\\]: NotPrincipal: AWS supports it with Deny only"):
        evaluate(estate(resource_policies={queue: document}), asked)


def test_a_resource_whose_owner_is_not_known_is_an_assumption():
    asked = Request(principal="app", action="s3:GetObject", resource="arn:aws:s3:::reports/a")
    assert any("aws:ResourceAccount" in note for note in evaluate(estate(), asked).assumptions)
    stated = Request(
        principal="app",
        action="s3:GetObject",
        resource="arn:aws:s3:::reports/a",
        context={"aws:ResourceAccount": ACCOUNT},
    )
    assert evaluate(estate(), stated).assumptions == ()


def test_a_principal_is_a_whole_name():
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/*"}, "Action": "sts:AssumeRole"}
    role = f"arn:aws:iam::{ACCOUNT}:role/target"
    target = Principal(arn=role, trust=policy(trust))
    everybody = Estate(principals={"app": Principal.administrator(ROLE), "target": target})
    with pytest.raises(InvalidInput, match="Principal: got"):
        evaluate(everybody, request(action="sts:AssumeRole", resource=role))


HOSTILE = {
    "stars": {"Resource": "arn:aws:bedrock:*::foundation-model/" + "*a" * 300_000},
    "question marks": {"Resource": "arn:aws:bedrock:*::foundation-model/*" + "?" * 500_000 + "*b"},
    "characters": {"Condition": {"StringLike": {"aws:UserAgent": "${*}" * 200_000}}},
    "open variables": {"Condition": {"StringLike": {"aws:UserAgent": "${a" * 300_000}}},
    "defaults": {"Condition": {"StringLike": {"aws:UserAgent": "${a" + ", '" * 300_000 + "}"}}},
    "actions": {"Action": [f"bedrock:*{index}*" for index in range(40_000)]},
    "conditions": {"Condition": {"StringLike": {f"aws:PrincipalTag/{index}": "*x*" for index in range(20_000)}}},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_policy_of_a_megabyte_does_not_hang(name):
    """Each of these takes minutes where wildcards backtrack, or texts are copied a character at a time."""
    agent = "a" * 100_000
    start = time.process_time()
    evaluate(estate(EVERYTHING, deny(**HOSTILE[name])), request(context={"aws:UserAgent": agent}))
    assert time.process_time() - start < 5


def test_a_number_of_a_thousand_digits_is_no_number():
    condition = {"NumericEquals": {"aws:MultiFactorAuthAge": "1"}}
    assert not evaluate(
        estate({**EVERYTHING, "Condition": condition}), request(context={"aws:MultiFactorAuthAge": "1" * 5000})
    ).allowed


def test_a_decision_takes_well_below_a_millisecond():
    """The aim is 100 microseconds; the limit leaves room for a busy machine."""
    roles = [deny(Sid=f"No{index}", Action=f"s3:Get{index}*") for index in range(20)]
    limits = [
        deny(Sid=f"Not{index}", Condition={"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1"]}})
        for index in range(10)
    ]
    busy = estate(EVERYTHING, *roles, scps=((policy(EVERYTHING, *limits),), (policy(EVERYTHING),)))
    asked = request(context={"aws:SourceIp": "203.0.113.7"})
    evaluate(busy, asked)
    best = min(_seconds(busy, asked) for _ in range(20))
    assert best < 0.001


def _seconds(busy: Estate, asked: Request) -> float:
    start = time.perf_counter()
    for _ in range(20):
        evaluate(busy, asked)
    return (time.perf_counter() - start) / 20


def test_the_values_cannot_be_changed():
    principal = Principal(arn=ROLE)
    with pytest.raises(FrozenInstanceError):
        principal.arn = "x"  # pyright: ignore[reportAttributeAccessIssue]
    asked = request(context={"a:b": ["x"]})
    assert asked.context["a:b"] == ("x",)
    with pytest.raises(TypeError):
        asked.context["a:b"] = "y"  # pyright: ignore[reportIndexIssue]


def test_a_layer_remembers_what_is_about_an_action():
    layer = Layer(kind="identity", policies=(policy(EVERYTHING, deny(Action="s3:*")),))
    assert [found.denies for found in layer.about("bedrock:invokemodel")] == [False]
    assert layer.about("s3:getobject") is layer.about("s3:getobject")


@pytest.mark.parametrize("module", ["aws_cdk", "jsii", "decimal", "secure_bedrock.policy.explanation"])
def test_the_core_is_light(module):
    code = f"import sys, secure_bedrock.policy.evaluation; print({module!r} in sys.modules)"
    finished = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "False"


def test_an_explanation_has_a_line_for_each_cause():
    queue, root = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:queue", f"arn:aws:iam::{ACCOUNT}:root"
    odd = "ForAnyValue:StringEqualsIfExists aws:TagKeys a, b, c, d and 2 more: the key is absent"
    other = f"arn:aws:iam::{ACCOUNT}:role/other"
    tags = {"ForAnyValue:StringEqualsIfExists": {"aws:TagKeys": ["a", "b", "c", "d", "e", "f"]}}
    document = policy(
        {"Sid": "Named", "Effect": "Allow", "Principal": {"AWS": other}, "Action": "sqs:*", "Resource": "*"},
        {"Sid": "Spared", "Effect": "Deny", "NotPrincipal": {"AWS": [f"arn:aws:iam::{ACCOUNT}:root", ROLE, SESSION]},
         "Action": "sqs:*", "Resource": "*"},
        {"Sid": "Odd", "Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*", "Condition": tags},
        {"Sid": "Else", "Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "arn:aws:sqs:*:*:else"},
    )  # fmt: skip
    asked = Request(principal=SESSION, action="sqs:SendMessage", resource=queue)
    lines = explain(estate({**EVERYTHING, "Action": "s3:*"}, resource_policies={queue: document}), asked).lines
    assert lines == (
        f"denied for want of an allow in the identity-based policy: {SESSION} sqs:SendMessage {queue}",
        f"  resource-based policy {queue}: says nothing",
        f"    Allow Named does not apply: the caller is none of AWS: {other}",
        f"    Deny Spared does not apply: the caller is one of AWS: {root}, AWS: {ROLE}, AWS: {SESSION}",
        f"    Allow Odd may apply, AWS does not settle it: {odd}",
        "    Allow Else does not apply: the resource is none of arn:aws:sqs:*:*:else",
        "  identity-based policy: does not allow",
        "    no statement is about sqs:SendMessage",
        "  not settled by AWS: Odd: ForAnyValue:StringEqualsIfExists on aws:TagKeys",
    )


def test_an_explanation_says_who_denies_and_what_was_assumed():
    decision = explain(estate(EVERYTHING, deny(Sid=None)), request(endpoint="vpce-unknown"))
    assert decision.lines == (
        f"denied by an explicit deny in the identity-based policy: app bedrock:InvokeModel {MODEL}",
        "  identity-based policy: denies",
        "    Allow (no Sid) applies",
        "    Deny (no Sid) applies",
        "  assumed: the endpoint vpce-unknown is not in the estate; it is taken to have no policy, so full access",
    )
    assert (
        explain(estate(EVERYTHING, deny()), request())
        .lines[0]
        .startswith("denied by an explicit deny in the identity-based policy (No): ")
    )
    many = {"Condition": {"StringEquals": {"aws:TagKeys": "x"}}}
    text = str(explain(estate({**EVERYTHING, **many}), request(context={"aws:TagKeys": ["a", "b"]})))
    assert "the key is ['a', 'b']" in text


def test_what_is_not_settled_of_a_call_is_named():
    through = {"Condition": {"StringEquals": {"aws:SourceIp": "203.0.113.7"}}, "Resource": "arn:aws:bedrock:*::*"}
    profile = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:inference-profile/*"
    held = estate({**EVERYTHING, **through}, {**EVERYTHING, "Resource": profile})
    call = Call(
        principal="app", operation="Converse", model="eu.amazon.nova-lite-v1:0", region="eu-west-1",
        context={"aws:SourceIp": "203.0.113.7"},
    )  # fmt: skip
    assert evaluate(held, call).disputed == ("whether the models behind a profile or a service carry the network",)


@pytest.mark.parametrize(
    ("call", "assumed"),
    [
        ({"operation": "CreateModelInvocationJob"}, ("the batch job's service role is not named",)),
        ({"operation": "CreateModelInvocationJob", "service_role": ROLE}, ()),
        ({"operation": "StartAsyncInvoke"}, ("the bucket of an asynchronous call's output",)),
        ({"operation": "Converse"}, ()),
    ],
)
def test_what_a_call_leaves_open_is_assumed(call, assumed):
    decision = evaluate(estate(), Call(principal="app", region="eu-west-1", model="amazon.nova-lite-v1:0", **call))
    assert len(decision.assumptions) == len(assumed)
    assert all(found.startswith(start) for found, start in zip(decision.assumptions, assumed, strict=True))


APP, OTHER = ROLE, f"arn:aws:iam::{ACCOUNT}:role/other"


@pytest.mark.parametrize(
    ("operator", "key", "values", "is_for_others"),
    [
        ("StringEquals", "aws:PrincipalArn", [APP], False),
        ("ArnEquals", "aws:PrincipalARN", [APP], False),
        ("ArnLike", "aws:principalarn", [APP], False),
        ("StringEquals", "aws:PrincipalArn", [APP, OTHER], True),
        ("StringEqualsIfExists", "aws:PrincipalArn", [APP], True),
        ("ForAnyValue:StringEquals", "aws:PrincipalArn", [APP], True),
        ("ForAllValues:StringEquals", "aws:PrincipalArn", [APP], True),
        ("StringNotEquals", "aws:PrincipalArn", [APP], True),
        ("StringLike", "aws:PrincipalArn", [APP], True),
        ("StringEqualsIgnoreCase", "aws:PrincipalArn", [APP.upper()], True),
        ("StringEquals", "aws:PrincipalAccount", [APP], True),
        ("ArnLike", "aws:PrincipalArn", [f"arn:aws:iam::{ACCOUNT}:role/*"], True),
        ("ArnLike", "aws:PrincipalArn", [f"arn:aws:iam::{ACCOUNT}:role/oth?r"], True),
        ("ArnLike", "aws:PrincipalArn", [f"arn:aws:iam::{ACCOUNT}:role/${{aws:username}}"], True),
        ("ArnLike", "aws:PrincipalArn", [APP, f"arn:aws:iam::{ACCOUNT}:role/o*"], True),
    ],
)
def test_a_statement_is_left_out_only_where_its_conditions_name_somebody_else(operator, key, values, is_for_others):
    statement = {"Sid": "Named", **EVERYTHING, "Condition": {operator: {key: values}}}
    layer = Layer(kind="identity", policies=(policy(statement, {"Sid": "Any", **EVERYTHING}),))
    sids = {arn: {each.source.sid for each in layer.meant_for(arn)} for arn in (None, APP, OTHER)}
    assert sids[None] == {"Named", "Any"}
    assert sids[APP] >= {"Any"}
    assert sids[OTHER] == ({"Named", "Any"} if is_for_others else {"Any"})
    assert ("Named" in sids[APP]) is (APP in values or is_for_others)


def test_a_statement_with_two_conditions_is_for_whom_one_of_them_names():
    conditions = {"StringEquals": {"aws:SourceVpce": VPCE, "aws:PrincipalArn": [APP]}}
    layer = Layer(kind="identity", policies=(policy({**EVERYTHING, "Condition": conditions}),))
    assert len(list(layer.meant_for(APP))) == 1
    assert list(layer.meant_for(OTHER)) == []


def test_roles_are_grouped_by_their_trust_policy_and_those_without_one_are_left_out():
    trust = policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}})
    other = policy(
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
    )
    arns = [f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in "abcd"]
    roles = dict(zip("abcd", arns, strict=True))
    trusts = {"a": trust, "b": other, "c": trust, "d": None}
    estate = Estate(principals={name: Principal(arn=arn, trust=trusts[name]) for name, arn in roles.items()})
    groups = {layer.policies[0]: found for layer, found in estate.roles_by_trust}
    assert groups == {trust: (arns[0], arns[2]), other: (arns[1],)}


@pytest.mark.parametrize("action", ["*:Invoke*", "?edrock:InvokeModel", "bedrock:", ":InvokeModel", "bedrock", "b*:*"])
def test_an_action_that_iam_refuses_is_refused_with_its_place(action):
    with pytest.raises(InvalidInput, match="Action: got"):
        evaluate(estate({"Effect": "Allow", "Action": action, "Resource": "*"}), request())


@pytest.mark.parametrize("action", ["*", "**", "*:*", "bedrock:*", "bedrock:?nvokeModel"])
def test_wildcards_that_iam_takes_are_taken(action):
    assert evaluate(estate({"Effect": "Allow", "Action": action, "Resource": "*"}), request()).allowed


@pytest.mark.parametrize("name", [f"arn:aws:iam::{ACCOUNT}:role/*", f"arn:aws:iam::{ACCOUNT}:role/ap?", "11112222333?"])
def test_a_wildcard_in_a_part_of_a_principal_is_refused(name):
    door = policy({**EVERYTHING, "Principal": {"AWS": name}})
    doors = {VPCE: Endpoint(service="bedrock-runtime", vpc="vpc-1", policy=door)}
    with pytest.raises(InvalidInput, match="Principal: got"):
        evaluate(estate(endpoints=doors), request(endpoint=VPCE))


@pytest.mark.parametrize("account", [ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root"])
@pytest.mark.parametrize(("names", "allowed"), [((USER,), True), ((f"{USER}2",), False)])
def test_not_principal_spares_whoever_is_listed_with_the_account_in_either_spelling(account, names, allowed):
    spared = {"Effect": "Deny", "Action": "*", "Resource": "*", "NotPrincipal": {"AWS": [account, *names]}}
    door = policy({**EVERYTHING, "Principal": "*"}, spared)
    doors = {VPCE: Endpoint(service="bedrock-runtime", vpc="vpc-1", policy=door)}
    person = {"app": Principal(arn=USER, identity=(policy(EVERYTHING),))}
    assert evaluate(Estate(principals=person, endpoints=doors), request(endpoint=VPCE)).allowed is allowed


@pytest.mark.parametrize(("service", "is_right"), [("bedrock-runtime", 1), ("bedrock-runtime-fips", 1), ("bedrock", 0)])
def test_a_call_goes_through_an_endpoint_of_its_service_with_fips_or_without(service, is_right):
    doors = {VPCE: Endpoint(service=service, vpc="vpc-1")}
    call = Call(principal="app", operation="Converse", model=MODEL, region="eu-west-1", endpoint=VPCE)
    if is_right:
        assert evaluate(estate(endpoints=doors), call).allowed
    else:
        with pytest.raises(InvalidInput, match="endpoint: got"):
            evaluate(estate(endpoints=doors), call)
