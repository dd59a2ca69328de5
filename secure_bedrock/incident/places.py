"""How a project, an account or an organisation is cut off."""

from __future__ import annotations

from secure_bedrock.detections import query_for
from secure_bedrock.incident.looking import denied_from_now_on, exports, jobs_left
from secure_bedrock.incident.organization_policy import attached
from secure_bedrock.incident.plan import Document, Plan, Step, aws, from_file, unknown
from secure_bedrock.policy.containment import CONTAINMENT_POLICY, closed_endpoint, cut_off, nobody, nobody_tagged
from secure_bedrock.policy.reserved import RESERVED_PATH, REVOKED_TAG

_NOT_BOUND = "The management account and service-linked roles, which no policy of the organisation binds"
_OUTSIDE = (
    "Principals of accounts outside the organisation that a resource's policy lets in: `calls-by-account` shows them"
)
_SLOW = "A request that is being answered, and for some seconds those that follow"


def plan_for_project(project: str, *, key: str, target: str | None, roles: tuple[str, ...], region: str) -> Plan:
    """Return what cuts a project off, by its tag.

    Args:
        project: the tag's value.
        key: the tag's key.
        target: the account, OU or root whose policies may hold it; None: the management account is out of reach.
        roles: names of the project's roles, where templates tell; empty: they are looked for.
        region: of the project's inference profiles.
    """
    names, mark = roles or (unknown("ROLE_NAME"),), f"Key={REVOKED_TAG},Value=incident"
    deny = Document(name="incident-deny.json", policy=cut_off())
    find = () if roles else (
        aws("iam", "list-roles", "--path-prefix", RESERVED_PATH, "--query", "Roles[].RoleName"),
        aws("iam", "list-role-tags", "--role-name", unknown("ROLE_NAME")),
    )  # fmt: skip
    by_role = Step(
        title="Tag the project's roles" + ("" if roles else f": each that bears {key}={project}"),
        why="Every role of this library hears the tag: all its Bedrock calls are denied",
        commands=(
            *find,
            *(aws("iam", "tag-role", "--role-name", name, "--tags", mark) for name in names),
        ),
    )  # fmt: skip
    profiles = (
        "resourcegroupstaggingapi", "get-resources", "--region", region, "--tag-filters", f"Key={key},Values={project}",
        "--resource-type-filters", "bedrock:application-inference-profile",
    )  # fmt: skip
    profile = ("--region", region, "--resource-arn", unknown("PROFILE_ARN"))
    by_profile = Step(
        title="Tag the project's inference profiles",
        why="Scoped roles that nobody told you of cannot call through them any more",
        commands=(
            aws(*profiles),
            aws("bedrock", "tag-resource", *profile, "--tags", f"key={REVOKED_TAG},value=incident"),
        ),
    )
    others = Step(
        title="Deny Bedrock to roles of the project that this library did not make",
        why="They do not hear the tag",
        commands=(
            aws(
                "iam", "put-role-policy", "--role-name", unknown("ROLE_NAME"), "--policy-name", CONTAINMENT_POLICY,
                "--policy-document", from_file(deny),
            ),
        ),
        document=deny,
    )  # fmt: skip
    by_policy, undo_policy = attached(nobody_tagged(key, project), target)
    untagged = Step(
        title="Take the tags and the denies away",
        why="From every role and profile that was listed",
        commands=(
            *(aws("iam", "untag-role", "--role-name", name, "--tag-keys", REVOKED_TAG) for name in names),
            aws("bedrock", "untag-resource", *profile, "--tag-keys", REVOKED_TAG),
            aws("iam", "delete-role-policy", "--role-name", unknown("ROLE_NAME"), "--policy-name", CONTAINMENT_POLICY),
        ),
    )
    return Plan(
        subject=f"the project {project} ({key}={project})",
        acts=(by_role, by_profile, *by_policy, others, jobs_left(region)),
        configuration="BedrockProject(suspended=True), for every role of the project",
        checks=(
            denied_from_now_on(unknown("ROLE_ARN"), exports(with_organization=target is not None)),
            _saved_query("calls-by-project", "D36", "The project's profiles have no successful calls any more"),
        ),
        undoes=(*undo_policy, untagged),
        open=(
            "Roles and sessions that do not bear the tag: tags are as good as whoever may set them",
            *((_NOT_BOUND,) if target else ()),
            _SLOW,
        ),
    )


def plan_for_account(target: str, *, spared: tuple[str, ...], endpoints: tuple[str, ...], region: str) -> Plan:
    """Return what stops all use of Bedrock in an account, an OU or the organisation.

    Args:
        target: the account's, OU's or root's id.
        spared: ARNs of roles that go on.
        endpoints: ids of VPC endpoints to be closed besides; empty: they are looked for.
        region: of the endpoints.
    """
    acts, undoes = attached(nobody(but=spared), target)
    closed = Document(name="incident-endpoint.json", policy=closed_endpoint())
    ids = endpoints or (unknown("ENDPOINT_ID"),)
    here = ("--region", region)
    find = () if endpoints else (
        aws("ec2", "describe-vpc-endpoints", *here, "--filters", "Name=service-name,Values=*bedrock*",
            "--query", "VpcEndpoints[].[VpcEndpointId,ServiceName]"),
    )  # fmt: skip
    close = Step(
        title="Close the endpoints",
        why="Credentials of other accounts come through them too; the organisation's policy does not bind those. "
        "The policies as they were are saved first",
        commands=(
            *find,
            *(
                command
                for each in ids
                for command in (
                    aws(
                        "ec2", "describe-vpc-endpoints", *here, "--vpc-endpoint-ids", each,
                        "--query", "VpcEndpoints[0].PolicyDocument", "--output", "text", saved=_before(each),
                    ),
                    aws(
                        "ec2", "modify-vpc-endpoint", *here, "--vpc-endpoint-id", each,
                        "--policy-document", from_file(closed),
                    ),
                )
            ),
        ),
        document=closed,
    )  # fmt: skip
    keys = Step(
        title="Deactivate Bedrock API keys",
        why="The deny stops them already; this ends them where no policy of the organisation reaches",
        commands=(
            aws("iam", "list-service-specific-credentials", "--all-users", "--service-name", "bedrock.amazonaws.com"),
            aws(
                "iam", "update-service-specific-credential", "--user-name", unknown("USER_NAME"),
                "--service-specific-credential-id", unknown("CREDENTIAL_ID"), "--status", "Inactive",
            ),
        ),
    )  # fmt: skip
    opened = Step(
        title="Open the endpoints",
        why="With the policies that were saved; deploying the endpoints' stack does the same",
        commands=tuple(
            aws(
                "ec2", "modify-vpc-endpoint", *here, "--vpc-endpoint-id", each,
                "--policy-document", f"file://{_before(each)}",
            )
            for each in ids
        ),
    )  # fmt: skip
    return Plan(
        subject=f"all use of Bedrock under {target}",
        acts=(*acts, close, keys, jobs_left(region)),
        configuration="suspended=True on each ScopedInvokeRole and BedrockProject, which closes the endpoints too",
        checks=(
            denied_from_now_on(unknown("PRINCIPAL_ARN"), exports(with_organization=True)),
            _saved_query("calls-by-principal", "D36", "Nobody but those who are spared has successful calls any more"),
        ),
        undoes=(opened, *undoes),
        open=(_NOT_BOUND, _OUTSIDE, _SLOW),
    )


def _saved_query(query_id: str, detection: str, why: str) -> Step:
    folder = query_for(detection).name.rpartition("/")[0]
    words = ("logs", "describe-query-definitions", "--query-definition-name-prefix", f"{folder}/{query_id}")
    return Step(title=f"Run the saved query {folder}/{query_id}", why=why, commands=(aws(*words),))


def _before(endpoint: str) -> str:
    return f"{endpoint}-before.json"
