"""A signed way to Bedrock for callers that cannot reach its endpoint, with a web ACL in front."""

from __future__ import annotations

from collections.abc import Iterable

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from constructs import Construct

from secure_bedrock.constructs._edge import check_at_synth, warn
from secure_bedrock.constructs._gateway_alarms import gateway_alarms
from secure_bedrock.constructs._gateway_api import signed_api
from secure_bedrock.constructs._gateway_checks import (
    LARGEST_BODY,
    LEAST_RATE,
    TIMEOUT,
    callers_of,
    inspected,
    number,
    require_kinds,
    require_switches,
    require_way,
    timeout_of,
    topics_of,
)
from secure_bedrock.constructs._gateway_firewall import firewall_log, web_acl
from secure_bedrock.constructs._gateway_handler import (
    connect_counters,
    gateway_function,
    isolated_subnets,
    quota_table,
)
from secure_bedrock.constructs._naming import generated_role_name
from secure_bedrock.constructs.endpoint import PrivateBedrockEndpoint
from secure_bedrock.constructs.gateway_caller import GatewayCaller
from secure_bedrock.constructs.role import ScopedInvokeRole
from secure_bedrock.errors import invalid
from secure_bedrock.policy.access import unique
from secure_bedrock.policy.actions import InvokeActions
from secure_bedrock.policy.document import Plain
from secure_bedrock.policy.firewall import require_rules, web_acl_rules
from secure_bedrock.policy.gateway import Caller, gateway_policy, handler_settings
from secure_bedrock.policy.guardrails import GuardrailVersion
from secure_bedrock.policy.limits import GATEWAY_POLICY, limit
from secure_bedrock.policy.network import require_ranges
from secure_bedrock.policy.splitting import require_size

_PROMPTS = InvokeActions.INFERENCE_NO_STREAM | InvokeActions.COUNT_TOKENS


class BedrockGateway(Construct):
    """A REST API that speaks Bedrock's own paths, for named roles that sign and cannot reach the endpoint.

    Every method asks for a signature (AWS_IAM); the API's policy refuses everybody but the named roles, long-term
    credentials among them. A web ACL stands in front. Behind it a function in isolated subnets checks caller, model,
    size and quota, and calls Bedrock through the endpoint, under the guardrail, with a `ScopedInvokeRole` of its own.
    boto3's client works with it: `secure_bedrock.client`.

    Answers come whole: streaming operations are refused. Bedrock sees the gateway's role as the caller; who called the
    gateway stands in Bedrock's request metadata, which invocation logs hold, and in the access log.
    Whoever may invoke the function directly (`lambda:InvokeFunction`) can name any caller: grant that to nobody.

    Attributes:
        api: the `apigateway.RestApi`.
        url: where clients send their calls.
        function: the function behind it.
        role: its `ScopedInvokeRole`.
        firewall: the web ACL.
        counters: the table of quotas, None where no caller has one.
        alarms: blocked and refused calls, failures.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own word
        *,
        callers: Iterable[GatewayCaller],
        endpoint: PrivateBedrockEndpoint,
        vpc: ec2.IVpc,
        subnets: ec2.SubnetSelection | None = None,
        guardrail: object | None = None,
        guardrail_version: str | int | GuardrailVersion | None = None,
        source_ips: Iterable[str] | None = None,
        requests_per_ip: int = 600,
        requests_per_session: int = 300,
        requests_per_second: int = 50,
        max_body_bytes: int = 1024 * 1024,
        inspected_kib: int = 64,
        block_bodies: bool = False,
        counted_rules: Iterable[str] | None = None,
        timeout: cdk.Duration | None = None,
        notify: Iterable[sns.ITopic] | None = None,
        retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
        set_account_logging_role: bool = True,
        project: str | None = None,
        team: str | None = None,
        suspended: bool = False,
    ) -> None:
        """Declare the gateway.

        Args:
            scope: the parent construct.
            id: the construct's id.
            callers: who may call, each with its models and quotas.
            endpoint: the endpoint the function calls through; it must have private DNS.
            vpc: the VPC of the endpoint.
            subnets: where the function stands. Default: the VPC's isolated subnets, or its private ones.
            guardrail: what every call names, whatever the caller asked for: `CfnGuardrail`, an L2 or an ARN.
                Default: none, and a warning.
            guardrail_version: a number or `DRAFT`; required with a guardrail.
            source_ips: public ranges callers must come from. Default: anywhere.
            requests_per_ip: requests a minute from one address, at least 10.
            requests_per_session: requests a minute with one set of temporary credentials, at least 10.
            requests_per_second: of all callers together.
            max_body_bytes: the longest body, at most 5 MiB: what a function takes, base64 aside.
            inspected_kib: how much of a body the web ACL looks at: 16, 32, 48 or 64; more than 16 is billed.
            block_bodies: block what the managed body rules match, and bodies longer than what is inspected.
                Default: both are counted only, for a prompt about SQL is no injection.
            counted_rules: names of managed rules that only count, such as `SQLi_URIPATH` after a false alarm. Default:
                none beside those about bodies.
            timeout: how long a call may take, 5 to 300 seconds; more than 29 needs API Gateway's quota raised.
                Default: 29 seconds.
            notify: topics that are told of alarms. Default: nobody, and a warning.
            retention: of the access log, the function's and the web ACL's.
            set_account_logging_role: let this stack set the role by which API Gateway writes logs, one setting an
                account and Region. Default: True.
            project: value of the role's tag `project`. Default: no tag.
            team: value of the role's tag `team`. Default: no tag.
            suspended: refuse everybody, at the API and for the role. Default: False.

        Raises:
            InvalidInput: for a wrong, empty or contradictory property, its name first.
        """
        super().__init__(scope, id)
        declared = callers_of(callers)
        require_way(endpoint, vpc)
        require_kinds(subnets=subnets, retention=retention)
        require_switches(
            block_bodies=block_bodies, set_account_logging_role=set_account_logging_role, suspended=suspended
        )
        policy = gateway_policy(
            declared,
            source_ips=require_ranges("source_ips", source_ips, public=True),
            suspended=suspended,
        )
        require_size(policy, limit=limit(GATEWAY_POLICY), name="callers")
        rules = web_acl_rules(
            per_ip=number("requests_per_ip", requests_per_ip, least=LEAST_RATE),
            per_session=number("requests_per_session", requests_per_session, least=LEAST_RATE),
            inspected_kib=inspected(inspected_kib),
            block_bodies=block_bodies,
            counted=require_rules("counted_rules", counted_rules),
        )
        waits = timeout_of(timeout)
        where = subnets or isolated_subnets(vpc)
        self.role = ScopedInvokeRole(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),  # pyright: ignore[reportArgumentType]
            models=unique(model for caller in declared for model in caller.models),
            endpoints=[endpoint],
            guardrail=guardrail,
            guardrail_version=guardrail_version,
            actions=_PROMPTS,
            project=project,
            team=team,
            suspended=suspended,
            description="Bedrock gateway: calls for those the gateway lets in",
        )
        counted = any(caller.has_quota for caller in declared)
        self.counters, way = quota_table(self, vpc=vpc, subnets=where, role=self.role) if counted else (None, None)
        self.function = gateway_function(
            self,
            vpc=vpc,
            subnets=where,
            endpoint=endpoint,
            role=self.role,
            settings=self._settings(declared, number("max_body_bytes", max_body_bytes, most=LARGEST_BODY)),
            timeout=waits,
            retention=retention,
        )
        if way is not None:
            connect_counters(self.function, way)
        name = generated_role_name(self)
        self.api, access_log = signed_api(
            self,
            name=name,
            policy=policy.to_plain(),
            function=self.function,
            timeout=waits,
            retention=retention,
            requests_per_second=number("requests_per_second", requests_per_second),
            set_account_logging_role=set_account_logging_role,
        )
        self.firewall = web_acl(self, self.api, name=name, rules=rules, inspected_kib=inspected_kib)
        firewall_log(self, self.firewall, name=name, retention=retention)
        self.alarms = gateway_alarms(
            self, function=self.function, access_log=access_log, firewall=name, topics=topics_of(notify)
        )
        self._warn(guardrail=guardrail, notify=notify, waits=waits)
        check_at_synth(self, self._problems)

    @property
    def invoke_arn(self) -> str:
        """What a caller of another account must be allowed `execute-api:Invoke` on, by its own account too."""
        return self.api.arn_for_execute_api("POST", "/model/*", self.api.deployment_stage.stage_name)

    @property
    def url(self) -> str:
        """Where clients send their calls: `https://API.execute-api.REGION.SUFFIX/v1`."""
        stack = cdk.Stack.of(self)
        host = f"{self.api.rest_api_id}.execute-api.{stack.region}.{stack.url_suffix}"
        return f"https://{host}/{self.api.deployment_stage.stage_name}"

    def _settings(self, callers: tuple[Caller, ...], max_body_bytes: int) -> Plain:
        access = self.role.access
        guardrail = access.guardrail
        named = None
        if guardrail is not None:
            if guardrail.version is GuardrailVersion.ANY_NUMBERED:
                raise invalid(
                    "guardrail_version", "ANY_NUMBERED", allowed="one version: the gateway names it in every call"
                )
            is_draft = guardrail.version is GuardrailVersion.DRAFT
            named = {"id": guardrail.arn, "version": "DRAFT" if is_draft else guardrail.version}
        # What is not there has no key: CloudFormation's JSON has no null.
        return {
            **handler_settings(callers, access),
            **({"guardrail": named} if named else {}),
            "maxBodyBytes": max_body_bytes,
            **({"table": self.counters.table_name} if self.counters is not None else {}),
        }

    def _warn(self, *, guardrail: object | None, notify: object | None, waits: cdk.Duration) -> None:
        if guardrail is None:
            warn(self, "gateway-guardrail", "guardrail: none is named; prompts and answers pass unfiltered")
        if notify is None:
            warn(self, "gateway-nobody-is-told", "notify: nobody is told of the gateway's alarms; name topics")
        if waits.to_seconds() > TIMEOUT:
            text = f"timeout: more than {TIMEOUT} seconds needs API Gateway's integration timeout quota raised first"
            warn(self, "gateway-timeout", text)

    def _problems(self) -> list[str]:
        open_methods = [
            method.node.path
            for method in self.api.methods
            if (resource := method.node.default_child) is not None
            and isinstance(resource, apigateway.CfnMethod)
            and resource.authorization_type != "AWS_IAM"
        ]
        return [f"api: {path} asks for no signature; every method of the gateway must" for path in open_methods]
