"""`secure-bedrock diff`: what a change newly allows or takes away, for a person, a pull request and a program."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from markdown_it import MarkdownIt

from secure_bedrock.review.changes import Change, Changes, changes_of
from secure_bedrock.review.formats.changes import changes_as_markdown
from secure_bedrock.review.loading import load
from tests.review.samples import HOSTILE
from tests.review.test_explain import TRUST, policy
from tests.review.test_formats import _ELEMENTS
from tests.review.test_prove import role


def write(path, resources, **more):
    path.write_text(json.dumps({"Resources": resources, **more}, indent=1))
    return path


@pytest.fixture
def sound():
    return {"App": role("App/Role", "vpce-0123456789abcdef0")}


@pytest.fixture
def before(tmp_path, sound):
    return write(tmp_path / "before.json", sound)


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "secure_bedrock", "diff", *map(str, arguments)],
        capture_output=True, text=True, check=False, env={**os.environ, **environment},
    )  # fmt: skip


def test_access_gained_is_shown_and_exits_with_1(tmp_path, sound):
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder, resources in zip(folders, (sound, {"App": role("App/Role", None)}), strict=True):
        folder.mkdir()
        write(folder / "stack.json", resources)
    done = run(*folders)
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("access gained (")
    assert "+ App/Role: " in done.stdout
    assert f"by Allow Invoke of the identity-based policy in App/Role ({folders[1]}/stack.json:3)" in done.stdout
    back = run(*reversed(folders))
    assert back.returncode == 0
    assert back.stdout.startswith("access lost (")
    plain = json.loads(run(*folders, "--format", "json").stdout)
    assert [each["principal"] for each in plain["gained"]]
    assert plain["lost"] == []
    comment = run(*folders, "--format", "markdown").stdout
    assert comment.startswith("### secure-bedrock: access gained (")
    assert "| `App/Role` | bedrock:" in comment


def test_nothing_changes_where_only_names_and_order_do(before, tmp_path):
    body = json.loads(before.read_text())
    statement = body["Resources"]["App"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"][0]
    statement["Sid"] = "Another"
    (tmp_path / "x").mkdir()
    done = run(before, write(tmp_path / "x" / "before.json", body["Resources"]))
    assert (done.returncode, done.stdout.splitlines()[0]) == (
        0,
        f"no access changes: {before} -> {tmp_path / 'x' / 'before.json'}",
    )


def test_an_endpoint_that_loses_its_policy_is_gained_by_those_whom_the_input_does_not_show(tmp_path, sound):
    endpoint = {
        "Type": "AWS::EC2::VPCEndpoint",
        "Properties": {"ServiceName": "com.amazonaws.eu-west-1.bedrock-runtime", "VpcId": "vpc-1"},
    }
    condition = {"ArnEquals": {"aws:PrincipalArn": {"Fn::GetAtt": ["App", "Arn"]}}}
    closed = {**endpoint, "Properties": {**endpoint["Properties"], "PolicyDocument": policy(
        Action="bedrock:InvokeModel", Principal="*", Condition=condition)}}  # fmt: skip
    (tmp_path / "b").mkdir()
    earlier = load(write(tmp_path / "s.json", {**sound, "Endpoint": closed}))
    later = load(write(tmp_path / "b" / "s.json", {**sound, "Endpoint": endpoint}))
    found = changes_of(earlier, later)
    assert found.lost == ()
    assert all(each.principal.endswith(" (not in the input)") for each in found.gained)
    assert len({each.principal for each in found.gained}) == len(found.gained), "one row for each of them"
    assert any(":root" in each.principal for each in found.gained)


def test_each_outcome_is_compared_with_its_own(tmp_path, sound):
    parameters = {"Stage": {"Type": "String", "Default": "test", "AllowedValues": ["test", "prod"]}}
    conditions = {"IsProd": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}}
    wide = {**role("App/Wide", None), "Condition": "IsProd"}
    (tmp_path / "b").mkdir()
    declared = {"Parameters": parameters, "Conditions": conditions}
    earlier = load(write(tmp_path / "s.json", {**sound, "Wide": {**role("App/Wide", "vpce-0123456789abcdef0"),
                                                                  "Condition": "IsProd"}}, **declared))  # fmt: skip
    later = load(write(tmp_path / "b" / "s.json", {**sound, "Wide": wide}, **declared))
    found = changes_of(earlier, later)
    assert {each.when for each in found.gained} == {"Stage of s is 'prod'"}
    assert {each.principal for each in found.gained} == {"App/Wide"}


def test_a_policy_that_cannot_be_read_is_undecided(before, tmp_path):
    body = json.loads(before.read_text())
    body["Resources"]["App"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"][0]["Effect"] = "Perhaps"
    (tmp_path / "b").mkdir()
    done = run(before, write(tmp_path / "b" / "before.json", body["Resources"]))
    assert done.returncode == 3
    assert "undecided: p of App/Role" in done.stdout


@pytest.mark.parametrize("name", HOSTILE)
def test_a_comment_makes_nothing_of_names(name):
    change = Change(principal=name, description=name, request=name, statements=(name,), when=name)
    text = changes_as_markdown(
        Changes(before=name, after=name, gained=(change,), lost=(change,), unsettled=(name,), assumptions=(name,))
    )
    rendered = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(text)
    elements = {part.partition(">")[0].partition(" ")[0] for part in rendered.split("<")[1:]}
    assert {each.removeprefix("/").rstrip("/") for each in elements} <= _ELEMENTS
    assert rendered.count("<table>") == 2
    assert rendered.count("<td>") == 8


def test_a_name_steers_no_terminal(tmp_path):
    evil = role("x/\x1b[2Jy\u202e", None)
    evil["Properties"]["AssumeRolePolicyDocument"] = TRUST
    (tmp_path / "b").mkdir()
    done = run(write(tmp_path / "s.json", {}), write(tmp_path / "b" / "s.json", {"Evil": evil}))
    assert done.returncode == 1, done.stderr
    assert "\x1b" not in done.stdout
    assert "x/\\x1b[2Jy\\u202e" in done.stdout


def test_what_is_not_there_is_refused_in_one_line(before):
    done = run(before, "nowhere")
    assert (done.returncode, done.stderr) == (2, "secure-bedrock: nowhere: no such file or directory\n")
