"""What can be invoked, and what AWS authorises for it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_bedrock.data import table
from secure_bedrock.errors import InvalidInput
from secure_bedrock.policy.authorisation import PROFILE_KEY, ROUTER_KEY, ModelKind
from secure_bedrock.policy.environment import Environment
from secure_bedrock.policy.models import Model
from tests.policy.places import ACCOUNT, EU_LITE, GLOBAL, IRELAND, LITE, LONDON, PROFILE, SOMEWHERE


def resources(model, environment=IRELAND):
    return [a.resource for a in model.authorisations(environment)]


def regions(model, environment=IRELAND):
    return {a.resource.split(":")[3] for a in model.authorisations(environment) if a.only_through}


@pytest.mark.parametrize(
    ("text", "kind", "provider"),
    [
        (LITE, ModelKind.FOUNDATION_MODEL, "amazon"),
        (EU_LITE, ModelKind.INFERENCE_PROFILE, "amazon"),
        (GLOBAL, ModelKind.INFERENCE_PROFILE, "amazon"),
        (f"arn:aws:bedrock:eu-west-1::foundation-model/{LITE}", ModelKind.FOUNDATION_MODEL, "amazon"),
        (f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:inference-profile/{EU_LITE}", ModelKind.INFERENCE_PROFILE, "amazon"),
        (f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:provisioned-model/abcdefghijkl", ModelKind.PROVISIONED_MODEL, None),
        (f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:imported-model/abcdefghijkl", ModelKind.IMPORTED_MODEL, None),
        (
            f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:custom-model-deployment/abcdefghijkl",
            ModelKind.CUSTOM_MODEL_DEPLOYMENT,
            None,
        ),
    ],
)
def test_an_id_or_an_arn_tells_the_kind_and_the_provider(text, kind, provider):
    model = Model.parse(text)
    assert (model.kind, model.provider) == (kind, provider)


CUSTOM = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:custom-model/amazon.nova-lite-v1:0:300k/abcdefghijkl"
ROUTER = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:prompt-router/abcdefghijkl"
MARKET = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:endpoint/llama"


def test_a_bare_custom_model_says_what_can_be_invoked():
    with pytest.raises(InvalidInput, match=r"provisioned-model.*custom-model-deployment"):
        Model.parse(CUSTOM)


def test_a_router_comes_with_what_it_routes_to():
    with pytest.raises(InvalidInput, match=r"Model\.prompt_router"):
        Model.parse(ROUTER)
    model = Model.prompt_router(ROUTER, routes=[EU_LITE, "amazon.nova-pro-v1:0"])
    own, profile, *models, pro = model.authorisations(IRELAND)
    assert (model.kind, own.resource, own.only_through) == (ModelKind.PROMPT_ROUTER, ROUTER, ())
    assert [(a.through_key, a.only_through) for a in (profile, pro)] == [(ROUTER_KEY, (ROUTER,))] * 2
    assert {(a.through_key, a.only_through) for a in models} == {(PROFILE_KEY, (profile.resource,))}
    assert "prompt-router-key" in [note.id for note in model.notes(IRELAND)]


def test_a_router_may_be_resolved_at_deploy_time():
    model = Model.prompt_router("${Token[Router.1]}", routes=[LITE])
    assert resources(model)[0] == "${Token[Router.1]}"


@pytest.mark.parametrize("routes", [[], [f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:imported-model/abcdefghijkl"]])
def test_a_router_routes_to_models_and_profiles(routes):
    with pytest.raises(InvalidInput, match="routes"):
        Model.prompt_router(ROUTER, routes=routes)


@pytest.mark.parametrize("arn", [MARKET, f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:imported-model/abcdefghijkl"])
def test_another_kind_is_no_router(arn):
    with pytest.raises(InvalidInput, match="models"):
        Model.prompt_router(arn, routes=[LITE])


def test_a_marketplace_endpoint_is_bedrocks_one_resource_and_sagemakers_own():
    model = Model.parse(MARKET)
    assert resources(model) == [f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:marketplace/model-endpoint/all-access"]
    assert model.sagemaker_endpoint == MARKET
    assert [note.id for note in model.notes(IRELAND)] == ["marketplace-endpoint"]


@pytest.mark.parametrize("text", [MARKET.replace("llama", "*"), MARKET.replace("endpoint/", "model/"), MARKET[:-5]])
def test_only_one_endpoint_of_sagemaker_is_a_model(text):
    with pytest.raises(InvalidInput, match="models"):
        Model.parse(text)


def test_a_foundation_model_is_one_authorisation_in_its_region():
    assert resources(Model.parse(LITE)) == [f"arn:aws:bedrock:eu-west-1::foundation-model/{LITE}"]


def test_a_geographic_profile_is_its_own_arn_and_the_model_in_each_destination():
    model = Model.parse(EU_LITE)
    assert resources(model)[0] == f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:inference-profile/{EU_LITE}"
    assert regions(model) == {"eu-west-1", "eu-central-1", "eu-north-1", "eu-west-3"}


def test_every_destination_is_tied_to_the_profile():
    profile, *models = Model.parse(EU_LITE).authorisations(IRELAND)
    assert profile.only_through == ()
    assert all(model.only_through == (profile.resource,) for model in models)


def test_eu_from_london_adds_london():
    profile = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
    assert "eu-west-2" in regions(Model.parse(profile), LONDON)
    assert "eu-west-2" not in regions(Model.parse(profile), IRELAND)


def test_a_global_profile_adds_the_model_without_a_region():
    own, here, nowhere = Model.parse(GLOBAL).authorisations(IRELAND)
    assert own.resource.endswith(f":inference-profile/{GLOBAL}")
    assert here.resource == "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-2-lite-v1:0"
    assert nowhere.resource == "arn:aws:bedrock:::foundation-model/amazon.nova-2-lite-v1:0"
    assert nowhere.requested_region == "unspecified"


def test_global_profiles_are_commercial_only():
    government = Environment(partition="aws-us-gov", region="us-gov-west-1", account=ACCOUNT)
    with pytest.raises(InvalidInput, match="global"):
        Model.parse(GLOBAL).authorisations(government)


@pytest.mark.parametrize(
    ("partition", "region"),
    [("aws-us-gov", "us-gov-west-1"), ("aws-eusc", "eusc-de-east-1"), ("aws-iso", "us-iso-east-1")],
)
def test_every_partition_with_bedrock_has_its_own_arns(partition, region):
    environment = Environment(partition=partition, region=region, account=ACCOUNT)
    assert resources(Model.parse(LITE), environment) == [f"arn:{partition}:bedrock:{region}::foundation-model/{LITE}"]


def test_a_partition_without_bedrock_is_refused():
    with pytest.raises(InvalidInput, match=r"partition: got 'aws-cn'.*aws-us-gov"):
        Environment(partition="aws-cn", region="cn-north-1", account=ACCOUNT)


def test_an_arn_of_another_partition_is_refused():
    model = Model.parse(f"arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/{LITE}")
    with pytest.raises(InvalidInput, match="partition aws"):
        model.authorisations(IRELAND)


def test_a_profile_of_another_geography_is_refused():
    with pytest.raises(InvalidInput, match=r"us\.amazon.*eu-west-1"):
        Model.parse("us.amazon.nova-lite-v1:0").authorisations(IRELAND)


def test_destinations_can_be_given():
    model = Model.parse(EU_LITE, destinations=["eu-south-1"])
    assert regions(model) == {"eu-west-1", "eu-south-1"}
    assert model.notes(IRELAND) == ()


@pytest.mark.parametrize(("given_regions", "message"), [([], "at least one Region"), (["eu-west-9"], "eu-west-9")])
def test_wrong_destinations_are_refused(given_regions, message):
    with pytest.raises(InvalidInput, match=message):
        Model.parse(EU_LITE, destinations=given_regions)


def test_destinations_of_a_bare_model_are_refused():
    with pytest.raises(InvalidInput, match="destinations"):
        Model.parse(LITE, destinations=["eu-west-1"])


def test_an_unknown_profile_is_any_region_tied_to_it_and_says_so():
    model = Model.parse("eu.brandnew.model-x-v1:0")
    profile, *models = model.authorisations(IRELAND)
    assert [m.resource for m in models] == ["arn:aws:bedrock:*::foundation-model/brandnew.model-x-v1:0"]
    assert models[0].only_through == (profile.resource,)
    assert [note.id for note in model.notes(IRELAND)] == ["profile-destinations-unknown"]


def test_a_region_filled_in_later_is_any_region_tied_to_the_profile_and_says_so():
    model = Model.parse(EU_LITE)
    assert regions(model, SOMEWHERE) == {"*"}
    assert [note.id for note in model.notes(SOMEWHERE)] == ["profile-destinations-unknown"]


def test_an_application_profile_ties_its_models_to_either_arn():
    model = Model.application_profile(PROFILE, serves=[EU_LITE])
    own, copied, *models = model.authorisations(IRELAND)
    assert (own.resource, own.only_through) == (PROFILE, ())
    assert copied.only_through == (PROFILE,)
    assert all(set(m.only_through) == {PROFILE, copied.resource} for m in models)


@pytest.mark.parametrize("serves", [[], [f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:imported-model/abcdefghijkl"]])
def test_an_application_profile_serves_models(serves):
    with pytest.raises(InvalidInput, match="serves"):
        Model.application_profile(PROFILE, serves=serves)


def test_a_misspelt_id_gets_the_nearest_known_one():
    with pytest.raises(InvalidInput, match=r"did you mean 'amazon\.nova-lite-v1:0'"):
        Model.parse("amazon.nova-ltie-v1:0")


def test_a_misspelt_id_can_be_insisted_on():
    assert Model.parse("amazon.nova-ltie-v1:0", accept_unknown=True).id == "amazon.nova-ltie-v1:0"


@pytest.mark.parametrize("text", ["newcomer.model-7-v1:0", "anthropic.claude-sonnet-9-20300101-v1:0"])
def test_an_unknown_but_well_formed_id_is_accepted(text):
    assert Model.parse(text).id == text


@pytest.mark.parametrize("text", ["", " ", "nova", "amazon.nova lite", "arn:aws:s3:::bucket", "amazon.nova-*", 3, None])
def test_what_is_no_model_is_refused(text):
    with pytest.raises(InvalidInput, match="models"):
        Model.parse(text)


@pytest.mark.parametrize(
    ("text", "takes"),
    [
        (LITE, True),
        ("amazon.titan-embed-text-v2:0", False),
        ("cohere.rerank-v3-5:0", False),
        ("newcomer.model-7-v1:0", True),
    ],
)
def test_what_takes_a_guardrail(text, takes):
    assert Model.parse(text).takes_guardrail is takes


def test_a_model_on_mantle_stands_on_its_project():
    model = Model.mantle("openai.gpt-oss-120b", project="team")
    assert resources(model) == [f"arn:aws:bedrock-mantle:eu-west-1:{ACCOUNT}:project/team"]
    assert not model.takes_guardrail


@pytest.mark.parametrize(
    ("model_id", "project"), [("gpt", "default"), ("openai.gpt", "a/b"), ("openai.gpt*", "default"), ("", "x")]
)
def test_a_malformed_model_on_mantle_is_refused(model_id, project):
    with pytest.raises(InvalidInput):
        Model.mantle(model_id, project=project)


def test_the_statements_of_a_model_allow_exactly_its_authorisations():
    statements = Model.parse(EU_LITE).invoke_statements(region="eu-west-1", account=ACCOUNT)
    assert sorted(r for s in statements for r in s.resources) == sorted(resources(Model.parse(EU_LITE)))
    assert [c.key for s in statements for c in s.conditions] == [PROFILE_KEY]


KNOWN = [row["id"] for row in table("models")["models"]]


@settings(derandomize=True, max_examples=80, deadline=None)
@given(st.sampled_from(KNOWN))
def test_every_known_id_is_read_back(model_id):
    assert Model.parse(model_id).id == model_id


@settings(derandomize=True, max_examples=200, deadline=None)
@given(
    st.text()
    | st.from_regex(r"[a-z.:0-9*-]{1,40}", fullmatch=True)
    | st.sampled_from(KNOWN).map(lambda text: "eu." + text)
)
def test_no_text_raises_anything_but_our_own_error(text):
    try:
        found, message = resources(Model.parse(text)), "models: "
    except InvalidInput as error:
        found, message = [], str(error)
    assert message.startswith("models: ")
    assert all(arn.startswith("arn:aws:bedrock:") for arn in found)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(
    st.sampled_from([row["profile"] for row in table("inference_profiles")["profiles"]]),
    st.sampled_from(
        [row["region"] for row in table("regions")["regions"] if row["region"].startswith(("eu-", "us-east", "ap-"))]
    ),
)
def test_a_profile_never_reaches_a_model_unbound(profile, region):
    environment = Environment(partition="aws", region=region, account=ACCOUNT)
    try:
        authorisations = Model.parse(profile).authorisations(environment)
    except InvalidInput:
        return
    assert [a for a in authorisations if ":foundation-model/" in a.resource and not a.only_through] == []
