"""Places where ministack accepts a property and then loses it; without these a read-back would be wrong."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from ministack.core.responses import get_region
from ministack.services import bedrock, ec2, eventbridge, iam, lambda_svc, s3, sns
from ministack.services.cloudformation import provisioners

if TYPE_CHECKING:
    from collections.abc import Callable

_GUARDRAIL_PARTS = (
    "topicPolicy", "contentPolicy", "wordPolicy", "sensitiveInformationPolicy", "contextualGroundingPolicy",
)  # fmt: skip


def install() -> None:
    """Repair what is lost."""
    _guardrail_read()
    _profile_filter()
    _endpoint_read()
    _endpoint_names()
    _role_boundary()
    _function_network()
    _bucket_encryption()
    _topic_encryption()
    _rule_states()


def _guardrail_read() -> None:
    """GetGuardrail answers with the request's member names, so that boto3 drops the content."""
    inner = bedrock._get_guardrail

    def get_guardrail(identifier: str, query: Any) -> tuple[int, Any, bytes]:
        status, headers, body = inner(identifier, query)
        answer = json.loads(body)
        answer |= {part: _readable(answer[part]) for part in _GUARDRAIL_PARTS if answer.get(part)}
        return status, headers, json.dumps(answer).encode()

    bedrock._get_guardrail = get_guardrail


def _readable(value: Any) -> Any:
    if isinstance(value, dict):
        return {re.sub("Config$", "", name): _readable(inner) for name, inner in value.items()}
    return [_readable(inner) for inner in value] if isinstance(value, list) else value


def _profile_filter() -> None:
    """ListInferenceProfiles looks for the Python name of its filter, which never comes over the wire."""
    inner = bedrock._list_inference_profiles

    def list_inference_profiles(query: dict[str, Any]) -> Any:
        return inner({**query, "typeEquals": query["type"]} if "type" in query else query)

    bedrock._list_inference_profiles = list_inference_profiles


def _endpoint_read() -> None:
    """DescribeVpcEndpoints leaves out policy, private DNS and groups."""
    inner = ec2._vpce_fields_xml

    def fields(endpoint: dict[str, Any], tag: str = "item") -> str:
        groups = "".join(f"<item><groupId>{group}</groupId></item>" for group in endpoint.get("SecurityGroupIds") or [])
        policy = endpoint.get("PolicyDocument")
        text = policy if isinstance(policy, str) or policy is None else json.dumps(policy)
        added = (
            f"<privateDnsEnabled>{str(endpoint.get('PrivateDnsEnabled', False)).lower()}</privateDnsEnabled>"
            f"<groupSet>{groups}</groupSet>" + (f"<policyDocument>{escape(text)}</policyDocument>" if text else "")
        )
        return inner(endpoint, tag).rstrip().removesuffix(f"</{tag}>") + added + f"</{tag}>"

    ec2._vpce_fields_xml = fields


def _endpoint_names() -> None:
    """A template's endpoint has no DNS entries, which are `hosted zone:name`, so that no name of it can be told."""
    inner = provisioners._ec2_vpc_endpoint_attributes

    def attributes(endpoint: dict[str, Any]) -> dict[str, Any]:
        service = endpoint["ServiceName"].rpartition(".")[2]
        name = f"{endpoint['VpcEndpointId']}-emulated.{service}.{get_region()}.vpce.amazonaws.com"
        return {**inner(endpoint), "DnsEntries": [f"ZEMULATED:{name}"]}

    provisioners._ec2_vpc_endpoint_attributes = attributes


def _role_boundary() -> None:
    """A template role's permissions boundary is neither read back nor enforced."""

    def keep(name: str, properties: dict[str, Any]) -> None:
        iam._roles[name]["PermissionsBoundary"] = properties.get("PermissionsBoundary")

    _after("AWS::IAM::Role", keep)


def _function_network() -> None:
    """A template function's subnets and groups are neither read back nor known when it runs."""

    def keep(name: str, properties: dict[str, Any]) -> None:
        network = lambda_svc._vpc_config_with_id(properties.get("VpcConfig"))
        lambda_svc._functions[name]["config"]["VpcConfig"] = network

    _after("AWS::Lambda::Function", keep)


def _bucket_encryption() -> None:
    """A template bucket's encryption is lost."""

    def keep(name: str, properties: dict[str, Any]) -> None:
        rules = (properties.get("BucketEncryption") or {}).get("ServerSideEncryptionConfiguration") or []
        written = "".join(_encryption_rule(rule) for rule in rules if _names_its_key(rule))
        if written:
            root = 'ServerSideEncryptionConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
            s3._put_bucket_encryption(name, f"<{root}>{written}</ServerSideEncryptionConfiguration>".encode())

    _after("AWS::S3::Bucket", keep)


def _topic_encryption() -> None:
    """A template topic's key is lost."""

    def keep(arn: str, properties: dict[str, Any]) -> None:
        if properties.get("KmsMasterKeyId"):
            sns._topics[arn]["attributes"]["KmsMasterKeyId"] = properties["KmsMasterKeyId"]

    _after("AWS::SNS::Topic", keep)


def _names_its_key(rule: dict[str, Any]) -> bool:
    """With KMS and no key, as the bootstrap bucket has it, ministack would refuse every object."""
    default = rule.get("ServerSideEncryptionByDefault") or {}
    return default.get("SSEAlgorithm") != "aws:kms" or bool(default.get("KMSMasterKeyID"))


def _encryption_rule(rule: dict[str, Any]) -> str:
    default = rule.get("ServerSideEncryptionByDefault") or {}
    algorithm, key = default.get("SSEAlgorithm", "AES256"), default.get("KMSMasterKeyID")
    return (
        f"<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>{algorithm}</SSEAlgorithm>"
        + (f"<KMSMasterKeyID>{escape(key)}</KMSMasterKeyID>" if key else "")
        + "</ApplyServerSideEncryptionByDefault>"
        f"<BucketKeyEnabled>{str(rule.get('BucketKeyEnabled', False)).lower()}</BucketKeyEnabled></Rule>"
    )


def _after(type_name: str, keep: Callable[[str, dict[str, Any]], None]) -> None:
    """Let a provider keep what it would lose, each time it has created or updated a resource."""
    handler = provisioners._RESOURCE_HANDLERS[type_name]
    create, update = handler["create"], handler["update"]

    def kept(made: tuple[str, Any], properties: dict[str, Any]) -> tuple[str, Any]:
        keep(made[0], properties)
        return made

    handler["create"] = lambda logical_id, properties, stack: kept(create(logical_id, properties, stack), properties)
    handler["update"] = lambda physical_id, old, new, stack, *rest: kept(
        update(physical_id, old, new, stack, *rest), new
    )


def _rule_states() -> None:
    """A rule's state decides whether it sees reads; ministack knows ENABLED only, and shows it everything.

    EventBridge User Guide, "Receiving read-only management events from AWS services".
    """
    inner = eventbridge._dispatch_event

    def dispatch(event: dict[str, Any], view: Any = None) -> None:
        only_reads = _only_reads(event)
        stored = {key: rule.get("State") for key, rule in eventbridge._rules.items()}
        for key, state in stored.items():
            if state == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS":
                eventbridge._rules[key]["State"] = "ENABLED"
            elif state == "ENABLED" and only_reads:
                eventbridge._rules[key]["State"] = "DISABLED"
        try:
            inner(event, view)
        finally:
            for key, state in stored.items():
                eventbridge._rules[key]["State"] = state

    eventbridge._dispatch_event = dispatch


def _only_reads(event: dict[str, Any]) -> bool:
    if not str(event.get("DetailType", "")).endswith("via CloudTrail"):
        return False
    detail = event.get("Detail", "{}")
    detail = json.loads(detail) if isinstance(detail, str) else detail
    return detail.get("readOnly") is True
