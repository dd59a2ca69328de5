"""Every property of a gateway and of its callers, given wrong."""

from __future__ import annotations

import inspect

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam

from secure_bedrock import (
    BedrockGateway,
    BedrockService,
    GatewayCaller,
    GuardrailVersion,
    InvalidInput,
    Model,
    PrivateBedrockEndpoint,
)
from tests.constructs.conftest import ACCOUNT
from tests.constructs.gateway import GUARDRAIL, LITE, PARTNER, TEAM, gateway
from tests.constructs.test_refusals import Refusal, rows

NUMBERS = [(value, {}, repr(value), "a whole number of at least") for value in (0, -1, 1.5, True, "5", None)]
SWITCHES = [(value, {}, repr(value), "True or False") for value in (None, 1, "yes")]
CALLER = GatewayCaller(role=TEAM, models=[LITE])

#: property: (value, what else is given, the shown value, the valid choice)
GATEWAY = {
    "callers": [
        (None, {}, "nothing", "at least one GatewayCaller"),
        ([], {}, "an empty list", "at least one"),
        (TEAM, {}, f"'{TEAM}'", "a list"),
        ([TEAM], {}, f"'{TEAM}'", "GatewayCaller(role=..., models=[...])"),
        ([CALLER, CALLER], {}, f"'{TEAM}'", "each role once"),
        ([CALLER, GatewayCaller(role=TEAM.replace("teams/", ""), models=[LITE])], {}, "role/team'", "each role once"),
    ],
    "endpoint": [
        (None, {}, "None", "a PrivateBedrockEndpoint"),
        ("vpce-0123456789abcdef0", {}, "'vpce-", "a PrivateBedrockEndpoint"),
    ],
    "vpc": [(None, {}, "None", "an ec2.IVpc"), ("vpc-0123456789abcdef0", {}, "'vpc-", "an ec2.IVpc")],
    "subnets": [([], {}, "[]", "an ec2.SubnetSelection"), ("private", {}, "'private'", "an ec2.SubnetSelection")],
    "guardrail": [("abcdefghijkl", {}, "'abcdefghijkl'", "the ARN of a guardrail")],
    "guardrail_version": [
        (None, {}, "nothing", "a number"),
        (0, {}, "0", "a number from 1 to"),
        (GuardrailVersion.ANY_NUMBERED, {}, "'ANY_NUMBERED'", "one version: the gateway names it in every call"),
    ],
    "source_ips": [
        ([], {}, "an empty list", "at least one"),
        (["0.0.0.0/0"], {}, "'0.0.0.0/0'", "not every address"),
        (["10.0.0.0/8"], {}, "'10.0.0.0/8'", "public"),
    ],
    "requests_per_ip": [*NUMBERS, (9, {}, "9", "at least 10")],
    "requests_per_session": [*NUMBERS, (9, {}, "9", "at least 10")],
    "requests_per_second": NUMBERS,
    "max_body_bytes": [*NUMBERS, (5 * 1024 * 1024 + 1, {}, "5242881", "at most 5242880")],
    "inspected_kib": [(value, {}, repr(value), "one of 16, 32, 48, 64") for value in (0, 8, 128, True, "16", None)],
    "block_bodies": SWITCHES,
    "counted_rules": [
        ([], {}, "an empty list", "at least one"),
        ("SQLi_BODY", {}, "'SQLi_BODY'", "a list"),
        (["SQLi_URLPATH"], {}, "'SQLi_URLPATH'", "did you mean 'SQLi_URIPATH'"),
        (["sqli_body"], {}, "'sqli_body'", "rules of AWSManagedRules"),
        ([5], {}, "5", "rules of AWSManagedRules"),
        (["HostingProviderIPList"], {}, "'HostingProviderIPList'", "rules of AWSManagedRules"),
    ],
    "timeout": [
        (29, {}, "29", "a Duration of 5 to 300 seconds"),
        (cdk.Duration.seconds(4), {}, "'4", "whole seconds from 5 to 300"),
        (cdk.Duration.seconds(301), {}, "'301", "whole seconds from 5 to 300"),
        (cdk.Duration.millis(5500), {}, "'5.5", "whole seconds from 5 to 300"),
    ],
    "notify": [
        ([], {}, "an empty list", "at least one"),
        ("ops@example.com", {}, "'ops@example.com'", "a list"),
        (["ops@example.com"], {}, "'ops@example.com'", "topics"),
    ],
    "retention": [(365, {}, "365", "a logs.RetentionDays"), (None, {}, "None", "a logs.RetentionDays")],
    "set_account_logging_role": SWITCHES,
    "project": [("", {}, "''", "a text that is not empty")],
    "team": [("", {}, "''", "a text that is not empty")],
    "suspended": SWITCHES,
}

CALLERS = {
    "role": [
        (value, {}, repr(value)[:40], "role")
        for value in (
            None, 5, "", "team", "*", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:iam::{ACCOUNT}:user/alice",
            f"arn:aws:iam::{ACCOUNT}:role/", f"arn:aws:iam::{ACCOUNT}:role/team-*", f"arn:aws:iam::{ACCOUNT}:role/t?am",
            f"arn:aws:sts::{ACCOUNT}:assumed-role/team/session", "arn:aws:s3:::role/team",
            f"arn:aws:iam::{ACCOUNT}:group/team", f"arn:aws:iam::{ACCOUNT}:instance-profile/team",
        )
    ],
    "models": [
        (None, {}, "nothing", "at least one model"),
        ([], {}, "an empty list", "at least one"),
        (LITE, {}, f"'{LITE}'", "a list"),
        (["amazon.nova-ltie-v1:0"], {}, "'amazon.nova-ltie-v1:0'", "did you mean 'amazon.nova-lite-v1:0'"),
        ([Model.mantle("openai.gpt-oss-120b")], {}, "'openai.gpt-oss-120b'", "models of bedrock-runtime"),
    ],
    "requests_per_minute": [(value, {}, repr(value), "a positive whole number") for value in (0, -1, 1.5, True, "5")],
    "tokens_per_day": [(value, {}, repr(value), "a positive whole number") for value in (0, -1, 1.5, True, "5")],
}  # fmt: skip


@pytest.mark.parametrize("wrong", rows(GATEWAY))
def test_a_wrong_property_of_a_gateway(place, wrong):
    given = {"guardrail": GUARDRAIL, "guardrail_version": 1, **wrong.beside, wrong.name: wrong.value}
    with pytest.raises(InvalidInput) as error:
        gateway(place, **given)
    wrong.require(error)


@pytest.mark.parametrize("wrong", rows(CALLERS))
def test_a_wrong_property_of_a_caller(place, wrong):
    caller = GatewayCaller(**{"role": PARTNER, "models": [LITE], **wrong.beside, wrong.name: wrong.value})
    with pytest.raises(InvalidInput) as error:
        gateway(place, callers=[CALLER, caller])
    Refusal(f"callers[1].{wrong.name}", *(wrong.value, wrong.beside, wrong.shown, wrong.choice)).require(error)


@pytest.mark.parametrize(
    ("construct", "table", "without"), [(BedrockGateway, GATEWAY, {"scope", "id"}), (GatewayCaller, CALLERS, set())]
)
def test_every_property_has_its_refusals(construct, table, without):
    assert set(table) == set(inspect.signature(construct.__init__).parameters) - {"self"} - without


def test_an_endpoint_that_the_function_would_not_find(place):
    with pytest.raises(InvalidInput, match=r"^endpoint: got 'Gw/Bedrock'; .*RUNTIME with private DNS"):
        gateway(place, of_endpoint={"private_dns_enabled": False})


def test_an_endpoint_of_another_service(place):
    with pytest.raises(InvalidInput, match=r"^endpoint: got 'Gw/Bedrock'; .*RUNTIME with private DNS"):
        gateway(place, of_endpoint={"services": [BedrockService.CONTROL]})


def test_another_vpc_than_the_endpoints(place):
    stack = place.stack("Gw")
    endpoint = PrivateBedrockEndpoint(stack, "Bedrock", vpc=place.vpc(stack))
    other = place.vpc(stack, vpc_id="vpc-0fedcba9876543210")
    with pytest.raises(InvalidInput, match=rf"^vpc: got '{other.node.path}'; allowed is the VPC of Gw/Bedrock"):
        BedrockGateway(stack, "Gateway", callers=[CALLER], endpoint=endpoint, vpc=other)


def test_more_callers_than_a_policy_takes(place):
    many = [GatewayCaller(role=f"arn:aws:iam::{ACCOUNT}:role/teams/of/many/{n:040}", models=[LITE]) for n in range(60)]
    with pytest.raises(InvalidInput, match=r"^callers: the policy has \d+ characters, 8192 are allowed"):
        gateway(place, callers=many)


def test_more_callers_than_the_function_s_settings_take(place):
    quota = {"requests_per_minute": 1000, "tokens_per_day": 1_000_000}
    many = [GatewayCaller(role=f"arn:aws:iam::{ACCOUNT}:role/{n:020}", models=[LITE], **quota) for n in range(40)]
    gateway(place, callers=many)
    with pytest.raises(RuntimeError, match=r"callers: they fill \d+ of 4096 characters of the function's settings"):
        place.synth()


def test_a_role_without_arn_is_told_by_its_kind(place):
    group = iam.Group(place.stack("Groups"), "Group")
    with pytest.raises(InvalidInput, match=r"^callers\[0\]\.role: got .*Group"):
        gateway(place, callers=[GatewayCaller(role=group, models=[LITE])])
