"""What prowler says is judged: nothing unexplained, no reason without its failure, and what is met has passed."""

from __future__ import annotations

from drill import prowler


def row(check, status):
    return {"CHECK_ID": check, "STATUS": status, "STATUS_EXTENDED": "because"}


GOOD = [*(row(check, "PASS") for check in prowler.MET), *(row(check, "FAIL") for check in prowler.EXPLAINED)]


def test_what_is_met_and_explained_is_right():
    assert prowler.judge(GOOD) == []


def test_a_failure_without_a_reason_is_wrong():
    assert prowler.judge([*GOOD, row("cloudtrail_bedrock_logging_enabled", "FAIL")]) == [
        "cloudtrail_bedrock_logging_enabled: because"
    ]


def test_a_reason_without_its_failure_is_wrong():
    for check in prowler.EXPLAINED:
        left = [each for each in GOOD if each["CHECK_ID"] != check]
        assert f"{check}: has a reason and does not fail" in prowler.judge(left)


def test_what_is_met_must_have_passed_and_been_looked_at():
    assert len(prowler.judge([each for each in GOOD if each["STATUS"] == "FAIL"])) == len(prowler.MET)
    (said,) = prowler.judge([*GOOD, row("bedrock_guardrails_configured", "MANUAL")])
    assert "could not look" in said


def test_every_check_that_is_judged_is_asked():
    assert {*prowler.MET, *prowler.EXPLAINED} < set(prowler.CHECKS)
