"""boto3 clients that speak to a `BedrockGateway` as if it were Bedrock's runtime."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from secure_bedrock.errors import invalid

if TYPE_CHECKING:
    import boto3
    from botocore.config import Config

_SERVICE = "bedrock-runtime"
#: What API Gateway is signed for, whatever the operation behind it.
_SIGNING_NAME = "execute-api"
_ERROR_TYPE = "x-amzn-errortype"
_HOST = re.compile(r"[a-z0-9]+(?:-vpce-[0-9a-z]+)?\.execute-api\.([a-z0-9-]+)\.[a-z.]+")


def gateway_client(
    url: str, *, session: boto3.Session | None = None, region: str | None = None, config: Config | None = None
) -> Any:  # noqa: ANN401 - boto3's clients have no types
    """Return a `bedrock-runtime` client whose calls go to a gateway, signed for it.

    `converse` and `invoke_model` work as they do against Bedrock; streaming operations are refused by the gateway.
    A Bedrock API key in the environment is not used: the gateway asks for signed requests.

    Args:
        url: the gateway's `url`.
        session: the boto3 session whose credentials sign. Default: a new one.
        region: the gateway's Region. Default: as the URL says.
        config: further settings of the client, retries among them. Default: boto3's.

    Raises:
        InvalidInput: for a URL without TLS, or one that does not tell the Region where none is given.
        ImportError: where boto3 is not installed.
    """
    import boto3  # noqa: PLC0415 - of the extra `client`
    from botocore.config import Config  # noqa: PLC0415

    place = urlsplit(url) if isinstance(url, str) else urlsplit("")
    is_local = place.hostname in {"127.0.0.1", "localhost", "::1"}
    if not place.hostname or (place.scheme != "https" and not (place.scheme == "http" and is_local)):
        raise invalid("url", url, allowed="the gateway's URL, beginning with https://")
    named = _HOST.fullmatch(place.hostname or "")
    region = region or (named[1] if named else None)
    if region is None:
        raise invalid("region", region, allowed="the gateway's Region, where the URL is a custom domain")
    signed = Config(signature_version="v4").merge(config) if config is not None else Config(signature_version="v4")
    client = (session or boto3.Session()).client(_SERVICE, region_name=region, endpoint_url=url, config=signed)
    client.meta.events.register(f"choose-signer.{_SERVICE}", _sign_for_gateway)
    client.meta.events.register(f"before-parse.{_SERVICE}", _read_first_error_type)
    return client


def _sign_for_gateway(context: dict[str, Any], **_: object) -> str:
    context["signing"] = {**context.get("signing", {}), "signing_name": _SIGNING_NAME}
    return "v4"


def _read_first_error_type(response_dict: dict[str, Any], **_: object) -> None:
    """API Gateway adds its own error type behind the gateway's, and botocore would read both as one."""
    headers = response_dict["headers"]
    if "," in headers.get(_ERROR_TYPE, ""):
        headers[_ERROR_TYPE] = headers[_ERROR_TYPE].partition(",")[0].strip()
