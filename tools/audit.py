"""`python -m tools.audit`: known vulnerabilities of the locked packages, asked of OSV (Python) and the npm registry.

A finding fails, as does an audit that breaks off. Where a service does not answer at all, nothing was audited: that is
said in words, and is no failure unless `AUDIT=required` is set, as it should be wherever the services can be reached.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from tools.sbom import NPM_LOCK, PYTHON_LOCKS

ROOT = Path(__file__).resolve().parent.parent
#: Where OSV is asked; another address with the same interface may stand in for it.
OSV = os.environ.get("AUDIT_OSV_URL", "https://api.osv.dev/v1/query")
SECONDS = 10


@dataclass(frozen=True)
class Audit:
    """One command and the service that it cannot do without.

    Attributes:
        of: the locks it reads.
        service: an address that answers `question`, JSON of which nothing is known to be wrong, with status 200.
        question: the body of the request.
        command: fails on a finding.
    """

    of: str
    service: str
    question: dict[str, object]
    command: tuple[str, ...]

    def unavailable(self) -> str | None:
        """Return why the service cannot be asked, None if it can."""
        request = urllib.request.Request(  # noqa: S310 - the address is this module's or the caller's own
            self.service, data=json.dumps(self.question).encode(), headers={"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 - the same
                json.load(answer)
        except urllib.error.HTTPError as error:
            return f"it answers {error.code}"
        except (OSError, ValueError) as error:
            return str(getattr(error, "reason", error))
        return None


def audits() -> tuple[Audit, ...]:
    """Return what is to be asked."""
    locks = [argument for name in PYTHON_LOCKS for argument in ("--requirement", name)]
    python = ("pip-audit", *locks, "--require-hashes", "--disable-pip", "--vulnerability-service", "osv")
    registry = _output("npm", "config", "get", "registry").rstrip("/")
    return (
        Audit(
            of=" and ".join(PYTHON_LOCKS),
            service=OSV,
            question={"package": {"name": "secure-bedrock", "ecosystem": "PyPI"}, "version": "0"},
            command=(*python, "--osv-url", OSV, "--progress-spinner", "off"),
        ),
        Audit(
            of=NPM_LOCK,
            service=f"{registry}/-/npm/v1/security/advisories/bulk",
            question={},
            command=("npm", "audit", "--package-lock-only", "--audit-level", "low"),
        ),
    )


def _output(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def main() -> None:
    """Ask, and fail on what is found."""
    required = os.environ.get("AUDIT") == "required"
    failed = False
    for audit in audits():
        reason = audit.unavailable()
        if reason is None:
            print(f"audit of {audit.of}:", flush=True)
            failed |= subprocess.run(audit.command, cwd=ROOT, check=False).returncode != 0
        else:
            print(f"NOT AUDITED: {audit.of}; the vulnerability service cannot be asked: {reason}")
            failed |= required
    sys.exit(failed)


if __name__ == "__main__":
    main()
