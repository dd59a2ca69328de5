"""What IAM knows of the use of credentials, which ministack leaves empty: when a principal last called Bedrock.

As IAM does, it counts attempts, refused ones too (IAM User Guide, "Refine permissions in AWS using last accessed
information"). Bedrock API keys are not emulated, so no user has one.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from ministack.core.responses import AccountScopedDict, get_account_id, get_region
from ministack.services import iam

from drill.emulator.template import Made, Properties

#: By the ARN of the role or user: when, and in which Region.
_uses = AccountScopedDict()


def install() -> None:
    """Answer from what was noted."""
    iam._IAM_HANDLERS["GetServiceLastAccessedDetails"] = _get_details
    iam._IAM_HANDLERS["ListServiceSpecificCredentials"] = _no_credentials


def note(arn: str, region: str) -> None:
    """Remember that a principal has called Bedrock just now."""
    _uses[arn] = (datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), region)


def resource_of(action: str, body: bytes) -> str | None:
    """Return what IAM authorises the generation of details on; ministack takes it for an action without resource."""
    if action != "iam:GenerateServiceLastAccessedDetails":
        return None
    return parse_qs(body.decode()).get("Arn", [None])[0]


def analyzer(logical_id: str, properties: Properties, stack: str) -> Made:
    """Accept an analyzer: Access Analyzer is no service of ministack, and finds nothing here."""
    name = properties.get("AnalyzerName") or f"{stack}-{logical_id}"
    arn = f"arn:aws:access-analyzer:{get_region()}:{get_account_id()}:analyzer/{name}"
    return arn, {"Arn": arn}


def _get_details(parameters: Any) -> Any:
    job = iam._sla_jobs.get(iam._p(parameters, "JobId"))
    if not job:
        return iam._error(404, "NoSuchEntity", "The job is not there.", ns="iam")
    used = _uses.get(job["Arn"])
    last = (
        f"<LastAuthenticated>{used[0]}</LastAuthenticated>"
        f"<LastAuthenticatedEntity>{job['Arn']}</LastAuthenticatedEntity>"
        f"<LastAuthenticatedRegion>{used[1]}</LastAuthenticatedRegion>"
        if used
        else ""
    )
    service = (
        "<member><ServiceName>Amazon Bedrock</ServiceName><ServiceNamespace>bedrock</ServiceNamespace>"
        f"{last}<TotalAuthenticatedEntities>{int(used is not None)}</TotalAuthenticatedEntities></member>"
    )
    return iam._xml(
        200,
        "GetServiceLastAccessedDetailsResponse",
        "<GetServiceLastAccessedDetailsResult><JobStatus>COMPLETED</JobStatus>"
        f"<JobCreationDate>{job['JobCreationDate']}</JobCreationDate>"
        f"<JobCompletionDate>{job['JobCreationDate']}</JobCompletionDate>"
        f"<ServicesLastAccessed>{service}</ServicesLastAccessed><IsTruncated>false</IsTruncated>"
        "</GetServiceLastAccessedDetailsResult>",
        ns="iam",
    )


def _no_credentials(_: Any) -> Any:
    body = (
        "<ListServiceSpecificCredentialsResult><ServiceSpecificCredentials></ServiceSpecificCredentials>"
        "<IsTruncated>false</IsTruncated></ListServiceSpecificCredentialsResult>"
    )
    return iam._xml(200, "ListServiceSpecificCredentialsResponse", body, ns="iam")
