"""One check that AWS makes for one call, and the kinds of resources it is made on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from secure_bedrock.policy.environment import Arn

#: On the authorisation of a model that is reached through a profile: the profile's ARN.
PROFILE_KEY = "bedrock:InferenceProfileArn"
#: The same for what is reached through a prompt router.
ROUTER_KEY = "bedrock:PromptRouterArn"


class ModelKind(Enum):
    """The kinds of resources that inference is called on; the value is the resource type of the ARN."""

    FOUNDATION_MODEL = "foundation-model"
    INFERENCE_PROFILE = "inference-profile"
    APPLICATION_INFERENCE_PROFILE = "application-inference-profile"
    PROVISIONED_MODEL = "provisioned-model"
    IMPORTED_MODEL = "imported-model"
    CUSTOM_MODEL_DEPLOYMENT = "custom-model-deployment"
    PROMPT_ROUTER = "prompt-router"
    DEFAULT_PROMPT_ROUTER = "default-prompt-router"
    MARKETPLACE_ENDPOINT = "marketplace"
    MANTLE_MODEL = "project"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation:
    """One of the checks AWS makes for one call.

    Attributes:
        resource: the ARN checked; its Region may be `*` where the profile alone decides it.
        only_through: the profiles, or routers, one of which `through_key` must name; empty: called directly.
        through_key: the key: `bedrock:InferenceProfileArn`, or `bedrock:PromptRouterArn` for a router's routes.
        requested_region: the literal value of `aws:RequestedRegion` where it is not the ARN's Region.
        carries_guardrail: whether it is known to carry `bedrock:GuardrailIdentifier`; for a profile's own AWS does not
            say, and the model behind it follows in any case.
    """

    resource: str
    only_through: tuple[str, ...] = ()
    through_key: str = PROFILE_KEY
    requested_region: str | None = None
    carries_guardrail: bool = True

    @property
    def in_any_region(self) -> str:
        """The resource with its Region replaced by `*`."""
        return replace(Arn.parse(self.resource), region="*").text
