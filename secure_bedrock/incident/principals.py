"""How a role, a session, a user or a credential is cut off."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from secure_bedrock.errors import invalid
from secure_bedrock.incident.looking import Search, denied_from_now_on, exports, jobs_left, lookup, what_was_done
from secure_bedrock.incident.organization_policy import attached
from secure_bedrock.incident.plan import Document, Plan, Step, aws, from_file, unknown
from secure_bedrock.incident.subjects import Subject, as_iam_writes
from secure_bedrock.policy.containment import (
    CONTAINMENT_POLICY,
    closed_trust,
    cut_off,
    nobody,
    sessions_before,
    sessions_named,
)
from secure_bedrock.policy.document import Policy
from secure_bedrock.policy.reserved import NAME_PREFIX, REVOKED_TAG

_SESSIONS_FILE = "incident-sessions.json"
_TRUST_BEFORE = "incident-trust-before.json"
_SESSIONS = f"{CONTAINMENT_POLICY}-sessions"
_ELSEWHERE = (
    "Roles that were assumed before: their sessions are those of another role. Read the query's answer for AssumeRole",
    "Whatever acts for it with a role of its own: functions, instances, agents and jobs that it may change or start",
    "A request that is being answered, and for some seconds those that follow: IAM is eventually consistent",
)
_NO_USERS = "an app of this library makes no users; BedrockOrgGuardrailSCP(deny_api_keys=True) stops their API keys"


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """How a principal is to be cut off.

    Attributes:
        before: sessions issued before are revoked.
        everything: deny every service, not Bedrock alone. Default: Bedrock, IAM and other roles.
        user_name: whose credential it is, where it is one. Default: not known.
        target: the account, OU or root that a policy of the organisation is put over besides. Default: none.
    """

    before: datetime
    everything: bool = False
    user_name: str = ""
    target: str | None = None


def plan_for(subject: Subject, orders: Orders, search: Search) -> Plan:
    """Return what cuts a principal off.

    Raises:
        InvalidInput: for a role that only AWS changes, without a target.
    """
    if subject.is_kept_by_aws:
        return _of_kept_role(subject, orders, search)
    plans = {
        "role": _of_role,
        "session": _of_session,
        "user": _of_user,
        "access-key": _of_credential,
        "service-credential": _of_credential,
    }
    plan = plans[subject.kind](subject, orders, search)
    if subject.text.startswith("arn:") and subject.kind != "session":
        above, undo = attached(nobody(only=(subject.text,)), orders.target)
        plan = replace(plan, acts=(*plan.acts, *above), undoes=(*undo, *plan.undoes))
    return plan


def _of_kept_role(subject: Subject, orders: Orders, search: Search) -> Plan:
    """No policy can be attached to it: the organisation's stop it, and where people come from."""
    if orders.target is None or subject.kind != "role":
        raise invalid(
            "principal",
            subject.text,
            allowed="a role that the account may change",
            remedy="IAM Identity Center and AWS services keep this one: give its ARN and --target, the account, OU or "
            "root that a policy of the organisation may be put over",
        )
    acts, undoes = attached(nobody(only=(subject.text,)), orders.target)
    return Plan(
        subject=f"the role {subject.text}",
        acts=(*acts, jobs_left(search.region)),
        configuration="none: BedrockOrgGuardrailSCP says what every role of an account may do",
        checks=(
            denied_from_now_on(subject.text, exports(with_organization=True)),
            what_was_done(subject.text, search),
        ),
        undoes=undoes,
        open=(
            "People: in IAM Identity Center disable the user and end its sessions",
            "Service-linked roles, which no policy of the organisation binds",
            *_ELSEWHERE,
        ),
    )


def _of_role(subject: Subject, orders: Orders, search: Search) -> Plan:
    role = ("--role-name", subject.name)
    trust = Document(name="incident-trust.json", policy=closed_trust())
    acts = [
        _deny(subject, cut_off(everything=orders.everything)),
        _revoke(subject, as_iam_writes(orders.before)),
        Step(
            title="Where whoever assumes the role is not trusted any more: let nobody become it",
            why="New sessions are as cut off as the old ones while the first policy stands; this is for longer",
            commands=(
                aws("iam", "get-role", *role, "--query", "Role.AssumeRolePolicyDocument", saved=_TRUST_BEFORE),
                aws("iam", "update-assume-role-policy", *role, "--policy-document", from_file(trust)),
            ),
            document=trust,
        ),
        jobs_left(search.region),
    ]  # fmt: skip
    undoes = [
        Step(
            title="Let sessions be made again",
            why="The trust policy as it was",
            commands=(
                aws(
                    "iam", "update-assume-role-policy", *role,
                    "--policy-document", f"file://{_TRUST_BEFORE}",
                ),
            ),
        ),
        Step(
            title="Take the denies away",
            why="Keep the one on older sessions until the last of them has ended, at most twelve hours later",
            commands=(
                aws("iam", "delete-role-policy", *role, "--policy-name", CONTAINMENT_POLICY),
                aws("iam", "delete-role-policy", *role, "--policy-name", _SESSIONS),
            ),
        ),
    ]  # fmt: skip
    if subject.name.startswith(NAME_PREFIX):
        tag = Step(
            title="Tag the role, as a role of this library",
            why="One call, heard by its own ceiling: every Bedrock call of every session is denied, API keys included",
            commands=(aws("iam", "tag-role", *role, "--tags", f"Key={REVOKED_TAG},Value=incident"),),
        )
        untag = Step(
            title="Take the tag away",
            why="Last: what the library denies by it is allowed again",
            commands=(aws("iam", "untag-role", *role, "--tag-keys", REVOKED_TAG),),
        )
        acts, undoes = [tag, *acts], [*undoes, untag]
    return Plan(
        subject=f"the role {subject.text}",
        acts=tuple(acts),
        configuration=(
            f'ScopedInvokeRole(suspended=True, revoke_sessions_before="{as_iam_writes(orders.before)}"), which takes '
            "the role out of every endpoint too"
        ),
        checks=(
            denied_from_now_on(subject.text, exports()),
            what_was_done(subject.text, search),
            lookup("ResourceName", subject.text, search, title="See who became the role"),
        ),
        undoes=tuple(undoes),
        open=_ELSEWHERE,
    )  # fmt: skip


def _of_session(subject: Subject, orders: Orders, search: Search) -> Plan:
    role = ("--role-name", subject.name)
    return Plan(
        subject=f"the session {subject.session} of the role {subject.name}",
        acts=(
            _put(
                subject, sessions_named(subject.session), "incident-session.json",
                title="Deny everything to the sessions of this name",
                why="Other sessions of the role go on. Who chooses a session's name may choose another: revoke all",
            ),
            _revoke(subject, as_iam_writes(orders.before)),
            jobs_left(search.region),
        ),
        configuration=f'ScopedInvokeRole(revoke_sessions_before="{as_iam_writes(orders.before)}")',
        checks=(
            denied_from_now_on(subject.text, exports()),
            lookup("Username", subject.session, search, title="Read what the session did, of every service"),
        ),
        undoes=(
            Step(
                title="Take the denies away",
                why="When the last session from before has ended, at most twelve hours later",
                commands=(
                    aws("iam", "delete-role-policy", *role, "--policy-name", CONTAINMENT_POLICY),
                    aws("iam", "delete-role-policy", *role, "--policy-name", _SESSIONS),
                ),
            ),
        ),
        open=_ELSEWHERE,
    )  # fmt: skip


def _of_user(subject: Subject, orders: Orders, search: Search) -> Plan:
    user = ("--user-name", subject.name)
    return Plan(
        subject=f"the user {subject.text}",
        acts=(
            _deny(subject, cut_off(everything=orders.everything)),
            _deactivated(user),
            Step(
                title="Take the password away",
                why="The console stays shut; it fails where there is none",
                commands=(aws("iam", "delete-login-profile", *user),),
            ),
            jobs_left(search.region),
        ),
        configuration=_NO_USERS,
        checks=(
            denied_from_now_on(subject.text, exports()),
            what_was_done(subject.text, search),
            lookup("Username", subject.name, search, title="Read it without a log group of the trail"),
        ),
        undoes=(
            Step(
                title="Make new credentials, and let none of the old ones in again",
                why="Then take the deny away",
                commands=(
                    aws("iam", "delete-access-key", *user, "--access-key-id", unknown("ACCESS_KEY_ID")),
                    aws(
                        "iam", "delete-service-specific-credential", *user,
                        "--service-specific-credential-id", unknown("CREDENTIAL_ID"),
                    ),
                    aws("iam", "delete-user-policy", *user, "--policy-name", CONTAINMENT_POLICY),
                ),
            ),
        ),
        open=_ELSEWHERE,
    )  # fmt: skip


def _of_credential(subject: Subject, orders: Orders, search: Search) -> Plan:
    user_name = orders.user_name or unknown("USER_NAME")
    user = ("--user-name", user_name)
    if subject.kind == "access-key":
        words = "access-key", "--access-key-id"
        found = aws("iam", "get-access-key-last-used", "--access-key-id", subject.name)
    else:
        words = "service-specific-credential", "--service-specific-credential-id"
        found = aws("iam", "list-service-specific-credentials", "--all-users")
    status = (words[1], subject.name, "--status")
    done = (
        what_was_done(subject.name, search)
        if subject.kind == "access-key"
        else lookup("Username", user_name, search, title="Read what the user did: records do not name the credential")
    )
    return Plan(
        subject=f"the {'access key' if subject.kind == 'access-key' else 'Bedrock API key'} {subject.name}",
        acts=(
            Step(
                title="Deactivate it",
                why="The user's other credentials work on, and so do sessions that were made with this one",
                commands=(found, aws("iam", f"update-{words[0]}", *user, *status, "Inactive")),
            ),
            _put(
                Subject(text=user_name, kind="user", name=user_name), cut_off(),
                "incident-deny.json",
                title="Deny Bedrock to the user",
                why="Sessions made with the key have the user's rights, so they are stopped too",
            ),
            jobs_left(search.region),
        ),
        configuration=_NO_USERS,
        checks=(done,),
        undoes=(
            Step(
                title="Delete the credential, make a new one, and take the deny away",
                why="What has leaked stays leaked; if it had not, set its status to Active instead",
                commands=(
                    aws("iam", f"delete-{words[0]}", *user, words[1], subject.name),
                    aws("iam", "delete-user-policy", *user, "--policy-name", CONTAINMENT_POLICY),
                ),
            ),
        ),
        open=_ELSEWHERE,
    )  # fmt: skip


def _deny(subject: Subject, policy: Policy) -> Step:
    return _put(
        subject, policy, "incident-deny.json",
        title="Deny Bedrock, IAM and other roles to it" if len(policy.statements) > 1 else "Deny everything to it",
        why="Explicit, so that nothing else that is attached matters, and running sessions are stopped; where the "
        "organisation guards the role, `role_administrators` alone may do this",
    )  # fmt: skip


def _revoke(subject: Subject, time: str) -> Step:
    return _put(
        subject, sessions_before(time), _SESSIONS_FILE,
        title=f"Deny everything, of every service, to sessions from before {time}",
        why="Credentials that somebody took along end here, and API keys made from them; new sessions are not touched",
    )  # fmt: skip


def _put(subject: Subject, policy: Policy, file: str, *, title: str, why: str) -> Step:
    kind = "user" if subject.kind == "user" else "role"
    name = _SESSIONS if file == _SESSIONS_FILE else CONTAINMENT_POLICY
    document = Document(name=file, policy=policy)
    words = ("iam", f"put-{kind}-policy", f"--{kind}-name", subject.name, "--policy-name", name)
    return Step(
        title=title, why=why, document=document, commands=(aws(*words, "--policy-document", from_file(document)),)
    )


def _deactivated(user: tuple[str, ...]) -> Step:
    return Step(
        title="Deactivate its keys, Bedrock API keys among them",
        why="Each that is listed; the deny above stops them already, this ends them for every service",
        commands=(
            aws("iam", "list-access-keys", *user),
            aws(
                "iam", "update-access-key", *user, "--access-key-id", unknown("ACCESS_KEY_ID"), "--status", "Inactive"
            ),
            aws("iam", "list-service-specific-credentials", *user),
            aws(
                "iam", "update-service-specific-credential", *user,
                "--service-specific-credential-id", unknown("CREDENTIAL_ID"), "--status", "Inactive",
            ),
        ),
    )  # fmt: skip
