"""What AWS guarantees about the keys of one request, each guarantee written once with its source.

A proof is about requests that can be made. Without these, it would be about requests that cannot: one through an
endpoint that also has a public address, a role's session without the time it was issued. `RELATIONS` lists them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from secure_bedrock.data import table

_GLOBAL = "IAM User Guide, AWS global condition context keys"


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that is so or not of a request.

    Attributes:
        about: a condition key in lower case, or `action`, `resource` or `caller`.
        values: what it is one of: patterns for `action` and `resource`, kinds of principals for `caller`. Default: a
            key is there, with any value.
        holds: whether it is so, rather than not so.
    """

    about: str
    values: tuple[str, ...] = ()
    holds: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A guarantee: whenever all of `when` is so, one of `then` is.

    Attributes:
        name: what answers list it by.
        says: the guarantee in words.
        source: the AWS document it is from.
        when: nothing: always.
        then: nothing: the guarantee is an equality, which the prover knows by its name.
        keys: the keys it is about, for an equality.
    """

    name: str
    says: str
    source: str
    when: tuple[Fact, ...] = ()
    then: tuple[Fact, ...] = ()
    keys: tuple[str, ...] = ()

    def about(self) -> frozenset[str]:
        """Return the condition keys it relates."""
        facts = (*self.when, *self.then)
        return frozenset(self.keys) | {fact.about for fact in facts if fact.about not in _PARTS}


#: The guarantee about the tags of principals, whatever their names.
OWN_TAGS = "tags of a role"
_PARTS = {"action", "resource", "caller"}
_VPCE, _VPC, _VPC_IP, _IP = "aws:sourcevpce", "aws:sourcevpc", "aws:vpcsourceip", "aws:sourceip"
_MFA, _AGE, _ISSUED = "aws:multifactorauthpresent", "aws:multifactorauthage", "aws:tokenissuetime"
_VIA = "aws:viaawsservice"
_CREDENTIAL_SERVICE = "iam:servicespecificcredentialservicename"
_PROFILE = "bedrock:inferenceprofilearn"


def _has(key: str) -> Fact:
    return Fact(key)


def _lacks(key: str) -> Fact:
    return Fact(key, holds=False)


_NETWORK = (
    Relation(
        name="endpoint has a VPC", says="a request through a VPC endpoint has aws:SourceVpc",
        source=f"{_GLOBAL}, aws:SourceVpc", when=(_has(_VPCE),), then=(_has(_VPC),),
    ),
    Relation(
        name="endpoint has a private address", says="a request through a VPC endpoint has aws:VpcSourceIp",
        source=f"{_GLOBAL}, aws:VpcSourceIp", when=(_has(_VPCE),), then=(_has(_VPC_IP),),
    ),
    Relation(
        name="endpoint hides the public address", says="a request through a VPC endpoint has no aws:SourceIp",
        source=f"{_GLOBAL}, aws:SourceIp", when=(_has(_VPCE),), then=(_lacks(_IP),),
    ),
    Relation(
        name="no endpoint, no VPC", says="a request that came through no VPC endpoint has no aws:SourceVpc",
        source=f"{_GLOBAL}, aws:SourceVpc", when=(_lacks(_VPCE),), then=(_lacks(_VPC),),
    ),
    Relation(
        name="no endpoint, no private address",
        says="a request that came through no VPC endpoint has no aws:VpcSourceIp",
        source=f"{_GLOBAL}, aws:VpcSourceIp", when=(_lacks(_VPCE),), then=(_lacks(_VPC_IP),),
    ),
    Relation(
        name="public address",
        says="a request through no VPC endpoint, made by no service and not for one, has aws:SourceIp",
        source=f"{_GLOBAL}, aws:SourceIp",
        when=(_lacks(_VPCE), Fact(_VIA, ("true",), holds=False), Fact("caller", ("Service",), holds=False)),
        then=(_has(_IP),),
    ),
    Relation(
        name="called via a service", says="a request with aws:CalledVia has aws:ViaAWSService true",
        source=f"{_GLOBAL}, aws:CalledVia", when=(_has("aws:calledvia"),), then=(Fact(_VIA, ("true",)),),
    ),
)  # fmt: skip
_ALWAYS = tuple(
    Relation(
        name=f"always {key}", says=f"every request has {key}", source=f"{_GLOBAL}, {key}", then=(_has(key.lower()),)
    )
    for key in ("aws:SecureTransport", "aws:ViaAWSService", "aws:RequestedRegion", "aws:CurrentTime", "aws:EpochTime")
)
_CREDENTIALS = (
    Relation(
        name="session has an issue time", says="a role's session has aws:TokenIssueTime",
        source=f"{_GLOBAL}, aws:TokenIssueTime", when=(Fact("caller", ("AssumedRole",)),), then=(_has(_ISSUED),),
    ),
    Relation(
        name="MFA is of temporary credentials", says="only temporary credentials have aws:MultiFactorAuthPresent",
        source=f"{_GLOBAL}, aws:MultiFactorAuthPresent", when=(_has(_MFA),), then=(_has(_ISSUED),),
    ),
    Relation(
        name="MFA has an age", says="credentials obtained with MFA have aws:MultiFactorAuthAge",
        source=f"{_GLOBAL}, aws:MultiFactorAuthAge", when=(Fact(_MFA, ("true",)),), then=(_has(_AGE),),
    ),
    Relation(
        name="no age without MFA", says="aws:MultiFactorAuthAge is there only where aws:MultiFactorAuthPresent is true",
        source=f"{_GLOBAL}, aws:MultiFactorAuthAge", when=(_has(_AGE),), then=(Fact(_MFA, ("true",)),),
    ),
)  # fmt: skip
_BEDROCK = (
    Relation(
        name="profile key on models", source="Amazon Bedrock User Guide, Prerequisites for inference profiles",
        says="bedrock:InferenceProfileArn is there only where a model, or the profile behind a copy, is authorised",
        when=(_has(_PROFILE),),
        then=(Fact("resource", ("arn:*:bedrock:*:*:foundation-model/*", "arn:*:bedrock:*:*:inference-profile/*")),),
    ),
)  # fmt: skip
_SERVICES = (
    Relation(
        name="Bedrock speaks TLS alone",
        says="a request to Bedrock has aws:SecureTransport true, since its endpoints serve HTTPS alone",
        source="AWS General Reference, Amazon Bedrock endpoints and quotas (protocol); AWS's endpoint data, protocols",
        when=(Fact("action", ("bedrock:*", "bedrock-mantle:*", "bedrock-agentcore:*", "bedrock-websearch:*")),),
        then=(Fact("aws:securetransport", ("true",)),),
    ),
    Relation(
        name="a credential is of a service",
        says="iam:CreateServiceSpecificCredential has iam:ServiceSpecificCredentialServiceName",
        source="IAM API Reference, CreateServiceSpecificCredential (ServiceName is required)",
        when=(Fact("action", ("iam:CreateServiceSpecificCredential",)),), then=(_has(_CREDENTIAL_SERVICE),),
    ),
)  # fmt: skip
_EQUALITIES = (
    Relation(
        name="Region of the resource", says="aws:RequestedRegion is the Region in the ARN where it holds one",
        source=f"{_GLOBAL}, aws:RequestedRegion", keys=("aws:requestedregion",),
    ),
    Relation(
        name="unspecified Region", says="aws:RequestedRegion is unspecified for a foundation model without a Region",
        source="Amazon Bedrock User Guide, Global cross-Region inference", keys=("aws:requestedregion",),
    ),
    Relation(
        name="account of the resource", says="aws:ResourceAccount is the account in the ARN where it holds one",
        source=f"{_GLOBAL}, aws:ResourceAccount", keys=("aws:resourceaccount",),
    ),
    Relation(
        name="organisation of the resource", says="aws:ResourceOrgID is that of the organisation for its members alone",
        source=f"{_GLOBAL}, aws:ResourceOrgID", keys=("aws:resourceorgid",),
    ),
    Relation(
        name="organisation of the caller", says="aws:PrincipalOrgID is that of the organisation for its members alone",
        source=f"{_GLOBAL}, aws:PrincipalOrgID", keys=("aws:principalorgid",),
    ),
    Relation(
        name="VPC of the endpoint", says="aws:SourceVpc is the VPC that the endpoint stands in",
        source=f"{_GLOBAL}, aws:SourceVpc", keys=(_VPC, _VPCE),
    ),
    Relation(
        name="issued before now", says="aws:TokenIssueTime is not after aws:CurrentTime",
        source=f"{_GLOBAL}, aws:TokenIssueTime", keys=(_ISSUED, "aws:currenttime"),
    ),
    Relation(
        name="one clock", says="aws:EpochTime and aws:CurrentTime are the same moment",
        source=f"{_GLOBAL}, aws:EpochTime", keys=("aws:epochtime", "aws:currenttime"),
    ),
    Relation(
        name="tags of the request", says="aws:TagKeys holds exactly the names of the tags in aws:RequestTag",
        source=f"{_GLOBAL}, aws:TagKeys", keys=("aws:tagkeys",),
    ),
    Relation(
        name=OWN_TAGS, source="IAM User Guide, Pass session tags in AWS STS",
        says="a role's tags are on its sessions, but where a session tag of the same key takes the place of one, and a "
        "session has no tag that the role's trust policy refuses",
    ),
    Relation(
        name="resource types", says="an action is authorised on its resource types, and on * only where it has none",
        source="Service Authorization Reference",
    ),
)  # fmt: skip


def _of_actions() -> tuple[Relation, ...]:
    return tuple(
        Relation(
            name=f"{key} by action", says=f"{key} is on {', '.join(actions)} alone",
            source="Service Authorization Reference", when=(_has(key.lower()),), then=(Fact("action", tuple(actions)),),
        )
        for key, actions in table("authorisations")["keys"].items()
    )  # fmt: skip


def all_relations() -> tuple[Relation, ...]:
    """Return every guarantee, those of single actions' keys included."""
    return (*_NETWORK, *_ALWAYS, *_CREDENTIALS, *_BEDROCK, *_SERVICES, *_EQUALITIES, *_of_actions())


#: Keys that belong to another: where the one is asked about, the other matters too.
COMPANIONS: dict[str, tuple[str, ...]] = {
    _IP: (_VPCE, _VIA), _VPC: (_VPCE,), _VPC_IP: (_VPCE,), _AGE: (_MFA, _ISSUED), _MFA: (_ISSUED,),
    "aws:calledvia": (_VIA,), "aws:resourceorgid": ("aws:resourceaccount",), "aws:epochtime": ("aws:currenttime",),
}  # fmt: skip
Kind = Literal["number", "date", "address"]
#: Keys that hold one type only.
KINDS: dict[str, Kind] = {
    _AGE: "number", _ISSUED: "date", "aws:currenttime": "date", "aws:epochtime": "date", _IP: "address",
    _VPC_IP: "address", "iam:servicespecificcredentialagedays": "number",
}  # fmt: skip
#: Keys that hold nothing else (AWS global condition context keys, value type Boolean; aws:PrincipalType).
CLOSED: dict[str, tuple[str, ...]] = {
    _MFA: ("false", "true"), "aws:securetransport": ("true", "false"), _VIA: ("false", "true"),
    "aws:principalisawsservice": ("false", "true"),
}  # fmt: skip
#: Keys whose values have one form.
FORMS: dict[str, str] = {
    _VPCE: "vpce-*", _VPC: "vpc-*", _PROFILE: "arn:*:bedrock:*:*:*inference-profile/*",
    "bedrock:guardrailidentifier": "arn:*:bedrock:*:*:guardrail/*", "aws:principalorgid": "o-*",
    "aws:resourceorgid": "o-*",
}  # fmt: skip
