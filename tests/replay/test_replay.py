"""`secure-bedrock replay`: what happened, asked of the templates; nothing is guessed."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from secure_bedrock.cli import main

ACCOUNT = "111122223333"
SAMPLES = Path(__file__).parents[1] / "detections" / "samples"
CONVERSE = json.loads((SAMPLES / "con_converse_via_endpoint.json").read_text())
MODEL = CONVERSE["requestParameters"]["modelId"]
ENDPOINT = CONVERSE["vpcEndpointId"]
WHO = CONVERSE["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"]
GUARDRAIL = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:guardrail/abc123"
TRUST = {"Version": "2012-10-17", "Statement": []}


def statement(effect="Allow", action="bedrock:*", sid=None, **condition):
    found = {"Effect": effect, "Action": action, "Resource": "*"} | ({"Sid": sid} if sid else {})
    return found | ({"Condition": condition} if condition else {})


def via(endpoint):
    return {"StringNotEquals": {"aws:SourceVpce": endpoint}}


def record(**changed):
    return json.loads(json.dumps(CONVERSE)) | changed


def outside(**changed):
    found = record(**{"sourceIPAddress": "203.0.113.7", **changed})
    del found["vpcEndpointId"], found["vpcEndpointAccountId"]
    return found


@pytest.fixture
def replayed(tmp_path):
    """Run the command over records, against a role with statements, and endpoints by id."""

    def run(records, *statements, options=(), role="BedrockInvokeRole", expected=None):
        resources = {
            "App": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "RoleName": role,
                    "AssumeRolePolicyDocument": TRUST,
                    "Policies": [{
                        "PolicyName": "p",
                        "PolicyDocument": {"Version": "2012-10-17", "Statement": list(statements or [statement()])},
                    }],
                },
            },
            "Door": {
                "Type": "AWS::EC2::VPCEndpoint",
                "Properties": {
                    "ServiceName": "com.amazonaws.us-east-1.bedrock-runtime", "VpcId": "vpc-0123456789abcdef0",
                    "VpcEndpointType": "Interface",
                },
            },
        }  # fmt: skip
        template, events = tmp_path / "app.template.json", tmp_path / "events.json"
        template.write_text(json.dumps({"Resources": resources}))
        events.write_text(json.dumps({"Records": records}))
        words = ["replay", str(events), "--against", str(template), "--account", ACCOUNT, "--region", "us-east-1"]
        result = CliRunner().invoke(
            main, [*words, "--format", "json", *options], standalone_mode=False, catch_exceptions=False
        )
        found = json.loads(result.output)
        if expected is not None:
            assert result.return_value == expected, result.output
        return found

    return run


def said(found):
    return {name: found[name] for name in ("denied", "undecided", "allowed", "unknown")}


def numbers(**counted):
    return {"denied": 0, "undecided": 0, "allowed": 0, "unknown": 0, **counted}


def test_what_the_templates_allow_is_allowed(replayed):
    assert said(replayed([outside(), outside()], expected=0)) == numbers(allowed=2)


def test_what_they_deny_is_told_by_principal_with_statement_and_record(replayed):
    found = replayed(
        [outside(), outside(eventName="ConverseStream")],
        statement(),
        statement("Deny", "bedrock:InvokeModel", "OffNetwork", **via("vpce-0aaaaaaaaaaaaaaaa")),
        expected=1,
    )
    assert said(found) == numbers(denied=1, allowed=1)
    (reason,) = found["principals"][WHO]["reasons"]
    assert reason == {
        "operation": "Converse", "model": MODEL, "why": "OffNetwork of the identity-based policy", "calls": 1,
        "event": CONVERSE["eventID"],
    }  # fmt: skip


def test_for_want_of_an_allow(replayed):
    found = replayed([outside()], statement(action="s3:*"), expected=1)
    (reason,) = found["principals"][WHO]["reasons"]
    assert reason["why"] == "no identity-based policy allows it"


def test_an_endpoint_that_the_templates_do_not_know_is_unknown_until_it_is_named(replayed):
    statements = [statement(), statement("Deny", sid="OffNetwork", **via({"Ref": "Door"}))]
    found = replayed([record()], *statements, expected=3)
    assert said(found) == numbers(unknown=1)
    (left,) = found["left_out"]
    assert left == {"caller": WHO, "reason": f"endpoint {ENDPOINT} is not in the templates", "records": 1}
    named = ["--endpoint", f"{ENDPOINT}=Door"]
    assert said(replayed([record()], *statements, options=named, expected=0)) == numbers(allowed=1)
    assert said(replayed([outside()], *statements, options=named, expected=1)) == numbers(denied=1)


def test_a_caller_that_the_templates_do_not_know_is_unknown_until_it_is_named(replayed):
    options = ["--as", f"{WHO}=other"]
    assert said(replayed([outside()], role="other", expected=3)) == numbers(unknown=1)
    assert said(replayed([outside()], role="other", options=options, expected=0)) == numbers(allowed=1)
    by_name = ["--as", "BedrockInvokeRole=other"]
    assert said(replayed([outside()], statement(action="s3:*"), role="other", options=by_name)) == numbers(denied=1)


def test_a_role_of_the_same_name_in_another_account_is_another(replayed):
    elsewhere = json.loads(json.dumps(outside()).replace(ACCOUNT, "999988887777"))
    assert said(replayed([elsewhere], expected=3)) == numbers(unknown=1)


def test_a_path_that_the_record_leaves_out_makes_no_other_role(replayed):
    found = json.loads(json.dumps(outside()))
    found["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] = (
        f"arn:aws:iam::{ACCOUNT}:role/some/path/BedrockInvokeRole"
    )
    assert said(replayed([found], expected=0)) == numbers(allowed=1)


GUARDED = {"StringNotEquals": {"bedrock:GuardrailIdentifier": GUARDRAIL}}


def test_a_guardrail_is_not_in_the_record_and_so_the_answer_is_open_until_it_is_said(replayed):
    statements = [statement(), statement("Deny", "bedrock:InvokeModel", "WithoutGuardrail", **GUARDED)]
    found = replayed([outside()], *statements, expected=3)
    assert said(found) == numbers(undecided=1)
    assert "bedrock:GuardrailIdentifier" in found["principals"][WHO]["reasons"][0]["why"]
    named = replayed([outside()], *statements, options=["--guardrail", GUARDRAIL], expected=0)
    assert said(named) == numbers(allowed=1)
    assert f"every call named the guardrail {GUARDRAIL}" in named["assumptions"]
    other = replayed([outside()], *statements, options=["--guardrail", f"{GUARDRAIL}x"], expected=1)
    assert said(other) == numbers(denied=1)


def test_what_another_layer_denies_is_denied_whatever_the_guardrail_was(replayed):
    found = replayed(
        [outside()],
        statement(),
        statement("Deny", sid="WithoutGuardrail", **GUARDED),
        statement("Deny", sid="OffNetwork", **via("vpce-0aaaaaaaaaaaaaaaa")),
        expected=1,
    )
    assert found["principals"][WHO]["reasons"][0]["why"] == "OffNetwork of the identity-based policy"


def test_an_allow_that_hangs_on_what_is_hidden_is_open_and_a_deny_that_may_apply_too(replayed):
    tier = {"StringEquals": {"bedrock:ServiceTier": "priority"}}
    assert said(replayed([outside()], statement(**tier))) == numbers(undecided=1)
    assert said(replayed([outside()], statement(), statement("Deny", sid="No", **tier))) == numbers(undecided=1)
    assert said(replayed([outside()], statement(), statement(**tier))) == numbers(allowed=1)


def test_times_and_mfa_are_those_of_the_record(replayed):
    older = {"DateLessThan": {"aws:TokenIssueTime": "2026-06-10T08:30:00Z"}}
    assert said(replayed([outside()], statement(), statement("Deny", sid="Old", **older))) == numbers(denied=1)
    earlier = {"DateLessThan": {"aws:TokenIssueTime": "2026-06-10T07:30:00Z"}}
    assert said(replayed([outside()], statement(), statement("Deny", sid="Old", **earlier))) == numbers(allowed=1)
    mfa = {"Bool": {"aws:MultiFactorAuthPresent": "false"}}
    assert said(replayed([outside()], statement(), statement("Deny", sid="Mfa", **mfa))) == numbers(denied=1)
    address = {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
    statements = (statement(), statement("Deny", sid="Away", **address))
    assert said(replayed([outside(), outside(sourceIPAddress="198.51.100.1")], *statements)) == numbers(
        allowed=1, denied=1
    )


def sourced(name):
    return json.loads((SAMPLES / name).read_text())


def test_what_was_no_call_that_was_answered_is_counted_by_its_reason(replayed):
    names = {
        "con_access_denied_identity.json": "was denied", "con_throttled_invoke.json": "failed: ThrottlingException",
        "con_create_api_key.json": "other services",
        "con_mantle_inference_sigv4.json": "CreateInference is not replayed",
        "con_vpce_success.json": "an endpoint's record of a call that has its own",
        "con_get_guardrail.json": "GetGuardrail is not replayed",
    }  # fmt: skip
    found = replayed([sourced(name) for name in names], expected=0)
    assert said(found) == numbers()
    assert {row["reason"] for row in found["left_out"]} == set(names.values())
    assert all(row["caller"] == "" for row in found["left_out"])


def test_every_record_is_counted_once(replayed):
    records = [sourced(path.name) for path in sorted(SAMPLES.glob("con_*.json")) if "_inv_" not in path.name]
    found = replayed(records)
    left = sum(row["records"] for row in found["left_out"])
    assert found["denied"] + found["undecided"] + found["allowed"] + left == len(records)
    assert found["allowed"] > 0


def test_an_api_key_needs_its_own_permission(replayed):
    key = outside(additionalEventData={"callWithBearerToken": True})
    assert said(replayed([key], statement(action="bedrock:InvokeModel"))) == numbers(denied=1)
    assert said(replayed([key])) == numbers(allowed=1)


def test_records_are_read_as_they_are_found(tmp_path):
    template = tmp_path / "t.template.json"
    template.write_text(json.dumps({"Resources": {}}))
    forms = {
        "s3.json.gz": gzip.compress(json.dumps({"Records": [outside()]}).encode()),
        "cli.json": json.dumps({"Events": [{"CloudTrailEvent": json.dumps(outside())}]}).encode(),
        "lines.jsonl": "\n".join(json.dumps(outside()) for _ in range(2)).encode(),
        "one.json": json.dumps(outside()).encode(),
    }
    folder = tmp_path / "events"
    (folder / "2026").mkdir(parents=True)
    for name, body in forms.items():
        (folder / "2026" / name).write_bytes(body)
    words = ["replay", str(folder), "--against", str(template), "--format", "json"]
    result = CliRunner().invoke(main, words, standalone_mode=False, catch_exceptions=False)
    assert json.loads(result.output)["unknown"] == 5


@pytest.mark.parametrize("body", [b'{"Records": [1]}', b"[", b"\xff", b'{"schemaType": "x"}', b'{"a": 1}\n{'])
def test_what_is_no_record_is_refused_with_its_file(tmp_path, body):
    template, events = tmp_path / "t.template.json", tmp_path / "events.json"
    template.write_text(json.dumps({"Resources": {}}))
    events.write_bytes(body)
    with pytest.raises(ValueError, match=r"events\.json"):
        CliRunner().invoke(
            main, ["replay", str(events), "--against", str(template)], standalone_mode=False, catch_exceptions=False
        )  # fmt: skip


def test_the_text_says_it_by_principal(tmp_path, replayed):
    replayed([outside()], statement(action="s3:*"))
    words = ["replay", str(tmp_path / "events.json"), "--against", str(tmp_path / "app.template.json")]
    result = CliRunner().invoke(
        main, [*words, "--account", ACCOUNT, "--region", "us-east-1"], standalone_mode=False, catch_exceptions=False
    )
    assert result.output.startswith(
        "of the calls that were answered: 1 denied, 0 undecided, 0 allowed, 0 unknown to the templates\n"
        f"{WHO}: 1 denied\n"
        f"  1 Converse of {MODEL}: no identity-based policy allows it (record {CONVERSE['eventID']})\n"
    )
