"""How long a session lasts, what its own policy leaves, and what is denied to the keys from before."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from secure_bedrock.constructs._edge import arns_of
from secure_bedrock.constructs._tags import checked_tags
from secure_bedrock.constructs._tokens import known
from secure_bedrock.constructs.acknowledgements import acknowledge
from secure_bedrock.errors import InvalidInput, invalid
from secure_bedrock.policy.access import Access, unique
from secure_bedrock.policy.allow import allow_policies
from secure_bedrock.policy.document import Condition, Policy, Statement
from secure_bedrock.policy.federation import asked_of_session, granted_to_session, require_exact
from secure_bedrock.policy.limits import MANAGED_POLICY, limit
from secure_bedrock.policy.lists import items_of
from secure_bedrock.policy.services import EVERY_ACTION

_HOUR = 3600
#: AWS: `SourceIdentity` of AssumeRole.
_SOURCE_IDENTITY = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_SHORTEST, _LONGEST = 900, 43_200
_ON_USERS = ("IAMUserNoPolicies", "cdk-validator-cfnguard::iam_user_no_policies_check")
#: AWS: AssumeRole takes ten managed policies for a session.
_MOST_POLICIES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionNeeds:
    """What a sign-in must carry beside the identity itself.

    Attributes:
        tags: session tags by key, each with its one value.
        source_identity: the source identity.
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    source_identity: str | None = None

    @classmethod
    def of(cls, tags: Mapping[str, str] | None, source_identity: str | None) -> SessionNeeds:
        """Check and return them.

        Raises:
            InvalidInput: for an empty mapping, a tag that AWS does not take, or an inexact value.
        """
        if source_identity is not None:
            require_exact("source_identity", source_identity)
            if known(source_identity) and not _SOURCE_IDENTITY.fullmatch(source_identity):
                raise invalid(
                    "source_identity", source_identity, allowed="2 to 64 characters out of letters, digits and +=,.@-_"
                )
        if tags is None:
            return cls(source_identity=source_identity)
        try:
            exact = checked_tags(project=None, team=None, tags=tags)
        except InvalidInput as error:  # its property is called otherwise there
            raise InvalidInput(f"session_{error}") from error
        for key, value in exact.items():
            require_exact(f"session_tags[{key!r}]", value)
        return cls(tags=exact, source_identity=source_identity)

    def asked(self) -> tuple[Condition, ...]:
        """What is asked of the sign-in."""
        return asked_of_session(tags=self.tags, source_identity=self.source_identity)

    def granted(self) -> tuple[tuple[str, tuple[Condition, ...]], ...]:
        """The actions that set them."""
        return granted_to_session(tags=self.tags, source_identity=self.source_identity)

    def require_others_than(self, tags: Mapping[str, str | None]) -> None:
        """Refuse keys of the role's own tags, which a session tag would replace and the role's trust policy denies."""
        own = {str(key).lower() for key, value in tags.items() if value is not None}
        for key in self.tags:
            if key.lower() in own:
                raise invalid("session_tags", key, allowed="keys that are no tags of the role itself")

    def require_none_of_certificates(self) -> None:
        """Refuse what Roles Anywhere sets by itself."""
        if self.tags:
            raise invalid(
                "session_tags", dict(self.tags), allowed="none: Roles Anywhere sets them from the certificate's fields"
            )
        if self.source_identity is not None:
            allowed = "none: Roles Anywhere sets it to the certificate's common name"
            raise invalid("source_identity", self.source_identity, allowed=allowed)


def seconds_of(duration: cdk.Duration | None) -> int:
    """Return a session's length in seconds. Raises InvalidInput outside 15 minutes to 12 hours."""
    if duration is None:
        return _HOUR
    if not isinstance(duration, cdk.Duration):
        raise invalid("session_duration", duration, allowed="a Duration of 15 minutes to 12 hours")
    seconds = duration.to_seconds(integral=False)
    if not _SHORTEST <= seconds <= _LONGEST or seconds != int(seconds):
        raise invalid("session_duration", f"{seconds:g} seconds", allowed="15 minutes to 12 hours, in whole seconds")
    return int(seconds)


def role_duration(seconds: int) -> cdk.Duration:
    """Return what the role is given: IAM takes no less than an hour."""
    return cdk.Duration.seconds(max(seconds, _HOUR))


def session_document(access: Access, policies: Iterable[object] | None) -> tuple[str, list[str]]:
    """Return the session policy of a profile, and the managed policies beside it.

    A session may do what the role's policies and these both allow; the role's say on what.
    """
    arns = arns_of("session_policies", policies, "managed_policy_arn")
    if len(arns) > _MOST_POLICIES:
        raise invalid("session_policies", f"{len(arns)} policies", allowed=f"at most {_MOST_POLICIES}")
    allows = allow_policies(access, limit=limit(MANAGED_POLICY))
    actions = unique(a for policy in allows for statement in policy.statements for a in statement.actions)
    only = Statement(effect="Allow", sid="Declared", actions=actions, resources=("*",))
    return json.dumps(Policy(statements=(only,)).to_plain(), separators=(",", ":")), list(arns)


def former_users_policy(scope: Construct, users: Iterable[object] | None) -> None:
    """Deny Bedrock to the long-term keys of users; AWS: aws:TokenIssueTime is there for temporary credentials alone."""
    names = [_user_name(user) for user in items_of("former_users", users)]
    if not names:
        return
    long_term = Condition(operator="Null", key="aws:TokenIssueTime", values=("true",))
    denial = Statement(
        effect="Deny", sid="LongTermKeys", actions=EVERY_ACTION, resources=("*",), conditions=(long_term,)
    )
    policy = iam.CfnManagedPolicy(
        scope, "FormerUsers", policy_document=Policy(statements=(denial,)).to_plain(), users=list(dict.fromkeys(names))
    )
    reason = "it denies: the keys are these users' own, and a group would have to be theirs first"
    acknowledge(policy, dict.fromkeys(_ON_USERS, reason))


def _user_name(user: object) -> str:
    name = user if isinstance(user, str) else getattr(user, "user_name", None)
    if not isinstance(name, str) or not name:
        raise invalid("former_users", user, allowed="names of IAM users, or their constructs")
    if known(name) is not None and (":" in name or "*" in name):
        raise InvalidInput(f"former_users: got {name!r}; allowed is a user's name, without its ARN")
    return name
