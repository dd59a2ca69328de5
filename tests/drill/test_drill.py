"""The drill itself: two at once, facts that can fail, and a CLI that never starts for a real AWS."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from drill import cdk
from drill.cloud import Cloud
from drill.environment import pinned, require_pinned
from drill.facts import Fact, read, so

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(shutil.which("cdk") is None, reason="the CDK CLI is not on the PATH; run this by `make test`")
def test_two_run_at_once_and_read_everything_back():
    command = [sys.executable, "-m", "drill.drill", "--until", "deployed"]
    environment = os.environ | {"AWS_PROFILE": "production", "AWS_ENDPOINT_URL": "https://sts.amazonaws.com"}
    running = [subprocess.Popen(command, cwd=ROOT, env=environment, stdout=-1, stderr=-2, text=True) for _ in range(2)]
    said = [process.communicate(timeout=540)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0], "\n".join(said)
    assert len({re.search(r"port (\d+)", text)[1] for text in said}) == 2
    for text in said:
        facts, wrong = re.search(r"^(\d+) facts, (\d+) otherwise", text, re.MULTILINE).groups()
        assert int(facts) >= 80
        assert wrong == "0"


def test_a_fact_holds_by_its_value_and_one_that_cannot_be_read_does_not():
    def refused():
        raise ClientError({"Error": {"Code": "NoSuchBucket", "Message": "gone"}}, "GetBucketPolicy")

    facts = [Fact("two", 2, lambda: 2), Fact("three", 3, lambda: 2), so("read", refused), so("there", lambda: {}["x"])]
    assert [each.holds for each in read(facts)] == [True, False, False, False]
    assert "NoSuchBucket" in read(facts)[2].found


REAL = {
    "an endpoint": {"AWS_ENDPOINT_URL": "https://cloudformation.eu-west-1.amazonaws.com"},
    "no endpoint": {"AWS_ENDPOINT_URL": ""},
    "one service's endpoint": {"AWS_ENDPOINT_URL_CLOUDFORMATION": "https://cloudformation.eu-west-1.amazonaws.com"},
    "a profile": {"AWS_PROFILE": "production"},
    "a key": {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE"},
    "a session": {"AWS_SESSION_TOKEN": "token"},
    "a configuration": {"AWS_CONFIG_FILE": "~/.aws/config"},
    "credentials": {"AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials"},
    "a container's role": {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.2/role"},
    "the machine's role": {"AWS_EC2_METADATA_DISABLED": "false"},
}


@pytest.mark.parametrize("settings", REAL.values(), ids=REAL)
def test_the_cli_is_never_started_with_settings_of_a_real_aws(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(Cloud, "environment", property(lambda self: pinned(self.port) | settings))
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("the CLI was started"))
    with pytest.raises(RuntimeError, match=f"loopback|{next(iter(settings))}"):
        cdk.bootstrap(Cloud(port=4566, endpoint_ports=()), tmp_path)


def test_the_drills_own_settings_are_accepted():
    require_pinned(pinned(4566))
