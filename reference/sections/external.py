"""What `cdk.json` may say of workloads outside AWS."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class CertificateConfiguration:
    """A server with a certificate; see `ExternalWorkload.roles_anywhere` for each of these.

    Attributes:
        common_name: the subject's CN.
        trust_anchor: ARN of one that exists; or
        certificate_bundle: the authority's certificates, PEM, from which one is made.
        issuer_common_name: the issuer's CN; None where it is not asked.
        revocation_list: the authority's revocation list, PEM; None for none.
        session_minutes: how long a session lasts, 15 minutes to 12 hours.
        former_users: IAM users whose access keys it used before; None for none.
    """

    common_name: str
    trust_anchor: str | None = None
    certificate_bundle: str | None = None
    issuer_common_name: str | None = None
    revocation_list: str | None = None
    session_minutes: int = 60
    former_users: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class GithubConfiguration:
    """The jobs of one environment of a GitHub repository; see `ExternalWorkload.github_actions` for each of these.

    Attributes:
        repository: `owner/name`.
        environment: the environment, which should have protection rules.
        owner_id: GitHub's number of the owner; None where names are enough.
        repository_id: GitHub's number of the repository, likewise.
        provider: ARN of the account's provider of GitHub; None where it is made.
        anywhere: whether the jobs may call from any network, as hosted runners must.
    """

    repository: str
    environment: str
    owner_id: str | None = None
    repository_id: str | None = None
    provider: str | None = None
    anywhere: bool = False


@dataclass(frozen=True, kw_only=True)
class ExternalConfiguration:
    """Workloads outside AWS; with none named, nothing is made.

    Attributes:
        certificate: a server with a certificate, None for none; with `on_premises` it calls from those networks through
            the endpoint, without it from `source_ips`.
        github: the jobs of a GitHub environment, None for none; they call from `source_ips`, or from anywhere.
        source_ips: public ranges they call from, None for none.
    """

    certificate: CertificateConfiguration | None = None
    github: GithubConfiguration | None = None
    source_ips: tuple[str, ...] | None = None
