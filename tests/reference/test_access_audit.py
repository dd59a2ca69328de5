"""The access audit stands beside the audit, behind a switch."""

from __future__ import annotations

import json

import pytest

from reference.configuration import AuditConfiguration, Configuration
from reference.sections.access_audit import AccessAuditConfiguration
from secure_bedrock import InvalidInput

STACK, AUDIT = "secure-bedrock-access-audit", "secure-bedrock-audit"


@pytest.fixture(scope="module")
def made(synthesized):
    return synthesized(Configuration(audit=AuditConfiguration(), access_audit=AccessAuditConfiguration()))


def test_it_is_not_there_unless_asked_for(default):
    assert STACK not in default.templates
    assert default.deployment.access_audit is None


def test_it_uses_the_audits_stores_and_the_audit_does_not_know_it(made):
    assert len(made.of_type(STACK, "AWS::AccessAnalyzer::Analyzer")) == 2
    (function,) = made.of_type(STACK, "AWS::Lambda::Function")
    assert "Fn::ImportValue" in json.dumps(function["Environment"]["Variables"]["BUCKET"])
    assert f"{STACK}:" not in json.dumps(made.templates[AUDIT])


def test_it_needs_an_audit():
    with pytest.raises(InvalidInput, match=r"^secure-bedrock.audit: got None; allowed is an audit together with"):
        Configuration(access_audit=AccessAuditConfiguration())


def test_it_is_read_from_the_context():
    given = {"audit": {}, "access_audit": {"unused_access": False}}
    assert Configuration.parse(given).access_audit == AccessAuditConfiguration(unused_access=False)


def test_a_wrong_entry_is_named_by_its_context_key(synthesized):
    declared = AccessAuditConfiguration(unused_access_age=0)
    with pytest.raises(InvalidInput, match=r"^secure-bedrock.access_audit.unused_access_age: got 0"):
        synthesized(Configuration(audit=AuditConfiguration(), access_audit=declared))
