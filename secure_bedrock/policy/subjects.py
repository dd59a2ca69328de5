"""The subjects that CI servers and clusters write into their tokens, and the claims that tie them to one owner."""

from __future__ import annotations

import re

from secure_bedrock.errors import invalid
from secure_bedrock.policy._federation_tables import claims_of
from secure_bedrock.policy.federation import require_exact

GITHUB_URL = "https://token.actions.githubusercontent.com"
GITLAB_URL = "https://gitlab.com"

_REPOSITORY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?/[A-Za-z0-9._-]+")
_ID = re.compile(r"[1-9][0-9]*")
_REF = re.compile(r"refs/(?:heads|tags)/[^\s:?*\[\\^~]+")
_BRANCH = re.compile(r"[^\s:?*\[\\^~]+")
_PROJECT = re.compile(r"[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)+")
_NAMESPACE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_SERVICE_ACCOUNT = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")


def github_subjects(
    *,
    repository: str,
    ref: str | None = None,
    environment: str | None = None,
    owner_id: str | None = None,
    repository_id: str | None = None,
) -> tuple[str, ...]:
    """Return the forms of `sub` of a GitHub Actions job.

    GitHub writes a `:` in a value as `%3A`, and puts `@` and the ids behind the names where the repository has
    immutable subjects, which every one created, renamed or transferred after 2026-07-15 has
    (GitHub, "OpenID Connect reference"). With the ids given both forms are returned: the claims that go with them
    tell one repository from another of the same name.

    Raises:
        InvalidInput: for a repository that is not `owner/name`, neither or both of ref and environment,
            a ref that is no branch or tag, or one id without the other.
    """
    if not isinstance(repository, str) or not _REPOSITORY.fullmatch(repository):
        raise invalid("repository", repository, allowed="one repository, as 'owner/name'")
    if (ref is None) == (environment is None):
        raise invalid("ref", ref, allowed="exactly one of ref and environment")
    context = _context(ref, environment)
    plain = f"repo:{repository}:{context}"
    ids = github_ids(owner_id=owner_id, repository_id=repository_id)
    if not ids:
        return (plain,)
    owner, _, name = repository.partition("/")
    return f"repo:{owner}@{ids['repository_owner_id']}/{name}@{ids['repository_id']}:{context}", plain


def github_ids(*, owner_id: str | None, repository_id: str | None) -> dict[str, str]:
    """Return the claims that hold GitHub's numbers of owner and repository, which are never given to another.

    Raises:
        InvalidInput: for one without the other, or what is no number.
    """
    if owner_id is None and repository_id is None:
        return {}
    for key, value in {"owner_id": owner_id, "repository_id": repository_id}.items():
        if not isinstance(value, str) or not _ID.fullmatch(value):
            raise invalid(key, value, allowed="GitHub's number of it, as text; both ids or neither")
    return {"repository_id": str(repository_id), "repository_owner_id": str(owner_id)}


def _context(ref: str | None, environment: str | None) -> str:
    if ref is not None:
        if not isinstance(ref, str) or not _REF.fullmatch(ref):
            raise invalid("ref", ref, allowed="one branch or tag, as 'refs/heads/main' or 'refs/tags/v1'")
        return f"ref:{ref}"
    name = require_exact("environment", environment)
    if "%3a" in name.lower():
        raise invalid("environment", name, allowed="the environment's own name; its colons are escaped here")
    return f"environment:{name.replace(':', '%3A')}"


def gitlab_subject(*, project: str, branch: str | None = None, tag: str | None = None) -> str:
    """Return the `sub` of a GitLab job (GitLab, "OpenID Connect (OIDC) authentication using ID tokens").

    Raises:
        InvalidInput: for a project that is not `group/project`, or neither or both of branch and tag.
    """
    if not isinstance(project, str) or not _PROJECT.fullmatch(project):
        raise invalid("project", project, allowed="one project with its groups, as 'group/project'")
    if (branch is None) == (tag is None):
        raise invalid("branch", branch, allowed="exactly one of branch and tag")
    kind, name = ("branch", branch) if tag is None else ("tag", tag)
    if not isinstance(name, str) or not _BRANCH.fullmatch(name):
        raise invalid(kind, name, allowed=f"one {kind} by its name, without wildcards")
    return f"project_path:{project}:ref_type:{kind}:ref:{name}"


def gitlab_claims(*, issuer: str, project_id: str | None, ref_protected: bool | None) -> dict[str, str]:
    """Return the claims that hold a GitLab project's number, and that its branch or tag is protected.

    Where AWS carries the second, it is asked for unless `ref_protected` is False: without it a merge request of a fork
    that a maintainer runs in the project can have the subject of the branch it is named after.

    Raises:
        InvalidInput: for what is no number, or a claim that AWS does not carry of the issuer.
    """
    if project_id is not None and (not isinstance(project_id, str) or not _ID.fullmatch(project_id)):
        raise invalid("project_id", project_id, allowed="GitLab's number of the project, as text")
    if ref_protected is not None and not isinstance(ref_protected, bool):
        raise invalid("ref_protected", ref_protected, allowed="True or False")
    known = claims_of(issuer)
    protected = "ref_protected" in known if ref_protected is None else ref_protected
    asked = {"project_id": project_id, "ref_protected": "true" if protected else None}
    for claim, value in asked.items():
        if value is not None and claim not in known:
            raise invalid(claim, value, allowed=f"nothing: AWS carries no claim of {issuer} but audience and subject")
    return {claim: value for claim, value in asked.items() if value is not None}


def kubernetes_subject(*, namespace: str, service_account: str) -> str:
    """Return the `sub` of a Kubernetes service account's token.

    Raises:
        InvalidInput: for what is no name of a namespace or service account.
    """
    if not isinstance(namespace, str) or not _NAMESPACE.fullmatch(namespace):
        raise invalid("namespace", namespace, allowed="one namespace by its name")
    if not isinstance(service_account, str) or not _SERVICE_ACCOUNT.fullmatch(service_account):
        raise invalid("service_account", service_account, allowed="one service account by its name")
    return f"system:serviceaccount:{namespace}:{service_account}"
