"""Tags that decide about a principal's access and that the principal may put there itself."""

from __future__ import annotations

from collections.abc import Iterator

from secure_bedrock.policy.bedrock_invariants import INFERENCE
from secure_bedrock.policy.document import Condition, Statement
from secure_bedrock.policy.invariants import Never, Scope, requests
from secure_bedrock.policy.request import Principal
from secure_bedrock.policy.verdicts import Witness
from secure_bedrock.review.checking import Facts, Question, condition, covered, may
from secure_bedrock.review.report import Finding, Rule

_PRINCIPAL, _RESOURCE = "aws:principaltag/", "aws:resourcetag/"
_TAGGED = ("arn:*:bedrock:*:*:application-inference-profile/*",)


def own_tags(facts: Facts, rule: Rule) -> Iterator[Question]:
    """Yield whether principals can put a tag that their own policies ask for on themselves, or on a profile.

    Service Authorization Reference, IAM and Amazon Bedrock: TagRole, TagUser and TagResource with aws:RequestTag.
    """
    for name, principal in facts.estate.principals.items():
        for tag in _tags(principal, _PRINCIPAL) if may(principal, "iam:TagRole", "iam:TagUser") else ():
            claim = requests(
                actions=("iam:TagUser" if ":user/" in principal.arn else "iam:TagRole",), resources=(principal.arn,),
                conditions=_setting(tag),
            )  # fmt: skip
            yield _ask(facts, rule, name, claim, f"may put the tag {tag} on itself, which its access depends on")
        for tag in _tags(principal, _RESOURCE) if may(principal, "bedrock:TagResource") else ():
            bare = condition("Null", f"aws:ResourceTag/{tag}", "true")
            claim = requests(
                actions=("bedrock:TagResource",), resources=_TAGGED,
                conditions=(*_setting(tag), bare),
            )  # fmt: skip
            yield _ask(facts, rule, name, claim, f"may put the tag {tag}, which its access depends on, on any profile")


def _setting(tag: str) -> tuple[Condition, ...]:
    """Return what is so of every request that sets a tag."""
    among = Condition(operator="StringEquals", key="aws:TagKeys", values=(tag,), quantifier="ForAnyValue")
    return (condition("Null", f"aws:RequestTag/{tag}", "false"), among)


def _tags(principal: Principal, start: str) -> tuple[str, ...]:
    """Return the tags that its statements about inference name with a value; those on resources in an Allow alone."""
    return tuple(dict.fromkeys(
        each.key[len(start):]
        for policy in principal.identity for statement in policy.statements if covered(statement, INFERENCE)
        for each in statement.conditions
        if each.key.lower().startswith(start) and each.operator != "Null"
        and (statement.effect == "Allow" or start == _PRINCIPAL)
    ))  # fmt: skip


def _ask(facts: Facts, rule: Rule, name: str, claim: Statement, said: str) -> Question:
    source = facts.source_of(name)

    def finding(witness: Witness) -> Finding:
        action = witness.decision.request.action
        return Finding(
            rule=rule, message=f"{name} {said}", resource=name, source=source, witness=witness,
            fix=f"take {action} from {name}, or deny it there where the tag is among aws:TagKeys",
        )  # fmt: skip

    return Question(
        rule=rule, finding=finding, message=f"whether {name} {said}", source=source,
        claim=Never(name=f"{said} {name}", statements=(claim,), scope=Scope(principals=(name,))),
    )  # fmt: skip
