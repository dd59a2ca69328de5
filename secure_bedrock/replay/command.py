"""`secure-bedrock replay`: argument parsing alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

_HOLDS, _FOUND, _UNDECIDED = 0, 1, 3


def _pairs(_: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> Mapping[str, str]:
    pairs = [value.rpartition("=") for value in values]
    wrong = next((value for value, (old, _, new) in zip(values, pairs, strict=True) if not old or not new), None)
    if wrong is not None:
        raise click.BadParameter(f"got {wrong!r}; allowed is OLD=NEW", param=parameter)
    return {old: new for old, _, new in pairs}


def _id_of(name: str, made_up: Mapping[str, str]) -> str:
    """The id that stands for an endpoint which a deployment makes, by the name the review gives it."""
    return next((value for value, called in made_up.items() if called == name), name)


@click.command("replay")
@click.argument("events", nargs=-1, required=True, type=click.Path(exists=True))
@click.option("--against", default="cdk.out", show_default=True, help="The templates, or a live account's export.")
@click.option(
    "--as",
    "principals",
    multiple=True,
    callback=_pairs,
    metavar="OLD=NEW",
    help="A caller's ARN or name in the records, and in the templates; repeat for more.",
)
@click.option(
    "--endpoint",
    "endpoints",
    multiple=True,
    callback=_pairs,
    metavar="OLD=NEW",
    help="An endpoint's id in the records, and in the templates; repeat for more.",
)
@click.option("--guardrail", metavar="ARN", help="What every call is taken to have named, as records do not show it.")
@click.option(
    "--parameter",
    "parameters",
    multiple=True,
    callback=_pairs,
    metavar="NAME=VALUE",
    help="Value of a CloudFormation parameter; repeat for more.",
)
@click.option("--region", metavar="REGION", help="Region of stacks that do not say theirs.")
@click.option("--account", metavar="ACCOUNT", help="Account of stacks that do not say theirs.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def replay_command(events: tuple[str, ...], against: str, form: str, **given: Any) -> int:  # noqa: ANN401
    """Say which calls of the past the templates' policies would have denied, by principal.

    EVENTS are CloudTrail's records: files or folders, as S3 has them or as `aws cloudtrail lookup-events` prints them.
    Asked are calls of models that were answered. What cannot be asked is counted, and never guessed.
    """  # fmt: skip
    from secure_bedrock.errors import InvalidInput  # noqa: PLC0415 - only when the command runs
    from secure_bedrock.replay.calls import Names  # noqa: PLC0415 - the same
    from secure_bedrock.replay.records import records_of  # noqa: PLC0415 - the same
    from secure_bedrock.replay.replaying import replay  # noqa: PLC0415 - the same
    from secure_bedrock.review.loading import load  # noqa: PLC0415 - the same

    loaded = load(against, **{name: given[name] for name in ("account", "region", "parameters")})
    reading, *others = loaded.readings
    if others:
        choices = "; ".join(each.when for each in loaded.readings)
        raise InvalidInput(f"--parameter: the input has {len(loaded.readings)} outcomes; choose one of: {choices}")
    names = Names(
        principals=given["principals"],
        endpoints={old: _id_of(new, reading.made_up) for old, new in given["endpoints"].items()},
        guardrail=given["guardrail"],
    )
    found = replay(records_of(events), reading.estate, names, loaded.assumptions)
    click.echo(json.dumps(found.to_plain(), indent=2) if form == "json" else "\n".join(found.lines()))
    if found.count("denied"):
        return _FOUND
    return _UNDECIDED if found.count("undecided") or found.unknown else _HOLDS
