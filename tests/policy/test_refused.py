"""What a policy may not say, and AWS refuses: the error names the element."""

from __future__ import annotations

import pytest

from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy.document import Policy
from secure_bedrock.policy.matching import compile_policy

ROLE = "arn:aws:iam::111122223333:role/app"


def compiled(**elements):
    row = {"Effect": "Allow", "Action": "sts:AssumeRole", **elements}
    return compile_policy(Policy.from_plain({"Statement": [row]}, name="x"), principals=True)


@pytest.mark.parametrize("wild", ["?", "*"])
def test_a_wildcard_in_a_part_of_a_principal(wild):
    with pytest.raises(InvalidInput, match="AWS takes no wildcard in a part of it"):
        compiled(Principal={"AWS": f"{ROLE}{wild}"})


def test_a_whole_name_and_a_star_are_principals():
    assert len(compiled(Principal={"AWS": ROLE})) == len(compiled(Principal="*")) == 1


def test_an_allow_for_all_but_some():
    with pytest.raises(InvalidInput, match="NotPrincipal: AWS supports it with Deny only"):
        compiled(NotPrincipal={"AWS": ROLE})


@pytest.mark.parametrize("action", ["s*:AssumeRole", "st?:AssumeRole", "sts:", ":AssumeRole", "sts"])
def test_an_action_whose_service_is_not_whole(action):
    with pytest.raises(InvalidInput, match="Action"):
        compiled(Principal="*", Action=action)


@pytest.mark.parametrize("action", ["*", "**", "*:*", "sts:*"])
def test_an_action_with_all_names(action):
    assert len(compiled(Principal="*", Action=action)) == 1


@pytest.mark.parametrize("operator", ["StringEquals", "Null"])
def test_a_condition_key_of_no_service(operator):
    """IAM: "Actions/Conditions must be prefaced by a vendor"."""
    with pytest.raises(InvalidInput, match=f"condition {operator}: got 'SourceIp'; allowed is a key with its service"):
        compiled(Principal="*", Condition={operator: {"SourceIp": "true"}})
