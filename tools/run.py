"""Run a command inside the project's environment: `python3 tools/run.py pytest`."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Replace this process by the command."""
    os.chdir(ROOT)
    folders = [ROOT / ".venv" / "bin", ROOT / "node_modules" / ".bin"]
    path = os.pathsep.join([*(str(folder) for folder in folders), os.environ["PATH"]])
    os.environ |= {
        "PATH": path,
        "JSII_NODE": shutil.which("node", path=path) or "node",
        # Node 20 works; what jsii prints about its age would end up in every command's output.
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20",
        "AWS_CDK_DISABLE_VERSION_CHECK": "1",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
    }
    command = sys.argv[1:]
    os.execvp(command[0], command)  # noqa: S606 - the command is the caller's own


if __name__ == "__main__":
    main()
