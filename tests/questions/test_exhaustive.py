"""Every action of AWS's table on resources of every kind: what a widened role and an organisation leave open."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from secure_bedrock.policy import Estate, Principal, Request, evaluate
from tests.questions.apps import ACCOUNT, EU_LITE, LITE
from tests.questions.evaluated import policies

KNOWN = json.loads((Path(__file__).parents[1] / "policy" / "known_actions.json").read_text("utf-8"))["actions"]
FAMILY = ("bedrock", "bedrock-mantle", "bedrock-websearch", "bedrock-agentcore")
ACTIONS = [f"{prefix}:{name}" for prefix in FAMILY for name in KNOWN[prefix]]
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
HERE = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}"
MODEL = f"arn:aws:bedrock:eu-west-1::foundation-model/{LITE}"
PROFILE = f"{HERE}:inference-profile/{EU_LITE}"
RESOURCES = [
    "*",
    MODEL,
    MODEL.replace("eu-west-1", "us-east-1"),
    MODEL.replace("eu-west-1", ""),
    MODEL.replace("lite", "pro"),
    PROFILE,
    PROFILE.replace("eu.", "us."),
    *(
        f"{HERE}:{kind}"
        for kind in (
            "application-inference-profile/abcdefghijkl", "provisioned-model/abcdefghijkl",
            "imported-model/abcdefghijkl",
            "custom-model/x/abcdefghijkl", "custom-model-deployment/abcdefghijkl", "prompt-router/x",
            "default-prompt-router/x", "marketplace/model-endpoint/all-access", "async-invoke/x", "project/default",
            "guardrail/abcdefghijkl", "guardrail-profile/eu.guardrail.v1:0", "agent/X", "agent-alias/X/Y",
            "knowledge-base/X", "flow/X", "flow/X/alias/Y", "prompt/X", "model-invocation-job/x", "session/x",
        )
    ),
    f"arn:aws:bedrock::{ACCOUNT}:system-tool/x",
    f"arn:aws:bedrock-mantle:eu-west-1:{ACCOUNT}:project/default",
    f"arn:aws:bedrock-mantle:eu-west-1:{ACCOUNT}:customized-model/x",
    "arn:aws:bedrock-websearch:eu-west-1:aws:tool/search",
    f"arn:aws:bedrock-agentcore:eu-west-1:{ACCOUNT}:runtime/x-1234567890",
    "arn:aws:bedrock-agentcore:eu-west-1:aws:code-interpreter/aws.codeinterpreter.v1",
]  # fmt: skip
REGIONS = ("eu-west-1", "us-east-1", "")
INFERENCE = {"bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"}


def allowed(estate, principal, *, region="eu-west-1", endpoint=None, **context):
    """Yield what is allowed of everything, called in a Region."""
    for action, resource in itertools.product(ACTIONS, RESOURCES):
        arn = resource.replace("eu-west-1", region)
        keys = context if arn != "*" and arn.split(":")[3] else {**context, **_region(arn, region)}
        asked = Request(principal=principal, action=action, resource=arn, context=keys, endpoint=endpoint)
        if evaluate(estate, asked).allowed:
            yield action, arn


def _region(arn: str, region: str) -> dict[str, str]:
    """A model without a Region has its own word for it."""
    return {} if "::foundation-model" in arn else {"aws:RequestedRegion": region}


def widened(principal, *, scps=(), everything=True) -> Estate:
    documents = [*principal["identity"], *([EVERYTHING] if everything else [])]
    holder = Principal(arn=principal["arn"], identity=policies(documents, "identity"))
    return Estate(principals={"caller": holder}, scps=tuple(policies(level, "scp") for level in scps))


@pytest.mark.parametrize(
    ("role", "context", "expected"),
    [
        ("Acc/Bare", {}, {(action, MODEL) for action in INFERENCE}),
        ("Acc/Geo", {}, {(action, PROFILE) for action in INFERENCE}),
        (
            "Acc/Geo",
            {"bedrock:InferenceProfileArn": PROFILE},
            # Beneath the profile its model, in whichever Region AWS runs it.
            {(a, r) for a in INFERENCE for r in (PROFILE, *(MODEL.replace("eu-west-1", where) for where in REGIONS))},
        ),
        ("Acc/Guarded", {}, set()),
        ("Acc/Keys", {}, {(action, MODEL) for action in INFERENCE}),
        (
            "Acc/Mantle",
            {"bedrock-mantle:Model": "openai.gpt-oss-120b"},
            {("bedrock-mantle:CreateInference", f"arn:aws:bedrock-mantle:eu-west-1:{ACCOUNT}:project/default")},
        ),
    ],
)
def test_a_role_that_may_do_everything_still_does_only_what_it_declares(role, context, expected, estates):
    app = estates["anywhere"]
    principal = app.estate["principals"][role]
    found = set(allowed(widened(principal), "caller", **context))
    assert found == expected


def test_suspended_means_nothing_at_all(estates):
    principal = estates["private"].estate["principals"]["Acc/Suspended"]
    endpoint = next(iter(estates["private"].estate["endpoints"]))
    assert list(allowed(widened(principal), "caller", endpoint=endpoint)) == []


def test_off_its_network_a_role_does_nothing_but_beneath_a_profile(estates):
    principal = estates["private"].estate["principals"]["Acc/App"]
    assert list(allowed(widened(principal), "caller", **{"aws:SourceIp": "203.0.113.9"})) == []


@pytest.mark.parametrize("app", ["organization", "open-organization", "all-features", "no-features"])
def test_an_administrator_does_nothing_of_bedrock_in_another_region(app, estates):
    estate = estates[app].estate
    principal = estate["principals"]["Org/administrator"]
    found = widened(principal, scps=estate["scps"], everything=False)
    through = {"endpoint": "vpce-0123456789abcdef0", "aws:SourceVpc": "vpc-0123456789abcdef0"}
    assert list(allowed(found, "caller", region="sa-east-1", **through)) == []


def test_an_administrator_changes_no_role_of_the_reserved_path(estates):
    estate = estates["organization"].estate
    principal = estate["principals"]["Org/administrator"]
    found = widened(principal, scps=estate["scps"], everything=False)
    role = f"arn:aws:iam::{ACCOUNT}:role/secure-bedrock/application"
    left = {
        name
        for name in KNOWN["iam"]
        if "Role" in name and evaluate(found, Request(principal="caller", action=f"iam:{name}", resource=role)).allowed
    }
    # Reading, lending (deployments need it; the ceiling holds), and what stands on other resources than the role.
    changing = {name for name in left if not name.startswith(("Get", "List", "Simulate", "Generate"))}
    assert changing == {
        "PassRole", "AddRoleToInstanceProfile", "RemoveRoleFromInstanceProfile", "CreateServiceLinkedRole",
        "DeleteServiceLinkedRole",
    }  # fmt: skip
