"""What `cdk.json` may say under the context key `secure-bedrock`, as one typed value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any, Self, get_args, get_origin

import cattrs

from reference.sections.access_audit import AccessAuditConfiguration
from reference.sections.external import ExternalConfiguration
from reference.sections.gateway import GatewayConfiguration
from reference.sections.on_premises import OnPremisesConfiguration
from reference.sections.project import ProjectConfiguration
from secure_bedrock.errors import InvalidInput, invalid
from secure_bedrock.policy.environment import partition_of

if TYPE_CHECKING:
    from constructs import Node

CONTEXT_KEY = "secure-bedrock"
_ACCOUNT = re.compile(r"\d{12}")
_SUBNET_PREFIX = 24
_LARGEST_VPC = 16


@contextmanager
def named_by_context_key(section: type, *, under: str = "") -> Iterator[None]:
    """Let an error about an entry of a section name the context key that the value came from."""
    try:
        yield
    except InvalidInput as error:
        if str(error).partition(":")[0].partition("[")[0] in {field.name for field in fields(section)}:
            raise InvalidInput(f"{CONTEXT_KEY}.{under}{error}") from error
        raise


@dataclass(frozen=True, kw_only=True)
class OrganizationConfiguration:
    """The organisation's guard rails; see `BedrockOrgGuardrailSCP` for each of them.

    Attributes:
        account: the account that deploys them, 12 digits; never one that runs applications.
        targets: root, organisational units or accounts to attach them to.
        allowed_regions: where Bedrock may be called from.
        region: where the stack stands; the policies themselves have no Region.
        allowed_models: ids, profiles or families; None for any model.
        deny_marketplace: whether subscribing to models is denied.
        exempt_principals: exact role ARNs, or names under `/secure-bedrock/`.
        role_administrators: exact ARNs of the roles that alone may change roles under `/secure-bedrock/`.
        max_document_size: characters of a document.
        max_policies: how many documents.
    """

    account: str
    targets: tuple[str, ...]
    allowed_regions: tuple[str, ...]
    region: str = "us-east-1"
    allowed_models: tuple[str, ...] | None = None
    deny_marketplace: bool = False
    exempt_principals: tuple[str, ...] | None = None
    role_administrators: tuple[str, ...] | None = None
    max_document_size: int = 5120
    max_policies: int = 3


@dataclass(frozen=True, kw_only=True)
class AuditConfiguration:
    """The audit; see `BedrockAuditTrail` for each of these.

    Attributes:
        notify: e-mail addresses that are told of alarms; None for nobody.
        calls_threshold: calls in five minutes that are too many.
        object_lock_days: days for which no record can be deleted; None for no such rule.
        invocation_logging: whether prompts and answers are recorded.
        tokens_by_role: tokens of one role in five minutes that are too many; None for no such alarms.
        monthly_budget: whole US dollars a month for Bedrock; None for no budget.
        global_events: whether what IAM and other global services report is told at once too, by a stack in their
            Region, us-east-1 in most partitions, which must be bootstrapped; nothing where `region` is that or null.
        expected_principals: ARNs of the roles whose changes are no finding, such as the one that deploys; None for
            none.
    """

    notify: tuple[str, ...] | None = None
    calls_threshold: int = 1000
    object_lock_days: int | None = None
    invocation_logging: bool = True
    tokens_by_role: int | None = None
    monthly_budget: int | None = None
    global_events: bool = True
    expected_principals: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """What differs from one deployment to the next.

    Attributes:
        account: 12 digits, None for a deployment into whichever account the credentials are of.
        region: where everything stands, None for whichever Region the CLI is set to.
        models: what the function may invoke; the first is the one it invokes.
        vpc_cidr: the range of the VPC, which the application has to itself.
        availability_zones: names of the zones to use; None for the first two of the Region.
        project: tag by which the audit groups calls.
        team: tag by which a team's roles are found and revoked.
        suspended: stops every Bedrock call of the application.
        revoke_sessions_before: an ISO 8601 time; older sessions of the application are denied everything.
        organization: the organisation's guard rails, None for none.
        audit: the account's audit, None for none; `{}` for one with its defaults.
        on_premises: access from a data centre's networks, None for none.
        external: workloads outside AWS, None for none.
        team_project: profiles, budget and alarms of the team's own, None for none.
        access_audit: Access Analyzer and the report of who holds permissions, None for none; it needs `audit`.
        gateway: a signed way for roles that cannot reach the endpoint, None for none.
    """

    account: str | None = None
    region: str | None = "eu-west-1"
    models: tuple[str, ...] = ("eu.amazon.nova-lite-v1:0",)
    vpc_cidr: str = "10.0.0.0/20"
    availability_zones: tuple[str, ...] | None = None
    project: str = "reference"
    team: str = "platform"
    suspended: bool = False
    revoke_sessions_before: str | None = None
    organization: OrganizationConfiguration | None = None
    audit: AuditConfiguration | None = None
    on_premises: OnPremisesConfiguration | None = None
    external: ExternalConfiguration | None = None
    team_project: ProjectConfiguration | None = None
    access_audit: AccessAuditConfiguration | None = None
    gateway: GatewayConfiguration | None = None

    def __post_init__(self) -> None:
        if self.account is not None and not _ACCOUNT.fullmatch(self.account):
            raise invalid(f"{CONTEXT_KEY}.account", self.account, allowed="an account id of 12 digits, or null")
        if self.region is not None:
            with named_by_context_key(Configuration):
                partition_of(self.region)
        self._require_range()
        self._require_zones()
        if self.access_audit is not None and self.audit is None:
            allowed = "an audit together with access_audit; {} for its defaults"
            raise invalid(f"{CONTEXT_KEY}.audit", None, allowed=allowed)
        if self.organization is not None and self.account in {None, self.organization.account}:
            raise invalid(
                f"{CONTEXT_KEY}.account",
                self.account,
                allowed="the application's own account, another than organization.account",
                remedy="service control policies do not bind the account that manages them",
            )

    def _require_range(self) -> None:
        try:
            network = IPv4Network(self.vpc_cidr)
        except ValueError as error:
            raise invalid(
                f"{CONTEXT_KEY}.vpc_cidr", self.vpc_cidr, allowed=f"a range such as 10.0.0.0/20 ({error})"
            ) from None
        subnets = len(self.availability_zones or "ab")
        room = 2 ** (_SUBNET_PREFIX - network.prefixlen) if network.prefixlen <= _SUBNET_PREFIX else 0
        if network.prefixlen < _LARGEST_VPC or room < subnets:
            raise invalid(
                f"{CONTEXT_KEY}.vpc_cidr",
                self.vpc_cidr,
                allowed=f"a range of at most /{_LARGEST_VPC} with room for {subnets} subnets of /{_SUBNET_PREFIX}",
            )

    def _require_zones(self) -> None:
        zones = self.availability_zones
        if zones is None:
            return
        if len(set(zones)) != len(zones):
            raise invalid(f"{CONTEXT_KEY}.availability_zones", zones, allowed="each zone once")
        strange = [zone for zone in zones if self.region is not None and not zone.startswith(self.region)]
        if strange:
            raise invalid(f"{CONTEXT_KEY}.availability_zones", strange[0], allowed=f"zones of {self.region}")

    @classmethod
    def from_context(cls, node: Node) -> Self:
        """Read the configuration from a construct tree's context; what is not named keeps its default.

        Raises:
            InvalidInput: for an unknown or wrong entry, the context key first.
        """
        given: Any = node.try_get_context(CONTEXT_KEY)
        return cls.parse({} if given is None else given)

    @classmethod
    def parse(cls, given: object) -> Self:
        """Read the configuration from what JSON holds.

        Raises:
            InvalidInput: for an unknown or wrong entry, the context key first.
        """
        if not isinstance(given, dict):
            raise invalid(CONTEXT_KEY, given, allowed="an object, as reference/configuration.py describes it")
        try:
            return _CONVERTER.structure(given, cls)
        except InvalidInput:
            raise
        except cattrs.BaseValidationError as error:
            lines = cattrs.transform_error(error, path=CONTEXT_KEY, format_exception=_describe)
            raise InvalidInput("; ".join(_path_first(line) for line in lines)) from error


def _exactly(kind: type) -> Any:  # noqa: ANN401 - the hook's type is cattrs' own
    def structure(value: object, _: object) -> object:
        if type(value) is not kind:  # True is no number
            raise TypeError(f"got {value!r}; allowed is a {_NAMES[kind]}")
        return value

    return structure


def _list_of_text(value: object, _: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        raise TypeError(f"got {value!r}; allowed is a list of texts that is not empty")
    return tuple(value)


def _describe(problem: BaseException, _: type | None) -> str:
    if isinstance(problem, cattrs.ForbiddenExtraKeysError):
        allowed = ", ".join(field.name for field in fields(problem.cl))
        return f"got the entry {', '.join(sorted(problem.extra_fields))}; allowed is {allowed}"
    return str(problem)


def _path_first(line: str) -> str:
    """Turn cattrs' `problem @ path` around: the context key comes first."""
    problem, _, path = line.rpartition(" @ ")
    return problem if problem.startswith(f"{CONTEXT_KEY}.") else f"{path}: {problem}"


_NAMES = {str: "text", bool: "boolean", int: "whole number"}
_CONVERTER = cattrs.Converter(forbid_extra_keys=True)
_CONVERTER.register_structure_hook(str, _exactly(str))
_CONVERTER.register_structure_hook(bool, _exactly(bool))
_CONVERTER.register_structure_hook(int, _exactly(int))
_CONVERTER.register_structure_hook_func(
    lambda kind: get_origin(kind) is tuple and get_args(kind)[0] is str, _list_of_text
)
