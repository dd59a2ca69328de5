"""A project's life on the emulator: deployed, read back, called, and stopped in each of its ways by signed calls."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from botocore.exceptions import ClientError

from drill.calls import assume, attempt, converse
from drill.cloud import emulated
from drill.environment import ACCOUNT, REGION
from secure_bedrock import BedrockProject, Network

STACK, LITE, EU_LITE = "team", "amazon.nova-lite-v1:0", "eu.amazon.nova-lite-v1:0"
PROFILE, ROLE = "AWS::Bedrock::ApplicationInferenceProfile", "AWS::IAM::Role"
REVOKED = "secure-bedrock:revoked"


def template(**chat) -> str:
    app = cdk.App(context={"@aws-cdk/core:newStyleStackSynthesis": False})
    stack = cdk.Stack(
        app, STACK, env=cdk.Environment(account=ACCOUNT, region=REGION), synthesizer=cdk.LegacyStackSynthesizer(),
        analytics_reporting=False,
    )  # fmt: skip
    given = {"team": "search", "cost_center": "4711", "monthly_budget": 250, "cost_anomaly": 50,
             "notify": ["team@example.com"]}  # fmt: skip
    for name, models in (("chat", [EU_LITE, LITE]), ("search", [EU_LITE])):
        project = BedrockProject(
            stack, name.title(), project=name, models=models, **given, **(chat if name == "chat" else {})
        )
        role = project.add_role("App", assumed_by=iam.AccountPrincipal(ACCOUNT), network=Network.ANYWHERE)
        cdk.CfnOutput(stack, f"{name}Role", value=role.role.role_arn).override_logical_id(f"{name}Role")
        for model, profile in project.profiles.items():
            output = f"{name}Profile{'Eu' if model == EU_LITE else ''}"
            cdk.CfnOutput(stack, output, value=profile.attr_inference_profile_arn).override_logical_id(output)
        cdk.CfnOutput(stack, f"{name}Topic", value=project.topic.topic_arn).override_logical_id(f"{name}Topic")
    return json.dumps(app.synth().get_stack_by_name(STACK).template)


def deploy(cloud, template, *, update=False):
    stacks = cloud.client("cloudformation")
    given = {"StackName": STACK, "TemplateBody": template, "Capabilities": ["CAPABILITY_NAMED_IAM"]}
    (stacks.update_stack if update else stacks.create_stack)(**given)
    waiter = stacks.get_waiter("stack_update_complete" if update else "stack_create_complete")
    waiter.wait(StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with emulated(tmp_path_factory.mktemp("project") / "log", endpoints=0) as running:
        deploy(running, template())
        yield running


@pytest.fixture(scope="module")
def outputs(cloud):
    (stack,) = cloud.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


@pytest.fixture(scope="module")
def session(cloud, outputs):
    return assume(cloud, outputs["chatRole"])


@pytest.fixture
def call(cloud, session, outputs):
    """A call as the chat project's role, in a session from before; a new one on request."""

    def made(model="chatProfileEu", *, anew=False):
        credentials = assume(cloud, outputs["chatRole"]) if anew else session
        return attempt(converse(cloud.client("bedrock-runtime", credentials), outputs.get(model, model), None))

    return made


def role_name(outputs, name="chatRole"):
    return outputs[name].rsplit("/", 1)[-1]


def test_what_was_deployed_is_read_back(cloud, outputs):
    bedrock = cloud.client("bedrock")
    tags = {tag["key"]: tag["value"] for tag in
            bedrock.list_tags_for_resource(resourceARN=outputs["chatProfileEu"])["tags"]}  # fmt: skip
    assert tags == {"project": "chat", "team": "search", "cost-center": "4711", "secure-bedrock": "project"}
    name = outputs["chatProfile"].rsplit("/", 1)[-1]
    profile = bedrock.get_inference_profile(inferenceProfileIdentifier=name)
    assert [model["modelArn"].rsplit("/", 1)[-1] for model in profile["models"]] == [LITE]
    role = cloud.client("iam").get_role(RoleName=role_name(outputs))["Role"]
    assert {tag["Key"]: tag["Value"] for tag in role["Tags"] if not tag["Key"].startswith("aws:")} == {
        "project": "chat", "team": "search", "cost-center": "4711",
    }  # fmt: skip


def test_budget_group_alarms_and_topic_are_read_back(cloud, outputs):
    budgets = cloud.client("budgets").describe_budgets(AccountId=ACCOUNT)["Budgets"]
    assert {b["CostFilters"]["TagKeyValue"][0]: b["BudgetLimit"]["Amount"] for b in budgets} == {
        "user:project$chat": "250", "user:project$search": "250",
    }  # fmt: skip
    groups = cloud.client("resource-groups")
    (name,) = [g["Name"] for g in groups.list_groups()["Groups"] if "Chat" in g["Name"]]
    query = json.loads(groups.get_group_query(GroupName=name)["GroupQuery"]["ResourceQuery"]["Query"])
    assert {row["Key"]: row["Values"] for row in query["TagFilters"]} == {"project": ["chat"], "team": ["search"]}
    alarms = cloud.client("cloudwatch").describe_alarms(AlarmNamePrefix="secure-bedrock-audit-project-")
    chat = [alarm for alarm in alarms["MetricAlarms"] if "Chat" in alarm["AlarmName"]]
    watched = {alarm["Metrics"][0]["MetricStat"]["Metric"]["Dimensions"][0]["Value"] for alarm in chat}
    assert watched == {outputs[name].rsplit("/", 1)[-1] for name in ("chatProfile", "chatProfileEu")}
    topic = cloud.client("sns").get_topic_attributes(TopicArn=outputs["chatTopic"])["Attributes"]
    assert topic["KmsMasterKeyId"]
    assert "budgets.amazonaws.com" in topic["Policy"]


def test_a_role_calls_through_its_own_profiles_and_nothing_else(call):
    assert call("chatProfileEu").allowed
    assert call("chatProfile").allowed
    assert not call("searchProfileEu").allowed
    assert "OnlyThroughProfile" in call(LITE).decided_by
    assert "OnlyThroughProfile" in call(EU_LITE).decided_by


def test_somebody_elses_profile_with_the_projects_tags_opens_nothing(cloud, outputs, call):
    bedrock = cloud.client("bedrock")
    tags = bedrock.list_tags_for_resource(resourceARN=outputs["chatProfileEu"])["tags"]
    made = bedrock.create_inference_profile(
        inferenceProfileName="rogue", modelSource={"copyFrom": f"arn:aws:bedrock:{REGION}::foundation-model/{LITE}"},
        tags=tags,
    )["inferenceProfileArn"]  # fmt: skip
    assert "OtherModels" in call(made).decided_by


@pytest.mark.parametrize("value", ["true", "false", ""])
def test_one_tag_on_the_role_stops_it_without_a_deployment(cloud, outputs, call, value):
    iam_, name = cloud.client("iam"), role_name(outputs)
    assert call().allowed
    iam_.tag_role(RoleName=name, Tags=[{"Key": REVOKED, "Value": value}])
    try:
        assert "RevokedByTag" in call().decided_by
        assert "RevokedByTag" in call(anew=True).decided_by
    finally:
        iam_.untag_role(RoleName=name, TagKeys=[REVOKED])
    assert call().allowed


def test_one_tag_on_the_profile_stops_whoever_calls_through_it(cloud, outputs, call):
    bedrock, arn = cloud.client("bedrock"), outputs["chatProfileEu"]
    assert call().allowed
    bedrock.tag_resource(resourceARN=arn, tags=[{"key": REVOKED, "value": "2026-11-24"}])
    try:
        assert "RevokedResource" in call().decided_by
        assert call("chatProfile").allowed
    finally:
        bedrock.untag_resource(resourceARN=arn, tagKeys=[REVOKED])
    assert call().allowed


def test_a_profile_that_somebody_retagged_is_closed(cloud, outputs, call):
    bedrock, arn = cloud.client("bedrock"), outputs["chatProfileEu"]
    bedrock.tag_resource(resourceARN=arn, tags=[{"key": "cost-center", "value": "4712"}])
    try:
        assert "OtherTags" in call().decided_by
    finally:
        bedrock.tag_resource(resourceARN=arn, tags=[{"key": "cost-center", "value": "4711"}])
    assert call().allowed


def test_a_role_that_somebody_widened_cannot_take_its_revoking_tag_away(cloud, outputs, session, call):
    iam_, name = cloud.client("iam"), role_name(outputs)
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam_.put_role_policy(RoleName=name, PolicyName="everything", PolicyDocument=json.dumps(everything))
    iam_.tag_role(RoleName=name, Tags=[{"Key": REVOKED, "Value": "true"}])
    try:
        assert cloud.client("iam", session).get_role(RoleName=name)["Role"]["RoleName"] == name
        with pytest.raises(ClientError, match="AccessDenied"):
            cloud.client("iam", session).untag_role(RoleName=name, TagKeys=[REVOKED])
        assert "RevokedByTag" in call().decided_by
    finally:
        iam_.untag_role(RoleName=name, TagKeys=[REVOKED])
        iam_.delete_role_policy(RoleName=name, PolicyName="everything")


def test_revoking_sessions_stops_those_from_before_and_not_those_from_after(cloud, call):
    assert call().allowed
    time.sleep(1.1)
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    deploy(cloud, template(revoke_sessions_before=moment), update=True)
    assert "RevokedSessions" in call().decided_by
    assert call(anew=True).allowed


def test_suspending_stops_every_session(cloud, outputs, call):
    deploy(cloud, template(suspended=True), update=True)
    assert "Suspended" in call().decided_by
    assert "Suspended" in call(anew=True).decided_by
    other = cloud.client("bedrock-runtime", assume(cloud, outputs["searchRole"]))
    assert attempt(converse(other, outputs["searchProfileEu"], None)).allowed
    deploy(cloud, template(), update=True)
    assert call().allowed
