"""The guard rails of an organisation: service control policies on every use of Bedrock in its member accounts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

import aws_cdk as cdk
from aws_cdk import aws_organizations as organizations
from constructs import Construct

from secure_bedrock.constructs._edge import warn
from secure_bedrock.constructs._organization import declared_organization, declared_protection, targets_of
from secure_bedrock.errors import invalid
from secure_bedrock.policy.document import Plain
from secure_bedrock.policy.features import BedrockFeature
from secure_bedrock.policy.limits import SCP, SCPS_PER_NODE, limit
from secure_bedrock.policy.scp import service_control_policies


class BedrockOrgGuardrailSCP(Construct):
    """The guard rails of an organisation as service control policies; not Bedrock Guardrails, which filter content.

    They deny and grant nothing: what they leave open still needs a policy that allows it.
    They bind principals of member accounts, root users included. They do not see the management account,
    service-linked roles, or AWS services that act as themselves; Bedrock supports no resource control policies.
    Try them on one organisational unit first: the how-to tells how to get out of a lock-out.

    Attributes:
        policies: the policies, in the order of `documents`; empty with `attach=False`.
        documents: the same as JSON-ready dicts, for Control Tower, Terraform or a console.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own word
        *,
        allowed_regions: Iterable[str],
        targets: Iterable[object] | None = None,
        attach: bool = True,
        allowed_models: Iterable[object] | None = None,
        required_guardrail: object | Mapping[str, object] | None = None,
        guardrail_exempt_models: Iterable[object] | None = None,
        required_endpoints: Iterable[object] | None = None,
        required_vpcs: Iterable[object] | None = None,
        deny_api_keys: bool = True,
        deny_marketplace: bool = False,
        deny_global_profiles: bool = True,
        allowed_features: BedrockFeature | None = None,
        protect_audit: bool = True,
        role_administrators: Iterable[object] | None = None,
        exempt_principals: Iterable[object] | None = None,
        service_roles: Mapping[BedrockFeature, Iterable[object]] | None = None,
        max_document_size: int = 5120,
        max_policies: int = 3,
    ) -> None:
        """Declare the guard rails.

        Args:
            scope: the parent construct.
            id: the construct's id.
            allowed_regions: where Bedrock may be called from, as literals. Profiles of these Regions' geographies work,
                wherever in the geography AWS routes them.
            targets: the root (`r-...`), organisational units (`ou-...`) or accounts (12 digits) to attach to, or their
                CfnOrganizationalUnit and CfnAccount. Default: none, an error unless `attach` is False.
            attach: whether policies are made at all. Default: True.
            allowed_models: ids, ARNs, `Model`, `Model.mantle(...)`, or families such as `anthropic.claude-*`; each
                works directly and through its profiles. Default: any model.
            required_guardrail: the guardrail that inference must name: an ARN (`:N` at its end for exactly that
                version), a construct, or a mapping from Region to either. Default: none.
            guardrail_exempt_models: models it is not asked of; `()` none. Default: those that take none, by a
                dated table.
            required_endpoints: VPC endpoints that calls must come through; with `required_vpcs` either is enough.
            required_vpcs: VPCs that calls must come from. Default: any network.
            deny_api_keys: deny the use of Bedrock API keys on both services, their creation, reset and update.
                Default: True; False still denies keys that never expire.
            deny_marketplace: deny subscribing in AWS Marketplace, agreeing to a model provider's terms, and Marketplace
                model endpoints. Default: False.
            deny_global_profiles: deny profiles that route to every commercial Region. Default: True.
            allowed_features: what may be used besides inference; NONE denies all. Default: not restricted.
            protect_audit: keep what `BedrockAuditTrail` makes, and the account's logging settings, out of reach.
                Default: True.
            role_administrators: exact ARNs of the roles that alone may make and change roles under `/secure-bedrock/`;
                they are exempt from nothing else. Default: that path is unprotected, and a warning says so.
            exempt_principals: exact role ARNs, or names under `/secure-bedrock/`, exempt from everything but the
                statements on API keys; the policies protect them. Default: nobody.
            service_roles: exact ARNs of the roles that Bedrock assumes, by the feature they serve; their calls come
                from AWS's network and name no guardrail. A feature that is not allowed cannot have one. Default: none.
            max_document_size: characters of one document, white space included. Default: 5,120; AWS takes 10,240
                since May 2026.
            max_policies: how many documents there may be. Default: 3; AWS attaches 10 to a node since May 2026.

        Raises:
            InvalidInput: for a wrong, empty or contradictory property, its name first.
        """
        super().__init__(scope, id)
        organization = declared_organization(
            self,
            allowed_regions=allowed_regions,
            allowed_models=allowed_models,
            required_guardrail=required_guardrail,
            guardrail_exempt_models=guardrail_exempt_models,
            required_endpoints=required_endpoints,
            required_vpcs=required_vpcs,
            deny_api_keys=deny_api_keys,
            deny_marketplace=deny_marketplace,
            deny_global_profiles=deny_global_profiles,
            allowed_features=allowed_features,
            exempt_principals=exempt_principals,
            service_roles=service_roles,
        )
        documents = service_control_policies(
            organization,
            declared_protection(organization, protect_audit=protect_audit, role_administrators=role_administrators),
            max_document_size=_within("max_document_size", max_document_size, limit(SCP, cautious=False)),
            max_policies=_within("max_policies", max_policies, limit(SCPS_PER_NODE, cautious=False)),
        )
        self._documents = [document.to_plain() for document in documents]
        self.policies = self._attach(targets_of(targets, attach=attach)) if attach else []
        if role_administrators is None:
            warn(
                self,
                "role-administrators",
                "role_administrators: not given, so any administrator of a member account may change the roles under "
                "/secure-bedrock/; exempt roles are protected all the same",
            )

    @property
    def documents(self) -> list[Plain]:
        """The documents as JSON-ready dicts; what is filled in at deploy time stays a CloudFormation function."""
        return cdk.Stack.of(self).resolve(self._documents)

    def _attach(self, targets: list[str]) -> list[organizations.CfnPolicy]:
        name = cdk.Names.unique_resource_name(self, max_length=100, separator="-")
        policies = [
            organizations.CfnPolicy(
                self,
                f"Policy{index}",
                name=f"{name}-{index}",
                type="SERVICE_CONTROL_POLICY",
                description=f"Amazon Bedrock, document {index} of {len(self._documents)}",
                content=document,
                target_ids=targets,
            )
            for index, document in enumerate(self._documents, start=1)
        ]
        # A statement that moves to a later document is denied there before it leaves the earlier one.
        for earlier, later in pairwise(policies):
            earlier.node.add_dependency(later)
        return policies


def _within(name: str, value: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise invalid(name, value, allowed=f"a whole number from 1 to {most}")
    return value
