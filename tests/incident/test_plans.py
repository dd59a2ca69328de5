"""Every plan: its commands are the AWS CLI's, nothing is left unsaid, and what it prints stops the call."""

from __future__ import annotations

import json
import re
import shlex
import subprocess

import botocore.session
import jmespath
import pytest
from botocore import xform_name
from click.testing import CliRunner

from secure_bedrock.cli import main
from secure_bedrock.detections import QUERIES
from secure_bedrock.policy import Policy
from tests.detections.insights import run as run_query

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/secure-bedrock/secure-bedrock-App"
SSO = f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_1"
PLANS = {
    "role": ["principal", ROLE],
    "role of somebody": ["principal", f"arn:aws-us-gov:iam::{ACCOUNT}:role/App", "--everything"],
    "role and organisation": ["principal", ROLE, "--target", "ou-abcd-12345678"],
    "role of people": ["principal", SSO, "--target", ACCOUNT],
    "session": ["principal", f"arn:aws:sts::{ACCOUNT}:assumed-role/App/i-1"],
    "user": ["principal", f"arn:aws:iam::{ACCOUNT}:user/BedrockAPIKey-1"],
    "access key": ["principal", "AKIAIOSFODNN7EXAMPLE"],
    "api key": ["principal", "ACCAEXAMPLE1234567890", "--user-name", "BedrockAPIKey-1"],
    "project": ["project", "search"],
    "project and organisation": ["project", "Search Co", "--key", "team", "--target", "r-abcd"],
    "account": ["account", ACCOUNT, "--except", ROLE, "--endpoint", "vpce-0123456789abcdef0"],
    "organisation": ["account", "r-abcd"],
}
#: What the AWS CLI adds to each command by itself.
_GLOBAL = {"region", "output", "query"}


def incident(*words, expected=0):
    result = CliRunner().invoke(main, ["incident", *words, "--region", "eu-west-1"], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    assert result.exit_code == expected
    return result.output


def plan(name):
    return json.loads(incident(*PLANS[name], "--format", "json"))


def steps(found):
    return [*found["acts"], *found["checks"], *found["undoes"]]


def commands(found):
    return [shlex.split(command) for step in steps(found) for command in step["commands"]]


@pytest.fixture(scope="module")
def models():
    session, made = botocore.session.get_session(), {}
    return lambda service: made.setdefault(service, session.get_service_model(service))


@pytest.mark.parametrize("name", PLANS)
def test_every_command_is_one_of_the_aws_cli_with_its_own_parameters(name, models):
    asked = [words for words in commands(plan(name)) if words[0] == "aws"]
    assert asked
    for words in asked:
        service, operation = words[1:3]
        operations = {xform_name(each, "-"): each for each in models(service).operation_names}
        shape = models(service).operation_model(operations[operation]).input_shape
        members = {xform_name(each, "-"): member for each, member in shape.members.items()} if shape else {}
        given = parameters(words[3 : words.index(">") if ">" in words else None])
        assert set(given) - _GLOBAL <= set(members), words
        required = {xform_name(each, "-") for each in shape.required_members} if shape else set()
        assert required <= set(given), words
        for parameter, value in given.items():
            if parameter == "query":
                jmespath.compile(value)
            elif parameter not in _GLOBAL:
                check(members[parameter], value, words)


def parameters(words):
    found, rest = {}, list(words)
    while rest:
        word = rest.pop(0)
        assert word.startswith("--"), words
        found[word[2:]] = rest.pop(0) if rest and not rest[0].startswith("--") else None
    return found


def check(shape, value, words):
    if value is None:
        assert shape.type_name == "boolean", words
    elif shape.type_name == "list" and shape.member.type_name == "structure":
        keys = [part.partition("=")[0] for part in value.split(",")]
        assert set(keys) <= set(shape.member.members), words
        for part in value.split(","):
            check(shape.member.members[part.partition("=")[0]], part.partition("=")[2], words)
    elif shape.type_name == "list":
        check(shape.member, value, words)
    elif shape.type_name == "string" and not value.startswith(("<", "file://")):
        assert not shape.enum or value in shape.enum, (words, shape.enum)
        pattern = shape.metadata.get("pattern")
        assert pattern is None or re.fullmatch(pattern.replace(r"\p{L}\p{Z}\p{N}", r"\w "), value), (words, pattern)


@pytest.mark.parametrize("name", PLANS)
def test_every_file_that_is_read_was_written_before(name):
    written = set()
    for step in steps(plan(name)):
        written |= {step["file"]} if "file" in step else set()
        for command in step["commands"]:
            words = shlex.split(command)
            read = {word.removeprefix("file://") for word in words if word.startswith("file://")}
            assert read <= written, command
            written |= {words[-1]} if ">" in words else set()


@pytest.mark.parametrize("name", PLANS)
def test_what_is_made_is_undone(name):
    found = plan(name)
    done = [tuple(shlex.split(each)[1:3]) for step in found["acts"] for each in step["commands"]]
    undone = [tuple(shlex.split(each)[1:3]) for step in found["undoes"] for each in step["commands"]]
    pairs = {
        ("iam", "put-role-policy"): ("iam", "delete-role-policy"),
        ("iam", "put-user-policy"): ("iam", "delete-user-policy"),
        ("iam", "tag-role"): ("iam", "untag-role"),
        ("iam", "update-access-key"): ("iam", "delete-access-key"),
        ("iam", "update-service-specific-credential"): ("iam", "delete-service-specific-credential"),
        ("iam", "update-assume-role-policy"): ("iam", "update-assume-role-policy"),
        ("bedrock", "tag-resource"): ("bedrock", "untag-resource"),
        ("ec2", "modify-vpc-endpoint"): ("ec2", "modify-vpc-endpoint"),
        ("organizations", "create-policy"): ("organizations", "delete-policy"),
        ("organizations", "attach-policy"): ("organizations", "detach-policy"),
    }
    final = {("iam", "delete-login-profile"), ("bedrock", "stop-model-invocation-job")}
    reading = re.compile(r"(list|get|describe)-")
    for each in done:
        if reading.match(each[1]) or each in final:
            continue
        if each == ("iam", "update-service-specific-credential") and name in ("account", "organisation"):
            continue  # whose they are is not known: each user's own plan deletes them
        assert pairs[each] in undone, each


def test_it_is_a_text_that_a_shell_reads_and_comments_say_the_rest():
    for words in PLANS.values():
        text = incident(*words)
        finished = subprocess.run(["/bin/bash", "-n"], input=text, text=True, capture_output=True, check=False)
        assert (finished.returncode, finished.stderr) == (0, "")


def test_the_query_is_read_and_finds_the_role():
    query = next(words for words in commands(plan("role")) if words[1:3] == ["logs", "start-query"])
    text = query[query.index("--query-string") + 1]
    named = {"userIdentity": {"arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/secure-bedrock-App/i-1"}}
    other = {"userIdentity": {"arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/secure-bedrock-App2/i-1"}}
    assert run_query(text, [other, named]).kept == [1]


def test_saved_queries_that_are_named_are_there():
    text = "".join(incident(*words) for words in PLANS.values())
    named = set(re.findall(r"secure-bedrock-audit/([a-z-]+)", text))
    assert named
    assert named <= {query.id for query in QUERIES}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["principal", f"arn:aws:iam::{ACCOUNT}:root"], "principal: .* `incident account` stops it"),
        (["principal", f"arn:aws:sts::{ACCOUNT}:federated-user/x"], "principal: .*GetFederationToken"),
        (["principal", "ASIAEXAMPLEKEY000001"], "principal: .*this key is a session's.*lookup-events"),
        (["principal", SSO], "principal: .*IAM Identity Center.*--target"),
        (["principal", "app"], "principal: got 'app'"),
        (["principal", f"arn:aws-cn:iam::{ACCOUNT}:role/App"], "principal: .*of a partition"),
        (["principal", f'arn:aws:iam::{ACCOUNT}:role/App" or "a'], "principal: got"),
        (["principal", ROLE, "--before", "2999-01-01T00:00:00Z"], "--before: .*a time that has passed"),
        (["principal", ROLE, "--before", "2026-01-01T00:00:00"], "--before: .*with its zone"),
        (["principal", ROLE, "--target", "x"], "target: got 'x'"),
        (["principal", "ACCAEXAMPLE1234567890", "--user-name", "a b"], "--user-name: got 'a b'"),
        (["project", "a\nb"], "project: got"),
        (["account", "123"], "target: got '123'"),
        (["account", ACCOUNT, "--except", f"arn:aws:iam::{ACCOUNT}:role/*"], "--except: .*the exact ARN of a role"),
        (["account", ACCOUNT, "--endpoint", "x"], "--endpoint: got 'x'"),
    ],
)
def test_what_cannot_be_cut_off_so_is_refused_and_told_how(words, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        incident(*words)


def test_a_region_that_is_none_is_refused():
    with pytest.raises(ValueError, match="region: got 'europe'"):
        CliRunner().invoke(
            main, ["incident", "account", ACCOUNT, "--region", "europe"], standalone_mode=False,
            catch_exceptions=False,
        )  # fmt: skip


def test_policies_are_written_as_files(tmp_path):
    incident(*PLANS["role"], "--write", str(tmp_path / "policies"))
    files = {path.name: json.loads(path.read_text()) for path in (tmp_path / "policies").iterdir()}
    assert set(files) == {"incident-deny.json", "incident-sessions.json", "incident-trust.json"}
    assert all(Policy.from_plain(document).statements for document in files.values())


@pytest.mark.parametrize("name", ["role", "role of somebody", "user", "session"])
def test_what_it_prints_turns_explains_answer(name, tmp_path):
    """From end to end: the export of an account in which the call works, then with the plan's policies attached."""
    principal = PLANS[name][1]
    found = plan(name)
    kind, listed, inline = ("User", "UserDetailList", "UserPolicyList") if name == "user" else (
        "Role", "RoleDetailList", "RolePolicyList"
    )  # fmt: skip
    arn = f"arn:aws:iam::{ACCOUNT}:role/App" if name == "session" else principal
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}

    def explained(*documents):
        policies = [{"PolicyName": f"p{n}", "PolicyDocument": each} for n, each in enumerate((everything, *documents))]
        row = {"Arn": arn, f"{kind}Name": arn.rpartition("/")[2], inline: policies, "AttachedManagedPolicies": []}
        if kind == "Role":
            row |= {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}, "Tags": []}
        body = {"UserDetailList": [], "RoleDetailList": [], "GroupDetailList": [], "Policies": [], listed: [row]}
        (tmp_path / "iam.json").write_text(json.dumps(body))
        region = "us-gov-west-1" if "us-gov" in arn else "eu-west-1"
        words = ["explain", str(tmp_path), "--principal", arn, "--operation", "Converse", "--region", region]
        extra = ["--context", "aws:userid=AROAEXAMPLEROLE000001:i-1"] if name == "session" else []
        model = ["--model", "amazon.nova-lite-v1:0", "--account", ACCOUNT]
        return CliRunner().invoke(main, [*words, *model, *extra], standalone_mode=False, catch_exceptions=False)

    before = explained()
    assert before.return_value == 0, before.output
    after = explained(found["acts"][1 if "tag-role" in found["acts"][0]["commands"][0] else 0]["policy"])
    assert after.return_value == 1, after.output
    assert "Incident" in after.output


def test_the_roles_of_a_project_are_those_of_the_app(tmp_path):
    """With the templates at hand no role has to be looked for; one of another project is none of them."""
    trust = {"Version": "2012-10-17", "Statement": []}

    def role(name, project):
        tags = [{"Key": "project", "Value": project}]
        return {"Type": "AWS::IAM::Role", "Properties": {
            "RoleName": name, "AssumeRolePolicyDocument": trust, "Tags": tags,
        }}  # fmt: skip

    template = tmp_path / "app.template.json"
    template.write_text(
        json.dumps({"Resources": {"A": role("a", "search"), "B": role("b", "chat"), "C": role("c", "search")}})
    )
    found = json.loads(incident("project", "search", "--input", str(template), "--format", "json"))
    tagged = [words[words.index("--role-name") + 1] for words in commands(found) if words[1:3] == ["iam", "tag-role"]]
    assert tagged == ["a", "c"]
    with pytest.raises(ValueError, match=r"--input: no role of .* bears the tag project=other"):
        incident("project", "other", "--input", str(template))
