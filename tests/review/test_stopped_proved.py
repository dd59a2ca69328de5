"""What stops every role of the reference deployment, with everything in it: proved, and refuted without it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from secure_bedrock.policy import bedrock_invariants as catalogue
from secure_bedrock.policy import prove
from secure_bedrock.policy.document import Condition
from secure_bedrock.policy.estate import Estate
from secure_bedrock.policy.invariants import Never, Scope
from secure_bedrock.policy.verdicts import Proved, Refuted
from secure_bedrock.review import load, review_estate
from tests.reference.conftest import Synthesized
from tests.reference.test_gateway import declared
from tests.reference.test_project import DECLARED
from tests.review.constructs import (
    APPLICATION,
    CONFIGURATIONS,
    GATEWAY,
    JOBS_ROLE,
    PROJECT,
    SERVER_ROLE,
    bedrock_endpoint,
    condition,
    never,
    read,
)
from tests.review.weakening import OPEN, endpoint_policy, weakened, without

REVOKED_BEFORE = "2026-11-01T00:00:00Z"
ROLES = (APPLICATION, SERVER_ROLE, JOBS_ROLE, PROJECT)
EVERYTHING = replace(CONFIGURATIONS["external"], gateway=declared(), team_project=DECLARED)
STOPPED = {
    "running": EVERYTHING,
    "suspended": replace(
        EVERYTHING, suspended=True, gateway=declared(suspended=True), team_project=replace(DECLARED, suspended=True),
    ),
    "revoked": replace(
        EVERYTHING, revoke_sessions_before=REVOKED_BEFORE,
        team_project=replace(DECLARED, revoke_sessions_before=REVOKED_BEFORE),
    ),
}  # fmt: skip


@pytest.fixture(scope="session")
def assemblies() -> dict[str, Path]:
    return {name: Path(Synthesized(each).assembly.directory) for name, each in STOPPED.items()}


@pytest.fixture(scope="session")
def estates(assemblies) -> dict[str, Estate]:
    return {name: read(path) for name, path in assemblies.items()}


def any_call(role: str, *conditions: Condition) -> Never:
    return never("no call", *conditions, actions=("bedrock:*", "bedrock-mantle:*"), scope=Scope(principals=(role,)))


def old(role: str) -> Never:
    return any_call(role, condition("DateLessThan", "aws:TokenIssueTime", REVOKED_BEFORE))


@pytest.mark.parametrize("role", [*ROLES, GATEWAY])
def test_a_suspended_role_calls_nothing(estates, role):
    assert isinstance(prove(estates["running"], any_call(role)), Refuted)
    assert isinstance(prove(estates["suspended"], any_call(role)), Proved)


@pytest.mark.parametrize("role", [*ROLES, GATEWAY])
def test_without_the_statement_it_calls(assemblies, tmp_path, role):
    """Its endpoint has let go of it too: both must be weakened where calls take the endpoint."""
    changes = [without("Suspended"), endpoint_policy(OPEN)]
    verdict = prove(read(weakened(assemblies["suspended"], tmp_path, changes)), any_call(role))
    assert isinstance(verdict, Refuted), str(verdict)
    assert verdict.witness.decision.allowed


@pytest.mark.parametrize("role", ROLES)
def test_sessions_from_before_call_nothing_and_later_ones_do(estates, role):
    assert isinstance(prove(estates["running"], old(role)), Refuted)
    assert isinstance(prove(estates["revoked"], old(role)), Proved)
    later = any_call(role, condition("DateGreaterThanEquals", "aws:TokenIssueTime", REVOKED_BEFORE))
    assert isinstance(prove(estates["revoked"], later), Refuted)


@pytest.mark.parametrize("role", ROLES)
def test_without_the_statement_sessions_from_before_call(assemblies, tmp_path, role):
    verdict = prove(read(weakened(assemblies["revoked"], tmp_path, [without("RevokedSessions")])), old(role))
    assert isinstance(verdict, Refuted), str(verdict)
    assert verdict.witness.decision.allowed


#: Asked of the deployment with everything in it; the administrators whom nobody has named are meant too.
THROUGH = {
    "invokers": lambda endpoint: catalogue.only_these_through(endpoint, APPLICATION, SERVER_ROLE, PROJECT, GATEWAY),
    "administrators": lambda endpoint: never(
        "nobody undeclared does anything through the endpoint",
        condition("StringEquals", "aws:SourceVpce", endpoint), actions=("bedrock:*",),
        scope=Scope(principals=(), unnamed=True, outside=True),
    ),
    "suspended": lambda endpoint: never(
        "nobody does anything through the endpoint", condition("StringEquals", "aws:SourceVpce", endpoint),
        actions=("bedrock:*",), scope=Scope(unnamed=True, outside=True),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", THROUGH)
def test_the_endpoint_admits_only_what_is_declared(assemblies, estates, tmp_path, name):
    which = "suspended" if name == "suspended" else "running"
    question = THROUGH[name](bedrock_endpoint(estates[which]))
    verdict = prove(estates[which], question)
    assert isinstance(verdict, Proved), str(verdict)
    opened = prove(read(weakened(assemblies[which], tmp_path, [endpoint_policy(OPEN)])), question)
    assert isinstance(opened, Refuted)
    assert opened.witness.decision.allowed


@pytest.mark.parametrize("which", ["suspended", "revoked"])
def test_the_review_finds_only_that_without_an_audit_alarms_tell_nobody(assemblies, which):
    report = review_estate(load(assemblies[which]))
    found = {(each.rule.id, each.resource.rpartition("/")[0]) for each in report.findings if not each.about_outsiders}
    assert found == {("alarm-tells-nobody", "secure-bedrock-gateway/Gateway")}
    assert report.undecided == ()
