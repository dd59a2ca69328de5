"""Every property, given wrong: the error names the property, holds the value and says what is allowed.

The tables are complete: a new property without a row fails.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam

from secure_bedrock import (
    BedrockService,
    GuardrailVersion,
    InvalidInput,
    InvokeActions,
    MfaAccountPrincipal,
    Network,
    PrivateBedrockEndpoint,
    ScopedInvokeRole,
)
from tests.constructs.conftest import ACCOUNT

LITE, EMBED = "amazon.nova-lite-v1:0", "amazon.titan-embed-text-v2:0"
GUARDRAIL = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:guardrail/abcdefghijkl"
KNOWLEDGE_BASE = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:knowledge-base/ABCDEFGHIJ"
VPCE, VPC = "vpce-0123456789abcdef0", "vpc-0123456789abcdef0"
TOKEN = cdk.Aws.STACK_NAME
NAMED = {"guardrail": GUARDRAIL, "guardrail_version": 1}
PATHS = {"network": None}
RETRIEVE = {"actions": InvokeActions.INFERENCE | InvokeActions.RETRIEVE}

#: property: (value, what else is given, the shown value, the valid choice)
ROLE = {
    "assumed_by": [
        (None, {}, "None", "an iam.IPrincipal"),
        ("111122223333", {}, "'111122223333'", "an iam.IPrincipal"),
    ],
    "models": [
        (None, {}, "nothing", "at least one"),
        ([], {}, "an empty list", "at least one"),
        ("amazon.nova-lite-v1:0", {}, "'amazon.nova-lite-v1:0'", "a list"),
        (5, {}, "5", "a list"),
        ([""], {}, "''", "a model id"),
        ([5], {}, "5", "a model id"),
        ([TOKEN], {}, "'${Token[AWS.StackName", "a value known at synth"),
        (["amazon.nova-ltie-v1:0"], {}, "'amazon.nova-ltie-v1:0'", "did you mean 'amazon.nova-lite-v1:0'"),
        (["us.amazon.nova-lite-v1:0"], {}, "'us.amazon.nova-lite-v1:0 from eu-west-1'", "us-east-1"),
        (["arn:aws:s3:::bucket"], {}, "'arn:aws:s3:::bucket'", "Bedrock"),
    ],
    "endpoints": [
        ([], PATHS, "an empty list", "at least one"),
        (VPCE, PATHS, f"'{VPCE}'", "a list"),
        (5, PATHS, "5", "a list"),
        ([""], PATHS, "''", "vpce-"),
        ([None], PATHS, "None", "vpce-"),
        (["vpce-XYZ"], PATHS, "'vpce-XYZ'", "vpce-"),
        ([VPC], PATHS, f"'{VPC}'", "vpce-"),
    ],
    "vpcs": [
        ([], PATHS, "an empty list", "at least one"),
        (VPC, PATHS, f"'{VPC}'", "a list"),
        (5, PATHS, "5", "a list"),
        ([5], PATHS, "5", "ec2.IVpc"),
        ([VPCE], PATHS, f"'{VPCE}'", "vpc-"),
    ],
    "source_ips": [
        ([], PATHS, "an empty list", "at least one"),
        ("203.0.113.0/24", PATHS, "'203.0.113.0/24'", "a list"),
        (5, PATHS, "5", "a list"),
        ([5], PATHS, "5", "a CIDR range"),
        (["office"], PATHS, "'office'", "a CIDR range"),
        (["203.0.113.1/24"], PATHS, "'203.0.113.1/24'", "host bits"),
        (["0.0.0.0/0"], PATHS, "'0.0.0.0/0'", "network=Network.ANYWHERE"),
        (["::/0"], PATHS, "'::/0'", "network=Network.ANYWHERE"),
        *[
            ([private], PATHS, f"'{private}'", "vpc_source_ips with endpoints")
            for private in ("10.1.0.0/16", "172.16.0.0/12", "192.168.1.0/24", "100.64.0.0/10", "169.254.0.0/16",
                            "127.0.0.0/8", "fe80::/64", "fd00::/8", "::1/128", "8.0.0.0/5")
        ],
    ],
    "vpc_source_ips": [
        ([], {"endpoints": [VPCE], **PATHS}, "an empty list", "at least one"),
        ("10.0.0.0/8", {"endpoints": [VPCE], **PATHS}, "'10.0.0.0/8'", "a list"),
        (["0.0.0.0/0"], {"endpoints": [VPCE], **PATHS}, "'0.0.0.0/0'", "not every address"),
        (["10.0.0.1/8"], {"endpoints": [VPCE], **PATHS}, "'10.0.0.1/8'", "host bits"),
    ],
    "network": [
        ("ANYWHERE", {}, "'ANYWHERE'", "Network.ANYWHERE"),
        (True, {}, "True", "Network.ANYWHERE"),
        (Network.ANYWHERE, {"endpoints": [VPCE]}, "'Network.ANYWHERE'", "not both"),
        (Network.ANYWHERE, {"vpcs": [VPC]}, "'Network.ANYWHERE'", "not both"),
        (Network.ANYWHERE, {"source_ips": ["203.0.113.0/24"]}, "'Network.ANYWHERE'", "not both"),
        (Network.ANYWHERE, {"vpc_source_ips": ["10.0.0.0/8"]}, "'Network.ANYWHERE'", "not both"),
    ],
    "guardrail": [
        ("", {"guardrail_version": 1}, "''", "the ARN of a guardrail"),
        (5, {"guardrail_version": 1}, "5", "the ARN of a guardrail"),
        ("abcdefghijkl", {"guardrail_version": 1}, "'abcdefghijkl'", "the ARN of a guardrail"),
        (f"{GUARDRAIL}:3", {"guardrail_version": 1}, f"'{GUARDRAIL}:3'", "without version"),
        (GUARDRAIL.replace("abcdefghijkl", "*"), {"guardrail_version": 1}, "guardrail/*'", "without wildcard"),
        ("arn:aws:s3:::bucket", {"guardrail_version": 1}, "'arn:aws:s3:::bucket'", "guardrail"),
        (GUARDRAIL, {"guardrail_version": 1, "models": [EMBED]}, f"'{GUARDRAIL}'", "a model that takes one"),
    ],
    "guardrail_version": [
        (1, {}, "1", "together with its guardrail"),
        (None, {"guardrail": GUARDRAIL}, "nothing", "a number"),
        *[
            (wrong, {"guardrail": GUARDRAIL}, repr(wrong), "a number from 1 to 99999999")
            for wrong in (0, -1, 10**8, 1.5, True, "", "01", "1.0", "١")  # noqa: RUF001 - a digit that is not ASCII
        ],
        ("draft", {"guardrail": GUARDRAIL}, "'draft'", "did you mean 'GuardrailVersion.DRAFT'"),
    ],
    "guardrail_exempt_models": [
        ([EMBED], {}, f"['{EMBED}']", "together with a guardrail"),
        (EMBED, NAMED, f"'{EMBED}'", "a list"),
        (5, NAMED, "5", "a list"),
        (["nova"], NAMED, "'nova'", "a model id"),
    ],
    "enforced_guardrails": [
        ([], {}, "an empty list", "at least one"),
        (GUARDRAIL, {}, f"'{GUARDRAIL}'", "a list"),
        ([""], {}, "''", "an ARN"),
        ([5], {}, "5", "an ARN"),
        (["arn:aws:s3:::bucket"], {}, "'arn:aws:s3:::bucket'", "guardrail"),
    ],
    "actions": [
        (None, {}, "None", "InvokeActions"),
        ("INFERENCE", {}, "'INFERENCE'", "InvokeActions"),
        (InvokeActions(0), {}, "<InvokeActions: 0>", "InvokeActions"),
    ],
    "allow_api_keys": [(value, {}, repr(value), "True or False") for value in (None, 1, "yes")],
    "resources": [
        ([], RETRIEVE, "an empty list", "at least one"),
        (KNOWLEDGE_BASE, RETRIEVE, f"'{KNOWLEDGE_BASE}'", "a list"),
        ([5], RETRIEVE, "5", "an ARN"),
        (["arn:aws:s3:::bucket"], RETRIEVE, "'arn:aws:s3:::bucket'", "knowledge bases and agent aliases"),
        ([KNOWLEDGE_BASE], {}, f"'{KNOWLEDGE_BASE}'", "InvokeActions.RETRIEVE"),
    ],
    "may_use_roles": [
        ([], {}, "an empty list", "at least one"),
        ("arn:aws:iam::111122223333:role/a", {}, "'arn:aws:iam::111122223333:role/a'", "a list"),
        ([""], {}, "''", "an ARN"),
        (["batch"], {}, "'batch'", "ARNs of roles"),
        (["arn:aws:iam::111122223333:user/a"], {}, "'arn:aws:iam::111122223333:user/a'", "ARNs of roles"),
        (["arn:aws:iam::111122223333:role/"], {}, "'arn:aws:iam::111122223333:role/'", "ARNs of roles"),
        (["arn:aws:iam::111122223333:role/a*"], {}, "'arn:aws:iam::111122223333:role/a*'", "an exact ARN"),
    ],
    "project": [("", {}, "''", "not empty"), (5, {}, "5", "not empty"), ("x" * 257, {}, "'xxx", "256")],
    "team": [("", {}, "''", "not empty"), (5, {}, "5", "not empty"), ("x" * 257, {}, "'xxx", "256")],
    "tags": [
        ({}, {}, "an empty mapping", "at least one"),
        (["a"], {}, "['a']", "a mapping"),
        ({"": "a"}, {}, "''", "1 to 128"),
        ({5: "a"}, {}, "5", "1 to 128"),
        ({"k" * 129: "a"}, {}, "'kkk", "1 to 128"),
        ({TOKEN: "a"}, {}, "'${Token[AWS.StackName", "a literal key"),
        ({"aws:cost": "a"}, {}, "'aws:cost'", "does not start with aws:"),
        ({"team": "b"}, {"team": "a"}, "'team'", "a property of its own"),
        ({"Team": "b"}, {"team": "a"}, "'Team'", "a property of its own"),
        ({"Stage": "b", "stage": "c"}, {}, "'stage'", "differ in more than their case"),
        ({"secure-bedrock:revoked": "false"}, {}, "'secure-bedrock:revoked'", "this library keeps"),
        ({"Secure-Bedrock:Revoked": "false"}, {}, "'Secure-Bedrock:Revoked'", "this library keeps"),
    ],
    "matching_tags": [
        ([], {"team": "a"}, "an empty list", "at least one"),
        ("team", {"team": "a"}, "'team'", "a list"),
        (["team"], {}, "'team'", "keys of the role's own tags"),
        (["Team"], {"team": "a"}, "'Team'", "did you mean 'team'"),
        ([5], {"team": "a"}, "5", "keys of the role's own tags"),
    ],
    "suspended": [(value, {}, repr(value), "True or False") for value in (None, 0, "no")],
    "revoke_sessions_before": [
        ("", {}, "''", "ISO 8601"),
        (5, {}, "5", "ISO 8601"),
        ("yesterday", {}, "'yesterday'", "ISO 8601"),
        ("2026-01-01", {}, "'2026-01-01'", "with its zone"),
        (datetime(2026, 1, 1), {}, "'2026-01-01 00:00:00'", "with its zone"),  # noqa: DTZ001 - naive on purpose
        (datetime(2999, 1, 1, tzinfo=UTC), {}, "'2999-01-01 00:00:00+00:00'", "suspended=True"),
        ("2999-01-01T00:00:00Z", {}, "'2999-01-01T00:00:00Z'", "a time that has passed"),
        (TOKEN, {}, "'${Token[AWS.StackName", "ISO 8601"),
    ],
    "permissions_boundary": [("boundary", {}, "'boundary'", "an iam.IManagedPolicy"), (5, {}, "5", "IManagedPolicy")],
    "max_session_duration": [
        (3600, {}, "3600", "a Duration"),
        (cdk.Duration.minutes(59), {}, "'3540 seconds'", "one to twelve hours"),
        (cdk.Duration.hours(13), {}, "'46800 seconds'", "one to twelve hours"),
    ],
    "role_name": [
        *[(value, {}, repr(value), "1 to 64 characters") for value in ("", "a b", "a/b", "x" * 65, 5)],
        (TOKEN, {}, "'${Token[AWS.StackName", "a literal"),
    ],
    "path": [
        *[(value, {}, repr(value), "begins and ends with a slash") for value in ("", "//", "a", "/a", "/a b/", 5)],
        (TOKEN, {}, "'${Token[AWS.StackName", "a literal"),
    ],
}  # fmt: skip

ENDPOINT = {
    "vpc": [(None, {}, "None", "an ec2.IVpc"), (VPC, {}, f"'{VPC}'", "an ec2.IVpc")],
    "services": [
        (None, {}, "None", "a list of BedrockService"),
        ([], {}, "nothing", "at least one"),
        (BedrockService.RUNTIME, {}, "<BedrockService.RUNTIME", "a list of BedrockService"),
        (["bedrock-runtime"], {}, "'bedrock-runtime'", "BedrockService.RUNTIME"),
        ([BedrockService.RUNTIME] * 2, {}, "['RUNTIME', 'RUNTIME']", "each service once"),
    ],
    "subnets": [([], {}, "[]", "an ec2.SubnetSelection"), ("private", {}, "'private'", "an ec2.SubnetSelection")],
    "clients": [
        ([], {}, "an empty list", "at least one"),
        ("10.0.0.0/24", {}, "'10.0.0.0/24'", "a list"),
        (["10.0.0.0/24"], {}, "10.0.0.0/24", "constructs with .connections, or subnets"),
        ([None], {}, "None", "constructs with .connections, or subnets"),
    ],
    "client_cidrs": [
        ([], {}, "an empty list", "at least one"),
        ("10.0.0.0/24", {}, "'10.0.0.0/24'", "a list"),
        ([5], {}, "5", "a CIDR range"),
        (["10.0.0.1/24"], {}, "'10.0.0.1/24'", "host bits"),
        (["0.0.0.0/0"], {}, "'0.0.0.0/0'", "not every address"),
        (["::/0"], {}, "'::/0'", "not every address"),
        (["10.0.0.0/16"], {}, "'10.0.0.0/16'", "10.0.0.0/16; name the client subnets"),
        (["10.0.0.0/15"], {}, "'10.0.0.0/15'", "10.0.0.0/16; name the client subnets"),
        (["10.0.0.0/17", "10.0.128.0/17"], {}, "'10.0.0.0/17, 10.0.128.0/17'", "10.0.0.0/16"),
        (["::/1", "8000::/1"], {}, "'::/1, 8000::/1'", "leave out part"),
    ],
    "models": [
        ([], {}, "an empty list", "at least one"),
        (LITE, {}, f"'{LITE}'", "a list"),
        (["nova"], {}, "'nova'", "a model id"),
        ([TOKEN], {}, "'${Token[AWS.StackName", "known at synth"),
    ],
    "organization_id": [(value, {}, repr(value), "o-exampleorgid") for value in ("", "*", "o-UPPERCASE1", 5)],
    "guardrail": [
        ("abcdefghijkl", {"guardrail_version": 1}, "'abcdefghijkl'", "the ARN of a guardrail"),
        (5, {"guardrail_version": 1}, "5", "the ARN of a guardrail"),
    ],
    "guardrail_version": [
        (1, {}, "1", "together with its guardrail"),
        (None, {"guardrail": GUARDRAIL}, "nothing", "a number"),
        (0, {"guardrail": GUARDRAIL}, "0", "a number from 1 to"),
    ],
    "private_dns_enabled": [(value, {}, repr(value), "True or False") for value in (None, 1, "yes")],
}  # fmt: skip

MFA = {
    "account_id": [(value, {}, repr(value), "12 digits") for value in (None, "", "*", "1234", "22223333444x", 5)],
    "external_id": [(value, {}, repr(value), "2 to 1224 characters") for value in ("", "x", "*", "a b", "x" * 1225, 5)],
    "max_age": [
        (3600, {}, "3600", "a Duration"),
        (cdk.Duration.seconds(0), {}, "'0 seconds'", "1 second to 12 hours"),
        (cdk.Duration.millis(500), {}, "'0 seconds'", "1 second to 12 hours"),
        (cdk.Duration.hours(13), {}, "'46800 seconds'", "1 second to 12 hours"),
    ],
    "organization_id": [(value, {}, repr(value), "o-exampleorgid") for value in ("", "*", "r-root", 5)],
}


@dataclass(frozen=True)
class Refusal:
    """A property given wrong, and what its error must hold."""

    name: str
    value: object
    beside: dict[str, object]
    shown: str
    choice: str

    def require(self, error: pytest.ExceptionInfo[InvalidInput]) -> None:
        message = str(error.value)
        assert message.startswith(f"{self.name}: got ")
        assert self.shown[:120] in message
        assert self.choice in message


def rows(table):
    return [
        pytest.param(Refusal(name, *row), id=f"{name}-{number}")
        for name, given in table.items()
        for number, row in enumerate(given)
    ]


@pytest.mark.parametrize("wrong", rows(ROLE))
def test_a_wrong_property_of_a_role(place, here, wrong):
    given = {"assumed_by": here, "models": [LITE], "network": Network.ANYWHERE, **wrong.beside}
    with pytest.raises(InvalidInput) as error:
        ScopedInvokeRole(place.stack(), "App", **{**given, wrong.name: wrong.value})
    wrong.require(error)


@pytest.mark.parametrize("wrong", rows(ENDPOINT))
def test_a_wrong_property_of_an_endpoint(place, wrong):
    stack = place.stack()
    with pytest.raises(InvalidInput) as error:
        PrivateBedrockEndpoint(stack, "Bedrock", **{"vpc": place.vpc(stack), **wrong.beside, wrong.name: wrong.value})
    wrong.require(error)


@pytest.mark.parametrize("wrong", rows(MFA))
def test_a_wrong_property_of_an_mfa_principal(wrong):
    with pytest.raises(InvalidInput) as error:
        MfaAccountPrincipal(**{"account_id": "222233334444", **wrong.beside, wrong.name: wrong.value})
    wrong.require(error)


@pytest.mark.parametrize(
    ("construct", "table", "without"),
    [
        (ScopedInvokeRole, ROLE, {"scope", "id", "description"}),
        (PrivateBedrockEndpoint, ENDPOINT, {"scope", "id"}),
        (MfaAccountPrincipal, MFA, set()),
    ],
)  # fmt: skip
def test_every_property_has_its_refusals(construct, table, without):
    """A description may be any text; CDK refuses what is longer than IAM takes."""
    properties = set(inspect.signature(construct.__init__).parameters) - {"self"}
    assert set(table) == properties - without


#: Kept apart from the table: what goes wrong is named by another property, or by two together.
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"actions": InvokeActions.BATCH}, "may_use_roles: InvokeActions.BATCH needs the service role"),
        ({"actions": InvokeActions.RETRIEVE}, "actions: bedrock:Retrieve has nothing to stand on"),
        ({"actions": InvokeActions.RETRIEVE | InvokeActions.AGENT, "resources": [TOKEN]},
         "resources: an unresolved ARN does not tell a knowledge base from an agent alias"),
        ({"guardrail": GUARDRAIL, "guardrail_version": GuardrailVersion.ANY_NUMBERED,
          "guardrail_exempt_models": [LITE]}, "guardrail: got"),
        ({"revoke_sessions_before": datetime.now(UTC) + timedelta(hours=1)}, "revoke_sessions_before: got"),
    ],
)  # fmt: skip
def test_properties_that_contradict_each_other(place, here, given, message):
    with pytest.raises(InvalidInput) as error:
        ScopedInvokeRole(
            place.stack(), "App", **{"assumed_by": here, "models": [LITE], "network": Network.ANYWHERE, **given}
        )
    assert str(error.value).startswith(message)


def test_private_ranges_need_an_endpoint_by_the_end(place, here):
    ScopedInvokeRole(place.stack(), "App", assumed_by=here, models=[LITE], vpc_source_ips=["10.0.0.0/8"])
    with pytest.raises(RuntimeError, match="no network path: name endpoints"):
        place.synth()


@pytest.mark.parametrize("region", ["cn-north-1", "banana"])
def test_a_region_without_bedrock_is_refused(make_place, here, region):
    place = make_place(region=region)
    with pytest.raises(InvalidInput, match=f"^region: got '{region}'; allowed is"):
        ScopedInvokeRole(place.stack(), "App", assumed_by=here, models=[LITE], network=Network.ANYWHERE)


def test_a_client_outside_every_vpc_is_named_by_its_path(place):
    stack = place.stack("Net")
    function = cdk.aws_lambda.Function(
        stack, "Outside", runtime=cdk.aws_lambda.Runtime.PYTHON_3_14, handler="index.handler",
        code=cdk.aws_lambda.Code.from_inline("x"),
    )  # fmt: skip
    with pytest.raises(InvalidInput, match=r"^clients: got 'Net/Outside'; allowed is constructs with .connections"):
        PrivateBedrockEndpoint(stack, "Bedrock", vpc=place.vpc(stack), clients=[function])


def test_an_imported_subnet_without_a_range_is_named_with_what_to_do(place):
    stack = place.stack("Net")
    subnet = ec2.Subnet.from_subnet_id(stack, "Imported", "subnet-0123456789abcdef0")
    with pytest.raises(InvalidInput, match=r"^clients: got 'Net/Imported'; .*ipv4_cidr_block"):
        PrivateBedrockEndpoint(stack, "Bedrock", vpc=place.vpc(stack), clients=[subnet])


def test_a_group_cannot_be_trusted(place):
    stack = place.stack()
    group = iam.Group(stack, "G")
    with pytest.raises(InvalidInput, match=r"^assumed_by: got .*Group"):
        ScopedInvokeRole(stack, "App", assumed_by=group, models=[LITE], network=Network.ANYWHERE)
