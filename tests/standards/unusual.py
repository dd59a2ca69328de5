"""The constructs as the reference app does not have them: place unknown, all that can be said, all left out."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from secure_bedrock import (
    AccessAudit,
    ArchiveRule,
    BedrockAuditCompanion,
    BedrockAuditTrail,
    BedrockFeature,
    BedrockGateway,
    BedrockOrgGuardrailSCP,
    BedrockProject,
    BedrockService,
    Detection,
    ExternalWorkload,
    ExternalWorkloadAccess,
    GatewayCaller,
    InvocationLogging,
    InvokeActions,
    MfaAccountPrincipal,
    Network,
    OnPremisesAccess,
    PrivateBedrockEndpoint,
    RolesAnywherePrincipal,
    ScopedInvokeRole,
    TrailSource,
)

ACCOUNT, REGION = "111122223333", "eu-west-1"
HERE = cdk.Environment(account=ACCOUNT, region=REGION)
#: Out of sight of the reference app's audit, which takes the endpoints of its Region for approved.
ELSEWHERE = cdk.Environment(account=ACCOUNT, region="eu-central-1")
#: Where another audit has the fixed names to itself.
SECURITY = cdk.Environment(account="444455556666", region=REGION)
EU_LITE, LITE = "eu.amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/12345678-1234-1234-1234-123456789012"
CERTIFICATES = "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUe\n-----END CERTIFICATE-----\n"
REVOKED = "-----BEGIN X509 CRL-----\nMIIBszCCAVmgAwIBAgIUe\n-----END X509 CRL-----\n"
METADATA = '<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata"></EntityDescriptor>'.ljust(1200)


def unusual(app: cdk.App) -> None:
    """Declare all of them."""
    stack = cdk.Stack(app, "Unusual")
    _roles(stack)
    BedrockAuditTrail(stack, "Audit", notify=["security@example.com"])
    _crossing(app)
    _external(cdk.Stack(app, "External", env=HERE))
    endpoint, vpc = _beyond(cdk.Stack(app, "Beyond", env=ELSEWHERE))
    _gateway(cdk.Stack(app, "Gateway", env=ELSEWHERE), endpoint, vpc)
    _audits(app)
    _projects(cdk.Stack(app, "Projects", env=HERE))
    _organization(cdk.Stack(app, "Organization", env=cdk.Environment(account="999988887777", region="us-east-1")))


def _roles(stack: cdk.Stack) -> None:
    """Every action; people; a suspended one."""
    everything = InvokeActions.INFERENCE | InvokeActions.ASYNC | InvokeActions.COUNT_TOKENS | InvokeActions.BATCH
    ScopedInvokeRole(
        stack,
        "Everything",
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        models=[EU_LITE],
        actions=everything,
        allow_api_keys=True,
        may_use_roles=["arn:aws:iam::111122223333:role/batch"],
        network=Network.ANYWHERE,
    )
    ScopedInvokeRole(
        stack,
        "People",
        assumed_by=MfaAccountPrincipal("222233334444", external_id="a-secret-of-ours"),
        models=[LITE],
        source_ips=["203.0.113.0/24"],
        suspended=True,
        revoke_sessions_before="2026-01-01T00:00:00Z",
    )
    ScopedInvokeRole(
        stack,
        "Retrieving",
        assumed_by=RolesAnywherePrincipal(
            trust_anchor=f"arn:aws:rolesanywhere:{REGION}:{ACCOUNT}:trust-anchor/12345678-1234-1234-1234-123456789012",
            common_name="app",
        ),
        models=[LITE],
        actions=InvokeActions.INFERENCE | InvokeActions.RETRIEVE | InvokeActions.AGENT,
        resources=[
            f"arn:aws:bedrock:{REGION}:{ACCOUNT}:knowledge-base/ABCDEFGHIJ",
            f"arn:aws:bedrock:{REGION}:{ACCOUNT}:agent-alias/ABCDEFGHIJ/KLMNOPQRST",
        ],
        source_ips=["203.0.113.0/24"],
    )


def _crossing(app: cdk.App) -> None:
    """The role's stack before the endpoint's, and a VPC that exists already."""
    first, second = (cdk.Stack(app, name, env=HERE) for name in "AB")
    role = ScopedInvokeRole(first, "Early", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"), models=[LITE])
    second.add_dependency(first)
    endpoint = PrivateBedrockEndpoint(
        second,
        "Late",
        vpc=_imported_vpc(second),
        services=[BedrockService.RUNTIME, BedrockService.CONTROL],
        client_cidrs=["10.0.128.0/18"],
        private_dns_enabled=False,
    )
    endpoint.admit(role)


def _imported_vpc(stack: cdk.Stack) -> ec2.IVpc:
    return ec2.Vpc.from_vpc_attributes(
        stack,
        "Vpc",
        vpc_id="vpc-0123456789abcdef0",
        vpc_cidr_block="10.0.0.0/16",
        availability_zones=[f"{stack.region}a"],
        private_subnet_ids=["subnet-0123456789abcdef0"],
        private_subnet_route_table_ids=["rtb-0123456789abcdef0"],
    )


def _external(stack: cdk.Stack) -> None:
    """Authorities and providers that are made; assertions; a cluster."""
    workloads = {
        "Certificate": ExternalWorkload.roles_anywhere(
            certificate_bundle=CERTIFICATES, revocation_list=REVOKED, common_name="app", issuer_common_name="CA"
        ),
        "Gitlab": ExternalWorkload.gitlab(project="acme/app", branch="main"),
        "Pods": ExternalWorkload.kubernetes(
            issuer="https://oidc.example.com/cluster", namespace="prod", service_account="app", thumbprints=["0" * 40]
        ),
        "Assertion": ExternalWorkload.saml(metadata=METADATA, subject="app"),
    }
    for name, workload in workloads.items():
        ExternalWorkloadAccess(stack, name, workload=workload, models=[LITE], source_ips=["203.0.113.0/24"])


def _beyond(stack: cdk.Stack) -> tuple[PrivateBedrockEndpoint, ec2.IVpc]:
    """Every service of a VPC that exists, reached from a data centre by fixed addresses."""
    vpc = _imported_vpc(stack)
    endpoint = PrivateBedrockEndpoint(stack, "Endpoint", vpc=vpc, services=list(BedrockService), models=[LITE])
    endpoint.admit(iam.AccountPrincipal(ACCOUNT))
    OnPremisesAccess(stack, "OnPremises", endpoint=endpoint, cidrs=["10.20.0.0/16"], resolver=False)
    return endpoint, vpc


def _gateway(stack: cdk.Stack, endpoint: PrivateBedrockEndpoint, vpc: ec2.IVpc) -> None:
    """Quotas of tokens, ranges, bodies that block, and somebody to tell."""
    BedrockGateway(
        stack,
        "Gateway",
        callers=[
            GatewayCaller(role="arn:aws:iam::222233334444:role/partner", models=[LITE], tokens_per_day=100_000),
            GatewayCaller(role=f"arn:aws:iam::{ACCOUNT}:role/team", models=[EU_LITE]),
        ],
        endpoint=endpoint,
        vpc=vpc,
        guardrail=f"arn:aws:bedrock:{ELSEWHERE.region}:{ACCOUNT}:guardrail/abcdefghijkl",
        guardrail_version=1,
        source_ips=["203.0.113.0/24"],
        block_bodies=True,
        counted_rules=["SizeRestrictions_BODY"],
        notify=[sns.Topic.from_topic_arn(stack, "Topic", f"arn:aws:sns:{ELSEWHERE.region}:{ACCOUNT}:security")],
        set_account_logging_role=False,
    )


def _audits(app: cdk.App) -> None:
    """What exists already is used; nothing but metrics; another key; and the organisation's analyzers."""
    existing = cdk.Stack(app, "Existing", env=SECURITY)
    BedrockAuditTrail(
        existing,
        "Audit",
        trail=TrailSource.existing(
            log_group=logs.LogGroup.from_log_group_name(existing, "LogGroup", "trail"),
            bucket=s3.Bucket.from_bucket_name(existing, "Bucket", "records"),
            network_activity_events=True,
        ),
        encryption_key=kms.Key.from_key_arn(existing, "Key", KEY),
        invocation_logging=InvocationLogging(images=True, data_protection=False, replace_existing=True),
        approved_accounts=[ACCOUNT],
        approved_regions=[REGION],
        approved_endpoints=["vpce-0123456789abcdef0"],
        approved_models=[LITE],
        watched_roles=["administrator"],
        watched_security_groups=["sg-0123456789abcdef0"],
        expected_principals=[f"arn:aws:iam::{ACCOUNT}:role/deployment"],
        notify=["security@example.com"],
        dashboard=False,
    )
    metrics = cdk.Stack(app, "Metrics", env=cdk.Environment(account=ACCOUNT, region="eu-north-1"))
    BedrockAuditTrail(metrics, "Audit", trail=TrailSource.none(), notify=["security@example.com"])
    there = cdk.Stack(app, "There", env=BedrockAuditCompanion.environment(ACCOUNT, "eu-north-1"))
    BedrockAuditCompanion(there, "Companion", home_region="eu-north-1", detections=Detection.named("D22", "D33"))
    access = cdk.Stack(app, "Access", env=SECURITY)
    AccessAudit(
        access,
        "Access",
        bucket=s3.Bucket.from_bucket_name(access, "Bucket", "reports"),
        topic=sns.Topic.from_topic_arn(access, "Topic", f"arn:aws:sns:{REGION}:{SECURITY.account}:security"),
        organization=True,
        archive_rules=[
            ArchiveRule(name="ci", reason="the CI system assumes it", criteria={"resource": {"contains": ["ci"]}})
        ],
        schedule=events.Schedule.rate(cdk.Duration.days(1)),
    )


def _projects(stack: cdk.Stack) -> None:
    """One with nothing more than it must have; one with a key of its own, stopped."""
    named = {"team": "search", "cost_center": "4711", "models": [EU_LITE]}
    BedrockProject(stack, "Least", project="least", **named)
    BedrockProject(
        stack,
        "Most",
        project="most",
        tags={"stage": "live"},
        monthly_budget=100,
        notify=["team@example.com"],
        encryption_key=kms.Key.from_key_arn(stack, "Key", KEY),
        suspended=True,
        **named,
    )


def _organization(stack: cdk.Stack) -> None:
    """Everything denied that can be."""
    BedrockOrgGuardrailSCP(
        stack,
        "Guardrails",
        targets=["r-ab12"],
        allowed_regions=[REGION, "eu-north-1"],
        allowed_models=["anthropic.claude-*", LITE],
        required_guardrail=f"arn:aws:bedrock:{REGION}:{ACCOUNT}:guardrail/abcdefghijkl:1",
        required_vpcs=["vpc-0123456789abcdef0"],
        deny_marketplace=True,
        allowed_features=BedrockFeature.NONE,
        role_administrators=[f"arn:aws:iam::{ACCOUNT}:role/deployment"],
        exempt_principals=[f"arn:aws:iam::{ACCOUNT}:role/break-glass"],
        max_policies=5,
    )
