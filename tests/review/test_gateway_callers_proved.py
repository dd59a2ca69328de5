"""Who may call the gateway: proved from the policy of its API in the template, refuted once that is weakened."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from reference.configuration import Configuration
from secure_bedrock.policy import Policy, Principal, Request, evaluate, prove
from secure_bedrock.policy.estate import Account, Estate
from secure_bedrock.policy.invariants import Never, Scope
from secure_bedrock.policy.verdicts import Proved, Refuted
from secure_bedrock.review import load
from tests.reference.conftest import Synthesized
from tests.reference.test_gateway import ROLE, declared
from tests.review.constructs import ACCOUNT, ANYBODY, CONFIGURATIONS, REVOKED, condition, never

API = "AWS::ApiGateway::RestApi"
CALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "execute-api:*", "Resource": "*"}]}
RANGE = "198.51.100.0/24"


@dataclass(frozen=True)
class Gateway:
    """What API Gateway decides by: the policy, and the ARNs of the one call there is and of everything else."""

    policy: dict[str, Any]
    call: str
    other: str

    def estate(self, change: Callable[[dict[str, Any]], None] | None = None, **role: Any) -> Estate:
        policy = json.loads(json.dumps(self.policy))
        if change:
            change(policy)
            assert policy != self.policy
        read = Policy.from_plain(policy, name="api")
        partner = Principal(arn=ROLE, identity=(Policy.from_plain(CALL, name="calls"),), **role)
        return Estate(
            principals={"partner": partner}, accounts={ACCOUNT: Account(), ROLE.split(":")[4]: Account()},
            resource_policies={self.call: read, self.other: read},
        )  # fmt: skip


def gateway_of(configuration: Configuration) -> Gateway:
    """Return the API of a deployment; `execute-api:/` is API Gateway's short form of the API's own ARN."""
    loaded = load(Path(Synthesized(configuration).assembly.directory))
    (reading,) = loaded.readings
    ((template, name),) = [(each, name) for each in loaded.templates for name, _ in each.of_type(API)]
    api = reading.resolver.physical_id(template.name, name)
    arn = f"arn:aws:execute-api:eu-west-1:{ACCOUNT}:{api}"
    policy = json.loads(json.dumps(reading.resolver.properties(template.name, name)["Policy"]))
    return Gateway(
        policy=json.loads(json.dumps(policy).replace('"execute-api:/', f'"{arn}/')),
        call=f"{arn}/v1/POST/model/eu.amazon.nova-lite-v1:0/invoke", other=f"{arn}/v1/GET/model",
    )  # fmt: skip


@pytest.fixture(scope="session")
def gateways() -> dict[str, Gateway]:
    open_ = CONFIGURATIONS["gateway"]
    return {
        "sound": gateway_of(open_),
        "ranges": gateway_of(replace(open_, gateway=declared(source_ips=(RANGE,)))),
        "suspended": gateway_of(replace(open_, gateway=declared(suspended=True))),
    }


def invoke(name: str, *conditions, of: str, scope: Scope = ANYBODY) -> Never:
    return never(name, *conditions, actions=("execute-api:*",), resources=(of,), scope=scope)


EVERYBODY = replace(ANYBODY, principals=("partner",))


def asked(gateway: Gateway) -> dict[str, Never]:
    return {
        "callers": invoke(
            "nobody but the declared caller", condition("StringNotEquals", "aws:PrincipalArn", ROLE),
            of=gateway.call, scope=EVERYBODY,
        ),
        "unsigned": invoke("nobody unsigned", condition("Null", "aws:PrincipalArn", "true"), of=gateway.call),
        "method": invoke("no other method from another account", of=gateway.other, scope=EVERYBODY),
        "tls": invoke(
            "nothing in plain text", condition("Bool", "aws:SecureTransport", "false"), of=gateway.call,
            scope=EVERYBODY,
        ),
        "ranges": invoke(
            "nothing from elsewhere", condition("NotIpAddress", "aws:SourceIp", RANGE), of=gateway.call,
            scope=EVERYBODY,
        ),
        "anybody": invoke("nobody at all", of=gateway.call, scope=EVERYBODY),
    }  # fmt: skip


PROVED = [
    *(("sound", name) for name in ("callers", "unsigned", "method", "tls")),
    *(("ranges", name) for name in ("callers", "unsigned", "method", "tls", "ranges")),
    ("suspended", "anybody"),
]  # fmt: skip


@pytest.mark.parametrize(("which", "name"), PROVED)
def test_it_is_proved(gateways, which, name):
    gateway = gateways[which]
    verdict = prove(gateway.estate(), asked(gateway)[name])
    assert isinstance(verdict, Proved), str(verdict)
    assert not verdict.vacuous


def test_the_declared_caller_gets_in(gateways):
    gateway = gateways["sound"]
    request = Request(
        principal="partner", action="execute-api:Invoke", resource=gateway.call,
        context={"aws:SecureTransport": "true"},
    )  # fmt: skip
    assert evaluate(gateway.estate(), request).allowed
    assert isinstance(prove(gateway.estate(), asked(gateway)["anybody"]), Refuted)


def test_the_tag_stops_a_caller(gateways):
    gateway, tags = gateways["sound"], ((REVOKED, "2026-11-01"),)
    assert isinstance(prove(gateway.estate(tags=tags), asked(gateway)["anybody"]), Proved)
    verdict = prove(gateway.estate(_without("RevokedByTag"), tags=tags), asked(gateway)["anybody"])
    assert isinstance(verdict, Refuted), str(verdict)


def _without(*sids: str) -> Callable[[dict[str, Any]], None]:
    def change(policy: dict[str, Any]) -> None:
        assert set(sids) <= {each["Sid"] for each in policy["Statement"]}
        policy["Statement"] = [each for each in policy["Statement"] if each["Sid"] not in sids]

    return change


def _with(sid: str, **elements: object) -> Callable[[dict[str, Any]], None]:
    def change(policy: dict[str, Any]) -> None:
        (statement,) = [each for each in policy["Statement"] if each["Sid"] == sid]
        statement |= elements

    return change


def _open(policy: dict[str, Any]) -> None:
    _without("OtherCallers")(policy)
    _with("Callers", Principal="*")(policy)


def _by_pattern(policy: dict[str, Any]) -> None:
    _with("OtherCallers", Condition={"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}})(policy)


#: What is changed in which API, the question that breaks, and what the request that shows it must say.
WEAKENED = {
    "other callers are not denied": ("sound", _without("OtherCallers"), "callers", f"{ACCOUNT}:root"),
    "callers by pattern": ("sound", _by_pattern, "callers", f"{ACCOUNT}:role/"),
    "callers if there is a name": (
        "sound", _with("OtherCallers", Condition={"ArnNotEqualsIfExists": {"aws:PrincipalArn": "arn:aws:iam::*:*/*"}}),
        "callers", "execute-api:Invoke",
    ),
    "open to everybody": ("sound", _open, "unsigned", "execute-api:Invoke"),
    "any method": ("sound", _with("Callers", Resource="*"), "method", "/GET/model"),
    "plain text": ("sound", _without("WithoutTls"), "tls", "aws:SecureTransport=false"),
    "any address": ("ranges", _without("OffNetwork"), "ranges", "execute-api:Invoke"),
    "not suspended": ("suspended", _without("Suspended"), "anybody", ROLE),
}  # fmt: skip


def test_another_account_needs_the_allow_that_names_its_role(gateways):
    """So that a pattern in the Deny opens nothing there; in the API's own account a role's own policy is enough."""
    change = _with("OtherCallers", Condition={"ArnNotLike": {"aws:PrincipalArn": f"{ROLE}*"}})
    gateway = gateways["sound"]
    assert isinstance(prove(gateway.estate(change), asked(gateway)["callers"]), Proved)


@pytest.mark.parametrize("variant", WEAKENED)
def test_a_weakened_policy_is_refuted_by_a_request_that_shows_it(gateways, variant):
    which, change, name, shown = WEAKENED[variant]
    gateway = gateways[which]
    verdict = prove(gateway.estate(change), asked(gateway)[name])
    assert isinstance(verdict, Refuted), str(verdict)
    assert shown in str(verdict.witness)
    assert evaluate(verdict.witness.estate, verdict.witness.request).allowed
