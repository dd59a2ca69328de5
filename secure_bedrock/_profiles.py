"""Profiles in AWS configuration files: read, and put in without touching anything else in the file."""

from __future__ import annotations

import os
import re
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from secure_bedrock.errors import InvalidInput

_HEADER = re.compile(r"\s*\[\s*([^\]]+?)\s*\]\s*(?:[#;].*)?")
_SETTING = re.compile(r"([^\s#;=:\[][^=:]*?)\s*[=:]\s*(.*)")
_OWNER_ALONE = 0o600


@dataclass(frozen=True, slots=True)
class _Section:
    """A section by its lines, from its header to the next one."""

    name: str
    start: int
    end: int


def keys_of_profile(path: Path, profile: str, *, bare: bool) -> dict[str, str]:
    """Return the settings of a profile, none where there is no such file or profile.

    Args:
        path: the file.
        profile: the profile's name.
        bare: whether the file names profiles without the word, as the shared credentials file does.
    """
    lines = _read(path)
    found = [each for each in _sections(lines) if _is_profile(each.name, profile, bare=bare)]
    return {key: value for each in found for key, value in _settings(lines[each.start + 1 : each.end]).items()}


def put_profile(path: Path, profile: str, settings: Mapping[str, str], *, replace: bool) -> bool:
    """Put a profile into a file and return whether the file was changed.

    Raises:
        InvalidInput: for a file that cannot be read as text, a profile that is there twice, or one that differs and is
            not to be replaced.
    """
    lines = _read(path)
    found = [each for each in _sections(lines) if _is_profile(each.name, profile, bare=False)]
    if len(found) > 1:
        raise InvalidInput(f"profile: got {profile!r}, which stands {len(found)} times in {path}; allowed is once")
    if found and _settings(lines[found[0].start + 1 : found[0].end]) == dict(settings):
        return False
    if found and not replace:
        there = _settings(lines[found[0].start + 1 : found[0].end])
        keys = sorted(key for key in {*there, *settings} if there.get(key) != settings.get(key))
        raise InvalidInput(
            f"profile: got {profile!r}, which is in {path} and differs in {', '.join(keys)}; allowed is another name, "
            "or --replace"
        )
    _write(path, "".join(_with(lines, found[0] if found else None, profile, settings)))
    return True


def _with(lines: list[str], old: _Section | None, profile: str, settings: Mapping[str, str]) -> list[str]:
    ending = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    header = "default" if profile == "default" else f"profile {profile}"
    new = [f"[{header}]{ending}", *(f"{key} = {value}{ending}" for key, value in settings.items())]
    if old is not None:
        after = lines[old.start + 1 : old.end]
        kept = len(after) - next((n for n, line in enumerate(reversed(after)) if _is_setting(line)), len(after))
        return [*lines[: old.start], *new, *after[kept:], *lines[old.end :]]
    before = [*lines[:-1], lines[-1].rstrip("\r\n") + ending, ending] if lines else []
    return [*before, *new]


def _is_setting(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith(("#", ";"))


def _sections(lines: list[str]) -> list[_Section]:
    starts = [(number, match[1]) for number, line in enumerate(lines) if (match := _HEADER.fullmatch(line.rstrip()))]
    ends = [*(number for number, _ in starts[1:]), len(lines)]
    return [_Section(name, start, end) for (start, name), end in zip(starts, ends, strict=False)]


def _is_profile(section: str, profile: str, *, bare: bool) -> bool:
    """Whether a section is a profile's; the SDKs take `[profile default]` for the default one too."""
    kind, _, name = section.partition(" ")
    named = name.strip().strip("\"'") if kind == "profile" else None
    return (section.strip("\"'") == profile and (bare or profile == "default")) or (not bare and named == profile)


def _settings(lines: list[str]) -> dict[str, str]:
    """The settings of a section; a nested one keeps its lines as its value."""
    found: dict[str, str] = {}
    last = None
    for line in lines:
        if not _is_setting(line):
            continue
        if line[:1].isspace() and last is not None:
            found[last] += "\n" + line.strip()
            continue
        match = _SETTING.match(line.strip())
        last = (match[1] if match else line.strip()).lower()
        found[last] = match[2] if match else ""
    return found


def _read(path: Path) -> list[str]:
    if not path.exists():
        return []
    if not path.is_file():
        raise InvalidInput(f"config: got {str(path)!r}; allowed is a regular file")
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read().splitlines(keepends=True)
    except UnicodeDecodeError:
        raise InvalidInput(f"config: got {str(path)!r}, which is not UTF-8; allowed is a text file") from None


def _write(path: Path, text: str) -> None:
    """Replace a file in one step: whoever reads it meanwhile finds the old one or the new one, whole."""
    target = Path(os.path.realpath(path))
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else _OWNER_ALONE
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
