"""VPC endpoints of Bedrock: each has a policy that names principals and models, and a group that is not open."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from ipaddress import ip_network
from typing import Any

from secure_bedrock.policy.bedrock_invariants import INFERENCE
from secure_bedrock.policy.document import Policy
from secure_bedrock.policy.estate import Endpoint
from secure_bedrock.policy.invariants import Never, Scope, requests
from secure_bedrock.policy.verdicts import Witness
from secure_bedrock.review.checking import Facts, Question, Resource, Result, condition, name_of
from secure_bedrock.review.report import Finding, Rule
from secure_bedrock.review.rules.pages import page
from secure_bedrock.review.template import Source

WITHOUT_POLICY = page("endpoint-without-policy")
OPEN = page("endpoint-open-to-anybody")
NOBODY = page("endpoint-names-no-role")
ANY_MODEL = page("endpoint-any-model")
OPEN_GROUP = page("endpoint-open-group")
RULES = (WITHOUT_POLICY, OPEN, NOBODY, ANY_MODEL, OPEN_GROUP)

_HTTPS = 443
_NARROW = 8
#: A model that no policy names, because it does not exist.
_UNRELEASED = "unreleased.model-v1:0"
#: What is called through an endpoint of a service; the runtime's for all others.
_CALLED: Mapping[str, tuple[str, ...]] = {
    "bedrock-mantle": ("bedrock-mantle:CreateInference",),
    "bedrock-agent-runtime": ("bedrock:InvokeAgent", "bedrock:InvokeFlow"),
    "bedrock-agent": ("bedrock:CreateAgent", "bedrock:UpdateAgent"),
    "bedrock": ("bedrock:CreateModelInvocationJob", "bedrock:DeleteGuardrail"),
    "bedrock-agentcore": ("bedrock-agentcore:InvokeAgentRuntime",),
    "gateway": ("bedrock-agentcore:InvokeGateway",),
    "bedrock-data-automation": ("bedrock:CreateDataAutomationProject",),
    "bedrock-data-automation-runtime": ("bedrock:InvokeDataAutomationAsync",),
}


def check(facts: Facts) -> Iterator[Result]:
    """Yield what is wrong with the endpoints of Bedrock's services."""
    groups = {resource.ids: resource for resource in facts.resources("AWS::EC2::SecurityGroup")}
    for endpoint_id, endpoint in facts.estate.endpoints.items():
        if is_bedrock(endpoint):
            source = facts.reading.parts.endpoint_sources.get(endpoint_id)
            yield from _policy(facts, endpoint_id, endpoint, source)
    for resource in facts.resources("AWS::EC2::VPCEndpoint"):
        if _service(str(resource.properties.get("ServiceName", ""))).startswith(("bedrock", "gateway")):
            yield from _groups(facts, resource, groups)


def is_bedrock(endpoint: Endpoint) -> bool:
    """Whether an endpoint is one of Bedrock's services."""
    return endpoint.service.startswith(("bedrock", "gateway"))


def _service(name: str) -> str:
    return name.rpartition(".")[2]


def _policy(facts: Facts, endpoint_id: str, endpoint: Endpoint, source: Source | None) -> Iterator[Result]:
    name = name_of(source, endpoint_id)
    through = condition("StringEquals", "aws:SourceVpce", endpoint_id)
    actions = _CALLED.get(endpoint.service.removesuffix("-fips"), INFERENCE)
    named = sorted(_accounts(endpoint.policy))
    orgs = tuple(sorted(_organisations(endpoint.policy)))
    alone = facts.alone(more_accounts=named)
    beyond = (condition("StringNotEquals", "aws:PrincipalOrgID", *orgs),) if orgs else ()

    def ask(rule: Rule, fix: str, said: str, scope: Scope, **elements: Any) -> Question:  # noqa: ANN401
        claim = Never(
            name=f"{rule.id} {endpoint_id}",
            statements=(requests(actions=elements.pop("actions", actions), **elements),),
            scope=scope,
        )

        def finding(witness: Witness) -> Finding:
            return Finding(rule=rule, message=f"{name} {said}", resource=name, source=source, fix=fix, witness=witness)

        return Question(
            rule=rule, claim=claim, finding=finding, message=f"whether {name} {said}", source=source,
            estate=alone,
        )  # fmt: skip

    outside = Scope(principals=(), outside=True)
    everybody = Scope(principals=(), unnamed=True, outside=True)
    if endpoint.policy is None:
        fix = f"give {name} a PolicyDocument that names the roles and the models"
        yield ask(WITHOUT_POLICY, fix, "has no policy: everything passes", outside, conditions=(through,))
        return
    fix = f"name the roles in the PolicyDocument of {name}: Principal, or aws:PrincipalArn"
    yield ask(OPEN, fix, "lets anybody of any account through", outside, conditions=(through, *beyond))
    unnamed = condition("StringNotEquals", "aws:PrincipalArn", *sorted(_arns(endpoint.policy)) or ("none",))
    yield ask(
        NOBODY, fix, "lets principals through that its policy does not name", Scope(principals=(), unnamed=True),
        conditions=(through, unnamed),
    )  # fmt: skip
    fix = f"name the models in the Resource of each Allow of {name}'s PolicyDocument"
    said = "lets models through that no policy names"
    if endpoint.service.startswith("bedrock-mantle"):
        model = condition("StringEquals", "bedrock-mantle:Model", _UNRELEASED)
        yield ask(ANY_MODEL, fix, said, everybody, conditions=(through, model))
    elif endpoint.service.startswith("bedrock-runtime"):
        models = (f"arn:*:bedrock:*::foundation-model/{_UNRELEASED}",)
        yield ask(ANY_MODEL, fix, said, everybody, conditions=(through,), resources=models)


def _values(policy: Policy | None, *keys: str) -> Iterator[str]:
    for statement in policy.statements if policy else ():
        for each in statement.conditions:
            if each.key.lower() in keys and "Not" not in each.operator:
                yield from each.values


def _arns(policy: Policy | None) -> set[str]:
    principals = {value for statement in policy.statements for _, value in statement.principals} if policy else set()
    found = {*principals, *_values(policy, "aws:principalarn")}
    return {arn for arn in found if arn.startswith("arn:") and not arn.endswith(":root") and "*" not in arn}


def _accounts(policy: Policy | None) -> set[str]:
    principals = {value for statement in policy.statements for _, value in statement.principals} if policy else set()
    texts = {*principals, *_values(policy, "aws:principalarn", "aws:principalaccount")}
    fields = {text.split(":")[4] if text.count(":") >= 5 else text for text in texts}  # noqa: PLR2004 - an ARN
    return {field for field in fields if field.isdigit() and len(field) == 12}  # noqa: PLR2004 - an account


def _organisations(policy: Policy | None) -> set[str]:
    return {value for value in _values(policy, "aws:principalorgid") if "*" not in value}


def _groups(facts: Facts, endpoint: Resource, groups: Mapping[frozenset[str], Resource]) -> Iterator[Finding]:
    ids = {str(value) for value in endpoint.properties.get("SecurityGroupIds") or ()}
    inline = [group for known, group in groups.items() if known & ids]
    alike = ids.union(*(group.ids for group in inline))
    lists = _prefix_lists(facts)
    for source, name, rule in (*_inline(inline), *_of_their_own(facts, alike)):
        for each in (rule, *({**rule, "CidrIp": text} for text in lists.get(str(rule.get("SourcePrefixListId")), ()))):
            reach = _open_range(each)
            if reach:
                yield Finding(
                    rule=OPEN_GROUP, message=f"{name} admits {reach} to {endpoint.name}", resource=name, source=source,
                    fix=f"in {name} replace {reach} by the clients' security group or by their own ranges",
                )  # fmt: skip


def _inline(groups: Iterable[Resource]) -> Iterator[tuple[Source, str, Mapping[str, Any]]]:
    for group in groups:
        for rule in _rows(group.properties.get("SecurityGroupIngress")):
            yield group.source, group.name, rule


def _of_their_own(facts: Facts, ids: Collection[str]) -> Iterator[tuple[Source, str, Mapping[str, Any]]]:
    """Yield the rules that are resources, of groups of the input and of such as only their ids are known of."""
    for resource in facts.resources("AWS::EC2::SecurityGroupIngress"):
        if str(resource.properties.get("GroupId")) in ids:
            yield resource.source, resource.name, resource.properties


def _prefix_lists(facts: Facts) -> Mapping[str, tuple[str, ...]]:
    """Return the ranges of the input's own prefix lists by what refers to them."""
    return {
        each: tuple(str(row.get("Cidr")) for row in _rows(found.properties.get("Entries")))
        for found in facts.resources("AWS::EC2::PrefixList") for each in found.ids
    }  # fmt: skip


def _rows(value: Any) -> Iterable[Mapping[str, Any]]:  # noqa: ANN401 - any JSON value
    rows = value if isinstance(value, list) else [value]
    return [row for row in rows if isinstance(row, Mapping)]


def _open_range(rule: Mapping[str, Any]) -> str | None:
    if str(rule.get("IpProtocol", "-1")).lower() not in {"-1", "tcp", "6"}:
        return None
    try:
        first, last = int(rule.get("FromPort", 0)), int(rule.get("ToPort", 65535))
    except (TypeError, ValueError):
        first, last = 0, 65535
    is_https = str(rule.get("IpProtocol", "-1")) == "-1" or first <= _HTTPS <= last or first == -1
    for text in (rule.get("CidrIp"), rule.get("CidrIpv6")):
        if is_https and isinstance(text, str) and _is_wide(text):
            return text
    return None


def _is_wide(text: str) -> bool:
    try:
        return ip_network(text, strict=False).prefixlen < _NARROW
    except ValueError:
        return False
