"""A file of invariants: TOML in, values out, and for whatever is wrong the entry, the key and the valid choice.

[[invariant]]
holds = "only_through_endpoints"
principal = "Application/Role"
endpoints = ["Bedrock/Runtime"]
"""

from __future__ import annotations

import inspect
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from secure_bedrock.errors import InvalidInput, invalid, nearest
from secure_bedrock.policy import bedrock_invariants
from secure_bedrock.policy.cases import read_call
from secure_bedrock.policy.invariants import Invariant, Never
from secure_bedrock.review.reading import read_text

#: Keys of an entry that are not arguments of its invariant.
_HOLDS, _NAME, _AMONG, _TABLE = "holds", "name", "among", "invariant"
_NAMED, _ANYBODY = "named", "anybody"
#: Bytes; a file of invariants is written by hand.
_LARGEST = 2**20
_HEADER = re.compile(r"^[ \t]*\[\[[ \t]*invariant[ \t]*\]\]", re.MULTILINE)

_Reader = Callable[[str, object], Any]


@dataclass(frozen=True, slots=True)
class _Argument:
    """How one argument is read, and whether it may be left out."""

    name: str
    read: _Reader
    is_required: bool


def read_invariants(path: str | Path) -> tuple[Invariant, ...]:
    """Return the invariants that a file states, in its order, with the names that their authors use for things.

    Raises:
        InvalidInput: with the file, the line of the entry, the key, its value and what is valid.
    """
    place = Path(path)
    text = read_text(place, largest=_LARGEST)
    try:
        content = tomllib.loads(text)
    except RecursionError:
        raise InvalidInput(f"{place}: nested too deeply") from None
    except tomllib.TOMLDecodeError as problem:
        raise InvalidInput(f"{place}: not TOML: {problem}") from None
    strange = sorted(content.keys() - {_TABLE})
    if strange:
        raise invalid(f"{place}: {strange[0]}", content[strange[0]], allowed=f"[[{_TABLE}]] alone")
    entries = content.get(_TABLE)
    if not isinstance(entries, list) or not entries:
        raise InvalidInput(f"{place}: states no invariant; an entry begins with [[{_TABLE}]] and says what `holds`")
    lines = [text.count("\n", 0, match.start()) + 1 for match in _HEADER.finditer(text)]
    places = [f"{place}:{line}" for line in lines] if len(lines) == len(entries) else [str(place)] * len(entries)
    return tuple(_entry(where, entry) for where, entry in zip(places, entries, strict=True))


def _entry(where: str, entry: object) -> Invariant:
    if not isinstance(entry, Mapping):
        raise invalid(f"{where}: {_TABLE}", entry, allowed=f"a table, under [[{_TABLE}]]")
    known = known_invariants()
    holds = entry.get(_HOLDS)
    if not isinstance(holds, str) or holds not in known:
        close = nearest(holds, known) if isinstance(holds, str) else None
        raise invalid(f"{where}: {_HOLDS}", holds, allowed=f"one of {', '.join(sorted(known))}", nearest=close)
    arguments = {each.name: each for each in _arguments(known[holds])}
    _require_known(where, holds, entry, (*arguments, _HOLDS, _NAME, _AMONG))
    bound = inspect.signature(known[holds]).bind_partial()
    for name, argument in arguments.items():
        if name in entry:
            bound.arguments[name] = argument.read(f"{where}: {name}", entry[name])
        elif argument.is_required:
            raise InvalidInput(f"{where}: {name}: got nothing, and {holds} needs it; {_document(known[holds])}")
    return _renamed(where, entry, known[holds](*bound.args, **bound.kwargs))


def _renamed(where: str, entry: Mapping[str, Any], invariant: Invariant) -> Invariant:
    """Give it the name and the circle of people that its author chose."""
    if _NAME in entry:
        invariant = replace(invariant, name=_text(f"{where}: {_NAME}", entry[_NAME]))
    among = entry.get(_AMONG, _ANYBODY)
    if among not in (_NAMED, _ANYBODY):
        allowed = f"{_ANYBODY!r}, those nobody has named among them, or {_NAMED!r}, the principals of the input alone"
        raise invalid(f"{where}: {_AMONG}", among, allowed=allowed)
    if among == _NAMED and isinstance(invariant, Never):
        scope = replace(invariant.scope, unnamed=False, outside=False, services=False)
        if scope.principals == ():
            raise invalid(f"{where}: {_AMONG}", among, allowed=f"{_ANYBODY!r}: it is about nobody of the input")
        return replace(invariant, scope=scope)
    return invariant


def _require_known(where: str, holds: str, entry: Mapping[str, Any], known: Sequence[str]) -> None:
    for key in entry:
        if key not in known:
            allowed = f"a key of {holds}: {', '.join(known)}"
            raise invalid(f"{where}: {key}", entry[key], allowed=allowed, nearest=nearest(key, known))


@cache
def known_invariants() -> Mapping[str, Callable[..., Invariant]]:
    """Return the invariants that can be stated, by name: those of `bedrock_invariants`."""
    return MappingProxyType(
        {
            name: function
            for name, function in vars(bedrock_invariants).items()
            if inspect.isfunction(function)
            and function.__module__ == bedrock_invariants.__name__
            and inspect.signature(function).return_annotation in {"Never", "Works"}
        }
    )


def _arguments(function: Callable[..., Invariant]) -> list[_Argument]:
    return [
        _Argument(
            name=name,
            read=_READERS[parameter.annotation, parameter.kind is parameter.VAR_POSITIONAL],
            is_required=parameter.default is parameter.empty,
        )
        for name, parameter in inspect.signature(function).parameters.items()
        if name != _NAME
    ]


def _document(function: Callable[..., Invariant]) -> str:
    return (inspect.getdoc(function) or "").partition("\n")[0]


def _text(where: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise invalid(where, value, allowed="a text")
    return value


def _texts(where: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(each, str) and each for each in value):
        raise invalid(where, value, allowed="a list of texts, at least one")
    return tuple(value)


def _flag(where: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise invalid(where, value, allowed="true or false")
    return value


def _calls(where: str, value: object) -> tuple[Any, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(each, Mapping) for each in value):
        raise invalid(where, value, allowed="a list of calls, such as { principal, operation, model, region }")
    found = []
    for call in value:
        for key, field in call.items():
            _require_shape(f"{where}: {key}", key, field)
        for key in ("principal", "operation", "region"):
            if key not in call:
                raise InvalidInput(f"{where}: {key}: got nothing, and a call needs it")
        try:
            found.append(read_call(call))
        except InvalidInput as problem:
            raise InvalidInput(f"{where}: {problem}") from None
    return tuple(found)


def _require_shape(where: str, key: str, value: object) -> None:
    """Refuse what no call can take; what it says is the evaluator's to judge."""
    if key == "context":
        if not isinstance(value, Mapping) or not all(isinstance(each, str | list | bool) for each in value.values()):
            raise invalid(where, value, allowed="a table of condition keys")
    elif key in {"via", "session_policies"}:
        wanted = str if key == "via" else Mapping
        if not isinstance(value, list) or not all(isinstance(each, wanted) for each in value):
            raise invalid(where, value, allowed=f"a list of {'roles' if key == 'via' else 'policies'}")
    else:
        _text(where, value)


#: By an argument's type, and whether it takes the rest.
_READERS: Mapping[tuple[str, bool], _Reader] = {
    ("str", False): _text,
    ("str", True): _texts,
    ("Sequence[str]", False): _texts,
    ("Iterable[str]", False): _texts,
    ("bool", False): _flag,
    ("Call", True): _calls,
}
