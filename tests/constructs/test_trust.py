"""Who may assume a scoped role."""

from __future__ import annotations

import re

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam

from secure_bedrock import InvalidInput, MfaAccountPrincipal, Network, ScopedInvokeRole
from secure_bedrock.constructs import _trust, role
from secure_bedrock.data import table
from tests.constructs.conftest import ACCOUNT, of_type

LITE, OTHER = "amazon.nova-lite-v1:0", "222233334444"
ECS, LAMBDA = "ecs-tasks.amazonaws.com", "lambda.amazonaws.com"
SENDERS = [(row["principal"], row["service"]) for row in table("service_principals")["principals"]]


def trust(place, make_principal):
    """The trust statements of a role that trusts what is made in its stack."""
    stack = place.stack()
    ScopedInvokeRole(stack, "App", assumed_by=make_principal(stack), models=[LITE], network=Network.ANYWHERE)
    (document,) = (
        properties["AssumeRolePolicyDocument"]
        for properties in of_type(place.synth()[stack.stack_name], "AWS::IAM::Role")
        if properties.get("Path") == "/secure-bedrock/"
    )
    return document["Statement"]


def other_account(operator, key, value):
    return lambda _: iam.AccountPrincipal(OTHER).with_conditions({operator: {key: value}})


def service(name, conditions=None):
    principal = iam.ServicePrincipal(name)
    return lambda _: principal if conditions is None else principal.with_conditions(conditions)


@pytest.mark.parametrize(("name", "source"), SENDERS)
def test_a_service_that_says_for_whom_it_asks_is_held_to_this_account(place, name, source):
    (statement,) = trust(place, service(name))
    assert statement["Principal"] == {"Service": name}
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": f"arn:aws:{source}:*:{ACCOUNT}:*"},
    }


@pytest.mark.parametrize("name", [LAMBDA, "ec2.amazonaws.com"])
def test_a_service_that_does_not_is_trusted_as_it_is(place, name):
    (statement,) = trust(place, service(name))
    assert "Condition" not in statement


def test_conditions_of_a_service_principal_are_kept_beside_ours(place):
    given = {"StringEquals": {"aws:PrincipalTag/team": "search"}}
    (statement,) = trust(place, lambda _: iam.ServicePrincipal(ECS, conditions=given))
    assert statement["Condition"]["StringEquals"] == {
        "aws:PrincipalTag/team": "search", "aws:SourceAccount": ACCOUNT,
    }  # fmt: skip


def test_another_partition_and_no_environment_are_written_in_the_source(make_place):
    (statement,) = trust(make_place(region="us-gov-west-1"), service(ECS))
    assert statement["Condition"]["ArnLike"]["aws:SourceArn"] == f"arn:aws-us-gov:ecs:*:{ACCOUNT}:*"
    (statement,) = trust(make_place(account=None, region=None), service(ECS))
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}


@pytest.mark.parametrize(
    "make_principal",
    [
        lambda _: iam.AccountPrincipal(ACCOUNT),
        lambda _: iam.AccountRootPrincipal(),
        lambda _: iam.ArnPrincipal(f"arn:aws:iam::{ACCOUNT}:role/ci"),
        lambda stack: iam.Role(stack, "R", assumed_by=iam.AccountPrincipal(ACCOUNT)),
        lambda stack: iam.Role.from_role_arn(stack, "R", f"arn:aws:iam::{ACCOUNT}:role/ci"),
        lambda stack: iam.User(stack, "U"),
        lambda _: MfaAccountPrincipal(OTHER),
        lambda _: MfaAccountPrincipal(OTHER).with_session_tags(),
        other_account("StringEquals", "sts:ExternalId", "secret"),
        other_account("StringEquals", "STS:externalid", "secret"),
        other_account("StringEquals", "aws:PrincipalOrgID", "o-exampleorgid"),
        other_account("Bool", "aws:MultiFactorAuthPresent", "true"),
        service(ECS, {"StringEquals": {"aws:SourceAccount": ACCOUNT}}),
        lambda stack: iam.OpenIdConnectPrincipal(
            iam.OpenIdConnectProvider.from_open_id_connect_provider_arn(
                stack, "P", f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
            ),
            {"StringEquals": {"token.actions.githubusercontent.com:sub": "repo:example/app:ref:refs/heads/main"}},
        ),
        lambda _: iam.CompositePrincipal(
            iam.AccountPrincipal(ACCOUNT), iam.ServicePrincipal(LAMBDA), MfaAccountPrincipal(OTHER)
        ),
    ],
)  # fmt: skip
def test_who_is_tied_or_of_this_account_is_trusted(place, make_principal):
    statements = trust(place, make_principal)
    assert {statement.get("Sid") for statement in statements if statement["Effect"] != "Allow"} <= {"SessionTags"}


def composite(*others):
    return lambda _: iam.CompositePrincipal(iam.AccountPrincipal(ACCOUNT), *others)


WHOLE, ACCOUNTS, SOURCE = "named accounts, roles", "another account only with MFA", "a condition on aws:SourceAccount"


@pytest.mark.parametrize(
    ("make_principal", "choice"),
    [
        (lambda _: iam.AnyPrincipal(), WHOLE),
        (lambda _: iam.StarPrincipal(), WHOLE),
        (lambda _: iam.ArnPrincipal("*"), WHOLE),
        (lambda _: iam.AnyPrincipal().with_conditions({"StringEquals": {"sts:ExternalId": "secret"}}), WHOLE),
        (lambda _: iam.StarPrincipal().with_conditions({"StringEquals": {"aws:PrincipalOrgID": "o-exampleorgid"}}),
         WHOLE),
        (lambda _: iam.OrganizationPrincipal("o-exampleorgid"), WHOLE),
        (lambda _: iam.ArnPrincipal("arn:aws:iam::*:root"), WHOLE),
        (lambda _: iam.ArnPrincipal(f"arn:aws:iam::{ACCOUNT}:role/*"), WHOLE),
        (lambda _: iam.CanonicalUserPrincipal("0123456789abcdef"), WHOLE),
        (lambda _: iam.AccountPrincipal(OTHER), ACCOUNTS),
        (lambda _: iam.ArnPrincipal(f"arn:aws:iam::{OTHER}:root"), ACCOUNTS),
        (lambda _: iam.ArnPrincipal(f"arn:aws:iam::{OTHER}:role/a"), ACCOUNTS),
        (lambda _: iam.ArnPrincipal(f"arn:aws:sts::{OTHER}:assumed-role/a/b"), ACCOUNTS),
        (lambda stack: iam.Role.from_role_arn(stack, "R", f"arn:aws:iam::{OTHER}:role/a"), ACCOUNTS),
        (other_account("StringEqualsIfExists", "sts:ExternalId", "secret"), ACCOUNTS),
        (other_account("ForAnyValue:StringEquals", "sts:ExternalId", "secret"), ACCOUNTS),
        (other_account("ForAllValues:StringEquals", "sts:ExternalId", "secret"), ACCOUNTS),
        (other_account("StringNotEquals", "sts:ExternalId", "secret"), ACCOUNTS),
        (other_account("StringLike", "sts:ExternalId", "*"), ACCOUNTS),
        (other_account("StringEquals", "sts:ExternalId", ""), ACCOUNTS),
        (other_account("BoolIfExists", "aws:MultiFactorAuthPresent", "true"), ACCOUNTS),
        (other_account("Bool", "aws:MultiFactorAuthPresent", "false"), ACCOUNTS),
        (other_account("ArnEquals", "aws:PrincipalArn", f"arn:aws:iam::{OTHER}:role/a"), ACCOUNTS),
        (composite(iam.AccountPrincipal(OTHER)), ACCOUNTS),
        (composite(iam.ServicePrincipal(ECS)), SOURCE),
        (service(ECS, {"StringEquals": {"aws:PrincipalTag/a": "b"}}), SOURCE),
        (service(ECS, {"StringLike": {"aws:SourceAccount": "*"}}), SOURCE),
        (service(ECS, {"StringEquals": {"aws:SourceAccount": ""}}), SOURCE),
        (service(ECS, {"ForAllValues:StringEquals": {"aws:SourceAccount": ACCOUNT}}), SOURCE),
        (lambda _: iam.FederatedPrincipal("accounts.google.com", {}), "audience and subject"),
        (lambda _: iam.WebIdentityPrincipal("www.amazon.com"), "audience and subject"),
    ],
)  # fmt: skip
def test_who_is_neither_is_refused(place, make_principal, choice):
    with pytest.raises(InvalidInput, match=rf"(?s)^assumed_by: got .*allowed is .*{choice}"):
        trust(place, make_principal)


@pytest.mark.parametrize("account", [ACCOUNT, OTHER])
def test_without_an_environment_every_literal_account_is_another(make_place, account):
    with pytest.raises(InvalidInput, match=rf"(?s)^assumed_by: got .*{account}.*{ACCOUNTS}"):
        trust(make_place(account=None, region=None), lambda _: iam.AccountPrincipal(account))


@pytest.mark.parametrize(
    ("given", "conditions"),
    [
        ({}, {"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}),
        ({"max_age": cdk.Duration.minutes(15)}, {"NumericLessThan": {"aws:MultiFactorAuthAge": "900"}}),
        ({"max_age": cdk.Duration.hours(12)}, {"NumericLessThan": {"aws:MultiFactorAuthAge": "43200"}}),
        ({"external_id": "secret"},
         {"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}, "StringEquals": {"sts:ExternalId": "secret"}}),
    ],
)  # fmt: skip
def test_mfa_conditions_hold_when_their_keys_are_absent(place, given, conditions):
    """Neither operator ends in IfExists: without MFA the keys are absent, and nobody gets in."""
    (statement,) = trust(place, lambda _: MfaAccountPrincipal(OTHER, **given))
    assert statement["Condition"] == {"Bool": {"aws:MultiFactorAuthPresent": "true"}, **conditions}
    assert OTHER in str(statement["Principal"]["AWS"])


def test_mfa_with_session_tags_conditions_both_actions(place):
    *statements, _ = trust(place, lambda _: MfaAccountPrincipal(OTHER).with_session_tags())
    actions = {
        action
        for statement in statements
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    assert actions == {"sts:AssumeRole", "sts:TagSession"}
    assert all("aws:MultiFactorAuthPresent" in statement["Condition"]["Bool"] for statement in statements)


def test_ids_of_an_mfa_principal_may_be_filled_in_at_deployment(place):
    (statement,) = trust(
        place,
        lambda stack: MfaAccountPrincipal(
            OTHER, external_id=cdk.CfnParameter(stack, "ExternalId", no_echo=True).value_as_string
        ),
    )
    assert statement["Condition"]["StringEquals"] == {"sts:ExternalId": {"Ref": "ExternalId"}}


def test_the_mfa_docstring_says_who_can_use_it_and_who_cannot():
    text = MfaAccountPrincipal.__doc__
    assert "sts:GetSessionToken" in text
    assert all(word in text for word in ("Identity Center", "SAML", "OIDC", "role chains"))


REFUSED = ["team", "secure-bedrock:revoked"]


@pytest.mark.parametrize(
    "make_principal",
    [
        lambda _: iam.AccountPrincipal(ACCOUNT).with_session_tags(),
        lambda _: iam.SessionTagsPrincipal(iam.ServicePrincipal("pods.eks.amazonaws.com")),
        lambda _: MfaAccountPrincipal(OTHER).with_session_tags(),
    ],
)
def test_a_session_may_not_bring_the_tags_of_the_role(place, make_principal):
    stack = place.stack()
    ScopedInvokeRole(
        stack, "App", assumed_by=make_principal(stack), models=[LITE], network=Network.ANYWHERE, team="search"
    )
    (role,) = of_type(place.synth()[stack.stack_name], "AWS::IAM::Role")
    denied = [s for s in role["AssumeRolePolicyDocument"]["Statement"] if s["Effect"] == "Deny"]
    assert denied == [
        {
            "Sid": "SessionTags",
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": "sts:TagSession",
            "Condition": {"ForAnyValue:StringEqualsIgnoreCase": {"aws:TagKeys": REFUSED}},
        }
    ]


def test_where_no_session_may_be_tagged_nothing_is_refused(place):
    (statement,) = trust(place, lambda _: iam.AccountPrincipal(ACCOUNT))
    assert statement["Effect"] == "Allow"


class Tagging(iam.ServicePrincipal):
    """A service's principal of somebody's own, which lets the service tag sessions too."""

    def add_to_assume_role_policy(self, document):
        statement = {
            "Effect": "Allow",
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Principal": {"Service": LAMBDA},
        }
        document.add_statements(iam.PolicyStatement.from_json(statement))


#: A service CDK writes as it is given; no rule refuses it.
PLAIN = {
    "lambda": service(LAMBDA),
    "ec2": service("ec2.amazonaws.com"),
    "with conditions": lambda _: iam.ServicePrincipal(LAMBDA, conditions={"Bool": {"aws:SecureTransport": "true"}}),
    "with a Region": lambda _: iam.ServicePrincipal(LAMBDA, region="me-south-1"),
    "static": lambda _: iam.ServicePrincipal.from_static_service_principle_name(LAMBDA),
}
#: What looks like one: short and regional spellings, other classes, wrapped ones, and services with rules of their own.
NEARLY = {
    "short": service("lambda"),
    "of China": service("lambda.amazonaws.com.cn"),
    "regional": service("lambda.eu-west-1.amazonaws.com"),
    "upper case": service("LAMBDA.amazonaws.com"),
    "token": lambda stack: iam.ServicePrincipal(cdk.CfnParameter(stack, "Service").value_as_string),
    "partly a token": lambda _: iam.ServicePrincipal(f"lambda.{cdk.Aws.URL_SUFFIX}"),
    "star": service("*"),
    "star of AWS": service("*.amazonaws.com"),
    "star behind": service("lambda.amazonaws.com*"),
    "new line": service("lambda.amazonaws.com\n"),
    "nothing": service(""),
    "no label": service(".amazonaws.com"),
    "source, short": service("bedrock"),
    "source, of China": service("bedrock.amazonaws.com.cn"),
    "source, of a secret Region": service("ecs-tasks.c2s.ic.gov"),
    "source, upper case": service("Bedrock.amazonaws.com"),
    "source, regional": service("states.eu-west-1.amazonaws.com"),
    "source, with a Region": lambda _: iam.ServicePrincipal("states.amazonaws.com", region="me-south-1"),
    "source, static": lambda _: iam.ServicePrincipal.from_static_service_principle_name(ECS),
    "source, static and short": lambda _: iam.ServicePrincipal.from_static_service_principle_name("bedrock"),
    "certificates": service("rolesanywhere.amazonaws.com"),
    "certificates, short": service("rolesanywhere"),
    "certificates, of China": service("rolesanywhere.amazonaws.com.cn"),
    "certificates, upper case": service("RolesAnywhere.amazonaws.com"),
    "certificates, with a Region": lambda _: iam.ServicePrincipal("rolesanywhere.amazonaws.com", region="me-south-1"),
    "certificates, conditions": lambda _: iam.ServicePrincipal(
        "rolesanywhere.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    ),
    "subclass": lambda _: Tagging(LAMBDA),
    "wrapped": service(LAMBDA, {"Bool": {"aws:SecureTransport": "true"}}),
    "session tags": lambda _: iam.ServicePrincipal(LAMBDA).with_session_tags(),
    "composite": lambda _: iam.CompositePrincipal(iam.ServicePrincipal(LAMBDA)),
    "composite with a source": lambda _: iam.CompositePrincipal(iam.ServicePrincipal(ECS)),
}


def outcome(place, make_principal):
    try:
        return trust(place, make_principal)
    except (InvalidInput, RuntimeError) as error:
        return type(error), re.sub(r"\d+", "", str(error))


@pytest.mark.parametrize("case", [*PLAIN, *NEARLY])
def test_a_principal_fares_the_same_whether_its_statements_are_written_out_or_not(make_place, case, monkeypatch):
    make_principal = {**PLAIN, **NEARLY}[case]
    found = outcome(make_place(), make_principal)
    monkeypatch.setattr(_trust, "_is_harmless", lambda _: False)
    monkeypatch.setattr(role, "may_tag_sessions", lambda _: True)
    assert found == outcome(make_place(), make_principal)


@pytest.mark.parametrize(("case", "asked"), [*((case, 0) for case in PLAIN), *((case, 1) for case in NEARLY)])
def test_only_a_plain_service_is_trusted_unread(place, case, asked, monkeypatch):
    read = []
    write_out = _trust._trust_statements
    monkeypatch.setattr(_trust, "_trust_statements", lambda *given: read.append(given) or write_out(*given))
    outcome(place, {**PLAIN, **NEARLY}[case])
    assert len(read) == asked


@pytest.mark.parametrize(
    ("case", "choice"),
    [
        ("source, short", SOURCE),
        ("source, of China", SOURCE),
        ("source, of a secret Region", SOURCE),
        ("composite with a source", SOURCE),
        *((case, "trust anchor") for case in NEARLY if case.startswith("certificates")),
    ],
)
def test_no_spelling_of_a_service_evades_its_rules(place, case, choice):
    with pytest.raises(InvalidInput, match=rf"(?s)^assumed_by: got .*allowed is .*{choice}"):
        trust(place, NEARLY[case])


def test_the_services_with_source_conditions_are_listed_as_cdk_writes_them(place):
    stack = place.stack()
    for name, _ in SENDERS:
        for spelling in (name, name.partition(".")[0]):
            document = iam.PolicyDocument()
            iam.ServicePrincipal(spelling).add_to_assume_role_policy(document)
            assert stack.resolve(document)["Statement"][0]["Principal"] == {"Service": name}


@pytest.mark.parametrize("case", ["subclass", "session tags"])
def test_a_service_that_tags_sessions_may_not_bring_the_tags_of_the_role(place, case):
    assert [statement["Sid"] for statement in trust(place, NEARLY[case]) if statement["Effect"] == "Deny"] == [
        "SessionTags"
    ]
