"""The organisation stack belongs to an account of its own."""

from __future__ import annotations

import pytest

from reference.configuration import Configuration, OrganizationConfiguration
from secure_bedrock import InvalidInput

RAILS = OrganizationConfiguration(account="999988887777", targets=("ou-ab12-12345678",), allowed_regions=("eu-west-1",))
GIVEN = {"account": "999988887777", "targets": ["ou-ab12-12345678"], "allowed_regions": ["eu-west-1"]}


def test_it_is_composed_into_the_account_that_is_named(synthesized):
    made = synthesized(Configuration(account="111122223333", organization=RAILS))
    accounts = {stack.stack_name: stack.environment.account for stack in made.assembly.stacks}
    assert accounts == {
        "secure-bedrock-network": "111122223333", "secure-bedrock-access": "111122223333",
        "secure-bedrock-organization": "999988887777",
    }  # fmt: skip
    (policy, *_) = made.of_type("secure-bedrock-organization", "AWS::Organizations::Policy")
    assert policy["TargetIds"] == ["ou-ab12-12345678"]


@pytest.mark.parametrize("account", [None, "999988887777"])
def test_it_is_refused_in_an_application_s_account(account):
    with pytest.raises(InvalidInput, match=r"^secure-bedrock.account: got .*another than organization.account"):
        Configuration(account=account, organization=RAILS)


def test_it_is_read_from_the_context():
    assert Configuration.parse({"account": "111122223333", "organization": GIVEN}).organization == RAILS


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"targets": []}, r"secure-bedrock.organization.targets: got \[\]"),
        ({"max_policies": "3"}, "secure-bedrock.organization.max_policies: got '3'; allowed is a whole number"),
        ({"max_policies": True}, "secure-bedrock.organization.max_policies: got True"),
        ({"attach": False}, "secure-bedrock.organization: got the entry attach; allowed is account, targets"),
    ],
)
def test_a_wrong_entry_is_named_by_its_context_key(changed, message):
    with pytest.raises(InvalidInput, match=message):
        Configuration.parse({"account": "111122223333", "organization": {**GIVEN, **changed}})
