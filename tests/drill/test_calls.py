"""What the drill makes of an answer, a refusal and a failure."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from drill.calls import Outcome, attempt


def failing(error):
    def call():
        raise error

    return call


def test_an_answer_is_allowed():
    assert attempt(lambda: None) == Outcome(allowed=True, decided_by="every layer allows")


@pytest.mark.parametrize(
    ("message", "decided_by"),
    [
        (
            "User: a is not authorized to perform: b with an explicit deny in a service control policy (No)",
            "service control policy (No)",
        ),
        ("User: a is not authorized because no VPC endpoint policy allows the b action", "VPC endpoint policy"),
        ("User: a is not authorized because no permissions boundary allows the b action", "permissions boundary"),
        ("Slow down", "AccessDeniedException"),
    ],
)
def test_a_refusal_names_layer_and_statement(message, decided_by):
    refused = ClientError({"Error": {"Code": "AccessDeniedException", "Message": message}}, "Converse")
    assert attempt(failing(refused)) == Outcome(
        allowed=False, decided_by=decided_by, message=f"AccessDeniedException: {message}"
    )


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
        ConnectionRefusedError(111, "refused"),
        RuntimeError("x"),
    ],
)
def test_a_failure_is_no_answer_and_told_by_its_kind(error):
    """One row that fails must not take the table of all the others with it."""
    outcome = attempt(failing(error))
    assert (outcome.allowed, outcome.decided_by, outcome.message) == (False, type(error).__name__, str(error))
