"""Workloads outside AWS: who may sign in as them, and what their sessions may do."""

from __future__ import annotations

import aws_cdk as cdk

from secure_bedrock import ExternalWorkload, ExternalWorkloadAccess, Network
from tests.questions.apps import ACCOUNT, LITE, Fixture

ANCHOR = "12345678-1234-1234-1234-123456789012"
SAML = "saml-provider/corporate"
CLUSTER = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"


def external(app: cdk.App, env: cdk.Environment) -> None:
    """One access of every kind, in one account."""
    acc = cdk.Stack(app, "Acc", env=env)
    partition = "aws-us-gov" if str(env.region).startswith("us-gov") else "aws"
    anchor = f"arn:{partition}:rolesanywhere:{env.region}:{ACCOUNT}:trust-anchor/{ANCHOR}"
    provider = f"arn:{partition}:iam::{ACCOUNT}:oidc-provider/"
    workload = ExternalWorkload
    free = {"models": [LITE], "network": Network.ANYWHERE}
    ExternalWorkloadAccess(
        acc, "Server", models=[LITE], source_ips=["203.0.113.0/24"],
        workload=workload.roles_anywhere(trust_anchor=anchor, common_name="app.example.com"),
    )  # fmt: skip
    ExternalWorkloadAccess(
        acc, "Issued",
        workload=workload.roles_anywhere(
            trust_anchor=anchor, common_name="app", organizational_unit=["ml", "prod"],
            issuer_common_name="Issuing CA 1",
        ),
        **free,
    )  # fmt: skip
    ExternalWorkloadAccess(
        acc, "Spiffe", workload=workload.roles_anywhere(trust_anchor=anchor, san_uri="spiffe://example.org/app"), **free
    )
    github = f"{provider}token.actions.githubusercontent.com"
    ExternalWorkloadAccess(
        acc, "Main", workload=workload.github_actions(repository="acme/app", ref="refs/heads/main", provider=github),
        **free,
    )  # fmt: skip
    ExternalWorkloadAccess(
        acc, "Deploy",
        workload=workload.github_actions(
            repository="acme/app", environment="prod", owner_id="1001", repository_id="2002", provider=github
        ),
        **free,
    )  # fmt: skip
    ExternalWorkloadAccess(
        acc, "Gitlab",
        workload=workload.gitlab(
            project="acme/ml/app", branch="main", project_id="3003", provider=f"{provider}gitlab.com"
        ),
        **free,
    )  # fmt: skip
    ExternalWorkloadAccess(
        acc, "Pod",
        workload=workload.kubernetes(
            issuer=f"https://{CLUSTER}", namespace="ml", service_account="app", provider=f"{provider}{CLUSTER}"
        ),
        **free,
    )  # fmt: skip
    ExternalWorkloadAccess(
        acc, "Tagged",
        workload=workload.oidc(
            issuer="https://id.example.com", audience="bedrock", subject="batch", provider=f"{provider}id.example.com"
        ),
        session_tags={"team": "search"}, source_identity="batch", **free,
    )  # fmt: skip
    ExternalWorkloadAccess(
        acc, "Saml",
        workload=workload.saml(
            provider=f"arn:{partition}:iam::{ACCOUNT}:{SAML}", subject="app@example.com",
            attributes={"edupersonaffiliation": "service"},
        ),
        **free,
    )  # fmt: skip


APPS = {
    "external": Fixture(external),
    "external-government": Fixture(external, region="us-gov-west-1", partition="aws-us-gov"),
}
