"""The report of who holds Bedrock permissions: what policies give, what is asked of IAM, what is written."""

from __future__ import annotations

import csv
import io
import json
import sys
import types
import urllib.parse
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

CODE = Path(__file__).parents[2] / "secure_bedrock" / "handlers" / "access_report"
ACCOUNT = "111122223333"
NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


@pytest.fixture(scope="module")
def code():
    """The function's folder is where its runtime looks first."""
    sys.path.insert(0, str(CODE))
    try:
        yield types.SimpleNamespace(**{n: import_module(n) for n in ("access_grants", "access_table", "index")})
    finally:
        sys.path.remove(str(CODE))


def document(*statements, quoted=False):
    plain = {"Version": "2012-10-17", "Statement": list(statements)}
    return urllib.parse.quote(json.dumps(plain)) if quoted else plain


def allow(action="bedrock:InvokeModel", resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action, resource="*", **more):
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def grant(code, *documents):
    found = code.access_grants.Grant()
    for number, each in enumerate(documents):
        found.add(each, f"p{number}")
    return found


# --- what policies give

ALL = {"bedrock", "bedrock-mantle", "bedrock-websearch", "bedrock-agentcore"}


@pytest.mark.parametrize(
    ("statement", "services"),
    [
        (allow(), {"bedrock"}),
        (allow("BEDROCK:invokemodel"), {"bedrock"}),
        (allow(["s3:GetObject", "bedrock-mantle:CreateInference"]), {"bedrock-mantle"}),
        (allow("bedrock:*"), {"bedrock"}),
        (allow("*"), ALL),
        (allow("*:*"), ALL),
        (allow("bedrock*:*"), ALL),
        (allow("s3:*"), set()),
        (allow("bedrocks:InvokeModel"), set()),
        (allow("bedrock:"), set()),
        ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, ALL),
        ({"Effect": "Allow", "NotAction": ["iam:*", "bedrock:*"], "Resource": "*"}, ALL - {"bedrock"}),
        ({"Effect": "Allow", "NotAction": ["bedrock:InvokeModel"], "Resource": "*"}, ALL),
        ({"Effect": "Allow", "NotAction": "*", "Resource": "*"}, set()),
        ({"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::b"}, ALL),
        ({"Effect": "Allow", "Action": "*", "NotResource": "*"}, set()),
        (allow("*", "arn:aws:s3:::bucket/*"), set()),
        (allow("*", "arn:aws:bedrock:*:*:*"), ALL),
        (allow("*", "arn:aws:*"), ALL),
        (allow("*", "arn:*:bed*:*:*:*"), ALL),
        (allow("*", ["arn:aws:s3:::b", "arn:aws:bedrock:eu-west-1::foundation-model/x"]), ALL),
        (allow("*", "arn:aws:${aws:PrincipalTag/service}:*:*:*"), ALL),
        (allow("*", "${aws:PrincipalTag/arn}"), ALL),
        (allow(Condition={"StringEquals": {"aws:SourceVpce": "vpce-1"}}), {"bedrock"}),
        (deny("*"), set()),
    ],
)
def test_what_a_statement_gives(code, statement, services):
    assert grant(code, document(statement)).services == services


def test_a_quoted_document_is_read(code):
    assert grant(code, document(allow(), quoted=True)).services == {"bedrock"}


@pytest.mark.parametrize("broken", ["{", "%7B", document({"Effect": "Allow"}), {"Statement": [5]}, None, [], "null"])
def test_what_cannot_be_read_is_listed_and_not_left_out(code, broken):
    found = grant(code, broken)
    assert found.holds
    assert found.unreadable == ["p0"]
    assert not found.is_denied


@pytest.mark.parametrize(
    ("denial", "denied"),
    [
        (deny("*"), True),
        (deny("bedrock:*"), True),
        (deny("bedrock:InvokeModel"), False),
        (deny("bedrock:*", "arn:aws:bedrock:*:*:guardrail/*"), False),
        (deny("bedrock:*", Condition={"Bool": {"aws:SecureTransport": "false"}}), False),
        ({"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"}, True),
        ({"Effect": "Deny", "NotAction": ["s3:*", "bedrock:InvokeModel"], "Resource": "*"}, False),
    ],
)
def test_only_a_denial_of_everything_counts_as_denied(code, denial, denied):
    assert grant(code, document(allow()), document(denial)).is_denied is denied


def test_a_ceiling_is_told_by_name_and_denial(code):
    ceiling = document({"Effect": "Deny", "NotAction": "bedrock:InvokeModel", "Resource": "arn:aws:bedrock:*:*:*"})
    is_ceiling = code.access_grants.is_ceiling
    assert is_ceiling("secure-bedrock-ceiling", ceiling)
    assert not is_ceiling("other", ceiling)
    assert not is_ceiling("secure-bedrock-ceiling", document(allow("*")))
    assert not is_ceiling("secure-bedrock-ceiling", "{")


# --- what is asked of IAM


class NoSuchEntityError(ClientError):
    pass


def refused(code):
    return ClientError({"Error": {"Code": code, "Message": code}}, "operation")


class Account:
    """IAM, in pages of one entity; jobs are done at the second look, and one's answer comes in two pages."""

    exceptions = types.SimpleNamespace(NoSuchEntityException=NoSuchEntityError)

    def __init__(  # noqa: PLR0913 - what an account holds
        self, *, users=(), groups=(), roles=(), policies=(), uses=None, awss=None, keys=None, fails=None
    ):
        self.pages = [{"UserDetailList": [u]} for u in users] + [{"GroupDetailList": [g]} for g in groups]
        self.pages += [{"RoleDetailList": [r]} for r in roles] + [{"Policies": [p]} for p in policies]
        self.uses, self.awss, self.keys, self.fails = uses or {}, awss or {}, keys or {}, fails or {}
        self.looked, self.granularity = {}, set()

    def get_paginator(self, operation):

        def answer(**given):
            if operation == "get_account_authorization_details":
                return self.pages
            return [{"AccessKeyMetadata": [key]} for key in self.keys.get(given["UserName"], [])]

        return types.SimpleNamespace(paginate=answer)

    def get_policy(self, PolicyArn):  # noqa: N803
        if PolicyArn not in self.awss:
            raise NoSuchEntityError({"Error": {"Code": "NoSuchEntity", "Message": ""}}, "GetPolicy")
        return {"Policy": {"DefaultVersionId": "v7"}}

    def get_policy_version(self, PolicyArn, VersionId):  # noqa: N803
        assert VersionId == "v7"
        return {"PolicyVersion": {"Document": self.awss[PolicyArn]}}

    def generate_service_last_accessed_details(self, Arn, Granularity):  # noqa: N803
        self.granularity.add(Granularity)
        if Arn in self.fails:
            raise self.fails[Arn]
        return {"JobId": Arn}

    def get_service_last_accessed_details(self, JobId, Marker=None):  # noqa: N803
        self.looked[JobId] = self.looked.get(JobId, 0) + 1
        if self.looked[JobId] == 1:
            return {"JobStatus": "IN_PROGRESS"}
        if Marker is None:
            other = {"ServiceNamespace": "s3", "LastAuthenticated": NOW}
            return {"JobStatus": "COMPLETED", "ServicesLastAccessed": [other], "IsTruncated": True, "Marker": "m"}
        service = {"ServiceNamespace": "bedrock", **self.uses.get(JobId, {})}
        return {"JobStatus": "COMPLETED", "ServicesLastAccessed": [service], "IsTruncated": False}

    def get_access_key_last_used(self, AccessKeyId):  # noqa: N803
        return {"AccessKeyLastUsed": {"LastUsedDate": NOW, "ServiceName": "bedrock"} if "USED" in AccessKeyId else {}}

    def list_service_specific_credentials(self, UserName, ServiceName):  # noqa: N803
        assert ServiceName == "bedrock.amazonaws.com"
        found = {"ServiceSpecificCredentialId": "ACCA1", "Status": "Active"}
        return {"ServiceSpecificCredentials": [found] if UserName == "keyed" else []}


def role(name, *inline, attached=(), boundary=None, path="/", tags=None):
    return {
        "Arn": f"arn:aws:iam::{ACCOUNT}:role{path}{name}", "RoleName": name, "Path": path,
        "RolePolicyList": [{"PolicyName": f"i{n}", "PolicyDocument": d} for n, d in enumerate(inline)],
        "AttachedManagedPolicies": [{"PolicyName": a.rsplit("/")[-1], "PolicyArn": a} for a in attached],
        "Tags": [{"Key": k, "Value": v} for k, v in (tags or {}).items()],
        **({"PermissionsBoundary": {"PermissionsBoundaryArn": boundary}} if boundary else {}),
    }  # fmt: skip


def user(name, *inline, groups=(), attached=()):
    made = role(name, attached=attached)
    return {**made, "Arn": f"arn:aws:iam::{ACCOUNT}:user/{name}", "UserName": name, "GroupList": list(groups),
            "UserPolicyList": [{"PolicyName": f"i{n}", "PolicyDocument": d} for n, d in enumerate(inline)]}  # fmt: skip


def local(name, body):
    versions = [{"VersionId": "v1", "Document": document(allow("s3:*"))}, {"VersionId": "v2", "Document": body}]
    return {"Arn": f"arn:aws:iam::{ACCOUNT}:policy/{name}", "DefaultVersionId": "v2", "PolicyVersionList": versions}


class Run:
    def __init__(self, code, monkeypatch, account, *, seconds=900):
        self.put, self.told = {}, {}
        clients = {
            "iam": account,
            "s3": types.SimpleNamespace(put_object=lambda **given: self.put.update(given)),
            "sns": types.SimpleNamespace(publish=lambda **given: self.told.update(given)),
        }
        monkeypatch.setattr(code.index.boto3, "client", lambda name, **_: clients[name])
        monkeypatch.setattr(code.index.time, "sleep", lambda _: None)
        settings = {"BUCKET": "reports", "PREFIX": "access", "TOPIC": "topic", "UNUSED_DAYS": "90"}
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        context = types.SimpleNamespace(get_remaining_time_in_millis=lambda: seconds * 1000)
        self.answer = code.index.handler({"time": NOW.isoformat()}, context)
        self.rows = {row["principal"].rpartition(":")[2]: row
                     for row in csv.DictReader(io.StringIO(self.put["Body"].decode()))}  # fmt: skip


@pytest.fixture
def run(code, monkeypatch):
    return lambda account, **given: Run(code, monkeypatch, account, **given)


def test_permissions_are_found_wherever_they_are_attached(run):
    awss = "arn:aws:iam::aws:policy/AmazonBedrockFullAccess"
    account = Account(
        users=[user("direct", document(allow())), user("grouped", groups=["ai"]),
               user("none", document(allow("s3:*")))],
        groups=[{"GroupName": "ai", "GroupPolicyList": [{"PolicyName": "g", "PolicyDocument": document(allow())}],
                 "AttachedManagedPolicies": []}],
        roles=[role("local", attached=[f"arn:aws:iam::{ACCOUNT}:policy/mine"]), role("aws", attached=[awss]),
               role("gone", attached=["arn:aws:iam::aws:policy/Gone"]),
               role("admin", document(EVERYTHING, quoted=True))],
        policies=[local("mine", document(allow("bedrock:*")))],
        awss={awss: document(allow("bedrock:*"))},
    )  # fmt: skip
    made = run(account)
    assert set(made.rows) == {"user/direct", "user/grouped", "role/local", "role/aws", "role/gone", "role/admin"}
    assert made.rows["user/grouped"]["policies"] == "group ai: inline g"
    assert made.rows["role/gone"]["note"] == "policy not readable: arn:aws:iam::aws:policy/Gone"
    assert set(made.rows["role/admin"]["services"].split()) == ALL
    assert account.granularity == {"ACTION_LEVEL"}
    assert made.answer == {
        "key": "access/2026/11/23/bedrock-access-20261123T060000Z.csv",
        "principals": 6,
        "incomplete": 0,
    }


def test_the_last_use_is_the_latest_of_bedrocks_services(run):
    used = {"LastAuthenticated": NOW - timedelta(days=100), "LastAuthenticatedRegion": "eu-west-1",
            "TrackedActionsLastAccessed": [
                {"ActionName": "ListGuardrails", "LastAccessedTime": NOW}, {"ActionName": "x"}]}  # fmt: skip
    arn = f"arn:aws:iam::{ACCOUNT}:role/app"
    made = run(Account(roles=[role("app", document(allow())), role("idle", document(allow()))], uses={arn: used}))
    app = made.rows["role/app"]
    assert (app["region"], app["days_since"], app["last_action"]) == (
        "eu-west-1", "100", "bedrock:ListGuardrails 2026-11-23",
    )  # fmt: skip
    assert made.rows["role/idle"]["last_used"] == "never"
    assert "2  have not used them for 90 days, or never" in made.told["Message"]


def test_a_boundary_is_listed_with_what_it_lets_through(run):
    policies = [local("open", document(allow("*"))), local("shut", document(allow("s3:*")))]
    roles = [role(name, document(allow()), boundary=f"arn:aws:iam::{ACCOUNT}:policy/{name}")
             for name in ("open", "shut", "lost")]  # fmt: skip
    made = run(Account(roles=roles, policies=policies))
    assert {name: row["boundary_allows"] for name, row in made.rows.items()} == {
        "role/open": "yes", "role/shut": "no", "role/lost": "unknown",
    }  # fmt: skip
    assert "2  of them outside a scoped role" in made.told["Message"]


def test_a_users_keys_are_listed(run):
    keys = {
        "keyed": [{"AccessKeyId": "AKIAUSED", "Status": "Active"}, {"AccessKeyId": "AKIAIDLE", "Status": "Inactive"}]
    }
    made = run(Account(users=[user("keyed", document(allow())), user("plain", document(allow()))], keys=keys))
    assert made.rows["user/keyed"]["access_keys"] == (
        "AKIAUSED Active last used 2026-11-23 bedrock; AKIAIDLE Inactive last used never"
    )
    assert made.rows["user/keyed"]["api_keys"] == "ACCA1 Active without an end"
    assert made.rows["user/plain"]["access_keys"] == made.rows["user/plain"]["api_keys"] == ""


def test_a_throttled_or_removed_principal_leaves_a_gap_that_is_said(run):
    arn = f"arn:aws:iam::{ACCOUNT}:role/"
    fails = {
        f"{arn}busy": refused("Throttling"),
        f"{arn}gone": NoSuchEntityError({"Error": {"Code": "NoSuchEntity"}}, "x"),
    }
    made = run(Account(roles=[role(n, document(allow())) for n in ("busy", "gone", "app")], fails=fails))
    assert made.rows["role/busy"]["note"] == "not read: Throttling"
    assert made.rows["role/gone"]["note"] == "removed while the report was written"
    assert made.told["Subject"].startswith("INCOMPLETE Bedrock access: 3 principals")


def test_what_is_denied_to_the_report_fails_the_run(run):
    fails = {f"arn:aws:iam::{ACCOUNT}:role/app": refused("AccessDenied")}
    with pytest.raises(ClientError, match="AccessDenied"):
        run(Account(roles=[role("app", document(allow()))], fails=fails))


def test_a_report_of_nothing_but_gaps_fails_the_run(run):
    fails = {f"arn:aws:iam::{ACCOUNT}:role/app": refused("Throttling")}
    with pytest.raises(RuntimeError, match="no last use could be read of 1 principals"):
        run(Account(roles=[role("app", document(allow()))], fails=fails))


def test_a_run_without_time_fails(run):
    with pytest.raises(TimeoutError, match="in the function's time"):
        run(Account(roles=[role("app", document(allow()))]), seconds=10)


@pytest.mark.parametrize("text", ["=cmd()", "+1", "-1", "@x", "\t=1", "\r=1", "  =1", "\uff1d1"])
def test_no_cell_is_a_formula(run, text):
    made = run(Account(roles=[role("app", document(allow()), tags={"project": text, "team": 'a","b\n=1'})]))
    row = made.rows["role/app"]
    assert row["project"] == f"'{text}"
    assert row["team"] == 'a","b\n=1'
    assert len(made.rows) == 1


def test_the_worst_come_first(code, run):
    ceiling = {"PolicyName": "secure-bedrock-ceiling", "PolicyDocument": document(
        {"Effect": "Deny", "NotAction": "bedrock:InvokeModel", "Resource": "arn:aws:bedrock:*:*:*"})}  # fmt: skip
    scoped = role("scoped", document(allow()))
    scoped["RolePolicyList"].append(ceiling)
    made = run(Account(users=[user("u", document(allow()))], roles=[
        scoped, role("narrow", document(allow())), role("wide", document(allow("bedrock:*"))),
        role("linked", document(allow()), path="/aws-service-role/bedrock.amazonaws.com/")]))  # fmt: skip
    order = list(made.rows)
    assert order[:2] == ["user/u", "role/wide"]
    assert order[-1] == "role/scoped"
    assert made.rows["role/scoped"]["scoped_role"] == "yes"
    assert made.rows["role/aws-service-role/bedrock.amazonaws.com/linked"]["type"] == "service-linked role"
    assert f"s3://reports/{made.answer['key']}" in made.told["Message"]
    assert "root user is in no list" in made.told["Message"]
    assert len(made.told["Subject"]) <= 100
    assert tuple(next(iter(made.rows.values()))) == code.access_table.COLUMNS


def test_an_account_where_nobody_holds_anything_is_reported_too(run):
    made = run(Account(roles=[role("other", document(allow("s3:*")))]))
    assert made.rows == {}
    assert made.told["Subject"] == "Bedrock access: 0 principals, 0 unscoped, 0 unused"
