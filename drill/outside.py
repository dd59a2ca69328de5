"""What the drill of the world outside deploys: the reference app with a data centre, a server and jobs of GitHub."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from drill.environment import ACCOUNT, REGION
from reference.application import build
from reference.configuration import Configuration
from reference.sections.external import CertificateConfiguration, ExternalConfiguration, GithubConfiguration
from reference.sections.on_premises import OnPremisesConfiguration
from secure_bedrock import ExternalWorkload, ExternalWorkloadAccess, Network, ScopedInvokeRole

CALLERS = "drill-outside-callers"
#: The emulator's callers all come from here.
HERE, CENTRE = "127.0.0.1/32", "10.20.0.0/16"
FORMER_USER = "drill-before"
BUNDLE = "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUe\n-----END CERTIFICATE-----"
REVOKED = "-----BEGIN X509 CRL-----\nMIIBszCCAVmgAwIBAgIUe\n-----END X509 CRL-----"
METADATA = f"<md:EntityDescriptor>{'drill ' * 200}</md:EntityDescriptor>"
CONFIGURATION = Configuration(
    account=ACCOUNT,
    region=REGION,
    on_premises=OnPremisesConfiguration(cidrs=(CENTRE,), resolver_addresses=("10.0.0.10", "10.0.1.10")),
    external=ExternalConfiguration(
        certificate=CertificateConfiguration(
            common_name="app",
            certificate_bundle=BUNDLE,
            revocation_list=REVOKED,
            session_minutes=15,
            former_users=(FORMER_USER,),
        ),
        github=GithubConfiguration(
            repository="acme/app", environment="prod", owner_id="1001", repository_id="2002", anywhere=True
        ),
    ),
)


def main() -> None:
    """Synthesize it."""
    app = cdk.App()
    deployment = build(app, CONFIGURATION)
    on_premises, external, access = deployment.on_premises, deployment.external, deployment.access
    assert on_premises and external and external.server and external.jobs  # noqa: S101, PT018 - the configuration's
    stack = cdk.Stack(app, CALLERS, env=cdk.Environment(account=ACCOUNT, region=REGION))
    scoped = {
        "assumed_by": iam.AccountPrincipal(ACCOUNT),
        "models": CONFIGURATION.models,
        "endpoints": [deployment.network.endpoint],
        "guardrail": access.guardrail,
        "guardrail_version": access.guardrail_version.attr_version,
    }
    centre = ScopedInvokeRole(stack, "Centre", vpc_source_ips=on_premises.access.vpc_source_ips, **scoped)
    here = ScopedInvokeRole(stack, "Here", vpc_source_ips=[HERE], **scoped)
    ExternalWorkloadAccess(
        stack,
        "Robot",
        workload=ExternalWorkload.saml(metadata=METADATA, subject="robot@example.com"),
        models=CONFIGURATION.models,
        network=Network.ANYWHERE,
    )
    outputs = {
        "Centre": centre.role_arn,
        "Here": here.role_arn,
        "Server": external.server.role_arn,
        "Jobs": external.jobs.role_arn,
        "Endpoint": deployment.network.endpoint.endpoint_ids[0],
        "GuardrailId": access.guardrail.attr_guardrail_id,
        "GuardrailVersion": access.guardrail_version.attr_version,
    }
    for name, value in outputs.items():
        cdk.CfnOutput(stack, f"{name}Output", value=value).override_logical_id(name)
    app.synth()


if __name__ == "__main__":
    main()
