"""An estate put together piece by piece, with the place that each policy was read from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType
from typing import Any

from secure_bedrock.data import table
from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy.document import Policy, Statement
from secure_bedrock.policy.estate import Account, Endpoint, Estate, Level
from secure_bedrock.policy.matching import compile_policy
from secure_bedrock.policy.request import Principal
from secure_bedrock.review.template import Source

FULL_ACCESS = Policy(
    statements=(Statement(effect="Allow", sid="FullAWSAccess", actions=("*",), resources=("*",)),), name="FullAWSAccess"
)
#: What AWS attaches at every level beside resource control policies, which name principals.
RCP_FULL_ACCESS = Policy(
    statements=tuple(
        replace(each, sid="RCPFullAWSAccess", principals=(("*", "*"),)) for each in FULL_ACCESS.statements
    ),
    name="RCPFullAWSAccess",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A policy that cannot be read; IAM would refuse it too, so it counts for nothing."""

    source: Source
    message: str


@dataclass(eq=False, kw_only=True)
class Holder:
    """A role, user or group while its policies are collected.

    Attributes:
        arn: its ARN.
        name: what it is called in the estate.
        source: where it stands; None where only its name is known.
        documents: its inline policies.
        managed: the ARNs of managed policies.
        boundary: the ARN of its boundary.
        trust: its trust policy.
        tags: its tags.
        groups: the ARNs of a user's groups.
        has_keys: whether a user has an access key.
    """

    arn: str
    name: str
    source: Source | None
    documents: list[Policy] = field(default_factory=list)
    managed: dict[str, None] = field(default_factory=dict)
    boundary: str | None = None
    trust: Policy | None = None
    tags: dict[str, str] = field(default_factory=dict)
    groups: dict[str, None] = field(default_factory=dict)
    has_keys: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A service or resource control policy with what it is attached to."""

    kind: str
    policy: Policy
    targets: tuple[str, ...]
    source: Source


@dataclass(eq=False)
class Builder:
    """Collects the parts of an estate.

    Attributes:
        holders: by ARN.
        policies: managed policies of the input, by ARN.
        endpoints: by id.
        endpoint_sources: where each endpoint stands.
        guardrail_sources: where each guardrail stands, by its ARN.
        controls: service and resource control policies.
        accounts: account ids of the input.
        sources: by the text that a policy carries as its source.
        problems: policies that cannot be read.
        notes: assumptions, each once.
    """

    holders: dict[str, Holder] = field(default_factory=dict)
    policies: dict[str, Policy] = field(default_factory=dict)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    endpoint_sources: dict[str, Source] = field(default_factory=dict)
    guardrail_sources: dict[str, Source] = field(default_factory=dict)
    resource_policies: dict[str, Policy] = field(default_factory=dict)
    controls: list[Control] = field(default_factory=list)
    accounts: dict[str, None] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)
    organization_id: str | None = None
    management_account: str | None = None

    def note(self, text: str) -> None:
        """Note an assumption."""
        self.notes.setdefault(text)

    def policy(self, document: Any, source: Source, name: str, *, principals: bool = False) -> Policy | None:  # noqa: ANN401
        """Read a document, which may be JSON in a text; None, and a problem, where it cannot be read."""
        text = str(source)
        self.sources[text] = source
        try:
            plain = json.loads(document) if isinstance(document, str) else document
            policy = Policy.from_plain(plain, name=name, source=text)
            compile_policy(policy, principals=principals)
        except (InvalidInput, ValueError, RecursionError) as problem:
            self.problems.append(Problem(source=source, message=f"{name}: {problem}"))
            return None
        return policy

    def holder(self, arn: str, *, name: str | None = None, source: Source | None = None) -> Holder:
        """Return the role, user or group of an ARN; one that only its name is known of is made."""
        found = self.holders.get(arn)
        if found is None:
            found = self.holders[arn] = Holder(arn=arn, name=self._free(name or arn), source=source)
        elif source is not None and found.source is None:
            found.source, found.name = source, self._free(name or arn)
        return found

    def _free(self, name: str) -> str:
        taken = {holder.name for holder in self.holders.values()}
        number = 2
        free = name
        while free in taken:
            free, number = f"{name} ({number})", number + 1
        return free

    def estate(self) -> Estate:
        """Return the estate of everything that was collected."""
        groups = {arn: holder for arn, holder in self.holders.items() if ":group/" in arn}
        principals = {
            holder.name: self._principal(holder, groups) for arn, holder in self.holders.items() if arn not in groups
        }
        return Estate(
            principals=principals,
            accounts={account: self._account(account) for account in self.accounts},
            endpoints=self.endpoints,
            resource_policies=self.resource_policies,
            organization_id=self.organization_id,
            management_account=self.management_account,
        )

    def _principal(self, holder: Holder, groups: Mapping[str, Holder]) -> Principal:
        holders = [holder, *(groups[arn] for arn in holder.groups if arn in groups)]
        documents = [policy for each in holders for policy in each.documents]
        managed = [self._managed(arn, holder) for each in holders for arn in each.managed]
        return Principal(
            arn=holder.arn,
            identity=(*documents, *(policy for policy in managed if policy)),
            boundary=self._boundary(holder),
            trust=holder.trust,
            tags=tuple(holder.tags.items()),
        )

    def _managed(self, arn: str, holder: Holder) -> Policy | None:
        if arn in self.policies:
            return self.policies[arn]
        name = arn.rpartition("/")[2]
        if ":iam::aws:policy/" in arn:
            return self._aws_managed(name)
        self.note(f"the managed policy {arn} of {holder.name} is not in the input: taken to grant nothing")
        return None

    def _aws_managed(self, name: str) -> Policy | None:
        known = _aws_policies()
        if name in known:
            return known[name]
        self.note(
            f"what the AWS managed policy {name} grants is not known here: taken to be nothing on Bedrock, IAM and STS"
        )
        return None

    def _boundary(self, holder: Holder) -> Policy | None:
        if holder.boundary is None:
            return None
        name = holder.boundary.rpartition("/")[2]
        known = self.policies.get(holder.boundary) or _aws_policies().get(name)
        if known is None:
            named = f"the permissions boundary {holder.boundary} of {holder.name}"
            self.note(f"{named} is not in the input: taken to limit nothing")
        return known

    def _account(self, account: str) -> Account:
        return Account(scps=self._levels("scp", account), rcps=self._levels("rcp", account))

    def _levels(self, kind: str, account: str) -> tuple[Level, ...]:
        """Root, then units, then the account: each level has AWS's full access beside what is attached to it.

        Where an account stands among the units is not known: it is taken to be below each of them.
        """
        about = [control for control in self.controls if control.kind == kind and control.targets]
        above = [[c.policy for c in about if any(_is(t, prefix) for t in c.targets)] for prefix in ("r-", "ou-")]
        own = [control.policy for control in about if account in control.targets]
        levels = [level for level in (*above, own) if level]
        beside = FULL_ACCESS if kind == "scp" else RCP_FULL_ACCESS
        return tuple((beside, *level) for level in levels)


def _is(target: str, prefix: str) -> bool:
    """What is neither a root nor an account counts as a unit."""
    if prefix == "ou-":
        return not target.startswith("r-") and not (target.isdigit() and len(target) == 12)  # noqa: PLR2004 - an account
    return target.startswith(prefix)


@cache
def _aws_policies() -> Mapping[str, Policy]:
    return MappingProxyType(
        {
            row["name"]: Policy.from_plain(
                row["document"], name=row["name"], source=f"AWS managed policy {row['name']}"
            )
            for row in table("aws_managed_policies")["policies"]
        }
    )


def managed_arns(values: Iterable[Any]) -> dict[str, None]:
    """Return the ARNs of a list, each once."""
    return dict.fromkeys(str(value) for value in values)
