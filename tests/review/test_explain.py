"""`secure-bedrock explain`: requests, calls, messages and records of CloudTrail, as a user types them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from secure_bedrock.policy.environment import Environment
from secure_bedrock.review.denials import read_denial

ACCOUNT = "111122223333"
MODEL = "amazon.nova-lite-v1:0"
VPCE = "vpce-0123456789abcdef0"
SAMPLES = Path(__file__).parents[1] / "detections" / "samples"


def policy(**statement):
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", **statement}]}


TRUST = policy(Action="sts:AssumeRole", Principal={"Service": "lambda.amazonaws.com"})
del TRUST["Statement"][0]["Resource"]
TEMPLATE = {
    "Resources": {
        "App": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": "BedrockInvokeRole",
                "AssumeRolePolicyDocument": TRUST,
                "Policies": [{
                    "PolicyName": "p",
                    "PolicyDocument": policy(
                        Sid="ThroughEndpoint",
                        Action="bedrock:InvokeModel",
                        Condition={
                            "StringEquals": {"aws:SourceVpce": VPCE},
                            "Bool": {"aws:MultiFactorAuthPresent": "true"},
                        },
                    ),
                }],
            },
        },
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    path = tmp_path_factory.mktemp("in") / "app.json"
    path.write_text(json.dumps(TEMPLATE, indent=1))
    return path


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "secure_bedrock", "explain", *map(str, arguments)],
        capture_output=True, text=True, check=False, env={**os.environ, **environment},
    )  # fmt: skip


CALL = (
    "--principal",
    "App",
    "--operation",
    "Converse",
    "--model",
    MODEL,
    "--region",
    "eu-west-1",
    "--account",
    ACCOUNT,
)


def test_a_denied_call_says_which_layer_where_it_stands_and_what_would_allow_it(template):
    done = run(template, *CALL)
    assert done.returncode == 1, done.stderr
    assert "denied: no identity-based policy allows it" in done.stdout
    assert f"the call did not come through an endpoint: it must come through {VPCE}" in done.stdout
    verbose = run(template, *CALL, "--verbose").stdout
    assert "StringEquals aws:SourceVpce" in verbose
    assert f"{template}:3" in verbose


def test_an_allowed_call_exits_with_0(template):
    done = run(template, *CALL, "--endpoint", VPCE, "--context", "aws:MultiFactorAuthPresent=true", "--format", "json")
    assert done.returncode == 0, done.stderr
    (answer,) = json.loads(done.stdout)
    assert answer["allowed"] is True
    assert answer["statement"]["Sid"] == "ThroughEndpoint"
    assert answer["source"].startswith("app/App")


def test_a_session_without_the_mfa_key_is_told_apart_from_one_without_mfa(template):
    through = (*CALL, "--endpoint", VPCE)
    assert "has no MFA key at all" in run(template, *through).stdout
    assert "was made without MFA" in run(template, *through, "--context", "aws:MultiFactorAuthPresent=false").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--principal", "Ap", "--action", "bedrock:InvokeModel"), "allowed is one of app/App"),
        (("--principal", "App"), "exactly one of them must be given"),
        ((), "--principal: got nothing"),
        (("--principal", "App", "--operation", "Convers", "--region", "eu-west-1"), "did you mean 'Converse'?"),
        (("--principal", "App", "--action", "InvokeModel"), "'InvokeModel'"),
        (("--context", "x"), "name=value"),
        (("--message", "hello"), "access-denied message"),
    ],
)  # fmt: skip
def test_a_question_that_asks_nothing_is_refused_in_one_line(template, arguments, message):
    done = run(template, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout


def test_an_input_that_is_not_there_is_refused():
    done = run("nowhere", *CALL)
    assert done.returncode == 2
    assert done.stderr == "secure-bedrock: nowhere: no such file or directory\n"


def test_a_name_cannot_steer_the_terminal(tmp_path):
    evil = {"Resources": {"App": {**TEMPLATE["Resources"]["App"], "Metadata": {"aws:cdk:path": "x/\x1b[2Jy\u202e"}}}}
    path = tmp_path / "t.json"
    path.write_text(json.dumps(evil))
    done = run(path, "--principal", "BedrockInvokeRole", "--action", "bedrock:InvokeModel", "--account", ACCOUNT)
    assert "x/\\x1b[2Jy\\u202e" in done.stdout
    assert "\x1b" not in done.stdout


MESSAGE = (
    f"User: arn:aws:sts::{ACCOUNT}:assumed-role/BedrockInvokeRole/s is not authorized to perform: bedrock:InvokeModel "
    f"on resource: arn:aws:bedrock:eu-west-1::foundation-model/{MODEL} "
)


@pytest.mark.parametrize(
    ("reason", "layer", "is_explicit"),
    [
        ("because no identity-based policy allows the bedrock:InvokeModel action", "identity", False),
        ("with an explicit deny in an identity-based policy", "identity", True),
        ("with an explicit deny in a service control policy", "scp", True),
        ("with an explicit deny in a resource control policy", "rcp", True),
        ("because no VPC endpoint policy allows the bedrock:InvokeModel action", "endpoint", False),
        ("because no permissions boundary allows the bedrock:InvokeModel action", "boundary", False),
        ("because no session policy allows the bedrock:InvokeModel action", "session", False),
        ("because no resource-based policy allows the bedrock:InvokeModel action", "resource", False),
        ("", None, False),
    ],
)
def test_a_message_names_who_what_and_which_layer(reason, layer, is_explicit):
    denial = read_denial(MESSAGE + reason)
    assert (denial.layer, denial.is_explicit) == (layer, is_explicit)
    assert denial.principal == f"arn:aws:sts::{ACCOUNT}:assumed-role/BedrockInvokeRole/s"
    assert denial.action == "bedrock:InvokeModel"
    assert denial.resource == Environment(partition="aws", region="eu-west-1", account="").foundation_model(MODEL)


def test_a_message_is_explained_against_the_templates(template):
    done = run(template, "--account", ACCOUNT, "--message", MESSAGE + "because no identity-based policy allows it")
    assert done.returncode == 1
    assert "the message blames the lack of an allow in the identity-based policy" in done.stdout
    assert f"it must come through {VPCE}" in done.stdout


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("You don't have access to the model with the specified model ID.", "no access to the model"),
        ("not authorized to perform the required actions (aws-marketplace:Subscribe)", "no subscription"),
        ("Access denied. This Model is marked by provider as Legacy", "retired the model"),
        ("Invocation of model ID x with on-demand throughput isn\u2019t supported.", "inference profile only"),
        ("The security token included in the request is expired", "no policy was asked"),
        ("Authentication failed: Please make sure your API Key is valid.", "API key was refused"),
    ],
)  # fmt: skip
def test_a_refusal_that_no_policy_made_is_told_as_such_without_any_input(text, reason):
    done = run("--message", text)
    assert reason in done.stdout
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("sample", "layer", "endpoint"),
    [
        ("con_access_denied_identity", "identity", VPCE),
        ("con_access_denied_rcp", "rcp", VPCE),
        ("con_vpce_denied_invoke", "endpoint", VPCE),
    ],
)
def test_a_record_of_cloudtrail_says_the_same_and_more(sample, layer, endpoint):
    denial = read_denial(json.loads((SAMPLES / f"{sample}.json").read_text()))
    assert denial.layer == layer
    assert denial.endpoint == endpoint
    assert denial.action == "bedrock:InvokeModel"
    assert denial.is_record


def test_a_record_of_a_call_that_was_answered_is_refused():
    done = run("--event", SAMPLES / "con_converse_via_endpoint.json")
    assert done.returncode == 2
    assert "was not refused" in done.stderr


def test_without_its_packages_the_command_says_how_to_install_them():
    code = "import sys; sys.modules['click'] = None; from secure_bedrock.__main__ import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "secure-bedrock: click is missing; install it: pip install click PyYAML rich\n"
