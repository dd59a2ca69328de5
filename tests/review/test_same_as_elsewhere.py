"""The estates that the questions are asked of, read by this package and by the tests' own reading."""

from __future__ import annotations

import json

import aws_cdk as cdk
import pytest

from secure_bedrock.review import load
from tests.estates.estate import estate_of
from tests.estates.intrinsics import Deployment
from tests.questions.apps import ACCOUNT, APPS

CONTEXT = {"aws:cdk:enable-path-metadata": True, "@aws-cdk/core:defaultCrossStackReferences": "strong"}


@pytest.fixture(scope="module", params=sorted(APPS)[::3])
def app(request, tmp_path_factory):
    fixture = APPS[request.param]
    folder = tmp_path_factory.mktemp("out")
    zones = {f"availability-zones:account={ACCOUNT}:region={fixture.region}": [f"{fixture.region}a"]}
    made = cdk.App(context={**CONTEXT, **zones}, outdir=str(folder))
    fixture.build(made, cdk.Environment(account=ACCOUNT, region=fixture.region))
    templates = {stack.stack_name: stack.template for stack in made.synth().stacks}
    return folder, Deployment(templates, account=ACCOUNT, region=fixture.region, partition=fixture.partition)


def _canonical(document):
    return json.dumps(document, sort_keys=True)


def test_both_readings_find_the_same_principals_endpoints_and_scps(app):
    folder, deployment = app
    (reading,) = load(folder).readings
    assert reading.problems == ()
    expected = estate_of(deployment)
    found = {principal.arn: principal for principal in reading.estate.principals.values()}
    wanted = {row["arn"]: row for row in expected["principals"].values()}
    assert set(wanted) <= set(found)
    for arn, row in wanted.items():
        ours = {_canonical(policy.to_plain()) for policy in found[arn].identity}
        assert {_canonical(_normal(document)) for document in row["identity"]} == ours
    assert set(reading.estate.endpoints) == set(expected["endpoints"])
    levels = reading.estate.accounts[ACCOUNT].scps
    assert sum(len(level) - 1 for level in levels) == sum(len(level) - 1 for level in expected["scps"])


def _normal(document):
    from secure_bedrock.policy.document import Policy  # noqa: PLC0415 - only to write both alike

    return Policy.from_plain(document).to_plain()
