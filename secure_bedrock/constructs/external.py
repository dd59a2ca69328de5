"""Bedrock for a workload outside AWS, with temporary credentials and no others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import aws_cdk as cdk
import jsii
from aws_cdk import aws_iam as iam
from aws_cdk import aws_rolesanywhere as rolesanywhere
from constructs import Construct

from secure_bedrock.constructs._external_outputs import write_outputs
from secure_bedrock.constructs._external_session import (
    SessionNeeds,
    former_users_policy,
    role_duration,
    seconds_of,
    session_document,
)
from secure_bedrock.constructs._external_trust import trusted, unique_name
from secure_bedrock.constructs._external_workload import CertificateWorkload, ExternalWorkload, OidcWorkload
from secure_bedrock.constructs._tokens import environment_of
from secure_bedrock.constructs.role import ScopedInvokeRole
from secure_bedrock.errors import invalid
from secure_bedrock.policy.actions import InvokeActions
from secure_bedrock.policy.guardrails import GuardrailVersion
from secure_bedrock.policy.network import Network
from secure_bedrock.policy.reserved import RESERVED_PATH

if TYPE_CHECKING:
    from aws_cdk import aws_ec2 as ec2

    from secure_bedrock.constructs.endpoint import PrivateBedrockEndpoint

__all__ = ["ExternalWorkload", "ExternalWorkloadAccess"]


@jsii.implements(iam.IGrantable)
class ExternalWorkloadAccess(Construct):
    """Lets one workload outside AWS call Bedrock, with temporary credentials of a ScopedInvokeRole and no others.

    The role trusts exactly the workload: its certificate of one trust anchor, its OIDC audience and subject, or its
    SAML assertion. No IAM user can assume it, so no long-term access key leads to it, and Bedrock API keys made from
    its sessions are denied unless `allow_api_keys` says otherwise.
    The access keys that the workload had before are another matter, since no policy of this role holds an IAM user:
    `former_users` denies them Bedrock, and an endpoint of this library lets no user through.
    With Roles Anywhere the sessions get a session policy too: what somebody attaches to the role later does not
    reach the workload. Another profile that names the role would not have it; the ceiling holds there as well.
    A session ends by itself; `revoke_sessions_before` and `suspended` end it earlier.

    Attributes:
        role: the ScopedInvokeRole.
        profile: the profile of Roles Anywhere, None otherwise.
        trust_anchor_arn: of Roles Anywhere, None otherwise.
        provider_arn: of the OIDC or SAML provider, None otherwise.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own word
        *,
        workload: ExternalWorkload,
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
        session_duration: cdk.Duration | None = None,
        session_policies: Iterable[object] | None = None,
        session_tags: Mapping[str, str] | None = None,
        source_identity: str | None = None,
        former_users: Iterable[object] | None = None,
        project: str | None = None,
        team: str | None = None,
        tags: Mapping[str, str] | None = None,
        matching_tags: Iterable[str] | None = None,
        suspended: bool = False,
        revoke_sessions_before: datetime | str | None = None,
        permissions_boundary: iam.IManagedPolicy | None = None,
        role_name: str | None = None,
        path: str = RESERVED_PATH,
        description: str | None = None,
    ) -> None:
        """Declare the access. What is not described here is as in ScopedInvokeRole.

        Args:
            scope: the parent construct.
            id: the construct's id.
            workload: who: `ExternalWorkload.roles_anywhere(...)`, `.github_actions(...)`, `.gitlab(...)`,
                `.kubernetes(...)`, `.oidc(...)` or `.saml(...)`.
            models: what it may invoke.
            endpoints: VPC endpoints it may call through.
            vpcs: VPCs it may call from.
            source_ips: public ranges it may call from without an endpoint.
            vpc_source_ips: private ranges that callers through an endpoint must come from, such as
                `OnPremisesAccess.vpc_source_ips`.
            network: `Network.ANYWHERE` where no path is to be named, as for runners with changing addresses.
            guardrail: the guardrail every inference must name.
            guardrail_version: its version.
            guardrail_exempt_models: models it is not asked of.
            enforced_guardrails: guardrails the account or organisation applies by itself.
            actions: what it may do with the models.
            allow_api_keys: let Bedrock API keys made from its sessions work, which last at most as long as the session.
            resources: knowledge bases and agent aliases for RETRIEVE and AGENT.
            may_use_roles: roles it may assume or pass. Default: none.
            session_duration: how long a session lasts, 15 minutes to 12 hours. Default: one hour. IAM lets a role ask
                for an hour at least, so less is what Roles Anywhere gives by default and no bound on the others.
            session_policies: managed policies that narrow the sessions of Roles Anywhere further, up to ten, by ARN or
                construct. Default: none.
            session_tags: tags that an OIDC token or SAML assertion must bring, each with exactly this value; it may
                bring no others. Default: a sign-in that brings any is refused. Roles Anywhere sets the certificate's
                fields as tags, and no others.
            source_identity: the source identity that an OIDC token or SAML assertion must bring. Default: a sign-in
                that brings one is refused. Roles Anywhere sets the certificate's common name.
            former_users: IAM users whose access keys the workload used before, by name or construct: their long-term
                keys are denied every Bedrock action. Default: none.
            project: value of the tag `project`.
            team: value of the tag `team`.
            tags: further tags of the role.
            matching_tags: keys in which application profiles must equal the role.
            suspended: deny every Bedrock call, and give no more sessions through Roles Anywhere.
            revoke_sessions_before: deny everything to sessions issued before.
            permissions_boundary: a boundary of the role.
            role_name: a literal name.
            path: the role's path.
            description: text for people.

        Raises:
            InvalidInput: for a wrong, empty or contradictory property, its name first.
        """
        super().__init__(scope, id)
        seconds = seconds_of(session_duration)
        needs = SessionNeeds.of(session_tags, source_identity)
        needs.require_others_than({"project": project, "team": team, **(tags if isinstance(tags, Mapping) else {})})
        found = trusted(self, workload, environment_of(self), needs)
        self.trust_anchor_arn, self.provider_arn = found.trust_anchor_arn, found.provider_arn
        self.role = ScopedInvokeRole(
            self,
            "Role",
            assumed_by=found.principal,
            models=models,
            endpoints=endpoints,
            vpcs=vpcs,
            source_ips=source_ips,
            vpc_source_ips=vpc_source_ips,
            network=network,
            guardrail=guardrail,
            guardrail_version=guardrail_version,
            guardrail_exempt_models=guardrail_exempt_models,
            enforced_guardrails=enforced_guardrails,
            actions=actions,
            allow_api_keys=allow_api_keys,
            resources=resources,
            may_use_roles=may_use_roles,
            project=project,
            team=team,
            tags=tags,
            matching_tags=matching_tags,
            suspended=suspended,
            revoke_sessions_before=revoke_sessions_before,
            permissions_boundary=permissions_boundary,
            max_session_duration=role_duration(seconds),
            role_name=role_name,
            path=path,
            description=description,
        )
        self.profile: rolesanywhere.CfnProfile | None = None
        if isinstance(workload, CertificateWorkload):
            self.profile = self._profile(seconds, session_policies, suspended=suspended)
        elif session_policies is not None:
            raise invalid("session_policies", session_policies, allowed="policies of Roles Anywhere sessions alone")
        former_users_policy(self, former_users)
        write_outputs(self, with_token=isinstance(workload, OidcWorkload))

    @property
    def grant_principal(self) -> iam.IPrincipal:
        """The role, for `grant_...` methods of other constructs."""
        return self.role.role

    @property
    def role_arn(self) -> str:
        """The role's ARN in literal text, with its path."""
        return self.role.role_arn

    def _profile(
        self, seconds: int, session_policies: Iterable[object] | None, *, suspended: bool
    ) -> rolesanywhere.CfnProfile:
        document, managed = session_document(self.role.access, session_policies)
        return rolesanywhere.CfnProfile(
            self,
            "Profile",
            name=unique_name(self),
            role_arns=[self.role.role.role_arn],
            duration_seconds=seconds,
            enabled=not suspended,
            # The session is named by the certificate's serial number, which the workload cannot choose.
            accept_role_session_name=False,
            session_policy=document,
            managed_policy_arns=managed or None,
        )
