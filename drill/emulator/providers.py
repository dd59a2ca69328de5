"""CloudFormation resource types that ministack does not know.

ministack keeps every provider in one dict; template validation asks the same dict.
A provider calls the emulated service's own operation, so that boto3 reads the result back.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

from ministack.services import bedrock, cloudtrail, cloudwatch, ec2, organizations
from ministack.services.cloudformation import provisioners

from drill.emulator import last_accessed, perimeter
from drill.emulator.template import Made, Properties, Provider, body, camel, text, typed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def install() -> None:
    """Register the types.

    Raises:
        RuntimeError: where a newer ministack has one of them, so that the real one wins.
    """
    ours = _providers() | perimeter.providers()
    both = sorted(set(ours) & set(provisioners._RESOURCE_HANDLERS))
    if both:
        raise RuntimeError(f"ministack provides {', '.join(both)} by now; remove them from drill/emulator/providers.py")
    provisioners._RESOURCE_HANDLERS.update(ours)
    provisioners._cw_metric_alarm_record = _metric_alarm(provisioners._cw_metric_alarm_record)
    cloudwatch._evaluate_alarm = _only_plain_alarms(cloudwatch._evaluate_alarm)


def _providers() -> dict[str, Provider]:
    return {
        "AWS::Bedrock::Guardrail": {
            "create": _create_guardrail,
            "update": _update_guardrail,
            "delete": lambda physical_id, _: bedrock._delete_guardrail(physical_id, {}),
        },
        "AWS::Bedrock::GuardrailVersion": {"create": _create_guardrail_version, "delete": _delete_guardrail_version},
        "AWS::Bedrock::ApplicationInferenceProfile": {
            "create": _create_profile,
            "update": _update_profile,
            "delete": lambda physical_id, _: bedrock._delete_inference_profile(physical_id.rsplit("/", 1)[-1]),
        },
        "AWS::CloudTrail::Trail": {
            "create": _create_trail,
            "update": _update_trail,
            "delete": lambda physical_id, _: cloudtrail._delete_trail({"Name": physical_id}),
        },
        "AWS::CloudWatch::CompositeAlarm": {
            "create": _create_composite_alarm,
            "update": _update_composite_alarm,
            "delete": lambda physical_id, _: cloudwatch._composite_alarms.pop(physical_id, None),
        },
        "AWS::AccessAnalyzer::Analyzer": {
            "create": last_accessed.analyzer,
            "update": lambda physical_id, *_: (physical_id, {"Arn": physical_id}),
            "delete": lambda *_: None,
        },
        "AWS::CloudWatch::AnomalyDetector": {"create": _create_nothing, "delete": lambda *_: None},
        "AWS::EC2::FlowLog": {"create": _create_nothing, "delete": lambda *_: None},
        "AWS::EC2::SecurityGroupIngress": _group_rule("IpPermissions"),
        "AWS::EC2::SecurityGroupEgress": _group_rule("IpPermissionsEgress"),
        # CDK's own function for it needs the JavaScript SDK, which only AWS's runtime has.
        "Custom::VpcRestrictDefaultSG": {"create": _close_default_group, "delete": lambda *_: None},
        "AWS::Organizations::Policy": {
            "create": _create_policy,
            "update": _update_policy,
            "delete": _delete_policy,
        },
    }


# Bedrock


def _create_guardrail(_: str, properties: Properties, __: str) -> Made:
    made = body(bedrock._create_guardrail(_guardrail_request(properties, with_tags=True)), "CreateGuardrail")
    return _guardrail(bedrock._guardrails[made["guardrailId"]])


def _update_guardrail(physical_id: str, _: Properties, properties: Properties, __: str) -> Made:
    body(bedrock._update_guardrail(physical_id, _guardrail_request(properties, with_tags=False)), "UpdateGuardrail")
    return _guardrail(bedrock._guardrails[physical_id.rsplit("/", 1)[-1]])


def _guardrail_request(properties: Properties, *, with_tags: bool) -> bytes:
    request = camel({name: value for name, value in properties.items() if name not in ("Tags", "KmsKeyArn")})
    if properties.get("KmsKeyArn"):
        request["kmsKeyId"] = properties["KmsKeyArn"]
    if with_tags and properties.get("Tags"):
        request["tags"] = camel(properties["Tags"])
    return json.dumps(typed(request)).encode()


def _guardrail(record: Properties) -> Made:
    attributes = {"GuardrailArn": record["GuardrailArn"], "GuardrailId": record["GuardrailId"], "Version": "DRAFT"}
    return record["GuardrailArn"], attributes


def _create_guardrail_version(_: str, properties: Properties, __: str) -> Made:
    identifier = properties["GuardrailIdentifier"].rsplit("/", 1)[-1]
    request = json.dumps({"description": properties.get("Description", "")}).encode()
    made = body(bedrock._create_guardrail_version(identifier, request), "CreateGuardrailVersion")
    arn = bedrock._guardrail_arn(identifier)
    attributes = {"Version": made["version"], "GuardrailArn": arn, "GuardrailId": identifier}
    return f"{identifier}|{made['version']}", attributes


def _delete_guardrail_version(physical_id: str, _: Properties) -> None:
    bedrock._guardrail_versions.pop(physical_id.replace("|", "/"), None)


def _create_profile(_: str, properties: Properties, __: str) -> Made:
    made = body(bedrock._create_inference_profile(json.dumps(camel(properties)).encode()), "CreateInferenceProfile")
    arn = made["inferenceProfileArn"]
    return arn, {"InferenceProfileArn": arn, "InferenceProfileId": arn.rsplit("/", 1)[-1], "Status": "ACTIVE"}


def _update_profile(physical_id: str, old: Properties, properties: Properties, stack: str) -> Made:
    """Tags change in place, everything else is another profile."""
    before, after = ({k: v for k, v in each.items() if k != "Tags"} for each in (old, properties))
    if before != after:
        return _create_profile("", properties, stack)
    bedrock._tags[physical_id] = {tag["Key"]: tag["Value"] for tag in properties.get("Tags") or []}
    return physical_id, {
        "InferenceProfileArn": physical_id,
        "InferenceProfileId": physical_id.rsplit("/", 1)[-1],
        "Status": "ACTIVE",
    }


# CloudTrail

_SET_BY_OTHER_CALLS = {
    "TrailName", "KMSKeyId", "IsLogging", "EventSelectors", "AdvancedEventSelectors", "InsightSelectors", "Tags",
}  # fmt: skip


def _create_trail(logical_id: str, properties: Properties, stack: str) -> Made:
    name = properties.get("TrailName") or f"{stack}-{logical_id}"
    body(cloudtrail._create_trail(_trail_request(properties, name)), "CreateTrail")
    return name, _complete_trail(properties, name)


def _update_trail(physical_id: str, _: Properties, properties: Properties, __: str) -> Made:
    body(cloudtrail._update_trail(_trail_request(properties, physical_id)), "UpdateTrail")
    return physical_id, _complete_trail(properties, physical_id)


def _trail_request(properties: Properties, name: str) -> Properties:
    request = typed({key: value for key, value in properties.items() if key not in _SET_BY_OTHER_CALLS})
    return {**request, "Name": name, "KmsKeyId": properties.get("KMSKeyId", "")}


def _complete_trail(properties: Properties, name: str) -> Properties:
    # CDK leaves `EventSelectors: []` beside advanced selectors: an empty list is no choice.
    selectors = {
        key: typed(properties[key]) for key in ("EventSelectors", "AdvancedEventSelectors") if properties.get(key)
    }
    if selectors:
        body(cloudtrail._put_event_selectors({"TrailName": name, **selectors}), "PutEventSelectors")
    trail = cloudtrail._trails[name]
    # CreateTrail of the emulator forgets these.
    trail |= {
        key: properties[key] for key in ("CloudWatchLogsLogGroupArn", "CloudWatchLogsRoleArn") if properties.get(key)
    }
    trail["HasInsightSelectors"] = bool(properties.get("InsightSelectors"))
    switch = cloudtrail._start_logging if typed(properties.get("IsLogging")) else cloudtrail._stop_logging
    switch({"Name": name})
    return {"Arn": trail["TrailARN"]}


# CloudWatch


def _metric_alarm(inner: Callable[..., Properties]) -> Callable[..., Properties]:
    """Metric math and anomaly bands are stored and never evaluated; ministack refuses them."""

    def record(name: str, properties: Properties) -> Properties:
        if not properties.get("Metrics"):
            return inner(name, properties)
        plain = {key: value for key, value in properties.items() if key != "Metrics"}
        made = inner(name, {"Threshold": 0, **plain, "MetricName": "-", "Namespace": "-"})
        band = properties.get("ThresholdMetricId")
        for member in ("MetricName", "Namespace", "Statistic", "Period", *(["Threshold"] if band else [])):
            made.pop(member, None)
        return {**made, "Metrics": typed(properties["Metrics"]), **({"ThresholdMetricId": band} if band else {})}

    return record


def _only_plain_alarms(inner: Callable[[Properties], None]) -> Callable[[Properties], None]:
    def evaluate(alarm: Properties) -> None:
        if "Metrics" not in alarm:
            inner(alarm)

    return evaluate


def _create_composite_alarm(logical_id: str, properties: Properties, stack: str) -> Made:
    name = properties.get("AlarmName") or f"{stack}-{logical_id}"
    request = typed({**properties, "AlarmName": name})
    body(cloudwatch._put_composite_alarm({}, request, False, True), "PutCompositeAlarm")
    return name, {"Arn": cloudwatch._composite_alarms[name]["AlarmArn"]}


def _update_composite_alarm(physical_id: str, _: Properties, properties: Properties, stack: str) -> Made:
    return _create_composite_alarm(physical_id, {**properties, "AlarmName": physical_id}, stack)


# EC2


def _group_rule(member: str) -> Provider:
    def create(_: str, properties: Properties, __: str) -> Made:
        group = ec2._security_groups.get(properties["GroupId"])
        if group is None:
            raise ValueError(f"InvalidGroup.NotFound: {properties['GroupId']}")
        rule_id = f"sgr-{uuid.uuid4().hex[:17]}"
        rule = provisioners._ec2_sg_permissions([properties])[0]
        # CloudFormation takes the default way out away as soon as a template names another one.
        named = [each for each in group[member] if each["IpProtocol"] != "-1"]
        group[member] = [*named, {**rule, "SecurityGroupRuleId": rule_id}]
        return rule_id, {"Id": rule_id}

    def delete(physical_id: str, properties: Properties) -> None:
        group = ec2._security_groups.get(properties["GroupId"])
        if group is not None:
            group[member] = [rule for rule in group[member] if rule.get("SecurityGroupRuleId") != physical_id]

    return {"create": create, "delete": delete}


def _close_default_group(_: str, properties: Properties, __: str) -> Made:
    group = ec2._security_groups[properties["DefaultSecurityGroupId"]]
    group |= {"IpPermissions": [], "IpPermissionsEgress": []}
    return f"{properties['DefaultSecurityGroupId']}-closed", {}


# Organizations


def _create_policy(_: str, properties: Properties, __: str) -> Made:
    request = {key: properties.get(key) for key in ("Name", "Type", "Tags")}
    request |= {"Content": text(properties["Content"]), "Description": properties.get("Description", "")}
    made = body(organizations._create_policy(request), "CreatePolicy")["Policy"]["PolicySummary"]
    _attach(made["Id"], properties.get("TargetIds") or [])
    return made["Id"], {"Id": made["Id"], "Arn": made["Arn"], "AwsManaged": False}


def _update_policy(physical_id: str, old: Properties, new: Properties, _: str) -> Made:
    request = {"PolicyId": physical_id, "Name": new["Name"], "Content": text(new["Content"])}
    body(organizations._update_policy(request | {"Description": new.get("Description", "")}), "UpdatePolicy")
    before, after = set(old.get("TargetIds") or []), set(new.get("TargetIds") or [])
    _attach(physical_id, sorted(after - before))
    for target in before - after:
        body(organizations._detach_policy({"PolicyId": physical_id, "TargetId": target}), "DetachPolicy")
    return physical_id, {"Id": physical_id, "Arn": organizations._policies[physical_id]["Arn"], "AwsManaged": False}


def _delete_policy(physical_id: str, _: Properties) -> None:
    for target in list(organizations._attachments.get(physical_id) or []):
        organizations._detach_policy({"PolicyId": physical_id, "TargetId": target})
    organizations._delete_policy({"PolicyId": physical_id})


def _attach(policy_id: str, targets: Iterable[str]) -> None:
    for target in targets:
        body(organizations._attach_policy({"PolicyId": policy_id, "TargetId": target}), "AttachPolicy")


# What all of them need


def _create_nothing(logical_id: str, _: Properties, stack: str) -> Made:
    """A resource that only has to be accepted: the emulator has nothing that it would act on."""
    physical_id = f"{stack}-{logical_id}-{uuid.uuid4().hex[:8]}"
    return physical_id, {"Id": physical_id}
