"""Every foreign app, with the feature flags of a new app and with none: who gets through is the same."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.estates.estate import estate_of
from tests.estates.intrinsics import Deployment
from tests.foreign.apps import ACCOUNT, APPS, MODEL, REGION
from tests.foreign.synthesis import FLAGS, deployments
from tests.oracle.simulator import ask, reason_to_leave_out
from tests.questions.cases import Case, asked
from tests.questions.conftest import _simulation as simulation_of

PROFILE = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:inference-profile/{MODEL}"
DESTINATION = "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-lite-v1:0"
OTHER_MODEL = f"arn:aws:bedrock:{REGION}::foundation-model/amazon.nova-pro-v1:0"
#: Properties that name a resource in its account; a policy's is one beside its role's.
NAMES = {"RoleName", "Name", "BucketName", "LogGroupName", "TopicName", "AlarmName", "TrailName", "FunctionName"}
ALL = [(name, flags) for name in APPS for flags in FLAGS]


@dataclass
class Foreign:
    """A synthesized app, and the questions about it."""

    deployments: list[Deployment]
    questions: list[tuple[str, dict, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.questions = [question for estate in self.estates for question in questions(estate)]

    @property
    def estates(self):
        """Of what is deployed together with an endpoint; a pipeline's own stack is none."""
        return [
            estate_of(deployment)
            for deployment in self.deployments
            if "AWS::EC2::VPCEndpoint" in json.dumps(deployment.templates)
        ]


@pytest.fixture(scope="module")
def foreign():
    return {(name, flags): Foreign(deployments(APPS[name], FLAGS[flags])) for name, flags in ALL}


def questions(estate):
    """Every role through every endpoint and through none: what is asked, and whether it must be allowed."""
    for path, principal in estate["principals"].items():
        if path.rpartition("/")[2] not in {"App", "Stranger"}:
            continue
        declared = path.endswith("/App")
        held = json.dumps(principal["identity"])
        for endpoint in (*estate["endpoints"], None):
            own = declared and endpoint is not None and endpoint in held
            through = {} if endpoint is None else {"endpoint": endpoint}
            by_profile = {"context": {"bedrock:InferenceProfileArn": PROFILE}}
            for resource, more, allowed in (
                (PROFILE, {}, own), (DESTINATION, by_profile, own), (OTHER_MODEL, {}, False),
            ):  # fmt: skip
                # A role's models are tied to its profile, and the profile to the endpoint.
                if endpoint is None and resource == DESTINATION:
                    continue
                request = {"principal": path, "action": "bedrock:InvokeModel", "resource": resource, **through, **more}
                case = Case(file="foreign", name=f"{path} {resource} {endpoint}", app="", why="", request=request,
                            expected="allowed" if allowed else "denied")  # fmt: skip
                put = asked(case, estate, {}, {}, region=REGION, account=ACCOUNT)
                if not declared and endpoint is None:
                    put.scps.clear()  # somebody else's role outside the endpoint is the organisation's matter
                    continue
                yield case.name, simulation_of(put), allowed


@pytest.fixture(scope="module")
def answers(foreign):
    if reason_to_leave_out():
        return {}
    put = [(key, name, simulation) for key, app in foreign.items() for name, simulation, _ in app.questions]
    found = ask([simulation for _, _, simulation in put])
    return {(key, name): answer for (key, name, _), answer in zip(put, found, strict=True)}


@pytest.mark.skipif(reason_to_leave_out() is not None, reason=str(reason_to_leave_out()))
@pytest.mark.parametrize(("name", "flags"), ALL)
def test_the_declared_role_gets_through_its_endpoint_and_nobody_else_does(foreign, answers, name, flags):
    app = foreign[name, flags]
    assert any(allowed for _, _, allowed in app.questions)
    found = {question: answers[(name, flags), question] for question, _, _ in app.questions}
    assert {question: answer.problem for question, answer in found.items() if answer.problem} == {}
    wrong = [q for q, _, allowed in app.questions if (found[q].result == "Allowed") != allowed]
    assert wrong == []


@pytest.mark.parametrize("name", list(APPS))
def test_feature_flags_change_nothing_in_the_policies(foreign, name):
    def policies(flags):
        return foreign[name, flags].estates

    new, old = policies("new"), policies("old")
    assert [e["endpoints"] for e in new] == [e["endpoints"] for e in old]
    ours = [{p: role for p, role in e["principals"].items() if p.endswith("/App")} for e in (*new, *old)]
    assert ours[: len(new)] == ours[len(new) :]
    assert any(ours)


@pytest.mark.parametrize("name", list(APPS))
def test_no_two_resources_of_an_account_have_one_name(foreign, name):
    names = Counter(
        (resource["Type"], key, value)
        for deployment in foreign[name, "old"].deployments
        for template in deployment.templates.values()
        for resource in template["Resources"].values()
        for key, value in resource.get("Properties", {}).items()
        if key in NAMES and isinstance(value, str)
    )
    assert [found for found, times in names.items() if times > 1] == []
    assert any(kind == "AWS::IAM::Role" for kind, _, _ in names)


def test_cloudformation_s_own_schemas_find_nothing_wrong(foreign, tmp_path):
    paths = {}
    for (name, flags), app in foreign.items():
        for number, deployment in enumerate(app.deployments):
            for stack, template in deployment.templates.items():
                path = tmp_path / f"{name}-{flags}-{number}-{stack.replace('/', '-')}.json"
                path.write_text(json.dumps(template))
                paths[str(path)] = path.name
    found = subprocess.run(
        [str(Path(sys.executable).with_name("cfn-lint")), "--format", "json", "--regions", REGION, "--", *paths],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.stdout.startswith("["), found.stderr
    errors = [row for row in json.loads(found.stdout) if row["Level"] == "Error"]
    assert [(paths[row["Filename"]], row["Rule"]["Id"], row["Message"]) for row in errors] == []
    assert len(paths) > len(ALL)
