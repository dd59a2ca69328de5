"""CloudFormation types of the world outside, and the services that read them back: resolver, Roles Anywhere, SAML.

ministack has neither service; what a template says is kept here and answered as AWS's own APIs do. Roles Anywhere's
sign-in, which checks certificates, is not emulated. Its web identity sign-in is ministack's, which here carries the
claims that AWS carries.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import ministack.app as gateway
from ministack.core import iam_actions, router
from ministack.core.responses import get_account_id, get_region
from ministack.services import iam, sts
from ministack.services.cloudformation import provisioners

from drill.emulator.template import Made, Properties, Provider, camel, typed

if TYPE_CHECKING:
    from collections.abc import Callable

Records = dict[str, Properties]
_resolvers: Records = {}
_anchors: Records = {}
_profiles: Records = {}
_lists: Records = {}
#: Claims that AWS carries into conditions; ministack knows audience and subject alone.
_CLAIMS = {
    "token.actions.githubusercontent.com": (
        "actor", "actor_id", "enterprise_id", "environment", "job_workflow_ref", "ref", "repository", "repository_id",
        "repository_owner_id", "workflow",
    ),
}  # fmt: skip


def install() -> None:
    """Register types, services and claims.

    Raises:
        RuntimeError: where a newer ministack has one of them, so that the real one wins.
    """
    ours = _providers()
    both = sorted(set(ours) & set(provisioners._RESOURCE_HANDLERS))
    both += sorted({"route53resolver", "rolesanywhere"} & set(gateway.SERVICE_HANDLERS))
    if both:
        raise RuntimeError(f"ministack provides {', '.join(both)} by now; remove them from drill/emulator/outside.py")
    provisioners._RESOURCE_HANDLERS.update(ours)
    _serve("route53resolver", "Route53Resolver.", _resolver)
    _serve("rolesanywhere", None, _roles_anywhere)
    sts._web_identity_principal = _with_claims(sts._web_identity_principal)


def _providers() -> dict[str, Provider]:
    return {
        "AWS::Route53Resolver::ResolverEndpoint": _kept(_resolvers, _made_resolver),
        "AWS::RolesAnywhere::TrustAnchor": _kept(_anchors, _made_anchor),
        "AWS::RolesAnywhere::Profile": _kept(_profiles, _made_profile),
        "AWS::RolesAnywhere::CRL": _kept(_lists, lambda key, _: {"CrlId": key}),
        "AWS::IAM::SAMLProvider": {
            "create": _create_saml_provider,
            "delete": lambda physical_id, _: iam._saml_providers.pop(physical_id, None),
        },
    }


def _kept(records: Records, attributes: Callable[[str, Properties], Properties]) -> Provider:
    def create(_: str, properties: Properties, __: str) -> Made:
        return put(str(uuid.uuid4()), properties)

    def put(key: str, properties: Properties) -> Made:
        records[key] = typed(properties)
        return key, attributes(key, properties)

    return {
        "create": create,
        "update": lambda physical_id, _, properties, __: put(physical_id, properties),
        "delete": lambda physical_id, _: records.pop(physical_id, None),
    }


def _arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{get_region()}:{get_account_id()}:{resource}"


def _made_resolver(key: str, properties: Properties) -> Properties:
    count = str(len(properties["IpAddresses"]))
    arn = _arn("route53resolver", f"resolver-endpoint/{key}")
    return {"ResolverEndpointId": key, "Arn": arn, "IpAddressCount": count, "Direction": properties["Direction"]}


def _made_anchor(key: str, _: Properties) -> Properties:
    return {"TrustAnchorId": key, "TrustAnchorArn": _arn("rolesanywhere", f"trust-anchor/{key}")}


def _made_profile(key: str, _: Properties) -> Properties:
    return {"ProfileId": key, "ProfileArn": _arn("rolesanywhere", f"profile/{key}")}


def _create_saml_provider(logical_id: str, properties: Properties, stack: str) -> Made:
    name = properties.get("Name") or f"{stack}-{logical_id}"
    request = {"Name": [name], "SAMLMetadataDocument": [properties["SamlMetadataDocument"]]}
    status, _headers, answer = iam._create_saml_provider(request)
    if status >= 300:  # noqa: PLR2004 - HTTP; the body is XML
        raise ValueError(f"CreateSAMLProvider: {answer!r}")
    arn = f"arn:aws:iam::{get_account_id()}:saml-provider/{name}"
    return arn, {"Arn": arn}


def _serve(name: str, target: str | None, answer: Callable[[str, str, bytes], Any]) -> None:
    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, _: Any) -> tuple[int, Any, bytes]:
        operation = headers.get("x-amz-target", "").rpartition(".")[2] or method
        found = answer(operation, path, body)
        headers = {"Content-Type": "application/x-amz-json-1.1"}
        if found is None:
            told = {"__type": "ResourceNotFoundException", "message": f"{name} has no {operation} {path} here"}
            return 404, headers, json.dumps(told).encode()
        return 200, headers, json.dumps(found).encode()

    prefixes = [target] if target else []
    router.SERVICE_PATTERNS[name] = {"host_patterns": [], "credential_scope": name, "target_prefixes": prefixes}
    gateway.SERVICE_HANDLERS[name] = handle
    iam_actions.SERVICE_TO_IAM_NAMESPACE[name] = name


def _resolver(operation: str, _: str, body: bytes) -> Any:
    if operation == "ListResolverEndpoints":
        return {"ResolverEndpoints": [_read_resolver(key, record) for key, record in _resolvers.items()]}
    record = _resolvers.get(json.loads(body or b"{}").get("ResolverEndpointId", ""))
    if operation == "ListResolverEndpointIpAddresses" and record is not None:
        return {"IpAddresses": record["IpAddresses"]}
    return None


def _read_resolver(key: str, record: Properties) -> Properties:
    return {
        "Id": key,
        "Name": record.get("Name", ""),
        "Direction": record["Direction"],
        "SecurityGroupIds": record["SecurityGroupIds"],
        "IpAddressCount": len(record["IpAddresses"]),
        "Status": "OPERATIONAL",
    }


def _roles_anywhere(_: str, path: str, __: bytes) -> Any:
    reads = {
        "trustanchors": ("trustAnchors", _anchors, _read_anchor),
        "profiles": ("profiles", _profiles, _read_profile),
        "crls": ("crls", _lists, _read_list),
    }
    name = path.strip("/")
    if name not in reads:
        return None
    member, records, read = reads[name]
    return {member: [read(key, record) for key, record in records.items()]}


def _read_anchor(key: str, record: Properties) -> Properties:
    data = record["Source"]["SourceData"]
    names = {"X509CertificateData": "x509CertificateData", "AcmPcaArn": "acmPcaArn"}
    source = {names[name]: value for name, value in data.items()}
    return {
        "trustAnchorId": key,
        "trustAnchorArn": _arn("rolesanywhere", f"trust-anchor/{key}"),
        "name": record["Name"],
        "enabled": record.get("Enabled", False),
        "source": {"sourceType": record["Source"]["SourceType"], "sourceData": source},
    }


def _read_profile(key: str, record: Properties) -> Properties:
    read = camel({name: value for name, value in record.items() if name != "Tags"})
    arn = _arn("rolesanywhere", f"profile/{key}")
    return {**read, "profileId": key, "profileArn": arn, "durationSeconds": int(record["DurationSeconds"])}


def _read_list(key: str, record: Properties) -> Properties:
    return {
        "crlId": key,
        "name": record["Name"],
        "enabled": record.get("Enabled", False),
        "trustAnchorArn": record["TrustAnchorArn"],
    }


def _with_claims(inner: Callable[..., tuple[str, dict[str, Any]]]) -> Callable[..., tuple[str, dict[str, Any]]]:
    """Carry the issuer's further claims, and refuse a token whose provider or audience the account does not have."""
    from ministack.services.cognito import _decode_id_token_unverified  # noqa: PLC0415 - ministack's own, when asked

    def principal_of(token: str, provider_id: str, role_arn: str) -> tuple[str, dict[str, Any]]:
        principal, keys = inner(token, provider_id, role_arn)
        host = principal.partition(":oidc-provider/")[2]
        if host and principal not in iam._oidc_providers:
            return "nobody", {}
        claims = _decode_id_token_unverified(token) if host in _CLAIMS else {}
        carried = {f"{host}:{name}".lower(): claims[name] for name in _CLAIMS.get(host, ()) if name in claims}
        return principal, {**keys, **carried}

    return principal_of
