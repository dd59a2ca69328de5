"""Resource types that ministack does not know: created, updated and deleted by a stack, read back with boto3."""

from __future__ import annotations

import copy
import json

import pytest
from botocore.exceptions import ClientError

from drill.cloud import emulated
from drill.environment import ACCOUNT

BAND = [
    {"Id": "m", "MetricStat": {"Metric": {"Namespace": "n", "MetricName": "calls"}, "Period": 300, "Stat": "Sum"}},
    {"Id": "band", "Expression": "ANOMALY_DETECTION_BAND(m, 2)"},
]
WATCHED = "arn:aws:apigateway:eu-west-1::/restapis/abc/stages/prod"
TEMPLATE = {
    "Resources": {
        "Band": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "AlarmName": "band",
                "ComparisonOperator": "GreaterThanUpperThreshold",
                "EvaluationPeriods": 1,
                "ThresholdMetricId": "band",
                "Metrics": BAND,
            },
        },
        "Either": {
            "Type": "AWS::CloudWatch::CompositeAlarm",
            "Properties": {"AlarmName": "either", "AlarmRule": 'ALARM("band")'},
            "DependsOn": "Band",
        },
        "Provider": {
            "Type": "AWS::IAM::OIDCProvider",
            "Properties": {"Url": "https://id.example.com", "ClientIdList": ["sts.amazonaws.com", "other"]},
        },
        "Budget": {
            "Type": "AWS::Budgets::Budget",
            "Properties": {
                "Budget": {
                    "BudgetName": "bedrock",
                    "BudgetType": "COST",
                    "TimeUnit": "MONTHLY",
                    "BudgetLimit": {"Amount": 100, "Unit": "USD"},
                },
                "NotificationsWithSubscribers": [
                    {
                        "Notification": {
                            "NotificationType": "ACTUAL",
                            "ComparisonOperator": "GREATER_THAN",
                            "Threshold": 80,
                        },
                        "Subscribers": [{"SubscriptionType": "EMAIL", "Address": "ops@example.com"}],
                    }
                ],
            },
        },
        "Group": {
            "Type": "AWS::ResourceGroups::Group",
            "Properties": {
                "Name": "bedrock",
                "ResourceQuery": {
                    "Type": "TAG_FILTERS_1_0",
                    "Query": {"TagFilters": [{"Key": "team", "Values": ["search"]}]},
                },
            },
        },
        "Rules": {
            "Type": "AWS::WAFv2::WebACL",
            "Properties": {
                "Name": "rules",
                "Scope": "REGIONAL",
                "DefaultAction": {"Allow": {}},
                "VisibilityConfig": {
                    "CloudWatchMetricsEnabled": False,
                    "MetricName": "rules",
                    "SampledRequestsEnabled": False,
                },
            },
        },
        "Association": {
            "Type": "AWS::WAFv2::WebACLAssociation",
            "Properties": {"WebACLArn": {"Fn::GetAtt": ["Rules", "Arn"]}, "ResourceArn": WATCHED},
        },
    }
}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with emulated(tmp_path_factory.mktemp("providers") / "log", endpoints=0) as running:
        yield running


def settled(cloud, operation, ending, **template):
    stacks = cloud.client("cloudformation")
    getattr(stacks, operation)(StackName="types", **template)
    stacks.get_waiter(ending).wait(StackName="types", WaiterConfig={"Delay": 1, "MaxAttempts": 30})


def test_types_live_as_a_stack_says(cloud):
    alarms, budgets = cloud.client("cloudwatch"), cloud.client("budgets")
    settled(cloud, "create_stack", "stack_create_complete", TemplateBody=json.dumps(TEMPLATE))

    band = alarms.describe_alarms(AlarmNames=["band"])["MetricAlarms"][0]
    assert (band["ThresholdMetricId"], "Threshold" in band) == ("band", False)
    assert [metric["Id"] for metric in band["Metrics"]] == ["m", "band"]
    either = alarms.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    assert [alarm["AlarmRule"] for alarm in either] == ['ALARM("band")']

    arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/id.example.com"
    provider = cloud.client("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert provider["ClientIDList"] == ["sts.amazonaws.com", "other"]

    budget = budgets.describe_budget(AccountId=ACCOUNT, BudgetName="bedrock")["Budget"]
    assert float(budget["BudgetLimit"]["Amount"]) == 100
    told = budgets.describe_notifications_for_budget(AccountId=ACCOUNT, BudgetName="bedrock")["Notifications"]
    assert [notification["Threshold"] for notification in told] == [80]

    query = cloud.client("resource-groups").get_group_query(Group="bedrock")["GroupQuery"]["ResourceQuery"]["Query"]
    assert json.loads(query)["TagFilters"] == [{"Key": "team", "Values": ["search"]}]
    found = cloud.client("wafv2").get_web_acl_for_resource(ResourceArn=WATCHED)
    assert found["WebACL"]["Name"] == "rules"

    changed = copy.deepcopy(TEMPLATE)
    changed["Resources"]["Budget"]["Properties"]["Budget"]["BudgetLimit"]["Amount"] = 200
    changed["Resources"]["Either"]["Properties"]["AlarmRule"] = 'OK("band")'
    settled(cloud, "update_stack", "stack_update_complete", TemplateBody=json.dumps(changed))
    budget = budgets.describe_budget(AccountId=ACCOUNT, BudgetName="bedrock")["Budget"]
    assert float(budget["BudgetLimit"]["Amount"]) == 200
    either = alarms.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    assert [alarm["AlarmRule"] for alarm in either] == ['OK("band")']

    settled(cloud, "delete_stack", "stack_delete_complete")
    assert alarms.describe_alarms(AlarmTypes=["CompositeAlarm", "MetricAlarm"])["CompositeAlarms"] == []
    assert cloud.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
    assert budgets.describe_budgets(AccountId=ACCOUNT).get("Budgets", []) == []
    assert cloud.client("resource-groups").list_groups()["GroupIdentifiers"] == []
    with pytest.raises(ClientError, match="WAFNonexistentItemException"):
        cloud.client("wafv2").get_web_acl_for_resource(ResourceArn=WATCHED)


def test_a_failing_operation_fails_its_resource(cloud):
    wrong = {"Resources": {"Association": copy.deepcopy(TEMPLATE["Resources"]["Association"])}}
    wrong["Resources"]["Association"]["Properties"]["WebACLArn"] = "arn:aws:wafv2:eu-west-1:111122223333:nothing"
    stacks = cloud.client("cloudformation")
    stacks.create_stack(StackName="wrong", TemplateBody=json.dumps(wrong))
    with pytest.raises(Exception, match=r"ROLLBACK|failed"):
        stacks.get_waiter("stack_create_complete").wait(StackName="wrong", WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    events = stacks.describe_stack_events(StackName="wrong")["StackEvents"]
    assert any("AssociateWebACL" in event.get("ResourceStatusReason", "") for event in events)
