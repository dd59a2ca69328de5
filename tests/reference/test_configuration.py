"""What cdk.json may say."""

from __future__ import annotations

from dataclasses import fields

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
        "revoke_sessions_before": "2026-06-01T00:00:00Z",
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
        ({"account": "1234"}, "secure-bedrock.account: got '1234'; allowed is an account id of 12 digits"),
        ({"account": ""}, "secure-bedrock.account: got ''"),
        ({"region": "banana"}, "secure-bedrock.region: got 'banana'; allowed is an AWS Region"),
        ({"region": ""}, "secure-bedrock.region: got ''"),
        ({"region": "cn-north-1"}, "secure-bedrock.region: got 'cn-north-1'; allowed is a Region of a partition"),
        ({"vpc_cidr": "banana"}, "secure-bedrock.vpc_cidr: got 'banana'; allowed is a range such as 10.0.0.0/20"),
        ({"vpc_cidr": "10.0.0.1/20"}, "secure-bedrock.vpc_cidr: got '10.0.0.1/20'; .*host bits"),
        ({"vpc_cidr": "10.0.0.0/8"}, "secure-bedrock.vpc_cidr: got '10.0.0.0/8'; allowed is a range of at most /16"),
        ({"vpc_cidr": "10.0.0.0/24"}, "secure-bedrock.vpc_cidr: got '10.0.0.0/24'; .*room for 2 subnets of /24"),
        ({"vpc_cidr": "10.0.0.0/28"}, "secure-bedrock.vpc_cidr: got '10.0.0.0/28'"),
        ({"availability_zones": []}, r"secure-bedrock.availability_zones: got \[\]"),
        ({"availability_zones": ["us-east-1a"]}, "secure-bedrock.availability_zones: got 'us-east-1a'; .*eu-west-1"),
        ({"availability_zones": ["eu-west-1a"] * 2}, "secure-bedrock.availability_zones: got .*each zone once"),
        ({"account": None, "organization": {"account": "999988887777", "targets": ["r-ab12"],
                                            "allowed_regions": ["eu-west-1"]}},
         "secure-bedrock.account: got None; allowed is the application's own account"),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_named_by_its_context_key(given, message):
    with pytest.raises(InvalidInput, match=f"^{message}"):
        Configuration.parse(given)


def test_every_entry_is_described_and_no_other_is_taken():
    text = Configuration.__doc__
    assert all(f"        {field.name}: " in text for field in fields(Configuration))


def test_cdk_json_says_how_to_run_it_and_caches_no_look_up():
    assert CDK_JSON["app"] == "python3 tools/run.py python app.py"  # in no activated environment too
    keys = set(CDK_JSON["context"]) - {CONTEXT_KEY}
    assert all(key.startswith(("@aws-cdk/", "@aws-cdk-containers/")) for key in keys)


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("@aws-cdk/core:enablePartitionLiterals", True),
        ("@aws-cdk/core:checkSecretUsage", True),
        ("@aws-cdk/aws-iam:minimizePolicies", True),
        ("@aws-cdk/aws-ec2:restrictDefaultSecurityGroup", True),
        ("@aws-cdk/core:defaultCrossStackReferences", "strong"),
    ],
)
def test_the_flags_that_matter_here_are_set(flag, value):
    assert CDK_JSON["context"][flag] == value
