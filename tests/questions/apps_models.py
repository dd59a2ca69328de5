"""Every kind of model that is not a foundation model or a profile, through role, ceiling, endpoint and organisation."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from secure_bedrock import BedrockOrgGuardrailSCP, Model, PrivateBedrockEndpoint, ScopedInvokeRole
from tests.questions.apps import ACCOUNT, EU_LITE, PRO, REGION, Fixture, _here, _vpc

OWN = f"arn:aws:bedrock:{REGION}:{ACCOUNT}"
ROUTER = f"{OWN}:default-prompt-router/amazon.nova:1"
MODELS = {
    "Provisioned": f"{OWN}:provisioned-model/abcdefghijkl",
    "Deployment": f"{OWN}:custom-model-deployment/abcdefghijkl",
    "Imported": f"{OWN}:imported-model/abcdefghijkl",
    "Router": Model.prompt_router(ROUTER, routes=[EU_LITE, PRO]),
    "Market": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/declared",
}


def models(app: cdk.App, env: cdk.Environment) -> None:
    """A role for each kind, an endpoint that admits them, a stranger, and an organisation that allows these alone."""
    net, acc = cdk.Stack(app, "Net", env=env), cdk.Stack(app, "Acc", env=env)
    endpoint = PrivateBedrockEndpoint(net, "Bedrock", vpc=_vpc(net), client_cidrs=["10.1.0.0/16"])
    for name, model in MODELS.items():
        ScopedInvokeRole(acc, name, assumed_by=_here(), models=[model], endpoints=[endpoint])
    stranger = iam.Role(acc, "Stranger", assumed_by=_here())
    stranger.add_to_policy(iam.PolicyStatement(actions=["*"], resources=["*"]))
    BedrockOrgGuardrailSCP(
        acc, "Rails", targets=["r-ab12"], allowed_regions=[REGION], allowed_models=list(MODELS.values())
    )


APPS = {"models": Fixture(models)}
