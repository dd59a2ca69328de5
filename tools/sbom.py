"""`python -m tools.sbom [FILE]`: the packages of the locks as a CycloneDX document; by default into dist.

`scope` tells users what is theirs: `required` comes with the library, `optional` with one of its extras, `excluded` is
a tool of development. Names, versions and hashes are those of the locks (each hash is of one file of that release);
which package needs which is read from the installed ones and from npm's lock. The same locks give the same bytes.
"""

from __future__ import annotations

import base64
import json
import sys
import tomllib
import uuid
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pip_requirements_parser import RequirementsFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "dist" / "secure-bedrock.cdx.json"
PYTHON_LOCKS = ("requirements.lock", "requirements-node.lock")
NPM_LOCK = "package-lock.json"
REQUIRED, OPTIONAL, EXCLUDED = ComponentScope.REQUIRED, ComponentScope.OPTIONAL, ComponentScope.EXCLUDED


def document() -> str:
    """Return the document as JSON."""
    project = _project()
    ours = Component(
        name=project["name"],
        version=project["version"],
        type=ComponentType.LIBRARY,
        bom_ref=project["name"],
        purl=PackageURL("pypi", name=project["name"], version=project["version"]),
        licenses=[LicenseFactory().make_from_string(project["license"])],
    )
    python, npm = list(_python()), list(_npm())
    bom = Bom(components=[*python, *npm], serial_number=_serial_number())
    bom.metadata.component = ours
    by_name = _by_name(python)
    bom.register_dependency(ours, [each for name in needed(project["name"]) for each in by_name.get(name, [])])
    for component in python:
        bom.register_dependency(component, [each for name in needed(component.name) for each in by_name.get(name, [])])
    by_name, packages = _by_name(npm), _npm_packages()
    for path, component in zip(packages, npm, strict=True):
        wanted = packages[path].get("dependencies", ())
        bom.register_dependency(component, [each for name in wanted for each in by_name.get(name, [])])
    # A time of making would tell two makings of one document apart, and nothing else.
    plain = json.loads(JsonV1Dot6(bom).output_as_string())
    del plain["metadata"]["timestamp"]
    return json.dumps(plain, indent=1, sort_keys=True) + "\n"


def needed(name: str, *extras: str) -> set[str]:
    """Return what an installed package needs on this machine, with these extras of its own: names, in lower case."""
    try:
        declared = [Requirement(text) for text in requires(name) or ()]
    except PackageNotFoundError:  # of another platform or Python
        return set()
    return {
        canonicalize_name(each.name)
        for each in declared
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in ("", *extras))
    }


def reached(names: Iterable[str]) -> set[str]:
    """Return these packages and all that they need."""
    seen: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += needed(name)
    return seen


def _project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def _python() -> Iterator[Component]:
    project = _project()
    required = reached(needed(project["name"]))
    optional = reached(needed(project["name"], *project["optional-dependencies"]))
    for lock in PYTHON_LOCKS:
        for row in RequirementsFile.from_file(str(ROOT / lock)).requirements:
            name, version = canonicalize_name(row.name), row.get_pinned_version
            purl = PackageURL("pypi", name=name, version=version)
            yield Component(
                name=name,
                version=version,
                type=ComponentType.LIBRARY,
                bom_ref=str(purl),
                purl=purl,
                scope=REQUIRED if name in required else OPTIONAL if name in optional else EXCLUDED,
                hashes=[
                    HashType(alg=HashAlgorithm.SHA_256, content=text.removeprefix("sha256:"))
                    for text in row.hash_options
                ],
            )


def _npm() -> Iterator[Component]:
    licences = LicenseFactory()
    for path, row in _npm_packages().items():
        group, _, name = path.rpartition("node_modules/")[2].rpartition("/")
        purl = PackageURL("npm", namespace=group or None, name=name, version=row["version"])
        digest = base64.b64decode(row["integrity"].removeprefix("sha512-")).hex()
        yield Component(
            name=name,
            group=group or None,
            version=row["version"],
            type=ComponentType.LIBRARY,
            bom_ref=str(purl),
            purl=purl,
            scope=EXCLUDED,
            hashes=[HashType(alg=HashAlgorithm.SHA_512, content=digest)],
            licenses=[licences.make_from_string(row["license"])],
        )


def _npm_packages() -> dict[str, dict[str, Any]]:
    rows = json.loads((ROOT / NPM_LOCK).read_text("utf-8"))["packages"]
    return {path: row for path, row in rows.items() if path}


def _by_name(components: Iterable[Component]) -> dict[str, list[Component]]:
    found: dict[str, list[Component]] = {}
    for each in components:
        found.setdefault(f"{each.group}/{each.name}" if each.group else each.name, []).append(each)
    return found


def _serial_number() -> uuid.UUID:
    locks = "".join((ROOT / name).read_text("utf-8") for name in ("pyproject.toml", *PYTHON_LOCKS, NPM_LOCK))
    return uuid.uuid5(uuid.NAMESPACE_URL, locks)


def main() -> None:
    """Write the document."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    target.parent.mkdir(parents=True, exist_ok=True)
    text = document()
    target.write_text(text, encoding="utf-8")
    scopes = [component["scope"] for component in json.loads(text)["components"]]
    told = ", ".join(f"{scopes.count(scope.value)} {scope.value}" for scope in (REQUIRED, OPTIONAL, EXCLUDED))
    print(f"{target}: {len(scopes)} packages, {told}")


if __name__ == "__main__":
    main()
