"""`python -m drill.emulator --port 4566 --endpoint-port 4570`: the emulated AWS, on loopback only.

Each endpoint port stands for one interface VPC endpoint, once `POST /_drill/endpoints` has bound it.
"""

from __future__ import annotations

import argparse
import asyncio
import os

from drill.environment import ACCOUNT, HOST, REGION


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m drill.emulator")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--endpoint-port", type=int, action="append", default=[])
    arguments = parser.parse_args()
    _settings(arguments.port)
    asyncio.run(_serve(arguments.port, tuple(arguments.endpoint_port)))


def _settings(port: int) -> None:
    """Ministack reads its settings when it is imported."""
    os.environ |= {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": HOST,
        "MINISTACK_HOST": HOST,
        "AUTH": "true",
        "CLOUDTRAIL_RECORDING": "1",
        "IOT_MTLS_ENABLED": "0",
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_REGION": REGION,
    }


async def _serve(port: int, endpoint_ports: tuple[int, ...]) -> None:
    from hypercorn.asyncio import serve  # noqa: PLC0415 - after the settings
    from hypercorn.config import Config  # noqa: PLC0415
    from ministack.app import app  # noqa: PLC0415

    from drill.emulator import (  # noqa: PLC0415
        api_gateway,
        authorisation,
        last_accessed,
        outside,
        private_dns,
        providers,
        repairs,
    )

    providers.install()
    outside.install()
    repairs.install()
    authorisation.install()
    last_accessed.install()
    api_gateway.install()
    private_dns.install()
    config = Config()
    config.bind = [f"{HOST}:{number}" for number in (port, *endpoint_ports)]
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    await serve(authorisation.gateway(app, endpoint_ports), config)


if __name__ == "__main__":
    main()
