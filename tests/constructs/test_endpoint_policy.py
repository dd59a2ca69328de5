"""What the endpoints' policies hold: always one, never wider than who was admitted for what."""

from __future__ import annotations

import json

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam

from secure_bedrock import (
    BedrockService,
    InvalidInput,
    InvokeActions,
    Model,
    Network,
    PrivateBedrockEndpoint,
    ScopedInvokeRole,
)
from secure_bedrock.policy.limits import ENDPOINT_POLICY, limit
from secure_bedrock.policy.sizes import measure
from tests.constructs.conftest import ACCOUNT, of_type

LITE, PRO, EU_LITE = "amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0", "eu.amazon.nova-lite-v1:0"
GUARDRAIL = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:guardrail/abcdefghijkl"
PARTNER = "arn:aws:iam::222233334444:role/partner"
ORGANIZATION = "o-exampleorgid"
ROOT = iam.AccountRootPrincipal()
RUNTIME = BedrockService.RUNTIME


@pytest.fixture
def make(place):
    """Make an endpoint with what it needs and what a test changes."""

    def made(**changed):
        stack = place.stack("Net")
        return PrivateBedrockEndpoint(
            stack, "Bedrock", **{"vpc": place.vpc(stack), "client_cidrs": ["10.0.1.0/24"], **changed}
        )

    return made


def scoped(endpoint, name="App", **changed):
    given = {"assumed_by": ROOT, "models": [LITE], "endpoints": [endpoint], **changed}
    return ScopedInvokeRole(cdk.Stack.of(endpoint), name, **given)


def statements(endpoint, service=RUNTIME):
    return endpoint.policy_document(service)["Statement"]


def actions(statement):
    return [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]


@pytest.mark.parametrize("service", list(BedrockService), ids=lambda service: service.name)
def test_every_service_has_a_policy_from_the_first_moment(make, service):
    """No policy would be full access."""
    endpoint = make(services=[service])
    stack = cdk.Stack.of(endpoint)
    resource = endpoint.endpoints[service].node.default_child
    (statement,) = stack.resolve(resource.policy_document)["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"], statement["Resource"]) == (
        "Deny", "*", "*", "*",
    )  # fmt: skip


@pytest.mark.parametrize("service", list(BedrockService), ids=lambda service: service.name)
def test_every_service_is_reached_by_the_name_that_aws_gives_it(make, place, service):
    endpoint = make(services=[service])
    scoped(endpoint)
    (properties,) = of_type(place.synth()["Net"], "AWS::EC2::VPCEndpoint")
    assert properties["ServiceName"] == f"com.amazonaws.eu-west-1.{service.value}"
    assert properties["VpcEndpointType"] == "Interface"
    assert "PolicyDocument" in properties


def test_a_fips_endpoint_lets_through_what_its_plain_one_does(make):
    endpoint = make(services=[BedrockService.RUNTIME, BedrockService.RUNTIME_FIPS])
    scoped(endpoint)
    assert statements(endpoint, BedrockService.RUNTIME_FIPS) == statements(endpoint)


def test_each_service_gets_its_own_actions_only(make):
    endpoint = make(services=[RUNTIME, BedrockService.CONTROL, BedrockService.MANTLE, BedrockService.AGENT_RUNTIME])
    scoped(
        endpoint, models=[LITE, Model.mantle("openai.gpt-oss-120b")],
        actions=InvokeActions.INFERENCE | InvokeActions.BATCH | InvokeActions.RETRIEVE,
        may_use_roles=[f"arn:aws:iam::{ACCOUNT}:role/batch"],
        resources=[f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:knowledge-base/ABCDEFGHIJ"],
    )  # fmt: skip
    held = {
        service.name: {action for statement in statements(endpoint, service) for action in actions(statement)}
        for service in endpoint.endpoints
    }
    assert held["RUNTIME"] == {"bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"}
    assert "bedrock:CreateModelInvocationJob" in held["CONTROL"]
    assert held["MANTLE"] == {"bedrock-mantle:CreateInference"}
    assert held["AGENT_RUNTIME"] == {"bedrock:Retrieve"}


@pytest.mark.parametrize("grantee", ["scoped role", "plain role"])
def test_an_organisation_narrows_every_statement(make, grantee):
    endpoint = make(organization_id=ORGANIZATION, models=[LITE])
    if grantee == "scoped role":
        scoped(endpoint, guardrail=GUARDRAIL, guardrail_version=1, allow_api_keys=True)
    else:
        endpoint.admit(PARTNER)
    for statement in statements(endpoint):
        assert statement["Condition"]["StringEquals"]["aws:PrincipalOrgID"] == ORGANIZATION
        assert "aws:PrincipalArn" in statement["Condition"]["ArnEquals"]


def test_an_organisation_by_itself_admits_nobody(make, place):
    make(organization_id=ORGANIZATION, models=[LITE])
    with pytest.raises(RuntimeError, match="nobody is admitted"):
        place.synth()


def test_another_organisation_than_the_narrowing_one_is_refused(make):
    endpoint = make(organization_id=ORGANIZATION, models=[LITE])
    with pytest.raises(InvalidInput, match=f"^grantee: got 'o-otherorgid0'; .*{ORGANIZATION}"):
        endpoint.admit(iam.OrganizationPrincipal("o-otherorgid0"))


def test_an_organisation_filled_in_at_deployment_narrows_too(make, place):
    endpoint = make(organization_id=cdk.Fn.import_value("OrganizationId"))
    scoped(endpoint)
    (properties,) = of_type(place.synth()["Net"], "AWS::EC2::VPCEndpoint")
    (statement,) = properties["PolicyDocument"]["Statement"]
    assert statement["Condition"]["StringEquals"]["aws:PrincipalOrgID"] == {"Fn::ImportValue": "OrganizationId"}


def test_models_of_the_endpoint_neither_widen_nor_narrow_a_scoped_role(make):
    endpoint = make(models=[PRO])
    role = scoped(endpoint, models=[LITE])
    endpoint.admit(PARTNER)
    by_arn = {s["Condition"]["ArnEquals"]["aws:PrincipalArn"]: json.dumps(s["Resource"]) for s in statements(endpoint)}
    assert LITE in by_arn[role.role_arn]
    assert PRO not in by_arn[role.role_arn]
    assert PRO in by_arn[PARTNER]
    assert LITE not in by_arn[PARTNER]


def test_a_plain_principal_reaches_a_profile_s_models_only_through_it(make):
    """A plain role's own policies are not ours: the condition must stand at the endpoint."""
    endpoint = make(models=[EU_LITE])
    endpoint.admit(PARTNER)
    for statement in statements(endpoint):
        if "foundation-model/" in json.dumps(statement["Resource"]):
            assert "bedrock:InferenceProfileArn" in json.dumps(statement["Condition"])


def test_a_plain_principal_must_name_the_endpoint_s_guardrail(make):
    endpoint = make(models=[LITE], guardrail=GUARDRAIL, guardrail_version=2)
    endpoint.admit(PARTNER)
    invoke = [s for s in statements(endpoint) if "bedrock:InvokeModel" in actions(s)]
    assert all(s["Condition"]["StringEquals"]["bedrock:GuardrailIdentifier"] == f"{GUARDRAIL}:2" for s in invoke)
    (apply,) = [s for s in statements(endpoint) if actions(s) == ["bedrock:ApplyGuardrail"]]
    assert apply["Resource"] == GUARDRAIL


def test_no_statement_admits_everybody(make):
    endpoint = make(models=[LITE], guardrail=GUARDRAIL, guardrail_version=2)
    scoped(endpoint, allow_api_keys=True, models=[EU_LITE])
    for grantee in (PARTNER, iam.AccountPrincipal("222233334444"), iam.OrganizationPrincipal(ORGANIZATION)):
        endpoint.admit(grantee)
    keys = {"aws:PrincipalArn", "aws:PrincipalAccount", "aws:PrincipalOrgID"}
    for statement in statements(endpoint):
        assert statement["Effect"] == "Allow"
        assert keys & {key for block in statement["Condition"].values() for key in block}
        assert "*" not in actions(statement)


@pytest.mark.parametrize(
    ("who", "passes"),
    [
        ({"allow_api_keys": True}, True),
        ({"allow_api_keys": True, "suspended": True}, False),
        ({}, False),
    ],
)
def test_api_keys_pass_for_who_declares_them_and_is_not_suspended(make, who, passes):
    endpoint = make()
    scoped(endpoint, **who)
    assert ("bedrock:CallWithBearerToken" in json.dumps(statements(endpoint))) is passes


def test_a_suspended_role_leaves_and_the_others_stay(make):
    endpoint = make()
    gone, stays = scoped(endpoint, "Gone", suspended=True), scoped(endpoint, "Stays")
    written = json.dumps(statements(endpoint))
    assert gone.role_arn not in written
    assert stays.role_arn in written


def test_a_role_for_any_network_opens_the_endpoint_and_is_tied_to_nothing(make):
    endpoint = make()
    role = scoped(endpoint, endpoints=None, network=Network.ANYWHERE)
    endpoint.admit(role)
    assert role.role_arn in json.dumps(statements(endpoint))
    assert role.access.network.endpoint_ids == ()


def test_many_roles_fit_by_sharing_their_account_s_models(make, place):
    """Beyond AWS's limit the models of an account's roles are put together; each role's own policies still divide."""
    endpoint = make()
    roles = [
        scoped(endpoint, f"App{number}", models=[f"example.model-{number}-v1:0", f"eu.example.model-{number}-v1:0"])
        for number in range(40)
    ]
    document = endpoint.policy_document(RUNTIME)
    assert measure(document) <= limit(ENDPOINT_POLICY)
    assert all(role.role_arn in json.dumps(document) for role in roles)
    assert of_type(place.synth()["Net"], "AWS::EC2::VPCEndpoint")[0]["PolicyDocument"] == document


def test_too_many_principals_fail_the_synth_and_are_never_let_through_unnamed(make, place):
    endpoint = make(models=[LITE])
    for number in range(400):
        endpoint.admit(f"arn:aws:iam::222233334444:role/secure-bedrock/an-application-with-a-long-name-{number}")
    with pytest.raises(InvalidInput, match=r"the policy for 400 principals has \d+ characters, \d+ are allowed"):
        endpoint.policy_document(RUNTIME)
    resource = endpoint.endpoints[RUNTIME].node.default_child
    (statement,) = cdk.Stack.of(endpoint).resolve(resource.policy_document)["Statement"]
    assert statement["Effect"] == "Deny"
    with pytest.raises(RuntimeError, match="bedrock-runtime: endpoint: the policy for 400 principals"):
        place.synth()


def test_a_service_that_aws_does_not_list_in_the_region_is_written_down(make_place):
    place = make_place(region="sa-east-1")
    stack = place.stack("Net")
    endpoint = PrivateBedrockEndpoint(
        stack, "Bedrock", vpc=place.vpc(stack), client_cidrs=["10.0.1.0/24"],
        services=[service for service in BedrockService if service.is_offered_in("sa-east-1") is False],
    )  # fmt: skip
    scoped(endpoint, endpoints=None, network=Network.ANYWHERE)
    endpoint.admit(cdk.Stack.of(endpoint).node.find_child("App"))
    assert any("endpoint-region" in message and "sa-east-1" in message for message in place.messages())


@pytest.mark.parametrize(
    "lacks",
    [{"enable_dns_hostnames": False}, {"enable_dns_hostnames": False, "enable_dns_support": False}],
    ids=["host names", "both"],
)
@pytest.mark.parametrize("private_dns_enabled", [True, False])
def test_a_vpc_that_cannot_resolve_private_names_is_written_down_where_they_are_wanted(
    place, lacks, private_dns_enabled
):
    stack = place.stack("Net")
    vpc = ec2.Vpc(stack, "Vpc", nat_gateways=0, restrict_default_security_group=False, **lacks)
    endpoint = PrivateBedrockEndpoint(
        stack, "Bedrock", vpc=vpc, client_cidrs=["192.0.2.0/24"], private_dns_enabled=private_dns_enabled
    )
    scoped(endpoint)
    assert any("endpoint-dns" in message for message in place.messages()) is private_dns_enabled
