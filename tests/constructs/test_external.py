"""ExternalWorkloadAccess: who is trusted, what is made for it, how long it lasts, and what is refused."""

from __future__ import annotations

import inspect
import json

import aws_cdk as cdk
import pytest
from aws_cdk import aws_acmpca as acmpca
from aws_cdk import aws_iam as iam
from aws_cdk import aws_rolesanywhere as rolesanywhere
from syrupy.extensions.json import JSONSnapshotExtension

from secure_bedrock import (
    ExternalWorkload,
    ExternalWorkloadAccess,
    InvalidInput,
    InvokeActions,
    Network,
    PrivateBedrockEndpoint,
    RolesAnywherePrincipal,
    ScopedInvokeRole,
)
from tests.constructs.conftest import ACCOUNT, REGION, of_type

LITE = "amazon.nova-lite-v1:0"
ANCHOR = f"arn:aws:rolesanywhere:{REGION}:{ACCOUNT}:trust-anchor/12345678-1234-1234-1234-123456789012"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
AUTHORITY = f"arn:aws:acm-pca:{REGION}:{ACCOUNT}:certificate-authority/12345678-1234-1234-1234-123456789012"
BUNDLE = "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUe\n-----END CERTIFICATE-----\n"
REVOKED = "-----BEGIN X509 CRL-----\nMIIBszCCAVmgAwIBAgIUe\n-----END X509 CRL-----\n"
KEY = "-----BEGIN PRIVATE KEY-----\nMIIBszCCAVmgAwIBAgIUe\n-----END PRIVATE KEY-----\n"
METADATA = f"<md:EntityDescriptor>{' ' * 1000}</md:EntityDescriptor>"


def certificate(**changed):
    return ExternalWorkload.roles_anywhere(**{"trust_anchor": ANCHOR, "common_name": "app", **changed})


def github(**changed):
    given = {"repository": "acme/app", "ref": "refs/heads/main", "owner_id": "1", "repository_id": "2", **changed}
    return ExternalWorkload.github_actions(**given)


def oidc(**changed):
    given = {"issuer": "https://id.example.com", "audience": "bedrock", "subject": "batch", **changed}
    return ExternalWorkload.oidc(**given)


def saml(**changed):
    given = {"provider": f"arn:aws:iam::{ACCOUNT}:saml-provider/corporate", "subject": "me", **changed}
    return ExternalWorkload.saml(**given)


def access(stack, workload, id="Access", **changed):  # noqa: A002 - CDK's own word
    given = {"workload": workload, "models": [LITE], "network": Network.ANYWHERE, **changed}
    return ExternalWorkloadAccess(stack, id, **given)


def made(place, workload, **changed):
    stack = place.stack("Acc")
    access(stack, workload, **changed)
    return place.synth()["Acc"]


def trust(template):
    """The statements that let somebody in; those that deny stand in the snapshots."""
    (role,) = of_type(template, "AWS::IAM::Role")
    return [row for row in role["AssumeRolePolicyDocument"]["Statement"] if row["Effect"] == "Allow"]


WORKLOADS = {
    "a certificate": certificate(),
    "a certificate of a new trust anchor": certificate(
        trust_anchor=None, certificate_bundle=BUNDLE, revocation_list=REVOKED, issuer_common_name="CA 1",
        organizational_unit=["ml", "prod"],
    ),
    "GitHub Actions": github(provider=PROVIDER),
    "GitLab": ExternalWorkload.gitlab(project="acme/app", branch="main", project_id="7"),
    "Kubernetes": ExternalWorkload.kubernetes(
        issuer="https://oidc.eks.eu-west-1.amazonaws.com/id/ABC", namespace="ml", service_account="app"
    ),
    "OIDC": oidc(),
    "SAML": saml(attributes={"edupersonaffiliation": "service"}),
}  # fmt: skip


@pytest.mark.parametrize("name", WORKLOADS)
def test_trust_of_a_workload(name, place, snapshot):
    """As text that a person reads in a diff; with what stands beside the role."""
    template = made(place, WORKLOADS[name])
    kinds = {"AWS::IAM::OIDCProvider", "AWS::RolesAnywhere::TrustAnchor", "AWS::RolesAnywhere::Profile",
             "AWS::RolesAnywhere::CRL", "AWS::IAM::SAMLProvider"}  # fmt: skip
    beside = {key: row["Properties"] for key, row in template["Resources"].items() if row["Type"] in kinds}
    (role,) = of_type(template, "AWS::IAM::Role")
    whole = role["AssumeRolePolicyDocument"]["Statement"]
    assert {"trust": whole, "beside": beside} == snapshot.use_extension(JSONSnapshotExtension)


@pytest.mark.parametrize("name", WORKLOADS)
def test_nobody_but_the_workload_is_trusted_and_no_long_term_key_leads_in(name, place):
    for statement in trust(made(place, WORKLOADS[name])):
        assert "AWS" not in statement["Principal"]
        assert set(statement["Principal"]) <= {"Federated", "Service"}
        assert "IfExists" not in json.dumps(statement)
        assert "*" not in json.dumps(statement["Condition"])


@pytest.mark.parametrize("name", WORKLOADS)
def test_no_secret_and_no_other_partition_is_written(name, make_place):
    template = json.dumps(made(make_place(), WORKLOADS[name]))
    assert "PRIVATE KEY" not in template
    assert "AccessKey" not in template


# --- Roles Anywhere


def test_a_trust_anchor_is_made_of_a_bundle(place):
    template = made(place, certificate(trust_anchor=None, certificate_bundle=BUNDLE))
    (anchor,) = of_type(template, "AWS::RolesAnywhere::TrustAnchor")
    assert anchor["Source"] == {
        "SourceType": "CERTIFICATE_BUNDLE", "SourceData": {"X509CertificateData": BUNDLE.strip()},
    }  # fmt: skip
    assert anchor["Enabled"] is True
    (statement,) = trust(template)
    assert statement["Condition"]["ArnEquals"]["aws:SourceArn"]["Fn::GetAtt"][1] == "TrustAnchorArn"


@pytest.mark.parametrize("authority", ["an ARN", "an import", "a construct"])
def test_a_trust_anchor_is_made_of_a_private_ca(place, authority):
    stack = place.stack("Acc")
    given = {
        "an ARN": lambda: AUTHORITY,
        "an import": lambda: acmpca.CertificateAuthority.from_certificate_authority_arn(stack, "CA", AUTHORITY),
        "a construct": lambda: acmpca.CfnCertificateAuthority(
            stack, "CA", key_algorithm="EC_prime256v1", signing_algorithm="SHA256WITHECDSA", type="ROOT",
            subject=acmpca.CfnCertificateAuthority.SubjectProperty(common_name="root"),
        ),
    }[authority]()  # fmt: skip
    access(stack, certificate(trust_anchor=None, certificate_authority=given))
    (anchor,) = of_type(place.synth()["Acc"], "AWS::RolesAnywhere::TrustAnchor")
    assert anchor["Source"]["SourceType"] == "AWS_ACM_PCA"
    assert "certificate-authority/" in str(anchor["Source"]["SourceData"]["AcmPcaArn"]) or authority == "a construct"


def test_a_trust_anchor_may_be_of_the_app(place):
    stack = place.stack("Acc")
    anchor = rolesanywhere.CfnTrustAnchor(
        stack, "Anchor", name="anchor", source={"sourceType": "AWS_ACM_PCA", "sourceData": {"acmPcaArn": AUTHORITY}}
    )
    created = access(stack, certificate(trust_anchor=anchor))
    assert created.trust_anchor_arn == anchor.attr_trust_anchor_arn
    assert len(of_type(place.synth()["Acc"], "AWS::RolesAnywhere::TrustAnchor")) == 1


def test_a_revocation_list_belongs_to_the_trust_anchor(place):
    template = made(place, certificate(revocation_list=REVOKED))
    (revoked,) = of_type(template, "AWS::RolesAnywhere::CRL")
    assert revoked["TrustAnchorArn"] == ANCHOR
    assert revoked["CrlData"] == REVOKED.strip()
    assert revoked["Enabled"] is True


def test_a_bundle_without_a_revocation_list_is_warned_of(place):
    access(place.stack(), certificate(trust_anchor=None, certificate_bundle=BUNDLE))
    assert any("no revocation_list" in message for message in place.messages())


def test_the_profile_names_the_one_role_and_narrows_its_sessions(place):
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/narrow"
    template = made(place, certificate(), session_policies=[boundary], session_duration=cdk.Duration.minutes(15))
    (profile,) = of_type(template, "AWS::RolesAnywhere::Profile")
    assert len(profile["RoleArns"]) == 1
    assert profile["DurationSeconds"] == 900
    assert profile["AcceptRoleSessionName"] is False
    assert profile["ManagedPolicyArns"] == [boundary]
    (statement,) = json.loads(profile["SessionPolicy"])["Statement"]
    assert statement["Action"] == ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]


def test_the_session_policy_leaves_what_the_role_declares(place):
    actions = InvokeActions.INFERENCE | InvokeActions.COUNT_TOKENS
    template = made(place, certificate(), actions=actions, allow_api_keys=True)
    (profile,) = of_type(template, "AWS::RolesAnywhere::Profile")
    (statement,) = json.loads(profile["SessionPolicy"])["Statement"]
    allowed = {
        action
        for policy in of_type(template, "AWS::IAM::ManagedPolicy")
        for row in policy["PolicyDocument"]["Statement"]
        for action in ([row["Action"]] if isinstance(row["Action"], str) else row["Action"])
    }
    assert set(statement["Action"]) == allowed
    assert {"bedrock:CountTokens", "bedrock:CallWithBearerToken"} <= allowed


def test_suspending_gives_no_more_sessions(place):
    template = made(place, certificate(), suspended=True)
    (profile,) = of_type(template, "AWS::RolesAnywhere::Profile")
    assert profile["Enabled"] is False
    ceilings = [p for p in of_type(template, "AWS::IAM::Policy") if p["PolicyName"] == "secure-bedrock-ceiling"]
    assert ceilings[0]["PolicyDocument"]["Statement"][0]["Sid"] == "Suspended"


@pytest.mark.parametrize(
    ("region", "partition"), [("us-gov-west-1", "aws-us-gov"), ("eusc-de-east-1", "aws-eusc"), ("eu-west-1", "aws")]
)
def test_another_partition_has_its_own_trust_anchor(make_place, region, partition):
    arn = ANCHOR.replace("arn:aws:", f"arn:{partition}:").replace(REGION, region)
    (statement,) = trust(made(make_place(region=region), certificate(trust_anchor=arn)))
    assert statement["Condition"]["ArnEquals"]["aws:SourceArn"] == arn


# --- providers


def test_one_provider_is_made_for_all_of_a_stack(place):
    stack = place.stack("Acc")
    access(stack, github(), "One")
    access(stack, github(repository="acme/other", repository_id="3", audience="own"), "Two")
    providers = of_type(place.synth()["Acc"], "AWS::IAM::OIDCProvider")
    assert [(p["Url"], p["ClientIdList"]) for p in providers] == [
        ("https://token.actions.githubusercontent.com", ["sts.amazonaws.com", "own"])
    ]


def test_each_role_still_asks_for_its_own_audience(place):
    stack = place.stack("Acc")
    access(stack, github(), "One")
    access(stack, github(audience="own"), "Two")
    key = "token.actions.githubusercontent.com:aud"
    roles = of_type(place.synth()["Acc"], "AWS::IAM::Role")
    asked = [role["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]["StringEquals"][key] for role in roles]
    assert sorted(asked) == ["own", "sts.amazonaws.com"]


def test_a_second_provider_of_an_account_is_refused_and_the_first_can_be_named(place):
    first = access(place.stack("First"), github())
    with pytest.raises(InvalidInput, match=r"provider: got None; allowed is one provider of token.*stack First makes"):
        access(place.stack("Second"), github())
    access(place.stack("Third"), github(provider=first.provider_arn))
    templates = place.synth()
    assert not of_type(templates["Third"], "AWS::IAM::OIDCProvider")
    assert "Fn::ImportValue" in json.dumps(trust(templates["Third"]))


def test_two_accounts_have_a_provider_each(place):
    other = cdk.Stack(place.app, "Other", env=cdk.Environment(account="222233334444", region=REGION))
    access(place.stack("Acc"), github())
    access(other, github())
    assert all(of_type(template, "AWS::IAM::OIDCProvider") for template in place.synth().values())


def test_stages_without_an_account_have_a_provider_each():
    app = cdk.App()
    for name in ("Dev", "Prod"):
        access(cdk.Stack(cdk.Stage(app, name), "Acc", env=cdk.Environment(region=REGION)), github())
    with pytest.raises(InvalidInput, match="provider: got None"):
        access(cdk.Stack(app.node.find_child("Prod"), "Two"), github())


@pytest.mark.parametrize("kind", ["L1", "L2", "import"])
def test_a_provider_may_be_a_construct(place, kind):
    stack = place.stack("Acc")
    url = "https://token.actions.githubusercontent.com"
    provider = {
        "L1": lambda: iam.CfnOIDCProvider(stack, "P", url=url),
        "L2": lambda: iam.OidcProviderNative(stack, "P", url=url),
        "import": lambda: iam.OpenIdConnectProvider.from_open_id_connect_provider_arn(stack, "P", PROVIDER),
    }[kind]()
    access(stack, github(provider=provider))
    assert len(of_type(place.synth()["Acc"], "AWS::IAM::OIDCProvider")) == (0 if kind == "import" else 1)


def test_thumbprints_stand_on_the_provider_that_is_made(place):
    template = made(place, oidc(thumbprints=["a" * 40]))
    (provider,) = of_type(template, "AWS::IAM::OIDCProvider")
    assert provider["ThumbprintList"] == ["a" * 40]


def test_a_saml_provider_is_made_of_metadata(place):
    template = made(place, saml(provider=None, metadata=METADATA))
    (provider,) = of_type(template, "AWS::IAM::SAMLProvider")
    assert provider["SamlMetadataDocument"] == METADATA
    assert trust(template)[0]["Action"] == "sts:AssumeRoleWithSAML"


def test_a_partition_whose_sign_in_is_not_known_needs_an_audience(make_place):
    place = make_place(region="eusc-de-east-1")
    provider = f"arn:aws-eusc:iam::{ACCOUNT}:saml-provider/corporate"
    with pytest.raises(InvalidInput, match="audience: got None; allowed is the recipient"):
        access(place.stack(), saml(provider=provider))
    access(place.stack(), saml(provider=provider, audience="https://signin.example/saml"))


def test_names_alone_are_warned_of(place):
    access(place.stack(), github(owner_id=None, repository_id=None))
    assert any("trusted by names alone" in message for message in place.messages())


def test_numbers_are_not_warned_of(place):
    access(place.stack(), github())
    assert not any("trusted by names alone" in message for message in place.messages())


# --- sessions


@pytest.mark.parametrize(
    ("duration", "role"), [(None, 3600), (cdk.Duration.minutes(20), 3600), (cdk.Duration.hours(8), 28_800)]
)
def test_a_session_lasts_as_long_as_declared(place, duration, role):
    (found,) = of_type(made(place, oidc(), session_duration=duration), "AWS::IAM::Role")
    assert found["MaxSessionDuration"] == role


def test_a_token_must_bring_the_tags_and_the_source_identity(place):
    sign_in, tags, identity = trust(made(place, oidc(), session_tags={"team": "search"}, source_identity="batch"))
    asked = sign_in["Condition"]["StringEquals"]
    assert (asked["aws:RequestTag/team"], asked["sts:SourceIdentity"]) == ("search", "batch")
    assert (tags["Action"], identity["Action"]) == ("sts:TagSession", "sts:SetSourceIdentity")
    assert tags["Condition"]["ForAllValues:StringEquals"] == {"aws:TagKeys": "team"}


def test_without_them_a_sign_in_that_brings_any_is_refused(place):
    (statement,) = trust(made(place, oidc()))
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"


# --- the role


def test_every_property_of_a_scoped_role_is_passed():
    """A property that ScopedInvokeRole gets later must be decided on here."""
    own = {"workload", "session_duration", "session_policies", "session_tags", "source_identity", "former_users"}
    there = set(inspect.signature(ScopedInvokeRole.__init__).parameters) - {"assumed_by", "max_session_duration"}
    assert set(inspect.signature(ExternalWorkloadAccess.__init__).parameters) - own == there


def test_the_properties_reach_the_role(place):
    stack = place.stack("Acc")
    boundary = iam.ManagedPolicy.from_managed_policy_arn(stack, "B", f"arn:aws:iam::{ACCOUNT}:policy/b")
    guardrail = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:guardrail/abcdefghijkl"
    created = access(
        stack, github(), network=None, source_ips=["203.0.113.0/24"], guardrail=guardrail, guardrail_version=2,
        project="search", team="platform", tags={"owner": "me"}, role_name="secure-bedrock-ci", path="/ci/",
        description="CI", permissions_boundary=boundary, revoke_sessions_before="2026-01-01T00:00:00Z",
    )  # fmt: skip
    (role,) = of_type(place.synth()["Acc"], "AWS::IAM::Role")
    assert (role["RoleName"], role["Path"], role["Description"]) == ("secure-bedrock-ci", "/ci/", "CI")
    assert role["PermissionsBoundary"].endswith("policy/b")
    assert {tag["Key"]: tag["Value"] for tag in role["Tags"]} == {
        "project": "search", "team": "platform", "owner": "me",
    }  # fmt: skip
    sids = {row["Sid"] for row in created.role.ceiling_document()["Statement"]}
    assert {"OffNetwork", "WithoutGuardrail", "RevokedSessions", "OtherRoles"} <= sids
    assert created.role_arn == f"arn:aws:iam::{ACCOUNT}:role/ci/secure-bedrock-ci"


def test_an_endpoint_admits_it(place):
    stack = place.stack("Net")
    endpoint = PrivateBedrockEndpoint(stack, "Bedrock", vpc=place.vpc(stack), client_cidrs=["10.0.1.0/24"])
    created = access(stack, certificate(), network=None, endpoints=[endpoint], vpc_source_ips=["10.20.0.0/16"])
    assert created.role_arn in json.dumps(endpoint.policy_document(next(iter(endpoint.endpoints))))


def test_it_is_a_grantee(place):
    stack = place.stack("Acc")
    created = access(stack, certificate())
    topic = cdk.aws_sns.Topic(stack, "Topic")
    topic.grant_publish(created)
    assert "sns:Publish" in json.dumps(place.synth()["Acc"])


def test_the_long_term_keys_from_before_are_denied_bedrock(place):
    stack = place.stack("Acc")
    access(stack, certificate(), former_users=["old", iam.User.from_user_name(stack, "U", "older")])
    denials = [p for p in of_type(place.synth()["Acc"], "AWS::IAM::ManagedPolicy") if p.get("Users")]
    assert [policy["Users"] for policy in denials] == [["old", "older"]]
    (statement,) = denials[0]["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert {"bedrock:*", "bedrock-mantle:*"} <= set(statement["Action"])
    assert statement["Condition"] == {"Null": {"aws:TokenIssueTime": "true"}}


def test_the_outputs_say_how_to_configure_the_client(place):
    stack = place.stack("Acc")
    access(stack, certificate(), "Cert")
    access(stack, oidc(), "Token")
    access(stack, saml(), "Assertion")
    outputs = place.synth()["Acc"]["Outputs"]
    commands = {name: json.dumps(row["Value"]) for name, row in outputs.items() if "ConfigureCommand" in name}
    assert len(commands) == 2
    assert any("credentials roles-anywhere" in each and ANCHOR in each for each in commands.values())
    assert any("credentials web-identity" in each for each in commands.values())


# --- what is refused


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: certificate(trust_anchor=None), "trust_anchor: got nothing; allowed is exactly one of trust_anchor"),
        (lambda: certificate(certificate_bundle=BUNDLE), r"trust_anchor: got \['trust_anchor', 'certificate_bundle'\]"),
        (lambda: certificate(common_name=None), "common_name: got nothing that tells the workload"),
        (lambda: certificate(common_name=None, organization="Example"), "common_name: got nothing that tells"),
        (lambda: certificate(common_name="*"), r"x509Subject/CN: got '\*'"),
        (lambda: certificate(common_name="a/b"), "x509Subject/CN: got 'a/b'; allowed is a value without /"),
        (lambda: certificate(attributes={}), "attributes: got {}; allowed is a mapping"),
        (
            lambda: certificate(attributes={"x509Subject/CN": "b"}),
            "attributes: got 'x509Subject/CN'; allowed is fields",
        ),
        (lambda: certificate(trust_anchor=None, certificate_bundle=KEY), "certificate_bundle: got a private key;"),
        (lambda: certificate(trust_anchor=None, certificate_bundle=BUNDLE + KEY), "certificate_bundle: got a private"),
        (lambda: certificate(trust_anchor=None, certificate_bundle="x"), "certificate_bundle: got '1 characters'"),
        (lambda: certificate(trust_anchor=None, certificate_bundle=5), "certificate_bundle: got 5"),
        (
            lambda: certificate(revocation_list=BUNDLE),
            "revocation_list: got '.* characters'; allowed is one revocation",
        ),
        (lambda: certificate(revocation_list=KEY), "revocation_list: got a private key"),
        (lambda: github(repository="acme/*"), "repository: got"),
        (lambda: github(environment="prod"), "ref: got .*exactly one"),
        (lambda: github(claims={}), "claims: got {}; allowed is a mapping"),
        (lambda: github(claims={"repository_id": "9"}), "claims: got 'repository_id'; allowed is claims beside"),
        (lambda: github(claims={"head_ref": "x"}), "claims: got 'head_ref'"),
        (lambda: github(audience="*"), r"audience: got '\*'"),
        (lambda: github(issuer="http://x"), "issuer: got 'http://x'"),
        (
            lambda: github(issuer="https://git.example.com/_services/token"),
            "claims: got 'repository_id'; allowed is none: AWS carries no claim of git.example.com",
        ),
        (lambda: github(thumbprints=["x"]), "thumbprints: got 'x'; allowed is SHA-1"),
        (lambda: github(thumbprints=["a" * 40] * 6), "thumbprints: got .*at most 5"),
        (lambda: github(thumbprints=["a" * 40], provider=PROVIDER), "thumbprints: got .*without provider"),
        (lambda: ExternalWorkload.gitlab(project="a"), "project: got 'a'"),
        (
            lambda: ExternalWorkload.kubernetes(issuer="https://x.example", namespace="*", service_account="a"),
            "namespace: got",
        ),
        (lambda: oidc(subject="*"), r"subject: got '\*'"),
        (lambda: oidc(subject=""), "subject: got ''"),
        (lambda: oidc(audience=None), "audience: got None"),
        (lambda: oidc(claims={"team": "x"}), "claims: got 'team'; allowed is none"),
        (lambda: oidc(claims=5), "claims: got 5"),
        (lambda: saml(metadata=METADATA), "provider: got .*exactly one of provider and metadata"),
        (lambda: saml(provider=None), "provider: got None; allowed is exactly one"),
        (lambda: saml(provider=None, metadata="<x/>"), "metadata: got '<x/>'"),
        (lambda: saml(provider=None, metadata="<EntityDescriptor/>"), "metadata: got .*at least 1000 characters"),
        (lambda: saml(subject=None), "subject: got nothing that tells"),
        (lambda: saml(attributes={}), "attributes: got {}"),
        (lambda: saml(attributes={"groups": "a"}), "attributes: got 'groups'"),
        (lambda: saml(subject="*"), r"subject: got '\*'"),
    ],
)
def test_what_is_no_workload_is_refused(make, message):
    with pytest.raises(InvalidInput, match=f"(?s)^{message}"):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: certificate(trust_anchor=None, certificate_bundle=KEY),
        lambda: certificate(trust_anchor=None, certificate_bundle=BUNDLE + KEY),
        lambda: certificate(revocation_list=KEY),
    ],
)
def test_a_private_key_is_not_shown_in_the_error(make):
    with pytest.raises(InvalidInput) as error:
        make()
    assert "MIIB" not in str(error.value)


@pytest.mark.parametrize(
    ("workload", "changed", "message"),
    [
        (None, {}, "workload: got None; allowed is a value of ExternalWorkload"),
        ("github", {}, "workload: got 'github'"),
        (certificate(trust_anchor="anchor"), {}, "trust_anchor: got 'anchor'; allowed is the ARN of a trust anchor"),
        (certificate(trust_anchor=5), {}, "trust_anchor: got 5"),
        (certificate(trust_anchor=ANCHOR[:-36] + "*"), {}, "trust_anchor: got"),
        (certificate(trust_anchor=ANCHOR.replace(ACCOUNT, "222233334444")), {}, "trust_anchor: got .*account and Reg"),
        (certificate(trust_anchor=ANCHOR.replace(REGION, "us-east-1")), {}, "trust_anchor: got .*account and Region"),
        (certificate(trust_anchor=ANCHOR.replace("aws:", "aws-us-gov:")), {}, "trust_anchor: got .*account and Region"),
        (certificate(trust_anchor=None, certificate_authority="ca"), {}, "certificate_authority: got 'ca'"),
        (certificate(trust_anchor=None, certificate_authority=5), {}, "certificate_authority: got 5"),
        (github(provider="github"), {}, "provider: got 'github'; allowed is the ARN"),
        (github(provider=5), {}, "provider: got 5"),
        (github(provider=f"{PROVIDER}.evil.example"), {}, "provider: got .*oidc-provider/token.actions"),
        (github(provider=PROVIDER.replace("token.actions.githubusercontent.com", "*")), {}, "provider: got"),
        (github(provider=PROVIDER.replace(ACCOUNT, "222233334444")), {}, "provider: got .*account and Region"),
        (github(provider=PROVIDER.replace("aws:", "aws-us-gov:")), {}, "provider: got .*account and Region"),
        (saml(provider=PROVIDER), {}, "provider: got .*saml-provider/"),
        (certificate(), {"session_duration": 3600}, "session_duration: got 3600; allowed is a Duration"),
        (certificate(), {"session_duration": cdk.Duration.minutes(14)}, "session_duration: got '840 seconds'"),
        (certificate(), {"session_duration": cdk.Duration.hours(13)}, "session_duration: got '46800 seconds'"),
        (certificate(), {"session_duration": cdk.Duration.millis(900_500)}, "session_duration: got '900.5 seconds'"),
        (certificate(), {"session_policies": []}, "session_policies: got an empty list"),
        (certificate(), {"session_policies": ["*"]}, r"session_policies: got '\*'"),
        (certificate(), {"session_policies": [f"arn:aws:iam::{ACCOUNT}:policy/{n}" for n in range(11)]},
         "session_policies: got '11 policies'; allowed is at most 10"),
        (oidc(), {"session_policies": [f"arn:aws:iam::{ACCOUNT}:policy/a"]}, "session_policies: got .*Roles Anywhere"),
        (certificate(), {"session_tags": {"team": "a"}}, "session_tags: got .*Roles Anywhere sets them"),
        (certificate(), {"source_identity": "app"}, "source_identity: got 'app'.*common name"),
        (oidc(), {"session_tags": {}}, "session_tags: got an empty mapping"),
        (oidc(), {"session_tags": {"team": "a"}, "team": "b"}, "session_tags: got 'team'; allowed is keys that are no"),
        (oidc(), {"session_tags": {"Owner": "a"}, "tags": {"owner": "b"}}, "session_tags: got 'Owner'"),
        (oidc(), {"session_tags": {"secure-bedrock:revoked": "no"}}, "session_tags: got 'secure-bedrock:revoked'"),
        (oidc(), {"session_tags": {"aws:x": "a"}}, "session_tags: got 'aws:x'"),
        (oidc(), {"session_tags": {"team": "*"}}, r"session_tags\['team'\]: got '\*'"),
        (oidc(), {"session_tags": {"team": "${aws:username}"}}, r"session_tags\['team'\]: got"),
        (oidc(), {"source_identity": "*"}, r"source_identity: got '\*'"),
        (oidc(), {"source_identity": "a b"}, "source_identity: got 'a b'; allowed is 2 to 64 characters"),
        (oidc(), {"former_users": []}, "former_users: got an empty list"),
        (oidc(), {"former_users": ["*"]}, r"former_users: got '\*'"),
        (oidc(), {"former_users": [f"arn:aws:iam::{ACCOUNT}:user/a"]}, "former_users: got 'arn"),
        (oidc(), {"former_users": [5]}, "former_users: got 5"),
        (oidc(), {"models": []}, "models: got an empty list"),
    ],
)  # fmt: skip
def test_what_is_refused(place, workload, changed, message):
    with pytest.raises(InvalidInput, match=f"(?s)^{message}"):
        access(place.stack(), workload, **changed)


def test_a_network_is_needed_as_for_every_scoped_role(place):
    access(place.stack(), github(), network=None)
    with pytest.raises(RuntimeError, match="no network path"):
        place.synth()


# --- as a principal of other roles


def test_the_principal_may_be_given_to_a_scoped_role(place):
    stack = place.stack("Acc")
    principal = RolesAnywherePrincipal(ANCHOR, common_name="app", organization="Example")
    ScopedInvokeRole(stack, "App", assumed_by=principal, models=[LITE], network=Network.ANYWHERE)
    (statement,) = trust(place.synth()["Acc"])
    assert statement["Action"] == ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"]
    assert statement["Principal"] == {"Service": "rolesanywhere.amazonaws.com"}
    assert statement["Condition"] == {
        "StringEquals": {"aws:PrincipalTag/x509Subject/CN": "app", "aws:PrincipalTag/x509Subject/O": "Example"},
        "ArnEquals": {"aws:SourceArn": ANCHOR},
    }


def test_conditions_may_be_added_to_the_principal(place):
    stack = place.stack("Acc")
    narrowed = RolesAnywherePrincipal(ANCHOR, common_name="app").with_conditions(
        {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
    )
    ScopedInvokeRole(stack, "App", assumed_by=narrowed, models=[LITE], network=Network.ANYWHERE)
    (statement,) = trust(place.synth()["Acc"])
    assert set(statement["Condition"]) == {"StringEquals", "ArnEquals", "IpAddress"}


def test_a_trust_anchor_of_another_account_is_refused_by_a_scoped_role(place):
    other = RolesAnywherePrincipal(ANCHOR.replace(ACCOUNT, "222233334444"), common_name="app")
    with pytest.raises(InvalidInput, match=r"assumed_by: got 'rolesanywhere.amazonaws.com'.*one trust anchor of this"):
        ScopedInvokeRole(place.stack(), "App", assumed_by=other, models=[LITE], network=Network.ANYWHERE)


@pytest.mark.parametrize("name", ["rolesanywhere.amazonaws.com", "RolesAnywhere.amazonaws.com"])
def test_the_bare_service_is_refused(place, name):
    with pytest.raises(InvalidInput, match=r"assumed_by: got .*use RolesAnywherePrincipal"):
        ScopedInvokeRole(
            place.stack(), "App", assumed_by=iam.ServicePrincipal(name), models=[LITE], network=Network.ANYWHERE
        )
