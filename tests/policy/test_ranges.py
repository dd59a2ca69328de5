"""Ranges of private networks: what is refused, and what stays as it was given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy.ranges import overlapping, require_addresses, require_private_ranges

UNRESOLVED = "${Token[AWS.StackName.1]}"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "cidrs: got an empty list"),
        ("10.1.0.0/16", "cidrs: got '10.1.0.0/16'; allowed is a list"),
        ([5], "cidrs: got 5; allowed is a CIDR range"),
        (["centre"], "cidrs: got 'centre'; allowed is a CIDR range"),
        (["10.1.0.1/16"], "cidrs: got '10.1.0.1/16'.*host bits"),
        (["0.0.0.0/0"], "cidrs: got '0.0.0.0/0'; allowed is a range that is not every address"),
        (["::/0"], "cidrs: got '::/0'; allowed is a range that is not every address"),
        (["fd00::/48"], "cidrs: got 'fd00::/48'; allowed is an IPv4 range"),
        (["8.8.8.0/24"], "cidrs: got '8.8.8.0/24'; allowed is a private range.*source_ips"),
        (["203.0.113.0/24"], "cidrs: got '203.0.113.0/24'; allowed is a private range"),
        (["169.254.0.0/24"], "cidrs: got '169.254.0.0/24'; allowed is a private range"),
        (["127.0.0.0/24"], "cidrs: got '127.0.0.0/24'; allowed is a private range"),
        (["172.0.0.0/8"], "cidrs: got '172.0.0.0/8'; allowed is a private range"),
        (["172.32.0.0/16"], "cidrs: got '172.32.0.0/16'; allowed is a private range"),
        (["10.0.0.0/8"], "cidrs: got '10.0.0.0/8'; allowed is a range of at most /16"),
        (["172.16.0.0/12"], "cidrs: got '172.16.0.0/12'; allowed is a range of at most /16"),
        (["100.64.0.0/10"], "cidrs: got '100.64.0.0/10'; allowed is a range of at most /16"),
        (["10.2.0.0/15"], "cidrs: got '10.2.0.0/15'; allowed is a range of at most /16"),
        (["10.1.0.0/16", "10.1.2.0/24"], "cidrs: got '10.1.2.0/24'.*not overlap 10.1.0.0/16, another of them"),
        (["10.1.2.0/24", "10.1.0.0/16"], "cidrs: got '10.1.0.0/16'.*not overlap 10.1.2.0/24, another of them"),
        (["10.0.128.0/17"], "cidrs: got '10.0.128.0/17'.*not overlap 10.0.0.0/16, the VPC"),
        (["10.9.9.9"], "cidrs: got '10.9.9.9/32'.*not overlap 10.9.0.0/16, the office"),
    ],
)
def test_what_is_refused(values, message):
    taken = {"the VPC": ["10.0.0.0/16"], "the office": ["192.168.0.0/24", "10.9.0.0/16"]}
    with pytest.raises(InvalidInput, match=message):
        require_private_ranges("cidrs", values, taken=taken)


@pytest.mark.parametrize(
    "value",
    ["10.1.0.0/16", "10.255.255.0/24", "172.16.0.0/16", "172.31.0.0/16", "192.168.0.0/16", "100.64.0.0/16", "10.1.2.3"],
)
def test_what_is_taken(value):
    (found,) = require_private_ranges("cidrs", [value], taken={"the VPC": ["10.0.0.0/16"]})
    assert found.startswith(value)


def test_neighbours_do_not_overlap():
    assert require_private_ranges("cidrs", ["10.1.0.0/16", "10.2.0.0/16"]) == ("10.1.0.0/16", "10.2.0.0/16")


def test_a_range_given_twice_is_given_once():
    assert require_private_ranges("cidrs", ["10.1.0.0/16", "10.1.0.0/16"]) == ("10.1.0.0/16",)


def test_unresolved_ranges_are_taken_as_they_are_and_overlap_nothing():
    taken = {"the VPC": [UNRESOLVED], "IPv6": ["fd00::/64"]}
    assert require_private_ranges("cidrs", [UNRESOLVED, "10.1.0.0/16"], taken=taken) == (UNRESOLVED, "10.1.0.0/16")
    assert overlapping(UNRESOLVED, ["10.1.0.0/16"]) is None


@given(st.lists(st.tuples(st.integers(0, 2**24 - 1), st.integers(16, 32)), min_size=1, max_size=6))
def test_what_passes_never_overlaps_and_never_leaves_the_private_block(pairs):
    """By address arithmetic of the test's own."""
    values = []
    for number, prefix in pairs:
        start = (10 << 24 | number) >> (32 - prefix) << (32 - prefix)
        values.append((start, start + 2 ** (32 - prefix) - 1, prefix))
    distinct = list(dict.fromkeys(values))
    clash = any(a[0] <= b[1] and b[0] <= a[1] for i, a in enumerate(distinct) for b in distinct[:i])
    texts = [
        f"{'.'.join(str(start >> shift & 255) for shift in (24, 16, 8, 0))}/{prefix}" for start, _, prefix in values
    ]
    if clash:
        with pytest.raises(InvalidInput, match="not overlap"):
            require_private_ranges("cidrs", texts)
    else:
        assert require_private_ranges("cidrs", texts) == tuple(dict.fromkeys(texts))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "addresses: got an empty list"),
        ("10.0.0.10", "addresses: got '10.0.0.10'; allowed is a list"),
        (["10.0.0.10"], "addresses: got .*one address for each of the 2 subnets"),
        (["10.0.0.10", "10.0.1.10", "10.0.2.10"], "one address for each of the 2 subnets"),
        (["10.0.0.10", 5], "addresses: got 5; allowed is an IPv4 address"),
        (["10.0.0.10", "ten"], "addresses: got 'ten'; allowed is an IPv4 address"),
        (["10.0.0.10", "fd00::1"], "addresses: got 'fd00::1'; allowed is an IPv4 address"),
        (["10.0.0.10", "10.0.0.11"], "addresses: got '10.0.0.11'; allowed is an address of its subnet 10.0.1.0/24"),
        (["10.0.0.0", "10.0.1.10"], "addresses: got '10.0.0.0'.*without the first four"),
        (["10.0.0.3", "10.0.1.10"], "addresses: got '10.0.0.3'.*without the first four"),
        (["10.0.0.255", "10.0.1.10"], "addresses: got '10.0.0.255'.*and the last one"),
    ],
)
def test_addresses_that_the_subnets_do_not_have_to_give(values, message):
    with pytest.raises(InvalidInput, match=message):
        require_addresses("addresses", values, subnets=("10.0.0.0/24", "10.0.1.0/24"))


def test_addresses_of_subnets_whose_range_is_not_known():
    assert require_addresses("a", ["10.0.0.4", UNRESOLVED], subnets=(None, "10.0.1.0/24")) == ("10.0.0.4", UNRESOLVED)
    assert require_addresses("a", None, subnets=(None, None)) == ()
    with pytest.raises(InvalidInput, match="each address once"):
        require_addresses("a", ["10.0.0.4", "10.0.0.4"], subnets=(None, None))
