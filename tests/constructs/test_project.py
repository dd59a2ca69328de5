"""BedrockProject: what one declaration makes, whom its tags bind, and what is refused."""

from __future__ import annotations

import inspect
import json

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from syrupy.extensions.json import JSONSnapshotExtension

from secure_bedrock import BedrockProject, InvalidInput, Network, PrivateBedrockEndpoint, ScopedInvokeRole
from secure_bedrock.constructs.role import RoleOptions
from tests.constructs.conftest import ACCOUNT, of_type

LITE, EU_LITE = "amazon.nova-lite-v1:0", "eu.amazon.nova-lite-v1:0"
NAMED = {"project": "chat", "team": "search", "cost_center": "4711", "models": [EU_LITE]}
TAGS = {"project": "chat", "team": "search", "cost-center": "4711"}
PROFILE, ALARM = "AWS::Bedrock::ApplicationInferenceProfile", "AWS::CloudWatch::Alarm"
FREE = {"assumed_by": iam.AccountPrincipal(ACCOUNT), "network": Network.ANYWHERE}


def project(place, **given):
    return BedrockProject(place.stack("Team"), "Chat", **{**NAMED, **given})


def made(place, kind):
    return of_type(place.synth()["Team"], kind)


def tags_of(properties):
    return {tag["Key"]: tag["Value"] for tag in properties.get("Tags") or properties.get("ResourceTags") or []}


# --- profiles and roles


def test_each_model_gets_a_profile_of_its_own_with_the_projects_tags(place):
    project(place, models=[EU_LITE, LITE], tags={"stage": "live"})
    profiles = made(place, PROFILE)
    assert [profile["ModelSource"]["CopyFrom"] for profile in profiles] == [
        f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:inference-profile/{EU_LITE}",
        f"arn:aws:bedrock:eu-west-1::foundation-model/{LITE}",
    ]
    assert all(tags_of(each) == {**TAGS, "stage": "live", "secure-bedrock": "project"} for each in profiles)
    assert len({profile["InferenceProfileName"] for profile in profiles}) == 2


def test_a_profiles_name_is_one_that_bedrock_takes_however_deep_it_stands(place):
    ids = ["apac.anthropic.claude-3-5-sonnet-20241022-v2:0", "apac.anthropic.claude-3-5-sonnet-20240620-v1:0"]
    sydney = cdk.Environment(account=ACCOUNT, region="ap-southeast-2")
    stack = place.stack("A-Stack--With-A-Long-Name-And-Hyphens-", env=sydney)
    BedrockProject(stack, "_Project-" * 8, **{**NAMED, "models": ids})
    names = [profile["InferenceProfileName"] for profile in of_type(place.synth()[stack.stack_name], PROFILE)]
    assert len(set(names)) == 2
    for name in names:
        assert len(name) <= 64
        assert all(part.isalnum() for part in name.split("-"))


def test_a_role_names_its_profiles_by_arn_and_must_equal_them_in_every_tag(place):
    created = project(place)
    role = created.add_role("App", **FREE)
    assert created.roles == (role,)
    statements = {s["Sid"]: s for s in role.ceiling_document()["Statement"]}
    asked = {
        key: value
        for sid, statement in statements.items()
        if sid.startswith("OtherTags")
        for key, value in statement["Condition"].get("StringNotEquals", {}).items()
    }
    assert asked == {f"aws:ResourceTag/{key}": f"${{aws:PrincipalTag/{key}}}" for key in TAGS}
    (allow,) = made(place, "AWS::IAM::ManagedPolicy")
    first = allow["PolicyDocument"]["Statement"][0]
    assert list(first["Resource"]) == ["Fn::GetAtt"]
    (properties,) = made(place, "AWS::IAM::Role")
    assert tags_of(properties) == TAGS


def test_a_projects_models_are_what_a_role_of_another_stack_takes(place):
    created = project(place)
    other = place.stack("Other")
    ScopedInvokeRole(other, "App", models=created.models, project="chat", matching_tags=["project"], **FREE)
    assert "Fn::ImportValue" in json.dumps(place.synth()["Other"])


def test_an_endpoint_of_another_stack_needs_no_reference_to_the_profiles(place):
    net = place.stack("Net")
    endpoint = PrivateBedrockEndpoint(net, "Bedrock", vpc=place.vpc(net), client_cidrs=["10.0.1.0/24"])
    project(place).add_role("App", assumed_by=iam.AccountPrincipal(ACCOUNT), endpoints=[endpoint])
    template = json.dumps(place.synth()["Net"])
    assert "application-inference-profile/*" in template
    assert "ImportValue" not in template


@pytest.mark.parametrize("stopped", [{"suspended": True}, {"revoke_sessions_before": "2026-01-01T00:00:00Z"}])
def test_what_stops_the_project_stops_all_its_roles(place, stopped):
    created = project(place, **stopped)
    sid = "Suspended" if "suspended" in stopped else "RevokedSessions"
    for name in ("App", "Batch"):
        statements = created.add_role(name, **FREE).ceiling_document()["Statement"]
        assert statements[0]["Sid"] == sid


# --- money and notices


def test_the_budget_counts_the_projects_tag_and_tells_the_topic(place):
    project(place, monthly_budget=250, notify=["team@example.com"])
    (budget,) = made(place, "AWS::Budgets::Budget")
    assert budget["Budget"]["CostFilters"] == {"TagKeyValue": ["user:project$chat"]}
    assert budget["Budget"]["BudgetLimit"] == {"Amount": 250, "Unit": "USD"}
    told = [(n["Notification"]["NotificationType"], n["Notification"]["Threshold"])
            for n in budget["NotificationsWithSubscribers"]]  # fmt: skip
    assert told == [("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100)]
    (topic,) = [i for i, r in place.synth()["Team"]["Resources"].items() if r["Type"] == "AWS::SNS::Topic"]
    assert all(n["Subscribers"] == [{"Address": {"Ref": topic}, "SubscriptionType": "SNS"}]
               for n in budget["NotificationsWithSubscribers"])  # fmt: skip


def test_the_monitor_counts_the_projects_tag(place):
    project(place, cost_anomaly=50)
    (monitor,) = made(place, "AWS::CE::AnomalyMonitor")
    assert json.loads(monitor["MonitorSpecification"])["Tags"] == {
        "Key": "project", "Values": ["chat"], "MatchOptions": ["EQUALS"],
    }  # fmt: skip
    (subscription,) = made(place, "AWS::CE::AnomalySubscription")
    assert json.loads(subscription["ThresholdExpression"])["Dimensions"]["Values"] == ["50"]
    assert subscription["Frequency"] == "IMMEDIATE"


def test_unusual_calls_and_tokens_are_told_for_each_profile(place):
    project(place, models=[EU_LITE, LITE])
    alarms = made(place, ALARM)
    metrics = [alarm["Metrics"][0]["MetricStat"]["Metric"] for alarm in alarms]
    assert {each["Dimensions"][0]["Name"] for each in metrics} == {"ModelId"}
    counted = {(each["MetricName"], json.dumps(each["Dimensions"][0]["Value"])) for each in metrics}
    assert len(counted) == len(alarms) == 6
    assert {name for name, _ in counted} == {"Invocations", "InputTokenCount", "OutputTokenCount"}
    assert all(alarm["AlarmActions"] for alarm in alarms)


def test_topic_and_key_let_in_three_services_for_this_account_and_nobody_else(place):
    project(place)
    (policy,) = made(place, "AWS::SNS::TopicPolicy")
    allowed = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
    services = {"cloudwatch.amazonaws.com", "budgets.amazonaws.com", "costalerts.amazonaws.com"}
    assert {s["Principal"]["Service"] for s in allowed} == services
    assert all(s["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}} for s in allowed)
    (denied,) = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Deny"]
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    (key,) = made(place, "AWS::KMS::Key")
    lent = [s for s in key["KeyPolicy"]["Statement"] if "Service" in s["Principal"]]
    assert {s["Principal"]["Service"] for s in lent} == services
    assert {tag["Key"]: tag["Value"] for tag in key["Tags"]}["secure-bedrock"] == "audit"


def test_a_key_of_ones_own_is_used(place):
    stack = place.stack("Keys")
    project(place, encryption_key=kms.Key.from_key_arn(stack, "K", f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/k"))
    assert made(place, "AWS::KMS::Key") == []


def test_the_group_finds_what_bears_the_tags(place):
    project(place)
    (group,) = made(place, "AWS::ResourceGroups::Group")
    filters = group["ResourceQuery"]["Query"]["TagFilters"]
    assert filters == [{"Key": "project", "Values": ["chat"]}, {"Key": "team", "Values": ["search"]}]


def test_two_projects_of_one_stack_collide_in_no_name(place):
    stack = place.stack("Team")
    for name in ("Chat", "Search"):
        BedrockProject(stack, name, **{**NAMED, "project": name.lower()}, monthly_budget=1, cost_anomaly=1)
    template = place.synth()["Team"]
    named = {"AWS::SNS::Topic": "TopicName", ALARM: "AlarmName", PROFILE: "InferenceProfileName",
             "AWS::ResourceGroups::Group": "Name", "AWS::CE::AnomalyMonitor": "MonitorName"}  # fmt: skip
    for kind, name in named.items():
        found = [properties[name] for properties in of_type(template, kind)]
        assert len(set(found)) == len(found) == (6 if kind == ALARM else 2), kind
    budgets = [budget["Budget"]["BudgetName"] for budget in of_type(template, "AWS::Budgets::Budget")]
    assert len(set(budgets)) == 2
    assert all("eu-west-1" in name and len(name) <= 100 for name in budgets)


# --- refusals

#: property: (value, what the error says after its name)
WRONG = {
    **{
        name: [(None, "got None"), ("", "got ''"), (" chat", "got ' chat'"), ("a$b", r"got 'a\$b'"),
               ("${Token[X]}", "got"), ("c" * 129, "got 'cc"), ("*", r"got '\*'"), (5, "got 5")]
        for name in ("project", "team", "cost_center")
    },
    "models": [
        ([], "got an empty list"), (EU_LITE, "got 'eu"), (["nova"], "got 'nova'"), ([EU_LITE, EU_LITE + " "], "got"),
        ([f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:imported-model/abcdefghijkl"], "got 'arn.*declare a ScopedInvokeRole"),
    ],
    "tags": [
        ({}, "got {}"), (["a"], r"got \['a'\]"), ({"Project": "x"}, "got 'Project'"),
        ({"cost-center": "1"}, "got 'cost-center'"), ({"Secure-Bedrock": "audit"}, "got 'Secure-Bedrock'"),
        ({"secure-bedrock:revoked": "false"}, "got 'secure-bedrock:revoked'"),
    ],
    "monthly_budget": [(0, "got 0"), (-1, "got -1"), (True, "got True"), ("5", "got '5'"), (float("nan"), "got nan")],
    "cost_anomaly": [(0, "got 0"), ("5", "got '5'")],
    "notify": [([], "got an empty list"), ("a@b.c", "got 'a@b.c'"), (["nobody"], "got 'nobody'"), ([1], "got 1")],
    "encryption_key": [("key", "got 'key'")],
    "suspended": [(None, "got None"), ("no", "got 'no'")],
    "revoke_sessions_before": [("yesterday", "got 'yesterday'"), ("2999-01-01T00:00:00Z", "got '2999")],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "message"), [(name, value, said) for name, rows in WRONG.items() for value, said in rows]
)
def test_a_wrong_property_is_named(place, name, value, message):
    with pytest.raises(InvalidInput, match=f"^{name}: {message}"):
        project(place, **{name: value})


def test_every_property_has_its_refusals():
    assert set(WRONG) == set(inspect.signature(BedrockProject.__init__).parameters) - {"self", "scope", "id"}


@pytest.mark.parametrize("name", ["models", "project", "team", "tags", "matching_tags", "suspended",
                                  "revoke_sessions_before"])  # fmt: skip
def test_what_the_project_says_no_role_says_again(place, name):
    with pytest.raises(InvalidInput, match=f"^{name}: "):
        project(place).add_role("App", **FREE, **{name: "x"})


def test_a_role_takes_every_other_property_of_a_scoped_role():
    """One that is added to the role must be added here, or a project's role cannot have it."""
    theirs = set(inspect.signature(ScopedInvokeRole.__init__).parameters) - {"self", "scope", "id"}
    said = {"models", "project", "team", "tags", "matching_tags", "suspended", "revoke_sessions_before"}
    assert set(RoleOptions.__annotations__) == theirs - said


def test_costs_are_counted_in_the_commercial_partition_only(make_place):
    place = make_place(region="us-gov-west-1")
    with pytest.raises(InvalidInput, match=r"^monthly_budget: got 5; allowed is None in aws-us-gov"):
        project(place, models=[LITE], monthly_budget=5)


def test_a_project_without_an_environment_is_made_too(make_place):
    place = make_place(account=None, region=None)
    created = project(place, models=[LITE], monthly_budget=5)
    created.add_role("App", assumed_by=iam.AccountRootPrincipal(), network=Network.ANYWHERE)
    assert made(place, PROFILE)[0]["ModelSource"]["CopyFrom"]["Fn::Join"]


def test_the_template_of_a_project(place, snapshot):
    created = project(place, models=[EU_LITE, LITE], monthly_budget=250, cost_anomaly=50, notify=["team@example.com"])
    created.add_role("App", **FREE)
    assert place.synth()["Team"]["Resources"] == snapshot.use_extension(JSONSnapshotExtension)
