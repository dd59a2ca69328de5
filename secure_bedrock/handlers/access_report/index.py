"""Lists who holds Bedrock permissions and when each last used them: CSV in the audit's bucket, a summary to its topic.

What it reads are identity policies: of roles, of users, of users' groups, inline and attached, and boundaries. It does
not follow sts:AssumeRole, and it knows neither SCPs, resource policies nor session policies: who is listed may be stopped
by those. The root user is in no list, and holds everything. IAM's "last accessed" counts attempts too, goes back 400
days, and lags by some hours.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetServiceLastAccessedDetails.html
"""

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from access_grants import NAMESPACES, Grant, is_ceiling
from access_table import NEVER, UNKNOWN, as_csv, severity, summary

WORKERS = 16
#: One job's patience, and what is left of the function's time for writing and telling, in seconds.
JOB_SECONDS, RESERVE = 60, 45
UNASKED = "not asked: the function's time was up"


def handler(event, context):
    """Write the report. Whatever fails is raised: the function's alarm and its queue tell of it."""
    deadline = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - RESERVE
    # An invocation that is repeated carries the same time, and so writes the same object.
    now = datetime.fromisoformat(event["time"]) if event.get("time") else datetime.now(timezone.utc)
    settings = Config(retries={"mode": "adaptive", "max_attempts": 10}, max_pool_connections=WORKERS)
    iam = boto3.client("iam", config=settings)
    holders = holders_of(iam, deadline)
    rows = sorted(rows_of(iam, holders, deadline, now), key=severity)
    key = store(rows, now)
    subject, text = summary(rows, f"s3://{os.environ['BUCKET']}/{key}", int(os.environ["UNUSED_DAYS"]))
    boto3.client("sns").publish(TopicArn=os.environ["TOPIC"], Subject=subject, Message=text)
    return {"key": key, "principals": len(rows), "incomplete": sum(row["last_used"] == UNKNOWN for row in rows)}


def store(rows, now):
    key = f"{os.environ['PREFIX']}/{now:%Y/%m/%d}/bedrock-access-{now:%Y%m%dT%H%M%SZ}.csv"
    # A bucket with a retention rule takes no object without a checksum. The bucket's own key encrypts it.
    boto3.client("s3").put_object(
        Bucket=os.environ["BUCKET"],
        Key=key,
        Body=as_csv(rows),
        ContentType="text/csv; charset=utf-8",
        ChecksumAlgorithm="SHA256",
    )
    return key


# Who holds what


def holders_of(iam, deadline):
    """Read the account, page by page, and return every role and user that holds Bedrock permissions."""
    entities, groups, documents = [], {}, {}
    kinds = ["User", "Group", "Role", "LocalManagedPolicy"]
    pages = iam.get_paginator("get_account_authorization_details").paginate(Filter=kinds, PaginationConfig={"PageSize": 500})
    for page in pages:
        require_time(deadline)
        for policy in page.get("Policies", []):
            documents |= {policy["Arn"]: default_version(policy)}
        groups |= {each["GroupName"]: policies_of(each, "GroupPolicyList") for each in page.get("GroupDetailList", [])}
        for kind in ("User", "Role"):
            details = page.get(f"{kind}DetailList", [])
            entities += [(kind, each, policies_of(each, f"{kind}PolicyList")) for each in details]
    wanted = {arn for _, entity, own in entities for arn in managed_of(entity, own, groups)} - set(documents)
    with ThreadPoolExecutor(WORKERS) as pool:
        documents |= dict(zip(sorted(wanted), pool.map(lambda arn: fetch(iam, arn, deadline), sorted(wanted))))
    held = (holder_of(kind, entity, own, groups, documents) for kind, entity, own in entities)
    return [each for each in held if each["grant"].holds]


def policies_of(entity, member):
    inline = {policy["PolicyName"]: policy["PolicyDocument"] for policy in entity.get(member, [])}
    return inline, [policy["PolicyArn"] for policy in entity.get("AttachedManagedPolicies", [])]


def default_version(policy):
    versions = policy.get("PolicyVersionList", [])
    return next((each["Document"] for each in versions if each["VersionId"] == policy["DefaultVersionId"]), None)


def managed_of(entity, own, groups):
    through = [arn for name in entity.get("GroupList", []) for arn in groups.get(name, ({}, []))[1]]
    return [*own[1], *through, *([boundary_of(entity)] if boundary_of(entity) else [])]


def boundary_of(entity):
    return (entity.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn", "")


def fetch(iam, arn, deadline):
    """The document of a managed policy that the account's details do not hold: AWS's own. None where it is gone."""
    require_time(deadline)
    if not arn:
        return None
    try:
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        return iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    except iam.exceptions.NoSuchEntityException:
        return None


def holder_of(kind, entity, own, groups, documents):
    grant = Grant()
    for prefix, (inline, attached) in [("", own), *((f"group {g}: ", groups.get(g, ({}, []))) for g in entity.get("GroupList", []))]:
        for name, document in inline.items():
            grant.add(document, f"{prefix}inline {name}")
        for arn in attached:
            grant.add(documents.get(arn), prefix + arn)
    boundary = boundary_of(entity)
    return {
        "arn": entity["Arn"],
        "name": entity.get("UserName") or entity.get("RoleName"),
        "type": "service-linked role" if entity["Path"].startswith("/aws-service-role/") else kind.lower(),
        "path": entity["Path"],
        "tags": {tag["Key"]: tag["Value"] for tag in entity.get("Tags", [])},
        "grant": grant,
        "scoped": any(is_ceiling(name, document) for name, document in own[0].items()),
        "boundary": boundary,
        "boundary_allows": boundary_allows(boundary, documents, grant),
    }


def boundary_allows(boundary, documents, grant):
    """Whether a boundary lets any of it through; a boundary that cannot be read is not known to stop anything."""
    if not boundary:
        return ""
    limit = Grant()
    limit.add(documents.get(boundary), boundary)
    if limit.unreadable:
        return UNKNOWN
    return "yes" if (limit.services - limit.denied) & (grant.services or set(NAMESPACES)) else "no"


# When it was used


def rows_of(iam, holders, deadline, now):
    """Ask for each holder, many at a time, until the time is up.

    Those outside scoped roles come first. The order changes with the day, so that what one report had no time for is
    among the first of another.
    """
    day = now.date().isoformat()
    ordered = sorted(holders, key=lambda each: (each["scoped"], hashlib.sha256((day + each["arn"]).encode()).digest()))
    with ThreadPoolExecutor(WORKERS) as pool:
        rows = list(pool.map(lambda each: row_of(iam, each, deadline, now), ordered))
    if rows and all(row["last_used"] == UNKNOWN for row in rows):
        raise RuntimeError(f"no last use could be read of {len(rows)} principals: {rows[0]['note']}")
    return rows


def row_of(iam, holder, deadline, now):
    grant, use = holder["grant"], {"last_used": UNKNOWN}
    notes = [f"policy not readable: {via}" for via in grant.unreadable]
    keys = {"access_keys": "", "api_keys": ""}
    try:
        use = last_use(iam, holder["arn"], deadline, now)
        if holder["type"] == "user":
            keys = keys_of(iam, holder["name"], deadline)
    except iam.exceptions.NoSuchEntityException:
        notes.append("removed while the report was written")
    except TimeoutError as error:
        notes.append(str(error))
    except ClientError as error:
        # What is denied to one is denied to all: a report of nothing but gaps must not pass for one.
        if error.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException"):
            raise
        notes.append(f"not read: {error.response['Error']['Code']}")
    return {
        "principal": holder["arn"],
        "type": holder["type"],
        "path": holder["path"],
        "policies": "; ".join(grant.policies),
        "actions": " ".join(grant.actions)[:2000],
        "services": " ".join(name for name in NAMESPACES if name in grant.services),
        "denied": "yes" if grant.is_denied else "no",
        "scoped_role": "yes" if holder["scoped"] else "no",
        "boundary": holder["boundary"],
        "boundary_allows": holder["boundary_allows"],
        **keys,
        "project": holder["tags"].get("project", ""),
        "team": holder["tags"].get("team", ""),
        **{"region": "", "days_since": "", "last_action": "", **use},
        "note": "; ".join(notes),
    }


def last_use(iam, arn, deadline, now):
    """Let IAM look for the last use, wait for its answer, and return the latest of Bedrock's services."""
    require_time(deadline, UNASKED)
    job = iam.generate_service_last_accessed_details(Arn=arn, Granularity="ACTION_LEVEL")["JobId"]
    patience, pause, services, given = min(deadline, time.monotonic() + JOB_SECONDS), 0.5, [], {"JobId": job}
    while True:
        answer = iam.get_service_last_accessed_details(**given)
        if answer["JobStatus"] == "FAILED":
            raise TimeoutError(f"not read: {answer.get('Error', {}).get('Code', 'the job failed')}")
        if answer["JobStatus"] == "COMPLETED":
            services += [each for each in answer["ServicesLastAccessed"] if each["ServiceNamespace"] in NAMESPACES]
            if not answer.get("IsTruncated"):
                return latest(services, now)
            given["Marker"] = answer["Marker"]
            continue
        require_time(patience - pause, "not read: the job took too long")
        time.sleep(pause)
        pause = min(pause * 2, 8)


def latest(services, now):
    """The latest use of any of the services; the latest action that IAM tracks, which are management actions only."""
    used = [each for each in services if each.get("LastAuthenticated")]
    if not used:
        return {"last_used": NEVER}
    newest = max(used, key=lambda each: each["LastAuthenticated"])
    actions = [
        (action["LastAccessedTime"], f"{each['ServiceNamespace']}:{action['ActionName']}")
        for each in used
        for action in each.get("TrackedActionsLastAccessed", [])
        if action.get("LastAccessedTime")
    ]
    return {
        "last_used": newest["LastAuthenticated"].isoformat(),
        "region": newest.get("LastAuthenticatedRegion", ""),
        "days_since": max(0, (now - newest["LastAuthenticated"]).days),
        "last_action": "{1} {0:%Y-%m-%d}".format(*max(actions)) if actions else "",
    }


def keys_of(iam, name, deadline):
    """A user's long-term credentials that can call Bedrock: access keys with their last use, and Bedrock API keys."""
    require_time(deadline, UNASKED)
    found = []
    for page in iam.get_paginator("list_access_keys").paginate(UserName=name):
        for key in page["AccessKeyMetadata"]:
            used = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"]
            when = f"{used['LastUsedDate']:%Y-%m-%d} {used['ServiceName']}" if used.get("LastUsedDate") else NEVER
            found.append(f"{key['AccessKeyId']} {key['Status']} last used {when}")
    answer = iam.list_service_specific_credentials(UserName=name, ServiceName="bedrock.amazonaws.com")
    credentials = [
        f"{each['ServiceSpecificCredentialId']} {each['Status']} "
        + (f"until {each['ExpirationDate']:%Y-%m-%d}" if each.get("ExpirationDate") else "without an end")
        for each in answer["ServiceSpecificCredentials"]
    ]
    return {"access_keys": "; ".join(found), "api_keys": "; ".join(credentials)}


def require_time(deadline, otherwise="the account's principals and policies could not be read in the function's time"):
    if time.monotonic() > deadline:
        raise TimeoutError(otherwise)
