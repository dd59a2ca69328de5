"""A team's use of Bedrock as one declaration: its profiles, its roles, its tags, its money, its revocation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Unpack

import aws_cdk as cdk
from aws_cdk import aws_bedrock as bedrock
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_kms as kms
from aws_cdk import aws_resourcegroups as resourcegroups
from constructs import Construct, IConstruct

from secure_bedrock.constructs._budgets import require_dollars
from secure_bedrock.constructs._edge import models_of, warn
from secure_bedrock.constructs._project_cost import cost_anomalies, project_budget, unusual_use
from secure_bedrock.constructs._project_notices import notice_topic
from secure_bedrock.constructs._revocation import revocation_time
from secure_bedrock.constructs._tags import checked_tags
from secure_bedrock.constructs._tokens import environment_of, known
from secure_bedrock.constructs.role import ScopedInvokeRole
from secure_bedrock.errors import invalid
from secure_bedrock.policy.authorisation import ModelKind
from secure_bedrock.policy.models import Model
from secure_bedrock.policy.reserved import AUDIT_PREFIX, PROJECT_TAG

if TYPE_CHECKING:
    from secure_bedrock.constructs.role import RoleOptions

#: What a profile and a role of one project have in common, and what denies a profile that has not.
_MATCHING = ("project", "team", "cost-center")
_PREFIX = f"{AUDIT_PREFIX}project-"
_COPIED = {ModelKind.FOUNDATION_MODEL, ModelKind.INFERENCE_PROFILE}
#: What tags of every service take, Bedrock's, IAM's and Cost Explorer's: letters, digits, blanks and these.
_VALUE = re.compile(r"[\w .:/=+@-]{1,128}", re.ASCII)


class BedrockProject(Construct):
    """One team's use of Bedrock: an application inference profile for each model, and roles that call through them.

    A role of the project names its profiles by ARN and must equal each in the tags `project`, `team` and `cost-center`
    (`aws:ResourceTag` = `aws:PrincipalTag`): a profile that somebody retags is closed to it, a profile that somebody
    else gave the project's tags is not opened. The models and system profiles behind have no tags; they are told by
    ARN, and reached only through the project's profiles. Directly they are denied, or nobody would pay for the calls.

    Three ways stop it. `suspended` and `revoke_sessions_before` hold from the next deployment on, for every role.
    The tag `secure-bedrock:revoked`, with any value, needs no deployment: on a role it stops the role, on a profile
    whoever calls through it. IAM is eventually consistent, so calls of the next seconds may still be answered.

    What holds the tags: no role of the project can change them, its ceiling denies that. Others are held by the
    organisation's policies alone: name `role_administrators` there. Without, whoever may tag roles in the account can
    take the revoking tag away again.

    AWS counts costs by a tag only after its key was activated for cost allocation, by the account that pays, and from
    then on: until then the budget sees nothing. A budget tells, hours late; it stops no call.

    Attributes:
        profiles: the application inference profiles, by the id of what each copies.
        models: the same as `Model`, for a ScopedInvokeRole declared elsewhere.
        tags: every tag of the project.
        roles: the roles made by `add_role` so far.
        topic: where budget and alarms tell.
        alarms: on unusual calls, tokens in and tokens out, three a profile.
        budget: None without `monthly_budget`.
        cost_monitor: None without `cost_anomaly`.
        resource_group: what AWS Resource Groups finds by the project's tags. It does not list IAM roles.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own word
        *,
        project: str,
        team: str,
        cost_center: str,
        models: Iterable[object],
        tags: Mapping[str, str] | None = None,
        monthly_budget: float | None = None,
        cost_anomaly: float | None = None,
        notify: Iterable[str] | None = None,
        encryption_key: kms.IKey | None = None,
        suspended: bool = False,
        revoke_sessions_before: datetime | str | None = None,
    ) -> None:
        """Declare the project.

        Args:
            scope: the parent construct.
            id: the construct's id.
            project: value of the tag `project`, literal.
            team: value of the tag `team`, literal.
            cost_center: value of the tag `cost-center`, literal.
            models: foundation models and system inference profiles, each of which gets an application profile.
            tags: further tags. Default: none.
            monthly_budget: US dollars a month; told at 80 and 100 percent spent, and when 100 percent are expected.
                Default: no budget, and a warning.
            cost_anomaly: tell of costs that are unusual by at least so many US dollars. It needs an account that may
                have a monitor on a tag; AWS keeps that for the account that pays. Default: no such monitor.
            notify: e-mail addresses. Default: nobody, and a warning.
            encryption_key: the topic's key, whose policy lets CloudWatch, Budgets and Cost Anomaly Detection use it.
                Default: a new one.
            suspended: deny every Bedrock call of every role of the project. Default: False.
            revoke_sessions_before: deny everything to the roles' sessions issued before. Default: none revoked.

        Raises:
            InvalidInput: for a wrong, empty or contradictory property, its name first.
        """
        super().__init__(scope, id)
        self._named = {"project": project, "team": team, "cost_center": cost_center}
        for name, value in self._named.items():
            _require_value(name, value)
        named_tags = {"project": project, "team": team, "cost-center": cost_center}
        further = checked_tags(project=project, team=team, tags={"cost-center": cost_center} | _not_ours(tags))
        self.tags: Mapping[str, str] = MappingProxyType({**named_tags, **further})
        revocation_time(revoke_sessions_before)
        if not isinstance(suspended, bool):
            raise invalid("suspended", suspended, allowed="True or False")
        self._stopped: dict[str, Any] = {"suspended": suspended, "revoke_sessions_before": revoke_sessions_before}
        self.roles: tuple[ScopedInvokeRole, ...] = ()
        # The audit's prefix: by it the organisation's policies protect topic and alarms. Budgets are account-wide.
        region = known(cdk.Stack.of(self).region)
        self._name = f"{_PREFIX}{_unique(self, 50)}" + (f"-{region}" if region else "")
        copied = _copied(models)
        _require_key(encryption_key)
        self._require_money(monthly_budget=monthly_budget, cost_anomaly=cost_anomaly)
        self._profiles = {model.id: self._profile(model) for model in copied}
        self.profiles: Mapping[str, bedrock.CfnApplicationInferenceProfile] = MappingProxyType(self._profiles)
        self.models = tuple(
            Model.application_profile(self._profiles[model.id].attr_inference_profile_arn, serves=[model])
            for model in copied
        )
        self.topic = notice_topic(self, self._name, notify=notify, key=encryption_key)
        self.alarms = tuple(alarm for profile in self._profiles.values() for alarm in self._alarms_of(profile))
        self._watch_money(monthly_budget=monthly_budget, cost_anomaly=cost_anomaly)
        self.resource_group = self._group()
        for key, value in self.tags.items():
            cdk.Tags.of(self).add(key, value)

    def add_role(self, id: str, **options: Unpack[RoleOptions]) -> ScopedInvokeRole:  # noqa: A002 - CDK's own word
        """Add a role that may call the project's models through its profiles, and nothing else of Bedrock.

        Args:
            id: the construct's id.
            **options: the properties of ScopedInvokeRole, but for what the project says: models, tags, revocation.

        Raises:
            InvalidInput: for a wrong property, or one that the project says.
        """
        said = {"models", "project", "team", "tags", "matching_tags"} & set(options)
        if said:
            raise invalid(min(said), options[min(said)], allowed="what the project says; declare it there")
        for name in self._stopped:
            if name in options:
                raise invalid(name, options[name], allowed="the project's own, which is all its roles'")
        role = ScopedInvokeRole(
            self,
            id,
            models=self.models,
            project=self.tags["project"],
            team=self.tags["team"],
            tags={key: value for key, value in self.tags.items() if key not in {"project", "team"}},
            matching_tags=_MATCHING,
            **self._stopped,
            **options,
        )
        self.roles = (*self.roles, role)
        return role

    def _profile(self, model: Model) -> bedrock.CfnApplicationInferenceProfile:
        environment = environment_of(self)
        source = model.authorisations(environment)[0].resource
        place = Construct(self, _words(model.id))
        profile = bedrock.CfnApplicationInferenceProfile(
            place,
            "Profile",
            inference_profile_name=_unique(place, 64),
            description=f"{self.tags['project']} of {self.tags['team']}"[:200],
            model_source=bedrock.CfnApplicationInferenceProfile.InferenceProfileModelSourceProperty(copy_from=source),
        )
        cdk.Tags.of(profile).add(*PROJECT_TAG)
        for note in model.notes(environment):
            warn(self, note.id, note.text)
        return profile

    def _alarms_of(self, profile: bedrock.CfnApplicationInferenceProfile) -> Iterator[cloudwatch.CfnAlarm]:
        place = profile.node.scope
        return unusual_use(
            place,
            name=f"{_PREFIX}{_unique(place, 200)}",
            profile_id=profile.attr_inference_profile_id,
            topic_arn=self.topic.topic_arn,
        )

    def _require_money(self, **dollars: float | None) -> None:
        for name, value in dollars.items():
            if value is not None:
                require_dollars(self, name, value)

    def _watch_money(self, *, monthly_budget: float | None, cost_anomaly: float | None) -> None:
        given = {"project": self.tags["project"], "topic_arn": self.topic.topic_arn}
        self.budget = (
            None if monthly_budget is None else _budget(self, self._name, monthly_budget, {**given, "tags": self.tags})
        )
        self.cost_monitor, self.cost_subscription = (
            (None, None) if cost_anomaly is None else cost_anomalies(self, self._name, dollars=cost_anomaly, **given)
        )
        # What tells must be let in before AWS tries it.
        policy = self.topic.node.try_find_child("Policy")
        for watcher in (self.budget, self.cost_subscription):
            if watcher is not None and policy is not None:
                watcher.node.add_dependency(policy)
        if monthly_budget is None:
            warn(
                self, "no-budget", "monthly_budget: nobody is told of what this project costs; name US dollars a month"
            )
        else:
            text = "monthly_budget: it counts nothing until the tag key `project` is activated for cost allocation"
            warn(self, "cost-allocation-tag", f"{text}, by the account that pays")

    def _group(self) -> resourcegroups.CfnGroup:
        filters = [
            resourcegroups.CfnGroup.TagFilterProperty(key=key, values=[self.tags[key]]) for key in ("project", "team")
        ]
        return resourcegroups.CfnGroup(
            self,
            "ResourceGroup",
            name=self._name,
            description=f"Everything tagged as {self.tags['project']} of {self.tags['team']}"[:512],
            resource_query=resourcegroups.CfnGroup.ResourceQueryProperty(
                type="TAG_FILTERS_1_0",
                query=resourcegroups.CfnGroup.QueryProperty(
                    resource_type_filters=["AWS::AllSupported"], tag_filters=filters
                ),
            ),
        )


def _unique(construct: IConstruct, longest: int) -> str:
    """A physical name from the path in the tree, as every one of the services takes it."""
    name = cdk.Names.unique_resource_name(construct, max_length=longest, separator="-", allowed_special_characters="-")
    return re.sub("-{2,}", "-", name).strip("-")


def _budget(scope: Construct, name: str, dollars: float, given: dict[str, Any]) -> Any:  # noqa: ANN401
    return project_budget(scope, name, dollars=dollars, **given)


def _require_value(name: str, value: object) -> None:
    if not isinstance(value, str) or known(value) is None or not _VALUE.fullmatch(value) or value != value.strip():
        raise invalid(
            name, value, allowed="a literal of 1 to 128 letters, digits, blanks and _.:/=+@-, without blanks around"
        )


def _not_ours(tags: Mapping[str, str] | None) -> dict[str, str]:
    """The further tags; `cost-center` is a property of its own."""
    if tags is not None and (not isinstance(tags, Mapping) or not tags):
        raise invalid("tags", tags, allowed="a mapping from key to value, or None")
    for key in tags or {}:
        if isinstance(key, str) and key.lower() in {"cost-center", PROJECT_TAG[0]}:
            raise invalid("tags", key, allowed=f"tags beside {key.lower()}, which the project says itself")
    return dict(tags or {})


def _copied(models: Iterable[object]) -> tuple[Model, ...]:
    found = models_of("models", models)
    for model in found:
        if model.kind not in _COPIED:
            raise invalid(
                "models",
                model.arn or model.id,
                allowed="foundation models and system inference profiles, of which AWS makes application profiles",
                remedy="for others declare a ScopedInvokeRole with project= and team=",
            )
    words = [_words(model.id) for model in found]
    for model, word in zip(found, words, strict=True):
        if words.count(word) > 1:
            raise invalid("models", model.id, allowed="each model once")
    return found


def _require_key(key: object) -> None:
    if key is not None and not hasattr(key, "key_arn"):
        raise invalid("encryption_key", key, allowed="a kms.IKey")


def _words(model_id: str) -> str:
    """A model id as it may stand in construct ids and names: `EuAmazonNovaLiteV10`."""
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]+", model_id))
