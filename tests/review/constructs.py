"""What is asked of the templates of the gateway, the project, and workloads outside AWS and on premises."""

from __future__ import annotations

from pathlib import Path

from reference.configuration import (
    AccessAuditConfiguration,
    AuditConfiguration,
    Configuration,
    ExternalConfiguration,
    OnPremisesConfiguration,
)
from secure_bedrock.policy import Call, requests
from secure_bedrock.policy import bedrock_invariants as catalogue
from secure_bedrock.policy.document import Condition
from secure_bedrock.policy.estate import Estate
from secure_bedrock.policy.invariants import Never, Scope
from secure_bedrock.policy.models import Model
from secure_bedrock.review import load
from tests.reference.test_external import CENTRE, JOBS, SERVER
from tests.reference.test_gateway import declared
from tests.reference.test_project import DECLARED
from tests.review.conftest import ACCOUNT
from tests.review.weakening import INVOKE

CONFIGURATIONS = {
    "external": Configuration(
        account=ACCOUNT, on_premises=OnPremisesConfiguration(cidrs=(CENTRE,)),
        external=ExternalConfiguration(certificate=SERVER, github=JOBS),
    ),
    "gateway": Configuration(
        account=ACCOUNT, gateway=declared(), audit=AuditConfiguration(), access_audit=AccessAuditConfiguration()
    ),
    "project": Configuration(account=ACCOUNT, team_project=DECLARED),
}  # fmt: skip
APPLICATION = "secure-bedrock-access/Application/Role"
SERVER_ROLE, JOBS_ROLE = "secure-bedrock-external/Server/Role/Role", "secure-bedrock-external/Jobs/Role/Role"
GATEWAY, PROJECT = "secure-bedrock-gateway/Gateway/Role/Role", "secure-bedrock-project/Project/Application/Role"
REPORT = "secure-bedrock-access-audit/Access/Report/Role"
FINDINGS = "secure-bedrock-access-audit/Access/FindingsRole"
LOGGING = "secure-bedrock-audit/Audit/InvocationLogging/Role"
SYSTEM = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:inference-profile/eu.amazon.nova-lite-v1:0"
MODELS = (SYSTEM, "arn:aws:bedrock:*::foundation-model/amazon.nova-lite-v1:0")
REGIONS = ("eu-west-1", "eu-central-1", "eu-north-1", "eu-west-3")
BECOMING = ("sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML")
GITHUB = "token.actions.githubusercontent.com"
ANYBODY = Scope(unnamed=True, outside=True, services=True)
REVOKED = "secure-bedrock:revoked"
#: Bedrock's invocations are calls of these APIs.
OPERATIONS = {GATEWAY: "InvokeModel"}


def read(path: Path) -> Estate:
    (reading,) = load(path).readings
    assert reading.problems == ()
    return reading.estate


def condition(operator: str, key: str, *values: str) -> Condition:
    return Condition(operator=operator, key=key, values=values)


def never(name, *conditions, actions=tuple(INVOKE), resources=(), not_resources=(), scope=ANYBODY) -> Never:
    statement = requests(actions=actions, resources=resources, not_resources=not_resources, conditions=conditions)
    return Never(name=name, statements=(statement,), scope=scope)


def bedrock_endpoint(estate: Estate) -> str:
    (found,) = [name for name, each in estate.endpoints.items() if each.service == "bedrock-runtime"]
    return found


def values_of(estate: Estate, role: str, sid: str, key: str) -> tuple[str, ...]:
    """What the ceiling of a role compares a key with, in the sound deployment."""
    (found,) = {
        each.values for policy in estate.principals[role].identity for statement in policy.statements
        if statement.sid == sid for each in statement.conditions if each.key == key
    }  # fmt: skip
    return found


def of_the_role(estate: Estate, role: str, models=MODELS, model="eu.amazon.nova-lite-v1:0") -> dict[str, object]:
    """What holds of every role that invokes, in the words of the sound deployment."""
    endpoint = bedrock_endpoint(estate)
    guardrail = values_of(estate, role, "WithoutGuardrail", "bedrock:GuardrailIdentifier")
    arn = estate.principals[role].arn
    only = Scope(principals=(role,))
    call = Call(
        principal=role, operation=OPERATIONS.get(role, "Converse"), model=model, region="eu-west-1",
        endpoint=None if role == JOBS_ROLE else endpoint, guardrail=guardrail[0],
    )  # fmt: skip
    return {
        "within": catalogue.stays_within(role),
        "models": catalogue.only_on_models(role, models),
        "regions": catalogue.only_in_regions(role, REGIONS),
        "network": catalogue.only_through_endpoints(role, [endpoint]),
        "guardrail": catalogue.only_with_guardrail(role, guardrail),
        "other actions": never(
            "no other action of Bedrock", actions=("bedrock:Create*", "bedrock:Put*", "bedrock:Invoke*Agent",
            "bedrock:RetrieveAndGenerate", "bedrock:CallWithBearerToken", "bedrock-mantle:*"), scope=only,
        ),
        "revoked resource": never(
            "nothing on what is tagged", condition("Null", f"aws:ResourceTag/{REVOKED}", "false"),
            actions=("bedrock:*",), scope=only,
        ),
        "users": never(
            "nobody of this account's users and roles becomes it", actions=BECOMING, resources=(arn,),
            scope=Scope(unnamed=True, outside=True),
        ),
        "works": catalogue.calls_work(call),
    }  # fmt: skip


def of_external(estate: Estate) -> dict[str, object]:
    endpoint = bedrock_endpoint(estate)
    server, jobs = (estate.principals[name].arn for name in (SERVER_ROLE, JOBS_ROLE))
    anchor = values_of_trust(estate, SERVER_ROLE, "aws:SourceArn")
    found = {f"server {name}": each for name, each in of_the_role(estate, SERVER_ROLE).items()}
    found |= {f"jobs {name}": each for name, each in of_the_role(estate, JOBS_ROLE).items()}
    del found["jobs network"]  # the jobs run anywhere, and say so
    subject = values_of_trust(estate, JOBS_ROLE, f"{GITHUB}:sub")
    becoming = {"actions": BECOMING}
    return found | {
        "server certificate": never(
            "no certificate of another subject", condition("StringNotEquals", "aws:PrincipalTag/x509Subject/CN", "app"),
            resources=(server,), **becoming,
        ),
        "server anchor": never(
            "no other trust anchor", condition("StringNotEquals", "aws:SourceArn", *anchor), resources=(server,),
            **becoming,
        ),
        "server tags": never(
            "no session takes the role's own tags away",
            Condition(operator="StringEquals", key="aws:TagKeys", values=("team",), quantifier="ForAnyValue"),
            actions=("sts:TagSession",), resources=(server,),
        ),
        "server addresses": never(
            "no call from beyond the data centre", condition("NotIpAddress", "aws:VpcSourceIp", CENTRE),
            condition("Null", "bedrock:InferenceProfileArn", "true"), scope=Scope(principals=(SERVER_ROLE,)),
        ),
        "jobs subject": never(
            "no other repository or environment", condition("StringNotEquals", f"{GITHUB}:sub", *subject),
            resources=(jobs,), **becoming,
        ),
        "jobs audience": never(
            "no token for anybody else", condition("StringNotEquals", f"{GITHUB}:aud", "sts.amazonaws.com"),
            resources=(jobs,), **becoming,
        ),
        "jobs repository": never(
            "no repository that took the name over", condition("StringNotEquals", f"{GITHUB}:repository_id", "2"),
            resources=(jobs,), **becoming,
        ),
        "jobs owner": never(
            "no owner who took the name over", condition("StringNotEquals", f"{GITHUB}:repository_owner_id", "1"),
            resources=(jobs,), **becoming,
        ),
        "endpoint": catalogue.only_these_through(endpoint, APPLICATION, SERVER_ROLE),
        "invokers": catalogue.only_these_may_invoke(APPLICATION, SERVER_ROLE, JOBS_ROLE),
    }  # fmt: skip


def values_of_trust(estate: Estate, role: str, key: str) -> tuple[str, ...]:
    trust = estate.principals[role].trust
    assert trust is not None
    (found,) = [each.values for statement in trust.statements for each in statement.conditions if each.key == key]
    return found


def of_gateway(estate: Estate) -> dict[str, object]:
    endpoint = bedrock_endpoint(estate)
    arn = estate.principals[GATEWAY].arn
    only = Scope(principals=(GATEWAY,))
    (counters,) = [
        resource for policy in estate.principals[GATEWAY].identity for statement in policy.statements
        if statement.actions == ("dynamodb:UpdateItem",) for resource in statement.resources
    ]  # fmt: skip
    return of_the_role(estate, GATEWAY) | of_access_audit(estate) | {
        "function": never(
            "nothing but a function becomes it", actions=BECOMING, resources=(arn,),
            scope=Scope(unnamed=True, outside=True, services=True, but=("lambda.amazonaws.com",)),
        ),
        "counters": never(
            "no table but its counters", actions=("dynamodb:*",), not_resources=(counters,), scope=only
        ),
        "reading": never("no reading of its counters", actions=("dynamodb:Get*", "dynamodb:Scan"), scope=only),
        "code": never(
            "the code changes no network", condition("Null", "lambda:SourceFunctionArn", "false"), actions=("ec2:*",),
            scope=only,
        ),
        "streams": never("no stream", actions=("bedrock:InvokeModelWithResponseStream",), scope=only),
        "endpoint": catalogue.only_these_through(endpoint, APPLICATION, GATEWAY),
        "invokers": catalogue.only_these_may_invoke(APPLICATION, GATEWAY),
        "audit": catalogue.audit_stays_on(but=(LOGGING,)),
    }  # fmt: skip


def of_access_audit(estate: Estate) -> dict[str, object]:
    report, findings = (estate.principals[name].arn for name in (REPORT, FINDINGS))
    rule = values_of_trust(estate, FINDINGS, "aws:SourceArn")
    topic = f"arn:aws:sns:eu-west-1:{ACCOUNT}:secure-bedrock-audit-findings"
    both = Scope(principals=(REPORT, FINDINGS))
    return {
        "report": never(
            "the report changes nothing", actions=("iam:Create*", "iam:Put*", "iam:Attach*", "iam:Delete*",
            "iam:Update*", "iam:Tag*", "iam:PassRole", "s3:Get*", "s3:Delete*", "bedrock:*"),
            scope=Scope(principals=(REPORT,)),
        ),
        "report function": never(
            "nothing but a function becomes the report", actions=BECOMING, resources=(report,),
            scope=Scope(unnamed=True, outside=True, services=True, but=("lambda.amazonaws.com",)),
        ),
        "report place": never(
            "the report writes beside no other record", actions=("s3:*",),
            not_resources=(f"arn:aws:s3:::secure-bedrock-audit-{ACCOUNT}-eu-west-1/access/*",),
            scope=Scope(principals=(REPORT,)),
        ),
        "findings rule": never(
            "no other rule tells of findings", condition("StringNotEquals", "aws:SourceArn", *rule),
            actions=BECOMING, resources=(findings,),
        ),
        "findings topic": never("no other topic", actions=("sns:*",), not_resources=(topic,), scope=both),
        "findings key": never(
            "the key only by the topic and the bucket",
            condition("StringNotEquals", "kms:ViaService", "sns.eu-west-1.amazonaws.com", "s3.eu-west-1.amazonaws.com"),
            actions=("kms:*",), scope=both,
        ),
    }  # fmt: skip


def of_project(estate: Estate) -> dict[str, object]:
    (profile,) = [
        resource for policy in estate.principals[PROJECT].identity for statement in policy.statements
        if statement.sid == "Invoke1" for resource in statement.resources
    ]  # fmt: skip
    tags = dict(estate.principals[PROJECT].tags)
    only = Scope(principals=(PROJECT,))
    profiles = f"arn:aws:bedrock:*:{ACCOUNT}:application-inference-profile/*"
    found = {
        f"tag {name}": never(
            f"no profile of another {name}", condition("StringNotEquals", f"aws:ResourceTag/{name}", value),
            resources=(profiles,), scope=only,
        )
        for name, value in tags.items()
    }  # fmt: skip
    model = Model.application_profile(profile, serves=[Model.parse("eu.amazon.nova-lite-v1:0")])
    return of_the_role(estate, PROJECT, (profile, *MODELS), model) | found | {
        "system profile": never(
            "the system's profile only under the project's own",
            condition("StringNotEquals", "bedrock:InferenceProfileArn", profile), resources=(SYSTEM,), scope=only,
        ),
        "another project's": never("no other project's profile", resources=(
            f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:application-inference-profile/anotherproject",), scope=only,
        ),
        "endpoint": catalogue.only_these_through(bedrock_endpoint(estate), APPLICATION, PROJECT),
        "invokers": catalogue.only_these_may_invoke(APPLICATION, PROJECT),
    }  # fmt: skip


ASKED = {"external": of_external, "gateway": of_gateway, "project": of_project}
#: Held by every role of the templates; whoever is an administrator already is not among those.
OF_THE_NAMED = {"invokers", "audit"}
#: What nobody asked about may use at all, so that the proof says no more than that.
UNUSED = {"within", "other actions", "users", "reading", "streams", "report"}
OF_A_ROLE = (
    "within", "models", "regions", "network", "guardrail", "other actions", "revoked resource", "users",
    "works",
)  # fmt: skip
QUESTIONS = {
    "external": (
        *(f"{who} {each}" for who in ("server", "jobs") for each in OF_A_ROLE if f"{who} {each}" != "jobs network"),
        "server certificate", "server anchor", "server tags", "server addresses", "jobs subject", "jobs audience",
        "jobs repository", "jobs owner", "endpoint", "invokers",
    ),
    "gateway": (
        *OF_A_ROLE, "function", "counters", "reading", "code", "streams", "endpoint", "invokers", "audit",
        "report", "report function", "report place", "findings rule", "findings topic", "findings key",
    ),
    "project": (
        *OF_A_ROLE, "tag project", "tag team", "tag cost-center", "system profile", "another project's", "endpoint",
        "invokers",
    ),
}  # fmt: skip
