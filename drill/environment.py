"""The pinned environment of the drill: one account, one Region, loopback, nothing of the machine's own AWS set-up."""

from __future__ import annotations

import os
import signal
import socket
import sys
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

ACCOUNT = "111122223333"
REGION = "eu-west-1"
HOST = "127.0.0.1"


def pinned(port: int) -> dict[str, str]:
    """Return the environment for everything that speaks to the emulator on a port."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {
        "AWS_ENDPOINT_URL": require_loopback(f"http://{HOST}:{port}"),
        "AWS_ACCESS_KEY_ID": ACCOUNT,  # the emulator takes a key of twelve digits for that account's root
        "AWS_SECRET_ACCESS_KEY": "emulated",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": f"{HOST},localhost",
        "no_proxy": f"{HOST},localhost",
        "CI": "1",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
    }


def require_pinned(environment: Mapping[str, str]) -> None:
    """Refuse an environment that could lead anybody to a real AWS: its endpoint, credentials and configuration.

    Raises:
        RuntimeError: naming the variable.
    """
    url = require_loopback(environment.get("AWS_ENDPOINT_URL", ""))
    expected = pinned(urlsplit(url).port or 0)
    ours = {name for name in {*environment, *expected} if name.startswith("AWS_")}
    wrong = sorted(name for name in ours if environment.get(name) != expected.get(name))
    if wrong:
        raise RuntimeError(f"the drill runs with its own AWS settings only, not with {', '.join(wrong)}")


def end_on_signals() -> None:
    """Leave as after Ctrl-C, so that the emulator stops; a hang-up that nohup ignores stays ignored."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(ending) is not signal.SIG_IGN:
            signal.signal(ending, lambda number, _: sys.exit(128 + number))


def require_loopback(url: str) -> str:
    """Return the address, or refuse to speak to anything but this machine.

    Raises:
        RuntimeError: naming the address.
    """
    host = urlsplit(url).hostname or ""
    try:
        is_loopback = ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise RuntimeError(f"the drill speaks to loopback addresses only, not to {url}")
    return url


def free_ports(count: int) -> list[int]:
    """Return ports nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind((HOST, 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
