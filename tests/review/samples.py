"""Reports that hold everything a report can, and names that mean harm."""

from __future__ import annotations

from secure_bedrock.policy.cases import read_estate
from secure_bedrock.policy.evaluation import evaluate
from secure_bedrock.policy.request import Request
from secure_bedrock.policy.verdicts import Witness
from secure_bedrock.review.report import (
    Access,
    BlindSpot,
    Finding,
    Grant,
    Reference,
    Report,
    Rule,
    Severity,
    Undecided,
)
from secure_bedrock.review.template import Source

ACCOUNT = "111122223333"
MODEL = "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0"
#: Each tries to leave the place it is printed in.
HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07\u202eevil",
    "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">",
    "'\"><svg/onload=alert(1)>",
    "a | b\n| c | d |\n\n# Title\n",
    "`` `code` ``` ![x](https://example.com/x.png) [x](javascript:alert(1)) @everyone www.example.com",
    "</style></script><!-- --><base href=https://example.com>",
    "\ud800\x00\u2028",
    "x" * 5000,
)


def witness() -> Witness:
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    arn = f"arn:aws:iam::{ACCOUNT}:role/app"
    estate = read_estate({"principals": {"app": {"arn": arn, "identity": [policy]}}})
    request = Request(
        principal="app", action="bedrock:InvokeModel", resource=MODEL, context={"aws:SourceIp": "192.0.2.1"}
    )
    return Witness(request=request, decision=evaluate(estate, request), estate=estate)


def report_named(name: str) -> Report:
    """A report in which everything that comes from the input is a name."""
    source = Source(file=f"cdk.out/{name}", stack=name, logical_id=name, construct_path=name, line=3)
    rules = [
        Rule(
            id=f"{severity.value}-rule",
            title=f"what is {severity.value}",
            severity=severity,
            what="It looks.",
            why="It matters.",
            example='{"Resource": "*"}',
            instead='{"Resource": "arn"}',
            references=(
                Reference(title="IAM User Guide", url="https://docs.aws.amazon.com/IAM/"),
                Reference(title="x"),
            ),
        )
        for severity in Severity
    ]
    findings = [
        Finding(
            rule=rule, message=f"{name} is {rule.id}", resource=name, source=source if number % 2 else None,
            fix=f"change {name}", witness=witness() if number < 2 else None, about_outsiders=number == 2,
            when=name if number == 1 else "",
        )
        for number, rule in enumerate(rules)
    ]  # fmt: skip
    grant = Grant(layer="identity", statement=name, policy=name, source=source)
    rows = [
        Access(
            principal=name, arn=f"arn:aws:iam::{ACCOUNT}:role/app", principal_source=source,
            actions=("bedrock:InvokeModel",), models=(f"foundation-model/{name}",), regions=("eu-west-1",),
            network=name, endpoints=(name,), guardrail=name, conditions=(name,), statements=(grant,),
            assumed_by=(name, "lambda.amazonaws.com"), witness=witness(), when=name,
        ),
        Access(principal="app", arn="x", actions=("bedrock:InvokeModel",), models=(), regions=(), network="any",
               undecided=name),
    ]  # fmt: skip
    return Report(
        path=name, access=tuple(rows), findings=tuple(findings),
        undecided=(Undecided(rule=rules[0], message=name, reason=name, source=source),
                   Undecided(rule=None, message=name, reason=name)),
        assumptions=(name,), blind_spots=(BlindSpot(says="a gap", source="a document"),), made_up={name: name},
        left_out=name, principals=2, rules=tuple(rules),
    )  # fmt: skip


def empty_report() -> Report:
    return Report(path="cdk.out", access=(), findings=(), undecided=(), assumptions=(), blind_spots=())
