"""Which workload outside AWS is meant, and how it proves itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from secure_bedrock.constructs._external_pem import require_certificates, require_revocation_list
from secure_bedrock.constructs.principals import certificate_fields
from secure_bedrock.errors import InvalidInput, invalid
from secure_bedrock.policy.federation import (
    AUDIENCE,
    certificate_conditions,
    issuer_of,
    oidc_conditions,
    saml_conditions,
)
from secure_bedrock.policy.lists import items_of
from secure_bedrock.policy.subjects import (
    GITHUB_URL,
    GITLAB_URL,
    github_ids,
    github_subjects,
    gitlab_claims,
    gitlab_subject,
    kubernetes_subject,
)

#: Checked before an account is known: what stands in for an ARN or an address.
_SOME = "checked"
_THUMBPRINT = re.compile(r"[0-9A-Fa-f]{40}")
#: AWS: an OIDC provider has at most five thumbprints.
_MOST_THUMBPRINTS = 5
#: AWS: CreateSAMLProvider takes no shorter document.
_SHORTEST_METADATA = 1_000


class ExternalWorkload:
    """One workload outside AWS: a certificate's holder, a job of GitHub or GitLab, a pod, or a SAML subject.

    Made by the functions below, each of which refuses wildcards: a workload is one workload.
    """

    __slots__ = ()

    @staticmethod
    def roles_anywhere(
        *,
        trust_anchor: object | None = None,
        certificate_authority: object | None = None,
        certificate_bundle: str | None = None,
        common_name: str | None = None,
        organization: str | None = None,
        organizational_unit: str | Iterable[str] | None = None,
        san_dns: str | None = None,
        san_uri: str | None = None,
        issuer_common_name: str | None = None,
        attributes: Mapping[str, str | Iterable[str]] | None = None,
        revocation_list: str | None = None,
    ) -> CertificateWorkload:
        """Return the holder of a certificate, who signs in through IAM Roles Anywhere.

        Exactly one of the first three says whose certificates count. Whoever holds the key of that authority can
        write any name into a certificate: an authority of this workload's own is safest.

        Args:
            trust_anchor: one of this account and Region that exists: its ARN or construct.
            certificate_authority: an AWS Private CA, by its ARN or construct; a trust anchor is made for it.
            certificate_bundle: certificates of an authority of one's own, PEM; a trust anchor is made for them.
            common_name: the subject's CN.
            organization: the subject's O.
            organizational_unit: the subject's OU; a list where the certificate has several, in its order.
            san_dns: the first DNS name.
            san_uri: the first URI, such as a SPIFFE id.
            issuer_common_name: the issuer's CN.
            attributes: further fields, such as `x509Subject/SERIALNUMBER`.
            revocation_list: the authority's revocation list, PEM. Default: none; a stolen certificate works until it
                expires.

        Raises:
            InvalidInput: for none or several authorities, no field that tells the workload, or a private key.
        """
        given = {
            "trust_anchor": trust_anchor,
            "certificate_authority": certificate_authority,
            "certificate_bundle": certificate_bundle,
        }
        if sum(value is not None for value in given.values()) != 1:
            names = [name for name, value in given.items() if value is not None]
            raise InvalidInput(f"trust_anchor: got {names or 'nothing'}; allowed is exactly one of {', '.join(given)}")
        fields = certificate_fields(
            common_name=common_name,
            organization=organization,
            organizational_unit=organizational_unit,
            san_dns=san_dns,
            san_uri=san_uri,
            issuer_common_name=issuer_common_name,
            attributes=attributes,
        )
        read = {key: value if isinstance(value, str) else tuple(value) for key, value in fields.items()}
        certificate_conditions(trust_anchor_arn=_SOME, attributes=read)
        return CertificateWorkload(
            trust_anchor=trust_anchor,
            certificate_authority=certificate_authority,
            certificate_bundle=None if certificate_bundle is None else require_certificates(certificate_bundle),
            fields=MappingProxyType(read),
            revocation_list=None if revocation_list is None else require_revocation_list(revocation_list),
        )

    @staticmethod
    def github_actions(
        *,
        repository: str,
        ref: str | None = None,
        environment: str | None = None,
        owner_id: str | None = None,
        repository_id: str | None = None,
        claims: Mapping[str, str] | None = None,
        audience: str = AUDIENCE,
        issuer: str = GITHUB_URL,
        provider: object | None = None,
        thumbprints: Iterable[str] | None = None,
    ) -> OidcWorkload:
        """Return the jobs of one branch, tag or environment of a GitHub repository.

        Pull requests, those of forks among them, have another subject and get nothing. A workflow on
        `pull_request_target` runs as its base branch: prefer an environment with protection rules.
        Without the ids a subject is but names, which somebody else can take once they are free.
        AWS: IAM User Guide, "IAM and AWS STS condition context keys", GitHub; GitHub: "OpenID Connect reference",
        immutable subject claims.

        Args:
            repository: `owner/name`, as GitHub writes it: capitals count.
            ref: `refs/heads/BRANCH` or `refs/tags/TAG`.
            environment: the environment's name; one of ref and environment is asked.
            owner_id: GitHub's number of the owner; with repository_id it is asked for, and repositories with and
                without immutable subjects are both let in.
            repository_id: GitHub's number of the repository, likewise.
            claims: further claims, such as `job_workflow_ref`. Default: none.
            audience: what the job asks its token for. Default: `sts.amazonaws.com`, as AWS's action does.
            issuer: the GitHub server, as `https://token.actions.ENTERPRISE.ghe.com`. Default: github.com.
            provider: the account's provider of the issuer, by its ARN or construct. Default: one is made in this stack;
                an account has one for each issuer.
            thumbprints: of the provider that is made, for an issuer whose certificate no public authority signed.
                Default: none; AWS checks public ones by itself.

        Raises:
            InvalidInput: for a wildcard, a malformed name, or neither or both of ref and environment.
        """
        ids = github_ids(owner_id=owner_id, repository_id=repository_id)
        subjects = github_subjects(
            repository=repository, ref=ref, environment=environment, owner_id=owner_id, repository_id=repository_id
        )
        return _oidc(issuer, audience, subjects, _with(ids, claims), provider, thumbprints)

    @staticmethod
    def gitlab(
        *,
        project: str,
        branch: str | None = None,
        tag: str | None = None,
        project_id: str | None = None,
        ref_protected: bool | None = None,
        claims: Mapping[str, str] | None = None,
        audience: str = AUDIENCE,
        issuer: str = GITLAB_URL,
        provider: object | None = None,
        thumbprints: Iterable[str] | None = None,
    ) -> OidcWorkload:
        """Return the jobs of one branch or tag of a GitLab project.

        AWS: IAM User Guide, "IAM and AWS STS condition context keys", GitLab; GitLab: "OpenID Connect (OIDC)
        authentication using ID tokens".

        Args:
            project: `group/project`, with every group.
            branch: the branch's name; one of branch and tag is asked.
            tag: the tag's name.
            project_id: GitLab's number of the project, which no other project gets. Default: not asked.
            ref_protected: ask that the branch or tag is a protected one. Default: True where AWS carries the claim,
                which is gitlab.com: a fork's merge request can run under the name of a branch.
            claims: further claims of gitlab.com, such as `namespace_id`. Default: none.
            audience: the `aud` of the job's `id_tokens`. Default: `sts.amazonaws.com`.
            issuer: the GitLab server. Default: gitlab.com.
            provider: as in `github_actions`.
            thumbprints: as in `github_actions`.

        Raises:
            InvalidInput: for a wildcard, a malformed name, or neither or both of branch and tag.
        """
        asked = gitlab_claims(issuer=issuer_of(issuer), project_id=project_id, ref_protected=ref_protected)
        subject = gitlab_subject(project=project, branch=branch, tag=tag)
        return _oidc(issuer, audience, (subject,), _with(asked, claims), provider, thumbprints)

    @staticmethod
    def kubernetes(
        *,
        issuer: str,
        namespace: str,
        service_account: str,
        audience: str = AUDIENCE,
        provider: object | None = None,
        thumbprints: Iterable[str] | None = None,
    ) -> OidcWorkload:
        """Return the pods of one service account of one cluster, in EKS or elsewhere.

        Whoever may start pods in the namespace may use the service account.

        Args:
            issuer: the cluster's issuer URL.
            namespace: the namespace's name.
            service_account: the service account's name.
            audience: the audience of the projected token. Default: `sts.amazonaws.com`.
            provider: as in `github_actions`.
            thumbprints: as in `github_actions`.

        Raises:
            InvalidInput: for a wildcard or a malformed name.
        """
        subject = kubernetes_subject(namespace=namespace, service_account=service_account)
        return _oidc(issuer, audience, (subject,), None, provider, thumbprints)

    @staticmethod
    def oidc(
        *,
        issuer: str,
        audience: str,
        subject: str,
        claims: Mapping[str, str] | None = None,
        provider: object | None = None,
        thumbprints: Iterable[str] | None = None,
    ) -> OidcWorkload:
        """Return whoever holds a token of an issuer with exactly this audience and subject.

        Args:
            issuer: the issuer's https URL.
            audience: the `aud` claim.
            subject: the `sub` claim, whole.
            claims: further claims; AWS carries few, and of most issuers none. Default: none.
            provider: as in `github_actions`.
            thumbprints: as in `github_actions`.

        Raises:
            InvalidInput: for a wildcard, or a claim that AWS does not carry, which would let nobody in.
        """
        return _oidc(issuer, audience, (subject,), claims, provider, thumbprints)

    @staticmethod
    def saml(
        *,
        provider: object | None = None,
        metadata: str | None = None,
        subject: str | None = None,
        attributes: Mapping[str, str] | None = None,
        audience: str | None = None,
    ) -> SamlWorkload:
        """Return whoever brings a SAML assertion with these values.

        Args:
            provider: the account's SAML provider, by its ARN or construct; or
            metadata: the identity provider's metadata, XML, from which one is made.
            subject: the assertion's NameID.
            attributes: further values by AWS's names, such as `edupersonprincipalname`. One of subject and attributes
                must tell the workload.
            audience: the assertion's recipient. Default: AWS's sign-in of the partition.

        Raises:
            InvalidInput: for a wildcard, none or both of provider and metadata, or nothing that tells the workload.
        """
        if (provider is None) == (metadata is None):
            raise invalid("provider", provider, allowed="exactly one of provider and metadata")
        if metadata is not None and (
            not isinstance(metadata, str) or "EntityDescriptor" not in metadata or len(metadata) < _SHORTEST_METADATA
        ):
            allowed = f"the identity provider's metadata as XML text of at least {_SHORTEST_METADATA} characters"
            raise invalid("metadata", metadata, allowed=allowed)
        if attributes is not None and (not isinstance(attributes, Mapping) or not attributes):
            raise invalid("attributes", attributes, allowed="a mapping with at least one entry")
        values = {**({} if subject is None else {"sub": subject}), **(attributes or {})}
        saml_conditions(audience=audience or _SOME, attributes=values)
        return SamlWorkload(
            provider=provider, metadata=metadata, audience=audience, attributes=MappingProxyType(values)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateWorkload(ExternalWorkload):
    """The holder of a certificate; see `ExternalWorkload.roles_anywhere`."""

    trust_anchor: object | None
    certificate_authority: object | None
    certificate_bundle: str | None
    fields: Mapping[str, str | tuple[str, ...]]
    revocation_list: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcWorkload(ExternalWorkload):
    """The holder of an OIDC token; see `ExternalWorkload.oidc`. The issuer is without https://."""

    issuer: str
    audience: str
    subjects: tuple[str, ...]
    claims: Mapping[str, str]
    provider: object | None
    thumbprints: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SamlWorkload(ExternalWorkload):
    """Whoever brings a SAML assertion; see `ExternalWorkload.saml`."""

    provider: object | None
    metadata: str | None
    audience: str | None
    attributes: Mapping[str, str]


def _oidc(  # noqa: PLR0917 - what the functions above have in common
    issuer: str,
    audience: str,
    subjects: tuple[str, ...],
    claims: Mapping[str, str] | None,
    provider: object | None,
    thumbprints: Iterable[str] | None,
) -> OidcWorkload:
    if claims is not None and not isinstance(claims, Mapping):
        raise invalid("claims", claims, allowed="a mapping with at least one entry")
    host = issuer_of(issuer)
    oidc_conditions(issuer=host, audience=audience, subjects=subjects, claims=claims)
    return OidcWorkload(
        issuer=host,
        audience=audience,
        subjects=subjects,
        claims=MappingProxyType(dict(claims or {})),
        provider=provider,
        thumbprints=_thumbprints(provider, thumbprints),
    )


def _with(asked: Mapping[str, str], claims: Mapping[str, str] | None) -> Mapping[str, str]:
    """The claims that properties of their own ask for, and further ones."""
    if claims is None:
        return asked
    if not isinstance(claims, Mapping) or not claims:
        raise invalid("claims", claims, allowed="a mapping with at least one entry")
    for key in claims:
        if key in asked:
            raise invalid("claims", key, allowed="claims beside those that properties of their own ask for")
    return {**asked, **claims}


def _thumbprints(provider: object | None, thumbprints: Iterable[str] | None) -> tuple[str, ...]:
    given = items_of("thumbprints", thumbprints)
    if given and provider is not None:
        raise invalid("thumbprints", given, allowed="thumbprints of a provider that is made here, without provider")
    if len(given) > _MOST_THUMBPRINTS:
        raise invalid("thumbprints", given, allowed=f"at most {_MOST_THUMBPRINTS}")
    for each in given:
        if not isinstance(each, str) or not _THUMBPRINT.fullmatch(each):
            raise invalid("thumbprints", each, allowed="SHA-1 digests of certificates, 40 hexadecimal digits")
    return given
