"""A role that may invoke the declared models from the declared networks, and nothing else of Bedrock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Required, TypedDict

import aws_cdk as cdk
import jsii
from aws_cdk import aws_iam as iam
from constructs import Construct

from secure_bedrock.constructs._declaration import declared_access, warn_of
from secure_bedrock.constructs._edge import check_at_synth, properties_of
from secure_bedrock.constructs._naming import generated_role_name, require_path, require_role_name
from secure_bedrock.constructs._paths import RolePaths
from secure_bedrock.constructs._tags import checked_matching_tags, checked_tags
from secure_bedrock.constructs._tokens import environment_of, stands_in
from secure_bedrock.constructs._trust import checked_principal, may_tag_sessions, refuse_session_tags
from secure_bedrock.constructs.acknowledgements import (
    CEILING_IS_INLINE,
    acknowledge,
    acknowledge_wildcards,
    wildcards_of,
)
from secure_bedrock.errors import InvalidInput, invalid
from secure_bedrock.policy.access import Access
from secure_bedrock.policy.actions import InvokeActions
from secure_bedrock.policy.allow import allow_policies
from secure_bedrock.policy.ceiling import ceiling_of
from secure_bedrock.policy.document import Plain, Policy
from secure_bedrock.policy.guardrails import GuardrailVersion
from secure_bedrock.policy.limits import INLINE_POLICIES_OF_ROLE, MANAGED_POLICIES_PER_ROLE, MANAGED_POLICY, limit
from secure_bedrock.policy.network import Network
from secure_bedrock.policy.reserved import RESERVED_PATH
from secure_bedrock.policy.splitting import require_size

if TYPE_CHECKING:
    from aws_cdk import aws_ec2 as ec2

    from secure_bedrock.constructs.endpoint import PrivateBedrockEndpoint


class RoleOptions(TypedDict, total=False):
    """The properties of a ScopedInvokeRole that a BedrockProject leaves to each of its roles."""

    assumed_by: Required[iam.IPrincipal | iam.PrincipalBase]
    endpoints: Iterable[PrivateBedrockEndpoint | ec2.IInterfaceVpcEndpoint | str] | None
    vpcs: Iterable[ec2.IVpc | str] | None
    source_ips: Iterable[str] | None
    vpc_source_ips: Iterable[str] | None
    network: Network | None
    guardrail: object | None
    guardrail_version: str | int | GuardrailVersion | None
    guardrail_exempt_models: Iterable[object] | None
    enforced_guardrails: Iterable[object] | None
    actions: InvokeActions
    allow_api_keys: bool
    resources: Iterable[object] | None
    may_use_roles: Iterable[object] | None
    permissions_boundary: iam.IManagedPolicy | None
    max_session_duration: cdk.Duration | None
    role_name: str | None
    path: str
    description: str | None


@jsii.implements(iam.IGrantable)
class ScopedInvokeRole(Construct):
    """A role that may call the declared Bedrock models from the declared networks, whatever is attached to it later.

    Its Allow statements name actions, models and destinations exactly.
    Its ceiling, one inline policy of Deny statements, holds it to that even when somebody attaches `bedrock:*` or `*`.
    A ceiling does not bind who can edit the role: protect the reserved path with the organisation's SCP.
    A tag `secure-bedrock:revoked` stops it without a deployment: on the role, or on what it calls that has tags.
    Where an endpoint's stack was declared to depend on the role's, the role's network condition is written there;
    until that stack is deployed the role is held to "through some endpoint", which must admit it.
    The first call of a third-party model may need an agreement made by somebody else; this role cannot make it.

    Attributes:
        role: the `iam.Role`.
        role_name: its literal name.
        role_arn: its ARN in literal text, with the path, as `aws:PrincipalArn` carries it.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own word
        *,
        assumed_by: iam.IPrincipal | iam.PrincipalBase,
        models: Iterable[object],
        endpoints: Iterable[PrivateBedrockEndpoint | ec2.IInterfaceVpcEndpoint | str] | None = None,
        vpcs: Iterable[ec2.IVpc | str] | None = None,
        source_ips: Iterable[str] | None = None,
        vpc_source_ips: Iterable[str] | None = None,
        network: Network | None = None,
        guardrail: object | None = None,
        guardrail_version: str | int | GuardrailVersion | None = None,
        guardrail_exempt_models: Iterable[object] | None = None,
        enforced_guardrails: Iterable[object] | None = None,
        actions: InvokeActions = InvokeActions.INFERENCE,
        allow_api_keys: bool = False,
        resources: Iterable[object] | None = None,
        may_use_roles: Iterable[object] | None = None,
        project: str | None = None,
        team: str | None = None,
        tags: Mapping[str, str] | None = None,
        matching_tags: Iterable[str] | None = None,
        suspended: bool = False,
        revoke_sessions_before: datetime | str | None = None,
        permissions_boundary: iam.IManagedPolicy | None = None,
        max_session_duration: cdk.Duration | None = None,
        role_name: str | None = None,
        path: str = RESERVED_PATH,
        description: str | None = None,
    ) -> None:
        """Declare the role.

        Args:
            scope: the parent construct.
            id: the construct's id.
            assumed_by: who may assume it. Another account needs MFA, an external id or an organisation id;
                `*` is refused.
                Services that send aws:SourceAccount and aws:SourceArn are tied to this account by themselves.
            models: what it may invoke: ids, ARNs, `Model`, `bedrock.IModel`, anything with `.invokable_arn`.
            endpoints: VPC endpoints it may call through: PrivateBedrockEndpoint (which admits it by that),
                `ec2.IInterfaceVpcEndpoint` or literal `vpce-...`. Default: no such path.
            vpcs: VPCs it may call from through any endpoint in them. Default: no such path.
            source_ips: public ranges, IPv4 and IPv6, it may call from without an endpoint. Default: no such path.
            vpc_source_ips: private ranges that callers through an endpoint must come from. Default: not narrowed.
            network: `Network.ANYWHERE` where no path is to be named. Default: a path must be named by the end of synth.
            guardrail: the guardrail every inference must name: `CfnGuardrail`, an L2 or an ARN. Default: none required.
            guardrail_version: a number, `GuardrailVersion.ANY_NUMBERED` or `DRAFT`; required with a guardrail.
            guardrail_exempt_models: models it is not asked of; `()` none. Default: those that take none,
                by a dated table.
            enforced_guardrails: guardrails and guardrail profiles that the account or organisation applies by itself,
                or
                that the guardrail's cross-Region profile needs. Default: none.
            actions: what it may do with the models. Default: inference with and without streaming.
            allow_api_keys: let Bedrock API keys made from its sessions work on bedrock-runtime. Default: denied.
            resources: knowledge bases and agent aliases for RETRIEVE and AGENT.
            may_use_roles: roles it may assume or pass. Default: none.
            project: value of the tag `project`. Default: no tag.
            team: value of the tag `team`. Default: no tag.
            tags: further tags of the role. Default: none.
            matching_tags: keys out of the role's tags in which an application inference profile must equal the role,
                or it is denied. Foundation models and system profiles have no tags; they are told by ARN alone.
                Default: none.
            suspended: deny every Bedrock call and leave every endpoint. Default: False.
            revoke_sessions_before: deny everything to sessions issued before: an aware datetime or ISO 8601 text,
                not in
                the future. Default: none revoked.
            permissions_boundary: a boundary of the role. Default: none; the ceiling is no boundary.
            max_session_duration: one to twelve hours. Default: one hour.
            role_name: a literal name. Default: a stable one from the path in the tree, starting with `secure-bedrock-`.
            path: the role's path. Default: `/secure-bedrock/`, which the organisation's SCP protects.
            description: text for people. Default: none.

        Raises:
            InvalidInput: for a wrong, empty or contradictory property, its name first.
        """
        super().__init__(scope, id)
        stands_in(self, scope)
        environment = environment_of(self)
        self._paths = RolePaths.of(
            self, endpoints=endpoints, vpcs=vpcs, source_ips=source_ips, vpc_source_ips=vpc_source_ips, network=network
        )
        self._access = declared_access(
            environment,
            models=models,
            guardrail=guardrail,
            guardrail_version=guardrail_version,
            guardrail_exempt_models=guardrail_exempt_models,
            enforced_guardrails=enforced_guardrails,
            actions=actions,
            allow_api_keys=allow_api_keys,
            resources=resources,
            may_use_roles=may_use_roles,
            suspended=suspended,
            revoke_sessions_before=revoke_sessions_before,
        )
        self._tags = checked_tags(project=project, team=team, tags=tags)
        self._access = replace(self._access, matching_tags=checked_matching_tags(matching_tags, self._tags))
        allows = allow_policies(self._access, limit=limit(MANAGED_POLICY))
        if len(allows) > limit(MANAGED_POLICIES_PER_ROLE):
            raise InvalidInput(
                f"models: their Allow statements fill {len(allows)} managed policies, a role takes "
                f"{limit(MANAGED_POLICIES_PER_ROLE)}; divide the models over several roles"
            )
        self._require_ceiling_fits()
        self.role_name = generated_role_name(self) if role_name is None else require_role_name(role_name)
        self._path = require_path(path)
        self.role_arn = environment.arn(f"role{self._path}{self.role_name}", service="iam", region="")
        if permissions_boundary is not None and not hasattr(permissions_boundary, "managed_policy_arn"):
            raise invalid("permissions_boundary", permissions_boundary, allowed="an iam.IManagedPolicy")
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=checked_principal(self, assumed_by, environment),
            role_name=self.role_name,
            path=path,
            description=description,
            permissions_boundary=permissions_boundary,
            max_session_duration=_session_duration(max_session_duration),
        )
        self._write_policies(allows, path)
        self._tag()
        if may_tag_sessions(assumed_by):
            refuse_session_tags(self.role, tuple(self._tags))
        warn_of(self, self._access, anywhere=self._paths.anywhere)
        check_at_synth(self, self._problems, neighbour=self._paths.first_endpoint())
        self._paths.admit_everywhere()

    @property
    def grant_principal(self) -> iam.IPrincipal:
        """The role, for `grant_...` methods of other constructs."""
        return self.role

    @property
    def access(self) -> Access:
        """What the role is declared to do, with every network path known so far."""
        return replace(self._access, network=self._paths.known())

    def ceiling_document(self) -> Plain:
        """Return the ceiling as a JSON-ready dict, with every network path known so far."""
        return self._ceiling().to_plain()

    def _ceiling(self) -> Policy:
        return ceiling_of(replace(self._access, network=self._paths.known_here()))

    def _tie_to(self, endpoint: PrivateBedrockEndpoint) -> None:
        """Add the path through an endpoint that admits this role, and write the ceiling again where that changes it."""
        before = self._paths.known_here()
        self._paths.tie_to(endpoint)
        if self._paths.known_here() != before:
            self._held.policy_document = self.ceiling_document()

    def _write_policies(self, allows: tuple[Policy, ...], path: str) -> None:
        name = self.role.role_name
        # Written at once and again by `_tie_to`: a lazy one would be asked for from Node several times a synth.
        self._held = held = iam.CfnPolicy(
            self,
            "Ceiling",
            policy_name="secure-bedrock-ceiling",
            policy_document=self.ceiling_document(),
            roles=[name],
        )
        acknowledge(held, CEILING_IS_INLINE)
        for index, policy in enumerate(allows, start=1):
            allow = iam.CfnManagedPolicy(
                self, f"Allow{index}", policy_document=policy.to_plain(), roles=[name], path=path
            )
            # What is allowed is attached after, and detached before, what holds it.
            allow.add_resource_dependency(held)
            acknowledge_wildcards(
                allow,
                wildcards_of(policy),
                "ids that AWS makes when a job starts, actions without a resource, and Regions that a profile chooses: "
                "its models are allowed through it alone",
            )

    def _tag(self) -> None:
        for key, value in self._tags.items():
            cdk.Tags.of(self.role).add(key, value)

    def _require_ceiling_fits(self) -> None:
        left = limit(INLINE_POLICIES_OF_ROLE) - self._paths.size_elsewhere()
        require_size(self._ceiling(), limit=left, name="models")

    def _problems(self) -> list[str]:
        resource = self.role.node.default_child
        if isinstance(resource, iam.CfnRole):
            now = properties_of(resource)
            name, path = now.get("roleName"), now.get("path")
            if (name, path) != (self.role_name, self._path):
                text = (
                    f"role_name: the role was renamed to {path}{name}, and endpoints and policies "
                    f"name {self._path}{self.role_name}; pass role_name and path to the construct instead"
                )
                return [text]
        problem = self._paths.problem()
        if problem is not None:
            return [problem]
        try:
            self._require_ceiling_fits()
        except InvalidInput as error:
            return [str(error)]
        return []


def _session_duration(duration: cdk.Duration | None) -> cdk.Duration | None:
    if duration is None:
        return None
    if not isinstance(duration, cdk.Duration):
        raise invalid("max_session_duration", duration, allowed="a Duration of one to twelve hours")
    seconds = int(duration.to_seconds())
    if not 3600 <= seconds <= 43_200:  # noqa: PLR2004 - IAM's limits for a role
        raise invalid("max_session_duration", f"{seconds} seconds", allowed="one to twelve hours")
    return duration
