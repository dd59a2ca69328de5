"""DNS for functions: inside a VPC the name of Bedrock's runtime leads to the VPC's endpoint, and endpoints have names.

ministack runs a function as a process of this machine, which resolves names as the machine does.
The SDK's own variable for a service's address stands for the answer that private DNS would give.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

from ministack.core import lambda_runtime
from ministack.services import ec2

from drill.emulator.policies import ENDPOINTS
from drill.environment import HOST

_VARIABLE = "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"


def install() -> None:
    """Let every process of a function start with what private DNS answers."""
    lambda_runtime.Worker._spawn = _resolving(lambda_runtime.Worker._spawn)


def forget() -> None:
    """End the functions' processes, which hold older answers; the next invocation starts new ones."""
    lambda_runtime.reset()


def _resolving(inner: Any) -> Any:
    def spawn(worker: Any) -> None:
        port = _port_for((worker.config.get("VpcConfig") or {}).get("VpcId"))
        private = {_VARIABLE: f"http://{HOST}:{port}"} if port is not None else {}
        variables = (worker.config.get("Environment") or {}).get("Variables") or {}
        resolved = {name: _by_own_name(str(value)) for name, value in variables.items()}
        worker.config = {**worker.config, "Environment": {"Variables": private | resolved}}
        inner(worker)

    return spawn


def _by_own_name(value: str) -> str:
    """An endpoint's own address as the port that stands for it, or as the public one; anything else as it is."""
    host = urlsplit(value).hostname if value.startswith("https://vpce-") else None
    endpoint_id = "-".join((host or "").split("-")[:2])
    if endpoint_id not in ec2._vpc_endpoints:
        return value
    port = next((port for port, bound in ENDPOINTS.items() if bound == endpoint_id), os.environ["GATEWAY_PORT"])
    return f"http://{HOST}:{port}"


def _port_for(vpc_id: str | None) -> int | None:
    """The port that stands for a VPC's endpoint of the runtime, where the endpoint has private DNS."""
    for port, endpoint_id in ENDPOINTS.items():
        endpoint = ec2._vpc_endpoints.get(endpoint_id) or {}
        has_name = str(endpoint.get("PrivateDnsEnabled", False)).lower() == "true"
        is_runtime = endpoint.get("ServiceName", "").endswith(".bedrock-runtime")
        if vpc_id and endpoint.get("VpcId") == vpc_id and has_name and is_runtime:
            return port
    return None
