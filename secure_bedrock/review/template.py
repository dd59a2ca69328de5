"""A CloudFormation template with the place it is for, and where in a file a resource stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

Plain = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where something was read.

    Attributes:
        file: the file, as it was given.
        stack: the stack's name.
        logical_id: the resource; None for a whole file.
        construct_path: the CDK construct that made it, None where the template does not say.
        line: the line its logical id stands on, from 1; None where it was not found.
    """

    file: str
    stack: str
    logical_id: str | None = None
    construct_path: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        """Return the place as people look for it."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        named = self.construct_path or (f"{self.stack}/{self.logical_id}" if self.logical_id else self.stack)
        return f"{named} ({place})"


@dataclass(frozen=True, kw_only=True, eq=False)
class Template:
    """One stack's template.

    Attributes:
        name: what the stack is called here; no two templates of one input have the same name.
        stack_name: as CloudFormation calls it.
        body: the template.
        file: where it was read.
        text: what was read, for lines.
        account: the stack's account, None where it is not known.
        region: the stack's Region, None where it is not known.
        parent: for a nested stack, the name of its parent and the logical id there.
    """

    name: str
    stack_name: str
    body: Plain
    file: str
    text: str = field(default="", repr=False)
    account: str | None = None
    region: str | None = None
    parent: tuple[str, str] | None = None

    @cached_property
    def resources(self) -> Mapping[str, Plain]:
        """The resources by logical id; what is no resource is left out."""
        section = self.body.get("Resources")
        rows = section.items() if isinstance(section, Mapping) else ()
        return MappingProxyType(
            {
                str(logical_id): row
                for logical_id, row in rows
                if isinstance(row, Mapping) and isinstance(row.get("Type"), str)
            }
        )

    def of_type(self, *kinds: str) -> Iterator[tuple[str, Plain]]:
        """Yield the logical id and the resource of each resource of these types."""
        for logical_id, resource in self.resources.items():
            if resource["Type"] in kinds:
                yield logical_id, resource

    def source(self, logical_id: str | None = None) -> Source:
        """Return where the template, or a resource of it, stands."""
        if logical_id is None:
            return Source(file=self.file, stack=self.stack_name)
        return Source(
            file=self.file,
            stack=self.stack_name,
            logical_id=logical_id,
            construct_path=_construct_path(self.resources.get(logical_id, {})),
            line=self._lines.get(logical_id),
        )

    @cached_property
    def _lines(self) -> Mapping[str, int]:
        """The line of each logical id: the first place after `Resources` where it is a key."""
        start = re.search(r"""^\s*["']?Resources["']?\s*:""", self.text, re.MULTILINE)
        first = start.end() if start else 0
        found: dict[str, int] = {}
        line, at = 1, 0
        for match in _KEY.finditer(self.text, first):
            name = match[1] or match[2]
            if name not in self.resources or name in found:
                continue
            line += self.text.count("\n", at, match.start(match.lastindex or 0))
            at = match.start(match.lastindex or 0)
            found[name] = line
        return found


_KEY = re.compile(r"""["']([A-Za-z0-9:]+)["']\s*:\s*[{\n]|^[ \t]+([A-Za-z0-9:]+):[ \t]*(?:\#.*)?$""", re.MULTILINE)


def _construct_path(resource: Plain) -> str | None:
    metadata = resource.get("Metadata")
    path = metadata.get("aws:cdk:path") if isinstance(metadata, Mapping) else None
    return re.sub(r"/Resource$", "", path) if isinstance(path, str) else None
