"""The client's configuration: what is written, what is kept, what is refused, and what boto3 makes of it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_bedrock._profiles import keys_of_profile, put_profile
from secure_bedrock.credentials import configure, main, roles_anywhere, web_identity
from secure_bedrock.errors import InvalidInput

ACCOUNT, REGION = "111122223333", "eu-west-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/secure-bedrock/app"
ANCHOR = f"arn:aws:rolesanywhere:{REGION}:{ACCOUNT}:trust-anchor/12345678-1234-1234-1234-123456789012"
PROFILE = f"arn:aws:rolesanywhere:{REGION}:{ACCOUNT}:profile/12345678-1234-1234-1234-123456789012"
CERTIFICATE = {
    "role_arn": ROLE, "trust_anchor_arn": ANCHOR, "profile_arn": PROFILE, "certificate": "/etc/pki/app.pem",
    "private_key": "/etc/pki/app.key", "region": REGION,
}  # fmt: skip
TOKEN = {"role_arn": ROLE, "token_file": "/var/run/token", "region": REGION}
SECRET = "-----BEGIN PRIVATE KEY-----\nMIIBszCC\n-----END PRIVATE KEY-----"  # noqa: S105 - what must not be written
BEFORE = "# mine\n[default]\nregion = us-east-1\n\n[profile other]  ; theirs\nrole_arn = arn:x\ns3 =\n  max = 5\n"


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws" / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "aws" / "credentials"))
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "aws"


def arguments(command, given, *more):
    pairs = [part for name, value in given.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    return [command, *pairs, *more]


def written(home, text):
    home.mkdir(exist_ok=True)
    (home / "config").write_text(text)
    return home / "config"


# --- what is written


def test_a_certificate_is_used_by_the_signing_helper():
    settings = roles_anywhere(**CERTIFICATE, intermediates="/etc/pki/ca.pem", session_duration=900)
    assert settings == {
        "credential_process": (
            "aws_signing_helper credential-process --certificate /etc/pki/app.pem --intermediates /etc/pki/ca.pem "
            f"--private-key /etc/pki/app.key --trust-anchor-arn {ANCHOR} --profile-arn {PROFILE} --role-arn {ROLE} "
            f"--region {REGION} --session-duration 900"
        ),
        "region": REGION,
    }


def test_a_token_is_read_by_the_sdk_itself():
    assert web_identity(**TOKEN) == {
        "role_arn": ROLE, "web_identity_token_file": "/var/run/token", "role_session_name": "workload",
        "region": REGION, "sts_regional_endpoints": "regional",
    }  # fmt: skip


def test_paths_hold_from_any_working_directory(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    process = roles_anywhere(**{**CERTIFICATE, "certificate": "app.pem", "private_key": "~/app.key"})[
        "credential_process"
    ]
    assert f"--certificate {tmp_path}/app.pem " in process
    assert f"--private-key {tmp_path}/home/app.key " in process


def test_a_key_may_stay_in_its_hardware_module():
    uri = "pkcs11:token=box;object=app?pin-source=/etc/pin"
    assert f'--private-key "{uri}" ' in roles_anywhere(**{**CERTIFICATE, "private_key": uri})["credential_process"]


@pytest.mark.usefixtures("home")
def test_boto3_runs_what_was_written_and_gets_credentials(tmp_path):
    """A helper that answers as AWS's does, in a path with a blank: the words arrive as they were meant."""
    helper = tmp_path / "a helper"
    answer = {"Version": 1, "AccessKeyId": "ASIA1", "SecretAccessKey": "s", "SessionToken": "t",
              "Expiration": "2999-01-01T00:00:00Z"}  # fmt: skip
    said = tmp_path / "said.json"
    helper.write_text(
        f"#!{sys.executable}\nimport json, sys\njson.dump(sys.argv[1:], open({str(said)!r}, 'w'))\n"
        f"print({json.dumps(answer)!r})\n"
    )
    helper.chmod(0o700)
    key = str(tmp_path / "my keys" / "app.key")
    assert main(arguments("roles-anywhere", {**CERTIFICATE, "private_key": key, "helper": helper})) == 0
    session = botocore.session.Session(profile="bedrock")
    found = session.get_credentials().get_frozen_credentials()
    assert (found.access_key, found.token) == ("ASIA1", "t")
    assert session.get_config_variable("region") == REGION
    words = json.loads(said.read_text())
    assert words[0] == "credential-process"
    assert dict(zip(words[1::2], words[2::2], strict=True))["--private-key"] == key


@pytest.mark.usefixtures("home")
def test_boto3_takes_the_web_identity(tmp_path):
    assert main(arguments("web-identity", {**TOKEN, "token_file": tmp_path / "token"}, "--profile", "ci")) == 0
    scoped = botocore.session.Session(profile="ci").get_scoped_config()
    assert scoped["role_arn"] == ROLE
    assert scoped["web_identity_token_file"] == str(tmp_path / "token")


def test_the_outputs_of_the_construct_are_arguments_of_the_command(home):
    """As the stack prints it, with the two paths filled in."""
    from aws_cdk import App, Environment, Stack  # noqa: PLC0415 - the only test here that pays for the CDK

    from secure_bedrock import ExternalWorkload, ExternalWorkloadAccess, Network  # noqa: PLC0415

    stack = Stack(App(), "Acc", env=Environment(account=ACCOUNT, region=REGION))
    ExternalWorkloadAccess(
        stack, "Access", models=["amazon.nova-lite-v1:0"], network=Network.ANYWHERE,
        workload=ExternalWorkload.roles_anywhere(trust_anchor=ANCHOR, common_name="app"),
    )  # fmt: skip
    outputs = stack.node.root.synth().get_stack_by_name("Acc").template["Outputs"]
    (value,) = [row["Value"] for name, row in outputs.items() if "ConfigureCommand" in name]
    parts = [part if isinstance(part, str) else next(iter(part.values())) for part in value["Fn::Join"][1]]
    text = "".join({"Arn": ROLE, "ProfileArn": PROFILE}.get(p[-1], "") if isinstance(p, list) else p for p in parts)
    words = text.replace("CERTIFICATE", "/etc/app.pem").replace("KEY", "/etc/app.key").split()
    assert words[:3] == ["python", "-m", "secure_bedrock.credentials"]
    assert main(words[3:]) == 0
    assert ANCHOR in keys_of_profile(home / "config", "bedrock", bare=False)["credential_process"]


def test_it_runs_as_a_module_without_the_cdk(home):
    command = [sys.executable, "-X", "importtime", "-m", "secure_bedrock.credentials"]
    finished = subprocess.run(
        [*command, *arguments("web-identity", TOKEN)], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == f"wrote profile bedrock in {home / 'config'}\n"
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in finished.stderr.splitlines()}
    assert "secure_bedrock" in loaded
    assert not loaded & {"aws_cdk", "jsii", "constructs", "boto3"}


# --- what is kept


def test_a_new_file_is_readable_by_its_owner_alone(home, capsys):
    assert main(arguments("web-identity", TOKEN)) == 0
    config = home / "config"
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert config.read_text().startswith("[profile bedrock]\n")
    assert capsys.readouterr().out == f"wrote profile bedrock in {config}\n"


def test_the_rest_of_the_file_and_its_mode_stay(home):
    config = written(home, BEFORE)
    config.chmod(0o640)
    assert main(arguments("web-identity", TOKEN)) == 0
    assert config.read_text().startswith(BEFORE + "\n[profile bedrock]\nrole_arn = ")
    assert stat.S_IMODE(config.stat().st_mode) == 0o640
    assert sorted(path.name for path in home.iterdir()) == ["config"]


@pytest.mark.parametrize("before", ["[default]\nregion = x", "[default]\r\nregion = x\r\n", "", "\n", "# only\n"])
def test_any_end_of_a_file_is_completed(home, before):
    config = home / "config"
    home.mkdir()
    config.write_bytes(before.encode())
    assert main(arguments("web-identity", TOKEN)) == 0
    text = config.read_bytes().decode()
    assert text.startswith(before.rstrip("\r\n"))
    assert ("\r\n[profile bedrock]\r\n" in text) is ("\r\n" in before)
    assert keys_of_profile(config, "bedrock", bare=False)["role_arn"] == ROLE


def test_writing_twice_changes_nothing(home, capsys):
    assert main(arguments("web-identity", TOKEN)) == 0
    config = home / "config"
    before = (config.read_bytes(), config.stat().st_ino)
    assert main(arguments("web-identity", TOKEN)) == 0
    assert (config.read_bytes(), config.stat().st_ino) == before
    assert "unchanged" in capsys.readouterr().out


def test_a_profile_that_differs_stays_unless_asked(home, capsys):
    config = written(home, BEFORE + "[profile bedrock]\nregion = eu-west-1\naws_secret_access_key = hidden\n# last\n")
    before = config.read_text()
    assert main(arguments("web-identity", TOKEN)) == 1
    assert config.read_text() == before
    said = capsys.readouterr().err
    assert "differs in aws_secret_access_key, role_arn" in said
    assert "hidden" not in said
    assert main(arguments("web-identity", TOKEN, "--replace")) == 0
    assert config.read_text().startswith(BEFORE + "[profile bedrock]\nrole_arn")
    assert config.read_text().endswith("# last\n")
    assert "hidden" not in config.read_text()


def test_replacing_keeps_what_follows(home):
    config = written(home, "[profile bedrock]\nregion = x\n\n# theirs\n[profile other]\nregion = y\n")
    assert main(arguments("web-identity", TOKEN, "--replace")) == 0
    assert config.read_text().endswith("\n\n# theirs\n[profile other]\nregion = y\n")


@pytest.mark.parametrize(
    "header", ["[profile bedrock]", "[ profile  bedrock ]", '[profile "bedrock"]', "[profile bedrock] # x"]
)
def test_a_profile_is_found_however_it_is_written(home, header):
    config = written(home, f"{header}\nregion = x\n")
    assert main(arguments("web-identity", TOKEN)) == 1
    assert config.read_text() == f"{header}\nregion = x\n"


@pytest.mark.parametrize("header", ["[default]", "[profile default]"])
def test_the_default_profile_is_found_by_both_of_its_names(home, header):
    written(home, f"{header}\nregion = x\n")
    assert main(arguments("web-identity", TOKEN, "--profile", "default")) == 1


def test_a_link_stays_a_link(home, tmp_path):
    home.mkdir()
    (tmp_path / "dotfiles").write_text("")
    (home / "config").symlink_to(tmp_path / "dotfiles")
    assert main(arguments("web-identity", TOKEN)) == 0
    assert (home / "config").is_symlink()
    assert "[profile bedrock]" in (tmp_path / "dotfiles").read_text()


def test_a_failure_while_writing_leaves_the_old_file_and_nothing_else(home, monkeypatch):
    config = written(home, BEFORE)

    def broken(*_):
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", broken)
    assert main(arguments("web-identity", TOKEN)) == 2
    assert config.read_text() == BEFORE
    assert [path.name for path in home.iterdir()] == ["config"]


def test_nothing_is_written_when_only_asked_to_show(home, capsys):
    assert main(arguments("web-identity", TOKEN, "--dry-run")) == 0
    assert f"role_arn = {ROLE}" in capsys.readouterr().out
    assert not home.exists()


@given(st.text(alphabet=st.characters(codec="ascii"), max_size=200))
def test_whatever_a_file_holds_is_kept(tmp_path_factory, text):
    """Whatever stands before: it stays, and the profile is found again."""
    config = tmp_path_factory.mktemp("aws") / "config"
    config.write_bytes(text.encode())
    settings = {"region": "eu-west-1", "role_arn": ROLE}
    if not put_profile(config, "bedrock-of-ours", settings, replace=False):
        return
    assert config.read_bytes().decode().startswith(text.rstrip("\r\n")[: len(text.rstrip("\r\n"))])
    assert keys_of_profile(config, "bedrock-of-ours", bare=False) == settings
    assert put_profile(config, "bedrock-of-ours", settings, replace=False) is False


# --- what is refused


def test_access_keys_under_the_name_would_be_used_instead(home, capsys):
    """The SDKs prefer keys of the shared credentials file to a credential process."""
    home.mkdir()
    (home / "credentials").write_text("[bedrock]\naws_access_key_id = AKIA1\naws_secret_access_key = hidden\n")
    assert main(arguments("roles-anywhere", CERTIFICATE)) == 1
    said = capsys.readouterr().err
    assert "which has access keys in" in said
    assert "hidden" not in said
    assert "AKIA1" not in said
    assert not (home / "config").exists()


def test_boto3_would_indeed_prefer_them(home):
    written(home, "[profile bedrock]\ncredential_process = false\n")
    (home / "credentials").write_text("[bedrock]\naws_access_key_id = AKIA1\naws_secret_access_key = s\n")
    assert botocore.session.Session(profile="bedrock").get_credentials().access_key == "AKIA1"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"role_arn": "app"}, "role_arn: got 'app'; allowed is the ARN of a role"),
        ({"role_arn": f"{ROLE} --x"}, "role_arn: got"),
        ({"role_arn": ROLE.replace(ACCOUNT, "222233334444")}, "role_arn: got .*trust anchor's account"),
        ({"trust_anchor_arn": PROFILE}, "trust_anchor_arn: got"),
        ({"profile_arn": ANCHOR}, "profile_arn: got"),
        ({"region": "us-east-1"}, "region: got 'us-east-1'; allowed is the Region of the trust anchor"),
        ({"region": "here"}, "region: got 'here'; allowed is an AWS Region"),
        ({"session_duration": 899}, "session_duration: got 899; allowed is 900 to 43200"),
        ({"session_duration": 43_201}, "session_duration: got 43201"),
        ({"private_key": ""}, None),
        ({"private_key": "/a\nb"}, "private_key: got"),
        ({"private_key": '/a"; rm -rf /; "'}, "private_key: got"),
        ({"private_key": "/a$(id)"}, "private_key: got"),
        ({"private_key": "/a`id`"}, "private_key: got"),
        ({"certificate": "/a # b"}, "certificate: got"),
        ({"certificate": "/a ;b"}, "certificate: got"),
        ({"certificate": "/a\\b"}, "certificate: got"),
        ({"helper": "x;$(id)"}, "helper: got"),
        ({"helper": ""}, "helper: got ''"),
    ],
)
def test_what_is_refused_of_a_certificate(changed, message):
    if message is None:  # the working directory itself, a path like any other
        assert str(Path.cwd()) in roles_anywhere(**{**CERTIFICATE, **changed})["credential_process"]
        return
    with pytest.raises(InvalidInput, match=f"^{message}"):
        roles_anywhere(**{**CERTIFICATE, **changed})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"role_arn": "*"}, r"role_arn: got '\*'"),
        ({"session_name": "a b"}, "session_name: got 'a b'"),
        ({"session_name": "x"}, "session_name: got 'x'"),
        ({"region": ""}, "region: got ''"),
    ],
)
def test_what_is_refused_of_a_token(changed, message):
    with pytest.raises(InvalidInput, match=f"^{message}"):
        web_identity(**{**TOKEN, **changed})


@pytest.mark.parametrize("name", ["certificate", "private_key", "intermediates"])
def test_a_key_where_a_path_belongs_is_neither_written_nor_shown(name):
    with pytest.raises(InvalidInput, match=f"^{name}: got a secret") as error:
        roles_anywhere(**{**CERTIFICATE, name: SECRET})
    assert "MIIB" not in str(error.value)


def test_a_token_where_a_path_belongs_is_neither_written_nor_shown():
    with pytest.raises(InvalidInput, match=r"^token_file: got a secret") as error:
        web_identity(**{**TOKEN, "token_file": "eyJhbGciOiJSUzI1NiJ9.payload.signature"})
    assert "payload" not in str(error.value)


@pytest.mark.parametrize("profile", ["", "a b", "a]", "[x", "a\nb", "ä"])
def test_a_malformed_name_is_refused(home, profile):
    with pytest.raises(InvalidInput, match=r"^profile: got"):
        configure({}, profile=profile, config=home / "config", credentials=home / "credentials")


def test_a_profile_that_is_there_twice_is_refused(home):
    written(home, "[profile bedrock]\nregion = x\n[profile bedrock]\nregion = y\n")
    assert main(arguments("web-identity", TOKEN, "--replace")) == 1


@pytest.mark.parametrize("make", [lambda path: path.mkdir(), lambda path: path.write_bytes(b"\xff\xfe[")])
def test_what_is_no_text_file_is_refused(home, make, capsys):
    home.mkdir()
    make(home / "config")
    assert main(arguments("web-identity", TOKEN)) == 2
    assert capsys.readouterr().err.startswith("config: got")


@pytest.mark.parametrize("given", [[], ["roles-anywhere"], ["web-identity", "--role-arn", ROLE], ["other"]])
def test_wrong_usage_ends_with_two(given, capsys):
    with pytest.raises(SystemExit) as error:
        main(given)
    assert error.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.usefixtures("home")
def test_a_key_that_others_can_read_is_told(tmp_path, capsys):
    key = tmp_path / "app.key"
    key.write_text("x")
    key.chmod(0o644)
    assert main(arguments("roles-anywhere", {**CERTIFICATE, "private_key": key})) == 0
    assert "can be read by others" in capsys.readouterr().err
    key.chmod(0o600)
    assert main(arguments("roles-anywhere", {**CERTIFICATE, "private_key": key})) == 0
    assert capsys.readouterr().err == ""
