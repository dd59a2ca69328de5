"""CloudTrail's records from files: as S3 has them, as the CLI prints them, one a line, or one alone."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from secure_bedrock.errors import InvalidInput

Record = Mapping[str, Any]
_ENDS = (".json", ".json.gz", ".jsonl", ".jsonl.gz")


def records_of(paths: Iterable[str | Path]) -> Iterator[Record]:
    """Yield every record of files and folders, folders in the order of their files' names.

    Raises:
        InvalidInput: for a file that holds no records, with its name.
    """
    for path in map(Path, paths):
        files = sorted(each for each in path.rglob("*") if each.name.endswith(_ENDS)) if path.is_dir() else [path]
        if not files:
            raise InvalidInput(f"{path}: got no files; allowed are {', '.join(_ENDS)}")
        for file in files:
            yield from _of_file(file)


def _of_file(file: Path) -> Iterator[Record]:
    try:
        raw = file.read_bytes()
        text = (gzip.decompress(raw) if file.suffix == ".gz" else raw).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError, gzip.BadGzipFile) as error:
        raise InvalidInput(f"{file}: cannot be read: {error}") from None
    try:
        bodies = [json.loads(text)]
    except ValueError:
        bodies = list(_lines(file, text))
    for body in bodies:
        yield from _of_body(file, body)


def _lines(file: Path, text: str) -> Iterator[Any]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError as error:
                raise InvalidInput(f"{file}, line {number}: is no JSON: {error}") from None


def _of_body(file: Path, body: Any) -> Iterator[Record]:  # noqa: ANN401 - JSON
    if isinstance(body, list):
        found: Any = body
    elif isinstance(body, Mapping) and isinstance(body.get("Records"), list):
        found = body["Records"]
    elif isinstance(body, Mapping) and isinstance(body.get("Events"), list):  # aws cloudtrail lookup-events
        found = [json.loads(str(event.get("CloudTrailEvent") or "{}")) for event in body["Events"]]
    else:
        found = [body]
    for record in found:
        if not isinstance(record, Mapping) or "eventName" not in record:
            raise InvalidInput(f"{file}: got something else than records of CloudTrail")
        yield record
