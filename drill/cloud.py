"""An emulated AWS for as long as a block runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3

from drill.environment import HOST, REGION, free_ports, pinned, require_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PATIENCE_IN_SECONDS = 60


@dataclass(frozen=True)
class Cloud:
    """A running emulator.

    Attributes:
        port: the public path to every service.
        endpoint_ports: ports that can stand for VPC endpoints.
    """

    port: int
    endpoint_ports: tuple[int, ...]

    @property
    def environment(self) -> dict[str, str]:
        """The environment for whatever speaks to it."""
        return pinned(self.port)

    def session(self, credentials: dict[str, str] | None = None, *, region: str = REGION) -> boto3.Session:
        """Return a session: of the account's root, which deploys, or with temporary credentials."""
        given = credentials or {
            "aws_access_key_id": self.environment["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": self.environment["AWS_SECRET_ACCESS_KEY"],
        }
        return boto3.Session(**given, region_name=region)

    def client(
        self,
        service: str,
        credentials: dict[str, str] | None = None,
        *,
        port: int | None = None,
        region: str = REGION,
    ) -> Any:  # noqa: ANN401 - boto3's clients have no types
        """Return a client that signs as AWS's own and speaks to a port of this machine."""
        url = require_loopback(f"http://{HOST}:{port or self.port}")
        return self.session(credentials, region=region).client(service, endpoint_url=url)

    def stand_for(self, endpoint_id: str) -> int:
        """Let a free port stand for a VPC endpoint, and return it."""
        bound = self.standing()
        port = next(port for port in self.endpoint_ports if str(port) not in bound)
        _post(self.port, "/_drill/endpoints", {"port": port, "endpoint": endpoint_id})
        return port

    def standing(self) -> dict[str, str]:
        """Return the ports that stand for endpoints, as text, and their endpoints."""
        return _post(self.port, "/_drill/endpoints", {"port": 0})

    def report(self, record: dict[str, Any], *, kind: str = "AWS API Call via CloudTrail") -> None:
        """Let a service put CloudTrail's record on the default event bus; nobody else may speak for one."""
        source = f"aws.{record['eventSource'].partition('.')[0]}"
        entry = {"Source": source, "DetailType": kind, "Detail": json.dumps(record)}
        _post(self.port, "/_drill/events", {"Entries": [entry]})

    def stand_down(self, port: int) -> None:
        """Let a port stand for nothing any more, as when its endpoint is gone."""
        _post(self.port, "/_drill/endpoints", {"port": port, "endpoint": None})


@contextmanager
def emulated(log: Path, *, endpoints: int = 3) -> Iterator[Cloud]:
    """Start an emulator on free ports, and stop it whatever happens.

    Inside the block this process has the pinned environment too: neither a profile, a token nor a proxy of the
    machine reaches boto3. What the emulator writes for its functions goes beside the log.
    """
    port, *others = free_ports(1 + endpoints)
    pins = pinned(port)
    command = [sys.executable, "-m", "drill.emulator", "--port", str(port)]
    command += [part for other in others for part in ("--endpoint-port", str(other))]
    with log.open("w") as output, patch.dict(os.environ, pins, clear=True):
        server = subprocess.Popen(command, env=pins | {"TMPDIR": str(log.parent)}, stdout=output, stderr=output)
        try:
            _wait(server, port, log)
            yield Cloud(port=port, endpoint_ports=tuple(others))
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()


def _wait(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    began = time.monotonic()
    while time.monotonic() - began < _PATIENCE_IN_SECONDS:
        if server.poll() is not None:
            break
        try:
            urllib.request.urlopen(f"http://{HOST}:{port}/_ministack/health", timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"the emulator did not start:\n{log.read_text()[-2000:]}")


def _post(port: int, path: str, body: dict[str, Any]) -> dict[str, str]:
    request = urllib.request.Request(
        f"http://{HOST}:{port}{path}", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return json.load(answer)
