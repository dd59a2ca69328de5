"""The guardrail a call must name.

`bedrock:GuardrailIdentifier` holds the guardrail's ARN, with `:N` for a numbered version and without for DRAFT
(Amazon Bedrock User Guide, "Enforce the use of specific guardrails in model inference requests").
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from secure_bedrock.errors import InvalidInput, invalid
from secure_bedrock.policy.document import Condition
from secure_bedrock.policy.environment import Arn, is_unresolved

GUARDRAIL_KEY = "bedrock:GuardrailIdentifier"
_HIGHEST_VERSION = 99_999_999


class GuardrailVersion(Enum):
    """Versions of a guardrail that are not one number."""

    ANY_NUMBERED = auto()
    """Any published version, never DRAFT."""
    DRAFT = auto()
    """The working draft, which everybody who may call UpdateGuardrail can change: a warning says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequiredGuardrail:
    """A guardrail by ARN, and the version of it that calls must name. Both may be unresolved."""

    arn: str
    version: str | GuardrailVersion

    @classmethod
    def of(cls, arn: str, version: str | int | GuardrailVersion | None) -> RequiredGuardrail:
        """Check what a user gave.

        Raises:
            InvalidInput: for anything but a guardrail's ARN with a number, ANY_NUMBERED or DRAFT.
        """
        if version is None:
            raise InvalidInput(
                "guardrail_version: got nothing; allowed is a number, "
                "GuardrailVersion.ANY_NUMBERED or GuardrailVersion.DRAFT"
            )
        require_guardrail_arn("guardrail", arn, types=("guardrail",))
        return cls(arn=arn, version=version if isinstance(version, GuardrailVersion) else _number(version))

    def missing(self) -> Condition:
        """Return the condition that is true when a call does not name this guardrail, or names none."""
        return self._condition("StringNotLike", "StringNotEquals")

    def named(self) -> Condition:
        """Return the condition that is true when a call names this guardrail."""
        return self._condition("StringLike", "StringEquals")

    def _condition(self, like: str, equals: str) -> Condition:
        # String operators, because the version is a seventh field that ARN operators are not documented to take.
        if self.version is GuardrailVersion.ANY_NUMBERED:
            return Condition(operator=like, key=GUARDRAIL_KEY, values=(f"{self.arn}:*",))
        value = self.arn if self.version is GuardrailVersion.DRAFT else f"{self.arn}:{self.version}"
        return Condition(operator=equals, key=GUARDRAIL_KEY, values=(value,))


def require_guardrail_arn(name: str, arn: str, *, types: tuple[str, ...] = ("guardrail", "guardrail-profile")) -> None:
    """Refuse what is no guardrail ARN; an ARN resolved at deploy time is taken as it is."""
    if not isinstance(arn, str) or not arn:
        raise invalid(name, arn, allowed="the ARN of a guardrail, a CfnGuardrail or a guardrail construct")
    if is_unresolved(arn) and not arn.startswith("arn:"):
        return
    if not arn.startswith("arn:"):
        raise invalid(name, arn, allowed="the ARN of a guardrail; its id alone does not tell Region and account")
    parsed = Arn.parse(arn)
    if parsed.service != "bedrock" or parsed.resource_type not in types or not parsed.resource_id:
        raise invalid(name, arn, allowed=f"a Bedrock ARN of {' or '.join(types)}")
    if "*" in arn or "?" in arn or ":" in parsed.resource:
        raise invalid(name, arn, allowed="one guardrail's ARN, without wildcard and without version")


def _number(version: str | int) -> str:
    text = str(version)
    if isinstance(version, bool) or (not is_unresolved(text) and not _is_version(text)):
        nearest = "GuardrailVersion.DRAFT" if text.upper() == "DRAFT" else None
        raise invalid(
            "guardrail_version",
            version,
            allowed=f"a number from 1 to {_HIGHEST_VERSION}, GuardrailVersion.ANY_NUMBERED or GuardrailVersion.DRAFT",
            nearest=nearest,
        )
    return text


def _is_version(text: str) -> bool:
    return text.isascii() and text.isdigit() and text == str(int(text)) and 1 <= int(text) <= _HIGHEST_VERSION
