"""What the audit takes for normal: what its user said, and what the app's other constructs tell at synth."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from constructs import Construct, IConstruct

from secure_bedrock.constructs._edge import arns_of, models_of
from secure_bedrock.constructs._network_ids import endpoint_id, is_private_endpoint
from secure_bedrock.constructs._tokens import environment_of, known
from secure_bedrock.constructs.endpoint import PrivateBedrockEndpoint
from secure_bedrock.constructs.role import ScopedInvokeRole
from secure_bedrock.detections import Normal
from secure_bedrock.errors import invalid
from secure_bedrock.policy.access import unique
from secure_bedrock.policy.environment import is_unresolved, known_regions
from secure_bedrock.policy.lists import items_of
from secure_bedrock.policy.models import Model
from secure_bedrock.policy.network import require_ids

_ACCOUNT = re.compile(r"\d{12}")
_GROUP = re.compile(r"sg-([0-9a-f]{8}|[0-9a-f]{17})")
_ROLE_NAME = re.compile(r"[\w+=,.@-]{1,64}")

Names = tuple[str, ...] | None


@dataclass(frozen=True, kw_only=True)
class Stated:
    """What the audit's user said is normal, checked; None where nothing was said."""

    regions: Names
    endpoints: Names
    accounts: Names
    models: tuple[Model, ...] | None
    roles: Names
    mfa_roles: Names
    security_groups: Names
    principals: Names

    @classmethod
    def of(
        cls,
        *,
        approved_regions: Iterable[str] | None,
        approved_endpoints: Iterable[object] | None,
        approved_accounts: Iterable[str] | None,
        approved_models: Iterable[object] | None,
        watched_roles: Iterable[object] | None,
        watched_security_groups: Iterable[object] | None,
        expected_principals: Iterable[object] | None,
    ) -> Stated:
        """Check and read the properties.

        Raises:
            InvalidInput: for a wrong or empty one, its name first.
        """
        watched = items_of("watched_roles", watched_roles)
        return cls(
            regions=_regions(approved_regions),
            endpoints=_endpoints(approved_endpoints),
            accounts=_matching("approved_accounts", approved_accounts, _ACCOUNT, "account ids of 12 digits"),
            models=None if approved_models is None else models_of("approved_models", approved_models),
            roles=unique(_role_name(each) for each in watched) or None,
            mfa_roles=unique(arn for each in watched if (arn := _mfa_role(each))) or None,
            security_groups=_groups(watched_security_groups),
            principals=arns_of("expected_principals", expected_principals, "role_arn") or None,
        )

    def normal(self) -> Normal:
        """What is normal by this alone."""
        return Normal(
            regions=self.regions,
            endpoints=self.endpoints,
            accounts=self.accounts,
            models=unique(_end_of(each) for each in self.models or () if not each.is_on_mantle) or None,
            mantle_models=unique(each.id for each in self.models or () if each.is_on_mantle) or None,
            roles=self.roles,
            mfa_roles=self.mfa_roles,
            security_groups=self.security_groups,
            principals=self.principals,
        )


def normal_of(
    audit: Construct, stated: Stated, *, own_account: bool, log_group: logs.ILogGroup | None, key: str
) -> Normal:
    """Return what is normal by what was said, and for the rest by the constructs of the same Stage, account and Region.

    Args:
        audit: the construct that asks; called at synth, when every other construct is there.
        stated: what was said; it replaces.
        own_account: whether only the audit's own account is recorded.
        log_group: a trail's that exists already.
        key: the ARN of the audit's key.
    """
    here, stage = cdk.Stack.of(audit), cdk.Stage.of(audit)
    everything: list[IConstruct] = stage.node.find_all() if stage is not None else []
    guarded = [each for each in everything if isinstance(each, PrivateBedrockEndpoint) and _is_in(stage, each)]
    near = [each for each in guarded if cdk.Stack.of(each).environment == here.environment]
    roles = [
        each
        for each in everything
        if isinstance(each, ScopedInvokeRole)
        and _is_in(stage, each)
        and cdk.Stack.of(each).environment == here.environment
    ]
    found = replace(
        stated,
        regions=stated.regions or unique(r for each in guarded if (r := known(cdk.Stack.of(each).region))) or None,
        endpoints=stated.endpoints or unique(i for each in near for i in each.endpoint_ids) or None,
        accounts=stated.accounts or ((here.account,) if own_account else None),
        models=stated.models or unique(model for role in roles for model in role.access.models) or None,
        roles=stated.roles or unique(each.role_name for each in roles) or None,
        mfa_roles=stated.mfa_roles or unique(each.role_arn for each in roles if _asks_for_mfa(each)) or None,
        security_groups=stated.security_groups
        or unique(each.security_group.security_group_id for each in near)
        or None,
    )
    return replace(
        found.normal(),
        account=here.account,
        # Endpoints of the app are those of this Region: they say nothing about calls in another.
        region=None if stated.endpoints else here.region,
        log_group=log_group.log_group_name if log_group is not None else None,
        key=key,
    )


def logging_role_arn(audit: Construct, name: str) -> str:
    """Return the ARN of a role of this library by its fixed name."""
    return environment_of(audit).arn(f"role{name}", service="iam", region="")


def _end_of(model: Model) -> str:
    """A record names a model as the caller did, by id or by ARN; an ARN that is not known yet is taken whole."""
    return model.arn if model.arn is not None and is_unresolved(model.arn) else model.id


def _asks_for_mfa(role: ScopedInvokeRole) -> bool:
    trust = cdk.Stack.of(role).resolve(role.role.assume_role_policy)
    return "aws:MultiFactorAuthPresent" in json.dumps(trust)


def _is_in(stage: cdk.Stage | None, construct: IConstruct) -> bool:
    """Whether a construct stands in a stage itself, and not in one below it, which a stage lists too."""
    own = cdk.Stage.of(construct)
    return own is not None and stage is not None and own.node.addr == stage.node.addr


def _mfa_role(item: object) -> str | None:
    if isinstance(item, ScopedInvokeRole):
        return item.role_arn if _asks_for_mfa(item) else None
    return item if isinstance(item, str) and ":role/" in item else None


def _role_name(item: object) -> str:
    name = item.rpartition("/")[2] if isinstance(item, str) else getattr(item, "role_name", None)
    if not isinstance(name, str) or (known(name) is not None and not _ROLE_NAME.fullmatch(name)):
        raise invalid("watched_roles", item, allowed="names or ARNs of roles, ScopedInvokeRole or iam.IRole")
    return name


def _regions(values: Iterable[str] | None) -> Names:
    regions: tuple[str, ...] = unique(items_of("approved_regions", values))
    for region in regions:
        if not isinstance(region, str) or (known(region) is not None and region not in known_regions()):
            raise invalid("approved_regions", region, allowed="AWS Regions")
    return regions or None


def _endpoints(values: Iterable[object] | None) -> Names:
    ids: list[str] = []
    for item in items_of("approved_endpoints", values):
        ids += item.endpoint_ids if is_private_endpoint(item) else [endpoint_id("approved_endpoints", item)]
    return require_ids("approved_endpoints", ids) if ids else None


def _groups(values: Iterable[object] | None) -> Names:
    found = [
        item if isinstance(item, str) else getattr(item, "security_group_id", item)
        for item in items_of("watched_security_groups", values)
    ]
    return _matching(
        "watched_security_groups", found or None, _GROUP, "ec2.ISecurityGroup or ids such as sg-0123456789abcdef0"
    )


def _matching(name: str, values: Iterable[object] | None, pattern: re.Pattern[str], allowed: str) -> Names:
    items: tuple[str, ...] = unique(items_of(name, values))
    for item in items:
        if not isinstance(item, str) or (known(item) is not None and not pattern.fullmatch(item)):
            raise invalid(name, item, allowed=allowed)
    return items or None
