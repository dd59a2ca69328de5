"""Mistakes that make a policy silently useless or silently wide: none is in any policy that is written.

The numbers are those of the list of traps that the questions come from; traps that are requests are questions.
"""

from __future__ import annotations

import fnmatch
import json
from pathlib import Path

import pytest

from secure_bedrock.data import table
from tests.questions.apps import APPS

KNOWN = json.loads((Path(__file__).parents[1] / "policy" / "known_actions.json").read_text("utf-8"))["actions"]


def many(value):
    return value if isinstance(value, list) else [value]


@pytest.fixture(scope="session")
def statements(estates):
    """Every statement of every app, but those the apps attach themselves."""
    found = []
    for name in APPS:
        estate = estates[name].estate
        documents = [d for principal in estate["principals"].values() for d in principal["identity"]]
        documents += [endpoint["policy"] for endpoint in estate["endpoints"].values()]
        documents += [d for level in estate["scps"] for d in level]
        found += [s for d in documents for s in many(d["Statement"]) if "Sid" in s]
    return found


def matches(pattern: str) -> list[str]:
    prefix, _, name = pattern.partition(":")
    return [each for each in KNOWN.get(prefix, []) if fnmatch.fnmatchcase(each.lower(), name.lower())]


def test_there_is_something_to_look_at(statements):
    assert len(statements) > 200


def test_every_action_exists_11(statements):
    """`bedrock:Converse` looks right and does nothing."""
    written = {a for s in statements for key in ("Action", "NotAction") for a in many(s.get(key, []))}
    # Lambda's actions are not in the table.
    unknown = {a for a in written if a != "*" and not a.startswith("lambda:") and not matches(a)}
    assert unknown == set()


def test_both_inference_actions_stand_together_12(statements):
    alone = [
        s for s in statements
        if s["Effect"] == "Deny" and "bedrock:InvokeModel" in many(s.get("Action", []))
        and "bedrock:InvokeModelWithResponseStream" not in many(s["Action"])
    ]  # fmt: skip
    # A role that may not stream is denied streaming by another statement.
    assert {s["Sid"] for s in alone} <= {"OtherModels", "WithoutGuardrail"}


def test_conditions_stand_only_on_actions_that_carry_their_key_13_14(statements):
    carried = {
        "bedrock:GuardrailIdentifier": {"bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"},
        "bedrock-mantle:Model": {
            "bedrock-mantle:CreateInference", "bedrock-mantle:CountTokens", "bedrock-mantle:CreateFineTuningJob",
        },
        "iam:ServiceSpecificCredentialAgeDays": {"iam:CreateServiceSpecificCredential"},
    }  # fmt: skip
    for statement in statements:
        keys = {key for block in statement.get("Condition", {}).values() for key in block}
        for key in keys & set(carried):
            assert set(many(statement["Action"])) <= carried[key], statement["Sid"]


def test_no_tag_is_asked_of_what_has_none_15(statements):
    for statement in statements:
        condition = statement.get("Condition", {})
        if "aws:ResourceTag" not in json.dumps(condition) or many(statement["Action"])[0].startswith("kms:"):
            continue
        # A foundation model and a system profile have none: such a statement must not match them.
        assert statement["Effect"] == "Deny", statement["Sid"]
        has_one = set(condition) == {"Null"} and set(condition["Null"].values()) == {"false"}
        assert has_one or all(":application-inference-profile/" in arn for arn in many(statement["Resource"]))


def test_no_session_is_named_where_the_role_is_meant_17(statements):
    assert "assumed-role" not in json.dumps(statements)


def test_every_value_is_text_19(statements):
    values = [
        v for s in statements for block in s.get("Condition", {}).values() for vs in block.values() for v in many(vs)
    ]
    assert values
    assert all(isinstance(value, str) for value in values)


def test_no_sid_stands_twice_in_a_document_20(estates):
    for name in APPS:
        for principal in estates[name].estate["principals"].values():
            for document in principal["identity"]:
                sids = [s["Sid"] for s in many(document["Statement"]) if "Sid" in s]
                assert len(set(sids)) == len(sids)


def test_no_set_operator_stands_on_a_single_value_22(statements):
    assert "ForAnyValue" not in json.dumps(statements)
    assert "ForAllValues" not in json.dumps(statements)


def lists(value):
    if isinstance(value, dict):
        for item in value.values():
            yield from lists(item)
    elif isinstance(value, list):
        yield from (item for item in value if isinstance(item, str))


def test_every_action_of_the_organisations_table_exists():
    actions = {
        text for text in lists(table("organization_actions")) if ":" in text and "*:" not in text and "::" not in text
    }
    unknown = {a for a in actions if not a.startswith("lambda:") and not matches(a)}
    assert len(actions) > 100
    assert unknown == set()
