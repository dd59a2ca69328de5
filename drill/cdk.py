"""The real CDK CLI, pointed at the emulator."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

from drill.cloud import Cloud
from drill.environment import ACCOUNT, REGION

ROOT = Path(__file__).resolve().parent.parent


def bootstrap(cloud: Cloud, room: Path) -> None:
    """Bootstrap the account; outside the app's directory there is nothing to synthesize."""
    _cdk(cloud, room, "bootstrap", f"aws://{ACCOUNT}/{REGION}", "--no-notices")


def deploy(cloud: Cloud, room: Path, app: str, *, context: dict[str, str] | None = None) -> str:
    """Deploy every stack of an app and return what the CLI said."""
    pairs = [part for name, value in (context or {}).items() for part in ("--context", f"{name}={value}")]
    return _cdk(
        cloud,
        ROOT,
        "deploy",
        "--all",
        "--app",
        app,
        "--output",
        str(room / "cdk.out"),
        "--concurrency",
        "4",
        "--require-approval",
        "never",
        "--no-notices",
        *pairs,
    )


def _cdk(cloud: Cloud, folder: Path, *arguments: str) -> str:
    executable = shutil.which("cdk")
    if executable is None:
        raise RuntimeError("the CDK CLI is not on the PATH; run this by `make demo`")
    # A session of its own: the CLI starts the app, and an interrupt must end both before the folder goes.
    with subprocess.Popen(
        [executable, *arguments],
        cwd=folder,
        env=cloud.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as running:
        try:
            said, _ = running.communicate()
        except BaseException:
            os.killpg(running.pid, signal.SIGKILL)
            raise
    if running.returncode:
        raise RuntimeError(f"cdk {arguments[0]} failed:\n{said[-4000:]}")
    return said
