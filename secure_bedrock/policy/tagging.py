"""The part of the ceiling that reads tags: revocation by one tag, and profiles that must bear the role's own tags.

A tag of the role is what `aws:PrincipalTag` holds, unless the session was given one of the same key, which then counts
(IAM User Guide, "Pass session tags in AWS STS"); a role's trust policy refuses those that matter, see `session_tags`.
Of what inference is called on, only what an account makes has tags: foundation models and system profiles have none
(Service Authorization Reference, "Resource types defined by Amazon Bedrock").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from secure_bedrock.policy.document import Condition, Statement
from secure_bedrock.policy.reserved import REVOKED_TAG
from secure_bedrock.policy.services import EVERY_ACTION

if TYPE_CHECKING:
    from secure_bedrock.policy.access import Access

#: Who may do these gives roles, or the sessions of roles, other tags.
_TAGGING = ("iam:TagRole", "iam:UntagRole", "sts:TagSession")


def revoked_by_tag() -> Iterator[Statement]:
    """Deny every call by a role, and on a resource, that carries the revocation tag.

    Its presence counts, not its value: a session tag of the same key replaces the value and cannot take the key away.
    """
    for sid, kind in (("RevokedByTag", "PrincipalTag"), ("RevokedResource", "ResourceTag")):
        carried = Condition(operator="Null", key=f"aws:{kind}/{REVOKED_TAG}", values=("false",))
        yield Statement(effect="Deny", sid=sid, actions=EVERY_ACTION, resources=("*",), conditions=(carried,))


def tag_changes() -> Statement:
    """Deny changing the tags of roles, the role's own among them, and giving tags to a session.

    Tagging what Bedrock has is among the other actions that the ceiling denies.
    """
    return Statement(effect="Deny", sid="TagChanges", actions=_TAGGING, resources=("*",))


def other_tags(access: Access) -> Iterator[Statement]:
    """Deny application profiles whose tags are not the role's.

    A profile without the tag is denied. A role without it too, by a statement of its own: AWS documents that a negated
    operator matches where the variable has no value, and not every engine answers so.
    """
    if not access.invoke_actions:
        return
    profiles = (access.environment.arn("application-inference-profile/*", region="*"),)
    for index, key in enumerate(access.matching_tags):
        own = f"aws:PrincipalTag/{key}"
        others = Condition(operator="StringNotEquals", key=f"aws:ResourceTag/{key}", values=(f"${{{own}}}",))
        none = Condition(operator="Null", key=own, values=("true",))
        for number, condition in enumerate((others, none), start=2 * index + 1):
            yield Statement(
                effect="Deny",
                sid=f"OtherTags{number}",
                actions=access.invoke_actions,
                resources=profiles,
                conditions=(condition,),
            )


def session_tags(keys: tuple[str, ...]) -> Statement:
    """Return the statement of a trust policy that refuses sessions which bring tags of their own under these keys.

    Tag keys are compared without case, as STS does.
    """
    brought = Condition(
        operator="StringEqualsIgnoreCase", key="aws:TagKeys", values=(*keys, REVOKED_TAG), quantifier="ForAnyValue"
    )
    return Statement(effect="Deny", sid="SessionTags", actions=("sts:TagSession",), conditions=(brought,))
