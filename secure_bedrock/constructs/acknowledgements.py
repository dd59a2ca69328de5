"""Where a construct deviates from a well-known rule on purpose: the rule and the reason, beside the resource.

CDK keeps acknowledgements as metadata of a construct; cdk-nag and every other validation plugin honour them for the
construct and what is below it. docs/reference/acknowledgements.md is written from them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import aws_cdk as cdk
from constructs import IConstruct

from secure_bedrock.data import table
from secure_bedrock.policy.document import Policy
from secure_bedrock.policy.environment import is_unresolved

#: A managed policy can be detached, and changed for everybody at once.
CEILING_IS_INLINE = {"IAMNoInlinePolicy": "the ceiling belongs to this role alone, and nothing but it can take it away"}
OWN_POLICY_IS_INLINE = {"IAMNoInlinePolicy": "the policy belongs to this role alone and goes with it"}


def acknowledge(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Acknowledge rules for a construct and everything below it.

    Args:
        construct: the resource that deviates.
        reasons: why, by the name of the demand as secure_bedrock/data/standards.json lists it (`IAMNoInlinePolicy`
            is one rule of four packs), or by the id of a single rule (`AwsSolutions-IAM4[...]`).
    """
    rules = [
        cdk.Acknowledgment(id=rule, reason=reason) for demand, reason in reasons.items() for rule in rules_of(demand)
    ]
    cdk.Validations.of(construct).acknowledge(*rules)


def acknowledge_wildcards(construct: IConstruct, resources: Iterable[str], reason: str) -> None:
    """Acknowledge resources with a wildcard in the Allow statements of a policy, as cdk-nag names each of them.

    Args:
        construct: the policy.
        resources: ARNs with `*`, tokens and all, as the policy has them; `*` for every resource.
        reason: why it can be no narrower.
    """
    found = [f"AwsSolutions-IAM5[Resource::{_flat(construct, resource)}]" for resource in resources]
    if found:
        acknowledge(construct, dict.fromkeys(found, reason))


def acknowledge_aws_policy(construct: IConstruct, name: str, reason: str) -> None:
    """Acknowledge a managed policy of AWS on a role.

    Args:
        construct: the role.
        name: as `iam.ManagedPolicy.from_aws_managed_policy_name` takes it.
        reason: why AWS's is better than an own one.
    """
    acknowledge(construct, {f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{name}]": reason})


def wildcards_of(policy: Policy) -> tuple[str, ...]:
    """Return the resources with a wildcard that a policy allows something on."""
    allowed = (s.resources for s in policy.statements if s.effect == "Allow")
    return tuple(dict.fromkeys(resource for resources in allowed for resource in resources if "*" in resource))


def rules_of(demand: str) -> tuple[str, ...]:
    """Return the ids of the rules that make a demand; the id of a single rule is itself.

    Raises:
        KeyError: for a name that is neither.
    """
    if "-" in demand or "::" in demand:
        return (demand,)
    return tuple(table("standards")["rules"][demand])


def _flat(construct: IConstruct, text: str) -> str:
    """Write a text with tokens as cdk-nag does: references in angle brackets."""
    return _flattened(cdk.Stack.of(construct).resolve(text)) if is_unresolved(text) else text


def _flattened(value: Any) -> str:  # noqa: ANN401 - a CloudFormation value
    match value:
        case str():
            return value
        case {"Fn::Join": [delimiter, parts]}:
            return delimiter.join(_flattened(part) for part in parts)
        case {"Fn::GetAtt": [resource, attribute]}:
            return f"<{resource}.{attribute}>"
        case {"Ref": name}:
            return f"<{name}>"
        case _:
            return json.dumps(value, separators=(",", ":"))
