"""A plan of response as a value: steps, each with commands of the AWS CLI and the policies they take."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from secure_bedrock.policy.document import Policy

#: In a command, what only the command before it tells.
UNKNOWN = "<{}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file that a command reads.

    Attributes:
        name: the file's.
        policy: what it holds.
    """

    name: str
    policy: Policy

    @property
    def text(self) -> str:
        """The file's text."""
        return json.dumps(self.policy.to_plain(), indent=2)


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the AWS CLI, or of this library.

    Attributes:
        words: its words; what stands in `<>` the command before it tells.
        saved: the file that its output goes to; empty: none.
    """

    words: tuple[str, ...]
    saved: str = ""

    @property
    def text(self) -> str:
        """As a shell takes it."""
        return shlex.join(self.words) + (f" > {shlex.quote(self.saved)}" if self.saved else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something to do.

    Attributes:
        title: what, in a few words.
        why: what it achieves, and what it does not.
        commands: in their order.
        document: what one of the commands reads. Default: none.
    """

    title: str
    why: str
    commands: tuple[Command, ...]
    document: Document | None = None

    def to_plain(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        plain: dict[str, Any] = {
            "title": self.title, "why": self.why, "commands": [command.text for command in self.commands],
        }  # fmt: skip
        if self.document is not None:
            plain |= {"file": self.document.name, "policy": self.document.policy.to_plain()}
        return plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do about somebody.

    Attributes:
        subject: whom it stops, in words.
        acts: what stops them, the fastest first.
        configuration: how the same is said in a CDK app, so that the next deployment keeps it.
        checks: what shows that it works, and what was done before.
        undoes: what takes it back, the last act first.
        open: what it does not stop.
    """

    subject: str
    acts: tuple[Step, ...]
    configuration: str
    checks: tuple[Step, ...]
    undoes: tuple[Step, ...]
    open: tuple[str, ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        """All of them."""
        return (*self.acts, *self.checks, *self.undoes)

    @property
    def documents(self) -> tuple[Document, ...]:
        """Every file that its commands read."""
        return tuple(step.document for step in self.steps if step.document is not None)

    def to_plain(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return {
            "subject": self.subject,
            "acts": [step.to_plain() for step in self.acts],
            "configuration": self.configuration,
            "checks": [step.to_plain() for step in self.checks],
            "undoes": [step.to_plain() for step in self.undoes],
            "open": list(self.open),
        }

    def lines(self) -> Iterator[str]:
        """Yield it as a text that a shell could run line by line: what is no command is a comment."""
        yield f"# To stop {self.subject}. Run nothing that you have not read; what stands in <> the step before tells."
        numbered = enumerate(self.steps, start=1)
        for heading, steps in (("Stop", self.acts), ("Check", self.checks), ("Undo, when it is over", self.undoes)):
            yield from ("", f"### {heading}")
            for number, step in (next(numbered) for _ in steps):
                yield from ("", f"# {number}. {step.title}. {step.why}")
                if step.document is not None:
                    yield from (f"cat > {shlex.quote(step.document.name)} <<'JSON'", step.document.text, "JSON")
                yield from (command.text for command in step.commands)
            if heading == "Stop":
                yield from ("", f"# In the CDK app, so that the next deployment keeps it: {self.configuration}")
        yield from ("", "### What this does not stop")
        yield from (f"# - {each}" for each in self.open)


def aws(*words: str, saved: str = "") -> Command:
    """Return a command of the AWS CLI."""
    return Command(("aws", *words), saved)


def unknown(what: str) -> str:
    """Return a placeholder for what the step before tells."""
    return UNKNOWN.format(what)


def from_file(document: Document) -> str:
    """Return a parameter's value that the AWS CLI reads from a file."""
    return f"file://{document.name}"
