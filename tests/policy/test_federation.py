"""Trust in identities from outside, as values: what is asked for, and what is refused."""

from __future__ import annotations

import pytest

from secure_bedrock.data import table
from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy._federation_tables import certificate_fields, claims_of, saml_attributes, tenancy_claim
from secure_bedrock.policy.document import Statement
from secure_bedrock.policy.federation import (
    AUDIENCE,
    asked_of_session,
    certificate_conditions,
    granted_to_session,
    issuer_of,
    oidc_conditions,
    require_exact,
    saml_conditions,
)
from secure_bedrock.policy.subjects import (
    github_ids,
    github_subjects,
    gitlab_claims,
    gitlab_subject,
    kubernetes_subject,
)
from secure_bedrock.policy.trust import federation_problem, is_sign_in, roles_anywhere_problem

GITHUB, GITLAB = "token.actions.githubusercontent.com", "gitlab.com"
ANCHOR = "arn:aws:rolesanywhere:eu-west-1:111122223333:trust-anchor/12345678-1234-1234-1234-123456789012"


def block(conditions):
    return {(each.name, each.key): each.values for each in conditions}


# --- exact values


@pytest.mark.parametrize(
    "value", ["app", "a b", "${Token[AWS.AccountId.4]}", "x${Token[TOKEN.12]}y", "ünïcode", "a/b:c"]
)
def test_what_is_exact(value):
    assert require_exact("x", value) == value


@pytest.mark.parametrize(
    "value",
    ["", None, 5, "*", "a*", "a?", " a", "a ", "a\n", "a\x00", "${aws:username}", "${aws:PrincipalTag/x509Subject/CN}",
     "${Token[A.1]}*", "${Token", "a\tb"],
)  # fmt: skip
def test_what_is_not(value):
    with pytest.raises(InvalidInput, match=r"^x: got .*allowed is an exact text"):
        require_exact("x", value)


# --- certificates


def test_a_certificate_is_asked_for_its_trust_anchor_and_every_field():
    found = certificate_conditions(
        trust_anchor_arn=ANCHOR, attributes={"x509Subject/CN": "app", "x509Subject/OU": ("ml", "prod")}
    )
    assert block(found) == {
        ("StringEquals", "aws:PrincipalTag/x509Subject/CN"): ("app",),
        ("StringEquals", "aws:PrincipalTag/x509Subject/OU"): ("ml/prod",),
        ("ArnEquals", "aws:SourceArn"): (ANCHOR,),
    }


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({}, "common_name: got nothing that tells the workload"),
        ({"x509Issuer/CN": "CA"}, "common_name: got nothing that tells the workload"),
        ({"x509Subject/O": "Example"}, "common_name: got nothing that tells the workload"),
        ({"x509Subject/OU": "ml", "x509Subject/C": "DE"}, "common_name: got nothing that tells the workload"),
        ({"x509Subject/CN": ["a", "b"]}, "common_name: got nothing that tells the workload"),
        ({"x509Subject/CN": "app/evil"}, "x509Subject/CN: got 'app/evil'; allowed is a value without /"),
        ({"x509Subject/CN": "app", "x509Subject/OU": ["a/b", "c"]}, "x509Subject/OU: got 'a/b'"),
        ({"x509Subject/CN": "app", "x509Subject/OU": []}, "x509Subject/OU: got an empty list"),
        ({"x509Subject/CN": "*"}, r"x509Subject/CN: got '\*'"),
        ({"x509SAN/URI": ["spiffe://a/b", "spiffe://a/c"]}, "x509SAN/URI: got .*first alternative name"),
        ({"x509Subject/cn": "app"}, "attributes: got 'x509Subject/cn'.*did you mean 'x509Subject/"),
        ({"x509Subject/EMAIL": "a"}, "attributes: got 'x509Subject/EMAIL'; allowed is x509Subject/CN"),
    ],
)
def test_a_certificate_that_tells_nobody_is_refused(attributes, message):
    with pytest.raises(InvalidInput, match=f"^{message}"):
        certificate_conditions(trust_anchor_arn=ANCHOR, attributes=attributes)


@pytest.mark.parametrize("field", [f for f in certificate_fields() if f.startswith("x509SAN/")])
def test_any_alternative_name_tells_the_workload(field):
    found = certificate_conditions(trust_anchor_arn=ANCHOR, attributes={field: "app"})
    assert ("StringEquals", f"aws:PrincipalTag/{field}") in block(found)


# --- tokens


def test_a_token_is_asked_for_audience_subject_and_claims():
    found = oidc_conditions(
        issuer=GITHUB, audience=AUDIENCE, subjects=["repo:a/b:ref:refs/heads/main"], claims={"actor_id": "7"}
    )
    assert block(found) == {
        ("StringEquals", f"{GITHUB}:aud"): (AUDIENCE,),
        ("StringEquals", f"{GITHUB}:sub"): ("repo:a/b:ref:refs/heads/main",),
        ("StringEquals", f"{GITHUB}:actor_id"): ("7",),
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"audience": ""}, "audience: got ''"),
        ({"audience": "*"}, r"audience: got '\*'"),
        ({"subjects": [""]}, "subject: got ''"),
        ({"subjects": ["repo:a/b:*"]}, r"subject: got 'repo:a/b:\*'"),
        ({"subjects": ["repo:a:x"]}, "subject: got 'repo:a:x'; allowed is repo:OWNER/NAME"),
        ({"subjects": ["repo:a/b"]}, "subject: got 'repo:a/b'"),
        ({"subjects": ["environment:prod"]}, "subject: got 'environment:prod'; .*everybody can get a token"),
        ({"subjects": ["repository_owner:a"], "claims": {"actor_id": "7"}}, "subject: got 'repository_owner:a'"),
        ({"issuer": GITLAB, "subjects": ["main"]}, "subject: got 'main'; allowed is project_path:GROUP/PROJECT"),
        ({"claims": {"repositoryId": "1"}}, "claims: got 'repositoryId'.*did you mean 'repository"),
        ({"claims": {"head_ref": "x"}}, "claims: got 'head_ref'; allowed is claims that AWS carries of token"),
        ({"claims": {"ref": "refs/heads/*"}}, r"claims\['ref'\]: got 'refs/heads/\*'"),
        ({"issuer": "id.example.com", "claims": {"team": "x"}}, "claims: got 'team'; allowed is none: AWS carries no"),
        (
            {"issuer": "oidc.vercel.com"},
            "audience: got 'sts.amazonaws.com'; allowed is the audience that names the cus",
        ),
    ],
)
def test_a_token_of_everybody_is_refused(given, message):
    whole = {"issuer": GITHUB, "audience": AUDIENCE, "subjects": ["repo:a/b:pull_request"], **given}
    with pytest.raises(InvalidInput, match=f"^{message}"):
        oidc_conditions(**whole)


def test_a_subject_of_another_form_needs_the_number_of_its_repository():
    found = oidc_conditions(
        issuer=GITHUB, audience=AUDIENCE, subjects=["environment:prod"], claims={"repository_id": "2"}
    )
    assert block(found)["StringEquals", f"{GITHUB}:repository_id"] == ("2",)


@pytest.mark.parametrize(
    ("url", "issuer"),
    [
        ("https://token.actions.githubusercontent.com", GITHUB),
        ("https://OIDC.eks.eu-west-1.amazonaws.com/id/ABC", "oidc.eks.eu-west-1.amazonaws.com/id/ABC"),
        ("https://git.example.com:8443/oidc", "git.example.com:8443/oidc"),
    ],
)
def test_an_issuer_is_its_host_and_path(url, issuer):
    assert issuer_of(url) == issuer


@pytest.mark.parametrize(
    "url",
    ["http://id.example.com", "id.example.com", "https://id.example.com/", "https://id.example.com?x=1", "https://",
     "https://id.example.com#x", "https://*.example.com", "https://u@id.example.com", None, 5, "https://${Token[A.1]}",
     "https://accounts.google.com", "https://cognito-identity.amazonaws.com", "https://www.amazon.com/x"],
)  # fmt: skip
def test_what_is_no_issuer_of_a_provider_is_refused(url):
    with pytest.raises(InvalidInput, match=r"^issuer: got"):
        issuer_of(url)


@pytest.mark.parametrize(
    ("issuer", "claim"),
    [(GITHUB, "repository_id"), (GITLAB, "project_id"), ("token.actions.acme.ghe.com", "environment"),
     ("agent.buildkite.com", "pipeline_id"), ("oidc.circleci.com/org/abc", "oidc.circleci.com/project-id")],
)  # fmt: skip
def test_claims_are_those_of_the_table(issuer, claim):
    assert claim in claims_of(issuer)


@pytest.mark.parametrize("issuer", ["gitlab.com.evil.example", "gitlab.example.com", "xgitlab.com", "gitlabxcom", ""])
def test_of_most_issuers_aws_carries_none(issuer):
    assert claims_of(issuer) == ()


def test_every_row_says_where_it_is_from():
    rows = table("federation")
    for name in ("oidc_claims", "shared_issuers", "saml_audiences"):
        assert all(row["source"] for row in rows[name])
    assert {tenancy_claim(row["issuer"]) for row in rows["shared_issuers"]} == {"sub", "aud"}
    assert tenancy_claim("id.example.com") is None


# --- subjects


@pytest.mark.parametrize(
    ("given", "subjects"),
    [
        ({"ref": "refs/heads/main"}, ("repo:acme/app:ref:refs/heads/main",)),
        ({"ref": "refs/tags/v1.0"}, ("repo:acme/app:ref:refs/tags/v1.0",)),
        ({"ref": "refs/heads/feature/x"}, ("repo:acme/app:ref:refs/heads/feature/x",)),
        ({"environment": "prod"}, ("repo:acme/app:environment:prod",)),
        ({"environment": "eu: prod"}, ("repo:acme/app:environment:eu%3A prod",)),
        ({"environment": "prod", "owner_id": "1", "repository_id": "2"},
         ("repo:acme@1/app@2:environment:prod", "repo:acme/app:environment:prod")),
    ],
)  # fmt: skip
def test_github_writes_a_subject_in_these_forms(given, subjects):
    assert github_subjects(repository="acme/app", **given) == subjects


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"repository": "acme"}, "repository: got 'acme'; allowed is one repository"),
        ({"repository": "acme/*"}, r"repository: got 'acme/\*'"),
        ({"repository": "*/app"}, "repository: got"),
        ({"repository": "acme/app/x"}, "repository: got"),
        ({"repository": "acme/app:ref"}, "repository: got"),
        ({"repository": "acme@1/app"}, "repository: got"),
        ({"repository": None}, "repository: got None"),
        ({"ref": None}, "ref: got None; allowed is exactly one of ref and environment"),
        ({"environment": "prod"}, "ref: got .*exactly one"),
        ({"ref": "main"}, "ref: got 'main'; allowed is one branch or tag"),
        ({"ref": "refs/heads/*"}, "ref: got"),
        ({"ref": "refs/pull/1/merge"}, "ref: got"),
        ({"ref": "refs/heads/a:b"}, "ref: got"),
        ({"ref": None, "environment": "prod*"}, r"environment: got 'prod\*'"),
        ({"ref": None, "environment": "a%3Ab"}, "environment: got 'a%3Ab'; allowed is the environment's own name"),
        ({"owner_id": "1"}, "repository_id: got None; .*both ids or neither"),
        ({"repository_id": "2"}, "owner_id: got None"),
        ({"owner_id": 1, "repository_id": 2}, "owner_id: got 1"),
        ({"owner_id": "01", "repository_id": "2"}, "owner_id: got '01'"),
        ({"owner_id": "١", "repository_id": "2"}, "owner_id: got"),  # noqa: RUF001 - a digit that is not ASCII
    ],
)
def test_what_is_no_job_of_github_is_refused(given, message):
    with pytest.raises(InvalidInput, match=f"^{message}"):
        github_subjects(**{"repository": "acme/app", "ref": "refs/heads/main", **given})


def test_github_s_numbers_become_claims():
    assert github_ids(owner_id="1", repository_id="2") == {"repository_id": "2", "repository_owner_id": "1"}
    assert github_ids(owner_id=None, repository_id=None) == {}


def test_gitlab_writes_a_subject_so():
    assert gitlab_subject(project="a/b/c", branch="main") == "project_path:a/b/c:ref_type:branch:ref:main"
    assert gitlab_subject(project="a/b", tag="v1") == "project_path:a/b:ref_type:tag:ref:v1"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"project": "a"}, "project: got 'a'; allowed is one project with its groups"),
        ({"project": "a/*"}, "project: got"),
        ({"project": "a/b:ref"}, "project: got"),
        ({"tag": "v1"}, "branch: got 'main'; allowed is exactly one of branch and tag"),
        ({"branch": None}, "branch: got None"),
        ({"branch": "*"}, "branch: got"),
        ({"branch": None, "tag": "v*"}, "tag: got"),
    ],
)
def test_what_is_no_job_of_gitlab_is_refused(given, message):
    with pytest.raises(InvalidInput, match=f"^{message}"):
        gitlab_subject(**{"project": "a/b", "branch": "main", **given})


@pytest.mark.parametrize(
    ("issuer", "given", "claims"),
    [
        (GITLAB, {}, {"ref_protected": "true"}),
        (GITLAB, {"ref_protected": False}, {}),
        (GITLAB, {"project_id": "7", "ref_protected": True}, {"project_id": "7", "ref_protected": "true"}),
        ("git.example.com", {}, {}),
    ],
)
def test_a_protected_branch_is_asked_for_where_aws_carries_it(issuer, given, claims):
    assert gitlab_claims(issuer=issuer, **{"project_id": None, "ref_protected": None, **given}) == claims


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"project_id": "7"}, "project_id: got '7'; allowed is nothing: AWS carries no claim of git.example.com"),
        ({"project_id": "x"}, "project_id: got 'x'; allowed is GitLab's number"),
        ({"ref_protected": True}, "ref_protected: got 'true'"),
        ({"ref_protected": "yes"}, "ref_protected: got 'yes'; allowed is True or False"),
    ],
)
def test_a_claim_that_aws_does_not_carry_is_refused(given, message):
    with pytest.raises(InvalidInput, match=f"^{message}"):
        gitlab_claims(issuer="git.example.com", **{"project_id": None, "ref_protected": None, **given})


def test_kubernetes_writes_a_subject_so():
    assert kubernetes_subject(namespace="ml", service_account="app.v1") == "system:serviceaccount:ml:app.v1"


@pytest.mark.parametrize(
    ("given", "message"),
    [({"namespace": "*"}, "namespace: got"), ({"namespace": "a:b"}, "namespace: got"), ({"namespace": ""}, "namespace"),
     ({"service_account": "*"}, "service_account: got"), ({"service_account": "a:b"}, "service_account: got"),
     ({"service_account": None}, "service_account: got None"), ({"namespace": "A"}, "namespace: got 'A'")],
)  # fmt: skip
def test_what_is_no_service_account_is_refused(given, message):
    with pytest.raises(InvalidInput, match=f"^{message}"):
        kubernetes_subject(**{"namespace": "ml", "service_account": "app", **given})


# --- assertions


def test_an_assertion_is_asked_for_recipient_and_attributes():
    found = saml_conditions(audience="https://a", attributes={"sub": "me", "cn": "app"})
    assert block(found) == {
        ("StringEquals", "SAML:aud"): ("https://a",),
        ("StringEquals", "SAML:sub"): ("me",),
        ("ForAnyValue:StringEquals", "SAML:cn"): ("app",),
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"attributes": {}}, "subject: got nothing that tells the workload"),
        ({"attributes": {"iss": "https://idp"}}, "subject: got nothing that tells the workload"),
        ({"attributes": {"sub": "*"}}, r"subject: got '\*'"),
        ({"attributes": {"mail": "*@example.com"}}, r"attributes\['mail'\]: got '\*@example.com'"),
        ({"attributes": {"groups": "a"}}, "attributes: got 'groups'; allowed is cn"),
        ({"attributes": {"Mail": "a"}}, "attributes: got 'Mail'.*did you mean 'mail'"),
        ({"audience": "*"}, r"audience: got '\*'"),
    ],
)
def test_an_assertion_of_everybody_is_refused(given, message):
    with pytest.raises(InvalidInput, match=f"^{message}"):
        saml_conditions(**{"audience": "https://a", "attributes": {"sub": "me"}, **given})


def test_no_set_operator_stands_alone_on_an_assertion():
    """ForAllValues holds where the attribute is absent."""
    for name in saml_attributes():
        if name in {"iss", "doc", "sub_type", "namequalifier"}:
            continue
        found = saml_conditions(audience="https://a", attributes={name: "x"})
        assert all(each.quantifier in {None, "ForAnyValue"} and not each.if_exists for each in found)


# --- tags and source identity


def test_without_tags_nobody_brings_any():
    assert granted_to_session(tags={}, source_identity=None) == ()
    assert asked_of_session(tags={}, source_identity=None) == ()


def test_tags_are_asked_for_by_value_and_no_others_are_taken():
    granted = dict(granted_to_session(tags={"team": "a", "project": "b"}, source_identity="batch"))
    assert block(granted["sts:TagSession"]) == {
        ("StringEquals", "aws:RequestTag/team"): ("a",),
        ("StringEquals", "aws:RequestTag/project"): ("b",),
        ("ForAllValues:StringEquals", "aws:TagKeys"): ("team", "project"),
    }
    assert block(granted["sts:SetSourceIdentity"]) == {("StringEquals", "sts:SourceIdentity"): ("batch",)}


# --- what others wrote


def statement(conditions, *, action="sts:AssumeRoleWithWebIdentity", principal=None):
    return Statement.from_plain({
        "Effect": "Allow", "Action": action, "Principal": principal or {"Federated": "x"}, "Condition": conditions,
    })  # fmt: skip


@pytest.mark.parametrize(
    "conditions",
    [
        {"StringEquals": {f"{GITHUB}:sub": "repo:a/b:ref:refs/heads/main"}},
        {"StringLike": {f"{GITHUB}:sub": "repo:a/b:*"}},
        {"StringLike": {f"{GITHUB}:sub": ["repo:a/b:*", "repo:a/c:environment:prod"]}},
        {"StringEquals": {f"{GITHUB}:repository_id": "1", f"{GITHUB}:aud": "x"}},
        {"StringLike": {f"{GITLAB}:sub": "project_path:a/b:ref_type:branch:ref:*"}},
        {"StringEquals": {"SAML:sub": "me"}},
        {"ForAnyValue:StringEquals": {"SAML:cn": "app"}},
        {"StringEquals": {"accounts.google.com:sub": "1"}},
        {"StringEquals": {"cognito-identity.amazonaws.com:aud": "eu-west-1:pool",
                          "cognito-identity.amazonaws.com:amr": "authenticated"}},
    ],
)  # fmt: skip
def test_a_federation_that_is_tied_to_a_workload_has_no_problem(conditions):
    assert federation_problem(statement(conditions)) is None


@pytest.mark.parametrize(
    "conditions",
    [
        {},
        {"StringEquals": {f"{GITHUB}:aud": "sts.amazonaws.com"}},
        {"StringLike": {f"{GITHUB}:sub": "*"}},
        {"StringLike": {f"{GITHUB}:sub": "repo:*"}},
        {"StringLike": {f"{GITHUB}:sub": "repo:a/*"}},
        {"StringLike": {f"{GITHUB}:sub": "repo:a/b*"}},
        {"StringLike": {f"{GITHUB}:sub": "repo:a*/b:ref:refs/heads/main"}},
        {"StringLike": {f"{GITHUB}:sub": ["repo:a/b:*", "repo:*"]}},
        {"StringLike": {f"{GITHUB}:sub": "repo:a/?:*"}},
        {"StringLike": {f"{GITHUB}:sub": "*:environment:prod"}},
        {"StringEqualsIfExists": {f"{GITHUB}:sub": "repo:a/b:x"}},
        {"ForAllValues:StringEquals": {f"{GITHUB}:sub": "repo:a/b:x"}},
        {"StringNotEquals": {f"{GITHUB}:sub": "repo:a/b:x"}},
        {"Null": {f"{GITHUB}:sub": "false"}},
        {"StringEquals": {f"{GITHUB}:sub": "${" + GITHUB + ":sub}"}},
        {"StringEquals": {f"{GITHUB}:actor": "octocat"}},
        {"StringEquals": {f"{GITHUB}:job_workflow_ref": "a/b/.github/workflows/x.yml@main"}},
        {"StringEquals": {f"{GITHUB}:repository_owner_id": "1"}},
        {"StringEquals": {f"{GITHUB}:environment": "prod"}},
        {"StringLike": {f"{GITHUB}:repository": "a/*"}},
        {"StringEquals": {f"{GITLAB}:user_email": "a@example.com"}},
        {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}},
        {"StringEquals": {"SAML:iss": "https://idp"}},
        {"StringEquals": {"accounts.google.com:aud": "x"}},
        {"StringEquals": {"cognito-identity.amazonaws.com:aud": "eu-west-1:pool"}},
        {"StringEquals": {"cognito-identity.amazonaws.com:aud": "eu-west-1:pool",
                          "cognito-identity.amazonaws.com:amr": "unauthenticated"}},
        {"StringEquals": {"sts:RoleSessionName": "x"}},
        {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
    ],
)  # fmt: skip
def test_a_federation_that_is_not_is_told(conditions):
    assert "federation" in str(federation_problem(statement(conditions)))


@pytest.mark.parametrize(
    ("action", "expected"),
    [("sts:AssumeRoleWithWebIdentity", True), ("sts:*", True), ("*", True), ("STS:assumerole*", True),
     ("sts:TagSession", False), ("sts:SetSourceIdentity", False), (["sts:TagSession", "sts:AssumeRole"], True)],
)  # fmt: skip
def test_tags_alone_are_no_sign_in(action, expected):
    assert is_sign_in(statement({}, action=action)) is expected


CN, WHICH = "aws:PrincipalTag/x509Subject/CN", "aws:SourceArn"


@pytest.mark.parametrize(
    "conditions",
    [
        {"StringEquals": {CN: "app"}, "ArnEquals": {WHICH: ANCHOR}},
        {"StringEquals": {CN: "app"}, "ArnLike": {WHICH: ANCHOR}},
        {"StringEquals": {"sts:SourceIdentity": "app", WHICH: ANCHOR}},
        {"StringEquals": {"aws:PrincipalTag/x509SAN/URI": "spiffe://a/b"}, "ArnEquals": {WHICH: "${Anchor}"}},
    ],
)
def test_roles_anywhere_tied_to_a_certificate_has_no_problem(conditions):
    assert roles_anywhere_problem(statement(conditions), "111122223333") is None


@pytest.mark.parametrize(
    "conditions",
    [
        {},
        {"StringEquals": {CN: "app"}},
        {"ArnEquals": {WHICH: ANCHOR}},
        {"StringEquals": {CN: "app"}, "ArnLike": {WHICH: "arn:aws:rolesanywhere:*:111122223333:trust-anchor/*"}},
        {"StringEquals": {CN: "app"}, "ArnEquals": {WHICH: ANCHOR.replace("111122223333", "999988887777")}},
        {"StringEquals": {CN: "app"}, "ArnEqualsIfExists": {WHICH: ANCHOR}},
        {"StringLike": {CN: "*"}, "ArnEquals": {WHICH: ANCHOR}},
        {"StringLike": {CN: "app*"}, "ArnEquals": {WHICH: ANCHOR}},
        {"StringEqualsIfExists": {CN: "app"}, "ArnEquals": {WHICH: ANCHOR}},
        {"StringEquals": {CN: "${aws:RequestTag/x509Subject/CN}"}, "ArnEquals": {WHICH: ANCHOR}},
        {"StringEquals": {"aws:PrincipalTag/x509Issuer/CN": "CA"}, "ArnEquals": {WHICH: ANCHOR}},
        {"StringEquals": {"aws:PrincipalTag/x509Subject/O": "Example"}, "ArnEquals": {WHICH: ANCHOR}},
        {"StringNotEquals": {CN: "app"}, "ArnEquals": {WHICH: ANCHOR}},
    ],
)
def test_roles_anywhere_that_is_not_is_told(conditions):
    assert "Roles Anywhere" in str(roles_anywhere_problem(statement(conditions), "111122223333"))
