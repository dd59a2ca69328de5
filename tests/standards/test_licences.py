"""What is installed: users get permissive licences only, and copyleft stays a tool of development."""

from __future__ import annotations

import json
import re
from importlib.metadata import distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PERMISSIVE = re.compile(
    r"0BSD|Apache([- ]?(License)?,?\s*(Version)?\s*2(\.0)?)?|BSD|ISC|MIT(-0)?|PSF|Python Software Foundation|Unlicense|"
    r"Zlib|CC0|BlueOak|Public Domain|WTFPL|Artistic-2",
    re.IGNORECASE,
)
#: Not among what users install.
WEAK_COPYLEFT = re.compile(r"MPL|Mozilla|LGPL|CC-BY", re.IGNORECASE)
#: Development tools under copyleft, each with what it is used for. Nothing is linked to them or shipped with them.
COPYLEFT_TOOLS = {
    "@cloud-copilot/iam-simulate": "the independent simulator of IAM, run as a process of its own",
    "docutils": "builds the site; BSD and public domain but for one editor mode, which nothing here uses",
}


def licence_of(name: str) -> str:
    found = distribution(name).metadata
    classifiers = [text.rpartition("::")[2] for text in found.get_all("Classifier") or [] if text.startswith("License")]
    named = [text for text in classifiers if text.strip() != "OSI Approved"]
    return found.get("License-Expression") or "; ".join(named) or (found.get("License") or "").partition("\n")[0]


def installed_with_the_library() -> set[str]:
    seen: set[str] = set()
    waiting = ["secure-bedrock"]
    while waiting:
        name = waiting.pop()
        for text in distribution(name).requires or []:
            needed = Requirement(text)
            if needed.name not in seen and (needed.marker is None or needed.marker.evaluate({"extra": ""})):
                seen.add(needed.name)
                waiting.append(needed.name)
    return seen


def test_users_get_permissive_licences_only():
    licences = {name: licence_of(name) for name in sorted(installed_with_the_library())}
    assert len(licences) > 5
    strange = {n: t for n, t in licences.items() if not PERMISSIVE.search(t) or re.search(r"GPL", t)}
    assert strange == {}


def test_every_package_of_the_environment_has_a_known_licence():
    licences = {each.metadata["Name"]: licence_of(each.metadata["Name"]) for each in distributions()}
    strange = {n: t for n, t in licences.items() if not PERMISSIVE.search(t) and not WEAK_COPYLEFT.search(t)}
    assert strange == {}
    copyleft = {name for name, text in licences.items() if re.search(r"\bA?GPL|General Public License", text)}
    assert copyleft - {name for name in licences if WEAK_COPYLEFT.search(licences[name])} <= set(COPYLEFT_TOOLS)


def test_copyleft_of_node_is_a_named_tool():
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    found = {path.rpartition("node_modules/")[2]: row.get("license", "") for path, row in packages.items() if path}
    assert len(found) > 3
    copyleft = {name for name, text in found.items() if "GPL" in text}
    assert {name for name in copyleft if not name.startswith("@cloud-copilot/")} == set()
    assert copyleft >= {name for name in COPYLEFT_TOOLS if name.startswith("@")}
    unknown = {n: t for n, t in found.items() if n not in copyleft and not PERMISSIVE.search(t or "")}
    assert unknown == {}
