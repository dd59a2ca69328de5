"""`secure-bedrock incident`: argument parsing alone."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from secure_bedrock.incident.plan import Plan

_TRAIL = "/secure-bedrock/audit/trail"
_DAYS = 7


def _shared(command: Any) -> Any:  # noqa: ANN401 - what click decorates
    for option in (
        click.option("--region", required=True, help="Where Bedrock and the audit are."),
        click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True),
        click.option(
            "--write", "folder", type=click.Path(file_okay=False), help="Also write the policies into this folder."
        ),
    ):
        command = option(command)
    return command


@click.group()
def incident() -> None:
    """Print what stops somebody, in order: commands, policies, how to check and how to undo. Nothing is run."""


@incident.command("principal")
@click.argument("principal")
@click.option("--before", help="Revoke sessions issued before this time. Default: now.")
@click.option("--everything", is_flag=True, help="Deny every service to it, not Bedrock, IAM and other roles alone.")
@click.option("--user-name", default="", help="Whose credential it is, for the id of one.")
@click.option("--target", help="The account, OU or root that a policy of the organisation is put over besides.")
@click.option("--since", help="When the search of what was done begins. Default: a week ago.")
@click.option("--log-group", default=_TRAIL, show_default=True, help="The trail's.")
@_shared
def _principal(**given: Any) -> int:  # noqa: ANN401 - the options
    """Cut off a role, a user or a session, by its ARN, or a credential of a user, by its id."""
    from secure_bedrock.incident.looking import Search  # noqa: PLC0415 - only this command
    from secure_bedrock.incident.principals import Orders, plan_for  # noqa: PLC0415 - the same
    from secure_bedrock.incident.subjects import moment_of, name_of, subject_of, target_of  # noqa: PLC0415 - the same

    now = moment_of("--since", None)
    orders = Orders(
        before=moment_of("--before", given["before"]),
        everything=given["everything"],
        user_name=name_of("--user-name", given["user_name"]) if given["user_name"] else "",
        target=target_of(given["target"]) if given["target"] else None,
    )
    search = Search(
        region=_region(given),
        since=now - timedelta(days=_DAYS) if given["since"] is None else moment_of("--since", given["since"]),
        until=now + timedelta(hours=1),  # for what is done while this is read
        log_group=given["log_group"],
    )
    return _print(plan_for(subject_of(given["principal"]), orders, search), given)


@incident.command("project")
@click.argument("project")
@click.option("--key", default="project", show_default=True, help="The tag's key.")
@click.option("--target", help="The account, OU or root that a policy of the organisation may be put over.")
@click.option("--input", "path", type=click.Path(exists=True), help="The app's cdk.out, for the names of its roles.")
@_shared
def _project(**given: Any) -> int:  # noqa: ANN401 - the options
    """Cut off a project, by the value of its tag."""
    from secure_bedrock.incident.places import plan_for_project  # noqa: PLC0415 - only this command
    from secure_bedrock.incident.subjects import tag_of, target_of  # noqa: PLC0415 - the same

    key, value = tag_of("--key", given["key"]), tag_of("project", given["project"])
    plan = plan_for_project(
        value,
        key=key,
        target=None if given["target"] is None else target_of(given["target"]),
        roles=_roles_of(given["path"], key, value) if given["path"] else (),
        region=_region(given),
    )
    return _print(plan, given)


@incident.command("account")
@click.argument("target")
@click.option("--except", "spared", multiple=True, help="The ARN of a role that goes on; repeat for more.")
@click.option("--endpoint", "endpoints", multiple=True, help="A VPC endpoint to be closed; repeat for more.")
@_shared
def _account(**given: Any) -> int:  # noqa: ANN401 - the options
    """Stop all use of Bedrock in an account, an OU or an organisation (its root), by its id."""
    from secure_bedrock.incident.places import plan_for_account  # noqa: PLC0415 - only this command
    from secure_bedrock.incident.subjects import endpoint_of, role_arn_of, target_of  # noqa: PLC0415 - the same

    plan = plan_for_account(
        target_of(given["target"]),
        spared=tuple(role_arn_of("--except", each) for each in given["spared"]),
        endpoints=tuple(endpoint_of("--endpoint", each) for each in given["endpoints"]),
        region=_region(given),
    )
    return _print(plan, given)


def _region(given: dict[str, Any]) -> str:
    from secure_bedrock.policy.environment import partition_of  # noqa: PLC0415 - only when a command runs

    partition_of(given["region"])  # refuses what is no Region, with the nearest
    return given["region"]


def _roles_of(path: str, key: str, value: str) -> tuple[str, ...]:
    from secure_bedrock.errors import InvalidInput  # noqa: PLC0415 - only for an input
    from secure_bedrock.review.loading import load  # noqa: PLC0415 - the same

    found = {
        principal.arn.rpartition("/")[2]
        for reading in load(path).readings
        for principal in reading.estate.principals.values()
        if (key, value) in principal.tags and ":role/" in principal.arn
    }
    if not found:
        raise InvalidInput(f"--input: no role of {path} bears the tag {key}={value}")
    return tuple(sorted(found))


def _print(plan: Plan, given: dict[str, Any]) -> int:
    if given["folder"]:
        folder = Path(given["folder"])
        folder.mkdir(parents=True, exist_ok=True)
        for document in plan.documents:
            (folder / document.name).write_text(document.text + "\n", "utf-8")
    click.echo(json.dumps(plan.to_plain(), indent=2) if given["form"] == "json" else "\n".join(plan.lines()))
    return 0
