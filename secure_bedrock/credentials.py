"""Write the AWS configuration of a workload outside AWS: `python -m secure_bedrock.credentials`.

What is written names a certificate, a key or a token by its path and holds none of them. The SDKs fetch temporary
credentials by themselves, and again before these expire.
AWS SDKs and Tools Reference Guide, "Process credential provider", "IAM Roles Anywhere" and "Assume role credential
provider"; IAM Roles Anywhere User Guide, "Get temporary security credentials from IAM Roles Anywhere".
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from secure_bedrock._profiles import keys_of_profile, put_profile
from secure_bedrock.errors import InvalidInput, invalid

_ROLE = re.compile(r"arn:[a-z-]+:iam::\d{12}:role/[\w+=,.@/-]+", re.ASCII)
_ANCHOR = re.compile(r"arn:[a-z-]+:rolesanywhere:[a-z0-9-]+:\d{12}:trust-anchor/[0-9a-f-]+")
_PROFILE_ARN = re.compile(r"arn:[a-z-]+:rolesanywhere:[a-z0-9-]+:\d{12}:profile/[0-9a-f-]+")
_NAME = re.compile(r"[\w.@-]+", re.ASCII)
_SESSION = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d")
#: What a shell, or an SDK that looks for comments, would read as more than a character of a path.
_READ_OTHERWISE = re.compile(r"[\x00-\x1f\x7f\"'`$#!]|\s;")
_SHORTEST, _LONGEST = 900, 43_200


def roles_anywhere(  # noqa: PLR0913 - one argument an option
    *,
    role_arn: str,
    trust_anchor_arn: str,
    profile_arn: str,
    certificate: str,
    private_key: str,
    region: str,
    intermediates: str | None = None,
    session_duration: int | None = None,
    helper: str = "aws_signing_helper",
) -> dict[str, str]:
    """Return the settings of a profile that signs in with a certificate, by AWS's signing helper.

    Args:
        role_arn: the role.
        trust_anchor_arn: the trust anchor, in the Region.
        profile_arn: the profile of Roles Anywhere.
        certificate: path to the certificate.
        private_key: path to its key, or a `pkcs11:` URI.
        region: the Region that is signed in to and called.
        intermediates: path to the certificates between it and the trust anchor. Default: none are sent.
        session_duration: seconds, 900 to 43200. Default: what the profile of Roles Anywhere says.
        helper: the helper's name or path.

    Raises:
        InvalidInput: for what is no such ARN or path, or a key where a path belongs; the key is not shown.
    """
    _matches("region", region, _REGION, "an AWS Region")
    anchor = _matches("trust_anchor_arn", trust_anchor_arn, _ANCHOR, "the ARN of a trust anchor")
    profile = _matches("profile_arn", profile_arn, _PROFILE_ARN, "the ARN of a profile of Roles Anywhere")
    role = _matches("role_arn", role_arn, _ROLE, "the ARN of a role")
    if {arn.split(":")[3] for arn in (anchor, profile)} != {region}:
        raise invalid("region", region, allowed="the Region of the trust anchor and the profile")
    if len({arn.split(":")[4] for arn in (anchor, profile, role)}) != 1:
        raise invalid("role_arn", role, allowed="a role of the trust anchor's account")
    if session_duration is not None and not _SHORTEST <= session_duration <= _LONGEST:
        raise invalid("session_duration", session_duration, allowed=f"{_SHORTEST} to {_LONGEST} seconds")
    options = {
        "--certificate": _path("certificate", certificate),
        "--intermediates": None if intermediates is None else _path("intermediates", intermediates),
        "--private-key": _path("private_key", private_key),
        "--trust-anchor-arn": anchor,
        "--profile-arn": profile,
        "--role-arn": role,
        "--region": region,
        "--session-duration": None if session_duration is None else str(session_duration),
    }
    words = [_program(helper), "credential-process"]
    words += [part for name, value in options.items() if value is not None for part in (name, value)]
    return {"credential_process": " ".join(map(_quoted, words)), "region": region}


def web_identity(*, role_arn: str, token_file: str, region: str, session_name: str = "workload") -> dict[str, str]:
    """Return the settings of a profile that signs in with an OIDC token, which the SDKs read themselves.

    Args:
        role_arn: the role.
        token_file: path to the token, which its issuer keeps fresh.
        region: the Region that is signed in to and called.
        session_name: how the session is called in CloudTrail.

    Raises:
        InvalidInput: for what is no such ARN, path or name, or a token where a path belongs; it is not shown.
    """
    return {
        "role_arn": _matches("role_arn", role_arn, _ROLE, "the ARN of a role"),
        "web_identity_token_file": _path("token_file", token_file),
        "role_session_name": _matches("session_name", session_name, _SESSION, "2 to 64 letters, digits and +=,.@-_"),
        "region": _matches("region", region, _REGION, "an AWS Region"),
        "sts_regional_endpoints": "regional",
    }


def configure(
    settings: Mapping[str, str], *, profile: str, config: Path, credentials: Path, replace: bool = False
) -> bool:
    """Write a profile into an AWS configuration file and keep everything else in it as it is.

    The file is replaced whole, in one step, with the mode it had, or readable by its owner alone.

    Args:
        settings: what the profile holds.
        profile: its name.
        config: the configuration file; made where there is none.
        credentials: the shared credentials file, which must hold no keys under that name: they would be used instead.
        replace: whether a profile of that name that holds something else is replaced.

    Returns:
        Whether the file was changed.

    Raises:
        InvalidInput: for a malformed name or file, a profile that differs, or access keys under its name.
    """
    _matches("profile", profile, _NAME, "letters, digits and ._@-")
    if "aws_access_key_id" in keys_of_profile(credentials, profile, bare=True):
        raise InvalidInput(
            f"profile: got {profile!r}, which has access keys in {credentials}; allowed is a profile without: the SDKs "
            "would use them and never sign in; delete them there, and in IAM"
        )
    return put_profile(config, profile, settings, replace=replace)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 1 where a profile is in the way, 2 for wrong input."""
    parsed = _parser().parse_args(arguments)
    given = {name: value for name, value in vars(parsed).items() if name not in _OF_THE_COMMAND and value is not None}
    try:
        settings = parsed.settings(**given)
        if parsed.dry_run:
            print("\n".join(f"{name} = {value}" for name, value in settings.items()))
            return 0
        config = _file("AWS_CONFIG_FILE", parsed.config, "config")
        credentials = _file("AWS_SHARED_CREDENTIALS_FILE", None, "credentials")
        changed = configure(
            settings, profile=parsed.profile, config=config, credentials=credentials, replace=parsed.replace
        )
    except InvalidInput as error:
        print(error, file=sys.stderr)
        return 1 if str(error).startswith("profile:") else 2
    except OSError as error:
        print(f"config: {error}", file=sys.stderr)
        return 2
    _warn_of_open_key(getattr(parsed, "private_key", None))
    print(f"{'wrote' if changed else 'unchanged:'} profile {parsed.profile} in {config}")
    return 0


_OF_THE_COMMAND = {"settings", "command", "profile", "config", "replace", "dry_run"}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m secure_bedrock.credentials", description="Write a workload's AWS configuration."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    certificate = commands.add_parser("roles-anywhere", help="sign in with a certificate")
    for name in ("role-arn", "trust-anchor-arn", "profile-arn", "certificate", "private-key", "region"):
        certificate.add_argument(f"--{name}", required=True)
    certificate.add_argument("--intermediates")
    certificate.add_argument("--session-duration", type=int)
    certificate.add_argument("--helper")
    certificate.set_defaults(settings=roles_anywhere)
    token = commands.add_parser("web-identity", help="sign in with an OIDC token")
    for name in ("role-arn", "token-file", "region"):
        token.add_argument(f"--{name}", required=True)
    token.add_argument("--session-name")
    token.set_defaults(settings=web_identity)
    for command in (certificate, token):
        command.add_argument("--profile", default="bedrock", help="name of the profile; default: bedrock")
        command.add_argument("--config", help="file to write; default: AWS_CONFIG_FILE, or ~/.aws/config")
        command.add_argument("--replace", action="store_true", help="replace a profile that holds something else")
        command.add_argument("--dry-run", action="store_true", help="print the settings and write nothing")
    return parser


def _file(variable: str, given: str | None, name: str) -> Path:
    return Path(given or os.environ.get(variable) or Path("~/.aws") / name).expanduser()


def _matches(name: str, value: str, pattern: re.Pattern[str], allowed: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise invalid(name, value, allowed=allowed)
    return value


def _path(name: str, value: str) -> str:
    """A path that holds from any working directory; never what is in the file."""
    if "PRIVATE KEY" in value or "BEGIN " in value or value.startswith("eyJ"):
        raise InvalidInput(f"{name}: got a secret; allowed is the path of its file; make a new one: this one was seen")
    if value.startswith("pkcs11:"):
        return _plain(name, value)
    return _plain(name, str(Path(value).expanduser().absolute()))


def _program(value: str) -> str:
    return _path("helper", value) if os.sep in value else _plain("helper", value)


def _plain(name: str, value: str) -> str:
    if not value or _READ_OTHERWISE.search(value) or (os.sep != "\\" and "\\" in value):
        raise invalid(name, value, allowed="a path without quotes, control characters and $`#!\\")
    return value


def _quoted(word: str) -> str:
    return f'"{word}"' if re.search(r"[^\w@%+=:,./\\-]", word, re.ASCII) else word


def _warn_of_open_key(private_key: str | None) -> None:
    path = Path(private_key).expanduser() if private_key else None
    if path and path.is_file() and path.stat().st_mode & 0o077:
        print(f"private_key: {path} can be read by others; allow its owner alone: chmod 600", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
