"""CloudFormation types around Bedrock that ministack does not know, though it has their services."""

from __future__ import annotations

import json
import uuid
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import budgets, cloudwatch_logs, iam, resource_groups, waf

from drill.emulator.template import Made, Properties, Provider, body


def providers() -> dict[str, Provider]:
    """Return the types: identity providers, associations of web ACLs, budgets, cost anomalies, groups, queries."""
    return {
        "AWS::IAM::OIDCProvider": {
            "create": _create_identity_provider,
            "delete": lambda physical_id, _: iam._oidc_providers.pop(physical_id, None),
        },
        "AWS::WAFv2::WebACLAssociation": {
            "create": _associate,
            "delete": lambda _, properties: waf._disassociate_web_acl({"ResourceArn": properties["ResourceArn"]}),
        },
        # ministack's WAF writes no logs.
        "AWS::WAFv2::LoggingConfiguration": {
            "create": lambda _, properties, __: (properties["ResourceArn"], {}),
            "delete": lambda *_: None,
        },
        "AWS::Budgets::Budget": {"create": _create_budget, "update": _update_budget, "delete": _delete_budget},
        "AWS::CE::AnomalyMonitor": _stored("anomalymonitor", "MonitorArn"),
        "AWS::CE::AnomalySubscription": _stored("anomalysubscription", "SubscriptionArn"),
        "AWS::Logs::QueryDefinition": {"create": _save_query, "update": _save_query_anew, "delete": lambda *_: None},
        "AWS::ResourceGroups::Group": {
            "create": _create_group,
            "update": _update_group,
            "delete": lambda physical_id, _: resource_groups._groups.pop(physical_id, None),
        },
    }


def _stored(kind: str, attribute: str) -> Provider:
    """Cost Explorer is no service of ministack: what it would watch is accepted, and watches nothing."""

    def create(_: str, __: Properties, ___: str) -> Made:
        arn = f"arn:aws:ce::{get_account_id()}:{kind}/{uuid.uuid4()}"
        return arn, {attribute: arn}

    return {
        "create": create,
        "update": lambda physical_id, *_: (physical_id, {attribute: physical_id}),
        "delete": lambda *_: None,
    }


def _save_query(_: str, properties: Properties, __: str) -> Made:
    """A query is accepted where its log groups are there; ministack keeps none, and runs none that adds up."""
    missing = [name for name in properties.get("LogGroupNames") or () if name not in cloudwatch_logs._log_groups]
    if missing:
        raise ValueError(f"PutQueryDefinition: the log groups {missing} do not exist")
    query_id = str(uuid.uuid4())
    return query_id, {"QueryDefinitionId": query_id}


def _save_query_anew(physical_id: str, _: Properties, properties: Properties, stack: str) -> Made:
    _save_query("", properties, stack)
    return physical_id, {"QueryDefinitionId": physical_id}


def _create_identity_provider(_: str, properties: Properties, __: str) -> Made:
    request: dict[str, list[str]] = {"Url": [properties["Url"]]}
    for member, on_the_wire in (("ClientIdList", "ClientIDList"), ("ThumbprintList", "ThumbprintList")):
        values = properties.get(member) or []
        request |= {f"{on_the_wire}.member.{number}": [value] for number, value in enumerate(values, 1)}
    status, _headers, answer = iam._create_oidc_provider(request)
    if status >= 300:  # noqa: PLR2004 - HTTP; the body is XML
        raise ValueError(f"CreateOpenIDConnectProvider: {answer!r}")
    host = properties["Url"].split("://", 1)[-1].rstrip("/")
    arn = f"arn:aws:iam::{get_account_id()}:oidc-provider/{host}"
    return arn, {"Arn": arn}


def _associate(_: str, properties: Properties, __: str) -> Made:
    request = {"WebACLArn": properties["WebACLArn"], "ResourceArn": properties["ResourceArn"]}
    body(waf._associate_web_acl(request), "AssociateWebACL")
    return f"{properties['ResourceArn']}|{properties['WebACLArn']}", {}


def _create_budget(logical_id: str, properties: Properties, stack: str) -> Made:
    budget = _budget(properties, f"{stack}-{logical_id}")
    request = {
        "AccountId": get_account_id(),
        "Budget": budget,
        "NotificationsWithSubscribers": [
            {**entry, "Notification": {**entry["Notification"], "Threshold": float(entry["Notification"]["Threshold"])}}
            for entry in properties.get("NotificationsWithSubscribers") or []
        ],
    }
    body(budgets._create_budget(request), "CreateBudget")
    return budget["BudgetName"], {}


def _update_budget(physical_id: str, _: Properties, properties: Properties, __: str) -> Made:
    budget = {**_budget(properties, physical_id), "BudgetName": physical_id}
    body(budgets._update_budget({"AccountId": get_account_id(), "NewBudget": budget}), "UpdateBudget")
    return physical_id, {}


def _delete_budget(physical_id: str, _: Properties) -> None:
    budgets._delete_budget({"AccountId": get_account_id(), "BudgetName": physical_id})


def _budget(properties: Properties, name: str) -> dict[str, Any]:
    """A budget's amount is a number in a template and a text in the API."""
    budget = {"BudgetName": name, **properties["Budget"]}
    limit = budget.get("BudgetLimit")
    return {**budget, "BudgetLimit": {**limit, "Amount": str(limit["Amount"])}} if limit else budget


def _create_group(_: str, properties: Properties, __: str) -> Made:
    name = properties["Name"]
    request = {"Name": name, "Description": properties.get("Description"), "ResourceQuery": _resource_query(properties)}
    body(resource_groups._create_group(request), "CreateGroup")
    return name, {"Arn": f"arn:aws:resource-groups:{get_region()}:{get_account_id()}:group/{name}"}


def _update_group(physical_id: str, _: Properties, properties: Properties, stack: str) -> Made:
    kept = resource_groups._groups.pop(physical_id, None)
    try:
        return _create_group("", {**properties, "Name": properties.get("Name", physical_id)}, stack)
    except ValueError:
        resource_groups._groups[physical_id] = kept
        raise


def _resource_query(properties: Properties) -> dict[str, str] | None:
    """A group's query is an object in a template and a text in the API."""
    query = properties.get("ResourceQuery")
    if query is None:
        return None
    inner = query.get("Query") or {}
    filters = {
        "ResourceTypeFilters": inner.get("ResourceTypeFilters", ["AWS::AllSupported"]),
        "TagFilters": inner.get("TagFilters", []),
    }
    return {"Type": query["Type"], "Query": json.dumps(filters)}
