"""The cases of this folder as requests, with what follows from principal, resource and endpoint added."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """One question of a file."""

    file: str
    name: str
    app: str
    why: str
    request: dict[str, Any]
    expected: str
    layer: str | None = None
    attach: list[dict[str, Any]] = field(default_factory=list)
    oracle: str | None = None

    @property
    def is_trust(self) -> bool:
        """Whether the question is who may assume a role."""
        return self.file.startswith("trust")

    @property
    def is_of_a_resource(self) -> bool:
        """Whether a resource's own policy has a say beside the caller's."""
        return self.is_trust or self.request["action"].startswith("execute-api:")


def cases() -> list[Case]:
    """Return every case of every file."""
    return [
        Case(file=path.stem, **row)
        for path in sorted(HERE.glob("*.json"))
        for row in json.loads(path.read_text("utf-8"))
    ]


@dataclass(frozen=True)
class Asked:
    """A case put to an estate: everything an engine needs."""

    principal: str
    account: str
    action: str
    resource: str
    context: dict[str, str]
    identity: list[dict[str, Any]]
    scps: list[list[dict[str, Any]]]
    endpoint: dict[str, Any] | None
    trust: dict[str, Any] | None = None
    api: dict[str, Any] | None = None


def asked(  # noqa: PLR0913 - what an estate is made of
    case: Case,
    estate: dict[str, Any],
    names: dict[str, str],
    tags: dict[str, dict[str, str]],
    *,
    region: str,
    account: str,
) -> Asked:
    """Fill a case in from its estate. A key that the context gives as null is absent, though it would follow.

    Raises:
        KeyError: for a principal or a name in braces that the estate does not have.
    """
    request = _filled(case.request, names)
    principal = estate["principals"].get(request["principal"])
    arn = principal["arn"] if principal else request["principal"]
    if principal is None and not arn.startswith("arn:") and not arn.endswith(".amazonaws.com"):
        raise KeyError(f"{case.name}: no principal {arn!r}; the estate has {sorted(estate['principals'])}")
    identity = [*(principal["identity"] if principal else [_EVERYTHING]), *case.attach]
    resource = request["resource"]
    own = arn.split(":")[4] if arn.startswith("arn:") else account
    context = {
        "aws:PrincipalArn": arn,
        "aws:PrincipalAccount": own,
        "aws:RequestedRegion": (resource.split(":")[3] if resource.startswith("arn:") else "") or region,
    }
    context |= {f"aws:PrincipalTag/{key}": value for key, value in (principal or {}).get("tags", {}).items()}
    context |= {f"aws:ResourceTag/{key}": value for key, value in tags.get(resource, {}).items()}
    api = estate["resource_policies"].get(resource.partition("/")[0])
    if api:
        context |= {"aws:SecureTransport": "true"}
    endpoint = estate["endpoints"][request["endpoint"]] if "endpoint" in request else None
    if endpoint:
        context |= {"aws:SourceVpce": request["endpoint"], "aws:SourceVpc": endpoint["vpc"]}
    return Asked(
        principal=arn,
        account=account,
        action=request["action"],
        resource=resource,
        context={key: value for key, value in (context | request.get("context", {})).items() if value is not None},
        identity=identity,
        scps=estate["scps"] if own == account else [],
        endpoint=endpoint,
        trust=_trust(estate, resource) if case.is_trust else None,
        api=api,
    )


def _trust(estate: dict[str, Any], role_arn: str) -> dict[str, Any]:
    return next(role["trust"] for role in estate["principals"].values() if role["arn"] == role_arn)


def _filled(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, names) for key, item in value.items()}
    if not isinstance(value, str):
        return value
    for name, text in names.items():
        value = value.replace(f"{{{name}}}", text)
    return value


_EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
