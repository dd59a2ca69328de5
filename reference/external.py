"""The external stack: a server with a certificate and jobs of GitHub, each with a role and credentials that expire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aws_cdk as cdk

from reference.configuration import named_by_context_key
from reference.sections.external import CertificateConfiguration, GithubConfiguration
from secure_bedrock import ExternalWorkload, ExternalWorkloadAccess, Network
from secure_bedrock.errors import invalid

if TYPE_CHECKING:
    from constructs import Construct

    from reference.access import AccessStack
    from reference.configuration import Configuration
    from reference.network import NetworkStack
    from reference.on_premises import OnPremisesStack
    from reference.sections.external import ExternalConfiguration


class ExternalStack(cdk.Stack):
    """Who may call from outside AWS, and from where; under the application's models and guardrail.

    Attributes:
        server: the access of a server with a certificate, None for none.
        jobs: the access of GitHub's jobs, None for none.
    """

    def __init__(  # noqa: PLR0913 - one argument a stack it stands on
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own word
        *,
        configuration: Configuration,
        declared: ExternalConfiguration,
        network: NetworkStack,
        access: AccessStack,
        on_premises: OnPremisesStack | None,
        env: cdk.Environment,
    ) -> None:
        """Declare the accesses."""
        super().__init__(scope, id, env=env, description="Secure Bedrock: workloads outside AWS")
        self._common = {
            "models": configuration.models,
            "guardrail": access.guardrail,
            "guardrail_version": access.guardrail_version.attr_version,
            "project": configuration.project,
            "team": configuration.team,
            "suspended": configuration.suspended,
            "revoke_sessions_before": configuration.revoke_sessions_before,
        }
        self._source_ips = declared.source_ips
        self.server: ExternalWorkloadAccess | None = None
        self.jobs: ExternalWorkloadAccess | None = None
        if declared.certificate is not None:
            self.server = self._server(declared.certificate, network, on_premises)
        if declared.github is not None:
            self.jobs = self._jobs(declared.github)

    def _server(
        self, declared: CertificateConfiguration, network: NetworkStack, on_premises: OnPremisesStack | None
    ) -> ExternalWorkloadAccess:
        path: dict[str, Any] = (
            {"source_ips": self._public()}
            if on_premises is None
            else {"endpoints": [network.endpoint], "vpc_source_ips": on_premises.access.vpc_source_ips}
        )
        with named_by_context_key(CertificateConfiguration, under="external.certificate."):
            return ExternalWorkloadAccess(
                self,
                "Server",
                workload=ExternalWorkload.roles_anywhere(
                    trust_anchor=declared.trust_anchor,
                    certificate_bundle=declared.certificate_bundle,
                    common_name=declared.common_name,
                    issuer_common_name=declared.issuer_common_name,
                    revocation_list=declared.revocation_list,
                ),
                session_duration=cdk.Duration.minutes(declared.session_minutes),
                former_users=declared.former_users,
                **path,
                **self._common,
            )

    def _jobs(self, declared: GithubConfiguration) -> ExternalWorkloadAccess:
        path: dict[str, Any] = {"network": Network.ANYWHERE} if declared.anywhere else {"source_ips": self._public()}
        with named_by_context_key(GithubConfiguration, under="external.github."):
            return ExternalWorkloadAccess(
                self,
                "Jobs",
                workload=ExternalWorkload.github_actions(
                    repository=declared.repository,
                    environment=declared.environment,
                    owner_id=declared.owner_id,
                    repository_id=declared.repository_id,
                    provider=declared.provider,
                ),
                **path,
                **self._common,
            )

    def _public(self) -> tuple[str, ...]:
        if self._source_ips is None:
            remedy = "or configure on_premises for the server, and anywhere for the jobs"
            raise invalid("source_ips", None, allowed="the public ranges that the workload calls from", remedy=remedy)
        return self._source_ips
