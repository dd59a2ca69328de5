"""The denies of an incident: what stops somebody at once, whatever allows them, and goes when the incident is over.

An explicit deny counts wherever it stands and is read anew at every request, so running sessions are stopped too (IAM
User Guide, "Policy evaluation logic", "Revoking IAM role temporary security credentials"). Service control policies
bind neither the management account nor service-linked roles (AWS Organizations User Guide, "Service control policies").
"""

from __future__ import annotations

from collections.abc import Iterator

from secure_bedrock.errors import invalid
from secure_bedrock.policy.document import ANYBODY, Condition, Policy, Statement
from secure_bedrock.policy.services import EVERY_ACTION

#: The name of every policy of an incident, under which it is looked for and removed.
CONTAINMENT_POLICY = "secure-bedrock-incident"

#: How somebody who is cut off would undo it, or go on as somebody else.
_WAYS_OUT = ("iam:*", "sts:AssumeRole*", "sts:AssumeRoot", "sts:GetFederationToken", "sts:GetSessionToken")
_BECOMING = ("sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity", "sts:TagSession")


def cut_off(*, everything: bool = False) -> Policy:
    """Return what a role or user bears that may not call Bedrock, nor change IAM, nor become another role.

    Args:
        everything: deny every action of every service.
    """
    if everything:
        return _policy(Statement(effect="Deny", sid="IncidentNothing", actions=("*",), resources=("*",)))
    return _policy(
        Statement(effect="Deny", sid="IncidentNoBedrock", actions=EVERY_ACTION, resources=("*",)),
        Statement(effect="Deny", sid="IncidentNoWayOut", actions=_WAYS_OUT, resources=("*",)),
    )


def sessions_before(time: str) -> Policy:
    """Return what denies everything to a role's sessions from before a time, as AWSRevokeOlderSessions does.

    Args:
        time: as IAM writes it, such as `2026-01-31T12:00:00Z`.
    """
    issued = Condition(operator="DateLessThan", key="aws:TokenIssueTime", values=(time,), if_exists=True)
    return _policy(
        Statement(effect="Deny", sid="IncidentOlderSessions", actions=("*",), resources=("*",), conditions=(issued,))
    )


def sessions_named(name: str) -> Policy:
    """Return what denies everything to a role's sessions of one name, running or to come.

    Raises:
        InvalidInput: for what is no name of a session.
    """
    if not name or any(sign in name for sign in "*?:/$"):
        raise invalid("session", name, allowed="a session's name, as the end of its ARN has it")
    own = Condition(operator="StringLike", key="aws:userid", values=(f"*:{name}",))
    return _policy(Statement(effect="Deny", sid="IncidentSession", actions=("*",), resources=("*",), conditions=(own,)))


def nobody_tagged(key: str, value: str) -> Policy:
    """Return a service control policy that denies Bedrock to whoever bears a tag, and to anybody on what bears it.

    A session may bring another value under the key where the role's trust lets it; what it calls still bears the tag.
    """

    def held() -> Iterator[Statement]:
        for sid, kind in (("IncidentPrincipals", "PrincipalTag"), ("IncidentResources", "ResourceTag")):
            tagged = Condition(operator="StringEquals", key=f"aws:{kind}/{key}", values=(value,))
            yield Statement(effect="Deny", sid=sid, actions=EVERY_ACTION, resources=("*",), conditions=(tagged,))

    return _policy(*held())


def nobody(*, but: tuple[str, ...] = (), only: tuple[str, ...] = ()) -> Policy:
    """Return a service control policy that denies Bedrock to every account it stands over.

    Args:
        but: ARNs of the roles that go on, those who respond among them.
        only: ARNs of the principals it is about. Default: everybody.
    """
    key = "aws:PrincipalArn"
    spared = (Condition(operator="ArnNotEquals", key=key, values=but),) if but else ()
    meant = (Condition(operator="ArnEquals", key=key, values=only),) if only else ()
    deny = Statement(
        effect="Deny", sid="IncidentNoBedrock", actions=EVERY_ACTION, resources=("*",), conditions=(*spared, *meant)
    )
    return _policy(deny)


def closed_endpoint() -> Policy:
    """Return an endpoint's policy that lets nobody through."""
    return _policy(Statement(effect="Deny", sid="IncidentClosed", principals=ANYBODY, actions=("*",), resources=("*",)))


def closed_trust() -> Policy:
    """Return a role's trust policy by which nobody becomes it."""
    return _policy(Statement(effect="Deny", sid="IncidentNobody", principals=ANYBODY, actions=_BECOMING))


def _policy(*statements: Statement) -> Policy:
    return Policy(statements=statements, name=CONTAINMENT_POLICY)
