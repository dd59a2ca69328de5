"""Gateway, project, workloads outside AWS, on premises: proved from their templates, refuted once weakened."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from secure_bedrock.policy import prove
from secure_bedrock.policy.estate import Estate
from secure_bedrock.policy.invariants import Never, Scope
from secure_bedrock.policy.verdicts import Proved, Refuted
from tests.reference.conftest import Synthesized
from tests.review.conftest import ACCOUNT
from tests.review.constructs import (
    ASKED,
    CONFIGURATIONS,
    GATEWAY,
    GITHUB,
    JOBS_ROLE,
    OF_THE_NAMED,
    PROJECT,
    QUESTIONS,
    REVOKED,
    SERVER_ROLE,
    SYSTEM,
    UNUSED,
    never,
    read,
)
from tests.review.weakening import (
    INVOKE,
    OPEN,
    documents,
    endpoint_policy,
    grants,
    trusts,
    unconditioned,
    weakened,
    without,
)


@pytest.fixture(scope="session")
def assemblies() -> dict[str, Path]:
    return {name: Path(Synthesized(each).assembly.directory) for name, each in CONFIGURATIONS.items()}


@pytest.fixture(scope="session")
def sound(assemblies) -> dict[str, Estate]:
    return {name: read(path) for name, path in assemblies.items()}


def test_no_question_is_forgotten(sound):
    assert {stack: {*of(sound[stack])} for stack, of in ASKED.items()} == {
        stack: {*names} for stack, names in QUESTIONS.items()
    }


@pytest.mark.parametrize(("stack", "name"), [(stack, name) for stack, names in QUESTIONS.items() for name in names])
def test_it_is_proved(sound, stack, name):
    verdict = prove(sound[stack], ASKED[stack](sound[stack])[name])
    if name in OF_THE_NAMED:
        assert verdict.holds_for_named is True, str(verdict)
        return
    assert isinstance(verdict, Proved), str(verdict)
    assert bool(verdict.vacuous) is (name.removeprefix("server ").removeprefix("jobs ") in UNUSED)


ROLES = [("external", SERVER_ROLE), ("external", JOBS_ROLE), ("gateway", GATEWAY), ("project", PROJECT)]


def revoked(estate: Estate, role: str) -> Estate:
    """The same once the role itself has the tag that stops it."""
    holder = estate.principals[role]
    tagged = replace(holder, tags=(*holder.tags, (REVOKED, "2026-11-01")))
    return replace(estate, principals={**estate.principals, role: tagged})


def any_call(role: str) -> Never:
    return never("no call of Bedrock", actions=("bedrock:*", "bedrock-mantle:*"), scope=Scope(principals=(role,)))


@pytest.mark.parametrize(("stack", "role"), ROLES)
def test_the_tag_stops_a_role_altogether(sound, stack, role):
    assert isinstance(prove(sound[stack], any_call(role)), Refuted)
    assert isinstance(prove(revoked(sound[stack], role), any_call(role)), Proved)


@pytest.mark.parametrize(("stack", "role"), ROLES)
def test_without_its_statement_the_tag_stops_nobody(assemblies, tmp_path, stack, role):
    estate = read(weakened(assemblies[stack], tmp_path, [without("RevokedByTag", stack=stack)]))
    verdict = prove(revoked(estate, role), any_call(role))
    assert isinstance(verdict, Refuted)
    assert verdict.witness.decision.allowed


ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
OTHER = {"AWS": "arn:aws:iam::444455556666:root"}
ANOTHER_PROFILE = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:application-inference-profile/anotherproject"


def counters_of_anybody(templates) -> None:
    (policy,) = documents({"gateway": templates["gateway"]}, of="GatewayRoleDefaultPolicy")
    for statement in policy["Statement"]:
        if statement["Action"] == "dynamodb:UpdateItem":
            statement["Resource"] = "*"


#: What is changed, the question that breaks, and what the request that shows it must say.
WEAKENED = {
    "external": {
        "any certificate": (
            [unconditioned("aws:PrincipalTag/x509Subject/CN", stack="external")], "server certificate", "sts:AssumeRole"
        ),
        "any trust anchor": ([unconditioned("aws:SourceArn", stack="external")], "server anchor", "rolesanywhere"),
        "any session tags": ([without("SessionTags")], "server tags", "sts:TagSession"),
        "any address": (
            [without("OffPrivateNetwork", "OffPrivateNetworkDirect")], "server addresses", "inference-profile/eu."
        ),
        "any network": ([without("OffNetwork", stack="external")], "server network", SYSTEM),
        "no guardrail": ([without("WithoutGuardrail", stack="external")], "jobs guardrail", "foundation-model/amazon"),
        "any model": (
            [without("OtherModels", stack="external"), grants("external", "JobsRoleAllow", Action=INVOKE)],
            "jobs models", "bedrock:InvokeModel",
        ),
        "agents": (
            [without("OtherActions", "NoResource", stack="external"),
             grants("external", "JobsRoleAllow", Action="bedrock:CreateModelInvocationJob")],
            "jobs other actions", "CreateModelInvocationJob",
        ),
        "any subject": ([unconditioned(f"{GITHUB}:sub", stack="external")], "jobs subject", "WithWebIdentity"),
        "any audience": ([unconditioned(f"{GITHUB}:aud", stack="external")], "jobs audience", "WithWebIdentity"),
        "any repository": (
            [unconditioned(f"{GITHUB}:repository_id", stack="external")], "jobs repository", "WithWebIdentity",
        ),
        "any owner": (
            [unconditioned(f"{GITHUB}:repository_owner_id", stack="external")], "jobs owner", "WithWebIdentity",
        ),
        "the account's own": ([trusts(ROOT, stack="external", role="JobsRole")], "jobs users", "sts:AssumeRole"),
        "another account": ([trusts(OTHER, stack="external", role="ServerRole")], "server users", "444455556666"),
        "passes roles": (
            [without("OtherRoles", stack="external"), grants("external", "ServerRoleAllow", Action="iam:PassRole")],
            "server within", "iam:PassRole",
        ),
        "what is tagged": (
            [without("RevokedResource", stack="external")], "jobs revoked resource", f"aws:ResourceTag/{REVOKED}=",
        ),
        "nobody may": ([without("Invoke2", stack="external")], "server works", "Converse"),
        "an open endpoint": ([endpoint_policy(OPEN)], "endpoint", "through vpce-"),
    },
    "gateway": {
        "any network": ([without("OffNetwork", stack="gateway")], "network", SYSTEM),
        "no guardrail": ([without("WithoutGuardrail", stack="gateway")], "guardrail", "foundation-model/amazon"),
        "network changes by code": ([without("InterfacesByCode")], "code", "lambda:SourceFunctionArn="),
        "another service": (
            [trusts({"Service": "ec2.amazonaws.com"}, stack="gateway", role="GatewayRole")], "function",
            "ec2.amazonaws.com",
        ),
        "another account": ([trusts(OTHER, stack="gateway", role="GatewayRole")], "users", "444455556666"),
        "any table": ([counters_of_anybody], "counters", "dynamodb:UpdateItem"),
        "reads its counters": (
            [grants("gateway", "GatewayRoleAllow", Action="dynamodb:GetItem")], "reading", "GetItem",
        ),
        "streams": (
            [without("OtherActions", stack="gateway"),
             grants("gateway", "GatewayRoleAllow", Action="bedrock:InvokeModelWithResponseStream")],
            "streams", "InvokeModelWithResponseStream",
        ),
        "becomes another": (
            [without("OtherRoles", stack="gateway"), grants("gateway", "GatewayRoleAllow", Action="iam:PassRole")],
            "within", "iam:PassRole",
        ),
        "the report writes": (
            [grants("access-audit", "AccessReportRoleDefaultPolicy", Action="iam:PutRolePolicy")],
            "report", "iam:PutRolePolicy",
        ),
        "the report of any service": (
            [trusts({"Service": "ec2.amazonaws.com"}, stack="access-audit", role="AccessReportRole")],
            "report function", "ec2.amazonaws.com",
        ),
        "the report writes over records": (
            [grants("access-audit", "AccessReportRoleDefaultPolicy", Action="s3:PutObject")], "report place",
            "s3:PutObject",
        ),
        "findings of any rule": (
            [unconditioned("aws:SourceArn", stack="access-audit")], "findings rule", "events.amazonaws.com",
        ),
        "findings to any topic": (
            [grants("access-audit", "AccessFindingsRoleDefaultPolicy", Action="sns:Publish")], "findings topic",
            "sns:Publish",
        ),
        "the key by any service": (
            [unconditioned("kms:ViaService", stack="access-audit")], "findings key", "kms:",
        ),
        "the report switches off": (
            [grants("access-audit", "AccessReportRoleDefaultPolicy", Action="cloudtrail:StopLogging")],
            "audit", "StopLogging",
        ),
        "the report invokes": (
            [grants("access-audit", "AccessReportRoleDefaultPolicy", Action=INVOKE)], "invokers", "InvokeModel",
        ),
        "an open endpoint": ([endpoint_policy(OPEN)], "endpoint", "through vpce-"),
    },
    "project": {
        "another project's profile": (
            [without("OtherModels", "OtherTags1", "OtherTags3", "OtherTags5", stack="project"),
             grants("project", "ProjectApplicationAllow", Action=INVOKE, Resource=ANOTHER_PROFILE)],
            "another project's", "anotherproject",
        ),
        "profiles of other projects": ([without("OtherTags1")], "tag project", "application-inference-profile/"),
        "profiles of other teams": ([without("OtherTags3")], "tag team", "application-inference-profile/"),
        "profiles of other cost centers": (
            [without("OtherTags5")], "tag cost-center", "application-inference-profile/",
        ),
        "the system's profile": (
            [without("OnlyThroughProfile1", stack="project"),
             grants("project", "ProjectApplicationAllow", Action=INVOKE, Resource=SYSTEM)],
            "system profile", "inference-profile/eu.",
        ),
        "any network": ([without("OffNetwork", stack="project")], "network", "application-inference-profile/"),
        "no guardrail": ([without("WithoutGuardrail", stack="project")], "guardrail", "foundation-model/amazon"),
        "any Region": (
            [without("OtherModels", stack="project"), grants("project", "ProjectApplicationAllow", Action=INVOKE)],
            "regions", "bedrock:InvokeModel",
        ),
        "nobody may": ([without("Invoke1", stack="project")], "works", "Converse"),
        "an open endpoint": ([endpoint_policy(OPEN)], "endpoint", "through vpce-"),
    },
}  # fmt: skip


@pytest.mark.parametrize(("stack", "variant"), [(stack, name) for stack, rows in WEAKENED.items() for name in rows])
def test_a_weakened_template_is_refuted_by_a_request_that_shows_it(sound, assemblies, tmp_path, stack, variant):
    changes, name, shown = WEAKENED[stack][variant]
    estate = read(weakened(assemblies[stack], tmp_path, changes))
    verdict = prove(estate, ASKED[stack](sound[stack])[name])
    assert isinstance(verdict, Refuted), str(verdict)
    assert shown in str(verdict.witness)
    assert verdict.witness.decision.allowed is ("works" not in name)
    if name in OF_THE_NAMED:
        assert verdict.holds_for_named is False
