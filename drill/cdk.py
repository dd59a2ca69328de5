"""The real CDK CLI, pointed at the emulator."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from drill.environment import ACCOUNT, REGION, require_pinned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from drill.cloud import Cloud


class CdkError(RuntimeError):
    """The CLI failed; the message is the end of what it said."""


ROOT = Path(__file__).resolve().parent.parent
#: A stack that is done: ` ✅  secure-bedrock-network`, with how long it took where something was deployed.
_DONE = re.compile(r"^\s*✅\s+(?P<what>.+?)\s*$")


def bootstrap(cloud: Cloud, room: Path) -> None:
    """Bootstrap the account; outside the app's directory there is nothing to synthesize."""
    _cdk(cloud, room, "bootstrap", f"aws://{ACCOUNT}/{REGION}")


def synthesize(cloud: Cloud, room: Path, app: str, context: Mapping[str, str]) -> str:
    """Synthesize an app into a folder of the room, and return it; the commands take it in the place of an app."""
    _cdk(cloud, ROOT, "synth", "--quiet", "--no-lookups", *_of_app(room, app, context))
    return str(room / "cdk.out")


def deploy(  # noqa: PLR0913 - the CLI's options
    cloud: Cloud,
    room: Path,
    app: str,
    *,
    stacks: Sequence[str] = (),
    context: Mapping[str, str] | None = None,
    report: Callable[[str], None] | None = None,
) -> str:
    """Deploy an app and return what the CLI said.

    Args:
        cloud: where to.
        room: the folder for the assembly.
        app: the command that synthesizes it, or the folder of an assembly.
        stacks: these alone. Default: all.
        context: further context.
        report: told of each stack that is done.

    Raises:
        CdkError: with the end of what the CLI said.
    """
    return _cdk(
        cloud,
        ROOT,
        "deploy",
        *(("--exclusively", *stacks) if stacks else ("--all",)),
        *_of_app(room, app, context),
        "--concurrency",
        "4",
        "--require-approval",
        "never",
        report=report,
    )


def is_unchanged(cloud: Cloud, room: Path, app: str) -> bool:
    """Ask the CLI whether every stack is deployed as the app has it."""
    try:
        _cdk(cloud, ROOT, "diff", "--fail", *_of_app(room, app, None))
    except CdkError:
        return False
    return True


def destroy(cloud: Cloud, room: Path, app: str, *, report: Callable[[str], None] | None = None) -> str:
    """Destroy every stack of an app and return what the CLI said."""
    return _cdk(cloud, ROOT, "destroy", "--all", "--force", *_of_app(room, app, None), report=report)


def _of_app(room: Path, app: str, context: Mapping[str, str] | None) -> list[str]:
    pairs = [part for name, value in (context or {}).items() for part in ("--context", f"{name}={value}")]
    output = str(room / "cdk.out")
    return ["--app", app, *(() if app == output else ("--output", output)), *pairs]


def _cdk(cloud: Cloud, folder: Path, *arguments: str, report: Callable[[str], None] | None = None) -> str:
    require_pinned(cloud.environment)
    executable = shutil.which("cdk")
    if executable is None:
        raise RuntimeError("the CDK CLI is not on the PATH; run this by `make demo`")
    said: list[str] = []
    # A session of its own: the CLI starts the app, and an interrupt must end both before the folder goes.
    with subprocess.Popen(
        [executable, *arguments, "--no-notices"],
        cwd=folder,
        env=cloud.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as running:
        try:
            for line in running.stdout or ():
                said.append(line)
                done = _DONE.match(line)
                if done and report:
                    report(f"  {done['what']}")
        except BaseException:
            os.killpg(running.pid, signal.SIGKILL)
            raise
    if running.returncode:
        raise CdkError(f"cdk {arguments[0]} failed:\n{''.join(said)[-4000:]}")
    return "".join(said)
