"""`python -m tools.single_file [FILE]`: `secure-bedrock` as one file for any Python; dist/secure-bedrock.pyz.

The command line with the packages of its extra, in the locked versions, and without the constructs, aws-cdk-lib and
Node. PyYAML comes without its C parser, which a file cannot hold: templates of YAML are read some ten times slower.
The same versions give the same bytes.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from tools.sbom import needed, reached

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "dist" / "secure-bedrock.pyz"
NAME, EXTRA = "secure-bedrock", "cli"
#: What only a CDK app or a function needs.
LEFT_OUT = {"constructs", "handlers", "__pycache__"}
#: Written by whoever installed the package, with paths of this machine.
INSTALLERS_OWN = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}
MAIN = "import sys\n\nfrom secure_bedrock.__main__ import main\n\nsys.exit(main())\n"


def collect(room: Path) -> None:
    """Put into a folder what the file holds: packages, and their metadata with licences."""
    shutil.copytree(
        ROOT / "secure_bedrock", room / "secure_bedrock", ignore=lambda _, names: LEFT_OUT.intersection(names)
    )
    for name in (NAME, *sorted(reached(needed(NAME, EXTRA) - needed(NAME)))):
        found = distribution(name)
        for file in found.files or ():
            is_metadata = file.parts[0].endswith(".dist-info") and file.name not in INSTALLERS_OWN
            if is_metadata or (name != NAME and file.suffix in {".py", ".typed"} and file.parts[0] != ".."):
                target = room / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(str(found.locate_file(file)), target)
    (room / "__main__.py").write_text(MAIN)


def write(target: Path) -> None:
    """Write the file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, target.open("wb") as file:
        room = Path(folder)
        collect(room)
        file.write(b"#!/usr/bin/env python3\n")
        with ZipFile(file, "w") as archive:
            for path in sorted(room.rglob("*")):
                if path.is_file():  # an entry made by hand has no time of its own: zipapp would write today's
                    entry = ZipInfo(str(path.relative_to(room)))
                    archive.writestr(entry, path.read_bytes(), ZIP_DEFLATED)
    target.chmod(0o755)


def main() -> None:
    """Write the file."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    write(target)
    print(f"{target}: {target.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
