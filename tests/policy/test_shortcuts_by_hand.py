"""Estates by hand, each answered wrongly by a prover one of whose shortcuts is a little too narrow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from secure_bedrock.policy import Account, Endpoint, Estate, Policy, Principal, evaluate, prove
from secure_bedrock.policy._automata import Cells, Domain, Glob
from secure_bedrock.policy._budget import Budget
from secure_bedrock.policy._encoding import Encoding
from secure_bedrock.policy._formulas import Formula, all_of, find
from secure_bedrock.policy._globs import parse
from secure_bedrock.policy._linking import Linking
from secure_bedrock.policy._proving import Prover, subjects_of
from secure_bedrock.policy.document import Statement
from secure_bedrock.policy.invariants import Never, Scope, requests
from secure_bedrock.policy.verdicts import Refuted, Unknown
from tests.policy.corners import ABROAD, FEDERATED, HOME, MODEL, ORG, QUEUE, ROLES, USER
from tests.policy.shortcuts import PLENTY, REMEMBERING, compiled, without


def document(*statements: dict[str, Any]) -> Policy:
    return Policy.from_plain({"Version": "2012-10-17", "Statement": list(statements)}, name="document")


def allow(**elements: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "*", **({} if "NotResource" in elements else {"Resource": "*"}), **elements}


def deny(**elements: Any) -> dict[str, Any]:
    return allow(**elements) | {"Effect": "Deny"}


def when(operator: str, key: str, *values: str) -> dict[str, Any]:
    return {"Condition": {operator: {key: list(values)}}}


def roles(*statements: dict[str, Any], tags: Sequence[str] = ("", ""), **rest: Any) -> Estate:
    """Roles of one account with the same policies and one tag each, in this order."""
    principals = {
        name: Principal(arn=ROLES[name], identity=(document(*statements),), tags=(("team", tag),) if tag else ())
        for name, tag in zip(("app-a", "app-b", "app-c"), tags, strict=False)
    }
    return Estate(principals=principals, **rest)


def trusting(action: str) -> Estate:
    """A user without policies, and a role that trusts him by name."""
    trust = document({"Effect": "Allow", "Principal": {"AWS": USER}, "Action": action})
    return Estate(principals={"ann": Principal(arn=USER), "app-a": Principal(arn=ROLES["app-a"], trust=trust)})


def never(action: str, resource: str = "*", scope: Scope = Scope(), **condition: Any) -> Never:  # noqa: B008 - frozen
    row = {"Effect": "Deny", "Action": action, "Resource": resource, **condition}
    return Never(name="never", statements=(Statement.from_plain(row),), scope=scope)


USER_AGENT = "aws:UserAgent"
OWN = "arn:aws:s3:::bucket/${aws:PrincipalTag/team}"
BY_HAND: dict[str, tuple[Estate, Never, type, str]] = {
    "the resource that a variable leaves out is each role's own": (
        roles(allow(NotResource=OWN), tags=("team-a", "team-b")),
        never("s3:GetObject", "arn:aws:s3:::bucket/team-a"),
        Refuted,
        "",
    ),
    "what is open for one is settled for another": (
        roles(allow(**when("ForAnyValue:StringEqualsIfExists", "aws:PrincipalTag/team", "x")), tags=("y", "")),
        never("bedrock:InvokeModel"),
        Unknown,
        "ForAnyValue:StringEqualsIfExists on aws:PrincipalTag/team",
    ),
    "what a Deny hangs on is told": (
        roles(allow(), deny(**when("ForAnyValue:StringEqualsIfExists", "aws:PrincipalTag/team", "x")), tags=("x", "")),
        never("bedrock:InvokeModel"),
        Unknown,
        "ForAnyValue:StringEqualsIfExists on aws:PrincipalTag/team",
    ),
    "what a control policy hangs on is told of the second that it is open for": (
        roles(
            allow(),
            tags=("", ""),
            scps=((document(
                allow(), deny(**when("ForAnyValue:StringEqualsIfExists", "aws:PrincipalTag/team", "x")),
            ),),),
        ),
        never("bedrock:InvokeModel", scope=Scope(principals=("app-b",))),
        Unknown,
        "ForAnyValue:StringEqualsIfExists on aws:PrincipalTag/team",
    ),
    "a resource's policy alone": (
        Estate(
            principals={"app-a": Principal(arn=ROLES["app-a"])},
            resource_policies={QUEUE: document(allow(Principal={"AWS": ROLES["app-a"]}, Resource=QUEUE))},
        ),
        never("sqs:SendMessage"),
        Refuted,
        "",
    ),
    "a role's trust policy alone": (
        trusting("sts:AssumeRole"),
        never("sts:AssumeRole", scope=Scope(principals=("ann",))),
        Refuted,
        "",
    ),
    "a trust policy alone that lets a session be tagged": (
        trusting("sts:TagSession"),
        never("sts:TagSession", scope=Scope(principals=("ann",))),
        Refuted,
        "",
    ),
    "a trust policy alone that lets a session say where it is from": (
        trusting("sts:SetSourceIdentity"),
        never("sts:SetSourceIdentity", scope=Scope(principals=("ann",))),
        Refuted,
        "",
    ),
    "a question that is open itself": (
        roles(allow()),
        never("bedrock:InvokeModel", **when("ForAnyValue:StringEqualsIfExists", "aws:PrincipalTag/team", "x")),
        Unknown,
        "ForAnyValue:StringEqualsIfExists on aws:PrincipalTag/team",
    ),
    "a Deny that names somebody else": (
        roles(
            allow(Action="sqs:*"),
            resource_policies={QUEUE: document(
                deny(Principal={"AWS": ROLES["app-b"]}, Resource=QUEUE), deny(Principal={"AWS": USER}, Resource=QUEUE),
            )},
        ),
        never("sqs:SendMessage", QUEUE),
        Refuted,
        "",
    ),
    "the only text that reads well is denied": (
        roles(allow(**when("StringLike", USER_AGENT, "ab?")), deny(**when("StringEquals", USER_AGENT, "abx"))),
        never("bedrock:InvokeModel"),
        Refuted,
        "",
    ),
    "a statement whose condition names the second": (
        roles(allow(**when("StringEquals", "aws:PrincipalArn", ROLES["app-b"]))),
        never("bedrock:InvokeModel"),
        Refuted,
        "",
    ),
    "a star in StringEquals is no pattern": (
        roles(allow(), deny(**when("StringEquals", USER_AGENT, "*")), deny(**when("Null", USER_AGENT, "true"))),
        never("bedrock:InvokeModel"),
        Refuted,
        "",
    ),
    "a text that ends in a star beside the pattern": (
        roles(allow(**when("StringLike", USER_AGENT, "cli*")), deny(**when("StringEquals", USER_AGENT, "cli*"))),
        never("bedrock:InvokeModel"),
        Refuted,
        "",
    ),
    "a text in letters of either case": (
        roles(allow(**when("StringEqualsIgnoreCase", USER_AGENT, "team"))),
        never("bedrock:InvokeModel", **when("StringNotEquals", USER_AGENT, "team", "TEAM")),
        Refuted,
        "",
    ),
    "a federated user that a policy names": (
        Estate(
            principals={"ann": Principal(
                arn=USER, identity=(document(allow(), deny(**when("StringEquals", "aws:PrincipalArn", USER))),),
            )},
            resource_policies={QUEUE: document(allow(Principal={"AWS": FEDERATED}, Resource=QUEUE))},
        ),
        never("bedrock:InvokeModel"),
        Refuted,
        "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BY_HAND)
def test_a_corner_is_answered_as_the_evaluator_does(name):
    estate, invariant, kind, reason = BY_HAND[name]
    verdict = prove(estate, invariant)
    assert isinstance(verdict, kind), str(verdict)
    if isinstance(verdict, Refuted):
        assert evaluate(verdict.witness.estate, verdict.witness.request).allowed
    if isinstance(verdict, Unknown):
        assert reason in verdict.reason


COMPARED = {
    "aws:RequestedRegion": "eu-west-1", "aws:ResourceAccount": HOME, "aws:ResourceOrgID": ORG,
    "aws:PrincipalOrgID": ORG, "aws:SourceVpce": "vpce-1", "aws:SourceVpc": "vpc-1",
    **dict.fromkeys(("aws:EpochTime", "aws:CurrentTime", "aws:TokenIssueTime"), "2026-05-01T00:00:00Z"),
}  # fmt: skip


@pytest.mark.parametrize("name", COMPARED)
@pytest.mark.parametrize("is_known_first", [True, False])
def test_the_guarantees_hang_on_what_is_known_of_each_key_they_compare(name, is_known_first):
    partner = Principal(arn=ROLES["partner"], identity=(document(
        *(deny(**when("StringEquals", key, value)) for key, value in COMPARED.items() if "Time" not in key),
        *(deny(**when("DateEquals", key, value)) for key, value in COMPARED.items() if "Time" in key),
        deny(Resource=QUEUE), deny(Resource=MODEL),
    ),))  # fmt: skip
    estate = Estate(
        principals={"partner": partner},
        accounts={ABROAD: Account(member=False)},
        organization_id=ORG,
        endpoints={"vpce-1": Endpoint(service="x", vpc="vpc-1")},
    )
    prover = Prover(estate, [requests(actions=("bedrock:*",))], [Scope()], Budget(PLENTY))
    (subject,) = prover.subjects(Scope())
    keys = subject.keys(prover.space, prover.used)
    both = [keys.assuming({name.lower(): COMPARED[name]}), keys]

    def ties() -> list[Formula]:
        order = both if is_known_first else both[::-1]
        encodings = [Encoding(prover.space, each, prover.is_about) for each in order]
        return [Linking(each, estate, subject.caller, prover.used)._ties() for each in encodings]

    remembered = ties()
    assert remembered[0] != remembered[1]
    with without(*REMEMBERING):
        assert remembered == ties()


def test_an_endpoint_is_guarded_in_the_estate_that_says_so():
    """Two estates in one space: what comes past the guarded endpoints is not the same."""
    guarded = {
        name: Endpoint(service="x", vpc="vpc-1", policy=document(deny(Principal="*"))) for name in ("vpce-1", "vpce-2")
    }
    fewer = roles(allow(), endpoints={"vpce-1": guarded["vpce-1"]})
    more = replace(fewer, endpoints=guarded)
    through = Statement.from_plain(allow(Action="bedrock:*", **when("StringEquals", "aws:SourceVpce", "vpce-2")))
    (subject, *_), (other, *_) = subjects_of(fewer, Scope()), subjects_of(more, Scope())
    prover = Prover(fewer, [through], [Scope()], Budget(PLENTY), others=(more,), more=(other,))
    for each, is_allowed in ((subject, True), (other, False)):
        here = prover.about(each)
        found = all_of([here.covered(compiled([through])[0], maybe=True), here.allowed(closed=False)[0]])
        assert (find(found, prover.budget) is not None) is is_allowed


def test_a_text_that_reads_well_is_a_witness_of_its_own_cell_alone():
    patterns = [Glob(parse(text, variables=False)) for text in ("us-*-1", "eu-west-1", "eu-central-1")]
    cells = Cells(patterns, Domain(without=":"), Budget(PLENTY))
    cells.prefer(("eu-west-1", "us-east-1", "ap-southeast-2"))
    assert set(cells.witnesses) == {"eu-west-1", "eu-central-1", "us-east-1", "ap-southeast-2"}
