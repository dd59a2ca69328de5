"""Every saved query over constructed records: it can be read, and shows what its detections found."""

from __future__ import annotations

import json

import pytest

from secure_bedrock.detections import CATALOGUE, QUERIES, Records, everything_of, query_for
from secure_bedrock.errors import InvalidInput
from tests.detections.insights import QueryError, run
from tests.detections.test_catalogue import CONSTANTS, INDEX, RECORDS, fires

#: What AWS documents of the records and no sample holds.
UNSAMPLED = {
    "requestMetadata.project",
    "requestMetadata.team",
    "requestMetadata.gateway-caller",
}
BY_ID = {query.id: query for query in QUERIES}


def events_of(query):
    log = "invocation" if query.records == Records.INVOCATIONS else "cloudtrail"
    return {name: record for name, record in RECORDS.items() if INDEX["samples"][name]["log"] == log}


def shown(query):
    """The names of the samples that pass the query's filters."""
    events = events_of(query)
    kept = run(query.text, list(events.values())).kept
    return {list(events)[number] for number in kept}


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.id)
def test_a_query_shows_every_record_that_its_detections_found(query):
    found = {name for name in events_of(query) for d in CATALOGUE if d.id in query.detections and fires(d, name)}
    assert found <= shown(query)


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.id)
def test_a_query_leaves_many_records_out_and_names_only_fields_that_records_have(query):
    events = events_of(query)
    answer = run(query.text, list(events.values()))
    everything = run("fields @timestamp", list(events.values())).rows
    there = {name for row in everything for name in row} | UNSAMPLED
    made = {"profile", "principal", "model", "inferredIn", "calls", "tokensOut"}
    assert answer.fields <= there | made
    if query.records != Records.INVOCATIONS:
        assert len(answer.kept) < len(events) * 0.6
    assert bool(answer.rows) == (query.id != "calls-by-project")  # no sample names an application profile


def test_every_detection_has_its_query_and_the_names_are_stable():
    assert {detection.id for detection in CATALOGUE} == {each for query in QUERIES for each in query.detections}
    assert sum(len(query.detections) for query in QUERIES) == len(CATALOGUE)
    assert query_for("D02").name == "secure-bedrock-audit/denied-calls"
    assert sorted(BY_ID) == [
        "api-key-credentials", "api-keys", "calls-by-account", "calls-by-model", "calls-by-principal",
        "calls-by-project", "changes-of-audit", "changes-of-bedrock", "changes-of-network", "changes-of-roles",
        "cross-region", "denied-by-endpoint", "denied-calls", "failed-calls", "guardrail-interventions", "off-network",
        "on-mantle", "reconnaissance", "root-and-users", "secrets-in-prompts", "sign-ins", "tokens-by-model",
        "tokens-by-principal", "tokens-by-project", "without-guardrail",
    ]  # fmt: skip
    assert all(query.asks.endswith(("?", ".")) for query in QUERIES)
    with pytest.raises(InvalidInput, match=r"detection_id: got 'D99'"):
        query_for("D99")


def test_a_query_reads_the_log_of_its_detections():
    by_id = {detection.id: detection for detection in CATALOGUE}
    for query in QUERIES:
        in_invocations = {Records.INVOCATIONS in by_id[each].records for each in query.detections}
        assert in_invocations <= {query.records == Records.INVOCATIONS}, query.id


def test_calls_are_counted_by_role_and_not_by_session():
    first = RECORDS["con_converse_via_endpoint.json"]
    other = json.loads(json.dumps(first).replace("app-7f3c", "another-session")) | {"errorCode": "ThrottlingException"}
    other["eventTime"] = "2026-06-10T10:00:00Z"
    (row,) = run(BY_ID["calls-by-principal"].text, [first, other]).rows
    assert row == {
        "principal": f"arn:aws:iam::{CONSTANTS['account']}:role/{CONSTANTS['invoke_role']}",
        "awsRegion": "us-east-1",
        "calls": 2,
        "failed": 1,
        "first": first["eventTime"],
        "last": "2026-06-10T10:00:00Z",
    }


def test_tokens_are_added_up():
    record = RECORDS["con_inv_normal_converse.json"]
    (row,) = run(BY_ID["tokens-by-principal"].text, [record, record]).rows
    assert (row["calls"], row["tokensIn"], row["tokensOut"]) == (2, 240, 620)
    marked = record | {"requestMetadata": {"project": "search", "team": "web", "gateway-caller": "x"}}
    rows = run(BY_ID["tokens-by-project"].text, [record, marked, marked]).rows
    assert [(row["requestMetadata.project"], row["calls"]) for row in rows] == [("search", 2), (None, 1)]


def test_calls_of_a_project_are_told_by_its_profile():
    record = json.loads(json.dumps(RECORDS["con_converse_via_endpoint.json"]))
    record["requestParameters"]["modelId"] = (
        "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/ab12cd34ef56"
    )
    (row,) = run(BY_ID["calls-by-project"].text, [record, RECORDS["con_converse_via_endpoint.json"]]).rows
    assert (row["profile"], row["calls"]) == ("ab12cd34ef56", 1)


def test_what_somebody_writes_in_a_prompt_is_no_intervention():
    assert "con_inv_mentions_guardrail.json" not in shown(BY_ID["guardrail-interventions"])
    assert "con_inv_guardrail_none.json" not in shown(BY_ID["without-guardrail"])
    assert "con_inv_no_guardrail.json" in shown(BY_ID["without-guardrail"])


def test_a_key_that_was_not_used_is_not_shown():
    assert "con_mantle_inference_sigv4.json" not in shown(BY_ID["api-keys"])
    assert "con_bearer_token_invoke.json" in shown(BY_ID["api-keys"])


def test_everything_of_a_principal():
    role = f"arn:aws:iam::{CONSTANTS['account']}:role/{CONSTANTS['invoke_role']}"
    records = [record for record in RECORDS.values() if "userIdentity" in record]
    kept = run(everything_of(role), records).kept
    assert sorted(kept) == [n for n, record in enumerate(records) if role in json.dumps(record["userIdentity"])]
    assert kept
    assert run(everything_of("ASIAEXAMPLEKEY000001"), records).kept
    with pytest.raises(InvalidInput, match="principal: got"):
        everything_of('x" or "a" = "a')


@pytest.mark.parametrize(
    "written",
    ["field a", "filter a ! b", 'filter a != "b"', 'filter a = "b" and b = "c" or c = "d"', "filter foo-bar like /x/",
     "stats count(*) by", "sort", "limit x", 'filter a in ["b"', "stats median(a) as b", "fields a |"],
)  # fmt: skip
def test_what_is_no_query_or_has_no_documented_answer_is_refused(written):
    with pytest.raises(QueryError):
        run(written, [{"a": "b"}])
