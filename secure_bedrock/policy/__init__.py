"""The IAM language as values, and what this library writes in it. Pure Python: imports neither aws_cdk nor jsii."""

from secure_bedrock.policy.authorisation import Authorisation, ModelKind
from secure_bedrock.policy.document import Condition, Policy, Statement
from secure_bedrock.policy.environment import Environment
from secure_bedrock.policy.models import Model

__all__ = ["Authorisation", "Condition", "Environment", "Model", "ModelKind", "Policy", "Statement"]
