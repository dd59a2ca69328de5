"""From templates to an estate: who holds which policies once these stacks are deployed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from secure_bedrock.policy.estate import Endpoint
from secure_bedrock.review.building import Builder, Control, Holder, managed_arns
from secure_bedrock.review.intrinsics import DEFAULT_REGION, UNKNOWN_ACCOUNT, Resolver
from secure_bedrock.review.template import Plain, Template

_KINDS = {"SERVICE_CONTROL_POLICY": "scp", "RESOURCE_CONTROL_POLICY": "rcp"}
#: The types that attach an inline policy to somebody, with the property that names them.
_ATTACHMENTS = {
    "AWS::IAM::RolePolicy": (("RoleName", "role"),),
    "AWS::IAM::UserPolicy": (("UserName", "user"),),
    "AWS::IAM::GroupPolicy": (("GroupName", "group"),),
    "AWS::IAM::Policy": (("Roles", "role"), ("Users", "user"), ("Groups", "group")),
    "AWS::IAM::ManagedPolicy": (("Roles", "role"), ("Users", "user"), ("Groups", "group")),
}
_HOLDERS = {"AWS::IAM::Role": "RoleName", "AWS::IAM::User": "UserName", "AWS::IAM::Group": "GroupName"}
#: How many stacks a note names.
_SHOWN = 4
#: Types that make resources which the template does not show.
_MADE = ("AWS::Serverless::", "AWS::CloudFormation::StackSet")
#: Every type that a decision can depend on.
RELEVANT = frozenset({
    *_ATTACHMENTS, *_HOLDERS, "AWS::IAM::UserToGroupAddition", "AWS::IAM::AccessKey", "AWS::EC2::VPCEndpoint",
    "AWS::Organizations::Policy", "AWS::SSO::PermissionSet", "AWS::Bedrock::ResourcePolicy",
})  # fmt: skip


def build(templates: Iterable[Template], resolver: Resolver) -> Builder:
    """Return what the templates deploy, as parts of an estate.

    Raises:
        InvalidInput: for a template whose references lead nowhere or in a circle.
    """
    builder = Builder()
    found = tuple(templates)
    for template in found:
        if not _only_governs(template):
            builder.accounts[resolver.account(template.name)] = None
    _note_places(found, builder)
    _note_nested(found, builder)
    _note_unseen(found, builder)
    for read in _READERS:
        for template in found:
            _Reader(template, resolver, builder).each(read)
    return builder


def _only_governs(template: Template) -> bool:
    """Whether a stack holds an organisation's policies, and nobody they could bind."""
    governs = any(True for _ in template.of_type("AWS::Organizations::Policy"))
    return governs and not any(True for _ in template.of_type(*RELEVANT - {"AWS::Organizations::Policy"}))


def _note_places(templates: tuple[Template, ...], builder: Builder) -> None:
    without_account = [template.name for template in templates if template.account is None]
    without_region = [template.name for template in templates if template.region is None]
    if without_account:
        text = f"the account of {_some(without_account)} is not known: one account, {UNKNOWN_ACCOUNT}, stands for it"
        builder.note(text)
    if without_region:
        builder.note(f"the Region of {_some(without_region)} is not known: taken as {DEFAULT_REGION}")


def _note_nested(templates: tuple[Template, ...], builder: Builder) -> None:
    """What a nested stack holds whose file is not there is not known."""
    read = {template.parent for template in templates}
    missing = [
        f"{template.name}/{logical_id}"
        for template in templates
        for logical_id, _ in template.of_type("AWS::CloudFormation::Stack")
        if (template.name, logical_id) not in read
    ]
    if missing:
        builder.note(f"the template of {_some(missing)} is not in the input: it is taken to hold nothing")


def _note_unseen(templates: tuple[Template, ...], builder: Builder) -> None:
    """What a macro, a loop, a stack set or code of the template's own makes is not known."""
    for template in templates:
        kinds = sorted({row["Type"] for row in template.resources.values() if row["Type"].startswith(_MADE)})
        section = template.body.get("Resources")
        names = [str(name) for name in section] if isinstance(section, Mapping) else []
        kinds += [name for name in names if name.startswith("Fn::")]
        whole = template.body.get("Transform") or ()
        macros = map(str, [whole] if isinstance(whole, str | Mapping) else whole)
        kinds += [f"the macro {name}" for name in macros if not name.startswith("AWS::")]
        kinds += [
            f"Fn::Transform of {logical_id}"
            for logical_id, row in template.resources.items()
            if "Fn::Transform" in row or "Fn::Transform" in (row.get("Properties") or {})
        ]
        if kinds:
            builder.note(f"what {_some(kinds, 'kinds')} of {template.name} makes is not seen: taken to grant nothing")


def _some(names: list[str], what: str = "stacks") -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more {what}"


class _Reader:
    """One template's resources, put into the builder."""

    def __init__(self, template: Template, resolver: Resolver, builder: Builder) -> None:
        self.template, self.resolver, self.builder = template, resolver, builder

    def each(self, read: Any) -> None:  # noqa: ANN401 - one of the functions below
        read(self)

    def rows(self, *kinds: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Yield type, logical id and properties of each resource that is deployed."""
        for logical_id, resource in self.template.of_type(*kinds):
            if self.resolver.is_present(self.template.name, resource):
                yield resource["Type"], logical_id, self.resolver.properties(self.template.name, logical_id)

    def arn(self, kind: str, name: str, path: str = "/") -> str:
        """Return the ARN of a role, user or group of this stack's account."""
        partition, account = self.resolver.partition(self.template.name), self.resolver.account(self.template.name)
        return f"arn:{partition}:iam::{account}:{kind}{path}{name}"

    def named(self, kind: str, name: str) -> Holder:
        """Return who is called so in this account, whichever stack makes it; a path is not part of the name."""
        suffix, start = f"/{name}", self.arn(kind, "").rstrip("/")
        for arn, holder in self.builder.holders.items():
            if arn.startswith(start) and arn.endswith(suffix):
                return holder
        self.builder.note(f"the {kind} {name} is not in the input: what else it holds is not known")
        return self.builder.holder(self.arn(kind, name))


def _holders(reader: _Reader) -> None:
    for kind, logical_id, properties in reader.rows(*_HOLDERS):
        source = reader.template.source(logical_id)
        arn = reader.resolver.value(reader.template.name, {"Fn::GetAtt": [logical_id, "Arn"]})
        name = (source.construct_path or f"{reader.template.name}/{logical_id}").removesuffix("/Resource")
        holder = reader.builder.holder(arn, name=name, source=source)
        for row in _list(properties.get("Policies")):
            label = f"{row.get('PolicyName', 'inline policy')} of {name}"
            _add(holder, reader.builder.policy(row.get("PolicyDocument"), source, label))
        holder.managed |= managed_arns(_list(properties.get("ManagedPolicyArns")))
        holder.boundary = properties.get("PermissionsBoundary")
        holder.tags |= {str(tag["Key"]): str(tag["Value"]) for tag in _list(properties.get("Tags")) if "Value" in tag}
        if kind == "AWS::IAM::Role":
            document = properties.get("AssumeRolePolicyDocument")
            holder.trust = reader.builder.policy(document, source, f"trust policy of {name}", principals=True)
        for group in _list(properties.get("Groups")):
            holder.groups[reader.arn("group", str(group))] = None
        holder.has_keys = holder.has_keys or "LoginProfile" in properties


def _add(holder: Holder, policy: Any) -> None:  # noqa: ANN401 - a Policy or None
    if policy is not None:
        holder.documents.append(policy)


def _attachments(reader: _Reader) -> None:
    for kind, logical_id, properties in reader.rows(*_ATTACHMENTS):
        source = reader.template.source(logical_id)
        name = source.construct_path or f"{reader.template.name}/{logical_id}"
        policy = reader.builder.policy(properties.get("PolicyDocument"), source, name)
        if policy is None:
            continue
        arn = reader.resolver.physical_id(reader.template.name, logical_id)
        if kind == "AWS::IAM::ManagedPolicy":
            reader.builder.policies[arn] = policy
        for property_name, what in _ATTACHMENTS[kind]:
            for holder_name in _list(properties.get(property_name)):
                holder = reader.named(what, str(holder_name).rpartition("/")[2])
                if kind == "AWS::IAM::ManagedPolicy":
                    holder.managed[arn] = None
                else:
                    holder.documents.append(policy)


def _memberships(reader: _Reader) -> None:
    for kind, _, properties in reader.rows("AWS::IAM::UserToGroupAddition", "AWS::IAM::AccessKey"):
        if kind == "AWS::IAM::AccessKey":
            reader.named("user", str(properties.get("UserName"))).has_keys = True
            continue
        group = reader.named("group", str(properties.get("GroupName")))
        for user in _list(properties.get("Users")):
            reader.named("user", str(user)).groups[group.arn] = None


def _endpoints(reader: _Reader) -> None:
    for _, logical_id, properties in reader.rows("AWS::EC2::VPCEndpoint"):
        source = reader.template.source(logical_id)
        endpoint_id = reader.resolver.physical_id(reader.template.name, logical_id)
        document = properties.get("PolicyDocument")
        policy = document and reader.builder.policy(document, source, f"policy of {logical_id}", principals=True)
        if document and policy is None:
            continue
        reader.builder.endpoints[endpoint_id] = Endpoint(
            service=str(properties.get("ServiceName", "")).rpartition(".")[2],
            vpc=str(properties.get("VpcId", "")),
            policy=policy or None,
        )
        reader.builder.endpoint_sources[endpoint_id] = source


def _guardrails(reader: _Reader) -> None:
    stack = reader.template.name
    for logical_id, resource in reader.template.of_type("AWS::Bedrock::Guardrail"):
        if reader.resolver.is_present(stack, resource):
            arn = reader.resolver.value(stack, {"Fn::GetAtt": [logical_id, "GuardrailArn"]})
            reader.builder.guardrail_sources[str(arn)] = reader.template.source(logical_id)


def _controls(reader: _Reader) -> None:
    for _, logical_id, properties in reader.rows("AWS::Organizations::Policy"):
        source = reader.template.source(logical_id)
        kind = _KINDS.get(properties.get("Type", ""))
        name = str(properties.get("Name", logical_id))
        policy = kind and reader.builder.policy(properties.get("Content"), source, name, principals=kind == "rcp")
        if kind is None or policy is None:
            continue
        targets = tuple(map(str, _list(properties.get("TargetIds"))))
        reader.builder.controls.append(Control(kind=kind, policy=policy, targets=targets, source=source))
        for target in targets:
            if not target.isdigit():
                reader.builder.note(f"every account of the input is below {target}, which {name} is attached to")
        _manager(reader)


def _manager(reader: _Reader) -> None:
    """The account that deploys the policies manages the organisation, or is a delegated administrator of its policies.

    The first is assumed: no control policy reaches it, so that nothing is proved of it which only holds for the second.
    AWS Organizations User Guide, "Service control policies (SCPs)", tasks and entities not restricted; "Delegated
    administrator for AWS Organizations".
    """
    account = reader.template.account
    if account is None:
        text = "the stack of the organisation's policies is deployed into another account than the ones they bind"
        reader.builder.note(text)
        return
    reader.builder.management_account = account
    text = f"the account {account} of the organisation's policies is its management account, which none of them reaches"
    if account not in reader.builder.accounts:
        text += "; nothing else of it is in the input, so nobody there is asked about"
    reader.builder.note(text)


def _permission_sets(reader: _Reader) -> None:
    for _, logical_id, properties in reader.rows("AWS::SSO::PermissionSet"):
        source = reader.template.source(logical_id)
        name = str(properties.get("Name", logical_id))
        path = "/aws-reserved/sso.amazonaws.com/"
        arn = reader.arn("role", f"AWSReservedSSO_{name}_0123456789abcdef", path)
        holder = reader.builder.holder(arn, name=f"permission set {name}", source=source)
        if properties.get("InlinePolicy"):
            _add(holder, reader.builder.policy(properties["InlinePolicy"], source, f"inline policy of {name}"))
        holder.managed |= managed_arns(_list(properties.get("ManagedPolicies")))
        references = _list(properties.get("CustomerManagedPolicyReferences"))
        holder.managed |= dict.fromkeys(_by_name(reader, row) for row in references)
        boundary = properties.get("PermissionsBoundary") or {}
        reference = boundary.get("CustomerManagedPolicyReference")
        holder.boundary = _by_name(reader, reference) if reference else boundary.get("ManagedPolicyArn")
        reader.builder.note(f"the permission set {name} is assigned in the account of its stack")


def _by_name(reader: _Reader, reference: Plain) -> str:
    """Return the ARN of a policy that a permission set names; it is looked for in the account of its stack."""
    return reader.arn("policy", str(reference.get("Name")), str(reference.get("Path", "/")))


def _resource_policies(reader: _Reader) -> None:
    for _, logical_id, properties in reader.rows("AWS::Bedrock::ResourcePolicy"):
        source = reader.template.source(logical_id)
        arn = str(properties.get("ResourceArn"))
        document = properties.get("PolicyDocument")
        policy = reader.builder.policy(document, source, f"resource policy of {arn}", principals=True)
        if policy is not None:
            reader.builder.resource_policies[arn] = policy


def _list(value: Any) -> list[Any]:  # noqa: ANN401 - any JSON value
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def is_relevant(resource: Plain | Mapping[str, Any]) -> bool:
    """Whether a decision can depend on a resource."""
    return resource.get("Type") in RELEVANT


#: In this order: who there is comes before what they hold.
_READERS = (
    _holders, _attachments, _memberships, _endpoints, _guardrails, _controls, _permission_sets, _resource_policies,
)  # fmt: skip
