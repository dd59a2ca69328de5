"""What cdk.json may say."""

from __future__ import annotations

import aws_cdk as cdk
import pytest

from reference.configuration import CONTEXT_KEY, Configuration
from secure_bedrock import InvalidInput
from tests.reference.conftest import CDK_JSON


def test_nothing_set_is_the_default():
    assert Configuration.from_context(cdk.App().node) == Configuration()


def test_cdk_json_is_read():
    app = cdk.App(context=CDK_JSON["context"])
    assert Configuration.from_context(app.node) == Configuration.parse(CDK_JSON["context"][CONTEXT_KEY])


def test_every_entry_can_be_set():
    given = {
        "account": "111122223333", "region": "us-east-1", "models": ["us.amazon.nova-lite-v1:0"],
        "vpc_cidr": "10.9.0.0/20", "availability_zones": ["us-east-1a", "us-east-1b"],
        "project": "p", "team": "t", "suspended": True,
        "organization": None,
    }  # fmt: skip
    configuration = Configuration.parse(given)
    assert {name: getattr(configuration, name) for name in given} == {
        **given, "models": tuple(given["models"]), "availability_zones": tuple(given["availability_zones"]),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([1], r"secure-bedrock: got \[1\]; allowed is an object"),
        ({"modles": []}, "secure-bedrock: got the entry modles; allowed is account, region, models"),
        ({"models": []}, r"secure-bedrock.models: got \[\]; allowed is a list of texts"),
        ({"models": "eu.amazon.nova-lite-v1:0"}, "secure-bedrock.models: got 'eu"),
        ({"account": 111122223333}, "secure-bedrock.account: got 111122223333; allowed is a text"),
        ({"suspended": "yes"}, "secure-bedrock.suspended: got 'yes'; allowed is a boolean"),
        ({"region": 1, "team": 2}, "secure-bedrock.region: got 1.*secure-bedrock.team: got 2"),
        ({"organization": {"account": "1"}}, "secure-bedrock.organization"),
    ],
)
def test_a_wrong_entry_is_named_by_its_context_key(given, message):
    with pytest.raises(InvalidInput, match=f"^{message}"):
        Configuration.parse(given)
