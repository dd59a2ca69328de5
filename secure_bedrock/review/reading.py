"""Files of JSON and YAML as plain values, whoever wrote them.

What is read here may be hostile: it is limited in size, depth and number of values before anything walks it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from secure_bedrock.errors import InvalidInput

#: CloudFormation takes 1 MB; an account export may be larger.
LARGEST_FILE = 64 * 2**20
#: Values in one file once every YAML alias is written out.
MOST_VALUES = 2_000_000
DEEPEST = 200


def read_text(path: Path, *, largest: int | None = None) -> str:
    """Return a file's text.

    Args:
        path: the file.
        largest: how many bytes it may have. Default: `LARGEST_FILE`.

    Raises:
        InvalidInput: for a file that cannot be read, is too large, or is not UTF-8.
    """
    largest = LARGEST_FILE if largest is None else largest
    try:
        with path.open("rb") as file:
            content = file.read(largest + 1)  # a pipe or a device does not say how much it holds
        if len(content) > largest:
            raise InvalidInput(f"{path}: more than the {largest} bytes that are allowed")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path}: not UTF-8 at byte {error.start}") from None
    except (OSError, ValueError) as error:
        if isinstance(error, InvalidInput):
            raise
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InvalidInput(f"{path}: {reason}") from None


def parse(text: str, name: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return what a text of JSON or YAML holds; CloudFormation's short forms such as `!Ref` become the long ones.

    Args:
        text: the file's text.
        name: the file, for errors.

    Raises:
        InvalidInput: with the line, for text that is neither, nests too deeply, or grows by its aliases.
    """
    value = _json(text, name) if text.lstrip()[:1] in {"{", "["} else _yaml(text, name)
    _require_modest(value, name)
    return value


def _json(text: str, name: str) -> Any:  # noqa: ANN401
    try:
        return json.loads(text)
    except RecursionError:
        raise InvalidInput(f"{name}: nested more deeply than {DEEPEST} levels") from None
    except ValueError as problem:
        try:
            return _yaml(text, name)  # flow style is YAML too
        except InvalidInput:
            raise InvalidInput(f"{name}: not JSON: {problem}") from None


def _yaml(text: str, name: str) -> Any:  # noqa: ANN401
    import yaml  # noqa: PLC0415 - JSON needs none

    from secure_bedrock.review._yaml import loader  # noqa: PLC0415

    try:
        return yaml.load(text, Loader=loader())  # noqa: S506 - a safe loader
    except RecursionError:
        raise InvalidInput(f"{name}: nested more deeply than {DEEPEST} levels") from None
    except (yaml.YAMLError, ValueError) as problem:
        mark = getattr(problem, "problem_mark", None)
        where = f"{name}:{mark.line + 1}" if mark else name
        raise InvalidInput(f"{where}: not YAML: {getattr(problem, 'problem', None) or problem}") from None


def _require_modest(value: object, name: str) -> None:
    """Walk what was read, each alias as often as it is used."""
    count = 0
    stack: list[tuple[object, int]] = [(value, 0)]
    while stack:
        item, depth = stack.pop()
        count += 1
        if count > MOST_VALUES:
            raise InvalidInput(f"{name}: more than {MOST_VALUES} values, once each alias is written out")
        if depth > DEEPEST:
            raise InvalidInput(f"{name}: nested more deeply than {DEEPEST} levels")
        stack.extend((child, depth + 1) for child in _children(item))


def _children(item: object) -> Iterator[object]:
    if isinstance(item, Mapping):
        yield from item.values()
    elif isinstance(item, list):
        yield from item
