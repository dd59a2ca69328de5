"""One app in two Regions, in two accounts, and twice in one account."""

from __future__ import annotations

import json
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from cdk_nag import AwsSolutionsChecks

from secure_bedrock import (
    BedrockAuditTrail,
    BedrockOrgGuardrailSCP,
    Detection,
    InvocationLogging,
    OnPremisesAccess,
    PrivateBedrockEndpoint,
    ScopedInvokeRole,
    TrailSource,
)
from tests.constructs.conftest import ACCOUNT, REGION, of_type
from tests.foreign.apps import APPS

LITE = "amazon.nova-lite-v1:0"
OTHER_ACCOUNT, OTHER_REGION = "222233334444", "eu-central-1"
ROOT = iam.AccountRootPrincipal()
LOGGING_ROLE = f"arn:aws:iam::{ACCOUNT}:role/secure-bedrock/secure-bedrock-audit-logging"


def stack_in(app, name, *, account=ACCOUNT, region=REGION):
    return cdk.Stack(app, name, env=cdk.Environment(account=account, region=region))


def app_of(place, app, name, **where):
    stack = stack_in(app, name, **where)
    endpoint = PrivateBedrockEndpoint(stack, "Bedrock", vpc=place.vpc(stack), client_cidrs=["10.0.1.0/24"])
    OnPremisesAccess(stack, "DataCentre", endpoint=endpoint, cidrs=["192.168.0.0/24"], resolver=False)
    return ScopedInvokeRole(stack, "App", assumed_by=ROOT, models=[LITE], endpoints=[endpoint])


def test_an_app_in_two_regions_has_two_roles_each_with_its_region_s_endpoint(place):
    roles = [app_of(place, place.app, f"App-{region}", region=region) for region in (REGION, OTHER_REGION)]
    templates = place.synth()
    assert len({role.role_name for role in roles}) == 2
    for role, region in zip(roles, (REGION, OTHER_REGION), strict=True):
        template = templates[f"App-{region}"]
        (endpoint,) = of_type(template, "AWS::EC2::VPCEndpoint")
        (statement,) = endpoint["PolicyDocument"]["Statement"]
        assert statement["Condition"]["ArnEquals"]["aws:PrincipalArn"] == role.role_arn
        assert f":{region}:" in json.dumps(statement["Resource"])
        assert "Custom::" not in json.dumps(template)


def test_the_same_app_in_two_accounts_differs_by_the_account_only(make_place):
    def template(account):
        place = make_place()
        app_of(place, place.app, "App", account=account)
        return json.dumps(place.synth()["App"])

    assert template(ACCOUNT).replace(ACCOUNT, OTHER_ACCOUNT) == template(OTHER_ACCOUNT)


def test_a_hub_of_another_account_names_the_role_and_the_role_names_the_hub(place):
    hub = stack_in(place.app, "Hub", account=OTHER_ACCOUNT)
    endpoint = PrivateBedrockEndpoint(
        hub, "Bedrock", vpc=place.vpc(hub), client_cidrs=["10.0.1.0/24"], models=[LITE], organization_id="o-abcdefghij"
    )
    role = ScopedInvokeRole(
        stack_in(place.app, "Spoke"), "App", assumed_by=ROOT, models=[LITE], endpoints=["vpce-0123456789abcdef0"]
    )
    endpoint.admit(role.role_arn)
    templates = place.synth()
    (statement,) = of_type(templates["Hub"], "AWS::EC2::VPCEndpoint")[0]["PolicyDocument"]["Statement"]
    assert statement["Condition"]["ArnEquals"]["aws:PrincipalArn"] == role.role_arn
    assert statement["Condition"]["StringEquals"] == {
        "aws:PrincipalAccount": ACCOUNT, "aws:PrincipalOrgID": "o-abcdefghij",
    }  # fmt: skip
    assert "ImportValue" not in json.dumps(templates)


def test_two_organisations_policies_in_one_app_have_names_of_their_own(place):
    for name in ("One", "Two"):
        BedrockOrgGuardrailSCP(place.stack(name), "Rails", targets=["ou-ab12-12345678"], allowed_regions=[REGION])
    names = [
        row["Name"] for template in place.synth().values() for row in of_type(template, "AWS::Organizations::Policy")
    ]
    assert len(set(names)) == len(names)


def audit(app, name, *, account=ACCOUNT, region=REGION, **given):
    given = {"detections": Detection.named("D09"), **given}
    return BedrockAuditTrail(stack_in(app, name, account=account, region=region), "Audit", **given)


def beside(place, region=OTHER_REGION, account=ACCOUNT, **second):
    audit(place.app, "A", invocation_logging=InvocationLogging())
    audit(place.app, "B", region=region, account=account, **second)


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ({}, r"\[B/Audit\] trail: A/Audit makes a trail of all Regions"),
        (
            {"trail": TrailSource.none(), "invocation_logging": InvocationLogging()},
            r"\[B/Audit\] invocation_logging.role: A/Audit makes the role of this account",
        ),
        ({"region": REGION}, r"\[B/Audit\] an account has one audit in a Region, and A/Audit"),
    ],
    ids=["trail", "role", "Region"],
)
def test_two_audits_of_an_account_that_would_collide_fail_the_synth(place, second, message):
    beside(place, **second)
    with pytest.raises(RuntimeError, match=message):
        place.synth()


def test_the_audits_of_two_regions_stand_beside_each_other(place):
    beside(place, trail=TrailSource.none())
    stack = stack_in(place.app, "C", region="eu-north-1")
    role = iam.Role.from_role_arn(stack, "Role", LOGGING_ROLE)
    BedrockAuditTrail(stack, "Audit", trail=TrailSource.none(), invocation_logging=InvocationLogging(role=role))
    templates = place.synth()
    names = [
        (kind, p[key])
        for template in templates.values()
        for kind, key in (
            ("AWS::S3::Bucket", "BucketName"),
            ("AWS::IAM::Role", "RoleName"),
            ("AWS::CloudWatch::Dashboard", "DashboardName"),
        )
        for p in of_type(template, kind)
        if key in p
    ]
    assert len(set(names)) == len(names)
    assert len(names) >= 6


def test_audits_of_two_accounts_do_not_know_each_other(place):
    beside(place, account=OTHER_ACCOUNT, region=REGION, invocation_logging=InvocationLogging())
    assert set(place.synth()) == {"A", "B"}


def test_two_stages_that_are_deployed_to_one_account_cannot_both_have_an_audit(place):
    for name in ("Test", "Live"):
        audit(cdk.Stage(place.app, name), "A")
    with pytest.raises(RuntimeError, match=r"an account has one audit in a Region, and Live/A/Audit"):
        place.app.synth()


def test_stages_without_an_environment_may_go_to_different_accounts(place):
    for name in ("Test", "Live"):
        stack = cdk.Stack(cdk.Stage(place.app, name), "A")
        BedrockAuditTrail(stack, "Audit", detections=Detection.named("D09"))
    assert len(place.app.synth().nested_assemblies) == 2


def test_cdk_nag_looks_at_everything_and_changes_nothing(monkeypatch):
    def synthesized(*, checked):
        app = cdk.App()
        APPS["one_stack"](app)
        if not checked:
            return app.synth().stacks[0].template
        monkeypatch.setenv("CDK_VALIDATION", "true")
        cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
        # The stranger's `bedrock:*` is the app's own fault.
        with pytest.raises(RuntimeError, match=r"All/Stranger/DefaultPolicy/Resource"):
            app.synth()
        return json.loads((Path(app.outdir) / "All.template.json").read_text())

    assert synthesized(checked=True) == synthesized(checked=False)
