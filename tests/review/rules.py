"""Small templates for the rules, and what a review finds in them."""

from __future__ import annotations

import json
from pathlib import Path

from secure_bedrock.review import Report, load, review_estate

ACCOUNT = "111122223333"
MODEL = "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0"
INVOKE = {"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": MODEL}
APP = f"arn:aws:iam::{ACCOUNT}:role/app"


def policy(*statements, **version):
    return {"Version": "2012-10-17", "Statement": list(statements), **version}


def trusts(*principals, **elements):
    return policy(
        *({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": each, **elements} for each in principals)
    )


SERVICE = trusts({"Service": "lambda.amazonaws.com"})


def role(*statements, name="app", trust=SERVICE, **properties):
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": name,
            "AssumeRolePolicyDocument": trust,
            **({"Policies": [{"PolicyName": "p", "PolicyDocument": policy(*statements)}]} if statements else {}),
            **properties,
        },
    }


def endpoint(document=None, service="bedrock-runtime", **properties):
    return {
        "Type": "AWS::EC2::VPCEndpoint",
        "Properties": {
            "ServiceName": f"com.amazonaws.eu-west-1.{service}",
            "VpcEndpointType": "Interface",
            "VpcId": "vpc-0123456789abcdef0",
            **({} if document is None else {"PolicyDocument": document}),
            **properties,
        },
    }


def scp(*statements, targets=("ou-ab12-12345678",), name="rails"):
    return {
        "Type": "AWS::Organizations::Policy",
        "Properties": {
            "Name": name, "Type": "SERVICE_CONTROL_POLICY", "Content": policy(*statements), "TargetIds": list(targets),
        },
    }  # fmt: skip


def review(folder: Path, **resources) -> Report:
    """Control policies bind another account than the one that deploys them; without an account that is assumed."""
    has_rails = any(each["Type"] == "AWS::Organizations::Policy" for each in resources.values())
    account = None if has_rails else ACCOUNT
    path = folder / "template.json"
    path.write_text(json.dumps({"Resources": resources}, indent=1))
    return review_estate(load(path, account=account, region="eu-west-1"))


def ids(report: Report, *but: str) -> list[str]:
    return sorted({finding.rule.id for finding in report.findings if not finding.about_outsiders} - set(but))


def one(report: Report, rule_id: str):
    (found,) = [finding for finding in report.findings if finding.rule.id == rule_id]
    return found
