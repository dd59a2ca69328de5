"""Private access to Bedrock: interface endpoints whose policies let through only who was admitted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import aws_cdk as cdk
import jsii
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from secure_bedrock.constructs._admissions import Admissions
from secure_bedrock.constructs._clients import HTTPS, open_to, vpc_properties
from secure_bedrock.constructs._edge import check_at_synth, later, warn
from secure_bedrock.constructs._tokens import environment_of, stands_in
from secure_bedrock.errors import InvalidInput, invalid
from secure_bedrock.policy.document import Plain
from secure_bedrock.policy.guardrails import GuardrailVersion
from secure_bedrock.policy.services import BedrockService


@jsii.implements(ec2.IConnectable)
class PrivateBedrockEndpoint(Construct):
    """Interface VPC endpoints for Bedrock that let through only the principals, models and actions that were admitted.

    Each service's endpoint has a policy from the first moment, derived from who was admitted;
    nobody admitted means an error
    at synth, and a service nobody uses denies everything.
    Its security group takes 443 from the named clients, subnets and ranges, has no egress,
    and never opens to the whole VPC.
    Bedrock API keys do not pass unless a role admitted here allows them.
    The policy is written over whatever `endpoints[...].add_to_policy` adds: admit instead.

    Attributes:
        endpoints: the endpoints by service.
        security_group: the one group of all of them.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own word
        *,
        vpc: ec2.IVpc,
        services: Iterable[BedrockService] = (BedrockService.RUNTIME,),
        subnets: ec2.SubnetSelection | None = None,
        clients: Iterable[object] | None = None,
        client_cidrs: Iterable[str] | None = None,
        models: Iterable[object] | None = None,
        organization_id: str | None = None,
        guardrail: object | None = None,
        guardrail_version: str | int | GuardrailVersion | None = None,
        private_dns_enabled: bool = True,
    ) -> None:
        """Declare the endpoints.

        Args:
            scope: the parent construct.
            id: the construct's id.
            vpc: the VPC they stand in.
            services: which Bedrock services. Default: bedrock-runtime.
            subnets: where their network interfaces go. Default: the VPC's private subnets, one a zone.
            clients: anything with `.connections`, or subnets, whose range is then used. Default: none;
                `.connections` may
                open the group later, and a warning says when nobody did.
            client_cidrs: ranges, IPv4 and IPv6, such as on-premises ones. Default: none.
            models: what principals admitted by `.admit` alone may call; a ScopedInvokeRole declares its own. Default:
                only
                scoped roles can be admitted.
            organization_id: narrows every statement to principals of this organisation; admits nobody. Default:
                not narrowed.
            guardrail: what those admitted by `.admit` alone must name: `CfnGuardrail`, an L2 or an ARN. Default: none.
            guardrail_version: a number, `GuardrailVersion.ANY_NUMBERED` or `DRAFT`; required with a guardrail.
            private_dns_enabled: let the service's usual host name lead here inside the VPC. Default: True.

        Raises:
            InvalidInput: for a wrong, empty or contradictory property, its name first.
        """
        super().__init__(scope, id)
        stands_in(self, scope)
        if not (hasattr(type(vpc), "vpc_id") or hasattr(vpc, "vpc_id")):  # the class first: it is in Python
            raise invalid("vpc", vpc, allowed="an ec2.IVpc")
        if subnets is not None and not isinstance(subnets, ec2.SubnetSelection):
            raise invalid("subnets", subnets, allowed="an ec2.SubnetSelection")
        chosen = _services(services)
        if not isinstance(private_dns_enabled, bool):
            raise invalid("private_dns_enabled", private_dns_enabled, allowed="True or False")
        self._admissions = Admissions(
            self,
            models=models,
            organization_id=organization_id,
            guardrail=guardrail,
            guardrail_version=guardrail_version,
        )
        declared = vpc_properties(vpc)
        self._warn_of_place(declared, chosen, private_dns_enabled=private_dns_enabled)
        self.security_group = ec2.SecurityGroup(
            self,
            "SecurityGroup",
            vpc=vpc,
            allow_all_outbound=False,
            description="Bedrock endpoints: HTTPS from the named clients only",
        )
        self._connections: ec2.Connections | None = None
        self._opened = open_to(self.security_group, vpc, declared, clients=clients, client_cidrs=client_cidrs)
        self._ids: tuple[str, ...] | None = None
        self._policies: dict[BedrockService, tuple[ec2.CfnVPCEndpoint, cdk.IResolvable]] = {}
        self.endpoints: Mapping[BedrockService, ec2.InterfaceVpcEndpoint] = MappingProxyType(
            {
                service: self._endpoint(service, vpc, subnets, private_dns_enabled=private_dns_enabled)
                for service in chosen
            }
        )
        check_at_synth(self, self._problems)

    @property
    def connections(self) -> ec2.Connections:
        """The group's connections; opening them is the caller's choice of clients."""
        self._opened = True
        if self._connections is None:
            self._connections = ec2.Connections(security_groups=[self.security_group], default_port=HTTPS)
        return self._connections

    @property
    def endpoint_ids(self) -> tuple[str, ...]:
        """The ids of all endpoints, in the order of `services`."""
        if self._ids is None:
            self._ids = tuple(endpoint.vpc_endpoint_id for endpoint in self.endpoints.values())
        return self._ids

    def admit(self, grantee: object) -> None:
        """Let somebody through, for what they declare (a ScopedInvokeRole) or for this endpoint's `models`.

        A ScopedInvokeRole is tied to this endpoint by it, both halves at once.
        A plain role of another stack gets a literal name, because the endpoint names it by text and never by reference.
        Admitting grants nothing by itself: the principal's own policies must allow the call too. Of a role whose
        policies this app does not write, imported or named by its ARN, a warning prints what its owner must attach.

        Args:
            grantee: a role (new, imported or scoped), a role's ARN, a construct that runs as one, `iam.ArnPrincipal`,
                `iam.AccountPrincipal` or `iam.OrganizationPrincipal`.

        Raises:
            InvalidInput: for a user, a session, a service, `*`,
                or anything but a scoped role where `models` is not given.
        """
        self._admissions.add(grantee)

    def policy_document(self, service: BedrockService) -> Plain:
        """Return the policy of a service's endpoint as a JSON-ready dict, for everybody admitted so far.

        Raises:
            InvalidInput: for a service this construct does not have, or a policy that is too long.
        """
        if service not in self.endpoints:
            raise invalid("service", service, allowed=f"one of {', '.join(s.name for s in self.endpoints)}")
        return self._admissions.policy(service).to_plain()

    def _endpoint(
        self, service: BedrockService, vpc: ec2.IVpc, subnets: ec2.SubnetSelection | None, *, private_dns_enabled: bool
    ) -> ec2.InterfaceVpcEndpoint:
        try:
            endpoint = ec2.InterfaceVpcEndpoint(
                self,
                _construct_id(service),
                vpc=vpc,
                service=ec2.InterfaceVpcEndpointAwsService(service.value),
                subnets=subnets,
                security_groups=[self.security_group],
                open=False,
                private_dns_enabled=private_dns_enabled,
            )
        except RuntimeError as error:  # CDK's own refusal of a selection that an imported VPC cannot answer
            raise invalid("subnets", subnets, allowed=f"subnets that the VPC is known to have; {error}") from None
        resource = endpoint.node.default_child
        assert isinstance(resource, ec2.CfnVPCEndpoint)  # noqa: S101 - CDK's own primary child
        written = later(lambda: self._admissions.policy_or_nobody(service).to_plain())
        resource.policy_document = written
        self._policies[service] = (resource, written)
        return endpoint

    def _warn_of_place(
        self, vpc: Mapping[str, Any] | None, services: tuple[BedrockService, ...], *, private_dns_enabled: bool
    ) -> None:
        environment = environment_of(self)
        for service in services:
            if environment.region_is_known and service.is_offered_in(environment.region) is False:
                warn(self, "endpoint-region", f"AWS does not list {service.value} endpoints in {environment.region}")
        lacks_dns = vpc is not None and False in (vpc.get("enableDnsSupport"), vpc.get("enableDnsHostnames"))
        if private_dns_enabled and lacks_dns:
            text = "the VPC lacks DNS support or host names: private DNS will not lead callers to this endpoint"
            warn(self, "endpoint-dns", text)

    def _problems(self) -> list[str]:
        if not self._opened:
            text = "no client can connect: name clients or client_cidrs, or open .connections"
            warn(self, "endpoint-unreachable", text)
        for service in self.endpoints:
            if not self._admissions.uses(service):
                warn(
                    self,
                    f"endpoint-unused-{service.value}",
                    f"nobody is admitted to {service.value}: it denies everything",
                )
        return [*self._replaced(), *self._admissions.problems(tuple(self.endpoints))]

    def _replaced(self) -> list[str]:
        """Return the services whose policy somebody else wrote over, such as an Aspect."""
        return [
            f"{service.value}: the endpoint's policy was replaced by one that knows nothing of who was admitted"
            for service, (resource, written) in self._policies.items()
            if resource.policy_document is not written  # jsii gives back what was made in Python as it is
        ]


def _services(services: Iterable[BedrockService]) -> tuple[BedrockService, ...]:
    if isinstance(services, str | BedrockService) or not isinstance(services, Iterable):
        raise invalid("services", services, allowed="a list of BedrockService")
    chosen = tuple(services)
    if not chosen:
        raise InvalidInput("services: got nothing; allowed is at least one BedrockService")
    for service in chosen:
        if not isinstance(service, BedrockService):
            raise invalid("services", service, allowed=f"BedrockService.{', '.join(s.name for s in BedrockService)}")
    if len(set(chosen)) != len(chosen):
        raise invalid("services", [service.name for service in chosen], allowed="each service once")
    return chosen


def _construct_id(service: BedrockService) -> str:
    return "".join(word.capitalize() for word in service.name.split("_"))
