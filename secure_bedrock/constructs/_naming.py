"""Literal, stable role names: an endpoint of another stack names the role by text, never by reference."""

from __future__ import annotations

import re

import aws_cdk as cdk
from constructs import IConstruct

from secure_bedrock.constructs._tokens import environment_of, known
from secure_bedrock.errors import invalid
from secure_bedrock.policy.limits import ROLE_NAME, limit
from secure_bedrock.policy.reserved import NAME_PREFIX

_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_PATH = re.compile(r"/|/[!-~]{1,510}/")


def generated_role_name(construct: IConstruct, prefix: str = NAME_PREFIX) -> str:
    """Return a name from the construct's path, with the Region where it is known.

    IAM names are account-wide: two apps, or one app in two Regions, must not collide.
    """
    region = known(environment_of(construct).region)
    suffix = f"-{region}" if region else ""
    width = limit(ROLE_NAME) - len(prefix) - len(suffix)
    unique = cdk.Names.unique_resource_name(construct, max_length=width, separator="-", allowed_special_characters="-")
    return f"{prefix}{unique}{suffix}"


def require_role_name(name: str) -> str:
    """Refuse a role name that is no literal or that IAM does not take."""
    if not isinstance(name, str) or known(name) is None or not _NAME.fullmatch(name):
        raise invalid("role_name", name, allowed="a literal of 1 to 64 characters out of letters, digits and _+=,.@-")
    return name


def require_path(path: str) -> str:
    """Refuse a path that is no literal or that IAM does not take."""
    if not isinstance(path, str) or known(path) is None or not _PATH.fullmatch(path) or "//" in path:
        raise invalid("path", path, allowed="a literal that begins and ends with a slash, such as /secure-bedrock/")
    return path
