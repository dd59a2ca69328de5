"""Where the tests of this folder stand."""

from __future__ import annotations

from secure_bedrock.policy.environment import Environment

ACCOUNT = "111122223333"
IRELAND = Environment(partition="aws", region="eu-west-1", account=ACCOUNT)
LONDON = Environment(partition="aws", region="eu-west-2", account=ACCOUNT)
SOMEWHERE = Environment(partition="${Token[AWS.Partition.1]}", region="${Token[AWS.Region.2]}", account=ACCOUNT)
LITE, EU_LITE = "amazon.nova-lite-v1:0", "eu.amazon.nova-lite-v1:0"
GLOBAL = "global.amazon.nova-2-lite-v1:0"
GUARDRAIL = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:guardrail/abcdefghijkl"
PROFILE = f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:application-inference-profile/abcdefghijkl"
