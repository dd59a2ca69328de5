"""Detections over Bedrock's own log of each call with its content, and over how much is used."""

from __future__ import annotations

from secure_bedrock.detections.detection import Detection, Records, Route, Severity
from secure_bedrock.detections.expressions import any_of, equals
from secure_bedrock.detections.vocabulary import always, never

CONTENT = (
    Detection(
        id="D25",
        name="A guardrail intervenes, repeatedly",
        severity=Severity.LOW,
        technique="AML.T0051",
        why="Somebody tries to talk a model out of its rules, or data leaks into prompts.",
        runbook=("Group the log by identity.", "Look at what was blocked, with a reason and with MFA."),
        blind="Calls without a guardrail (D32), and calls to bedrock-mantle, which are not logged.",
        find=always(
            any_of(
                equals("output.outputBodyJson.stopReason", "guardrail_intervened"),
                equals("output.outputBodyJson.amazon-bedrock-guardrailAction", "INTERVENED"),
            )
        ),
        routes=Route.FILTER,
        threshold=5,
        records=Records.INVOCATIONS,
    ),
    Detection(
        id="D32",
        name="Inference without a guardrail",
        severity=Severity.MEDIUM,
        technique="T1562.001",
        why="The control was left out.",
        runbook=(
            "Query the invocation log for calls without a guardrail, by identity and model.",
            "Require the guardrail: ScopedInvokeRole(guardrail=...).",
        ),
        blind="A guardrail whose trace the caller did not ask for looks like none: no alarm could tell.",
        find=never,
        routes=Route.QUERY,
        records=Records.INVOCATIONS,
    ),
    Detection(
        id="D36",
        name="Far more calls or tokens than usual",
        severity=Severity.MEDIUM,
        technique="T1496.004",
        why="Somebody else uses your models, copies one by asking, or runs up the bill.",
        runbook=(
            "Query the records for calls by identity, the invocation log for tokens.",
            "Suspend the role that is not expected.",
        ),
        blind="A theft within what is usual at that hour; tokens on bedrock-mantle, or outside the audit's Region.",
        find=never,
        routes=Route.METRIC | Route.QUERY,
    ),
    Detection(
        id="D40",
        name="Secrets in prompts or answers",
        severity=Severity.MEDIUM,
        technique="AML.T0057",
        why="A key was pasted into a prompt, or a model gave one away; it is in the log now.",
        runbook=("Rotate what leaked.", "Find the application that sends it."),
        blind="Secrets of other shapes, and content too large for the log group, which goes to the bucket.",
        find=never,
        # Access key ids, Bedrock API keys and private keys. One regular expression, of the signs that filters know.
        text=r"%A[KS]IA[0-9A-Z]{16}|ABSK[A-Za-z0-9]{20}|PRIVATE KEY-----%",
        routes=Route.FILTER | Route.QUERY,
        records=Records.INVOCATIONS,
    ),
)
