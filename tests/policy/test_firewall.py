"""The web ACL: names from the table, no body blocked unasked, no more capacity than is paid for."""

from __future__ import annotations

import pytest

from secure_bedrock.data import table
from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy.firewall import GROUPS, require_rules, web_acl_rules

BODY_RULES = {row["rule"] for row in table("managed_rules")["rules"] if row["body"] and row["group"] in GROUPS}


def rules(**changed):
    given = {"per_ip": 600, "per_session": 300, "inspected_kib": 64, "block_bodies": False, **changed}
    return {rule["Name"]: rule for rule in web_acl_rules(**given)}


def overridden(found):
    """Every rule of a managed group whose action is another than its own, and what it is."""
    statements = [rule["Statement"].get("ManagedRuleGroupStatement", {}) for rule in found.values()]
    overrides = [each for statement in statements for each in statement.get("RuleActionOverrides", [])]
    return {each["Name"]: each["ActionToUse"] for each in overrides}


def test_the_groups_of_sql_injection_bad_inputs_common_rules_and_reputation_are_there():
    found = rules()
    managed = [name for name, rule in found.items() if "ManagedRuleGroupStatement" in rule["Statement"]]
    assert sorted(managed) == [
        "AWSManagedRulesAmazonIpReputationList", "AWSManagedRulesCommonRuleSet",
        "AWSManagedRulesKnownBadInputsRuleSet", "AWSManagedRulesSQLiRuleSet",
    ]  # fmt: skip
    assert all(found[name]["OverrideAction"] == {"None": {}} for name in managed), "Count here would switch it off"


def test_every_body_rule_is_counted_and_no_other():
    assert len(BODY_RULES) == 10
    assert overridden(rules()) == {name: {"Count": {}} for name in BODY_RULES}
    assert rules()["Oversize"]["Action"] == {"Count": {}}


def test_asked_to_block_bodies_it_does_but_for_the_rule_of_eight_kibibytes():
    """It would fire below what is inspected; `Oversize` stands for it."""
    found = rules(block_bodies=True)
    assert overridden(found) == {"SizeRestrictions_BODY": {"Count": {}}}
    assert found["Oversize"]["Action"] == {"Block": {}}
    size = found["Oversize"]["Statement"]["SizeConstraintStatement"]
    assert (size["FieldToMatch"], size["ComparisonOperator"], size["Size"]) == (
        {"Body": {"OversizeHandling": "MATCH"}}, "GT", 64 * 1024,
    )  # fmt: skip


def test_a_rule_that_is_named_is_counted_beside_them():
    assert set(overridden(rules(counted=("SQLi_URIPATH",)))) == BODY_RULES | {"SQLi_URIPATH"}
    assert set(overridden(rules(counted=("SQLi_URIPATH",), block_bodies=True))) == {
        "SQLi_URIPATH", "SizeRestrictions_BODY",
    }  # fmt: skip


def test_every_overridden_name_is_one_of_its_group_for_aws_ignores_any_other():
    known = {row["group"]: set() for row in table("managed_rules")["rules"]}
    for row in table("managed_rules")["rules"]:
        known[row["group"]].add(row["rule"])
    for name, rule in rules(counted=tuple(BODY_RULES)).items():
        statement = rule["Statement"].get("ManagedRuleGroupStatement", {})
        assert {each["Name"] for each in statement.get("RuleActionOverrides", [])} <= known.get(name, set())


@pytest.mark.parametrize(
    ("given", "near"),
    [
        ("SQLI_BODY", "SQLi_BODY"), ("SQLi_BODDY", "SQLi_BODY"), ("Log4JRCE_HEADERS", "Log4JRCE_HEADER"),
        ("SizeRestriction_BODY", "SizeRestrictions_BODY"), ("CrossSiteScripting_BODY ", "CrossSiteScripting_BODY"),
    ],
)  # fmt: skip
def test_a_misspelt_name_is_refused_with_the_nearest_one(given, near):
    with pytest.raises(InvalidInput, match=f"did you mean '{near}'"):
        require_rules("counted_rules", [given])


def test_requests_are_counted_by_address_and_by_session():
    found = rules(per_ip=100, per_session=50)
    address = found["RatePerAddress"]["Statement"]["RateBasedStatement"]
    session = found["RatePerSession"]["Statement"]["RateBasedStatement"]
    assert (address["Limit"], address["AggregateKeyType"], address["EvaluationWindowSec"]) == (100, "IP", 60)
    assert (session["Limit"], session["AggregateKeyType"]) == (50, "CUSTOM_KEYS")
    (key,) = session["CustomKeys"]
    assert key["Header"]["Name"] == "x-amz-security-token"
    assert key["Header"]["TextTransformations"] == [{"Priority": 0, "Type": "MD5"}], "logs hold what it is told by"
    assert {found[name]["Action"]["Block"] is not None for name in ("RatePerAddress", "RatePerSession")} == {True}


def test_what_is_not_signed_in_its_header_is_blocked_first():
    found = rules()
    first = min(found.values(), key=lambda rule: rule["Priority"])
    assert (first["Name"], first["Action"]) == ("Unsigned", {"Block": {}})
    match = first["Statement"]["NotStatement"]["Statement"]["ByteMatchStatement"]
    assert match["FieldToMatch"] == {"SingleHeader": {"Name": "authorization"}}
    assert (match["PositionalConstraint"], match["SearchString"]) == ("STARTS_WITH", "AWS4-HMAC-SHA256 ")


def test_priorities_are_unique():
    priorities = [rule["Priority"] for rule in rules().values()]
    assert sorted(priorities) == list(range(8))


def test_no_more_than_1500_units_of_capacity_are_used():
    """Beyond them AWS bills; the four own rules take under 100 ("WCU distribution", AWS WAF developer guide)."""
    units = sum(row["wcu"] for row in table("managed_rules")["groups"] if row["group"] in GROUPS)
    assert units + 100 <= 1500
