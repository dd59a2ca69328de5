"""The drill never leaves this machine."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from drill.calls import attempt, bare
from drill.cloud import Cloud, emulated
from drill.environment import ACCOUNT, HOST, free_ports, pinned, require_loopback


@pytest.mark.parametrize("url", ["http://127.0.0.1:4566", "http://[::1]:4566", "http://127.8.8.8"])
def test_loopback_is_accepted(url):
    assert require_loopback(url) == url


@pytest.mark.parametrize(
    "url", ["https://bedrock.eu-west-1.amazonaws.com", "http://10.0.0.1:4566", "http://127.0.0.1.example.com", ""]
)
def test_anything_else_is_refused(url):
    with pytest.raises(RuntimeError, match="loopback"):
        require_loopback(url)


def test_the_environment_holds_nothing_of_the_machines_own(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real")
    environment = pinned(4566)
    assert "AWS_PROFILE" not in environment
    assert "AWS_SESSION_TOKEN" not in environment
    assert environment["AWS_ACCESS_KEY_ID"] == ACCOUNT
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"


def test_a_client_is_bound_to_loopback():
    client = Cloud(port=4566, endpoint_ports=()).client("bedrock-runtime", port=4570)
    assert client.meta.endpoint_url == "http://127.0.0.1:4570"


def test_free_ports_are_different():
    assert len(set(free_ports(5))) == 5


HOSTILE = {
    "AWS_PROFILE": "production",
    "AWS_BEARER_TOKEN_BEDROCK": "bedrock-api-key-real",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
}


def test_the_machines_own_profile_token_and_proxy_do_not_reach_the_drill(monkeypatch, tmp_path):
    for name, value in HOSTILE.items():
        monkeypatch.setenv(name, value)
    with emulated(tmp_path / "log", endpoints=0) as cloud:
        assert cloud.client("sts").get_caller_identity()["Account"] == ACCOUNT
        assert cloud.client("bedrock-runtime").meta.config.signature_version == "v4"
        assert attempt(bare(cloud.port, "amazon.nova-lite-v1:0")).decided_by == "MissingAuthenticationTokenException"
    assert HOSTILE.items() <= os.environ.items()


@pytest.mark.parametrize(
    ("module", "ending"),
    [
        ("drill.demo", signal.SIGINT),
        ("drill.demo", signal.SIGTERM),
        ("drill.demo", signal.SIGHUP),
        ("drill.drill", signal.SIGINT),
        ("drill.drill", signal.SIGTERM),
    ],
)
def test_an_interrupt_leaves_no_emulator_and_no_files(tmp_path, module, ending):
    code = (
        "import runpy, signal, sys\n"
        "module = sys.argv.pop()\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a background job inherits it ignored
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
        "runpy.run_module(module, run_name='__main__')\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, module],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert "emulated AWS" in process.stdout.readline()
        (log,) = tmp_path.glob("secure-bedrock-*/emulator.log")
        port = int(re.search(r"available on port (\d+)", log.read_text())[1])
        with socket.socket() as probe:
            assert probe.connect_ex((HOST, port)) == 0
        process.send_signal(ending)
        assert process.wait(30) != 0
    finally:
        process.kill()
        process.stdout.close()
    with socket.socket() as probe:
        assert probe.connect_ex((HOST, port)) != 0
    assert list(tmp_path.glob("secure-bedrock-*")) == []


def test_what_functions_leave_behind_goes_with_the_log(tmp_path):
    """ministack never clears the folders of its functions."""
    with emulated(tmp_path / "log", endpoints=0) as cloud:
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        role = cloud.client("iam").create_role(
            RoleName="f", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        )
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as packed:
            packed.writestr(
                "index.py", "import tempfile\ndef handler(event, context):\n    return tempfile.gettempdir()\n"
            )
        functions = cloud.client("lambda")
        functions.create_function(
            FunctionName="f",
            Runtime="python3.13",
            Handler="index.handler",
            Role=role["Role"]["Arn"],
            Code={"ZipFile": archive.getvalue()},
        )
        functions.get_waiter("function_active_v2").wait(FunctionName="f")
        answer = functions.invoke(FunctionName="f")["Payload"].read()
    assert json.loads(answer) == str(tmp_path)
