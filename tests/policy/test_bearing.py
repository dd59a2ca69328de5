"""Which statements carry which invariants, and which change nothing."""

from __future__ import annotations

from secure_bedrock.policy import Call, Endpoint, Estate, Policy, Principal, bedrock_invariants
from secure_bedrock.policy.bearing import load_bearing

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/app"
MODEL = "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0"
BEARER = ["bedrock:CallWithBearerToken", "bedrock-mantle:CallWithBearerToken"]


def statement(sid, effect, action, resource="*", **more):
    return {"Sid": sid, "Effect": effect, "Action": action, "Resource": resource, **more}


def document(name, *statements):
    return Policy.from_plain({"Version": "2012-10-17", "Statement": list(statements)}, name=name)


SCP = document(
    "rails",
    statement("Everything", "Allow", "*"),
    statement("Keys", "Deny", BEARER),
    statement("KeysOnceMore", "Deny", BEARER[1]),
    statement("NoSuchAction", "Deny", "bedrock:Converse"),
)
IDENTITY = document(
    "app",
    statement("Invoke", "Allow", "bedrock:InvokeModel", MODEL),
    statement("OtherModels", "Deny", "bedrock:InvokeModel", "arn:aws:bedrock:us-*::foundation-model/*"),
    statement("List", "Allow", "bedrock:ListFoundationModels"),
)
ENDPOINT = document("endpoint", {
    **statement("App", "Allow", "*"), "Principal": "*", "Condition": {"ArnEquals": {"aws:PrincipalArn": ROLE}},
})  # fmt: skip
ESTATE = Estate(
    principals={"app": Principal(arn=ROLE, identity=(IDENTITY,))},
    scps=((SCP,),),
    endpoints={"vpce-1": Endpoint(service="bedrock-runtime", vpc="vpc-1", policy=ENDPOINT)},
)
CALL = Call(
    principal="app", operation="InvokeModel", model="amazon.nova-lite-v1:0", region="eu-west-1", endpoint="vpce-1"
)
KEYS, WORKS = "nobody uses Bedrock API keys", "every declared call works"


def test_each_statement_names_what_falls_without_it():
    invariants = (
        bedrock_invariants.nobody_uses_api_keys(),
        bedrock_invariants.calls_work(CALL),
        bedrock_invariants.only_on_models("app", [MODEL]),
        bedrock_invariants.audit_stays_on(),  # which does not hold here, so nothing carries it
    )
    found = {load.statement.sid: load for load in load_bearing(ESTATE, invariants)}
    assert {sid: load.falls for sid, load in found.items()} == {
        "Everything": (WORKS,),
        "Keys": (KEYS,),
        "KeysOnceMore": (),
        "NoSuchAction": (),
        "Invoke": (WORKS,),
        "OtherModels": (),
        "List": (),
        "App": (WORKS,),
    }
    dead = {sid for sid, load in found.items() if load.is_dead}
    # What another statement denies too, what no grant reaches, and what is no action.
    assert dead == {"KeysOnceMore", "OtherModels", "NoSuchAction"}
    assert str(found["OtherModels"]) == "app: OtherModels carries nothing: it is dead"
    assert str(found["Keys"]) == f"rails: Keys carries {KEYS}"
