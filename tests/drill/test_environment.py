"""The drill never leaves this machine."""

from __future__ import annotations

import pytest

from drill.cloud import Cloud
from drill.environment import ACCOUNT, free_ports, pinned, require_loopback


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
