"""Patterns of ARNs: six fields, each compared with its own.

AWS: "Each of the six colon-delimited components of the ARN is checked separately" (IAM JSON policy elements: Condition
operators); wildcards stand "within ARN segments" (IAM JSON policy elements: Resource). The last field may hold colons.
"""

from __future__ import annotations

from secure_bedrock.policy._globs import Context, Matcher, Part, Parts, Variable, Wild, fill, has_variables, matcher

FIELDS = 6
Fields = tuple[str, ...]


def fields_of(value: str) -> Fields | None:
    """Return the six fields of an ARN, None where a value is none."""
    fields = tuple(value.split(":", FIELDS - 1))
    return fields if len(fields) == FIELDS and fields[0] == "arn" else None


class ArnPattern:
    """A pattern with its six fields.

    Attributes:
        malformed: fewer than six fields were given and none were added.
    """

    __slots__ = ("_parts", "_static", "early_variable", "malformed")

    def __init__(self, parts: Parts, *, complete: bool = False) -> None:
        fields = split_fields(parts)
        if complete:  # "AWS automatically completes the ARN by adding wildcard characters to all missing fields"
            fields += [(Wild.MANY,)] * (FIELDS - len(fields))
        self.malformed = len(fields) < FIELDS
        self._parts = tuple(fields)
        self.early_variable = any(has_variables(field) for field in fields[: FIELDS - 1])
        dynamic = any(has_variables(field) for field in fields)
        self._static: tuple[Matcher, ...] | None = None if dynamic else tuple(map(matcher, self._parts))

    @property
    def is_static(self) -> bool:
        """Whether it holds no variable."""
        return self._static is not None

    def matches(self, fields: Fields, context: Context) -> bool:
        """Whether an ARN's fields have the form; a variable without a value matches nothing."""
        if self._static is not None:
            return all(test(field) for test, field in zip(self._static, fields, strict=False))
        for parts, field in zip(self._parts, fields, strict=False):
            filled = fill(parts, context)
            if filled is None or not matcher(filled)(field):
                return False
        return True


def split_fields(parts: Parts) -> list[Parts]:
    """Split at the first five colons of the literal text; those inside a variable are its own."""
    fields: list[list[Part]] = [[]]
    for part in parts:
        if isinstance(part, Wild | Variable):
            fields[-1].append(part)
            continue
        pieces = part.split(":", FIELDS - len(fields))
        for index, piece in enumerate(pieces):
            if index:
                fields.append([])
            if piece:
                fields[-1].append(piece)
    return [tuple(field) for field in fields]
