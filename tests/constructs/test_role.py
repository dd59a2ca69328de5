"""ScopedInvokeRole: every property, every refusal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import aws_cdk as cdk
import pytest
from aws_cdk import aws_bedrock as bedrock
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from secure_bedrock import (
    GuardrailVersion,
    InvalidInput,
    InvokeActions,
    MfaAccountPrincipal,
    Model,
    Network,
    ScopedInvokeRole,
)
from tests.constructs.conftest import ACCOUNT, of_type

LITE, EU_LITE, EMBED = "amazon.nova-lite-v1:0", "eu.amazon.nova-lite-v1:0", "amazon.titan-embed-text-v2:0"
GUARDRAIL = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:guardrail/abcdefghijkl"
VPCE = "vpce-0123456789abcdef0"


@pytest.fixture
def make(place, here):
    """Make a role with what it needs and what a test changes; returns it and its synthesized stack."""

    def made(**changed):
        stack = place.stack()
        given = {"assumed_by": here, "models": [LITE], "network": Network.ANYWHERE, **changed}
        return ScopedInvokeRole(
            stack, "App", **{name: value for name, value in given.items() if value != "absent"}
        ), stack

    return made


def template(place, stack):
    return place.synth()[stack.stack_name]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"models": []}, "models: got an empty list"),
        ({"models": 5}, "models: got 5; allowed is a list"),
        ({"models": [None]}, "models: got None"),
        ({"endpoints": 5, "network": "absent"}, "endpoints: got 5; allowed is a list"),
        ({"source_ips": 5, "network": "absent"}, "source_ips: got 5; allowed is a list"),
        ({"may_use_roles": 5}, "may_use_roles: got 5; allowed is a list"),
        ({"tags": ["a"]}, r"tags: got \['a'\]; allowed is a mapping"),
        ({"assumed_by": None}, "assumed_by: got None; allowed is an iam.IPrincipal"),
        ({"max_session_duration": 3600}, "max_session_duration: got 3600; allowed is a Duration"),
        ({"permissions_boundary": "boundary"}, "permissions_boundary: got 'boundary'"),
        ({"role_name": cdk.Aws.STACK_NAME}, "role_name: got .*literal"),
        ({"path": cdk.Aws.STACK_NAME}, "path: got .*literal"),
        ({"revoke_sessions_before": cdk.Aws.STACK_NAME}, "revoke_sessions_before: got .*ISO 8601"),
        ({"models": LITE}, r"models: got 'amazon.nova-lite-v1:0'; allowed is a list.*\['amazon"),
        ({"models": ["amazon.nova-ltie-v1:0"]}, "models: .*did you mean 'amazon.nova-lite-v1:0'"),
        ({"models": [cdk.Aws.STACK_NAME]}, "models: got .*known at synth.*application_profile"),
        ({"models": ["us.amazon.nova-lite-v1:0"]}, "models: got 'us.amazon.*eu-west-1"),
        ({"network": "absent", "endpoints": []}, "endpoints: got an empty list"),
        ({"network": "absent", "endpoints": VPCE}, r"endpoints: got 'vpce-.*allowed is a list"),
        ({"network": "absent", "endpoints": ["vpc-0123456789abcdef0"]}, "endpoints: got 'vpc-0"),
        ({"network": "absent", "endpoints": [7]}, "endpoints: got 7"),
        ({"network": "absent", "vpcs": [VPCE]}, "vpcs: got 'vpce-"),
        ({"network": "absent", "source_ips": ["0.0.0.0/0"]}, "source_ips: got '0.0.0.0/0'.*network=Network.ANYWHERE"),
        ({"network": "absent", "source_ips": ["::/0"]}, "source_ips: got '::/0'"),
        ({"network": "absent", "source_ips": ["10.0.0.0/8"]}, "source_ips: got '10.0.0.0/8'.*vpc_source_ips"),
        ({"network": "absent", "source_ips": "203.0.113.0/24"}, "source_ips: .*a list"),
        ({"endpoints": [VPCE]}, "network: got 'Network.ANYWHERE'.*not both"),
        ({"source_ips": ["203.0.113.0/24"]}, "network: got"),
        ({"network": "anywhere"}, "network: got 'anywhere'; allowed is Network.ANYWHERE"),
        ({"guardrail": GUARDRAIL}, "guardrail_version: got nothing"),
        ({"guardrail_version": 1}, "guardrail_version: got 1.*together with its guardrail"),
        ({"guardrail": "abcdefghijkl", "guardrail_version": 1}, "guardrail: got 'abcdefghijkl'"),
        ({"guardrail": GUARDRAIL, "guardrail_version": "draft"}, "guardrail_version: got 'draft'.*DRAFT"),
        ({"guardrail": GUARDRAIL, "guardrail_version": 1, "models": [EMBED]}, "guardrail: .*none of amazon.titan"),
        ({"guardrail_exempt_models": [EMBED]}, "guardrail_exempt_models: .*together with a guardrail"),
        ({"enforced_guardrails": []}, "enforced_guardrails: got an empty list"),
        ({"enforced_guardrails": ["arn:aws:s3:::x"]}, "enforced_guardrails: got 'arn:aws:s3"),
        ({"actions": 3}, "actions: got 3"),
        ({"actions": InvokeActions(0)}, "actions: got"),
        ({"actions": InvokeActions.RETRIEVE}, "actions: bedrock:Retrieve has nothing to stand on.*knowledge base"),
        ({"resources": [f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:knowledge-base/ABCDEFGHIJ"]}, "resources: .*RETRIEVE"),
        ({"actions": InvokeActions.BATCH}, "may_use_roles: .*BATCH"),
        ({"may_use_roles": ["arn:aws:iam::111122223333:role/*"]}, "may_use_roles: .*wildcards are refused"),
        ({"allow_api_keys": "yes"}, "allow_api_keys: got 'yes'; allowed is True or False"),
        ({"suspended": 1}, "suspended: got 1"),
        ({"revoke_sessions_before": datetime(2026, 1, 1)}, "revoke_sessions_before: .*(aware|zone)"),  # noqa: DTZ001
        ({"revoke_sessions_before": datetime.now(UTC) + timedelta(days=1)}, "revoke_sessions_before: .*suspended=True"),
        ({"revoke_sessions_before": "yesterday"}, "revoke_sessions_before: got 'yesterday'"),
        ({"max_session_duration": cdk.Duration.minutes(5)}, "max_session_duration: got '300 seconds'"),
        ({"role_name": "a b"}, "role_name: got 'a b'"),
        ({"role_name": "x" * 65}, "role_name: got"),
        ({"path": "secure"}, "path: got 'secure'"),
        ({"project": ""}, "project: got ''"),
        ({"tags": {"a": ""}}, r"tags\['a'\]: got ''"),
        ({"project": "a", "tags": {"project": "b"}}, "tags: got 'project'"),
        ({"assumed_by": iam.AnyPrincipal()}, r"assumed_by: got '\*'"),
        ({"assumed_by": iam.AccountPrincipal("222233334444")}, "assumed_by: got .*222233334444.*MfaAccountPrincipal"),
        ({"assumed_by": iam.ArnPrincipal("arn:aws:iam::222233334444:role/x")}, "assumed_by: .*external id"),
        (
            {"assumed_by": iam.CompositePrincipal(iam.AccountPrincipal(ACCOUNT), iam.AccountPrincipal("222233334444"))},
            "assumed_by: got .*222233334444",
        ),
        (
            {"assumed_by": iam.AccountPrincipal("222233334444").with_conditions(
                {"StringEqualsIfExists": {"sts:ExternalId": "x"}})},
            "assumed_by: got .*222233334444",
        ),
        (
            {"assumed_by": iam.AccountPrincipal("222233334444").with_conditions(
                {"StringLike": {"sts:ExternalId": "*"}})},
            "assumed_by: got .*222233334444",
        ),
        ({"assumed_by": iam.FederatedPrincipal("accounts.google.com", {})}, "assumed_by: .*federation"),
        ({"assumed_by": iam.CompositePrincipal(iam.ServicePrincipal("ecs-tasks.amazonaws.com"),
                                               iam.ServicePrincipal("lambda.amazonaws.com"))},
         "assumed_by: .*SourceAccount"),
        ({"assumed_by": iam.ServicePrincipal("bedrock.amazonaws.com"), "models": ["nova"]}, "models: got 'nova'"),
    ],
)  # fmt: skip
def test_a_wrong_property_is_named_with_its_value_and_the_valid_choice(make, changed, message):
    with pytest.raises(InvalidInput, match=rf"(?s)^{message}"):
        make(**changed)


def test_a_role_without_a_network_fails_the_synth(make, place):
    make(network="absent")
    with pytest.raises(RuntimeError, match="no network path: name endpoints, vpcs or source_ips"):
        place.synth()


def test_private_ranges_without_an_endpoint_fail_the_synth(make, place):
    make(network="absent", source_ips=["203.0.113.0/24"], vpc_source_ips=["10.0.0.0/8"])
    with pytest.raises(RuntimeError, match="vpc_source_ips: private addresses are seen only behind an endpoint"):
        place.synth()


def test_what_is_allowed_is_attached_after_what_holds_it(make, place):
    _, stack = make()
    resources = template(place, stack)["Resources"]
    (allow,) = [r for r in resources.values() if r["Type"] == "AWS::IAM::ManagedPolicy"]
    (ceiling,) = [name for name, r in resources.items() if r["Type"] == "AWS::IAM::Policy"]
    assert ceiling in allow["DependsOn"]


def test_the_name_is_literal_and_holds_the_region(make, place):
    role, stack = make()
    (properties,) = of_type(template(place, stack), "AWS::IAM::Role")
    assert properties["RoleName"] == role.role_name
    assert role.role_name.startswith("secure-bedrock-")
    assert role.role_name.endswith("-eu-west-1")
    assert properties["Path"] == "/secure-bedrock/"
    assert role.role_arn == f"arn:aws:iam::{ACCOUNT}:role/secure-bedrock/{role.role_name}"


def test_two_roles_of_one_id_in_two_stacks_do_not_collide(make):
    assert make()[0].role_name != make()[0].role_name


def test_a_long_path_in_the_tree_gives_a_name_iam_takes(place, here):
    stack = cdk.Stack(place.app, "A" * 100, env=place.env)
    role = ScopedInvokeRole(stack, "B" * 100, assumed_by=here, models=[LITE], network=Network.ANYWHERE)
    assert len(role.role_name) <= 64


def test_tags_are_on_the_role(make, place):
    _, stack = make(project="search", team="platform", tags={"cost-centre": "7"})
    (properties,) = of_type(template(place, stack), "AWS::IAM::Role")
    assert {tag["Key"]: tag["Value"] for tag in properties["Tags"]} == {
        "project": "search", "team": "platform", "cost-centre": "7",
    }  # fmt: skip


def test_boundary_duration_and_description_reach_the_role(make, place):
    stack = place.stack()
    boundary = iam.ManagedPolicy.from_managed_policy_name(stack, "Boundary", "boundary")
    _, stack = make(permissions_boundary=boundary, max_session_duration=cdk.Duration.hours(2), description="why")
    (properties,) = of_type(template(place, stack), "AWS::IAM::Role")
    assert properties["MaxSessionDuration"] == 7200
    assert properties["Description"] == "why"
    assert "policy/boundary" in str(properties["PermissionsBoundary"])


@pytest.mark.parametrize(
    ("service", "tied"),
    [("ecs-tasks.amazonaws.com", True), ("bedrock.amazonaws.com", True), ("lambda.amazonaws.com", False),
     ("ec2.amazonaws.com", False)],
)  # fmt: skip
def test_services_that_send_their_source_are_tied_to_this_account(make, place, service, tied):
    _, stack = make(assumed_by=iam.ServicePrincipal(service))
    (properties,) = of_type(template(place, stack), "AWS::IAM::Role")
    (statement,) = properties["AssumeRolePolicyDocument"]["Statement"]
    keys = {key for block in statement.get("Condition", {}).values() for key in block}
    assert keys == ({"aws:SourceAccount", "aws:SourceArn"} if tied else set())


def test_mfa_asks_for_both_keys_and_for_neither_only_where_it_exists(make, place):
    _, stack = make(
        assumed_by=MfaAccountPrincipal("222233334444", external_id="secret", organization_id="o-exampleorgid")
    )
    (properties,) = of_type(template(place, stack), "AWS::IAM::Role")
    (statement,) = properties["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"] == {
        "Bool": {"aws:MultiFactorAuthPresent": "true"},
        "NumericLessThan": {"aws:MultiFactorAuthAge": "3600"},
        "StringEquals": {"sts:ExternalId": "secret", "aws:PrincipalOrgID": "o-exampleorgid"},
    }


@pytest.mark.parametrize("account", ["", "1234", "*", "22223333444x"])
def test_mfa_names_one_account(account):
    with pytest.raises(InvalidInput, match="account_id"):
        MfaAccountPrincipal(account)


def test_a_guardrail_made_in_the_stack_is_referred_to(place):
    stack = place.stack()
    guardrail = bedrock.CfnGuardrail(stack, "G", name="g", blocked_input_messaging="n", blocked_outputs_messaging="n")
    version = bedrock.CfnGuardrailVersion(stack, "V", guardrail_identifier=guardrail.attr_guardrail_id)
    ScopedInvokeRole(
        stack, "App", assumed_by=iam.AccountPrincipal(ACCOUNT), models=[LITE], network=Network.ANYWHERE,
        guardrail=guardrail, guardrail_version=version.attr_version,
    )  # fmt: skip
    (ceiling,) = of_type(template(place, stack), "AWS::IAM::Policy")
    (statement,) = [s for s in ceiling["PolicyDocument"]["Statement"] if s["Sid"] == "WithoutGuardrail"]
    assert "Version" in str(statement["Condition"]["StringNotEquals"]["bedrock:GuardrailIdentifier"])


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({}, "network-anywhere"),
        ({"allow_api_keys": True}, "api-keys"),
        ({"guardrail": GUARDRAIL, "guardrail_version": GuardrailVersion.DRAFT}, "guardrail-draft"),
        ({"guardrail": GUARDRAIL, "guardrail_version": 1, "models": [LITE, EMBED]}, "guardrail-exempt"),
        (
            {"guardrail": GUARDRAIL, "guardrail_version": 1,
             "actions": InvokeActions.INFERENCE | InvokeActions.COUNT_TOKENS},
            "guardrail-blind",
        ),
        ({"models": ["eu.brandnew.model-x-v1:0"]}, "profile-destinations-unknown"),
        ({"models": ["newcomer.model-7-v1:0"]}, "model-unknown"),
    ],
)  # fmt: skip
def test_what_is_left_open_is_written_down_and_can_be_acknowledged(make, place, changed, rule):
    make(**changed)
    assert any(f"[ack: secure-bedrock:{rule}]" in message for message in place.messages())


def test_other_constructs_can_grant_to_it(make, place):
    role, stack = make()
    s3.Bucket(stack, "Bucket").grant_read(role)
    assert any("s3:GetObject*" in str(policy) for policy in of_type(template(place, stack), "AWS::IAM::Policy"))


def test_models_are_taken_from_every_kind_of_construct(make, place):
    stack = place.stack()
    l2 = bedrock.FoundationModel.from_foundation_model_id(
        stack, "M", bedrock.FoundationModelIdentifier.AMAZON_NOVA_MICRO_V1_0
    )
    role, _ = make(models=[l2, Model.parse(EU_LITE), f"arn:aws:bedrock:eu-west-1::foundation-model/{LITE}"])
    assert [model.id for model in role.access.models] == ["amazon.nova-micro-v1:0", EU_LITE, LITE]


def test_a_profile_made_at_deploy_time_needs_what_it_serves(make, place):
    stack = place.stack()
    profile = bedrock.CfnApplicationInferenceProfile(stack, "P", inference_profile_name="p")
    arn = profile.attr_inference_profile_arn
    with pytest.raises(InvalidInput, match="application_profile"):
        make(models=[arn])
    role = ScopedInvokeRole(
        stack, "App", assumed_by=iam.AccountPrincipal(ACCOUNT), network=Network.ANYWHERE,
        models=[Model.application_profile(arn, serves=[LITE])],
    )  # fmt: skip
    assert role.access.models[0].serves[0].id == LITE


def test_without_an_environment_the_policies_hold_references(make_place):
    place = make_place(account=None, region=None)
    stack = place.stack()
    here = iam.AccountRootPrincipal()
    ScopedInvokeRole(stack, "App", assumed_by=here, models=[EU_LITE], network=Network.ANYWHERE)
    (allow,) = of_type(place.synth()[stack.stack_name], "AWS::IAM::ManagedPolicy")
    assert "AWS::Partition" in str(allow)
    assert "arn:aws:" not in str(allow)
    assert any("profile-destinations-unknown" in message for message in place.messages())


def test_government_writes_its_own_partition(make_place, here):
    place = make_place(region="us-gov-west-1")
    stack = place.stack()
    ScopedInvokeRole(stack, "App", assumed_by=here, models=[LITE], network=Network.ANYWHERE)
    written = str(of_type(place.synth()[stack.stack_name], "AWS::IAM::Policy"))
    assert "arn:aws-us-gov:bedrock" in written
    assert "arn:aws:" not in written


def test_too_many_models_are_an_error_with_the_size(make):
    models = [f"eu.anthropic.claude-sonnet-{i}-20250929-v1:0" for i in range(2, 40)]
    with pytest.raises(InvalidInput, match=r"^models: the policy has \d+ characters, 10240 are allowed"):
        make(models=models, guardrail=GUARDRAIL, guardrail_version=1)
