"""What boto3 reads back from the deployment: named facts, each with what it should be.

A fact reads one thing by AWS's own API and compares it; nothing is taken from a template.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from drill.deployment import AUDIT, BUCKET, Deployment
from drill.environment import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SUBNETS = 2
#: Deny statements that a role with one profile, one endpoint and a guardrail has, whatever else.
CEILING = {
    "OtherActions", "NoResource", "OtherModels", "OtherResourcesOfApplyGuardrail", "OnlyThroughProfile1",
    "OffNetwork", "OffNetworkDirect", "WithoutGuardrail", "OtherRoles",
}  # fmt: skip


@dataclass(frozen=True)
class Fact:
    """One thing to be read.

    Attributes:
        name: what it says of the deployment.
        expected: the value.
        read: reads it.
    """

    name: str
    expected: object
    read: Callable[[], object]


@dataclass(frozen=True)
class Reading:
    """A fact, and what was read."""

    fact: Fact
    found: object

    @property
    def holds(self) -> bool:
        """Whether it is as expected."""
        return self.found == self.fact.expected


def so(name: str, read: Callable[[], object]) -> Fact:
    """Return a fact that is so or not."""
    return Fact(name, expected=True, read=read)


def read(facts: Iterable[Fact]) -> list[Reading]:
    """Read every fact; one that cannot be read is one that does not hold."""
    return [Reading(fact, _found(fact)) for fact in facts]


def _found(fact: Fact) -> object:
    try:
        return fact.read()
    except (ClientError, BotoCoreError, LookupError, ValueError, TypeError, StopIteration) as error:
        return f"{type(error).__name__}: {error}"


def network_facts(on: Deployment) -> Iterator[Fact]:
    """Yield what is true of the network stack."""
    ec2 = on["ec2"]
    yield Fact(
        "the VPC has no internet gateway",
        [],
        lambda: ec2.describe_internet_gateways(Filters=[{"Name": "attachment.vpc-id", "Values": [on.outputs["Vpc"]]}])[
            "InternetGateways"
        ],
    )
    yield Fact("the VPC has no NAT gateway", [], lambda: ec2.describe_nat_gateways(Filter=on.in_vpc)["NatGateways"])
    yield Fact(
        "no route leads out of the VPC",
        {"local"},
        lambda: {
            route.get("GatewayId")
            for found in ec2.describe_route_tables(Filters=on.in_vpc)["RouteTables"]
            for route in found["Routes"]
        },
    )
    yield Fact("the subnets stand in two zones", SUBNETS, lambda: len({s["AvailabilityZone"] for s in on.subnets}))
    yield Fact("no subnet gives public addresses", {False}, lambda: {s["MapPublicIpOnLaunch"] for s in on.subnets})
    name = f"com.amazonaws.{REGION}.bedrock-runtime"
    yield Fact("the endpoint is Bedrock's runtime", name, lambda: on.endpoint["ServiceName"])
    yield Fact("the endpoint is an interface", "Interface", lambda: on.endpoint["VpcEndpointType"])
    yield so("the endpoint has private DNS", lambda: on.endpoint["PrivateDnsEnabled"])
    yield Fact(
        "the endpoint stands in every subnet",
        0,
        lambda: len({s["SubnetId"] for s in on.subnets} ^ set(on.endpoint["SubnetIds"])),
    )
    yield Fact("the endpoint has one security group", 1, lambda: len(on.endpoint["Groups"]))
    yield from _groups(on)
    admitted = {on.outputs[name] for name in ("Friend", "Widened", "Leaver")}
    named = lambda: {arn for statement in on.endpoint_policy for arn in _named(statement)}  # noqa: E731
    yield Fact("the endpoint's policy names the roles admitted", set(), lambda: (admitted | {on.role["Arn"]}) - named())
    yield Fact(
        "it names roles under the reserved path only",
        set(),
        lambda: {arn for arn in named() if f"iam::{ACCOUNT}:role/secure-bedrock/" not in arn},
    )
    yield so("it does not name a suspended role", lambda: on.outputs["Suspended"] not in named())
    yield Fact(
        "the endpoint's policy allows nothing to everybody",
        [],
        lambda: [s["Sid"] for s in on.endpoint_policy if s["Effect"] == "Allow" and not _named(s)],
    )


def _named(statement: dict[str, Any]) -> list[str]:
    """The roles that a statement of an endpoint's policy is for."""
    named = statement.get("Condition", {}).get("ArnEquals", {}).get("aws:PrincipalArn", [])
    return [named] if isinstance(named, str) else named


def _groups(on: Deployment) -> Iterator[Fact]:
    yield Fact(
        "the endpoint's group takes HTTPS from the function's group only",
        [(443, 443, True, [])],
        lambda: [
            (
                rule["FromPort"],
                rule["ToPort"],
                [pair["GroupId"] for pair in rule["UserIdGroupPairs"]] == [on.function_group["GroupId"]],
                rule["IpRanges"],
            )
            for rule in on.endpoint_group["IpPermissions"]
        ],
    )
    yield Fact("the endpoint's group has no way out", [], lambda: _ways(on.endpoint_group))
    yield Fact(
        "the function's one way out is HTTPS", [443], lambda: [rule["ToPort"] for rule in _ways(on.function_group)]
    )
    yield Fact(
        "the VPC's default group is closed",
        [([], [])],
        lambda: [
            (found["IpPermissions"], _ways(found)) for found in on.groups.values() if found["GroupName"] == "default"
        ],
    )


def _ways(group: dict[str, Any]) -> list[dict[str, Any]]:
    """The egress rules of a group; CDK writes "none" as one ICMP rule to an address that is nobody's."""
    return [rule for rule in group["IpPermissionsEgress"] if rule.get("IpProtocol") != "icmp"]


def access_facts(on: Deployment, *, team: str) -> Iterator[Fact]:
    """Yield what is true of the access stack."""
    iam = on["iam"]
    yield Fact("the role is under the reserved path", "/secure-bedrock/", lambda: on.role["Path"])
    yield Fact(
        "Lambda alone may assume the role",
        [{"Service": "lambda.amazonaws.com"}],
        lambda: [s["Principal"] for s in on.role["AssumeRolePolicyDocument"]["Statement"] if s["Effect"] == "Allow"],
    )
    yield Fact("the role's sessions last an hour", 3600, lambda: on.role["MaxSessionDuration"])
    yield Fact(
        "the role is tagged",
        {"project": "reference", "team": team},
        lambda: {
            tag["Key"]: tag["Value"]
            for tag in iam.list_role_tags(RoleName=on.role_name)["Tags"]
            if not tag["Key"].startswith("aws:")
        },
    )
    yield Fact("the ceiling lacks no statement", set(), lambda: CEILING - {s["Sid"] for s in on.ceiling})
    yield Fact("the ceiling allows nothing", {"Deny"}, lambda: {s["Effect"] for s in on.ceiling})
    yield so("the ceiling names the deployed endpoint", lambda: on.outputs["Endpoint"] in str(on.ceiling))
    yield Fact(
        "what is allowed is inference and the guardrail",
        {"bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream", "bedrock:ApplyGuardrail"},
        lambda: {action for s in on.allowed for action in _listed(s["Action"])},
    )
    yield Fact(
        "it is allowed on nothing but that model, its profile and the guardrail",
        {"eu.amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0", on.outputs["GuardrailId"]},
        lambda: {r.rpartition("/")[2] for s in on.allowed for r in _listed(s["Resource"])},
    )
    yield Fact("the guardrail is ready", "READY", lambda: on.guardrail["status"])
    yield Fact("the guardrail is published", "1", lambda: on.guardrail["version"])
    yield Fact(
        "the guardrail has six filters",
        ["HATE", "INSULTS", "MISCONDUCT", "PROMPT_ATTACK", "SEXUAL", "VIOLENCE"],
        lambda: sorted(entry["type"] for entry in on.guardrail["contentPolicy"]["filters"]),
    )
    yield from _function(on)


def _function(on: Deployment) -> Iterator[Fact]:
    yield Fact("the function runs Python 3.14", "python3.14", lambda: on.function["Runtime"])
    yield Fact("the function has 256 MB", 256, lambda: on.function["MemorySize"])
    yield Fact("the function stands in two subnets", SUBNETS, lambda: len(on.function["VpcConfig"]["SubnetIds"]))
    yield Fact(
        "the function asks by the profile's id",
        "eu.amazon.nova-lite-v1:0",
        lambda: on.function["Environment"]["Variables"]["MODEL_ID"],
    )
    yield Fact(
        "the function names the published guardrail",
        (on.outputs["GuardrailId"], on.outputs["GuardrailVersion"]),
        lambda: tuple(on.function["Environment"]["Variables"][f"GUARDRAIL_{key}"] for key in ("ID", "VERSION")),
    )
    yield Fact(
        "the function's log stays 90 days",
        90,
        lambda: on.log_group(on.function["LoggingConfig"]["LogGroup"])["retentionInDays"],
    )


def organization_facts(on: Deployment) -> Iterator[Fact]:
    """Yield what is true of the organisation's policies."""
    yield so("policies are attached to the root", lambda: bool(on.scps))
    yield Fact("they only deny", {"Deny"}, lambda: {s["Effect"] for s in on.scps})
    for sid, what in {
        "Regions": "Bedrock elsewhere",
        "Models": "other models",
        "GlobalProfiles": "global profiles",
        "ApiKeys": "API keys",
        "DataRetention": "changes of data retention",
    }.items():
        yield so(f"they deny {what}", lambda sid=sid: sid in {s["Sid"] for s in on.scps})


def audit_facts(on: Deployment, *, calls: int) -> Iterator[Fact]:
    """Yield what is true of the audit."""
    trails, name = on["cloudtrail"], f"{AUDIT}-trail"
    for key in ("IsMultiRegionTrail", "IncludeGlobalServiceEvents", "LogFileValidationEnabled"):
        yield so(f"the trail: {key}", lambda key=key: on.trail[key])
    yield so("the trail records", lambda: trails.get_trail_status(Name=name)["IsLogging"])
    yield Fact("the trail's records are in the audit's bucket", BUCKET, lambda: on.trail["S3BucketName"])
    yield so("the trail's records are under a key", lambda: on.trail["KmsKeyId"].startswith("arn:"))
    yield Fact(
        "the trail records management events, calls by stream and what endpoints deny",
        {"Data", "Management", "NetworkActivity"},
        lambda: {
            value
            for selector in trails.get_event_selectors(TrailName=name)["AdvancedEventSelectors"]
            for field in selector["FieldSelectors"]
            if field["Field"] == "eventCategory"
            for value in field["Equals"]
        },
    )
    yield from _bucket(on)
    yield from _log_groups(on)
    yield from _alarms(on, calls=calls)
    yield from _invocation_logging(on)


def _bucket(on: Deployment) -> Iterator[Fact]:
    s3, kms = on["s3"], on["kms"]
    yield Fact(
        "the bucket encrypts with the audit's key",
        [("aws:kms", on.key)],
        lambda: [
            (rule["SSEAlgorithm"], rule["KMSMasterKeyID"].rpartition("/")[2])
            for each in s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
            for rule in [each["ApplyServerSideEncryptionByDefault"]]
        ],
    )
    yield Fact("the bucket keeps versions", "Enabled", lambda: s3.get_bucket_versioning(Bucket=BUCKET)["Status"])
    yield Fact(
        "the bucket is closed to the public, in four ways",
        [True] * 4,
        lambda: list(s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"].values()),
    )
    yield so(
        "nobody but two services puts into the bucket",
        lambda: "OnlyServicesPut" in {s.get("Sid") for s in on.bucket_policy},
    )
    yield so("the key is rotated", lambda: kms.get_key_rotation_status(KeyId=on.key)["KeyRotationEnabled"])
    yield so(
        "nobody passes the key on",
        lambda: "GrantsForServicesOnly" in kms.get_key_policy(KeyId=on.key, PolicyName="default")["Policy"],
    )


def _log_groups(on: Deployment) -> Iterator[Fact]:
    for name, days in {"trail": 365, "invocations": 30}.items():
        path = f"/secure-bedrock/audit/{name}"
        yield Fact(
            f"the log group of the {name} stays {days} days", days, lambda p=path: on.log_group(p)["retentionInDays"]
        )
        yield so(f"the log group of the {name} is under a key", lambda p=path: "kmsKeyId" in on.log_group(p))


def _alarms(on: Deployment, *, calls: int) -> Iterator[Fact]:
    sns = on["sns"]
    yield Fact(
        "every metric of the filters has its alarm",
        set(),
        lambda: (
            {made["metricName"] for found in on.filters for made in found["metricTransformations"]}
            - {alarm.get("MetricName") for alarm in on.alarms}
        ),
    )
    yield Fact(
        "every alarm tells the topic, itself or by a composite alarm",
        [],
        lambda: [
            alarm["AlarmName"]
            for alarm in on.alarms
            if on.topic not in alarm["AlarmActions"] and alarm["AlarmName"] not in on.told_together
        ],
    )
    yield Fact(f"more than {calls} calls are too many", calls, lambda: _alarm(on, "calls")["Threshold"])
    yield so("unusual numbers of calls raise an alarm", lambda: "Metrics" in _alarm(on, "unusual-calls"))
    yield so(
        "the topic is spoken to over TLS only",
        lambda: "aws:SecureTransport" in sns.get_topic_attributes(TopicArn=on.topic)["Attributes"]["Policy"],
    )
    yield Fact(
        "one address is told",
        ["ops@example.com"],
        lambda: [s["Endpoint"] for s in sns.list_subscriptions_by_topic(TopicArn=on.topic)["Subscriptions"]],
    )
    yield Fact(
        "there is a dashboard",
        1,
        lambda: len(on["cloudwatch"].list_dashboards(DashboardNamePrefix="secure-bedrock")["DashboardEntries"]),
    )


def _alarm(on: Deployment, name: str) -> dict[str, Any]:
    return next(alarm for alarm in on.alarms if alarm["AlarmName"] == f"{AUDIT}-{name}")


def _invocation_logging(on: Deployment) -> Iterator[Fact]:
    yield so("prompts and answers are on record", lambda: on.logging["textDataDeliveryEnabled"])
    yield so("images are not", lambda: not on.logging["imageDataDeliveryEnabled"])
    yield Fact("they go to the audit's bucket", BUCKET, lambda: on.logging["s3Config"]["bucketName"])
    yield Fact(
        "they go to the audit's log group",
        "/secure-bedrock/audit/invocations",
        lambda: on.logging["cloudWatchConfig"]["logGroupName"],
    )
    yield Fact(
        "the role that delivers them is Bedrock's alone",
        [{"Service": "bedrock.amazonaws.com"}],
        lambda: [
            s["Principal"]
            for s in on["iam"].get_role(RoleName=on.logging["cloudWatchConfig"]["roleArn"].rpartition("/")[2])["Role"][
                "AssumeRolePolicyDocument"
            ]["Statement"]
        ],
    )


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def every_fact(on: Deployment, *, team: str = "platform", calls: int = 1000) -> Iterator[Fact]:
    """Yield every fact of a deployment, stack by stack.

    Args:
        on: the deployment.
        team: the team it is deployed for.
        calls: the calls in five minutes above which its alarm goes.
    """
    yield from network_facts(on)
    yield from access_facts(on, team=team)
    yield from organization_facts(on)
    yield from audit_facts(on, calls=calls)
