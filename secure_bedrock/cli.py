"""`secure-bedrock`: who can call Bedrock, according to templates or to a live account's export.

Exit codes: 0 what was asked holds, 1 a finding or a counterexample, 2 usage or unreadable input, 3 could not decide.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from secure_bedrock.errors import InvalidInput
from secure_bedrock.incident.command import incident
from secure_bedrock.replay.command import replay_command

HOLDS, FOUND, UNUSABLE, UNDECIDED = 0, 1, 2, 3
_INTERRUPTED = 130


def run() -> int:
    """Run the command line; no traceback reaches the user."""
    try:
        return main(standalone_mode=False) or HOLDS
    except click.ClickException as error:
        error.show()
        return UNUSABLE
    except (click.Abort, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)  # noqa: T201
        return _INTERRUPTED
    except InvalidInput as error:
        return _failed(str(error))
    except BrokenPipeError:  # the reader of the pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return HOLDS
    except Exception as error:
        if os.environ.get("SECURE_BEDROCK_DEBUG"):
            raise
        return _failed(f"internal error, please report it: {type(error).__name__}: {error}")


def _failed(message: str) -> int:
    from secure_bedrock.review.text import visible  # noqa: PLC0415 - only to print

    print(f"secure-bedrock: {visible(message)}", file=sys.stderr)  # noqa: T201
    return UNUSABLE


def _pairs(_: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs = [value.partition("=") for value in values]
    wrong = next((key for key, sign, _ in pairs if not sign or not key), None)
    if wrong is not None:
        raise click.BadParameter(f"got {wrong!r}; allowed is name=value", param=parameter)
    return {key: value for key, _, value in pairs}


def _reads_input(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what every command that reads an input takes."""
    for option in (
        click.option("--parameter", "parameters", multiple=True, callback=_pairs, metavar="NAME=VALUE",
                     help="Value of a CloudFormation parameter; repeat for more."),
        click.option("--region", metavar="REGION", help="Region of stacks that do not say theirs."),
        click.option("--account", metavar="ACCOUNT", help="Account of stacks that do not say theirs."),
    ):  # fmt: skip
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="secure-bedrock")
def main() -> None:
    """Who can call Amazon Bedrock: proved from templates, or from a live account's export, offline."""


main.add_command(incident)
main.add_command(replay_command)


@main.command()
@click.argument("path", default="cdk.out")
@_reads_input
@click.option("--rule", "rule_id", metavar="RULE", help="Instead of a review: the page of a rule.")
@click.option("--strict", is_flag=True, help="Claims about principals outside the input change the exit code too.")
@click.option(
    "--format", "form", type=click.Choice(["text", "markdown", "json", "sarif", "html"]), default="text",
    show_default=True,
)  # fmt: skip
def review(path: str, form: str, rule_id: str | None, *, strict: bool, **place: Any) -> int:  # noqa: ANN401 - options
    """Say who can invoke which model from where, and what is wrong.

    PATH is a cdk.out, a template, a folder of templates, or the export of a live account.
    """
    from secure_bedrock.review.formats import FORMATS  # noqa: PLC0415 - only this command
    from secure_bedrock.review.loading import load  # noqa: PLC0415 - the same
    from secure_bedrock.review.reviewing import review_estate  # noqa: PLC0415 - the same

    if rule_id is not None:
        return rules.callback(rule_id)  # type: ignore[misc] - it has one
    loaded = load(path, **place)
    with _progress(path) as told:
        report = review_estate(loaded, progress=told)
    click.echo(FORMATS[form]()(report), nl=False)
    if report.counts(strict=strict):
        return FOUND
    return UNDECIDED if report.undecided else HOLDS


@main.command()
@click.argument("rule_id", required=False, metavar="[RULE]")
def rules(rule_id: str | None) -> int:
    """Say what `review` looks for: every rule in one line, or the page of one."""
    from secure_bedrock.review.formats.pages import listing, page_as_text  # noqa: PLC0415 - only this command
    from secure_bedrock.review.rules import rule_named, rules  # noqa: PLC0415 - the same

    click.echo(page_as_text(rule_named(rule_id)) if rule_id else listing(rules()))
    return HOLDS


@contextmanager
def _progress(path: str) -> Iterator[Callable[[str, int, int], None]]:
    """Show on a terminal's error stream what a long review is at; elsewhere say nothing."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from secure_bedrock.review.text import visible  # noqa: PLC0415 - only on a terminal

    def tell(what: str, number: int, of: int) -> None:
        sys.stderr.write(f"\r\x1b[Kreviewing {visible(path)}: {visible(what)[:60]} ({number + 1} of {of})")
        sys.stderr.flush()

    try:
        yield tell
    finally:
        sys.stderr.write("\r\x1b[K")


@main.command()
@click.argument("path", default="cdk.out")
@_reads_input
@click.option("--principal", help="Who: a name that `review` prints, or an ARN.")
@click.option("--action", help="An IAM action, such as bedrock:InvokeModel.")
@click.option("--resource", default="*", help="The ARN it is done to.")
@click.option("--operation", help="Instead of an action: an operation of Bedrock's APIs, such as Converse.")
@click.option("--model", help="For an operation: a model id, a profile's id, or an ARN.")
@click.option("--guardrail", help="For an operation: the ARN of a guardrail, with :VERSION.")
@click.option("--endpoint", help="The VPC endpoint the call comes through.")
@click.option(
    "--context", multiple=True, callback=_pairs, metavar="KEY=VALUE", help="A condition key; repeat for more."
)
@click.option("--message", help="Instead of a request: an access-denied message, as AWS wrote it.")
@click.option("--event", type=click.Path(dir_okay=False), help="Instead of a request: a CloudTrail record, in a file.")
@click.option("--verbose", is_flag=True, help="Every statement of every layer, and what kept it from applying.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def explain(path: str, form: str, *, verbose: bool, **given: Any) -> int:  # noqa: ANN401 - the options
    """Say why a call is allowed or denied, layer by layer.

    PATH is a cdk.out, a template, a folder of templates, or the export of a live account.
    """
    from secure_bedrock.review.asking import answers, question_of  # noqa: PLC0415 - only this command

    asked = question_of(given, event=_event(given["event"]))
    found = answers(path, asked, **{name: given[name] for name in ("account", "region", "parameters")})
    if form == "json":
        click.echo(json.dumps([answer.to_plain() for answer in found], indent=2))
    else:
        for answer in found:
            click.echo("\n".join(answer.lines(verbose=verbose)))
    return HOLDS if all(answer.allowed for answer in found) else FOUND


def _event(path: str | None) -> Mapping[str, Any] | None:
    if path is None:
        return None
    from secure_bedrock.review.reading import parse, read_text  # noqa: PLC0415 - only where it is asked

    body = parse(read_text(Path(path)), path)
    records = body.get("Records", [body]) if isinstance(body, Mapping) else []
    if len(records) != 1 or not isinstance(records[0], Mapping):
        raise click.BadParameter(f"{path}: got {len(records)} records; allowed is one CloudTrail record")
    return records[0]


@main.command()
@click.argument("path", default="cdk.out")
@_reads_input
@click.option(
    "--format", "form", type=click.Choice(["json", "cfn", "scp", "terraform"]), default="json", show_default=True
)
def export(path: str, form: str, **place: Any) -> int:  # noqa: ANN401 - the options
    """Print the policies for those who deploy by other means than CDK.

    json: every policy, by whom it belongs to. cfn: a template that stands alone. scp: the organisation's policies, one
    text each. terraform: Terraform's JSON syntax. What a deployment makes, such as an endpoint's id, is a parameter.
    """
    from secure_bedrock.review.exporting import FORMATS, exported  # noqa: PLC0415 - only this command
    from secure_bedrock.review.loading import load  # noqa: PLC0415 - the same

    loaded = load(path, **place)
    reading, *others = loaded.readings
    if others:
        choices = "; ".join(each.when for each in loaded.readings)
        raise InvalidInput(f"--parameter: the input has {len(loaded.readings)} outcomes; choose one of: {choices}")
    click.echo(json.dumps(FORMATS[form](exported(reading)), indent=2))
    return HOLDS


@main.command()
@click.argument("invariants", type=click.Path(dir_okay=False))
@click.argument("path", default="cdk.out")
@_reads_input
@click.option("--strict", is_flag=True, help="Fail also for what only somebody can do whom the input does not show.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def prove(invariants: str, path: str, form: str, *, strict: bool, **place: Any) -> int:  # noqa: ANN401 - the options
    """Prove a file of invariants, or show the request that breaks one.

    INVARIANTS is a TOML file with one [[invariant]] an entry. PATH is what `review` takes.
    """
    from secure_bedrock.review.invariants_file import read_invariants  # noqa: PLC0415 - only this command
    from secure_bedrock.review.loading import load  # noqa: PLC0415 - the same
    from secure_bedrock.review.proofs import proofs_of  # noqa: PLC0415 - the same

    asked = read_invariants(invariants)
    proofs = proofs_of(load(path, **place), asked)
    if form == "json":
        click.echo(json.dumps(proofs.to_plain(), indent=2))
    else:
        _print(proofs.lines())
    if proofs.broken(strict=strict):
        return FOUND
    return UNDECIDED if proofs.undecided or proofs.unread else HOLDS


@main.command()
@click.argument("before")
@click.argument("after", default="cdk.out")
@_reads_input
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json"]), default="text", show_default=True)
def diff(before: str, after: str, form: str, **place: Any) -> int:  # noqa: ANN401 - the options
    """Say what a change newly allows, or takes away.

    BEFORE and AFTER are what `review` takes, such as the cdk.out of the main branch and that of a pull request.
    """
    from secure_bedrock.review.changes import changes_of  # noqa: PLC0415 - only this command
    from secure_bedrock.review.loading import load  # noqa: PLC0415 - the same

    changes = changes_of(load(before, **place), load(after, **place))
    if form == "json":
        click.echo(json.dumps(changes.to_plain(), indent=2))
    elif form == "markdown":
        from secure_bedrock.review.formats.changes import changes_as_markdown  # noqa: PLC0415 - only this form

        click.echo(changes_as_markdown(changes), nl=False)
    else:
        _print(changes.lines())
    if changes.gained:
        return FOUND
    return UNDECIDED if changes.unsettled or changes.is_cut else HOLDS


def _print(lines: Iterable[str]) -> None:
    from secure_bedrock.review.text import visible  # noqa: PLC0415 - only to print

    click.echo("\n".join(map(visible, lines)))
