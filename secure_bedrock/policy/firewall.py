"""The rules of the web ACL before a gateway, as CloudFormation writes them.

AWS WAF developer guide: "AWS Managed Rules rule groups list" (data/managed_rules.json), "Rate-based rule statement" and
"Oversize web request components". An override of a rule that does not exist is ignored without an error, so that every
name is looked up in the table.
"""

from __future__ import annotations

from collections.abc import Iterable

from secure_bedrock.data import table
from secure_bedrock.errors import invalid, nearest
from secure_bedrock.policy.document import Plain
from secure_bedrock.policy.lists import items_of

#: In this order: the cheapest first.
GROUPS = (
    "AWSManagedRulesAmazonIpReputationList",
    "AWSManagedRulesKnownBadInputsRuleSet",
    "AWSManagedRulesSQLiRuleSet",
    "AWSManagedRulesCommonRuleSet",
)
#: How much of a body can be looked at, in KiB, and what the web ACL calls it.
INSPECTED = {16: "KB_16", 32: "KB_32", 48: "KB_48", 64: "KB_64"}
_WINDOW_SECONDS = 60
_AS_IT_IS = [{"Priority": 0, "Type": "NONE"}]
#: Fires above 8 KiB whatever is inspected: most prompts with a document are longer. `Oversize` stands for it.
_SIZE_OF_BODY = "SizeRestrictions_BODY"


def web_acl_rules(
    *, per_ip: int, per_session: int, inspected_kib: int, block_bodies: bool, counted: tuple[str, ...] = ()
) -> list[Plain]:
    """Return the rules.

    Args:
        per_ip: requests a minute from one address.
        per_session: requests a minute with one set of temporary credentials, told by its session token.
        inspected_kib: a key of INSPECTED.
        block_bodies: block what body rules match, and bodies longer than what is inspected; else both are counted:
            a prompt about SQL is no injection.
        counted: names of managed rules that are counted, whatever else is said.

    Raises:
        InvalidInput: for the name of a rule that none of the groups has.
    """
    rules = [
        _rule("Unsigned", _unsigned(), {"Block": {}}),
        _rule("RatePerAddress", _rate(per_ip, {"AggregateKeyType": "IP"}), {"Block": {}}),
        _rule("RatePerSession", _rate(per_session, _by_session()), {"Block": {}}),
        _rule("Oversize", _oversize(inspected_kib), {"Block" if block_bodies else "Count": {}}),
        *(_managed(group, counted_of(group, counted, block_bodies=block_bodies)) for group in GROUPS),
    ]
    return [{**rule, "Priority": priority} for priority, rule in enumerate(rules)]


def require_rules(name: str, values: Iterable[str] | None) -> tuple[str, ...]:
    """Check names of managed rules and return them.

    Raises:
        InvalidInput: for an empty collection, or a name that is not in the table, with the nearest one that is.
    """
    known = [row["rule"] for row in table("managed_rules")["rules"] if row["group"] in GROUPS]
    given = items_of(name, values)
    for value in given:
        if value not in known:
            near = nearest(value, known) if isinstance(value, str) else None
            raise invalid(name, value, allowed=f"rules of {', '.join(GROUPS)}", nearest=near)
    return tuple(dict.fromkeys(given))


def counted_of(group: str, counted: tuple[str, ...], *, block_bodies: bool) -> list[str]:
    """Return which rules of a managed group are counted and not blocked."""
    rows = [row for row in table("managed_rules")["rules"] if row["group"] == group]
    return [
        row["rule"]
        for row in rows
        if row["rule"] in counted or row["rule"] == _SIZE_OF_BODY or (row["body"] and not block_bodies)
    ]


def visibility(name: str) -> Plain:
    """Return how a rule is counted; samples would keep headers, and with them session tokens."""
    return {"MetricName": name, "CloudWatchMetricsEnabled": True, "SampledRequestsEnabled": False}


def _rule(name: str, statement: Plain, action: Plain) -> Plain:
    return {"Name": name, "Statement": statement, "Action": action, "VisibilityConfig": visibility(name)}


def _unsigned() -> Plain:
    """Every request that is not signed in its Authorization header; a signed URL could be passed on."""
    return {
        "NotStatement": {
            "Statement": {
                "ByteMatchStatement": {
                    "FieldToMatch": {"SingleHeader": {"Name": "authorization"}},
                    "PositionalConstraint": "STARTS_WITH",
                    "SearchString": "AWS4-HMAC-SHA256 ",
                    "TextTransformations": _AS_IT_IS,
                }
            }
        }
    }


def _rate(limit: int, aggregate: Plain) -> Plain:
    return {"RateBasedStatement": {"Limit": limit, "EvaluationWindowSec": _WINDOW_SECONDS, **aggregate}}


def _by_session() -> Plain:
    """By the digest of the session token: WAF's logs hold the beginning of what a rate rule tells callers by.

    WAF runs before the signature is checked, and no transformation takes the key id out of the Authorization header.
    A forger may write another token each time and is then held by the address alone; a caller may assume the role
    again. What holds one caller, whatever the session, is the quota of the handler.
    """
    key = {"Header": {"Name": "x-amz-security-token", "TextTransformations": [{"Priority": 0, "Type": "MD5"}]}}
    return {"AggregateKeyType": "CUSTOM_KEYS", "CustomKeys": [key]}


def _oversize(inspected_kib: int) -> Plain:
    return {
        "SizeConstraintStatement": {
            "FieldToMatch": {"Body": {"OversizeHandling": "MATCH"}},
            "ComparisonOperator": "GT",
            "Size": inspected_kib * 1024,
            "TextTransformations": _AS_IT_IS,
        }
    }


def _managed(group: str, counted: list[str]) -> Plain:
    statement: Plain = {"VendorName": table("managed_rules")["vendor"], "Name": group}
    if counted:
        statement["RuleActionOverrides"] = [{"Name": name, "ActionToUse": {"Count": {}}} for name in counted]
    return {
        "Name": group,
        "Statement": {"ManagedRuleGroupStatement": statement},
        "OverrideAction": {"None": {}},
        "VisibilityConfig": visibility(group),
    }
