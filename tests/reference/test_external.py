"""The external stack stands beside the application, behind a switch."""

from __future__ import annotations

import json

import pytest

from reference.configuration import Configuration
from reference.sections.external import CertificateConfiguration, ExternalConfiguration, GithubConfiguration
from reference.sections.on_premises import OnPremisesConfiguration
from secure_bedrock import InvalidInput

STACK, NETWORK = "secure-bedrock-external", "secure-bedrock-network"
ACCOUNT, CENTRE, OFFICE = "111122223333", "10.20.0.0/16", ("203.0.113.0/24",)
BUNDLE = "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUe\n-----END CERTIFICATE-----\n"
SERVER = CertificateConfiguration(common_name="app", certificate_bundle=BUNDLE, former_users=("before",))
JOBS = GithubConfiguration(repository="acme/app", environment="prod", owner_id="1", repository_id="2", anywhere=True)


@pytest.fixture(scope="module")
def made(synthesized):
    return synthesized(
        Configuration(
            account=ACCOUNT,
            on_premises=OnPremisesConfiguration(cidrs=(CENTRE,)),
            external=ExternalConfiguration(certificate=SERVER, github=JOBS),
        )
    )


def ceilings(made):
    return [p["PolicyDocument"] for p in made.of_type(STACK, "AWS::IAM::Policy")]


def test_it_is_not_there_unless_asked_for(default):
    assert STACK not in default.templates
    assert default.deployment.external is None


def test_the_server_calls_from_the_data_centre_through_the_endpoint(made):
    conditions = [s.get("Condition", {}) for document in ceilings(made) for s in document["Statement"]]
    assert {"aws:VpcSourceIp": CENTRE} in [c.get("NotIpAddress") for c in conditions] or {
        "aws:VpcSourceIp": [CENTRE]
    } in [c.get("NotIpAddress") for c in conditions]
    (endpoint,) = made.of_type(NETWORK, "AWS::EC2::VPCEndpoint")
    assert made.deployment.external.server.role.role_name in json.dumps(endpoint["PolicyDocument"])
    assert made.deployment.external.jobs.role.role_name not in json.dumps(endpoint["PolicyDocument"])


def test_both_need_the_application_s_guardrail(made):
    for document in ceilings(made):
        (statement,) = [s for s in document["Statement"] if s["Sid"] == "WithoutGuardrail"]
        assert "Fn::ImportValue" in json.dumps(statement["Condition"])


def test_trust_anchor_profile_and_provider_are_made(made):
    kinds = [resource["Type"] for resource in made.templates[STACK]["Resources"].values()]
    for kind in ("AWS::RolesAnywhere::TrustAnchor", "AWS::RolesAnywhere::Profile", "AWS::IAM::OIDCProvider"):
        assert kinds.count(kind) == 1
    (denial,) = [p for p in made.of_type(STACK, "AWS::IAM::ManagedPolicy") if p.get("Users")]
    assert denial["Users"] == ["before"]


def test_without_a_data_centre_public_ranges_are_named(synthesized):
    declared = ExternalConfiguration(certificate=SERVER, source_ips=OFFICE)
    made = synthesized(Configuration(external=declared))
    assert OFFICE[0] in json.dumps(ceilings(made))
    assert "aws:VpcSourceIp" not in json.dumps(ceilings(made))


def test_suspending_the_application_suspends_them(synthesized):
    made = synthesized(Configuration(suspended=True, external=ExternalConfiguration(github=JOBS)))
    assert ceilings(made)[0]["Statement"][0]["Sid"] == "Suspended"


def test_nothing_named_is_nothing_made(synthesized):
    assert not synthesized(Configuration(external=ExternalConfiguration())).templates[STACK].get("Resources")


def test_it_is_read_from_the_context():
    given = {
        "certificate": {"common_name": "app", "trust_anchor": "arn:x", "session_minutes": 15},
        "github": {"repository": "acme/app", "environment": "prod", "anywhere": True},
        "source_ips": list(OFFICE),
    }
    assert Configuration.parse({"external": given}).external == ExternalConfiguration(
        certificate=CertificateConfiguration(common_name="app", trust_anchor="arn:x", session_minutes=15),
        github=GithubConfiguration(repository="acme/app", environment="prod", anywhere=True),
        source_ips=OFFICE,
    )


def with_server(**changed):
    return {"certificate": CertificateConfiguration(**{"common_name": "app", "certificate_bundle": BUNDLE, **changed})}


def with_jobs(**changed):
    given = {"repository": "acme/app", "environment": "prod", "anywhere": True, **changed}
    return {"github": GithubConfiguration(**given)}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (with_server(), "secure-bedrock.external.source_ips: got None; allowed is the public ranges"),
        (with_jobs(anywhere=False), "secure-bedrock.external.source_ips: got None"),
        ({**with_server(), "source_ips": ("10.0.0.0/8",)}, "secure-bedrock.external.source_ips: got '10.0.0.0/8'"),
        ({**with_server(trust_anchor="x"), "source_ips": OFFICE},
         "secure-bedrock.external.certificate.trust_anchor: got"),
        ({**with_server(certificate_bundle="x"), "source_ips": OFFICE},
         "secure-bedrock.external.certificate.certificate_bundle: got '1 characters'"),
        ({**with_server(former_users=("*",)), "source_ips": OFFICE},
         r"secure-bedrock.external.certificate.former_users: got '\*'"),
        (with_jobs(repository="acme/*"), "secure-bedrock.external.github.repository: got"),
        (with_jobs(environment="*"), "secure-bedrock.external.github.environment: got"),
        (with_jobs(owner_id="1"), "secure-bedrock.external.github.repository_id: got None"),
        (with_jobs(provider="x"), "secure-bedrock.external.github.provider: got 'x'"),
    ],
)  # fmt: skip
def test_what_the_construct_refuses_is_named_by_its_context_key(synthesized, given, message):
    with pytest.raises(InvalidInput, match=f"^{message}"):
        synthesized(Configuration(account=ACCOUNT, external=ExternalConfiguration(**given)))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"github": {"repository": "acme/app"}}, "secure-bedrock.external.github"),
        ({"github": {"repository": 5, "environment": "prod"}}, "secure-bedrock.external.github.repository: got 5"),
        ({"gitlab": {}}, "secure-bedrock.external: got the entry gitlab; allowed is certificate, github, source_ips"),
        ({"certificate": {"common_name": "app", "session_minutes": "15"}},
         "secure-bedrock.external.certificate.session_minutes: got '15'; allowed is a whole number"),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_named_by_its_context_key(given, message):
    with pytest.raises(InvalidInput, match=message):
        Configuration.parse({"external": given})
