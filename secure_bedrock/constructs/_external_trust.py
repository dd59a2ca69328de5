"""From a workload to the principal that is trusted, with the provider or trust anchor made where none was named."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_rolesanywhere as rolesanywhere
from constructs import Construct, IConstruct

from secure_bedrock.constructs._edge import arn_of, warn
from secure_bedrock.constructs._external_session import SessionNeeds
from secure_bedrock.constructs._external_workload import (
    CertificateWorkload,
    ExternalWorkload,
    OidcWorkload,
    SamlWorkload,
)
from secure_bedrock.constructs._tokens import known
from secure_bedrock.constructs.principals import FederatedWorkloadPrincipal, RolesAnywherePrincipal, trust_anchor_arn
from secure_bedrock.errors import invalid
from secure_bedrock.policy._federation_tables import saml_audience
from secure_bedrock.policy.environment import Arn, Environment
from secure_bedrock.policy.federation import oidc_conditions, saml_conditions

#: AWS: names in Roles Anywhere have at most 255 characters.
_LONGEST_NAME = 255
#: Claims that hold the number of a repository or project, which no other gets, at issuers that everybody shares.
_NUMBERS = {"token.actions.githubusercontent.com": "repository_id", "gitlab.com": "project_id"}
#: Which construct makes the provider of an account and issuer: IAM takes one.
_providers: WeakKeyDictionary[IConstruct, dict[tuple[str, str], iam.CfnOIDCProvider]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """Whom the role trusts, and what that rests on.

    Attributes:
        principal: for the role's trust policy.
        trust_anchor_arn: of Roles Anywhere.
        provider_arn: of an OIDC or SAML provider.
    """

    principal: iam.PrincipalBase
    trust_anchor_arn: str | None = None
    provider_arn: str | None = None


def trusted(scope: Construct, workload: object, environment: Environment, needs: SessionNeeds) -> Trusted:
    """Return whom to trust for a workload.

    Raises:
        InvalidInput: for what is no workload, or a trust anchor or provider of another place.
    """
    if isinstance(workload, CertificateWorkload):
        needs.require_none_of_certificates()
        return _certificate(scope, workload, environment)
    if isinstance(workload, OidcWorkload):
        return _token(scope, workload, environment, needs)
    if isinstance(workload, SamlWorkload):
        return _assertion(scope, workload, environment, needs)
    raise invalid("workload", workload, allowed=f"a value of {ExternalWorkload.__name__}, such as .github_actions(...)")


def unique_name(scope: Construct) -> str:
    """Return a name for Roles Anywhere from the construct's path."""
    return cdk.Names.unique_resource_name(
        scope, max_length=_LONGEST_NAME, separator="-", allowed_special_characters="-"
    )


def _certificate(scope: Construct, workload: CertificateWorkload, environment: Environment) -> Trusted:
    made = None if workload.trust_anchor is not None else _trust_anchor(scope, workload)
    arn = trust_anchor_arn("trust_anchor", made or workload.trust_anchor)
    _require_place("trust_anchor", arn, environment, region=environment.region)
    if workload.revocation_list is not None:
        rolesanywhere.CfnCRL(
            scope,
            "RevocationList",
            name=unique_name(scope),
            crl_data=workload.revocation_list,
            trust_anchor_arn=arn,
            enabled=True,
        )
    elif workload.certificate_bundle is not None:
        text = "no revocation_list: a certificate that was stolen works until it expires"
        warn(scope, "external-revocation", text)
    principal = RolesAnywherePrincipal(arn, attributes=workload.fields)
    return Trusted(principal=principal, trust_anchor_arn=arn)


def _trust_anchor(scope: Construct, workload: CertificateWorkload) -> rolesanywhere.CfnTrustAnchor:
    data = rolesanywhere.CfnTrustAnchor.SourceDataProperty(
        acm_pca_arn=_authority_arn(workload.certificate_authority),
        x509_certificate_data=workload.certificate_bundle,
    )
    kind = "CERTIFICATE_BUNDLE" if workload.certificate_bundle is not None else "AWS_ACM_PCA"
    return rolesanywhere.CfnTrustAnchor(
        scope,
        "TrustAnchor",
        name=unique_name(scope),
        enabled=True,
        source=rolesanywhere.CfnTrustAnchor.SourceProperty(source_type=kind, source_data=data),
    )


def _authority_arn(authority: object | None) -> str | None:
    if authority is None:
        return None
    arn = authority if isinstance(authority, str) else arn_of(authority, "certificate_authority_arn", "attr_arn")
    wrong = known(arn) is not None and (":acm-pca:" not in str(arn) or "*" in str(arn))
    if not arn or wrong:
        raise invalid("certificate_authority", authority, allowed="the ARN of an AWS Private CA, or its construct")
    return arn


def _token(scope: Construct, workload: OidcWorkload, environment: Environment, needs: SessionNeeds) -> Trusted:
    conditions = oidc_conditions(
        issuer=workload.issuer, audience=workload.audience, subjects=workload.subjects, claims=workload.claims
    )
    number = _NUMBERS.get(workload.issuer)
    if number is not None and number not in workload.claims:
        text = f"{workload.issuer} is trusted by names alone, which others can take once they are free; give the ids"
        warn(scope, "external-names", text)
    arn = (
        _made_provider(scope, workload, environment)
        if workload.provider is None
        else _provider_arn(workload.provider, f"oidc-provider/{workload.issuer}", environment)
    )
    principal = FederatedWorkloadPrincipal(
        arn, (*conditions, *needs.asked()), "sts:AssumeRoleWithWebIdentity", needs.granted()
    )
    return Trusted(principal=principal, provider_arn=arn)


def _made_provider(scope: Construct, workload: OidcWorkload, environment: Environment) -> str:
    """The ARN of one provider for each stack and issuer, with the audiences of all that use it."""
    stack = cdk.Stack.of(scope)
    made = _providers.setdefault(scope.node.root, {})
    place = (known(environment.account) or _stage_of(stack), workload.issuer)
    found = made.get(place)
    if found is None:
        found = iam.CfnOIDCProvider(
            stack, f"OidcProvider-{workload.issuer}", url=f"https://{workload.issuer}", client_id_list=[]
        )
        made[place] = found
    elif cdk.Stack.of(found).node.addr != stack.node.addr:
        raise invalid(
            "provider",
            None,
            allowed=f"one provider of {workload.issuer} in an account; stack {cdk.Stack.of(found).node.path} makes it",
            remedy="pass provider=...provider_arn of the construct there",
        )
    found.client_id_list = list(dict.fromkeys([*(found.client_id_list or []), workload.audience]))
    thumbprints = dict.fromkeys([*(found.thumbprint_list or []), *workload.thumbprints])
    found.thumbprint_list = list(thumbprints) or None
    return found.attr_arn


def _stage_of(stack: cdk.Stack) -> str:
    """What stands for the account of a stack that does not name one: the stage, which is deployed as a whole."""
    stage = cdk.Stage.of(stack)
    return f"stage {stage.node.path}" if stage else "no stage"


def _assertion(scope: Construct, workload: SamlWorkload, environment: Environment, needs: SessionNeeds) -> Trusted:
    audience = workload.audience or saml_audience(environment.partition)
    if audience is None:
        raise invalid("audience", None, allowed="the recipient of assertions for AWS's sign-in of this partition")
    arn = (
        _provider_arn(workload.provider, "saml-provider/", environment)
        if workload.metadata is None
        else iam.CfnSAMLProvider(scope, "SamlProvider", saml_metadata_document=workload.metadata).attr_arn
    )
    conditions = saml_conditions(audience=audience, attributes=workload.attributes)
    principal = FederatedWorkloadPrincipal(
        arn, (*conditions, *needs.asked()), "sts:AssumeRoleWithSAML", needs.granted()
    )
    return Trusted(principal=principal, provider_arn=arn)


def _provider_arn(provider: object, resource: str, environment: Environment) -> str:
    """The ARN of a provider that exists, which is of this account and this issuer as far as that is known."""
    attributes = (
        "open_id_connect_provider_arn", "oidc_provider_arn", "saml_provider_arn", "attr_arn",
    )  # fmt: skip
    arn = provider if isinstance(provider, str) else arn_of(provider, *attributes)
    allowed = f"the ARN of this account's {resource}, or its construct"
    if not arn:
        raise invalid("provider", provider, allowed=allowed)
    if known(arn) is None:
        return arn
    whole = Arn.parse(arn) if arn.count(":") >= 5 else None  # noqa: PLR2004 - an ARN has six fields
    exact = resource.endswith("/")
    if (
        whole is None
        or "*" in arn
        or not (whole.resource.startswith(resource) if exact else whole.resource == resource)
    ):
        raise invalid("provider", provider, allowed=allowed)
    _require_place("provider", arn, environment, region="")
    return arn


def _require_place(name: str, arn: str, environment: Environment, *, region: str) -> None:
    """Refuse what is known to be of another partition, account or Region: the sign-in would never work."""
    if known(arn) is None:
        return
    given = Arn.parse(arn)
    mine = (environment.partition, region, environment.account)
    theirs = (given.partition, given.region, given.account)
    if any(known(ours) is not None and ours != other for ours, other in zip(mine, theirs, strict=True)):
        raise invalid(name, arn, allowed="one of this stack's account and Region")
