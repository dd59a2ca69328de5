"""The reference deployment's templates, proved; and each weakened in one way, refuted by a request that shows it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from reference.configuration import Configuration
from secure_bedrock.policy import Call, Policy, Principal, diff, evaluate, prove
from secure_bedrock.policy import bedrock_invariants as catalogue
from secure_bedrock.policy.estate import Estate
from secure_bedrock.policy.verdicts import Proved, Refuted
from secure_bedrock.review import load
from tests.reference.conftest import Synthesized
from tests.review.conftest import ACCOUNT, RAILS, REGIONS
from tests.review.weakening import (
    INVOKE,
    OPEN,
    allows,
    another_role,
    detached,
    endpoint_policy,
    trusts,
    weakened,
    without,
)

ROLE = "secure-bedrock-access/Application/Role"
PROFILE = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:inference-profile/eu.amazon.nova-lite-v1:0"
MODELS = (PROFILE, "arn:aws:bedrock:*::foundation-model/amazon.nova-lite-v1:0")


@pytest.fixture(scope="session")
def assembly() -> Path:
    return Path(Synthesized(Configuration(account=ACCOUNT, organization=RAILS)).assembly.directory)


def read(path: Path) -> Estate:
    (reading,) = load(path).readings
    assert reading.problems == ()
    return reading.estate


@pytest.fixture(scope="session")
def sound(assembly: Path) -> Estate:
    return read(assembly)


def guardrail_of(estate: Estate) -> str:
    (found,) = {
        value
        for policy in estate.principals[ROLE].identity
        for statement in policy.statements
        if statement.sid == "WithoutGuardrail"
        for condition in statement.conditions
        if condition.key == "bedrock:GuardrailIdentifier"
        for value in condition.values
    }
    return found


def asked(estate: Estate) -> dict:
    """The invariants by the names that the variants below use, in the words of the sound deployment."""
    (endpoint,) = estate.endpoints
    guardrail = guardrail_of(estate)
    call = Call(
        principal=ROLE, operation="Converse", model="eu.amazon.nova-lite-v1:0", region="eu-west-1", endpoint=endpoint,
        guardrail=guardrail,
    )  # fmt: skip
    return {
        "endpoint": catalogue.only_these_through(endpoint, ROLE),
        "models": catalogue.only_on_models(ROLE, MODELS),
        "regions": catalogue.only_in_regions(ROLE, REGIONS),
        "network": catalogue.only_through_endpoints(ROLE, [endpoint]),
        "guardrail": catalogue.only_with_guardrail(ROLE, [guardrail]),
        "keys": catalogue.nobody_uses_api_keys(),
        "retention": catalogue.nobody_keeps_data(),
        "global": catalogue.nobody_invokes("arn:*:bedrock:*:*:inference-profile/global.*"),
        "outside": catalogue.nobody_outside([ACCOUNT]),
        "within": catalogue.stays_within(ROLE),
        "works": catalogue.calls_work(call),
    }


def asked_of_the_named() -> dict:
    """What holds for every role of the deployment; an administrator nobody has named can do more."""
    return {
        "invokers": catalogue.only_these_may_invoke(ROLE),
        "others": catalogue.nobody_uses("bedrock-mantle:*", "bedrock-websearch:*"),
        "batch": catalogue.nobody_uses("bedrock:CreateModelInvocationJob"),
        "guardrails": catalogue.guardrails_stay(),
        "audit": catalogue.audit_stays_on(),
        "key creation": catalogue.nobody_creates_api_keys(),
    }


NAMES = (
    "endpoint", "models", "regions", "network", "guardrail", "keys", "retention", "global", "outside", "within",
    "works",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_deployment_is_proved(sound, name):
    verdict = prove(sound, asked(sound)[name])
    assert isinstance(verdict, Proved), str(verdict)


@pytest.mark.parametrize("name", asked_of_the_named())
def test_it_holds_for_every_role_of_the_deployment(sound, name):
    verdict = prove(sound, asked_of_the_named()[name])
    assert verdict.holds_for_named is True, str(verdict)


#: What is changed, the invariant that breaks, and what the request that shows it must say.
WEAKENED = {
    "endpoint policy opened": ([endpoint_policy(OPEN)], "endpoint", "through vpce-"),
    "endpoint policy removed": ([endpoint_policy(None)], "endpoint", "through vpce-"),
    "calls from any network": ([without("OffNetwork")], "network", PROFILE),
    "no guardrail": ([without("WithoutGuardrail")], "guardrail", "foundation-model/amazon.nova-lite-v1:0"),
    "any model": (
        [without("OtherModels"), allows(Action=INVOKE), endpoint_policy(OPEN)], "models", "bedrock:InvokeModel",
    ),
    "API key statement removed": ([without("ApiKeys")], "keys", "CallWithBearerToken"),
    "rules detached": ([detached], "keys", "CallWithBearerToken"),
    "rules detached, data kept": ([detached], "retention", "PutAccountDataRetention"),
    "data retention": ([without("DataRetention")], "retention", "PutAccountDataRetention"),
    "global profiles": ([detached], "global", "inference-profile/global."),
    "trusts another account": ([trusts({"AWS": "arn:aws:iam::444455556666:root"})], "outside", "sts:AssumeRole"),
    "trusts anybody": ([trusts("*")], "outside", "sts:AssumeRole"),
    "becomes a role": (
        [without("OtherRoles"), allows(Action="sts:AssumeRole"), trusts({"AWS": f"arn:aws:iam::{ACCOUNT}:root"})],
        "within", "sts:AssumeRole",
    ),
    "passes roles": ([without("OtherRoles"), allows(Action="iam:PassRole")], "within", "iam:PassRole"),
    "another role, all but": ([another_role(NotAction="s3:*")], "invokers", "role/intruder"),
    "another role, one action": ([another_role(Action="bedrock:InvokeModel")], "invokers", "role/intruder"),
    "another role, mantle": ([another_role(Action="bedrock-mantle:*")], "others", "role/intruder"),
    "another role, batch": ([another_role(Action="bedrock:Create*")], "batch", "role/intruder"),
    "another role, guardrails": ([another_role(Action="bedrock:*Guardrail")], "guardrails", "role/intruder"),
    "suspended": ([without("Invoke1")], "works", "Converse"),
}  # fmt: skip


@pytest.mark.parametrize("variant", WEAKENED)
def test_a_weakened_deployment_is_refuted_by_a_request_that_shows_it(sound, assembly, tmp_path, variant):
    changes, name, shown = WEAKENED[variant]
    estate = read(weakened(assembly, tmp_path, changes))
    verdict = prove(estate, (asked(sound) | asked_of_the_named())[name])
    assert isinstance(verdict, Refuted), str(verdict)
    assert shown in str(verdict.witness)
    assert verdict.witness.decision.allowed is (name != "works")
    if name in asked_of_the_named():
        assert verdict.holds_for_named is False


@pytest.mark.parametrize("changes", [[without("OtherModels")], [allows(Action=INVOKE)], [endpoint_policy(OPEN)]])
def test_a_layer_less_leaves_the_models_to_the_other_layers(sound, assembly, tmp_path, changes):
    assert isinstance(prove(read(weakened(assembly, tmp_path, changes)), asked(sound)["models"]), Proved)


UNNAMED = tuple(f"arn:aws:iam::{ACCOUNT}:{name}" for name in ("root", "role/* (not in", "user/* (not in"))
INVOKES = "bedrock:InvokeModel, bedrock:InvokeModelWithResponseStream"
KEYS = "bedrock-mantle:CallWithBearerToken, bedrock:CallWithBearerToken"
#: What a change lets whom do, in one sentence or two.
GAINED = {
    "endpoint policy removed": [(UNNAMED, "where aws:SourceVpce is vpce-")],
    "no guardrail": [
        (["role/secure-bedrock/"], f"{INVOKES} on foundation-model/amazon.nova-lite-v1:0, where bedrock:Guardrail"),
    ],
    "calls from any network": [
        (["role/secure-bedrock/"], f"bedrock:ApplyGuardrail, {INVOKES} on guardrail/"),
    ],
    "API key statement removed": [(UNNAMED, KEYS)],
    "another role, one action": [(["role/intruder"], "bedrock:InvokeModel")],
    "another role, mantle": [(["role/intruder"], "bedrock-mantle:* but bedrock-mantle:CallWithBearerToken")],
    "rules detached": [(UNNAMED, "where aws:RequestedRegion is not eu-west-1")],
}  # fmt: skip


@pytest.mark.parametrize("variant", GAINED)
def test_what_a_change_lets_somebody_do_is_said_in_a_few_words(sound, assembly, tmp_path, variant):
    after = read(weakened(assembly, tmp_path, WEAKENED[variant][0]))
    started = time.process_time()
    found = diff(sound, after)
    assert time.process_time() - started < 10
    assert not found.nothing_new
    assert not found.lost
    assert not found.unsettled
    assert len(found.gained) <= 8
    assert all(len(str(each)) < 900 for each in found.gained)
    everybody = " ".join(each.principal for each in found.gained)
    for principals, words in GAINED[variant]:
        assert all(each in everybody for each in principals), everybody
        assert any(words in each.description for each in found.gained), [*map(str, found.gained)]
    for each in found.gained:
        witness = each.witness
        assert witness is not None
        assert evaluate(witness.estate, witness.request).allowed
    back = diff(after, sound)
    assert back.nothing_new
    assert [*map(str, back.lost)] == [*map(str, found.gained)]


def test_nothing_changed_is_nothing_new(sound):
    found = diff(sound, sound)
    assert found.nothing_new
    assert (found.gained, found.lost, found.is_cut) == ((), (), False)


TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::444455556666:root"}}
WITH_MFA = {**TRUST, "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}


@pytest.mark.parametrize(("statement", "kind"), [(WITH_MFA, Proved), (TRUST, Refuted)])
def test_mfa_across_accounts(statement, kind):
    arn = f"arn:aws:iam::{ACCOUNT}:role/app"
    trust = Policy.from_plain({"Version": "2012-10-17", "Statement": [statement]}, name="trust")
    estate = Estate(principals={"app": Principal(arn=arn, identity=(), trust=trust)})
    verdict = prove(estate, catalogue.nobody_across_accounts_without_mfa([arn]))
    assert isinstance(verdict, kind), str(verdict)
    if isinstance(verdict, Refuted):
        assert evaluate(verdict.witness.estate, verdict.witness.request).allowed
