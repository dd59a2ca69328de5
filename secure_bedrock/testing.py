"""For your own tests: `assert_proved` fails with the request that breaks an invariant, and what let it through."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from secure_bedrock.errors import InvalidInput, invalid
from secure_bedrock.policy.estate import Estate
from secure_bedrock.policy.invariants import Invariant, Never, Works
from secure_bedrock.review.inputs import Inputs
from secure_bedrock.review.loading import Loaded, load, read
from secure_bedrock.review.proofs import Proofs, proofs_of, proofs_of_estate
from secure_bedrock.review.template import Template
from secure_bedrock.review.text import visible

__all__ = ["assert_proved"]

_TAKEN = (
    "a path, an assertions.Template, a synthesized cloud assembly, a Stack, a template's dict, a Loaded or an Estate"
)


def assert_proved(
    source: object,
    *invariants: Invariant,
    strict: bool = False,
    account: str | None = None,
    region: str | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> Proofs:
    """Fail unless every invariant holds for all requests there can be.

    Principals, endpoints, guardrails and models in the invariants may be named as in the app: the end of a construct
    path such as `App/Role`, a model's id.

    Args:
        source: a `cdk.out`, a template's file or a folder of them; an `aws_cdk.assertions.Template`; what `app.synth()`
            returns; a stack, whose app is synthesized; a template as a dict; what `secure_bedrock.review.load` returns;
            or an `Estate`.
        *invariants: what is to hold, such as those of `secure_bedrock.policy.bedrock_invariants`.
        strict: fail also where only somebody breaks it whom the source does not show, such as an administrator of the
            account. Default: what the source shows is what is judged.
        account: the account of stacks that do not say theirs. Default: one that is made up.
        region: the Region of stacks that do not say theirs. Default: us-east-1.
        parameters: values of CloudFormation parameters. Default: every outcome that they lead to.

    Returns:
        The proofs, with the assumptions they rest on.

    Raises:
        AssertionError: with the request, layer by layer the statement that let it through, what to change, and the
            assumptions, numbered.
        InvalidInput: for a source that cannot be read, or a name that it does not hold.
    """
    __tracebackhide__ = True
    if not invariants:
        raise InvalidInput("invariants: got none; at least one must be given")
    for each in invariants:
        if not isinstance(each, Never | Works):
            raise invalid("invariants", each, allowed="an invariant, such as nobody_uses_api_keys()")
    if isinstance(source, Estate):
        proofs = proofs_of_estate(source, invariants)
    else:
        proofs = proofs_of(_loaded(source, account=account, region=region, parameters=parameters), invariants)
    failed = (*proofs.broken(strict=strict), *proofs.undecided)
    if failed or proofs.unread:
        count = f"{len(failed)} of {len(proofs.answers)} invariants not proved"
        raise AssertionError("\n".join(map(visible, (count, "", *proofs.lines(of=failed)))))
    return proofs


def _loaded(source: object, **place: Any) -> Loaded:  # noqa: ANN401 - what `load` takes
    """Return what a source holds. CDK's objects are told by what they can do: nobody pays for its import."""
    if isinstance(source, Loaded):
        return source
    if isinstance(source, str | Path):
        return load(source, **place)
    directory = getattr(source, "directory", None)  # a cloud assembly
    if isinstance(directory, str):
        return load(directory, **place)
    if hasattr(source, "node") and hasattr(source.node, "root"):  # pyright: ignore[reportAttributeAccessIssue]
        return load(source.node.root.synth().directory, **place)  # pyright: ignore[reportAttributeAccessIssue]
    body = source.to_json() if hasattr(source, "to_json") else source  # pyright: ignore[reportAttributeAccessIssue]
    if not isinstance(body, Mapping) or not isinstance(body.get("Resources"), Mapping):
        raise invalid("source", source, allowed=_TAKEN)
    text = json.dumps(body, indent=1)
    template = Template(
        name="template", stack_name="template", body=json.loads(text), file="template", text=text,
        account=place["account"], region=place["region"],
    )  # fmt: skip
    return read(Inputs(templates=(template,), exports=()), "template", place["parameters"])
