"""From a path to what is behind it: a cloud assembly, templates, what the AWS CLI printed of an account."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secure_bedrock.errors import InvalidInput
from secure_bedrock.review.reading import parse, read_text
from secure_bedrock.review.template import Template

_ENVIRONMENT = re.compile(r"aws://([^/]+)/(.+)")
_ENDINGS = (".json", ".yaml", ".yml", ".template")
_NESTED = "AWS::CloudFormation::Stack"
#: The first names of what `aws iam get-account-authorization-details`, `aws ec2 describe-vpc-endpoints`,
#: `aws organizations describe-policy`, `list-targets-for-policy` and `describe-organization` print.
EXPORTED = ("UserDetailList", "RoleDetailList", "VpcEndpoints", "Policy", "Targets", "Organization")
#: Stacks within stacks within stacks; CloudFormation itself advises against more than one level.
_DEEPEST = 20


@dataclass(frozen=True, kw_only=True, eq=False)
class Export:
    """A file of what the AWS CLI printed.

    Attributes:
        file: where it was read.
        body: its content.
    """

    file: str
    body: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Inputs:
    """What stands behind a path.

    Attributes:
        templates: each stack's.
        exports: what the AWS CLI printed.
    """

    templates: tuple[Template, ...]
    exports: tuple[Export, ...]


def inputs_of(path: str | Path, *, account: str | None = None, region: str | None = None) -> Inputs:
    """Return what a cloud assembly (`cdk.out`), a file, or the files of a directory hold.

    Args:
        path: what to read.
        account: the account of stacks that do not say it.
        region: the Region of stacks that do not say it.

    Raises:
        InvalidInput: with the file, for what cannot be read or holds no template.
    """
    root = Path(path)
    if not root.exists():
        raise InvalidInput(f"{root}: no such file or directory")
    place = (account, region)
    if root.is_file():
        found = [*_file(root, place, required=True)]
    elif (root / "manifest.json").is_file():
        found = [*_assembly(root, place, prefix="", depth=0)]
    else:
        found = [*_directory(root, place)]
    if not found:
        raise InvalidInput(f"{root}: no CloudFormation template; allowed is a cdk.out, a template, or a folder of them")
    return Inputs(
        templates=tuple(_distinct([each for each in found if isinstance(each, Template)])),
        exports=tuple(each for each in found if isinstance(each, Export)),
    )


def _file(path: Path, place: tuple[str | None, str | None], *, required: bool) -> Iterator[Template | Export]:
    text = read_text(path)
    if not required and "Resources" not in text and not is_export(text):
        return
    body = parse(text, str(path))
    if isinstance(body, Mapping) and is_export(body):
        yield Export(file=str(path), body=body)
        return
    if not isinstance(body, Mapping) or not isinstance(body.get("Resources"), Mapping):
        if required:
            raise InvalidInput(
                f"{path}: neither a CloudFormation template, it has no Resources, nor an account's export"
            )
        return
    name = re.sub(r"\.template$", "", path.stem)
    template = Template(
        name=name, stack_name=name, body=body, file=str(path), text=text, account=place[0], region=place[1]
    )
    yield template
    yield from _nested(template, path.parent, depth=0)


def is_export(content: Mapping[str, Any] | str) -> bool:
    """Whether a document, or a text of one, is something the AWS CLI prints of an account."""
    names = EXPORTED if isinstance(content, Mapping) else [f'"{name}"' for name in EXPORTED]
    return "Resources" not in content and any(name in content for name in names)


def _directory(root: Path, place: tuple[str | None, str | None]) -> Iterator[Template | Export]:
    """Every template below a directory; files of other kinds are passed by, files that are broken are not."""
    for path in sorted(root.rglob("*")):
        hidden = any(part.startswith(".") or part == "node_modules" for part in path.relative_to(root).parts)
        if not hidden and path.suffix in _ENDINGS and path.is_file():
            yield from _file(path, place, required=False)


def _assembly(root: Path, place: tuple[str | None, str | None], *, prefix: str, depth: int) -> Iterator[Template]:
    if depth > _DEEPEST:
        raise InvalidInput(f"{root}: assemblies nested more than {_DEEPEST} deep")
    manifest = parse(read_text(root / "manifest.json"), str(root / "manifest.json"))
    artifacts = manifest.get("artifacts") if isinstance(manifest, Mapping) else None
    if not isinstance(artifacts, Mapping):
        raise InvalidInput(f"{root / 'manifest.json'}: no artifacts; allowed is the manifest of a cloud assembly")
    for artifact_id, artifact in artifacts.items():
        kind, properties = artifact.get("type"), artifact.get("properties") or {}
        if kind == "aws:cloudformation:stack":
            yield from _stack(root, artifact_id, artifact, place)
        elif kind == "cdk:cloud-assembly":
            folder = _inside(root, properties["directoryName"])
            yield from _assembly(folder, place, prefix=f"{prefix}{artifact_id}/", depth=depth + 1)


def _stack(
    root: Path, artifact_id: str, artifact: Mapping[str, Any], place: tuple[str | None, str | None]
) -> Iterator[Template]:
    properties = artifact.get("properties") or {}
    path = _inside(root, properties["templateFile"])
    text = read_text(path)
    body = parse(text, str(path))
    account, region = _environment(artifact.get("environment", ""), place)
    template = Template(
        name=artifact.get("displayName") or artifact_id,
        stack_name=properties.get("stackName") or artifact_id,
        body=body if isinstance(body, Mapping) else {},
        file=str(path),
        text=text,
        account=account,
        region=region,
    )
    yield template
    yield from _nested(template, root, depth=0)


def _environment(text: str, place: tuple[str | None, str | None]) -> tuple[str | None, str | None]:
    match = _ENVIRONMENT.fullmatch(text)
    account, region = match.groups() if match else ("unknown-account", "unknown-region")
    return (
        place[0] if account == "unknown-account" else account,
        place[1] if region == "unknown-region" else region,
    )


def _nested(outer: Template, root: Path, *, depth: int) -> Iterator[Template]:
    """Yield the templates of nested stacks whose files stand beside this one."""
    if depth > _DEEPEST:
        raise InvalidInput(f"{outer.file}: stacks nested more than {_DEEPEST} deep")
    for logical_id, resource in outer.of_type(_NESTED):
        path = _nested_file(resource, root)
        if path is None:
            continue
        text = read_text(path)
        body = parse(text, str(path))
        inner = Template(
            name=f"{outer.name}/{logical_id}",
            stack_name=f"{outer.stack_name}-{logical_id}",
            body=body if isinstance(body, Mapping) else {},
            file=str(path),
            text=text,
            account=outer.account,
            region=outer.region,
            parent=(outer.name, logical_id),
        )
        yield inner
        yield from _nested(inner, root, depth=depth + 1)


def _nested_file(resource: Mapping[str, Any], root: Path) -> Path | None:
    """Return the nested template's file.

    CDK says it in the metadata, or by the hash in the URL that its asset manifest has too; the URL itself is what
    `aws cloudformation package` reads.
    """
    metadata = resource.get("Metadata")
    named = metadata.get("aws:asset:path") if isinstance(metadata, Mapping) else None
    url = (resource.get("Properties") or {}).get("TemplateURL")
    for name in (named, url, None if named else _asset(json.dumps(url, default=str), root)):
        if isinstance(name, str) and "://" not in name and _leads_inside(root, name) and (root / name).is_file():
            return root / name
    return None


def _asset(url: str, root: Path) -> str | None:
    """Return the file that an asset manifest of the folder has under a hash that a URL holds."""
    for manifest in sorted(root.glob("*.assets.json")):
        content = parse(read_text(manifest), str(manifest))
        files = content.get("files") if isinstance(content, Mapping) else None
        for key, row in files.items() if isinstance(files, Mapping) else ():
            source = row.get("source") if isinstance(row, Mapping) else None
            if str(key) in url and isinstance(source, Mapping) and isinstance(source.get("path"), str):
                return source["path"]
    return None


def _inside(root: Path, name: str) -> Path:
    """Return a file of a folder; a name that leads out of it is refused."""
    if not _leads_inside(root, name):
        raise InvalidInput(f"{root}: got the file name {name!r}; allowed are files inside it")
    return root / name


def _leads_inside(root: Path, name: str) -> bool:
    return (root / name).resolve().is_relative_to(root.resolve())


def _distinct(found: list[Template]) -> Iterator[Template]:
    """Two stages may each have a stack of one name."""
    seen: set[str] = set()
    for template in found:
        if template.name in seen:
            raise InvalidInput(f"{template.file}: a second stack named {template.name!r}; review them one by one")
        seen.add(template.name)
        yield template
