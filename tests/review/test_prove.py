"""`secure-bedrock prove` and `assert_proved`: what holds, the request that breaks it, and what they refuse."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_iam as iam

from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy import bedrock_invariants as catalogue
from secure_bedrock.policy.calls import Call
from secure_bedrock.policy.cases import read_estate
from secure_bedrock.review.invariants_file import known_invariants as stated
from secure_bedrock.review.invariants_file import read_invariants
from secure_bedrock.review.loading import load
from secure_bedrock.testing import assert_proved
from tests.review.test_explain import ACCOUNT, MODEL, TRUST, policy

NOVA = ["amazon.nova-lite-v1:0"]


@pytest.fixture
def template(tmp_path):
    """A role for one model through one endpoint, a role for every model, and the endpoint, open to this account."""
    resources = {
        "Bedrock": {
            "Type": "AWS::EC2::VPCEndpoint",
            "Metadata": {"aws:cdk:path": "Net/Bedrock/Runtime/Resource"},
            "Properties": {
                "ServiceName": "com.amazonaws.eu-west-1.bedrock-runtime",
                "VpcId": "vpc-1",
                "PolicyDocument": policy(
                    Action="bedrock:InvokeModel",
                    Principal="*",
                    Condition={"ArnEquals": {"aws:PrincipalArn": {"Fn::GetAtt": ["Good", "Arn"]}}},
                ),
            },
        },
        "Rail": {
            "Type": "AWS::Bedrock::Guardrail",
            "Metadata": {"aws:cdk:path": "Net/Rail"},
            "Properties": {"Name": "rail"},
        },
        "Good": role("App/Good", {"Ref": "Bedrock"}),
        "Bad": role("App/Bad", None),
    }
    path = tmp_path / "stack.json"
    path.write_text(json.dumps({"Resources": resources}, indent=1))
    return path


def role(path, endpoint):
    model = f"arn:aws:bedrock:eu-west-1::foundation-model/{MODEL}"
    narrow = {"Resource": model, "Condition": {"StringEquals": {"aws:SourceVpce": endpoint}}} if endpoint else {}
    statement = policy(Sid="Invoke", Action="bedrock:InvokeModel", **narrow)
    return {
        "Type": "AWS::IAM::Role",
        "Metadata": {"aws:cdk:path": f"{path}/Resource"},
        "Properties": {
            "AssumeRolePolicyDocument": TRUST,
            "Policies": [{"PolicyName": "p", "PolicyDocument": statement}],
        },
    }


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "secure_bedrock", "prove", *map(str, arguments)],
        capture_output=True, text=True, check=False, env={**os.environ, **environment},
    )  # fmt: skip


@pytest.fixture
def invariants(tmp_path):
    def write(text):
        path = tmp_path / "bedrock.toml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


SOUND = """
[[invariant]]
holds = "only_on_models"
principal = "App/Good"
resources = ["amazon.nova-lite-v1:0"]

[[invariant]]
holds = "only_through_endpoints"
principal = "App/Good"
endpoints = ["Bedrock/Runtime"]
name = "the good one stays inside"

[[invariant]]
holds = "only_these_through"
endpoint = "Net/Bedrock/Runtime"
principals = ["App/Good"]

[[invariant]]
holds = "calls_work"

[[invariant.calls]]
principal = "Good"
operation = "InvokeModel"
model = "amazon.nova-lite-v1:0"
region = "eu-west-1"
endpoint = "Bedrock/Runtime"
"""
REGION = ("--region", "eu-west-1", "--account", ACCOUNT)


def test_what_holds_is_proved_by_the_names_that_people_use(template, invariants):
    done = run(invariants(SOUND), template, *REGION)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("proved")] == [
        "proved: App/Good invokes only its models",
        "proved: the good one stays inside",
        "proved: only App/Good may invoke through Net/Bedrock/Runtime",
        "proved: every declared call works",
    ]
    assert "assumed:\n  1. " in done.stdout


def test_what_does_not_is_refuted_with_the_statement_its_place_and_what_to_change(template, invariants):
    text = SOUND.replace('"App/Good"\nresources', '"App/Bad"\nresources')
    done = run(invariants(text), template, *REGION)
    assert done.returncode == 1, done.stderr
    assert "refuted: App/Bad invokes only its models" in done.stdout
    assert f"identity-based policy: Allow Invoke in App/Bad ({template}:" in done.stdout
    assert "to change: narrow Allow Invoke in App/Bad" in done.stdout
    assert 'or deny it to the principal: {"Effect": "Deny"' in done.stdout
    plain = json.loads(run(invariants(text), template, *REGION, "--format", "json").stdout)
    assert [each["verdict"] for each in plain["proofs"]] == ["refuted", "proved", "proved", "proved"]
    assert plain["proofs"][0]["witness"]["is_named"] is True


def test_the_deny_that_is_proposed_does_hold_it(template):
    """Attached to the role, the proposed statement proves the invariant."""
    invariant = catalogue.only_on_models("App/Bad", NOVA)
    with pytest.raises(AssertionError) as failure:
        assert_proved(template, invariant, region="eu-west-1")
    deny = json.loads(str(failure.value).partition("deny it to the principal: ")[2].partition("\n")[0])
    body = json.loads(template.read_text())
    body["Resources"]["Bad"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"].append(deny)
    assert_proved(body, invariant, region="eu-west-1")


def test_somebody_whom_the_input_does_not_show_counts_only_when_asked(template, invariants):
    text = '[[invariant]]\nholds = "nobody_uses_api_keys"\n'
    done = run(invariants(text), template)
    assert done.returncode == 0, done.stderr
    assert (
        "holds: nobody uses Bedrock API keys for every principal of the input; somebody it does not show" in done.stdout
    )
    assert run(invariants(text), template, "--strict").returncode == 1
    named = run(invariants(text + 'among = "named"\n'), template, "--strict")
    assert (named.returncode, named.stdout.splitlines()[0]) == (
        0,
        "proved: nobody uses Bedrock API keys (nobody asked about may use these actions at all)",
    )


def test_an_endpoint_open_to_outsiders_counts_though_nobody_of_the_input_uses_it(template):
    body = json.loads(template.read_text())
    body["Resources"]["Bedrock"]["Properties"]["PolicyDocument"] = policy(Action="*", Principal="*")
    with pytest.raises(AssertionError, match="VPC endpoint policy: Allow"):
        assert_proved(body, catalogue.only_these_through("Bedrock/Runtime", "App/Good", "App/Bad"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "states no invariant"),
        ("[[invariants]]\n", "invariants: got"),
        ("[[invariant]]\nholds = 'only_on_model'\n", "did you mean 'only_on_models'?"),
        ("\n\n[[invariant]]\nholds = 'x'\n", "bedrock.toml:3: holds: got 'x'; allowed is one of audit_stays_on"),
        ("[[invariant]]\nholds = 'only_on_models'\nprincipal = 'App/Good'\n", "resources: got nothing"),
        ("[[invariant]]\nholds = 'only_on_models'\nprincipl = 'x'\n", "did you mean 'principal'?"),
        ("[[invariant]]\nholds = 'only_on_models'\nprincipal = 3\n", "principal: got 3; allowed is a text"),
        ("[[invariant]]\nholds = 'only_on_models'\nprincipal = 'a'\nresources = []\n", "at least one"),
        ("[[invariant]]\nholds = 'nobody_uses_api_keys'\namong = ['named']\n", "among: got ['named']"),
        ("[[invariant]]\nholds = 'stays_within'\nprincipal = 'App/God'\n", "did you mean 'App/Good'?"),
        ("[[invariant]]\nholds = 'only_through_endpoints'\nprincipal = 'Good'\nendpoints = ['x']\n", "Net/Bedrock"),
        ("[[invariant]]\nholds = 'nobody_invokes'\nresources = ['amazon.nova-lit-v1:0']\n", "amazon.nova-lite-v1:0"),
        ("[[invariant]]\nholds = 'calls_work'\ncalls = [{ principal = 'Good' }]\n", "operation: got nothing"),
        ("[[invariant]]\nholds = 'calls_work'\ncalls = [{ context = 3 }]\n", "context: got 3"),
        ("invariant = 3\n", "states no invariant"),
        ("invariant = [3]\n", "got 3"),
        ("x = ", "not TOML"),
        (b"\xff\xfe", "not UTF-8"),
        ("x = " + "[" * 20_000, "nested too deeply"),
        ("#" * (2**20 + 1), "more than the 1048576 bytes"),
    ],
)  # fmt: skip
def test_a_file_that_states_nothing_or_nonsense_is_refused_in_one_line(template, invariants, text, message):
    done = run(invariants(text), template)
    assert done.returncode == 2, done.stdout
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert "internal" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_names_in_a_file_cannot_steer_the_terminal(template, invariants):
    done = run(invariants('[[invariant]]\nholds = "nothing_in_plain_text"\nname = "x\\u001b[2Jy"\n'), template)
    assert "x\\x1b[2Jy" in done.stdout
    assert "\x1b" not in done.stdout


def test_a_file_that_is_not_there_is_refused(template):
    assert run("nowhere.toml", template).stderr == "secure-bedrock: nowhere.toml: No such file or directory\n"


def test_every_invariant_of_the_catalogue_can_be_stated(invariants):
    values = {
        "str": '"App/Good"', "Sequence[str]": '["a"]', "Iterable[str]": '["a"]', "bool": "true",
        "Call": '[{ principal = "a", operation = "Converse", region = "eu-west-1" }]',
    }  # fmt: skip
    assert len(stated()) >= 20
    for name, function in stated().items():
        parameters = inspect.signature(function).parameters.values()
        kinds = {p.name: "Sequence[str]" if str(p) == f"*{p.name}: 'str'" else p.annotation for p in parameters}
        lines = [f"{each} = {values[kind]}" for each, kind in kinds.items() if each != "name"]
        (found,) = read_invariants(invariants("\n".join([f'[[invariant]]\nholds = "{name}"', *lines])))
        assert found.name


# --- for the user's own tests


def test_every_source_is_taken_and_says_the_same(template):
    class Template:
        def to_json(self):
            return json.loads(template.read_text())

    class Assembly:
        directory = str(template.parent)

    class Stack:
        class node:  # noqa: N801 - as CDK calls it
            class root:  # noqa: N801
                synth = staticmethod(Assembly)

    invariant = catalogue.only_through_endpoints("App/Good", ["Bedrock/Runtime"])
    sources = [template, str(template), Template(), Template().to_json(), Assembly(), Stack(), load(template)]
    for source in sources:
        (answer,) = assert_proved(source, invariant).answers
        assert answer.verdict.name == invariant.name
        with pytest.raises(AssertionError, match="App/Bad invokes only through"):
            assert_proved(source, catalogue.only_through_endpoints("App/Bad", ["Bedrock/Runtime"]))


def test_a_stack_of_the_cdk_is_synthesized():
    stack = cdk.Stack(cdk.App(), "S")
    made = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    made.add_to_policy(iam.PolicyStatement(actions=["bedrock:InvokeModel"], resources=["*"]))
    for source in (stack, assertions.Template.from_stack(stack)):
        with pytest.raises(AssertionError, match=r"S/Role/DefaultPolicy|RoleDefaultPolicy"):
            assert_proved(source, catalogue.only_on_models("Role", NOVA))


def test_an_estate_made_by_hand_is_asked():
    estate = read_estate({"principals": {"app": {"arn": f"arn:aws:iam::{ACCOUNT}:role/app"}}})
    assert_proved(estate, catalogue.nobody_uses_api_keys())
    call = Call(principal="app", operation="InvokeModel", model=NOVA[0], region="eu-west-1")
    with pytest.raises(AssertionError, match="no identity-based policy allows it"):
        assert_proved(estate, catalogue.calls_work(call))


def test_the_failure_is_worth_reading(template):
    with pytest.raises(AssertionError) as failure:
        assert_proved(
            template, catalogue.only_on_models("App/Bad", NOVA), catalogue.stays_within("App/Bad"), account=ACCOUNT
        )
    text = str(failure.value)
    assert text.startswith("1 of 2 invariants not proved\n\nrefuted: App/Bad invokes only its models\n")
    assert text.count("refuted") == 1
    for part in ("bedrock:InvokeModel arn:aws:bedrock:", "Allow Invoke in App/Bad", "to change: narrow", "  1. "):
        assert part in text


def test_what_cannot_be_asked_is_refused(template):
    for source in (3, {"a": 1}, None):
        with pytest.raises(InvalidInput, match="source: got"):
            assert_proved(source, catalogue.nobody_uses_api_keys())
    with pytest.raises(InvalidInput, match="invariants: got none"):
        assert_proved(template)
    with pytest.raises(InvalidInput, match="invariants: got 3"):
        assert_proved(template, 3)


def test_the_helper_does_not_load_the_cdk():
    code = "import sys, secure_bedrock.testing; print([m for m in ('aws_cdk', 'jsii') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_policy_that_cannot_be_read_leaves_it_undecided(template, invariants):
    body = json.loads(template.read_text())
    body["Resources"]["Bad"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"][0]["Effect"] = "Perhaps"
    path = Path(template.parent / "other.json")
    path.write_text(json.dumps(body))
    done = run(invariants('[[invariant]]\nholds = "nothing_in_plain_text"\namong = "named"\n'), path)
    assert "not read: p of App/Bad" in done.stdout
