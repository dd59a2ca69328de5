"""The world outside, deployed by the CDK CLI and read back: the data centre's network, a server, jobs of GitHub."""

from __future__ import annotations

import base64
import json
import shutil
import sys

import pytest
from botocore.exceptions import ClientError

from drill import cdk
from drill.calls import Outcome, assume, attempt, converse
from drill.cloud import emulated
from drill.environment import ACCOUNT
from drill.outside import BUNDLE, CALLERS, CENTRE, CONFIGURATION, FORMER_USER
from secure_bedrock._profiles import keys_of_profile
from secure_bedrock.credentials import main as write_configuration

MODEL = CONFIGURATION.models[0]
ISSUER = "https://token.actions.githubusercontent.com"
JOB = {
    "iss": ISSUER, "aud": "sts.amazonaws.com", "sub": "repo:acme/app:environment:prod", "repository_id": "2002",
    "repository_owner_id": "1001",
}  # fmt: skip
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "bedrock:*", "Resource": "*"}]}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    room = tmp_path_factory.mktemp("outside")
    if shutil.which("cdk") is None:
        pytest.skip("the CDK CLI is not on the PATH; run this by `make test`")
    with emulated(room / "log") as running:
        cdk.bootstrap(running, room)
        iam = running.client("iam")
        iam.create_user(UserName=FORMER_USER)
        iam.put_user_policy(UserName=FORMER_USER, PolicyName="all", PolicyDocument=json.dumps(EVERYTHING))
        cdk.deploy(running, room, f"{sys.executable} -m drill.outside")
        yield running


@pytest.fixture(scope="module")
def outputs(cloud):
    stack = cloud.client("cloudformation").describe_stacks(StackName=CALLERS)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


@pytest.fixture(scope="module")
def private(cloud, outputs):
    return cloud.stand_for(outputs["Endpoint"])


@pytest.fixture(scope="module")
def guardrail(outputs):
    return outputs["GuardrailId"], outputs["GuardrailVersion"]


def token(**changed):
    """A token as GitHub writes it; the emulator does not look at the signature."""
    parts = [{"alg": "RS256", "typ": "JWT"}, {name: value for name, value in {**JOB, **changed}.items() if value}]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, "c2lnbmF0dXJl"])


def sign_in(cloud, role_arn, presented):
    made = cloud.client("sts").assume_role_with_web_identity(
        RoleArn=role_arn, RoleSessionName="job", WebIdentityToken=presented
    )["Credentials"]
    return {
        "aws_access_key_id": made["AccessKeyId"],
        "aws_secret_access_key": made["SecretAccessKey"],
        "aws_session_token": made["SessionToken"],
    }


# --- the data centre


def test_the_resolver_s_inbound_endpoint_is_read_back(cloud):
    resolver = cloud.client("route53resolver")
    (found,) = resolver.list_resolver_endpoints()["ResolverEndpoints"]
    assert (found["Direction"], found["IpAddressCount"]) == ("INBOUND", 2)
    addresses = resolver.list_resolver_endpoint_ip_addresses(ResolverEndpointId=found["Id"])["IpAddresses"]
    assert [row["Ip"] for row in addresses] == ["10.0.0.10", "10.0.1.10"]
    (group,) = cloud.client("ec2").describe_security_groups(GroupIds=found["SecurityGroupIds"])["SecurityGroups"]
    rules = {(rule["IpProtocol"], rule["FromPort"], rule["IpRanges"][0]["CidrIp"]) for rule in group["IpPermissions"]}
    assert rules == {("tcp", 53, CENTRE), ("udp", 53, CENTRE)}


def test_the_endpoint_s_group_takes_the_data_centre(cloud):
    groups = cloud.client("ec2").describe_security_groups()["SecurityGroups"]
    open_to = [
        (group["Description"], rule["FromPort"]) for group in groups for rule in group["IpPermissions"]
        if any(entry["CidrIp"] == CENTRE for entry in rule["IpRanges"]) and rule["FromPort"] == 443
    ]  # fmt: skip
    assert len(open_to) == 1


def test_the_outputs_are_what_the_network_team_forwards(cloud):
    stack = cloud.client("cloudformation").describe_stacks(StackName="secure-bedrock-on-premises")["Stacks"][0]
    values = [output["OutputValue"] for output in stack["Outputs"]]
    assert "bedrock-runtime.eu-west-1.amazonaws.com -> 10.0.0.10, 10.0.1.10" in values


def test_the_address_behind_the_endpoint_decides(cloud, outputs, private, guardrail):
    """The emulator's callers come from the machine itself: a role for that address is answered, the centre's is not."""
    here = cloud.client("bedrock-runtime", assume(cloud, outputs["Here"]), port=private)
    centre = cloud.client("bedrock-runtime", assume(cloud, outputs["Centre"]), port=private)
    outside = cloud.client("bedrock-runtime", assume(cloud, outputs["Here"]))
    assert attempt(converse(here, MODEL, guardrail)) == Outcome(allowed=True, decided_by="every layer allows")
    assert "OffPrivateNetwork" in attempt(converse(centre, MODEL, guardrail)).decided_by
    assert "OffNetwork" in attempt(converse(outside, MODEL, guardrail)).decided_by


# --- the server


def test_trust_anchor_profile_and_revocation_list_are_read_back(cloud, outputs):
    anywhere = cloud.client("rolesanywhere")
    (anchor,) = anywhere.list_trust_anchors()["trustAnchors"]
    assert anchor["source"] == {"sourceType": "CERTIFICATE_BUNDLE", "sourceData": {"x509CertificateData": BUNDLE}}
    (profile,) = anywhere.list_profiles()["profiles"]
    assert (profile["roleArns"], profile["durationSeconds"], profile["enabled"]) == ([outputs["Server"]], 900, True)
    assert profile["acceptRoleSessionName"] is False
    assert json.loads(profile["sessionPolicy"])["Statement"][0]["Sid"] == "Declared"
    (revoked,) = anywhere.list_crls()["crls"]
    assert (revoked["trustAnchorArn"], revoked["enabled"]) == (anchor["trustAnchorArn"], True)


def test_the_server_s_role_trusts_that_trust_anchor_and_name_and_nobody_else(cloud, outputs):
    name = outputs["Server"].rpartition("/")[2]
    document = cloud.client("iam").get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    allows = [row for row in document["Statement"] if row["Effect"] == "Allow"]
    (anchor,) = cloud.client("rolesanywhere").list_trust_anchors()["trustAnchors"]
    assert [row["Condition"] for row in allows] == [
        {
            "StringEquals": {"aws:PrincipalTag/x509Subject/CN": "app"},
            "ArnEquals": {"aws:SourceArn": anchor["trustAnchorArn"]},
        }
    ]
    with pytest.raises(ClientError, match="AccessDenied"):
        assume(cloud, outputs["Server"])


def test_the_keys_from_before_are_denied_though_the_user_may_do_everything(cloud, guardrail):
    key = cloud.client("iam").create_access_key(UserName=FORMER_USER)["AccessKey"]
    keys = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    outcome = attempt(converse(cloud.client("bedrock-runtime", keys), MODEL, guardrail))
    assert outcome.decided_by == "identity-based policy (LongTermKeys)"


def test_the_stack_s_command_writes_the_server_s_configuration(cloud, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    stack = cloud.client("cloudformation").describe_stacks(StackName="secure-bedrock-external")["Stacks"][0]
    (command,) = [o["OutputValue"] for o in stack["Outputs"] if "credentials roles-anywhere" in o["OutputValue"]]
    words = command.replace("CERTIFICATE", "/etc/app.pem").replace("KEY", "/etc/app.key").split()[3:]
    assert write_configuration([*words, "--config", str(tmp_path / "config")]) == 0
    settings = keys_of_profile(tmp_path / "config", "bedrock", bare=False)
    assert f":{ACCOUNT}:trust-anchor/" in settings["credential_process"]


# --- jobs of GitHub


def test_the_provider_is_read_back(cloud):
    arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
    found = cloud.client("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert found["ClientIDList"] == ["sts.amazonaws.com"]


@pytest.mark.parametrize("subject", [JOB["sub"], "repo:acme@1001/app@2002:environment:prod"])
def test_a_job_signs_in_and_calls(cloud, outputs, guardrail, subject):
    client = cloud.client("bedrock-runtime", sign_in(cloud, outputs["Jobs"], token(sub=subject)))
    assert attempt(converse(client, MODEL, guardrail)).allowed
    assert "OtherModels" in attempt(converse(client, "eu.amazon.nova-pro-v1:0", guardrail)).decided_by
    assert "WithoutGuardrail" in attempt(converse(client, MODEL, None)).decided_by


@pytest.mark.parametrize(
    "changed",
    [
        {"sub": "repo:mallory/app:environment:prod"},
        {"sub": "repo:acme/app:pull_request"},
        {"sub": "repo:acme/app:environment:prod-eu"},
        {"sub": None},
        {"aud": "https://github.com/acme"},
        {"aud": None},
        {"repository_id": "6666"},
        {"repository_owner_id": "6666"},
        {"repository_id": None},
        {"iss": "https://token.actions.githubusercontent.com.evil.example"},
        {"iss": "https://gitlab.com"},
    ],
    ids=str,
)
def test_another_token_does_not_sign_in(cloud, outputs, changed):
    with pytest.raises(ClientError, match="AccessDenied"):
        sign_in(cloud, outputs["Jobs"], token(**changed))


def test_a_job_s_token_does_not_lead_to_the_server_s_role(cloud, outputs):
    with pytest.raises(ClientError, match="AccessDenied"):
        sign_in(cloud, outputs["Server"], token())


# --- SAML


def test_the_saml_provider_is_read_back(cloud):
    (provider,) = cloud.client("iam").list_saml_providers()["SAMLProviderList"]
    found = cloud.client("iam").get_saml_provider(SAMLProviderArn=provider["Arn"])
    assert "EntityDescriptor" in found["SAMLMetadataDocument"]
