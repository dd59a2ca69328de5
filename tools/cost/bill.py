"""The bill of a month, from templates and the dated prices of `secure_bedrock/data/prices.json`.

A kind of resource that is neither priced, nor known to have no price in that table, nor known to cost nothing, is an
error: nothing is left out in silence.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from secure_bedrock.data import table

HOURS = 730
Resource = Mapping[str, Any]
Template = Mapping[str, Any]
#: What is counted: in words, how many of the price's unit, and the price's id.
Item = tuple[str, float, str]


def _said(value: float, meaning: str) -> Any:  # noqa: ANN401 - dataclasses' own type
    return field(default=value, metadata={"means": meaning})


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What is taken for a month's use; each number says what it counts."""

    calls: int = _said(1_000_000, "calls of Bedrock")
    other_events: int = _said(200_000, "management events of everything else in the account")
    data_events: int = _said(10_000, "data events: bedrock-mantle, agents")
    denied: int = _said(1_000, "calls that an endpoint's policy denies")
    gigabytes: float = _said(5, "GB through the endpoint")
    gateway_calls: int = _said(100_000, "calls through the gateway, its logs holding three lines for each")
    record_bytes: int = _said(1_600, "bytes of a CloudTrail record")
    content_bytes: int = _said(6_000, "bytes of a prompt with its answer, where they are logged")
    line_bytes: int = _said(1_000, "bytes of a line of the gateway's logs")
    other_log_gigabytes: float = _said(0.1, "GB of each other log group: functions, flow logs")
    people_and_roles: int = _said(50, "roles and users in the account, for the analyzer of unused access")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the bill.

    Attributes:
        stack: whose.
        item: what.
        quantity: how many of the price's unit.
        price: the price's id.
    """

    stack: str
    item: str
    quantity: float
    price: str

    @property
    def dollars(self) -> float:
        """What it costs in a month."""
        return self.quantity * prices()[self.price]["usd"]


@cache
def prices() -> dict[str, dict[str, Any]]:
    """Return the table's rows by their ids."""
    return {row["id"]: row for row in table("prices")["prices"]}


def bill(templates: Mapping[str, Template], use: Use) -> list[Line]:
    """Return the lines of the bill, stack by stack, equal items added up.

    Raises:
        KeyError: for a kind of resource of which nothing is known.
    """
    lines: dict[tuple[str, str, str], float] = {}
    for stack, template in templates.items():
        metrics: set[str] = set()
        for resource in template["Resources"].values():
            kind = resource["Type"]
            if kind in FREE or kind in UNPRICED:
                continue
            for item, quantity, price in PRICED[kind](resource.get("Properties", {}), use):
                if kind == "AWS::Logs::MetricFilter" and item in metrics:
                    continue
                metrics.add(item)
                key = (stack, "metrics" if kind == "AWS::Logs::MetricFilter" else item, price)
                lines[key] = lines.get(key, 0) + quantity
    return [Line(stack=s, item=i, quantity=q, price=p) for (s, i, p), q in lines.items()]


def total(lines: Iterable[Line]) -> float:
    """Return the sum of a bill."""
    return sum(line.dollars for line in lines)


def _endpoint(properties: Resource, use: Use) -> Iterator[Item]:
    if properties.get("VpcEndpointType") != "Interface":
        return
    zones = len(properties["SubnetIds"])
    service = str(properties["ServiceName"]).rsplit(".", 1)[-1].strip("'\"}] ")
    yield f"endpoint of {service}, {zones} zones", zones * HOURS, "privatelink.interface_endpoint.hour"
    if service != "dynamodb":
        yield f"endpoint of {service}, by the gigabyte", use.gigabytes, "privatelink.interface_endpoint.gb.first_1pb"


def _resolver(properties: Resource, _: Use) -> Iterator[Item]:
    addresses = len(properties["IpAddresses"])
    yield f"resolver endpoint, {addresses} addresses", addresses * HOURS, "route53resolver.endpoint.eni_hour"


def _trail(properties: Resource, use: Use) -> Iterator[Item]:
    events = use.calls + use.other_events
    kinds = {
        value
        for selector in properties.get("AdvancedEventSelectors", ())
        for field in selector["FieldSelectors"]
        if field["Field"] == "eventCategory"
        for value in field["Equals"]
    }
    if "Management" in kinds:
        yield "trail, second copy of management events", events / 1e5, "cloudtrail.management_events.additional_copy"
    if "Data" in kinds:
        yield "trail, data events", use.data_events / 1e5, "cloudtrail.data_events"
    if "NetworkActivity" in kinds:
        yield "trail, what endpoints deny", use.denied / 1e5, "cloudtrail.network_activity_events"
    for selector in properties.get("InsightSelectors", ()):
        yield f"trail, insights: {selector['InsightType']}", events / 1e5, "cloudtrail.insights"


def _log_group(properties: Resource, use: Use) -> Iterator[Item]:
    name = json.dumps(properties.get("LogGroupName", ""))
    what, gigabytes = "other logs", use.other_log_gigabytes
    for sign, of, size in (
        ("audit/trail", "the trail's log", (use.calls + use.other_events) * use.record_bytes / 1e9),
        ("audit/invocations", "prompts and answers", use.calls * use.content_bytes / 1e9),
        ("aws-waf-logs", "the firewall's log", use.gateway_calls * use.line_bytes / 1e9),
    ):
        if sign in name:
            what, gigabytes = of, size
    days = int(properties.get("RetentionInDays", 0))
    yield f"{what}, taken in", gigabytes, "logs.ingestion.standard"
    yield f"{what}, kept for {days} days", gigabytes * days / 30, "logs.storage"


def _alarm(properties: Resource, _: Use) -> Iterator[Item]:
    queries = properties.get("Metrics", ())
    if any("ANOMALY_DETECTION_BAND" in query.get("Expression", "") for query in queries):
        yield "alarms on bands", 1, "cloudwatch.alarm.anomaly_detection.standard"
    else:
        yield "alarms", max(1, sum("MetricStat" in query for query in queries)), "cloudwatch.alarm.standard"


def _filter(properties: Resource, _: Use) -> Iterator[Item]:
    for made in properties["MetricTransformations"]:
        yield f"{made['MetricNamespace']}/{made['MetricName']}", 1, "cloudwatch.custom_metric.first_10000"


def _firewall(properties: Resource, use: Use) -> Iterator[Item]:
    rules = len(properties["Rules"])
    yield "firewall", 1, "wafv2.web_acl"
    yield f"firewall, {rules} rules", rules, "wafv2.rule"
    yield "firewall, requests", use.gateway_calls / 1e6, "wafv2.requests"


def _analyzer(properties: Resource, use: Use) -> Iterator[Item]:
    if "UNUSED" in properties["Type"]:
        yield "analyzer of unused access", use.people_and_roles, "accessanalyzer.unused_access"
    else:
        yield "analyzer of external access", 1, "accessanalyzer.external_access"


def _one(item: str, price: str) -> Callable[[Resource, Use], Iterator[Item]]:
    return lambda _properties, _use: iter([(item, 1, price)])


PRICED: dict[str, Callable[[Resource, Use], Iterator[Item]]] = {
    "AWS::AccessAnalyzer::Analyzer": _analyzer,
    "AWS::ApiGateway::RestApi": lambda _, use: iter([
        ("gateway, requests", use.gateway_calls / 1e6, "apigateway.rest.requests.first_333m")
    ]),
    "AWS::CloudTrail::Trail": _trail,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::CloudWatch::CompositeAlarm": _one("composite alarms", "cloudwatch.alarm.composite"),
    "AWS::CloudWatch::Dashboard": _one("dashboard", "cloudwatch.dashboard"),
    "AWS::EC2::VPCEndpoint": _endpoint,
    "AWS::KMS::Key": _one("keys", "kms.key"),
    "AWS::Logs::LogGroup": _log_group,
    "AWS::Logs::MetricFilter": _filter,
    "AWS::Route53Resolver::ResolverEndpoint": _resolver,
    "AWS::WAFv2::WebACL": _firewall,
}  # fmt: skip

#: What costs, and has no price in the table.
UNPRICED = {
    "AWS::Bedrock::Guardrail": "the text that guardrails read, and Bedrock's models",
    "AWS::Budgets::Budget": "budgets beyond those that AWS gives",
    "AWS::DynamoDB::Table": "the gateway's counters, by request",
    "AWS::Events::Rule": "matching of management events by rules",
    "AWS::Lambda::Function": "functions, by request and duration",
    "AWS::S3::Bucket": "what the bucket keeps",
    "AWS::SNS::Topic": "notifications beyond those that AWS gives",
    "AWS::SQS::Queue": "messages that could not be delivered",
}

#: What is priced, and costs more than the table knows.
PARTLY = {
    "AWS::CloudTrail::Trail": "what the trail puts into the bucket, by request",
    "AWS::KMS::Key": "requests to keys, and their older versions",
    "AWS::WAFv2::WebACL": "the firewall's reading of bodies beyond 16 KB",
}

#: What AWS bills nothing for by itself.
FREE = {
    "AWS::ApiGateway::Account", "AWS::ApiGateway::Deployment", "AWS::ApiGateway::GatewayResponse",
    "AWS::ApiGateway::Method", "AWS::ApiGateway::Model", "AWS::ApiGateway::RequestValidator",
    "AWS::ApiGateway::Resource", "AWS::ApiGateway::Stage", "AWS::Bedrock::ApplicationInferenceProfile",
    "AWS::Bedrock::GuardrailVersion", "AWS::CE::AnomalyMonitor", "AWS::CE::AnomalySubscription", "AWS::EC2::FlowLog",
    "AWS::EC2::RouteTable", "AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress", "AWS::EC2::Subnet", "AWS::EC2::SubnetRouteTableAssociation", "AWS::EC2::VPC",
    "AWS::IAM::ManagedPolicy", "AWS::IAM::OIDCProvider", "AWS::IAM::Policy", "AWS::IAM::Role",
    "AWS::Lambda::EventInvokeConfig", "AWS::Lambda::Permission", "AWS::Logs::QueryDefinition",
    "AWS::Logs::ResourcePolicy", "AWS::Organizations::Policy", "AWS::ResourceGroups::Group",
    "AWS::RolesAnywhere::Profile", "AWS::RolesAnywhere::TrustAnchor", "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy",
    "AWS::WAFv2::LoggingConfiguration", "AWS::WAFv2::WebACLAssociation", "Custom::BedrockInvocationLogging",
    "Custom::VpcRestrictDefaultSG",
}  # fmt: skip
