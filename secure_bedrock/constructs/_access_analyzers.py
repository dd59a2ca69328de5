"""The analyzers of an access audit, their archive rules, and the way of their findings to a topic."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_accessanalyzer as accessanalyzer
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from secure_bedrock.constructs._audit_storage import Place, audit_role_name
from secure_bedrock.constructs.acknowledgements import OWN_POLICY_IS_INLINE, acknowledge
from secure_bedrock.errors import InvalidInput, invalid
from secure_bedrock.policy.lists import items_of
from secure_bedrock.policy.reserved import AUDIT_PREFIX

FINDINGS_RULE = f"{AUDIT_PREFIX}access-findings"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,254}")
_OPERATORS = {"eq", "neq", "contains", "exists"}
_FEWEST_WORDS = 4


@dataclass(frozen=True, kw_only=True)
class ArchiveRule:
    """Findings that are as they should be. Access Analyzer archives them as they come, and tells nobody.

    Attributes:
        name: of the rule, unique in its analyzer.
        reason: why such access is meant, in a sentence; kept in the template beside the rule.
        criteria: by property of a finding, such as `resource` or `principal.AWS`: {"eq": [...]}, "neq", "contains" or
            {"exists": True}. All of them must hold (IAM User Guide, "IAM Access Analyzer filter keys").
        unused: of the analyzer of unused access. Default: False, of the one of external access.
    """

    name: str
    reason: str
    criteria: Mapping[str, Mapping[str, object]]
    unused: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise invalid("archive_rules.name", self.name, allowed="1 to 255 letters, digits and _.-, a letter first")
        if not isinstance(self.reason, str) or len(self.reason.split()) < _FEWEST_WORDS:
            raise invalid("archive_rules.reason", self.reason, allowed="a sentence that says why such access is meant")
        if not isinstance(self.criteria, Mapping) or not self.criteria:
            raise InvalidInput(
                "archive_rules.criteria: got nothing; allowed is at least one, or it archives everything"
            )
        for key, test in self.criteria.items():
            self._require(key, test)

    def _require(self, key: str, test: object) -> None:
        if not isinstance(test, Mapping) or not test or not set(test) <= _OPERATORS:
            raise invalid(f"archive_rules.criteria[{key!r}]", test, allowed="a mapping of eq, neq, contains or exists")
        for operator, values in test.items():
            is_list = isinstance(values, Sequence) and not isinstance(values, str) and values
            if not (isinstance(values, bool) if operator == "exists" else is_list):
                raise invalid(
                    f"archive_rules.criteria[{key!r}].{operator}", values, allowed="a list; for exists a bool"
                )
        if key == "isPublic" and "true" in [str(value).lower() for value in _listed(test.get("eq"))]:
            raise invalid("archive_rules.criteria['isPublic']", "true", allowed="no rule that archives public access")

    def filters(self) -> list[accessanalyzer.CfnAnalyzer.FilterProperty]:
        """Return the criteria as CloudFormation takes them."""
        return [accessanalyzer.CfnAnalyzer.FilterProperty(property=key, **test) for key, test in self.criteria.items()]


def checked_rules(rules: Iterable[ArchiveRule] | None) -> tuple[ArchiveRule, ...]:
    """Return the archive rules; two of one analyzer need two names."""
    found = items_of("archive_rules", rules)
    for rule in found:
        if not isinstance(rule, ArchiveRule):
            raise invalid("archive_rules", rule, allowed="ArchiveRule(name=..., reason=..., criteria=...)")
    names = [(rule.unused, rule.name) for rule in found]
    for each in names:
        if names.count(each) > 1:
            raise invalid("archive_rules", each[1], allowed="each name once")
    return found


def analyzer(
    scope: Construct, *, unused: bool, organization: bool, rules: Iterable[ArchiveRule], age: int
) -> accessanalyzer.CfnAnalyzer:
    """Return an analyzer of external or of unused access."""
    mine = [rule for rule in rules if rule.unused is unused]
    zone = "ORGANIZATION" if organization else "ACCOUNT"
    kind = "unused" if unused else "external"
    configuration = accessanalyzer.CfnAnalyzer.AnalyzerConfigurationProperty(
        unused_access_configuration=accessanalyzer.CfnAnalyzer.UnusedAccessConfigurationProperty(unused_access_age=age)
    )
    made = accessanalyzer.CfnAnalyzer(
        scope,
        kind.title(),
        type=f"{zone}_UNUSED_ACCESS" if unused else zone,
        analyzer_name=f"{AUDIT_PREFIX}{kind}",
        analyzer_configuration=configuration if unused else None,
        archive_rules=[
            accessanalyzer.CfnAnalyzer.ArchiveRuleProperty(rule_name=rule.name, filter=rule.filters()) for rule in mine
        ]
        or None,
    )
    if mine:
        made.add_metadata("secure-bedrock:archived", {rule.name: rule.reason for rule in mine})
    return made


def findings_to(
    scope: Construct,
    place: Place,
    analyzers: Iterable[accessanalyzer.CfnAnalyzer],
    topic: sns.ITopic,
    key: kms.IKey | None,
) -> events.CfnRule:
    """Return the rule that tells the topic of every finding that is active.

    It publishes as a role of its own: a topic's policy cannot tell this rule from another account's.
    """
    source = place.environment.arn(f"rule/{FINDINGS_RULE}", service="events")
    ours = {"StringEquals": {"aws:SourceAccount": place.environment.account}, "ArnEquals": {"aws:SourceArn": source}}
    role = iam.Role(
        scope,
        "FindingsRole",
        **audit_role_name(place, "findings"),
        assumed_by=iam.PrincipalWithConditions(iam.ServicePrincipal("events.amazonaws.com"), ours),
        description="EventBridge's way to the topic for findings of Access Analyzer",
    )
    acknowledge(role, OWN_POLICY_IS_INLINE)
    for statement in may_publish(topic, key):
        role.add_to_policy(statement)
    rule = events.CfnRule(
        scope,
        "Findings",
        name=FINDINGS_RULE,
        description="Findings of Access Analyzer",
        event_pattern={
            "source": ["aws.access-analyzer"],
            "detail-type": [{"wildcard": "*Finding*"}],
            "resources": [each.attr_arn for each in analyzers],
            "detail": {"status": ["ACTIVE"]},
        },
        targets=[
            events.CfnRule.TargetProperty(
                id="Topic",
                arn=topic.topic_arn,
                role_arn=role.role_arn,
                input_transformer=events.CfnRule.InputTransformerProperty(
                    input_paths_map={
                        "what": "$.detail-type",
                        "resource": "$.detail.resource",
                        "principal": "$.detail.principal",
                        "action": "$.detail.action",
                        "account": "$.account",
                        "region": "$.region",
                    },
                    input_template='"<what>: <resource> in account <account>, <region>. Principal: <principal>. '
                    'Actions: <action>. Archive it by a rule with a reason, or take the access away."',
                ),
            )
        ],
    )
    rule.node.add_dependency(role)
    reason = "EventBridge tries for a day, and a finding stays active in Access Analyzer until it is resolved"
    acknowledge(rule, {"EventBusDLQ": reason})
    return rule


def may_publish(topic: sns.ITopic, key: kms.IKey | None) -> list[iam.PolicyStatement]:
    """Return what a role needs to publish to a topic, and for the key it is encrypted with."""
    statements = [iam.PolicyStatement(actions=["sns:Publish"], resources=[topic.topic_arn])]
    if key is not None:
        via = {"StringEquals": {"kms:ViaService": f"sns.{cdk.Stack.of(key).region}.{cdk.Aws.URL_SUFFIX}"}}
        actions = ["kms:Decrypt", "kms:GenerateDataKey"]
        statements.append(iam.PolicyStatement(actions=actions, resources=[key.key_arn], conditions=via))
    return statements


def _listed(values: object) -> list[object]:
    return list(values) if isinstance(values, Sequence) and not isinstance(values, str) else []
