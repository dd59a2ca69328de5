"""The custom resource that sets model invocation logging."""

from __future__ import annotations

import importlib.util
import json
import random
import sys
import threading
import types
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

CODE = Path(__file__).parents[2] / "secure_bedrock" / "handlers" / "invocation_logging.py"
OURS = {"s3Config": {"bucketName": "ours"}, "textDataDeliveryEnabled": True}
OURS_LATER = {"s3Config": {"bucketName": "ours"}, "textDataDeliveryEnabled": False}
THEIRS = {"s3Config": {"bucketName": "theirs"}, "textDataDeliveryEnabled": True}


class Account:
    """Bedrock's one setting."""

    def __init__(self, setting=None, *, refusals=()):
        self.setting = setting
        self.refusals = list(refusals)

    def get_model_invocation_logging_configuration(self):
        return {} if self.setting is None else {"loggingConfig": self.setting}

    def put_model_invocation_logging_configuration(self, *, loggingConfig):  # noqa: N803 - the API's name
        if self.refusals:
            raise ValueError(self.refusals.pop(0))
        if loggingConfig.get("broken"):
            raise ValueError("ValidationException: the bucket refuses")
        self.setting = loggingConfig


@pytest.fixture
def module(monkeypatch):
    fake = types.ModuleType("boto3")
    fake.client = lambda _name, config: Account()  # noqa: ARG005 - boto3's signature
    monkeypatch.setitem(sys.modules, "boto3", fake)
    spec = importlib.util.spec_from_file_location("invocation_logging_handler", CODE)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    loaded.PAUSE = 0
    loaded.stacks = types.SimpleNamespace(status="UPDATE_IN_PROGRESS")
    loaded.stacks.describe_stacks = lambda StackName: {  # noqa: N803 - the API's name
        "Stacks": [{"StackStatus": loaded.stacks.status if StackName == "ours" else "?"}]
    }
    return loaded


@pytest.fixture
def act(module):
    def acted(kind, account, wanted=OURS, *, replace=False, old=None, known=None):  # noqa: PLR0913 - an event
        module.bedrock = account
        event = {
            "RequestType": kind,
            "StackId": "ours",
            "ResourceProperties": {"Configuration": json.dumps(wanted), "ReplaceExisting": json.dumps(replace)},
        }
        if old:
            event["OldResourceProperties"] = {"Configuration": json.dumps(old)}
        if known:
            event["PhysicalResourceId"] = known
        return module.act(event)

    return acted


def test_it_sets_what_nobody_has_set(act):
    account = Account()
    act("Create", account)
    assert account.setting == OURS


def test_it_fails_where_somebody_else_has(act):
    account = Account(THEIRS)
    with pytest.raises(RuntimeError, match=r"configured already.*theirs.*replace_existing"):
        act("Create", account)
    assert account.setting == THEIRS


def test_it_replaces_when_told_to_and_restores_on_removal(act):
    account = Account(THEIRS)
    known = act("Create", account, replace=True)
    assert account.setting == OURS
    act("Delete", account, known=known)
    assert account.setting == THEIRS


def test_it_does_not_restore_over_what_somebody_changed_since(act):
    account = Account(THEIRS)
    known = act("Create", account, replace=True)
    account.setting = {"s3Config": {"bucketName": "third"}}
    act("Delete", account, known=known)
    assert account.setting == {"s3Config": {"bucketName": "third"}}


def test_it_keeps_the_setting_on_removal(act):
    account = Account()
    known = act("Create", account)
    act("Delete", account, known=known)
    assert account.setting == OURS


def test_it_updates_its_own_and_stays_the_same_resource(act):
    account = Account(THEIRS)
    known = act("Create", account, replace=True)
    assert act("Update", account, OURS_LATER, old=OURS, known=known) == known
    assert account.setting == OURS_LATER
    act("Delete", account, OURS_LATER, known=known)
    assert account.setting == THEIRS


def test_it_does_not_update_over_what_somebody_changed_since(act):
    account = Account()
    known = act("Create", account)
    account.setting = THEIRS
    with pytest.raises(RuntimeError, match="configured already"):
        act("Update", account, OURS_LATER, old=OURS, known=known)
    assert account.setting == THEIRS


@pytest.mark.parametrize("replace", [False, True])
def test_the_rollback_of_an_update_that_met_another_setting_leaves_it_and_succeeds(act, module, replace):
    account = Account(THEIRS)
    module.stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    known = "invocation-logging:x"
    assert act("Update", account, OURS, old=OURS_LATER, known=known, replace=replace) == known
    assert account.setting == THEIRS


def test_the_rollback_of_an_update_sets_what_was_before(act, module):
    account = Account(OURS_LATER)
    module.stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    act("Update", account, OURS, old=OURS_LATER, known="invocation-logging:x")
    assert account.setting == OURS


def test_a_role_made_a_moment_ago_is_waited_for(act):
    refusal = "ValidationException: Failed to validate permissions for log group: x, with role: y."
    account = Account(refusals=[refusal, refusal])
    act("Create", account)
    assert account.setting == OURS


def test_a_role_that_stays_wrong_is_an_error_in_the_end(act, module):
    module.PATIENCE = -1
    account = Account(refusals=["Failed to validate permissions for log group"])
    with pytest.raises(ValueError, match="Failed to validate permissions"):
        act("Create", account)
    assert account.setting is None


@pytest.mark.parametrize(
    "said",
    [
        {"videoDataDeliveryEnabled": False},
        {"cloudWatchConfig": {}},
        {"s3Config": {"bucketName": "ours", "keyPrefix": ""}},
    ],
)
def test_what_the_api_adds_to_its_answer_is_no_change(act, said):
    account = Account(THEIRS)
    known = act("Create", account, replace=True)
    account.setting = OURS | said
    act("Delete", account, known=known)
    assert account.setting == THEIRS


def test_a_deployment_repeated_changes_nothing(act):
    account = Account(OURS)
    act("Create", account)
    assert account.setting == OURS


def test_removal_after_a_failed_creation_changes_nothing(act):
    account = Account(THEIRS)
    act("Delete", account, known="not-made")
    assert account.setting == THEIRS


def test_what_is_too_long_to_remember_is_refused(act):
    long = {"s3Config": {"bucketName": random.Random(1).randbytes(3000).hex()}}  # noqa: S311 - it need not be secret
    account = Account(long)
    with pytest.raises(RuntimeError, match="too long to be remembered"):
        act("Create", account, replace=True)
    assert account.setting == long


@pytest.mark.parametrize(("wanted", "status"), [(OURS, "SUCCESS"), ({"broken": True}, "FAILED")])
def test_it_answers_cloudformation_in_any_case(module, wanted, status):
    answers = []

    class Listener(BaseHTTPRequestHandler):
        def do_PUT(self):
            answers.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Listener)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    module.bedrock = Account()
    event = {
        "RequestType": "Create", "StackId": "s", "RequestId": "r", "LogicalResourceId": "l",
        "ResponseURL": f"http://127.0.0.1:{server.server_port}/",
        "ResourceProperties": {"Configuration": json.dumps(wanted), "ReplaceExisting": "false"},
    }  # fmt: skip
    module.handler(event, None)
    thread.join()
    server.server_close()
    (answer,) = answers
    assert answer["Status"] == status
    assert answer["PhysicalResourceId"]
    assert status == "SUCCESS" or "the bucket refuses" in answer["Reason"]


def test_it_fits_inline():
    assert len(CODE.read_text("utf-8")) <= 4096
